"""Where a link leads once its parent was merged, and what becomes of texts that have to share one field."""

from __future__ import annotations

from typing import Any

import pytest
from small_route import aside, column, ends, route, source, staged, table

from workbench.frames.staged import Staged

NAME = {"column": "name", "to": "name", "recipe": "text", "required": True}
LISTED = {"name": "organisations", "table": "organisations", "object": "sales_account", "fields": [NAME]}
NAMED = {"column": "company", "feed": "organisations", "with": "name", "recipe": "text", "reason": "listed_organisation"}
COMPANY = {"column": "company", "to": "name", "recipe": "text", "required": True}
COMPANIES = {"name": "companies", "table": "people", "object": "sales_account", "merge": [NAMED], "fields": [COMPANY]}
PERSON = {"column": "name", "to": "last_name", "recipe": "text", "required": True}
OWN_COMPANY = [{"to": "sales_accounts", "feed": "companies", "column": "id"}]
PEOPLE = {"name": "people", "table": "people", "fields": [PERSON], "lookups": OWN_COMPANY}
KNOWN = source({"organisations": "id", "people": "id"})


def made(*feeds: dict[str, Any], people: list[dict[str, object]]) -> dict[str, Staged]:
    there = table("organisations", {"id": "o1", "name": "Acme"})
    return staged(route(*feeds), KNOWN, [there, table("people", *people)])


def test_a_link_by_key_follows_its_parent_into_a_record_of_another_feed() -> None:
    people = [{"id": "1", "name": "Ann", "company": "Acme "}, {"id": "2", "name": "Bo", "company": "Bolt"}]
    found = made(LISTED, COMPANIES, PEOPLE, people=people)
    assert ends(found["companies"])[0] == ("merged", "listed_organisation", "organisations/o1")
    assert column(found["people"], "sales_accounts") == ["organisations/o1", "companies/2"]
    assert not aside(found["people"])


def test_a_link_by_key_never_leads_to_a_record_of_another_object() -> None:
    """A lead that was merged into a contact is no lead any more: its number in a link to leads would name another record."""
    contacts = {"name": "contacts", "table": "organisations", "object": "contact", "fields": [{**NAME, "to": "last_name"}]}
    lead = {"name": "leads", "table": "people", "object": "lead", "merge": [{**NAMED, "feed": "contacts"}], "fields": [PERSON]}
    link = {"to": "lead", "feed": "leads", "column": "id"}
    notes = {"name": "notes", "table": "people", "object": "note", "lookups": [link]}
    notes |= {"fields": [{"column": "name", "to": "description", "recipe": "text"}]}
    found = made(contacts, lead, notes, people=[{"id": "1", "name": "Ann", "company": "Acme"}])
    assert ends(found["leads"])[0] == ("merged", "listed_organisation", "contacts/o1")
    assert column(found["notes"], "lead") == [None]
    assert {reason for _, _, _, reason in aside(found["notes"])} == {"parent_missing"}


def test_texts_that_share_a_field_stay_whole_and_the_rest_is_named() -> None:
    words = {"column": "said", "to": "job_title", "recipe": "text", "combine": "join", "separator": " | "}
    words |= {"options": {"max_length": 24, "cut": True}}
    grouped = {"name": "people", "table": "people", "group": ["name"], "fields": [PERSON, words]}
    said = ["first thing", "second", "the third thing", None, "first thing"]
    people = [{"id": str(n), "name": "Ann", "said": text} for n, text in enumerate(said)]
    found = made(LISTED, grouped, people=people)["people"]
    assert column(found, "job_title") == ["first thing | second […]"]
    assert aside(found) == {("people.csv:4", "said", "job_title", "no_room_beside_others")}
    roomy = {**grouped, "fields": [PERSON, {**words, "options": {"max_length": 200, "cut": True}}]}
    found = made(LISTED, roomy, people=people)["people"]
    assert column(found, "job_title") == ["first thing | second | the third thing"]
    assert not aside(found)


GUESTS = {"table": "seats", "mine": "meeting", "theirs": "guest", "first": True}
MEETING = {"column": "title", "to": "name", "recipe": "text", "required": True}
MEETINGS = {"name": "meetings", "table": "meetings", "object": "deal", "fields": [MEETING], "constants": {"amount": "0"}}
HELD = [{"rule": "not_held", "about": "", "when": {"column": "state", "is": ["off"]}}]
FILE = {"column": "of", "to": "description", "recipe": "text", "required": True}
PLACES = [
    {"to": "deal", "feed": "meetings", "column": "of"},
    {"to": "contact", "feed": "people", "column": "whose", "unless": ["deal"]},
    {"to": "contact", "feed": "people", "column": "of", "through": GUESTS, "unless": ["deal", "contact"]},
]
FILES = {"name": "files", "table": "files", "object": "note", "fields": [FILE], "lookups": PLACES, "needs": ["deal", "contact"]}


def placed(*files: dict[str, object]) -> Staged:
    """Files of three meetings: one that was held, one that a rule leaves out, and one that waits, for its title is too long."""
    known = source({"people": "id", "meetings": "id", "seats": "guest", "files": "id"})
    meetings = [{"id": "m1", "title": "One"}, {"id": "m2", "title": "Two", "state": "off"}, {"id": "m3", "title": "x" * 300}]
    seats = [{"meeting": m, "guest": guest} for m in ("m1", "m2", "m3") for guest in ("nobody", "2", "1")]
    waiting = {**MEETINGS, "exclude": HELD, "fields": [{**MEETING, "on_error": "hold", "options": {"max_length": 255}}]}
    tables = [
        table("people", {"id": "1", "name": "Ann"}, {"id": "2", "name": "Bo"}),
        table("meetings", *meetings),
        table("seats", *seats),
        table("files", *files),
    ]
    return staged(route({**PEOPLE, "lookups": []}, waiting, FILES), known, tables)["files"]


def test_a_link_may_stand_in_for_another_one_that_leads_to_a_row_left_out() -> None:
    """It goes to the first guest who is known, each of several files of one meeting; beside the other link it says nothing."""
    found = placed(
        {"id": "f1", "of": "m1", "whose": "1"},
        {"id": "f2", "of": "m2"},
        {"id": "f3", "of": "m2"},
        {"id": "f4", "of": "m2", "whose": "1"},
    )
    assert column(found, "deal") == ["meetings/m1", None, None, None]
    assert column(found, "contact") == [None, "people/2", "people/2", "people/1"]
    assert not aside(found)


def test_what_waits_for_its_record_is_not_given_to_another_one() -> None:
    found = placed({"id": "f1", "of": "m3", "whose": "1"}, {"id": "f2", "of": "m9"}, {"id": "f3", "of": "m2", "whose": "7"})
    assert ends(found) == [("held", "parent_missing", None)] * 3


def test_a_link_stands_in_only_for_one_that_is_stated_before_it() -> None:
    with pytest.raises(ValueError, match="which no lookup before it looks up"):
        route({**PEOPLE, "lookups": []}, MEETINGS, {**FILES, "lookups": [PLACES[1], PLACES[0]]})
