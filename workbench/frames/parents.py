"""Hang the rows of a feed on the records that they belong to; those that need one and have none wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from workbench.frames.fixed import fixed_key
from workbench.frames.lookups import Found, lead, linked, own_tree, read_keys
from workbench.frames.plan import FieldPlan
from workbench.frames.select import cells_of, holds
from workbench.frames.staged import Staged
from workbench.frames.underway import Underway
from workbench.specs import Lookup

__all__ = ["grow_trees", "look_up"]

WAITING = ("several_records_fit", "unknown_parent_kind", "parent_missing")
"""Why a row waits for its parent; the last one where nothing more is known."""


def look_up(
    rows: Underway, *, parents: Mapping[str, Staged], tables: Mapping[str, pd.DataFrame], links: Mapping[str, pd.DataFrame]
) -> dict[str, pd.Series]:
    """Field → record key of the parent (a list of keys where a table of links was asked), for feeds staged before."""
    found: dict[str, pd.Series] = {}
    ways: list[tuple[Lookup, Found]] = []
    for lookup in _others(rows):
        if lookup.through is not None:
            through, parent = lookup.through, parents[lookup.feed]
            other = read_keys(cells_of(rows.table, lookup.column), "", group=False) if lookup.column else None
            led = linked(
                rows.natural if other is None else other,
                lookup,
                through,
                rows.plan,
                links=links[through.table],
                parent=parent,
                table=tables[lookup.feed],
                records=rows.record if other is None else other,
            )
        else:
            led = lead(rows.table, lookup, rows.plan, parents=parents, tables=tables)
        led = _asked(rows, lookup, led, ways)
        records = _or_fixed(lookup, led.records, parents)
        found[lookup.to] = _joined(lookup, found.get(lookup.to), records)
        ways.append((lookup, led))
    for lookup, led in ways:
        _say_lost(rows, lookup, led, others=[other for way, other in ways if way.column == lookup.column and way is not lookup])
        if lookup.required:
            _hold_orphans(rows, lookup, led, found[lookup.to])
    _hold_lonely(rows, found, [led for lookup, led in ways if lookup.to in rows.feed.needs])
    return found


def _asked(rows: Underway, lookup: Lookup, led: Found, before: Sequence[tuple[Lookup, Found]]) -> Found:
    """What a link leads to, of the rows of which it is asked: those of its condition, which the links before lead nowhere.

    A row that waits for a record of those links goes on waiting, and is not given away.
    """
    asked = pd.Series(True, index=led.records.index) if lookup.when is None else holds(rows.table, lookup.when)
    for other, way in before:
        if other.to in lookup.unless:
            asked &= way.records.isna() & way.reasons.isna()
    return Found(led.records.where(asked, pd.NA), led.reasons.where(asked), led.said.where(asked))


def _joined(lookup: Lookup, before: pd.Series | None, records: pd.Series) -> pd.Series:
    """What all links to one field lead to: one record where the later ones stand in for the first, else all of them."""
    if before is None:
        return records
    return before.where(before.notna(), records) if lookup.to in lookup.unless else _united(before, records)


def _united(first: pd.Series, second: pd.Series) -> pd.Series:
    """Two links to one field as one list, each record once; the first link's go first."""
    lists = [_listed(one) + _listed(other) for one, other in zip(first, second, strict=True)]
    return pd.Series([list(dict.fromkeys(each)) or pd.NA for each in lists], index=first.index, dtype="object")


def _listed(cell: object) -> list[str]:
    return [str(each) for each in cell] if isinstance(cell, list) else [cell] if isinstance(cell, str) else []


def grow_trees(rows: Underway) -> dict[str, pd.Series]:
    """Field → record key of the parent among the feed's own records, once it is settled which these are."""
    found: dict[str, pd.Series] = {}
    alive = rows.record.where(rows.record.isin(set(rows.record[rows.open()])))
    for lookup in rows.feed.lookups:
        if lookup.feed == rows.feed.name:
            led = own_tree(rows.table, lookup, rows.plan, natural=rows.natural, records=alive)
            found[lookup.to] = led.records
            _say_lost(rows, lookup, led, others=[])
    return found


def _others(rows: Underway) -> list[Lookup]:
    return [lookup for lookup in rows.feed.lookups if lookup.feed != rows.feed.name]


def _or_fixed(lookup: Lookup, records: pd.Series, parents: Mapping[str, Staged]) -> pd.Series:
    """The records; where there is none, the one of the route that takes those without a parent."""
    if not lookup.otherwise_record:
        return records
    there = {str(key) for feed in lookup.leads_to() for key in parents[feed].records["key"]}
    keys = [fixed_key(feed, lookup.otherwise_record) for feed in lookup.leads_to()]
    instead = next((key for key in keys if key in there), None)
    if instead is None:
        return records
    others = [[instead] if lookup.through is not None else instead for _ in records]
    return records.where(records.notna(), pd.Series(others, index=records.index, dtype="object"))


def _say_lost(rows: Underway, lookup: Lookup, led: Found, *, others: Sequence[Found]) -> None:
    """Say of each link that was given and leads nowhere, by this way nor by another one, why it does not come along."""
    plan = FieldPlan(column="", field=lookup.to, recipe="identifier", options={})
    lost = led.reasons.notna().astype(bool)
    for other in others:
        lost &= other.records.isna()
    rows.set_aside(plan, led.said, led.reasons, rows=lost)


def _hold_orphans(rows: Underway, lookup: Lookup, led: Found, records: pd.Series) -> None:
    asked = pd.Series(True, index=records.index) if lookup.when is None else holds(rows.table, lookup.when)
    for reason in WAITING:
        lost = records.isna() & asked & ((led.reasons == reason).fillna(False).astype(bool) | (reason == WAITING[-1]))
        rows.tell(lost, lookup.column, led.said)
        rows.end(lost, "held", reason)


def _hold_lonely(rows: Underway, found: Mapping[str, pd.Series], ways: Sequence[Found]) -> None:
    """Rows that lead to none of the records of which they need one wait for it."""
    if not rows.feed.needs:
        return
    lonely = pd.Series(True, index=rows.table.index)
    for name in rows.feed.needs:
        lonely &= found[name].isna()
    asked = [lookup.column for lookup in rows.feed.lookups if lookup.to in rows.feed.needs and lookup.column]
    for column in reversed(list(dict.fromkeys(asked))):
        rows.tell(lonely, column, cells_of(rows.table, column))
    for reason in WAITING[:-1]:
        for led in ways:
            rows.end(lonely & (led.reasons == reason).fillna(False).astype(bool), "held", reason)
    rows.end(lonely, "held", WAITING[-1])
