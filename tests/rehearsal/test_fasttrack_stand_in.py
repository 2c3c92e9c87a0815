"""The stand-in of FastTrack: an invention, whose every guess is a switch that does what it says."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from workbench.rehearsal import running

KEY = "tenant-key-0123456789"
QUERY = "query Rows($object: String!) { rows(object: $object) { totalCount nodes } }"


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Any]:
    with ExitStack() as stack:

        def open_one(tenant: Path | None = None, **switched: str) -> httpx.Client:
            state = tmp_path / f"state-{len(list(tmp_path.glob('state-*')))}"
            one = stack.enter_context(
                running("fasttrack", state=state, token=KEY, tenant=tenant, switches=switched, time_scale=60)
            )
            return stack.enter_context(httpx.Client(base_url=one.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60))

        yield open_one


def exported(http: httpx.Client, object_: str) -> tuple[dict[str, Any], httpx.Response]:
    """The status of an export that is done, and its download."""
    made = http.post("/api/v1/exports", json={"object": object_, "from": "2019-01-01", "to": "2020-01-01"})
    assert made.status_code == 202
    while (said := http.get(f"/api/v1/exports/{made.json()['id']}").json())["status"] != "done":
        time.sleep(0.01)
    return said, http.get(said["url"])


def test_pages_go_on_behind_a_cursor_and_the_last_has_none(opened: Any) -> None:
    http = opened()
    first = http.get("/api/v1/contacts", params={"limit": 3}).json()
    assert (len(first["data"]), first["total"]) == (3, 4)
    last = http.get("/api/v1/contacts", params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert (len(last["data"]), last["next_cursor"]) == (1, None)
    assert "total" not in opened(total="off").get("/api/v1/contacts").json()
    since = http.get("/api/v1/contacts", params={"updated_since": "2026-03-03T00:00:00Z"}).json()
    assert [row["id"] for row in since["data"]] == ["ct-3", "ct-4"]
    assert len(opened(limit_most="2").get("/api/v1/contacts", params={"limit": 100}).json()["data"]) == 2


def test_a_custom_object_is_reached_by_graphql_alone(opened: Any) -> None:
    http = opened()
    assert http.get("/api/v1/subscription").status_code == 404
    said = http.post("/graphql", json={"query": QUERY, "variables": {"object": "subscription"}}).json()
    assert (said["data"]["rows"]["totalCount"], len(said["data"]["rows"]["nodes"])) == (2, 2)
    assert "errors" not in said
    assert opened(graphql_only="off").get("/api/v1/subscription").status_code == 200


def test_graphql_tells_errors_beside_the_data_that_there_are(opened: Any) -> None:
    http = opened(corrupt_share="1", corrupt_form="poison")
    answer = http.post("/graphql", json={"query": QUERY, "variables": {"object": "subscription"}})
    assert answer.status_code == 200
    assert answer.json()["data"]["rows"]["nodes"] == [None, None]
    assert [error["extensions"]["id"] for error in answer.json()["errors"]] == ["sub-1", "sub-2"]


def test_an_unreadable_row_breaks_its_page_and_alone_it_tells_the_way_on(opened: Any) -> None:
    http = opened(corrupt_share="1", corrupt_form="poison")
    assert http.get("/api/v1/contacts").json() == {"error": "internal error"}
    alone = http.get("/api/v1/contacts", params={"limit": 1})
    assert (alone.status_code, alone.json()["id"]) == (500, "ct-1") and alone.json()["next_cursor"]
    silent = opened(corrupt_share="1", corrupt_form="poison", poison_cursor="off")
    assert silent.get("/api/v1/contacts", params={"limit": 1}).json() == {"error": "internal error"}


def test_an_export_runs_to_now_whatever_end_is_asked_for(opened: Any) -> None:
    said, body = exported(opened(), "contacts")
    assert said["to"] > "2026" and said["rows"] == len(body.text.splitlines()) == 4
    assert opened(export_to="refuse").post("/api/v1/exports", json={"object": "contacts", "to": "2020"}).status_code == 400


def test_an_export_that_runs_to_its_finish_has_what_came_meanwhile(opened: Any) -> None:
    assert exported(opened(export_stamp="finish", grows="3"), "contacts")[0]["rows"] == 7
    assert exported(opened(export_stamp="start", grows="3"), "contacts")[0]["rows"] == 4


def test_the_last_line_of_an_export_may_be_cut(opened: Any) -> None:
    lines = exported(opened(export_cut="on"), "contacts")[1].text.splitlines()
    assert [json.loads(line)["id"] for line in lines[:-1]] == ["ct-1", "ct-2", "ct-3"]
    with pytest.raises(ValueError, match=r"\w"):
        json.loads(lines[-1])


@pytest.mark.parametrize("status", ["429", "503"])
def test_a_throttled_tenant_is_told_when_to_come_again(opened: Any, status: str) -> None:
    for said, shape in (("seconds", r"\d+"), ("date", r"\w{3}, .* GMT"), ("none", "")):
        http = opened(calls_per_minute="1", limit_form=status, retry_after=said)
        answers = [http.get("/api/v1/objects") for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, int(status)]
        assert re.fullmatch(shape, answers[1].headers.get("retry-after", ""))


def test_a_lift_ends_and_a_days_budget_too(opened: Any) -> None:
    http = opened(calls_per_minute="1", lift_calls="3")
    assert [http.get("/api/v1/objects").status_code for _ in range(5)] == [200, 200, 200, 200, 429]
    http = opened(calls_per_day="2")
    assert [http.get("/api/v1/objects").status_code for _ in range(3)][:2] == [200, 200]


def test_what_is_left_is_told_or_not(opened: Any) -> None:
    assert opened(calls_per_minute="9", limit_headers="on").get("/api/v1/objects").headers["x-ratelimit-remaining"] == "8"
    assert "x-ratelimit-remaining" not in opened(calls_per_minute="9").get("/api/v1/objects").headers


def test_whoever_may_not_see_a_field_gets_asterisks(opened: Any) -> None:
    row = opened(masked="on").get("/api/v1/contacts").json()["data"][0]
    assert (row["id"], row["email"], row["last_name"]) == ("ct-1", "****", "****")


def test_files_come_empty_or_are_gone(opened: Any) -> None:
    http = opened()
    got = [http.get(f"/api/v1/files/{name}/content") for name in ("fl-1", "fl-2", "fl-3", "fl-9")]
    assert [(answer.status_code, len(answer.content)) for answer in got[::2]] == [(200, 12), (200, 0)]
    assert [answer.status_code for answer in got[1::2]] == [410, 404]


def test_without_its_key_nothing_is_told_and_nothing_can_be_written(opened: Any) -> None:
    http = opened()
    assert http.get("/api/v1/contacts", headers={"Authorization": "Bearer other"}).status_code == 401
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert http.request(method, "/api/v1/contacts/ct-1", json={}).status_code == 405
    assert http.post("/graphql", json={"query": "mutation { x }"}).status_code == 403
