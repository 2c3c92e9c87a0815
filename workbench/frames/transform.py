"""Turn the rows of an export into records to be loaded, and say of every row where it ended."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from workbench.frames.plan import BLANK, FeedPlan, FieldPlan
from workbench.frames.select import ROW, by_row, cells_of, filled, holds, made_from, matching, natural_keys, raw_cells
from workbench.frames.staged import CELL_COLUMNS, VERDICT_COLUMNS, Staged, marker_of, parent_records, records_by
from workbench.recipes import convert

__all__ = ["CELL_COLUMNS", "VERDICT_COLUMNS", "Staged", "marker_of", "transform"]


def transform(
    table: pd.DataFrame,
    plan: FeedPlan,
    *,
    parents: Mapping[str, Staged] | None = None,
    tables: Mapping[str, pd.DataFrame] | None = None,
) -> Staged:
    """The records of a feed that makes records.

    ``table`` has the export's columns and ``_row``, which names a row. ``parents`` are the feeds staged before, by
    name, and ``tables`` their tables: lookups and merges point into them. Nothing is raised for a bad row; a SpecError
    where the table lacks a column that rows are chosen, named or merged by. Any other missing column counts as empty.
    """
    work = _Work(table, plan, parents or {}, tables or {})
    work.select()
    work.name_records()
    work.merge_rows()
    work.convert_fields()
    work.assign_owners()
    work.look_up()
    work.settle_unique()
    return work.staged()


class _Work:
    """The table on its way, one step at a time; each step looks only at rows that are still on it."""

    def __init__(
        self, table: pd.DataFrame, plan: FeedPlan, parents: Mapping[str, Staged], tables: Mapping[str, pd.DataFrame]
    ) -> None:
        self.table = by_row(table)
        self.plan = plan
        self.feed = plan.feed
        self.parents = parents
        self.tables = tables
        rows = self.table.index
        self.bucket = pd.Series("load", index=rows, dtype="str")
        self.reason = pd.Series(pd.NA, index=rows, dtype="str")
        self.record = pd.Series(pd.NA, index=rows, dtype="str")
        self.detail = pd.Series(pd.NA, index=rows, dtype="str")
        self.fields: dict[str, pd.Series] = {}
        self.lookups: dict[str, pd.Series] = {}
        self.cells: list[pd.DataFrame] = []

    def open(self) -> pd.Series:
        """True for the rows that still are to become a record."""
        return self.bucket == "load"

    def end(self, rows: pd.Series, bucket: str, reason: str, *, record: pd.Series | None = None) -> None:
        """Put the rows that are still open into a bucket."""
        rows = rows.fillna(False).astype(bool) & self.open()
        self.bucket[rows], self.reason[rows] = bucket, reason
        if bucket in ("rejected", "held", "excluded"):
            self.record[rows] = pd.NA
        if record is not None:
            self.record[rows] = record[rows]

    # ------------------------------------------------------------ which rows

    def select(self) -> None:
        for exclusion in self.feed.exclude:
            self.end(holds(self.table, exclusion.when), "excluded", exclusion.rule)
        if self.feed.when is not None:
            self.end(~holds(self.table, self.feed.when), "excluded", self.feed.otherwise)

    def name_records(self) -> None:
        natural = natural_keys(self.table, self.plan.table)
        self.natural = natural
        self.end(natural.isna(), "rejected", "key_missing")
        self.record = (self.feed.name + "/" + natural).astype("str").where(self.open(), pd.NA)
        keys = self.record.dropna().drop_duplicates()
        markers = keys.map(lambda key: marker_of(self.plan.source, key))
        self.end(self.record.isin(list(keys[markers.duplicated()])), "held", "key_too_alike")

    def merge_rows(self) -> None:
        self.into = pd.Series(dict(self.plan.merges), dtype="object").reindex(self.table.index)
        self._repeated()
        for match in self.feed.merge:
            parent = by_row(self.tables[match.feed])
            pairs = records_by(self.parents[match.feed], matching(parent, match, side="with"))
            found = pairs.drop_duplicates("value").set_index("value")["record"]
            wanted = matching(self.table, match, side="column")
            self.end(wanted.isin(found.index), "merged", match.reason, record=wanted.map(found))
        self._decided()

    def _repeated(self) -> None:
        """The same number twice: the same row, or a person has to say which one counts."""
        later = self.record.where(self.open()).duplicated(keep="first") & self.open()
        if not later.any():
            return
        self.end(later & self._says_the_same(), "merged", "repeated_row", record=self.record)
        self.end(later & (self.into == self.record), "merged", "same_key", record=self.record)
        self.end(later & (self.into == ""), "held", "same_key_kept_apart")
        self.end(later & self.into.isna(), "held", "undecided_duplicate")

    def _says_the_same(self) -> pd.Series:
        """True where every cell but the key equals that of the first row of the same record."""
        others = [c for c in self.table.columns if c != ROW and c not in self.plan.table.key]
        text = self.table[others].apply(lambda column: column.astype("str").str.strip().fillna(""))
        firsts = self.record.dropna().drop_duplicates(keep="first")
        leader = self.record.map(pd.Series(firsts.index, index=firsts.to_numpy()))
        known = leader.notna()
        same = pd.Series(False, index=text.index)
        same[known] = (text[known].to_numpy() == text.loc[leader[known]].to_numpy()).all(axis=1)
        return same

    def _decided(self) -> None:
        """Rows that a person found to be somebody who is here already, and rows about which nobody has said so yet."""
        waiting = pd.Series(self.table.index.isin(list(self.plan.undecided)), index=self.table.index)
        self.end(waiting, "held", "undecided_duplicate")
        reason = "same_company" if self.feed.duplicates == "companies" else "same_person"
        elsewhere = self.into.notna() & (self.into != "") & (self.into != self.record)
        self.end(elsewhere, "merged", reason, record=self.into)
        self.record = self.record.map(self._survivors(), na_action="ignore").astype("str")

    def _survivors(self) -> dict[str, str]:
        """Every record key → the key it ends in, so that a chain of merges ends in one record, of whatever feed."""
        own = (self.feed.name + "/" + self.natural).astype("str")
        made = set(self.record[self.open()])
        moved = (self.bucket == "merged") & own.notna() & own.ne(self.record) & ~own.isin(made)
        step = dict(zip(own[moved], self.record[moved], strict=True))
        for name, parent in self.parents.items():
            ended = parent.verdicts.dropna(subset=["natural", "record"])
            keys = name + "/" + ended["natural"].astype("str")
            elsewhere = keys.ne(ended["record"]) & ~keys.isin(set(parent.records["key"]))
            step |= dict(zip(keys[elsewhere], ended["record"][elsewhere], strict=True))
        ends: dict[str, str] = {}
        for key in self.record.dropna().unique():
            seen, at = {key}, key
            while at in step and step[at] not in seen:
                at = step[at]
                seen.add(at)
            ends[key] = at
        return ends

    # ------------------------------------------------------------ what they hold

    def convert_fields(self) -> None:
        for plan in self.plan.fields:
            raw = raw_cells(self.table, plan)
            done = made_from(raw, plan)
            self.fields[plan.field] = done.values
            self._settle_errors(plan, raw, done.reasons)
            noted = done.notes.notna()
            self._set_aside(plan, raw, done.notes.where(noted), rows=noted)
        self._fill_survivors()

    def _settle_errors(self, plan: FieldPlan, raw: pd.Series, reasons: pd.Series) -> None:
        broken = reasons.notna() & self.open()
        if plan.required or plan.on_error != "set_aside":
            bucket = "held" if plan.on_error == "hold" else "rejected"
            for reason in reasons[broken].unique():
                self._detail(broken & (reasons == reason), plan, raw)
                self.end(broken & (reasons == reason), bucket, str(reason))
        self._set_aside(plan, raw, reasons, rows=reasons.notna())
        if plan.required:
            self._detail(self.fields[plan.field].isna() & self.open(), plan, raw)
            self.end(self.fields[plan.field].isna(), "rejected", "required_field_empty")

    def _detail(self, rows: pd.Series, plan: FieldPlan, raw: pd.Series) -> None:
        self.detail[rows] = plan.column + " = " + raw[rows].fillna("").astype("str")

    def _set_aside(self, plan: FieldPlan, raw: pd.Series, reasons: pd.Series, *, rows: pd.Series) -> None:
        rows = rows & ((self.bucket == "load") | (self.bucket == "merged"))
        if rows.any():
            self.cells.append(
                pd.DataFrame(
                    {
                        "feed": self.feed.name,
                        "column": plan.column,
                        "field": plan.field,
                        "row": self.table.index[rows],
                        "value": raw[rows].astype("str").to_numpy(),
                        "reason": reasons[rows].to_numpy(),
                    }
                )
            )

    def _fill_survivors(self) -> None:
        """A merged row gives its record what the record lacks; where both speak, the record's own word stays."""
        merged = (self.bucket == "merged") & self.record.isin(set(self.record[self.open()]))
        if not merged.any():
            return
        for plan in self.plan.fields:
            values = self.fields[plan.field]
            offered = pd.Series(values[merged].to_numpy(), index=self.record[merged], dtype="object").dropna()
            first = offered[~offered.index.duplicated(keep="first")]
            gaps = self.open() & values.isna() & self.record.isin(first.index)
            values[gaps] = pd.Series([first[key] for key in self.record[gaps]], index=values.index[gaps], dtype="object")
            kept = pd.Series(values[self.open()].to_numpy(), index=self.record[self.open()], dtype="object")
            own = self.record.map(kept[~kept.index.duplicated()])
            differs = merged & values.notna() & (values.astype("str") != own.astype("str"))
            self._set_aside(
                plan, raw_cells(self.table, plan), pd.Series("record_kept_its_own", index=values.index), rows=differs
            )

    # ------------------------------------------------------------ whose they are, and what they hang on

    def assign_owners(self) -> None:
        if not self.feed.owner:
            return
        raw = cells_of(self.table, self.feed.owner)
        said = raw.astype("str").str.strip().where(filled(raw), BLANK)
        self.owner = said.map(pd.Series(dict(self.plan.owners), dtype="object"))
        nobody = self.owner.isna() | (self.owner == "")
        self.detail[nobody & self.open()] = self.feed.owner + " = " + said
        self.end(nobody, "held", "owner_unresolved")

    def look_up(self) -> None:
        for lookup in self.feed.lookups:
            prefix = self.plan.prefixes.get(lookup.feed, "")
            options = {"prefix": prefix} if prefix else None
            raw = cells_of(self.table, lookup.column)
            wanted = convert(raw, "identifier", options=options).values.astype("str")
            found = wanted.map(parent_records(self.parents[lookup.feed])).astype("object")
            self.lookups[lookup.to] = found
            if lookup.required:
                self.detail[found.isna() & self.open()] = lookup.column + " = " + raw.fillna("").astype("str")
                self.end(found.isna(), "held", "parent_missing")

    def settle_unique(self) -> None:
        """No two records share what the destination keeps unique: the later one goes without, or waits."""
        if self.feed.unique not in self.fields:
            return
        plan = next(plan for plan in self.plan.fields if plan.field == self.feed.unique)
        taken, raw = self._taken(plan.field), raw_cells(self.table, plan)
        if plan.required:
            self._detail(taken & self.open(), plan, raw)
            self.end(taken, "held", "taken_by_another_record")
        self._set_aside(plan, raw, pd.Series("taken_by_another_record", index=raw.index), rows=taken)
        self.fields[plan.field][taken] = pd.NA

    def _taken(self, name: str) -> pd.Series:
        """True where another record has the value already: of this feed, or of one that its rows are merged into.

        A row that is merged into a record of another feed speaks for that record, where it has no value of its own.
        """
        holders: dict[str, str] = {}
        for match in self.feed.merge:
            records = self.parents[match.feed].records
            said = records.dropna(subset=[name]) if name in records else records.head(0).assign(**{name: ""})
            holders |= dict(zip(said[name].astype("str").str.casefold(), said["key"], strict=True))
        speaks = self.open() | ((self.bucket == "merged") & self.record.isin(self._there() - set(holders.values())))
        folded = self.fields[name].astype("str").str.casefold().where(speaks)
        claims = pd.DataFrame({"value": folded, "record": self.record}).dropna().drop_duplicates("value")
        holders = {**dict(zip(claims["value"], claims["record"], strict=True)), **holders}
        return folded.notna() & (folded.map(pd.Series(holders, dtype="object")) != self.record)

    # ------------------------------------------------------------ the result

    def staged(self) -> Staged:
        here, there = set(self.record[self.open()]), self._there()
        lost = (self.bucket == "merged") & ~self.record.isin(here | there)
        self.bucket[lost], self.reason[lost], self.record[lost] = "held", "survivor_not_loaded", pd.NA
        cells = (
            pd.concat(self.cells, ignore_index=True) if self.cells else pd.DataFrame(columns=list(CELL_COLUMNS), dtype="object")
        )
        gone = self.table.index[~self.bucket.isin(["load", "merged"])]
        return Staged(
            records=self._records(),
            verdicts=self._verdicts(),
            cells=cells[~cells["row"].isin(gone)].reset_index(drop=True),
            additions=self._additions(there - here),
        )

    def _there(self) -> set[str]:
        """The records of every feed that was staged before."""
        return {key for parent in self.parents.values() for key in parent.records["key"]}

    def _records(self) -> pd.DataFrame:
        rows = self.open()
        key = self.record[rows]
        columns: dict[str, object] = {
            "key": key,
            "marker": pd.Series([marker_of(self.plan.source, text) for text in key], index=key.index, dtype="str"),
            "row": self.table.index[rows],
        }
        if self.feed.owner:
            columns["owner"] = self.owner[rows]
        columns |= {name: pd.Series(text, index=key.index, dtype="str") for name, text in self.plan.constants.items()}
        columns |= {name: self._or_constant(name, values[rows]) for name, values in {**self.fields, **self.lookups}.items()}
        return pd.DataFrame(columns, index=self.table.index[rows]).reset_index(drop=True)

    def _or_constant(self, name: str, values: pd.Series) -> pd.Series:
        """The values; where there is none, what the route says for every record."""
        return values.where(values.notna(), self.plan.constants[name]) if name in self.plan.constants else values

    def _verdicts(self) -> pd.DataFrame:
        frame = pd.DataFrame(
            {
                "row": self.table.index,
                "feed": self.feed.name,
                "natural": self.natural,
                "bucket": self.bucket,
                "reason": self.reason,
                "record": self.record,
                "detail": self.detail,
            }
        )
        return frame.reset_index(drop=True)

    def _additions(self, elsewhere: set[str]) -> pd.DataFrame:
        rows = (self.bucket == "merged") & self.record.isin(elsewhere)
        shared = {plan.field: self.fields[plan.field][rows] for plan in self.plan.fields if plan.shared}
        frame = pd.DataFrame({"record": self.record[rows], "row": self.table.index[rows], **shared})
        return frame.reset_index(drop=True)
