"""One connection to one host, for one thread at a time, that knows whether a request has left.

It is httpx's own core, httpcore, and neither its client nor its pool: an API needs no cookies and no redirects, one pool
collapses above forty connections, and a request that is made of bytes costs a third of one that httpx takes apart again.
"""

from __future__ import annotations

import json
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from workbench.destinations.http.verdicts import Happening

__all__ = ["IDLE", "Line", "Outgoing", "Way"]

Header = tuple[bytes, bytes]
IDLE = 4.0
"""An idle connection is not used again after so many seconds: many servers close theirs after five."""
PIECE = 16384
"""Bytes of a request that are handed over at a time: one record where they are encrypted, of which nobody reads a part."""
TUNNEL = b"CONNECT "
GZIP_OR_ZLIB = 47
NO_JSON, TOO_LONG, CUT = "without valid JSON", "its answer is too long", "its answer is cut off or damaged"
BROKEN = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    httpcore.ConnectionNotAvailable,
)
"""Everything that httpcore raises when an exchange breaks off."""


@dataclass(frozen=True)
class Outgoing:
    """A request without its key, as bytes; a body that is not one piece is asked for anew each time it is sent."""

    method: bytes
    target: bytes
    headers: Sequence[Header]
    content: bytes | Iterable[bytes] = b""
    seconds: float = 0.0  # that it may take


@dataclass(frozen=True)
class Way:
    """How a host is reached: directly, or by a proxy."""

    base: httpx.URL
    trust: ssl.SSLContext
    proxy: str | None = None

    @property
    def place(self) -> str:
        return f"{self.base.host}:{self.base.port}" if self.base.port else self.base.host

    def url(self, target: bytes) -> httpcore.URL:
        """An address at that host."""
        return httpcore.URL(scheme=self.base.raw_scheme, host=self.base.raw_host, port=self.base.port, target=target)

    def connection(self, backend: httpcore.NetworkBackend) -> httpcore.HTTPConnection:
        """A direct connection, made when the first request comes."""
        origin = self.url(b"/").origin
        return httpcore.HTTPConnection(origin, ssl_context=self.trust, keepalive_expiry=IDLE, network_backend=backend)

    def detour(self, backend: httpcore.NetworkBackend) -> httpcore.HTTPProxy:
        """A pool of one connection by way of the proxy, which makes it anew by itself."""
        proxy = httpx.Proxy(self.proxy or "")
        return httpcore.HTTPProxy(
            httpcore.URL(scheme=proxy.url.raw_scheme, host=proxy.url.raw_host, port=proxy.url.port, target=proxy.url.raw_path),
            proxy_auth=proxy.raw_auth,
            proxy_headers=proxy.headers.raw,
            ssl_context=self.trust,
            max_connections=1,
            keepalive_expiry=IDLE,
            network_backend=backend,
        )


class Line:
    """One connection, which is made anew once it is closed or old."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._passage = _Passage()
        self._backend = _Backend(self._passage)
        self._detour = way.detour(self._backend) if way.proxy else None
        self._direct: httpcore.HTTPConnection | None = None

    def close(self) -> None:
        """Close the connection; the next request makes another."""
        if self._detour is not None:
            self._detour.close()
        if self._direct is not None:
            self._direct.close()
            self._direct = None

    def exchange(
        self, going: Outgoing, key: Header, *, deadline: float, cap: int, leaving: Callable[[], None] | None
    ) -> tuple[Happening, Mapping[str, str]]:
        """Send and read. Unless its head went out whole, nobody can have carried out the request."""
        passage = self._passage
        passage.begin(deadline, leaving, joined=bool(going.content))
        request = httpcore.Request(
            going.method,
            self._way.url(going.target),
            headers=[*going.headers, key],
            content=going.content,
            extensions={"timeout": {"connect": passage.left()}},
        )
        try:
            got = (self._detour or self._standing()).handle_request(request)
        except BROKEN as error:
            words = "the connection broke" if passage.sent else f"nobody answers at {self._way.place}"
            return Happening(sent=passage.sent, words=f"{words} ({type(error).__name__})"), {}
        headers = _read(got.headers)
        try:
            body, flaw = _whole(got, headers.get("content-encoding", "identity").strip().lower(), cap)
        except (*BROKEN, zlib.error):
            body, flaw = b"", CUT
        finally:
            got.close()
            if passage.kept:  # bytes that belong to no answer: the two ends no longer agree
                self.close()
        if not passage.sent:
            return Happening(sent=False, words=f"{self._way.place} hung up before it was asked"), {}
        return _happened(got.status, body, flaw, headers), headers

    def _standing(self) -> httpcore.HTTPConnection:
        direct = self._direct
        if direct is None or not direct.is_idle() or direct.has_expired():
            self.close()
            direct = self._direct = self._way.connection(self._backend)
        return direct


class _Passage:
    """The request that is under way: until when, whether its head went out, and which byte of the answer nobody took yet."""

    __slots__ = ("_deadline", "head", "joined", "kept", "leaving", "sent")

    def __init__(self) -> None:
        self.begin(0.0, None, joined=False)

    def begin(self, deadline: float, leaving: Callable[[], None] | None, *, joined: bool) -> None:
        self._deadline, self.leaving = deadline, leaving
        self.joined = joined  # whether a body follows, with which the head goes out in one piece
        self.sent, self.head, self.kept = False, b"", b""

    def left(self) -> float:
        """Seconds until the deadline: the time-outs of httpcore begin anew with every piece that drips in."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise httpcore.TimeoutException("the time is up")
        return left


class _Stream(httpcore.NetworkStream):
    """Bytes of one connection, in both directions, before the deadline of the request that is under way."""

    def __init__(self, inner: httpcore.NetworkStream, passage: _Passage) -> None:
        self._inner = inner
        self._passage = passage
        bare = inner.get_extra_info("ssl_object") is None
        self._socket: socket.socket | None = inner.get_extra_info("socket") if bare else None

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes. The last one is kept until it is asked for: what nobody asks for is no answer's."""
        del timeout
        passage = self._passage
        if passage.head:  # the body was an empty one
            self._begin(b"")
        if passage.kept:
            piece, passage.kept = passage.kept, b""
            return piece
        piece = self._inner.read(max_bytes, passage.left())
        if len(piece) > 1:
            piece, passage.kept = piece[:-1], piece[-1:]
        return piece

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        del timeout
        passage = self._passage
        if not buffer:
            return
        if passage.sent or buffer.startswith(TUNNEL):  # a head for a proxy is none of ours
            self._put(buffer, len(buffer) + 1)
        elif passage.joined and not passage.head:
            passage.head = buffer
        else:
            self._begin(buffer)

    def _begin(self, content: bytes) -> None:
        """The first bytes of a request, if it may leave."""
        passage = self._passage
        if passage.leaving is not None:
            passage.leaving()
        head, passage.head = passage.head or content, b""
        self._put(head + content if head is not content else content, len(head))

    def _put(self, content: bytes, head: int) -> None:
        """Hand over everything, and take note once so many bytes of it are gone."""
        gone = 0
        while gone < len(content):
            gone += self._hand_over(content[gone : gone + PIECE])
            self._passage.sent = self._passage.sent or gone >= head

    def _hand_over(self, piece: bytes) -> int:
        """How many bytes of a piece are gone; where the connection is encrypted, all of them or none."""
        seconds = self._passage.left()
        if self._socket is None:
            self._inner.write(piece, seconds)
            return len(piece)
        try:
            self._socket.settimeout(seconds)
            return self._socket.send(piece)
        except TimeoutError as late:
            raise httpcore.WriteTimeout(late) from late
        except OSError as broken:
            raise httpcore.WriteError(broken) from broken

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        self._passage.kept = b""
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, timeout), self._passage)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    """Makes connections whose bytes are watched."""

    def __init__(self, passage: _Passage) -> None:
        self._passage = passage

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        stream = super().connect_tcp(host, port, timeout, local_address, socket_options)
        self._passage.kept = b""
        return _Stream(stream, self._passage)


def _read(headers: Sequence[Header]) -> dict[str, str]:
    """Headers by their names in lower case; one that comes several times is a list."""
    found: dict[str, str] = {}
    for raw, value in headers:
        name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found


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


def _whole(got: httpcore.Response, encoding: str, cap: int) -> tuple[bytes, str]:
    """The body, unpacked, or what is wrong with it. Unpacked all at once, it could eat our memory before it is measured."""
    if encoding not in ("identity", "gzip", "x-gzip", "deflate", ""):
        return b"", "its answer is packed in a way that nobody asked for"
    unpacker = None if encoding in ("identity", "") else zlib.decompressobj(GZIP_OR_ZLIB)
    parts, size = [], 0
    for piece in got.iter_stream():
        parts.append(unpacker.decompress(piece, cap + 1) if unpacker else piece)
        size += len(parts[-1])
        if size > cap:
            return b"", TOO_LONG
    return b"".join(parts), ""
