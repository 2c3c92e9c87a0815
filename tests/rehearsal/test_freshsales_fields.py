"""Custom fields of the rehearsal Freshsales: their keys, their types, and who may make them."""

from __future__ import annotations

import time

import httpx
import pytest
from freshsales_account import Started, field, finished, messages


def test_a_fields_key_is_the_vendors_and_its_uniqueness_stands_in_the_forms(api: httpx.Client) -> None:  # §2 custom_field, §5
    made_field = field(api, "deals", "Off-loading point of Überholung", "text", unique=True)
    listed = next(row for row in api.get("/settings/deals/fields").json()["fields"] if row["id"] == made_field["id"])

    assert made_field["name"] == "cf_off-loading_point_of_berholung"
    assert made_field["field_options"]["unique"] is True
    assert "field_options" not in listed
    assert listed["default"] is False


@pytest.mark.parametrize(
    ("kind", "sent", "read"),
    [
        ("text", "02134", "02134"),
        ("number", 12.5, 12.5),
        ("checkbox", True, True),
        ("date", "2024-02-29", "2024-02-29"),
        ("dropdown", "At-Risk", "At-Risk"),
        ("multi_select_dropdown", ["New", "Lost"], "New;Lost"),
        ("multi_select_dropdown", "New;Lost", "New;Lost"),
        ("date_time_split", "2024-02-29T12:00:00Z", "2024-02-29T07:00:00-05:00"),
        ("text", 2134, None),
        ("text", "x" * 257, None),
        ("number", "12", None),
        ("checkbox", "yes", None),
        ("date", "2023-02-29", None),
        ("dropdown", "At Risk", None),
        ("multi_select_dropdown", "New;Old", None),
    ],
)
def test_a_custom_field_takes_its_own_type_or_refuses(api: httpx.Client, kind: str, sent: object, read: object) -> None:  # §9
    label = f"typed {kind} {time.monotonic_ns()}"
    key = field(api, "sales_accounts", label, kind, choices=["New", "At-Risk", "Lost"])["name"]

    answer = api.post("/sales_accounts", json={"name": label, "custom_field": {key: sent}})

    if read is None:
        assert answer.status_code == 400
        assert label in messages(answer)[0]
    else:
        assert answer.json()["sales_account"]["custom_field"][key] == read


def test_a_unique_custom_field_identifies_and_does_not_repeat(api: httpx.Client) -> None:  # §4
    key = field(api, "sales_accounts", "Promio customer id", "text", unique=True)["name"]
    rows = [
        {key: "C-1", "data": {"name": "One"}},
        {key: "C-2", "data": {"name": "Two"}},
        {key: "C-1", "data": {"city": "Lima"}},
    ]

    data = finished(api, api.post("/sales_accounts/bulk_upsert", json={"sales_accounts": rows}))
    again = api.post("/sales_accounts", json={"name": "Three", "custom_field": {key: "C-2"}})
    found = api.get(f"/lookup?q=C-1&f={key}&entities=sales_account").json()["sales_accounts"]["sales_accounts"]

    assert data["record_status"] == {"succeeded": 3, "failed": 0}
    assert messages(again) == ["Promio customer id has already been taken"]
    assert [row["name"] for row in found] == ["One"]


def test_where_the_api_refuses_fields_the_admin_still_makes_them(
    started: Started,
) -> None:  # §5, §12.1
    stand_in, http = started(field_create="refuse")
    refused = http.post("/settings/contacts/forms/1/fields", json={"label": "Segment", "type": "dropdown"})
    plan = [
        {"object": "contacts", "label": "Lifecycle segment", "type": "dropdown", "choices": ["New", "Lost"], "unique": False}
    ]

    fields = stand_in.admin_create_fields(plan)

    assert refused.status_code == 403
    assert fields[0]["name"] == "cf_lifecycle_segment"
    assert [choice["value"] for choice in fields[0]["choices"]] == ["New", "Lost"]
    assert "cf_lifecycle_segment" in {row["name"] for row in http.get("/settings/contacts/fields").json()["fields"]}
