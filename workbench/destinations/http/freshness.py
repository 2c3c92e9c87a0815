"""A change that hangs on a look: it goes out only as long as the look is fresh, however long it had to wait for its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from workbench.errors import Outdated

__all__ = ["only_while", "still_good"]


@dataclass
class _Hanging:
    """What the first change of this thread hangs on, and its method and path once it was let through."""

    good: Callable[[], bool]
    place: str = ""


_hanging: ContextVar[_Hanging | None] = ContextVar("hanging", default=None)


@contextmanager
def only_while(good: Callable[[], bool]) -> Iterator[None]:
    """Let the first change of this thread out only while `good`, asked after every wait and right before it is sent.

    Outdated where it is not, and then nothing was sent. What follows the first change belongs to it, and goes out.
    """
    token = _hanging.set(_Hanging(good))
    try:
        yield
    finally:
        _hanging.reset(token)


def still_good(place: str) -> None:
    """Raise Outdated where a change may not be sent any more; `place` is its method and path."""
    hanging = _hanging.get()
    if hanging is None or hanging.place not in ("", place):
        return
    if not hanging.good():
        raise Outdated(
            "the look at a record was too old when its change came to its turn",
            where=place,
            todo="run again: the record is looked at anew; nothing was sent",
        )
    hanging.place = place
