"""Find the records that a row hangs on: by key, by another column, by a table of links, or among the feed's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.frames.groups import group_keys
from workbench.frames.plan import FeedPlan
from workbench.frames.select import by_row, cells_of, filled, named
from workbench.frames.staged import Staged, parent_records, records_by
from workbench.recipes import convert
from workbench.specs import Lookup, Through

__all__ = ["Found", "lead", "linked", "own_tree", "primary_links", "read_keys", "their_records"]


@dataclass(frozen=True)
class Found:
    """Where the rows of a table lead by one lookup; the series share the index of the table."""

    records: pd.Series  # record key, or a list of them where links are many; NA where there is none
    reasons: pd.Series  # why something that was said leads nowhere; NA elsewhere
    said: pd.Series  # what the row says, as it stands


def lead(
    table: pd.DataFrame,
    lookup: Lookup,
    plan: FeedPlan,
    *,
    parents: Mapping[str, Staged],
    tables: Mapping[str, pd.DataFrame],
) -> Found:
    """Where each row leads by a lookup into feeds that are staged: by one feed, or by the feed of its kind of parent."""
    said = _said(table, lookup)
    if not lookup.by:
        records, reasons = _in_turn(table, lookup, plan, lookup.leads_to(), said, parents=parents, tables=tables)
        found = Found(records, reasons, said)
    else:
        found = _by_kind(table, lookup, plan, said, parents=parents, tables=tables)
    return found


def linked(
    natural: pd.Series,
    lookup: Lookup,
    through: Through,
    plan: FeedPlan,
    *,
    links: pd.DataFrame,
    parent: Staged,
    table: pd.DataFrame,
    records: pd.Series,
) -> Found:
    """The records to which a table of links leads the record of each row: the primary one first, then as the table has them.

    ``natural`` and ``records`` are the rows' own keys and records: the links of a row that was merged go to the record
    in which it ended. Where the links name something else of a row, both are that. ``parent`` and ``table`` are the other
    feed and its table.
    """
    mine = read_keys(named(links, through.mine), plan.table.key_prefix, group=bool(plan.feed.group))
    theirs = their_records(links, through, plan, lookup.feed, parent=parent, table=table)
    named_rows = pd.DataFrame({"natural": natural, "record": records}).dropna().drop_duplicates("natural")
    own = named_rows.set_index("natural")["record"]
    pairs = pd.DataFrame({"mine": mine.map(own), "theirs": theirs})
    pairs["first"] = ~primary_links(links, through)
    pairs = pairs.dropna().sort_values("first", kind="stable").drop_duplicates(["mine", "theirs"])
    lists = pairs.groupby("mine", sort=False)["theirs"].agg(list)
    led = [_copied(lists.get(key)) for key in records]
    found = pd.Series([_first(each) if through.first else each for each in led], index=records.index, dtype="object")
    nothing = pd.Series(pd.NA, index=records.index, dtype="str")
    return Found(found, nothing, nothing)


def their_records(
    links: pd.DataFrame, through: Through, plan: FeedPlan, feed: str, *, parent: Staged, table: pd.DataFrame
) -> pd.Series:
    """The record of the other feed that each link names; none where several fit."""
    if not through.with_:
        keys = read_keys(named(links, through.theirs), plan.prefixes.get(feed, ""), group=feed in plan.grouped)
        return keys.map(parent_records(parent))
    wanted = convert(named(links, through.theirs), through.recipe, options=dict(through.options)).values.astype("str")
    values = convert(named(by_row(table), through.with_), through.recipe, options=dict(through.options)).values.astype("str")
    pairs = records_by(parent, values)
    return _single(wanted, pairs[pairs["record"].isin(set(parent.records["key"]))])[0]


def primary_links(links: pd.DataFrame, through: Through) -> pd.Series:
    """True for the links that say of themselves that they are the primary one."""
    if not through.primary:
        return pd.Series(False, index=links.index)
    return convert(cells_of(links, through.primary), "boolean").values.eq(True).fillna(False).astype(bool)


def own_tree(table: pd.DataFrame, lookup: Lookup, plan: FeedPlan, *, natural: pd.Series, records: pd.Series) -> Found:
    """Parents among the feed's own records, a row that was merged standing for the record in which it ended.

    A record that is its own parent has none; a circle is cut at the row that comes last in the file.
    """
    said = _said(table, lookup)
    if lookup.with_:
        name = convert(named(table, lookup.with_), lookup.recipe, options=dict(lookup.options)).values.astype("str")
        wanted = convert(said, lookup.recipe, options=dict(lookup.options)).values.astype("str")
    else:
        name, wanted = natural, read_keys(said, plan.table.key_prefix, group=bool(plan.feed.group))
    pairs = pd.DataFrame({"value": name.to_numpy(), "record": records.to_numpy()}).dropna().drop_duplicates()
    parent, reasons = _single(wanted, pairs)
    reasons = reasons.where(parent.isna(), pd.NA).where(filled(said))
    selfish = parent.notna() & (parent == records)
    parent, reasons = parent.mask(selfish), reasons.mask(selfish, "own_parent")
    cut = _cut(parent, records)
    return Found(parent.mask(cut).astype("object"), reasons.mask(cut, "parent_cycle"), said)


def _said(table: pd.DataFrame, lookup: Lookup) -> pd.Series:
    raw = cells_of(table, lookup.column)
    for other in lookup.fallback:
        raw = raw.where(filled(raw), cells_of(table, other))
    return raw


def _into(
    table: pd.DataFrame,
    lookup: Lookup,
    plan: FeedPlan,
    feed: str,
    said: pd.Series,
    *,
    parents: Mapping[str, Staged],
    tables: Mapping[str, pd.DataFrame],
) -> Found:
    parent = parents[feed]
    if lookup.with_:
        wanted = convert(said, lookup.recipe, options=dict(lookup.options)).values.astype("str")
        theirs = by_row(tables[feed])
        values = convert(named(theirs, lookup.with_), lookup.recipe, options=dict(lookup.options)).values.astype("str")
        pairs = records_by(parent, values)
        found, reasons = _single(wanted, pairs[pairs["record"].isin(_loadable(parents))])
    else:
        wanted = read_keys(said, plan.prefixes.get(feed, ""), group=feed in plan.grouped)
        others = [other for name, other in parents.items() if name != feed and name in plan.alike.get(feed, frozenset())]
        found = wanted.map(parent_records(parent, *others)).astype("object")
        # A row of the same table that another feed merged into such a record stands for it: a lead that is a contact already.
        there = {key for each in (parent, *others) for key in each.records["key"]}
        for other in (each for name, each in parents.items() if name in plan.beside.get(feed, frozenset())):
            moved = parent_records(other, parent, *others)
            found = found.where(found.notna(), wanted.map(moved[moved.isin(there)])).astype("object")
        reasons = pd.Series("parent_missing", index=table.index, dtype="str")
        values = pd.Series(parent.verdicts["natural"].to_numpy(), index=parent.verdicts["row"].to_numpy())
    # A row that a rule left out is no loss: somebody decided that it becomes no record.
    excluded = parent.verdicts.loc[parent.verdicts["bucket"] == "excluded", "row"]
    meant = set(values[values.index.isin(excluded)].dropna())
    reasons = reasons.where(found.isna() & filled(said) & ~wanted.isin(meant))
    return Found(found, reasons, said)


def _by_kind(
    table: pd.DataFrame,
    lookup: Lookup,
    plan: FeedPlan,
    said: pd.Series,
    *,
    parents: Mapping[str, Staged],
    tables: Mapping[str, pd.DataFrame],
) -> Found:
    kind = cells_of(table, lookup.by).astype("str").str.strip().str.casefold()
    records = pd.Series(pd.NA, index=table.index, dtype="object")
    reasons = pd.Series("unknown_parent_kind", index=table.index, dtype="str").where(filled(said))
    for word, feeds in lookup.feeds.items():
        rows = kind.eq(word.strip().casefold()).fillna(False).astype(bool)
        found, why = _in_turn(table[rows], lookup, plan, feeds, said[rows], parents=parents, tables=tables)
        records[rows], reasons[rows] = found, why
    return Found(records, reasons, said)


def _in_turn(
    table: pd.DataFrame,
    lookup: Lookup,
    plan: FeedPlan,
    feeds: Sequence[str],
    said: pd.Series,
    *,
    parents: Mapping[str, Staged],
    tables: Mapping[str, pd.DataFrame],
) -> tuple[pd.Series, pd.Series]:
    """The record in the first of several feeds that has it, and why there is none in any of them."""
    ways = [_into(table, lookup, plan, feed, said, parents=parents, tables=tables) for feed in feeds]
    found, why = ways[0].records, ways[0].reasons
    for way in ways[1:]:
        # A row that a rule of one of the feeds left out is missed by none of them.
        why = why.where(found.isna() & way.records.isna() & why.notna() & way.reasons.notna())
        found = found.where(found.notna(), way.records)
    return found, why


def _single(wanted: pd.Series, pairs: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """The one record that says what is wanted, and why there is none where there is none."""
    pairs = pairs.drop_duplicates()
    twice = pairs["value"].duplicated(keep=False)
    found = wanted.map(pairs[~twice].set_index("value")["record"]).astype("object")
    several = wanted.isin(set(pairs.loc[twice, "value"]))
    reasons = pd.Series("parent_missing", index=wanted.index, dtype="str").mask(several, "several_records_fit")
    return found, reasons


def read_keys(said: pd.Series, prefix: str, *, group: bool) -> pd.Series:
    """What names a record, as its feed names it: by what it is grouped by, or by the key of its table."""
    if group:
        return group_keys([said])
    return convert(said, "identifier", options={"prefix": prefix} if prefix else None).values.astype("str")


def _loadable(parents: Mapping[str, Staged]) -> set[str]:
    return {key for parent in parents.values() if len(parent.records) for key in parent.records["key"]}


def _copied(records: object) -> object:
    return list(records) if isinstance(records, list) else pd.NA


def _first(records: object) -> object:
    return records[0] if isinstance(records, list) else records


def _cut(parent: pd.Series, records: pd.Series) -> pd.Series:
    """True for the rows whose parent has to go so that no circle is left: of each circle the last row."""
    said = pd.DataFrame({"record": records, "parent": parent}).dropna()
    said = said.drop_duplicates("record")
    step = dict(zip(said["record"], said["parent"], strict=True))
    place = {record: number for number, record in enumerate(said["record"])}
    done: set[str] = set()
    lost: set[str] = set()
    for start in step:
        path: list[str] = []
        at = start
        while at in step and at not in done:
            done.add(at)
            path.append(at)
            at = step[at]
        if at in path:
            lost.add(max(path[path.index(at) :], key=place.__getitem__))
    return records.isin(lost) & parent.notna()
