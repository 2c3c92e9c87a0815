"""The one way to a destination's API: limits, waits, safe repetition, and answers that never show the key.

A read is repeated after a time-out or a 5xx; a write never is. A write whose fate nobody can tell raises
``Uncertain``, and the ledger settles it by looking. A 429 was not carried out, so it is repeated for both.
"""

from __future__ import annotations

import json
import logging
import random
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import stamina

from workbench.destinations import Secret, Wait
from workbench.destinations.limits import Limiter, Window
from workbench.errors import DestinationBusy, EngagementError, Uncertain, WorkbenchError, WrongKey

__all__ = ["Answer", "Http", "Limiter", "Policy", "Request", "Window"]

Params = Mapping[str, str | int]
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Policy:
    """How patient the client is; times are real seconds."""

    timeout: float = 60.0
    patience: float = 3900.0  # of waits after 429 for one request: an hourly window and some
    first_wait: float = 2.0
    longest_wait: float = 60.0  # where no header says how long
    read_attempts: int = 5
    body_cap: int = 16 * 1024 * 1024
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True)
class Request:
    """One call. ``read`` says that repeating it changes nothing; ``busy`` finds further answers that mean 'later'."""

    method: str
    path: str
    params: Params = field(default_factory=dict)
    body: object = None
    read: bool = False
    busy: Callable[[Answer], bool] | None = None

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
class _Failure:
    """No usable answer: in words, and whether a byte of the request may have arrived."""

    words: str
    sent: bool
    status: int = 0


class _ReadFailed(Exception):
    """Tells stamina to try again; nobody else sees it."""


class Http:
    """A destination's API under one base address, from any number of threads.

    Each thread that is inside a call has an httpx client of its own: one pool collapses above forty connections.
    ``header`` is the authorisation header with the key in it; it is sent to this host only, as redirects are refused.
    """

    def __init__(
        self,
        base_url: str,
        header: tuple[str, Secret],
        *,
        policy: Policy,
        on_wait: Callable[[Wait], None] | None = None,
    ) -> None:
        self._base = _checked(base_url)
        self._header = header
        self._policy = policy
        self._report = on_wait or _silent
        self._limiter = Limiter(policy.windows, report=lambda wait: self._report(wait))
        self._idle: deque[httpx.Client] = deque()
        self._all: list[httpx.Client] = []
        self._closing = weakref.finalize(self, _close, self._all)
        for name in ("httpx", "httpcore"):  # they log addresses with their queries, which hold personal data
            logging.getLogger(name).setLevel(logging.WARNING)
        logging.getLogger("stamina").setLevel(logging.ERROR)  # every wait is told by `on_wait`, in words

    @property
    def host(self) -> str:
        return self._base.host

    def on_wait(self, report: Callable[[Wait], None]) -> None:
        """Have every wait told to somebody from now on."""
        self._report = report

    def close(self) -> None:
        """Close all connections; a garbage-collected client does it by itself."""
        self._closing()

    def call(self, request: Request) -> Answer:
        """The answer to a request, whatever its status below 500.

        Raises ``WrongKey`` after 401 or 403, ``DestinationBusy`` where nobody answers or the limit stays used up,
        ``EngagementError`` where the address leads elsewhere, and ``Uncertain`` after a write of unknown outcome.
        """
        return self._read(request) if request.read else self._judge(request, self._patient(request))

    def _read(self, request: Request) -> Answer:
        failure: list[_Failure] = []
        try:
            for attempt in stamina.retry_context(on=self._again, attempts=None, timeout=None):
                with attempt:
                    got = self._patient(request)
                    if isinstance(got, Answer) or 300 <= got.status < 500:
                        break
                    failure.append(got)
                    if len(failure) >= self._policy.read_attempts:
                        break
                    raise _ReadFailed(str(len(failure)), got.words)
        except _ReadFailed:  # stamina was switched off by whoever embeds us: the first failure stands
            got = failure[-1]
        return self._judge(request, got)

    def _again(self, error: Exception) -> bool | float:
        """Stamina's hook: how long until the next attempt of a read, or False for every other error."""
        if not isinstance(error, _ReadFailed):
            return False
        number, words = error.args
        pause = self._backoff(int(number) - 1)
        self._report(Wait(pause, f"a read failed: {words}"))
        return pause

    def _patient(self, request: Request) -> Answer | _Failure:
        """One attempt, repeated for as long as the destination says 'later'."""
        waited, number = 0.0, 0
        while True:
            self._limiter.take()
            got = self._once(request)
            if isinstance(got, _Failure):
                return got
            if got.status != 429 and not (request.busy is not None and request.busy(got)):
                self._obey(got)
                return got
            pause = _told(got.headers) or self._backoff(number)
            waited, number = waited + pause, number + 1
            if waited > self._policy.patience:
                raise DestinationBusy(
                    f"{self.host} has been saying 'too many requests' for {waited - pause:.0f} seconds",
                    found=f"it asks to wait {pause:.0f} seconds more",
                    where=request.place,
                    todo="wait for the next hour, or find the other integration that uses up the limit; then resume",
                )
            if got.status == 429:
                self._limiter.park(pause, "the destination asked to wait")
            else:  # only this kind of call is held up, not the whole account
                self._report(Wait(pause, f"the destination is busy ({got.status})"))
                time.sleep(pause)

    def _backoff(self, number: int) -> float:
        policy = self._policy
        return float(min(policy.first_wait * 2**number, policy.longest_wait)) * random.uniform(0.75, 1.25)

    def _obey(self, answer: Answer) -> None:
        """Hold everybody back once the headers say that nothing is left."""
        if answer.headers.get("x-ratelimit-remaining", "").strip() == "0" and (pause := _told(answer.headers)):
            self._limiter.park(pause, "the account's limit is used up")

    def _once(self, request: Request) -> Answer | _Failure:
        client = self._borrow()
        try:
            return self._exchange(client, request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return _Failure(f"nobody answers at {self.host}{_port(self._base)} ({_kind(error)})", sent=False)
        except httpx.HTTPError as error:
            return _Failure(f"the connection broke ({_kind(error)})", sent=True)
        finally:
            self._idle.append(client)

    def _exchange(self, client: httpx.Client, request: Request) -> Answer | _Failure:
        name, secret = self._header
        headers = {name: secret.reveal(), "Accept": "application/json"}
        content = None if request.body is None else json.dumps(request.body, ensure_ascii=False).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        url = self._base.copy_with(path=_joined(self._base.path, request.path))
        with client.stream(request.method, url, params=request.params or None, headers=headers, content=content) as got:
            body = self._body(got)
        return _failure(got.status_code, "its answer is too long") if body is None else _parsed(got, body)

    def _body(self, got: httpx.Response) -> bytes | None:
        """The whole body, or None above the cap: an answer may not eat our memory."""
        parts, size = [], 0
        for part in got.iter_bytes():
            size += len(part)
            if size > self._policy.body_cap:
                return None
            parts.append(part)
        return b"".join(parts)

    def _borrow(self) -> httpx.Client:
        try:
            return self._idle.popleft()
        except IndexError:
            client = httpx.Client(
                timeout=self._policy.timeout,
                follow_redirects=False,
                # A proxy of the house is meant for the world outside, never for a rehearsal on this machine.
                trust_env=self.host not in LOOPBACK,
            )
            self._all.append(client)
            return client

    def _judge(self, request: Request, got: Answer | _Failure) -> Answer:
        """An answer that a caller can use, or the error that says what to do."""
        error = self._failed(request, got) if isinstance(got, _Failure) else self._refused(request, got)
        if error is not None:
            raise error
        assert isinstance(got, Answer)
        return got

    def _failed(self, request: Request, got: _Failure) -> WorkbenchError:
        if 300 <= got.status < 400:
            return self._address_error(request, got.words)
        if request.read or not got.sent or got.status == 403:  # 403 with a page comes from a guard before the service
            return DestinationBusy(
                f"no usable answer from {self.host}",
                found=got.words,
                where=request.place,
                todo="see that base_url is right, the service is up and the network reaches it, then resume; nothing was lost",
            )
        return Uncertain(
            "a change was sent, and nobody can say whether it was made",
            found=got.words,
            where=request.place,
            todo="resume: the destination is looked at before anything is sent again",
        )

    def _refused(self, request: Request, got: Answer) -> WorkbenchError | None:
        if got.status in (401, 403):
            return self._key_error(request, got.status)
        return self._address_error(request, "421") if got.status == 421 else None

    def _key_error(self, request: Request, status: int) -> WorkbenchError:
        name = self._header[0]
        if status == 401:
            todo = f"check the key (it goes into the header {name}): copy it again, whole, from the profile's API settings"
            return WrongKey(f"{self.host} does not know this key", found="401", where=request.place, todo=todo)
        todo = "use the key of an administrator, or give its user the right to do this"
        return WrongKey("the user of this key may not do this", found="403", where=request.place, todo=todo)

    def _address_error(self, request: Request, found: str) -> WorkbenchError:
        return EngagementError(
            f"the address of {self.host} does not lead to the API",
            expected="the address up to and with /api, as the profile's API settings show it",
            found=found,
            where=request.place,
            todo="correct base_url in engagement.toml",
        )


def _silent(wait: Wait) -> None:
    del wait


def _close(clients: list[httpx.Client]) -> None:
    for client in clients:
        client.close()
    clients.clear()


def _checked(base_url: str) -> httpx.URL:
    """The base address; in earnest it has to be https, as the key travels with every request."""
    try:
        url = httpx.URL(base_url.rstrip("/"))
    except httpx.InvalidURL as wrong:
        raise _no_address(str(wrong)) from None
    secure = url.scheme == "https" or (url.scheme == "http" and url.host in LOOPBACK)
    if not (url.host and secure) or url.userinfo:
        raise _no_address(f"{url.scheme}://{url.host}{url.path}")
    return url


def _no_address(found: str) -> EngagementError:
    return EngagementError(
        "this is no address of an API",
        expected="https://… up to and with /api; http only for a rehearsal on this machine; no key in it",
        found=found,
        todo="correct base_url in engagement.toml",
    )


def _port(url: httpx.URL) -> str:
    return f":{url.port}" if url.port else ""


def _joined(base: str, path: str) -> str:
    """``path`` below the base; ``../`` at its start leaves the base's last part, which one vendor call needs."""
    while path.startswith("../"):
        base, path = base.rpartition("/")[0], path[3:]
    return f"{base}/{path}"


def _kind(error: Exception) -> str:
    return type(error).__name__


def _parsed(got: httpx.Response, body: bytes) -> Answer | _Failure:
    if got.is_redirect:
        return _failure(got.status_code, f"it sends us on to {_target(got.headers.get('location', ''))}")
    if got.status_code >= 500:
        return _failure(got.status_code, f"it answered {got.status_code}")
    try:
        data = json.loads(body) if body.strip() else None
    except ValueError:
        page = "html" in got.headers.get("content-type", "")
        if not 400 <= got.status_code < 500 or (got.status_code == 403 and page):
            return _failure(got.status_code, f"it answered {got.status_code} without valid JSON")
        data = None  # a refusal is one whatever page comes with it
    return Answer(got.status_code, data, dict(got.headers))


def _target(location: str) -> str:
    try:
        return httpx.URL(location).host or "another path"
    except httpx.InvalidURL:
        return "an address that is none"


def _failure(status: int, words: str) -> _Failure:
    return _Failure(words, sent=True, status=status)


def _told(headers: Mapping[str, str]) -> float:
    """Seconds that the headers ask us to wait, at most an hour and a bit; 0 where they say nothing sensible."""
    asked = [_seconds(headers.get("retry-after", "")), _seconds(headers.get("x-ratelimit-reset", ""))]
    sensible = [value for value in asked if 0 < value <= 3700]
    return sensible[0] if sensible else 0.0


def _seconds(text: str) -> float:
    """A header's seconds, moment since 1970 or HTTP date as seconds from now; 0 for anything else."""
    try:
        number = float(text)
    except ValueError:
        try:
            return parsedate_to_datetime(text).timestamp() - time.time()
        except ValueError:
            return 0.0
    return number - time.time() if number > 1e9 else number
