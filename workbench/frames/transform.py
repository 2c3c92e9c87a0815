"""Turn the rows of an export into records to be loaded, and say of every row where it ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from workbench.frames.derived import ENDS, PROBLEM
from workbench.frames.fixed import with_fixed
from workbench.frames.groups import combined, overruled, reason_of, row_keys, spread
from workbench.frames.parents import grow_trees, look_up
from workbench.frames.plan import BLANK, FeedPlan, FieldPlan
from workbench.frames.select import ROW, by_row, cells_of, filled, holds, made_from, matching, raw_cells
from workbench.frames.staged import CELL_COLUMNS, VERDICT_COLUMNS, WORDS, Staged, marker_of, records_by
from workbench.frames.survivors import let_speak
from workbench.frames.underway import Underway

__all__ = ["CELL_COLUMNS", "VERDICT_COLUMNS", "Staged", "marker_of", "transform"]


def transform(
    table: pd.DataFrame,
    plan: FeedPlan,
    *,
    parents: Mapping[str, Staged] | None = None,
    tables: Mapping[str, pd.DataFrame] | None = None,
    links: Mapping[str, pd.DataFrame] | None = None,
) -> Staged:
    """The records of a feed that makes records.

    ``table`` has the export's columns and ``_row``, which names a row. ``parents`` are the feeds staged before, by
    name, and ``tables`` their tables: lookups and merges point into them. ``links`` are the tables of the source by
    name, of which some say what belongs together. Nothing is raised for a bad row; a SpecError
    where the table lacks a column that rows are chosen, named or merged by. Any other missing column counts as empty.
    """
    work = _Work(table, plan, parents or {}, tables or {})
    work.select()
    work.name_records()
    work.merge_rows()
    work.let_speak()
    work.convert_fields()
    work.assign_owners()
    work.lookups |= look_up(work, parents=work.parents, tables=work.tables, links=links or {})
    work.settle_unique()
    work.lookups |= grow_trees(work)
    return with_fixed(work.staged(), plan)


class _Work(Underway):
    """The table on its way, one step at a time; each step looks only at rows that are still on it."""

    def __init__(
        self,
        table: pd.DataFrame,
        plan: FeedPlan,
        parents: Mapping[str, Staged],
        tables: Mapping[str, pd.DataFrame],
    ) -> None:
        super().__init__(table, plan)
        self.parents = parents
        self.tables = tables
        self.fields: dict[str, pd.Series] = {}
        self.lookups: dict[str, pd.Series] = {}

    # ------------------------------------------------------------ which rows

    def select(self) -> None:
        if not self.plan.active:
            self.end(self.open(), "excluded", "other_answer")
        for exclusion in self.feed.exclude:
            self.end(holds(self.table, exclusion.when), "excluded", exclusion.rule)
        if self.feed.when is not None:
            self.end(~holds(self.table, self.feed.when), "excluded", self.feed.otherwise)

        if self.plan.of_files and PROBLEM in self.table:
            for problem, bucket in ENDS.items():
                rows = self.table[PROBLEM].eq(problem).fillna(False).astype(bool)
                self.tell(rows, "file", cells_of(self.table, "file_name"))
                self.end(rows, bucket, problem)

    def name_records(self) -> None:
        natural = row_keys(self.table, self.feed, self.plan.table)
        self.natural = natural
        self.end(natural.isna(), "rejected", "key_missing")
        self.record = (self.feed.name + "/" + natural).astype("str").where(self.open(), pd.NA)
        keys = self.record.dropna().drop_duplicates()
        markers = keys.map(lambda key: marker_of(self.plan.source, key))
        self.end(self.record.isin(list(keys[markers.duplicated()])), "held", "key_too_alike")

    def merge_rows(self) -> None:
        self.into = pd.Series(dict(self.plan.merges), dtype="object").reindex(self.table.index)
        self.waiting = pd.Series(self.table.index.isin(list(self.plan.undecided)), index=self.table.index)
        if self.feed.group:
            self.into = spread(self.into, self.record)
            self.waiting |= self.record.isin(set(self.record[self.waiting].dropna()))
        else:
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
        self.end(self.waiting, "held", "undecided_duplicate")
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

    def let_speak(self) -> None:
        """Cells in which a person let a merged row have the word, or none, stand so in the row of the record from here on."""
        if not self.plan.takes and not self.plan.empties:
            return
        told = let_speak(self.table, self.plan.takes, empties=self.plan.empties, record=self.record, bucket=self.bucket)
        own, self.table = self.table, told.table
        for (column, reason), cells in told.overruled.groupby(["column", "reason"], sort=False):
            rows = pd.Series(own.index.isin(cells["row"].tolist()), index=own.index)
            why = pd.Series(str(reason), index=own.index)
            for field in self._fields_of(str(column)):
                self.set_aside(FieldPlan(str(column), field, "", {}), cells_of(own, str(column)), why, rows=rows)

    def _fields_of(self, column: str) -> list[str]:
        """What a column becomes: fields, links, the owner."""
        fields = [plan.field for plan in self.plan.fields if column in (plan.column, *plan.fallback)]
        links = [lookup.to for lookup in self.feed.lookups if lookup.column == column]
        return [*fields, *links, *(["owner"] if column == self.feed.owner else [])]

    def convert_fields(self) -> None:
        for plan in self.plan.fields:
            raw = raw_cells(self.table, plan)
            done = made_from(raw, plan, table=self.table)
            self.fields[plan.field] = done.values
            self._settle_errors(plan, raw, done.reasons)
            noted = done.notes.notna()
            self.set_aside(plan, raw, done.notes.where(noted), rows=noted)
        self._fill_survivors()
        if self.feed.group:
            self._combine()

    def _settle_errors(self, plan: FieldPlan, raw: pd.Series, reasons: pd.Series) -> None:
        broken = reasons.notna() & self.open()
        if plan.required or plan.on_error != "set_aside":
            bucket = "held" if plan.on_error == "hold" else "rejected"
            for reason in reasons[broken].unique():
                self.tell(broken & (reasons == reason), plan.column, raw)
                self.end(broken & (reasons == reason), bucket, str(reason))
        self.set_aside(plan, raw, reasons, rows=reasons.notna())
        if plan.required and not self.feed.group:
            self._refuse_empty(plan, raw)

    def _refuse_empty(self, plan: FieldPlan, raw: pd.Series) -> None:
        self.tell(self.fields[plan.field].isna() & self.open(), plan.column, raw)
        self.end(self.fields[plan.field].isna(), "rejected", "required_field_empty")

    def _combine(self) -> None:
        """Of all rows of a record one stands for it, the first; the others are merged into it, and all of them speak."""
        rows = self.open()
        speaking = self.record.where(rows)
        for plan in self.plan.fields:
            values, raw = self.fields[plan.field], raw_cells(self.table, plan)
            made = combined(values, speaking, plan)
            lost = overruled(values, speaking, made, plan)
            self.set_aside(plan, raw, pd.Series(reason_of(plan), index=raw.index), rows=lost)
            values[rows] = self.record[rows].map(made).astype("object")
            if plan.required:
                self._refuse_empty(plan, raw)
        self.end(self.record.where(self.open()).duplicated(keep="first"), "merged", "same_group", record=self.record)

    def _fill_survivors(self) -> None:
        """A merged row gives its record what the record lacks; where both speak, the record's own word stays."""
        merged = (self.bucket == "merged") & self.record.isin(set(self.record[self.open()]))
        if not merged.any():
            return
        open_ = self.open()
        own_keys = self.record[open_]
        for plan in self.plan.fields:
            values = self.fields[plan.field]
            offered = pd.Series(values[merged].to_numpy(), index=self.record[merged], dtype="object").dropna()
            first = offered[~offered.index.duplicated(keep="first")]
            gaps = open_ & values.isna() & self.record.isin(first.index)
            if gaps.any():
                values[gaps] = pd.Series([first[key] for key in self.record[gaps]], index=values.index[gaps], dtype="object")
            kept = pd.Series(values[open_].to_numpy(), index=own_keys, dtype="object")
            own = self.record.map(kept[~kept.index.duplicated()])
            differs = merged & values.notna() & (values.astype("str") != own.astype("str"))
            if differs.any():
                reason = pd.Series("record_kept_its_own", index=values.index)
                self.set_aside(plan, raw_cells(self.table, plan), reason, rows=differs)

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

    def settle_unique(self) -> None:
        """No two records share what the destination keeps unique: the later one goes without, or waits."""
        if self.feed.unique not in self.fields:
            return
        plan = next(plan for plan in self.plan.fields if plan.field == self.feed.unique)
        taken, raw = self._taken(plan.field), raw_cells(self.table, plan)
        if plan.required:
            self.tell(taken & self.open(), plan.column, raw)
            self.end(taken, "held", "taken_by_another_record")
        self.set_aside(plan, raw, pd.Series("taken_by_another_record", index=raw.index), rows=taken)
        self.fields[plan.field][taken] = pd.NA

    def _taken(self, name: str) -> pd.Series:
        """True where another record has the value already: of this feed, or of one that its rows are merged into.

        A row that is merged into a record of another feed speaks for that record, where it has no value of its own, or where
        a person lets that row have the word.
        """
        merged = self.bucket == "merged"
        holders = self._holders([match.feed for match in self.feed.merge], name)
        speaks = self.open() | (merged & self.record.isin(self._there() - set(holders.values())))
        speaks |= merged & self.table.index.isin(self._speaking(self.plan.takes, name))
        folded = self.fields[name].astype("str").str.casefold().where(speaks)
        claims = pd.DataFrame({"value": folded, "record": self.record}).dropna().drop_duplicates("value")
        holders = {**dict(zip(claims["value"], claims["record"], strict=True)), **holders}
        taken = folded.notna() & (folded.map(pd.Series(holders, dtype="object")) != self.record)
        decided = {key.partition("/")[0] for key in self.record[merged].dropna().unique()}
        theirs = folded.map(pd.Series(self._holders([each for each in decided if each in self.parents], name), dtype="object"))
        return taken | (merged & theirs.notna() & (theirs != self.record))

    def _holders(self, feeds: Iterable[str], name: str) -> dict[str, str]:
        """Value, in small letters → the record that has it, among those of feeds that were staged before."""
        holders: dict[str, str] = {}
        for feed in feeds:
            records = self.parents[feed].records
            said = records.dropna(subset=[name]) if name in records else records.head(0).assign(**{name: ""})
            holders |= dict(zip(said[name].astype("str").str.casefold(), said["key"], strict=True))
        return holders

    # ------------------------------------------------------------ the result

    def staged(self) -> Staged:
        here, there = set(self.record[self.open()]), self._there()
        lost = (self.bucket == "merged") & ~self.record.isin(here | there)
        self.bucket[lost], self.reason[lost], self.record[lost] = "held", "survivor_not_loaded", pd.NA
        return Staged(
            records=self._records(),
            verdicts=self.verdicts(),
            cells=self.cells(),
            additions=self._additions(there - here),
            words=self._words(there - here),
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

    def _additions(self, elsewhere: set[str]) -> pd.DataFrame:
        rows = (self.bucket == "merged") & self.record.isin(elsewhere)
        shared = {plan.field: self.fields[plan.field][rows] for plan in self.plan.fields if plan.shared}
        frame = pd.DataFrame({"record": self.record[rows], "row": self.table.index[rows], **shared})
        return frame.reset_index(drop=True)

    def _words(self, elsewhere: set[str]) -> pd.DataFrame:
        """What rows say in records of other feeds, where a person let them have the word; the first one that speaks has it."""
        merged = (self.bucket == "merged") & self.record.isin(elsewhere)
        said: list[tuple[object, ...]] = []
        for plan in (each for each in self.plan.fields if each.shared):
            for row in self._speaking(self.plan.takes, plan.field):
                if merged[row] and not pd.isna(self.fields[plan.field][row]):
                    said.append((self.record[row], plan.field, self.fields[plan.field][row]))
            said += [
                (self.record[row], plan.field, pd.NA) for row in self._speaking(self.plan.empties, plan.field) if merged[row]
            ]
        return pd.DataFrame(said, columns=list(WORDS), dtype="object").drop_duplicates(["record", "field"], ignore_index=True)

    def _speaking(self, said: Mapping[str, tuple[str, ...]], name: str) -> list[str]:
        """The rows of which a person named a column that becomes the field."""
        columns = {column for plan in self.plan.fields if plan.field == name for column in (plan.column, *plan.fallback)}
        return [row for row in self.table.index[self.table.index.isin(list(said))] if columns & set(said[row])]
