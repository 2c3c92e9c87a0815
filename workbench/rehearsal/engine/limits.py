"""Limits: a clock that may run fast, and windows of time that count requests or tokens."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from workbench.rehearsal.engine.switches import Switch

LIMIT_SWITCHES = (
    Switch("limits", "on", ("on", "off"), "whether the plan's request limits hold", "freshsales-api §7, pipedrive-api §4"),
    Switch("limit_counts_refused", "off", ("on", "off"), "whether a refused request uses up the limit", "reliability §9"),
)
CLOCK_SWITCHES = (
    Switch("skew_seconds", "0", (), "seconds that the vendor's clock is ahead, or behind below 0", "reliability §4 F20", True),
)


@dataclass(frozen=True, slots=True)
class Clock:
    """The vendor's wall time in seconds since 1970, and the limiter's own time, which runs ``scale`` times as fast."""

    scale: float = 1.0
    skew: float = 0.0  # seconds that the vendor's clock is ahead of this machine's

    def now(self) -> float:
        return time.time() + self.skew

    def wait(self, seconds: float) -> float:
        """Real seconds that a wait of so many rehearsal seconds takes."""
        return seconds / self.scale


@dataclass(frozen=True, slots=True)
class Window:
    """An allowance in a stretch of rehearsal seconds; a rolling one slides, a fixed one starts anew at each full stretch."""

    name: str
    seconds: int
    allowance: int
    unit: Literal["requests", "tokens"] = "requests"
    rolling: bool = False
    offset: int = 0  # rehearsal seconds after a full stretch at which a fixed window starts anew


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request uses up: one in each of these windows that counts requests, ``tokens`` in each that counts tokens."""

    windows: tuple[str, ...]
    tokens: int = 0
    refund: bool = False  # a request that the vendor refuses gets its tokens back


@dataclass(frozen=True, slots=True)
class Left:
    """What a window has left after a request, and real seconds until it has more."""

    window: Window
    remaining: int
    reset: float


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a request may pass, and how its windows stand; ``spent`` is the (slowest) one that refuses it."""

    passed: bool
    windows: tuple[Left, ...] = ()
    spent: Left | None = None

    @property
    def tightest(self) -> Left | None:
        """The window that refuses, or else the one with the least left."""
        return self.spent or min(self.windows, key=lambda left: left.remaining, default=None)


@dataclass(slots=True)
class _Use:
    window: Window
    start: float = 0.0  # of the present stretch of a fixed window
    total: int = 0
    events: deque[tuple[float, int]] = field(default_factory=deque)  # of a rolling window

    def turn(self, moment: float) -> None:
        """Forget what no longer counts at this moment; what lies after it counts as of now, since the clock was set back."""
        if not self.window.rolling:
            start = moment - (moment - self.window.offset) % self.window.seconds
            if start > self.start:
                self.total = 0
            self.start = start
            return
        if self.events and self.events[-1][0] > moment:
            self.events = deque((min(at, moment), units) for at, units in self.events)
        while self.events and self.events[0][0] <= moment - self.window.seconds:
            self.total -= self.events.popleft()[1]

    def add(self, moment: float, units: int) -> None:
        self.turn(moment)
        self.total += units
        if self.window.rolling:
            self.events.append((moment, units))

    def take_back(self, units: int) -> None:
        """Forget what was added last."""
        self.total -= units
        if self.window.rolling:
            self.events.pop()

    def opens(self, moment: float) -> float:
        """Rehearsal seconds until something is free again."""
        begun = self.start if not self.window.rolling else self.events[0][0] if self.events else moment
        return max(begun + self.window.seconds - moment, 0.0)


class Limiter:
    """Counts what requests cost in each window."""

    def __init__(self, windows: Sequence[Window], clock: Clock, *, count_refused: bool) -> None:
        self._clock = clock
        self._count_refused = count_refused
        self._uses: Mapping[str, _Use] = {window.name: _Use(window) for window in windows}

    def take(self, now: float, cost: Cost) -> Standing:
        """Count one request at the wall time ``now`` and say whether it may pass."""
        moment = now * self._clock.scale
        uses = [self._uses[name] for name in cost.windows if name in self._uses]
        for use in uses:
            use.turn(moment)
        full = {use.window.name for use in uses if use.total + _units(use.window, cost) > use.window.allowance}
        if not full or self._count_refused:
            self.remember(now, cost)
        lefts = tuple(self._left(use, moment) for use in uses)
        spent = max((left for left in lefts if left.window.name in full), key=lambda left: left.reset, default=None)
        return Standing(not full, lefts, spent)

    def remember(self, now: float, cost: Cost) -> None:
        """Count a request that has passed, without asking."""
        for name in cost.windows:
            if name in self._uses:
                use = self._uses[name]
                use.add(now * self._clock.scale, _units(use.window, cost))

    def give_back(self, now: float, cost: Cost) -> None:
        """Take back the tokens of a request that was refused; it still was a request."""
        for name in cost.windows:
            if name in self._uses and self._uses[name].window.unit == "tokens":
                self._uses[name].add(now * self._clock.scale, -cost.tokens)

    def uncount(self, cost: Cost) -> None:
        """Forget the request that was taken last."""
        for name in cost.windows:
            if name in self._uses:
                self._uses[name].take_back(_units(self._uses[name].window, cost))

    def _left(self, use: _Use, moment: float) -> Left:
        return Left(use.window, max(use.window.allowance - use.total, 0), self._clock.wait(use.opens(moment)))


def _units(window: Window, cost: Cost) -> int:
    return cost.tokens if window.unit == "tokens" else 1
