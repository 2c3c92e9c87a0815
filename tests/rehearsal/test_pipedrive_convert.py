"""Conversions of the rehearsal Pipedrive: a lead into a deal and back, done after a while and asked after by a UUID."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pipedrive_tenant import DANA, Asking, account


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with account(tmp_path_factory.mktemp("convert")) as asking:
        yield asking


def done(api: Asking, path: str, body: Any = None) -> dict[str, Any]:
    """Ask for a conversion and wait for its end."""
    number = api.post(f"{path}", body)["conversion_id"]
    assert str(UUID(number)) == number
    for _ in range(6000):
        state: dict[str, Any] = api.get(f"{path.rpartition('/')[0]}/status/{number}")
        if state["status"] not in ("not_started", "running"):
            return state
        time.sleep(0.01)
    raise AssertionError("the conversion did not end")


def test_a_lead_becomes_a_deal_with_all_that_hung_on_it(api: Asking) -> None:
    code = api.post("dealFields", {"field_name": "Source", "field_type": "varchar"})["field_code"]
    person, org = api.post("persons", {"name": "Ann"})["id"], api.post("organizations", {"name": "Acme"})["id"]
    keys = {"person_id": person, "organization_id": org, "owner_id": DANA, "value": {"amount": 12, "currency": "EUR"}}
    lead = api.post("/v1/leads", {"title": "Gutter", **keys, code: "fair", "expected_close_date": "2026-12-01"})["id"]
    note = api.post("/v1/notes", {"content": "x", "lead_id": lead, "pinned_to_lead_flag": 1})["id"]
    activity = api.post("activities", {"subject": "Call", "lead_id": lead})["id"]
    file = api.http.post("/v1/files", files={"file": ("a", b"a")}, data={"lead_id": lead}).json()["data"]["id"]
    state = done(api, f"leads/{lead}/convert/deal")
    assert state["status"] == "completed"
    deal = api.get(f"deals/{state['deal_id']}")
    assert {
        key: deal[key] for key in ("title", "person_id", "org_id", "owner_id", "value", "currency", "expected_close_date")
    } == {
        "title": "Gutter",
        "person_id": person,
        "org_id": org,
        "owner_id": DANA,
        "value": 12,
        "currency": "EUR",
        "expected_close_date": "2026-12-01",
    }
    assert deal["custom_fields"][code] == "fair"
    moved = api.get(f"/v1/notes/{note}")
    assert (moved["deal_id"], moved["lead_id"], moved["pinned_to_deal_flag"], moved["pinned_to_lead_flag"]) == (
        deal["id"],
        None,
        True,
        False,
    )
    assert (api.get(f"activities/{activity}")["deal_id"], api.get(f"activities/{activity}")["lead_id"]) == (deal["id"], None)
    assert api.get(f"/v1/files/{file}")["deal_id"] == deal["id"]
    api.refusal("GET", f"/v1/leads/{lead}", expect=404)


def test_the_deal_goes_where_it_is_asked_for(api: Asking) -> None:
    pipeline = api.get("pipelines")[1]["id"]
    stages = [row["id"] for row in api.get("stages", pipeline_id=pipeline)]
    person = api.post("persons", {"name": "Ann"})["id"]
    for body, stage in (({"pipeline_id": pipeline}, stages[0]), ({"stage_id": stages[2]}, stages[2])):
        lead = api.post("/v1/leads", {"title": "Gutter", "person_id": person})["id"]
        assert api.get(f"deals/{done(api, f'leads/{lead}/convert/deal', body)['deal_id']}")["stage_id"] == stage
    lead = api.post("/v1/leads", {"title": "Gutter", "person_id": person})["id"]
    for wrong in ({"stage_id": 9999}, {"pipeline_id": 9999}, {"stage": 1}, {"stage_id": "1"}):
        api.refusal("POST", f"leads/{lead}/convert/deal", wrong)


def test_a_deal_becomes_a_lead(api: Asking) -> None:
    person = api.post("persons", {"name": "Ann"})["id"]
    deal = api.post("deals", {"title": "Roof", "person_id": person, "value": 7, "currency": "EUR"})["id"]
    note = api.post("/v1/notes", {"content": "x", "deal_id": deal})["id"]
    activity = api.post("activities", {"subject": "Call", "deal_id": deal})["id"]
    state = done(api, f"deals/{deal}/convert/lead")
    lead = api.get(f"/v1/leads/{state['lead_id']}")
    assert (lead["title"], lead["person_id"], lead["source_deal_id"]) == ("Roof", person, deal)
    assert lead["value"] == {"amount": 7, "currency": "EUR"}
    assert api.get(f"/v1/notes/{note}")["lead_id"] == api.get(f"activities/{activity}")["lead_id"] == lead["id"]
    assert lead["next_activity_id"] == activity
    api.refusal("GET", f"deals/{deal}", expect=404)
    alone = api.post("deals", {"title": "Roof"})["id"]
    api.refusal("POST", f"deals/{alone}/convert/lead")


def test_a_conversion_is_first_waiting_then_running_then_over(tmp_path: Path) -> None:
    with account(tmp_path, scale=1, conversion_seconds="2") as api:
        lead = api.post("/v1/leads", {"title": "x", "person_id": api.post("persons", {"name": "Ann"})["id"]})["id"]
        number = api.post(f"leads/{lead}/convert/deal")["conversion_id"]
        seen = []
        for _ in range(3000):
            seen.append(api.get(f"leads/{lead}/convert/status/{number}")["status"])
            if seen[-1] == "completed":
                break
            time.sleep(0.02)
        assert list(dict.fromkeys(seen)) == ["not_started", "running", "completed"]


def test_a_conversion_whose_lead_is_deleted_meanwhile_has_failed(tmp_path: Path) -> None:
    with account(tmp_path, scale=1, conversion_seconds="1.5") as api:
        lead = api.post("/v1/leads", {"title": "x", "person_id": api.post("persons", {"name": "Ann"})["id"]})["id"]
        number = api.post(f"leads/{lead}/convert/deal")["conversion_id"]
        api.delete(f"/v1/leads/{lead}")
        time.sleep(1.55)
        assert api.get(f"leads/{lead}/convert/status/{number}") == {"conversion_id": number, "status": "failed"}
        assert api.get("deals") == []


def test_a_promised_conversion_survives_a_killed_stand_in(tmp_path: Path) -> None:
    with account(tmp_path, scale=1, conversion_seconds="0.2") as api:
        lead = api.post("/v1/leads", {"title": "x", "person_id": api.post("persons", {"name": "Ann"})["id"]})["id"]
        number = api.post(f"leads/{lead}/convert/deal")["conversion_id"]
        api.stand_in.process.kill()
        api.stand_in.process.wait()
    time.sleep(0.2)
    with account(tmp_path, scale=1) as api:
        state = api.get(f"leads/{lead}/convert/status/{number}")
        assert (state["status"], api.get(f"deals/{state['deal_id']}")["title"]) == ("completed", "x")


def test_a_conversion_of_nothing_or_asked_after_in_the_wrong_place_is_not_found(api: Asking) -> None:
    person = api.post("persons", {"name": "Ann"})["id"]
    lead, other = (api.post("/v1/leads", {"title": "x", "person_id": person})["id"] for _ in range(2))
    number = api.post(f"leads/{lead}/convert/deal")["conversion_id"]
    api.refusal("GET", f"leads/{other}/convert/status/{number}", expect=404)
    api.refusal("GET", f"leads/{lead}/convert/status/nonsense", expect=404)
    api.refusal("POST", "leads/nonsense/convert/deal", {}, expect=404)
    api.refusal("POST", "deals/99999/convert/lead", expect=404)


# ---- faults of what is done later


def asked_for(api: Asking) -> str:
    """The place of the status of a conversion that has just been asked for."""
    person = api.post("persons", {"name": "Ann"})["id"]
    lead = api.post("/v1/leads", {"title": "Gutter", "person_id": person})["id"]
    return f"leads/{lead}/convert/status/{api.post(f'leads/{lead}/convert/deal')['conversion_id']}"


def deals_once_due(api: Asking) -> list[str]:
    time.sleep(0.05)  # four rehearsal seconds are four real milliseconds
    return [row["title"] for row in api.get("deals")]


def test_a_stuck_conversion_runs_for_ever_and_makes_no_deal(tmp_path: Path) -> None:
    with account(tmp_path) as api:
        api.stand_in.order_fault("job_stuck", path="convert")
        path = asked_for(api)

        assert deals_once_due(api) == []
        assert api.get(path) == {"conversion_id": path.rpartition("/")[2], "status": "running"}
        assert api.get(f"/v1/{path.partition('/convert')[0]}")["title"] == "Gutter"
        assert list(api.stand_in.log().dropna(subset="fault")["fault"]) == ["job_stuck"]


def test_a_lost_conversion_is_done_and_not_found_also_after_a_kill(tmp_path: Path) -> None:
    with account(tmp_path) as api:
        api.stand_in.order_fault("job_lost")
        path = asked_for(api)

        assert api.refusal("GET", path, expect=404) == "Conversion not found"
        assert deals_once_due(api) == ["Gutter"]
        assert api.refusal("GET", path, expect=404) == "Conversion not found"
        api.stand_in.process.kill()
        api.stand_in.process.wait()
    with account(tmp_path) as api:
        assert api.refusal("GET", path, expect=404) == "Conversion not found"


def test_a_late_conversion_runs_until_it_is_done(tmp_path: Path) -> None:
    with account(tmp_path) as api:
        api.stand_in.order_fault("job_late", seconds=2.0)
        path = asked_for(api)

        assert (deals_once_due(api), api.get(path)["status"]) == ([], "running")
        time.sleep(2.0)
        assert api.get(path)["status"] == "completed"
        assert deals_once_due(api) == ["Gutter"]
