"""The Pipedrive rehearsal answers in the vendor's shapes: one table, each row named for the row of the fact sheet it keeps.

The records' and the v1 objects' own rows stand in tables of their own files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from workbench.rehearsal import Rehearsal, running

KEY = "0123456789abcdef0123456789abcdef01234567"
ANY = object()
INFO = "Please check developers.pipedrive.com for more information about Pipedrive API."
INVALID = "ERR_SCHEMA_VALIDATION_FAILED"


def v1_refusal(text: object, info: str = INFO) -> dict[str, object]:
    return {"success": False, "error": text, "error_info": info, "data": None, "additional_data": None}


def v2_refusal(text: str) -> dict[str, object]:
    return {"success": False, "error": f"Validation failed: {text}", "code": INVALID}


@dataclass(frozen=True, slots=True)
class Row:
    """A request and its whole answer; ANY stands for whatever is there."""

    source: str
    asked: tuple[str, str]
    status: int
    answer: object
    body: object = None
    key: str | None = KEY


STAGE = {
    "id": 3,
    "order_nr": 3,
    "name": "Inspection scheduled",
    "is_deleted": False,
    "deal_probability": 45,
    "pipeline_id": 1,
    "is_deal_rot_enabled": False,
    "days_to_rotten": None,
    "add_time": "2026-01-05T14:00:00Z",
    "update_time": "2026-01-05T14:00:00Z",
}
PIPELINE = {
    "id": 1,
    "name": "Sales pipeline",
    "order_nr": 1,
    "is_deleted": False,
    "is_deal_probability_enabled": True,
    "add_time": "2026-01-05T14:00:00Z",
    "update_time": "2026-01-05T14:00:00Z",
}
UNAUTHORISED = {
    "success": False,
    "error": "unauthorized access",
    "errorCode": 401,
    "error_info": "Please check developers.pipedrive.com",
}
SHAPES = (
    Row("§1.2 401 of the gateway", ("GET", "/v1/users/me"), 401, UNAUTHORISED, key=None),
    Row("§1.2 401 before routing, unknown path", ("GET", "/v1/unknown"), 401, UNAUTHORISED, key="wrong"),
    Row("§1.2 401 before routing, wrong method", ("PUT", "/api/v2/stages"), 401, UNAUTHORISED, key="wrong"),
    Row("§1.4 v2 single object", ("GET", "/api/v2/stages/3"), 200, {"success": True, "data": STAGE}),
    Row(
        "§1.4 v2 list with a next page",
        ("GET", "/api/v2/pipelines?limit=1"),
        200,
        {
            "success": True,
            "data": [PIPELINE],
            "additional_data": {
                "next_cursor": "eyJmaWVsZCI6ImlkIiwiZmllbGRWYWx1ZSI6MSwic29ydERpcmVjdGlvbiI6ImFzYyIsImlkIjoxfQ=="
            },
        },
    ),
    Row(
        "§1.4 v2 last page",
        ("GET", "/api/v2/stages?pipeline_id=1&limit=1&sort_by=order_nr&sort_direction=desc&cursor="
         "eyJmaWVsZCI6Im9yZGVyX25yIiwiZmllbGRWYWx1ZSI6Miwic29ydERpcmVjdGlvbiI6ImRlc2MiLCJpZCI6Mn0%3D"),
        200,
        {"success": True, "data": [ANY], "additional_data": {"next_cursor": None}},
    ),
    Row(
        "§1.5 stages of an unknown pipeline",
        ("GET", "/api/v2/stages?pipeline_id=999"),
        200,
        {"success": True, "data": [], "additional_data": {"next_cursor": None}},
    ),
    Row(
        "§1.4 v1 list, pagination nested",
        ("GET", "/v1/roles?start=0&limit=1"),
        200,
        {
            "success": True,
            "data": [ANY],
            "additional_data": {"pagination": {"start": 0, "limit": 1, "more_items_in_collection": False}},
        },
    ),
    Row("§1.4 v1 empty list", ("GET", "/v1/filters"), 200, {"success": True, "data": None}),
    Row(
        "§1.5 unknown query parameter",
        ("GET", "/api/v2/stages?type=call"),
        400,
        v2_refusal("type: Parameter 'type' is not allowed for this request"),
    ),
    Row(
        "§1.5 unknown query parameter on an update",
        ("PATCH", "/api/v2/stages/3?include_fields=x"),
        400,
        v2_refusal("include_fields: Parameter 'include_fields' is not allowed for this request"),
        {"name": "x"},
    ),
    Row(
        "§1.6 unknown body keys",
        ("POST", "/api/v2/pipelines"),
        400,
        v2_refusal(
            "colour: Parameter 'colour' is not allowed for this request; order_nr: Parameter 'order_nr' is not allowed for this"
            " request"
        ),
        {"name": "P", "colour": "red", "order_nr": 1},
    ),
    Row(
        "§0.3 a string where a number belongs",
        ("POST", "/api/v2/stages"),
        400,
        v2_refusal("pipeline_id: The value is not a valid 'integer'"),
        {"name": "S", "pipeline_id": "1"},
    ),
    Row(
        "§2 booleans are true or false",
        ("POST", "/api/v2/pipelines"),
        400,
        v2_refusal("is_deal_probability_enabled: The value is not a valid 'boolean'"),
        {"name": "P", "is_deal_probability_enabled": 1},
    ),
    Row(
        "§2.10 a stage of an unknown pipeline",
        ("POST", "/api/v2/stages"),
        400,
        v2_refusal("pipeline_id: Pipeline 999 does not exist"),
        {"name": "S", "pipeline_id": 999},
    ),
    Row("§1.6 v2 not found", ("GET", "/api/v2/stages/999"), 404, {"success": False, "error": "Stage not found"}),
    Row(
        "§1.6 v1 POST with an id",
        ("POST", "/v1/leadLabels"),
        400,
        v1_refusal(
            "Inserting ID with POST request is not allowed. If you have any questions, please contact Pipedrive support"
        ),
        {"id": 5, "name": "L", "color": "red"},
    ),
    Row("§1.6 v1 not found", ("GET", "/v1/users/1"), 404, v1_refusal("User not found", "Object was not found.")),
    Row("§1.6 v1 unknown path", ("GET", "/v1/unknown"), 404, v1_refusal(ANY)),
    Row("§1.6 v2 unknown path", ("GET", "/api/v2/unknown"), 404, {"success": False, "error": ANY}),
    Row("§1.6 wrong method", ("PUT", "/api/v2/stages"), 405, {"success": False, "error": ANY}, {}),
    Row("§1.3 v1 bulk delete of activity types is gone", ("DELETE", "/v1/activityTypes?ids=1"), 405, v1_refusal(ANY)),
    Row(
        "§2.4 label colours",
        ("POST", "/v1/leadLabels"),
        400,
        v1_refusal("color must be one of [blue, brown, dark-gray, gray, green, orange, pink, purple, red, yellow]"),
        {"name": "L", "color": "mauve"},
    ),
    Row("§2.10 v2 delete reply", ("DELETE", "/api/v2/stages/9"), 200, {"success": True, "data": {"id": 9}}),
    Row("§1.1 oauth refusal", ("POST", "/oauth/token"), 401, {"success": False, "message": ANY, "error": "invalid_client"}, {}),
)  # fmt: skip


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    state = tmp_path_factory.mktemp("pipedrive") / "state.sqlite"
    with running("pipedrive", state=state, token=KEY, time_scale=1000, switches={"limits": "off"}) as running_one:
        yield running_one


def alike(wanted: object, found: Any) -> bool:
    """Equal in keys, their order, values and types, except where ANY stands."""
    if wanted is ANY:
        return True
    if isinstance(wanted, dict):
        return (
            isinstance(found, dict)
            and list(wanted) == list(found)
            and all(alike(value, found[key]) for key, value in wanted.items())
        )
    if isinstance(wanted, list):
        return isinstance(found, list) and len(wanted) == len(found) and all(map(alike, wanted, found))
    return type(wanted) is type(found) and wanted == found


@pytest.mark.parametrize("row", SHAPES, ids=lambda row: row.source)
def test_a_message_has_the_vendor_s_shape(stand_in: Rehearsal, row: Row) -> None:
    headers = {"x-api-token": row.key} if row.key else {}
    with httpx.Client(base_url=stand_in.url, headers=headers, trust_env=False, timeout=60) as http:
        answer = http.request(*row.asked, json=row.body) if row.body is not None else http.request(*row.asked)
    assert answer.status_code == row.status, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    assert alike(row.answer, answer.json()), answer.text
