"""Search of the rehearsal Pipedrive: terms, fields, the case of letters, pages, and an index that lags behind the writes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pipedrive_tenant import ME, REFUSED, Asking, account

from workbench.rehearsal import running


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with account(tmp_path_factory.mktemp("search")) as asking:
        yield asking


@pytest.fixture(scope="module")
def people(api: Asking) -> dict[str, int]:
    """Two organizations and three persons, with notes and custom values."""
    code = api.post("personFields", {"field_name": "External ID", "field_type": "varchar"})["field_code"]
    hidden = api.post("personFields", {"field_name": "Born", "field_type": "date"})["field_code"]
    acme = api.post("organizations", {"name": "Acme Roofing", "address": {"value": "12 Mill Lane, Dayton"}})["id"]
    beta = api.post("organizations", {"name": "Beta"})["id"]
    rows = {
        "ann": {
            "name": "Ann Müller",
            "org_id": acme,
            "emails": [{"value": "ann@mueller.example"}],
            "phones": [{"value": "+1 614 555 0100"}],
        },
        "bob": {"name": "Bob Annan", "org_id": beta, "custom_fields": {code: "PR-000123", hidden: "1990-01-02"}},
        "eve": {"name": 'Eve "Quote" \\ O\'Neil', "custom_fields": {code: "pr-000124"}},
    }
    found = {name: int(api.post("persons", row)["id"]) for name, row in rows.items()}
    api.post("/v1/notes", {"content": "<p>Wants <b>zinc</b> gutters &amp; tiles</p>", "person_id": found["eve"]})
    return {**found, "acme": acme, "beta": beta}


def found(api: Asking, path: str, **query: Any) -> list[Any]:
    return [hit["item"]["id"] for hit in api.get(path, **query)["items"]]


def test_a_term_finds_what_holds_it_whatever_the_case(api: Asking, people: dict[str, int]) -> None:
    assert set(found(api, "persons/search", term="ANN")) == {people["ann"], people["bob"]}
    assert found(api, "persons/search", term="müller") == [people["ann"]]
    assert found(api, "persons/search", term="MÜLLER") == [people["ann"]]
    assert found(api, "persons/search", term="555 0100") == [people["ann"]]
    assert found(api, "persons/search", term='"quote" \\ o\'n') == [people["eve"]]
    assert found(api, "organizations/search", term="mill lane") == [people["acme"]]
    assert found(api, "persons/search", term="nobody") == []


def test_a_hit_has_a_score_and_the_texts_in_plain_lists(api: Asking, people: dict[str, int]) -> None:
    (hit,) = api.get("persons/search", term="ann@mueller.example", fields="email", exact_match="true")["items"]
    assert hit["result_score"] == 1
    assert hit["item"] == {
        "id": people["ann"],
        "type": "person",
        "name": "Ann Müller",
        "phones": ["+1 614 555 0100"],
        "emails": ["ann@mueller.example"],
        "visible_to": 3,
        "owner": {"id": ME},
        "organization": {"id": people["acme"], "name": "Acme Roofing", "address": "12 Mill Lane, Dayton"},
        "custom_fields": [],
        "notes": [],
    }


def test_an_exact_match_is_the_whole_text_in_any_case(api: Asking, people: dict[str, int]) -> None:
    assert found(api, "persons/search", term="BOB ANNAN", exact_match="true") == [people["bob"]]
    assert found(api, "persons/search", term="Bob", exact_match="true") == []
    assert found(api, "persons/search", term="pr-000123", fields="custom_fields", exact_match="true") == [people["bob"]]


def test_notes_and_custom_values_are_searched_and_named_in_the_hit(api: Asking, people: dict[str, int]) -> None:
    (noted,) = api.get("persons/search", term="zinc gutters & tiles")["items"]
    assert (noted["item"]["id"], noted["item"]["notes"]) == (people["eve"], ["Wants zinc gutters & tiles"])
    (custom,) = api.get("persons/search", term="000123")["items"]
    assert (custom["item"]["id"], custom["item"]["custom_fields"]) == (people["bob"], ["PR-000123"])
    assert found(api, "persons/search", term="zinc", fields="name,email") == []


def test_only_some_types_of_custom_field_are_searched(api: Asking, people: dict[str, int]) -> None:
    assert found(api, "persons/search", term="1990-01-02") == []


def test_a_term_that_is_too_short_or_missing_is_refused(api: Asking) -> None:
    assert "2 characters" in api.refusal("GET", "persons/search", term="a")
    assert "1 character long" in api.refusal("GET", "persons/search", term=" ", exact_match="true")
    assert api.refusal("GET", "persons/search") == f"{REFUSED}term: The value is required"
    assert found(api, "persons/search", term="x", exact_match="true") == []
    assert "not allowed" in api.refusal("GET", "persons/search", term="ann", person_id=1)
    assert "fields" in api.refusal("GET", "persons/search", term="ann", fields="title")


def test_hits_are_filtered_by_organization_person_and_status(api: Asking, people: dict[str, int]) -> None:
    assert found(api, "persons/search", term="ann", organization_id=people["beta"]) == [people["bob"]]
    won = api.post("deals", {"title": "Filtered deal", "person_id": people["ann"], "status": "won"})["id"]
    api.post("deals", {"title": "Filtered deal", "org_id": people["beta"]})
    assert found(api, "deals/search", term="filtered", status="won") == [won]
    assert found(api, "deals/search", term="filtered", person_id=people["ann"]) == [won]
    assert len(found(api, "deals/search", term="filtered")) == 2


def test_pages_follow_a_cursor_and_hold_a_hundred_at_most(api: Asking, tmp_path: Path) -> None:
    made = [api.post("products", {"name": f"Tile {n}"})["id"] for n in range(5)]
    seen, cursor = [], None
    while True:
        page = api.send("GET", "products/search", term="tile", limit=2, **({"cursor": cursor} if cursor else {})).json()
        seen += [hit["item"]["id"] for hit in page["data"]["items"]]
        cursor = page["additional_data"]["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == made
    assert "cursor" in api.refusal("GET", "products/search", term="tile", cursor="nonsense")
    assert len(found(api, "products/search", term="tile", limit=500)) == 5
    with account(tmp_path, search_limit="reject") as other:
        assert "limit" in other.refusal("GET", "products/search", term="tile", limit=101)


def test_item_search_looks_through_every_type_and_names_what_belongs_to_it(api: Asking, people: dict[str, int]) -> None:
    lead = api.post(
        "/v1/leads", {"title": "Acme lead", "organization_id": people["acme"], "value": {"amount": 5, "currency": "EUR"}}
    )["id"]
    answer = api.get("itemSearch", term="acme", search_for_related_items="true")
    assert {(hit["item"]["type"], hit["item"]["id"]) for hit in answer["items"]} == {
        ("organization", people["acme"]),
        ("lead", lead),
    }
    shown = next(hit["item"] for hit in answer["items"] if hit["item"]["type"] == "lead")
    assert (shown["value"], shown["currency"], shown["is_archived"]) == (5, "EUR", False)
    related = {(hit["item"]["type"], hit["item"]["id"]) for hit in answer["related_items"]}
    assert related >= {("lead", lead), ("person", people["ann"])}
    assert found(api, "itemSearch", term="acme", item_types="lead") == [lead]
    assert found(api, "leads/search", term="acme lead") == [lead]
    v1 = api.send("GET", "/v1/leads/search", term="acme").json()
    assert [hit["item"]["id"] for hit in v1["data"]["items"]] == [lead]
    assert v1["additional_data"]["pagination"]["more_items_in_collection"] is False


def test_a_search_by_one_field_minds_the_case_and_finds_whole_texts_unless_told_otherwise(
    api: Asking, people: dict[str, int]
) -> None:
    code = next(row["field_code"] for row in api.get("personFields") if row["field_name"] == "External ID")

    def by(term: str, **query: str) -> list[Any]:
        rows = api.get("itemSearch/field", entity_type="person", field=code, term=term, **query)
        return [(row["id"], row[code]) for row in rows]

    assert by("PR-000123") == [(people["bob"], "PR-000123")]
    assert by("pr-000123") == []
    assert by("PR-", match="exact") == []
    assert by("PR-", match="beginning") == [(people["bob"], "PR-000123")]
    assert by("-000", match="middle") == [(people["bob"], "PR-000123"), (people["eve"], "pr-000124")]
    assert api.get("itemSearch/field", entity_type="person", field="name", term="Bob Annan") == [
        {"id": people["bob"], "name": "Bob Annan"}
    ]
    born = next(row["field_code"] for row in api.get("personFields") if row["field_name"] == "Born")
    assert "not searchable" in api.refusal("GET", "itemSearch/field", entity_type="person", field=born, term="1990-01-02")
    assert "entity_type" in api.refusal("GET", "itemSearch/field", field=code, term="PR-000123")


def test_what_is_deleted_is_found_no_more(api: Asking) -> None:
    number = api.post("deals", {"title": "Vanishing deal"})["id"]
    assert found(api, "deals/search", term="vanishing") == [number]
    api.delete(f"deals/{number}")
    assert found(api, "deals/search", term="vanishing") == []


def test_the_index_lags_behind_new_changed_and_deleted_records(tmp_path: Path) -> None:
    with account(tmp_path, scale=1, index_lag_seconds="1", index_lag_least_seconds="1") as api:
        number = api.post("persons", {"name": "Early Bird"})["id"]
        assert found(api, "persons/search", term="early") == []
        assert [row["id"] for row in api.get("persons")] == [number]  # the list reads the store
        time.sleep(1.1)
        assert found(api, "persons/search", term="early") == [number]
        api.patch(f"persons/{number}", {"name": "Late Riser"})
        assert (found(api, "persons/search", term="early"), found(api, "persons/search", term="riser")) == ([number], [])
        time.sleep(1.1)
        assert (found(api, "persons/search", term="early"), found(api, "persons/search", term="riser")) == ([], [number])
        api.delete(f"persons/{number}")
        assert found(api, "persons/search", term="riser") == [number]
        time.sleep(1.1)
        assert found(api, "persons/search", term="riser") == []


def test_the_lag_lies_between_its_least_and_its_most(tmp_path: Path) -> None:
    with account(tmp_path, scale=1, index_lag_seconds="600", index_lag_least_seconds="0") as api:
        made = [api.post("persons", {"name": f"Bird {n}"})["id"] for n in range(30)]
        early = found(api, "persons/search", term="bird")
        assert len(early) < len(made)  # most wait, each for a time of its own
        assert set(early) <= set(made)


def test_a_note_is_listed_only_after_the_lag_of_lists(tmp_path: Path) -> None:
    with account(tmp_path, scale=1, list_lag_seconds="1") as api:
        deal = api.post("deals", {"title": "Roof"})["id"]
        number = api.post("/v1/notes", {"content": "first", "deal_id": deal, "add_time": "2020-01-01 00:00:00"})["id"]
        assert api.get("/v1/notes") is None
        assert api.get(f"/v1/notes/{number}")["content"] == "first"
        time.sleep(1.1)
        api.send("PUT", f"/v1/notes/{number}", {"content": "second"})
        assert [row["content"] for row in api.get("/v1/notes", deal_id=deal)] == ["first"]


def test_a_search_costs_twenty_tokens_and_counts_against_ten_in_two_seconds(tmp_path: Path) -> None:
    with running("pipedrive", state=tmp_path / "state.sqlite", token="5f" * 20, time_scale=1) as stand_in:
        api = Asking(stand_in)
        codes = [api.send("GET", "persons/search", term="ann").status_code for _ in range(12)]
        assert codes[:10] == [200] * 10
        assert 429 in codes[10:]
        assert api.send("GET", "persons").status_code == 200  # the search limit is its own
        assert set(stand_in.log().query("status == 200 and path.str.contains('search')")["tokens"]) == {20}
        api.http.close()
