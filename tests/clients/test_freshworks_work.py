"""python-freshworks-crm writes and reads what people do with records: notes, tasks, appointments, activities and lists."""

from __future__ import annotations

import re
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from crm import Crm
from talking import HERE, ClientError

from workbench import rehearsal

pytestmark = pytest.mark.clients
RECIPE = Path(rehearsal.__file__).parent / "tenants" / "freshsales_suite.toml"


@pytest.fixture(scope="module")
def contact(crm: Crm) -> int:
    """Somebody to whom things are tied."""
    number: int = crm("contacts.create_contact", first_name="Dana", last_name="Otis", emails="dana@otis.example")["id"]
    return number


@pytest.fixture(scope="module")
def owner(crm: Crm) -> int:
    """A user of the account."""
    return next(user["id"] for user in crm("selectors.get_users") if user["email"] == "dana.ortiz@brightroof.example")


def seconds(text: str) -> float:
    """A moment that was sent or read, as the tenant holds it."""
    return datetime.fromisoformat(text).timestamp()


def on(contact: int) -> dict[str, Any]:
    """The keys that tie something to a contact."""
    return {"targetable_type": "Contact", "targetable_id": contact}


def test_a_note_is_written_changed_and_deleted(crm: Crm, contact: int) -> None:
    made = crm("notes.create_note", description="Called – Müller wants slate", **on(contact))
    held = crm.held("notes", made["id"])
    assert (held["description"], held["targetables"]) == ("Called – Müller wants slate", [{"id": contact, "type": "Contact"}])
    assert crm("notes.update_note", made["id"], description="Wants tile")["description"] == "Wants tile"
    assert crm.held("notes", made["id"])["description"] == "Wants tile"
    assert crm("notes.delete_note", made["id"]) is True
    assert crm.where("notes", made["id"]) != "records"


def test_a_task_is_written_done_and_deleted(crm: Crm, contact: int, owner: int) -> None:
    sent = {"title": "Send the offer", "description": "By mail", "due_date": "2026-12-01T10:00:00+00:00", "owner_id": owner}
    made = crm("tasks.create_task", **sent, **on(contact))
    held = crm.held("tasks", made["id"])
    assert (held["title"], held["owner_id"], held["due_date"]) == (sent["title"], owner, seconds(sent["due_date"]))
    assert seconds(made["due_date"]) == seconds(sent["due_date"])
    crm("tasks.update_task", made["id"], title="Send the second offer")
    read = crm("tasks.view_task", made["id"], "owner")
    assert (read["task"]["title"], [user["id"] for user in read["users"]]) == ("Send the second offer", [owner])
    assert crm("tasks.mark_as_done", made["id"])["status"] == 1
    assert crm.held("tasks", made["id"])["status"] == 1
    assert crm("tasks.delete_task", made["id"]) is True
    assert crm.where("tasks", made["id"]) != "records"


def test_tasks_are_listed_by_their_filter(crm: Crm, contact: int) -> None:
    due = "2030-01-01T10:00:00+00:00"
    made = [crm("tasks.create_task", title=f"Task {number}", due_date=due, **on(contact))["id"] for number in range(4)]
    crm("tasks.mark_as_done", made[0])
    listed = {
        word: {row["id"] for row in crm("tasks.list_tasks", word, "targetable")["tasks"]} for word in ("open", "completed")
    }
    held = crm.tenant.dump()["records"]["tasks"]
    assert listed["completed"] == {int(number) for number, body in held.items() if body.get("status") == 1} == {made[0]}
    assert listed["open"] == {int(number) for number, body in held.items() if body.get("status", 0) == 0} == set(made[1:])


def test_an_appointment_is_written_changed_and_deleted(crm: Crm, contact: int) -> None:
    begin, end = "2016-05-02T08:00:00+00:00", "2016-05-02T09:30:00+00:00"
    sent = {"title": "Roof visit", "location": "1 Elm St", "from_date": begin, "end_date": end}
    made = crm("appointments.create_appointment", **sent, **on(contact))["appointment"]
    held = crm.held("appointments", made["id"])
    assert (held["title"], held["from_date"], held["end_date"]) == ("Roof visit", seconds(begin), seconds(end))
    changed = crm("appointments.update_appointment", made["id"], location="2 Oak St")["appointment"]
    assert (changed["location"], seconds(changed["from_date"])) == ("2 Oak St", seconds(begin))
    read = crm("appointments.view_appointment", made["id"])["appointment"]
    assert (read["location"], read["targetables"]) == ("2 Oak St", [{"id": contact, "type": "Contact"}])
    assert made["id"] in {row["id"] for row in crm("appointments.list_appointments", "past", "creater")}
    assert made["id"] not in {row["id"] for row in crm("appointments.list_appointments", "upcoming")}
    assert crm("appointments.delete_appointment", made["id"]) is True
    assert crm.where("appointments", made["id"]) != "records"


def test_a_sales_activity_keeps_its_own_date(crm: Crm, contact: int, owner: int) -> None:
    kind = next(row["id"] for row in crm("selectors.get_sales_activity_types") if row["name"] == "Imported call")
    outcome = crm("selectors.get_sales_activity_type_outcomes", kind)[0]["id"]
    begin = "2017-12-04T15:00:00+00:00"
    sent = {"title": "First call", "start_date": begin, "end_date": "2017-12-04T15:10:00+00:00", "owner_id": owner}
    made = crm(
        "sales_activities.create_activity",
        **sent,
        **on(contact),
        sales_activity_type_id=kind,
        sales_activity_outcome_id=outcome,
    )
    held = crm.held("sales_activities", made["id"])
    assert (held["title"], held["start_date"], held["sales_activity_type_id"]) == ("First call", seconds(begin), kind)
    assert crm("sales_activities.update_activity", made["id"], title="The first call")["title"] == "The first call"
    read = crm("sales_activities.view_activity", made["id"])
    assert (read["title"], seconds(read["start_date"])) == ("The first call", seconds(begin))
    assert [row["id"] for row in crm("sales_activities.list_activities")] == [made["id"]]
    assert crm("sales_activities.delete_activity", made["id"]) is True
    assert crm.where("sales_activities", made["id"]) != "records"


def test_lists_take_in_and_give_back_contacts(crm: Crm) -> None:
    people = [crm("contacts.create_contact", last_name=f"L{n}", emails=f"l{n}@otis.example")["id"] for n in range(3)]
    first, second = (crm("lists.create_list", name)["id"] for name in ("Spring", "Autumn"))
    assert crm("lists.update_list", second, "Late autumn")["name"] == "Late autumn"
    assert {row["id"]: row["name"] for row in crm("lists.fetch_all_lists")} == {first: "Spring", second: "Late autumn"}
    assert crm("lists.add_contacts_to_list", first, people[:2]) == "2 contacts updated."
    assert _listed(crm, first) == people[:2]
    assert crm("lists.move_contacts_between_lists", second, people[:1], first) == "1 contact updated."
    assert (_listed(crm, first), _listed(crm, second)) == (people[1:2], people[:1])
    assert crm("lists.remove_contacts_from_list", first, people[1:2]) == "1 contact updated."
    assert (_listed(crm, first), _listed(crm, second)) == ([], people[:1])
    crm("lists.add_contacts_to_list", second, people[1:])
    said = crm("lists.remove_contacts_from_list", second, [], remove_all=True)
    assert said == "Updating now... we'll let you know once this is done."


def _listed(crm: Crm, number: int) -> list[int]:
    return sorted(row["id"] for row in crm("lists.fetch_contacts_from_list", number))


SELECTORS = {
    "get_territories": "territories",
    "get_deal_reasons": "deal_reasons",
    "get_deal_types": "deal_types",
    "get_lead_sources": "lead_sources",
    "get_industry_types": "industry_types",
    "get_business_types": "business_types",
    "get_campaigns": "campaigns",
    "get_deal_payment_statuses": "deal_payment_statuses",
    "get_deal_prodcuts": "deal_products",
}


@pytest.mark.parametrize("call", SELECTORS)
def test_a_selector_lists_what_the_account_was_given(crm: Crm, call: str) -> None:
    recipe = tomllib.loads(RECIPE.read_text(encoding="utf-8"))
    assert [row["name"] for row in crm(f"selectors.{call}")] == recipe["selectors"][SELECTORS[call]]


def test_the_further_selectors_list_what_the_account_was_given(crm: Crm) -> None:
    recipe = tomllib.loads(RECIPE.read_text(encoding="utf-8"))
    assert [user["display_name"] for user in crm("selectors.get_users")] == [user["name"] for user in recipe["users"]]
    assert [row["currency_code"] for row in crm("selectors.get_currencies")] == [row["code"] for row in recipe["currencies"]]
    stages = [stage["name"] for pipeline in recipe["pipelines"] for stage in pipeline["stages"]]
    pipelines = crm("selectors.get_deal_pipelines")
    assert [row["name"] for row in pipelines] == [row["name"] for row in recipe["pipelines"]]
    assert [stage["name"] for row in pipelines for stage in row["deal_stages"]] == stages
    assert [row["name"] for row in crm("selectors.get_deal_stages")] == stages
    statuses = [status["name"] for row in recipe["lifecycle_stages"] for status in row["statuses"]]
    assert [row["name"] for row in crm("selectors.get_lifecycle_stages")] == [row["name"] for row in recipe["lifecycle_stages"]]
    assert [row["name"] for row in crm("selectors.get_contact_statuses")] == statuses
    types = [row["name"] for row in recipe["sales_activity_types"]]
    assert set(types) <= {row["name"] for row in crm("selectors.get_sales_activity_types")}
    outcomes = {name for row in recipe["sales_activity_types"] for name in row["outcomes"]}
    assert outcomes <= {row["name"] for row in crm("selectors.get_sales_activity_outcomes")}
    assert {row["name"] for row in crm("selectors.get_sales_activity_entity_types")}


def test_a_path_that_the_client_misspells_is_not_found(crm: Crm) -> None:
    pipeline = crm("selectors.get_deal_pipelines")[0]["id"]
    with pytest.raises(ClientError, match="FreshsalesNotFound"):
        crm("selectors.get_deal_pipeline_stages", pipeline)
    assert crm.last() == ("GET", f"selector/deal_pipelines{pipeline}/deal_stages", 404)


def test_the_tests_call_everything_that_the_client_can_do(crm: Crm) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(HERE.glob("test_freshworks_*.py")))
    told = set(re.findall(r'crm\(\s*"(\w+\.\w+)"', text)) | {f"selectors.{call}" for call in SELECTORS}
    told |= {f"{part}.list_{part}" for part in ("contacts", "accounts", "deals")}
    told |= {f"{part}.list_{what}" for part in ("contacts", "accounts", "deals") for what in ("views", "fields")}
    verbs = ("create", "view", "update", "upsert", "clone", "delete", "forget")
    told |= {f"{one}s.{verb}_{one}" for one in ("contact", "account", "deal") for verb in verbs}
    told.add("sales_activities.list_fields")
    assert set(crm("methods")) - told == set()
