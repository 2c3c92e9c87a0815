"""An account's limits of calls and tokens, kept by all threads of a run together, and from one run to the next.

Every call is given a moment in advance at which no window holds more than its allowance, in the order in which calls come,
so that a thread sleeps once however many wait. Time is monotonic; the wall clock only tells midnight, and how old a book is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from workbench.destinations import Book, Spent, Standing, Wait
from workbench.destinations.limits.breaker import Breaker
from workbench.destinations.limits.echo import Echo
from workbench.destinations.limits.heeding import heed_calls, heed_day
from workbench.destinations.limits.memory import Memory
from workbench.destinations.limits.saying import said
from workbench.destinations.limits.spending import Daily, Rolling, Window, spending
from workbench.destinations.limits.timing import SYSTEM, Clock
from workbench.destinations.limits.turns import Place, Turn
from workbench.errors import DestinationBusy
from workbench.show import duration

__all__ = ["SYSTEM", "Clock", "Limiter", "Turn", "Window", "too_long"]

MARGIN = 0.098
"""Seconds, and some more, that a window is held longer than it lasts: one request takes longer on its way than another."""
WIDER = 0.01
"""Seconds more after each refusal that only this can explain."""
SLICE = 0.5
"""Seconds after which somebody who waits looks whether there is still something to wait for."""
TOLD = 0.25
"""A wait below so many seconds is the pace of the limit, and not worth telling."""
EXACT = 60.0
"""A wait from so many seconds on is told with the time at which it ends."""
LATE = 0.003
"""Seconds after its moment from which a call is said to be late."""
NEARLY = 0.8
JUMP = 5.0
Spending = Rolling | Daily


class Limiter:
    """Gives calls their moment so that no window ever holds more than its allowance; shared by all threads of a run.

    ``patience`` is the longest wait in seconds; a longer one ends in DestinationBusy, which says when to resume. Where
    ``days`` is set, the wait for the next day's budget is borne all the same.
    With a ``book`` the next run goes on where this one stopped, also after a crash.
    """

    def __init__(
        self,
        windows: Sequence[Window],
        *,
        report: Callable[[Wait], None],
        clock: Clock = SYSTEM,
        book: Book | None = None,
        patience: float = float("inf"),
        margin: float = MARGIN,
    ) -> None:
        self.report = report
        self.days = False
        self._clock = clock
        self._patience = patience
        self._margin = margin
        self._lock = threading.Lock()
        self._breaker = Breaker()
        self._echo = Echo()
        self._last = self._told = self._widened = 0.0
        self._closed = False
        self._stops, self._bearable = 0, 0.0
        self._calls = self._tokens = 0
        self._date, self._dated = "", False
        self._day_left: int | None = None
        self._ahead = clock.time() - clock.monotonic()
        self._logs: tuple[Spending, ...] = tuple(spending(window, margin=margin, ahead=self._ahead) for window in windows)
        kinds = {window.calls_of for window in windows} | {""}
        self._of = {kind: tuple((log, _counts_tokens(log)) for log in self._logs if _concerns(log, kind)) for kind in kinds}
        self._own = {kind: tuple(log for log in self._logs if log.window.calls_of == kind) for kind in kinds if kind}
        self._turns = {kind: threading.Lock() for kind in kinds if kind}
        self._memory = Memory(book, clock=clock)
        if book is not None:
            self._recall()

    # ------------------------------------------------------------ taking

    def reserve(self, now: float, *, tokens: int = 0, kind: str = "") -> float:
        """The moment at which a call may go, from now on; it is counted as of then, and nobody else gets it."""
        at = self._slot(now, tokens, kind)
        self._enter(at, tokens, kind)
        return at

    def take(self, *, tokens: int = 0, kind: str = "") -> Turn:
        """Wait for a place in every window, and take it; DestinationBusy where that takes longer than our patience."""
        stops = self._stops
        if kind in self._turns:
            with self._turns[kind]:  # its own window is tight: whoever waits for it keeps no place in the others
                self._wait_for_kind(kind, stops)
                taken = self._place(tokens, kind, stops)
        else:
            taken = self._place(tokens, kind, stops)
        while not self._reached(taken, tokens=tokens, kind=kind, stops=stops):
            taken = self._place(tokens, kind, stops)
        return taken.turn

    def rest(self, seconds: float) -> None:
        """Sleep before a call that was told to come later; `stop_waiting` ends that too."""
        now = self._clock.monotonic()
        self._rest(now, now + seconds, self._stops)

    def stop_waiting(self, longer: float) -> None:
        """Have every call that would wait for its turn for more than so many seconds end now, unsent, in DestinationBusy.

        A call that comes after this waits as ever.
        """
        with self._lock:
            self._bearable = longer
            self._stops += 1

    def _wait_for_kind(self, kind: str, stops: int) -> None:
        while True:
            with self._lock:
                now = self._clock.monotonic()
                at = max((log.later(1) for log in self._own[kind] if log.total + 1 > log.room), default=0.0)
            if at <= now:
                return
            self._sleep(now, at, f"the account's limit of calls: {kind}", stops)

    def _place(self, tokens: int, kind: str, stops: int) -> Place:
        """The next free moment; while a single call tries whether a block is over, everybody else waits for it."""
        while True:
            with self._lock:
                now = self._clock.monotonic()
                at = self._slot(now, tokens, kind)
                self._patient(now, at)
                if not self._breaker.waits():
                    uncovered = self._enter(at, tokens, kind)
                    held = [log.total for log in self._logs]
                    single = self._breaker.careful
                    if single:
                        self._breaker.begin()
                    break
            self._sleep(now, max(at, now + SLICE), self._breaker.reason, stops)
        if uncovered:
            self._memory.cover(self._state, self._lock)
        return Place(Turn(at, held, kind), now, single)

    def _reached(self, place: Place, *, tokens: int, kind: str, stops: int) -> bool:
        """Wait for the moment that was given. False where nobody may send any more by then: the place is given back."""
        try:
            if place.at > place.now:
                self._sleep(place.now, place.at, self._reason(place.at), stops)
        except BaseException:  # it will never be sent
            with self._lock:
                self._give_back(place, tokens, kind)
            raise
        with self._lock:
            if self._breaker.until <= place.at:
                now = self._clock.monotonic()
                if now > place.at + LATE:
                    for log, in_tokens in self._of.get(kind) or self._of[""]:
                        log.came_late(place.at, now, tokens if in_tokens else 1)
                return True
            self._give_back(place, tokens, kind)
        return False

    def _give_back(self, place: Place, tokens: int, kind: str) -> None:
        for log, in_tokens in self._of.get(kind) or self._of[""]:
            log.give_back(place.at, tokens if in_tokens else 1)
        self._calls, self._tokens = self._calls - 1, self._tokens - tokens
        if place.single:
            self._breaker.ended(passed=False)

    def _reason(self, at: float) -> str:
        if self._breaker.until >= at:
            return self._breaker.reason
        day = any(isinstance(log, Daily) and log.ends >= at for log in self._logs if log.total >= log.room)
        return "the account's budget of the day is used up" if day else "the account's limit of calls"

    def _slot(self, now: float, tokens: int, kind: str) -> float:
        at = now if now > self._last else self._last
        if self._breaker.until > at:
            at = self._breaker.until
        for log, in_tokens in self._of.get(kind) or self._of[""]:
            cost = tokens if in_tokens else 1
            if log.due > at:
                at = log.due
            if log.total + cost > log.room:
                later = log.later(cost)
                if later > at:
                    at = later
        return at

    def _enter(self, at: float, tokens: int, kind: str) -> bool:
        """Count a call; whether the book has to be written before it goes."""
        self._last = at
        self._calls += 1
        self._tokens += tokens
        uncovered = False
        for log, in_tokens in self._of.get(kind) or self._of[""]:
            uncovered |= log.enter(at, tokens if in_tokens else 1)
        return uncovered

    def _sleep(self, now: float, at: float, reason: str, stops: int) -> None:
        if at - now >= TOLD and at > self._told + SLICE:
            self._tell(at - now, at, reason)
        self._rest(now, at, stops)

    def _rest(self, now: float, at: float, stops: int) -> None:
        while now < at and not self._closed:
            if self._stops != stops and at - now > self._bearable:
                raise DestinationBusy("we were stopped while a call waited for its turn", todo="resume; it was not sent")
            self._clock.sleep(min(at - now, SLICE))
            now = self._clock.monotonic()
        if self._closed:
            raise DestinationBusy("the connection was closed while a call waited for its turn", todo="resume; it was not sent")

    def _patient(self, now: float, at: float) -> None:
        if self._closed:
            raise DestinationBusy("this connection was closed", todo="open it again; nothing was sent")
        if at - now > self._patience and not self._for_a_day(now, at):
            raise too_long(self._reason(at), moment=self.moment(at - now), seconds=at - now)

    def _for_a_day(self, now: float, at: float) -> bool:
        """Whether this is the wait for the next day's budget, and to be borne."""
        ends = [log.ends - now for log in self._logs if isinstance(log, Daily)]
        return self.days and bool(ends) and at - now <= max(ends) + self._patience

    def moment(self, seconds: float) -> str:
        """The time in so many seconds, in UTC, as it is told to people."""
        if seconds == float("inf"):
            return "the limits of the account are raised"
        return datetime.fromtimestamp(self._clock.time() + seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

    # ------------------------------------------------------------ being told

    def park(self, seconds: float, reason: str) -> None:
        """Let nobody pass for so long, because the destination said so."""
        with self._lock:
            until = self._clock.monotonic() + seconds
            longer = until > self._breaker.until + TOLD
            self._breaker.hold(until, reason)
        self._stopped(seconds, until, reason, longer=longer)

    def refused(self) -> None:
        """A call was told that it was one too many, though it came by its turn: keep a wider margin where that is tight."""
        with self._lock:
            now = self._clock.monotonic()
            for log in self._logs:
                if isinstance(log, Rolling) and log.total >= NEARLY * log.room and now >= self._widened + log.window.seconds:
                    log.widen(WIDER)
                    self._widened = now

    def block(self, seconds: float, reason: str) -> None:
        """Let nobody pass for so long, and then a single call, whose end `answered` tells."""
        with self._lock:
            until = self._clock.monotonic() + seconds
            longer = until > self._breaker.until + TOLD
            self._breaker.block(until, reason)
        self._stopped(seconds, until, reason, longer=longer)

    def _stopped(self, seconds: float, until: float, reason: str, *, longer: bool) -> None:
        """Tell of a stop, and write it down; those that come with it, from calls on their way, change nothing."""
        if longer:
            self._tell(seconds, until, reason)
            if seconds >= TOLD:
                self._memory.keep(self._state, self._lock)

    def _tell(self, seconds: float, until: float, reason: str) -> None:
        self._told = until
        long = seconds >= EXACT
        self.report(Wait(seconds, f"{reason}, until {self.moment(seconds)}" if long else reason))

    def answered(self, turn: Turn | None = None, *, passed: bool) -> None:
        """How a call has ended, for those who wait for the single one after a block; ``turn`` where an answer came."""
        if turn is not None:
            with self._lock:
                self._heard(turn, self._clock.monotonic() - turn.at)
        if self._breaker.careful:
            with self._lock:
                if self._clock.monotonic() >= self._breaker.until:
                    self._breaker.ended(passed=passed)

    def _heard(self, turn: Turn, seconds: float) -> None:
        late = self._echo.heard(seconds)
        if late is not None:
            for log, _ in self._of.get(turn.kind) or self._of[""]:
                if isinstance(log, Rolling):
                    log.heard(turn.at, late)

    def day_ends(self) -> float:
        """Seconds until the budget of the day is there again; 0 where the account has none."""
        with self._lock:
            now = self._clock.monotonic()
            return max((log.ends - now for log in self._logs if isinstance(log, Daily)), default=0.0)

    def heed(self, headers: Mapping[str, str], turn: Turn | None = None) -> None:
        """Take over what the account says is left, where it is less than we think, or thought at the call's turn."""
        told = said(headers, longest=max((log.window.seconds for log in self._logs), default=3600.0))
        if told.left is None and not told.of_day and headers.get("date", "") == self._date:
            return
        with self._lock:
            now = self._clock.monotonic()
            self._set_clock(now, headers.get("date", ""), told.date)
            held = turn.held if turn else ()
            if told.left is not None and (stop := heed_calls(self._logs, told, now=now, margin=self._margin, held=held)):
                self._breaker.hold(now + stop, "the account's limit is used up")
            if told.of_day:
                self._day_left = heed_day(self._logs, told, now=now, before=self._day_left)

    def _set_clock(self, now: float, text: str, date: float) -> None:
        """The vendor's clock by the Date of its answers, which is cut to seconds: the greatest of them is nearest to it."""
        if not date or text == self._date:
            return
        self._date, ahead = text, date - now
        if self._dated and ahead <= self._ahead and self._ahead - ahead < JUMP:
            return
        self._dated, self._ahead = True, ahead
        for log in self._logs:
            if isinstance(log, Daily):
                log.set_clock(ahead, max(now, self._last))

    # ------------------------------------------------------------ telling and keeping

    def spent(self) -> Spent:
        """What passed since this limiter was made."""
        with self._lock:
            return Spent(self._calls, self._tokens)

    def standing(self) -> tuple[Standing, ...]:
        """What is left of each window, as far as we can tell."""
        with self._lock:
            now = self._clock.monotonic()
            return tuple(
                Standing(log.window.name, log.window.unit, log.window.spendable, log.left(now), max(log.resets_at() - now, 0.0))
                for log in self._logs
            )

    def close(self) -> None:
        """Write the book for the last time; whoever still waits ends in DestinationBusy."""
        self._closed = True
        self._memory.close(self._state, self._lock)

    def _state(self) -> tuple[float, Sequence[Spending], Mapping[str, object]]:
        now = self._clock.monotonic()
        vendor = self._ahead + now - self._clock.time()
        return now, self._logs, {"parked": self._breaker.written(now), "vendor": round(vendor, 3) if self._dated else None}

    def _recall(self) -> None:
        found = self._memory.recall()
        now = self._clock.monotonic()
        for log in self._logs:
            log.promised = 0  # the first call is written down before it goes
        if found is None:
            return
        if found.vendor is not None:
            self._ahead = self._clock.time() - now + found.vendor
        for log in self._logs:
            if isinstance(log, Daily):
                log.set_clock(self._ahead, now)
            if (spent := found.spent(log.window)) is not None:
                log.restore(spent, now=now, elapsed=found.elapsed, sure=found.sure)
                log.since = 0  # others have counted it
        self._breaker.restore(found.parked, now=now, elapsed=found.elapsed)


def too_long(reason: str, *, moment: str, seconds: float) -> DestinationBusy:
    """The end of a run that would have to wait for longer than it has patience."""
    return DestinationBusy(
        f"{reason}, for longer than a run waits",
        expected=f"it goes on after {moment}",
        found=f"a wait of {duration(seconds)}" if seconds < float("inf") else "a call that fits no allowance",
        todo=f"resume after {moment}; nothing was lost",
    )


def _counts_tokens(log: Spending) -> bool:
    return log.window.unit == "tokens"


def _concerns(log: Spending, kind: str) -> bool:
    return log.window.calls_of in ("", kind)
