"""Three states of a record: what was loaded, what the source says now, what the destination says now."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.frames.compare import by_type
from workbench.frames.merge import Merge, merge


def state(*records: tuple[str, object], field: str = "f") -> pd.DataFrame:
    return pd.DataFrame({"key": [key for key, _ in records], field: pd.Series([said for _, said in records], dtype="object")})


def verdict(base: object, theirs: object, ours: object) -> str:
    """The verdict on one field of one record; empty where nothing changed."""
    found = merge(state(("k", base)), state(("k", theirs)), state(("k", ours)))
    return "" if found.frame.empty else str(found.frame["verdict"].iloc[0])


@pytest.mark.parametrize(
    ("base", "theirs", "ours", "expected"),
    [
        ("a", "a", "a", ""),
        ("a", "b", "a", "take"),
        ("a", "a", "b", "keep"),
        ("a", "b", "b", "same"),
        ("a", "b", "c", "conflict"),
        ("a", pd.NA, "a", "take"),
        (pd.NA, "a", None, "take"),
        ("a", "a", pd.NA, "keep"),
        (pd.NA, None, float("nan"), ""),
        ("a", pd.NA, "", "same"),
        (pd.NA, "a", "b", "conflict"),
    ],
)
def test_a_field_follows_the_side_that_changed(base: object, theirs: object, ours: object, expected: str) -> None:
    assert verdict(base, theirs, ours) == expected


@pytest.mark.parametrize(
    ("base", "theirs", "ours"),
    [
        ("1200.00", "1200.00", 1200.0),
        ("1200.00", "1200", "1200.0"),
        ("a@b.example", "A@B.example", "a@b.example"),
        (["x", "y"], ["x", "y"], ["y", "x"]),
        ("note", "note ", "note"),
    ],
)
def test_another_way_of_writing_is_no_change(base: object, theirs: object, ours: object) -> None:
    assert verdict(base, theirs, ours) == ""


@pytest.mark.parametrize(
    ("base", "theirs", "ours", "expected"),
    [
        ("1200.00", "1300.00", 1200.0, "take"),
        ("1200.00", "1200.00", 1200.5, "keep"),
        (["x"], ["x", "y"], ["x"], "take"),
        (["x"], ["x", "y"], ["y", "x"], "same"),
        (["x"], pd.NA, ["x"], "take"),
        ("02134", "2134", "02134", "take"),
    ],
)
def test_money_lists_and_codes_that_really_differ_are_changes(
    base: object, theirs: object, ours: object, expected: str
) -> None:
    assert verdict(base, theirs, ours) == expected


def test_new_and_gone_records_are_named_and_not_compared() -> None:
    found = merge(state(("a", 1), ("b", 2)), state(("b", 2), ("c", 3)), state(("a", 1), ("b", 2), ("z", 9)))
    assert (found.new, found.gone) == (("c",), ("a",))
    assert found.frame.empty


def test_a_field_or_record_that_the_destination_does_not_show_stands_as_it_was_loaded() -> None:
    base, theirs = state(("a", "x"), ("b", "x")), state(("a", "y"), ("b", "x"))
    for ours in (pd.DataFrame({"key": ["a", "b"]}), state()):
        assert merge(base, theirs, ours).frame[["key", "verdict"]].to_numpy().tolist() == [["a", "take"]]


def test_a_field_that_was_not_loaded_before_is_new_on_their_side() -> None:
    found = merge(pd.DataFrame({"key": ["a"]}), state(("a", "x")), pd.DataFrame({"key": ["a"]}))
    assert found.frame["verdict"].tolist() == ["take"]
    assert found.frame["base"].isna().all()


def test_rows_are_matched_by_key_and_not_by_place() -> None:
    found = merge(state(("a", 1), ("b", 2)), state(("b", 2), ("a", 5)), state(("b", 3), ("a", 1)))
    assert dict(zip(found.frame["key"], found.frame["verdict"], strict=True)) == {"a": "take", "b": "keep"}


def test_fields_that_begin_with_an_underscore_are_ours_and_do_not_count() -> None:
    assert merge(state(("a", 1), field="_f"), state(("a", 2), field="_f"), state(("a", 1), field="_f")).frame.empty


@pytest.mark.parametrize("base", [state(), pd.DataFrame({"key": []})])
def test_nothing_loaded_yet_makes_every_record_new(base: pd.DataFrame) -> None:
    found = merge(base, state(("a", 1)), base)
    assert found.new == ("a",)
    assert found.frame.columns.tolist() == ["key", "field", "base", "theirs", "ours", "verdict"]


def test_conflicts_are_listed_by_themselves_and_shown_escaped() -> None:
    found = merge(state(("a", "<b>"), ("b", 1)), state(("a", "x"), ("b", 2)), state(("a", "y"), ("b", 1)))
    assert found.conflicts["key"].tolist() == ["a"]
    assert "<b>" not in found._repr_html_()


VALUES = st.sampled_from(["a", "b", "1200.00", 1200, "", None, ["x", "y"], ["y", "x"]])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES, VALUES), max_size=6))
def test_the_verdicts_do_not_hang_on_who_asks(sides: list[tuple[object, object, object]]) -> None:
    states = [state(*((str(n), side[which]) for n, side in enumerate(sides))) for which in range(3)]
    turned = {"take": "keep", "keep": "take", "same": "same", "conflict": "conflict"}
    one, other = merge(states[0], states[1], states[2]), merge(states[0], states[2], states[1])
    assert _verdicts(one) == {key: turned[verdict] for key, verdict in _verdicts(other).items()}


def _verdicts(found: Merge) -> dict[str, str]:
    return dict(zip(found.frame["key"], found.frame["verdict"], strict=True))


def test_a_text_that_only_looks_like_the_same_number_follows_the_export() -> None:
    sides = (state(("k", "1.10")), state(("k", "1.1")), state(("k", "1.10")))
    assert list(merge(*sides, normalise=by_type({"f": "text"})).frame["verdict"]) == ["take"]
    assert merge(*sides, normalise=by_type({"f": "money"})).frame.empty
