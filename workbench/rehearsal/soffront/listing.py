"""Which rows a page of Soffront holds: by offset, by cursor or below a ceiling, while others add and touch rows."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.rehearsal.engine import Json, Refusal, Switches
from workbench.rehearsal.engine.folder import Folder, Kind, Line

WHERE = re.compile(r"\s*(\w+)\s*>\s*'?([^']*?)'?\s*")
MODIFIED = ("ModifiedDate", "LastUpd", "MOD_TS")


@dataclass(frozen=True)
class Asked:
    """What a request for rows says."""

    start: str = ""
    rows: str = ""
    cursor: str = ""
    where: str = ""
    order: str = ""


@dataclass(frozen=True)
class Page:
    """The rows of an answer, and the cursor of the next, if there is one."""

    lines: Sequence[Line]
    cursor: str = ""


class Listing:
    """The rows of every object in their order, which changes while somebody reads them."""

    def __init__(self, folder: Folder, switches: Switches) -> None:
        self._switches = switches
        self._lines = {name: list(lines) for name, lines in folder.lines.items()}
        if switches["order"] == "modified":
            for lines in self._lines.values():
                lines.sort(key=_modified)
        self._pages = 0

    def count(self, kind: Kind) -> int:
        """All rows of the object at this moment."""
        return len(self._lines[kind.name])

    def one(self, kind: Kind, key: str) -> Line | None:
        """The row of that key."""
        return next((line for line in self._lines[kind.name] if line.key == key), None)

    def page(self, kind: Kind, asked: Asked) -> Page:
        """One page; ``Refusal`` for what the account would not do."""
        self._change(kind)
        lines: Sequence[Line] = self._lines[kind.name]
        if asked.order and self._switches["orderby"] == "honour":
            lines = sorted(lines, key=lambda line: _place(line.key))
        if asked.where:
            lines = _above(lines, kind, asked.where)
        rows, paging = self._rows(asked.rows), self._switches["paging"]
        if paging == "cursor":
            start = _opened(asked.cursor)
        elif paging == "ceiling":
            start = 0
        else:
            start = _whole(asked.start, default=int(self._switches["start_index"])) - int(self._switches["start_index"])
        found = lines[max(start, 0) : max(start, 0) + rows]
        after = start + len(found)
        return Page(found, _sealed(after) if paging == "cursor" and after < len(lines) else "")

    def _rows(self, said: str) -> int:
        most = int(self._switches.number("rows_most"))
        rows = _whole(said, default=most)
        if rows <= most or self._switches["rowcount_above"] == "obey":
            return rows
        if self._switches["rowcount_above"] == "refuse":
            raise Refusal(400, f"rowcount must not exceed {most}")
        return most

    def _change(self, kind: Kind) -> None:
        """What other people do meanwhile: every so many pages a row is added, or touched and so moved to the end."""
        every = int(self._switches.number("change_every"))
        self._pages += 1
        lines = self._lines[kind.name]
        if not every or not lines or self._pages % every:
            return
        if self._switches["order"] == "modified":
            lines.append(lines.pop(0))
        else:
            lines.append(_further(lines, kind))


def _above(lines: Sequence[Line], kind: Kind, where: str) -> Sequence[Line]:
    found = WHERE.fullmatch(where)
    if not found or found[1] != kind.key:
        raise Refusal(400, "the where clause cannot be read")
    least = _place(found[2])
    return sorted((line for line in lines if _place(line.key) > least), key=lambda line: _place(line.key))


def _further(lines: Sequence[Line], kind: Kind) -> Line:
    """A row that somebody adds: one like another, with the next number."""
    like = next(line for line in reversed(lines) if line.body is not None)
    number = max((int(line.key) for line in lines if line.key.isdecimal()), default=0) + 1
    body: Mapping[str, object] = {**(like.body or {}), kind.key: number}
    return Line(json.dumps(body, ensure_ascii=False).encode(), dict(body), str(number))


def _place(key: str) -> tuple[int, int, str]:
    """Numbers by size, and before texts."""
    return (0, int(key), "") if key.isdecimal() else (1, 0, key)


def _modified(line: Line) -> str:
    body: Json = line.body or {}
    return next((str(body[name]) for name in MODIFIED if body.get(name)), "")


def _whole(text: str, *, default: int) -> int:
    if not text:
        return default
    if not text.isdecimal():
        raise Refusal(400, f"{text} is not a number")
    return int(text)


def _sealed(start: int) -> str:
    return base64.urlsafe_b64encode(f"row {start}".encode()).decode()


def _opened(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.urlsafe_b64decode(cursor).decode().removeprefix("row "))
    except ValueError:
        raise Refusal(400, "the cursor is not valid") from None
