"""Connections to one host, each used by one thread at a time, and requests as they go out over them."""

from __future__ import annotations

import json
import ssl
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO
from urllib.parse import quote

import httpx

from workbench.destinations import Secret
from workbench.destinations.http.lines import IDLE, Line, Outgoing, Way
from workbench.destinations.http.verdicts import Happening

__all__ = ["LOOPBACK", "Form", "Upload", "Wire"]

LOOPBACK = ("127.0.0.1", "::1", "localhost")
PATH = "/-._~!$&'()*+,;=:@%"
SAID = [(b"Accept", b"application/json"), (b"User-Agent", b"crm-migration-workbench")]
PACKED, UNPACKED = (b"Accept-Encoding", b"gzip"), (b"Accept-Encoding", b"identity")
JSON = (b"Content-Type", b"application/json")
ONE = httpx.Limits(max_connections=1, keepalive_expiry=IDLE)
CHANGING = ("POST", "PUT", "PATCH")
"""Methods whose requests say how long their body is, also where they have none."""


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
        self._idle: list[Line] = []
        self._host = (b"Host", base.netloc)
        self._root = base.raw_path.decode().rstrip("/")

    def request(self, method: str, path: str, *, params: Mapping[str, str | int], body: object, packed: bool) -> Outgoing:
        """A request without its key; `packed` asks for a packed answer.

        `../` at the start of the path leaves the base's last part, which one vendor call needs.
        """
        headers = [self._host, *SAID, PACKED if packed else UNPACKED]
        target, verb = self._target(path, params), method.encode()
        if isinstance(body, Form):
            form = httpx.Request(method, self.base, files=body.parts())
            told = [(name, value) for name, value in form.headers.raw if name.lower().startswith(b"content-")]
            parts = form.stream
            assert isinstance(parts, httpx.SyncByteStream)
            return Outgoing(verb, target, [*headers, *told], parts, max(body.seconds, self._timeout))
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        if content:
            headers.append(JSON)
        if content or method in CHANGING:
            headers.append((b"Content-Length", str(len(content)).encode()))
        return Outgoing(verb, target, headers, content, self._timeout)

    def _target(self, path: str, params: Mapping[str, str | int]) -> bytes:
        """Path and query as the first line of a request has them."""
        whole = f"{self._root}/{quote(path, safe=PATH)}"
        if "/." not in whole and not params:
            return whole.encode()
        return self.base.copy_with(raw_path=whole.encode()).copy_merge_params(params).raw_path

    def exchange(
        self, going: Outgoing, name: str, secret: Secret, *, leaving: Callable[[], None] | None = None
    ) -> tuple[Happening, Mapping[str, str]]:
        """Send a request and read its answer; every failure is a Happening, and none is an exception.

        `leaving` is called once the connection stands, right before the first byte; what it raises stops the request.
        """
        try:
            line = self._idle.pop()
        except IndexError:
            line = Line(self._way)
        try:
            key = (name.encode(), secret.reveal().encode())
            got = line.exchange(going, key, deadline=time.monotonic() + going.seconds, cap=self._cap, leaving=leaving)
        except BaseException as error:  # Ctrl-C, too: the frames in which it came hold the key
            line.close()
            raise error.with_traceback(None) from None
        finally:
            key = (b"", b"")  # an error shows the values of this frame
        self._idle.append(line)
        return got

    def transport(self) -> httpx.HTTPTransport:
        """A connection of httpx to this address, with the certificates and the proxy of the house: for who reads in pieces."""
        return httpx.HTTPTransport(verify=self._way.trust, proxy=self._way.proxy, limits=ONE)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            self._idle.pop().close()

    @cached_property
    def _way(self) -> Way:
        return Way(self.base, self._trust(), self._proxy())

    def _trust(self) -> ssl.SSLContext:
        """Made once for all connections, and where there is no certificate to look at, one that trusts none."""
        return httpx.create_ssl_context() if self.base.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def _proxy(self) -> str | None:
        """The proxy of the house; it is meant for the world outside, never for a rehearsal on this machine."""
        if self.base.host in LOOPBACK or urllib.request.proxy_bypass(self.base.host):
            return None
        said = urllib.request.getproxies().get(self.base.scheme, "")
        return (said if "://" in said else f"http://{said}") if said else None
