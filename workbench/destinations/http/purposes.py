"""What calls are made for: to change something, to look first, or to read back; so that a load can tell what it took."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from workbench.destinations import Spent

__all__ = ["LOAD", "LOOKS", "READ_BACK", "Tally", "calls_for"]

LOAD, LOOKS, READ_BACK = "load", "look-ups", "read-back"
"""Changes and what belongs to them, such as a look at a job; looks before them; sweeps that show what has become of them."""
_purpose: ContextVar[str] = ContextVar("purpose", default=LOAD)


@contextmanager
def calls_for(purpose: str) -> Iterator[None]:
    """Have the calls that this thread makes in here counted for a purpose. Nothing may be yielded out of it."""
    token = _purpose.set(purpose)
    try:
        yield
    finally:
        _purpose.reset(token)


class Tally:
    """Calls and tokens by purpose, from any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent: dict[str, Spent] = {}

    def add(self, tokens: int) -> None:
        """Count a call that is about to be sent."""
        purpose = _purpose.get()
        with self._lock:
            self._spent[purpose] = self._spent.get(purpose, Spent()) + Spent(1, tokens)

    def spent(self, purpose: str) -> Spent:
        """What was counted for a purpose."""
        with self._lock:
            return self._spent.get(purpose, Spent())
