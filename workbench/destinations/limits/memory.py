"""What the book remembers of the limits: what was used, and a little ahead, so that no single call has to be written down.

Each text covers what may pass until the next one, about a second's worth. After a crash all of that counts as used.
Several clients may share a book: each adds what the others have used since it wrote last, and tells its own sum.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from workbench.destinations import Book
from workbench.destinations.limits.spending import Daily, Rolling, Spent, Window
from workbench.errors import IntegrityError

__all__ = ["Memory", "Recalled"]

VERSION = 1
BOOT = Path("/proc/sys/kernel/random/boot_id")
PACE = 1.2
"""Seconds of calls at the present rate that a text covers."""
FLOOR, SHARE = 500, 4
"""It covers at least this part of an allowance, and at most that one, unless the window is over before a run begins anew."""
SHORT = 10.0
KEPT = 2 * 86_400.0
"""Seconds for which the book keeps the sums of a client that writes no more."""
_WRITING = threading.Lock()  # for all clients of this process
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
    sums: Mapping[str, Mapping[str, float]]  # by client: what it has used of each window since it began, and when it wrote

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
        self._me = secrets.token_hex(4)
        self._mine: dict[str, float] = {}
        self._seen: dict[str, Mapping[str, float]] = {}

    def recall(self) -> Recalled | None:
        """What the book says; IntegrityError where it makes no sense, since the limits would be used twice."""
        found = self._read()
        if found is not None:
            self._seen = dict(found.sums)
        return found

    def _read(self) -> Recalled | None:
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
        sums = kept.get("sums", {})
        if not isinstance(sums, dict):
            raise TypeError("the sums are no table")
        return Recalled(elapsed, sure, None if vendor is None else float(str(vendor)), parked, windows, sums)

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
        with _WRITING:
            self._add(self._book, state, lock, ahead=ahead)

    def _add(self, book: Book, state: State, lock: threading.Lock, *, ahead: bool) -> None:
        found = self._read()
        with lock:
            now, logs, more = state()
            sums = self._learn(found, logs, now)
            lasted, self._written = max(now - self._written, 0.001), now
            advances = [_advance(log, lasted) if ahead else 0 for log in logs]
            windows = {_named(log.window): log.written(now, advance) for log, advance in zip(logs, advances, strict=True)}
            for log in logs:
                self._mine[_named(log.window)] = self._mine.get(_named(log.window), 0) + log.since
                log.since = 0
        wall, boot = self._clock.time(), self._boot
        told = {_named(log.window): advance for log, advance in zip(logs, advances, strict=True)}
        sums[self._me] = {"at": wall, **{name: self._mine[name] + advance for name, advance in told.items()}}
        kept = {"version": VERSION, "boot": boot, "wall": wall, "monotonic": now, **more, "windows": windows, "sums": sums}
        book.keep(json.dumps(kept, separators=(",", ":")))
        with lock:
            for log, advance in zip(logs, advances, strict=True):
                log.promised = advance - log.since

    def _learn(self, found: Recalled | None, logs: Sequence[Spending], now: float) -> dict[str, Mapping[str, float]]:
        """Count what other clients have used since we looked last; the answer is their sums, as far as still of use."""
        sums = {client: said for client, said in (found.sums if found else {}).items() if client != self._me}
        for client, said in sums.items():
            before = self._seen.get(client, {})
            for log in logs:
                name = _named(log.window)
                if (units := int(said.get(name, 0) - before.get(name, 0))) > 0:
                    log.others(now, units)
        self._seen = {client: _greatest(said, self._seen.get(client, {})) for client, said in sums.items()}
        return {client: said for client, said in sums.items() if self._clock.time() - said["at"] < KEPT}


def _greatest(one: Mapping[str, float], other: Mapping[str, float]) -> Mapping[str, float]:
    """Sums of a client that has ended may be less than it had promised itself."""
    return {name: max(said, other.get(name, 0)) for name, said in one.items()}


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
