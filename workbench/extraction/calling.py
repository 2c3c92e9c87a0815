"""Questions to a source within its limits: waits, repetition, a token that is renewed, and answers judged by the adapter."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.destinations import Secret, Spent, Wait
from workbench.destinations.http import Policy
from workbench.destinations.limits import SYSTEM, Clock, Limiter, Window
from workbench.destinations.limits.saying import asked
from workbench.errors import WaitError, WrongKey
from workbench.extraction.contract import Adapter, Got, Judgement, SourceAccount, Target
from workbench.extraction.wire import Fetched, Wire

__all__ = ["Answered", "Caller", "policy_of"]

MINUTE, BODY_CAP = 60.0, 64 * 1024 * 1024
WEATHER, RENEWALS = 8, 25
"""Attempts of one call while nothing usable comes back, and new tokens that one call may use up."""
DISGUISED = 3
"""After so many 503 in a row nobody asks for a while, as if it had been 429."""
TIMEOUT, PATIENCE = 60.0, 3900.0
FIRST_PAUSE = 0.25
"""Seconds before a call is repeated after the connection broke; they double, as `Policy` says how far."""
AGAIN: tuple[Judgement, ...] = ("weather",)
Asking = Callable[[Secret], Target]


@dataclass(frozen=True)
class Answered:
    """The last answer to a question, and what it means: good, heavy, garbled or refused."""

    got: Got
    judgement: Judgement


def policy_of(account: SourceAccount) -> Policy:
    """The waits of an extraction, and the limit that was agreed with the owner of the source: calls in `per_seconds`."""
    said = account.settings
    calls, seconds = int(said.get("calls", 0)), float(said.get("per_seconds", MINUTE))
    windows = (Window(seconds / account.time_scale, calls, name="source"),) if calls else ()
    timeout = float(said.get("timeout_seconds", TIMEOUT))
    return Policy.scaled(account.time_scale, windows=windows, timeout=timeout, patience=float(said.get("patience", PATIENCE)))


class Caller:
    """Asks a source from any number of threads."""

    def __init__(
        self,
        account: SourceAccount,
        adapter: Adapter,
        *,
        on_wait: Callable[[Wait], None] = lambda wait: None,
        clock: Clock = SYSTEM,
    ) -> None:
        self._account, self._adapter, self._clock = account, adapter, clock
        self._policy = policy_of(account)
        self._wire = Wire(account.base_url, timeout=self._policy.timeout, body_cap=BODY_CAP)
        self._limiter = Limiter(self._policy.windows, report=on_wait, clock=clock, patience=self._policy.patience)
        self._lock = threading.Lock()
        self._token: Secret | None = None if adapter.log_in else account.key

    @property
    def host(self) -> str:
        return self._wire.host

    def rest(self, seconds: float) -> None:
        """Wait before something is asked after again; seconds are those of a rehearsal."""
        self._limiter.rest(seconds / self._policy.time_scale)

    def spent(self) -> Spent:
        """Calls since this was made."""
        return self._limiter.spent()

    def close(self) -> None:
        """Close all connections; whoever waits for a turn ends in a WaitError."""
        self._limiter.close()
        self._wire.close()

    def ask(self, asking: Asking, *, patient: bool = True) -> Answered:
        """The answer to a question; with `patient` a page that is too much is asked for again, as the next may be whole.

        Raises WrongKey where no token is given any more, and WaitError where nobody answers or the limit stays used up.
        """
        return self._asked(asking, self._wire.ask, self._adapter.judge, patient=patient)

    def fetch(self, asking: Asking, into: Path, judge: Callable[[Got], Judgement]) -> tuple[Answered, Fetched]:
        """The same for a file, whose bytes go to disk; `judge` looks at the beginning of a short one."""
        last: list[Fetched] = []

        def send(target: Target) -> Got:
            last[:] = [self._wire.fetch(target, into)]
            return last[0].got

        return self._asked(asking, send, judge, patient=True), last[0]

    def _asked(
        self, asking: Asking, send: Callable[[Target], Got], judge: Callable[[Got], Judgement], *, patient: bool
    ) -> Answered:
        waited, troubles, renewals = 0.0, 0, 0
        while True:
            token = self._signed_in()
            target = asking(token)
            got = self._once(target, send)
            judgement = self._judged(got, judge)
            if judgement == "weather" and got.status == 503 and troubles >= DISGUISED:
                judgement = "later"  # a limit that does not call itself one
            if judgement == "refused" and self._adapter.log_in and not renewals:
                judgement = "stale"  # a source that says everything with one word may mean the token
            if judgement == "later":
                waited += self._wait(got, target, waited=waited, troubles=troubles)
                troubles += 1
            elif judgement == "stale":
                renewals += 1
                self._forget(token)
                if renewals > RENEWALS:
                    return Answered(got, "refused")
            elif judgement in AGAIN or (judgement in ("heavy", "garbled") and patient and troubles < 2):
                troubles += 1
                if troubles >= WEATHER:
                    raise self._nobody(got, target)
                self._pause(troubles, got)
            else:
                return Answered(got, judgement)

    def _once(self, target: Target, send: Callable[[Target], Got]) -> Got:
        self._limiter.take()
        got = send(target)
        if got.headers:
            self._limiter.heed(got.headers)
        return got

    def _judged(self, got: Got, judge: Callable[[Got], Judgement]) -> Judgement:
        if got.slow:
            return "heavy"
        if got.status == 0 or got.words:
            return "weather"
        if got.status == 429 or (got.status == 503 and got.headers.get("retry-after")):
            return "later"
        if got.status in (502, 503):
            return "weather"
        return judge(got)

    def _wait(self, got: Got, target: Target, *, waited: float, troubles: int) -> float:
        """Let nobody ask for as long as the source says, or for a growing while where it says nothing."""
        pause = asked(got.headers, longest=self._policy.longest_told) or self._backoff(self._policy.first_wait, troubles)
        if waited + pause > self._policy.patience:
            raise WaitError(
                f"{self.host} has been saying 'later' for {waited:.0f} seconds",
                found=f"it asks to wait {pause:.0f} seconds more",
                where=target.place,
                todo=f"resume after {self._limiter.moment(pause)}; every page that came is kept",
            )
        self._limiter.refused()
        self._limiter.park(pause, "the source asked to wait")
        return pause

    def _pause(self, troubles: int, got: Got) -> None:
        seconds = self._backoff(FIRST_PAUSE / self._policy.time_scale, troubles - 1)
        self._limiter.report(Wait(seconds, f"no usable answer: {got.words or f'it answered {got.status}'}"))
        self._limiter.rest(seconds)

    def _backoff(self, first: float, number: int) -> float:
        return float(min(first * 2.0 ** min(number, 20), self._policy.longest_wait)) * random.uniform(0.75, 1.25)

    # ------------------------------------------------------------ the token

    def _signed_in(self) -> Secret:
        """The token of now, asked for by one thread while the others wait."""
        if (token := self._token) is not None:
            return token
        with self._lock:
            if self._token is None:
                self._token = self._logged_in()
            return self._token

    def _forget(self, stale: Secret) -> None:
        """The token has ended, unless another thread has a new one already; a key that ends cannot be renewed."""
        with self._lock:
            if self._adapter.log_in is None:
                raise WrongKey(
                    f"{self.host} does not know this key",
                    todo="copy the key of the source again, whole, and put it into the environment or the credentials",
                )
            if self._token is stale:
                self._token = None

    def _logged_in(self) -> Secret:
        target = self._adapter.log_in
        assert target is not None  # else there is a token from the beginning
        waited, troubles = 0.0, 0
        while True:
            got = self._once(target, self._wire.ask)
            judgement = self._judged(got, self._adapter.judge)
            if judgement == "later":
                waited += self._wait(got, target, waited=waited, troubles=troubles)
            elif judgement in ("weather", "heavy", "garbled"):
                if troubles + 1 >= WEATHER:
                    raise self._nobody(got, target)
                self._pause(troubles + 1, got)
            elif token := self._adapter.token_of(got):
                return token
            else:
                raise self._no_token(target)
            troubles += 1

    def _no_token(self, target: Target) -> WrongKey:
        return WrongKey(
            f"{self.host} gives no token",
            expected="a key, a user and a password that it knows",
            found="a refusal",
            where=target.place,
            todo="see that web services are enabled for the account, and copy key, user and password again",
        )

    def _nobody(self, got: Got, target: Target) -> WaitError:
        return WaitError(
            f"no usable answer from {self.host}",
            found=got.words or f"it answered {got.status}",
            where=target.place,
            todo="see that the address is right and the network reaches it, then resume; every page that came is kept",
        )
