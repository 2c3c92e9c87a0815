"""Lay a later delivery over the first one: changed rows in their places, new ones at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import pandas as pd

from workbench.frames.select import natural_keys
from workbench.specs import Table

__all__ = ["carried", "overlay", "said_before"]

Said = TypeVar("Said")


def overlay(first: pd.DataFrame, later: pd.DataFrame, table: Table) -> pd.DataFrame:
    """The first delivery with the rows of the later one in their places, and its new rows at the end.

    A column that the later delivery leaves out is not thereby emptied: what the first one said of a row stays.
    """
    if later.empty:
        return first
    keys, old = natural_keys(later, table), natural_keys(first, table)
    place = pd.Series(range(len(first)), index=old.to_numpy(), dtype="int64").groupby(level=0).min()
    later = later.assign(_place=keys.map(place).fillna(len(first)).to_numpy())
    later = later.assign(**said_before(first, later, [str(name) for name in first.columns if name not in later.columns], table))
    stays = first.assign(_place=range(len(first)))[~old.isin(keys.dropna()).to_numpy()]
    both = pd.concat([stays, later], ignore_index=True)
    return both.sort_values("_place", kind="stable").drop(columns="_place").reset_index(drop=True)


def said_before(first: pd.DataFrame, later: pd.DataFrame, columns: Sequence[str], table: Table) -> dict[str, pd.Series]:
    """What the first delivery says in these of its columns of each row of the later one, by key; nothing of a new row."""
    if not columns:
        return {}
    keys = natural_keys(later, table)
    told = first[list(columns)].groupby(natural_keys(first, table).to_numpy()).first()
    return {name: keys.map(told[name]).astype(first[name].dtype) for name in columns}


def carried(decided: Mapping[str, Said], first: pd.DataFrame, both: pd.DataFrame, table: Table) -> dict[str, Said]:
    """Row id → answer, with what was decided about a row of the first delivery holding for the row in its place.

    Places are counted by number: of a number that stands twice, the second row takes the place of the second one.
    """
    if not table.key:
        return dict(decided)
    known = {place: decided[row] for row, place in _places(first, table).items() if row in decided}
    later = {row: known[place] for row, place in _places(both, table).items() if place in known}
    return {**later, **decided}


def _places(rows: pd.DataFrame, table: Table) -> dict[str, tuple[str, int]]:
    """Row id → its number, and how many rows with that number stand before it."""
    keys = natural_keys(rows, table)
    named = keys.notna()
    nth = keys[named].groupby(keys[named]).cumcount()
    return dict(zip(rows.loc[named.to_numpy(), "_row"], zip(keys[named], nth, strict=True), strict=True))
