"""Write what the generator knows: where each row ends on each route, what records hold, which enrolment a session is of."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sample_exports import profi_billing, profi_clients, profi_enrolments, profi_rooms, profi_sessions
from sample_exports.profi_answers import COLUMNS, ends_otherwise
from sample_exports.profi_deliveries import Placed
from sample_exports.profi_files import LIMIT
from sample_exports.profi_promises import STAGES, TYPES, Promises, user_of
from sample_exports.profi_rows import FRESHSALES, PIPEDRIVE, ROUTES
from sample_exports.profi_world import World
from sample_exports.promio_rows import Row, Verdict

OBJECTS: Mapping[str, Mapping[str, str]] = {
    FRESHSALES: {"organisations": "sales_account", "companies": "sales_account", "clients": "contact", "sessions": "deal",
                 "appointments": "appointment", "notes": "note", "invoices": "note", "files": "file", "pictures": "file"},
    PIPEDRIVE: {"organisations": "organization", "companies": "organization", "clients": "person", "packages": "product",
                "enrolments": "deal", "sold": "deal_product",
                "sessions": "activity", "notes": "note", "files": "file", "pictures": "file"},
}  # fmt: skip
OWNER_COLUMNS = ("coach_email", "author_email", "uploaded_by")
WHOLE_FILES = (
    ("clients.csv", "", "byte_order_mark"),
    ("clients.csv", "", "header_counted"),
    ("enrolments.csv", "client_email", "header_of_a_member"),
    ("sessions.csv", "status", "header_trailing_blank"),
    ("invoices.csv", "", "semicolon_delimiter"),
    ("team.csv", "", "workspace_owner_missing"),
)
PICTURES = {"image_inside": "", "image_beside": "", "image_missing": "image_missing", "image_expired": "image_elsewhere"}
"""What kind of picture a note holds, and why it does not come along."""


def write_truth(folder: Path, placed: Sequence[Placed], world: World) -> None:
    """All files of expected/: a folder a route, and beside them what does not hang on a route."""
    folder.mkdir(parents=True, exist_ok=True)
    links = [(link.session, link.client, link.enrolment, link.kind) for link in world.links]
    _table(folder / "links.csv", ("session", "client", "enrolment", "kind"), links)
    _table(folder / "findings.csv", ("file", "column", "kind", "count"), _findings(placed))
    for route in ROUTES:
        _write_route(folder / route, route, placed, world)


def _write_route(folder: Path, route: str, placed: Sequence[Placed], world: World) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [each for p in placed for each in _ends(route, p)]
    _table(folder / "rows.csv", ("delivery", "feed", "file", "line", "bucket", "reason", "record"), rows)
    counts = Counter((delivery, feed, bucket) for delivery, feed, _, _, bucket, _, _ in rows)
    _table(folder / "summary.csv", ("delivery", "feed", "bucket", "count"), [(*key, n) for key, n in counts.items()])
    _table(folder / "records.csv", ("delivery", "object", "record", "field", "value"), _records(route, placed, world))
    _table(folder / "cells.csv", ("delivery", "feed", "file", "line", "column", "reason"), _cells(route, placed, world))
    objects = OBJECTS[route]
    changes = [(c.record, c.field, c.old, c.new) for c in world.changes if c.record.partition("/")[0] in objects]
    _table(folder / "changes.csv", ("record", "field", "old", "new"), changes)
    _table(folder / "otherwise.csv", COLUMNS, ends_otherwise(route, placed))
    decisions = [*_scope(), *_owners(placed), *_values(route), *_duplicates(route, placed), *_links(placed, world)]
    (folder / "decisions.json").write_bytes((json.dumps(decisions, indent=1, ensure_ascii=False) + "\n").encode())


def _table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    path.write_bytes(buffer.getvalue().encode())


# ---------------------------------------------------------------- where rows end


def _ends(route: str, p: Placed) -> list[tuple[str, str, str, object, str, str, str]]:
    """The verdicts of a row on one route, with the files and pictures that are made of it."""
    found = []
    for name, verdict in p.row.verdicts.items():
        on, _, feed = name.partition("/")
        if on == route:
            found += [
                (p.delivery, feed, p.file, line, v.bucket, v.reason, v.record) for line, v in _lines(route, feed, p, verdict)
            ]
    return found + [
        (p.delivery, "pictures", p.file, f"{p.line}!image1", v.bucket, v.reason, v.record) for v in _picture(route, p)
    ]


def _lines(route: str, feed: str, p: Placed, verdict: Verdict) -> list[tuple[object, Verdict]]:
    """The line of a row; of a file it names the file, or on a route that divides large files its parts."""
    if feed != "files":
        return [(p.line, verdict)]
    if route == FRESHSALES and verdict.bucket == "loaded" and int(str(p.row.cells["bytes"])) > LIMIT:
        parts = range(1, -(-int(str(p.row.cells["bytes"])) // LIMIT) + 1)
        return [(f"{p.line}!part{n}", Verdict("loaded", "", f"{verdict.record}!part{n}")) for n in parts]
    return [(f"{p.line}!file", verdict)]


def _picture(route: str, p: Placed) -> list[Verdict]:
    """Where the picture of a note ends; one that is not there ends for that, whatever becomes of its note."""
    if p.file != "notes.csv":
        return []
    note = p.row.verdicts[f"{route}/notes"]
    kind = next((kind for column, kind in p.row.dirt if column == "body_html" and kind in PICTURES), "")
    if not kind:
        return []
    if note.bucket == "excluded":
        return [note]
    if PICTURES[kind]:
        return [Verdict("excluded" if PICTURES[kind] == "image_elsewhere" else "rejected", PICTURES[kind])]
    return [Verdict("loaded", "", f"pictures/{p.row.key}!image1") if note.bucket == "loaded" else note]


def _records(route: str, placed: Sequence[Placed], world: World) -> list[tuple[str, ...]]:
    """The values of the records of the main delivery."""
    found: list[tuple[str, ...]] = []
    promises = Promises(world)
    for p in placed:
        told = {name: dict(values) for name, values in p.row.values.items() if name.startswith(f"{route}/")}
        for name, values in promises.of(route, p.file, p.row):
            told[name] = {**told.get(name, {}), **values}
        for name, values in told.items():
            if p.delivery == "main":
                record = p.row.verdicts[name].record
                object_ = OBJECTS[route][record.partition("/")[0]]
                found += [(p.delivery, object_, record, field, value) for field, value in values.items() if value]
    return found


def _cells(route: str, placed: Sequence[Placed], world: World) -> list[tuple[object, ...]]:
    """Cells of rows that are loaded; of a file that comes in parts, once for each."""
    found, promises = list[tuple[object, ...]](), Promises(world)
    known = {row.key for row in world.main["sessions.csv"]}
    for p in placed:
        said = [*p.row.aside, *promises.aside(route, p.file, p.row, settled=p.row.key in known)]
        for name, column, reason in said:
            verdict, feed = p.row.verdicts.get(name), name.partition("/")[2]
            if name.startswith(f"{route}/") and verdict and verdict.bucket in ("loaded", "merged"):
                lines = _lines(route, feed, p, verdict)
                found += [(p.delivery, feed, p.file, line, column, reason) for line, end in lines if end.record]
    return found


def _findings(placed: Sequence[Placed]) -> list[tuple[object, ...]]:
    counts = Counter((p.file, column, kind) for p in placed if p.delivery == "main" for column, kind in p.row.dirt)
    counts.update(WHOLE_FILES)
    return [(*key, counts[key]) for key in sorted(counts)]


# ---------------------------------------------------------------- what to decide


def _decision(kind: str, subject: str, value: object, why: str, *, delivery: str = "main") -> Mapping[str, object]:
    return {"delivery": delivery, "kind": kind, "subject": subject, "value": value, "why": why}


def _scope() -> list[Mapping[str, object]]:
    """What this customer answers otherwise than by default."""
    return [_decision("scope", "dietary_notes", "load", "the members were asked, and agreed")]


def _owners(placed: Sequence[Placed]) -> list[Mapping[str, object]]:
    texts = {str(p.row.cells[column]) for p in placed for column in OWNER_COLUMNS if p.row.cells.get(column)}
    texts |= {str(p.row.cells["email"]) for p in placed if p.file == "team.csv"} | {"(blank)"}
    return [
        _decision("owner", text, user_of(text), "the coach named first, or the owner of the workspace")
        for text in sorted(texts)
    ]


def _values(route: str) -> list[Mapping[str, object]]:
    statuses = {word: word for word in profi_sessions.STATUSES} | profi_sessions.STATUS_SPELLINGS
    plans: list[tuple[str, Mapping[str, str]]] = [("organisations/industry", profi_clients.INDUSTRIES[route])]
    if route == PIPEDRIVE:
        plans += [
            ("enrolments/status", profi_enrolments.STATUSES),
            ("sessions/status", statuses),
            ("sessions/Over", {word: "false" if meant == "scheduled" else "true" for word, meant in statuses.items()}),
            ("sessions/type", TYPES),
            ("courses/access_status", profi_rooms.ACCESS),
        ]
    else:
        plans.append(("sessions/status", {word: STAGES.get(meant, "Session Lost") for word, meant in statuses.items()}))
        plans.append(("sessions/invoice_status", profi_billing.STATUSES))
        plans.append(("sessions/service_currency", {"EUR": "EUR"}))
    return [
        _decision("value", f"{column}={word}", option, "" if option else "there is no such option: left empty")
        for column, plan in plans
        for word, option in plan.items()
    ]


def _duplicates(route: str, placed: Sequence[Placed]) -> list[Mapping[str, object]]:
    decisions: list[Mapping[str, object]] = []
    for p in placed:
        for name, record in p.row.twins.items():
            on, _, feed = name.partition("/")
            if on == route:
                start = "" if p.delivery == "main" else f"{p.delivery}/"
                why = _why(p.row, name) if record else "easily taken for somebody else, and is not"
                subject = f"{feed}/{p.row.key}@{start}{p.file}:{p.line}"
                decisions.append(_decision("duplicate", subject, {"into": record}, why, delivery=p.delivery))
    return decisions


def _why(row: Row, name: str) -> str:
    words = {"same_person": "the same person, entered twice", "same_company": "another spelling of the same company"}
    return words[row.verdicts[name].reason]


def _links(placed: Sequence[Placed], world: World) -> list[Mapping[str, object]]:
    """The enrolment of each session of one client; a group's session has as many as it has members, so it gets none."""
    paid = {link.session: link.enrolment for link in world.links if link.kind != "attendee"}
    return [
        _decision("link", f"sessions/{p.file}:{p.line}", {"to": paid.get(p.row.key, "")}, "what was paid, as the office knows")
        for p in placed
        if p.file == "sessions.csv" and p.delivery == "main"
    ]
