"""The wire to a source: it alone puts secrets into addresses, and nothing that it gives back or raises holds one.

It is httpx's transport and not its client, whose log and whose errors show the address; here that would be the password.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx

from workbench.destinations.http.wire import LOOPBACK
from workbench.destinations.http.wire import Wire as House
from workbench.errors import EngagementError
from workbench.extraction.contract import Got, Target

__all__ = ["Fetched", "Wire"]

HEADERS = {"Accept": "application/json, */*;q=0.1", "User-Agent": "crm-migration-workbench", "Accept-Encoding": "identity"}
TOO_LONG, CUT = "its answer is too long", "its answer is cut off"
PIECE = 256 * 1024
Read = Callable[[httpx.Response, float], Got]


@dataclass(frozen=True)
class Fetched:
    """A file that was fetched to disk: what was answered, its size and SHA-256."""

    got: Got
    size: int = 0
    sha256: str = ""


class Wire:
    """Connections to one address, each used by one thread at a time. Times are real seconds."""

    def __init__(self, base_url: str, *, timeout: float, body_cap: int) -> None:
        self._base = checked_address(base_url)
        self._house = House(httpx.URL(self._base), timeout=timeout, body_cap=body_cap)
        self._timeout, self._cap = timeout, body_cap
        self._idle: list[httpx.HTTPTransport] = []

    @property
    def host(self) -> str:
        return httpx.URL(self._base).host

    def ask(self, target: Target) -> Got:
        """Send a question and read its whole answer; every failure is a Got without a status."""
        return self._sent(target, self._whole)

    def fetch(self, target: Target, into: Path) -> Fetched:
        """The same with the body written to a file as it comes."""
        found: list[tuple[int, str]] = []

        def write(answer: httpx.Response, deadline: float) -> Got:
            got, size, sha256 = _written(answer, into, deadline)
            found.append((size, sha256))
            return got

        got = self._sent(target, write, deadline=math.inf)  # a large file may take long, as long as it comes
        return Fetched(got, *found[0]) if found else Fetched(got)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            self._idle.pop().close()

    def _sent(self, target: Target, read: Read, *, deadline: float = 0.0) -> Got:
        transport = self._idle.pop() if self._idle else self._house.transport()
        deadline = deadline or time.monotonic() + self._timeout
        try:
            answer = transport.handle_request(self._request(target))
            try:
                got = read(answer, deadline)
            finally:
                answer.close()
        except httpx.HTTPError as error:
            transport.close()
            # Only the kind of error is told: the error itself holds the request, and that the password.
            return Got(words=f"the connection broke ({type(error).__name__})", slow=isinstance(error, httpx.TimeoutException))
        except BaseException as error:  # Ctrl-C, too: the frames in which it came hold the address
            transport.close()
            raise error.with_traceback(None) from None
        self._idle.append(transport)
        return got

    def _request(self, target: Target) -> httpx.Request:
        path = target.path.format(**{name: quote(secret.reveal(), safe="") for name, secret in target.secrets.items()})
        headers = {**HEADERS, **{name: secret.reveal() for name, secret in target.headers.items()}}
        if target.question is not None:
            headers["Content-Type"] = "application/json"
        request = httpx.Request(
            target.method, f"{self._base}/{path}", params=target.params or None, headers=headers, content=target.question
        )
        request.extensions = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._timeout)}
        return request

    def _whole(self, answer: httpx.Response, deadline: float) -> Got:
        parts, size = [], 0
        headers = dict(answer.headers)
        try:
            for piece in _pieces(answer, deadline):
                parts.append(piece)
                size += len(piece)
                if size > self._cap:
                    return Got(answer.status_code, headers, words=TOO_LONG)
        except httpx.HTTPError as error:
            return Got(answer.status_code, headers, words=CUT, slow=isinstance(error, httpx.TimeoutException))
        return Got(answer.status_code, headers, b"".join(parts))


def _written(answer: httpx.Response, into: Path, deadline: float) -> tuple[Got, int, str]:
    digest, size, headers = hashlib.sha256(), 0, dict(answer.headers)
    with into.open("wb") as stream:
        try:
            for piece in _pieces(answer, deadline):
                stream.write(piece)
                digest.update(piece)
                size += len(piece)
        except httpx.HTTPError:
            return Got(answer.status_code, headers, words=CUT), size, ""
    start = into.read_bytes()[:PIECE] if size <= PIECE else b""
    return Got(answer.status_code, headers, start), size, digest.hexdigest()


def _pieces(answer: httpx.Response, deadline: float) -> Iterator[bytes]:
    for piece in answer.iter_raw(PIECE):
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the time is up")
        yield piece


def checked_address(base_url: str) -> str:
    """The address of a source without its last slash; https, unless it is a rehearsal on this machine."""
    try:
        url = httpx.URL(base_url)
        good = url.host and (url.scheme == "https" or (url.scheme == "http" and url.host in LOOPBACK))
    except httpx.InvalidURL:
        good = False
    if not good or set(" ?#@{}") & set(base_url) or not base_url.isprintable():
        raise EngagementError(
            "this is no address of a source",
            expected="https://… without a key in it; http only for a rehearsal on this machine",
            found="another address" if base_url else "nothing",
            where="engagement.toml: [source] url",
            todo="write the address of its web services there",
        )
    return base_url.rstrip("/")
