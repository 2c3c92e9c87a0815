"""The rehearsal Pipedrive at the edges: a change leaves the rest alone, a full last page is the last, a merge loses nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pipedrive_small import opened
from pipedrive_tenant import DANA, ME, PRIYA, REFUSED, Asking, account

from workbench import rehearsal
from workbench.rehearsal import canonical
from workbench.rehearsal.engine import Call

TENANT = Path(rehearsal.__file__).parent / "tenants" / "pipedrive_growth.toml"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with account(tmp_path_factory.mktemp("details")) as asking:
        yield asking


def person(api: Asking, name: str = "Ada", **keys: object) -> int:
    return int(api.post("persons", {"name": name, **keys})["id"])


def merged(api: Asking, kind: str, gone: int, stays: int) -> None:
    answer = api.send("PUT", f"/v1/{kind}/{gone}/merge", {"merge_with_id": stays})
    assert answer.status_code == 200, answer.text


# ---- deals


@pytest.mark.parametrize("change", [{"title": "b"}, {"value": 9}, {"status": "same"}])
def test_a_change_of_something_else_leaves_a_closed_deal_closed_when_it_was(api: Asking, change: dict[str, Any]) -> None:
    moment = "2020-01-02T03:04:05Z"
    for status in ("won", "lost"):
        reason = {"lost_reason": "price"} if status == "lost" else {}
        made = api.post("deals", {"title": "a", "status": status, f"{status}_time": moment, **reason})
        sent = {**change, **({"status": status} if "status" in change else {})}
        changed = api.patch(f"deals/{made['id']}", sent)
        kept = ("status", "won_time", "lost_time", "close_time", "lost_reason")
        assert {key: changed[key] for key in kept} == {key: made[key] for key in kept}
        assert changed["close_time"] == moment


def test_a_deal_that_is_won_again_was_first_won_when_it_first_was(api: Asking) -> None:
    path = f"deals/{api.post('deals', {'title': 'a', 'status': 'won', 'won_time': '2020-01-02T03:04:05Z'})['id']}"
    api.patch(path, {"status": "open"})
    again = api.patch(path, {"status": "won", "won_time": "2021-01-02T03:04:05Z"})
    assert again["won_time"] == "2021-01-02T03:04:05Z"
    assert api.get(path, include_fields="first_won_time")["first_won_time"] == "2020-01-02T03:04:05Z"


def test_a_change_of_something_else_leaves_a_deal_in_its_stage(api: Asking) -> None:
    last = api.get("stages")[-1]
    deal = api.post("deals", {"title": "a", "stage_id": last["id"]})["id"]
    for change in ({"title": "b"}, {"pipeline_id": last["pipeline_id"]}, {"status": "won"}):
        changed = api.patch(f"deals/{deal}", change)
        assert (changed["stage_id"], changed["pipeline_id"]) == (last["id"], last["pipeline_id"])
        assert changed["stage_change_time"] is None


def test_archived_deals_do_not_count_as_open_ones_until_they_are_brought_back(tmp_path: Path) -> None:
    recipe = tmp_path / "small.toml"
    recipe.write_text(TENANT.read_text(encoding="utf-8").replace("open_deals = 10000", "open_deals = 1"), encoding="utf-8")
    with account(tmp_path, tenant=recipe) as api:
        api.post("deals", {"title": "a"})
        archived = api.post("deals", {"title": "b", "is_archived": True})["id"]
        assert "limit reached" in api.refusal("PATCH", f"deals/{archived}", {"is_archived": False}, expect=403)
        assert "limit reached" in api.refusal("POST", "deals", {"title": "c"}, expect=403)


# ---- values


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("daterange", {"value": "2024-01-01", "until": "2024-02-30"}),
        ("timerange", {"value": "09:00", "until": "25:00"}),
        ("set", ["known", 987654]),
    ],
)
def test_the_second_half_of_a_value_is_looked_at_too(api: Asking, kind: str, sent: Any) -> None:
    options = {"options": [{"label": "A"}]} if kind == "set" else {}
    field = api.post("dealFields", {"field_name": f"Half {kind}", "field_type": kind, **options})
    value = [field["options"][0]["id"], *sent[1:]] if kind == "set" else sent
    said = api.refusal("POST", "deals", {"title": "x", "custom_fields": {field["field_code"]: value}})
    assert said.startswith(f"{REFUSED}custom_fields: ")


def test_both_ends_of_a_time_range_have_seconds(api: Asking) -> None:
    code = api.post("dealFields", {"field_name": "Shift", "field_type": "timerange"})["field_code"]
    sent = {"value": "09:00", "until": "10:30"}
    shown = api.post("deals", {"title": "x", "custom_fields": {code: sent}})["custom_fields"][code]
    assert (shown["value"], shown["until"]) == ("09:00:00", "10:30:00")


# ---- lists and search


def test_a_last_page_that_is_full_is_still_the_last(tmp_path: Path) -> None:
    with account(tmp_path) as api:
        for place in range(4):
            person(api, f"Wren {place}")
        for path, query in (("persons", {}), ("persons/search", {"term": "wren"})):
            first = api.send("GET", path, limit=2, **query).json()["additional_data"]["next_cursor"]
            last = api.send("GET", path, limit=2, cursor=first, **query).json()
            rows = last["data"] if path == "persons" else last["data"]["items"]
            assert (len(rows), last["additional_data"]["next_cursor"]) == (2, None)


def test_changes_since_a_moment_begin_with_it_and_those_until_it_end_before_it(tmp_path: Path) -> None:
    now, said = 1_767_225_600.0, "2026-01-01T00:00:00Z"  # no clock over the wire would strike so exactly
    vendor, state = opened(tmp_path / "small.sqlite")

    def ask(method: str, body: bytes = b"", **query: str) -> Any:
        with state.transaction():
            reply = vendor.answer(Call(method, ("api", "v2", "persons"), query, {}, body, "http://127.0.0.1", now))
        return json.loads(reply.body)["data"]

    ask("POST", b'{"name": "Ada"}')
    assert [row["update_time"] for row in ask("GET", updated_since=said)] == [said]
    assert ask("GET", updated_until=said) == []
    state.close()


def test_deleted_deals_are_listed_where_they_stood_before(api: Asking) -> None:
    open_, archived = (api.post("deals", {"title": "a", "is_archived": archived})["id"] for archived in (False, True))
    for number in (open_, archived):
        api.delete(f"deals/{number}")
    both = f"{open_},{archived}"
    assert [row["id"] for row in api.get("deals", status="deleted", ids=both)] == [open_]
    assert [row["id"] for row in api.get("deals/archived", status="deleted", ids=both)] == [archived]
    assert api.get("deals/archived", status="open", ids=both) == []


def test_leads_are_found_by_their_person_and_their_organization(api: Asking) -> None:
    ada, firm = person(api), api.post("organizations", {"name": "Acme"})["id"]
    of_ada, of_firm = (
        api.post("/v1/leads", {"title": "Skylight", **link})["id"] for link in ({"person_id": ada}, {"organization_id": firm})
    )
    for query, wanted in (({"person_id": ada}, of_ada), ({"organization_id": firm}, of_firm)):
        assert [hit["item"]["id"] for hit in api.get("leads/search", term="skylight", **query)["items"]] == [wanted]


def test_what_belongs_to_a_hit_comes_newest_first(api: Asking) -> None:
    number = person(api, "Quillfeather")
    deals = [api.post("deals", {"title": f"Deal {place}", "person_id": number})["id"] for place in range(3)]
    answer = api.get("itemSearch", term="quillfeather", item_types="person", search_for_related_items="true")
    assert [hit["item"]["id"] for hit in answer["related_items"]] == deals[::-1]


# ---- merges


def test_of_two_custom_values_the_survivors_stays(api: Asking) -> None:
    one, two = (
        api.post("personFields", {"field_name": name, "field_type": "varchar"})["field_code"] for name in ("One", "Two")
    )
    gone = person(api, custom_fields={one: "gone", two: "only here"})
    stays = person(api, custom_fields={one: "stays"})
    merged(api, "persons", gone, stays)
    values = api.get(f"persons/{stays}")["custom_fields"]
    assert (values[one], values[two]) == ("stays", "only here")


def test_a_merge_joins_followers_and_labels(api: Asking) -> None:
    labels = [row["id"] for row in api.get("personFields/label_ids")["options"]][:2]
    gone, stays = person(api, label_ids=labels[:1]), person(api, label_ids=labels[1:])
    for number, users in ((gone, (DANA, ME)), (stays, (PRIYA, ME))):
        for user in users:
            api.post(f"persons/{number}/followers", {"user_id": user})
    merged(api, "persons", gone, stays)
    assert {row["user_id"] for row in api.get(f"persons/{stays}/followers")} == {DANA, PRIYA, ME}
    assert len(api.get(f"persons/{stays}/followers")) == 3
    assert sorted(api.get(f"persons/{stays}")["label_ids"]) == sorted(labels)


@pytest.mark.parametrize("first", ["gone", "stays"])
def test_two_participants_who_become_one_stay_the_primary_one(api: Asking, first: str) -> None:
    who = {"gone": person(api, "Bob"), "stays": person(api, "Rob"), "other": person(api, "Eve")}
    second = "stays" if first == "gone" else "gone"
    rows = [{"person_id": who[first]}, {"person_id": who["other"]}, {"person_id": who[second], "primary": True}]
    activity = api.post("activities", {"subject": "Call", "participants": rows})["id"]
    merged(api, "persons", who["gone"], who["stays"])
    shown = api.get(f"activities/{activity}")
    assert shown["person_id"] == who["stays"]
    people = [{"person_id": who["stays"], "primary": True}, {"person_id": who["other"], "primary": False}]
    assert shown["participants"] == people


# ---- notes


def test_a_note_lets_go_of_a_record_and_of_the_pin_on_it(api: Asking) -> None:
    deal, ada = api.post("deals", {"title": "Roof"})["id"], person(api)
    links = {"deal_id": deal, "person_id": ada, "pinned_to_deal_flag": 1, "pinned_to_person_flag": 1}
    path = f"/v1/notes/{api.post('/v1/notes', {'content': 'x', **links})['id']}"
    assert api.send("PUT", path, {"content": "y"}).json()["data"]["deal_id"] == deal
    changed = api.send("PUT", path, {"deal_id": None}).json()["data"]
    assert (changed["content"], changed["deal_id"], changed["person_id"]) == ("y", None, ada)
    assert (changed["pinned_to_deal_flag"], changed["pinned_to_person_flag"]) == (False, True)
    assert api.get("/v1/notes", deal_id=deal) is None
    assert "must be given" in api.refusal("PUT", path, {"person_id": None})


def test_a_deleted_note_takes_its_comments_along(api: Asking) -> None:
    deal = api.post("deals", {"title": "Roof"})["id"]
    before = canonical(api.stand_in.dump())
    path = f"/v1/notes/{api.post('/v1/notes', {'content': 'x', 'deal_id': deal})['id']}"
    api.post(f"{path}/comments", {"content": "Yes"})
    api.delete(path)
    assert canonical(api.stand_in.dump()) == before


# ---- what v1 takes without a shape


ODD: tuple[Any, ...] = (None, [], {}, [1], {"a": 1}, "x", "", 1.5, True, -1, 0, 10**30, "9" * 30, 987654)
LINKS = ("deal_id", "person_id", "org_id", "lead_id")
CALL = {
    "outcome": "busy",
    "to_phone_number": "1",
    "start_time": "2026-01-01 10:00:00",
    "end_time": "2026-01-01 10:01:00",
}
OPEN_BODIES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "leads": (
        {"title": "t", "person_id": 1},
        ("title", "owner_id", "person_id", "organization_id", "label_ids", "value", "visible_to", "expected_close_date"),
    ),
    "notes": ({"content": "t", "deal_id": 1}, ("content", "user_id", "add_time", "pinned_to_deal_flag", *LINKS)),
    "callLogs": (CALL, (*CALL, "subject", "note", "from_phone_number", *LINKS)),
    "organizationRelationships": (
        {"type": "parent", "rel_owner_org_id": 1, "rel_linked_org_id": 2},
        ("type", "rel_owner_org_id", "rel_linked_org_id"),
    ),
    "deals/1/participants": ({"person_id": 1}, ("person_id",)),
}


@pytest.mark.parametrize("unknown_link", ["reject", "not_found", "accept"])
def test_a_value_of_any_kind_is_taken_or_refused_in_words(tmp_path: Path, unknown_link: str) -> None:
    with account(tmp_path, unknown_link=unknown_link) as api:
        person(api)
        api.post("deals", {"title": "Roof"})
        for name in ("Acme", "Beta"):
            api.post("organizations", {"name": name})
        for path, (body, keys) in OPEN_BODIES.items():
            for key in keys:
                for value in ODD:
                    answer = api.send("POST", f"/v1/{path}", {**body, key: value})
                    assert answer.status_code < 500, (path, key, value)
                    assert answer.json()["success"] is (answer.status_code < 300)
                    if answer.status_code < 300 and key.endswith("_id"):
                        assert value in (None, "", 0, -1, True, 987654) or key == "lead_id", (path, key, value)
            api.get(f"/v1/{path}", **({"org_id": 1} if path == "organizationRelationships" else {}))
