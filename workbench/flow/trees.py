"""Records whose parents are records of the same feed: who stands above whom, and in which order they are made."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.staged import staged_columns
from workbench.specs import Feed

__all__ = ["ancestors", "parents_in", "waves"]

Places = np.ndarray[Any, np.dtype[np.int64]]
_NONE = np.array([], dtype=np.int64)


def parents_in(cells: Iterable[object]) -> list[str]:
    """The record keys in cells that hold one, several or none."""
    found: list[str] = []
    for cell in cells:
        found += [str(each) for each in cell] if isinstance(cell, list) else [cell] if isinstance(cell, str) else []
    return found


def ancestors(feed: Feed, records: pd.DataFrame, keys: Collection[str]) -> set[str]:
    """Record keys of the feed that stand above these, however high."""
    found: set[str] = set()
    if not any(lookup.feed == feed.name for lookup in feed.lookups):
        return found
    above = _above(feed, records)
    pending = list(keys)
    while pending:
        for parent in above.get(pending.pop(), ()):
            if parent not in found:
                found.add(parent)
                pending.append(parent)
    return found


def waves(
    engagement: Engagement, feed: Feed, *, delivery: str = "main", only: frozenset[str] | None = None
) -> tuple[frozenset[str] | None, ...]:
    """Sets of record keys, each of which hangs on the sets before it only; one whole set where nothing is a tree.

    Made in this order, a parent is always over there before its children are. The staging has cut every circle.
    """
    own = [lookup.to for lookup in feed.lookups if lookup.feed == feed.name]
    if not own:
        return (only,)
    narrow = staged_columns(engagement, feed.name, ["key", *own], delivery=delivery)
    keys = pd.Index(narrow["key"])
    heights = _heights(len(keys), *_links(keys, [narrow[name] for name in own if name in narrow]))
    chosen = np.ones(len(keys), dtype=bool) if only is None else keys.isin(list(only))
    levels = (frozenset(keys[chosen & (heights == height)]) for height in np.unique(heights[chosen]))
    return tuple(levels) or (frozenset(),)


def _above(feed: Feed, records: pd.DataFrame) -> dict[str, list[str]]:
    """Record key → its parents among the records of the feed."""
    there = set(records["key"])
    above: dict[str, list[str]] = {}
    for lookup in feed.lookups:
        if lookup.feed == feed.name and lookup.to in records:
            for key, cell in zip(records["key"], records[lookup.to], strict=True):
                above.setdefault(str(key), []).extend(parent for parent in parents_in([cell]) if parent in there)
    return above


def _links(keys: pd.Index[Any], columns: Iterable[pd.Series[Any]]) -> tuple[Places, Places]:
    """Numbers of records that have a parent among the records, and beside them the numbers of these parents."""
    children, parents = [_NONE], [_NONE]
    for cells in columns:
        flat = pd.Series(cells.array, index=np.arange(len(cells))).explode().dropna()
        found = keys.get_indexer_for(pd.Index(flat))
        children.append(flat.index.to_numpy()[found >= 0])
        parents.append(found[found >= 0])
    return np.concatenate(children), np.concatenate(parents)


def _heights(count: int, children: Places, parents: Places) -> Places:
    """How many records stand above each, along the longest way up; what hangs in a circle comes last."""
    heights = np.full(count, -1, dtype=np.int64)
    open_links = np.bincount(children, minlength=count)
    height = 0
    while (ready := (open_links == 0) & (heights < 0)).any():
        heights[ready] = height
        open_links -= np.bincount(children[ready[parents]], minlength=count)
        height += 1
    return np.where(heights < 0, height, heights)
