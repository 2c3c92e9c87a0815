"""How much longer than the quickest each answer took: so much later at most was its call counted over there."""

from __future__ import annotations

from collections import deque

__all__ = ["Echo"]

ROUND, ROUNDS = 200, 16
"""Answers after which it is judged anew whether they come evenly, and rounds of which the quickest answer is remembered."""
EVEN, ALIKE, FAR = 0.06, 0.02, 0.3
"""Answers come evenly where they take so many seconds longer than the quickest in the mean, or so many longer or shorter than
the one before: then many calls wait together, and arrive together. No single answer counts for more than the last number."""


class Echo:
    """What the time of the answers tells of the moment at which calls are counted; for one thread at a time.

    The way there takes at least as long as that of the quickest. So of an answer that took so many seconds longer, the call
    was counted so many seconds later at most, and whatever leaves that much after the end of its window comes after it.
    That is worth something only where most answers take as long as the one before: else more is gained by counting on their
    mean.
    """

    __slots__ = ("_before", "_even", "_least", "_number", "_quickest", "_steps", "_sum")

    def __init__(self) -> None:
        self._least = float("inf")
        self._quickest: deque[float] = deque(maxlen=ROUNDS)
        self._number = 0
        self._before = self._steps = self._sum = 0.0
        self._even = True  # until it is judged: the first calls wait together for their connections

    def heard(self, seconds: float) -> float | None:
        """Of an answer after so many seconds, by how much its call was later than the quickest; None where they stray."""
        self._least = min(self._least, seconds)
        late = seconds - min(self._least, min(self._quickest, default=self._least))
        self._number += 1
        self._sum += min(late, FAR)
        self._steps += min(abs(late - self._before), FAR)
        self._before = late
        if self._number == ROUND:
            self._even = self._sum <= EVEN * ROUND or self._steps <= ALIKE * ROUND
            self._quickest.append(self._least)
            self._least, self._number, self._sum, self._steps = float("inf"), 0, 0.0, 0.0
        return late if self._even else None
