"""The sessions as the export tells them: without the key of their enrolment, and not always with its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from sample_exports.profi_calendar import CALLED_OFF, Session
from sample_exports.profi_people import coach_email
from sample_exports.profi_rows import FRESHSALES, HOME, MAIN_ENDS, PIPEDRIVE, chance, in_both, money
from sample_exports.promio_rows import Row, Verdict

COLUMNS = (
    "session_id", "title", "type", "client_email", "coach_email", "service_name", "package_name", "start",
    "end", "duration_min",
    "timezone", "status", "cancelled_at", "fee", "meeting_link", "recurrence", "series_id", "rescheduled_from",
)  # fmt: skip
ATTENDEES = ("session_id", "client_email", "attended", "joined_at")
STATUSES = ("scheduled", "completed", "cancelled", "no_show", "rescheduled")
SPELLINGS = {
    "scheduled": ("Booked", "Confirmed"), "completed": ("Completed",), "cancelled": ("Canceled", "Cancelled"),
    "no_show": ("No-show",), "rescheduled": ("Rescheduled",),
}  # fmt: skip
STATUS_SPELLINGS = {spelt: word for word, others in SPELLINGS.items() for spelt in others}
RHYTHM_WORDS = {"weekly": "every week", "biweekly": "every 2 weeks", "monthly": "once a month"}
CLOCK_CHANGES = (("2026-03-29 02:30", "hour_skipped"), ("2025-10-26 02:30", "hour_twice"))
"""Local times that the clocks of Berlin skip, and show twice."""


@dataclass(frozen=True)
class Guests:
    """Which addresses lead to which record, and which ones to two."""

    records: Mapping[str, str]
    shared: frozenset[str]

    def of(self, address: str) -> str:
        """The record of an address, empty where there is none or more than one."""
        key = address.strip().casefold()
        return "" if key in self.shared else self.records.get(key, "")

    def missing(self, address: str) -> str:
        """Why an address leads to no record."""
        return "several_records_fit" if address.strip().casefold() in self.shared else "parent_missing"


@dataclass(frozen=True)
class Link:
    """The hidden truth of one seat: the enrolment that paid for it, or nothing."""

    session: str
    client: str  # address as the export has it
    enrolment: str
    kind: str  # how the session names its package: name, empty, old_name, wrong_tier, other


@dataclass
class SessionWriter:
    """Writes sessions with what is wrong about them."""

    rng: Random
    guests: Guests
    links: list[Link] = field(default_factory=list)

    def rows(self, sessions: Sequence[Session]) -> tuple[list[Row], list[Row]]:
        """The rows of the sessions, and those of their attendees."""
        free = [each.n for each in sessions if not each.group and each.seats[0].enrolment is None and not each.paid]
        changes = dict(zip(free[3::7], CLOCK_CHANGES, strict=False)) if len(sessions) > 100 else {}
        odd = max(2, len(sessions) // 400) if len(sessions) > 100 else 0  # none in a delta
        zero = {each.n for each in self.rng.sample(list(sessions), odd)}
        if len(sessions) > 100:
            sessions = _forgotten(sessions)
        rows = [self._row(session, changes.get(session.n), session.n in zero) for session in sessions]
        return rows, [row for session in sessions if session.group for row in self._attendees(session)]

    # ------------------------------------------------------------ sessions

    def _row(self, session: Session, change: tuple[str, str] | None, zero: bool) -> Row:
        rng, dirt = self.rng, list[tuple[str, str]]()
        cells = self._plain(session, dirt)
        self._when(cells, session, dirt)
        if change:
            cells["start"], cells["end"], cells["timezone"] = change[0], "", ""
            dirt.append(("start", change[1]))
        if zero:
            cells["end"], cells["duration_min"] = cells["start"], "0"
            dirt.append(("duration_min", "zero_length"))
        if session.status == "scheduled" and session.start < MAIN_ENDS:
            dirt.append(("status", "scheduled_in_the_past"))
        if chance(rng, 0.08):
            cells["status"] = rng.choice(SPELLINGS[session.status])
            dirt.append(("status", "status_spelling"))
        verdict, who = self._verdict(session, cells["client_email"])
        if verdict.reason == "parent_missing":
            dirt.append(("client_email", "client_unknown"))
        return Row(
            session.id, cells, self._ends(verdict), self._values(session, cells, who) if verdict.record else {}, tuple(dirt)
        )

    def _ends(self, verdict: Verdict) -> dict[str, Verdict]:
        ends = in_both("sessions", verdict)
        number = verdict.record.partition("/")[2]
        ends[f"{FRESHSALES}/appointments"] = Verdict(verdict.bucket, verdict.reason, f"appointments/{number}" if number else "")
        return ends

    def _plain(self, session: Session, dirt: list[tuple[str, str]]) -> dict[str, str]:
        rng, seat = self.rng, session.seats[0]
        address = "" if session.group or seat.client is None else seat.client.email.strip()
        who = "" if session.group or seat.client is None else f": {seat.client.first} {seat.client.last}"
        link = f"https://meet.northlight.example/{rng.randrange(16**8):08x}" if chance(rng, 0.7) else ""
        title = session.service.name + who
        if link and chance(rng, 0.1):
            title, link = f"{title} {link}", ""
            dirt.append(("title", "link_in_title"))
        package, kind = self._package_name(session)
        if kind not in ("name", "none"):
            dirt.append(("package_name", f"package_{kind}"))
        if not session.group:
            enrolment = seat.enrolment.id if seat.enrolment else ""
            self.links.append(Link(session.id, address, enrolment, kind))
        rhythm = session.rhythm
        if rhythm and chance(rng, 0.06):
            rhythm = RHYTHM_WORDS[rhythm]
            dirt.append(("recurrence", "recurrence_free_text"))
        return {
            "session_id": session.id,
            "title": title,
            "type": session.service.type,
            "client_email": address,
            "coach_email": self._coach(session.coach, dirt),
            "service_name": session.service.name if chance(rng, 0.95) else "",
            "package_name": package,
            "status": session.status,
            "fee": self._fee(session),
            "meeting_link": link,
            "recurrence": rhythm,
            "series_id": session.series,
            "rescheduled_from": f"SE-{300001 + session.moved_from}" if session.moved_from >= 0 else "",
        }

    def _coach(self, name: str, dirt: list[tuple[str, str]]) -> str:
        """One coach has a second address, which only the calendar knows."""
        if name == "Jonas Weber" and chance(self.rng, 0.3):
            dirt.append(("coach_email", "second_address"))
            return coach_email("Jonas")
        return coach_email(name)

    def _package_name(self, session: Session) -> tuple[str, str]:
        """What the session says of its package, and in which way it is wrong."""
        rng = self.rng
        enrolment = next((seat.enrolment for seat in session.seats if seat.enrolment), None)
        if enrolment is None:
            return "", "none"
        package, draw = enrolment.package, rng.random()
        if draw < (0.6 if session.group else 0.35):
            return "", "empty"
        if package.old and draw < 0.80 and session.start < datetime(2026, 3, 1):
            return package.old, "old_name"
        if draw < 0.375 and not session.group:
            wrong = next(tier for tier in ("Starter", "Growth", "Enterprise") if tier != package.tier)
            return f"{package.name} ({wrong})", "wrong_tier"
        name = f"{package.name} ({package.tier})" if package.twin and chance(rng, 0.75) else package.name
        return (rng.choice((name.upper(), f"{name} ", name.replace(" ", "  ")))) if chance(rng, 0.04) else name, "name"

    def _fee(self, session: Session) -> str:
        """Sessions of a package rarely state one; sessions by themselves mostly do."""
        rng, price = self.rng, money(session.service.price)
        if session.paid:
            return price if chance(rng, 0.92) else ""
        if session.seats[0].enrolment is None:
            return rng.choice(("", "0.00"))
        return rng.choices(("", "0.00", price), (72, 22, 6))[0]

    def _when(self, cells: dict[str, str], session: Session, dirt: list[tuple[str, str]]) -> None:
        """With the offset, or as local time with its zone, or without one."""
        rng, minutes = self.rng, session.service.minutes
        if chance(rng, 0.6):
            local = session.start.replace(tzinfo=ZoneInfo(HOME))
            cells["start"], cells["timezone"] = local.isoformat(), HOME if chance(rng, 0.5) else ""
            cells["end"] = (session.start + timedelta(minutes=minutes)).replace(tzinfo=ZoneInfo(HOME)).isoformat()
        else:
            zone = rng.choices(("", HOME, "Europe/Lisbon"), (70, 25, 5))[0]
            start = session.start.replace(tzinfo=ZoneInfo(HOME)).astimezone(ZoneInfo(zone or HOME)).replace(tzinfo=None)
            cells["start"], cells["timezone"] = f"{start:%Y-%m-%d %H:%M}", zone
            cells["end"] = f"{start + timedelta(minutes=minutes):%Y-%m-%d %H:%M}" if chance(rng, 0.8) else ""
            dirt.append(("start", "zone_of_somewhere_else" if zone == "Europe/Lisbon" else "without_offset"))
        cells["duration_min"] = str(minutes) if chance(rng, 0.9) else ""
        gone = session.start - timedelta(hours=rng.randint(2, 70))
        cells["cancelled_at"] = f"{gone:%Y-%m-%d %H:%M}" if session.status == "cancelled" else ""

    def _verdict(self, session: Session, address: str) -> tuple[Verdict, str]:
        if session.group:
            found = [record for seat in session.seats if seat.client and (record := self.guests.of(seat.client.email))]
            reason = "parent_missing"
        else:
            found, reason = [record] if (record := self.guests.of(address)) else [], self.guests.missing(address)
        if not found:
            return Verdict("held", reason), ""
        return Verdict("loaded", "", f"sessions/{session.id}"), ";".join(sorted(set(found)))

    def _values(self, session: Session, cells: Mapping[str, str], who: str) -> dict[str, dict[str, str]]:
        title = cells["title"].strip()
        activity = {"subject": title, "outcome": session.status, "participants": who}
        return {f"{PIPEDRIVE}/sessions": activity, f"{FRESHSALES}/sessions": {"name": title, "contacts": who}}

    # ------------------------------------------------------------ who came

    def _attendees(self, session: Session) -> list[Row]:
        rng, rows = self.rng, list[Row]()
        for seat in session.seats:
            address = seat.client.email.strip() if seat.client else seat.guest
            self.links.append(Link(session.id, address, seat.enrolment.id if seat.enrolment else "", "attendee"))
            held = session.status == "completed"
            came = (held or session.kind == CALLED_OFF) and chance(rng, 0.9) and held
            joined = session.start + timedelta(minutes=rng.randint(-3, 12))
            cells = {
                "session_id": session.id,
                "client_email": address,
                "attended": "" if session.status == "scheduled" else "true" if came else "false",
                "joined_at": f"{joined:%Y-%m-%d %H:%M}" if came else "",
            }
            rows.append(self._attendee(session, cells, guest=seat.client is None))
            if chance(rng, 0.03):
                again = Row(
                    rows[-1].key, cells, in_both("attendees", self._came(session, address)), dirt=(("", "attendee_twice"),)
                )
                rows.append(again)
        return rows

    def _attendee(self, session: Session, cells: Mapping[str, str], *, guest: bool) -> Row:
        address = cells["client_email"]
        dirt = (("client_email", "guest"),) if guest else ()
        return Row(f"{session.id}|{address}", cells, in_both("attendees", self._came(session, address)), dirt=dirt)

    def _came(self, session: Session, address: str) -> Verdict:
        if not self.guests.of(address):
            return Verdict("rejected", "no_record_for_link")
        return Verdict("merged", "linked", f"sessions/{session.id}")


def _forgotten(sessions: Sequence[Session]) -> list[Session]:
    """The sessions with one that was cancelled and still stands as scheduled, long after its day."""
    place = next(n for n, each in enumerate(sessions) if each.status == "cancelled" and not each.group)
    return [replace(each, status="scheduled") if n == place else each for n, each in enumerate(sessions)]
