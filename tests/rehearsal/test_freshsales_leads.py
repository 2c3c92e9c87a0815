"""Leads of the rehearsal Freshsales Classic, and what becomes of them when they are converted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from freshsales_account import FREE, KEY, Started, client, contact, field, in_view, made, messages, upload

from workbench.rehearsal import Rehearsal, running


@pytest.fixture(scope="module")
def classic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    state = tmp_path_factory.mktemp("classic") / "state.sqlite"
    with running("freshsales", state=state, token=KEY, tenant="freshsales_classic", time_scale=1000, switches=FREE) as stand_in:
        yield stand_in


@pytest.fixture
def http(classic: Rehearsal) -> Iterator[httpx.Client]:
    with client(classic) as asking:
        yield asking


def lead(http: httpx.Client, **keys: object) -> dict[str, Any]:
    return http.post("/leads", json={"lead": {"last_name": "Lead", **keys}}).json()["lead"]


def convert(http: httpx.Client, number: int, **wish: object) -> dict[str, Any]:
    answer = http.post(f"/leads/{number}/convert?include=sales_accounts,owner", json={"lead": wish})
    assert answer.status_code == 200, answer.text
    return answer.json()["contact"]


def test_classic_has_leads_that_convert_and_suite_has_none(
    classic: Rehearsal, http: httpx.Client, api: httpx.Client
) -> None:  # §1
    wish = {"email": "lead@brightroof.example", "company": {"name": "Lead Co"}, "deal": {"name": "Gutter", "amount": 5}}

    one = lead(http, **wish)
    person = convert(http, one["id"])
    deals = http.get(f"/contacts/{person['id']}/deals").json()["deals"]

    assert classic.url.endswith("/api")
    assert "/crm/sales" not in classic.url
    assert (one["company"]["name"], one["created_at"][-1]) == ("Lead Co", "Z")
    assert (person["email"], [deal["name"] for deal in deals]) == ("lead@brightroof.example", ["Gutter"])
    assert http.get(f"/leads/{one['id']}").status_code == 404
    assert api.get("/leads/filters").status_code == 404
    assert api.post("/leads", json={"lead": {"last_name": "x"}}).status_code == 404


def test_a_lead_nests_its_company_and_its_deal(http: httpx.Client) -> None:  # §1 Leads
    stage = http.get("/selector/lead_stages").json()["lead_stages"][1]["id"]
    one = lead(http, email="shape@brightroof.example", lead_stage_id=stage, company={"name": "Shape Co"})

    keys = list(one)
    assert keys[:6] == ["id", "job_title", "department", "email", "emails", "work_number"]
    assert (one["company"], one["deal"], one["lead_stage_id"]) == ({"name": "Shape Co"}, None, stage)
    assert one["links"]["conversations"].startswith(f"/leads/{one['id']}/conversations/all")
    assert in_view(http, "leads", "All Leads")[-1] == one["id"]


def test_the_request_goes_before_what_the_lead_says(http: httpx.Client) -> None:
    one = lead(
        http, email="asked@brightroof.example", city="Akron", company={"name": "Old Co", "city": "Akron"}, deal={"name": "Old"}
    )

    person = convert(
        http, one["id"], last_name="Married", company={"name": "New Co"}, deal={"name": "New", "amount": 9}, city="Lima"
    )
    deal = http.get(f"/contacts/{person['id']}/deals").json()["deals"][0]
    account = http.get(f"/sales_accounts/{person['sales_accounts'][0]['id']}").json()["sales_account"]

    assert (person["last_name"], person["city"]) == ("Married", "Lima")
    assert (account["name"], account["city"], deal["name"], deal["amount"]) == ("New Co", "Akron", "New", "9.0")


def test_null_in_the_request_makes_no_deal_and_no_account(http: httpx.Client) -> None:
    one = lead(http, email="lone@brightroof.example", company={"name": "Unwanted Co"}, deal={"name": "Unwanted"})

    person = convert(http, one["id"], company=None, deal=None)

    assert person["sales_accounts"] == []
    assert http.get(f"/contacts/{person['id']}/deals").json()["deals"] == []


def test_owner_fields_and_history_go_along(http: httpx.Client) -> None:
    owner = http.get("/selector/owners").json()["users"][2]["id"]
    for object_ in ("leads", "contacts"):
        field(http, object_, "Roof type", "text")
    field(http, "leads", "Lead only", "text")
    custom = {"cf_roof_type": "Slate", "cf_lead_only": "x"}
    one = lead(http, email="whole@brightroof.example", owner_id=owner, tags=["hail"], custom_field=custom, deal={"name": "D"})
    target = {"targetable_type": "Lead", "targetable_id": one["id"]}
    made(http, "/notes", description="Met at the fair", **target)
    task = made(http, "/tasks", title="Call", due_date="2027-01-01T09:00:00Z", status=1, **target)
    upload(http, b"photo", targetable_type="Lead", targetable_id=str(one["id"]))

    person = convert(http, one["id"])
    number = person["id"]
    deal = http.get(f"/contacts/{number}/deals?include=owner").json()["deals"][0]

    assert (person["owner_id"], person["tags"], deal["owner_id"]) == (owner, ["hail"], owner)
    assert person["custom_field"]["cf_roof_type"] == "Slate"
    assert [note["description"] for note in http.get(f"/contacts/{number}/notes").json()["notes"]] == ["Met at the fair"]
    assert http.get(f"/tasks/{task['id']}").json()["task"]["targetables"] == [{"id": number, "type": "Contact"}]
    assert task["id"] in {row["id"] for row in http.get("/tasks?filter=completed").json()["tasks"]}
    assert len(http.get(f"/contacts/{number}/document_associations").json()["documents"]) == 1


def test_a_lead_whose_address_a_contact_has_fills_its_gaps_or_is_refused(http: httpx.Client, started: Started) -> None:
    known = contact(http, email="twin@brightroof.example", city="Akron")
    person = convert(http, lead(http, email="TWIN@brightroof.example", city="Lima", job_title="Owner")["id"])
    _, strict = started(tenant="freshsales_classic", lead_twin="refuse")
    contact(strict, email="twin@brightroof.example")
    one = lead(strict, email="twin@brightroof.example")
    refused = strict.post(f"/leads/{one['id']}/convert", json={})

    assert (person["id"], person["city"], person["job_title"]) == (known["id"], "Akron", "Owner")
    assert (refused.status_code, messages(refused)) == (400, ["Email has already been taken"])
    assert strict.get(f"/leads/{one['id']}").status_code == 200


def test_a_lead_that_is_not_there_or_a_company_that_is_no_object_is_refused(http: httpx.Client) -> None:
    one = lead(http, email="odd@brightroof.example")

    assert http.post("/leads/7/convert", json={}).status_code == 404
    assert messages(http.post(f"/leads/{one['id']}/convert", json={"lead": {"company": "Odd Co"}})) == ["Company is invalid"]


def test_a_lead_is_upserted_by_its_address(http: httpx.Client) -> None:  # §1 Leads
    wish = {"unique_identifier": {"emails": "up@brightroof.example"}, "lead": {"last_name": "Up"}}

    first, again = (http.post("/leads/upsert", json=wish) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["lead"]["id"] == again.json()["lead"]["id"]
