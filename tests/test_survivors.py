"""Of rows that are one record a person says, field by field, whose word stands; the merge obeys, and nothing is lost unsaid."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from small_route import aside, column, ends, route, source, staged, table

from workbench import widgets
from workbench.decisions.answers import ANSWER
from workbench.decisions.survivors import into_of, survivor, taken_of
from workbench.engagement import Engagement, new_engagement
from workbench.frames.closure import cell_closure
from workbench.frames.staged import Staged
from workbench.widgets.table import DecisionTable

KIM, ANN = "Kim Berg <kim@harbour.example>", "Ann Lee <ann@harbour.example>"
COLUMNS = ["subject", "value", "confidence", "reasons", "alternatives", "shown"]
FIELDS = [
    {"column": "Name", "to": "last_name", "required": True},
    {"column": "Mail", "to": "emails", "recipe": "email"},
    {"column": "City", "to": "city"},
    {"column": "Phone", "to": "job_title"},
]
TOY = source({"people": "ID"}, tables={"people": {"files": ["people.csv"], "key": ["ID"]}})
FIRST = {"ID": "1", "Name": "Ann", "Mail": "ann@x.example", "City": "Salem", "Owner": "ann"}
SECOND = {"ID": "2", "Name": "Anne", "Mail": "anne@x.example", "City": "Boston", "Phone": "555", "Owner": "bob"}
THIRD = {"ID": "3", "Name": "A.", "Mail": "a@x.example", "City": "Lynn", "Phone": "777", "Owner": "bob"}


def merged(*rows: Mapping[str, str], into: Mapping[int, str], take: Mapping[int, tuple[str, ...]], **said: Any) -> Staged:
    """The people staged, with rows, counted from 1, merged into others, and the columns in which they have the word."""
    feed = {"name": "contacts", "table": "people", "fields": FIELDS, "unique": "emails", "owner": "Owner", **said}
    merges = {f"people.csv:{row + 1}": f"contacts/{key}" for row, key in into.items()}
    takes = {f"people.csv:{row + 1}": columns for row, columns in take.items()}
    made = staged(route(feed), TOY, [table("people", *rows)], merges={"contacts": merges}, takes={"contacts": takes})
    return made["contacts"]


def test_the_chosen_cells_stand_in_the_record_and_its_own_are_set_aside_with_their_reason() -> None:
    made = merged(FIRST, SECOND, into={2: "1"}, take={2: ("City", "Mail")})
    told = made.records[["key", "last_name", "emails", "city", "job_title"]].astype("object").to_numpy().tolist()
    assert told == [["contacts/1", "Ann", "anne@x.example", "Boston", "555"]]
    assert aside(made) == {
        ("people.csv:2", "City", "city", "other_row_chosen"),
        ("people.csv:2", "Mail", "emails", "other_row_chosen"),
        ("people.csv:3", "Name", "last_name", "record_kept_its_own"),
    }
    chosen = made.cells[made.cells["reason"] == "other_row_chosen"]
    assert sorted(chosen["value"]) == ["Salem", "ann@x.example"], "what the record said itself is not told"


def test_the_owner_can_be_chosen_too() -> None:
    made = merged(FIRST, SECOND, into={2: "1"}, take={2: ("Owner",)})
    assert column(made, "owner") == ["bob@new.example"]
    assert ("people.csv:2", "Owner", "owner", "other_row_chosen") in aside(made)


def test_a_row_speaks_for_the_record_in_which_it_ends_however_many_merges_lie_between() -> None:
    made = merged(FIRST, SECOND, THIRD, into={2: "1", 3: "2"}, take={3: ("City",)})
    assert column(made, "city") == ["Lynn"]
    assert [record for _, _, record in ends(made)] == ["contacts/1"] * 3


def test_of_two_rows_that_have_the_word_in_one_column_the_first_one_has_it() -> None:
    made = merged(FIRST, SECOND, THIRD, into={2: "1", 3: "1"}, take={2: ("City",), 3: ("City", "Mail")})
    assert (column(made, "city"), column(made, "emails")) == (["Boston"], ["a@x.example"])
    assert ("people.csv:4", "City", "city", "record_kept_its_own") in aside(made)


@pytest.mark.parametrize(
    ("into", "take"),
    [
        ({2: ""}, {2: ("City",)}),  # kept apart
        ({2: "1"}, {2: ("Shoe size",)}),  # no such column
        ({2: "9"}, {2: ("City",)}),  # into a record that is not loaded
    ],
)
def test_a_word_that_nothing_gives_changes_no_record(into: dict[int, str], take: dict[int, tuple[str, ...]]) -> None:
    made = merged(FIRST, SECOND, into=into, take=take)
    assert made.records["city"].iloc[0] == "Salem"
    assert "other_row_chosen" not in set(made.cells["reason"])


def test_an_empty_cell_has_no_word() -> None:
    made = merged(FIRST, {**SECOND, "City": " "}, into={2: "1"}, take={2: ("City",)})
    assert column(made, "city") == ["Salem"]


def test_the_same_number_twice_can_have_the_word_like_any_other_row() -> None:
    made = merged(FIRST, {**SECOND, "ID": "1"}, into={2: "1"}, take={2: ("City",)})
    assert column(made, "city") == ["Boston"]


@settings(max_examples=25, deadline=None)
@given(
    cells=st.lists(st.lists(st.sampled_from(["", "a", "b"]), min_size=3, max_size=3), min_size=2, max_size=4),
    takes=st.lists(st.sets(st.sampled_from(["City", "Phone", "Mail"])), min_size=3, max_size=3),
)
def test_every_filled_cell_of_a_cluster_is_loaded_merged_or_set_aside(cells: list[list[str]], takes: list[set[str]]) -> None:
    rows = [
        {"ID": str(n), "Name": "A", "Owner": "ann", "City": c, "Phone": p, "Mail": f"{m}@x.example" if m else ""}
        for n, (c, p, m) in enumerate(cells, 1)
    ]
    others = range(2, len(rows) + 1)
    made = merged(*rows, into=dict.fromkeys(others, "1"), take={n: tuple(sorted(takes[n - 2])) for n in others if takes[n - 2]})
    names = {"City": "city", "Phone": "job_title", "Mail": "emails"}
    closed = cell_closure(table("people", *rows), made.verdicts, fields=names, records=made.records, cells=made.cells)
    assert closed["closes"].all(), closed
    for name, place in (("City", 0), ("Phone", 1)):
        given = [n for n in others if name in takes[n - 2] and cells[n - 1][place]]
        says = [n for n in range(1, len(rows) + 1) if cells[n - 1][place]]
        wanted = cells[(given or says or [1])[0] - 1][place]
        assert column(made, names[name]) == [wanted or None]


# ---------------------------------------------------------------- how it is decided


PAIR = [{"into": "contacts/C-1"}, {"into": ""}]
TWIN, THIRD_ROW = "contacts/C-2@customers.csv:3", "contacts/C-3@customers.csv:4"
EXPORT = {
    "Customer ID": ["C-1", "C-2", "C-3"],
    "Email": ["ann@x.example", "anne@x.example", None],
    "City": ["Salem", "Boston", "Lynn"],
    "Phone": [None, "555", "777"],
}


@pytest.fixture
def engagement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engagement:
    monkeypatch.delenv("WORKBENCH_HEADLESS", raising=False)
    monkeypatch.setenv("WORKBENCH_USER", KIM)
    made = new_engagement(tmp_path / "e", route="promio_to_freshsales", customer="Harbour & Sons")
    rows = pd.DataFrame({"_row": [f"customers.csv:{n}" for n in (2, 3, 4)], **EXPORT})
    made.save("tables/customers", rows.astype("str").assign(Business="N"))
    asked = [[TWIN, PAIR[0], 0.95, "like names", PAIR, "Anne ~ Ann"], [THIRD_ROW, PAIR[0], 0.92, "like names", PAIR, "A ~ Ann"]]
    made.decisions.propose("duplicate", pd.DataFrame(asked, columns=COLUMNS))
    return made


def shown(engagement: Engagement) -> DecisionTable:
    made = widgets.decision_table(engagement, "duplicate")
    assert isinstance(made, DecisionTable)
    return made


def said(review: DecisionTable, kind: str, **message: Any) -> dict[str, Any]:
    """What the kernel answers to one message of the front end."""
    heard: list[dict[str, Any]] = []
    review.send = lambda content, buffers=None: heard.append(content)
    review._handle_custom_msg({"kind": kind, "number": 1, **message}, [])
    return heard[0]


def decide(review: DecisionTable, *edits: Mapping[str, Any]) -> dict[str, str]:
    problems: dict[str, str] = said(review, "confirm", edits=list(edits))["problems"]
    return problems


def test_all_rows_of_a_cluster_stand_beside_the_record_with_the_cells_that_may_be_chosen(engagement: Engagement) -> None:
    found = said(shown(engagement), "look", asked=[{"subject": THIRD_ROW}])["looks"][0][1]
    assert found["heads"] == [f"C-{n} · customers.csv line {n + 1}" for n in (1, 2, 3)]
    assert found["subjects"] == ["", TWIN, THIRD_ROW]
    may = {line[0] for line, chosen in zip(found["lines"], found["chosen"], strict=True) if chosen}
    assert may == {"Email", "City", "Phone"}, "the number names the record, and Business is the same everywhere"


def test_a_row_that_is_kept_apart_leaves_the_cluster_of_the_others(engagement: Engagement) -> None:
    engagement.decisions.confirm("duplicate", TWIN, PAIR[1], by=KIM)
    found = said(shown(engagement), "look", asked=[{"subject": THIRD_ROW}])["looks"][0][1]
    assert found["subjects"] == ["", THIRD_ROW]


def test_a_choice_is_kept_with_what_was_seen_and_taken_back_and_given_again(engagement: Engagement) -> None:
    review, decisions = shown(engagement), engagement.decisions
    assert decide(review, {"subject": TWIN, "text": "contacts/C-1", "take": ["Phone", "City"], "why": "she moved"}) == {}
    assert decisions.value("duplicate", TWIN) == {"into": "contacts/C-1", "take": ["City", "Phone"]}
    kept = decisions.history("duplicate").iloc[-1]
    assert (kept["by"], kept["why"]) == (KIM, "she moved")
    city = next(line for line in kept["shown"]["beside"] if line["column"] == "City")
    assert city == {
        "column": "City",
        "C-1 · customers.csv line 2": "Salem",
        "C-2 · customers.csv line 3": "Boston",
        "C-3 · customers.csv line 4": "Lynn",
    }
    assert review.answers[TWIN]["take"] == ["City", "Phone"]
    assert decide(review, {"subject": TWIN, "text": "contacts/C-1", "why": "again"}) == {}
    assert taken_of(decisions.value("duplicate", TWIN)) == ("City", "Phone"), "the same answer again lost the choice"
    said(review, "undo")
    said(review, "undo")
    assert decisions.value("duplicate", TWIN) is None
    said(review, "redo")
    assert taken_of(decisions.value("duplicate", TWIN)) == ("City", "Phone")
    assert decide(review, {"subject": TWIN, "text": "", "take": ["City"], "why": "given again"}) == {}
    assert decisions.history("duplicate").iloc[-1]["why"] == "", "our own words became somebody's comment"
    assert decisions.value("duplicate", TWIN) == {"into": ""}, "a row kept apart has the word nowhere"
    assert len(decisions.history("duplicate")) == 6


def test_what_a_second_page_chose_meanwhile_is_shown_and_not_written_over(engagement: Engagement) -> None:
    first, second = shown(engagement), shown(engagement)
    assert decide(first, {"subject": TWIN, "text": "contacts/C-1", "take": ["City"]}) == {}
    problems = decide(second, {"subject": TWIN, "text": "contacts/C-1", "take": ["Phone"]})
    assert problems == {TWIN: "Decided meanwhile, as contacts/C-1, with its own word in City. Look again, then confirm."}
    assert second.answers[TWIN]["take"] == ["City"]
    assert decide(second, {"subject": TWIN, "text": "contacts/C-1", "take": ["Phone"]}) == {}
    assert taken_of(engagement.decisions.value("duplicate", TWIN)) == ("Phone",)


@pytest.mark.parametrize("strange", ["Customer ID", "Shoe size"])
def test_a_column_in_which_nothing_can_be_chosen_is_refused(engagement: Engagement, strange: str) -> None:
    problems = decide(shown(engagement), {"subject": TWIN, "text": "contacts/C-1", "take": [strange]})
    assert problems == {TWIN: f"There is nothing to choose in {strange}."}
    assert engagement.decisions.mapping("duplicate") == {}


def test_the_still_page_and_the_workbook_say_in_which_columns_another_row_has_the_word(
    engagement: Engagement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decisions = engagement.decisions
    decisions.confirm("duplicate", TWIN, survivor("contacts/C-1", ["City", "Phone"]), by=ANN)
    monkeypatch.setenv("WORKBENCH_HEADLESS", "1")
    page = widgets.decision_table(engagement, "duplicate")._repr_html_()
    assert "its own word in" in page
    assert "City, Phone" in page
    path = decisions.to_workbook(tmp_path / "q.xlsx", kinds=["duplicate"])
    book = load_workbook(path)
    cells = [str(row[ANSWER - 1].value) for row in book["Duplicates"].iter_rows(min_row=2)]
    assert cells[0] == "contacts/C-1 (its own word in City, Phone)"
    assert decisions.merge_workbook(path, by=KIM)["verdict"].tolist() == ["accepted", "accepted"]
    assert taken_of(decisions.value("duplicate", TWIN)) == ("City", "Phone"), "the way through the workbook lost the choice"
    book["Duplicates"].cell(2, ANSWER).value = "contacts/C-1"
    book.save(path)
    assert decisions.merge_workbook(path, by=KIM)["verdict"].tolist()[0] == "changed"
    assert decisions.value("duplicate", TWIN) == {"into": "contacts/C-1"}


@pytest.mark.parametrize(
    ("value", "into", "taken"),
    [
        ({"into": "contacts/C-1", "take": ["B", "A"]}, "contacts/C-1", ("A", "B")),
        ({"into": "", "take": ["A"]}, "", ()),
        ({"into": "contacts/C-1"}, "contacts/C-1", ()),
        ("contacts/C-1", "contacts/C-1", ()),
    ],
)
def test_an_answer_is_read_in_each_way_in_which_it_may_stand(value: object, into: str, taken: tuple[str, ...]) -> None:
    assert (into_of(value), taken_of(value)) == (into, taken)
    assert survivor(into, taken) == ({"into": into, "take": list(taken)} if taken else {"into": into})
