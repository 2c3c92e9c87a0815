"""Deals of the rehearsal Pipedrive: stages, the times of winning and losing, the archive, dates, and what is on switches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pipedrive_tenant import ME, REFUSED, Asking, account


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with account(tmp_path_factory.mktemp("deals")) as asking:
        yield asking


def stages(api: Asking, pipeline: int) -> list[int]:
    return [row["id"] for row in api.get("stages", pipeline_id=pipeline)]


def test_a_new_deal_needs_a_title_alone_and_shows_every_key(api: Asking) -> None:
    deal = api.post("deals", {"title": "Roof"})
    assert deal["creator_user_id"] == deal["owner_id"] == ME
    assert (deal["status"], deal["value"], deal["currency"], deal["origin"]) == ("open", 0, "USD", "API")
    empty = (
        "person_id",
        "org_id",
        "won_time",
        "lost_time",
        "close_time",
        "expected_close_date",
        "stage_change_time",
        "lost_reason",
        "probability",
        "archive_time",
    )
    assert {key: deal[key] for key in empty} == dict.fromkeys(empty)
    assert (deal["is_archived"], deal["is_deleted"], deal["label_ids"], deal["custom_fields"]) == (False, False, [], {})


def test_a_stage_implies_its_pipeline_and_a_pipeline_alone_its_first_stage(api: Asking) -> None:
    first, second = (row["id"] for row in api.get("pipelines"))
    assert api.post("deals", {"title": "a"})["stage_id"] == stages(api, first)[0]
    assert api.post("deals", {"title": "b", "pipeline_id": second})["stage_id"] == stages(api, second)[0]
    last = stages(api, second)[-1]
    assert api.post("deals", {"title": "c", "stage_id": last})["pipeline_id"] == second
    said = api.refusal("POST", "deals", {"title": "d", "stage_id": last, "pipeline_id": first})
    assert said == f"{REFUSED}stage_id: Stage {last} does not belong to pipeline {first}"


def test_only_a_move_sets_the_time_of_the_stage_change(api: Asking) -> None:
    deal = api.post("deals", {"title": "a"})
    there = stages(api, deal["pipeline_id"])
    path = f"deals/{deal['id']}"
    assert api.patch(path, {"stage_id": there[0]})["stage_change_time"] is None
    assert api.patch(path, {"stage_id": there[1]})["stage_change_time"] is not None


def test_winning_in_one_post_keeps_the_given_time(api: Asking) -> None:
    deal = api.post("deals", {"title": "a", "status": "won", "won_time": "2024-05-06T07:08:09Z"})
    assert (deal["won_time"], deal["close_time"], deal["lost_time"]) == ("2024-05-06T07:08:09Z", "2024-05-06T07:08:09Z", None)


def test_losing_keeps_time_and_reason_and_reopening_takes_both_away(api: Asking) -> None:
    deal = api.post("deals", {"title": "a", "status": "lost", "lost_time": "2024-05-06 07:08:09", "lost_reason": "price"})
    assert (deal["lost_time"], deal["close_time"], deal["lost_reason"]) == (
        "2024-05-06T07:08:09Z",
        "2024-05-06T07:08:09Z",
        "price",
    )
    path = f"deals/{deal['id']}"
    said = api.refusal("PATCH", path, {"status": "open", "lost_reason": ""})
    assert said == REFUSED + "lost_reason: lost_reason can only be set if deal status is lost"
    again = api.patch(path, {"status": "open"})
    assert (again["lost_time"], again["close_time"], again["lost_reason"]) == (None, None, None)
    won = api.patch(path, {"status": "won"})
    assert won["won_time"] is not None
    assert won["won_time"] == won["close_time"]
    assert api.get(path, include_fields="first_won_time")["first_won_time"] == won["won_time"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"won_time": "2024-01-01T00:00:00Z"}, "won_time: won_time can only be set if deal status is won"),
        ({"status": "won", "lost_time": "2024-01-01T00:00:00Z"}, "lost_time: lost_time can only be set if deal status is lost"),
        ({"status": "won", "lost_reason": "x"}, "lost_reason: lost_reason can only be set if deal status is lost"),
        ({"close_time": "2024-01-01T00:00:00Z"}, "close_time: close_time can only be set if deal status is won or lost"),
        ({"status": "deleted"}, "status: The value must be one of: open, won, lost"),
        ({"is_deleted": True}, "is_deleted: The value must be one of: False"),
        ({"probability": 101}, "probability: The value must be between 0 and 100"),
        ({"probability": -1}, "probability: The value must be between 0 and 100"),
        ({"value": "500"}, "value: The value is not a valid 'number'"),
        ({"currency": "XXX"}, "currency: Unknown currency 'XXX'"),
        ({"stage_id": 987654}, "stage_id: Stage 987654 does not exist"),
        ({"person_id": 987654}, "person_id: Person 987654 does not exist"),
        ({"person_id": "1"}, "person_id: The value is not a valid 'integer'"),
        ({"expected_close_date": None}, "expected_close_date: The value is not a valid 'string'"),
        ({"expected_close_date": "2024-02-30"}, "expected_close_date: The value is not a valid 'date'"),
        ({"archive_time": "2024-01-01 00:00:00"}, "archive_time: archive_time can only be set if the deal is archived"),
        ({"add_time": "2024-01-01T00:00:00Z"}, "add_time: Parameter 'add_time' is not allowed for this request"),
        ({"stage_change_time": "x"}, "stage_change_time: Parameter 'stage_change_time' is not allowed for this request"),
        ({"creator_user_id": 1}, "creator_user_id: Parameter 'creator_user_id' is not allowed for this request"),
        ({"label": 1}, "label: Parameter 'label' is not allowed for this request"),
    ],
)
def test_what_a_deal_cannot_hold_is_named(api: Asking, body: Any, words: str) -> None:
    assert api.refusal("POST", "deals", {"title": "a", **body}) == REFUSED + words


def test_a_deal_without_a_title_is_refused(api: Asking) -> None:
    for body in ({}, {"title": ""}, {"title": None}, {"value": 5}):
        assert api.refusal("POST", "deals", body) == REFUSED + "title: The value is required"


def test_a_date_that_is_emptied_is_stored_as_zeros(api: Asking) -> None:
    deal = api.post("deals", {"title": "a", "expected_close_date": "2026-12-24"})
    assert api.patch(f"deals/{deal['id']}", {"expected_close_date": ""})["expected_close_date"] == "0000-00-00"


def test_an_archived_deal_takes_no_edit_and_is_listed_apart(api: Asking) -> None:
    deal = api.post("deals", {"title": "a", "is_archived": True, "archive_time": "2025-01-02 03:04:05"})
    path = f"deals/{deal['id']}"
    assert (deal["is_archived"], deal["archive_time"]) == (True, "2025-01-02T03:04:05Z")
    assert api.refusal("PATCH", path, {"title": "b"}) == REFUSED + "deal: Archived deals cannot be edited"
    assert api.get("deals", ids=deal["id"]) == []
    assert [row["id"] for row in api.get("deals/archived", ids=deal["id"])] == [deal["id"]]
    assert api.get(path)["is_archived"] is True
    assert api.patch(path, {"is_archived": False})["archive_time"] is None
    assert [row["id"] for row in api.get("deals", ids=deal["id"])] == [deal["id"]]


def test_the_person_of_a_deal_counts_as_a_participant(api: Asking) -> None:
    ada, bob = (api.post("persons", {"name": name})["id"] for name in ("Ada", "Bob"))
    deal = api.post("deals", {"title": "a", "person_id": ada})["id"]
    assert [row["id"] for row in api.get("persons", deal_id=deal)] == [ada]
    assert [row["id"] for row in api.get("deals", person_id=ada)] == [deal]
    api.patch(f"deals/{deal}", {"person_id": bob})
    assert [row["id"] for row in api.get("persons", deal_id=deal)] == [bob]
    api.delete(f"persons/{bob}")
    assert api.get(f"deals/{deal}")["person_id"] is None


def test_a_deleted_deal_is_listed_as_deleted_and_cannot_be_changed(api: Asking) -> None:
    deal = api.post("deals", {"title": "a"})["id"]
    assert api.delete(f"deals/{deal}") == {"id": deal}
    assert api.refusal("GET", f"deals/{deal}", expect=404) == "Deal not found"
    assert api.refusal("PATCH", f"deals/{deal}", {"title": "b"}, expect=404) == "Deal not found"
    assert deal not in [row["id"] for row in api.get("deals")]
    gone = api.get("deals", status="deleted", ids=deal)
    assert [(row["id"], row["is_deleted"]) for row in gone] == [(deal, True)]
    assert deal in [row["id"] for row in api.get("deals", status="open,won,lost,deleted")]


def test_the_plans_limit_of_open_deals_is_a_403(tmp_path: Path) -> None:
    recipe = tmp_path / "small.toml"
    recipe.write_text(tenant_text().replace("open_deals = 10000", "open_deals = 2"), encoding="utf-8")
    with account(tmp_path, tenant=recipe) as api:
        first = api.post("deals", {"title": "a"})["id"]
        api.post("deals", {"title": "b"})
        api.post("deals", {"title": "won ones do not count", "status": "won"})
        answer = api.send("POST", "deals", {"title": "c"})
        assert answer.status_code == 403
        assert answer.json() == {
            "success": False,
            "error": "Couldn't add the deal. Open deals limit reached.",
            "error_info": "Please check developers.pipedrive.com for more information about Pipedrive API.",
            "data": None,
            "additional_data": None,
            "code": "feature_capping_deals_limit",
        }
        api.patch(f"deals/{first}", {"status": "lost"})
        third = api.post("deals", {"title": "c"})["id"]
        assert api.send("PATCH", f"deals/{first}", {"status": "open"}).status_code == 403
        api.delete(f"deals/{third}")
        api.patch(f"deals/{first}", {"status": "open"})
        assert api.send("POST", "deals", {"title": "d"}).status_code == 403


def test_a_refused_deal_takes_no_place_among_the_open_ones(tmp_path: Path) -> None:
    recipe = tmp_path / "small.toml"
    recipe.write_text(tenant_text().replace("open_deals = 10000", "open_deals = 3"), encoding="utf-8")
    with account(tmp_path, tenant=recipe) as api:
        for _ in range(5):
            assert "person_id" in api.refusal("POST", "deals", {"title": "a", "person_id": 9_999})
        for title in "abc":
            api.post("deals", {"title": title})
        assert api.send("POST", "deals", {"title": "d"}).status_code == 403


def test_a_new_deal_goes_by_the_stages_as_they_are_now(tmp_path: Path) -> None:
    with account(tmp_path) as api:
        first, second = api.get("pipelines")[:2]
        at_first = stages(api, first["id"])
        assert api.post("deals", {"title": "a"})["stage_id"] == at_first[0]
        api.delete(f"stages/{at_first[0]}")
        assert api.post("deals", {"title": "b"})["stage_id"] == at_first[1]
        assert "does not exist" in api.refusal("POST", "deals", {"title": "c", "stage_id": at_first[0]})
        made = api.post("stages", {"name": "Late", "pipeline_id": second["id"]})["id"]
        assert api.post("deals", {"title": "d", "stage_id": made})["pipeline_id"] == second["id"]
        api.patch(f"stages/{made}", {"pipeline_id": first["id"]})
        assert api.post("deals", {"title": "e", "stage_id": made})["pipeline_id"] == first["id"]
        api.delete(f"pipelines/{first['id']}")
        assert api.post("deals", {"title": "f"})["pipeline_id"] == second["id"]


def tenant_text() -> str:
    import workbench.rehearsal

    folder = Path(workbench.rehearsal.__file__).parent / "tenants"
    return (folder / "pipedrive_growth.toml").read_text(encoding="utf-8")


def test_switches_open_what_the_vendor_may_take(tmp_path: Path) -> None:
    chosen = {
        "deal_add_time": "accept",
        "stage_mismatch": "stage",
        "unknown_link": "accept",
        "unknown_label": "accept",
        "body_404": "generic",
        "deleted_record": "answer",
        "unarchive": "refuse",
        "empty_built_in": "absent",
        "deal_value": "own",
        "bare_v2_prefix": "off",
    }
    with account(tmp_path, **chosen) as api:
        first, second = (row["id"] for row in api.get("pipelines"))
        last = stages(api, second)[-1]
        body = {"title": "a", "add_time": "2019-03-04T05:06:07Z", "stage_id": last, "pipeline_id": first, "value": 7}
        deal = api.post("deals", {**body, "person_id": 987654, "label_ids": [4711]})
        assert (deal["add_time"], deal["pipeline_id"]) == ("2019-03-04T05:06:07Z", second)
        assert (deal["person_id"], deal["label_ids"]) == (987654, [4711])
        assert "won_time" not in deal
        product = api.post("products", {"name": "P"})["id"]
        api.post(f"deals/{deal['id']}/products", {"product_id": product, "item_price": 5, "quantity": 2})
        assert api.get(f"deals/{deal['id']}")["value"] == 7
        api.patch(f"deals/{deal['id']}", {"is_archived": True})
        api.refusal("PATCH", f"deals/{deal['id']}", {"is_archived": False})
        api.delete(f"deals/{deal['id']}")
        assert api.get(f"deals/{deal['id']}")["is_deleted"] is True
        assert api.refusal("PATCH", f"deals/{deal['id']}", {"title": "b"}, expect=404) == "Not found"
        assert api.send("GET", "/v2/deals").status_code == 404


def test_an_unknown_link_can_be_a_404(tmp_path: Path) -> None:
    with account(tmp_path, unknown_link="not_found") as api:
        assert api.refusal("POST", "deals", {"title": "a", "org_id": 987654}, expect=404) == "Organization not found"


def test_v1_can_still_take_the_day_on_which_a_deal_was_made(tmp_path: Path) -> None:
    with account(tmp_path, deal_add_time="v1", v1_removed="answer") as api:
        field = api.post("dealFields", {"field_name": "Fee", "field_type": "monetary"})["field_code"]
        body = {"title": "Roof", "add_time": "2019-03-04 05:06:07", "value": "500", "stage_id": "2", "user_id": ME}
        answer = api.send("POST", "/v1/deals", {**body, field: 3, f"{field}_currency": "EUR"})
        assert answer.status_code == 201, answer.text
        made = answer.json()["data"]
        assert (made["add_time"], made["value"], made["stage_id"]) == ("2019-03-04 05:06:07", 500, 2)
        assert (made[field], made[f"{field}_currency"]) == (3, "EUR")
        assert api.get(f"deals/{made['id']}")["custom_fields"] == {field: {"value": 3, "currency": "EUR"}}
        assert api.refusal("POST", "/v1/deals", {"value": 5}) == "Deal title must be given."
        assert "does not exist" in api.refusal("POST", "/v1/deals", {"title": "x", "stage_id": 4711})
        listed = api.send("GET", "/v1/deals").json()
        assert [row["id"] for row in listed["data"]] == [made["id"]]
        assert listed["additional_data"]["pagination"]["more_items_in_collection"] is False
        assert api.send("GET", f"/v1/deals/{made['id']}").json()["data"]["title"] == "Roof"
        api.post("persons", {"name": "Ada"})
        assert api.send("GET", "/v1/persons").json()["data"][0]["email"] == [{"value": "", "primary": True}]


def test_without_that_switch_v1_has_no_deals(api: Asking) -> None:
    assert api.send("GET", "/v1/deals").status_code in (404, 405)
    assert api.send("POST", "/v1/deals", {"title": "a"}).status_code in (404, 405)
