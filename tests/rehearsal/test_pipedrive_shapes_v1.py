"""The shapes of what v1 answers, one row per shape, each with the row of the fact sheet that it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pipedrive_tenant import Asking, account

from workbench.rehearsal.pipedrive.answers import SUPPORT

PAGE = {"start": 0, "limit": 100, "more_items_in_collection": False}
LEAD = {
    "title": str,
    "id": str,
    "owner_id": int,
    "creator_id": int,
    "label_ids": list,
    "is_archived": bool,
    "was_seen": bool,
    "visible_to": str,
    "origin": str,
    "source_name": str,
    "add_time": str,
    "update_time": str,
    "cc_email": str,
}
NOTE = {
    "id": int,
    "active_flag": bool,
    "add_time": str,
    "content": str,
    "deal": dict,
    "deal_id": int,
    "pinned_to_deal_flag": bool,
    "pinned_to_lead_flag": bool,
    "pinned_to_organization_flag": bool,
    "pinned_to_person_flag": bool,
    "pinned_to_project_flag": bool,
    "update_time": str,
    "user": dict,
    "user_id": int,
}
FILE = {
    "id": int,
    "user_id": int,
    "add_time": str,
    "update_time": str,
    "file_name": str,
    "file_type": str,
    "file_size": int,
    "active_flag": bool,
    "inline_flag": bool,
    "name": str,
    "url": str,
    "deal_id": int,
    "deal_name": str,
}
COMMENT = {
    "uuid": str,
    "active_flag": bool,
    "add_time": str,
    "update_time": str,
    "content": str,
    "object_id": str,
    "object_type": str,
    "user_id": int,
    "updater_id": int,
    "company_id": int,
}
PARTICIPANT = {
    "id": int,
    "person_id": dict,
    "add_time": str,
    "active_flag": bool,
    "related_item_data": dict,
    "person": dict,
    "added_by_user_id": dict,
    "related_item_type": str,
    "related_item_id": int,
}
RELATIONSHIP = {
    "id": int,
    "type": str,
    "rel_owner_org_id": dict,
    "rel_linked_org_id": dict,
    "add_time": str,
    "update_time": str,
    "calculated_type": str,
    "calculated_related_org_id": int,
}
FIELD = {
    "id": int,
    "key": str,
    "name": str,
    "order_nr": int,
    "field_type": str,
    "active_flag": bool,
    "edit_flag": bool,
    "mandatory_flag": bool,
    "bulk_edit_allowed": bool,
    "searchable_flag": bool,
    "sortable_flag": bool,
    "filtering_allowed": bool,
    "add_visible_flag": bool,
    "important_flag": bool,
}
CALL = {"id": str, "outcome": str, "to_phone_number": str, "has_recording": bool, "company_id": int, "user_id": int}
SHAPES: tuple[tuple[str, str, str, str, int, dict[str, type]], ...] = (
    ("§2.4", "POST", "leads", '{"title": "x", "person_id": 1}', 201, LEAD),
    ("§2.6", "POST", "notes", '{"content": "x", "deal_id": 1}', 200, NOTE),
    ("§2.6", "POST", "notes/1/comments", '{"content": "x"}', 200, COMMENT),
    ("§2.7", "GET", "files/1", "", 200, FILE),
    ("§2.3", "POST", "deals/1/participants", '{"person_id": 2}', 200, PARTICIPANT),
    (
        "§2.2",
        "POST",
        "organizationRelationships",
        '{"type": "parent", "rel_owner_org_id": 1, "rel_linked_org_id": 2}',
        200,
        RELATIONSHIP,
    ),
    ("§2.9", "POST", "dealFields", '{"name": "x", "field_type": "varchar"}', 200, FIELD),
    ("§2.9", "POST", "productFields", '{"name": "x", "field_type": "varchar"}', 201, FIELD),
    (
        "ops-costs",
        "POST",
        "callLogs",
        '{"outcome": "busy", "to_phone_number": "1", "start_time": "2026-01-01 10:00:00", "end_time": "2026-01-01 10:01:00"}',
        200,
        CALL,
    ),
)
LISTS = ("leads", "notes", "files", "deals/1/files", "deals/1/participants", "notes/1/comments", "callLogs", "deals/1/flow")
FIELD_LISTS = (
    "dealFields",
    "personFields",
    "organizationFields",
    "productFields",
    "activityFields",
    "noteFields",
    "leadFields",
)
MISSING = (
    ("notes/999", "Note not found"),
    ("files/999", "File not found"),
    ("deals/999/participants", "Deal not found"),
    ("persons/999/flow", "Person not found"),
    ("dealFields/999", "Field not found"),
    ("organizationRelationships/999", "Organization relationship not found"),
)
DELETIONS: tuple[tuple[str, str, str, Any], ...] = (
    ("§2.6", "notes", '{"content": "x", "deal_id": 1}', True),
    ("§2.4", "leads", '{"title": "x", "person_id": 1}', "id"),
    ("§2.9", "personFields", '{"name": "y", "field_type": "date"}', "id"),
)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with account(tmp_path_factory.mktemp("shapes")) as asking:
        for name in ("Ann", "Bob"):
            asking.post("persons", {"name": name})
            asking.post("organizations", {"name": name})
        asking.post("deals", {"title": "Roof", "person_id": 1})
        asking.post("/v1/notes", {"content": "x", "deal_id": 1})
        asking.http.post("/v1/files", files={"file": ("a.txt", b"a")}, data={"deal_id": "1"})
        yield asking


def raw(api: Asking, method: str, path: str, body: str = "") -> Any:
    return api.http.request(method, f"/v1/{path}", content=body.encode(), headers={"content-type": "application/json"})


@pytest.mark.parametrize(
    ("row", "method", "path", "body", "status", "keys"), SHAPES, ids=[f"{row[0]} {row[2]}" for row in SHAPES]
)
def test_an_object_of_v1_has_the_keys_and_types_of_the_sheet(
    api: Asking, row: str, method: str, path: str, body: str, status: int, keys: dict[str, type]
) -> None:
    answer = raw(api, method, path, body)
    assert (answer.status_code, answer.json()["success"]) == (status, True), (row, answer.text)
    data = answer.json()["data"]
    assert {key: type(data.get(key)) for key in keys} == keys


@pytest.mark.parametrize("path", LISTS)
def test_a_list_of_v1_has_its_place_under_pagination(api: Asking, path: str) -> None:
    body = raw(api, "GET", path).json()
    assert list(body) == ["success", "data", "additional_data"]
    place = body["additional_data"]["pagination"]
    assert place == {**PAGE, "limit": {"callLogs": 50}.get(path, 100)}
    assert body["data"] in (None, []) or isinstance(body["data"], list)


@pytest.mark.parametrize("path", FIELD_LISTS)
def test_field_lists_are_paged_by_a_hundred_with_a_key_and_a_number_each(api: Asking, path: str) -> None:
    first = raw(api, "GET", f"{path}?limit=3").json()
    assert first["additional_data"]["pagination"] == {"start": 0, "limit": 3, "more_items_in_collection": True, "next_start": 3}
    whole = raw(api, "GET", f"{path}?limit=500").json()["data"]
    assert len({row["id"] for row in whole}) == len({row["key"] for row in whole}) == len(whole)
    assert {key: type(whole[0][key]) for key in FIELD} == FIELD
    assert {row["add_time"][:4] for row in whole} == {"2026"}  # clients pass over what is older than their start date


@pytest.mark.parametrize(("path", "words"), MISSING)
def test_what_is_not_there_is_refused_in_the_generic_envelope(api: Asking, path: str, words: str) -> None:
    answer = raw(api, "GET", path)
    assert answer.status_code == 404
    assert answer.json() == {"success": False, "error": words, "error_info": SUPPORT, "data": None, "additional_data": None}


def test_a_rule_of_v2_is_refused_in_the_envelope_of_v1(api: Asking) -> None:
    answer = raw(api, "POST", "dealFields", '{"name": "x", "field_type": "enum"}')
    assert answer.status_code == 400
    assert answer.json() == {
        "success": False,
        "error": "options: The value is required",
        "error_info": SUPPORT,
        "data": None,
        "additional_data": None,
    }


def test_a_new_record_of_v1_may_not_bring_its_id(api: Asking) -> None:
    for path, body in (
        ("notes", '{"id": 7, "content": "x", "deal_id": 1}'),
        ("leads", '{"id": "x", "title": "x", "person_id": 1}'),
    ):
        assert raw(api, "POST", path, body).json()["error"].startswith("Inserting ID with POST request is not allowed")


@pytest.mark.parametrize(("row", "path", "body", "answer"), DELETIONS)
def test_a_deletion_answers_true_or_the_id(api: Asking, row: str, path: str, body: str, answer: Any) -> None:
    number = raw(api, "POST", path, body).json()["data"]["id"]
    assert raw(api, "DELETE", f"{path}/{number}").json() == {
        "success": True,
        "data": {"id": number} if answer == "id" else answer,
    }, row


def test_fields_of_v1_are_made_changed_and_deleted_one_or_several(api: Asking) -> None:
    made = raw(
        api, "POST", "personFields", '{"name": "Size", "field_type": "set", "options": [{"label": "S"}, {"label": "M"}]}'
    ).json()["data"]
    assert (len(made["key"]), [row["label"] for row in made["options"]]) == (40, ["S", "M"])
    small, middle = (row["id"] for row in made["options"])
    options = f'{{"name": "Sizes", "options": [{{"id": {middle}, "label": "medium"}}, {{"label": "L"}}]}}'
    changed = raw(api, "PUT", f"personFields/{made['id']}", options).json()["data"]
    assert (changed["name"], changed["options"][0], changed["options"][1]["label"]) == (
        "Sizes",
        {"id": middle, "label": "medium"},
        "L",
    )
    assert small not in [row["id"] for row in changed["options"]]
    assert raw(api, "GET", f"personFields/{made['id']}").json()["data"] == changed
    person = api.post("persons", {"name": "Ann", "custom_fields": {made["key"]: [middle]}})["id"]
    other = raw(api, "POST", "personFields", '{"name": "Other", "field_type": "date"}').json()["data"]["id"]
    gone = raw(api, "DELETE", f"personFields?ids={made['id']},{other},99").json()["data"]
    assert gone == {"id": [made["id"], other]}
    assert made["key"] not in api.get(f"persons/{person}")["custom_fields"]


def test_labels_are_added_through_the_built_in_label_field_of_v1(api: Asking) -> None:
    field = next(row for row in raw(api, "GET", "personFields").json()["data"] if row["key"] == "label")
    rows = [{"id": row["id"], "label": row["label"]} for row in field["options"]]
    answer = api.send("PUT", f"/v1/personFields/{field['id']}", {"options": [*rows, {"label": "Partner"}]})
    fresh = answer.json()["data"]["options"][-1]
    assert fresh["label"] == "Partner"
    assert api.post("persons", {"name": "Ann", "label_ids": [fresh["id"]]})["label_ids"] == [fresh["id"]]
    assert raw(api, "PUT", f"personFields/{field['id']}", '{"field_type": "date"}').status_code == 403
    assert raw(api, "DELETE", f"personFields/{field['id']}").status_code == 403


def test_a_call_log_is_kept_read_and_deleted(api: Asking) -> None:
    body = {
        "outcome": "connected",
        "to_phone_number": "1",
        "start_time": "2026-01-01 10:00:00",
        "end_time": "2026-01-01 10:01:00",
    }
    made = api.post("/v1/callLogs", {**body, "deal_id": 1})
    assert (api.get(f"/v1/callLogs/{made['id']}"), made["deal_id"]) == (made, 1)
    for wrong in ({"outcome": "x"}, {"to_phone_number": ""}, {"start_time": "soon"}, {"deal_id": 999}):
        api.refusal("POST", "/v1/callLogs", {**body, **wrong})
    assert api.delete(f"/v1/callLogs/{made['id']}") is True
    api.refusal("GET", f"/v1/callLogs/{made['id']}", expect=404)
