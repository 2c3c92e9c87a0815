"""Lay a later delivery over the first one: changed rows in their places, new ones at the end."""

from __future__ import annotations

import pandas as pd

from workbench.frames.select import natural_keys
from workbench.specs import Table

__all__ = ["overlay"]


def overlay(first: pd.DataFrame, later: pd.DataFrame, table: Table) -> pd.DataFrame:
    """The first delivery with the rows of the later one in their places, and its new rows at the end."""
    if later.empty:
        return first
    keys = natural_keys(later, table)
    old = natural_keys(first, table)
    place = pd.Series(range(len(first)), index=old.to_numpy()).groupby(level=0).min()
    order = keys.map(place).fillna(len(first)).to_numpy()
    stays = first[~old.isin(keys.dropna()).to_numpy()]
    both = pd.concat([stays.assign(_order=stays.index), later.assign(_order=order)], ignore_index=True)
    return both.sort_values("_order", kind="stable").drop(columns="_order").reset_index(drop=True)
