"""Merges, participants, relationships, the recent changes and the flow of the rehearsal Pipedrive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pipedrive_tenant import Asking, account


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with account(tmp_path_factory.mktemp("merge")) as asking:
        yield asking


def merged(api: Asking, kind: str, gone: int, stays: int) -> dict[str, Any]:
    answer = api.send("PUT", f"/v1/{kind}/{gone}/merge", {"merge_with_id": stays})
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def test_the_named_person_stays_with_its_data_and_takes_over_the_rest(api: Asking) -> None:
    org = api.post("organizations", {"name": "Acme"})["id"]
    gone = api.post(
        "persons", {"name": "Bob Ray", "org_id": org, "emails": [{"value": "bob@x.example"}, {"value": "both@x.example"}]}
    )["id"]
    stays = api.post("persons", {"name": "Robert Ray", "emails": [{"value": "rob@x.example"}, {"value": "both@x.example"}]})[
        "id"
    ]
    deal = api.post("deals", {"title": "Roof", "person_id": gone})["id"]
    activity = api.post("activities", {"subject": "Call", "participants": [{"person_id": gone, "primary": True}]})["id"]
    note = api.post("/v1/notes", {"content": "x", "person_id": gone})["id"]
    lead = api.post("/v1/leads", {"title": "x", "person_id": gone})["id"]
    answer = merged(api, "persons", gone, stays)
    assert (answer["id"], answer["merge_what_id"], answer["name"]) == (stays, gone, "Robert Ray")
    person = api.get(f"persons/{stays}")
    assert (person["name"], person["org_id"]) == ("Robert Ray", org)
    assert [(row["value"], row["primary"]) for row in person["emails"]] == [
        ("rob@x.example", True),
        ("both@x.example", False),
        ("bob@x.example", False),
    ]
    assert api.get(f"deals/{deal}")["person_id"] == stays
    assert api.get(f"activities/{activity}")["person_id"] == stays
    assert api.get(f"/v1/notes/{note}")["person"] == {"name": "Robert Ray"}
    assert api.get(f"/v1/leads/{lead}")["person_id"] == stays
    assert [row["id"] for row in api.get("deals", person_id=stays)] == [deal]
    assert [row["id"] for row in api.get("persons", org_id=org)] == [stays]
    api.refusal("GET", f"persons/{gone}", expect=404)


def test_merging_organizations_moves_persons_deals_leads_files_and_relationships(api: Asking) -> None:
    gone, stays, other = (api.post("organizations", {"name": name})["id"] for name in ("Acme Inc", "Acme", "Holding"))
    person = api.post("persons", {"name": "Ann", "org_id": gone})["id"]
    deal = api.post("deals", {"title": "Roof", "org_id": gone})["id"]
    lead = api.post("/v1/leads", {"title": "x", "organization_id": gone})["id"]
    file = api.http.post("/v1/files", files={"file": ("a", b"a")}, data={"org_id": str(gone)}).json()["data"]["id"]
    kept, within = (
        api.post("/v1/organizationRelationships", {"type": "parent", "rel_owner_org_id": owner, "rel_linked_org_id": gone})[
            "id"
        ]
        for owner in (other, stays)
    )
    assert merged(api, "organizations", gone, stays) == {"id": stays}
    assert api.get(f"persons/{person}")["org_id"] == api.get(f"deals/{deal}")["org_id"] == stays
    assert api.get(f"/v1/leads/{lead}")["organization_id"] == api.get(f"/v1/files/{file}")["org_id"] == stays
    assert [row["id"] for row in api.get("/v1/organizationRelationships", org_id=stays)] == [kept]
    api.refusal("GET", f"/v1/organizationRelationships/{within}", expect=404)


def test_merging_deals_joins_their_people_and_keeps_the_survivors_value(api: Asking) -> None:
    ann, bob = (api.post("persons", {"name": name})["id"] for name in ("Ann", "Bob"))
    gone = api.post("deals", {"title": "Roof 1", "person_id": bob, "value": 5, "expected_close_date": "2026-12-24"})["id"]
    stays = api.post("deals", {"title": "Roof 2", "person_id": ann, "value": 7})["id"]
    activity = api.post("activities", {"subject": "Call", "deal_id": gone})["id"]
    answer = merged(api, "deals", gone, stays)
    assert (answer["title"], answer["value"], answer["merge_what_id"]) == ("Roof 2", 7, gone)
    assert api.get(f"deals/{stays}")["expected_close_date"] == "2026-12-24"
    assert api.get(f"activities/{activity}")["deal_id"] == stays
    assert [row["person_id"]["value"] for row in api.get(f"/v1/deals/{stays}/participants")] == [ann, bob]


def test_a_merge_with_itself_with_nothing_or_with_nobody_is_refused(api: Asking) -> None:
    person = api.post("persons", {"name": "Ann"})["id"]
    path = f"/v1/persons/{person}/merge"
    assert "itself" in api.refusal("PUT", path, {"merge_with_id": person})
    assert "merge_with_id" in api.refusal("PUT", path, {})
    assert api.refusal("PUT", path, {"merge_with_id": 99999}, expect=404) == "Person not found"
    assert api.refusal("PUT", "/v1/persons/99999/merge", {"merge_with_id": person}, expect=404) == "Person not found"


def test_participants_come_beside_the_deals_own_person(api: Asking) -> None:
    ann, bob = (api.post("persons", {"name": name})["id"] for name in ("Ann", "Bob"))
    deal = api.post("deals", {"title": "Roof", "person_id": ann})["id"]
    path = f"/v1/deals/{deal}/participants"
    made = api.post(path, {"person_id": bob})
    assert (made["person_id"]["value"], made["related_item_data"]) == (bob, {"deal_id": deal, "title": "Roof"})
    rows = api.get(path)
    assert [row["person_id"]["name"] for row in rows] == ["Ann", "Bob"]
    assert [row["id"] for row in api.get("persons", deal_id=deal)] == [ann, bob]
    assert "already" in api.refusal("POST", path, {"person_id": bob})
    assert "was not found" in api.refusal("POST", path, {"person_id": 99999})
    assert "contact person" in api.refusal("DELETE", f"{path}/{rows[0]['id']}")
    assert api.delete(f"{path}/{made['id']}") == {"id": made["id"]}
    assert [row["person_id"]["name"] for row in api.get(path)] == ["Ann"]
    api.refusal("DELETE", f"{path}/{made['id']}", expect=404)
    api.patch(f"deals/{deal}", {"is_archived": True})
    assert api.refusal("POST", path, {"person_id": bob}) == "Archived deals cannot be edited"


def test_a_relationship_looks_otherwise_from_each_end(api: Asking) -> None:
    mother, daughter = (api.post("organizations", {"name": name})["id"] for name in ("Mother", "Daughter"))
    made = api.post(
        "/v1/organizationRelationships", {"type": "parent", "rel_owner_org_id": mother, "rel_linked_org_id": daughter}
    )
    assert (made["rel_owner_org_id"]["name"], made["rel_linked_org_id"]["value"]) == ("Mother", daughter)
    above, below = (api.get("/v1/organizationRelationships", org_id=org)[0] for org in (mother, daughter))
    assert (above["calculated_type"], above["related_organization_name"]) == ("parent", "Daughter")
    assert (below["calculated_type"], below["related_organization_name"]) == ("daughter", "Mother")
    path = f"/v1/organizationRelationships/{made['id']}"
    assert api.send("PUT", path, {"type": "related"}).json()["data"]["calculated_type"] == "related"
    for wrong in ({"type": "sister"}, {"rel_linked_org_id": mother}, {"rel_linked_org_id": 99999}):
        api.refusal("PUT", path, wrong)
    api.delete(f"organizations/{daughter}")
    assert api.get("/v1/organizationRelationships", org_id=mother) is None


def test_recents_name_what_changed_by_type_and_reach_back_a_month(api: Asking, tmp_path: Path) -> None:
    deal = api.post("deals", {"title": "Recent"})["id"]
    answer = api.send("GET", "/v1/recents", since_timestamp="2026-01-01 00:00:00", items="deal").json()
    assert {row["item"] for row in answer["data"]} == {"deal"}
    shown = next(row["data"] for row in answer["data"] if row["id"] == deal)
    assert (shown["title"], shown["add_time"][10], shown["visible_to"]) == ("Recent", " ", "3")
    assert answer["additional_data"]["pagination"]["more_items_in_collection"] is False
    assert api.get("/v1/recents", since_timestamp="2040-01-01 00:00:00") is None
    assert "since_timestamp" in api.refusal("GET", "/v1/recents")
    with account(tmp_path, scale=1, recents_beyond="reject") as other:
        assert "one month" in other.refusal("GET", "/v1/recents", since_timestamp="2020-01-01 00:00:00")


def test_the_flow_of_a_deal_holds_its_notes_files_and_activities(api: Asking) -> None:
    deal = api.post("deals", {"title": "Flowing"})["id"]
    api.post("/v1/notes", {"content": "x", "deal_id": deal, "add_time": "2020-01-01 00:00:00"})
    api.post("activities", {"subject": "Call", "deal_id": deal})
    assert [row["object"] for row in api.get(f"/v1/deals/{deal}/flow")] == ["activity", "dealChange", "note"]
    assert [row["object"] for row in api.get(f"/v1/deals/{deal}/flow", items="note")] == ["note"]
    api.refusal("GET", "/v1/deals/99999/flow", expect=404)


def test_the_changes_of_a_deal_are_told_field_by_field(api: Asking) -> None:
    code = api.post("dealFields", {"field_name": "Source", "field_type": "varchar"})["field_code"]
    deal = api.post("deals", {"title": "Changing", "value": 5})["id"]
    first, second = (row["id"] for row in api.get("stages", pipeline_id=api.get("pipelines")[0]["id"])[:2])
    api.patch(f"deals/{deal}", {"stage_id": second})
    api.patch(f"deals/{deal}", {"value": 7.5, "custom_fields": {code: "fair"}})
    rows = api.get(f"/v1/deals/{deal}/changelog")
    told = {row["field_key"]: (row["old_value"], row["new_value"]) for row in rows}
    assert told == {"value": ("5", "7.5"), code: (None, "fair"), "stage_id": (str(first), str(second))}
    page = api.send("GET", f"/v1/deals/{deal}/changelog", limit=2).json()
    rest = api.get(f"/v1/deals/{deal}/changelog", limit=2, cursor=page["additional_data"]["next_cursor"])
    assert [*page["data"], *rest] == rows
    flow = [row["data"]["field_key"] for row in api.get(f"/v1/deals/{deal}/flow", items="dealChange")]
    assert flow == ["value", "stage_id", "add_time"]
    assert code in [row["data"]["field_key"] for row in api.get(f"/v1/deals/{deal}/flow", all_changes="1")]


def test_a_killed_stand_in_comes_back_with_what_was_merged(tmp_path: Path) -> None:
    with account(tmp_path) as api:
        gone, stays = (api.post("persons", {"name": name})["id"] for name in ("Bob", "Rob"))
        note = api.post("/v1/notes", {"content": "x", "person_id": gone})["id"]
        merged(api, "persons", gone, stays)
        api.stand_in.process.kill()
        api.stand_in.process.wait()
    with account(tmp_path) as api:
        assert api.get(f"/v1/notes/{note}")["person_id"] == stays
        api.refusal("GET", f"persons/{gone}", expect=404)
