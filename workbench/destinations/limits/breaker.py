"""The stop in front of a whole credential: after a 429 until the destination takes calls again, after a block for longer.

What ends a block is one careful call: everybody else waits for how it ends.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["Breaker"]


class Breaker:
    """Until which moment of a monotonic clock nobody may send, and why. It keeps no lock: its limiter holds one."""

    __slots__ = ("_careful", "_trying", "reason", "until")

    def __init__(self) -> None:
        self.until = 0.0
        self.reason = ""
        self._careful = False
        self._trying = False

    def hold(self, until: float, reason: str) -> None:
        """Nobody sends until then; a longer stop stays."""
        if until > self.until:
            self.until, self.reason = until, reason

    def block(self, until: float, reason: str) -> None:
        """Nobody sends until then, and after that a single call at first."""
        self.hold(until, reason)
        self._careful, self._trying = True, False

    @property
    def careful(self) -> bool:
        """Whether the next call is the single one, or is on its way."""
        return self._careful

    def waits(self) -> bool:
        """Whether a call has to wait for how the single one ends."""
        return self._trying

    def begin(self) -> None:
        """A call is on its way; after a block it is the single one."""
        self._trying = self._careful

    def ended(self, *, passed: bool) -> None:
        """How the single call has ended. One that did not arrive leaves the next one as careful."""
        self._trying = False
        if passed:
            self._careful = False

    def written(self, now: float) -> Mapping[str, object]:
        """What the book keeps of it."""
        return {"seconds": round(max(self.until - now, 0.0), 3), "reason": self.reason, "careful": self._careful}

    def restore(self, said: Mapping[str, object], *, now: float, elapsed: float) -> None:
        """Take up the stop of an earlier run."""
        seconds = said.get("seconds")
        left = float(seconds) - elapsed if isinstance(seconds, int | float) else 0.0
        if left > 0:
            self.hold(now + left, str(said.get("reason", "")))
        self._careful = bool(said.get("careful"))
