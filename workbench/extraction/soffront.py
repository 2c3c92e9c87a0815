"""Soffront's web services: its questions and answers by the names of one profile, which a file of the engagement replaces."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from workbench.destinations import Secret
from workbench.errors import EngagementError, SpecError
from workbench.extraction.contract import (
    Adapter,
    Download,
    Export,
    Got,
    Item,
    Judgement,
    Listed,
    Opened,
    Position,
    SourceAccount,
    Target,
)
from workbench.extraction.items import inner_bytes, key_text, read_page

__all__ = ["connect"]

JSONP = re.compile(rb"\s*[\w.$]+\s*\((.*)\)\s*;?\s*", re.DOTALL)
SAFE = 500
"""Rows that the one figure known of this source allows at once."""
WAYS: Mapping[str, Literal["", "offset", "cursor", "above"]] = {
    "": "",
    "offset": "offset",
    "cursor": "cursor",
    "above": "above",
}
Profile = Mapping[str, Mapping[str, str]]


def connect(account: SourceAccount, *, beside: Path | None = None) -> Adapter:
    """The adapter; a profile that the settings name lies in the folder `beside`, or is given by its whole path."""
    if account.user is None or account.password is None:
        raise EngagementError(
            "the user of the source is missing",
            expected="$WORKBENCH_SOURCE_USER and $WORKBENCH_SOURCE_PASSWORD, or user and password in .source-credentials",
            todo="take a migration user of its own, whose password is changed after the cutover",
        )
    return Soffront(account, _profile(str(account.settings.get("profile", "")), beside))


class Soffront:
    """One account of Soffront."""

    def __init__(self, account: SourceAccount, profile: Profile) -> None:
        self._profile, self._envelope = profile, profile["envelope"]
        paging = profile["paging"]
        self.rows = int(account.settings.get("rows", paging["rows"]))
        self.safe_rows = SAFE
        self.created = str(account.settings.get("created", paging["created"]))
        self.paging = WAYS[str(account.settings.get("paging", paging["way"]))]
        said = str(account.settings.get("first", paging["first"]))
        self._first = int(said) if said else None  # until `learn` has looked
        self._stale, self._later = (re.compile(profile["words"][name], re.IGNORECASE) for name in ("stale", "later"))
        assert account.user is not None and account.password is not None  # looked at by `connect`
        signed = {"key": account.key, "user": account.user, "password": account.password}
        self.log_in: Target | None = Target(profile["methods"]["token"], secrets=signed)

    # ------------------------------------------------------------ answers

    def token_of(self, got: Got) -> Secret | None:
        """The token; None where Status is not 1."""
        said = self._said(got.body)
        token = str((said or {}).get(self._envelope["token"]) or "")
        return Secret(token) if token and self._is_good(said) else None

    def judge(self, got: Got) -> Judgement:
        """By the page, then by Status: an error comes under HTTP 200 as well."""
        if got.status in (500, 504, 408):
            return "heavy"
        if got.status in (301, 302, 401) or (got.status == 200 and _is_page(got)):
            return "stale"  # a page for people, under 200, is the one to sign in
        if _is_page(got):
            return "refused"
        said = self._said(got.body)
        if said is None:
            return "garbled"
        if self._is_good(said):
            return "good"
        words = str(said.get(self._envelope["message"], ""))
        return "stale" if self._stale.search(words) else "later" if self._later.search(words) else "refused"

    def words(self, got: Got) -> str:
        """Its message."""
        return str((self._said(got.body) or {}).get(self._envelope["message"], "")) or f"it answered {got.status}"

    def _said(self, body: bytes) -> Mapping[str, object] | None:
        try:
            said = json.loads(_bare(body).decode("utf-8-sig", "surrogateescape"))
        except (ValueError, RecursionError):
            return None
        return said if isinstance(said, dict) else None

    def _is_good(self, said: Mapping[str, object] | None) -> bool:
        return said is not None and str(said.get(self._envelope["status"])) == "1"

    # ------------------------------------------------------------ objects

    def list_objects(self, ask: Callable[[Callable[[Secret], Target]], Got]) -> Sequence[tuple[Listed, bytes]]:
        """All that it lists; what the user may not see is found out with the first page."""
        got = ask(lambda token: self._target("objects", token))
        names = self._profile["object"]
        return [
            self._described(str(row[names["name"]]), str(row.get(names["label"]) or ""), ask)
            for row in _rows((self._said(got.body) or {}).get(self._envelope["objects"]))
        ]

    def _described(self, name: str, label: str, ask: Callable[[Callable[[Secret], Target]], Got]) -> tuple[Listed, bytes]:
        got = ask(lambda token: self._target("fields", token, object_=name))
        names = self._profile["field"]
        rows = _rows((self._said(got.body) or {}).get(self._envelope["fields"]))
        fields = tuple(str(row[names["name"]]) for row in rows)
        required = [str(row[names["name"]]) for row in rows if row.get(names["required"]) in (True, 1, "1", "true", "True")]
        return Listed(name, label, next(iter((*required, *fields)), ""), fields), got.body

    def count(self, listed: Listed, token: Secret) -> Target | None:
        """Where there is such a call."""
        return self._target("count", token, object_=listed.name) if self._profile["methods"].get("count") else None

    def count_of(self, got: Got) -> int | None:
        """The number, also where it is written as a text."""
        return _whole((self._said(got.body) or {}).get(self._envelope["count"]))

    # ------------------------------------------------------------ rows

    def page(self, listed: Listed, at: Position, *, rows: int, token: Secret, keys_only: bool = False) -> Target:
        """Always with a number of rows, and ordered by the key in case that is heeded."""
        names = self._profile["parameters"]
        params: dict[str, str | int] = {names["rows"]: rows}
        if at.by == "offset":
            params[names["start"]] = at.start + (1 if self._first is None else self._first)
        elif at.by == "cursor" and at.token:
            params[names["cursor"]] = at.token
        elif at.by == "above" and at.token:
            params[names["where"]] = self._profile["paging"]["above"].format(key=listed.key, value=at.token)
        if listed.key:
            params[names["order"]] = listed.key
        if keys_only:
            params[names["fields"]] = listed.key
        return self._target("records", token, object_=listed.name, params=params)

    def one(self, listed: Listed, key: str, token: Secret) -> Target | None:
        """One row by its key."""
        known = listed.key and self._profile["methods"].get("record")
        return self._target("record", token, object_=listed.name, id_=key) if known else None

    def open(self, listed: Listed, body: bytes) -> Opened | None:
        """The rows; a Count that equals their number may be theirs and is not believed to be of all."""
        page = read_page(_bare(body), (self._envelope["records"],))
        if page is None:
            return None
        items = tuple(Item(raw, key_text((value or {}).get(listed.key)), reason) for raw, value, reason in page.rows)
        total = _whole(page.beside.get(self._envelope["count"]))
        cursor = str(page.beside.get(self._envelope["cursor"]) or "")
        return Opened(items, cursor, total if total is not None and total > len(items) else None)

    def rescue(self, listed: Listed, body: bytes) -> tuple[str, str | None]:
        """By looking for them in the text."""
        whole = f'"{self._envelope["records"]}"'.encode() in body
        return _seen(body, listed.key), _seen(body, self._envelope["cursor"]) or ("" if whole else None)

    def inner(self, body: bytes) -> bytes:
        """What stands in its list of records."""
        return inner_bytes(body, self._envelope["records"])

    def export(self, listed: Listed) -> Export | None:
        """Everything is read page by page."""
        return None

    def open_export(self, listed: Listed, body: bytes) -> Opened:
        """There are none."""
        return Opened(())

    def learn(self, ask: Callable[[Callable[[Secret], Target]], Got], objects: Sequence[Listed]) -> Mapping[str, int]:
        """Whether rows are counted from 0 or from 1: the row that is asked for as number 1 is the first one or the second."""
        if self._first is None:
            self._first = 1
            rows = self._profile["parameters"]["rows"]
            start = self._profile["parameters"]["start"]
            for listed in objects:
                plain, moved = (
                    self.open(listed, ask(partial(self._look, listed, {rows: 2, **more})).body) for more in ({}, {start: 1})
                )
                keys = [[item.key for item in page.items] for page in (plain, moved) if page is not None]
                if len(keys) == 2 and len(keys[0]) == 2 and keys[1] and "" not in (*keys[0], *keys[1]):
                    self._first = 0 if keys[1][0] == keys[0][1] else 1
                    break
        return {"first": self._first}

    def _look(self, listed: Listed, params: Mapping[str, str | int], token: Secret) -> Target:
        ordered = {self._profile["parameters"]["order"]: listed.key} if listed.key else {}
        return self._target("records", token, object_=listed.name, params={**params, **ordered})

    def recall(self, facts: Mapping[str, int]) -> None:
        """The number of the first row."""
        self._first = facts.get("first", self._first)

    # ------------------------------------------------------------ files

    @property
    def file_objects(self) -> tuple[str, ...]:
        return (self._profile["attachment"]["object"],)

    def downloads(self, rows: Mapping[str, Sequence[Mapping[str, object]]]) -> Sequence[Download]:
        """One for every row of the object of attachments."""
        names = self._profile["attachment"]
        found = [row for row in rows.get(names["object"], ()) if row.get(names["id"]) not in (None, "")]
        return [self._download(row, names) for row in found]

    def _download(self, row: Mapping[str, object], names: Mapping[str, str]) -> Download:
        id_, name = str(row[names["id"]]), str(row.get(names["name"]) or "")

        def target(token: Secret) -> Target:
            return self._target("attachment", token, id_=id_)

        def judge(got: Got) -> Judgement:
            if got.status != 200:
                return self.judge(got)
            page = _is_page(got) and not name.lower().endswith((".htm", ".html"))
            said = self._said(got.body) if got.body[:1] in b"{c" else None
            refusal = said is not None and str(said.get(self._envelope["status"])) == "0"
            return self.judge(got) if page or refusal else "good"

        return Download(id_, name, names["object"], _whole(row.get(names["bytes"])), target, judge)

    def _target(
        self, method: str, token: Secret, *, object_: str = "", id_: str = "", params: Mapping[str, str | int] | None = None
    ) -> Target:
        """The path of a method; all but the token is put in here, and encoded."""
        path = self._profile["methods"][method]
        for name, value in (("object", object_), ("id", id_)):
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        return Target(path, params or {}, {"token": token})


def _profile(named: str, beside: Path | None) -> Profile:
    """The package's own profile, with that of the engagement laid over it."""
    own = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    if not named:
        return own
    path = (beside or Path()) / named
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SpecError(
            "the profile of the source cannot be read", found=str(error), where=str(path), todo="correct [source] profile"
        ) from None
    unknown = sorted(set(said) - set(own))
    if unknown:
        raise SpecError("the profile has a table that is not known", expected=", ".join(own), found=unknown[0], where=str(path))
    return {name: {**table, **said.get(name, {})} for name, table in own.items()}


def _is_page(got: Got) -> bool:
    return "html" in got.headers.get("content-type", "") or got.body.lstrip()[:1] == b"<"


def _bare(body: bytes) -> bytes:
    """JSON without the call that JSONP wraps around it."""
    found = JSONP.fullmatch(body) if body.lstrip()[:1] not in (b"{", b"[") else None
    return found[1] if found else body


def _rows(said: object) -> list[Mapping[str, object]]:
    return [row for row in said if isinstance(row, dict)] if isinstance(said, list) else []


def _whole(said: object) -> int | None:
    return int(said) if isinstance(said, int | str) and str(said).isdecimal() else None


def _seen(body: bytes, name: str) -> str:
    found = re.search(rb'"' + re.escape(name.encode()) + rb'"\s*:\s*"?([^",}\]\s]+)', body)
    return found[1].decode("utf-8", "replace") if found else ""
