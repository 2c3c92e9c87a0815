"""Connections to one host, each used by one thread at a time, that know whether a byte of a request has left.

Over the standard library's ``http.client``: at eighty requests in flight a client library costs six times the processor time,
and hides whether a connection broke before or after the request went out, which decides whether it may be sent again.
"""

from __future__ import annotations

import http.client
import io
import json
import select
import socket
import ssl
import time
import urllib.request
import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import SplitResult, quote, unquote, urlencode, urlsplit

import httpx

from workbench.destinations import Secret
from workbench.destinations.verdicts import Happening

__all__ = ["LOOPBACK", "Sending", "Wire", "sending", "target"]

LOOPBACK = ("127.0.0.1", "::1", "localhost")
IDLE = 4.0
"""Seconds after which an idle connection is not used again: many servers close theirs after five."""
TIDY = 15.0
PIECE = 65536
PATH = "/-._~!$&'()*+,;=:@%"
GZIP_OR_ZLIB = 47
AGENT = "crm-migration-workbench"
NO_JSON, TOO_LONG, CUT = "without valid JSON", "its answer is too long", "its answer is cut off"


@dataclass(frozen=True)
class Sending:
    """One request as it goes out: its head but for the key, and its body."""

    method: str
    head: bytes
    body: bytes


class Wire:
    """The connections to one address. `exchange` may be called from any number of threads."""

    def __init__(self, base: SplitResult, *, timeout: float, body_cap: int) -> None:
        self.base = base
        self._timeout = timeout
        self._cap = body_cap
        self._idle: list[Line] = []

    def exchange(self, sending: Sending, name: str, secret: Secret) -> tuple[Happening, Mapping[str, str]]:
        """Send a request and read its answer; every failure is a Happening, and none is an exception."""
        deadline = time.monotonic() + self._timeout
        line = self._borrow()
        try:
            if line is None:
                line = Line(self._connected(), time.monotonic())
        except (OSError, http.client.HTTPException) as error:
            return Happening(sent=False, words=f"nobody answers at {self.place} ({type(error).__name__})"), {}
        try:
            return line.exchange(sending, (name, secret), deadline=deadline, cap=self._cap)
        finally:
            if line.reusable:
                line.used = time.monotonic()
                self._idle.append(line)
                self._tidy(line.used)
            else:
                line.close()

    @property
    def host(self) -> str:
        return self.base.hostname or ""

    @property
    def place(self) -> str:
        return f"{self.host}:{self.base.port}" if self.base.port else self.host

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            self._idle.pop().close()

    def _borrow(self) -> Line | None:
        """The connection that was used last, if the other end has not closed it."""
        while True:
            try:
                line = self._idle.pop()
            except IndexError:
                return None
            if time.monotonic() - line.used < IDLE and line.quiet():
                return line
            line.close()

    def _tidy(self, now: float) -> None:
        """Close what nobody has needed for long; the oldest stands first."""
        while self._idle and now - self._idle[0].used > TIDY:
            try:
                self._idle.pop(0).close()
            except IndexError:  # another thread was quicker
                return

    def _connected(self) -> socket.socket:
        proxy = self._proxy
        host, port = (proxy.hostname or "", proxy.port or 80) if proxy else (self.host, self.base.port or self._port)
        if self.base.scheme == "http":
            connection = http.client.HTTPConnection(host, port, timeout=self._timeout)
        else:
            connection = http.client.HTTPSConnection(host, port, timeout=self._timeout, context=self._trust)
        if proxy:
            connection.set_tunnel(self.host, self.base.port or self._port, _proxy_headers(proxy))
        connection.connect()
        return connection.sock

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()

    @property
    def _port(self) -> int:
        return 443 if self.base.scheme == "https" else 80

    @cached_property
    def _proxy(self) -> SplitResult | None:
        """The proxy of the house; it is meant for the world outside, never for a rehearsal on this machine."""
        if self.host in LOOPBACK or urllib.request.proxy_bypass(self.host):
            return None
        said = urllib.request.getproxies().get(self.base.scheme, "")
        return urlsplit(said if "://" in said else f"http://{said}") if said else None


class Line:
    """One connection. After an exchange it is `reusable` if both ends agree where the answer ended."""

    __slots__ = ("_poll", "_socket", "reusable", "used")

    def __init__(self, sock: socket.socket, now: float) -> None:
        self._socket = sock
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self.reusable = False
        self.used = now

    def quiet(self) -> bool:
        """Whether nothing came since the last answer: neither an end nor a byte that belongs to nobody."""
        return not self._poll.poll(0)

    def close(self) -> None:
        self._socket.close()

    def exchange(
        self, sending: Sending, header: tuple[str, Secret], *, deadline: float, cap: int
    ) -> tuple[Happening, Mapping[str, str]]:
        """Send and read. An error before the first byte went out leaves the request unsent."""
        self.reusable = False
        written, broken = self._write(sending, header, deadline)
        if broken and not written:
            return Happening(sent=False, words=f"the connection broke before anything was sent ({broken})"), {}
        if broken:
            return Happening(sent=True, words=f"the connection broke ({broken})"), {}
        try:
            reading = _Reading(self._socket, deadline)
            with http.client.HTTPResponse(reading, method=sending.method) as got:  # type: ignore[arg-type]
                got.begin()
                headers = {name.lower(): value for name, value in got.getheaders()}
                body, flaw = _whole(got, headers, cap)
                self.reusable = not flaw and not got.will_close and got.isclosed() and not reading.file.beyond
                return _happened(got.status, body, flaw, headers), headers
        except (OSError, http.client.HTTPException, zlib.error) as error:
            return Happening(sent=True, words=f"the connection broke ({type(error).__name__})"), {}

    def _write(self, sending: Sending, header: tuple[str, Secret], deadline: float) -> tuple[int, str]:
        """How many bytes went out, and the kind of error that ended it. The key is in no frame that an error leaves."""
        written = 0
        name, secret = header
        text = b"%b%b: %b\r\n\r\n%b" % (sending.head, name.encode(), secret.reveal().encode("latin-1"), sending.body)
        try:
            while written < len(text):
                self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
                written += self._socket.send(text[written:] if written else text)
        except OSError as error:
            return written, type(error).__name__
        finally:
            del text, secret, header
        return written, ""


class _Reading:
    """A socket as ``HTTPResponse`` wants it, whose every read ends by the deadline of the exchange."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self.file = _File(_Raw(sock, deadline))

    def makefile(self, mode: str) -> _File:
        """The file that the answer is read from; closing it leaves the connection open."""
        del mode
        return self.file


class _Raw(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._socket = sock
        self._deadline = deadline
        self.over = False

    def readable(self) -> bool:
        return True

    def readinto(self, into: memoryview) -> int:  # type: ignore[override]
        if self.over:
            return 0
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        return self._socket.recv_into(into)


class _File(io.BufferedReader):
    """Knows at its end whether bytes came that belong to no answer: then the two ends no longer agree."""

    beyond = False

    def __init__(self, raw: _Raw) -> None:
        super().__init__(raw)
        self._source = raw

    def close(self) -> None:
        if not self.closed:
            self._source.over = True
            self.beyond = bool(self.peek(1))
        super().close()


def target(base: SplitResult, path: str, params: Mapping[str, str | int]) -> str:
    """Path and query below the base; ``../`` at its start leaves the base's last part, which one vendor call needs."""
    root = base.path.rstrip("/")
    while path.startswith("../"):
        root, path = root.rpartition("/")[0], path[3:]
    query = f"?{urlencode(params)}" if params else ""
    return quote(f"{root}/{path}", safe=PATH) + query


def sending(base: SplitResult, method: str, *, address: str, body: object, packed: bool) -> Sending:
    """A request for the wire; ``packed`` asks for a packed answer."""
    content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    host = f"[{base.hostname}]" if ":" in (base.hostname or "") else base.hostname
    lines = [f"{method} {address} HTTP/1.1", f"Host: {host}" + (f":{base.port}" if base.port else "")]
    lines += ["Accept: application/json", f"Accept-Encoding: {'gzip' if packed else 'identity'}", f"User-Agent: {AGENT}"]
    if body is not None:
        lines += ["Content-Type: application/json"]
    if content or method in ("POST", "PUT", "PATCH"):
        lines += [f"Content-Length: {len(content)}"]
    return Sending(method, "\r\n".join([*lines, ""]).encode("latin-1"), content)


def _happened(status: int, body: bytes, flaw: str, headers: Mapping[str, str]) -> Happening:
    data, page = None, False
    if not flaw and body.strip():
        try:
            data = json.loads(body)
        except (ValueError, RecursionError):
            flaw = NO_JSON
            page = "html" in headers.get("content-type", "") or body.lstrip()[:1] == b"<"
    words = f"it sends us on to {_aim(headers.get('location', ''))}" if 300 <= status < 400 else ""
    return Happening(sent=True, status=status, data=data, flaw=flaw, words=words, page=page)


def _aim(location: str) -> str:
    try:
        return urlsplit(location).hostname or "another path"
    except ValueError:
        return "an address that is none"


def _whole(got: http.client.HTTPResponse, headers: Mapping[str, str], cap: int) -> tuple[bytes, str]:
    """The body, unpacked, or what is wrong with it; neither it nor its packed form may eat our memory."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", "deflate", ""):
        return b"", "its answer is packed in a way that nobody asked for"
    unpack = _unpacker(encoding, cap)
    parts, size = [], 0
    while piece := got.read(PIECE):
        piece = unpack(piece)
        size += len(piece)
        if size > cap:
            return b"", TOO_LONG
        parts.append(piece)
    if got.length:
        return b"", CUT
    return b"".join(parts), ""


def _unpacker(encoding: str, cap: int) -> Callable[[bytes], bytes]:
    if encoding in ("identity", ""):
        return lambda piece: piece
    unpacker = zlib.decompressobj(GZIP_OR_ZLIB)
    return lambda piece: unpacker.decompress(piece, cap + 1)


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
