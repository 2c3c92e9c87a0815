"""Freshsales custom modules: their definitions, forms and records (§2.12), and the types of custom fields (§5)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from freshsales_account import FREE, KEY, Json, Started, client, contact, field, made, messages

from workbench.rehearsal import Rehearsal, canonical, running

NAMES = {"singular_name": "Inspection", "plural_name": "Inspections", "entity_name": "cm_inspection", "icon": "clipboard"}
SETTINGS = "/settings/module_customizations"


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    state = tmp_path_factory.mktemp("rich") / "state.sqlite"
    chosen = {**FREE, "plan": "enterprise", "job_seconds": "0", "job_seconds_per_row": "0"}
    with running("freshsales", state=state, token=KEY, time_scale=1000, switches=chosen) as stand_in:
        yield stand_in


@pytest.fixture
def http(rich: Rehearsal) -> Iterator[httpx.Client]:
    with client(rich) as api:
        yield api


def module(http: httpx.Client, name: str) -> Json:
    body = {"singular_name": name.title(), "plural_name": f"{name.title()}s", "entity_name": f"cm_{name}", "icon": "x"}
    answer = http.post(SETTINGS, json={"module_customization": body})
    assert answer.status_code in (200, 201), answer.text
    return answer.json()["module_customization"]


def record(http: httpx.Client, entity: str, name: str = "North slope", **keys: object) -> Json:
    answer = http.post(f"/custom_module/{entity}", json={entity: {"name": name, **keys}})
    assert answer.status_code in (200, 201), answer.text
    return answer.json()[entity]


def test_modules_are_listed_with_the_built_in_ones_and_changed(http: httpx.Client) -> None:
    one = module(http, "warranty")
    rows = http.get(SETTINGS).json()["module_customizations"]
    assert [row["entity_name"] for row in rows if row["custom"]][-1] == "cm_warranty"
    assert {"contact", "sales_account", "deal"} <= {row["entity_name"] for row in rows if not row["custom"]}
    assert list(rows[0]) == list(one) and len({row["position"] for row in rows}) == len(rows)
    path = f"{SETTINGS}/{one['id']}"
    wish = {"plural_name": "Warranties", "description": "per roof", "entity_name": "cm_other"}
    changed = http.put(path, json={"module_customization": wish}).json()["module_customization"]
    assert (changed["plural_name"], changed["description"], changed["entity_name"]) == ("Warranties", "per roof", "cm_warranty")
    assert http.get(path).json() == {"module_customization": changed}
    assert http.get(f"{SETTINGS}/1").status_code == 404


def test_a_module_says_what_is_wrong_with_it(http: httpx.Client) -> None:
    module(http, "crew")
    assert set(messages(http.post(SETTINGS, json={"module_customization": {"entity_name": "No!", "icon": "x"}}))) == {
        "Singular name can't be blank", "Plural name can't be blank", "Entity name is invalid",
    }  # fmt: skip
    again = {"singular_name": "Crew", "plural_name": "Contacts", "entity_name": "crew", "icon": "x"}
    assert set(messages(http.post(SETTINGS, json={"module_customization": again}))) == {
        "Singular name has already been taken", "Plural name has already been taken", "Entity name has already been taken",
    }  # fmt: skip


def test_records_of_a_module_live_from_create_to_forget(http: httpx.Client) -> None:
    module(http, "inspection")
    field(http, "cm_inspection", "Score", "number")
    one = record(http, "cm_inspection", custom_field={"cf_score": 8})
    assert (one["name"], one["custom_field"]) == ("North slope", {"cf_score": 8})
    path = f"/custom_module/cm_inspection/{one['id']}"
    changed = http.put(path, json={"cm_inspection": {"custom_field": {"cf_score": 9}}}).json()["cm_inspection"]
    assert (changed["name"], changed["custom_field"]) == ("North slope", {"cf_score": 9})
    copy = http.post(f"{path}/clone", json={"cm_inspection": {"name": "South slope"}}).json()["cm_inspection"]
    assert (copy["name"], copy["custom_field"]) == ("South slope", {"cf_score": 9}) and copy["id"] != one["id"]
    assert list(http.get(f"{path}?include=creater").json()) == ["users", "cm_inspection"]
    assert list(http.delete(path).json()) == ["message"]
    assert http.get(path).status_code == 404
    assert http.delete(f"{path}/forget").json() is True
    assert http.delete(f"{path}/forget").status_code == 404
    assert http.post("/custom_module/cm_inspection/upsert", json={}).status_code == 404
    assert messages(http.post("/custom_module/cm_inspection", json={"cm_inspection": {}})) == ["Name can't be blank"]


def test_a_module_has_views_a_filtered_search_and_stands_in_the_search(http: httpx.Client) -> None:
    module(http, "visit")
    field(http, "cm_visit", "Area", "text")
    me = http.get("/selector/owners").json()["users"][0]["id"]
    ids = [
        record(http, "cm_visit", f"Visit {n}", owner_id=me if n else None, custom_field={"cf_area": str(n)})["id"]
        for n in range(3)
    ]
    views = {row["name"]: row["id"] for row in http.get("/custom_module/cm_visit/filters").json()["filters"]}
    assert list(views) == ["My Visits", "All Visits", "Recycle Bin"]

    def seen(view: str, query: str = "") -> list[int]:
        return [row["id"] for row in http.get(f"/custom_module/cm_visit/view/{views[view]}?{query}").json()["cm_visit"]]

    assert (seen("All Visits"), seen("My Visits"), seen("Recycle Bin")) == (ids, ids[1:], [])
    assert seen("All Visits", "per_page=2&page=2") == ids[2:]
    page = http.get(f"/custom_module/cm_visit/view/{views['All Visits']}?per_page=2").json()
    assert list(page) == ["cm_visit", "meta"] and page["meta"] == {"total_pages": 2, "total": 3}
    http.delete(f"/custom_module/cm_visit/{ids[0]}")
    assert (seen("All Visits"), seen("Recycle Bin")) == (ids[1:], ids[:1])
    rule = {"attribute": "cf_area", "operator": "is", "value": "2"}
    answer = http.post("/filtered_search/cm_visit", json={"filter_rule": [rule]}).json()
    assert [row["id"] for row in answer["cm_visit"]] == ids[2:] and "custom_field" not in answer["cm_visit"][0]
    found = http.get("/search?q=visit 1&include=cm_visit").json()
    assert [(row["id"], row["type"], row["name"]) for row in found] == [(str(ids[1]), "cm_visit", "Visit 1")]


def test_bulk_destroy_puts_records_of_a_module_into_the_bin(http: httpx.Client) -> None:
    module(http, "permit")
    ids = [record(http, "cm_permit")["id"] for _ in range(3)]
    answer = http.post("/custom_module/cm_permit/bulk_destroy", json={"selected_ids": ids[:2]})
    assert "let you know" in answer.json()["message"]
    for _ in range(3000):
        if http.get(f"/custom_module/cm_permit/{ids[1]}").status_code == 404:
            break
        time.sleep(0.02)
    assert [http.get(f"/custom_module/cm_permit/{number}").status_code for number in ids] == [404, 404, 200]


def test_the_form_of_a_module_groups_its_fields(http: httpx.Client) -> None:
    module(http, "gadget")
    field(http, "cm_gadget", "Colour", "dropdown", choices=["red", "blue"])
    form = http.get("/settings/cm_gadget/forms").json()["forms"][0]
    (group,) = form["fields"]
    assert [row["name"] for row in group["fields"]] == ["name", "cf_colour"]
    assert [choice["value"] for choice in group["fields"][1]["choices"]] == ["red", "blue"]
    assert messages(
        http.post("/custom_module/cm_gadget", json={"cm_gadget": {"name": "x", "custom_field": {"cf_colour": "mud"}}})
    )
    assert (
        http.post(f"/settings/cm_gadget/forms/{form['id'] + 1}/fields", json={"label": "x", "type": "text"}).status_code == 404
    )
    number = group["fields"][1]["id"]
    assert http.delete(f"/settings/cm_gadget/forms/{form['id']}/fields/{number}").json() == {"success": "200"}
    assert len(http.get("/settings/cm_gadget/forms").json()["forms"][0]["fields"][0]["fields"]) == 1


def test_lookups_hold_bare_ids_of_what_they_lead_to(http: httpx.Client) -> None:
    module(http, "claim")
    field(http, "cm_claim", "Person", "lookup", lookup_type="contact")
    field(http, "cm_claim", "Earlier claim", "lookup", field_options={"lookup_type": "cm_claim"})
    field(http, "cm_claim", "Something", "lookup")
    person = contact(http, email="claim@brightroof.example")["id"]
    first = record(http, "cm_claim", custom_field={"cf_person": person, "cf_something": 12})
    second = record(http, "cm_claim", custom_field={"cf_earlier_claim": first["id"]})
    assert first["custom_field"]["cf_person"] == person
    assert second["custom_field"]["cf_earlier_claim"] == first["id"]
    wrong = {"cf_person": first["id"], "cf_earlier_claim": person, "cf_something": "no id"}
    answer = http.post("/custom_module/cm_claim", json={"cm_claim": {"name": "x", "custom_field": wrong}})
    assert set(messages(answer)) == {"Person is invalid", "Earlier claim is invalid", "Something is invalid"}


def test_custom_modules_are_for_enterprise_unless_switched(started: Started) -> None:
    _, growth = started()
    assert growth.post(SETTINGS, json={"module_customization": NAMES}).status_code == 403
    assert growth.post("/custom_module/cm_inspection", json={}).status_code == 403
    assert growth.get(SETTINGS).status_code == 200
    _, on = started(custom_modules="on")
    assert on.post(SETTINGS, json={"module_customization": NAMES}).status_code == 200
    assert on.get("/custom_module/cm_unknown/1").status_code == 404
    _, off = started(custom_modules="off", plan="enterprise")
    assert off.post(SETTINGS, json={"module_customization": NAMES}).status_code == 403


def test_a_modules_fields_have_the_plans_quota(started: Started) -> None:
    _, http = started(custom_modules="on")
    module(http, "quota")
    for n in range(5):
        field(http, "cm_quota", f"Text {n}", "textarea")
    form = http.get("/settings/cm_quota/forms").json()["forms"][0]["id"]
    path = f"/settings/cm_quota/forms/{form}/fields"
    assert "no further textarea" in messages(http.post(path, json={"label": "Sixth", "type": "textarea"}))[0]
    for kind in ("lookup", "formula"):
        assert http.post(path, json={"label": kind, "type": kind}).status_code == 400  # Pro and above


def test_deleting_a_module_takes_its_records_with_it_unless_switched(started: Started) -> None:
    for rule, status in (("all", 200), ("empty", 400)):
        stand_in, http = started(plan="enterprise", module_delete=rule)
        before = canonical(stand_in.dump())
        one = module(http, "passing")
        field(http, "cm_passing", "Note", "text")
        number = record(http, "cm_passing", custom_field={"cf_note": "x"})["id"]
        assert http.delete(f"{SETTINGS}/{one['id']}").status_code == status
        if rule == "empty":
            http.delete(f"/custom_module/cm_passing/{number}/forget")
            assert http.delete(f"{SETTINGS}/{one['id']}").status_code == 200
        assert http.get(f"/custom_module/cm_passing/{number}").status_code == 404
        assert canonical(stand_in.dump()) == before


def test_a_recipe_can_hold_modules_and_their_fields(tmp_path: Path, started: Started) -> None:
    from workbench.rehearsal import TENANTS

    recipe = tmp_path / "tenant.toml"
    text = (TENANTS / "freshsales_suite.toml").read_text(encoding="utf-8")
    rows = "".join(f'{key} = "{value}"\n' for key, value in NAMES.items())
    own = '[[fields]]\nobject = "cm_inspection"\nlabel = "Score"\ntype = "number"\n'
    recipe.write_text(f"{text}\n[[modules]]\n{rows}\n{own}", encoding="utf-8")
    _, http = started(tenant=str(recipe), plan="enterprise")
    assert record(http, "cm_inspection", custom_field={"cf_score": 3})["custom_field"] == {"cf_score": 3}


def test_a_killed_server_comes_back_with_its_modules(tmp_path: Path) -> None:
    state, chosen = tmp_path / "state.sqlite", {**FREE, "plan": "enterprise"}
    with running("freshsales", state=state, token=KEY, switches=chosen) as stand_in, client(stand_in) as http:
        module(http, "survivor")
        field(http, "cm_survivor", "Depth", "number")
        number = record(http, "cm_survivor", custom_field={"cf_depth": 4})["id"]
        os.kill(stand_in.process.pid, signal.SIGKILL)
        stand_in.process.wait()
    with running("freshsales", state=state, token=KEY, switches=chosen) as stand_in, client(stand_in) as http:
        found = http.get(f"/custom_module/cm_survivor/{number}").json()["cm_survivor"]
        assert found["custom_field"] == {"cf_depth": 4}
        assert record(http, "cm_survivor")["id"] == number + 1


def test_a_numbered_field_counts_records_and_takes_no_value(http: httpx.Client) -> None:
    module(http, "ticket")
    field(http, "cm_ticket", "Number", "auto_number")
    field(http, "cm_ticket", "Total", "formula")
    for n in (1, 2):
        one = record(http, "cm_ticket", custom_field={"cf_number": 99, "cf_total": 5})
        assert one["custom_field"] == {"cf_number": n, "cf_total": None}
    path = f"/custom_module/cm_ticket/{one['id']}"
    assert (
        http.put(path, json={"cm_ticket": {"custom_field": {"cf_number": 7}}}).json()["cm_ticket"]["custom_field"]["cf_number"]
        == 2
    )
    assert http.post(f"{path}/clone", json={}).json()["cm_ticket"]["custom_field"]["cf_number"] == 3
    field(http, "contacts", "Customer no", "auto_number")
    people = [contact(http, email=f"no{n}@brightroof.example")["custom_field"]["cf_customer_no"] for n in range(2)]
    assert people == [1, 2]


def test_switches_settle_what_the_field_pages_leave_open(started: Started) -> None:
    _, http = started(plan="enterprise", read_only_field="reject", custom_required="ignore", field_type_numbers="text")
    module(http, "strict")
    field(http, "cm_strict", "Number", "auto_number")
    field(http, "cm_strict", "Must", "text", required=True)
    body = {"cm_strict": {"name": "x", "custom_field": {"cf_number": 1}}}
    assert messages(http.post("/custom_module/cm_strict", json=body)) == ["Number is read only"]
    assert record(http, "cm_strict")["custom_field"]["cf_must"] is None
    form = http.get("/settings/cm_strict/forms").json()["forms"][0]["id"]
    coded = http.post(f"/settings/cm_strict/forms/{form}/fields", json={"label": "Coded", "field_type": 5})
    assert coded.json()["field"]["type"] == "text"


def test_a_number_as_field_type_is_refused_and_a_required_field_asked_for(http: httpx.Client) -> None:
    module(http, "open")
    form = http.get("/settings/cm_open/forms").json()["forms"][0]["id"]
    answer = http.post(f"/settings/cm_open/forms/{form}/fields", json={"label": "Coded", "field_type": 5})
    assert messages(answer) == ["Field type 5 is invalid"]
    field(http, "cm_open", "Must", "text", required=True)
    assert messages(http.post("/custom_module/cm_open", json={"cm_open": {"name": "x"}})) == ["Must can't be blank"]
    one = record(http, "cm_open", custom_field={"cf_must": "here"})
    assert http.put(f"/custom_module/cm_open/{one['id']}", json={"cm_open": {"name": "y"}}).status_code == 200


def test_radio_and_the_built_in_objects_required_fields(started: Started) -> None:
    _, http = started()
    field(http, "deals", "Pitch", "radio", choices=["low", "steep"], required=True)
    answer = http.post("/deals", json={"deal": {"name": "x", "amount": 1}})
    assert messages(answer) == ["Pitch can't be blank"]
    assert made(http, "/deals", name="x", amount=1, custom_field={"cf_pitch": "steep"})["custom_field"]["cf_pitch"] == "steep"
    answer = http.post("/deals", json={"deal": {"name": "x", "amount": 1, "custom_field": {"cf_pitch": "flat"}}})
    assert messages(answer) == ["Pitch is not included in the list: flat"]
