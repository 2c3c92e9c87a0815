"""Customers of the sample: who they are to each other, and how their rows come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from sample_exports import promio_custom
from sample_exports.promio_owners import draw_owner, user_of
from sample_exports.promio_people import Company, Person, Roster, email_variant, misspelt, phone_text, scientific
from sample_exports.promio_rows import FIRST_DAY, MAIN_ENDS, Row, Verdict, clock, share, us_day

COLUMNS = (
    "Customer ID", "Customer Name", "Business", "Company", "Email", "Phone", "Street", "City", "State", "Zip",
    "Website", "Lifecycle", "First Job", "Last Job", "Lifetime Value", "Owner", "Source Lead ID", "Created",
    "Membership Tier", "Pets on Site", "Warranty Ends", "Gate Code",
)  # fmt: skip
FIRST_NUMBER = 1001
LIFECYCLES = ("New", "Active", "At-Risk", "Lapsed", "Lost")
LIFECYCLE_SPELLINGS = {"At Risk": "At-Risk", "at-risk": "At-Risk", "AtRisk": "At-Risk", "Churned": "Lost"}
MERGING = ("repeat", "same_key", "twin_email", "twin_phone")
ODD_NAMES = (
    ("Zoë Núñez", "name_accents_nfc"),
    ("Zoe\u0301 Mu\u0308ller", "name_accents_nfd"),
    ("王小明", "name_cjk"),
    ("佐藤 花子", "name_cjk"),
    ("Sunny Diaz ☀️", "name_emoji"),
    ("🏠 Mia Roofer", "name_emoji"),
    ("נועה לוי", "name_right_to_left"),
    ("Mar\u200bia Delgado", "zero_width_space"),
    ("Ana\u00a0Lopes", "no_break_space"),
    ("Hugh Beck\u00a0", "no_break_space"),
    ("Noah Rivers  ", "trailing_space"),
)


@dataclass(frozen=True, eq=False)
class Draft:
    """A customer before it has a number."""

    n: int
    kind: str  # home, firm, sole, member, rival, partner, namesake, roommate, test, odd, two_mails, or one of MERGING
    person: Person
    created: datetime
    company: Company | None = None
    of: Draft | None = None
    spelling: int = 0
    no_email: bool = False
    related: bool = False  # another row depends on its e-mail, phone or name

    @property
    def business(self) -> bool:
        """Whether the row says that the customer is a business."""
        return self.company is not None or self.kind == "sole"


def draft_customers(roster: Roster, total: int) -> list[Draft]:
    """The customers in the order of the file, those that merge into another one behind it."""
    rng, add = roster.rng, _Adder(roster.rng)
    _add_kin(add, roster, total)
    _add_firms(add, roster, total)
    for _ in range(share(total, 0.003, least=1)):
        add("test", roster.person())
    for _ in range(len(ODD_NAMES)):
        add("odd", roster.person())
    for _ in range(share(total, 0.03, least=3)):
        add("sole", roster.person())
    for _ in range(share(total, 0.003, least=1)):
        add("two_mails", roster.person())
    while len(add.drafts) < total:
        if rng.random() < 0.16:
            company = roster.company()
            add("firm", roster.person(domain=company.domain), company=company)
        else:
            add("home", roster.person())
    return sorted(_settled(rng, add.drafts), key=lambda draft: (draft.created, draft.n))


class _Adder:
    """Collects drafts, each with a number of its own and a day that lies behind the row it depends on."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.drafts: list[Draft] = []

    def __call__(
        self, kind: str, person: Person, *, after: Draft | None = None, company: Company | None = None, spelling: int = 0
    ) -> Draft:
        last = MAIN_ENDS - timedelta(days=40)
        created = _later(self._rng, after.created) if after else _moment(self._rng, FIRST_DAY, last)
        draft = Draft(len(self.drafts), kind, person, created, company, after, spelling=spelling)
        self.drafts.append(draft)
        return draft


def _moment(rng: Random, first: datetime, last: datetime) -> datetime:
    days = rng.randrange((last - first).days + 1)
    return datetime(first.year, first.month, first.day, rng.randint(8, 18), rng.randint(0, 59)) + timedelta(days=days)


def _later(rng: Random, after: datetime) -> datetime:
    return min(_moment(rng, after + timedelta(days=1), MAIN_ENDS - timedelta(days=2)), MAIN_ENDS - timedelta(hours=2))


def _add_kin(add: _Adder, roster: Roster, total: int) -> None:
    """Households with a second row: the same person again, and people who are easily taken for one."""
    for kind, rate, least in (("twin_email", 0.02, 3), ("twin_phone", 0.01, 3)):
        for _ in range(share(total, rate, least=least)):
            first = add("home", roster.person())
            add(kind, first.person, after=first)
    for kind, rate in (("repeat", 0.003), ("same_key", 0.003)):
        for position in range(share(total, rate, least=2)):
            company = roster.company() if position % 2 else None
            first = add("firm" if company else "home", roster.person(), company=company)
            again = first.person if kind == "repeat" else replace(first.person, phone=roster.phone())
            add(kind, again, after=first, company=company)
    for _ in range(share(total, 0.01, least=2)):
        first = add("home", roster.person())
        add("partner", roster.partner(first.person), after=first)
    for _ in range(share(total, 0.003, least=1)):
        first = add("home", roster.person())
        add("namesake", roster.namesake(first.person), after=first)
    for _ in range(share(total, 0.003, least=1)):
        first = add("home", roster.person())
        add("roommate", replace(roster.person(), phone=first.person.phone), after=first)


def _add_firms(add: _Adder, roster: Roster, total: int) -> None:
    """Companies that several rows spell differently, and pairs of companies of nearly one name."""
    for position in range(share(total, 120 / 3310, least=4)):
        company = roster.company()
        head = add("firm", roster.person(domain=company.domain), company=company)
        for spelling in range(1, 2 + position % 3):
            add("member", roster.person(domain=company.domain), after=head, company=company, spelling=spelling)
    for _ in range(share(total, 0.003, least=1)):
        company = roster.company()
        head = add("firm", roster.person(domain=company.domain), company=company)
        rival = roster.sound_alike(company)
        person = roster.person(domain=rival.domain)
        while person.city == head.person.city:
            person = roster.person(domain=rival.domain)
        add("rival", person, after=head, company=rival)


def _settled(rng: Random, drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts with what their relations demand of both sides."""
    first = {draft.of.n for draft in drafts if draft.of is not None}
    blank = {}
    for draft in drafts:
        if draft.kind == "twin_phone" and draft.of is not None:
            blank[(draft if rng.random() < 0.5 else draft.of).n] = True
    settled: dict[int, Draft] = {}
    for draft in drafts:
        of = settled[draft.of.n] if draft.of is not None else None
        related = draft.n in first or (draft.of is not None)
        spare = not related and draft.kind != "two_mails"
        no_email = blank.get(draft.n, spare and rng.random() < 0.1)
        settled[draft.n] = replace(draft, of=of, related=related, no_email=no_email)
    return list(settled.values())


class CustomerWriter:
    """Turns drafts into rows, in the order of the file; rows that repeat another one come behind it."""

    def __init__(
        self, rng: Random, drafts: Sequence[Draft], links: Mapping[int, tuple[str, str]], *, first_number: int = FIRST_NUMBER
    ) -> None:
        self._rng, self._drafts, self._links = rng, drafts, links
        self._rows: dict[int, Row] = {}
        self._odd = iter(ODD_NAMES)
        self._numbers = _numbers(drafts, first_number)
        soles = [draft.n for draft in drafts if draft.kind == "firm" and not draft.related]
        self._at_home = soles[0] if soles else -1

    def rows(self) -> list[Row]:
        """All rows, in order."""
        for draft in self._drafts:
            copied = draft.kind in ("repeat", "same_key")
            self._rows[draft.n] = self._copy(draft) if copied else self._row(draft)
        return [self._rows[draft.n] for draft in self._drafts]

    def _copy(self, draft: Draft) -> Row:
        assert draft.of is not None
        first = self._rows[draft.of.n]
        cells, dirt, phone = dict(first.cells), list(first.dirt), first.phone
        if draft.kind == "repeat":
            cells["Customer ID"] = first.key.removeprefix("C-")
            dirt.append(("Customer ID", "id_without_prefix"))
        else:
            cells["Phone"], phone = phone_text(draft.person.phone, self._rng.randrange(5)), draft.person.e164
            cells["Lifecycle"] = next(word for word in LIFECYCLES if word != cells["Lifecycle"])
        reason = "repeated_row" if draft.kind == "repeat" else "same_key"
        account = Verdict("merged", reason, f"accounts/{first.key}") if draft.business else _no_business()
        return replace(
            first,
            cells=cells,
            phone=phone,
            values={},
            dirt=(*dirt, ("Customer ID", reason)),
            verdicts={"accounts": account, "contacts": Verdict("merged", reason, first.record)},
            twins={"contacts": first.record, **({"accounts": f"accounts/{first.key}"} if draft.business else {})},
        )

    def _row(self, draft: Draft) -> Row:
        rng, number = self._rng, self._numbers[draft.n]
        cells: dict[str, str] = dict.fromkeys(COLUMNS, "")
        dirt: list[tuple[str, str]] = []
        cells["Customer ID"], cells["Created"] = number, clock(draft.created)
        plain_name = self._name(draft, cells, dirt)
        phone = self._phone(draft, cells, dirt)
        email = self._email(draft, cells, dirt)
        self._place(draft, cells, dirt)
        self._history(draft, cells, dirt)
        cells["Owner"], odd = draw_owner(rng, blank=0.06, odd=0.1)
        dirt += [("Owner", odd)] if odd else []
        self._source(draft, cells, dirt)
        dirt += promio_custom.customer_cells(rng, cells, draft.created)
        aside = self._aside(draft, cells)
        verdicts, twins = self._verdicts(draft, number)
        taken = {column for _, column, _ in aside}
        values = self._values(draft, cells, number, plain=plain_name, phone=phone, email="" if "Email" in taken else email)
        return Row(
            key=number, cells=cells, verdicts=verdicts, values=values, dirt=tuple(dirt), aside=aside, twins=twins,
            phone=phone, when=draft.created, record=verdicts["contacts"].record,
        )  # fmt: skip

    def _name(self, draft: Draft, cells: dict[str, str], dirt: list[tuple[str, str]]) -> bool:
        rng, person, company = self._rng, draft.person, draft.company
        cells["Customer Name"] = person.name
        kin = {"namesake": "same_name", "twin_email": "same_person", "twin_phone": "same_person"}
        dirt += [("Customer Name", kin[draft.kind])] if draft.kind in kin else []
        if draft.kind == "test":
            cells["Customer Name"] = rng.choice(("test test", "Test Test", "TEST"))
            dirt.append(("Customer Name", "test_row"))
            return False
        if draft.kind == "odd":
            cells["Customer Name"], kind = next(self._odd)
            dirt.append(("Customer Name", kind))
            return kind in ("no_break_space", "trailing_space")
        if draft.kind == "twin_email" and rng.random() < 0.5:
            cells["Customer Name"] = f"{person.first} {misspelt(rng, person.last)}"
        if draft.kind == "sole":
            cells["Business"] = "Y"
            dirt.append(("Company", "business_named_as_person"))
        if company is None:
            cells["Business"] = cells["Business"] or rng.choice(("N", "N", ""))
            return True
        cells["Company"] = company.spellings()[draft.spelling]
        if draft.n == self._at_home:
            cells["Company"] = f"@Home {company.name}"
            dirt.append(("Company", "formula_like"))
        cells["Business"] = rng.choice(("Y", "Y", "Y", "Yes", ""))
        dirt += [] if cells["Business"] else [("Business", "company_without_flag")]
        dirt += [("Company", "company_spelling")] if draft.kind == "member" else []
        if not draft.related and rng.random() < 0.25:
            cells["Customer Name"] = cells["Company"]
            return False
        return True

    def _phone(self, draft: Draft, cells: dict[str, str], dirt: list[tuple[str, str]]) -> str:
        luck = 1.0 if draft.related else self._rng.random()
        if luck < 0.02:
            cells["Phone"] = scientific(draft.person.phone)
            dirt.append(("Phone", "phone_scientific"))
            return ""
        if luck < 0.08:
            cells["Phone"] = self._rng.choice(("", "", "n/a", "-"))
            dirt += [("Phone", "placeholder")] if cells["Phone"] else []
            return ""
        form = self._rng.randrange(5)
        if draft.kind == "twin_phone" and draft.of is not None:
            form = 4 if str(self._rows[draft.of.n].cells["Phone"])[:2] != "+1" else 1
        cells["Phone"] = phone_text(draft.person.phone, form)
        dirt += [("Phone", "shared_phone")] if draft.kind == "roommate" else []
        return draft.person.e164

    def _email(self, draft: Draft, cells: dict[str, str], dirt: list[tuple[str, str]]) -> str:
        person = draft.person
        if draft.no_email or draft.kind == "test":
            return ""
        cells["Email"] = email_variant(self._rng, person.email) if draft.kind == "twin_email" else person.email
        if draft.kind == "two_mails":
            cells["Email"] = f"{person.email}; {person.first.lower()}@home.test"
            dirt.append(("Email", "two_emails"))
            return ""
        dirt += [("Email", "shared_email")] if draft.kind == "partner" else []
        return person.email

    def _place(self, draft: Draft, cells: dict[str, str], dirt: list[tuple[str, str]]) -> None:
        rng, person, company = self._rng, draft.person, draft.company
        cells["City"], cells["State"], cells["Zip"] = person.city, person.state, person.zip
        cells["Street"] = person.street if rng.random() < 0.95 else f"{person.street}, Apt {rng.randint(1, 9)}"
        if person.zip.startswith("0") and rng.random() < 0.08:
            cells["Zip"] = person.zip[1:]
            dirt.append(("Zip", "leading_zero_lost"))
        if company is None:
            return
        shared = draft.kind == "firm" and not draft.related and rng.random() < 0.15
        cells["Website"] = _website(rng, company, social=shared)
        dirt += [("Website", "website_social")] if shared else []
        dirt += [("Website", "website_with_path")] if cells["Website"].endswith("/contact") else []

    def _history(self, draft: Draft, cells: dict[str, str], dirt: list[tuple[str, str]]) -> None:
        rng = self._rng
        luck = rng.random()
        cells["Lifecycle"] = rng.choice(LIFECYCLES) if luck < 0.88 else rng.choice(list(LIFECYCLE_SPELLINGS))
        if luck > 0.95:
            cells["Lifecycle"] = ""
        dirt += [("Lifecycle", "lifecycle_spelling")] if cells["Lifecycle"] in LIFECYCLE_SPELLINGS else []
        first = (draft.created + timedelta(days=rng.randint(3, 30))).date()
        last = first + timedelta(days=rng.randint(0, max(1, (MAIN_ENDS.date() - first).days)))
        if rng.random() < 0.9 and last <= MAIN_ENDS.date():
            cells["First Job"], cells["Last Job"] = us_day(first), us_day(last)
            if rng.random() < 0.03:
                cells["Last Job"] = last.isoformat()
                dirt.append(("Last Job", "iso_date"))
        amount = rng.randint(180, 42_000) + rng.choice((0, 0, 0.5, 0.95))
        cells["Lifetime Value"] = rng.choice((f"${amount:,.2f}", f"{amount:.2f}", f"${amount:,.2f}", ""))

    def _source(self, draft: Draft, cells: dict[str, str], dirt: list[tuple[str, str]]) -> None:
        if draft.n in self._links:
            cells["Source Lead ID"], kind = self._links[draft.n]
            dirt += [("Source Lead ID", kind)] if kind else []

    def _aside(self, draft: Draft, cells: dict[str, str]) -> tuple[tuple[str, str, str], ...]:
        if draft.kind == "test":
            return ()
        aside = [("contacts", "Phone", "damaged_by_excel")] if "E+" in cells["Phone"] else []
        aside += [("contacts", "Email", "several_emails")] if ";" in cells["Email"] else []
        aside += [("contacts", "Email", "taken_by_another_record")] if draft.kind == "partner" else []
        if draft.business and "E+" in cells["Phone"]:
            aside.append(("accounts", "Phone", "damaged_by_excel"))
        return tuple(aside)

    def _verdicts(self, draft: Draft, number: str) -> tuple[dict[str, Verdict], dict[str, str]]:
        twins: dict[str, str] = {}
        of = self._rows[draft.of.n] if draft.of is not None else None
        account, contact = _no_business(), Verdict("loaded", "", f"contacts/{number}")
        if draft.business:
            account = Verdict("loaded", "", f"accounts/{number}")
        if draft.kind == "member" and of is not None:
            account = Verdict("merged", "same_company", of.verdicts["accounts"].record)
            twins["accounts"] = account.record
        elif draft.kind == "rival":
            twins["accounts"] = ""
        if draft.kind == "test":
            contact = Verdict("excluded", "test_row")
        elif draft.kind in MERGING and of is not None:
            contact = Verdict("merged", "same_person", of.record)
            twins["contacts"] = of.record
        elif draft.kind in ("partner", "namesake", "roommate"):
            twins["contacts"] = ""
        return {"accounts": account, "contacts": contact}, twins

    def _values(
        self, draft: Draft, cells: Mapping[str, str], number: str, *, plain: bool, phone: str, email: str
    ) -> dict[str, dict[str, str]]:
        """What the records made of this row hold, as far as it is certain."""
        owner, zipcode = user_of(cells["Owner"]), cells["Zip"]
        shared = {"promio_customer_id__c": number, "zipcode": zipcode, "owner": owner}
        verdicts, _ = self._verdicts(draft, number)
        values: dict[str, dict[str, str]] = {}
        if verdicts["accounts"].bucket == "loaded":
            name = cells["Company"] or cells["Customer Name"]
            values["accounts"] = {**shared, "name": " ".join(name.split()), "phone": phone}
        if verdicts["contacts"].bucket == "loaded":
            first, last = " ".join(cells["Customer Name"].split()).split(" ") if plain else ("", "")
            lifecycle = LIFECYCLE_SPELLINGS.get(cells["Lifecycle"], cells["Lifecycle"])
            values["contacts"] = {
                **shared, "first_name": first, "last_name": last, "emails": email, "mobile_number": phone,
                "lifecycle_segment__c": lifecycle, "sales_accounts": verdicts["accounts"].record,
            }  # fmt: skip
        return {feed: {name: value for name, value in record.items() if value} for feed, record in values.items()}


def _numbers(drafts: Sequence[Draft], first: int) -> dict[int, str]:
    numbers: dict[int, str] = {}
    for draft in drafts:
        if draft.kind not in ("repeat", "same_key"):
            numbers[draft.n] = f"C-{first + len(numbers):05d}"
    return numbers


def _no_business() -> Verdict:
    return Verdict("excluded", "not_a_business")


def _website(rng: Random, company: Company, *, social: bool) -> str:
    if social:
        return f"https://www.facebook.com/{company.domain.split('.')[0]}"
    plain = (company.domain, f"www.{company.domain}", f"https://www.{company.domain}", f"http://{company.domain}/")
    return rng.choice(plain) if rng.random() < 0.85 else f"https://{company.domain}/contact"
