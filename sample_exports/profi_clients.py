"""The clients and their employers as the export has them, and where each row ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta, timezone
from random import Random

from sample_exports.profi_people import CITIES, Client, Company, coach_email
from sample_exports.profi_rows import FRESHSALES, PIPEDRIVE, Size, chance, day, in_both
from sample_exports.profi_sessions import Guests
from sample_exports.promio_rows import Row, Verdict

COLUMNS = (
    "client_id", "first_name", "last_name", "email", "phone", "street", "city", "postcode", "country",
    "company_name", "job_title",
    "linkedin", "instagram", "coach_email", "created_at", "status", "tags", "referral_source", "coaching_focus_area",
    "membership_start_date", "Sessions Goal", "Birthday", "Preferred Channel", "Languages", "Dietary Notes",
)  # fmt: skip
ORGANISATIONS = ("org_id", "name", "domain", "industry", "parent_name", "primary_contact_email")
STREETS = ("Lindenallee", "Hafenstraße", "Am Markt", "Rosenweg", "Gartenstraße", "Schulgasse", "Uferpromenade")
TITLES = ("Head of Product", "Teamleiterin", "Founder", "HR Partner", "Consultant", "Engineer", "CFO", "")
TAGS = ("vip", "alumni", "referred", "newsletter", "pro bono", "2026")
REFERRALS = ("Website", "Recommendation", "LinkedIn", "Podcast", "Event")
FOCUS = ("Leadership", "Career", "Wellbeing", "Communication", "Founding")
CHANNELS = ("E-mail", "Phone", "WhatsApp")
LANGUAGES = ("German", "English", "French", "Turkish")
STATUSES = ("active", "active", "active", "paused", "archived")
INDUSTRIES: Mapping[str, Mapping[str, str]] = {
    FRESHSALES: {
        "Software": "Software",
        "Health Care": "Healthcare",
        "Finance": "Finance",
        "Education": "Education",
        "Craft": "",
    },
    PIPEDRIVE: {"Software": "", "Health Care": "Health care", "Finance": "Finance", "Education": "Education", "Craft": ""},
}
"""Industries of the export, and the option of the account that somebody who knows chooses, if there is one."""


@dataclass(frozen=True)
class Listed:
    """A company of organisations.csv."""

    n: int
    company: Company
    parent: str = ""
    dirt: tuple[tuple[str, str], ...] = ()
    cut: str = ""  # why the link to its parent is not made

    @property
    def id(self) -> str:
        """The number of the organisation at Profi."""
        return f"OR-{501 + self.n}"


def list_organisations(rng: Random, size: Size, clients: Sequence[Client], spare: Sequence[Company]) -> list[Listed]:
    """Most companies that clients name, a holding of three levels, a circle, and parents that are not there."""
    named = list(dict.fromkeys(client.company for client in clients if client.company and client.kind != "deleted"))
    sound_alike = clients[3].company
    room = min(size.organisations - len(spare), round(len(named) * 0.6))
    chosen = [company for company in named if company != sound_alike][:room]
    listed = [Listed(n, company) for n, company in enumerate([*spare, *chosen])]
    top, middle, low, one, other, own, lone, mail = listed[:8]
    listed[:8] = [
        top,
        replace(middle, parent=top.company.name),
        replace(low, parent=middle.company.name),
        replace(one, parent=other.company.name, dirt=(("parent_name", "parent_cycle"),)),
        replace(other, parent=one.company.name, dirt=(("parent_name", "parent_cycle"),), cut="parent_cycle"),
        replace(own, parent=own.company.name, dirt=(("parent_name", "own_parent"),), cut="own_parent"),
        replace(lone, parent="Nowhere Holding AG", dirt=(("parent_name", "parent_missing"),), cut="parent_missing"),
        replace(mail, company=replace(mail.company, domain="gmail.com"), dirt=(("domain", "free_mail_domain"),)),
    ]
    for place in range(8, len(listed)):
        if chance(rng, 0.25):
            listed[place] = replace(listed[place], parent=top.company.name)
    return listed


def organisation_rows(rng: Random, listed: Sequence[Listed], clients: Sequence[Client]) -> list[Row]:
    """The rows of organisations.csv."""
    names = {each.company.name: each.id for each in listed}
    rows = []
    for each in listed:
        contact = next((c.email.strip() for c in clients if c.company == each.company and c.kind == "plain"), "")
        industry = rng.choice(list(INDUSTRIES[FRESHSALES]))
        cells = {
            "org_id": each.id, "name": each.company.name, "domain": each.company.domain, "industry": industry,
            "parent_name": each.parent, "primary_contact_email": contact,
        }  # fmt: skip
        values = {"name": each.company.name}
        parent = "" if each.cut else names.get(each.parent, "")
        account = {**values, "parent_sales_account": f"organisations/{parent}"} if parent else values
        verdict = Verdict("loaded", "", f"organisations/{each.id}")
        aside = ((f"{FRESHSALES}/organisations", "", each.cut),) if each.cut else ()
        found = {f"{FRESHSALES}/organisations": account, f"{PIPEDRIVE}/organisations": values}
        rows.append(Row(each.id, cells, in_both("organisations", verdict), found, each.dirt, aside))
    return rows


# ---------------------------------------------------------------- clients


class ClientWriter:
    """Writes clients with what is wrong about them, and remembers where their addresses lead."""

    def __init__(self, rng: Random, clients: Sequence[Client], listed: Sequence[Listed]) -> None:
        self.rng = rng
        self.clients = {client.n: client for client in clients}
        self.listed = {(each.company.core, each.company.form): f"organisations/{each.id}" for each in listed}
        self.known: dict[tuple[str, str], str] = {}

    def rows(self) -> list[Row]:
        """One row a client, deleted ones left out."""
        return [self._row(client) for client in self.clients.values() if client.kind != "deleted"]

    def guests(self) -> Guests:
        """Where the addresses lead."""
        records, shared = dict[str, str](), set[str]()
        for client in self.clients.values():
            key, record = client.email.strip().casefold(), self._record(client)
            if not key or not record:
                continue
            if records.setdefault(key, record) != record:
                shared.add(key)
        return Guests(records, frozenset(shared))

    def _record(self, client: Client) -> str:
        if client.kind in ("nameless", "short", "long", "deleted"):
            return ""
        return f"clients/{self.clients[client.same_as].id if client.same_as >= 0 else client.id}"

    def _row(self, client: Client) -> Row:
        cells = self._cells(client)
        dirt = self._spoilt(client, cells)
        if client.kind in ("short", "long"):
            why = Verdict("rejected", "too_few_cells" if client.kind == "short" else "too_many_cells")
            ends = {**in_both("clients", why), **in_both("companies", why)}
            surplus = "left over" if client.kind == "long" else ""
            short = 3 if client.kind == "short" else 0
            return Row(client.id, cells, ends, dirt=(("", why.reason),), surplus=surplus, missing=short)
        person, twins = self._person(client)
        employer, into = self._employer(client)
        if into is not None:
            twins |= in_both_text("companies", into)
        shared = client.kind == "couple"
        aside = ((f"{FRESHSALES}/clients", "email", "taken_by_another_record"),) if shared else ()
        return Row(
            client.id,
            cells,
            {**in_both("companies", employer), **in_both("clients", person)},
            self._values(client, cells, employer.record) if person.bucket == "loaded" else {},
            tuple(dirt),
            aside,
            record=person.record,
            phone=client.e164,
            when=client.created,
            twins=twins,
        )

    def _person(self, client: Client) -> tuple[Verdict, dict[str, str]]:
        record = self._record(client)
        if client.kind == "nameless":
            return Verdict("rejected", "required_field_empty"), {}
        if client.same_as >= 0:
            return Verdict("merged", "same_person", record), in_both_text("clients", record)
        apart = in_both_text("clients", "") if client.kind in ("couple", "namesake") else {}
        return Verdict("loaded", "", record), apart

    def _employer(self, client: Client) -> tuple[Verdict, str | None]:
        """Where the company of the client ends, and the record that somebody has to name for it."""
        if client.company is None:
            return Verdict("excluded", "no_company"), None
        key = (client.company.core, client.company.form)
        if listed := self.listed.get(key):
            if client.spelling == client.company.name:
                return Verdict("merged", "listed_organisation", listed), None
            return Verdict("merged", "same_company", listed), listed
        if known := self.known.get(key):
            return Verdict("merged", "same_company", known), known
        self.known[key] = f"companies/{client.id}"
        alike = any(core == client.company.core for core, _ in [*self.listed, *list(self.known)[:-1]])
        return Verdict("loaded", "", self.known[key]), "" if alike else None

    # ------------------------------------------------------------ cells

    def _cells(self, client: Client) -> dict[str, str]:
        rng, city = self.rng, CITIES[client.city]
        joined = client.created + timedelta(days=rng.randint(0, 20))
        offset = client.created.replace(tzinfo=timezone(timedelta(hours=1)))
        invited = client.kind == "invited"
        return {
            "client_id": client.id,
            "first_name": client.first,
            "last_name": client.last,
            "email": client.email,
            "phone": _phone_text(rng, client.phone),
            "street": "" if invited else f"{rng.choice(STREETS)} {rng.randint(1, 140)}",
            "city": "" if invited else city[0].replace("Mobil", "Potsdam"),
            "postcode": "" if invited else f"{city[1]}{rng.randint(1, 998):03d}",
            "country": "" if invited else rng.choice((city[2], "Germany")),
            "company_name": client.spelling,
            "job_title": "" if invited else rng.choice(TITLES),
            "linkedin": f"https://www.linkedin.com/in/{client.first.lower()}-{client.n}"
            if client.first and chance(rng, 0.4)
            else "",
            "instagram": f"@{client.last.lower()}{client.n}" if client.last and chance(rng, 0.2) else "",
            "coach_email": "; ".join(coach_email(name) for name in client.coaches),
            "created_at": offset.isoformat(),
            "status": "invited" if invited else rng.choice(STATUSES),
            "tags": ", ".join(rng.sample(TAGS, rng.choice((0, 0, 1, 2)))),
            "referral_source": rng.choice((*REFERRALS, "")),
            "coaching_focus_area": "; ".join(rng.sample(FOCUS, rng.choice((0, 1, 2)))),
            "membership_start_date": day(joined.date()) if chance(rng, 0.6) else "",
            "Sessions Goal": str(rng.randint(3, 24)) if chance(rng, 0.5) else "",
            "Birthday": f"{rng.randint(1962, 2001)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
            if chance(rng, 0.4)
            else "",
            "Preferred Channel": rng.choice((*CHANNELS, "")),
            "Languages": "; ".join(rng.sample(LANGUAGES, rng.choice((1, 1, 2)))),
            "Dietary Notes": rng.choice(("", "", "vegan", "no nuts")),
        }

    def _spoilt(self, client: Client, cells: dict[str, str]) -> list[tuple[str, str]]:
        """Small things that are wrong here and there, and what the kind of the client says."""
        kinds = {
            "twice": ("email", "same_person"), "twice_by_phone": ("phone", "same_person"), "couple": ("email", "shared_email"),
            "namesake": ("last_name", "same_name"), "invited": ("last_name", "email_only"),
            "nameless": ("last_name", "name_missing"),
        }  # fmt: skip
        dirt = [kinds[client.kind]] if client.kind in kinds else []
        if len(client.coaches) > 1:
            dirt.append(("coach_email", "several_coaches"))
        if client.company and client.spelling != client.company.name:
            dirt.append(("company_name", "company_spelling"))
        if client.kind == "plain":
            dirt += _planted(client.n, cells)
        return dirt

    def _values(self, client: Client, cells: Mapping[str, str], company: str) -> dict[str, dict[str, str]]:
        person = {"first_name": cells["first_name"], "last_name": client.last, "emails": client.email.strip().lower()}
        if any(not name.isascii() or not name.isalpha() for name in (client.first, client.last)) or client.kind != "plain":
            person = {"emails": person["emails"]}
        if cells["Preferred Channel"]:
            person["preferred_channel__c"] = cells["Preferred Channel"]
        link = {"organization": company} if company else {}
        account = {"sales_accounts": company} if company else {}
        contact = {**person, **account}
        if client.kind == "couple":
            contact.pop("emails")
        return {f"{FRESHSALES}/clients": contact, f"{PIPEDRIVE}/clients": {**person, **link}}


def in_both_text(feed: str, record: str) -> dict[str, str]:
    """The record that somebody names for a row of a feed that both routes have."""
    return {f"{FRESHSALES}/{feed}": record, f"{PIPEDRIVE}/{feed}": record}


def _planted(n: int, cells: dict[str, str]) -> list[tuple[str, str]]:
    """Dirt that comes round every few rows."""
    if n % 17 == 4:
        cells["first_name"] += " 🌿"
        return [("first_name", "name_emoji")]
    if n % 19 == 5:
        cells["linkedin"] = "@" + cells["last_name"].lower()
        return [("linkedin", "handle_instead_of_url")]
    if n % 23 == 6:
        cells["job_title"] = '=HYPERLINK("https://evil.example","CEO")'
        return [("job_title", "formula_like")]
    if n % 29 == 7:
        cells["Dietary Notes"] = "no gluten\nasks for tea, not coffee"
        return [("Dietary Notes", "quoted_newline")]
    if n % 31 == 8:
        cells["company_name"] += "\u00a0" if cells["company_name"] else ""
        return [("company_name", "no_break_space")] if cells["company_name"] else []
    return []


def _phone_text(rng: Random, phone: str) -> str:
    if not phone:
        return ""
    area, _, line = phone.partition(" ")
    forms = (f"{area} {line}", f"+49 {area[1:]} {line}", f"0049 {area[1:]} {line}", f"({area}) {line[:5]}-{line[5:]}")
    return rng.choice(forms)
