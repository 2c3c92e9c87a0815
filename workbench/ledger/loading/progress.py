"""Where a load stands: how many records, how fast, what is left of the account's limits, when it ends, and why it waits."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from workbench.destinations import Destination, Standing, Wait
from workbench.ledger.loading.outcomes import LEFT, Outcomes

__all__ = ["TICK", "Pace", "Pause", "Progress", "Reporter", "Waits"]

TICK = 0.2
"""Seconds between two reports."""

RECENT = 30.0
"""Seconds over which the rate is taken."""
NOTED = 1.0
"""Seconds that a wait lasts before it is worth a word."""


@dataclass(frozen=True)
class Pause:
    """A wait that is being made: why, and until when in seconds since 1970."""

    reason: str
    until: float


@dataclass(frozen=True)
class Progress:
    """Where a load of one object stands. Always: total = done + rejected + unknown + held + left."""

    object: str
    total: int
    done: int
    rejected: int
    unknown: int  # sent, and nobody can say yet what became of them
    seconds: float  # since the load began
    left: int = 0  # not read yet, waiting their turn, or being sent just now
    held: int = 0  # not to be sent
    rate: float = 0.0  # records settled per second at work, of late
    budget: tuple[Standing, ...] = ()
    eta: float | None = None  # seconds until the last record, at the rate and within the limits; None where nobody can tell
    wait: Pause | None = None
    doing: str = ""  # where it is not sending: what it does instead
    ended: bool = False  # this is the last word on this object

    @property
    def share(self) -> float:
        """The part of the records that is settled, from 0 to 1."""
        return 1.0 if not self.total else (self.total - self.left) / self.total


class Waits:
    """The waits that threads are in at the moment, as each of them said when it began to wait."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._of: dict[int, Pause] = {}

    def note(self, wait: Wait) -> None:
        """The calling thread is about to wait."""
        with self._lock:
            self._of[threading.get_ident()] = Pause(wait.reason, self._clock() + wait.seconds)

    def present(self) -> Pause | None:
        """The longest wait that somebody is in and that is worth a word."""
        now = self._clock()
        with self._lock:
            self._of = {thread: pause for thread, pause in self._of.items() if pause.until > now}
            longest = max(self._of.values(), key=lambda pause: pause.until, default=None)
        return longest if longest is not None and longest.until - now >= NOTED else None


class Pace:
    """How fast records are settled, what each costs, and when the last one will be.

    `calls` is what a record costs at least, in calls; what it costs in tokens is seen from what the limits have left.
    Time in which everybody waits does not count for the rate: nobody is slower for it once it is over.
    """

    def __init__(self, *, calls: float = 1.0) -> None:
        self._calls = calls
        self._points: deque[tuple[float, int]] = deque()  # time at work, records settled
        self._rested = 0.0
        self._last = 0.0
        self._seen: dict[str, Standing] = {}
        self._used: dict[str, float] = {}
        self._whole: dict[str, float] = {}  # the longest time in which a limit was whole again
        self._settled = 0
        self._steady = 0.0  # the last rate at which anything moved

    def note(self, now: float, settled: int, standing: Sequence[Standing], *, waiting: bool = False) -> None:
        """So many records are settled at this moment, and so much is left; `waiting` says that nothing can move."""
        if waiting and settled == self._settled and self._points:
            self._rested += now - self._last
        self._last, self._settled = now, settled
        self._points.append((now - self._rested, settled))
        while len(self._points) > 2 and self._points[1][0] < self._points[-1][0] - RECENT:
            self._points.popleft()
        for each in standing:
            before = self._seen.get(each.name)
            if before is not None:
                self._used[each.name] = self._used.get(each.name, 0.0) + max(0, before.left - each.left)
            self._seen[each.name] = each
            if not waiting:  # whoever waits has spent some of what comes back already
                self._whole[each.name] = max(self._whole.get(each.name, 0.0), each.resets_in)

    @property
    def rate(self) -> float:
        """Records per second at work, of late; of the whole time where nothing was settled of late."""
        (began, before), (now, settled) = (self._points[0], self._points[-1]) if self._points else ((0.0, 0), (0.0, 0))
        if now > began and settled > before:
            self._steady = (settled - before) / (now - began)
        return self._steady

    def eta(self, left: int, standing: Sequence[Standing], *, pause: float = 0.0) -> float | None:
        """Seconds until so many records are settled: by the rate, or by the limit that lets them through latest.

        `pause` is how long the present wait lasts.
        """
        if not left:
            return 0.0
        rate = self.rate
        if not rate:
            return None
        return max([pause + left / rate, *(self._within(left, each, rate, pause) for each in standing)])

    def _within(self, left: int, limit: Standing, rate: float, pause: float) -> float:
        """Seconds until a limit has let so many records through."""
        cost = self._cost(limit)
        needed, whole = left * cost, self._whole.get(limit.name, limit.resets_in)
        if needed <= limit.left or limit.allowance <= 0:
            return 0.0
        rounds = ceil((needed - limit.left) / limit.allowance)
        last = needed - limit.left - (rounds - 1) * limit.allowance
        return (pause or min(limit.resets_in, whole)) + (rounds - 1) * whole + last / cost / rate

    def _cost(self, limit: Standing) -> float:
        """What one record takes of a limit."""
        seen = self._used.get(limit.name, 0.0) / self._settled if self._settled else 0.0
        return max(seen, self._calls) if limit.unit == "calls" else seen


class Reporter:
    """Tells how a load stands, a few times a second, in the thread that loads."""

    def __init__(
        self,
        destination: Destination,
        object_: str,
        *,
        outcomes: Outcomes,
        total: int | None,
        rows: int,
        tell: Callable[[Progress], None] | None,
    ) -> None:
        self.waits = Waits()
        self.doing = ""
        self._thread = threading.get_ident()
        self._destination = destination
        self._object = object_
        self._outcomes = outcomes
        self._total = total
        self._tell = tell
        self._pace = Pace(calls=1.0 if rows == 1 else 2 / rows)  # a bulk job is asked for once more when it is done
        self._began = time.monotonic()
        self._told = 0.0

    def mine(self) -> bool:
        """Whether this is the thread that loads."""
        return threading.get_ident() == self._thread

    def tell(self, *, at_once: bool = False, ended: bool = False) -> None:
        """Tell how it stands, unless it was told just now."""
        now = time.monotonic()
        if self._tell is None or not (at_once or ended or now - self._told >= TICK):
            return
        self._told = now
        self._tell(self._progress(now, ended=ended))

    def _progress(self, now: float, *, ended: bool) -> Progress:
        read, waiting = len(self._outcomes), self._outcomes.count(LEFT)
        total = read if self._total is None else self._total
        left, standing = total - read + waiting, self._destination.standing()
        wait = None if ended else self.waits.present()
        pause = 0.0 if wait is None else max(0.0, wait.until - time.time())
        self._pace.note(now, read - waiting, standing, waiting=wait is not None)
        return Progress(
            object=self._object,
            total=total,
            done=self._outcomes.count("done"),
            rejected=self._outcomes.count("rejected"),
            unknown=self._outcomes.count("unknown"),
            seconds=now - self._began,
            left=left,
            rate=self._pace.rate,
            budget=standing,
            eta=self._pace.eta(left, standing, pause=pause),
            wait=wait,
            doing=self.doing,
            ended=ended,
        )
