"""What became of every row of a load, kept so small that a million rows are no matter."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench.destinations import Outcome
from workbench.ledger.loading.keys import Keys

__all__ = ["LEFT", "STATES", "Outcomes"]

LEFT = "left"
STATES = (LEFT, "done", "rejected", "unknown")
NAMELESS = -1
DIGITS = 18
"""Ids of so many digits at most are kept as numbers."""


class Outcomes:
    """One row each: its key, its state as a single byte, its id, and its words by number, as most say the same."""

    def __init__(self) -> None:
        self._keys = Keys()
        self._states = bytearray()
        self._ids = array("q")
        self._named: dict[int, str] = {}  # place → an id that is no plain number
        self._words = array("I")
        self._said: dict[str, int] = {"": 0}
        self._counts = [0] * len(STATES)

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: str) -> int:
        """A row that has been read; its place."""
        place = self._keys.add(key)
        self._states.append(0)
        self._ids.append(NAMELESS)
        self._words.append(0)
        self._counts[0] += 1
        return place

    def knows(self, key: str) -> bool:
        """Whether a row of this key has been read."""
        return key in self._keys

    def note(self, place: int, outcome: Outcome) -> None:
        """What became of the row at a place."""
        self._turn(place, STATES.index(outcome.state))
        self.name(place, outcome.id)
        self._words[place] = self._said.setdefault(outcome.words, len(self._said))

    def again(self, place: int) -> None:
        """The row is to be sent once more."""
        self._turn(place, 0)

    def mend(self) -> None:
        """After an interrupt, which may have come between two lines of `add` or `note`: count afresh, drop half a row."""
        whole = min(len(self._keys), len(self._states), len(self._ids), len(self._words))
        for part in (self._states, self._ids, self._words):
            del part[whole:]
        self._keys.cut(whole)
        self._counts = [self._states.count(state) for state in range(len(STATES))]

    def count(self, state: str) -> int:
        return self._counts[STATES.index(state)]

    def nameless(self) -> Iterator[tuple[int, str]]:
        """Place and key of the rows that are done and whose id nobody has told."""
        done = np.frombuffer(bytes(self._states), dtype=np.uint8) == STATES.index("done")
        unnamed = np.frombuffer(self._ids.tobytes(), dtype=np.int64) == NAMELESS
        places = (int(place) for place in np.flatnonzero(done & unnamed))
        return ((place, self._keys[place]) for place in places if place not in self._named)

    def name(self, place: int, number: str) -> None:
        """The id of the record that the row became."""
        if number.isdecimal() and number.isascii() and len(number) <= DIGITS and (number[0] != "0" or number == "0"):
            self._named.pop(place, None)
            self._ids[place] = int(number)
        else:
            self._ids[place] = NAMELESS
            if number:
                self._named[place] = number
            else:
                self._named.pop(place, None)

    def frame(self) -> pd.DataFrame:
        """key, state, id and words of every row, in the order in which they were read."""
        said = pd.Series(list(self._said), dtype="str")
        states = pd.Series(list(STATES), dtype="str")
        return pd.DataFrame(
            {
                "key": _texts(self._keys.column()),
                "state": states.take(np.frombuffer(bytes(self._states), dtype=np.uint8)).reset_index(drop=True),
                "id": _texts(self._numbers()),
                "words": said.take(np.frombuffer(self._words.tobytes(), dtype=np.uint32)).reset_index(drop=True),
            }
        )

    def _numbers(self) -> pa.Array:
        """The ids as texts, empty where there is none."""
        numbers = pa.array(np.frombuffer(self._ids.tobytes(), dtype=np.int64))
        texts = pc.if_else(pc.equal(numbers, NAMELESS), "", pc.cast(numbers, pa.string()))
        if not self._named:
            return texts
        mask = np.zeros(len(numbers), dtype=bool)
        mask[list(self._named)] = True
        named = pa.array([self._named[place] for place in sorted(self._named)], pa.string())
        return pc.replace_with_mask(texts, pa.array(mask), named)

    def _turn(self, place: int, state: int) -> None:
        self._counts[self._states[place]] -= 1
        self._counts[state] += 1
        self._states[place] = state


def _texts(column: pa.Array | pa.ChunkedArray) -> pd.Series:
    return pd.Series(pd.array(column, dtype="str"))
