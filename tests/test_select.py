"""Which rows pass a test, and by what key a row is named."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import IntegrityError, SpecError
from workbench.frames.plan import FieldPlan
from workbench.frames.select import by_row, cells_of, filled, holds, made_from, matching, natural_keys, raw_cells
from workbench.specs import Condition, Match, Table

ROWS = pd.DataFrame(
    {
        "Business": ["Y", " yes ", "N", pd.NA, "", "n/a"],
        "Company": ["Acme", pd.NA, "", "Birch", "  ", "-"],
    },
    dtype="str",
)


def passing(condition: dict[str, object], table: pd.DataFrame = ROWS) -> list[int]:
    """Positions of the rows that pass."""
    held = holds(table, Condition.model_validate(condition))
    assert held.dtype == bool
    return [place for place, passes in enumerate(held) if passes]


def keys(table: pd.DataFrame, **spec: object) -> list[str | None]:
    """Natural keys under a table's rules, None where a row has none."""
    found = natural_keys(table, Table.model_validate({"files": ["x.csv"], **spec}))
    return [None if pd.isna(key) else key for key in found]


# ---------------------------------------------------------------- conditions


def test_is_looks_past_case_and_outer_blanks() -> None:
    assert passing({"column": "Business", "is": ["Yes", "y"]}) == [0, 1]


def test_a_missing_cell_is_no_word_at_all() -> None:
    assert passing({"column": "Business", "is": ["nan", "<NA>", "None"]}) == []


def test_matches_searches_and_passes_over_missing_cells() -> None:
    assert passing({"column": "Company", "matches": "(?i)^[ab]"}) == [0, 3]


def test_empty_counts_blanks_and_placeholders_as_nothing() -> None:
    assert passing({"column": "Company", "empty": True}) == [1, 2, 4, 5]
    assert passing({"column": "Company", "empty": False}) == [0, 3]


def test_all_and_any_join_further_conditions() -> None:
    is_empty = {"column": "Business", "empty": True}
    named = {"column": "Company", "empty": False}
    assert passing({"all": [is_empty, named]}) == [3]
    assert passing({"any": [is_empty, named]}) == [0, 3, 4, 5]
    assert passing({"any": [{"column": "Business", "is": ["N"]}, {"all": [is_empty, named]}]}) == [2, 3]


def test_a_condition_on_a_column_that_is_not_there_says_which_there_are() -> None:
    with pytest.raises(SpecError, match="Busines") as wrong:
        passing({"column": "Busines", "empty": True})
    assert "Business, Company" in str(wrong.value)


def test_conditions_hold_for_a_column_without_any_text() -> None:
    blank = pd.DataFrame({"Business": pd.Series([None, None], dtype="float64")})
    assert passing({"column": "Business", "empty": True}, blank) == [0, 1]
    assert passing({"column": "Business", "is": ["y"]}, blank) == []
    assert passing({"column": "Business", "matches": "."}, blank) == []
    assert passing({"column": "Business", "empty": True}, blank.head(0)) == []


def test_filled_cells_say_something() -> None:
    cells = pd.Series(["a", "", " ", "n/a", "NULL", "0", pd.NA], dtype="str")
    assert filled(cells).tolist() == [True, False, False, False, False, True, False]


# ---------------------------------------------------------------- natural keys


def test_a_prefix_is_put_before_keys_that_lack_it() -> None:
    table = pd.DataFrame({"ID": ["C-1", "2", "c-3", " 4 ", "5.0", pd.NA, "n/a"]}, dtype="str")
    assert keys(table, key=["ID"], key_prefix="C-") == ["C-1", "C-2", "C-3", "C-4", "C-5", None, None]


def test_a_number_that_a_spreadsheet_destroyed_names_nothing() -> None:
    assert keys(pd.DataFrame({"ID": ["1.23457E+11", "#REF!"]}), key=["ID"]) == [None, None]


def test_the_fallback_names_rows_whose_key_is_empty() -> None:
    table = pd.DataFrame({"ID": ["7", pd.NA, pd.NA], "Name": ["A", "Spring  Sale", "B"], "Start": ["x", "01/02/2026", pd.NA]})
    assert keys(table.astype("str"), key=["ID"], key_fallback=["Name", "Start"]) == ["7", "spring-sale|01/02/2026", None]


def test_a_fallback_column_that_the_export_lacks_names_nothing() -> None:
    assert keys(pd.DataFrame({"ID": ["7", None]}, dtype="str"), key=["ID"], key_fallback=["Name"]) == ["7", None]


def test_a_key_column_that_the_export_lacks_is_an_error_in_words() -> None:
    with pytest.raises(SpecError, match="no column 'ID'"):
        keys(pd.DataFrame({"Id": ["7"]}), key=["ID"])


def test_a_table_without_a_key_names_no_row() -> None:
    assert keys(pd.DataFrame({"A": ["1", "2"]})) == [None, None]


def test_keys_of_an_empty_table_are_no_keys() -> None:
    assert keys(pd.DataFrame({"A": [], "B": []}), key=["A", "B"]) == []


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.text("ab|\\", min_size=1, max_size=4), st.text("ab|\\", min_size=1, max_size=4)), unique=True))
def test_two_different_pairs_never_make_one_key(pairs: list[tuple[str, str]]) -> None:
    table = pd.DataFrame(pairs, columns=["A", "B"], dtype="str")
    found = keys(table, key=["A", "B"])
    assert len(set(found)) == len(pairs)


# ---------------------------------------------------------------- columns, rows and values


def test_two_rows_of_one_name_are_refused_before_their_verdicts_mix() -> None:
    with pytest.raises(IntegrityError, match=r"x\.csv:2"):
        by_row(pd.DataFrame({"_row": ["x.csv:2", "x.csv:3", "x.csv:2"]}))


def test_rows_stay_in_their_order_under_their_names() -> None:
    table = by_row(pd.DataFrame({"_row": ["b", "a"], "A": ["1", "2"]}))
    assert table.index.tolist() == ["b", "a"]
    assert table["_row"].tolist() == ["b", "a"]


def test_a_column_that_is_not_there_is_empty() -> None:
    assert cells_of(ROWS, "Nothing").isna().all()
    assert cells_of(ROWS, "Nothing").index.equals(ROWS.index)


def test_a_match_compares_what_the_recipe_makes_of_both_sides() -> None:
    match = Match.model_validate({"column": "Mail", "feed": "contacts", "with": "Email", "recipe": "email"})
    rows = pd.DataFrame({"Mail": ["A@B.example ", "no mail", pd.NA]}, dtype="str")
    there = pd.DataFrame({"Email": ["a@b.example"]}, dtype="str")
    wanted = matching(rows, match, side="column")
    assert wanted.isna().tolist() == [False, True, True]
    assert wanted[0] == matching(there, match, side="with")[0]


def plan(**said: object) -> FieldPlan:
    return FieldPlan(**{"column": "A", "field": "a", "recipe": "text", "options": {}, **said})  # type: ignore[arg-type]


def test_fallback_columns_are_looked_at_in_order() -> None:
    table = pd.DataFrame({"A": ["1", "n/a", "", None], "B": ["x", None, "2", "-"], "C": ["y", "3", "z", None]}, dtype="str")
    raw = raw_cells(table, plan(fallback=("B", "Absent", "C")))
    assert raw[:3].tolist() == ["1", "3", "2"]
    assert not filled(raw)[3]


def test_a_decided_value_stands_in_for_the_one_in_the_cell() -> None:
    table = pd.DataFrame({"Fee": ["1500/mo", " 1500/mo ", "20", "tbd"]}, dtype="str")
    done = made_from(table["Fee"], plan(recipe="money", substitutes={"1500/mo": "18000", "tbd": ""}), table=table)
    assert done.values[:3].tolist() == ["18000.00", "18000.00", "20.00"]
    assert done.values.isna().tolist() == [False, False, False, True]
    assert done.reasons.isna().all()


def test_a_value_that_was_decided_to_stay_empty_says_so() -> None:
    table = pd.DataFrame({"Fee": ["tbd", "x", None]}, dtype="str")
    done = made_from(table["Fee"], plan(substitutes={"tbd": ""}), table=table)
    assert done.notes.fillna("").tolist() == ["left_empty", "", ""]
