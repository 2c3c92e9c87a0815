"""How much is done for something, counted in calls: a busy machine makes them slower, but never more."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from sqlalchemy import Engine, event

__all__ = ["calls_of", "statements", "waits_of"]


def calls_of(work: Callable[[], object]) -> int:
    """How many functions of Python this thread calls while it does some work; what runs in C is not seen."""
    counted = 0

    def hear(frame: FrameType, what: str, argument: object) -> None:
        nonlocal counted
        counted += what == "call"

    before = sys.getprofile()
    sys.setprofile(hear)
    try:
        work()
    finally:
        sys.setprofile(before)
    return counted


@contextmanager
def statements(store: Engine) -> Iterator[list[str]]:
    """The statements that the database is asked meanwhile, in order."""
    asked: list[str] = []

    def hear(connection: object, cursor: object, statement: str, *rest: object) -> None:
        asked.append(statement)

    event.listen(store, "before_cursor_execute", hear)
    try:
        yield asked
    finally:
        event.remove(store, "before_cursor_execute", hear)


def waits_of(work: Callable[[], object]) -> int:
    """How often this thread lays itself to sleep while it does some work; being set aside for others does not count."""
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    work()
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw - before
