"""One table of what the rehearsal Pipedrive answers about records and fields, each row naming where the fact sheet has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pipedrive_tenant import DANA, Asking, account

SCHEMA = "ERR_SCHEMA_VALIDATION_FAILED"


def keys(text: str) -> list[str]:
    return text.split()


@dataclass(frozen=True)
class Shape:
    """A request and what its answer must be: the whole body, or the keys of its data in any order."""

    row: str  # of pipedrive-api.md
    method: str
    path: str
    body: Any = None
    status: int = 200
    exactly: Any = None
    keys: tuple[str, ...] = ()


def refused(words: str) -> dict[str, Any]:
    return {"success": False, "error": f"Validation failed: {words}", "code": SCHEMA}


PERSON = (
    "id name first_name last_name owner_id org_id emails phones visible_to label_ids picture_id add_time update_time is_deleted"
    " custom_fields"
)
ORGANIZATION = (
    "id name owner_id visible_to address label_ids website linkedin industry annual_revenue employee_count add_time update_time"
    " is_deleted custom_fields"
)
DEAL = (
    "id title creator_user_id owner_id value person_id org_id stage_id pipeline_id currency archive_time stage_change_time"
    " status is_archived probability lost_reason visible_to close_time won_time lost_time expected_close_date label_ids"
    " origin origin_id channel channel_id acv arr mrr add_time update_time is_deleted custom_fields"
)
ACTIVITY = (
    "id subject type owner_id creator_user_id deal_id lead_id person_id org_id project_id due_date due_time duration busy done"
    " marked_as_done_time location participants conference_meeting_client conference_meeting_url conference_meeting_id"
    " public_description priority note outcome add_time update_time is_deleted"
)
PRODUCT = (
    "id name code description unit tax category is_linkable visible_to owner_id billing_frequency billing_frequency_cycles"
    " prices add_time update_time is_deleted custom_fields"
)
LINE = (
    "id sum tax deal_id name product_id product_variation_id order_nr add_time update_time comments currency discount"
    " discount_type quantity item_price tax_method is_enabled billing_frequency billing_frequency_cycles billing_start_date"
)
FIELD = "field_name field_code field_type options subfields is_custom_field is_optional_response_field is_writable"
EMPTY = {"success": True, "data": [], "additional_data": {"next_cursor": None}}

TABLE = [
    Shape("§2.1 create: 200", "POST", "organizations", {"name": "x"}, keys=tuple(keys(ORGANIZATION))),
    Shape("§2.2 create: 200", "POST", "persons", {"name": "x"}, keys=tuple(keys(PERSON))),
    Shape("§2.3 create: 200", "POST", "deals", {"title": "x"}, keys=tuple(keys(DEAL))),
    Shape("§2.5 create: 200", "POST", "activities", {}, keys=tuple(keys(ACTIVITY))),
    Shape("§2.8 create: 201", "POST", "products", {"name": "x"}, 201, keys=tuple(keys(PRODUCT))),
    Shape(
        "§2.8 line: 201",
        "POST",
        "deals/1/products",
        {"product_id": 1, "item_price": 1, "quantity": 1},
        201,
        keys=tuple(keys(LINE)),
    ),
    Shape("§2.3 follower: 201", "POST", "deals/1/followers", {"user_id": DANA}, 201, keys=("user_id", "add_time")),
    Shape("§1.6 follower twice: 400", "POST", "persons/2/followers", {"user_id": DANA}, 400),
    Shape("§2.9 field: 200", "POST", "personFields", {"field_name": "x", "field_type": "date"}, keys=tuple(keys(FIELD))),
    Shape("§2.9 deal field", "GET", "dealFields/title", keys=(*keys(FIELD), "description")),
    Shape("§1.4 empty v2 list", "GET", "deals?ids=987654", exactly=EMPTY),
    Shape("§2.1 DELETE", "DELETE", "organizations/2", exactly={"success": True, "data": {"id": 2}}),
    Shape("§2.1 DELETE, persons", "DELETE", "persons/3", exactly={"success": True, "data": {"id": 3}}),
    Shape("§2.8 DELETE, products", "DELETE", "products/2", exactly={"success": True, "data": {"id": 2}}),
    Shape("§1.6 v2 not found", "GET", "deals/987654", status=404, exactly={"success": False, "error": "Deal not found"}),
    Shape(
        "§1.6 v2 unknown body key",
        "POST",
        "deals",
        {"title": "x", "label": 1, "user_id": 1},
        400,
        refused(
            "label: Parameter 'label' is not allowed for this request;"
            " user_id: Parameter 'user_id' is not allowed for this request"
        ),
    ),
    Shape(
        "§1.6 v2 wrong type in an option field",
        "POST",
        "deals",
        {"title": "x", "custom_fields": {"ENUM": "1"}},
        400,
        refused("custom_fields: Expected 'number' as value for single option custom field 'ENUM'"),
    ),
    Shape(
        "§1.6 v2 org/number custom field",
        "POST",
        "deals",
        {"title": "x", "custom_fields": {"ORG": "1"}},
        400,
        refused("custom_fields: Expected 'number' as value for organization custom field 'ORG'"),
    ),
    Shape(
        "§1.6 v2 built-in inside custom_fields",
        "POST",
        "deals",
        {"title": "x", "custom_fields": {"title": "y"}},
        400,
        refused("custom_fields: Unknown key 'title'"),
    ),
    Shape(
        "§1.6 v2 object for a scalar custom field",
        "POST",
        "deals",
        {"title": "x", "custom_fields": {"TEXT": {"value": "y"}}},
        400,
        refused("custom_fields: Invalid collection"),
    ),
    Shape(
        "§1.6 v2 string for a time field",
        "POST",
        "deals",
        {"title": "x", "custom_fields": {"TIME": "09:00:00"}},
        400,
        refused("custom_fields: Time custom field value expected 'object'"),
    ),
    Shape(
        "§1.6 v2 null for expected_close_date",
        "PATCH",
        "deals/1",
        {"expected_close_date": None},
        400,
        refused("expected_close_date: The value is not a valid 'string'"),
    ),
    Shape("§2.3 PATCH cannot delete", "PATCH", "deals/1", {"is_deleted": True}, 400),
    Shape(
        "§2.5 person_id is read-only",
        "POST",
        "activities",
        {"person_id": 1},
        400,
        refused("person_id: Parameter 'person_id' is not allowed for this request"),
    ),
]


@pytest.fixture(scope="module")
def codes() -> dict[str, str]:
    return {}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, codes: dict[str, str]) -> Iterator[Asking]:
    with account(tmp_path_factory.mktemp("shapes")) as asking:
        for kind in ("organizations", "persons", "products"):
            for _ in range(3):
                asking.post(kind, {"name": "x"})
        asking.post("deals", {"title": "x"})
        asking.post("persons/2/followers", {"user_id": DANA})
        for name, kind in (("ENUM", "enum"), ("ORG", "org"), ("TEXT", "varchar"), ("TIME", "time")):
            options = {"options": [{"label": "A"}]} if kind == "enum" else {}
            codes[name] = asking.post("dealFields", {"field_name": name, "field_type": kind, **options})["field_code"]
        yield asking


def coded(value: Any, codes: dict[str, str]) -> Any:
    """The same with each field's code in the place of its name."""
    if isinstance(value, dict):
        return {codes.get(key, key): coded(item, codes) for key, item in value.items()}
    if isinstance(value, str):
        for name, code in codes.items():
            value = value.replace(f"'{name}'", f"'{code}'")
    return value


@pytest.mark.parametrize("shape", TABLE, ids=lambda shape: shape.row)
def test_the_answer_has_the_shape_of_the_sheet(api: Asking, codes: dict[str, str], shape: Shape) -> None:
    answer = api.send(shape.method, shape.path, coded(shape.body, codes))
    assert answer.status_code == shape.status, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    if shape.exactly is not None:
        assert answer.json() == coded(shape.exactly, codes)
    elif shape.keys:
        assert sorted(answer.json()["data"]) == sorted(shape.keys)
        assert answer.json()["success"] is True
    else:
        assert answer.json()["success"] is False
