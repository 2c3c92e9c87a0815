"""Threads that carry out one call each at a time, end what they have begun, and can be left behind."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

__all__ = ["Done", "Lanes", "left_behind"]

Task = TypeVar("Task")
Answer = TypeVar("Answer")
BEHIND = "left behind: "
"""How the threads are named that were in a call when nobody wanted to wait for them any more."""


@dataclass(frozen=True)
class Done(Generic[Task, Answer]):
    """A task that a lane has ended: with an answer, or with an error."""

    task: Task
    answer: Answer | None = None
    error: BaseException | None = None


class Lanes(Generic[Task, Answer]):
    """So many threads, begun as they are needed. They are daemons: a process that ends waits for none of them.

    An interrupt may come between any two steps of the thread that gives the tasks. So what has ended stays in sight until
    it was taken note of, and whether a lane is at work is told by whether it lives, never by a count.
    """

    def __init__(self, work: Callable[[Task], Answer], *, count: int, name: str) -> None:
        self.count = count
        self.busy = 0  # tasks that were given and not taken note of yet
        self._work = work
        self._name = name
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._ended: deque[Done[Task, Answer]] = deque()
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def give(self, task: Task) -> None:
        """Have a task done by whichever lane is free next."""
        self.busy += 1
        self._tasks.put(task)
        if len(self._threads) < min(self.count, self.busy):
            lane = threading.Thread(target=self._run, name=f"{self._name} {len(self._threads) + 1}", daemon=True)
            self._threads.append(lane)
            lane.start()

    def next(self, timeout: float) -> Done[Task, Answer] | None:
        """A task that has ended, in sight until `noted`; None where none ends in so many seconds."""
        if not self._ended:
            with suppress(Empty):
                self._bell.get(timeout=timeout)
        return self._ended[0] if self._ended else None

    def noted(self) -> None:
        """What `next` gave last was taken note of."""
        self._ended.popleft()
        self.busy -= 1
        with suppress(Empty):
            self._bell.get_nowait()

    def hold(self) -> None:
        """Begin nothing any more: every lane goes home once it has ended what it has begun."""
        with suppress(Empty):
            while True:
                self._tasks.get_nowait()
        for _ in self._threads:
            self._tasks.put(None)

    def at_work(self) -> int:
        """Lanes that have not gone home yet."""
        return sum(lane.is_alive() for lane in self._threads)

    def close(self) -> None:
        """Let the lanes go home. One that is still in a call is left behind, and ends it by itself."""
        self.hold()
        if self.busy:
            for lane in self._threads:
                lane.name = BEHIND + lane.name

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                done = Done(task, self._work(task))
            except BaseException as error:  # it is raised again where the answer is taken
                done = Done(task, error=error)
            self._ended.append(done)
            self._bell.put(None)


def left_behind() -> list[threading.Thread]:
    """Lanes of an earlier load in this process that are still in a call."""
    return [thread for thread in threading.enumerate() if thread.name.startswith(BEHIND)]
