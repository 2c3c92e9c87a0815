"""Pipelines, stages, activity types, lead labels and filters of the Pipedrive rehearsal: made, changed, deleted, refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from workbench import rehearsal
from workbench.rehearsal import Rehearsal, canonical, running

KEY = "0123456789abcdef0123456789abcdef01234567"
TENANT = Path(rehearsal.__file__).parent / "tenants" / "pipedrive_growth.toml"


def client(stand_in: Rehearsal) -> httpx.Client:
    return httpx.Client(base_url=stand_in.url, headers={"x-api-token": KEY}, trust_env=False, timeout=60)


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    state = tmp_path_factory.mktemp("pipedrive") / "state.sqlite"
    with running("pipedrive", state=state, token=KEY, time_scale=1000, switches={"limits": "off"}) as running_one:
        yield running_one


@pytest.fixture
def api(stand_in: Rehearsal) -> Iterator[httpx.Client]:
    with client(stand_in) as http:
        yield http


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., httpx.Client]]:
    with ExitStack() as stack:

        def start(tenant: Path | None = None, **switches: str) -> httpx.Client:
            one = stack.enter_context(running("pipedrive", state=tmp_path / "s", token=KEY, tenant=tenant, switches=switches))
            return stack.enter_context(client(one))

        yield start


def test_the_recipe_s_pipelines_stand_in_order_with_their_stages(api: httpx.Client) -> None:
    pipelines = api.get("/api/v2/pipelines").json()["data"]
    assert [(row["name"], row["order_nr"]) for row in pipelines] == [("Sales pipeline", 1), ("Campaigns", 2)]
    stages = api.get("/api/v2/stages", params={"pipeline_id": pipelines[1]["id"], "sort_by": "order_nr"}).json()["data"]
    assert [row["name"] for row in stages] == ["Draft", "Scheduled", "Live", "Completed"]
    assert api.get("/api/v2/stages", params={"pipeline_id": 999}).json()["data"] == []


def test_a_new_pipeline_and_its_stages_go_last_and_leave_no_trace_when_deleted(stand_in: Rehearsal, api: httpx.Client) -> None:
    before = canonical(stand_in.dump())
    made = api.post("/api/v2/pipelines", json={"name": "Renewals", "is_deal_probability_enabled": False})
    pipeline = made.json()["data"]
    assert (made.status_code, pipeline["order_nr"], pipeline["is_deal_probability_enabled"]) == (200, 3, False)
    assert api.get("/api/v2/stages", params={"pipeline_id": pipeline["id"]}).json()["data"] == []
    stages = [
        api.post("/api/v2/stages", json={"name": name, "pipeline_id": pipeline["id"], "deal_probability": 40}).json()["data"]
        for name in ("Due", "Called")
    ]
    assert [(row["order_nr"], row["deal_probability"]) for row in stages] == [(1, 40), (2, 40)]
    patched = api.patch(f"/api/v2/stages/{stages[0]['id']}", json={"is_deal_rot_enabled": True, "days_to_rotten": 7})
    assert patched.json()["data"]["days_to_rotten"] == 7
    assert api.delete(f"/api/v2/stages/{stages[0]['id']}").json() == {"success": True, "data": {"id": stages[0]["id"]}}
    assert api.delete(f"/api/v2/pipelines/{pipeline['id']}").json()["data"] == {"id": pipeline["id"]}
    assert api.get(f"/api/v2/stages/{stages[1]['id']}").status_code == 404
    assert canonical(stand_in.dump()) == before


def test_a_change_that_is_changed_back_leaves_no_trace(stand_in: Rehearsal, api: httpx.Client) -> None:
    before = canonical(stand_in.dump())
    for name in ("Qualified at last", "Qualified"):
        assert api.patch("/api/v2/stages/1", json={"name": name}).json()["data"]["name"] == name
    assert canonical(stand_in.dump()) == before


def test_a_new_pipeline_may_come_with_stages(served: Callable[..., httpx.Client]) -> None:
    http = served(pipeline_stages="default")
    pipeline = http.post("/api/v2/pipelines", json={"name": "Renewals"}).json()["data"]["id"]
    stages = http.get("/api/v2/stages", params={"pipeline_id": pipeline}).json()["data"]
    assert [row["order_nr"] for row in stages] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("by", ["id", "order_nr", "add_time"])
def test_paging_by_cursor_gives_every_stage_once_while_others_come_and_go(api: httpx.Client, by: str, direction: str) -> None:
    def page(cursor: str | None) -> dict[str, object]:
        asked = {"limit": "2", "sort_by": by, "sort_direction": direction, **({"cursor": cursor} if cursor else {})}
        answer: dict[str, object] = api.get("/api/v2/stages", params=asked).json()
        return answer

    there = {row["id"] for row in api.get("/api/v2/stages").json()["data"]}
    seen: list[int] = []
    cursor: str | None = None
    while True:
        answer = page(cursor)
        seen += [row["id"] for row in answer["data"]]
        cursor = answer["additional_data"]["next_cursor"]
        if cursor is None:
            break
        fresh = api.post("/api/v2/stages", json={"name": "passing", "pipeline_id": 2}).json()["data"]["id"]
        api.delete(f"/api/v2/stages/{fresh}")
    assert sorted(seen) == sorted(there)


def test_a_cursor_that_is_none_may_begin_anew(served: Callable[..., httpx.Client]) -> None:
    http = served(bad_cursor="first", limit_above="reject", body_404="generic")
    assert http.get("/api/v2/stages", params={"cursor": "nonsense"}).json()["data"][0]["id"] == 1
    assert http.get("/api/v2/stages", params={"limit": "501"}).status_code == 400
    assert http.get("/api/v2/stages/999").json()["error"] == "Not found"


@pytest.mark.parametrize("cursor", ["nonsense", "e30=", "bnVsbA==", "W10=", "eyJmaWVsZCI6W119", "%"])
def test_a_cursor_that_is_none_is_refused(api: httpx.Client, cursor: str) -> None:
    answer = api.get("/api/v2/stages", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "ERR_SCHEMA_VALIDATION_FAILED")


def test_an_activity_type_has_a_key_made_of_its_name(stand_in: Rehearsal, api: httpx.Client) -> None:
    before = canonical(stand_in.dump())
    rows = [api.post("/v1/activityTypes", json={"name": "Video call", "icon_key": "camera"}).json()["data"] for _ in range(2)]
    assert [row["key_string"] for row in rows] == ["video_call", "video_call_2"]
    assert rows[0]["is_custom_flag"] is True
    changed = api.put(f"/v1/activityTypes/{rows[0]['id']}", json={"name": "Webinar", "color": "A0B1C2"}).json()["data"]
    assert (changed["name"], changed["key_string"], changed["color"]) == ("Webinar", "video_call", "A0B1C2")
    for row in rows:
        assert api.delete(f"/v1/activityTypes/{row['id']}").json()["data"]["active_flag"] is False
    assert len(api.get("/v1/activityTypes").json()["data"]) == 6
    assert canonical(stand_in.dump()) == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "X"},
        {"name": "X", "icon_key": "unicorn"},
        {"name": 3, "icon_key": "call"},
        {"name": " ", "icon_key": "call"},
        {"name": "X", "icon_key": "call", "color": "blue"},
        {"name": "X", "icon_key": ["call"]},
    ],
)
def test_a_bad_activity_type_is_refused(api: httpx.Client, body: dict[str, object]) -> None:
    answer = api.post("/v1/activityTypes", json=body)
    assert (answer.status_code, answer.json()["success"], answer.json()["data"]) == (400, False, None)


def test_the_plan_s_number_of_activity_types_ends_in_403(served: Callable[..., httpx.Client], tmp_path: Path) -> None:
    tenant = tmp_path / "own.toml"
    text = TENANT.read_text(encoding="utf-8").replace("activity_types = 40", "activity_types = 7")
    tenant.write_text(text, encoding="utf-8")
    http = served(tenant)
    new = {"name": "Webinar", "icon_key": "camera"}
    assert http.post("/v1/activityTypes", json=new).status_code == 200
    refused = http.post("/v1/activityTypes", json=new)
    assert refused.status_code == 403
    assert refused.json()["error"] == "Couldn't add activity type. You've reached the activity type per company limit."
    assert "code" not in refused.json()


def test_lead_labels_come_in_ten_colours(stand_in: Rehearsal, api: httpx.Client) -> None:
    before = canonical(stand_in.dump())
    label = api.post("/v1/leadLabels", json={"name": "Storm", "color": "dark-gray"}).json()["data"]
    assert len(label["id"]) == 36
    assert label in api.get("/v1/leadLabels").json()["data"]
    path = f"/v1/leadLabels/{label['id']}"
    assert api.patch(path, json={"color": "pink"}).json()["data"]["color"] == "pink"
    assert api.patch(path, json={"color": "mauve"}).status_code == 400
    assert api.delete(path).json()["data"] == {"id": label["id"]}
    assert api.delete(path).status_code == 404
    assert canonical(stand_in.dump()) == before


def test_filters_are_kept_and_deleted_alone_or_together(stand_in: Rehearsal, api: httpx.Client) -> None:
    before = canonical(stand_in.dump())
    conditions = {"glue": "and", "conditions": [{"glue": "and", "conditions": []}, {"glue": "or", "conditions": []}]}
    new = {"name": "Ours", "type": "deals", "conditions": conditions}
    numbers = [api.post("/v1/filters", json=new).json()["data"]["id"] for _ in range(3)]
    assert "conditions" not in api.get("/v1/filters", params={"type": "deals"}).json()["data"][0]
    assert api.get(f"/v1/filters/{numbers[0]}").json()["data"]["conditions"] == conditions
    assert api.put(f"/v1/filters/{numbers[0]}", json={"name": "Theirs"}).json()["data"] == {"id": numbers[0]}
    assert api.delete(f"/v1/filters/{numbers[0]}").json()["data"] == {"id": numbers[0]}
    ids = ",".join(map(str, numbers))
    assert api.delete("/v1/filters", params={"ids": ids}).json()["data"] == {"id": numbers[1:]}
    assert api.get("/v1/filters").json()["data"] is None
    assert api.post("/v1/filters", json={**new, "type": "deal"}).status_code == 400
    assert api.post("/v1/filters", json={**new, "conditions": []}).status_code == 400
    assert canonical(stand_in.dump()) == before


@pytest.mark.parametrize(
    "content", [b"{", b"[1]", b'"x"', b"\xff\xfe", b'{"name": NaN}', b'{"name": "\\ud800"}', b"[" * 100_000, b"null"]
)
@pytest.mark.parametrize("path", ["/api/v2/pipelines", "/v1/leadLabels"])
def test_a_body_that_is_no_json_object_is_a_400(api: httpx.Client, path: str, content: bytes) -> None:
    answer = api.post(path, content=content)
    assert answer.status_code == 400
    assert answer.json()["success"] is False


@pytest.mark.parametrize("number", ["0", "-1", "abc", "1e3", "9" * 18, "9" * 40, "²", "%00"])
def test_an_id_that_is_none_finds_nothing(api: httpx.Client, number: str) -> None:
    assert api.get(f"/api/v2/stages/{number}").status_code in (400, 404)
    assert api.put(f"/v1/activityTypes/{number}", json={"name": "x"}).status_code == 404


def test_the_same_requests_give_the_same_ids(tmp_path: Path) -> None:
    def made(name: str) -> str:
        with running("pipedrive", state=tmp_path / name, token=KEY, switches={"limits": "off"}) as one, client(one) as http:
            rows = [
                http.post("/api/v2/pipelines", json={"name": "P"}).json(),
                http.post("/v1/leadLabels", json={"name": "L", "color": "red"}).json(),
            ]
        return json.dumps([row["data"]["id"] for row in rows])

    assert made("one") == made("two")
