"""The calls of Pipedrive's API: which version has them, what they cost, and what stands in the envelope of an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.destinations.http import Answer, Http, Request
from workbench.destinations.pipedrive.refusing import closed, plan_words, unscoped
from workbench.destinations.pipedrive.settings import Dials
from workbench.errors import Refused, SpecError, WrongKey
from workbench.specs import DestinationSpec, ObjectSpec

__all__ = ["ONLY_V1", "Calls", "has_more", "must", "one_of", "rows_of", "words_of"]

ONLY_V1 = ("notes", "files")
"""Kinds of record that v2 does not have."""
V2 = "v2"
FORBIDDEN, UNPAID = 403, 402
MOST_PAGES = 1_000_000
Params = Mapping[str, str | int]


@dataclass(frozen=True)
class Page:
    """Rows of a list, and where the next ones are; empty at its end."""

    rows: tuple[dict[str, Any], ...]
    cursor: str


class _Heard:
    """Remembers the last answer, whatever becomes of it."""

    def __init__(self) -> None:
        self.last: Answer | None = None

    def __call__(self, answer: Answer) -> bool:
        self.last = answer
        return False


class Calls:
    """Everything that is asked of one account goes through here: one place for paths, tokens and envelopes."""

    def __init__(self, http: Http, spec: DestinationSpec, dials: Dials) -> None:
        self.http = http
        self.dials = dials
        self._spec = spec

    def path(self, *parts: str, version: str = V2) -> str:
        """A path below the account's `/api`."""
        root = version if version == V2 else ("../v1" if self.dials.v1_path == "v1" else "v1")
        return "/".join((root, *parts))

    def of(self, object_: ObjectSpec, *parts: str) -> str:
        """The path of an object's records, or of one of them."""
        return self.path(object_.path, *parts, version="v1" if object_.path in ONLY_V1 else V2)

    def tokens(self, kind: str, object_: ObjectSpec | None = None) -> int:
        """What a call of this kind costs."""
        table = {**self._spec.tokens, **(object_.tokens if object_ else {})}
        if kind not in table:
            raise SpecError(f"{self._spec.name}.toml names no tokens for the call {kind!r}", expected=", ".join(table))
        return table[kind]

    def read(self, kind: str, path: str, *, params: Params | None = None, object_: ObjectSpec | None = None) -> Answer:
        """The answer to a call that changes nothing; WrongKey where the account does not show it, saying what to do."""
        heard = _Heard()
        try:
            answer = self.http.call(self._request(kind, "GET", path, object_, params=params or {}, read=True, busy=heard))
        except WrongKey as error:
            said = heard.last
            if said is None or said.status != FORBIDDEN or not isinstance(said.data, dict):
                raise
            raise (unscoped(said, "GET", path) or _forbidden(said, path)) from error
        return opened(answer, path)

    def send(self, kind: str, method: str, path: str, *, body: object = None, object_: ObjectSpec | None = None) -> Answer:
        """The answer to a call that changes something; Uncertain where nobody can say whether it did.

        A 403 in JSON is an answer too: a limit of the plan, or a feature that it lacks. WrongKey where an app lacks a scope.
        """
        heard = _Heard()
        try:
            return opened(self.http.call(self._request(kind, method, path, object_, body=body, busy=heard)), path)
        except WrongKey as error:
            said = heard.last
            if said is None or said.status != FORBIDDEN or not isinstance(said.data, dict):
                raise
            if (lacking := unscoped(said, method, path)) is not None:
                raise lacking from error
            return said

    def _request(
        self,
        kind: str,
        method: str,
        path: str,
        object_: ObjectSpec | None,
        *,
        params: Params | None = None,
        body: object = None,
        read: bool = False,
        busy: Callable[[Answer], bool] | None = None,
    ) -> Request:
        return Request(
            method,
            path,
            params=dict(params or {}),
            body=body,
            read=read,
            busy=busy,
            tokens=self.tokens(kind, object_),
            kind=kind,
        )

    def pages(
        self, kind: str, path: str, *, params: Params | None = None, object_: ObjectSpec | None = None
    ) -> Iterator[tuple[dict[str, Any], ...]]:
        """The pages of a v2 list, as far as they are taken."""
        said: dict[str, str | int] = {"limit": self.dials.page_rows, **(params or {})}
        for _ in range(MOST_PAGES):
            page = _page(must(self.read(kind, path, params=said, object_=object_), path))
            yield page.rows
            if not page.cursor:
                return
            said["cursor"] = page.cursor

    def rows(self, kind: str, path: str, *, params: Params | None = None) -> list[dict[str, Any]]:
        """All rows of a v2 list."""
        return [row for rows in self.pages(kind, path, params=params) for row in rows]


def must(answer: Answer, path: str) -> Answer:
    """An answer with something in it; Refused in the account's words."""
    if answer.good and isinstance(answer.data, dict) and answer.data.get("success", True):
        return answer
    raise Refused(
        f"the account does not show {path.partition('/')[2] or path}",
        found=words_of(answer),
        todo="see that the user of the key may see it, and that the plan has it",
    )


def rows_of(answer: Answer) -> tuple[dict[str, Any], ...]:
    """The rows of a list of either version; v1 writes an empty one as null."""
    data = answer.data.get("data") if isinstance(answer.data, dict) else None
    return tuple(row for row in data if isinstance(row, dict)) if isinstance(data, list) else ()


def has_more(answer: Answer) -> bool:
    """Whether v1 has more of a list; the mark stands in one of two places."""
    beside = answer.data.get("additional_data") if isinstance(answer.data, dict) else None
    within = beside.get("pagination") or beside if isinstance(beside, dict) else None
    return bool(within.get("more_items_in_collection")) if isinstance(within, dict) else False


def one_of(answer: Answer) -> dict[str, Any]:
    """The one object of an answer; empty where there is none."""
    data = answer.data.get("data") if isinstance(answer.data, dict) else None
    return data if isinstance(data, dict) else {}


def words_of(answer: Answer) -> str:
    """What the account said about an error, in its own words, or else the status; and what a 403 asks for."""
    data = answer.data if isinstance(answer.data, dict) else {}
    said = str(data.get("error") or data.get("message") or "") or str(answer.status)
    return f"{said} ({plan_words(answer)})" if answer.status == FORBIDDEN else said


def opened(answer: Answer, path: str) -> Answer:
    """An answer of an account that is open; Refused where it is not."""
    if answer.status == UNPAID:
        raise closed(words_of(answer), path)
    return answer


def _forbidden(answer: Answer, path: str) -> WrongKey:
    """The account does not show something to the user of the key, or its plan has no such thing."""
    return WrongKey(
        f"the account does not show {path.partition('/')[2] or path}",
        found=f"{FORBIDDEN}: {words_of(answer)}",
        where=path,
        todo="use the key of an administrator; where the plan lacks the feature, leave out the feeds that need it",
    )


def _page(answer: Answer) -> Page:
    more = answer.data.get("additional_data")
    cursor = more.get("next_cursor") if isinstance(more, dict) else None
    return Page(rows_of(answer), str(cursor or ""))
