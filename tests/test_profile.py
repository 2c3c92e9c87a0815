"""What a column holds is said with evidence, and nothing that would lose a zero is called a number."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.frames.profile import infer_type, profile
from workbench.readers import read_export

SHARED = Path(os.environ.get("WORKBENCH_SHARED", Path(__file__).parents[2] / "shared"))
TYPES = {
    "empty", "text", "long_text", "integer", "decimal", "money", "date", "datetime", "time", "duration", "boolean", "email",
    "phone", "url", "picklist", "multi_picklist", "identifier", "postal_code", "percent",
}  # fmt: skip


def column(values: list[str | None], name: str = "Column") -> pd.Series:
    return pd.Series(values, name=name, dtype="str")


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("Email", ["a@example.com", "b.c@example.test", "d+e@example.org"], "email"),
        ("Website", ["https://x.test/a", "www.example.com", "facebook.com/acme", "acme.co.uk"], "url"),
        ("Phone", ["+1 617 555 0100", "(617) 555-0101", "617.555.0102 x12"], "phone"),
        ("Caller", ["6175550100", "6175550101", "6175550102"], "phone"),
        ("Contact line", ["+44 20 7946 0001", "+44 20 7946 0002", "+44 20 7946 0003"], "phone"),
        ("Zip", ["02134", "10001", "60601-1234"], "postal_code"),
        ("PLZ", ["10115", "80331", "20095"], "postal_code"),
        ("Area", ["SW1A 1AA", "M1 1AE", "EC1A 1BB"], "postal_code"),
        ("Anything", ["00012", "00345", "12345"], "identifier"),
        ("Customer ID", ["C-00012", "C-00345", "C-12345"], "identifier"),
        ("account_id", ["12", "12", "345", "7"], "identifier"),
        ("AccountId", ["12", "12", "345", "7"], "identifier"),
        ("Key", ["6f1e8a52-8f64-4f1b-9a53-2d3f0b8f3a10", "0f1e8a52-8f64-4f1b-9a53-2d3f0b8f3a11"], "identifier"),
        ("Clicks", ["12", "0", "1,345", "-7"], "integer"),
        ("Score", ["1.5", "2", "0.25", "4,5"], "decimal"),
        ("Budget", ["$1,200.00", "$90", "(450)", "€ 12,50"], "money"),
        ("Price", ["1200", "90.50", "12"], "money"),
        ("Progress", ["85%", "0.85", "85", "100 %"], "percent"),
        ("Done", ["50%", "20%", "100%"], "percent"),
        ("First Job", ["03/04/2024", "12/25/2024", "1/2/24"], "date"),
        ("Geburtstag", ["03.04.1980", "25.12.1975"], "date"),
        ("Joined", ["3 Mar 2024", "12-Dec-23", "March 3, 2024"], "date"),
        ("date_of_birth", ["19081209", "19990219", "19600210"], "date"),
        ("Created", ["3/4/2024 9:05 AM", "12/25/2024 11:59 PM"], "datetime"),
        ("created_at", ["2024-03-04T09:05:00Z", "2024-03-04T09:05:00+02:00", "2024-03-04 09:05:00.123"], "datetime"),
        ("Opens", ["09:30", "17:45", "8:00 pm"], "time"),
        ("Duration", ["192", "00:03:12", "12:40"], "duration"),
        ("Length of stay", ["1h 30m", "45 min", "2 hours"], "duration"),
        ("Business", ["Y", "N", "N", "Y"], "boolean"),
        ("Active", ["true", "FALSE", "True"], "boolean"),
        ("Status", ["New", "Active", "Lost"] * 8, "picklist"),
        ("Pets", ["Dog;Cat", "Cat", "Dog", "Dog; Cat"] * 5, "multi_picklist"),
        ("Channels", ["Google Ads + Bing", "Bing", "FB", "FB + Bing"] * 5, "multi_picklist"),
        ("Name", ["Ann Lee", "Bob Ray", "Cy Fox", "Doe, John"], "text"),
        ("Note", ["word " * 80, "short"], "long_text"),
        ("Body", ["<p>Hello</p>", "first\nsecond"], "long_text"),
        ("Nothing", [None, "n/a", "-", "NULL"], "empty"),
    ],
)
def test_the_type_of_a_column_is_read_from_its_values_and_name(name: str, values: list[str | None], expected: str) -> None:
    found = infer_type(column(values, name))

    assert found.type == expected, found.reason


def test_a_few_exceptions_do_not_change_a_type_and_are_listed() -> None:
    found = infer_type(column(["a@example.com"] * 9 + ["Bob Ray", "n/a", None], "Assigned To"))

    assert found.type == "email"
    assert found.share == pytest.approx(0.9)
    assert found.exceptions == ("Bob Ray",)
    assert "90.0% of 10 values" in found.reason


@pytest.mark.parametrize(
    ("values", "order", "month", "day", "either"),
    [
        (["3/4/24", "12/25/24", "1/2/24"], "mdy", 1, 0, 2),
        (["3/4/24", "25/12/24", "1/2/24"], "dmy", 0, 1, 2),
        (["3/4/24", "5/6/24"], "ambiguous", 0, 0, 2),
        (["12/25/24", "25/12/24", "3/4/24"], "ambiguous", 1, 1, 1),
        (["25.12.2024 10:00", "24.12.2024 9:30"], "dmy", 0, 2, 0),
        (["2024-12-25", "2024-03-04"], None, 0, 0, 0),
        (["3/3/24", "12/25/24"], "mdy", 1, 0, 0),
    ],
)
def test_the_order_of_day_and_month_is_counted_not_guessed(
    values: list[str], order: str | None, month: int, day: int, either: int
) -> None:
    found = infer_type(column(values, "Created"))

    assert (found.day_order, found.month_first, found.day_first, found.undecided) == (order, month, day, either)


def test_dates_that_could_be_read_in_two_ways_have_no_minimum() -> None:
    frame = pd.DataFrame(
        {"A": column(["3/4/24", "5/6/24"]), "B": column(["12/25/24", "1/2/24"]), "C": column(["1 Feb 2024", "3-Jan-23"])}
    )

    found = profile(frame).frame.set_index("column")

    assert pd.isna(found.loc["A", "minimum"])
    assert "day_order_ambiguous" in found.loc["A", "issues"]
    assert found.loc["B", ["minimum", "maximum"]].tolist() == ["2024-01-02", "2024-12-25"]
    assert found.loc["C", ["minimum", "maximum"]].tolist() == ["2023-01-03", "2024-02-01"]


def test_a_profile_has_one_row_per_column_and_counts_what_is_there() -> None:
    frame = pd.DataFrame(
        {
            "Id": column(["C-001", "C-002", "C-003", "C-004"]),
            "Fee": column(["$1,200.50", "90", "-5", "n/a"]),
            "Stage": column(["At Risk", "at-risk", "New", None]),
            "Empty": column([None] * 4),
        }
    )

    found = profile(frame)
    table = found.frame.set_index("column")

    assert table.index.tolist() == ["Id", "Fee", "Stage", "Empty"]
    assert table.loc["Id", ["filled", "fill", "distinct", "unique"]].tolist() == [4, 1.0, 4, True]
    assert table.loc["Fee", ["minimum", "maximum", "placeholders"]].tolist() == ["-5", "1200.50", 1]
    assert table.loc["Stage", ["filled", "shortest", "longest"]].tolist() == [3, 3, 7]
    assert table.loc["Empty", ["type", "filled", "fill", "unique"]].tolist() == ["empty", 0, 0.0, False]
    assert found.values("Stage").to_dict("records")[0]["count"] == 1
    assert found.inference("Fee").type == "money"


def test_issues_name_what_is_odd() -> None:
    stage = ["At Risk", "at-risk", "AtRisk", "New"] * 4
    frame = pd.DataFrame(
        {
            "Stage": column(stage),
            "Phone": column(["+1 617 555 0100"] * 14 + ["6.17555E+09", "x"]),
            "City": column([" Rome", "KÃ¶ln", "a\u00a0b", "Oslo"] * 4),
            "Same": column(["one"] * 16),
            "Sum": column(["1.50", "2,50"] * 8),
        }
    )

    found = profile(frame).frame.set_index("column")["issues"]

    assert "spelling_variants" in found["Stage"]
    assert "scientific_notation" in found["Phone"] and "exceptions" in found["Phone"]
    assert {"outer_blanks", "mojibake", "invisible_characters"} <= set(found["City"].split(", "))
    assert found["Same"] == "constant"
    assert found["Sum"] == "mixed_decimal_marks"


def test_a_profile_in_html_escapes_names_and_samples() -> None:
    shown = profile(pd.DataFrame({"<b>x</b>": column(["<script>alert(1)</script>", "y"])}))._repr_html_()

    assert "<script>" not in shown and "<b>" not in shown
    assert "&lt;script&gt;" in shown


def test_a_frame_without_rows_or_columns_has_a_profile() -> None:
    assert profile(pd.DataFrame({"A": column([])})).frame["type"].tolist() == ["empty"]
    assert profile(pd.DataFrame()).frame.empty


def test_columns_of_one_name_are_each_described() -> None:
    frame = pd.concat([column(["1", "2"], "A"), column(["x@y.test", "z@y.test"], "A")], axis=1)

    assert profile(frame).frame["type"].tolist() == ["integer", "email"]


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.none() | st.text(max_size=12) | st.from_regex(r"[-+0-9./:,;%$ ]{0,10}", fullmatch=True), max_size=12))
def test_whatever_a_column_holds_it_is_described_and_left_alone(values: list[str | None]) -> None:
    frame = pd.DataFrame({"A": column([v if v is None else v.encode("utf-8", "ignore").decode() for v in values])})
    before = frame.copy()

    row = profile(frame).frame.iloc[0]

    assert row["type"] in TYPES
    assert 0 <= row["fill"] <= 1
    assert row["distinct"] <= row["filled"] <= len(frame)
    pd.testing.assert_frame_equal(frame, before)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.from_regex(r"0[0-9]{3,6}", fullmatch=True), min_size=3, max_size=20))
def test_digits_with_a_leading_zero_are_never_numbers(values: list[str]) -> None:
    assert infer_type(column(values)).type not in ("integer", "decimal", "money", "percent")


def test_the_types_of_25_columns_are_told_apart() -> None:
    chance = random.Random(7)
    rows = range(3_600)
    data = {f"text {i}": [f"some words {chance.randrange(10**6)} and more" for _ in rows] for i in range(13)}
    data |= {f"mail {i}": [f"p{row}@example.com" for row in rows] for i in range(4)}
    data |= {
        f"day {i}": [f"{row % 12 + 1}/{row % 28 + 1}/{1990 + row % 30} 3:0{row % 10} PM" for row in rows] for i in range(4)
    }
    data |= {f"number {i}": [f"{chance.random() * 1e5:.2f}" for _ in rows] for i in range(4)}
    frame = pd.DataFrame({name: column(values, name) for name, values in data.items()})

    found = profile(frame)

    assert found.frame["type"].tolist() == ["text"] * 13 + ["email"] * 4 + ["datetime"] * 4 + ["decimal"] * 4


@pytest.mark.skipif(not (SHARED / "real-exports").is_dir(), reason="the shared folder with real exports is absent")
def test_real_contacts_are_described_as_a_person_would() -> None:
    found = profile(read_export(SHARED / "real-exports/npsp/1k_csv/Contact.csv").frame).frame.set_index("column")

    assert found["type"].to_dict() | {} == {
        "id": "identifier",
        "Salutation": "picklist",
        "FirstName": "text",
        "LastName": "text",
        "Email": "email",
        "Phone": "phone",
        "Title": "text",
        "account_id": "identifier",
        "primary_affiliation__c": "integer",
    }
    assert found.loc["Email", "filled"] == 470
