"""Connections of httpx to one host, each used by one thread at a time, that know whether a request has left.

Each has a transport of its own, as one pool collapses above forty connections. It is httpx's transport and not its client: an
API needs no cookies and no redirects, and no log should name what was asked for.
"""

from __future__ import annotations

import json
import ssl
import time
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

import httpx

from workbench.destinations import Secret
from workbench.destinations.http.verdicts import Happening

__all__ = ["LOOPBACK", "Form", "Upload", "Wire"]

LOOPBACK = ("127.0.0.1", "::1", "localhost")
ONE = httpx.Limits(max_connections=1, keepalive_expiry=4.0)
"""An idle connection is not used again after four seconds: many servers close theirs after five."""
PIECE = 16384
LONGEST = "seconds"
"""Where a request says how long it may take; httpx passes on what it does not know."""
PATH = "/-._~!$&'()*+,;=:@%"
GZIP_OR_ZLIB = 47
HEADERS = [("Accept", "application/json"), ("User-Agent", "crm-migration-workbench")]
NO_JSON, TOO_LONG, CUT = "without valid JSON", "its answer is too long", "its answer is cut off or damaged"


@dataclass(frozen=True)
class Upload:
    """A file of a form: its name and type, and its bytes, which are read from the start each time they are sent."""

    field: str
    name: str
    content_type: str
    stream: BinaryIO


@dataclass(frozen=True)
class Form:
    """A body in parts instead of JSON: fields by name, and perhaps a file, which never stands in memory as a whole."""

    fields: Mapping[str, str]
    upload: Upload | None = None
    seconds: float = 0.0  # that sending it may take, where that is more than the usual

    def parts(self) -> list[tuple[str, tuple[str | None, bytes | BinaryIO, str | None]]]:
        """The parts as httpx takes them; one without a file name is a plain field."""
        plain: list[tuple[str, tuple[str | None, bytes | BinaryIO, str | None]]] = [
            (name, (None, text.encode(), None)) for name, text in self.fields.items()
        ]
        file = self.upload
        return [*plain, (file.field, (file.name, file.stream, file.content_type))] if file else plain


class Wire:
    """The connections to one address. `exchange` may be called from any number of threads."""

    def __init__(self, base: httpx.URL, *, timeout: float, body_cap: int) -> None:
        self.base = base
        self._timeout = timeout
        self._cap = body_cap
        self._idle: list[_Line] = []

    @property
    def place(self) -> str:
        return f"{self.base.host}:{self.base.port}" if self.base.port else self.base.host

    def request(self, method: str, path: str, *, params: Mapping[str, str | int], body: object, packed: bool) -> httpx.Request:
        """A request without its key; `packed` asks for a packed answer.

        `../` at the start of the path leaves the base's last part, which one vendor call needs.
        """
        url = f"{str(self.base).rstrip('/')}/{quote(path, safe=PATH)}"
        headers = [*HEADERS, ("Accept-Encoding", "gzip" if packed else "identity")]
        if isinstance(body, Form):
            longest = {LONGEST: max(body.seconds, self._timeout)}
            return httpx.Request(method, url, params=params or None, headers=headers, files=body.parts(), extensions=longest)
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        if content:
            headers.append(("Content-Type", "application/json"))
        return httpx.Request(method, url, params=params or None, headers=headers, content=content)

    def exchange(
        self, request: httpx.Request, name: str, secret: Secret, *, leaving: Callable[[], None] | None = None
    ) -> tuple[Happening, Mapping[str, str]]:
        """Send a request and read its answer; every failure is a Happening, and none is an exception.

        `leaving` is called once the connection stands, right before the first byte; what it raises stops the request.
        """
        try:
            line = self._idle.pop()
        except IndexError:
            line = _Line(self.transport(), self.place)
        try:
            request.headers[name] = secret.reveal()
            seconds = float(request.extensions.get(LONGEST, self._timeout))
            got = line.exchange(request, time.monotonic() + seconds, cap=self._cap, leaving=leaving)
        except BaseException as error:  # Ctrl-C, too: the frames in which it came hold the key
            line.close()
            raise error.with_traceback(None) from None
        finally:
            request.headers.pop(name, None)
        self._idle.append(line)
        return got

    def transport(self) -> httpx.HTTPTransport:
        """A connection of its own to this address, with the certificates and the proxy of the house."""
        return httpx.HTTPTransport(verify=self._trust, proxy=self._proxy, limits=ONE)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            self._idle.pop().close()

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        """Made once for all connections, and where there is no certificate to look at, one that trusts none."""
        return httpx.create_ssl_context() if self.base.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    @cached_property
    def _proxy(self) -> str | None:
        """The proxy of the house; it is meant for the world outside, never for a rehearsal on this machine."""
        if self.base.host in LOOPBACK or urllib.request.proxy_bypass(self.base.host):
            return None
        said = urllib.request.getproxies().get(self.base.scheme, "")
        return (said if "://" in said else f"http://{said}") if said else None


class _Line:
    """One connection, which httpx makes anew once it is closed or old."""

    def __init__(self, transport: httpx.HTTPTransport, place: str) -> None:
        self._transport = transport
        self._place = place
        self._deadline = 0.0
        self._ours = self._sent = False
        self._kept = b""
        self._leaving: Callable[[], None] | None = None

    def close(self) -> None:
        self._transport.close()

    def exchange(
        self, request: httpx.Request, deadline: float, *, cap: int, leaving: Callable[[], None] | None
    ) -> tuple[Happening, Mapping[str, str]]:
        """Send and read. Unless its head went out whole, nobody can have carried out the request."""
        self._deadline, self._sent, self._kept, self._leaving = deadline, False, b"", leaving
        request.extensions = {**request.extensions, "timeout": {"connect": self._left()}, "trace": self._follow}
        try:
            got = self._transport.handle_request(request)
        except httpx.HTTPError as error:
            words = "the connection broke" if self._sent else f"nobody answers at {self._place}"
            return Happening(sent=self._sent, words=f"{words} ({type(error).__name__})"), {}
        headers = dict(got.headers)
        try:
            body, flaw = _whole(got, cap)
        except (httpx.HTTPError, zlib.error):
            body, flaw = b"", CUT
        finally:
            got.close()
            if self._kept:  # bytes that belong to no answer: the two ends no longer agree
                self.close()
        if not self._sent:
            return Happening(sent=False, words=f"{self._place} hung up before it was asked"), {}
        return _happened(got.status_code, body, flaw, headers), headers

    def _follow(self, event: str, info: Mapping[str, Any]) -> None:
        """What httpx tells on the way (its extension ``trace``); a head for a proxy is none of ours."""
        if event == "http11.send_request_headers.started":
            self._ours = info["request"].method != b"CONNECT"
            if self._ours and self._leaving is not None:
                self._leaving()
        elif event == "http11.send_request_headers.complete":
            self._sent = self._ours
        elif event.endswith(("connect_tcp.complete", "start_tls.complete")):
            stream, self._kept = info["return_value"], b""
            stream.read, stream.write = partial(self._read, stream.read), partial(self._write, stream.write)

    def _read(self, read: Callable[[int, float], bytes], size: int, timeout: float | None = None) -> bytes:
        """The next bytes, before the deadline. The last one is kept until asked for: what nobody asks for is no answer's."""
        del timeout
        if self._kept:
            piece, self._kept = self._kept, b""
            return piece
        piece = read(size, self._left())
        if len(piece) > 1:
            piece, self._kept = piece[:-1], piece[-1:]
        return piece

    def _write(self, write: Callable[[bytes, float], None], content: bytes, timeout: float | None = None) -> None:
        del timeout
        for start in range(0, len(content), PIECE):
            write(content[start : start + PIECE], self._left())

    def _left(self) -> float:
        """Seconds until the deadline: the time-outs of httpx begin anew with every piece that drips in."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise httpx.TimeoutException("the time is up")
        return left


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


def _whole(got: httpx.Response, cap: int) -> tuple[bytes, str]:
    """The body, unpacked, or what is wrong with it. Unpacked by httpx, one piece could eat our memory before it is measured."""
    encoding = got.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", "deflate", ""):
        return b"", "its answer is packed in a way that nobody asked for"
    unpacker = None if encoding in ("identity", "") else zlib.decompressobj(GZIP_OR_ZLIB)
    parts, size = [], 0
    for piece in got.iter_raw():
        parts.append(unpacker.decompress(piece, cap + 1) if unpacker else piece)
        size += len(parts[-1])
        if size > cap:
            return b"", TOO_LONG
    return b"".join(parts), ""
