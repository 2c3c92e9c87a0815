"""Records that somebody made in the tenant before: held untouched, or updated so that they can be put back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tenant import Tenant
from walk import Resume, Walk, load_main, write_decision

from workbench.rehearsal import canonical
from workbench.stages import production, rollback


@dataclass(frozen=True)
class Before:
    """What stood in the tenant: ids by what they are, and the record of ours that each of them is."""

    contact: str
    contact_key: str
    account: str
    account_key: str
    lead: str
    lead_key: str


@pytest.fixture
def before(resume: Resume, staged: Path) -> tuple[Walk, Before]:
    """A tenant with a customer, a company and a lead of ours, made by hand, each with fields that we know nothing of."""
    walk = resume(staged)
    contacts, accounts = walk.engagement.load("records/contacts"), walk.engagement.load("records/accounts")
    leads, deals = walk.engagement.load("records/leads"), walk.engagement.load("records/deals")
    free = ~contacts["key"].isin(deals["contacts"]) & contacts["sales_accounts"].isna() & contacts["emails"].notna()
    customer = contacts[free].iloc[0]
    company = accounts[accounts["key"].isin(contacts["sales_accounts"])].iloc[0]
    lead = leads[leads["emails"].notna()].iloc[5]
    own = walk.ask("POST", "sales_accounts", {"sales_account": {"name": "Their own company"}})["sales_account"]["id"]
    person = {
        "last_name": "By Hand",
        "emails": [{"value": customer["emails"].upper(), "is_primary": True}, {"value": "second@hand.example"}],
        "job_title": "Treasurer",
        "sales_accounts": [{"id": own, "is_primary": True}],
    }
    firm = {"name": company["name"].upper(), "number_of_employees": 51, "country": "Canada"}
    stages = walk.ask("GET", "selector/lifecycle_stages")["lifecycle_stages"]
    won = next(stage["id"] for stage in stages if stage["name"] == "Customer")
    suspect = {
        "last_name": "Lead By Hand",
        "lifecycle_stage_id": won,
        "emails": [lead["emails"]],
        "linkedin": "https://linkedin.example/in/x",
    }
    made = Before(
        contact=str(walk.ask("POST", "contacts", {"contact": person})["contact"]["id"]),
        contact_key=customer["key"],
        account=str(walk.ask("POST", "sales_accounts", {"sales_account": firm})["sales_account"]["id"]),
        account_key=company["key"],
        lead=str(walk.ask("POST", "contacts", {"contact": suspect})["contact"]["id"]),
        lead_key=lead["key"],
    )
    return walk, made


def test_a_record_that_is_there_already_is_held_and_stays_untouched(before: tuple[Walk, Before]) -> None:
    """PF1, PF2, PF3: the scope question was answered with hold."""
    walk, made = before
    then = walk.tenant.dump()["records"]
    result = load_main(walk.engagement)
    assert result.passed
    for feed, key in (("contacts", made.contact_key), ("accounts", made.account_key), ("leads", made.lead_key)):
        settled = walk.engagement.load(f"final/{feed}")
        settled = settled[settled["record"] == key]
        assert set(settled["bucket"]) == {"held"}
        assert set(settled["reason"]) == {"exists_already"}
    waiting = walk.engagement.load("records/contacts").query("sales_accounts == @made.account_key")["key"]
    settled = walk.engagement.load("final/contacts")
    assert set(settled.loc[settled["record"].isin(waiting), "reason"]) == {"parent_missing"}
    now = walk.tenant.dump()["records"]
    assert {kind: {n: now[kind][n] for n in rows} for kind, rows in then.items()} == then


def test_a_record_that_is_there_already_is_updated_keeps_the_rest_and_can_be_put_back(before: tuple[Walk, Before]) -> None:
    """PF1, PF2, PF3: the scope question was answered with update."""
    walk, made = before
    then, whole = walk.tenant.dump()["records"], canonical(walk.tenant.dump())
    write_decision(walk.engagement, "scope", "existing_records", "update")
    result = load_main(walk.engagement)
    assert walk.engagement.load("differences").query("`class` != 'intended'").to_dict("records") == []
    assert result.passed
    assert int(result.frame["held"].sum()) == 4  # deals, for reasons of their own
    there = Tenant(walk)
    for key, number in ((made.contact_key, made.contact), (made.account_key, made.account), (made.lead_key, made.lead)):
        assert there.find(key)[1] == number
    contact, account, lead = (
        there.records["contacts"][made.contact],
        there.records["sales_accounts"][made.account],
        there.records["contacts"][made.lead],
    )
    assert contact["last_name"] != "By Hand"
    assert contact["job_title"] == "Treasurer"
    assert "second@hand.example" in [row["value"] for row in contact["emails"]]
    assert contact["sales_accounts"] == then["contacts"][made.contact]["sales_accounts"]
    assert account["country"] == "Canada"
    assert account["phone"]
    assert lead["last_name"] != "Lead By Hand"
    assert lead["lifecycle_stage_id"] == then["contacts"][made.lead]["lifecycle_stage_id"]  # a customer is no lead again
    assert lead["linkedin"] == "https://linkedin.example/in/x"
    assert _again_nothing(walk)
    assert rollback.run(walk.engagement).done
    assert canonical(walk.tenant.dump()) == whole


@pytest.mark.parametrize("key", ["erp-77", "promio:contacts:c-99999"])
def test_a_record_that_bears_a_key_of_somebody_elses_is_held_even_then(before: tuple[Walk, Before], key: str) -> None:
    """PF2: whoever put the key there finds the record by it."""
    walk, made = before
    walk.ask("PUT", f"contacts/{made.contact}", {"contact": {"external_id": key}})
    then: Any = walk.tenant.dump()["records"]["contacts"][made.contact]
    write_decision(walk.engagement, "scope", "existing_records", "update")
    assert load_main(walk.engagement).passed
    settled = walk.engagement.load("final/contacts").query("record == @made.contact_key")
    assert set(settled["reason"]) == {"exists_already"}
    assert walk.tenant.dump()["records"]["contacts"][made.contact] == then


def _again_nothing(walk: Walk) -> bool:
    """Production once more: it passes, and nothing is written."""
    asked = walk.requests()
    return production.run(walk.engagement).passed and walk.writes(asked) == []
