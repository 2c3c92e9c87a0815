"""Pairs worth comparing: rows that share a key, never all against all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.matching.coded import Codes, Positions

AT_ONCE = 1_000_000
"""Pairs of one pass, before those that several keys make are dropped: a few megabytes whatever the table's size."""

NEIGHBOURS = 3
"""Rows that a row meets under a key that too many share."""


def cells(column: pd.Series) -> npt.NDArray[np.object_]:
    """The column's values by position, None where one is missing."""
    return np.array([None if missing else value for value, missing in zip(column, column.isna(), strict=True)], dtype=object)


@dataclass(frozen=True)
class _Block:
    """The rows in the order of one key, where each row stands in it, and how many that follow it there it meets."""

    order: Codes
    place: Codes
    partners: Codes

    def pairs(self, begin: int, end: int) -> Positions:
        """The pairs whose earlier row is one of these, as one number each: the earlier row above 32 bits, the later below."""
        many = self.partners[begin:end].astype(np.int64)
        ahead: Positions = self.place[begin:end] + 1 - (np.cumsum(many) - many)
        later: Codes = self.order[np.repeat(ahead, many) + np.arange(many.sum())]
        earlier: Positions = np.repeat(np.arange(begin, end, dtype=np.int64), many)
        return (earlier << 32) | later


def candidate_pairs(keys: Iterable[Codes], *, largest: int) -> tuple[Positions, Positions]:
    """All that `candidate_passes` gives, at once: for tables of some ten thousand rows."""
    passes = list(candidate_passes(keys, largest=largest))
    return np.concatenate([left for left, _ in passes]), np.concatenate([right for _, right in passes])


def candidate_passes(keys: Iterable[Codes], *, largest: int, at_once: int = AT_ONCE) -> Iterator[tuple[Positions, Positions]]:
    """Positions of the rows that share any of the keys, each pair once with the smaller position on the left, in their order.

    A key is a number a row, -1 for none. One that more than ``largest`` rows share says nothing about two of them; in
    such a block each row meets only its next neighbours. The pairs come in passes of bounded size, one at least.
    """
    blocks = [_block(key, largest) for key in keys]
    for begin, end in _passes(blocks, at_once):
        whole: Positions = np.unique(np.concatenate([block.pairs(begin, end) for block in blocks]))
        yield whole >> 32, whole & 0xFFFFFFFF


def _block(codes: Codes, largest: int) -> _Block:
    order = np.argsort(codes, kind="stable").astype(np.int32)
    order = order[codes[order] >= 0]
    shared = codes[order]
    sizes = np.bincount(shared)
    size, first = sizes[shared], (np.cumsum(sizes) - sizes)[shared]
    standing = np.arange(len(order))
    place, partners = np.zeros(len(codes), dtype=np.int32), np.zeros(len(codes), dtype=np.int32)
    place[order] = standing
    # The order within a key is that of the table, so whatever follows has the larger position.
    partners[order] = np.minimum(size - 1 - (standing - first), np.where(size > largest, NEIGHBOURS, largest - 1))
    return _Block(order, place, partners)


def _passes(blocks: list[_Block], at_once: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows that make so many pairs together; a row that makes more stands alone."""
    reached = np.cumsum(np.sum([block.partners for block in blocks], axis=0, dtype=np.int64))
    begin, before = 0, 0
    while True:
        end = max(int(np.searchsorted(reached, before + at_once, side="right")), min(begin + 1, len(reached)))
        yield begin, end
        if end >= len(reached):
            return
        begin, before = end, int(reached[end - 1])
