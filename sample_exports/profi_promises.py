"""What the records of Profi's sample must hold beyond names and links: every plain value, time, amount and composed text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sample_exports import profi_billing, profi_clients, profi_enrolments, profi_sessions
from sample_exports.profi_files import LIMIT
from sample_exports.profi_people import COACHES, coach_email
from sample_exports.profi_rows import FRESHSALES, HOME, PIPEDRIVE
from sample_exports.profi_world import OWNER, World
from sample_exports.promio_rows import Row

FALLBACK = coach_email(OWNER)
STAGES = {"scheduled": "Appointment Scheduled", "completed": "Session Won"}
"""Of a session's states; the others are lost, also the one in whose place another session stands."""
TYPES = {"one_on_one": "Meeting", "group": "Meeting", "consultation": "Call"}
CLIENT: Mapping[str, Mapping[str, str]] = {
    FRESHSALES: {"address": "street", "city": "city", "zipcode": "postcode", "country": "country", "job_title": "job_title",
                 "profi_created_at__c": "created_at", "mobile_number": "", "tags": "tags", "linkedin": "linkedin",
                 "instagram__c": "instagram"},
    PIPEDRIVE: {"job_title__c": "job_title", "instagram__c": "instagram", "phones": "", "tags__c": "tags",
                "linkedin__c": "linkedin"},
}  # fmt: skip
BOTH = {
    "coaches__c": "coach_email", "profi_client_id__c": "client_id", "client_status__c": "status",
    "referral_source__c": "referral_source", "coaching_focus_area__c": "coaching_focus_area",
    "membership_start_date__c": "membership_start_date", "sessions_goal__c": "Sessions Goal", "birthday__c": "Birthday",
    "languages__c": "Languages", "dietary_notes__c": "Dietary Notes",
}  # fmt: skip
BILL = ("invoice_status", "amount_paid", "payment_method", "next_billing_date")
LISTS = {"tags": ",", "tags__c": ",", "coaching_focus_area__c": ";", "languages__c": ";"}
"""Fields of several options, and what stands between them in the export."""


@dataclass
class Promises:
    """Values that follow from a row and from what the generator knows of it; several options are joined by `;` in order."""

    world: World
    enrolments: dict[str, Row] = field(init=False)
    packages: dict[str, list[Row]] = field(init=False)  # by their name, which several tiers may share
    services: dict[str, str] = field(init=False)  # name → currency
    paid: dict[str, str] = field(init=False)  # session → enrolment, of sessions of one client
    invoices: dict[str, list[Row]] = field(init=False)  # address → its invoices

    def __post_init__(self) -> None:
        main = self.world.main
        self.enrolments = {row.key: row for row in main["enrolments.csv"]}
        self.packages = {}
        for row in main["packages.csv"]:
            self.packages.setdefault(str(row.cells["name"]), []).append(row)
        self.services = {str(row.cells["name"]): str(row.cells["currency"]) for row in main["services.csv"]}
        self.paid = {link.session: link.enrolment for link in self.world.links if link.kind != "attendee"}
        self.invoices = {}
        for row in main["invoices.csv"]:
            self.invoices.setdefault(str(row.cells["client_email"]).casefold(), []).append(row)

    def of(self, route: str, file: str, row: Row) -> Iterator[tuple[str, Mapping[str, str]]]:
        """The feeds that make a record of the row on this route, each with the values of that record.

        Of enrolments and packages one route alone makes records.
        """
        ways: dict[str, Sequence[tuple[str, Callable[[str, Row], Mapping[str, str]]]]] = {
            "organisations.csv": [("organisations", self._organisation)],
            "clients.csv": [("clients", self._client), ("companies", self._company)],
            "packages.csv": [("packages", self._product)],
            "enrolments.csv": [("enrolments", self._enrolment), ("sold", self._sold)],
            "sessions.csv": [("sessions", self._session), ("appointments", self._appointment)],
            "course_enrolments.csv": [("courses", self._course)],
            "notes.csv": [("notes", self._note)],
            "invoices.csv": [("invoices", self._invoice)],
            "attachments_manifest.csv": [("files", self._file)],
        }
        for feed, way in ways.get(file, ()):
            verdict = row.verdicts.get(f"{route}/{feed}")
            if verdict and (verdict.bucket == "loaded" or verdict.reason == "attached"):
                yield f"{route}/{feed}", {name: value for name, value in way(route, row).items() if value}

    def aside(self, route: str, file: str, row: Row, *, settled: bool) -> Iterator[tuple[str, str, str]]:
        """Filled cells that give no value although their row goes on: feed, column and reason; no column for a link.

        ``settled``: somebody has said what paid for a session.
        """
        if file == "clients.csv" and str(row.cells["linkedin"]).startswith("@"):
            yield f"{route}/clients", "linkedin", "credentials_in_url"
        if ("path", "long_name") in row.dirt:
            yield f"{route}/files", "file_name", "cut_short"
        if file == "sessions.csv" and route == PIPEDRIVE and not (row.cells["duration_min"] or row.cells["end"]):
            yield f"{route}/sessions", "Length", "no_end"
        enrolment = self.enrolments.get(self.paid.get(row.key, "")) if file == "sessions.csv" and settled else None
        if enrolment and route == FRESHSALES:
            yield from ((f"{route}/sessions", column, why) for column, why in self._lost(enrolment))
        elif enrolment and not self._deal_of(row):
            yield f"{route}/sessions", "", "parent_missing"

    def _lost(self, enrolment: Row) -> Iterator[tuple[str, str]]:
        """What an enrolment and its last invoice say that is no amount, and the columns of one who was sent none."""
        if "," in str(enrolment.cells["fee"]):
            yield "package_fee", "decimal_mark_differs"
        bills = self._bills(enrolment)
        if not bills:
            yield from ((column, "no_row_to_join") for column in BILL)
        elif " + " in str(max(bills, key=lambda bill: str(bill.cells["issued_on"])).cells["amount_paid"]):
            yield "amount_paid", "not_an_amount"

    def _sold_as(self, enrolment: Row) -> Row:
        """The package of an enrolment: of its name and tier, or the only one of its name where it says no tier."""
        named = self.packages[str(enrolment.cells["package_name"])]
        tier = enrolment.cells["tier"]
        [package] = [each for each in named if tier in ("", each.cells["tier"])]
        return package

    def _bills(self, enrolment: Row) -> list[Row]:
        """The invoices for the package of an enrolment that went to its address."""
        bills = self.invoices.get(str(enrolment.cells["client_email"]).strip().casefold(), [])
        return [bill for bill in bills if bill.cells["package_name"] == enrolment.cells["package_name"]]

    # ------------------------------------------------------------ people and companies

    def _organisation(self, route: str, row: Row) -> Mapping[str, str]:
        cells = _texts(row)
        contact = next((c for c in self.world.main["clients.csv"] if _is(c, "email", cells["primary_contact_email"])), None)
        coach = str(contact.cells["coach_email"]) if contact and cells["primary_contact_email"] else ""
        industry = profi_clients.INDUSTRIES[route][cells["industry"]]
        values = {"website": f"https://{cells['domain']}", "owner": user_of(coach)}
        if route == PIPEDRIVE:
            return {**values, "industry": industry, "parent_organisation__c": cells["parent_name"]}
        return {**values, "industry_type": industry}

    def _company(self, route: str, row: Row) -> Mapping[str, str]:
        cells = _texts(row)
        return {"name": cells["company_name"].strip(), "owner": user_of(cells["coach_email"])}

    def _client(self, route: str, row: Row) -> Mapping[str, str]:
        cells = _texts(row)
        values = {name: cells[column] if column else row.phone for name, column in {**BOTH, **CLIENT[route]}.items()}
        values |= {name: _options(values[name], mark) for name, mark in LISTS.items() if name in values}
        if cells["linkedin"].startswith("@"):  # no address: what stands there is a name, and it is set aside
            values = {name: value for name, value in values.items() if not name.startswith("linkedin")}
        values["owner"] = user_of(cells["coach_email"])
        if route == PIPEDRIVE:
            values["profi_created_at__c"] = cells["created_at"][:10]
            if cells["street"]:
                values["postal_address__c"] = "{street}, {postcode} {city}, {country}".format(**cells)
        return values

    # ------------------------------------------------------------ packages and sessions

    def _enrolment(self, route: str, row: Row) -> Mapping[str, str]:
        cells = _texts(row)
        return {
            "currency": cells["currency"],
            "status": profi_enrolments.STATUSES[cells["status"].strip()],
            "billing_frequency__c": str(self._sold_as(row).cells["billing_frequency"]),
            "renewal_date__c": cells["renewal_date"],
            "profi_enrolment_id__c": row.key,
            "pipeline": "Coaching",
            "owner": user_of(cells["coach_email"]),
        }

    def _product(self, route: str, row: Row) -> Mapping[str, str]:
        """On the one route that makes products of packages."""
        cells = _texts(row)
        told = _lines(
            cells,
            ("Kind", "kind"), ("Sessions", "sessions_included"), ("Billing", "billing_frequency"),
            ("Valid for days", "validity_days"),
        )  # fmt: skip
        name = "{name} {tier}".format(**cells)
        plain = {"code": row.key, "price": cells["fee"], "currency": cells["currency"]}
        return {"name": name, "description": told, **plain}

    def _sold(self, route: str, row: Row) -> Mapping[str, str]:
        cells = _texts(row)
        return {
            "deal": f"enrolments/{row.key}",
            "product": f"packages/{self._sold_as(row).key}",
            "item_price": cells["fee"],
            "quantity": "1",
        }

    def _session(self, route: str, row: Row) -> Mapping[str, str]:
        return self._activity(row) if route == PIPEDRIVE else self._deal(row)

    def _activity(self, row: Row) -> Mapping[str, str]:
        cells = _texts(row)
        meant = profi_sessions.STATUS_SPELLINGS.get(cells["status"], cells["status"])
        begin, end = _moment(row, "start"), _moment(row, "end")
        minutes = cells["duration_min"]
        values = {
            "type": TYPES[cells["type"]],
            "done": "false" if meant == "scheduled" else "true",
            "duration": str(int(minutes) * 60) if minutes else _between(begin, end),
            "owner": user_of(cells["coach_email"]),
            "note": _lines(
                cells,
                ("Status", "status"), ("Cancelled at", "cancelled_at"), ("Meeting link", "meeting_link"),
                ("Recurring", "recurrence"), ("Service", "service_name"), ("Package", "package_name"),
                ("Fee", "fee"), ("Profi", "session_id"),
            ),
        }  # fmt: skip
        if begin:
            utc = begin.astimezone(ZoneInfo("UTC"))
            values |= {"due_date": f"{utc:%Y-%m-%d}", "due_time": f"{utc:%H:%M}"}
        if deal := self._deal_of(row):
            values["deal"] = deal
        return values

    def _deal_of(self, row: Row) -> str:
        enrolment = self.enrolments.get(self.paid.get(row.key, ""))
        return enrolment.verdicts[f"{PIPEDRIVE}/enrolments"].record if enrolment else ""

    def _deal(self, row: Row) -> Mapping[str, str]:
        cells = _texts(row)
        meant = profi_sessions.STATUS_SPELLINGS.get(cells["status"], cells["status"])
        values = {
            "amount": cells["fee"] or "0",
            "currency": self.services.get(cells["service_name"], "EUR"),
            "deal_stage": STAGES.get(meant, "Session Lost"),
            "deal_pipeline": "Coaching",
            "expected_close": cells["start"][:10],
            "profi_id__c": row.key,
            "owner": user_of(cells["coach_email"]),
        }
        enrolment = self.enrolments.get(self.paid.get(row.key, ""))
        return {**values, **self._package(enrolment), **self._bill(enrolment)} if enrolment else values

    def _package(self, enrolment: Row) -> Mapping[str, str]:
        cells = _texts(enrolment)
        return {
            "package_name__c": cells["package_name"],
            "profi_enrolment_id__c": enrolment.key,
            "package_tier__c": cells["tier"],
            "package_fee__c": "" if "," in cells["fee"] else cells["fee"],
            "package_currency__c": cells["currency"],
            "enrolled_on__c": cells["enrolled_on"],
            "package_expiry__c": cells["expires_on"],
            "sessions_remaining__c": cells["sessions_remaining"],
            "renewal_date__c": cells["renewal_date"],
            "billing_frequency__c": str(self._sold_as(enrolment).cells["billing_frequency"]),
        }

    def _bill(self, enrolment: Row) -> Mapping[str, str]:
        """The invoice for it that was issued last; nothing is told where two were on one day."""
        bills = self._bills(enrolment)
        last = max((str(bill.cells["issued_on"]) for bill in bills), default="")
        newest = [_texts(bill) for bill in bills if str(bill.cells["issued_on"]) == last]
        if len(newest) != 1:
            return {}
        cells = newest[0]
        return {
            "invoice_status__c": profi_billing.STATUSES[cells["status"]],
            "amount_paid__c": "" if " + " in cells["amount_paid"] else cells["amount_paid"],
            "payment_method__c": cells["payment_method"],
            "next_billing_date__c": cells["next_billing_date"],
        }

    def _appointment(self, route: str, row: Row) -> Mapping[str, str]:
        cells, who = _texts(row), row.values[f"{FRESHSALES}/sessions"]["contacts"]
        values = {
            "title": cells["title"].strip(),
            "description": _lines(
                cells,
                ("Status", "status"), ("Cancelled at", "cancelled_at"), ("Minutes", "duration_min"),
                ("Meeting link", "meeting_link"), ("Recurring", "recurrence"), ("Service", "service_name"),
                ("Profi", "session_id"),
            ),
        }  # fmt: skip
        group = {"deal": f"sessions/{row.key}", "attendees": who}
        values |= group if cells["type"] == "group" else {"contact": who}
        begin, end = _moment(row, "start"), _moment(row, "end")
        if begin:
            values |= {"from_date": begin.isoformat(), "end_date": (end or begin).isoformat()}
        return values

    # ------------------------------------------------------------ what hangs on them

    def _course(self, route: str, row: Row) -> Mapping[str, str]:
        cells = _texts(row)
        if route == FRESHSALES:
            return {"course_enrollment__c": f"{cells['course_title']}: {cells['access_status']}", "course_url__c": cells["url"]}
        return {"content_course__c": cells["course_title"], "content_url__c": cells["url"]}

    def _note(self, route: str, row: Row) -> Mapping[str, str]:
        """Plain ones whole; what becomes of others is for the tests of markup to say."""
        cells, plain = _texts(row), not any(column == "body_html" for column, _ in row.dirt)
        if route == PIPEDRIVE:
            owner = {"owner": user_of(cells["author_email"]), "add_time": cells["created_at"]}
            return {**owner, "content": cells["body_html"]} if plain else owner
        first = f"<p>{cells['created_at']}, {cells['author_email']}</p>\n"
        return {"description": first + cells["body_html"]} if plain else {}

    def _invoice(self, route: str, row: Row) -> Mapping[str, str]:
        cells = _texts(row)
        cells["money"] = f"{cells['amount']} {cells['currency']}"
        lines = _lines(
            cells,
            ("Number", "invoice_no"), ("Package", "package_name"), ("Issued", "issued_on"), ("Due", "due_on"),
            ("Status", "status"), ("Amount", "money"), ("Tax", "tax"), ("Paid", "amount_paid"), ("Method", "payment_method"),
            ("Next billing", "next_billing_date"),
        )  # fmt: skip
        return {"description": f"Invoice Record\n{lines}"}

    def _file(self, route: str, row: Row) -> Mapping[str, str]:
        cells, type_ = _texts(row), str(row.cells["owner_type"])
        if int(cells["bytes"]) > LIMIT:
            return {}  # it comes in parts
        whole = {"bytes": cells["bytes"], "sha256": cells["sha256"], "content_type": cells["content_type"]}
        if type_ == "client":
            return {**whole, "contact" if route == FRESHSALES else "person": f"clients/{cells['owner_key']}"}
        if type_ == "session":
            return {**whole, "deal" if route == FRESHSALES else "activity": f"sessions/{cells['owner_key']}"}
        return whole


def user_of(text: str) -> str:
    """The user for what an export says of an owner: the coach named first, or the fallback where that one is gone."""
    first = text.split(";")[0].strip().casefold()
    working = {coach_email(name) for name, _, active in COACHES if active} | {FALLBACK}
    second = {coach_email("Jonas"): coach_email("Jonas Weber")}
    user = second.get(first, first)
    return user if user in working else FALLBACK


def _texts(row: Row) -> dict[str, str]:
    return {name: str(value) for name, value in row.cells.items()}


def _is(row: Row, column: str, text: str) -> bool:
    return str(row.cells[column]).strip().casefold() == text.strip().casefold()


def _options(text: str, mark: str) -> str:
    return ";".join(sorted(part.strip() for part in text.split(mark) if part.strip()))


def _lines(cells: Mapping[str, str], *parts: tuple[str, str]) -> str:
    return "\n".join(f"{words}: {cells[column]}" for words, column in parts if cells[column])


def _between(begin: datetime | None, end: datetime | None) -> str:
    """The seconds from a beginning to an end, where both are told."""
    return str(int(end.timestamp() - begin.timestamp())) if begin and end else ""


def _moment(row: Row, column: str) -> datetime | None:
    """A time with its offset; none where the clocks skip it or show it twice, for which nobody can promise anything."""
    text, zone = str(row.cells[column]), str(row.cells["timezone"]) or HOME
    if not text or {kind for _, kind in row.dirt} & {"hour_skipped", "hour_twice"}:
        return None
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))
