"""Pairs worth comparing: rows that share a key, never all against all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

Positions = npt.NDArray[np.int64]


def cells(column: pd.Series) -> npt.NDArray[np.object_]:
    """The column's values by position, None where one is missing."""
    return np.array([None if missing else value for value, missing in zip(column, column.isna(), strict=True)], dtype=object)


def candidate_pairs(keys: Sequence[npt.NDArray[np.object_]], *, largest: int) -> tuple[Positions, Positions]:
    """Positions of the rows that share any of the keys, each pair once with the smaller position on the left.

    A key that more than ``largest`` rows share says nothing about two of them; in such a block each row meets
    only its next neighbours, so that memory stays bounded: at most ``largest`` pairs a row and key.
    """
    size = max((len(key) for key in keys), default=0)
    found: list[Positions] = []
    for key in keys:
        codes, _ = pd.factorize(pd.Series(key))
        for left, right in _within(codes.astype(np.int64), largest):
            found.append(np.minimum(left, right) * size + np.maximum(left, right))
    if not found:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    whole = np.unique(np.concatenate(found))
    return whole // size, whole % size


def _within(codes: Positions, largest: int) -> list[tuple[Positions, Positions]]:
    order = np.argsort(codes, kind="stable").astype(np.int64)
    order = order[codes[order] >= 0]
    block = codes[order]
    _, sizes = np.unique(block, return_counts=True)
    reach = np.minimum(np.repeat(sizes, sizes), np.where(np.repeat(sizes, sizes) > largest, 4, largest))
    found = []
    for step in range(1, min(int(sizes.max(initial=0)), largest)):
        near = (block[:-step] == block[step:]) & (step < reach[:-step])
        if not near.any():
            break
        found.append((order[:-step][near], order[step:][near]))
    return found
