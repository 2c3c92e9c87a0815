"""Lay a later delivery over the first one: changed rows in their places, new ones at the end."""

from __future__ import annotations

import pandas as pd

from workbench.frames.select import natural_keys
from workbench.specs import Table

__all__ = ["overlay"]


def overlay(first: pd.DataFrame, later: pd.DataFrame, table: Table) -> pd.DataFrame:
    """The first delivery with the rows of the later one in their places, and its new rows at the end.

    A column that the later delivery leaves out is not thereby emptied: what the first one said of a row stays.
    """
    if later.empty:
        return first
    keys, old = natural_keys(later, table), natural_keys(first, table)
    place = pd.Series(range(len(first)), index=old.to_numpy(), dtype="int64").groupby(level=0).min()
    later = later.assign(_place=keys.map(place).fillna(len(first)).to_numpy())
    for column in [name for name in first.columns if name not in later.columns]:
        said = pd.Series(first[column].to_numpy(), index=old.to_numpy(), dtype=first[column].dtype).groupby(level=0).first()
        later[column] = keys.map(said)
    stays = first.assign(_place=range(len(first)))[~old.isin(keys.dropna()).to_numpy()]
    both = pd.concat([stays, later], ignore_index=True)
    return both.sort_values("_place", kind="stable").drop(columns="_place").reset_index(drop=True)
