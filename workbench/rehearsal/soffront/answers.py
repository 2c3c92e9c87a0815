"""Answers in Soffront's envelope, by the names of the profile, and the pages that a Microsoft host puts before it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workbench.rehearsal.engine import Json, Reply

HTML = "text/html; charset=utf-8"
LOGIN = "<!DOCTYPE html>\r\n<html><head><title>Soffront - Login</title></head><body>Please sign in.</body></html>\r\n"
ERROR = (
    "<!DOCTYPE html>\r\n<html><head><title>Runtime Error</title></head><body>Server Error in '/' Application.</body></html>\r\n"
)


@dataclass(frozen=True)
class Profile:
    """The names and shapes; `profile.toml` says which of them are documented."""

    tables: Mapping[str, Mapping[str, str]]

    def __getitem__(self, table: str) -> Mapping[str, str]:
        return self.tables[table]

    def named(self, parts: tuple[str, ...]) -> tuple[str, Mapping[str, str]] | None:
        """Which method a path below the base is, and what it binds."""
        for name, template in self["methods"].items():
            steps = template.split("/")
            pairs = list(zip(steps, parts, strict=False))
            if len(steps) == len(parts) and all(step[0] == "{" or step == part for step, part in pairs):
                return name, {step[1:-1]: part for step, part in pairs if step[0] == "{"}
        return None


@cache
def _own() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(Path(__file__).with_name("profile.toml").read_text(encoding="utf-8"))


def profile_of(changes: Mapping[str, Mapping[str, str]]) -> Profile:
    """The package's profile with these changes laid over it."""
    return Profile({name: {**table, **changes.get(name, {})} for name, table in _own().items()})


class Envelope:
    """Puts an answer into Status, Message and what else belongs to it."""

    def __init__(self, profile: Profile, *, jsonp: bool, error_status: int) -> None:
        self._names = profile["envelope"]
        self._jsonp = jsonp
        self._error_status = error_status

    def good(self, parts: Json, *, rows: Iterable[bytes] | None = None) -> Reply:
        """Status 1 with these parts; ``rows`` are sent to the byte, be they JSON or not."""
        named = {self._names[name]: value for name, value in parts.items()}
        body = json.dumps({self._names["status"]: 1, **named}, ensure_ascii=False, separators=(",", ":")).encode()
        if rows is not None:
            body = body[:-1] + b',"' + self._names["records"].encode() + b'":[' + b",".join(rows) + b"]}"
        return self._reply(body, 200)

    def bad(self, message: str, *, token: bool = False, status: int = 0) -> Reply:
        """Status 0, as a rule under HTTP 200."""
        body: Json = {self._names["status"]: 0, self._names["message"]: message}
        if token:
            body[self._names["token"]] = ""
        return self._reply(json.dumps(body).encode(), status or self._error_status)

    def _reply(self, body: bytes, status: int) -> Reply:
        if self._jsonp:
            return Reply(status, b"callback(" + body + b");", "application/javascript; charset=utf-8")
        return Reply(status, body)
