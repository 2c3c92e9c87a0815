"""Records whose parents are records of the same feed: who stands above whom, and in which order they are made."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pandas as pd

from workbench.engagement import Engagement
from workbench.specs import Feed

__all__ = ["ancestors", "parents_in", "waves"]


def parents_in(cells: Iterable[object]) -> list[str]:
    """The record keys in cells that hold one, several or none."""
    found: list[str] = []
    for cell in cells:
        found += [str(each) for each in cell] if isinstance(cell, list) else [cell] if isinstance(cell, str) else []
    return found


def ancestors(feed: Feed, records: pd.DataFrame, keys: Collection[str]) -> set[str]:
    """Record keys of the feed that stand above these, however high."""
    above = _above(feed, records)
    found: set[str] = set()
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
    if not any(lookup.feed == feed.name for lookup in feed.lookups):
        return (only,)
    records = engagement.load(f"records/{feed.name}", delivery=delivery)
    depth = _depths(_above(feed, records), [str(key) for key in records["key"]])
    levels: dict[int, set[str]] = {}
    for key, height in depth.items():
        if only is None or key in only:
            levels.setdefault(height, set()).add(key)
    return tuple(frozenset(levels[height]) for height in sorted(levels)) or (frozenset(),)


def _above(feed: Feed, records: pd.DataFrame) -> dict[str, list[str]]:
    """Record key → its parents among the records of the feed."""
    there = set(records["key"])
    above: dict[str, list[str]] = {}
    for lookup in feed.lookups:
        if lookup.feed == feed.name and lookup.to in records:
            for key, cell in zip(records["key"], records[lookup.to], strict=True):
                above.setdefault(str(key), []).extend(parent for parent in parents_in([cell]) if parent in there)
    return above


def _depths(above: dict[str, list[str]], keys: list[str]) -> dict[str, int]:
    """How many records stand above each, along the longest way up."""
    depth: dict[str, int] = {}
    for key in keys:
        path = [key]
        while path:
            parents = above.get(path[-1], [])
            unknown = [parent for parent in parents if parent not in depth and parent not in path]
            if unknown:
                path.append(unknown[0])
            else:
                depth[path.pop()] = 1 + max((depth.get(parent, -1) for parent in parents), default=-1)
    return depth
