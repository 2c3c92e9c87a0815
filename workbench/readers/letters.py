"""What we asked for and what the sender says was sent: the request and the cover letter of a delivery."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.errors import ExportError

__all__ = ["Request", "read_cover_letter", "read_request"]

FILE = re.compile(
    r"(?P<file>[\w.-]+\.(?:csv|xlsx|xlsm|txt|tsv))"
    r"(?:\s*(?:[#/]|,?\s*sheet)\s*[\"']?(?P<sheet>[A-Za-z][\w ]*?)[\"']?(?=[\s:,(|]|$))?",
    re.I,
)
NUMBER = r"(?<![\w/.,-])(?P<rows>\d{1,3}(?:[,.]\d{3})+|\d+)(?![\w/-]|[.,]\d)"
COUNTED = re.compile(NUMBER + r"\s*(?:data\s+)?(?:rows|records|lines|entries)\b", re.I)
BARE = re.compile(NUMBER)
DAY = r"(\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}/\d{4})"
SPAN = re.compile(DAY + r"\s*(?:to|until|through|–|-|\.\.)\s*" + DAY, re.I)
COLUMNS = ("file", "sheet", "rows", "first", "last")


@dataclass(frozen=True)
class Request:
    """What was asked for: per table its columns, and the days from and to which."""

    frame: pd.DataFrame  # table, columns (list), first, last
    first: str
    last: str


def read_cover_letter(path: Path) -> pd.DataFrame:
    """One row a stated file: file, sheet, rows, first, last (ISO days, empty where not stated).

    The letter is prose; a file counts where a number of rows follows it in its line, or goes before it.
    """
    rows = [found for line in _text(path).splitlines() for found in _stated(line)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def read_request(path: Path) -> Request:
    """The request as we sent it, JSON with `tables` (name → columns, from, to); an ExportError where it is no such file."""
    try:
        said = json.loads(path.read_text(encoding="utf-8-sig"))
        rows = [[name, _columns(asked), asked.get("from", ""), asked.get("to", "")] for name, asked in said["tables"].items()]
    except (ValueError, KeyError, AttributeError, TypeError) as broken:
        raise ExportError(
            "the request cannot be read",
            expected='JSON with "tables": {"leads": {"columns": […], "from": "2024-01-01", "to": "…"}}',
            found=str(broken),
            where=str(path),
            todo="mend the file, or take it away where nothing was asked in writing",
        ) from broken
    frame = pd.DataFrame(rows, columns=["table", "columns", "first", "last"])
    return Request(frame=frame, first=str(said.get("from", "")), last=str(said.get("to", "")))


def _text(path: Path) -> str:
    """The letter in whatever encoding a mail program left it."""
    raw = path.read_bytes()
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _columns(asked: dict[str, Any]) -> list[str]:
    columns = asked.get("columns", [])
    if not isinstance(columns, list):
        raise TypeError(f"columns are no list: {columns!r}")
    return [str(column) for column in columns]


def _stated(line: str) -> list[list[object]]:
    """The files of a line, each with the words that follow it up to the next one; a single file may come last."""
    files = list(FILE.finditer(line))
    ends = [*(file.start() for file in files[1:]), len(line)][: len(files)]
    words = [line[file.end() : end] for file, end in zip(files, ends, strict=True)]
    if len(files) == 1 and _rows(words[0]) is None:
        words = [line[: files[0].start()] + words[0]]
    found = [_one(file, said) for file, said in zip(files, words, strict=True)]
    return [row for row in found if row is not None]


def _one(file: re.Match[str], words: str) -> list[object] | None:
    rows, span = _rows(words), SPAN.search(words)
    if rows is None:
        return None
    first, last = (_iso(span.group(1)), _iso(span.group(2))) if span else ("", "")
    return [file.group("file"), (file.group("sheet") or "").strip(), rows, first, last]


def _rows(words: str) -> int | None:
    """The number that is said to be rows; without such a word the first number that is no part of a date or a name."""
    without = SPAN.sub(" ", words)
    counted = COUNTED.search(without) or BARE.search(without)
    return int(re.sub(r"[,.]", "", counted.group("rows"))) if counted else None


def _iso(day: str) -> str:
    if "/" not in day:
        return day
    month, of_month, year = day.split("/")
    return f"{year}-{int(month):02d}-{int(of_month):02d}"
