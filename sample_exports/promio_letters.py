"""What was asked of Promio, and what its cover letters say about each delivery."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path


@dataclass(frozen=True)
class Stated:
    """One line of a cover letter: a file or sheet, its rows, the days it spans, and how it was filtered."""

    name: str
    rows: int
    first: datetime | None = None
    last: datetime | None = None
    note: str = "no filter"

    def __str__(self) -> str:
        span = f"{self.first:%m/%d/%Y} to {self.last:%m/%d/%Y}" if self.first and self.last else "all dates"
        return f"{self.name}: {self.rows} rows, {span}, {self.note}"


@dataclass(frozen=True)
class Asked:
    """One table of our request."""

    table: str
    file: str
    columns: Sequence[str]
    first: date | None
    last: date | None
    sheet: str = ""


def write_letter(path: Path, *, day: datetime, opening: str, stated: Sequence[Stated], closing: str) -> None:
    """The letter as the account manager sends it."""
    lines = [
        "Promio Client Services",
        f"{day:%m/%d/%Y}",
        "",
        "Bright Roof Services, data export",
        "",
        "Dear Ms. Ortiz,",
        "",
        opening,
        "",
        *[str(line) for line in stated],
        "",
        closing,
        "",
        "Kind regards,",
        "Noel Abbott, account manager",
    ]
    path.write_bytes("\r\n".join([*lines, ""]).encode())


def write_request(path: Path, asked: Sequence[Asked]) -> None:
    """Our request: tables with their columns, the days from and to, and the format of each file."""
    tables: dict[str, Mapping[str, object]] = {}
    for each in asked:
        tables[each.table] = {
            "file": each.file,
            "sheet": each.sheet,
            "columns": list(each.columns),
            "from": each.first.isoformat() if each.first else "",
            "to": each.last.isoformat() if each.last else "",
            "format": each.file.rpartition(".")[2],
        }
    request = {
        "source": "promio",
        "customer": "Bright Roof Services",
        "requested_on": "2026-09-21",
        "requested_by": "migration.admin@brightroof.example",
        "tables": tables,
    }
    path.write_bytes((json.dumps(request, indent=2, ensure_ascii=False) + "\n").encode())
