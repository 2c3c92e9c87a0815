"""Which value becomes which option."""

from __future__ import annotations

import pandas as pd
import pytest

from workbench.matching.values import propose_values

LIFECYCLE = ["New", "Active", "At-Risk", "Lapsed", "Lost"]
CHANNELS = ["Google Ads", "Bing Ads", "Display"]


def one(value: str, options: list[str]) -> tuple[str | None, float]:
    row = propose_values(pd.Series([value]), options).frame.iloc[0]
    return (None if pd.isna(row["option"]) else str(row["option"])), float(row["confidence"])


@pytest.mark.parametrize("spelling", ["At Risk", "at-risk", "AtRisk", "AT_RISK", " at  risk "])
def test_spellings_of_one_option_are_sure(spelling: str) -> None:
    option, confidence = one(spelling, LIFECYCLE)

    assert option == "At-Risk" and confidence >= 0.95


@pytest.mark.parametrize(
    ("value", "option"),
    [("Google", "Google Ads"), ("AdWords", "Google Ads"), ("bing", "Bing Ads"), ("Microsoft Ads", "Bing Ads")],
)
def test_synonyms_are_sure(value: str, option: str) -> None:
    got, confidence = one(value, CHANNELS)

    assert got == option and confidence >= 0.85


@pytest.mark.parametrize("value", ["Churned", "Actve", "inactive"])
def test_what_only_often_means_the_same_is_left_to_a_person(value: str) -> None:
    option, confidence = one(value, LIFECYCLE)

    assert option is not None and confidence < 0.85


def test_cancelled_has_two_spellings() -> None:
    assert one("Canceled", ["cancelled", "completed"])[0] == "cancelled"
    assert one("cancelled", ["Canceled", "Completed"])[0] == "Canceled"


@pytest.mark.parametrize(
    ("value", "options"), [("qualified", ["unqualified"]), ("Tier 2", ["Tier 1"]), ("TV", CHANNELS), ("PPC", CHANNELS)]
)
def test_opposites_other_numbers_and_ties_are_not_proposed(value: str, options: list[str]) -> None:
    assert one(value, options)[0] is None


def test_the_option_itself_is_certain_even_where_it_reads_like_nothing() -> None:
    assert one("None", ["None", "Gold"]) == ("None", 1.0)
    assert one("n/a", ["Gold"])[0] is None


def test_values_are_counted_or_come_counted() -> None:
    column = propose_values(pd.Series(["New", "new", "New", None]), LIFECYCLE).frame.set_index("value")
    table = propose_values(pd.DataFrame({"value": ["New"], "count": [7]}), LIFECYCLE).frame

    assert column.loc["New", "count"] == 2 and len(column) == 2
    assert table.loc[0, "count"] == 7


def test_no_options_give_no_proposal() -> None:
    assert one("New", [])[0] is None
