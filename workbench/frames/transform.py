"""Turn the rows of an export into records to be loaded, and say of every row where it ended."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from workbench.frames.plan import BLANK, FeedPlan, FieldPlan
from workbench.frames.select import filled, holds, matching, natural_keys
from workbench.recipes import convert
from workbench.show import html_table

__all__ = ["CELL_COLUMNS", "VERDICT_COLUMNS", "Staged", "marker_of", "transform"]

VERDICT_COLUMNS = ("row", "feed", "natural", "bucket", "reason", "record", "detail")
CELL_COLUMNS = ("feed", "column", "field", "row", "value", "reason")
LONGEST_MARKER = 60


@dataclass(frozen=True)
class Staged:
    """What became of a table: records, a verdict for each row, and the cells that could not come along.

    ``records``: key, marker, row, owner, one column a field, one a lookup (holding the parent's record key).
    ``verdicts``: row, feed, natural key, bucket (``load`` until the destination has answered), reason, record, detail.
    ``cells``: feed, column, field, row, value, reason, for each cell that was set aside or given up in part.
    ``additions``: record, row and fields, for rows that say something of a record that another feed makes.
    """

    records: pd.DataFrame
    verdicts: pd.DataFrame
    cells: pd.DataFrame
    additions: pd.DataFrame

    def _repr_html_(self) -> str:
        counts = self.verdicts.groupby(["feed", "bucket", "reason"], dropna=False).size().reset_index(name="rows")
        return html_table(counts, caption=f"{len(self.records)} records from {len(self.verdicts)} rows")


def transform(
    table: pd.DataFrame,
    plan: FeedPlan,
    *,
    parents: Mapping[str, Staged] | None = None,
    tables: Mapping[str, pd.DataFrame] | None = None,
) -> Staged:
    """The records of a feed that makes records.

    ``table`` has the export's columns and ``_row``, which names a row. ``parents`` are the feeds staged before, by
    name, and ``tables`` their tables: lookups and merges point into them. Nothing is raised for a bad row.
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


def marker_of(source: str, key: str) -> str:
    """What the destination keeps of a record key, so that the record is found again: at most 60 characters."""
    feed, natural = key.split("/", 1)
    marker = f"{source}:{feed}:{natural}".casefold()
    if len(marker) <= LONGEST_MARKER:
        return marker
    tail = hashlib.sha256(marker.encode()).hexdigest()[:16]
    return f"{marker[: LONGEST_MARKER - 17]}~{tail}"


class _Work:
    """The table on its way, one step at a time; each step looks only at rows that are still on it."""

    def __init__(
        self, table: pd.DataFrame, plan: FeedPlan, parents: Mapping[str, Staged], tables: Mapping[str, pd.DataFrame]
    ) -> None:
        self.table = table.set_index("_row", drop=False)
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

    def merge_rows(self) -> None:
        self._repeated()
        for match in self.feed.merge:
            parent = self.tables[match.feed].set_index("_row", drop=False)
            pairs = records_by(self.parents[match.feed], matching(parent, match, side="with"))
            found = pairs.drop_duplicates("value").set_index("value")["record"]
            wanted = matching(self.table, match, side="column")
            self.end(wanted.isin(found.index), "merged", match.reason, record=wanted.map(found))
        self._decided()

    def _repeated(self) -> None:
        """The same number twice: the same row, or a person has to say which one counts."""
        rows = self.open()
        first = self.record.where(rows).duplicated(keep="first") & rows
        if not first.any():
            return
        self.end(first & self._says_the_same(), "merged", "repeated_row", record=self.record)
        decided = pd.Series(self.table.index.isin(list(self.plan.merges)), index=self.table.index)
        self.end(first & decided, "merged", "same_key", record=self.record)
        self.end(first, "held", "undecided_duplicate")

    def _says_the_same(self) -> pd.Series:
        """True where every cell but the key equals that of the first row of the same record."""
        others = [c for c in self.table.columns if not str(c).startswith("_") and c not in self.plan.table.key]
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
        into = pd.Series(dict(self.plan.merges), dtype="str").reindex(self.table.index)
        into = into.where(into.fillna("") != "")
        reason = "same_company" if self.feed.duplicates == "companies" else "same_person"
        chosen = into.notna() & (into != self.record) & self.open()
        self.end(chosen, "merged", reason, record=into)
        self.record = self.record.map(self._survivors(), na_action="ignore").astype("str")

    def _survivors(self) -> dict[str, str]:
        """Every record key → the key it ends in, so that a chain of merges ends in one record."""
        own = (self.feed.name + "/" + self.natural).astype("str")
        moved = own.ne(self.record) & own.notna() & self.record.notna() & (self.bucket == "merged")
        step = dict(zip(own[moved], self.record[moved], strict=True))
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
            raw = self._raw(plan)
            done = convert(raw, plan.recipe, options=dict(plan.options))
            self.fields[plan.field] = done.values
            self._settle_errors(plan, raw, done.reasons)
            noted = done.notes.notna()
            self._set_aside(plan, raw, done.notes.where(noted), rows=noted)
        self._fill_survivors()

    def _raw(self, plan: FieldPlan) -> pd.Series:
        raw = self.table[plan.column] if plan.column in self.table else pd.Series(pd.NA, index=self.table.index, dtype="str")
        for other in plan.fallback:
            raw = raw.where(filled(raw), self.table[other])
        if plan.substitutes:
            stripped = raw.astype("str").str.strip()
            raw = stripped.map(pd.Series(plan.substitutes)).where(stripped.isin(list(plan.substitutes)), raw).astype("str")
        return raw

    def _settle_errors(self, plan: FieldPlan, raw: pd.Series, reasons: pd.Series) -> None:
        broken = reasons.notna() & self.open()
        if plan.required or plan.on_error != "set_aside":
            bucket = "held" if plan.on_error == "hold" else "rejected"
            for reason in reasons[broken].unique():
                self._detail(broken & (reasons == reason), plan, raw)
                self.end(broken & (reasons == reason), bucket, str(reason))
        else:
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
            self._set_aside(plan, self._raw(plan), pd.Series("record_kept_its_own", index=values.index), rows=differs)

    # ------------------------------------------------------------ whose they are, and what they hang on

    def assign_owners(self) -> None:
        if not self.feed.owner:
            return
        raw = self.table[self.feed.owner].astype("str").str.strip()
        named = raw.where(filled(self.table[self.feed.owner]), BLANK)
        owner = named.map(pd.Series(self.plan.owners, dtype="object"))
        self.detail[owner.isna() & self.open()] = self.feed.owner + " = " + named
        self.end(owner.isna() | (owner == ""), "held", "owner_unresolved")
        self.owner = owner

    def look_up(self) -> None:
        for lookup in self.feed.lookups:
            prefix = self.plan.prefixes.get(lookup.feed, "")
            options = {"prefix": prefix} if prefix else None
            wanted = convert(self.table[lookup.column], "identifier", options=options).values.astype("str")
            found = wanted.map(parent_records(self.parents[lookup.feed])).astype("object")
            self.lookups[lookup.to] = found
            if lookup.required:
                self.detail[found.isna() & self.open()] = (
                    lookup.column + " = " + self.table[lookup.column].fillna("").astype("str")
                )
                self.end(found.isna(), "held", "parent_missing")

    def settle_unique(self) -> None:
        """No two records share what the destination keeps unique: the later one goes without, or waits."""
        name = self.feed.unique
        if not name or name not in self.fields:
            return
        plan = next(plan for plan in self.plan.fields if plan.field == name)
        values = self.fields[name]
        folded = values.astype("str").str.casefold().where(self.open())
        taken = folded.isin(self._taken(name)) | (folded.duplicated(keep="first") & folded.notna())
        if not taken.any():
            return
        if plan.required:
            self._detail(taken & self.open(), plan, self._raw(plan))
            self.end(taken, "held", "taken_by_another_record")
            return
        self._set_aside(plan, self._raw(plan), pd.Series("taken_by_another_record", index=values.index), rows=taken)
        values[taken] = pd.NA

    def _taken(self, name: str) -> set[str]:
        """Values that a record of an earlier feed has, which the same object at the destination would refuse twice."""
        taken: set[str] = set()
        for match in self.feed.merge:
            records = self.parents[match.feed].records
            if name in records:
                taken |= set(records[name].dropna().astype("str").str.casefold())
        return taken

    # ------------------------------------------------------------ the result

    def staged(self) -> Staged:
        here = set(self.record[self.open()].dropna())
        there = {key for parent in self.parents.values() for key in parent.records["key"]}
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

    def _records(self) -> pd.DataFrame:
        rows = self.open()
        key = self.record[rows]
        columns: dict[str, object] = {
            "key": key,
            "marker": [marker_of(self.plan.source, text) for text in key],
            "row": self.table.index[rows],
        }
        if self.feed.owner:
            columns["owner"] = self.owner[rows]
        columns |= {name: pd.Series(text, index=key.index) for name, text in self.plan.constants.items()}
        columns |= {name: values[rows] for name, values in {**self.fields, **self.lookups}.items()}
        return pd.DataFrame(columns, index=self.table.index[rows]).reset_index(drop=True)

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


def parent_records(parent: Staged) -> pd.Series:
    """Natural key → record key, for every row of a feed that ended in a record that is to be loaded."""
    verdicts = parent.verdicts
    known = verdicts[verdicts["natural"].notna() & verdicts["record"].isin(set(parent.records["key"]))]
    return pd.Series(known["record"].to_numpy(), index=known["natural"].to_numpy(), dtype="object").groupby(level=0).first()


def records_by(parent: Staged, values: pd.Series) -> pd.DataFrame:
    """Pairs of a value and the record in which the row that says it has ended; `values` is indexed by row."""
    ended = parent.verdicts.set_index("row")["record"]
    pairs = pd.DataFrame({"value": values.to_numpy(), "record": pd.Series(values.index).map(ended).to_numpy()})
    return pairs.dropna().drop_duplicates().reset_index(drop=True)
