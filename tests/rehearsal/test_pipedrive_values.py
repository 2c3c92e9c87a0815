"""Custom values of the rehearsal Pipedrive: sixteen types, each read as it was written, refused in words, and emptied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipedrive_tenant import DANA, REFUSED, Asking, account

from workbench.rehearsal.pipedrive.values import SUBFIELDS, TYPES, Surroundings, Wanted, kept

ZONE = "America/New_York"
NO_PARTS = dict.fromkeys(
    (
        "country",
        "admin_area_level_1",
        "admin_area_level_2",
        "locality",
        "sublocality",
        "route",
        "street_number",
        "subpremise",
        "postal_code",
    )
)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with account(tmp_path_factory.mktemp("values")) as asking:
        asking.post("organizations", {"name": "Acme"})
        asking.post("persons", {"name": "Ada"})
        for kind in TYPES:
            options = {"options": [{"label": "A"}, {"label": "B"}]} if kind in ("enum", "set") else {}
            for path in ("dealFields", "personFields", "organizationFields", "productFields"):
                asking.post(path, {"field_name": kind, "field_type": kind, **options})
        yield asking


@pytest.fixture(scope="module")
def codes(api: Asking) -> dict[str, str]:
    return {row["field_name"]: row["field_code"] for row in api.get("dealFields", limit=500) if row["is_custom_field"]}


def options(api: Asking, code: str) -> list[int]:
    return [row["id"] for row in api.get(f"dealFields/{code}")["options"]]


ACCEPTED = [
    ("varchar", "x", "x"),
    ("varchar", "02134", "02134"),
    ("varchar_auto", "x", "x"),
    ("text", "long\n" * 500, "long\n" * 500),
    ("phone", "+1 614 555 0111", "+1 614 555 0111"),
    ("double", 500, 500),
    ("double", 0.25, 0.25),
    ("double", 0, 0),
    ("monetary", {"value": 500, "currency": "EUR"}, {"value": 500, "currency": "EUR"}),
    ("monetary", {"value": 0}, {"value": 0, "currency": "USD"}),
    ("org", 1, 1),
    ("people", 1, 1),
    ("user", DANA, DANA),
    ("date", "2024-02-29", "2024-02-29"),
    ("daterange", {"value": "2024-01-01", "until": "2024-02-01"}, {"value": "2024-01-01", "until": "2024-02-01"}),
    ("time", {"value": "09:00:00", "timezone_name": "Europe/London"}, {"value": "09:00:00", "timezone_name": "Europe/London"}),
    ("time", {"value": "09:00"}, {"value": "09:00:00", "timezone_name": ZONE}),
    (
        "timerange",
        {"value": "09:00:00", "until": "10:30:00"},
        {"value": "09:00:00", "until": "10:30:00", "timezone_name": ZONE},
    ),
    ("address", {"value": "1 Main St"}, {"value": "1 Main St", **NO_PARTS, "formatted_address": "1 Main St"}),
    (
        "address",
        {"value": "1 Main St", "locality": "X"},
        {"value": "1 Main St", **NO_PARTS, "locality": "X", "formatted_address": "1 Main St"},
    ),
]


@pytest.mark.parametrize(("kind", "sent", "read"), ACCEPTED)
def test_a_value_of_its_type_is_read_as_it_was_written(
    api: Asking, codes: dict[str, str], kind: str, sent: Any, read: Any
) -> None:
    deal = api.post("deals", {"title": "x", "custom_fields": {codes[kind]: sent}})
    found = api.get(f"deals/{deal['id']}")["custom_fields"][codes[kind]]
    if kind in ("time", "timerange"):
        assert isinstance(found.pop("timezone_id"), int)
    assert found == read
    assert type(found) is type(read)


def test_options_are_told_by_their_numbers(api: Asking, codes: dict[str, str]) -> None:
    one, several = options(api, codes["enum"]), options(api, codes["set"])
    deal = api.post("deals", {"title": "x", "custom_fields": {codes["enum"]: one[0], codes["set"]: several}})["id"]
    values = api.get(f"deals/{deal}")["custom_fields"]
    assert (values[codes["enum"]], values[codes["set"]]) == (one[0], several)
    labelled = api.get(f"deals/{deal}", include_option_labels="true")["custom_fields"]
    assert labelled[codes["enum"]] == {"id": one[0], "label": "A"}
    assert labelled[codes["set"]] == [{"id": several[0], "label": "A"}, {"id": several[1], "label": "B"}]


REJECTED = [
    ("varchar", 5, "Expected 'string' as value for text custom field '{code}'"),
    ("varchar", "x" * 256, "The value of '{code}' is longer than 255 characters"),
    ("text", "x" * 65_536, "The value of '{code}' is longer than 65535 characters"),
    ("varchar", {"value": "x"}, "Invalid collection"),
    ("double", [5], "Invalid collection"),
    ("double", "500", "Expected 'number' as value for numerical custom field '{code}'"),
    ("double", True, "Expected 'number' as value for numerical custom field '{code}'"),
    ("enum", "1", "Expected 'number' as value for single option custom field '{code}'"),
    ("enum", 987654, "Unknown option '987654' for custom field '{code}'"),
    ("set", 5, "Expected 'array' as value for multiple options custom field '{code}'"),
    ("set", "1,2", "Expected 'array' as value for multiple options custom field '{code}'"),
    ("set", [], "Expected at least one option for multiple options custom field '{code}'"),
    ("set", ["1"], "Expected 'number' as value for multiple options custom field '{code}'"),
    ("org", "1", "Expected 'number' as value for organization custom field '{code}'"),
    ("org", 987654, "The organization 987654 of custom field '{code}' does not exist"),
    ("people", "1", "Expected 'number' as value for person custom field '{code}'"),
    ("user", 1, "The user 1 of custom field '{code}' does not exist"),
    ("date", "2024-02-30", "The value is not a valid 'date'"),
    ("date", "01/02/2024", "The value is not a valid 'date'"),
    ("date", 20240101, "Expected 'string' as value for date custom field '{code}'"),
    ("time", "09:00:00", "Time custom field value expected 'object'"),
    ("time", {"value": "25:00"}, "The value is not a valid 'time'"),
    ("time", {"value": "09:00", "timezone_name": "Mars/Base"}, "Unknown timezone 'Mars/Base' for custom field '{code}'"),
    ("daterange", "2024-01-01", "Date range custom field value expected 'object'"),
    ("monetary", 500, "Monetary custom field value expected 'object'"),
    ("monetary", {"value": "500"}, "Expected 'number' as value for monetary custom field '{code}'"),
    ("monetary", {"value": 5, "currency": "XXX"}, "Unknown currency 'XXX' for custom field '{code}'"),
    ("monetary", {"value": 5, "amount": 5}, "Unknown key 'amount' in the value of custom field '{code}'"),
    ("address", "1 Main St", "Address custom field value expected 'object'"),
    ("address", {"locality": "X"}, "Expected 'string' as value for address custom field '{code}'"),
]


@pytest.mark.parametrize(("kind", "sent", "words"), REJECTED)
def test_a_value_of_another_type_is_refused_in_the_vendors_words(
    api: Asking, codes: dict[str, str], kind: str, sent: Any, words: str
) -> None:
    answer = api.send("POST", "deals", {"title": "x", "custom_fields": {codes[kind]: sent}})
    assert answer.status_code == 400
    said = f"{REFUSED}custom_fields: {words.format(code=codes[kind])}"
    assert answer.json() == {"success": False, "error": said, "code": "ERR_SCHEMA_VALIDATION_FAILED"}


@pytest.mark.parametrize("kind", ["title", "a" * 40])
def test_a_key_that_is_no_custom_field_is_unknown(api: Asking, kind: str) -> None:
    said = api.refusal("POST", "deals", {"title": "x", "custom_fields": {kind: "y"}})
    assert said == f"{REFUSED}custom_fields: Unknown key '{kind}'"


def test_a_custom_code_beside_the_built_in_keys_is_refused(api: Asking, codes: dict[str, str]) -> None:
    code = codes["varchar"]
    assert (
        api.refusal("POST", "deals", {"title": "x", code: "y"})
        == f"{REFUSED}{code}: Parameter '{code}' is not allowed for this request"
    )


@pytest.mark.parametrize("kind", TYPES)
def test_null_empties_a_value_of_any_type(api: Asking, codes: dict[str, str], kind: str) -> None:
    sent = next((value for name, value, _ in ACCEPTED if name == kind), None)
    if sent is None:
        sent = options(api, codes[kind])[0] if kind == "enum" else options(api, codes[kind])
    deal = api.post("deals", {"title": "x", "custom_fields": {codes[kind]: sent}})
    assert deal["custom_fields"][codes[kind]] is not None
    emptied = api.patch(f"deals/{deal['id']}", {"custom_fields": {codes[kind]: None}})
    assert emptied["custom_fields"][codes[kind]] is None


@pytest.mark.parametrize(
    ("kind", "body"),
    [("deals", {"title": "x"}), ("persons", {"name": "x"}), ("organizations", {"name": "x"}), ("products", {"name": "x"})],
)
def test_every_custom_code_stands_in_every_answer(api: Asking, kind: str, body: Any) -> None:
    row = api.post(kind, body)
    assert len(row["custom_fields"]) == len(TYPES)
    assert set(row["custom_fields"].values()) == {None}
    assert api.get(kind, ids=row["id"])[0]["custom_fields"] == row["custom_fields"]


def test_a_patch_changes_the_sent_values_alone(api: Asking, codes: dict[str, str]) -> None:
    deal = api.post("deals", {"title": "x", "custom_fields": {codes["varchar"]: "x", codes["double"]: 1}})
    path = f"deals/{deal['id']}"
    changed = api.patch(path, {"custom_fields": {codes["double"]: 2}})["custom_fields"]
    assert (changed[codes["varchar"]], changed[codes["double"]]) == ("x", 2)
    assert api.patch(path, {"custom_fields": {}})["custom_fields"] == changed


def test_an_empty_map_clears_them_all_if_the_switch_says_so(tmp_path: Path) -> None:
    with account(tmp_path, empty_custom_fields="clear") as api:
        code = api.post("dealFields", {"field_name": "x", "field_type": "varchar"})["field_code"]
        deal = api.post("deals", {"title": "x", "custom_fields": {code: "x"}})["id"]
        assert api.patch(f"deals/{deal}", {"custom_fields": {}})["custom_fields"] == {code: None}


def test_a_list_can_be_asked_for_a_few_custom_values(api: Asking, codes: dict[str, str]) -> None:
    api.post("deals", {"title": "x"})
    chosen = [codes["varchar"], codes["double"]]
    assert list(api.get("deals", limit=1, custom_fields=",".join(chosen))[0]["custom_fields"]) == chosen
    said = api.refusal("GET", "deals", custom_fields=",".join(list(codes.values())[:16]))
    assert said == REFUSED + "custom_fields: The list may hold at most 15 items"


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["value", "until", "currency", "timezone_name", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(kind=st.sampled_from(TYPES), value=ANY)
def test_whatever_is_sent_is_kept_or_refused_and_what_was_kept_is_kept_again(kind: str, value: object) -> None:
    around = Surroundings(ZONE, "USD", frozenset({"USD"}), lambda linked, number: True)
    wanted = Wanted("c" * 40, kind, frozenset({1, 2}))
    stored, wrong = kept(wanted, value, around)
    if wrong is None and stored is not None:
        assert kept(wanted, stored, around) == (stored, None)
        assert isinstance(stored, dict) == (kind in SUBFIELDS)
