"""Courses that clients take, forms that they filled in, and the automations that run behind their backs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random

from sample_exports.profi_catalogue import DOCUMENTED, Catalogue, course_url
from sample_exports.profi_people import Client
from sample_exports.profi_rows import FRESHSALES, MAIN_ENDS, PIPEDRIVE, day, in_both
from sample_exports.profi_sessions import Guests
from sample_exports.promio_rows import Row, Verdict

TAKEN = ("client_email", "course_title", "access_status", "progress_percent", "url", "started_at", "completed_at")
ANSWERS = ("form", "client_email", "submitted_at", "question", "answer")
ACCESS = {"active": "active", "completed": "completed", "revoked": "revoked", "Active": "active"}
QUESTIONS = (
    ("Intake", "What would you like to change?", ("more calm", "a new job", "to lead without fear")),
    ("Intake", "Do you take medication?", ("no", "yes, against migraine", "I prefer not to say")),
    ("Feedback", "How likely are you to recommend us (0-10)?", ("9", "10", "7")),
)
TRIGGERS = ("session.booked", "session.completed", "package.expiring", "client.invited", "invoice.overdue", "course.completed")


def taken_rows(rng: Random, size: int, catalogue: Catalogue, clients: Sequence[Client], guests: Guests) -> list[Row]:
    """Who takes which course; the one begun last is what the destination holds."""
    able = [client for client in clients if client.kind in ("plain", "deleted")]
    drafts: list[tuple[dict[str, str], list[tuple[str, str]]]] = []
    for client in rng.sample(able, min(len(able) - 1, size)):
        for title in rng.sample(range(len(catalogue.courses)), rng.choice((1, 1, 2, 3))):
            begun = min(client.created.date() + timedelta(days=rng.randint(3, 400)), MAIN_ENDS.date())
            drafts.append(_taken(rng, len(drafts), client.email.strip(), title, catalogue, begun))
    drafts.append(_taken(rng, len(drafts), "former.client@mailbox.example", 0, catalogue, date(2025, 5, 5)))
    latest: dict[str, str] = defaultdict(str)
    for cells, _ in drafts:
        latest[cells["client_email"]] = max(latest[cells["client_email"]], cells["started_at"] + "\n" + cells["course_title"])
    return [_ended(cells, dirt, guests, latest[cells["client_email"]]) for cells, dirt in drafts]


def _taken(
    rng: Random, n: int, address: str, title: int, catalogue: Catalogue, begun: date
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    share = rng.choice((15, 40, 60, 85, 100))
    status = "completed" if share == 100 else rng.choice(("active", "active", "revoked"))
    dirt: list[tuple[str, str]] = []
    shown = str(share)
    if n % 5 == 1 and share < 100:
        shown, dirt = f"{share / 100:.2f}", [("progress_percent", "progress_as_share")]
    elif n % 5 == 2:
        shown, dirt = f"{share}%", [("progress_percent", "progress_with_sign")]
    if n % 13 == 4:
        shown, status, dirt = "60", "completed", [("progress_percent", "completed_with_60")]
    if n % 17 == 3 and status == "active":
        status, dirt = "Active", [*dirt, ("access_status", "status_spelling")]
    cells = {
        "client_email": address,
        "course_title": catalogue.courses[title],
        "access_status": status,
        "progress_percent": shown,
        "url": course_url(title + 1),
        "started_at": day(begun),
        "completed_at": day(begun + timedelta(days=60)) if status == "completed" else "",
    }
    if title == len(catalogue.courses) - 1:
        dirt.append(("course_title", "title_changed"))
    return cells, dirt


def _ended(cells: dict[str, str], dirt: list[tuple[str, str]], guests: Guests, latest: str) -> Row:
    key = f"{cells['client_email']}|{cells['course_title']}"
    record = guests.of(cells["client_email"])
    wins = latest == cells["started_at"] + "\n" + cells["course_title"]
    values: dict[str, dict[str, str]] = {}
    if not record:
        why = (
            "several_records_fit" if guests.missing(cells["client_email"]) == "several_records_fit" else "no_client_for_course"
        )
        verdict = Verdict("rejected", why)
        dirt = [*dirt, ("client_email", "client_unknown")]
    elif wins:
        verdict = Verdict("merged", "attached", record)
        shown = cells["progress_percent"].removesuffix("%")
        share = f"{float(shown) * 100:.0f}" if "." in shown else shown
        values = {
            f"{PIPEDRIVE}/courses": {"content_access_status__c": ACCESS[cells["access_status"]], "content_progress__c": share},
            f"{FRESHSALES}/courses": {"course_progress__c": share},
        }
    else:
        verdict = Verdict("excluded", "earlier_course")
    return Row(key, cells, in_both("courses", verdict), values, tuple(dirt))


def answer_rows(rng: Random, count: int, clients: Sequence[Client]) -> list[Row]:
    """Answers to forms, some of them about health: they go into no record unless somebody says so."""
    rows = []
    able = [client for client in clients if client.kind == "plain"]
    for n in range(count):
        form, question, answers = QUESTIONS[n % len(QUESTIONS)]
        client = able[n * 5 % len(able)]
        at = client.created + timedelta(days=1 + n % 30, minutes=n)
        cells = {
            "form": form, "client_email": client.email.strip(), "submitted_at": f"{at:%Y-%m-%d %H:%M}", "question": question,
            "answer": rng.choice(answers),
        }  # fmt: skip
        dirt = (("answer", "health"),) if "medication" in question else ()
        rows.append(Row("|".join(list(cells.values())[:4]), cells, in_both("form_answers", DOCUMENTED), dirt=dirt))
    return rows


def workflow_rows(rng: Random, count: int, catalogue: Catalogue) -> list[Row]:
    """Automations; some name a package that is gone."""
    rows = []
    for n in range(count):
        package = "Summer Reset 2023" if n % 3 == 2 else rng.choice(catalogue.packages).name
        cells = {
            "name": f"{TRIGGERS[n % len(TRIGGERS)]} #{n + 1}",
            "trigger": json.dumps({"event": TRIGGERS[n % len(TRIGGERS)], "delay_hours": 24 * (n % 3)}),
            "conditions": json.dumps([{"field": "package", "is": package}]),
            "actions": json.dumps(
                [{"type": "email", "template": f"T-{n + 1:02d}"}, {"type": "tag", "value": "nurture"}][: 1 + n % 2]
            ),
            "active": "true" if n % 4 else "false",
        }
        dirt = (("conditions", "package_deleted"),) if n % 3 == 2 else ()
        rows.append(Row(str(cells["name"]), cells, in_both("workflows", DOCUMENTED), dirt=dirt))
    return rows


def write_workflows(path: Path, rows: Sequence[Row]) -> list[int]:
    """A JSON array with one automation a line; the line of each comes back."""
    parts = []
    for row in rows:
        value = {name: str(cell) for name, cell in row.cells.items()}
        parsed = {name: json.loads(value[name]) for name in ("trigger", "conditions", "actions")}
        parts.append(json.dumps({"name": value["name"], **parsed, "active": value["active"] == "true"}, ensure_ascii=False))
    path.write_bytes(("[\n" + ",\n".join(parts) + "\n]\n").encode())
    return list(range(2, len(rows) + 2))
