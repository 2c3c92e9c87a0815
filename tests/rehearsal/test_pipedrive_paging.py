"""Lists of the rehearsal Pipedrive: every record once, whatever is written meanwhile, in the order asked for."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pipedrive_tenant import DANA, PRIYA, REFUSED, Asking, account

HUGE = base64.b64encode(
    json.dumps({"field": "id", "fieldValue": 10**30, "sortDirection": "asc", "id": 10**30}).encode()
).decode()
KINDS = ("persons", "organizations", "deals", "activities", "products")
NAMED = {"deals": "title", "activities": "subject"}
# What tap-pipedrive 2.1.0 asks for, as its requests show.
TAP = {
    "persons": "next_activity_id,last_activity_id,open_deals_count,related_open_deals_count,closed_deals_count,"
    "related_closed_deals_count,participant_open_deals_count,participant_closed_deals_count,email_messages_count,"
    "activities_count,done_activities_count,undone_activities_count,files_count,notes_count,followers_count,won_deals_count,"
    "related_won_deals_count,lost_deals_count,related_lost_deals_count,last_incoming_mail_time,last_outgoing_mail_time",
    "organizations": "next_activity_id,last_activity_id,open_deals_count,related_open_deals_count,closed_deals_count,"
    "related_closed_deals_count,won_deals_count,related_won_deals_count,lost_deals_count,related_lost_deals_count,"
    "email_messages_count,people_count,activities_count,done_activities_count,undone_activities_count,files_count,"
    "notes_count,followers_count",
    "deals": "next_activity_id,last_activity_id,first_won_time,products_count,files_count,notes_count,followers_count,"
    "email_messages_count,activities_count,done_activities_count,undone_activities_count,participants_count,"
    "last_incoming_mail_time,last_outgoing_mail_time",
    "activities": "attendees",
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with account(tmp_path_factory.mktemp("paging")) as asking:
        for kind in KINDS:
            for place in range(23):
                owner = DANA if place % 3 else PRIYA
                more = {} if kind in ("activities", "products", "deals") else {"add_time": f"20{10 + place}-01-01T00:00:00Z"}
                name = f"{(place * 7) % 23:02}"
                asking.post(kind, {NAMED.get(kind, "name"): name, "owner_id": owner, **more})
        yield asking


def pages(api: Asking, path: str, meanwhile: Callable[[int], object] = lambda page: None, **query: Any) -> list[Any]:
    """Every row of a list; ``meanwhile`` is done between its pages."""
    rows: list[Any] = []
    for number in range(100):
        body = api.send("GET", path, **query).json()
        assert body["success"] is True, body
        rows += body["data"]
        cursor = body["additional_data"]["next_cursor"]
        if cursor is None:
            return rows
        assert len(body["data"]) == int(query.get("limit", 100))
        query["cursor"] = cursor
        meanwhile(number)
    raise AssertionError("the list never ends")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sort", ["id", "update_time", "add_time"])
@pytest.mark.parametrize("way", ["asc", "desc"])
def test_every_record_comes_once_in_the_order_asked_for(api: Asking, kind: str, sort: str, way: str) -> None:
    rows = pages(api, kind, limit=5, sort_by=sort, sort_direction=way)
    keys = [(row[sort], row["id"]) for row in rows]
    assert len({row["id"] for row in rows}) == len(rows) == len(api.get(kind, limit=500))
    ordered = sorted(keys, reverse=way == "desc")
    assert [key[0] for key in keys] == [key[0] for key in ordered]
    if sort == "id":
        assert keys == ordered


def test_products_are_sorted_by_name_and_activities_by_their_day(api: Asking) -> None:
    names = [row["name"] for row in pages(api, "products", limit=7, sort_by="name")]
    assert names == sorted(names)
    for day in ("2026-03-01", "2026-01-01", "2026-02-01"):
        api.post("activities", {"due_date": day})
    days = [row["due_date"] or "" for row in pages(api, "activities", limit=4, sort_by="due_date", sort_direction="desc")]
    assert days == sorted(days, reverse=True)
    assert api.refusal("GET", "deals", sort_by="due_date").startswith(REFUSED + "sort_by: ")


def test_a_page_holds_a_hundred_unless_more_is_asked_for(api: Asking, tmp_path: Path) -> None:
    with account(tmp_path, limit_above="reject") as other:
        for place in range(101):
            other.post("persons", {"name": str(place)})
        assert len(other.get("persons")) == 100
        assert len(other.get("persons", limit=500)) == 101
        assert other.refusal("GET", "persons", limit=501) == REFUSED + "limit: The value must be between 1 and 500"
    assert len(api.get("persons", limit=501)) == 23
    for limit in ("0", "-1", "x"):
        assert api.refusal("GET", "persons", limit=limit).startswith(REFUSED + "limit: ")


def test_the_cursor_names_the_last_record_seen(api: Asking) -> None:
    body = api.send("GET", "persons", limit=3).json()
    last = body["data"][-1]["id"]
    seen = json.loads(base64.urlsafe_b64decode(body["additional_data"]["next_cursor"]))
    assert seen == {"field": "id", "fieldValue": last, "sortDirection": "asc", "id": last}


@pytest.mark.parametrize(
    "cursor", ["x", "%%%", base64.b64encode(b"{}").decode(), base64.b64encode(b'{"field":"body"}').decode(), HUGE]
)
def test_what_is_no_cursor_is_refused(api: Asking, cursor: str) -> None:
    assert api.refusal("GET", "persons", cursor=cursor) == REFUSED + "cursor: The value is not a valid cursor"


def test_a_bad_cursor_can_mean_the_first_page(tmp_path: Path) -> None:
    with account(tmp_path, bad_cursor="first") as api:
        api.post("persons", {"name": "Ada"})
        for path in ("persons", "personFields", "persons/1/followers"):
            assert api.send("GET", path, cursor="x").status_code == 200
        assert len(api.get("persons", cursor="x")) == 1


@pytest.mark.parametrize("way", ["asc", "desc"])
def test_records_written_between_pages_are_neither_lost_nor_doubled(tmp_path: Path, way: str) -> None:
    with account(tmp_path) as api:
        old = [api.post("persons", {"name": str(place)})["id"] for place in range(12)]

        def meanwhile(page: int) -> None:
            api.post("persons", {"name": "new"})
            api.patch(f"persons/{old[page]}", {"name": "changed"})
            api.patch(f"persons/{old[-1 - page]}", {"name": "changed"})
            if page == 1:
                api.delete(f"persons/{old[6]}")

        found = [row["id"] for row in pages(api, "persons", meanwhile, limit=3, sort_direction=way)]
        assert len(found) == len(set(found))
        assert set(old) - {old[6]} <= set(found)


def test_filters_by_owner_ids_and_links(api: Asking) -> None:
    for kind in KINDS:
        mine = api.get(kind, owner_id=PRIYA, limit=500)
        assert mine and {row["owner_id"] for row in mine} == {PRIYA}
        assert [row["id"] for row in api.get(kind, ids="3,1,987654")] == [1, 3]
        assert api.get(kind, owner_id=987654) == []
    organization = api.post("organizations", {"name": "Acme"})["id"]
    person = api.post("persons", {"name": "Ada", "org_id": organization})["id"]
    deal = api.post("deals", {"title": "x", "org_id": organization, "person_id": person})
    for path, query in (
        ("persons", {"org_id": organization}),
        ("persons", {"deal_id": deal["id"]}),
        ("deals", {"org_id": organization}),
        ("deals", {"person_id": person}),
        ("deals", {"stage_id": deal["stage_id"], "ids": deal["id"]}),
        ("deals", {"pipeline_id": deal["pipeline_id"], "ids": deal["id"]}),
    ):
        assert [row["id"] for row in api.get(path, **query)] == [person if path == "persons" else deal["id"]], (path, query)
    assert api.get("deals", pipeline_id=987654) == api.get("persons", deal_id=987654) == []


def test_a_filter_takes_the_place_of_ids(api: Asking) -> None:
    assert len(api.get("persons", ids="1", filter_id=1, limit=500)) > 1
    assert api.refusal("GET", "persons", ids="1,x") == REFUSED + "ids: The value is not a valid list of integers"
    assert api.refusal("GET", "persons", ids=",".join(map(str, range(101)))).startswith(REFUSED + "ids: ")


def test_deals_are_listed_by_status(api: Asking) -> None:
    made = {status: api.post("deals", {"title": "x", "status": status})["id"] for status in ("open", "won", "lost")}
    for status, number in made.items():
        assert number in [row["id"] for row in api.get("deals", status=status, limit=500)]
        assert {row["status"] for row in api.get("deals", status=status, limit=500)} == {status}
    both = {row["status"] for row in api.get("deals", status="won,lost", limit=500)}
    assert both == {"won", "lost"}
    assert api.refusal("GET", "deals", status="all").startswith(REFUSED + "status: ")


def test_changes_since_a_moment_begin_with_it_and_end_before_another(tmp_path: Path) -> None:
    with account(tmp_path) as api:
        moments = []
        for place in range(3):
            moments.append(api.post("persons", {"name": str(place)})["update_time"].removesuffix("Z"))
            time.sleep(1.1)
        for zone in ("Z", "+00:00"):
            since, until = moments[1] + zone, moments[2] + zone
            assert [row["name"] for row in api.get("persons", updated_since=since)] == ["1", "2"]
            assert [row["name"] for row in api.get("persons", updated_until=until)] == ["0", "1"]
            assert [row["name"] for row in api.get("persons", updated_since=since, updated_until=until)] == ["1"]
        api.patch("persons/1", {"name": "changed"})
        assert "changed" in [row["name"] for row in api.get("persons", updated_since=since)]


@pytest.mark.parametrize(
    "moment", ["2024-01-01T00:00:00.000Z", "2024-01-01", "2024-01-01 00:00:00", "2024-13-01T00:00:00Z", "now"]
)
def test_a_moment_with_fractions_or_none_at_all_is_refused(api: Asking, moment: str) -> None:
    answer = api.send("GET", "deals", updated_since=moment)
    assert answer.status_code == 400
    assert answer.json()["code"] == "ERR_SCHEMA_VALIDATION_FAILED"
    assert answer.json()["error"] == REFUSED + "updated_since: The value is not a valid datetime"


@pytest.mark.parametrize(
    ("path", "name"),
    [("activities", "type"), ("deals", "start"), ("persons", "term"), ("products", "include_fields"), ("deals/1", "limit")],
)
def test_an_unknown_parameter_is_refused(api: Asking, path: str, name: str) -> None:
    said = api.refusal("GET", path, **{name: "1"})
    assert said == f"{REFUSED}{name}: Parameter '{name}' is not allowed for this request"


@pytest.mark.parametrize("kind", TAP)
def test_the_long_lists_of_fields_that_readers_ask_for_are_answered(api: Asking, kind: str) -> None:
    status = {"status": "open,won,lost,deleted"} if kind == "deals" else {}
    query = {"limit": 500, "updated_since": "1970-01-01T00:00:00Z", "sort_by": "update_time", "include_fields": TAP[kind]}
    rows = api.get(kind, **query, **status)
    assert set(TAP[kind].split(",")) <= set(rows[0])
    moments = [row["update_time"] for row in rows]
    assert all(one <= other for one, other in pairwise(moments))


def test_a_list_can_lag_behind_what_was_written(tmp_path: Path) -> None:
    with account(tmp_path, scale=1, list_lag_seconds="1") as api:
        person = api.post("persons", {"name": "Ada"})["id"]
        assert api.get("persons") == []
        assert api.get(f"persons/{person}")["name"] == "Ada"
        time.sleep(1.2)
        assert [row["name"] for row in api.get("persons")] == ["Ada"]
        api.patch(f"persons/{person}", {"name": "Bob"})
        assert [row["name"] for row in api.get("persons")] == ["Ada"]
        time.sleep(1.2)
        assert [row["name"] for row in api.get("persons")] == ["Bob"]
