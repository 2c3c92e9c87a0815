"""Lay the tables of Profi out as two deliveries: the whole export, and what came before the cutover."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sample_exports import (
    profi_billing,
    profi_catalogue,
    profi_clients,
    profi_enrolments,
    profi_files,
    profi_notes,
    profi_rooms,
    profi_sessions,
)
from sample_exports.profi_rows import DELTA_ENDS, MAIN_ENDS, OPENED
from sample_exports.profi_world import TEAM, World
from sample_exports.promio_files import Style, write_text
from sample_exports.promio_rows import Row

COLUMNS: Mapping[str, Sequence[str]] = {
    "team.csv": TEAM,
    "clients.csv": profi_clients.COLUMNS,
    "organisations.csv": profi_clients.ORGANISATIONS,
    "services.csv": profi_catalogue.SERVICES,
    "packages.csv": profi_catalogue.PACKAGES,
    "enrolments.csv": profi_enrolments.COLUMNS,
    "sessions.csv": profi_sessions.COLUMNS,
    "session_attendees.csv": profi_sessions.ATTENDEES,
    "courses.csv": profi_catalogue.COURSES,
    "course_enrolments.csv": profi_rooms.TAKEN,
    "notes.csv": profi_notes.COLUMNS,
    "form_answers.csv": profi_rooms.ANSWERS,
    "invoices.csv": profi_billing.COLUMNS,
    "attachments_manifest.csv": profi_files.COLUMNS,
}
STYLES: Mapping[str, Style] = {
    "clients.csv": Style(encoding="utf-8-sig"),
    "enrolments.csv": Style(headers={"client_email": "member_email"}),
    "sessions.csv": Style(newline="\n", headers={"status": "status "}),
    "invoices.csv": Style(delimiter=";", newline="\n"),
}


@dataclass(frozen=True)
class Placed:
    """A row, and where it stands: delivery, file and line."""

    delivery: str
    file: str
    line: int
    row: Row


def write_deliveries(out: Path, world: World) -> list[Placed]:
    """All files that the owner of the workspace would have sent, and our request; where each row stands."""
    placed = _tables(out / "main", "main", world.main) + _tables(out / "delta", "delta", world.delta)
    profi_files.write_files(out / "main", world.files)
    known = {row.key for row in world.main["notes.csv"]}
    for picture in world.pictures:
        here = out / ("main" if picture.path.split("/")[2] in known else "delta")
        (here / picture.path).parent.mkdir(parents=True, exist_ok=True)
        (here / picture.path).write_bytes(picture.content)
    _write_letter(out / "main", world.main, MAIN_ENDS, "this is the complete export of our workspace")
    _write_letter(
        out / "delta", world.delta, DELTA_ENDS, "clients are complete again; the other files hold what is new or has changed"
    )
    _write_request(out / "request.json")
    return placed


def _tables(folder: Path, delivery: str, tables: Mapping[str, Sequence[Row]]) -> list[Placed]:
    folder.mkdir(parents=True, exist_ok=True)
    placed: list[Placed] = []
    for file, rows in tables.items():
        if file.endswith(".json"):
            lines = profi_rooms.write_workflows(folder / file, rows)
        else:
            lines = write_text(folder / file, COLUMNS[file], rows, STYLES.get(file, Style()))
        placed += [Placed(delivery, file, line, row) for line, row in zip(lines, rows, strict=True)]
    return placed


def _write_letter(folder: Path, tables: Mapping[str, Sequence[Row]], day: datetime, opening: str) -> None:
    """One count includes the header row; recordings of sessions are named as not delivered."""
    counts = {file: len(rows) + (file == "clients.csv") for file, rows in tables.items() if file.endswith(".csv")}
    lines = [
        "Northlight Coaching", f"{day:%Y-%m-%d}", "", "Profi workspace export", "", "Hello,", "", f"{opening}.", "",
        *[f"{file}: {count} rows, all dates, no filter" for file, count in counts.items()],
        "",
        "Recordings of sessions are listed in the manifest and stay in Profi: download them before the account is closed.",
        "Times without an offset are those of Berlin.", "", "Nora Lindqvist",
    ]  # fmt: skip
    (folder / "cover_letter.txt").write_bytes("\r\n".join([*lines, ""]).encode())


def _write_request(path: Path) -> None:
    tables: dict[str, Mapping[str, object]] = {}
    for file, columns in COLUMNS.items():
        table = {"attachments_manifest": "attachments"}.get(file.partition(".")[0], file.partition(".")[0])
        dated = table in ("clients",)
        tables[table] = {
            "file": file, "sheet": "", "columns": list(columns), "from": f"{OPENED:%Y-%m-%d}" if dated else "", "to": "",
            "format": "csv",
        }  # fmt: skip
    request = {
        "source": "profi",
        "customer": "Northlight Coaching",
        "requested_on": "2026-10-12",
        "requested_by": "migration.admin@northlight.example",
        "tables": tables,
    }
    path.write_bytes((json.dumps(request, indent=2, ensure_ascii=False) + "\n").encode())
