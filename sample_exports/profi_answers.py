"""Where sessions, appointments and files of Profi's sample end where the scope is answered otherwise than by default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sample_exports import profi_sessions
from sample_exports.profi_deliveries import Placed
from sample_exports.profi_rows import FRESHSALES, PIPEDRIVE
from sample_exports.promio_rows import Row

__all__ = ["COLUMNS", "ends_otherwise"]

COLUMNS = ("question", "answer", "feed", "file", "line", "bucket", "reason", "record", "field", "parent")
ANSWERS = {
    FRESHSALES: (("deal_per", "package"), ("not_held", "leave_out")),
    PIPEDRIVE: (("cancelled_sessions", "leave_out"),),
}
NOT_HELD = ("cancelled", "no_show", "rescheduled")
"""The same on both routes: a session that was called off, to which nobody came, or in whose place another one stands."""

End = tuple[str, str, str, str, object, str, str, str, str, str]


def ends_otherwise(route: str, placed: Sequence[Placed]) -> Iterator[End]:
    """Rows of the main delivery under each such answer, with the one record that an appointment or a file hangs on."""
    people = _People([p.row for p in placed if p.delivery == "main"])
    for question, answer in ANSWERS[route]:
        for p in placed:
            if p.delivery == "main" and p.file == "sessions.csv":
                yield from _of_session(route, question, answer, p, people)
            elif p.delivery == "main" and p.file == "session_attendees.csv":
                yield _of_seat(route, question, answer, p, people)
            elif p.delivery == "main" and p.row.cells.get("owner_type") == "session":
                yield _of_file(route, question, answer, p, people)


class _People:
    """Whom an address leads to, and who sat in a session."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.sessions = {row.key: row for row in rows if "start" in row.cells}
        self._records: dict[str, set[str]] = {}
        self._seats: dict[str, list[str]] = {}
        for row in rows:
            if "company_name" in row.cells and row.cells["email"]:
                record = row.verdicts[f"{PIPEDRIVE}/clients"].record
                self._records.setdefault(_folded(row.cells["email"]), set()).update({record} - {""})
            if "attended" in row.cells:
                self._seats.setdefault(str(row.cells["session_id"]), []).append(str(row.cells["client_email"]))

    def of(self, session: Row) -> str:
        """The client of a session; of a group the first one, in the order of the list, whom one record stands for."""
        said = [str(session.cells["client_email"])] if session.cells["client_email"] else self._seats.get(session.key, [])
        found = [self._records.get(_folded(address), set()) for address in said]
        return next((next(iter(each)) for each in found if len(each) == 1), "")


def _folded(address: object) -> str:
    return str(address).strip().casefold()


def _left_out(question: str, session: Row) -> str:
    """Why a session becomes no deal, or no activity; empty where it becomes one."""
    said = str(session.cells["status"])
    if question == "deal_per":
        return "other_answer"
    return "not_held" if profi_sessions.STATUS_SPELLINGS.get(said, said) in NOT_HELD else ""


def _of_session(route: str, question: str, answer: str, p: Placed, people: _People) -> Iterator[End]:
    gone, usual = _left_out(question, p.row), p.row.verdicts[f"{route}/sessions"]
    ends = ("excluded", gone, "") if gone else (usual.bucket, usual.reason, usual.record)
    yield (question, answer, "sessions", p.file, p.line, *ends, "", "")
    if route == FRESHSALES:
        verdict = p.row.verdicts[f"{route}/appointments"]
        group = not p.row.cells["client_email"]
        on = ("deal", usual.record) if group and not gone else ("contact", people.of(p.row))
        parent = on if verdict.record else ("", "")
        yield (question, answer, "appointments", p.file, p.line, verdict.bucket, verdict.reason, verdict.record, *parent)


def _of_seat(route: str, question: str, answer: str, p: Placed, people: _People) -> End:
    """Who came: with the record of the session, with its appointment where it becomes none else, or left out as it is."""
    session, usual = people.sessions[str(p.row.cells["session_id"])], p.row.verdicts[f"{route}/attendees"]
    ends = (usual.bucket, usual.reason, usual.record)
    if _left_out(question, session) and route == PIPEDRIVE:
        ends = ("excluded", _left_out(question, session), "")
    elif _left_out(question, session) and usual.record:
        ends = (usual.bucket, usual.reason, f"appointments/{session.key}")
    return (question, answer, "attendees", p.file, p.line, *ends, "", "")


def _of_file(route: str, question: str, answer: str, p: Placed, people: _People) -> End:
    session, verdict = people.sessions[str(p.row.cells["owner_key"])], p.row.verdicts[f"{route}/files"]
    on: Mapping[str, tuple[str, str]] = {FRESHSALES: ("deal", "contact"), PIPEDRIVE: ("activity", "person")}
    own, other = on[route]
    parent = (other, people.of(session)) if _left_out(question, session) else (own, f"sessions/{session.key}")
    ends = (verdict.bucket, verdict.reason, verdict.record)
    return (question, answer, "files", p.file, f"{p.line}!file", *ends, *(parent if verdict.record else ("", "")))
