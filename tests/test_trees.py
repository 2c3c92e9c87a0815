"""Records of a feed whose parents are records of the same feed: the order in which they are made."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.flow.trees import waves
from workbench.staging import write_frame

Parents = Mapping[str, Sequence[str]]


def in_waves(parents: Parents, *, only: frozenset[str] | None = None, several: bool = False) -> tuple[Any, ...]:
    """The waves of a feed with these parents, each in a cell of its own or all of them in one."""
    cells: list[Any] = [list(above) if several else (above[0] if above else None) for above in parents.values()]
    frame = pd.DataFrame({"key": list(parents), "up": pd.Series(cells, dtype="object" if several else "str")})
    lookups = (SimpleNamespace(feed="firms", to="up"), SimpleNamespace(feed="people", to="head"))
    feed: Any = SimpleNamespace(name="firms", lookups=lookups)
    with tempfile.TemporaryDirectory() as folder:
        engagement: Any = SimpleNamespace(root=Path(folder))
        write_frame(engagement.root / "staged" / "main" / "records" / "firms.parquet", frame)
        return waves(engagement, feed, only=only)


def height(parents: Parents, key: str) -> int:
    """How many stand above a record along the longest way, told by walking every way."""
    return max((1 + height(parents, each) for each in parents[key] if each in parents), default=0)


@settings(max_examples=25)
@given(st.lists(st.lists(st.integers(0, 40), max_size=3), min_size=1, max_size=14), st.booleans(), st.data())
def test_every_record_comes_in_the_wave_after_the_last_of_its_parents(
    drawn: list[list[int]], several: bool, data: st.DataObject
) -> None:
    keys = [f"firms/{number}" for number in range(len(drawn))]
    ways = [[above % (place + 1) for above in each if above % (place + 1) < place] for place, each in enumerate(drawn)]
    parents = {key: [keys[above] for above in each][: None if several else 1] for key, each in zip(keys, ways, strict=True)}
    parents[keys[0]] = ["elsewhere/1"]
    shuffled = {key: parents[key] for key in data.draw(st.permutations(keys))}
    found = in_waves(shuffled, several=several)
    wanted: dict[int, set[str]] = {}
    for key in keys:
        wanted.setdefault(height(parents, key), set()).add(key)
    assert found == tuple(frozenset(wanted[each]) for each in sorted(wanted))
    some = frozenset(data.draw(st.lists(st.sampled_from(keys), min_size=1)))
    assert in_waves(shuffled, only=some, several=several) == tuple(wave & some for wave in found if wave & some)


def test_what_hangs_in_a_circle_comes_last_and_ends() -> None:
    parents = {"firms/1": ["firms/2"], "firms/2": ["firms/1"], "firms/3": [], "firms/4": ["firms/3"]}
    assert in_waves(parents) == ({"firms/3"}, {"firms/4"}, {"firms/1", "firms/2"})
    assert in_waves(parents, only=frozenset()) == (frozenset(),)
