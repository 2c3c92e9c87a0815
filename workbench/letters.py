"""What we asked for and what the sender says was sent: the request and the cover letter of a delivery."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workbench.errors import ExportError

__all__ = ["Request", "read_cover_letter", "read_request"]

FILE = re.compile(
    r"(?P<file>[\w.-]+\.(?:csv|xlsx|txt))(?:\s*(?:[#/]|,?\s*sheet)\s*[\"']?(?P<sheet>[A-Za-z][\w ]*?)[\"']?(?=[\s:,(|]|$))?",
    re.I,
)
ROWS = re.compile(r"(?<![\d/.-])(?P<rows>\d{1,3}(?:[,.]\d{3})+|\d+)(?![\d/-])\s*(?:rows|records|lines)?", re.I)
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

    The letter is prose; a line counts where it names a file and a number of rows.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        text = path.read_text(encoding="cp1252")
    rows = [found for line in text.splitlines() if (found := _stated(line)) is not None]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def read_request(path: Path) -> Request:
    """The request as we sent it, JSON with `tables` (name → columns, from, to); an ExportError where it is no such file."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        tables = said["tables"]
        rows = [
            [name, list(asked.get("columns", [])), asked.get("from", ""), asked.get("to", "")] for name, asked in tables.items()
        ]
    except (ValueError, KeyError, AttributeError) as broken:
        raise ExportError(
            "the request cannot be read",
            expected='JSON with "tables": {"leads": {"columns": […], "from": "2024-01-01", "to": "…"}}',
            found=str(broken),
            where=str(path),
            todo="mend the file, or take it away where nothing was asked in writing",
        ) from broken
    frame = pd.DataFrame(rows, columns=["table", "columns", "first", "last"])
    return Request(frame=frame, first=str(said.get("from", "")), last=str(said.get("to", "")))


def _stated(line: str) -> list[object] | None:
    file = FILE.search(line)
    if file is None:
        return None
    rest = line[file.end() :]
    span = SPAN.search(rest)
    counted = ROWS.search(SPAN.sub(" ", rest))
    if counted is None:
        return None
    first, last = (_iso(span.group(1)), _iso(span.group(2))) if span else ("", "")
    rows = int(re.sub(r"[,.]", "", counted.group("rows")))
    return [file.group("file"), (file.group("sheet") or "").strip(), rows, first, last]


def _iso(day: str) -> str:
    if "/" not in day:
        return day
    month, of_month, year = day.split("/")
    return f"{year}-{int(month):02d}-{int(of_month):02d}"
