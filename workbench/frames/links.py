"""Account for the rows of a table that only says which records belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.frames.lookups import primary_links, read_keys, their_records
from workbench.frames.plan import FeedPlan, FieldPlan
from workbench.frames.select import cells_of, named
from workbench.frames.staged import Staged, parent_records
from workbench.frames.underway import Underway
from workbench.specs import Lookup, Through

__all__ = ["Reader", "link", "readers_of"]


@dataclass(frozen=True)
class Reader:
    """A feed whose records get their parents from the table."""

    feed: str
    lookup: Lookup
    through: Through


def readers_of(table: str, plans: Mapping[str, FeedPlan]) -> tuple[Reader, ...]:
    """The lookups, of active feeds, that take all links of a table; one that takes the first alone accounts for none."""
    return tuple(
        Reader(name, lookup, lookup.through)
        for name, plan in plans.items()
        for lookup in plan.feed.lookups
        if plan.active and lookup.through is not None and lookup.through.table == table and not lookup.through.first
    )


def link(
    table: pd.DataFrame,
    plan: FeedPlan,
    *,
    readers: Sequence[Reader],
    parents: Mapping[str, Staged],
    tables: Mapping[str, pd.DataFrame],
) -> Staged:
    """Verdicts for the rows of a table of links: merged into the record that they gave a parent, or rejected.

    Of several links of one record that claim to be the primary one the first does; the others are noted.
    """
    rows = Underway(table, plan)
    rows.natural = _natural(rows.table, readers)
    if not plan.active:
        rows.end(rows.open(), "excluded", "other_answer")
    for reader in readers:
        record = _keys(rows.table, reader.through.mine, plan, reader.feed).map(parent_records(parents[reader.feed]))
        other = reader.lookup.feed
        parent = their_records(rows.table, reader.through, plan, other, parent=parents[other], table=tables[other])
        joined = record.notna() & parent.notna() & rows.open()
        claims = primary_links(rows.table, reader.through) & joined
        rows.end(joined, "merged", "linked", record=record)
        second = claims & record.where(claims).duplicated(keep="first")
        raw = cells_of(rows.table, reader.through.primary)
        cell = FieldPlan(column=reader.through.primary, field=reader.lookup.to, recipe="boolean", options={})
        rows.set_aside(cell, raw, pd.Series("second_primary", index=raw.index, dtype="str"), rows=second)
    for reader in readers[:1]:
        mine, theirs = (
            named(rows.table, name).fillna("").astype("str") for name in (reader.through.mine, reader.through.theirs)
        )
        rows.detail[rows.open()] = mine + " → " + theirs
    _leave_out(rows, plan, readers, parents)
    rows.end(rows.open(), "rejected", "no_record_for_link")
    return Staged(
        records=pd.DataFrame(columns=["key", "marker", "row"], dtype="object"),
        verdicts=rows.verdicts(),
        cells=rows.cells(),
        additions=pd.DataFrame(columns=["record", "row"], dtype="object"),
    )


def _leave_out(rows: Underway, plan: FeedPlan, readers: Sequence[Reader], parents: Mapping[str, Staged]) -> None:
    """Links of rows of which a rule, or an answer of the scope, leaves no record are left out by the same."""
    there = pd.Series(False, index=rows.table.index)
    why = pd.Series(pd.NA, index=rows.table.index, dtype="object")
    for reader in readers:
        ends = parents[reader.feed].verdicts.dropna(subset=["natural"]).drop_duplicates("natural").set_index("natural")
        mine = _keys(rows.table, reader.through.mine, plan, reader.feed)
        there |= mine.map(parent_records(parents[reader.feed])).notna()
        why = why.where(why.notna(), mine.map(ends.loc[ends["bucket"] == "excluded", "reason"]))
    for reason in why[~there].dropna().unique():
        rows.end(~there & why.eq(reason), "excluded", str(reason))


def _natural(table: pd.DataFrame, readers: Sequence[Reader]) -> pd.Series:
    """What names a link: what it joins."""
    for reader in readers:
        ends = [named(table, name).astype("str").str.strip() for name in (reader.through.mine, reader.through.theirs)]
        return ends[0] + "|" + ends[1]
    return pd.Series(pd.NA, index=table.index, dtype="str")


def _keys(table: pd.DataFrame, column: str, plan: FeedPlan, feed: str) -> pd.Series:
    return read_keys(named(table, column), plan.prefixes.get(feed, ""), group=feed in plan.grouped)
