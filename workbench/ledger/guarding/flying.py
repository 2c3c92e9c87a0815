"""What one run has in the air: keys that a thread works on, calls not yet answered, and what stayed without an answer.

Times are measured by the monotonic clock, as the clock on the wall may be set while a load runs.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from workbench.destinations import Draft

__all__ = ["Flying", "Given", "Screened"]

MANY = 10_000
"""Drafts, and twice as many ids, that are remembered."""
SAMPLES = 4096
RARE = 0.999
"""The share of calls that were answered within the time that counts as slow."""


class Flying:
    """Shared by all threads of one guard; nothing in it waits for the network or the database."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._held: set[tuple[str, str]] = set()
        self._batches: set[str] = set()
        self._begun = time.monotonic()
        self._ambiguous: dict[str, float] = {}  # object → when a change last stayed without an answer
        self._sent: dict[str, tuple[int, float]] = {}  # object → calls so far, and the end of the last one
        self._seconds: deque[float] = deque(maxlen=SAMPLES)

    @contextmanager
    def holding(self, object_: str, keys: Collection[str]) -> Iterator[None]:
        """Be the only thread that works on these keys; waits while another one does."""
        mine = {(object_, key) for key in keys}
        with self._free:
            self._free.wait_for(lambda: self._held.isdisjoint(mine))
            self._held |= mine
        try:
            yield
        finally:
            with self._free:
                self._held -= mine
                self._free.notify_all()

    @contextmanager
    def batch(self, object_: str, name: str) -> Iterator[None]:
        """A batch is in the air from before its intents are written down until its outcomes are."""
        with self._free:
            self._batches.add(name)
        try:
            yield
        finally:
            with self._free:
                self._batches.discard(name)
                calls, _ = self._sent.get(object_, (0, 0.0))
                self._sent[object_] = (calls + 1, time.monotonic())

    def batches(self) -> frozenset[str]:
        with self._free:
            return frozenset(self._batches)

    def calls(self, object_: str) -> int:
        """How many batches of the object this run has sent."""
        with self._free:
            return self._sent.get(object_, (0, 0.0))[0]

    # ------------------------------------------------------------ without an answer

    def lose(self, object_: str) -> None:
        """A change of the object has just stayed without an answer."""
        with self._free:
            self._ambiguous[object_] = time.monotonic()

    def since_ambiguous(self, object_: str) -> float:
        """Seconds since a change of the object may last have been sent without an answer; for an earlier run, since our start.

        An earlier run's own times are of no use: nobody knows what the clock on the wall did meanwhile.
        """
        with self._free:
            return time.monotonic() - max(self._begun, self._ambiguous.get(object_, self._begun))

    def since_sent(self, object_: str) -> float:
        """Seconds since this run last sent a change of the object, or since its start."""
        with self._free:
            return time.monotonic() - max(self._begun, self._sent.get(object_, (0, self._begun))[1])

    # ------------------------------------------------------------ how long answers take

    def took(self, seconds: float) -> None:
        """A call was answered after so long, without a wait for limits in between."""
        self._seconds.append(seconds)

    def slow(self) -> float:
        """The time within which all but one of a thousand calls were answered; 0 before the first."""
        seconds = sorted(self._seconds.copy())
        return seconds[int((len(seconds) - 1) * RARE + 0.5)] if seconds else 0.0


class Screened:
    """Drafts of which the ledger has been asked already, each good for one sending, the oldest forgotten above a bound."""

    def __init__(self, bound: int = MANY) -> None:
        self._bound = bound
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], tuple[Draft, int]] = OrderedDict()

    def put(self, object_: str, draft: Draft, tries: int) -> None:
        """This very draft is to be sent, and was tried so often before."""
        with self._lock:
            self._known[object_, draft.key] = (draft, tries)
            if len(self._known) > self._bound:
                self._known.popitem(last=False)

    def take(self, object_: str, draft: Draft) -> int | None:
        """How often this very draft was tried before; None where the ledger has to be asked. Forgets the key."""
        with self._lock:
            known = self._known.pop((object_, draft.key), None)
        return known[1] if known is not None and known[0] is draft else None


class Given:
    """The ids that were given last, each with the operation and the key that got it: no two keys share one."""

    def __init__(self, bound: int = 2 * MANY) -> None:
        self._bound = bound
        self._lock = threading.Lock()
        self._ids: OrderedDict[tuple[str, str], tuple[int, str]] = OrderedDict()
        self._doubted: dict[int, str] = {}  # operation → why nobody knows its id; as rare as a swapped answer

    def claim(self, object_: str, number: str, owner: tuple[int, str]) -> tuple[int, str] | None:
        """Note the owner (operation, key) of an id; where it is another key's already, that one's operation and why.

        Nobody knows then whose the id is, and the other operation is doubted, whatever its own thread writes of it.
        """
        with self._lock:
            before = self._ids.setdefault((object_, number), owner)
            if len(self._ids) > self._bound:
                self._ids.popitem(last=False)
            if before[1] == owner[1]:
                return None
            self._ids.pop((object_, number), None)
            self._doubted[before[0]] = f"two keys were told of the record {number}"
            return before[0], self._doubted[before[0]]

    def doubted(self, numbers: Sequence[int]) -> dict[int, str]:
        """Which of these operations another thread has come to doubt, and why."""
        with self._lock:
            return {number: self._doubted[number] for number in numbers if number in self._doubted}
