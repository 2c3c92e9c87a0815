"""The one way to a destination's API: limits, waits, safe repetition, and answers that never show the key.

A read is repeated after a time-out or a 5xx; a write never is. A write whose fate nobody can tell raises
``Uncertain``, and the ledger settles it by looking. A 429 was not carried out, so it is repeated for both.
"""

from __future__ import annotations

import logging
import random
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import stamina

from workbench.destinations import Book, Secret, Spent, Standing, Wait
from workbench.destinations.http.addresses import checked
from workbench.destinations.http.freshness import may_leave
from workbench.destinations.http.purposes import Tally
from workbench.destinations.http.renewal import Renewal
from workbench.destinations.http.verdicts import Happening, Verdict, classify
from workbench.destinations.http.wire import Wire
from workbench.destinations.limits import Limiter, Turn, Window, too_long
from workbench.destinations.limits.saying import asked, said
from workbench.destinations.limits.timing import SYSTEM, Clock
from workbench.errors import DestinationBusy, EngagementError, Uncertain, WorkbenchError, WrongKey

__all__ = ["Answer", "Http", "Limiter", "Policy", "Request", "Window"]

Params = Mapping[str, str | int]
YOUNG = 10.0
"""Seconds for which a key was just renewed; where it is refused by then, another one would be, too."""
AGAIN = ("unknown", "unsent", "blocked")
"""What a read is sent again after."""


@dataclass(frozen=True)
class Policy:
    """How patient the client is; times are real seconds."""

    timeout: float = 60.0
    patience: float = 3900.0  # for one wait, and for all waits after 429 of one request: an hourly window and some
    first_wait: float = 2.0
    longest_wait: float = 60.0  # where no header says how long
    longest_told: float = 3700.0  # what a header asks for beyond this is not believed
    wait_for_day: bool = True  # where somebody is told of it; else a run ends when the day's budget is used up
    block: float = 900.0  # after the page of a guard before the service
    read_attempts: int = 5
    body_cap: int = 16 * 1024 * 1024
    windows: tuple[Window, ...] = ()
    time_scale: float = 1.0  # of a rehearsal, whose limits hold on this machine only

    @classmethod
    def scaled(cls, scale: float, *, windows: tuple[Window, ...], timeout: float, patience: float) -> Policy:
        """The usual waits at the pace of a rehearsal; ``patience`` is in its seconds, ``timeout`` in real ones."""
        usual = cls()
        return cls(
            timeout=timeout,
            patience=patience / scale,
            first_wait=usual.first_wait / scale,
            longest_wait=usual.longest_wait / scale,
            longest_told=usual.longest_told / scale + 1,  # headers are rounded up to real seconds
            block=usual.block / scale,
            windows=windows,
            time_scale=scale,
        )


@dataclass(frozen=True)
class Request:
    """One call. ``read`` says that repeating it changes nothing; ``busy`` finds further answers that mean 'later'."""

    method: str
    path: str
    params: Params = field(default_factory=dict)
    body: object = None  # sent as JSON, unless it is a `Form`
    read: bool = False
    busy: Callable[[Answer], bool] | None = None
    tokens: int = 0  # that it costs, where the account counts tokens
    kind: str = ""  # of call, where one kind has a limit of its own, such as search

    @property
    def place(self) -> str:
        """Method and path; the query stays out, since it may hold somebody's address."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Answer:
    """A complete answer whose body was JSON (or empty): its status, its data, its headers in lower case."""

    status: int
    data: Any
    headers: Mapping[str, str]

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True)
class _Got:
    """What came of one attempt, and what that means."""

    verdict: Verdict
    happened: Happening
    headers: Mapping[str, str]

    @property
    def answer(self) -> Answer:
        return Answer(self.happened.status, self.happened.data, self.headers)


class _ReadFailed(Exception):
    """Tells stamina to try again; nobody else sees it."""


class Http:
    """A destination's API under one base address, from any number of threads.

    ``header`` is the authorisation header with the key in it; it is sent to this host only, as no redirect is followed.
    After a 401 ``renew`` is asked once, for all threads together, for what the header holds from then on.
    """

    def __init__(
        self,
        base_url: str,
        header: tuple[str, Secret],
        *,
        policy: Policy,
        on_wait: Callable[[Wait], None] | None = None,
        book: Book | None = None,
        renew: Callable[[], Secret] | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        base = checked(base_url, time_scale=policy.time_scale)
        self._name, self._secret = header[0], _sendable(header[1], header[0])
        self._policy = policy
        self._clock = clock
        self._renewal = Renewal(renew, header[1], clock=clock, young=YOUNG / policy.time_scale) if renew else None
        self._refusals = _Refusals(policy)
        self._limiter = Limiter(policy.windows, report=on_wait or _silent, clock=clock, book=book, patience=policy.patience)
        self.stop_waiting = self._limiter.stop_waiting
        self._tally = Tally()
        self._wire = Wire(base, timeout=policy.timeout, body_cap=policy.body_cap)
        self._closing = weakref.finalize(self, self._wire.close)
        logging.getLogger("stamina").setLevel(logging.ERROR)  # every wait is told by `on_wait`, in words

    @property
    def host(self) -> str:
        return self._wire.base.host

    def on_wait(self, report: Callable[[Wait], None], *, days: bool = False) -> None:
        """Have every wait told to somebody from now on, who may bear one for the next day's budget too."""
        self._limiter.report, self._limiter.days = report, days and self._policy.wait_for_day

    def standing(self) -> tuple[Standing, ...]:
        """What is left of the account's limits."""
        return self._limiter.standing()

    def spent(self, purpose: str = "") -> Spent:
        """Calls and tokens since this client was made, all of them or those for a purpose."""
        return self._tally.spent(purpose) if purpose else self._limiter.spent()

    def close(self) -> None:
        """Close all connections and the book of the limits; a garbage-collected client closes its connections by itself."""
        self._limiter.close()
        self._closing()

    def call(self, request: Request) -> Answer:
        """The answer to a request that was done or refused, whatever its status.

        Raises ``WrongKey`` after 401 or 403, ``DestinationBusy`` where nobody answers or the limit stays used up,
        ``EngagementError`` where the address leads elsewhere, and ``Uncertain`` after a write of unknown outcome.
        """
        going = self._wire.request(request.method, request.path, params=request.params, body=request.body, packed=request.read)
        leaving = None if request.read else partial(may_leave, request.place)
        send = partial(self._wire.exchange, going, self._name, leaving=leaving)
        got = self._patient(request, send)
        if request.read and got.verdict in AGAIN and self._policy.read_attempts > 1:
            got = self._again(request, send, got)
        return self._judge(request, got)

    def _again(self, request: Request, send: Callable[[Secret], Any], first: _Got) -> _Got:
        """A read that failed, until it succeeds or was tried often enough."""
        got, number = first, 1
        try:
            for attempt in stamina.retry_context(on=self._pause, attempts=None, timeout=None):
                with attempt:
                    if attempt.num > 1:
                        got, number = self._patient(request, send), number + 1
                    if got.verdict not in AGAIN or number >= self._policy.read_attempts:
                        break
                    raise _ReadFailed(str(number), got.happened.told)
        except _ReadFailed:  # stamina was switched off by whoever embeds us: the first failure stands
            pass
        return got

    def _pause(self, error: Exception) -> bool | float:
        """Stamina's hook: how long until the next attempt of a read, or False for every other error."""
        if not isinstance(error, _ReadFailed):
            return False
        number, words = error.args
        pause = self._refusals.backoff(int(number) - 1)
        self._limiter.report(Wait(pause, f"a read failed: {words}"))
        return pause

    def _patient(self, request: Request, send: Callable[[Secret], Any]) -> _Got:
        """One attempt, repeated for as long as the destination says 'later'."""
        waited, number = 0.0, 0
        while True:
            turn = self._limiter.take(tokens=request.tokens, kind=request.kind)
            self._tally.add(request.tokens)
            begun, secret = self._clock.monotonic(), self._secret
            got = self._once(send, secret, turn)
            if got.verdict == "stale" and self._renewal is not None and self._renewed(secret, begun):
                continue  # it was not carried out
            if got.verdict == "later":
                pause, reason = self._later(got, begun)
            elif request.busy is not None and got.verdict in ("done", "refused") and request.busy(got.answer):
                pause, reason = asked(got.headers, longest=self._policy.longest_told) or self._refusals.backoff(number), ""
            else:
                return got
            waited, number = waited + pause, number + 1
            if waited > self._policy.patience:
                raise self._worn_out(request, waited - pause, pause, reason)
            if not reason:  # only this kind of call is held up, not the whole account
                self._limiter.report(Wait(pause, f"the destination is busy ({got.happened.status})"))
                self._limiter.rest(pause)

    def _once(self, send: Callable[[Secret], Any], secret: Secret, turn: Turn) -> _Got:
        passed = came = False
        try:
            happened, headers = send(secret)
            came = happened.status > 0
            verdict = classify(happened)
            if verdict == "blocked":
                self._limiter.block(self._policy.block, "the destination blocks this key")
            if headers:
                self._limiter.heed(headers, turn)
            passed = verdict not in ("blocked", "unsent", "unknown")
            if passed and verdict != "later":
                self._refusals.over()
        finally:
            self._limiter.answered(turn if came else None, passed=passed)
        return _Got(verdict, happened, headers)

    def _later(self, got: _Got, begun: float) -> tuple[float, str]:
        """Seconds to wait after a 429, and why; nobody sends before they are over."""
        day, reason = self._limiter.day_ends(), "the destination asked to wait"
        if day and _day_gone(got.headers):
            pause, reason = day, "the account's budget of the day is used up"
        else:
            pause = asked(got.headers, longest=self._policy.longest_told)
            pause = pause or self._refusals.next(begun, self._clock.monotonic())
            self._limiter.refused()
        self._limiter.park(pause, reason)
        return 0.0 if pause == day and self._limiter.days else pause, reason  # the wait for a day tries nobody's patience

    def _worn_out(self, request: Request, waited: float, pause: float, reason: str) -> DestinationBusy:
        if not waited and reason:
            return too_long(reason, moment=self._limiter.moment(pause), seconds=pause)
        return DestinationBusy(
            f"{self.host} has been saying 'too many requests' for {waited:.0f} seconds",
            found=f"it asks to wait {pause:.0f} seconds more",
            where=request.place,
            todo=f"resume after {self._limiter.moment(pause)}, or find the other integration that uses up the limit",
        )

    def _renewed(self, stale: Secret, begun: float) -> bool:
        """Whether there is another key than the stale one by now."""
        assert self._renewal is not None
        fresh = self._renewal.follow(stale, begun=begun)
        self._secret = _sendable(fresh, self._name)
        return fresh is not stale

    def _judge(self, request: Request, got: _Got) -> Answer:
        """An answer that a caller can use, or the error that says what to do."""
        if got.verdict == "done" or (got.verdict == "refused" and got.happened.status != 403):
            return got.answer
        raise self._error(request, got)

    def _error(self, request: Request, got: _Got) -> WorkbenchError:
        if got.verdict in ("stale", "refused"):
            return self._key_error(request, got.happened.status)
        if got.verdict == "elsewhere":
            return self._address_error(request, got.happened.told)
        if request.read or got.verdict == "unsent":
            return DestinationBusy(
                f"no usable answer from {self.host}",
                found=got.happened.told,
                where=request.place,
                todo="see that base_url is right, the service is up and the network reaches it, then resume; nothing was lost",
            )
        return Uncertain(
            "a change was sent, and nobody can say whether it was made",
            found=got.happened.told,
            where=request.place,
            todo="resume: the destination is looked at before anything is sent again",
        )

    def _key_error(self, request: Request, status: int) -> WorkbenchError:
        if status == 401:
            todo = (
                f"check the key (it goes into the header {self._name}): copy it again, whole, from the profile's API settings"
            )
            return WrongKey(f"{self.host} does not know this key", found="401", where=request.place, todo=todo)
        todo = "use the key of an administrator, or give its user the right to do this"
        return WrongKey("the user of this key may not do this", found="403", where=request.place, todo=todo)

    def _address_error(self, request: Request, found: str) -> WorkbenchError:
        return EngagementError(
            f"the address of {self.host} does not lead to the API",
            expected="the address of the API, as the settings of the destination show it",
            found=found,
            where=request.place,
            todo="correct base_url in engagement.toml",
        )


class _Refusals:
    """How often the account has said 'later' in a row. Calls that were on their way together count as one."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._lock = threading.Lock()
        self._row, self._since = 0, 0.0

    def next(self, begun: float, now: float) -> float:
        """Seconds to wait after a refusal of a call that went out at ``begun``."""
        with self._lock:
            if begun >= self._since:
                self._row, self._since = self._row + 1, now
            row = self._row
        return self.backoff(row - 1)

    def over(self) -> None:
        """A call has passed."""
        self._row = 0

    def backoff(self, number: int) -> float:
        """Seconds before the attempt after so many failed ones; a little by chance, so that not all come at once."""
        policy = self._policy
        usual = policy.first_wait * 2.0 ** min(number, 30)
        return float(min(usual, policy.longest_wait)) * random.uniform(0.75, 1.25)


def _silent(wait: Wait) -> None:
    del wait


def _day_gone(headers: Mapping[str, str]) -> bool:
    """Whether a 429 is about the day: it says so, or the limit of the moment has calls left."""
    told = said(headers, longest=0.0)
    return told.day_gone if told.day_gone is not None else bool(told.left)


def _sendable(secret: Secret, name: str) -> Secret:
    """The key, if a header can hold it. It is looked at here, as every other place would show it in its error."""
    text = secret.reveal()
    if text.isascii() and text.isprintable() and text.strip():
        return secret
    del text
    raise WrongKey(
        "the key is none",
        expected=f"letters, digits and signs in one line, for the header {name}",
        found="nothing, or characters that no key has",
        todo="copy it again, whole, from the profile's API settings",
    )
