"""Call logs of the rehearsal Freshsales: what multipart tells, what JSON loses, and what a call can never say."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from freshsales_account import contact

from workbench.rehearsal import Rehearsal


def log(http: httpx.Client, **fields: str) -> httpx.Response:
    """A call as the form that the vendor really takes; keys are the bracket paths, `__` standing for a bracket."""
    named = {"phone_call" + "".join(f"[{part}]" for part in key.split("__")): value for key, value in fields.items()}
    return http.post("/phone_calls", files={key: (None, value) for key, value in named.items()})


@pytest.fixture
def person(api: httpx.Client, request: pytest.FixtureRequest) -> dict[str, Any]:
    return contact(api, email=f"{abs(hash(request.node.name))}@brightroof.example")


def calls_of(http: httpx.Client, person: dict[str, Any]) -> list[dict[str, Any]]:
    return http.get(f"/contacts/{person['id']}/conversations/all?include=note,user").json()["conversations"]


def test_a_call_by_form_finds_its_contact_and_keeps_its_note(api: httpx.Client, person: dict[str, Any]) -> None:  # §2.9
    wish = {"targetable_type": "Contact", "targetable__id": str(person["id"]), "note__description": "Wants a quote"}

    answer = log(api, call_direction="true", **wish).json()

    assert list(answer)[-1] == "phone_calls"
    call = answer["phone_calls"][0]
    assert (call["call_direction"], call["status"], call["is_manual"]) == (True, "incoming", True)
    assert call["targetable"] == {"type": "contact", "id": person["id"]}
    assert [note["description"] for note in answer["notes"]] == ["Wants a quote"]
    assert answer["notes"][0]["id"] == call["note_id"]
    assert [row["id"] for row in calls_of(api, person)] == [call["id"]]


def test_json_loses_the_contact_without_a_word_and_fails_on_a_note(api: httpx.Client, person: dict[str, Any]) -> None:  # §2.9
    wish = {"call_direction": True, "targetable_type": "Contact", "targetable": {"id": person["id"]}}

    silent = api.post("/phone_calls", json={"phone_call": wish})
    broken = api.post("/phone_calls", json={"phone_call": {**wish, "note": {"description": "x"}}})

    assert silent.status_code == 200
    assert silent.json()["phone_calls"][0]["targetable"] is None
    assert broken.status_code == 500
    assert calls_of(api, person) == []


@pytest.mark.parametrize(
    ("row", "wish", "status", "incoming", "found"),
    [
        ("the direction is a boolean", {"call_direction": "incoming"}, 200, False, True),
        ("outgoing", {"call_direction": "false"}, 200, False, True),
        ("an id without a type is not enough", {"targetable_type": ""}, 200, True, False),
        ("a type without an id is not enough", {"targetable__id": ""}, 200, True, False),
        ("a note as text fails", {"note": "Wants a quote"}, 500, None, False),
        ("a recording is ignored", {"recording_url": "https://audio.example/1.mp3"}, 200, True, True),
        ("date and length are ignored", {"created_at": "2001-01-01", "call_duration": "60"}, 200, True, True),
        ("whom the account does not know is not found", {"targetable__id": "7"}, 404, None, False),
    ],
)
def test_a_call_takes_what_was_seen_live(
    api: httpx.Client, person: dict[str, Any], row: str, wish: dict[str, str], status: int, incoming: bool | None, found: bool
) -> None:  # §2.9
    base = {"call_direction": "true", "targetable_type": "Contact", "targetable__id": str(person["id"])}

    answer = log(api, **{**base, **wish})

    assert answer.status_code == status, row
    if status == 200:
        call = answer.json()["phone_calls"][0]
        assert (call["call_direction"], call["recording_url"], call["call_duration"]) == (incoming, None, None), row
        assert not call["is_external_recording_url"]
        assert not call["created_at"].startswith("2001")
    assert bool(calls_of(api, person)) == found, row


def test_a_target_by_name_makes_a_person(api: httpx.Client) -> None:  # §2.9: wrong recipient
    wish = {"targetable_type": "Contact", "targetable__last_name": "Stranger", "targetable__mobile_number": "+16145550177"}

    answer = log(api, call_direction="true", **wish).json()

    number = answer["phone_calls"][0]["targetable"]["id"]
    assert api.get(f"/contacts/{number}").json()["contact"]["last_name"] == "Stranger"


def test_a_target_that_is_text_fails_on_the_server(suite: Rehearsal, api: httpx.Client) -> None:  # §2.9
    answer = log(api, call_direction="true", targetable_type="Contact", targetable="{}")

    assert answer.status_code == 500
    assert suite.log()["fault"].iloc[-1] is None  # the vendor's failure, not ours
