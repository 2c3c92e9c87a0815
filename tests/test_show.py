"""What a person sees of a frame: every cell inert, numbers to the right, nothing hidden that is not counted."""

from __future__ import annotations

import re
from decimal import Decimal
from html.parser import HTMLParser

import pandas as pd
import pytest

from workbench.show import STYLE, Meter, bars, day, duration, facts, heading, html_table, name_of, percent, text_table, together

HOSTILE = '<img src=x onerror="alert(1)">'


class Cells(HTMLParser):
    """The texts of all cells, row by row, and the class of each."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.classes: list[str] = []
        self._open = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.classes.append(dict(attrs).get("class") or "")
            self._open = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._open = False

    def handle_data(self, data: str) -> None:
        if self._open:
            self.rows[-1][-1] += data


def test_a_hostile_cell_stays_a_cell_wherever_it_stands() -> None:
    frame = pd.DataFrame({HOSTILE: [HOSTILE, HOSTILE * 9], "meter": [Meter(1, HOSTILE), Meter(0, "")], "loaded": [1, 0]})
    pages = [
        html_table(frame, caption=HOSTILE),
        bars(frame, label=HOSTILE, parts=["loaded"], caption=HOSTILE),
        facts([(HOSTILE, HOSTILE)], caption=HOSTILE),
        heading(HOSTILE),
    ]
    assert all("<img" not in page and "&lt;img" in page for page in pages)


def test_two_sums_of_money_in_one_line_are_no_formula_to_the_notebook() -> None:
    sums = "$10,900.00 | $18,400.00"
    frame = pd.DataFrame({"part": [sums], "loaded": [1]})
    pieces = (html_table(frame), bars(frame, label="part", parts=("loaded",)), heading(sums), facts([("value", sums)]))
    for piece in pieces:
        box = piece.removeprefix(STYLE)
        assert sums in box
        assert box.partition(">")[0].endswith('mathjax_ignore"') or 'mathjax_ignore" style=' in box.partition(">")[0]


def test_numbers_stand_to_the_right_with_groups_and_one_number_of_decimals() -> None:
    frame = pd.DataFrame(
        {"n": [1200, 3], "share": [0.5, 12.25], "sum": [Decimal("5250.5"), Decimal("1")], "code": ["02134", "1"]}
    )
    cells = Cells(html_table(frame))
    assert cells.rows[1:] == [["1,200", "0.50", "5,250.50", "02134"], ["3", "12.25", "1.00", "1"]]
    assert cells.classes[:4] == ["n", "n", "n", ""]


@pytest.mark.parametrize("nothing", [None, pd.NA, float("nan"), pd.NaT, "", []])
def test_nothing_is_printed_as_nothing_and_a_column_of_it_is_left_out(nothing: object) -> None:
    frame = pd.DataFrame({"a": ["x", nothing], "b": [nothing, nothing]}, dtype="object")
    assert Cells(html_table(frame)).rows == [["a"], ["x"], [""]]


def test_a_frame_without_rows_keeps_its_header() -> None:
    assert Cells(html_table(pd.DataFrame(columns=["a", "b"]))).rows == [["a", "b"]]


def test_a_long_table_shows_ten_rows_and_folds_every_other_one() -> None:
    frame = pd.DataFrame({"n": range(60)})
    page = html_table(frame)
    seen, folded = page.split("<details")
    assert [row[0] for row in Cells(seen).rows[1:]] == [str(n) for n in range(10)]
    assert [row[0] for row in Cells(folded).rows[1:]] == [str(n) for n in range(10, 60)]
    assert "50 more rows" in folded
    assert "<details" not in html_table(frame.head(15))


def test_rows_beyond_the_limit_are_counted() -> None:
    assert "… and 40 more rows" in html_table(pd.DataFrame({"n": range(60)}), limit=20)
    assert "… and 40 more rows" in text_table(pd.DataFrame({"n": range(60)}), limit=20)


def test_a_long_text_is_folded_and_reachable_whole() -> None:
    text = "word " * 80 + "end"
    page = html_table(pd.DataFrame({"a": [text]}))
    assert f"</summary>{text}</details>" in page


def test_a_bar_is_the_whole_of_its_row_and_its_counts_stand_beside_it() -> None:
    counts = pd.DataFrame({"feed": ["a", "b"], "loaded": [3, 0], "held": [1, 0], "failed": [0, 0], "closes": [True, False]})
    page = bars(counts, label="feed", parts=["loaded", "held", "failed"], closes="closes")
    assert Cells(page).rows == [
        ["feed", "of all rows", "rows", "loaded", "held", "adds up"],
        ["a", "", "4", "3", "1", "✓"],
        ["b", "", "0", "·", "·", "✗ no"],
    ]
    assert 'aria-label="loaded 3, held 1"' in page


def test_pieces_put_together_bring_their_style_sheet_once() -> None:
    table = html_table(pd.DataFrame({"a": [1]}))
    assert together(heading("x"), table, table).count("<style>") == 1


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (percent(1.0), "100%"),
        (percent(0.9996), "> 99%"),
        (percent(0.0001), "< 1%"),
        (percent(0.0), "0%"),
        (duration(12), "12.0 s"),
        (duration(96), "1.6 minutes"),
        (duration(9000), "2.5 hours"),
        (day("2026-11-22T13:50:21.557226+00:00"), "2026-11-22"),
        (day("last week"), "last week"),
        (name_of("Kim Berg <kim@harbour.example>"), "Kim Berg"),
        (name_of("kim@harbour.example"), "kim@harbour.example"),
    ],
)
def test_shares_lengths_of_time_days_and_people_read_in_words(shown: str, expected: str) -> None:
    assert shown == expected


@pytest.mark.parametrize("moment", ["2026-11-23", "2026-11-23 06:29:49", "2026-11-23T06:29:49.350087+00:00"])
def test_a_day_stands_on_one_line_and_a_number_with_hyphens_need_not(moment: str) -> None:
    page = html_table(pd.DataFrame({"on": [moment], "called": ["617-555-0100"]}))
    assert f'<td style="white-space:nowrap">{moment[:10]}' in page.replace(f'<span title="{moment}">', "")
    assert "<td>617-555-0100</td>" in page


def test_as_text_words_begin_under_their_title_and_numbers_end_under_it() -> None:
    frame = pd.DataFrame({"list": ["Contact", "Product of a deal"], "rows": [7, 1200], "kept": ["yes", ""]})
    assert text_table(frame, caption="said").splitlines() == [
        "said",
        "list               rows  kept",
        "Contact               7  yes",
        "Product of a deal  1200",
    ]


def test_a_folded_table_with_one_wide_column_beside_many_is_no_wider_than_a_page() -> None:
    texts = {f"column {n}": ["sixteen letters!" + "!" * n] * 40 for n in range(5)}
    table = html_table(pd.DataFrame({**texts, "long": ["word " * 12] * 40}))
    widths = [float(each) for each in re.findall(r'<col style="width:([\d.]+)em">', table)]
    assert sum(widths[:6]) <= 72.5
    assert min(widths) >= 10
