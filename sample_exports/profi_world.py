"""The whole of Northlight Coaching at Profi: every table of the main delivery, of the delta after it, and the hidden links."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from sample_exports.profi_billing import invoice_rows
from sample_exports.profi_calendar import CONSUMING, Calendar, Session
from sample_exports.profi_catalogue import Catalogue, course_rows, make_catalogue, package_rows, service_rows
from sample_exports.profi_clients import ClientWriter, list_organisations, organisation_rows
from sample_exports.profi_enrolments import Book, Enrolment, draft_enrolments, enrolment_rows
from sample_exports.profi_files import FileWriter, Listed, make_large_files
from sample_exports.profi_notes import NoteWriter, Picture
from sample_exports.profi_people import COACHES, Client, Company, Directory, coach_email, draft_clients
from sample_exports.profi_rooms import answer_rows, taken_rows, workflow_rows
from sample_exports.profi_rows import DELTA_ENDS, MAIN_ENDS, PIPEDRIVE, SIZES, Size, in_both
from sample_exports.profi_sessions import Guests, Link, SessionWriter
from sample_exports.promio_rows import Row, Verdict

__all__ = ["SIZES", "Change", "World", "complete", "generate", "make_world"]

TEAM = ("coach_id", "name", "email", "role", "active")
OWNER = COACHES[0][0]
"""She owns the workspace, so the list of its team leaves her out; what nobody owns falls to her."""


@dataclass(frozen=True)
class Change:
    """One field of one record that the delta gives a new value."""

    record: str
    field: str
    old: str
    new: str


@dataclass(frozen=True)
class World:
    """Two deliveries, what lies beside them, and what only the generator knows."""

    main: Mapping[str, Sequence[Row]]  # by file
    delta: Mapping[str, Sequence[Row]]
    files: Sequence[Listed]
    pictures: Sequence[Picture]
    links: Sequence[Link]
    changes: Sequence[Change]


def generate(out: Path, *, size: str, seed: int) -> int:
    """Write both deliveries, the request and expected/ into a folder; the number of data rows comes back."""
    # These modules write what this one makes, so they know it, and not the other way round.
    from sample_exports.profi_deliveries import write_deliveries
    from sample_exports.profi_truth import write_truth

    world = make_world(SIZES[size], seed)
    placed = write_deliveries(out, world)
    write_truth(out / "expected", placed, world)
    return len(placed)


def complete(exports: Path) -> None:
    """Make the large files of the main delivery in a copy of the sample: only their manifest is kept."""
    make_large_files(exports / "main")


@dataclass(frozen=True)
class _Draft:
    """People and what they did, before any of it is written down."""

    clients: Sequence[Client]
    catalogue: Catalogue
    enrolments: Sequence[Enrolment]
    sessions: Sequence[Session]
    book: Book


def make_world(size: Size, seed: int) -> World:
    """Everything, from one seed."""
    people = Directory(seed)
    clients, _ = draft_clients(people, size)
    catalogue = make_catalogue(Random(f"{seed} catalogue"), size)
    enrolments = draft_enrolments(Random(f"{seed} enrolments"), size, clients, catalogue)
    sessions, used = Calendar(Random(f"{seed} calendar"), size, catalogue).fill(clients, enrolments)
    draft = _Draft(clients, catalogue, enrolments, sessions, Book(tuple(enrolments), used.used))
    spare = [people.company() for _ in range(7)]
    return _written(draft, size, seed, spare)


def _written(draft: _Draft, size: Size, seed: int, spare: Sequence[Company]) -> World:
    rng, clients = Random(f"{seed} rows"), draft.clients
    listed = list_organisations(rng, size, clients, spare)
    desk = ClientWriter(rng, clients, listed)
    client_rows = desk.rows()
    guests = desk.guests()
    writer = SessionWriter(rng, guests)
    session_rows, attendees = writer.rows([each for each in draft.sessions if not _booked_later(each)])
    enrolled = enrolment_rows(Random(f"{seed} enrolled"), draft.book, guests.records, guests.shared)
    notes = NoteWriter(rng, guests, clients, draft.sessions)
    note_rows = notes.rows(size.notes)
    invoices = invoice_rows(rng, size.invoices, draft.enrolments, guests)
    files = FileWriter(rng, guests, clients, draft.sessions).files(size, note_rows, invoices)
    hosts = [coach_email(name) for name, _, active in COACHES[: size.coaches] if active]
    main = {
        "team.csv": team_rows(size),
        "clients.csv": client_rows,
        "organisations.csv": organisation_rows(rng, listed, clients),
        "services.csv": service_rows(draft.catalogue, hosts),
        "packages.csv": package_rows(draft.catalogue),
        "enrolments.csv": enrolled,
        "sessions.csv": session_rows,
        "session_attendees.csv": attendees,
        "courses.csv": course_rows(draft.catalogue),
        "course_enrolments.csv": taken_rows(rng, max(12, size.clients // 2), draft.catalogue, clients, guests),
        "notes.csv": note_rows,
        "form_answers.csv": answer_rows(rng, size.answers, clients),
        "invoices.csv": invoices,
        "attachments_manifest.csv": [each.row for each in files],
        "workflows.json": workflow_rows(rng, size.workflows, draft.catalogue),
    }
    links = list(writer.links)
    delta, changes = _delta(draft, size, seed, main, guests, notes)
    return World(main, delta, files, notes.pictures, links, changes)


def _booked_later(session: Session) -> bool:
    """Some of the sessions to come are booked only after the export."""
    return session.start >= MAIN_ENDS and session.n % 4 == 0 and not session.group


def team_rows(size: Size) -> list[Row]:
    """The people of the workspace but its owner."""
    rows = []
    for n, (name, role, active) in enumerate(COACHES[1 : size.coaches], start=2):
        email = coach_email(name)
        cells = {"coach_id": f"T-{n:02d}", "name": name, "email": email, "role": role, "active": "true" if active else "false"}
        verdict = Verdict("merged", "matched_user", email) if active else Verdict("merged", "fallback_user", coach_email(OWNER))
        rows.append(Row(cells["coach_id"], cells, in_both("owners", verdict), dirt=() if active else (("active", "leaver"),)))
    return rows


# ---------------------------------------------------------------- two weeks later


def _delta(
    draft: _Draft, size: Size, seed: int, main: Mapping[str, Sequence[Row]], guests: Guests, notes: NoteWriter
) -> tuple[dict[str, Sequence[Row]], list[Change]]:
    """All clients again, some of them changed; else what is new, and what has been held or used up meanwhile."""
    rng = Random(f"{seed} delta")
    clients, changes = _changed_clients(rng, main["clients.csv"])
    later = [
        _held(each)
        for each in draft.sessions
        if not each.group and each.start >= MAIN_ENDS and (each.start < DELTA_ENDS or _booked_later(each))
    ]
    sessions, _ = SessionWriter(rng, guests).rows(later)
    used: dict[int, int] = defaultdict(int)
    for session in later:
        for seat in session.seats:
            if seat.enrolment is not None and session.status in CONSUMING:
                used[seat.enrolment.n] += 1
    enrolments = [_fewer(row, used[n], changes) for n, row in enumerate(main["enrolments.csv"]) if used[n]]
    tables: dict[str, Sequence[Row]] = {
        "clients.csv": clients,
        "enrolments.csv": [row for row in enrolments if row],
        "sessions.csv": sessions,
        "notes.csv": notes.rows(max(2, size.notes // 20), first=size.notes + 1, since=DELTA_ENDS),
    }
    before = {row.key for row in main["sessions.csv"]}
    changes += [Change(f"sessions/{row.key}", "", "", "created") for row in sessions if row.key not in before]
    return tables, changes


def _held(session: Session) -> Session:
    return replace(session, status="completed") if session.start < DELTA_ENDS else session


def _changed_clients(rng: Random, rows: Sequence[Row]) -> tuple[list[Row], list[Change]]:
    """One client in twenty has another preference."""
    able = [n for n, row in enumerate(rows) if row.verdicts[f"{PIPEDRIVE}/clients"].bucket == "loaded" and not row.twins]
    changed, changes = list(rows), list[Change]()
    for n in sorted(rng.sample(able, max(3, len(able) // 20))):
        row = rows[n]
        old = str(row.cells["Preferred Channel"])
        new = next(word for word in ("WhatsApp", "Phone") if word != old)
        values = {feed: {**fields, "preferred_channel__c": new} for feed, fields in row.values.items()}
        changed[n] = replace(row, cells={**row.cells, "Preferred Channel": new}, values=values)
        changes.append(Change(row.record, "preferred_channel__c", old, new))
    return changed, changes


def _fewer(row: Row, used: int, changes: list[Change]) -> Row | None:
    """The enrolment with what is left of it now; nothing where it does not count."""
    left, feed = str(row.cells["sessions_remaining"]), f"{PIPEDRIVE}/enrolments"
    if not left or not row.verdicts[feed].record:
        return None
    new = str(int(left) - used)
    changes.append(Change(row.verdicts[feed].record, "sessions_remaining__c", left, new))
    values = {feed: {**row.values[feed], "sessions_remaining__c": new}}
    return replace(row, cells={**row.cells, "sessions_remaining": new}, values=values)
