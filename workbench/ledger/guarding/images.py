"""Records as they are just before they are changed: read many in one call, as many as are changed while a look is fresh."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.destinations import Destination, Draft
from workbench.destinations.http.purposes import LOOKS, calls_for

__all__ = ["Images"]

FRESH, STALE = 2.0, 8.0
"""Seconds between a look and the change that rests on it: what is aimed at, and from when on the record is read again."""
AT_ONCE = 100
FIRST = 8
"""Records that are read together before it is known how quickly they are changed."""


@dataclass
class _Shelf:
    """The images of one object: read and not asked for yet, and whose records will be changed soon, in that order."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    soon: dict[str, None] = field(default_factory=dict)
    read: dict[str, tuple[float, Mapping[str, Any] | None]] = field(default_factory=dict)  # id → when, and what it held
    size: int = FIRST
    since: float = 0.0  # the last reading, and how many records it read
    count: int = 0


class Images:
    """Hands out what records hold; each image once, as it is of no worth after the change. Used by all lanes."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._lock = threading.Lock()
        self._shelves: dict[str, _Shelf] = {}

    def announce(self, object_: str, drafts: Iterable[Draft]) -> None:
        """These will be changed, in about this order, so that a look at one of them may be a look at the next ones too."""
        ids = dict.fromkeys(draft.id for draft in drafts if draft.id)
        if ids:
            shelf = self._shelf(object_)
            with shelf.lock:
                shelf.soon |= ids

    def of(self, object_: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Id → what the record holds, as it was read at most `STALE` seconds ago; records that are gone are left out."""
        if not ids:
            return {}
        shelf = self._shelf(object_)
        with shelf.lock:
            now = time.monotonic()
            fresh = {number: image for number, (at, image) in shelf.read.items() if now - at <= STALE}
            missing = [number for number in ids if number not in fresh]
            if missing:
                fresh |= self._read(object_, shelf, missing, now)
            for number in ids:
                shelf.read.pop(number, None)
                shelf.soon.pop(number, None)
        return {number: dict(image) for number in ids if (image := fresh[number]) is not None}

    def _read(self, object_: str, shelf: _Shelf, missing: list[str], now: float) -> dict[str, Mapping[str, Any] | None]:
        """These and the next ones, as many as the last ones were used up quickly."""
        if shelf.count:
            rate = shelf.count / max(now - shelf.since, 1e-3)
            shelf.size = min(max(int(rate * FRESH), 1), AT_ONCE)
        for number in missing:
            shelf.soon.pop(number, None)
        known = [number for number, (at, _) in shelf.read.items() if now - at <= STALE]
        more = [number for number in shelf.soon if number not in known][: max(shelf.size - len(missing), 0)]
        wanted = [*missing, *more]
        with calls_for(LOOKS):
            there = {record.id: record.values for record in self._destination.read(object_, wanted)}
        shelf.since, shelf.count = now, len(wanted)
        shelf.read |= {number: (now, there.get(number)) for number in wanted}
        return {number: there.get(number) for number in wanted}

    def _shelf(self, object_: str) -> _Shelf:
        with self._lock:
            return self._shelves.setdefault(object_, _Shelf())
