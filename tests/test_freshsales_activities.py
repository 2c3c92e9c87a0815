"""Tasks, appointments and sales activities of Freshsales, by the client against the rehearsal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from freshsales_objects import Crm, by_key, comes_and_goes, crm, loses_no_answer, not_made, round_trip, shown, states

from workbench.destinations import Draft
from workbench.ledger.loading import load
from workbench.ledger.unloading import unload

OBJECTS = ("task", "appointment", "sales_activity")
PATHS = {"task": "/tasks", "appointment": "/appointments", "sales_activity": "/sales_activities"}
TEXTS = {"task": "description", "appointment": "description", "sales_activity": "notes"}
MOMENT = "2024-03-31T01:30:00+00:00"


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    with crm(tmp_path_factory.mktemp("activities")) as made:
        yield made


def values_of(there: Crm, object_: str, parent: str = "contact") -> dict[str, Any]:
    own: dict[str, dict[str, Any]] = {
        "task": {"title": "Ring back", "description": "a < b\nand more", "due_date": MOMENT, "done": True},
        "appointment": {
            "title": "Site visit", "description": "<p>Bring <b>ladder</b></p>", "from_date": "2017-12-04T09:00:00+00:00",
            "end_date": "2017-12-04T10:30:00+00:00", "time_zone": "Central America", "location": "Roof", "is_allday": False,
            "attendees": there.parents["contact"],
        },
        "sales_activity": {
            "title": "Call of 2017", "type": "Imported call", "outcome": "Voicemail", "notes": "spoke to nobody",
            "start_date": "2017-12-04T09:00:00+00:00", "end_date": "2017-12-04T09:04:00+00:00", "location": "phone",
        },
    }  # fmt: skip
    return {**own[object_], parent: there.parents[parent]}


@pytest.mark.parametrize("parent", ["contact", "sales_account", "deal"])
@pytest.mark.parametrize("object_", OBJECTS)
def test_an_activity_reads_back_as_it_was_sent_on_each_kind_of_parent(there: Crm, object_: str, parent: str) -> None:
    record = round_trip(there, object_, values_of(there, object_, parent), key=f"p:{object_}:{parent}")
    held = there.records(f"{PATHS[object_][1:]}")[record.id][TEXTS[object_]]
    assert held.endswith(f"[migration key: p:{object_}:{parent}]")


@pytest.mark.parametrize("object_", OBJECTS)
def test_a_change_of_the_text_keeps_our_key_and_all_else(there: Crm, object_: str) -> None:
    client, text = there.client(), TEXTS[object_]
    key = f"p:{object_}:changed"
    number = client.write(object_, [Draft(key, values_of(there, object_))])[0].id
    before = client.read(object_, [number])[0]
    (changed,) = client.write(object_, [Draft(key, {"title": "New title", text: "New text"}, number)])
    after = client.read(object_, [number])[0]
    assert changed.state == "done" and after.key == key
    assert {**before.values, "title": "New title", text: "New text"} == after.values == changed.after
    assert client.write(object_, [Draft(key, {text: None}, number)])[0].state == "done"
    assert client.read(object_, [number])[0].values[text] is None and client.read(object_, [number])[0].key == key


@pytest.mark.parametrize("object_", OBJECTS)
def test_a_sweep_shows_those_of_others_too_and_every_page(tmp_path: Path, object_: str) -> None:
    with crm(tmp_path, settings={"page_rows": 7}) as there:
        client = there.client()
        drafts = [Draft(f"p:{object_}:{n}", {**values_of(there, object_), "title": f"T{n}"}) for n in range(23)]
        if object_ == "task":
            drafts = [Draft(draft.key, {**draft.values, "done": n % 2 == 0}) for n, draft in enumerate(drafts)]
        assert states(client.write(object_, drafts)) == ["done"] * 23
        mine = {"targetable_type": "Deal", "targetable_id": int(there.parents["deal"])}
        type_ = there.person("GET", "selector/sales_activity_types")["sales_activity_types"][-1]["id"]
        theirs = {
            "task": {"due_date": MOMENT},
            "appointment": {"from_date": "2050-01-01T10:00:00Z", "end_date": "2050-01-01T11:00:00Z"},
            "sales_activity": {"start_date": MOMENT, "end_date": MOMENT, "sales_activity_type_id": type_},
        }
        there.person("POST", PATHS[object_][1:], {object_: {"title": "theirs", **theirs[object_], **mine}})
        swept = list(there.client().sweep(object_))
        assert sorted(record.values["title"] for record in swept) == sorted([*(f"T{n}" for n in range(23)), "theirs"])
        assert len({record.id for record in swept}) == 24 and by_key(swept).keys() == {draft.key for draft in drafts}
        ids = [record.id for record in swept]
        assert [record.id for record in there.client().read(object_, ids)] == ids
        found = there.client().find(object_, "title", ["THEIRS"])
        assert [record.key for record in found] == [""]


@pytest.mark.parametrize("object_", OBJECTS)
def test_a_lost_answer_is_settled_by_a_look(there: Crm, object_: str) -> None:
    values = values_of(there, object_)
    loses_no_answer(there, object_, values, PATHS[object_])
    not_made(there, object_, values, PATHS[object_])


@pytest.mark.parametrize("object_", OBJECTS)
def test_a_rollback_leaves_the_account_as_it_was(tmp_path: Path, object_: str) -> None:
    with crm(tmp_path) as there:
        comes_and_goes(there, object_, [Draft(f"p:{object_}:{n}", values_of(there, object_)) for n in range(5)])


def test_a_task_that_people_finished_is_kept_by_the_rollback(tmp_path: Path) -> None:
    with crm(tmp_path) as there:
        values = {**values_of(there, "task"), "done": False}
        load([[Draft(f"p:task:{n}", values) for n in range(2)]], there.guard(), "task", certify=True)
        number = by_key(there.client().sweep("task"))["p:task:1"].id
        there.person("PUT", f"tasks/{number}", {"task": {"status": 1}})
        result = unload(there.guard())
        assert list(result.kept["key"]) == ["p:task:1"] and "done" in result.kept["words"][0]
        assert list(result.reversed["key"]) == ["p:task:0"] and set(there.records("tasks")) == {number}


@pytest.mark.parametrize(
    ("object_", "change", "words"),
    [
        ("task", {"due_date": "2024-03-31"}, "a day and a time with its offset"),
        ("task", {"due_date": "2024-03-31T10:00:00"}, "a day and a time with its offset"),
        ("task", {"contact": None}, "none is named"),
        ("task", {"done": "perhaps"}, "takes true or false"),
        ("sales_activity", {"type": "Carrier pigeon"}, "has no option 'Carrier pigeon'"),
        ("sales_activity", {"outcome": "Replied"}, "has no option 'Replied'"),  # it belongs to another type
        ("appointment", {"weather": "fine"}, "no field weather"),
    ],
)
def test_what_does_not_fit_is_rejected_before_anything_is_sent(
    there: Crm, object_: str, change: dict[str, Any], words: str
) -> None:
    client = there.client()
    client.metadata()
    before = len(there.rehearsal.log())
    (outcome,) = client.write(object_, [Draft("p:unfit:1", {**values_of(there, object_), **change})])
    assert outcome.state == "rejected" and words in outcome.words
    assert len(there.rehearsal.log()) == before


def test_what_the_account_refuses_comes_back_in_its_own_words(there: Crm) -> None:
    values = {**values_of(there, "task"), "contact": "999999"}
    (outcome,) = there.client().write("task", [Draft("p:refused:1", values)])
    assert outcome.state == "rejected" and "Targetable is invalid" in outcome.words


def test_several_parents_are_refused_unless_the_account_is_known_to_take_them(there: Crm) -> None:
    values = {**values_of(there, "task"), "deal": there.parents["deal"]}
    (outcome,) = there.client().write("task", [Draft("p:two:1", values)])
    assert outcome.state == "rejected" and "hangs on one record, not on 2" in outcome.words
    client = there.client(parents="list")
    (outcome,) = client.write("task", [Draft("p:two:2", values)])
    assert outcome.state == "done"
    assert shown(client.read("task", [outcome.id])[0], ["contact", "deal"]) == {
        "contact": there.parents["contact"],
        "deal": there.parents["deal"],
    }


def test_colleagues_stay_when_the_contacts_who_attend_are_changed(there: Crm) -> None:
    client = there.client()
    number = client.write("appointment", [Draft("p:appointment:who", values_of(there, "appointment"))])[0].id
    user = next(iter(client.metadata().users)).id
    people = [{"attendee_type": "FdMultitenant::User", "attendee_id": user}]
    rows = [*people, {"attendee_type": "Contact", "attendee_id": there.parents["contact"]}]
    there.person("PUT", f"appointments/{number}", {"appointment": {"appointment_attendees_attributes": rows}})
    other = there.person("POST", "contacts", {"contact": {"last_name": "Second", "email": "second@x.example"}})["contact"]["id"]
    assert client.write("appointment", [Draft("p:appointment:who", {"attendees": [str(other)]}, number)])[0].state == "done"
    assert client.read("appointment", [number])[0].values["attendees"] == str(other)
    held = there.records("appointments")[number]["attendees"]
    assert sorted((row["attendee_type"], str(row["attendee_id"])) for row in held) == [
        ("Contact", str(other)),
        ("FdMultitenant::User", user),
    ]
