"""Leads of the rehearsal Pipedrive: UUIDs, links, labels, custom values in the flat form of v1, and the archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pipedrive_tenant import DANA, ME, Asking, account


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with account(tmp_path_factory.mktemp("leads")) as asking:
        yield asking


@pytest.fixture(scope="module")
def person(api: Asking) -> int:
    return int(api.post("persons", {"name": "Ann Lee"})["id"])


def lead(api: Asking, person: int, **keys: Any) -> dict[str, Any]:
    made: dict[str, Any] = api.post("/v1/leads", {"title": "Gutter", "person_id": person, **keys})
    return made


def test_a_lead_is_answered_201_with_a_uuid_and_every_key(api: Asking, person: int) -> None:
    answer = api.send("POST", "/v1/leads", {"title": "Gutter", "person_id": person})
    made = answer.json()["data"]
    assert answer.status_code == 201
    assert str(UUID(made["id"])) == made["id"]
    assert (made["owner_id"], made["creator_id"], made["origin"], made["source_name"]) == (ME, ME, "API", "API")
    assert (made["visible_to"], made["was_seen"], made["is_archived"], made["label_ids"]) == ("3", False, False, [])
    empty = (
        "organization_id",
        "value",
        "expected_close_date",
        "origin_id",
        "channel",
        "channel_id",
        "source_deal_id",
        "next_activity_id",
    )
    assert {key: made[key] for key in empty} == dict.fromkeys(empty)
    assert made["add_time"][10] == "T"
    assert made["add_time"].endswith("Z")
    assert api.get(f"/v1/leads/{made['id']}") == made


def test_the_same_requests_make_the_same_uuids(tmp_path: Path) -> None:
    found = []
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        with account(tmp_path / run) as one:
            found.append(lead(one, one.post("persons", {"name": "Ann"})["id"])["id"])
    assert found[0] == found[1]


def test_a_lead_needs_a_title_and_a_person_or_an_organization(api: Asking, person: int) -> None:
    assert "title" in api.refusal("POST", "/v1/leads", {"person_id": person})
    for wrong in ({}, {"org_id": 1}, {"person_id": None}):
        assert (
            api.refusal("POST", "/v1/leads", {"title": "x", **wrong}) == "A lead must be linked to a person or an organization."
        )
    assert "was not found" in api.refusal("POST", "/v1/leads", {"title": "x", "person_id": 98765})
    made = lead(api, person)
    assert "linked" in api.refusal("PATCH", f"/v1/leads/{made['id']}", {"person_id": None})
    org = api.post("organizations", {"name": "Acme"})["id"]
    moved = api.patch(f"/v1/leads/{made['id']}", {"person_id": None, "organization_id": org})
    assert (moved["person_id"], moved["organization_id"]) == (None, org)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"value": {"amount": 5}}, "value"),
        ({"value": {"amount": "5", "currency": "EUR"}}, "value"),
        ({"value": 5}, "value"),
        ({"value": {"amount": 5, "currency": "XXX"}}, "currency"),
        ({"label_ids": ["f08b42a0-4e75-11ea-9643-03698ef1cfd6"]}, "label"),
        ({"visible_to": 3}, "visible_to"),
        ({"visible_to": "5"}, "visible_to"),
        ({"owner_id": 1}, "owner"),
        ({"expected_close_date": "2026-02-30"}, "expected_close_date"),
        ({"was_seen": 1}, "was_seen"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(api: Asking, person: int, wrong: dict[str, Any], word: str) -> None:
    assert word in api.refusal("POST", "/v1/leads", {"title": "x", "person_id": person, **wrong})


def test_labels_value_owner_and_day_are_kept_and_null_empties_them(api: Asking, person: int) -> None:
    labels = [row["id"] for row in api.get("/v1/leadLabels")][:2]
    keys = {
        "label_ids": labels,
        "value": {"amount": 12.5, "currency": "EUR"},
        "owner_id": DANA,
        "expected_close_date": "2026-12-01",
    }
    made = lead(api, person, **keys)
    assert {key: made[key] for key in keys} == keys
    emptied = api.patch(f"/v1/leads/{made['id']}", {"value": None, "expected_close_date": None, "label_ids": []})
    assert (emptied["value"], emptied["expected_close_date"], emptied["label_ids"]) == (None, None, [])
    assert emptied["owner_id"] == DANA


def test_custom_values_are_those_of_deals_flat_and_only_where_there_are_any(api: Asking, person: int) -> None:
    codes, options = {}, []
    for kind in ("varchar", "double", "monetary", "enum", "set", "date", "daterange", "time", "address", "user"):
        choices = [{"label": "a"}, {"label": "b"}] if kind in ("enum", "set") else []
        field = api.post("dealFields", {"field_name": kind, "field_type": kind, **({"options": choices} if choices else {})})
        codes[kind] = field["field_code"]
        options += [row["id"] for row in field["options"] or []]
    given = {
        codes["varchar"]: "x",
        codes["double"]: "1.5",
        codes["monetary"]: 500,
        f"{codes['monetary']}_currency": "EUR",
        codes["enum"]: str(options[0]),
        codes["set"]: f"{options[2]},{options[3]}",
        codes["date"]: "2024-01-01",
        codes["daterange"]: "2024-01-01",
        f"{codes['daterange']}_until": "2024-02-01",
        codes["time"]: "09:00:00",
        codes["address"]: "1 Main St",
        codes["user"]: ME,
    }
    made = lead(api, person, **given)
    assert {key: made[key] for key in given} == {**given, codes["double"]: 1.5}
    assert codes["varchar"] not in lead(api, person)
    currency = api.patch(f"/v1/leads/{made['id']}", {f"{codes['monetary']}_currency": "USD"})
    assert (currency[codes["monetary"]], currency[f"{codes['monetary']}_currency"]) == (500, "USD")
    assert codes["varchar"] not in api.patch(f"/v1/leads/{made['id']}", {codes["varchar"]: ""})
    assert str(codes["enum"]) in api.refusal("PATCH", f"/v1/leads/{made['id']}", {codes["enum"]: "999999"})
    for code in codes.values():
        api.delete(f"dealFields/{code}")
    assert not set(codes.values()) & set(api.get(f"/v1/leads/{made['id']}"))
    assert "custom_fields" not in next(
        row for row in api.stand_in.dump()["records"]["leads"].values() if row["id"] == made["id"]
    )


def test_an_archived_lead_stands_apart_and_takes_no_edit_until_it_is_back(api: Asking, person: int) -> None:
    number = lead(api, person)["id"]
    assert "was_seen" not in api.refusal("PATCH", "/v1/leads/nonsense", {"title": "x"}, expect=404)
    assert api.patch(f"/v1/leads/{number}", {"is_archived": True})["is_archived"] is True
    assert number in [row["id"] for row in api.get("/v1/leads/archived")]
    assert number not in [row["id"] for row in api.get("/v1/leads")]
    assert "rchived" in api.refusal("PATCH", f"/v1/leads/{number}", {"title": "x"})
    api.patch(f"/v1/leads/{number}", {"is_archived": False})
    assert number in [row["id"] for row in api.get("/v1/leads", person_id=person)]


def test_is_archived_is_not_taken_at_the_start(api: Asking, person: int) -> None:
    assert lead(api, person, is_archived=True)["is_archived"] is False


def test_leads_are_listed_by_owner_and_link(api: Asking) -> None:
    org = api.post("organizations", {"name": "Listed"})["id"]
    mine, hers = (
        api.post("/v1/leads", {"title": "x", "organization_id": org, "owner_id": owner})["id"] for owner in (ME, DANA)
    )
    assert [row["id"] for row in api.get("/v1/leads", organization_id=org)] == [mine, hers]
    assert [row["id"] for row in api.get("/v1/leads", organization_id=org, owner_id=DANA)] == [hers]
    assert api.get("/v1/leads", organization_id=org, owner_id=1) == []
    assert [row["id"] for row in api.get("/v1/leads", organization_id=org, sort="add_time DESC")] == [hers, mine]
    page = api.send("GET", "/v1/leads", limit=1).json()["additional_data"]["pagination"]
    assert page == {"start": 0, "limit": 1, "more_items_in_collection": True, "next_start": 1}


def test_a_deleted_lead_is_not_found_in_the_vendors_words(api: Asking, person: int) -> None:
    number = lead(api, person)["id"]
    assert api.delete(f"/v1/leads/{number}") == {"id": number}
    answer = api.send("GET", f"/v1/leads/{number}")
    assert answer.status_code == 404
    assert answer.json() == {
        "success": False,
        "error": "requested lead not found",
        "error_info": "Object was not found.",
        "data": None,
        "additional_data": None,
    }


def test_the_next_activity_of_a_lead_is_the_nearest_that_is_not_done(api: Asking, person: int) -> None:
    number = lead(api, person)["id"]
    later, sooner, done = (
        api.post("activities", {"subject": "x", "lead_id": number, "due_date": day, "done": done})["id"]
        for day, done in (("2027-01-02", False), ("2027-01-01", False), ("2026-01-01", True))
    )
    assert later and done
    assert api.get(f"/v1/leads/{number}")["next_activity_id"] == sooner


def test_unknown_keys_are_ignored_or_refused_as_the_switch_says(api: Asking, person: int, tmp_path: Path) -> None:
    assert "org_id" not in lead(api, person, org_id=1, deadbeef="x")
    with account(tmp_path, lead_keys="reject") as other:
        number = other.post("persons", {"name": "Ann"})["id"]
        assert "deadbeef" in other.refusal("POST", "/v1/leads", {"title": "x", "person_id": number, "deadbeef": 1})
