"""The pictures of a report: their geometry says what the figures say, and nothing falls out of them."""

from __future__ import annotations

import re
from itertools import pairwise

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.reports.pictures import BUCKETS, SLOT, WHOLE, field_bars, flow_of, runs_of

COUNTS = st.lists(st.integers(0, 3000), min_size=len(BUCKETS), max_size=len(BUCKETS))


def accounted(*feeds: tuple[str, list[int]]) -> pd.DataFrame:
    rows = [[name, sum(counts), *counts, True] for name, counts in feeds]
    return pd.DataFrame(rows, columns=["feed", "rows", *BUCKETS, "closes"])


@settings(max_examples=40, deadline=None)
@given(st.lists(COUNTS, min_size=1, max_size=12))
def test_every_row_that_leaves_on_the_left_arrives_on_the_right(counts: list[list[int]]) -> None:
    rows = accounted(*((f"feed{number}", each) for number, each in enumerate(counts)))
    made = flow_of(rows, {})
    assert sum(block.rows for block in made.sources) == sum(block.rows for block in made.ends) == sum(map(sum, counts))
    assert {block.label: block.rows for block in made.sources} == {
        f"feed{number}": sum(each) for number, each in enumerate(counts) if sum(each)
    }
    assert {block.bucket: block.rows for block in made.ends} == {name: n for name in BUCKETS if (n := int(rows[name].sum()))}
    assert len(made.ribbons) == sum(count > 0 for each in counts for count in each)


@settings(max_examples=40, deadline=None)
@given(st.lists(COUNTS, min_size=1, max_size=12))
def test_no_block_of_the_flow_covers_another_or_stands_outside(counts: list[list[int]]) -> None:
    made = flow_of(accounted(*((f"feed{number}", each) for number, each in enumerate(counts))), {})
    for blocks in (made.sources, made.ends):
        for above, below in pairwise(blocks):
            assert above.y + above.height <= below.y
            assert below.y + below.height / 2 - above.y - above.height / 2 >= SLOT * 0.9, "their labels would run together"
        assert all(block.y >= 0 and block.y + block.height <= made.height + 0.2 for block in blocks)


def test_a_band_is_as_thick_as_its_rows_are_many() -> None:
    made = flow_of(accounted(("leads", [300, 100, 0, 0, 0, 0])), {"leads": "Lead → Lead"})
    edges = [re.fullmatch(r"M\S+ (\S+?)C.* (\S+)Z", ribbon.path) for ribbon in made.ribbons]
    assert [float(each[2]) - float(each[1]) for each in edges if each] == [WHOLE * 3 / 4, WHOLE / 4]
    assert made.ribbons[0].words == "Lead → Lead: 300 became records"
    assert made.words == "300 became records; 100 part of another record"


def test_an_account_without_rows_gives_no_picture() -> None:
    assert flow_of(accounted(("leads", [0] * 6)), {}).sources == ()
    assert runs_of(pd.DataFrame()) == []


def test_the_lengths_of_a_field_add_up_to_all_of_its_values() -> None:
    columns = ["object", "field", "cells", "filled", "equal", "intended", "lossy", "wrong"]
    (bar,) = field_bars(pd.DataFrame([["contacts", "Value", 1200, 900, 800, 300, 99, 1]], columns=columns))
    assert bar["parts"] == [("equal", 800, 66.67), ("intended", 300, 25.0), ("lossy", 99, 8.25), ("wrong", 1, 0.08)]
    assert bar["cells"] == "1,200"


def test_a_run_shows_each_object_at_its_time() -> None:
    at = "2026-03-02T10:00:{:06.3f}+00:00"
    rows = [
        [2, "sample", "Account", 35, 0, at.format(0), at.format(5)],
        [2, "sample", "Contact", 70, 3, at.format(5), at.format(20)],
        [3, "production", "Contact", 400, 0, "2026-03-02T23:50:00+00:00", "2026-03-03T00:20:00+00:00"],
    ]
    runs = runs_of(pd.DataFrame(rows, columns=["run", "phase", "object", "created", "updated", "begun", "ended"]))
    assert [(run.title, run.took, run.records) for run in runs] == [
        ("Sample", "20.0 s", 108),
        ("Production", "30.0 minutes", 400),
    ]
    assert [(each.label, each.start, each.width) for each in runs[0].sendings] == [
        ("Account", 0.0, 25.0),
        ("Contact", 25.0, 75.0),
    ]
    assert runs[0].sendings[1].words == "70 created, 3 updated"
    assert (runs[0].begun, runs[0].ended) == ("2026-03-02 10:00:00", "10:00:20")
    assert runs[1].ended == "2026-03-03 00:20:00"
