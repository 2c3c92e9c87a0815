"""Activities of the rehearsal Pipedrive: types, times, participants, and which of several links stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pipedrive_tenant import DANA, REFUSED, Asking, account


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with account(tmp_path_factory.mktemp("activities")) as asking:
        for name in ("Ada", "Bob"):
            asking.post("persons", {"name": name})
        asking.post("organizations", {"name": "Acme"})
        asking.post("deals", {"title": "Roof", "person_id": 1})
        yield asking


def test_an_activity_needs_nothing(api: Asking) -> None:
    activity = api.post("activities", {})
    assert (activity["type"], activity["subject"], activity["done"], activity["busy"]) == ("call", "Call", False, False)
    empty = ("deal_id", "lead_id", "person_id", "org_id", "project_id", "due_date", "due_time", "duration", "location", "note")
    assert {key: activity[key] for key in empty} == dict.fromkeys(empty)
    assert activity["participants"] == []
    assert "attendees" not in activity
    assert "custom_fields" not in activity


def test_its_person_is_the_primary_participant(api: Asking) -> None:
    rows = [{"person_id": 1}, {"person_id": 2, "primary": True}]
    activity = api.post("activities", {"participants": rows})
    assert activity["person_id"] == 2
    assert activity["participants"] == [{"person_id": 1, "primary": False}, {"person_id": 2, "primary": True}]
    assert activity["id"] in [row["id"] for row in api.get("activities", person_id=2)]
    assert activity["id"] not in [row["id"] for row in api.get("activities", person_id=1)]
    assert api.post("activities", {"participants": [{"person_id": 1}]})["person_id"] == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"person_id": 1}, "person_id: Parameter 'person_id' is not allowed for this request"),
        ({"user_id": 1}, "user_id: Parameter 'user_id' is not allowed for this request"),
        ({"custom_fields": {}}, "custom_fields: Parameter 'custom_fields' is not allowed for this request"),
        ({"add_time": "x"}, "add_time: Parameter 'add_time' is not allowed for this request"),
        ({"participants": [1]}, "participants: The value is not a valid 'object'"),
        (
            {"participants": [{"person_id": 1, "primary_flag": True}]},
            "participants: primary_flag: Parameter 'primary_flag' is not allowed for this request",
        ),
        (
            {"participants": [{"person_id": 1, "primary": True}, {"person_id": 2, "primary": True}]},
            "participants: Only one participant can be primary",
        ),
        ({"participants": [{"person_id": 987654}]}, "participants: Person 987654 does not exist"),
        ({"type": "seance"}, "type: Activity type 'seance' does not exist"),
        ({"deal_id": 987654}, "deal_id: Deal 987654 does not exist"),
        ({"lead_id": "no-such-lead"}, "lead_id: Lead no-such-lead does not exist"),
        ({"due_date": "12/24/2026"}, "due_date: The value is not a valid 'date'"),
        ({"due_date": None}, "due_date: The value is not a valid 'string'"),
        ({"due_time": "25:00"}, "due_time: The value is not a valid 'time'"),
        ({"done": 1}, "done: The value is not a valid 'boolean'"),
        ({"note": "x" * (100 * 1024 + 1)}, "note: The value is larger than 100 KB"),
        ({"location": {"locality": "X"}}, "location: value: The value is required"),
    ],
)
def test_what_an_activity_cannot_hold_is_named(api: Asking, body: Any, words: str) -> None:
    assert api.refusal("POST", "activities", body) == REFUSED + words


def test_a_deal_goes_before_a_lead_and_a_lead_before_a_project(tmp_path: Path) -> None:
    with account(tmp_path, unknown_link="accept", unknown_activity_type="accept", activity_primary="none") as api:
        links = {"deal_id": 5, "lead_id": "adf21080-0e10-11eb-879b-05d71fb426ec", "project_id": 7}
        for place, key in enumerate(links):
            sent = dict(list(links.items())[place:])
            activity = api.post("activities", sent)
            assert {name: activity[name] for name in links} == {name: links[name] if name == key else None for name in links}
        lead = api.post("activities", {"lead_id": links["lead_id"]})
        assert api.patch(f"activities/{lead['id']}", {"deal_id": 5})["lead_id"] is None
        assert [row["id"] for row in api.get("activities", lead_id=links["lead_id"])] == [2]
        assert api.post("activities", {"type": "seance"})["type"] == "seance"
        assert api.post("activities", {"participants": [{"person_id": 1}]})["person_id"] is None


@pytest.mark.parametrize(
    ("form", "taken", "refused"),
    [("both", ["15:00", "15:00:00"], []), ("HH:MM", ["15:00"], ["15:00:00"]), ("HH:MM:SS", ["15:00:00"], ["15:00"])],
)
def test_times_are_taken_in_the_form_of_the_switch(tmp_path: Path, form: str, taken: list[str], refused: list[str]) -> None:
    with account(tmp_path, due_time_form=form) as api:
        for value in taken:
            activity = api.post("activities", {"due_date": "2026-01-02", "due_time": value, "duration": value})
            assert (activity["due_time"], activity["duration"]) == (value, value)
        for value in refused:
            assert (
                api.refusal("POST", "activities", {"due_time": value}) == REFUSED + "due_time: The value is not a valid 'time'"
            )


def test_a_finished_activity_keeps_its_day_and_says_when_it_was_finished(api: Asking) -> None:
    activity = api.post("activities", {"due_date": "2019-01-02", "done": True})
    assert (activity["due_date"], activity["done"]) == ("2019-01-02", True)
    assert activity["marked_as_done_time"] == activity["add_time"]
    undone = api.patch(f"activities/{activity['id']}", {"done": False})
    assert (undone["done"], undone["marked_as_done_time"]) == (False, None)


def test_everything_that_was_sent_is_read_again(api: Asking) -> None:
    sent = {
        "subject": "Visit",
        "type": "meeting",
        "owner_id": DANA,
        "deal_id": 1,
        "org_id": 1,
        "due_date": "2026-01-02",
        "due_time": "15:00",
        "duration": "00:30",
        "busy": True,
        "public_description": "p",
        "priority": 1,
        "note": "<b>n</b>",
        "outcome": "o",
    }
    place = {"value": "1 Main St"}
    guests = [{"email": "a@x.example", "name": "A", "is_organizer": True}]
    activity = api.post("activities", {**sent, "location": place, "attendees": guests})
    read = api.get(f"activities/{activity['id']}", include_fields="attendees")
    assert {key: read[key] for key in sent} == sent
    assert read["location"]["value"] == "1 Main St"
    assert read["attendees"] == guests
    assert api.get("deals/1")["id"] == 1
    assert activity["id"] in [row["id"] for row in api.get("activities", deal_id=1)]
    assert activity["id"] in [row["id"] for row in api.get("activities", org_id=1, owner_id=DANA)]


def test_activities_are_listed_by_whether_they_are_done(api: Asking) -> None:
    done, open_ = (api.post("activities", {"done": value})["id"] for value in (True, False))
    assert done in (rows := [row["id"] for row in api.get("activities", done="true", limit=500)])
    assert open_ not in rows
    assert open_ in [row["id"] for row in api.get("activities", done="false", limit=500)]


def test_a_deleted_deal_and_person_leave_the_activity(api: Asking) -> None:
    person, deal = api.post("persons", {"name": "Eve"})["id"], api.post("deals", {"title": "x"})["id"]
    activity = api.post("activities", {"deal_id": deal, "participants": [{"person_id": person}]})["id"]
    api.delete(f"persons/{person}")
    api.delete(f"deals/{deal}")
    left = api.get(f"activities/{activity}")
    assert (left["deal_id"], left["person_id"], left["participants"]) == (None, None, [])
