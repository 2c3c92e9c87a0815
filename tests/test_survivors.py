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
from workbench.decisions.survivors import emptied_of, into_of, survivor, taken_of
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


Columns = Mapping[int, tuple[str, ...]]


def merged(*rows: Mapping[str, str], into: Mapping[int, str], take: Columns = {}, empty: Columns = {}, **said: Any) -> Staged:  # noqa: B006
    """The people staged, with rows, counted from 1, merged into others, and the columns in which they or nobody have a say."""
    feed = {"name": "contacts", "table": "people", "fields": FIELDS, "unique": "emails", "owner": "Owner", **said}
    merges = {f"people.csv:{row + 1}": f"contacts/{key}" for row, key in into.items()}
    takes, empties = ({f"people.csv:{row + 1}": columns for row, columns in each.items()} for each in (take, empty))
    decided = {"merges": {"contacts": merges}, "takes": {"contacts": takes}, "empties": {"contacts": empties}}
    return staged(route(feed), TOY, [table("people", *rows)], **decided)["contacts"]


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


def test_what_is_chosen_empty_stays_empty_and_every_word_of_its_rows_is_set_aside() -> None:
    made = merged(FIRST, SECOND, THIRD, into={2: "1", 3: "1"}, empty={3: ("City", "Phone")})
    assert (column(made, "city"), column(made, "job_title")) == ([None], [None]), "a row filled the gap that was to stay"
    told = made.cells[made.cells["reason"] == "chosen_empty"]
    assert sorted(zip(told["row"], told["column"], told["value"], strict=True)) == [
        ("people.csv:2", "City", "Salem"),
        ("people.csv:3", "City", "Boston"),
        ("people.csv:3", "Phone", "555"),
        ("people.csv:4", "City", "Lynn"),
        ("people.csv:4", "Phone", "777"),
    ]


def test_a_row_that_has_the_word_speaks_where_another_one_says_nothing() -> None:
    made = merged(FIRST, SECOND, THIRD, into={2: "1", 3: "1"}, take={2: ("City",)}, empty={3: ("City",)})
    assert column(made, "city") == ["Boston"]
    assert "chosen_empty" not in set(made.cells["reason"])


@pytest.mark.parametrize(("into", "empty"), [({2: ""}, ("City",)), ({2: "1"}, ("Shoe size",)), ({2: "9"}, ("City",))])
def test_an_empty_word_that_nothing_gives_changes_no_record(into: dict[int, str], empty: tuple[str, ...]) -> None:
    made = merged(FIRST, SECOND, into=into, empty={2: empty})
    assert made.records["city"].iloc[0] == "Salem"


# ---------------------------------------------------------------- records of another feed

BOTH = source(
    {"people": "ID", "leads": "ID"},
    tables={name: {"files": [f"{name}.csv"], "key": ["ID"]} for name in ("people", "leads")},
)
LEAD = {"ID": "7", "Name": "Anne", "Mail": "anne@x.example", "Town": "Boston", "Phone": "555", "Owner": "ann"}
LEAD_FIELDS = [{**each, "column": {"City": "Town"}.get(str(each["column"]), each["column"])} for each in FIELDS]


def across(*rows: Mapping[str, str], take: Columns = {}, empty: Columns = {}, people: int = 1) -> dict[str, Staged]:  # noqa: B006
    """People, and leads all of which are the first of them; the leads' own words by row, counted from 1."""
    known = {"unique": "emails", "owner": "Owner"}
    feeds = [
        {"name": "contacts", "table": "people", "fields": FIELDS, **known},
        {"name": "leads", "table": "leads", "object": "lead", "fields": LEAD_FIELDS, **known},
    ]
    merges = {f"leads.csv:{n}": "contacts/1" for n in range(2, len(rows) + 2)}
    takes, empties = ({f"leads.csv:{row + 1}": columns for row, columns in each.items()} for each in (take, empty))
    decided = {"merges": {"leads": merges}, "takes": {"leads": takes}, "empties": {"leads": empties}}
    tables = [table("people", *[FIRST, {**SECOND, "Mail": "bea@x.example"}][:people]), table("leads", *rows)]
    return staged(route(*feeds), BOTH, tables, **decided)


def spoken(made: dict[str, Staged], name: str) -> list[tuple[object, object]]:
    """Record and value, in the words that leads have in records of contacts, and as these stand then."""
    records = made["contacts"].records
    return list(zip(records["key"], column(made["contacts"], name), strict=True))


def test_a_row_has_the_word_in_a_record_of_another_feed_too() -> None:
    made = across(LEAD, take={1: ("Town", "Mail")})
    assert spoken(made, "city") == [("contacts/1", "Boston")]
    assert spoken(made, "emails") == [("contacts/1", "anne@x.example")]
    assert spoken(made, "last_name") == [("contacts/1", "Ann")], "what nobody chose is the record's own"
    assert aside(made["contacts"]) == {
        ("people.csv:2", "City", "city", "other_row_chosen"),
        ("people.csv:2", "Mail", "emails", "other_row_chosen"),
    }
    assert sorted(made["contacts"].cells["value"]) == ["Salem", "ann@x.example"]


def test_of_several_rows_of_another_feed_the_one_that_was_chosen_speaks_whatever_the_others_say() -> None:
    made = across({**LEAD, "Town": "Lynn"}, {**LEAD, "ID": "8"}, take={1: ("Phone",), 2: ("Town",)})
    assert spoken(made, "city") == [("contacts/1", "Boston")]


def test_a_record_of_another_feed_can_be_left_empty() -> None:
    made = across(LEAD, empty={1: ("Town",)})
    assert spoken(made, "city") == [("contacts/1", None)]
    assert ("people.csv:2", "City", "city", "chosen_empty") in aside(made["contacts"])
    assert ("leads.csv:2", "Town", "city", "chosen_empty") in aside(made["leads"])


def test_a_word_in_another_feeds_record_does_not_take_what_is_unique_from_a_third_record() -> None:
    made = across({**LEAD, "Mail": "bea@x.example"}, take={1: ("Mail",)}, people=2)
    assert spoken(made, "emails") == [("contacts/1", "ann@x.example"), ("contacts/2", "bea@x.example")]
    assert ("leads.csv:2", "Mail", "emails", "taken_by_another_record") in aside(made["leads"])


@settings(max_examples=25, deadline=None)
@given(
    cells=st.lists(st.lists(st.sampled_from(["", "a", "b"]), min_size=3, max_size=3), min_size=2, max_size=4),
    takes=st.lists(st.sets(st.sampled_from(["City", "Phone", "Mail"])), min_size=3, max_size=3),
    empties=st.sets(st.sampled_from(["City", "Phone"])),
)
def test_every_filled_cell_of_a_cluster_is_loaded_merged_or_set_aside(
    cells: list[list[str]], takes: list[set[str]], empties: set[str]
) -> None:
    rows = [
        {"ID": str(n), "Name": "A", "Owner": "ann", "City": c, "Phone": p, "Mail": f"{m}@x.example" if m else ""}
        for n, (c, p, m) in enumerate(cells, 1)
    ]
    others = range(2, len(rows) + 1)
    take = {n: tuple(sorted(takes[n - 2])) for n in others if takes[n - 2]}
    made = merged(*rows, into=dict.fromkeys(others, "1"), take=take, empty={2: tuple(empties)})
    names = {"City": "city", "Phone": "job_title", "Mail": "emails"}
    closed = cell_closure(table("people", *rows), made.verdicts, fields=names, records=made.records, cells=made.cells)
    assert closed["closes"].all(), closed
    for name, place in (("City", 0), ("Phone", 1)):
        given = [n for n in others if name in takes[n - 2] and cells[n - 1][place]]
        says = [n for n in range(1, len(rows) + 1) if cells[n - 1][place] and name not in empties]
        wanted = [cells[n - 1][place] for n in given or says]
        assert column(made, names[name]) == [wanted[0] if wanted else None]


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


def test_a_column_can_be_chosen_empty_over_a_filled_one_but_none_that_the_record_needs(engagement: Engagement) -> None:
    names = engagement.load("tables/customers").assign(**{"Customer Name": ["Ann", "Anne", "A."]})
    engagement.save("tables/customers", names)
    review, decisions = shown(engagement), engagement.decisions
    found = said(review, "look", asked=[{"subject": TWIN}])["looks"][0][1]
    needed = {line[0] for line, needs in zip(found["lines"], found["needed"], strict=True) if needs}
    assert needed == {"Customer Name"}
    problems = decide(review, {"subject": TWIN, "text": "contacts/C-1", "take": [], "empty": ["Customer Name"]})
    assert problems == {TWIN: "Without Customer Name the record could not be loaded: it cannot be left empty."}
    assert decide(review, {"subject": TWIN, "text": "contacts/C-1", "take": ["City"], "empty": ["Phone"]}) == {}
    assert decisions.value("duplicate", TWIN) == {"into": "contacts/C-1", "take": ["City"], "empty": ["Phone"]}
    assert "Phone" in {line["column"] for line in decisions.history("duplicate").iloc[-1]["shown"]["beside"]}
    assert review.answers[TWIN]["empty"] == ["Phone"]
    seen = {"answer": "contacts/C-1", "take": ["City"]}
    problems = decide(review, {"subject": TWIN, "text": "contacts/C-1", "take": ["City"], "empty": [], "seen": seen})
    assert "with its own word in City; left empty: Phone" in problems[TWIN], "an answer to what that page did not show"
    said(review, "undo")
    assert decisions.value("duplicate", TWIN) is None


def test_a_row_of_another_table_speaks_by_field_in_the_columns_that_both_have_a_field_for(engagement: Engagement) -> None:
    leads = {"Lead ID": ["L-1"], "Lead Name": ["Ann Lee"], "Email": ["anna@x.example"], "Phone": ["900"]}
    engagement.save("tables/leads", pd.DataFrame({"_row": ["leads.csv:2"], **leads}).astype("str"))
    lead = "leads/L-1@leads.csv:2"
    asked = [[lead, PAIR[0], 0.9, "like names", PAIR, "Ann ~ Ann"]]
    engagement.decisions.propose("duplicate", pd.DataFrame(asked, columns=COLUMNS))
    review = shown(engagement)
    found = said(review, "look", asked=[{"subject": lead}])["looks"][0][1]
    assert found["heads"] == ["C-1 · customers.csv line 2", "L-1 · leads.csv line 2"]
    lines = {line[0]: line[1:] for line in found["lines"]}
    assert lines["Email"] == ["ann@x.example", "anna@x.example"]
    may = {line[0] for line, chosen in zip(found["lines"], found["chosen"], strict=True) if chosen}
    assert "Email" in may and "Lead ID" not in may
    problems = decide(review, {"subject": lead, "text": "contacts/C-1", "take": ["Lead ID"]})
    assert problems == {lead: "There is nothing to choose in Lead ID."}
    assert decide(review, {"subject": lead, "text": "contacts/C-1", "take": ["Email"]}) == {}
    assert engagement.decisions.value("duplicate", lead) == {"into": "contacts/C-1", "take": ["Email"]}


def test_the_still_page_and_the_workbook_say_in_which_columns_another_row_has_the_word(
    engagement: Engagement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decisions = engagement.decisions
    decisions.confirm("duplicate", TWIN, survivor("contacts/C-1", ["City", "Phone"], ["Email"]), by=ANN)
    monkeypatch.setenv("WORKBENCH_HEADLESS", "1")
    page = widgets.decision_table(engagement, "duplicate")._repr_html_()
    assert "its own word in" in page
    assert "City, Phone" in page
    assert "<th" in page and "left empty" in page
    path = decisions.to_workbook(tmp_path / "q.xlsx", kinds=["duplicate"])
    book = load_workbook(path)
    cells = [str(row[ANSWER - 1].value) for row in book["Duplicates"].iter_rows(min_row=2)]
    assert cells[0] == "contacts/C-1 (its own word in City, Phone; left empty: Email)"
    assert decisions.merge_workbook(path, by=KIM)["verdict"].tolist() == ["accepted", "accepted"]
    assert taken_of(decisions.value("duplicate", TWIN)) == ("City", "Phone"), "the way through the workbook lost the choice"
    assert emptied_of(decisions.value("duplicate", TWIN)) == ("Email",)
    book["Duplicates"].cell(2, ANSWER).value = "contacts/C-1"
    book.save(path)
    assert decisions.merge_workbook(path, by=KIM)["verdict"].tolist()[0] == "changed"
    assert decisions.value("duplicate", TWIN) == {"into": "contacts/C-1"}


@pytest.mark.parametrize(
    ("value", "into", "taken", "emptied"),
    [
        ({"into": "contacts/C-1", "take": ["B", "A"]}, "contacts/C-1", ("A", "B"), ()),
        ({"into": "contacts/C-1", "take": ["A"], "empty": ["C", "B"]}, "contacts/C-1", ("A",), ("B", "C")),
        ({"into": "", "take": ["A"], "empty": ["B"]}, "", (), ()),
        ({"into": "contacts/C-1"}, "contacts/C-1", (), ()),
        ("contacts/C-1", "contacts/C-1", (), ()),
    ],
)
def test_an_answer_is_read_in_each_way_in_which_it_may_stand(
    value: object, into: str, taken: tuple[str, ...], emptied: tuple[str, ...]
) -> None:
    assert (into_of(value), taken_of(value), emptied_of(value)) == (into, taken, emptied)
    parts = {"take": list(taken), "empty": list(emptied)}
    assert survivor(into, taken, emptied) == {"into": into, **{name: said for name, said in parts.items() if said}}
