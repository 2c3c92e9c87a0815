"""The last delivery of Promio against a Freshsales in which people work already: conflicts, and leads that signed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tenant import Tenant
from walk import Resume, Walk, cut_over, expected, write_decision

from workbench.decisions.contested import contested
from workbench.errors import DecisionMissing
from workbench.rehearsal import canonical
from workbench.stages import cutover, mapping, rollback

RECORD, FIELD, THEIRS, OURS = "contacts/C-01012", "mobile_number", "+16035550191", "+16175550100"
SUBJECT = "contacts/promio:contacts:c-01012.mobile_number"


@pytest.fixture
def conflicting(resume: Resume, loaded: Path) -> Walk:
    """A person has changed a number that the delta changes too, and two fields that it does not."""
    walk = resume(loaded)
    there = Tenant(walk)
    _, number, _ = there.find(RECORD)
    walk.ask("PUT", f"contacts/{number}", {"contact": {FIELD: OURS, "city": "Concord", "job_title": "Owner"}})
    return walk


def test_a_field_that_both_sides_changed_is_asked_about_and_sent_by_nobody(conflicting: Walk) -> None:
    """PF2: undecided, nothing of the delta is sent at all."""
    before = conflicting.requests()
    found = cutover.plan(conflicting.engagement)
    conflicts = found.frame[found.frame["verdict"] == "conflict"]
    assert conflicts[["field", "theirs", "ours"]].to_dict("records") == [{"field": FIELD, "theirs": THEIRS, "ours": OURS}]
    assert conflicting.engagement.decisions.missing("conflict") == [SUBJECT]
    shown = contested(conflicting.engagement.decisions.proposals("conflict")["shown"].iloc[0])
    table = conflicting.engagement.load("tables/customers")
    name = table.loc[table["Customer ID"] == "C-01012", "Customer Name"].iloc[0]
    assert shown.title == f"{name} · Mobile", "a person knows the record by its name, and the field by its label"
    with pytest.raises(DecisionMissing) as missing:
        cutover.run(conflicting.engagement)
    assert missing.value.missing == (SUBJECT,)
    assert conflicting.writes(before) == []


def test_a_value_is_shown_with_its_rows_in_each_delivery_by_itself(conflicting: Walk) -> None:
    engagement = conflicting.engagement
    proposed = mapping.propose_options(engagement)
    asked = proposed[proposed["subject"].str.startswith("contacts/Lifecycle=")]
    tables = [engagement.load("tables/customers", delivery=name)["Lifecycle"] for name in ("main", "delta")]
    for subject, shown in zip(asked["subject"], asked["shown"], strict=True):
        first, later = (int((table == subject.partition("=")[2]).sum()) for table in tables)
        assert shown == f"{first} rows, {later} in delta"
    assert len(asked) > 0


@pytest.mark.parametrize(("answer", "stands"), [("ours", OURS), ("theirs", THEIRS)])
def test_a_conflict_ends_as_it_was_decided_and_other_edits_stay(conflicting: Walk, answer: str, stands: str) -> None:
    """PF2: `ours` keeps what the person wrote, `theirs` takes what the export says."""
    cutover.plan(conflicting.engagement)
    write_decision(conflicting.engagement, "conflict", SUBJECT, answer)
    assert cutover.run(conflicting.engagement).passed
    there = Tenant(conflicting)
    assert there.value(RECORD, FIELD) == stands
    assert there.value(RECORD, "city") == "Concord"
    assert there.value(RECORD, "job_title") == "Owner"
    for row in expected("changes").query("new != 'created'").itertuples():
        if (row.record, row.field) != (RECORD, FIELD):
            assert there.value(row.record, row.field) in (row.new, row.new.rstrip("0").rstrip("."))


def test_a_lead_that_signed_meanwhile_stands_there_once_as_the_customer(resume: Resume, loaded: Path) -> None:
    """PF1, PF2: under the contact's marker, with what the lead said, and no lead any more."""
    walk = resume(loaded)
    signed = _signed(walk)
    assert len(signed) == 2
    before = Tenant(walk)
    numbers = {lead: before.find(lead)[1] for lead in signed}
    assert cut_over(walk.engagement).passed
    after = Tenant(walk)
    lead_stage = walk.ask("GET", "selector/lifecycle_stages")["lifecycle_stages"][0]
    assert lead_stage["type"] == "Lead"
    for lead, customer in signed.items():
        kind, number, body = after.find(customer)
        assert number == numbers[lead]
        assert f"promio:leads:{lead.split('/')[1]}".lower() not in after.markers(kind)
        then = before.records[kind][number]
        assert then["lifecycle_stage_id"] == lead_stage["id"]
        assert body.get("lifecycle_stage_id") is None  # as with every other customer
        assert body.get("contact_status_id") is None
        for field in ("promio_lead_id__c", "promio_campaign__c", "utm_source__c", "lead_created_on__c"):
            assert after.value(customer, field) == before.value(lead, field)
        assert body.get("lead_source_id") == then.get("lead_source_id")
        assert after.value(customer, "promio_customer_id__c") == customer.split("/")[1]
        people = [each for each in after.records[kind].values() if _addresses(each) & _addresses(body)]
        assert len(people) == 1


@pytest.mark.row("PF1-PF8")
def test_a_second_cutover_changes_nothing_and_the_rollback_undoes_the_first(resume: Resume, loaded: Path, staged: Path) -> None:
    """PF1, PF2: the two leads that signed go the same way as everything else."""
    empty = resume(staged).tenant.dump()
    walk = resume(loaded)
    assert cut_over(walk.engagement).passed
    asked = walk.requests()
    again = cut_over(walk.engagement)
    assert again.passed
    assert walk.writes(asked) == []
    assert rollback.run(walk.engagement).done
    assert canonical(walk.tenant.dump()) == canonical(empty)


def test_a_customer_that_became_a_business_is_linked_to_the_account_that_the_delta_makes(resume: Resume, loaded: Path) -> None:
    """PF2, PF3: the link leads to a record that is not there yet when the delta begins."""
    walk = resume(loaded)
    contacts = walk.engagement.load("records/contacts", delivery="delta")
    accounts = walk.engagement.load("records/accounts", delivery="delta")
    new = next(key for key in accounts["key"] if key not in set(walk.engagement.load("records/accounts")["key"]))
    assert contacts.set_index("key").isna().at["contacts/C-01004", "sales_accounts"]
    contacts.loc[contacts["key"] == "contacts/C-01004", "sales_accounts"] = new
    walk.engagement.save("records/contacts", contacts, delivery="delta")
    assert cut_over(walk.engagement).passed
    assert Tenant(walk).value("contacts/C-01004", "sales_accounts") == new.replace("/", ":").lower().join(["promio:", ""])


def _signed(walk: Walk) -> dict[str, str]:
    """Lead of the main delivery → the customer to whom the delta counts it."""
    main = set(walk.engagement.load("records/leads")["key"])
    ends = walk.engagement.load("ends/leads", delivery="delta").dropna()
    found = {f"leads/{row.natural}": row.record for row in ends.itertuples()}
    return {lead: record for lead, record in found.items() if lead in main and record.startswith("contacts/")}


def _addresses(body: object) -> set[str]:
    assert isinstance(body, dict)
    return {row["value"].casefold() for row in body.get("emails", [])} or {str(body.get("mobile_number"))}
