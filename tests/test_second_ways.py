"""Second ways: links that look in two feeds, rows merged elsewhere, joins for some rows, texts that go on in another field."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from small_route import aside, column, ends, route, source, staged, table

from workbench.engagement import Engagement, new_engagement, open_engagement
from workbench.flow.planning import feed_plans
from workbench.frames.staged import Staged
from workbench.settings import write_settings
from workbench.specs import Lookup

LAST = {"column": "name", "to": "last_name", "recipe": "text", "required": True}
MAIL = {"column": "mail", "to": "emails", "recipe": "text"}
CONTACTS = {
    "name": "contacts",
    "table": "people",
    "fields": [LAST, MAIL],
    "when": {"column": "kind", "is": ["contact"]},
    "otherwise": "other_kind",
}
LEADS = {
    **CONTACTS,
    "name": "leads",
    "object": "lead",
    "when": {"column": "kind", "is": ["lead"]},
    "merge": [{"column": "mail", "feed": "contacts", "with": "mail", "recipe": "email", "reason": "same_email"}],
}
DEAL = {"column": "name", "to": "name", "recipe": "text", "required": True}
DEALS = {"name": "deals", "table": "deals", "object": "deal", "fields": [DEAL], "constants": {"amount": "0"}}
NOTE = {"column": "said", "to": "description", "recipe": "text", "required": True}
NOTES = {
    "name": "notes",
    "table": "notes",
    "object": "note",
    "fields": [NOTE],
    "needs": ["contact", "lead"],
    "lookups": [{"to": "contact", "feed": "contacts", "column": "who"}, {"to": "lead", "feed": "leads", "column": "who"}],
}
PEOPLE = [
    {"id": "1", "name": "Ann", "mail": "ann@x.example", "kind": "contact"},
    {"id": "2", "name": "Bo", "mail": "bo@x.example", "kind": "lead"},
    {"id": "3", "name": "Ann A.", "mail": "ANN@x.example", "kind": "lead"},
    {"id": "4", "name": None, "mail": None, "kind": "lead"},
]


def made(link: dict[str, Any]) -> dict[str, Staged]:
    deals = [{"id": who or "0", "name": f"Deal {who}", "who": who} for who in ("1", "2", "3", "4", "9", None)]
    notes = [{"id": who, "said": "Hello", "who": who} for who in ("1", "2", "3", "9")]
    known = source({"people": "id", "deals": "id", "notes": "id"})
    tables = [table("people", *PEOPLE), table("deals", *deals), table("notes", *notes)]
    return staged(route(CONTACTS, LEADS, {**DEALS, "lookups": [link]}, NOTES), known, tables)


def test_a_link_looks_among_leads_where_no_contact_is_meant() -> None:
    found = made({"to": "contacts", "feed": "contacts", "else_feed": "leads", "column": "who"})["deals"]
    assert column(found, "contacts") == ["contacts/1", "leads/2", "contacts/1", None, None, None]
    assert aside(found) == {("deals.csv:6", "", "contacts", "parent_missing")}


def test_a_link_that_looks_in_one_feed_finds_no_record_of_the_other() -> None:
    found = made({"to": "contacts", "feed": "contacts", "column": "who"})["deals"]
    assert column(found, "contacts") == ["contacts/1", None, "contacts/1", None, None, None]


def test_what_hangs_on_a_person_who_is_a_contact_already_hangs_on_that_contact() -> None:
    """A row that another feed of its table merged into a contact: its number means the contact, and never a lead."""
    found = made({"to": "contacts", "feed": "contacts", "column": "who"})
    assert ends(found["leads"])[2] == ("merged", "same_email", "contacts/1")
    assert column(found["notes"], "contact") == ["contacts/1", None, "contacts/1"]
    assert column(found["notes"], "lead") == [None, "leads/2", None]
    assert ends(found["notes"])[3][:2] == ("held", "parent_missing")


@pytest.mark.parametrize("more", [{"required": True}, {"with": "mail"}, {"feed": "", "by": "kind", "feeds": {"a": "contacts"}}])
def test_a_link_into_two_feeds_names_both_and_a_key(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="looks in two feeds"):
        Lookup.model_validate({"to": "contacts", "feed": "contacts", "else_feed": "leads", "column": "who", **more})


@pytest.mark.parametrize(("edition", "second"), [("suite", "leads"), ("classic", "")])
def test_a_lead_is_a_contact_of_a_deal_only_where_the_edition_keeps_it_as_one(tmp_path: Any, edition: str, second: str) -> None:
    engagement: Engagement = new_engagement(tmp_path / "e", route="fasttrack_to_freshsales")
    write_settings(engagement.root, engagement.settings.model_copy(update={"edition": edition}))
    engagement.store.dispose()
    again = open_engagement(engagement.root)
    (link,) = [each for each in feed_plans(again)["deals"].feed.lookups if each.to == "contacts"]
    assert (link.feed, link.else_feed) == ("contacts", second)
    again.store.dispose()


def test_a_join_is_asked_for_the_rows_of_its_condition_only() -> None:
    join = {
        "column": "on",
        "table": "calls",
        "with": "id",
        "bring": {"call of": "of"},
        "when": {"column": "kind", "is": ["call"]},
    }
    fields = [
        {"column": "name", "to": "last_name", "recipe": "text"},
        {"column": "call of", "to": "job_title", "recipe": "text"},
    ]
    chosen = route({"name": "files", "table": "files", "joins": [join], "fields": fields})
    files = [
        {"id": "1", "name": "a", "kind": "call", "on": "7"},
        {"id": "2", "name": "b", "kind": "deal", "on": "7"},
        {"id": "3", "name": "c", "kind": "call", "on": "8"},
        {"id": "4", "name": "d", "kind": "deal", "on": "8"},
    ]
    known = source({"files": "id", "calls": "id"})
    found = staged(chosen, known, [table("files", *files), table("calls", {"id": "7", "of": "Ann"})])["files"]
    assert column(found, "job_title") == ["Ann", None, None, None]
    assert aside(found) == {("files.csv:4", "call of", "", "no_row_to_join")}


def test_texts_that_find_no_room_go_on_in_the_next_field_and_the_last_one_says_what_is_left() -> None:
    def words(to: str, part: str) -> dict[str, Any]:
        options = {"max_length": 24, "cut": True}
        said = {"column": f"said {part}", "compose": "{said}", "to": to, "recipe": "text", "options": options}
        return {**said, "combine": "join", "separator": " | ", "part": part}

    fields = [LAST, words("job_title", "1/2"), words("city", "2/2")]
    chosen = route({"name": "people", "table": "people", "group": ["name"], "fields": fields})
    known = source({"people": "id"})

    def found(*said: str) -> Staged:
        rows = [{"id": str(n), "name": "Ann", "said": text} for n, text in enumerate(said)]
        return staged(chosen, known, [table("people", *rows)])["people"]

    few = found("first thing", "second")
    assert (column(few, "job_title"), column(few, "city"), aside(few)) == (["first thing | second"], [None], set())
    more = found("first thing", "second", "the third thing")
    assert (column(more, "job_title"), column(more, "city")) == (["first thing | second"], ["the third thing"])
    assert aside(more) == set()
    many = found("first thing", "second", "the third thing", "number four")
    assert (column(many, "job_title"), column(many, "city")) == (["first thing | second"], ["the third thing […]"])
    assert aside(many) == {("people.csv:5", "said 2/2", "city", "no_room_beside_others")}
