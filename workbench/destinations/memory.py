"""What the book remembers of the limits: what was used, and a little ahead, so that no single call has to be written down.

Each text covers what may pass until the next one, about a second's worth. After a crash all of that counts as used.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from workbench.destinations import Book
from workbench.destinations.spending import Daily, Rolling, Spent, Window
from workbench.errors import IntegrityError

__all__ = ["Memory", "Recalled"]

VERSION = 1
BOOT = Path("/proc/sys/kernel/random/boot_id")
PACE = 1.2
"""Seconds of calls at the present rate that a text covers."""
FLOOR, SHARE = 500, 4
"""It covers at least this part of an allowance, and at most that one, unless the window is over before a run begins anew."""
SHORT = 10.0
Spending = Rolling | Daily
State = Callable[[], tuple[float, Sequence[Spending], Mapping[str, object]]]


class Times(Protocol):
    """The two clocks that tell how old a text is."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    def time(self) -> float:
        """Seconds since 1970."""


@dataclass(frozen=True)
class Recalled:
    """What an earlier run has left, and how long ago; ``sure`` where no clock that may be set stands behind that."""

    elapsed: float
    sure: bool
    vendor: float | None
    parked: Mapping[str, object]
    windows: Mapping[str, Spent]

    def spent(self, window: Window) -> Spent | None:
        """What was used of a window; None where that run did not know it."""
        return self.windows.get(_named(window))


class Memory:
    """Writes and reads the book, one thread at a time; without a book it remembers nothing."""

    def __init__(self, book: Book | None, *, clock: Times) -> None:
        self._book = book
        self._clock = clock
        self._keeping = threading.Lock()
        self._written = 0.0
        self._boot = _boot()

    def recall(self) -> Recalled | None:
        """What the book says; IntegrityError where it makes no sense, since the limits would be used twice."""
        text = self._book.read() if self._book else ""
        if not text:
            return None
        try:
            kept = json.loads(text)
            if kept["version"] != VERSION:
                raise ValueError(f"version {kept['version']}")
            return self._recalled(kept)
        except (ValueError, KeyError, TypeError, AttributeError) as wrong:
            raise IntegrityError(
                "what was used of the account's limits cannot be read",
                expected=f"JSON, version {VERSION}",
                found=f"{type(wrong).__name__}: {str(wrong)[:80]}",
                where="the book of the destination's limits",
                todo="wait until a full day has passed since the last run, then delete this book; or restore the database",
            ) from None

    def _recalled(self, kept: Mapping[str, object]) -> Recalled:
        numbers = {name: float(str(kept[name])) for name in ("wall", "monotonic")}
        elapsed = self._clock.monotonic() - numbers["monotonic"]
        # Within one start of the machine the monotonic clock goes on; after it only the wall clock is left.
        sure = bool(self._boot) and kept["boot"] == self._boot and elapsed >= 0
        if not sure:
            elapsed = max(self._clock.time() - numbers["wall"], 0.0)
        vendor, parked, windows = kept["vendor"], kept["parked"], kept["windows"]
        if not (isinstance(parked, dict) and isinstance(windows, dict)):
            raise TypeError("a part is no table")
        return Recalled(elapsed, sure, None if vendor is None else float(str(vendor)), parked, windows)

    def cover(self, state: State, lock: threading.Lock) -> None:
        """Write the book unless another thread has just done so; no call that it does not cover may go before."""
        with self._keeping:
            with lock:
                if all(log.promised >= 0 for log in state()[1]):
                    return
            self._write(state, lock)

    def keep(self, state: State, lock: threading.Lock) -> None:
        """Write the book now."""
        with self._keeping:
            self._write(state, lock)

    def close(self, state: State, lock: threading.Lock) -> None:
        """Write what was really used, for a run that has ended as it should."""
        with self._keeping:
            self._write(state, lock, ahead=False)

    def _write(self, state: State, lock: threading.Lock, *, ahead: bool = True) -> None:
        if self._book is None:
            return
        with lock:
            now, logs, more = state()
            lasted, self._written = max(now - self._written, 0.001), now
            advances = [_advance(log, lasted) if ahead else 0 for log in logs]
            windows = {_named(log.window): log.written(now, advance) for log, advance in zip(logs, advances, strict=True)}
            for log in logs:
                log.since = 0
        wall, boot = self._clock.time(), self._boot
        kept = {"version": VERSION, "boot": boot, "wall": wall, "monotonic": now, **more, "windows": windows}
        self._book.keep(json.dumps(kept, separators=(",", ":")))
        with lock:
            for log, advance in zip(logs, advances, strict=True):
                log.promised = advance - log.since


def _advance(log: Spending, lasted: float) -> int:
    """Units that may pass until the next text: as many as in a second of late, doubling at most."""
    floor = max(log.window.spendable // FLOOR, 1)
    pace = int(log.since / lasted * PACE)
    most = log.window.spendable // (SHARE if log.window.seconds > SHORT else 1)
    return max(min(pace, 2 * log.since, most), floor)


def _named(window: Window) -> str:
    return f"{window.name}/{window.seconds:g}/{window.unit}"


def _boot() -> str:
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""
