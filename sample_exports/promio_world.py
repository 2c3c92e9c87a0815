"""The whole of Bright Roof Services at Promio: every table of the main delivery and of the delta after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from sample_exports.promio_calls import Call, CallDrawer, CallWriter
from sample_exports.promio_campaigns import (
    Campaign,
    asset_rows,
    campaign_rows,
    draft_campaigns,
    performance_rows,
)
from sample_exports.promio_customers import FIRST_NUMBER, LIFECYCLES, CustomerWriter, Draft, draft_customers
from sample_exports.promio_leads import (
    FIRST_NUMBER as FIRST_LEAD,
)
from sample_exports.promio_leads import (
    LeadDraft,
    LeadWriter,
    draft_leads,
    link_customers,
    number_leads,
)
from sample_exports.promio_owners import owner_rows
from sample_exports.promio_people import Roster, phone_text
from sample_exports.promio_reputation import reputation_rows
from sample_exports.promio_rows import DELTA_ENDS, MAIN_ENDS, SIZES, Row, Size, share


@dataclass(frozen=True)
class Tables:
    """The rows of each table, in the order of the files."""

    leads: list[Row]
    customers: list[Row]
    campaigns: list[Row]
    performance: list[Row]
    reputation: list[Row]
    calls: list[Row]
    owners: list[Row]
    assets: list[Row]


@dataclass(frozen=True)
class Change:
    """One field of one record that the delta gives a new value; ``old`` is empty for a record that is new."""

    record: str
    field: str
    old: str
    new: str


@dataclass(frozen=True)
class World:
    """Two deliveries and what happened between them."""

    main: Tables
    delta: Tables
    changes: list[Change]


def generate(out: Path, *, size: str, seed: int) -> int:
    """Write the three deliveries, the request and expected/ into a folder; the number of data rows comes back."""
    # These modules write what this one makes, so they know it, and not the other way round.
    from sample_exports.promio_deliveries import write_deliveries
    from sample_exports.promio_truth import write_truth

    world = make_world(SIZES[size], seed)
    placed, gaps = write_deliveries(out, world, SIZES[size])
    write_truth(out / "expected", placed, gaps, world)
    return len(placed)


def make_world(size: Size, seed: int) -> World:
    """Everything, from one seed."""
    roster = Roster(seed)
    tracking = [roster.phone() for _ in range(6)]
    strangers = [roster.phone() for _ in range(share(size.calls, 0.03, least=10))]
    campaigns = draft_campaigns(roster.rng, size)
    main = _main(roster, size, campaigns, tracking, [f"+1{phone}" for phone in strangers])
    delta, changes = _delta(roster, size, main, campaigns, tracking, [f"+1{phone}" for phone in strangers])
    return World(main, delta, changes)


def _main(
    roster: Roster, size: Size, campaigns: Sequence[Campaign], tracking: Sequence[str], strangers: Sequence[str]
) -> Tables:
    rng, names = roster.rng, [campaign.name for campaign in campaigns]
    drafts = draft_customers(roster, size.customers)
    lead_drafts = draft_leads(roster, size, drafts)
    numbers = number_leads(lead_drafts)
    customers = CustomerWriter(rng, drafts, link_customers(rng, drafts, lead_drafts, numbers)).rows()
    records = {draft.n: row.record for draft, row in zip(drafts, customers, strict=True)}
    leads = LeadWriter(rng, names, records, tracking).rows(lead_drafts, numbers)
    calls = CallDrawer(rng, customers, leads, strangers).draw(size.calls)
    return Tables(
        leads=leads,
        customers=customers,
        campaigns=campaign_rows(rng, campaigns, customers),
        performance=performance_rows(rng, campaigns, size.performance),
        reputation=reputation_rows(rng, customers, size),
        calls=CallWriter(rng, names, tracking).rows(calls, first_number=1),
        owners=owner_rows(),
        assets=asset_rows(rng, names, size.assets),
    )


def _delta(
    roster: Roster, size: Size, main: Tables, campaigns: Sequence[Campaign], tracking: Sequence[str], strangers: Sequence[str]
) -> tuple[Tables, list[Change]]:
    """All customers again, some of them changed and without the prefix of their number; else only what is new."""
    rng, names = roster.rng, [campaign.name for campaign in campaigns]
    changed, changes = _changed_customers(roster, main.customers)
    new = _new_customers(roster, size, main)
    customers = [_without_prefix(row) for row in [*changed, *new]]
    leads = _new_leads(roster, size, main, names, tracking)
    start = MAIN_ENDS + timedelta(hours=15)
    calls: list[Call] = CallDrawer(rng, customers, leads, strangers).draw_later(size.new * 4, first=start, last=DELTA_ENDS)
    rows = CallWriter(rng, names, tracking).rows(calls, first_number=size.calls + 1)
    changes += [Change(f"contacts/{row.key}", "", "", "created") for row in new]
    changes += [Change(row.record, "", "", "created") for row in leads if row.verdicts["leads"].bucket == "loaded"]
    return Tables(leads, customers, [], [], [], rows, [], []), changes


def _without_prefix(row: Row) -> Row:
    return replace(row, cells={**row.cells, "Customer ID": row.key.removeprefix("C-")})


def _changed_customers(roster: Roster, customers: Sequence[Row]) -> tuple[list[Row], list[Change]]:
    """The rows of the first delivery with about one in twenty changed, none on which another row depends."""
    rng = roster.rng
    counts = Counter(row.key for row in customers)
    leaned_on = {record for row in customers for record in row.twins.values()}
    free = [
        i for i, row in enumerate(customers)
        if row.record and not row.twins and counts[row.key] == 1
        and leaned_on.isdisjoint({row.record, f"accounts/{row.key}"}) and row.phone and row.cells["Lifetime Value"]
    ]  # fmt: skip
    rows, changes = list(customers), list[Change]()
    for position, i in enumerate(sorted(rng.sample(free, share(len(customers), 0.05, least=6)))):
        rows[i], made = _changed(roster, rows[i], position % 4)
        changes += made
    return rows, changes


def _changed(roster: Roster, row: Row, kind: int) -> tuple[Row, list[Change]]:
    cells, values, phone = dict(row.cells), {feed: dict(fields) for feed, fields in row.values.items()}, row.phone
    contact, changes = values["contacts"], list[Change]()
    if kind in (0, 3):
        cells["Lifecycle"] = next(word for word in LIFECYCLES[::-1] if word != contact.get("lifecycle_segment__c"))
        changes.append(
            Change(row.record, "lifecycle_segment__c", contact.get("lifecycle_segment__c", ""), str(cells["Lifecycle"]))
        )
        contact["lifecycle_segment__c"] = str(cells["Lifecycle"])
    if kind in (1, 3):
        digits = roster.phone()
        cells["Phone"], phone = phone_text(digits, roster.rng.randrange(5)), f"+1{digits}"
        changes.append(Change(row.record, "mobile_number", row.phone, phone))
        contact["mobile_number"] = phone
        if "accounts" in values:
            changes.append(Change(row.verdicts["accounts"].record, "phone", row.phone, phone))
            values["accounts"]["phone"] = phone
    if kind == 2:
        old = float(str(cells["Lifetime Value"]).replace("$", "").replace(",", ""))
        new = old + roster.rng.randint(5, 80) * 100
        cells["Lifetime Value"] = f"${new:,.2f}"
        changes.append(Change(row.record, "lifetime_value__c", f"{old:.2f}", f"{new:.2f}"))
    return replace(row, cells=cells, values=values, phone=phone), changes


def _new_customers(roster: Roster, size: Size, main: Tables) -> list[Row]:
    """New customers; two of them are leads of the first delivery who have signed since."""
    drafts = []
    for n in range(size.new):
        company = roster.company() if n % 3 == 2 else None
        person = roster.person(domain=company.domain if company else "")
        created = MAIN_ENDS + timedelta(days=1 + n * 11 // size.new, minutes=n)
        drafts.append(Draft(n, "firm" if company else "home", person, created, company))
    signed = [row for row in main.leads if row.verdicts["leads"].bucket == "loaded"][-2:]
    links = {n: (row.key, "lead_signed_since") for n, row in enumerate(signed)}
    first = FIRST_NUMBER + len({row.key for row in main.customers})
    return CustomerWriter(roster.rng, drafts, links, first_number=first).rows()


def _new_leads(roster: Roster, size: Size, main: Tables, names: Sequence[str], tracking: Sequence[str]) -> list[Row]:
    """New leads; one of them has the e-mail address of a customer."""
    couples = {row.cells["Email"] for row in main.customers if any(column == "Email" for _, column, _ in row.aside)}
    known = next(
        row for row in main.customers
        if "emails" in row.values.get("contacts", {}) and not row.twins and row.cells["Email"] not in couples
    )  # fmt: skip
    drafts = []
    for n in range(size.new * 2):
        person = roster.person()
        created = MAIN_ENDS + timedelta(days=1 + n * 12 // (size.new * 2), minutes=7 * n)
        drafts.append(LeadDraft(n, "plain", person, created))
    person = replace(drafts[3].person, email=known.values["contacts"]["emails"])
    customer = Draft(0, "home", person, known.when or MAIN_ENDS)
    drafts[3] = replace(drafts[3], kind="same_email", person=person, customer=customer, related=True)
    numbers = number_leads(drafts, first=FIRST_LEAD + len(main.leads))
    return LeadWriter(roster.rng, names, {0: known.record}, tracking).rows(drafts, numbers, deleted=0)
