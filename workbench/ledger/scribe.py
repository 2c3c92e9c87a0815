"""Group commit: what many threads want written waits for one fsync together, and each learns of its own rows.

Whoever finds the pen free takes it. What others bring meanwhile waits in a queue, and the first of them takes the pen next,
with all that waits. So a slow disk makes the groups larger, not the queue longer. A lone caller commits at once; where many
threads write all the time, commits keep a small distance, as a transaction costs more than a row of it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from workbench.errors import Uncertain

__all__ = ["AT_ONCE", "CROWD", "Scribe"]

S = TypeVar("S")
R = TypeVar("R")
AT_ONCE = 500
"""Rows in one transaction; a single caller's rows are never divided."""
CROWD, CROWDED = 8, 0.1
"""So many calls within so many seconds, most of them from different threads, are a crowd."""
DISTANCE = 0.015
"""Seconds from the beginning of one commit to the next in a crowd."""


class Scribe(Generic[S, R]):
    """Passes what callers bring to `commit`, in the order in which it came; safe for any number of threads.

    `commit` takes what several callers brought, writes it in one transaction and gives one answer each. Where it fails,
    nothing of any of them is written, and each of them is told.
    """

    def __init__(self, commit: Callable[[Sequence[S]], Sequence[R]], *, rows: Callable[[S], int]) -> None:
        self._commit = commit
        self._rows = rows
        self._lock = threading.Lock()
        self._queue: deque[_Caller[S, R]] = deque()
        self._holder: _Caller[S, R] | None = None  # of the pen
        self._came: deque[tuple[float, int]] = deque(maxlen=CROWD)  # when the last callers came, and their threads
        self._begun = 0.0  # when the last commit was

    def write(self, sheet: S) -> R:
        """Have it written; returns `commit`'s answer once it is on disk, or raises what `commit` raised."""
        mine: _Caller[S, R] = _Caller(sheet)
        try:
            with self._lock:
                self._queue.append(mine)
                self._came.append((time.monotonic(), threading.get_ident()))
                self._holder = self._holder or mine
            if self._holder is not mine:
                mine.bell.acquire()
            if not mine.answers and mine.error is None:
                self._lead(mine)
        except BaseException:  # an interrupted thread leaves neither a row nor the pen behind, wherever it is met
            self._leave(mine)
            raise
        if mine.error is not None:
            raise mine.error
        return mine.answers[0]

    def _lead(self, mine: _Caller[S, R]) -> None:
        callers = mine.company
        try:
            if (wait := self._distance()) > 0:
                time.sleep(wait)
            self._gather(callers)
            answers = self._commit([caller.sheet for caller in callers])
            for caller, answer in zip(callers, answers, strict=True):
                caller.answers.append(answer)
        except Exception as error:
            for caller in callers:
                caller.error = error
        except BaseException:  # an interrupt of this thread, perhaps just after the commit
            for caller in callers:
                caller.error = Uncertain("the run was interrupted while it wrote its ledger", todo="start it again: it resumes")
            raise
        finally:
            self._leave(mine)

    def _distance(self) -> float:
        """Seconds that the commit waits for company: none, unless there is a crowd and little of it has come yet."""
        with self._lock:
            now = time.monotonic()
            many = len({thread for moment, thread in self._came if now - moment < CROWDED}) > CROWD // 2
            wait = self._begun + DISTANCE - now if many and len(self._queue) < CROWD else 0.0
            self._begun = now + max(wait, 0.0)
        return wait

    def _gather(self, callers: list[_Caller[S, R]]) -> None:
        """Who comes along in this transaction; the holder of the pen is the first."""
        with self._lock:
            rows = 0
            while self._queue and (not callers or rows + self._rows(self._queue[0].sheet) <= AT_ONCE):
                callers.append(self._queue[0])
                rows += self._rows(self._queue.popleft().sheet)

    def _leave(self, mine: _Caller[S, R]) -> None:
        """Pass the pen on, if it is ours, and wake whoever came along; good for more than one time."""
        with self._lock:
            if mine in self._queue:
                self._queue.remove(mine)
            if self._holder is mine:
                self._holder = self._queue[0] if self._queue else None
            if self._holder is not None:
                self._holder.ring()
            for caller in mine.company:
                caller.ring()


class _Caller(Generic[S, R]):
    """One call of `write` and what came of it."""

    def __init__(self, sheet: S) -> None:
        self.sheet = sheet
        self.answers: list[R] = []  # one, once it is written
        self.error: BaseException | None = None
        self.company: list[_Caller[S, R]] = []  # whom it takes along where it leads, itself the first
        self.bell = threading.Lock()
        self.bell.acquire()

    def ring(self) -> None:
        """Wake the caller; once, whoever rings, with the lock of the queue."""
        if self.bell.locked():
            self.bell.release()
