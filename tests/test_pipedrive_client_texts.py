"""Our key in the texts of activities and notes, and single values on their way to Pipedrive and back."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import nh3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipedrive_client_account import account, ask, by_key, changed, client, least, written

from workbench.destinations import Draft
from workbench.destinations.pipedrive import Pipedrive
from workbench.destinations.pipedrive.marker import as_html, as_text, marked, parted
from workbench.destinations.pipedrive.values import (
    Unfit,
    clock_in,
    clock_out,
    duration_in,
    duration_out,
    moment_in,
    moment_out,
    number_out,
    object_in,
    object_out,
    plain_number,
)
from workbench.destinations.pipedrive.wholes import contacts_in, contacts_over
from workbench.rehearsal import Rehearsal

STYLE = "[migration key: {key}]"
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="<>") | st.just("\n"), max_size=80)
KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
TEXT = {"activity": "note", "note": "content"}


@pytest.fixture(scope="module", params=["sanitise", "keep"])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pipedrive, Rehearsal]]:
    with account(tmp_path_factory.mktemp("texts"), switches={"note_html": request.param}) as found:
        yield found


# ---------------------------------------------------------------- the key in a text


@given(text=TEXTS, key=KEYS)
def test_a_text_and_a_key_come_apart_as_they_were_joined(text: str, key: str) -> None:
    for style in (STYLE, "Imported as <{key}> from Promio".replace("<", "(").replace(">", ")"), "§{key}§"):
        found = parted(marked(as_html(text, form="text"), key, style=style), style=style)
        assert (as_text(found.text, form="text"), found.key) == (text, key)


@given(text=TEXTS, key=KEYS)
def test_a_sanitiser_changes_neither_text_nor_key(text: str, key: str) -> None:
    kept = nh3.clean(marked(as_html(text, form="auto"), key, style=STYLE))
    found = parted(kept, style=STYLE)
    assert (as_text(found.text, form="auto"), found.key) == (text, key)


@pytest.mark.parametrize(
    "content",
    [
        "<p>Called him</p><br>[migration key: p:notes:1]",
        "<p>Called him<br/>[migration key: p:notes:1]</p>",
        "<p>Called him</p>\n[Migration&nbsp;Key:  p:notes:1 ]",
        "<p>Called him</p><p>[migration key: p:notes:1]</p>",
        "<p>Called him</p><br>[migration key: p:notes:1]<br>and somebody added this",
        "<blockquote>[migration key: p:notes:0]</blockquote><p>Called him</p><BR />[migration key: p:notes:1]",
    ],
)
def test_an_editor_does_not_hide_the_key(content: str) -> None:
    found = parted(content, style=STYLE)
    assert found.key == "p:notes:1" and "p:notes:1" not in found.text and "Called him" in found.text


def test_what_only_looks_like_our_line_is_none() -> None:
    for content in ("", "[migration key: ]", "[migration key p:1]", "migration key: p:1", "[migration key: a b]"):
        assert parted(content, style=STYLE).key == ""


@pytest.mark.parametrize("object_", ["activity", "note"])
@pytest.mark.parametrize(
    "text",
    [
        "plain", "a & b\nc > d", "tail\n\n", "&amp; stays &amp;", "<p>formatted <strong>text</strong></p>", "[not a key]",
        "&lt;br&gt;", "  indented", "naïve – “quoted” €", "a [migration key: p:quoted:1] b",
    ],
)  # fmt: skip
def test_a_text_reads_back_as_it_was_sent(house: tuple[Pipedrive, Rehearsal], object_: str, text: str) -> None:
    crm, _ = house
    key = f"p:{object_}:{abs(hash(text))}"
    record = written(crm, object_, key, {**least(crm, object_, "Text"), TEXT[object_]: text})
    assert (record.key, record.values[TEXT[object_]]) == (key, text)
    assert by_key(crm.sweep(object_))[key] == record


@pytest.mark.parametrize("key", ["p:notes:A 1", "p:notes:a 1", "p:notes:[x]<b>&%", "p:notes:Größe", "p:notes:a]b", "x" * 300])
@pytest.mark.parametrize("object_", ["activity", "note"])
def test_a_key_of_any_letters_comes_back_whole(house: tuple[Pipedrive, Rehearsal], object_: str, key: str) -> None:
    crm, _ = house
    assert written(crm, object_, key, least(crm, object_, "Key")).key == key


@pytest.mark.parametrize("object_", ["activity", "note"])
def test_a_change_of_the_text_keeps_the_key_and_one_of_somebody_elses_adds_none(
    house: tuple[Pipedrive, Rehearsal], object_: str
) -> None:
    crm, rehearsal = house
    name = TEXT[object_]
    record = written(crm, object_, f"p:{object_}:kept", {**least(crm, object_, "Kept"), name: "first"})
    again = changed(crm, object_, record.id, {name: "second\nline"})
    assert (again.key, again.values[name]) == (f"p:{object_}:kept", "second\nline")
    empty = changed(crm, object_, record.id, {name: None})
    assert (empty.key, empty.values[name]) == (f"p:{object_}:kept", None)
    where = {name: "theirs", **({"org_id": int(str(record.values["organization"]))} if object_ == "note" else {"subject": "S"})}
    path = "v1/notes" if object_ == "note" else "api/v2/activities"
    told = ask(rehearsal, "POST", path, where)["data"]
    assert isinstance(told, dict)
    theirs = changed(crm, object_, str(told["id"]), {name: "ours & theirs"})
    assert (theirs.key, theirs.values[name]) == ("", "ours & theirs")
    adopted = changed(crm, object_, theirs.id, {"migration_key": "p:adopted:1"})
    assert (adopted.key, adopted.values[name]) == ("p:adopted:1", "ours & theirs")
    assert changed(crm, object_, theirs.id, {"migration_key": None}).key == ""


def test_a_text_that_is_too_long_with_its_key_is_rejected_in_words(house: tuple[Pipedrive, Rehearsal]) -> None:
    crm, _ = house
    values = {**least(crm, "note", "Long"), "content": "x" * 102_390}
    assert crm.write("note", [Draft("p:notes:long", values)])[0].words == "The note is larger than 100 KB"  # type: ignore[arg-type]


def test_another_style_of_the_line_is_kept_to(house: tuple[Pipedrive, Rehearsal]) -> None:
    crm, rehearsal = house
    other = client(rehearsal, settings={"marker_style": "-- imported {key} --"})
    record = written(other, "activity", "p:activities:style", {"subject": "S", "note": "text"})
    assert (record.key, record.values["note"]) == ("p:activities:style", "text")
    assert crm.read("activity", [record.id])[0].key == ""


# ---------------------------------------------------------------- single values


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=4, allow_nan=False, allow_infinity=False))
def test_a_number_keeps_its_digits(value: Decimal) -> None:
    sent = number_out("Number", str(value))
    assert Decimal(plain_number(sent)) == value


@given(st.datetimes(timezones=st.timezones()).map(lambda at: at.replace(microsecond=0)))
@settings(deadline=None)
def test_a_moment_is_the_same_one_when_it_comes_back(value: object) -> None:
    try:
        sent = moment_out("Moment", value.isoformat())  # type: ignore[attr-defined]
    except Unfit:
        return  # the first and the last day of the calendar, seen from another zone
    assert moment_out("Moment", moment_in(sent)) == sent
    assert moment_in(moment_out("Moment", value.isoformat(), spaced=True)) == moment_in(sent)  # type: ignore[attr-defined]


@given(st.integers(0, 86_399))
def test_a_duration_comes_back_in_seconds(seconds: int) -> None:
    for form in ("either", "HH:MM:SS"):
        assert duration_in(duration_out("Duration", seconds, form=form)) == seconds
    if seconds % 60 == 0:
        assert duration_in(duration_out("Duration", seconds, form="HH:MM")) == seconds


@given(st.times().map(lambda at: at.replace(microsecond=0)))
def test_a_time_of_day_comes_back(at: object) -> None:
    text = str(at)
    assert clock_in(clock_out("Time", text, form="either")) == clock_in(text)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("monetary", "1200.5"), ("monetary", "1200.5 EUR"), ("daterange", "2024-02-29"), ("daterange", "2024-02-29/2024-03-01"),
        ("time", "13:05"), ("time", "13:05:09 Europe/London"), ("timerange", "13:05/14:00"),
        ("timerange", "13:05/14:00 Europe/London"), ("address", "12 Main St, Columbus"),
        ("address", '{"locality": "Columbus", "value": "12 Main St"}'),
    ],
)  # fmt: skip
def test_a_value_that_is_an_object_on_the_wire_comes_back_as_text(type_: str, value: str) -> None:
    sent = object_out(type_, "Field", value, currency="USD")
    assert object_in(type_, sent, currency="USD", zone="America/New_York") == value


@pytest.mark.parametrize("value", ["", "x", "1 2 3", "12,5", "1200 EURO"])
def test_an_amount_that_is_none_is_unfit(value: str) -> None:
    with pytest.raises(Unfit):
        object_out("monetary", "Amount", value, currency="USD")


NUMBERS = st.lists(st.sampled_from("123456789"), unique=True, max_size=4)
LABELS = st.sampled_from(["work", "mobile", "home", "fax", "Other"])


@given(
    present=st.lists(st.tuples(st.sampled_from("abcdef"), LABELS), unique_by=lambda row: row[0], max_size=5),
    primary=st.integers(0, 4),
    part=st.sampled_from(["", "mobile", "home"]),
    values=NUMBERS,
)
def test_a_change_of_some_numbers_changes_no_other(
    present: list[tuple[str, str]], primary: int, part: str, values: list[str]
) -> None:
    apart = {"mobile", "home"}
    rows = [{"value": text, "label": label, "primary": place == primary} for place, (text, label) in enumerate(present)]
    before = {name: contacts_in(rows, name, apart=apart) for name in ("", *apart)}
    after = contacts_over(rows, {part: list(values)}, apart=apart)
    assert sum(row["primary"] for row in after) == (1 if after else 0)
    assert contacts_in(after, part, apart=apart) == values
    for other in {"", *apart} - {part}:
        assert sorted(contacts_in(after, other, apart=apart)) == sorted(before[other])
    back = contacts_over(after, {part: list(before[part])}, apart=apart)
    assert {name: sorted(contacts_in(back, name, apart=apart)) for name in before} == {
        name: sorted(texts) for name, texts in before.items()
    }


# ---------------------------------------------------------------- the vendor otherwise


@pytest.mark.parametrize(
    "switches",
    [
        {"due_time_form": "HH:MM:SS"}, {"empty_built_in": "absent"}, {"body_404": "generic"}, {"limit_above": "reject"},
        {"bad_cursor": "first"}, {"unknown_link": "not_found"}, {"profile_fields": "off"}, {"users_paging": "honour"},
        {"v1_removed": "answer"}, {"deleted_record": "answer"}, {"empty_custom_fields": "clear"}, {"limit_headers": "none"},
        {"activity_primary": "none"}, {"bare_v2_prefix": "off"}, {"query_token": "refuse"}, {"email_syntax": "reject"},
    ],
)  # fmt: skip
def test_whatever_the_vendor_turns_out_to_do_records_come_back(tmp_path: Path, switches: dict[str, str]) -> None:
    form = switches.get("due_time_form", "either")
    with account(tmp_path, switches=switches, settings={"due_time_form": form}) as (crm, _):
        org = written(crm, "organization", "p:orgs:1", {"name": "A", "city": "Columbus"})
        person = written(crm, "person", "p:persons:1", {"name": "A", "emails": "a@b.example", "organization": org.id})
        deal = written(crm, "deal", "p:deals:1", {"title": "A", "person": person.id, "status": "Won", "value": "1.5"})
        timed = {"subject": "A", "due_date": "2024-02-29", "due_time": "13:05", "participants": person.id, "deal": deal.id}
        task = written(crm, "activity", "p:activities:1", timed)
        note = written(crm, "note", "p:notes:1", {"content": "A", "deal": deal.id})
        made = {"organization": org, "person": person, "deal": deal, "activity": task, "note": note}
        assert {name: task.values[name] for name in timed} == timed
        for object_, record in made.items():
            assert list(crm.sweep(object_)) == list(crm.sweep(object_, since="0")) == [record]
        assert crm.children("deal", deal.id) == [("activity", task.id), ("note", note.id)]
        changed(crm, "person", person.id, {"emails": ["c@d.example", "a@b.example"]})
        for object_, record in reversed(made.items()):
            assert crm.delete(object_, [record.id])[0].state == "done"
            assert crm.delete(object_, [record.id])[0].state == "done"
            assert crm.read(object_, [record.id]) == [] and list(crm.sweep(object_)) == []
