"""A column as the numbers of its distinct texts: a million rows are compared by them, and each text is worked on once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from rapidfuzz import process

__all__ = ["Coded", "Codes", "Positions", "Scores", "coded"]

Codes = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]
Scores = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Coded:
    """Which of ``texts`` stands in each row, by position; -1 where a cell is missing: ``texts`` ends in an empty one."""

    codes: Codes
    texts: npt.NDArray[np.object_]

    @property
    def distinct(self) -> int:
        """How many different texts there are."""
        return len(self.texts) - 1

    @property
    def filled(self) -> int:
        """How many rows have one."""
        return int((self.codes >= 0).sum())

    @property
    def column(self) -> pd.Series:
        """The texts row by row again, missing where there is none."""
        return pd.Series(_ending(self.texts[:-1], None)[self.codes], dtype="str")

    def mapped(self, change: Callable[[str], str]) -> Coded:
        """The column with each distinct text changed; what becomes empty is missing, what becomes equal is one."""
        changed = np.array([change(each) or None for each in self.texts[:-1]] + [None], dtype=object)
        codes, texts = pd.factorize(changed)
        return Coded(codes.astype(np.int32)[self.codes], _ending(texts))

    def equal(self, left: Positions, right: Positions) -> Scores:
        """1 where both rows have the same text, 0 where they differ, NaN where one has none."""
        one, other = self.codes[left], self.codes[right]
        return np.where((one < 0) | (other < 0), np.nan, (one == other).astype(float))

    def alike(self, left: Positions, right: Positions, scorer: Callable[..., float], *, whole: float = 1.0) -> Scores:
        """Likeness of both rows' texts from 0 to 1, NaN where one has none; ``whole`` is the scorer's mark for equal ones."""
        one, other = self.codes[left], self.codes[right]
        score = np.where((one < 0) | (other < 0), np.nan, 1.0).astype(np.float32)
        unlike = np.flatnonzero((one != other) & (one >= 0) & (other >= 0))
        if len(unlike):
            score[unlike] = process.cpdist(self.texts[one[unlike]], self.texts[other[unlike]], scorer=scorer) / whole
        return score


def coded(column: pd.Series) -> Coded:
    """A column of any type by its distinct texts."""
    codes, texts = pd.factorize(column.astype("str"))
    return Coded(codes.astype(np.int32), _ending(texts))


def _ending(texts: Any, last: str | None = "") -> npt.NDArray[np.object_]:
    """The texts, and behind them the one that -1 stands for."""
    ended = np.empty(len(texts) + 1, dtype=object)
    ended[:-1], ended[-1] = texts, last
    return ended
