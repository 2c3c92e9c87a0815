"""An account's limits of requests, kept by all threads of a run together."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.destinations import Wait

__all__ = ["Limiter", "Window"]

MARGIN = 0.05
"""Seconds that a window is held longer than it lasts, because requests arrive a little later than they are sent."""


@dataclass(frozen=True)
class Window:
    """So many requests in any stretch of so many real seconds."""

    seconds: float
    allowance: int


class Limiter:
    """Lets requests pass so that no window ever holds more than its allowance; shared by all threads of a run."""

    def __init__(self, windows: Sequence[Window], *, report: Callable[[Wait], None]) -> None:
        self._windows = [(window, deque[float]()) for window in windows]
        self._report = report
        self._lock = threading.Lock()
        self._parked, self._reason = 0.0, ""

    def take(self) -> None:
        """Wait for a place in every window, and take it."""
        while True:
            with self._lock:
                now = time.monotonic()
                pause = self._pause(now)
                reason = self._reason if self._parked > now else "the account's limit of requests"
                if pause <= 0:
                    return
            self._report(Wait(pause, reason))
            time.sleep(pause)

    def park(self, seconds: float, reason: str) -> None:
        """Let nobody pass for so long, because the destination said so."""
        with self._lock:
            self._parked, self._reason = max(self._parked, time.monotonic() + seconds), reason

    def _pause(self, now: float) -> float:
        pauses = [self._parked - now]
        for window, sent in self._windows:
            while sent and sent[0] <= now - window.seconds - MARGIN:
                sent.popleft()
            if len(sent) >= window.allowance:
                pauses.append(sent[0] + window.seconds + MARGIN - now)
        longest = max(pauses)
        if longest <= 0:
            for _, sent in self._windows:
                sent.append(now)
        return longest
