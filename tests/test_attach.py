"""Rows that say something of a record which another feed makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from workbench.errors import SpecError
from workbench.frames.attach import add, attach, document, match_people
from workbench.frames.plan import FeedPlan, FieldPlan
from workbench.frames.transform import Staged, transform
from workbench.specs import Feed, Table

PEOPLE = Table(files=("people.csv",), key=("ID",), key_prefix="C-")
CALLS = Table(files=("calls.csv",), key=("Call",))
BY_ID = {"column": "Customer", "feed": "contacts", "with": "ID", "options": {"prefix": "C-"}}
BY_PHONE = {"column": "Caller", "feed": "contacts", "with": "Phone", "recipe": "phone"}
BY_LEAD_PHONE = {**BY_PHONE, "feed": "leads"}
FIELDS = (
    FieldPlan(column="Note", field="note", recipe="text", options={}, fallback=("Call",), substitutes={"vm": "Voicemail"}),
    FieldPlan(column="Seconds", field="seconds", recipe="integer", options={}),
)


def table(file: str, columns: tuple[str, ...], *rows: Mapping[str, object]) -> pd.DataFrame:
    full = [{"_row": f"{file}:{line}", **row} for line, row in enumerate(rows, 2)]
    return pd.DataFrame(full, columns=["_row", *columns], dtype="str")


def people(*rows: Mapping[str, object], file: str = "people.csv") -> pd.DataFrame:
    return table(file, ("ID", "Name", "Phone", "Owner"), *({"Name": f"N{n}", **row} for n, row in enumerate(rows)))


def calls(*rows: Mapping[str, object]) -> pd.DataFrame:
    named = ({"Call": f"CALL-{n}", "Date": "2026-01-01", **row} for n, row in enumerate(rows))
    return table("calls.csv", ("Call", "Customer", "Caller", "Date", "Seconds", "Note"), *named)


def feed_plan(name: str, spec: Table, *fields: FieldPlan, **said: Any) -> FeedPlan:
    made = {"name": name, "rows": ["X"], "label": name, "about": "", "table": name, "object": "contact", **said}
    return FeedPlan(feed=Feed.model_validate(made), source="promio", table=spec, fields=fields)


def staged_people(rows: pd.DataFrame, name: str = "contacts", **decided: Any) -> Staged:
    last_name = FieldPlan(column="Name", field="last_name", recipe="text", options={}, required=True)
    return transform(rows, replace(feed_plan(name, PEOPLE, last_name), **decided))


def attached(rows: pd.DataFrame, contacts: pd.DataFrame, leads: pd.DataFrame | None = None, **said: Any) -> Staged:
    """The calls put on contacts and leads."""
    there = {"contacts": contacts, "leads": people(file="leads.csv") if leads is None else leads}
    decided = {"merges": said.pop("merges", {})}
    parents = {"contacts": staged_people(contacts, **decided), "leads": staged_people(there["leads"], "leads")}
    rules = {"match": [BY_ID, BY_PHONE, BY_LEAD_PHONE], "newest": "Date", "newest_recipe": "moment"}
    rules |= {"newest_options": {"order": "mdy", "zone": "UTC"}, "tie": "Call", "superseded": "earlier", "unmatched": "nobody"}
    zone = said.pop("zone", "")
    plan = replace(feed_plan("calls", CALLS, *FIELDS, kind="attach", **{**rules, **said}), zone=zone)
    return attach(rows, plan, parents=parents, tables=there)


def ends(staged: Staged) -> list[tuple[object, ...]]:
    """Bucket, reason and record, row by row."""
    frame = staged.verdicts[["bucket", "reason", "record"]].astype("object")
    return [tuple(None if pd.isna(cell) else cell for cell in row) for row in frame.to_numpy()]


NOBODY = ("rejected", "nobody", None)
EARLIER = ("excluded", "earlier", None)


def on(record: str) -> tuple[str, str, str]:
    return "merged", "attached", record


# ---------------------------------------------------------------- whose a row is


def test_ways_are_tried_in_order_and_the_first_that_finds_a_record_counts() -> None:
    contacts = people({"ID": "1", "Phone": "(201) 555-0101"}, {"ID": "2", "Phone": "(201) 555-0102"})
    staged = attached(
        calls(
            {"Customer": "1", "Caller": "+1 201 555 0102"},
            {"Customer": "C-2"},
        ),
        contacts,
    )
    assert ends(staged) == [on("contacts/C-1"), on("contacts/C-2")]


def test_an_unknown_or_empty_number_falls_through_to_the_next_way() -> None:
    contacts, leads = people({"ID": "1", "Phone": "2015550101"}), people({"ID": "7", "Phone": "2015550107"}, file="leads.csv")
    staged = attached(
        calls({"Customer": "99", "Caller": "201-555-0101"}, {"Caller": "2015550107"}, {"Caller": "n/a"}, {"Customer": "9"}),
        contacts,
        leads,
    )
    assert ends(staged) == [on("contacts/C-1"), on("leads/C-7"), NOBODY, NOBODY]


def test_a_row_that_fits_several_records_is_given_to_none() -> None:
    contacts = people({"ID": "1", "Phone": "2015550101"}, {"ID": "2", "Phone": "2015550101"})
    leads = people({"ID": "7", "Phone": "2015550101"}, file="leads.csv")
    staged = attached(calls({"Caller": "2015550101"}, {"Customer": "2", "Caller": "2015550101"}), contacts, leads)
    assert ends(staged) == [("rejected", "several_records_fit", None), on("contacts/C-2")]


def test_rows_that_are_one_record_by_now_are_one_fit() -> None:
    contacts = people({"ID": "1", "Phone": "2015550101"}, {"ID": "2", "Phone": "2015550101"})
    staged = attached(calls({"Caller": "2015550101"}, {"Customer": "2"}), contacts, merges={"people.csv:3": "contacts/C-1"})
    assert ends(staged) == [EARLIER, on("contacts/C-1")]


def test_a_record_that_is_not_loaded_takes_nothing() -> None:
    contacts = people({"ID": "1", "Name": "", "Phone": "2015550101"}, {"ID": "2", "Phone": "2015550101"})
    staged = attached(calls({"Customer": "1"}, {"Caller": "2015550101"}), contacts)
    assert ends(staged) == [NOBODY, on("contacts/C-2")]


# ---------------------------------------------------------------- which row speaks


def test_the_newest_row_of_a_record_speaks_and_the_others_are_counted() -> None:
    rows = calls(*({"Customer": "1", "Date": day} for day in ("02/01/2026", "11/01/2026 09:00", "03/01/2026")))
    staged = attached(rows, people({"ID": "1"}))
    assert ends(staged) == [EARLIER, on("contacts/C-1"), EARLIER]
    assert staged.additions["row"].tolist() == ["calls.csv:3"]


def test_moments_without_a_zone_are_read_in_the_sources_own_and_not_told_apart_by_the_tie() -> None:
    rows = calls(
        *({"Customer": "1", "Date": day, "Call": name} for day, name in (("11/01/2026 9:00 AM", "A"), ("2/1/2026", "B")))
    )
    staged = attached(rows, people({"ID": "1"}), newest_options={"order": "mdy"}, zone="America/New_York")
    assert ends(staged) == [on("contacts/C-1"), EARLIER]


def test_a_day_that_cannot_be_read_never_wins_over_one_that_can() -> None:
    rows = calls(*({"Customer": "1", "Date": day} for day in ("02/01/2026", "soon", None)))
    assert ends(attached(rows, people({"ID": "1"}))) == [on("contacts/C-1"), EARLIER, EARLIER]


def test_where_no_day_can_be_read_the_tie_decides() -> None:
    rows = calls(*({"Customer": "1", "Date": "soon", "Call": name} for name in ("CALL-9", "CALL-10", "CALL-1")))
    assert [end[0] for end in ends(attached(rows, people({"ID": "1"})))] == ["excluded", "merged", "excluded"]


@pytest.mark.parametrize(("tie", "winner"), [("Call", 0), ("", 1), ("Absent", 1)])
def test_of_equal_rows_the_higher_tie_wins_and_without_one_the_last_row(tie: str, winner: int) -> None:
    rows = calls({"Customer": "1", "Call": "B"}, {"Customer": "1", "Call": "A"})
    buckets = [end[0] for end in ends(attached(rows, people({"ID": "1"}), tie=tie))]
    assert buckets.index("merged") == winner


def test_counts_are_compared_as_numbers() -> None:
    rows = calls(*({"Customer": "1", "Seconds": count} for count in ("9", "1,000", "x", None)))
    staged = attached(rows, people({"ID": "1"}), newest="Seconds", newest_recipe="integer", newest_options={})
    assert [end[0] for end in ends(staged)] == ["excluded", "merged", "excluded", "excluded"]


def test_a_column_by_which_the_newest_is_told_may_not_be_missing() -> None:
    with pytest.raises(SpecError, match="no column 'Date'"):
        attached(calls({"Customer": "1"}).drop(columns="Date"), people({"ID": "1"}))


# ---------------------------------------------------------------- what it says


def test_only_the_row_that_speaks_is_converted_and_its_bad_cells_are_named() -> None:
    rows = calls({"Customer": "1", "Seconds": "x", "Note": "vm", "Date": "02/01/2026"}, {"Customer": "1", "Seconds": "y"})
    staged = attached(rows, people({"ID": "1"}))
    assert staged.additions[["record", "note"]].to_numpy().tolist() == [["contacts/C-1", "Voicemail"]]
    assert staged.cells[["row", "column", "value", "reason"]].to_numpy().tolist() == [
        ["calls.csv:2", "Seconds", "x", "not_an_integer"]
    ]


def test_fallbacks_count_and_a_missing_column_is_empty() -> None:
    staged = attached(calls({"Customer": "1"}).drop(columns=["Note", "Seconds"]), people({"ID": "1"}))
    assert staged.additions["note"].tolist() == ["CALL-0"]
    assert staged.additions["seconds"].isna().all()


def test_no_rows_and_no_records_pass_every_step() -> None:
    assert attached(calls(), people({"ID": "1"})).verdicts.empty
    assert ends(attached(calls({"Customer": "1", "Caller": "2015550101"}), people())) == [NOBODY]


CELLS = st.fixed_dictionaries(
    {
        "Call": st.sampled_from(["A", "A-9", "A-10", None]),
        "Customer": st.sampled_from(["1", "C-2", "9", "n/a", None]),
        "Caller": st.sampled_from(["2015550101", "2015550102", "private", None]),
        "Date": st.sampled_from(["01/02/2026", "01/02/2026 10:00", "soon", "", None]),
        "Seconds": st.sampled_from(["1", "x", None]),
    }
)


@settings(max_examples=40, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.lists(CELLS, max_size=8))
def test_every_row_ends_once_and_every_record_is_spoken_for_once(rows: list[dict[str, object]]) -> None:
    contacts = people(
        {"ID": "1", "Phone": "2015550101"}, {"ID": "2", "Phone": "2015550102"}, {"ID": "3", "Phone": "2015550102"}
    )
    staged = attached(calls(*rows), contacts)
    assert len(staged.verdicts) == len(rows)
    merged = staged.verdicts[staged.verdicts["bucket"] == "merged"]
    assert merged["record"].is_unique
    assert merged["row"].tolist() == staged.additions["row"].tolist()
    assert set(staged.verdicts.loc[staged.verdicts["bucket"] != "merged", "record"].dropna()) == set()


# ---------------------------------------------------------------- adding to records

RECORDS = pd.DataFrame(
    {"key": ["c/1", "c/2", "c/3"], "row": ["p:2", "p:3", "p:4"], "note": pd.Series(["own", pd.NA, pd.NA], dtype="object")}
)
PLAN = feed_plan("calls", CALLS, *FIELDS)


def additions(*rows: tuple[str, object], name: str = "note") -> pd.DataFrame:
    full = [(record, f"calls.csv:{line}", said) for line, (record, said) in enumerate(rows, 2)]
    return pd.DataFrame(full, columns=["record", "row", name], dtype="object")


def lost(cells: pd.DataFrame) -> list[list[object]]:
    return [list(row) for row in cells[["feed", "column", "row", "value", "reason"]].to_numpy()]


def test_an_addition_fills_a_gap_and_the_records_own_word_stays() -> None:
    records, cells = add(RECORDS, additions(("c/1", "new"), ("c/2", "new"), ("x/9", "new")), plan=PLAN)
    assert records["note"].fillna("").tolist() == ["own", "new", ""]
    assert lost(cells) == [["calls", "Note", "calls.csv:2", "new", "record_kept_its_own"]]


def test_an_addition_that_wins_sets_the_records_own_word_aside() -> None:
    records, cells = add(RECORDS, additions(("c/1", "new"), ("c/2", "new")), plan=PLAN, wins=True)
    assert records["note"].fillna("").tolist() == ["new", "new", ""]
    assert lost(cells) == [["calls", "Note", "p:2", "own", "later_word_won"]]


def test_an_addition_that_wins_with_nothing_to_say_takes_nothing_away() -> None:
    records, cells = add(RECORDS, additions(("c/1", pd.NA)), plan=PLAN, wins=True)
    assert records["note"].tolist()[0] == "own"
    assert cells.empty


def test_an_addition_that_agrees_loses_nothing() -> None:
    for wins in (False, True):
        assert add(RECORDS, additions(("c/1", "own")), plan=PLAN, wins=wins)[1].empty


def test_of_two_additions_the_first_counts_and_the_second_is_set_aside() -> None:
    records, cells = add(RECORDS, additions(("c/2", "first"), ("c/2", "second")), plan=PLAN)
    assert records["note"].tolist()[1] == "first"
    assert lost(cells) == [["calls", "Note", "calls.csv:3", "second", "record_kept_its_own"]]


@pytest.mark.parametrize("said", [7, ["a", "b"], True, "7"])
def test_a_new_field_keeps_the_kind_of_its_values_beside_gaps(said: object) -> None:
    records, _ = add(RECORDS, additions(("c/2", said), name="seconds"), plan=PLAN)
    assert records["seconds"].tolist()[1] == said
    assert type(records["seconds"].tolist()[1]) is type(said)
    assert records["seconds"].isna().tolist() == [True, False, True]
    assert "seconds" not in RECORDS


# ---------------------------------------------------------------- people and documents


def test_people_are_found_by_decision_and_the_fallback_is_named_as_one() -> None:
    rows = table(
        "owners.csv", ("Email",), *({"Email": mail} for mail in ("a@old", " b@old ", "ops@new", "c@old", "d@old", None))
    )
    plan = replace(
        feed_plan("owners", Table(files=("x",), key=("Email",)), kind="match"),
        owners={"a@old": "a@new", "b@old": "ops@new", "ops@new": "ops@new", "d@old": "", "(blank)": "ops@new"},
    )
    assert ends(match_people(rows, plan, column="Email")) == [
        ("merged", "matched_user", "a@new"),
        ("merged", "fallback_user", "ops@new"),
        ("merged", "matched_user", "ops@new"),
        ("held", "owner_unresolved", None),
        ("held", "owner_unresolved", None),
        ("held", "owner_unresolved", None),
    ]
    assert match_people(rows.head(0), plan, column="Email").verdicts.empty
    with pytest.raises(SpecError, match="no column 'Mail'"):
        match_people(rows, plan, column="Mail")


@pytest.mark.parametrize("key", [("Type", "Name"), ()])
def test_every_row_of_a_document_is_excluded_with_or_without_a_key(key: tuple[str, ...]) -> None:
    rows = table("assets.xlsx", ("Type", "Name"), {"Type": "page", "Name": "Home"}, {"Type": "page"})
    staged = document(rows, feed_plan("assets", Table(files=("x",), key=key), kind="document"))
    assert ends(staged) == [("excluded", "documented", None)] * 2
    assert staged.verdicts["natural"].fillna("").tolist() == (["page|Home", ""] if key else ["", ""])
    assert staged.records.empty
