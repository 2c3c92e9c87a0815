"""Leads of the sample: new ones, those who became customers, and those who came in twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from sample_exports import promio_custom
from sample_exports.promio_campaigns import DELETED, RENAMED
from sample_exports.promio_customers import Draft
from sample_exports.promio_owners import draw_owner, user_of
from sample_exports.promio_people import Person, Roster, email_variant, misspelt, phone_text, scientific
from sample_exports.promio_rows import LEADS_FROM, MAIN_ENDS, Row, Size, Verdict, clock, share

COLUMNS = (
    "Lead ID", "First Name", "Last Name", "Email", "Phone", "Lead Status", "Lead Source", "Campaign", "utm_source",
    "utm_medium", "utm_campaign", "Tracking Number", "Call Recording URL", "Created", "Assigned To", "Zip",
    "Service Interest", "Est. Job Value", "Roof Age (yrs)", "Preferred Appt", "Notes",
)  # fmt: skip
FIRST_NUMBER = 4001
STATUSES = ("New", "Contacted", "Interested", "Not interested", "Qualified")
SOURCES = {
    "Website": ("", ""),
    "Google Ads": ("google", "cpc"),
    "Phone Call": ("", ""),
    "Referral": ("", "referral"),
    "Facebook": ("facebook", "paid_social"),
    "Yelp": ("yelp", "referral"),
    "Home Show": ("", ""),
}
STATUS_OPTIONS = {status: status for status in STATUSES} | {"Not interested": "Unqualified"}
SOURCE_OPTIONS = {
    "Website": "Web",
    "Google Ads": "Google Ads",
    "Phone Call": "Phone",
    "Referral": "Referral",
    "Facebook": "Facebook",
    "Yelp": "",
    "Home Show": "Events",
}
"""What the options of the rehearsal accounts are called; "" where there is none."""

SURNAMES = ("O’Connor", "O’Brien", "D’Angelo", "O’Neill", "D’Amico", "Müller", "Gagné", "Peña")
CONVERTIBLE = ("home", "firm", "sole", "member", "twin_email", "twin_phone")
SEPARATE = ("partner", "namesake", "roommate")


@dataclass(frozen=True, eq=False)
class LeadDraft:
    """A lead before it has a number; ``customer`` is the one that it became, or whose address it has."""

    n: int
    kind: str  # plain, converted, same_email, twin_email, twin_phone, partner, namesake, roommate, test, nameless, short, long
    person: Person
    created: datetime
    of: LeadDraft | None = None
    customer: Draft | None = None
    related: bool = False
    no_email: bool = False


def draft_leads(roster: Roster, size: Size, customers: Sequence[Draft]) -> list[LeadDraft]:
    """The leads in the order of the file."""
    rng, total, drafts = roster.rng, size.leads, list[LeadDraft]()

    add = _Adder(drafts)
    _add_customers(add, roster, customers)
    for kind, count in (
        ("test", share(total, 0.005, least=3)),
        ("nameless", 2),
        ("short", size.damaged),
        ("long", size.damaged),
    ):
        for _ in range(count):
            add(kind, roster.person(), _day(rng))
    _add_kin(add, roster, total, drafts)
    while len(drafts) < total:
        person = roster.person()
        if rng.random() < 0.03:
            person = replace(person, last=rng.choice(SURNAMES))
        add("plain", person, _day(rng))
    return sorted(_settled(rng, drafts), key=lambda draft: (draft.created, draft.n))


class _Adder:
    """Collects drafts, each with a number of its own."""

    def __init__(self, drafts: list[LeadDraft]) -> None:
        self._drafts = drafts

    def __call__(
        self, kind: str, person: Person, created: datetime, *, of: LeadDraft | None = None, customer: Draft | None = None
    ) -> None:
        draft = LeadDraft(len(self._drafts), kind, person, created, of, customer, related=of is not None)
        self._drafts.append(draft)


def _day(rng: Random, after: datetime = LEADS_FROM, until: datetime = MAIN_ENDS) -> datetime:
    span = int((until - after).total_seconds() // 60) - 60
    return after + timedelta(minutes=rng.randrange(max(span, 1)) + 30)


def _add_customers(add: _Adder, roster: Roster, customers: Sequence[Draft]) -> None:
    """Leads that became customers, and leads that have a customer's e-mail address."""
    rng = roster.rng
    fit = [draft for draft in customers if draft.kind in CONVERTIBLE and draft.created > LEADS_FROM + timedelta(days=70)]
    twins = [draft for draft in fit if draft.kind == "twin_email"][:1]
    count = min(len(fit), share(len(customers), 0.36, least=10))
    chosen = {draft.n: draft for draft in [*twins, *rng.sample(fit, count - len(twins))]}
    for customer in chosen.values():
        person = customer.person
        if not customer.related and rng.random() < 0.2:
            person = replace(person, email=roster.email(person.first, person.last))
        add("converted", person, customer.created - timedelta(days=rng.randint(3, 60), minutes=5), customer=customer)
    # An address that a couple shares would point at two customers.
    couples = {draft.of.n for draft in customers if draft.kind == "partner" and draft.of is not None}
    mailing = [d for d in customers if d.kind in CONVERTIBLE and not d.no_email and d.n not in couples]
    for customer in rng.sample(mailing, share(len(customers), 0.045, least=8)):
        add("same_email", customer.person, _day(rng), customer=customer)
    known = next(d for d in chosen.values() if not d.no_email and d.n not in couples)
    add("same_email", known.person, _day(rng, known.created), customer=known)


def _add_kin(add: _Adder, roster: Roster, total: int, drafts: list[LeadDraft]) -> None:
    """People who came in twice, and people who are easily taken for one."""
    rng = roster.rng
    plan = (
        ("twin_email", 0.025, 6),
        ("twin_phone", 0.025, 6),
        ("partner", 0.004, 2),
        ("namesake", 0.002, 1),
        ("roommate", 0.002, 1),
    )
    for kind, rate, least in plan:
        for _ in range(share(total, rate, least=least)):
            person = roster.person()
            add("plain", person, _day(rng, until=MAIN_ENDS - timedelta(days=30)))
            first = drafts[-1]
            add(kind, _second(roster, kind, person), _day(rng, first.created), of=first)


def _second(roster: Roster, kind: str, person: Person) -> Person:
    if kind == "partner":
        return roster.partner(person)
    if kind == "namesake":
        return roster.namesake(person)
    if kind == "roommate":
        return replace(roster.person(), phone=person.phone)
    return person


def _settled(rng: Random, drafts: Sequence[LeadDraft]) -> list[LeadDraft]:
    first = {draft.of.n for draft in drafts if draft.of is not None}
    blank = {(draft.n if rng.random() < 0.5 else draft.of.n) for draft in drafts if draft.kind == "twin_phone" and draft.of}
    settled: dict[int, LeadDraft] = {}
    for draft in drafts:
        related = draft.related or draft.n in first or draft.kind == "same_email"
        no_email = draft.n in blank or (not related and rng.random() < 0.15)
        of = settled[draft.of.n] if draft.of is not None else None
        settled[draft.n] = replace(draft, of=of, related=related, no_email=no_email)
    return list(settled.values())


def number_leads(drafts: Sequence[LeadDraft], *, first: int = FIRST_NUMBER) -> dict[int, str]:
    """The lead numbers, by draft."""
    return {draft.n: f"L-{first + position:06d}" for position, draft in enumerate(drafts)}


def link_customers(
    rng: Random, customers: Sequence[Draft], drafts: Sequence[LeadDraft], numbers: Mapping[int, str]
) -> dict[int, tuple[str, str]]:
    """What stands in Source Lead ID, by customer draft; some point at leads from before the export."""
    links = {d.customer.n: (numbers[d.n], "") for d in drafts if d.kind == "converted" and d.customer is not None}
    others = [c for c in customers if c.n not in links and c.kind == "home" and not c.related]
    for customer in rng.sample(others, share(len(customers), 0.02, least=3)):
        links[customer.n] = (f"L-{rng.randint(1, FIRST_NUMBER - 1):06d}", "lead_out_of_range")
    return links


class LeadWriter:
    """Turns drafts into rows, in the order of the file."""

    def __init__(self, rng: Random, names: Sequence[str], records: Mapping[int, str], tracking: Sequence[str]) -> None:
        # records: on which record each customer draft ends
        self._rng, self._names, self._records, self._tracking = rng, names, records, tracking
        self._rows: dict[int, Row] = {}

    def rows(self, drafts: Sequence[LeadDraft], numbers: Mapping[int, str], *, deleted: int = 5) -> list[Row]:
        """All rows, in order; ``deleted`` of them name a campaign that is gone."""
        plain = [draft.n for draft in drafts if draft.kind == "plain"]
        ghosts = set(self._rng.sample(plain, deleted))
        first: dict[str, str] = {}
        for draft in drafts:
            row = self._row(draft, numbers[draft.n], deleted=draft.n in ghosts)
            if draft.customer is not None and row.record in first:
                row = replace(row, twins={"leads": first[row.record]})
            first.setdefault(row.record, f"leads/{row.key}")
            self._rows[draft.n] = row
        return list(self._rows.values())

    def _row(self, draft: LeadDraft, number: str, *, deleted: bool) -> Row:
        rng, person = self._rng, draft.person
        cells: dict[str, str] = dict.fromkeys(COLUMNS, "")
        dirt: list[tuple[str, str]] = []
        cells["Lead ID"], cells["Created"], cells["Zip"] = number, clock(draft.created), person.zip
        self._name(draft, cells, dirt)
        email = self._email(draft, cells, dirt)
        phone = self._phone(draft, cells, dirt)
        self._origin(cells, dirt, deleted=deleted)
        if person.zip.startswith("0") and rng.random() < 0.1:
            cells["Zip"] = person.zip[1:]
            dirt.append(("Zip", "leading_zero_lost"))
        cells["Assigned To"], odd = draw_owner(rng, blank=0.25, odd=0.08, names=0.03)
        dirt += [("Assigned To", odd)] if odd else []
        dirt += promio_custom.lead_cells(rng, cells, draft.created)
        verdict, twin = self._verdict(draft, number)
        dirt += [("", verdict.reason)] if draft.kind in ("short", "long", "test", "twin_email", "twin_phone") else []
        values = _values(cells, number, email=email, phone=phone) if verdict.bucket == "loaded" else {}
        return Row(
            key=number, cells=cells, verdicts={"leads": verdict}, values={"leads": values}, dirt=tuple(dirt),
            aside=_aside(draft, cells, verdict), record=verdict.record, phone=phone, when=draft.created,
            twins={} if twin is None else {"leads": twin},
            surplus="see the other file" if draft.kind == "long" else "", missing=4 if draft.kind == "short" else 0,
        )  # fmt: skip

    def _name(self, draft: LeadDraft, cells: dict[str, str], dirt: list[tuple[str, str]]) -> None:
        rng, person = self._rng, draft.person
        cells["First Name"], cells["Last Name"] = person.first, person.last
        if draft.kind == "test":
            cells["First Name"], cells["Last Name"] = rng.choice((("test", "test"), ("Test", "Test"), ("TEST", "test ")))
        elif draft.kind == "nameless":
            cells["Last Name"] = ""
            dirt.append(("Last Name", "name_missing"))
        elif draft.kind == "twin_email" and rng.random() < 0.5:
            cells["Last Name"] = misspelt(rng, person.last)
        elif draft.kind == "plain" and not draft.related:
            self._soil_name(cells, dirt)
        dirt += [("Last Name", "cp1252_apostrophe")] if "’" in cells["Last Name"] else []
        dirt += [("Last Name", "same_name")] if draft.kind == "namesake" else []

    def _soil_name(self, cells: dict[str, str], dirt: list[tuple[str, str]]) -> None:
        luck = self._rng.random()
        if luck < 0.05:
            cells["First Name"] = ""
        elif luck < 0.07:
            cells["Last Name"] += "  "
            dirt.append(("Last Name", "trailing_space"))
        elif luck < 0.09:
            cells["First Name"] += "\u00a0"
            dirt.append(("First Name", "no_break_space"))

    def _email(self, draft: LeadDraft, cells: dict[str, str], dirt: list[tuple[str, str]]) -> str:
        if draft.no_email or draft.kind == "test":
            if not draft.related and self._rng.random() < 0.15:
                cells["Email"] = self._rng.choice(("n/a", "-"))
                dirt.append(("Email", "placeholder"))
            return ""
        cells["Email"] = draft.person.email
        if draft.kind in ("twin_email", "same_email"):
            cells["Email"] = email_variant(self._rng, draft.person.email)
        dirt += [("Email", "shared_email")] if draft.kind == "partner" else []
        dirt += [("Email", "same_email_as_customer")] if draft.kind == "same_email" else []
        return "" if draft.kind == "partner" else draft.person.email

    def _phone(self, draft: LeadDraft, cells: dict[str, str], dirt: list[tuple[str, str]]) -> str:
        rng, phone = self._rng, draft.person.phone
        form = rng.randrange(6)
        if draft.kind == "twin_phone" and draft.of is not None:
            form = 4 if not str(self._rows[draft.of.n].cells["Phone"]).startswith("+1") else 0
        cells["Phone"] = phone_text(phone, form)
        if draft.related:
            dirt += [("Phone", "shared_phone")] if draft.kind == "roommate" else []
            return draft.person.e164
        luck = rng.random()
        if luck < 0.015:
            cells["Phone"] = scientific(phone)
            dirt.append(("Phone", "phone_scientific"))
        elif luck < 0.04:
            cells["Phone"] = rng.choice(("n/a", "-", ""))
            dirt += [("Phone", "placeholder")] if cells["Phone"] else []
        return draft.person.e164 if luck >= 0.04 else ""

    def _origin(self, cells: dict[str, str], dirt: list[tuple[str, str]], *, deleted: bool) -> None:
        """Where the lead came from: status, source, campaign and the traces of a call."""
        rng = self._rng
        cells["Lead Status"] = rng.choice((*STATUSES, *STATUSES, ""))
        cells["Lead Source"] = rng.choice(list(SOURCES))
        cells["utm_source"], cells["utm_medium"] = SOURCES[cells["Lead Source"]]
        name, luck = rng.choice(self._names), rng.random()
        cells["Campaign"] = name
        if deleted:
            cells["Campaign"], kind = DELETED, "campaign_deleted"
        elif luck < 0.11:
            cells["Campaign"], kind = "", "campaign_empty"
        elif luck < 0.15:
            cells["Campaign"], kind = rng.choice(list(RENAMED)), "campaign_renamed"
        else:
            cells["Campaign"], kind = (name + " ", "trailing_space") if luck < 0.17 else (name, "")
        dirt += [("Campaign", kind)] if kind else []
        if cells["utm_source"] and cells["Campaign"]:
            cells["utm_campaign"] = cells["Campaign"].strip().lower().replace(" ", "_")
        if cells["Lead Source"] == "Phone Call" or rng.random() < 0.2:
            cells["Tracking Number"] = phone_text(rng.choice(self._tracking), 1)
            cells["Call Recording URL"] = f"https://recordings.promio.example/r/{rng.randrange(16**10):010x}"

    def _verdict(self, draft: LeadDraft, number: str) -> tuple[Verdict, str | None]:
        """Where the row ends, and the record that a matcher may take it for."""
        of = self._rows[draft.of.n].record if draft.of is not None else ""
        if draft.customer is not None:
            reason = "became_customer" if draft.kind == "converted" else "same_email_as_customer"
            return Verdict("merged", reason, self._records[draft.customer.n]), None
        if draft.kind in ("twin_email", "twin_phone"):
            return Verdict("merged", "same_person", of), of
        out = {
            "test": Verdict("excluded", "test_row"),
            "nameless": Verdict("rejected", "required_field_empty"),
            "short": Verdict("rejected", "too_few_cells"),
            "long": Verdict("rejected", "too_many_cells"),
        }
        loaded = Verdict("loaded", "", f"leads/{number}")
        return out.get(draft.kind, loaded), "" if draft.kind in SEPARATE else None


def _aside(draft: LeadDraft, cells: Mapping[str, str], verdict: Verdict) -> tuple[tuple[str, str, str], ...]:
    if verdict.bucket != "loaded":
        return ()
    aside = [("leads", "Phone", "damaged_by_excel")] if "E+" in cells["Phone"] else []
    aside += [("leads", "Email", "taken_by_another_record")] if draft.kind == "partner" else []
    return tuple(aside)


def _values(cells: Mapping[str, str], number: str, *, email: str, phone: str) -> dict[str, str]:
    values = {
        "first_name": cells["First Name"].strip(),
        "last_name": cells["Last Name"].strip(),
        "emails": email,
        "mobile_number": phone,
        "zipcode": cells["Zip"],
        "promio_lead_id__c": number,
        "promio_campaign__c": cells["Campaign"].strip(),
        "owner": user_of(cells["Assigned To"]),
    }
    return {name: value for name, value in values.items() if value}
