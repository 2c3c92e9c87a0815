"""What has to hold at the very moment at which a change leaves, however long it had to wait for its turn.

A change may hang on a look that grows old, and every change on our right to write, which another run may have taken over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from workbench.errors import Outdated

__all__ = ["may_leave", "only_by", "only_while"]


@dataclass
class _Hanging:
    """What the first change of this thread hangs on, and its method and path once it was let through."""

    good: Callable[[], bool]
    place: str = ""


_hanging: ContextVar[_Hanging | None] = ContextVar("hanging", default=None)
_right: ContextVar[Callable[[], None] | None] = ContextVar("right", default=None)


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


@contextmanager
def only_by(right: Callable[[], None]) -> Iterator[None]:
    """Let changes of this thread out only where `right`, asked right before each of them is sent, raises nothing."""
    token = _right.set(right)
    try:
        yield
    finally:
        _right.reset(token)


def may_leave(place: str) -> None:
    """To be called before the first byte of a change: raises where it may not be sent any more; `place` is method and path."""
    if (right := _right.get()) is not None:
        right()
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
