"""FastTrack's API as a vendor's page claims it to be: pages by cursor, GraphQL for custom objects, exports up to now."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from workbench.destinations import Secret
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
from workbench.extraction.items import UNREADABLE, inner_bytes, key_text, read_lines, read_page

__all__ = ["connect"]

ROWS = 100
API = "api/v1"
QUERY = "query Rows($object: String!, $first: Int!, $after: String) { rows(object: $object, first: $first, after: $after) "
QUERY += "{ totalCount nodes pageInfo { endCursor hasNextPage } } }"
BEGINNING = "2000-01-01"
FILES = "files"
Row = tuple[bytes, dict[str, object] | None, str]


def connect(account: SourceAccount, *, beside: Path | None = None) -> Adapter:
    """The adapter. Settings: `rows` a page, `exports` (objects that are read as an export), `since` their first day."""
    del beside
    return FastTrack(account)


class FastTrack:
    """One tenant of FastTrack."""

    safe_rows = ROWS
    paging: Literal["", "offset", "cursor", "above"] = "cursor"
    created = "created_at"
    log_in: Target | None = None
    file_objects = (FILES,)

    def __init__(self, account: SourceAccount) -> None:
        said = account.settings
        self.rows = int(said.get("rows", ROWS))
        self._exported = {name.strip() for name in str(said.get("exports", "")).split(",") if name.strip()}
        self._since = str(said.get("since", BEGINNING))
        self._graphql: set[str] = set()

    # ------------------------------------------------------------ answers

    def token_of(self, got: Got) -> Secret | None:
        """The key itself is sent."""
        return None

    def judge(self, got: Got) -> Judgement:
        """By the status; a whole answer has still to be JSON, or the lines of an export."""
        if got.status == 401:
            return "stale"
        if got.status in (500, 504, 408):
            return "heavy"
        if not 200 <= got.status < 300:
            return "refused"
        if "ndjson" in got.headers.get("content-type", ""):
            return "good"
        try:
            said = json.loads(got.body.decode("utf-8-sig", "surrogateescape"))
        except (ValueError, RecursionError):
            return "garbled"
        return "good" if isinstance(said, dict) and (said.get("data") is not None or "errors" not in said) else "refused"

    def words(self, got: Got) -> str:
        """Its error."""
        return str(_said(got.body).get("error") or f"it answered {got.status}")

    # ------------------------------------------------------------ objects

    def list_objects(self, ask: Callable[[Callable[[Secret], Target]], Got]) -> Sequence[tuple[Listed, bytes]]:
        """All that the tenant has, custom objects too."""
        said = _said(ask(lambda token: self._get("objects", token)).body).get("data")
        rows = [row for row in said if isinstance(row, dict)] if isinstance(said, list) else []
        return [(self._described(row), json.dumps(row, ensure_ascii=False).encode()) for row in rows]

    def _described(self, row: Mapping[str, object]) -> Listed:
        if row.get("graphql"):
            self._graphql.add(str(row["name"]))
        key, fields = row.get("key"), row.get("fields")
        names = tuple(str(each["name"]) for each in fields) if isinstance(fields, list) else ()
        keys = ",".join(map(str, key)) if isinstance(key, list) else str(key or "")
        return Listed(str(row["name"]), str(row.get("label") or ""), keys, names)

    def learn(self, ask: Callable[[Callable[[Secret], Target]], Got], objects: Sequence[Listed]) -> Mapping[str, int]:
        """Which objects are reached by GraphQL."""
        return dict.fromkeys(sorted(self._graphql), 1)

    def recall(self, facts: Mapping[str, int]) -> None:
        """The same."""
        self._graphql = set(facts)

    def count(self, listed: Listed, token: Secret) -> Target | None:
        """A page of one row tells the number of all."""
        return None if listed.name in self._exported else self.page(listed, Position("cursor"), rows=1, token=token)

    def count_of(self, got: Got) -> int | None:
        """The total beside the page."""
        said = _said(got.body)
        rows = _inside(said, "data", "rows")
        total = rows.get("totalCount") if rows else said.get("total")
        return total if isinstance(total, int) else None

    # ------------------------------------------------------------ rows

    def page(self, listed: Listed, at: Position, *, rows: int, token: Secret, keys_only: bool = False) -> Target:
        """A page behind a cursor."""
        if listed.name in self._graphql:
            variables = {"object": listed.name, "first": rows, "after": at.token or None}
            question = json.dumps({"query": QUERY, "variables": variables}).encode()
            return Target("graphql", headers=_signed(token), question=question, asks="graphql")
        params: dict[str, str | int] = {"limit": rows, **({"cursor": at.token} if at.token else {})}
        return self._get(quote(listed.name, safe=""), token, params)

    def one(self, listed: Listed, key: str, token: Secret) -> Target | None:
        """No single row can be asked for."""
        return None

    def open(self, listed: Listed, body: bytes) -> Opened | None:
        """The rows of a page, be it listed or queried."""
        if listed.name in self._graphql:
            return self._queried(listed, body)
        page = read_page(body, ("data",))
        if page is None:
            return None
        total = page.beside.get("total")
        items = tuple(_item(listed, row) for row in page.rows)
        return Opened(items, str(page.beside.get("next_cursor") or ""), total if isinstance(total, int) else None)

    def _queried(self, listed: Listed, body: bytes) -> Opened | None:
        """The rows of a query: one that its errors name is set aside, though the rest came."""
        page = read_page(body, ("data", "rows", "nodes"))
        if page is None:
            return None
        named = _errors(page.beside.get("errors"))
        items = []
        for place, row in enumerate(page.rows):
            item = _item(listed, row)
            items.append(Item(item.raw, named[place] or item.key, item.reason or UNREADABLE) if place in named else item)
        total, info = page.beside.get("data.rows.totalCount"), page.beside.get("data.rows.pageInfo")
        after = str(info.get("endCursor") or "") if isinstance(info, dict) and info.get("hasNextPage") else ""
        return Opened(tuple(items), after, total if isinstance(total, int) else None)

    def rescue(self, listed: Listed, body: bytes) -> tuple[str, str | None]:
        """By looking for them in the text."""
        key, cursor = (_seen(body, name) if name else None for name in (listed.key.partition(",")[0], "next_cursor"))
        return key or _seen(body, "id") or "", cursor

    def inner(self, body: bytes) -> bytes:
        """What stands in its list of rows."""
        return inner_bytes(body, "data")

    # ------------------------------------------------------------ exports

    def export(self, listed: Listed) -> Export | None:
        """Where the settings want one. No end is asked for: it always runs to the present moment."""
        if listed.name not in self._exported:
            return None
        question = json.dumps({"object": listed.name, "from": self._since}).encode()

        def begin(token: Secret) -> Target:
            return Target(f"{API}/exports", headers=_signed(token), question=question, asks="export")

        def state(name: str) -> Callable[[Secret], Target]:
            return lambda token: self._get(f"exports/{quote(name, safe='')}", token)

        def fetch(name: str) -> Callable[[Secret], Target]:
            return lambda token: self._get(f"exports/{quote(name, safe='')}/download", token)

        return Export(begin, lambda got: str(_said(got.body).get("id") or ""), state, _state_of, _rows_of, fetch)

    def open_export(self, listed: Listed, body: bytes) -> Opened:
        """Its lines."""
        return Opened(tuple(_item(listed, row) for row in read_lines(body)))

    # ------------------------------------------------------------ files

    def downloads(self, rows: Mapping[str, Sequence[Mapping[str, object]]]) -> Sequence[Download]:
        """One for every file, from the API itself: the address in the row may lead anywhere, and is given no key."""
        return [self._download(row) for row in rows.get(FILES, ()) if row.get("id") and "error" not in row]

    def _download(self, row: Mapping[str, object]) -> Download:
        id_, stated = str(row["id"]), row.get("bytes")

        def target(token: Secret) -> Target:
            return self._get(f"files/{quote(id_, safe='')}/content", token)

        def judge(got: Got) -> Judgement:
            return "good" if got.status == 200 else self.judge(got)

        return Download(id_, str(row.get("name") or ""), FILES, stated if isinstance(stated, int) else None, target, judge)

    def _get(self, path: str, token: Secret, params: Mapping[str, str | int] | None = None) -> Target:
        return Target(f"{API}/{path}", params or {}, headers=_signed(token))


def _signed(token: Secret) -> Mapping[str, Secret]:
    return {"Authorization": Secret(f"Bearer {token.reveal()}")}


def _item(listed: Listed, row: Row) -> Item:
    raw, value, reason = row
    names = listed.key.split(",") if listed.key else []
    known = value is not None and all(isinstance(value.get(name), str | int) for name in names)
    return Item(raw, ",".join(key_text((value or {})[name]) for name in names) if known else "", reason)


def _errors(said: object) -> dict[int, str]:
    """The places that errors name, with the key that they tell."""
    found: dict[int, str] = {}
    for error in said if isinstance(said, list) else []:
        path = error.get("path") if isinstance(error, dict) else None
        if isinstance(path, list) and path and isinstance(path[-1], int):
            found[path[-1]] = str(_inside(error, "extensions").get("id") or "")
    return found


def _state_of(got: Got) -> Literal["waiting", "done", "failed"]:
    state = _said(got.body).get("status")
    return "done" if state == "done" else "failed" if state in ("failed", "cancelled") or got.status >= 400 else "waiting"


def _rows_of(got: Got) -> int | None:
    rows = _said(got.body).get("rows")
    return rows if isinstance(rows, int) else None


def _said(body: bytes) -> Mapping[str, object]:
    try:
        said = json.loads(body.decode("utf-8-sig", "surrogateescape"))
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _inside(said: Mapping[str, object], *path: str) -> Mapping[str, object]:
    for name in path:
        inner = said.get(name)
        said = inner if isinstance(inner, dict) else {}
    return said


def _seen(body: bytes, name: str) -> str | None:
    found = re.search(rb'"' + re.escape(name.encode()) + rb'"\s*:\s*"?([^",}\]\s]+)', body)
    word = found[1].decode("utf-8", "replace") if found else None
    return "" if word == "null" else word
