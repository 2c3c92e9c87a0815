"""Which value becomes which option, and how often an answer of a confidence is right."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.chance import at_most
from tests.value_truth import labelled, written
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


@pytest.mark.parametrize(
    ("value", "option"),
    [("Former customer", "Customer"), ("part paid", "Paid"), ("Pas intéressé", "Intéressé"), ("No answer", "No")],
)
def test_a_word_that_makes_something_else_of_an_option_is_no_likeness(value: str, option: str) -> None:
    assert one(value, [option])[0] is None


@pytest.mark.parametrize(("value", "option"), [("Quaalified", "Unqualified"), ("Qualified - EU", "Unqualified")])
def test_a_slip_does_not_make_an_option_of_its_opposite(value: str, option: str) -> None:
    assert one(value, [option])[0] is None
    assert one(f"Un{value.lower()}", [option])[0] == option


BANDS = ((0.5, 0.7), (0.7, 0.85), (0.85, 0.95), (0.95, 1.0))
CHANCE = 0.001


@pytest.mark.parametrize("blind", [False, True])
def test_of_labelled_values_a_confidence_means_how_often_an_answer_is_right(blind: bool) -> None:
    """The share that is right lies in its band, but for what chance does in one case of a thousand to so many answers.

    On the lists that the figures were set on, only what is shown surer than it is would say anything.
    """
    answers = labelled(blind=blind)
    proposed, empty = answers[answers["option"] != ""], answers[answers["option"] == ""]
    for low, high in BANDS:
        band = proposed[(proposed["confidence"] > low) & (proposed["confidence"] <= high)]
        right, wrong = int(band["right"].sum()), int((~band["right"]).sum())
        assert len(band) >= 15
        assert at_most(right, len(band), low) >= CHANCE, (low, right, wrong)
        assert not blind or at_most(wrong, len(band), 1 - high) >= CHANCE, (high, right, wrong)
    right, wrong = int(empty["right"].sum()), int((~empty["right"]).sum())
    assert set(empty["confidence"]) == {0.35} and len(empty) >= 100
    assert at_most(right, len(empty), 0.35) >= CHANCE and at_most(wrong, len(empty), 0.65) >= CHANCE


def test_of_written_options_none_is_shown_surer_than_it_is_though_some_are_not_offered() -> None:
    answers = written(1)
    proposed, empty = answers[answers["option"] != ""], answers[answers["option"] == ""]
    for low, high in BANDS:
        band = proposed[(proposed["confidence"] > low) & (proposed["confidence"] <= high)]
        assert at_most(int(band["right"].sum()), len(band), low) >= CHANCE, (low, len(band))
    assert len(empty) >= 80 and empty["right"].mean() >= 0.9
    assert proposed["right"].mean() >= 0.95
