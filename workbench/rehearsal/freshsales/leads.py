"""Converting a Freshsales Classic lead: its person, its company and its deal become records of their own."""

from __future__ import annotations

from workbench.rehearsal.engine import Json, Record
from workbench.rehearsal.freshsales.drafts import KINDS
from workbench.rehearsal.freshsales.records import Records

PERSON = KINDS["leads"].text & KINDS["contacts"].text
SHARED = ("owner_id", "lead_source_id", "campaign_id", "territory_id", "tags")


def convert(records: Records, lead: Record, given: Json, now: float) -> Record:
    """The contact that the lead became; the lead itself is gone for good."""
    body = lead.body
    person: Json = {key: body[key] for key in (*sorted(PERSON), *SHARED) if key in body}
    person["emails"] = [{"value": row["value"], "is_primary": row["is_primary"]} for row in body.get("emails", [])]
    company = given.get("company") or body.get("company") or {}
    if company.get("name"):
        person["sales_account"] = company
    records.forget("leads", lead.id, now=now)
    contact = records.create("contacts", person, now=now, by_upsert=True)
    deal = given.get("deal") or body.get("deal") or {}
    if deal.get("name"):
        accounts = contact.body.get("sales_accounts", [])
        links: Json = {"contacts_added_list": [contact.id]}
        if accounts:
            links["sales_account_id"] = accounts[0]["id"]
        records.create("deals", {"amount": 0, **deal, **links}, now=now)
    return contact
