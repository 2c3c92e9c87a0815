"""What became of every row of a load, kept so small that a million rows are no matter."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import numpy as np
import pandas as pd

from workbench.destinations import Outcome

__all__ = ["LEFT", "STATES", "Outcomes"]

LEFT = "left"
STATES = (LEFT, "done", "rejected", "unknown")


class Outcomes:
    """One row each: its key, its state as a single byte, its id, and its words by number, as most say the same."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._known: set[str] = set()
        self._states = bytearray()
        self._ids: list[str] = []
        self._words = array("I")
        self._said: dict[str, int] = {"": 0}
        self._counts = [0] * len(STATES)

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: str) -> int:
        """A row that has been read; its place."""
        self._keys.append(key)
        self._known.add(key)
        self._states.append(0)
        self._ids.append("")
        self._words.append(0)
        self._counts[0] += 1
        return len(self._keys) - 1

    def knows(self, key: str) -> bool:
        """Whether a row of this key has been read."""
        return key in self._known

    def note(self, place: int, outcome: Outcome) -> None:
        """What became of the row at a place."""
        self._turn(place, STATES.index(outcome.state))
        self._ids[place] = outcome.id
        self._words[place] = self._said.setdefault(outcome.words, len(self._said))

    def again(self, place: int) -> None:
        """The row is to be sent once more."""
        self._turn(place, 0)

    def mend(self) -> None:
        """After an interrupt, which may have come between two lines of `add` or `note`: count afresh, drop half a row."""
        whole = min(len(self._keys), len(self._states), len(self._ids), len(self._words))
        for part in (self._keys, self._states, self._ids, self._words):
            del part[whole:]
        self._counts = [self._states.count(state) for state in range(len(STATES))]

    def count(self, state: str) -> int:
        return self._counts[STATES.index(state)]

    def nameless(self) -> Iterator[tuple[int, str]]:
        """Place and key of the rows that are done and whose id nobody has told."""
        done = STATES.index("done")
        return ((place, key) for place, key in enumerate(self._keys) if self._states[place] == done and not self._ids[place])

    def name(self, place: int, number: str) -> None:
        """The id of the record that the row became."""
        self._ids[place] = number

    def frame(self) -> pd.DataFrame:
        """key, state, id and words of every row, in the order in which they were read."""
        said = pd.Series(list(self._said), dtype="str")
        states = pd.Series(list(STATES), dtype="str")
        return pd.DataFrame(
            {
                "key": pd.Series(self._keys, dtype="str"),
                "state": states.take(np.frombuffer(self._states, dtype=np.uint8)).reset_index(drop=True),
                "id": pd.Series(self._ids, dtype="str"),
                "words": said.take(np.frombuffer(self._words, dtype=np.uint32)).reset_index(drop=True),
            }
        )

    def _turn(self, place: int, state: int) -> None:
        self._counts[self._states[place]] -= 1
        self._counts[state] += 1
        self._states[place] = state
