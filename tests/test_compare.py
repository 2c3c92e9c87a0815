"""Comparing records field by field, and the closures that prove that nothing vanished."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import SpecError
from workbench.frames.closure import BUCKETS, association_closure, cell_closure, money_closure, row_closure
from workbench.frames.compare import by_type, compare


def sides(expected: object, actual: object, *, field: str = "f") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two frames of one record with one field."""
    return (
        pd.DataFrame({"key": ["k"], field: pd.Series([expected], dtype=object)}),
        pd.DataFrame({"key": ["k"], field: pd.Series([actual], dtype=object)}),
    )


def class_of(expected: object, actual: object) -> str:
    """How a single pair of cells is classed under every way of writing."""
    found = compare(*sides(expected, actual))
    return "equal" if found.frame.empty else str(found.frame["class"].iloc[0])


# ---------------------------------------------------------------- classes of a cell


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ("1200.00", 1200.0),
        ("1200.50", "1200.5"),
        ("Marcus.Hale@BrightRoof.example", "marcus.hale@brightroof.example"),
        (["Display", "Bing Ads"], ["Bing Ads", "Display"]),
        ("2024-03-01T12:00:00-05:00", "2024-03-01T17:00:00Z"),
        ("note ", "note"),
        (True, "true"),
        ("1200.00 ", "1200"),
    ],
)
def test_a_declared_way_of_writing_is_intended_and_says_which(expected: object, actual: object) -> None:
    found = compare(*sides(expected, actual))
    assert found.frame["class"].tolist() == ["intended"]
    assert found.frame["reason"].iloc[0]
    assert found.wrong == 0


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ("02134", "2134"),
        ("50%", "50"),
        ("1200.00", "1200.01"),
        ("2024-03-01T12:00:00-05:00", "2024-03-01T12:00:00Z"),
        ("2024-03-01", "2024-03-02"),
        ("Smith", "SMITH"),
        ("a@b.example", "a@c.example"),
        (["A", "B"], ["A"]),
        (["A", "A", "B"], ["A", "B", "B"]),
        (" leading", "leading"),
        ("x", None),
        (None, "x"),
        ("007", "7.0"),
    ],
)
def test_another_value_is_wrong_however_alike_it_looks(expected: object, actual: object) -> None:
    assert class_of(expected, actual) == "wrong"


@pytest.mark.parametrize("nothing", [None, "", pd.NA, float("nan"), [], pd.NaT])
def test_all_kinds_of_nothing_are_the_same(nothing: object) -> None:
    assert class_of(None, nothing) == "equal"
    assert class_of(nothing, "") == "equal"


def test_a_declared_loss_is_lossy_with_its_reason_and_only_in_its_field() -> None:
    expected = pd.DataFrame({"key": ["k"], "note": ["long text"], "name": ["A"]})
    actual = pd.DataFrame({"key": ["k"], "note": ["long"], "name": ["B"]})
    found = compare(expected, actual, lossy={"note": "cut to 4 characters"})
    assert found.frame[["field", "class", "reason"]].to_numpy().tolist() == [
        ["note", "lossy", "cut to 4 characters"],
        ["name", "wrong", "another value stands there"],
    ]
    assert found.wrong == 1


def test_ways_by_type_do_not_forgive_a_text_what_they_forgive_an_amount() -> None:
    expected = pd.DataFrame({"key": ["k"], "amount": ["1.10"], "version": ["1.10"]})
    actual = pd.DataFrame({"key": ["k"], "amount": ["1.1"], "version": ["1.1"]})
    found = compare(expected, actual, normalise=by_type({"amount": "money", "version": "text"}))
    assert dict(zip(found.frame["field"], found.frame["class"], strict=True)) == {
        "amount": "intended",
        "version": "wrong",
    }


def test_a_way_nobody_knows_is_refused_with_the_list() -> None:
    with pytest.raises(SpecError, match="list_order"):
        compare(*sides("a", "a"), normalise={"*": ["rounding"]})


# ---------------------------------------------------------------- whole records


def test_missing_and_surplus_records_are_listed_and_count_as_wrong() -> None:
    expected = pd.DataFrame({"key": ["a", "b"], "f": ["1", "2"]})
    actual = pd.DataFrame({"key": ["b", "c", "b", None], "f": ["2", "3", "2", "4"]})
    found = compare(expected, actual)
    assert (found.missing, found.surplus, found.wrong) == (1, 3, 4)
    assert found.frame.loc[found.frame["class"] == "missing", "key"].tolist() == ["a"]
    assert sorted(found.frame.loc[found.frame["class"] == "surplus", "reason"]) == [
        "a record without our key",
        "a second record with this key",
        "nobody expected a record with this key",
    ]


def test_a_key_expected_twice_is_never_taken_for_one() -> None:
    expected = pd.DataFrame({"key": ["a", "a"], "f": ["1", "2"]})
    found = compare(expected, pd.DataFrame({"key": ["a"], "f": ["1"]}))
    assert (found.missing, found.wrong) == (1, 1)


def test_a_field_the_destination_does_not_show_is_wrong_where_something_was_sent() -> None:
    found = compare(pd.DataFrame({"key": ["a", "b"], "f": ["1", None]}), pd.DataFrame({"key": ["a", "b"]}))
    assert found.summary.to_dict("records") == [
        {"field": "f", "cells": 2, "filled": 1, "equal": 1, "intended": 0, "lossy": 0, "wrong": 1}
    ]


def test_nothing_compared_with_nothing_has_no_difference() -> None:
    empty = pd.DataFrame({"key": pd.Series(dtype="str"), "f": pd.Series(dtype="str")})
    found = compare(empty, empty)
    assert (found.wrong, found.cells, len(found.frame)) == (0, 0, 0)


def test_a_comparison_shows_hostile_values_and_never_obeys_them() -> None:
    shown = compare(*sides("<script>alert(1)</script>", "x"))._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_records_read_from_parquet_compare_their_lists(tmp_path) -> None:  # type: ignore[no-untyped-def]
    expected = pd.DataFrame({"key": ["a", "b"], "channels": [["Display", "Bing Ads"], None]})
    expected.to_parquet(tmp_path / "r.parquet")
    back = pd.read_parquet(tmp_path / "r.parquet")
    actual = pd.DataFrame({"key": ["a", "b"], "channels": [["Bing Ads", "Display"], []]})
    assert compare(back, actual).frame["class"].tolist() == ["intended"]


cell = st.one_of(
    st.none(),
    st.text(max_size=8),
    st.integers(),
    st.booleans(),
    st.floats(allow_nan=False),
    st.lists(st.text(max_size=3), max_size=3),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(cell, cell), max_size=8))
def test_every_cell_is_counted_in_exactly_one_class(pairs: list[tuple[object, object]]) -> None:
    keys = [f"k{n}" for n in range(len(pairs))]
    expected = pd.DataFrame({"key": keys, "f": pd.Series([p[0] for p in pairs], dtype=object)})
    actual = pd.DataFrame({"key": keys, "f": pd.Series([p[1] for p in pairs], dtype=object)})
    line = compare(expected, actual).summary.iloc[0]
    assert line["equal"] + line["intended"] + line["lossy"] + line["wrong"] == line["cells"] == len(pairs)
    assert compare(expected, expected).wrong == 0


def test_many_records_in_another_order_are_compared_cell_by_cell() -> None:
    n = 1_500
    expected = pd.DataFrame(
        {"key": [f"k{i}" for i in range(n)]} | {f"f{j}": [f"{i * j}.50" for i in range(n)] for j in range(25)}
    )
    actual = expected.iloc[::-1].assign(f3=[f"{i * 3}.5" for i in reversed(range(n))], f7="other")
    found = compare(expected, actual)
    assert found.cells == n * 25
    assert found.summary.set_index("field").loc["f3", "intended"] == n
    assert found.wrong == n


# ---------------------------------------------------------------- closures


def verdicts(*rows: tuple[str, str, str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["row", "feed", "bucket", "reason", "record"])


def set_aside(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["column", "field", "row", "reason"], dtype="str")


def test_rows_close_when_each_is_in_one_bucket() -> None:
    made = verdicts(
        ("a:2", "contacts", "loaded", "", "contacts/1"),
        ("a:3", "contacts", "merged", "same_person", "contacts/1"),
        ("b:2", "leads", "rejected", "too_few_cells", ""),
    )
    frame = row_closure(made, rows={"contacts": 2, "leads": 1, "deals": 0})
    assert frame["closes"].all()
    assert frame.set_index("feed").loc["contacts", ["rows", "loaded", "merged"]].tolist() == [2, 1, 1]
    assert frame["feed"].tolist() == ["contacts", "leads", "deals"]
    assert frame[list(BUCKETS)].sum().sum() == 3


@pytest.mark.parametrize(
    ("rows", "delivered"),
    [
        ([("a:2", "contacts", "loaded", "", "k")], 2),
        ([("a:2", "contacts", "loaded", "", "k"), ("a:2", "contacts", "merged", "", "k")], 1),
        ([("a:2", "contacts", "lost", "", "")], 1),
    ],
)
def test_a_row_in_no_bucket_or_in_two_keeps_the_feed_open(rows: list[tuple[str, str, str, str, str]], delivered: int) -> None:
    assert not row_closure(verdicts(*rows), rows={"contacts": delivered})["closes"].any()


def test_cells_close_over_loaded_set_aside_left_behind_placeholder_and_other_rows() -> None:
    table = pd.DataFrame(
        {"_row": ["a:2", "a:3", "a:4", "a:5"], "Phone": ["1", "6E+09", "n/a", "4"], "Gate": ["x", "", "y", "z"]}
    )
    made = verdicts(
        ("a:2", "c", "loaded", "", "c/1"),
        ("a:3", "c", "loaded", "", "c/2"),
        ("a:4", "c", "loaded", "", "c/3"),
        ("a:5", "c", "merged", "same_person", "c/1"),
    )
    records = pd.DataFrame({"key": ["c/1", "c/2", "c/3"], "mobile": ["+1", None, None]})
    cells = set_aside(("Phone", "mobile", "a:3", "damaged_by_excel"))
    frame = cell_closure(table, made, fields={"Phone": "mobile", "Gate": ""}, records=records, cells=cells)
    phone, gate = frame.to_dict("records")
    assert (phone["filled"], phone["loaded"], phone["set_aside"], phone["placeholder"], phone["merged"]) == (
        4,
        1,
        1,
        1,
        1,
    )
    assert (gate["filled"], gate["left_behind"], gate["merged"]) == (3, 2, 1)
    assert frame["closes"].all()


def test_a_cell_that_silently_vanished_is_unexplained() -> None:
    table = pd.DataFrame({"_row": ["a:2"], "Phone": ["1"]})
    records = pd.DataFrame({"key": ["c/1"], "mobile": pd.Series([None], dtype="str")})
    none = set_aside()
    frame = cell_closure(
        table, verdicts(("a:2", "c", "loaded", "", "c/1")), fields={"Phone": "mobile"}, records=records, cells=none
    )
    assert frame["unexplained"].tolist() == [1]
    assert not frame["closes"].any()


def test_cells_of_an_attached_row_stand_on_the_record_of_the_other_feed() -> None:
    table = pd.DataFrame({"_row": ["r:2"], "Score": ["4.5"]})
    made = verdicts(("r:2", "reputation", "merged", "attached", "contacts/1"))
    records = pd.DataFrame({"key": ["contacts/1"], "score": ["4.5"]})
    none = set_aside()
    frame = cell_closure(table, made, fields={"Score": "score"}, records=records, cells=none)
    assert frame["loaded"].tolist() == [1]


def test_a_value_given_up_in_part_is_told_from_one_that_the_record_overruled() -> None:
    table = pd.DataFrame({"_row": ["a:2", "a:3"], "Created": ["1/2/2024 10:00", "1/3/2024"]})
    made = verdicts(("a:2", "c", "loaded", "", "c/1"), ("a:3", "calls", "merged", "attached", "c/2"))
    records = pd.DataFrame({"key": ["c/1", "c/2"], "day": ["2024-01-02", "2023-01-01"]})
    cells = set_aside(("Created", "day", "a:2", "time_dropped"), ("", "day", "a:3", "record_kept_its_own"))
    line = cell_closure(table, made, fields={"Created": "day"}, records=records, cells=cells).iloc[0]
    assert (line["in_part"], line["set_aside"], line["loaded"], line["unexplained"]) == (1, 1, 0, 0)


def test_a_value_that_somebody_decided_to_leave_empty_is_left_behind_and_a_split_name_is_one_cell() -> None:
    table = pd.DataFrame({"_row": ["a:2"], "Source": ["Yelp "], "Name": ["Ada King"]})
    records = pd.DataFrame({"key": ["c/1"], "source": pd.Series([None], dtype="str"), "first": ["Ada"], "last": ["King"]})
    frame = cell_closure(
        table,
        verdicts(("a:2", "c", "load", "", "c/1")),
        fields={"Source": "source", "Name": ("first", "last")},
        records=records,
        cells=set_aside(),
        left={"Source": ["Yelp"]},
    )
    assert frame["left_behind"].tolist() == [1, 0]
    assert frame["loaded"].tolist() == [0, 1]
    assert frame["closes"].all()


def test_rows_that_wait_for_the_destination_close_while_staged_and_not_after() -> None:
    made = verdicts(("a:2", "c", "load", "", "c/1"))
    assert row_closure(made, staged=True)["closes"].all()
    assert not row_closure(made)["closes"].any()


def test_money_is_added_exactly_per_currency_and_a_cent_keeps_it_open() -> None:
    expected = pd.DataFrame({"key": ["a", "b", "c"], "amount": ["0.10", "0.20", "5"], "cur": ["USD", "USD", "EUR"]})
    actual = pd.DataFrame(
        {"key": ["a", "b", "c", "x"], "amount": [0.1, "0.20", "5.01", "99"], "cur": ["USD", "USD", "EUR", "USD"]}
    )
    frame = money_closure(expected, actual, "amount", currency="cur").set_index("currency")
    assert frame.loc["USD", "expected"] == Decimal("0.30") == frame.loc["USD", "actual"]
    assert frame["closes"].to_dict() == {"EUR": False, "USD": True}
    assert frame.loc["EUR", "difference"] == Decimal("0.01")


def test_an_amount_that_is_no_number_never_closes() -> None:
    expected = pd.DataFrame({"key": ["a"], "amount": ["$1,200/mo"]})
    frame = money_closure(expected, expected, "amount")
    assert (frame["unreadable"].tolist(), frame["closes"].tolist()) == ([2], [False])


def test_links_close_per_lookup_whatever_their_order() -> None:
    expected = pd.DataFrame({"key": ["d/1", "d/2"], "contacts": [["c/1", "c/2"], ["c/3"]], "account": ["a/1", None]})
    actual = pd.DataFrame({"key": ["d/2", "d/1"], "contacts": [["c/3"], ["c/2", "c/1"]], "account": [None, "a/2"]})
    frame = association_closure(expected, actual).set_index("field")
    assert frame["closes"].to_dict() == {"contacts": True, "account": False}
    assert frame.loc["account", ["expected", "found", "missing", "surplus"]].tolist() == [1, 0, 1, 1]
