"""Texts made of several columns: lists, columns of the customer's own, and plain words beside tags."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from pydantic import ValidationError

from workbench.frames.composing import composed, own_columns
from workbench.frames.plan import FeedPlan
from workbench.recipes import convert
from workbench.specs import Feed, Table
from workbench.specs.feeds import holds_column

STEPS = [{"from": n, "price": 100 - n, "currency": "USD" if n > 1 else None} for n in range(1, 14)]


def table(*rows: dict[str, str | None]) -> pd.DataFrame:
    return pd.DataFrame([{"_row": f"f:{n}", **row} for n, row in enumerate(rows, 2)], dtype="str")


def texts(made: pd.Series) -> list[str | None]:
    return [None if pd.isna(text) else str(text) for text in made]


def test_a_line_of_a_list_stands_once_for_each_thing_in_it_however_many_there_are() -> None:
    text = "{about}\nFrom {steps.*.from}: {steps.*.price} {steps.*.currency}"
    rows = table(
        {"about": "By the seat", "steps": json.dumps(STEPS)},
        {"about": None, "steps": json.dumps(STEPS[:1])},
        {"about": "No price", "steps": None},
        {"about": None, "steps": "[]"},
        {"about": "Broken", "steps": "[{"},
        {"about": "No things", "steps": "a|b"},
    )
    first, *others = texts(composed(rows, text))
    assert first is not None and first.splitlines() == [
        "By the seat", "From 1: 99", *(f"From {n}: {100 - n} USD" for n in range(2, 14))
    ]  # fmt: skip
    assert others == ["From 1: 99", "No price", None, "Broken", "No things"]


def test_columns_that_no_file_of_ours_describes_are_a_line_each_and_a_list_is_told_whole() -> None:
    known = Table.model_validate({"files": ["x.csv"], "key": ["id"], "columns": [{"name": "id"}, {"name": "body"}]})
    feed = Feed.model_validate({"name": "x", "rows": ["X"], "label": "", "about": "", "table": "x", "object": "note"})
    rows = table({"id": "1", "body": "Said", "Outcome": "agreed", "Minutes": None, "ways": "[1]", "ways.0.by": "car"})
    own = own_columns(rows.assign(_page="p"), FeedPlan(feed, "toy", known, ()))
    assert own == ("Outcome", "Minutes", "ways")
    assert texts(composed(rows, "{body}\n{*}", own=own)) == ["Said\nOutcome: agreed\nways: [1]"]
    assert texts(composed(rows, "<p>{body}</p>\n{*}", own=own, rich=True)) == [
        "<p>Said</p>\n<p>Outcome: agreed</p>\n<p>ways: [1]</p>"
    ]
    assert texts(composed(table({"body": None, "Outcome": "agreed"}), "{body}\n{*}", own=("Outcome",))) == ["Outcome: agreed"]
    assert texts(composed(table({"body": None, "Outcome": None}), "{body}\n{*}", own=("Outcome",))) == [None]


@pytest.mark.parametrize(
    ("body", "note", "plain"),
    [
        ("one\ntwo & three", "<p>Ann</p>\none<br>two &amp; three", "Open & shut\none\ntwo & three"),
        ("<p>one</p><p>two</p>", "<p>Ann</p>\n<p>one</p><p>two</p>", "Open & shut\n\none\n\ntwo"),
        (None, "<p>Ann</p>", "Open & shut"),
    ],
)
def test_plain_words_keep_their_lines_and_signs_beside_tags(body: str | None, note: str, plain: str) -> None:
    rows = table({"who": "Ann", "state": "Open & shut", "body": body})
    made = composed(rows, "<p>{who}</p>\n{body}", rich=True)
    assert texts(convert(made, "html").values) == [note]
    made = composed(rows, "{state}\n{body}", rich=True)
    assert texts(convert(made, "note_text").values) == [plain]


def test_a_text_that_is_read_as_it_stands_is_not_written_as_markup() -> None:
    rows = table({"a": "5 < 6 & <b>7</b>", "b": "x\ny"})
    assert texts(composed(rows, "{a}\n{b}")) == ["5 < 6 & <b>7</b>\nx\ny"]


def test_a_composed_text_tells_the_parts_of_a_list_that_it_names() -> None:
    text = "{name}: {steps.*.price}"
    held = [column for column in ("name", "steps", "steps.0.price", "steps.12.price", "steps.0.from", "other", "steps.x.price")
            if holds_column(text, column)]  # fmt: skip
    assert held == ["name", "steps", "steps.0.price", "steps.12.price"]


@pytest.mark.parametrize("part", ["2", "0/2", "3/2", "a/b"])
def test_a_part_of_joined_texts_is_one_of_so_many(part: str) -> None:
    rule = {"column": "a", "to": "b", "combine": "join", "options": {"max_length": 9, "cut": True}}
    feed = {"name": "x", "rows": ["X"], "label": "", "about": "", "table": "x", "object": "note", "group": ["g"]}
    assert Feed.model_validate({**feed, "fields": [{**rule, "part": "2/2"}]}).fields[0].part == "2/2"
    with pytest.raises(ValidationError, match="such as 2/4"):
        Feed.model_validate({**feed, "fields": [{**rule, "part": part}]})
    with pytest.raises(ValidationError, match="such as 2/4"):
        Feed.model_validate({**feed, "fields": [{**rule, "part": "1/2", "options": {}}]})
