"""Of several records of ours that an upsert would take for one, the first goes; and outcomes by the million in little room."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.destinations import Outcome
from workbench.flow.claims import claimed
from workbench.flow.meeting import folded, several_of
from workbench.ledger.loading import keys as packed
from workbench.ledger.loading.keys import Keys
from workbench.ledger.loading.outcomes import Outcomes

WORDS = st.sampled_from(["a@x.com", "A@X.com", " a@x.com", "b c", "B  c", "straße", "STRASSE", "b\tc", "d\x1fe", "D e", ""])
CELLS = st.one_of(st.none(), WORDS)
MANY = st.one_of(CELLS, st.lists(WORDS, max_size=3))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(MANY, st.sampled_from("nmo")), max_size=14), st.booleans())
def test_the_first_of_equal_claims_goes_unless_one_of_ours_stands_there(rows: list[tuple[object, str]], lists: bool) -> None:
    cells = [cell if lists or not isinstance(cell, list) else None for cell, _ in rows]
    kinds = np.array([kind for _, kind in rows], dtype="U1")
    column = pd.Series(cells, dtype="object") if lists else pd.Series(cells, dtype="str")
    found = claimed(column, new=kinds == "n", made=kinds == "m")
    old = {folded(each) for cell, kind in zip(cells, kinds, strict=True) if kind == "m" for each in several_of(cell)}
    expected, seen = [], set()
    for cell, kind in zip(cells, kinds, strict=True):
        mine = {folded(each) for each in several_of(cell)} if kind == "n" else set()
        expected.append(bool(mine & (old | seen)))
        seen |= mine
    assert found.tolist() == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=3), max_size=60))
def test_packed_keys_are_the_keys_that_were_added_and_an_interrupt_leaves_no_half_of_one(texts: list[str]) -> None:
    block, packed.BLOCK = packed.BLOCK, 7
    try:
        made = Keys()
        assert [made.add(text) for text in texts] == list(range(len(texts)))
        assert list(made) == [made[place] for place in range(len(texts))] == made.column().to_pylist() == texts
        assert all(text in made for text in texts) and "absent" not in made
        if len(made._late) == packed.BLOCK:
            made._blocks.append(pa.array(made._late, pa.string()))  # packed, and interrupted before they were let go of
        else:
            made._late.append("half")
        made.cut(len(texts))
        assert list(made) == texts
        made.add("one more")
        assert list(made) == [*texts, "one more"]
    finally:
        packed.BLOCK = block


def test_keys_stay_known_while_their_table_grows() -> None:
    made = Keys()
    for number in range(20_000):
        assert f"k{number}" not in made
        made.add(f"k{number}")
    assert all(f"k{number}" in made for number in range(20_000)) and "k20000" not in made


def test_outcomes_come_back_as_they_were_noted_whatever_their_ids_look_like() -> None:
    ids = ["", "7", "0", "007", "-3", "9" * 18, "9" * 19, "٣", "b0a6-uuid", "12 "]
    outcomes = Outcomes()
    for place, number in enumerate(ids):
        outcomes.add(f"k{place}")
        outcomes.note(place, Outcome(f"k{place}", "done", number, f"words {place % 3}"))
    assert outcomes.frame()["id"].tolist() == ids
    assert list(outcomes.nameless()) == [(0, "k0")]
    outcomes.name(8, "8")
    outcomes.name(0, "x")
    assert outcomes.frame()["id"].tolist() == ["x", *ids[1:8], "8", ids[9]]
    assert outcomes.frame()["words"].tolist() == [f"words {place % 3}" for place in range(10)]
    assert not list(outcomes.nameless())


def test_outcomes_need_less_than_a_hundred_bytes_a_row() -> None:
    rows = 100_000
    tracemalloc.start()
    outcomes = Outcomes()
    for place in range(rows):
        key = f"promio:contacts:c-{place:08d}"
        assert not outcomes.knows(key)
        outcomes.add(key)
        outcomes.note(place, Outcome(key, "done", str(12_000_000_000 + place)))
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert used < 60 * rows + 2e6  # beside Arrow's own, which holds the keys' letters
