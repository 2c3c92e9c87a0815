"""Fields of the rehearsal Pipedrive: which there are, how custom ones are made and unmade, and what their options do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pipedrive_tenant import REFUSED, Asking, account

TYPES = [
    "varchar",
    "varchar_auto",
    "text",
    "double",
    "phone",
    "date",
    "daterange",
    "time",
    "timerange",
    "set",
    "enum",
    "address",
    "monetary",
    "org",
    "people",
    "user",
]
LISTS = ("dealFields", "personFields", "organizationFields", "productFields")
SETTABLE = {"set", "enum"}
PARTS = {
    "monetary": ["value", "currency"],
    "daterange": ["value", "until"],
    "time": ["value", "timezone_id", "timezone_name"],
    "timerange": ["value", "until", "timezone_id", "timezone_name"],
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with account(tmp_path_factory.mktemp("fields")) as asking:
        yield asking


def make(api: Asking, path: str, kind: str, *labels: str, name: str = "Made") -> Any:
    options = {"options": [{"label": label} for label in labels or ("A", "B")]} if kind in SETTABLE else {}
    return api.post(path, {"field_name": name, "field_type": kind, **options})


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("kind", TYPES)
def test_every_type_can_be_made_of_every_object(api: Asking, path: str, kind: str) -> None:
    field = make(api, path, kind)
    assert re.fullmatch(r"[0-9a-f]{40}", field["field_code"])
    assert (field["field_name"], field["field_type"], field["is_custom_field"]) == ("Made", kind, True)
    assert (field["options"] is not None) == (kind in SETTABLE)
    parts = [row["field_code"] for row in field["subfields"] or []]
    assert parts == PARTS.get(kind, parts)
    assert bool(parts) == (kind in ("monetary", "daterange", "time", "timerange", "address"))
    assert api.get(f"{path}/{field['field_code']}") == field
    assert api.delete(f"{path}/{field['field_code']}") == field
    assert api.refusal("GET", f"{path}/{field['field_code']}", expect=404) == "Field not found"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"field_type": "varchar"}, "field_name: The value is required"),
        ({"field_name": "x"}, "field_type: The value is required"),
        ({"field_name": "x", "field_type": "boolean"}, "field_type: The value must be one of: "),
        ({"field_name": "x" * 256, "field_type": "varchar"}, "field_name: The value must have 1 to 255 characters"),
        ({"field_name": "x", "field_type": "enum"}, "options: The value is required"),
        ({"field_name": "x", "field_type": "set", "options": []}, "options: The value is required"),
        ({"field_name": "x", "field_type": "text", "options": [{"label": "A"}]}, "options: Options are not allowed"),
        ({"field_name": "x", "field_type": "enum", "options": ["A"]}, "options: The value is not a valid 'object'"),
        ({"field_name": "x", "field_type": "varchar", "name": "y"}, "name: Parameter 'name' is not allowed"),
        ({"field_name": "x", "field_type": "varchar", "field_code": "y"}, "field_code: Parameter 'field_code' is not"),
        ({"field_name": "x", "field_type": "varchar", "description": "y"}, "description: Parameter 'description' is not"),
    ],
)
def test_what_a_field_cannot_be_is_named(api: Asking, body: Any, words: str) -> None:
    assert api.refusal("POST", "personFields", body).startswith(REFUSED + words)


def test_only_deal_fields_have_a_description(api: Asking) -> None:
    field = api.post("dealFields", {"field_name": "Old id", "field_type": "varchar", "description": "of Profi"})
    assert field["description"] == "of Profi"
    assert "description" not in api.get("personFields/name")


def test_a_renamed_field_keeps_its_code_and_its_type_cannot_change(api: Asking) -> None:
    field = make(api, "personFields", "varchar")
    path = f"personFields/{field['field_code']}"
    assert api.patch(path, {"field_name": "Other"})["field_code"] == field["field_code"]
    assert api.refusal("PATCH", path, {"field_type": "text"}).startswith(REFUSED + "field_type: Parameter")
    api.delete(path)


def test_visibility_is_answered_only_when_it_is_asked_for(api: Asking) -> None:
    field = api.post("dealFields", {"field_name": "x", "field_type": "varchar", "ui_visibility": {"add_visible_flag": True}})
    path = f"dealFields/{field['field_code']}"
    assert not {"ui_visibility", "important_fields", "required_fields"} & set(api.get(path))
    row = api.get(path, include_fields="ui_visibility,required_fields")
    assert row["ui_visibility"]["add_visible_flag"] is True
    assert "required_fields" in row
    assert "important_fields" not in row
    api.delete(path)


@pytest.mark.parametrize(
    ("path", "code", "kind"),
    [
        ("dealFields", "title", "varchar"),
        ("dealFields", "status", "status"),
        ("dealFields", "label_ids", "set"),
        ("personFields", "emails", "varchar"),
        ("organizationFields", "address", "address"),
        ("productFields", "billing_frequency", "billing_frequency"),
        ("activityFields", "type", "enum"),
    ],
)
def test_built_in_fields_are_listed_and_cannot_be_changed(api: Asking, path: str, code: str, kind: str) -> None:
    row = next(row for row in api.get(path, limit=500) if row["field_code"] == code)
    assert (row["field_type"], row["is_custom_field"], row["subfields"]) == (kind, False, None)
    if path != "activityFields":
        api.refusal("PATCH", f"{path}/{code}", {"field_name": "x"}, expect=403)
        api.refusal("DELETE", f"{path}/{code}", expect=403)


def test_built_in_options_have_words_as_ids(api: Asking) -> None:
    assert [row["id"] for row in api.get("dealFields/status")["options"]] == ["open", "won", "lost", "deleted"]
    assert "call" in [row["id"] for row in api.get("activityFields/type")["options"]]


def test_every_key_of_a_record_is_a_field(api: Asking) -> None:
    made = (
        ("deals", "dealFields", {"title": "x"}),
        ("persons", "personFields", {"name": "x"}),
        ("organizations", "organizationFields", {"name": "x"}),
        ("products", "productFields", {"name": "x"}),
        ("activities", "activityFields", {}),
    )
    for kind, path, body in made:
        row = api.post(kind, body)
        known = {field["field_code"] for field in api.get(path, limit=500)}
        virtual = {"custom_fields", *(key for key in row if key.startswith("conference_meeting"))}
        assert set(row) - virtual <= known, kind
        assert {field["field_code"] for field in api.get(path, limit=500) if field["is_custom_field"]} == set(
            row.get("custom_fields", {})
        )


def test_field_lists_come_in_pages(api: Asking) -> None:
    whole = [row["field_code"] for row in api.get("dealFields", limit=500)]
    seen, cursor = [], {}
    while True:
        body = api.send("GET", "dealFields", limit=7, **cursor).json()
        seen += [row["field_code"] for row in body["data"]]
        if body["additional_data"]["next_cursor"] is None:
            break
        cursor = {"cursor": body["additional_data"]["next_cursor"]}
    assert seen == whole


def test_new_options_come_back_alone_and_all_of_them_or_none(api: Asking) -> None:
    field = make(api, "dealFields", "enum", "Gold")
    path = f"dealFields/{field['field_code']}/options"
    fresh = api.post(path, [{"label": "Silver"}, {"label": "Bronze"}])
    assert [row["label"] for row in fresh] == ["Silver", "Bronze"]
    assert all(isinstance(row["id"], int) for row in fresh)
    api.refusal("POST", path, [{"label": "Tin"}, {"name": "Lead"}])
    api.refusal("POST", path, {"label": "Tin"})
    labels = [row["label"] for row in api.get(f"dealFields/{field['field_code']}")["options"]]
    assert labels == ["Gold", "Silver", "Bronze"]
    renamed = api.patch(path, [{"id": fresh[0]["id"], "label": "Argent"}])
    assert renamed == [{"id": fresh[0]["id"], "label": "Argent"}]
    assert api.delete(path, [{"id": fresh[1]["id"]}]) == [fresh[1]]
    assert [row["label"] for row in api.get(f"dealFields/{field['field_code']}")["options"]] == ["Gold", "Argent"]
    assert api.refusal("DELETE", path, [{"id": 987654}]) == REFUSED + "options: Option 987654 does not exist"
    assert api.refusal("PATCH", path, [{"id": 987654, "label": "x"}]) == REFUSED + "options: Option 987654 does not exist"


def test_a_removed_option_leaves_the_values_and_a_removed_field_too(api: Asking) -> None:
    one, several = make(api, "dealFields", "enum", "A", "B"), make(api, "dealFields", "set", "A", "B")
    first, second = ([row["id"] for row in field["options"]] for field in (one, several))
    values = {one["field_code"]: first[0], several["field_code"]: second}
    deal = api.post("deals", {"title": "x", "custom_fields": values})["id"]
    api.delete(f"dealFields/{one['field_code']}/options", [{"id": first[0]}])
    api.delete(f"dealFields/{several['field_code']}/options", [{"id": second[0]}])
    kept = api.get(f"deals/{deal}")["custom_fields"]
    assert (kept[one["field_code"]], kept[several["field_code"]]) == (None, [second[1]])
    api.delete(f"dealFields/{several['field_code']}")
    assert several["field_code"] not in api.get(f"deals/{deal}")["custom_fields"]
    stale = api.refusal("PATCH", f"deals/{deal}", {"custom_fields": {several["field_code"]: [1]}})
    assert stale == f"{REFUSED}custom_fields: Unknown key '{several['field_code']}'"


def test_labels_get_options_unless_the_switch_refuses(api: Asking, tmp_path: Path) -> None:
    fresh = api.post("personFields/label_ids/options", [{"label": "Partner"}])
    assert "Partner" in [row["label"] for row in api.get("personFields/label_ids")["options"]]
    assert api.post("persons", {"name": "x", "label_ids": [fresh[0]["id"]]})["label_ids"] == [fresh[0]["id"]]
    with account(tmp_path, label_options="refuse") as other:
        other.refusal("POST", "personFields/label_ids/options", [{"label": "Partner"}], expect=403)


def test_activity_fields_can_be_made_only_if_the_switch_says_so(api: Asking, tmp_path: Path) -> None:
    assert api.send("POST", "activityFields", {"field_name": "x", "field_type": "varchar"}).status_code == 405
    with account(tmp_path, activity_fields="accept") as other:
        made = other.post("activityFields", {"field_name": "x", "field_type": "varchar"})
        assert other.get(f"activityFields/{made['field_code']}") == made


def test_the_limit_of_custom_fields_is_a_403_without_a_code(tmp_path: Path) -> None:
    import workbench.rehearsal

    text = (Path(workbench.rehearsal.__file__).parent / "tenants" / "pipedrive_growth.toml").read_text(encoding="utf-8")
    recipe = tmp_path / "small.toml"
    recipe.write_text(text.replace("custom_fields = 100", "custom_fields = 1"), encoding="utf-8")
    with account(tmp_path, tenant=recipe) as api:
        make(api, "dealFields", "varchar")
        answer = api.send("POST", "personFields", {"field_name": "x", "field_type": "varchar"})
        assert answer.status_code == 403
        assert answer.json() == {
            "success": False,
            "error": "Couldn't add custom field. You've reached the custom field per company limit.",
            "error_info": "Please check developers.pipedrive.com for more information about Pipedrive API.",
            "data": None,
            "additional_data": None,
        }


def test_an_admin_makes_fields_by_hand_and_codes_are_the_same_in_every_run(tmp_path: Path) -> None:
    codes = []
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        with account(tmp_path / place) as api:
            plan = [
                {"object": "deals", "label": "Tier", "type": "enum", "choices": ["Gold", "Silver"]},
                {"object": "person", "label": "Old id", "type": "varchar"},
            ]
            made = api.stand_in.admin_create_fields(plan)
            codes.append([row["field_code"] for row in made])
            assert [row["label"] for row in api.get(f"dealFields/{codes[-1][0]}")["options"]] == ["Gold", "Silver"]
    assert codes[0] == codes[1]
