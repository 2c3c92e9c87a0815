"""After a load of Promio into Freshsales the tenant can be put back, and what people did since is respected."""

from __future__ import annotations

import difflib
from pathlib import Path

from tenant import Tenant
from walk import Resume, Walk, cut_over, load_main, stage_delta

from workbench.rehearsal import canonical
from workbench.stages import rollback


def test_a_tenant_that_others_use_stands_as_before_after_load_delta_and_rollback(resume: Resume, staged: Path) -> None:
    """PF1 to PF8: accounts, contacts, deals and notes of others, and every field that we made."""
    walk = resume(staged)
    _somebody_elses(walk)
    before = canonical(walk.tenant.dump())
    load_main(walk.engagement)
    stage_delta(walk.engagement)
    assert cut_over(walk.engagement).passed
    assert canonical(walk.tenant.dump()) != before
    foreseen = rollback.plan(walk.engagement)
    result = rollback.run(walk.engagement)
    assert set(result.frame["verdict"]) == {"reversed"}
    assert result.done
    assert int(foreseen.frame["records"].sum()) == len(result.frame), "another number was foreseen than was put back"
    assert rollback.plan(walk.engagement).frame.empty
    after = canonical(walk.tenant.dump())
    assert "\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)) == ""
    asked = walk.requests()
    assert set(rollback.run(walk.engagement).frame["verdict"]) == {"reversed"}
    assert walk.writes(asked) == []


def test_a_rollback_keeps_what_people_edited_and_built_upon_and_takes_the_rest(resume: Resume, finished: Path) -> None:
    """PF1 to PF4: an edited contact, a deal with a person's note, a contact that somebody deleted."""
    walk = resume(finished)
    there = Tenant(walk)
    edited, deleted = _alone(there, 2)
    noted = next(key for key, body in there.records["deals"].items() if len(body["contact_ids"]) == 1)
    walk.ask("PUT", f"contacts/{edited}", {"contact": {"job_title": "Head of roofs"}})
    note = {"note": {"description": "called back", "targetable_type": "Deal", "targetable_id": int(noted)}}
    walk.ask("POST", "notes", note)
    walk.ask("DELETE", f"contacts/{deleted}")
    with_people = Tenant(walk)
    result = rollback.run(walk.engagement)
    assert not result.done
    assert set(result.frame["verdict"]) == {"reversed", "kept"}
    kept = result.frame[result.frame["verdict"] == "kept"]
    records = kept[~kept["key"].str.contains("/")]  # the others are fields: "contact/lifetime_value__c"
    words = records.set_index(["object", "id"])["words"].to_dict()
    assert "changed since" in words["contact", edited]
    assert "Head of roofs" in words["contact", edited]
    assert "others hang on it: note" in words["deal", noted]
    # A record that is kept keeps those that it stands on, and the fields in which their values are.
    below = {str(number) for number in with_people.records["deals"][noted]["contact_ids"]}
    accounts = _accounts_of(with_people, edited, *below) | _account_of_deal(with_people, noted)
    contacts = {edited, *below}
    assert set(words) == {("deal", noted), *(("contact", n) for n in contacts), *(("sales_account", n) for n in accounts)}
    left = walk.tenant.dump()["records"]
    assert set(left.get("sales_accounts", {})) == accounts
    assert set(left["contacts"]) == contacts
    assert set(left["deals"]) == {noted}
    assert left["contacts"][edited] == with_people.records["contacts"][edited]
    assert left["deals"][noted] == with_people.records["deals"][noted]
    assert len(left["notes"]) == 1


def _somebody_elses(walk: Walk) -> None:
    """What a team that works in the account already has there; one contact bears an e-mail that a customer has too."""
    walk.tenant.admin_create_fields([{"object": "contact", "label": "Favourite roof", "type": "text"}])
    account = walk.ask("POST", "sales_accounts", {"sales_account": {"name": "Harbour Supplies", "city": "Boston"}})
    number = account["sales_account"]["id"]
    person = {
        "first_name": "Ines",
        "last_name": "Park",
        "emails": ["ines.park@harbour.example"],
        "external_id": "erp-0001",
        "sales_accounts": [{"id": number, "is_primary": True}],
        "custom_field": {"cf_favourite_roof": "slate"},
    }
    contact = walk.ask("POST", "contacts", {"contact": person})["contact"]["id"]
    taken = walk.engagement.load("records/contacts")["emails"].dropna().iloc[3]
    walk.ask("POST", "contacts", {"contact": {"last_name": "Before", "emails": [taken]}})
    deal = {"name": "Spring order", "amount": 900, "sales_account_id": number, "contacts_added_list": [contact]}
    made = walk.ask("POST", "deals", {"deal": deal})["deal"]["id"]
    for kind, target in (("Contact", contact), ("SalesAccount", number), ("Deal", made)):
        walk.ask("POST", "notes", {"note": {"description": "ours", "targetable_type": kind, "targetable_id": target}})


def _alone(there: Tenant, count: int) -> list[str]:
    """Contacts of customers that belong to no account and no deal."""
    busy = {number for body in there.records["deals"].values() for number in body["contact_ids"]}
    found = [
        number
        for number, body in there.records["contacts"].items()
        if ":contacts:" in body.get("external_id", "") and not body.get("sales_accounts") and int(number) not in busy
    ]
    return found[:count]


def _accounts_of(there: Tenant, *contacts: str) -> set[str]:
    return {str(row["id"]) for number in contacts for row in there.records["contacts"][number].get("sales_accounts", [])}


def _account_of_deal(there: Tenant, deal: str) -> set[str]:
    number = there.records["deals"][deal].get("sales_account_id")
    return {str(number)} if number else set()
