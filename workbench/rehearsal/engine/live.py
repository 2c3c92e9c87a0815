"""Reads the settings of a live account, by GET alone, so that a tenant can be shaped like it."""

from __future__ import annotations

import json
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx
import tomli_w

from workbench.errors import DestinationBusy, EditError, Refused, SpecError, WaitError, WorkbenchError, WrongKey, listed

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
SHOWN = 200
AUTHORITIES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR")
"""Variables that name the authorities to trust, as OpenSSL and the usual clients have them; the first that is set counts."""


class Reader:
    """A connection to one API that can do nothing but GET; neither its repr nor its errors show the headers."""

    def __init__(self, url: str, headers: Mapping[str, str], *, address: str = "", timeout: httpx.Timeout = TIMEOUT) -> None:
        """``address`` says in words where the destination has its API."""
        self._url = address_of(url)
        self.address = address
        self.withheld: list[str] = []
        """Paths that the account did not give, with the status that it gave instead."""
        # Proxies of the environment are left aside: the key goes to the account and to nobody between.
        self._http = httpx.Client(
            headers=dict(headers), timeout=timeout, verify=_trust(), trust_env=False, follow_redirects=False
        )

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.close()

    def get(self, path: str) -> Any:
        """The JSON that the API answers at a path below its address, with its query; none where it withholds it (403, 404)."""
        where = f"GET {path}"
        try:
            answer = self._http.get(f"{self._url}/{path.lstrip('/')}")
        except httpx.HTTPError as error:
            raise _unreached(error, self._url, where) from None
        if answer.status_code in (403, 404):
            self.withheld.append(f"{path} ({answer.status_code})")
            return None
        if answer.status_code != 200:
            raise self._refusal(answer, where)
        try:
            return json.loads(answer.content)
        except ValueError:
            raise Refused(
                "the answer is no JSON",
                expected=self.address,
                found=_start(answer),
                where=where,
                todo="see that --url is the address of the API",
            ) from None

    def _refusal(self, answer: httpx.Response, where: str) -> WorkbenchError:
        found = f"{answer.status_code}: {_start(answer)}"
        if answer.status_code == 401:
            return WrongKey("the account does not take the key", found=found, where=where, todo="take the key of an admin")
        if answer.status_code == 429:
            return DestinationBusy("the limit of the account is used up", found=found, where=where, todo="wait, then try again")
        return Refused(
            "the account answered no",
            expected=self.address,
            found=found,
            where=where,
            todo="see that --url is the address of the API",
        )


def recipe_text(
    reader: Reader, tenant_of: Callable[[Callable[[str], Any]], Mapping[str, Any]], *, probes: Sequence[str] = ()
) -> str:
    """The recipe that a destination makes of what the reader is given, as the text of a tenant file.

    What is empty is left out, as TOML has no word for it; what was guessed and what the account withheld stands in comments
    at the top, save the ``probes``: paths that only tell by a 404 which kind of account it is.
    """
    try:
        recipe = tenant_of(reader.get)
    except (IndexError, KeyError, TypeError) as error:
        raise Refused(
            "the account does not show its settings in the form that is known of it",
            expected=reader.address,
            found=f"no answer at {listed(reader.withheld)}" if reader.withheld else f"an answer without {error}",
            todo="see that --url is the address of the API, and take the key of an admin",
        ) from None
    expected = {f"{path} (404)" for path in probes}
    notes = [f"guessed: {guess}" for guess in recipe.get("account", {}).get("unsure", [])]
    notes += [f"not given by the account: {path}" for path in reader.withheld if path not in expected]
    return "".join(f"# {_line(note)}\n" for note in notes) + tomli_w.dumps(_said(recipe))


def _line(text: str) -> str:
    """One line that a comment of TOML may hold, whatever the account has in its names."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _said(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _said(item) for key, item in value.items() if item is not None}
    return [_said(item) for item in value if item is not None] if isinstance(value, list | tuple) else value


def address_of(url: str) -> str:
    """An address that a key may be sent to, without the last slash; ``SpecError`` where it is none."""
    try:
        parts, whole = urlsplit(url), httpx.URL(url)
        good = parts.scheme in ("http", "https") and bool(whole.host) and parts.port != 0 and len(url.split()) == 1
    except (ValueError, httpx.InvalidURL):
        good = False
    if not good or parts.query or parts.fragment or parts.username:
        raise SpecError(
            "this is no address of an API", expected="https://… without a query", found=repr(url), todo="give another --url"
        )
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise SpecError("a key goes over https only", found=whole.host, todo="begin --url with https://")
    return url.rstrip("/")


def _trust() -> ssl.SSLContext | bool:
    """The authorities that the environment names, or else the usual ones."""
    name = next((name for name in AUTHORITIES if os.environ.get(name)), None)
    if name is None:
        return True
    path = Path(os.environ[name])
    try:
        return ssl.create_default_context(capath=path) if path.is_dir() else ssl.create_default_context(cafile=path)
    except OSError as error:
        raise EditError(
            f"the authorities of ${name} cannot be read",
            expected="a PEM file with certificates, or a folder of them",
            found=error.strerror or str(error),
            where=str(path),
            todo=f"set ${name} to another file, or take it away",
        ) from None


def _unreached(error: httpx.HTTPError, url: str, where: str) -> WorkbenchError:
    """Why a connection failed, in words."""
    causes = list(_causes(error))
    place = f"{where} at {url}"
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return EditError(
                "the certificate of the account is not trusted",
                found=cause.verify_message,
                where=place,
                todo="see to the address; if an authority of your own signed it, name its PEM file in $SSL_CERT_FILE",
            )
    return WaitError("the account does not answer", found=_reason(causes), where=place, todo="see to the address, try again")


def _reason(causes: Sequence[BaseException]) -> str:
    if any(isinstance(cause, httpx.ConnectTimeout) for cause in causes):
        return "no connection in time"
    if any(isinstance(cause, httpx.TimeoutException) for cause in causes):
        return "a connection, but no answer in time"
    for cause in causes:
        if isinstance(cause, ConnectionRefusedError):
            return "the connection was refused: nobody listens there"
        if isinstance(cause, ConnectionResetError | httpx.RemoteProtocolError):
            return "the connection was closed before the answer"
        if isinstance(cause, socket.gaierror):
            return f"nobody has this name: {cause.strerror}"
        if isinstance(cause, ssl.SSLError):
            return f"no TLS could be agreed on: {cause.reason or cause}"
    return f"{type(causes[0]).__name__}: {causes[0]}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _start(answer: httpx.Response) -> str:
    text = " ".join(answer.text.split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
