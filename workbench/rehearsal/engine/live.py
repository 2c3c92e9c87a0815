"""Reads the settings of a live account, by GET alone, so that a tenant can be shaped like it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx
import tomli_w

from workbench.errors import DestinationBusy, Refused, SpecError, WaitError, WrongKey, listed

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
SHOWN = 200


class Reader:
    """A connection to one API that can do nothing but GET; neither its repr nor its errors show the headers."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url = _checked(url)
        self.withheld: list[str] = []
        """Paths that the account did not give, with the status that it gave instead."""
        self._http = httpx.Client(headers=dict(headers), timeout=TIMEOUT, trust_env=False, follow_redirects=False)

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
            raise WaitError(
                "the account does not answer", found=type(error).__name__, where=where, todo="see to the address, try again"
            ) from None
        if answer.status_code in (403, 404):
            self.withheld.append(f"{path} ({answer.status_code})")
            return None
        if answer.status_code != 200:
            raise _refusal(answer, where)
        try:
            return json.loads(answer.content)
        except ValueError:
            raise Refused(
                "the answer is no JSON", found=_start(answer), where=where, todo="see that --url is the address of the API"
            ) from None


def recipe_text(reader: Reader, tenant_of: Callable[[Callable[[str], Any]], Mapping[str, Any]]) -> str:
    """The recipe that a destination makes of what the reader is given, as the text of a tenant file.

    What is empty is left out, as TOML has no word for it; what the account withheld stands in comments at the top.
    """
    try:
        recipe = tenant_of(reader.get)
    except (IndexError, KeyError, TypeError) as error:
        raise Refused(
            "the account does not show its settings in the form that is known of it",
            found=f"{type(error).__name__} {error}",
            where=f"withheld: {listed(reader.withheld)}" if reader.withheld else "",
            todo="see that --url is the address of the API, and take the key of an admin",
        ) from None
    notes = [f"# not given by the account: {path}\n" for path in reader.withheld]
    return "".join(notes) + tomli_w.dumps(_said(recipe))


def _said(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _said(item) for key, item in value.items() if item is not None}
    return [_said(item) for item in value if item is not None] if isinstance(value, list | tuple) else value


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise SpecError(
            "this is no address of an API", expected="https://… without a query", found=repr(url), todo="give another --url"
        )
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise SpecError("a key goes over https only", found=parts.hostname, todo="begin --url with https://")
    return url.rstrip("/")


def _refusal(answer: httpx.Response, where: str) -> Exception:
    found = f"{answer.status_code}: {_start(answer)}"
    if answer.status_code == 401:
        return WrongKey("the account does not take the key", found=found, where=where, todo="take the key of an admin")
    if answer.status_code == 429:
        return DestinationBusy("the limit of the account is used up", found=found, where=where, todo="wait, then try again")
    return Refused("the account answered no", found=found, where=where, todo="see that --url is the address of the API")


def _start(answer: httpx.Response) -> str:
    text = " ".join(answer.text.split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
