"""Group commit: what many threads want written waits for one fsync together, and each learns of its own rows.

Whoever finds the pen free takes it and commits at once; nobody waits for company. What others bring meanwhile waits in a
queue, and the first of them takes the pen next, with all that waits. So a slow disk makes the groups larger, not the
queue longer.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from workbench.errors import Uncertain

__all__ = ["AT_ONCE", "Scribe"]

S = TypeVar("S")
R = TypeVar("R")
AT_ONCE = 500
"""Rows in one transaction; a single caller's rows are never divided."""


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
        self._taken = False  # the pen

    def write(self, sheet: S) -> R:
        """Have it written; returns `commit`'s answer once it is on disk, or raises what `commit` raised."""
        mine: _Caller[S, R] = _Caller(sheet)
        with self._lock:
            self._queue.append(mine)
            leads, self._taken = not self._taken, True
        if not leads:
            self._wait(mine)
        if not mine.answers and mine.error is None:
            self._lead()
        if mine.error is not None:
            raise mine.error
        return mine.answers[0]

    def _wait(self, mine: _Caller[S, R]) -> None:
        """Until it is written, or the pen is ours; an interrupted thread leaves neither a row nor the pen behind."""
        try:
            mine.bell.acquire()
        except BaseException:
            with self._lock:
                waits = mine in self._queue
                heads = waits and mine.leads
                if waits:
                    self._queue.remove(mine)
            if heads:
                self._pass_on()
            raise

    def _lead(self) -> None:
        callers = self._callers()
        try:
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
            self._pass_on()
            for caller in callers:
                caller.ring()

    def _callers(self) -> list[_Caller[S, R]]:
        """Who comes along in this transaction; the holder of the pen is the first."""
        with self._lock:
            found = [self._queue.popleft()]
            rows = self._rows(found[0].sheet)
            while self._queue and (rows := rows + self._rows(self._queue[0].sheet)) <= AT_ONCE:
                found.append(self._queue.popleft())
            return found

    def _pass_on(self) -> None:
        with self._lock:
            self._taken = bool(self._queue)
            if self._queue:
                self._queue[0].leads = True
                self._queue[0].ring()


class _Caller(Generic[S, R]):
    """One call of `write` and what came of it."""

    def __init__(self, sheet: S) -> None:
        self.sheet = sheet
        self.answers: list[R] = []  # one, once it is written
        self.error: BaseException | None = None
        self.leads = False
        self.bell = threading.Lock()
        self.bell.acquire()

    def ring(self) -> None:
        """Wake the caller; once, whoever rings."""
        if self.bell.locked():
            self.bell.release()
