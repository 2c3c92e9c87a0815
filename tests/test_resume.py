"""A load that goes on: what the ledger is asked before the first request, and that it answers as before."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from toy import Toy

from workbench.destinations import Record
from workbench.flow.meeting import taken_over
from workbench.flow.transfer import _new_first, as_written, standing_ids
from workbench.ledger import Ledger
from workbench.ledger.operations import Closing, Intent, Operations, State, Verb
from workbench.store import open_store


class Desk:
    """The parts of an engagement that are asked, with a ledger that is filled by hand."""

    def __init__(self, path: Path) -> None:
        self.store = open_store(path)
        self.ledger = Ledger(self.store, engagement_id="e1")
        self.feed: Any = SimpleNamespace(object="contact")
        self.engagement: Any = SimpleNamespace(
            ledger=lambda: self.ledger, destination=SimpleNamespace(objects={}), settings=SimpleNamespace(edition="crm")
        )

    def note(
        self,
        key: str,
        verb: Verb,
        number: str,
        values: Mapping[str, Any],
        *,
        state: State = "done",
        pre: Mapping[str, Any] | None = None,
    ) -> None:
        ops = self.ledger.operations.open("b", [Intent("contact", key, verb, values, pre=pre)])
        self.ledger.operations.close([Closing(ops[0], state, id=number)])

    def made(self, count: int) -> pd.DataFrame:
        """Records that are done, as rows of what is sent."""
        names = [f"c-{number:06d}" for number in range(count)]
        values = {f"field_{place}": f"a value of {place}" for place in range(6)}
        for start in range(0, count, 500):
            part = names[start : start + 500]
            ops = self.ledger.operations.open("b", [Intent("contact", name, "create", values) for name in part])
            self.ledger.operations.close([Closing(op, "done", id=str(op)) for op in ops])
        return pd.DataFrame({"key": names, "_record": names, "_waits": "", **values})


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "workbench.db")
    yield made
    made.store.dispose()


def test_records_of_ours_cost_neither_time_nor_memory_before_the_first_request(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = 20_000
    frame = desk.made(rows)
    desk.ledger.operations.writer.intact()  # the whole ledger against its seals: once a run, and measured apart
    monkeypatch.setattr(Operations, "where", _no_payload)
    monkeypatch.setattr(Operations, "each", _no_payload)
    began = time.process_time()
    assert taken_over(desk.engagement, Toy(), desk.feed, frame) == (set(), {})
    assert time.process_time() - began < 10 * rows / 1e6 + 1
    tracemalloc.start()
    taken_over(desk.engagement, Toy(), desk.feed, frame)
    desk.ledger.keys("contact")
    standing_ids(desk.engagement, desk.feed)
    as_written(desk.engagement, desk.feed, frame.drop(columns=["_record", "_waits"]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400e6 * rows / 1e6 + 2e6


def _no_payload(*arguments: object, **options: object) -> None:
    raise AssertionError("whole operations were read")


def test_only_what_we_changed_and_never_made_is_taken_over(desk: Desk) -> None:
    wanted = {"city": "Wien"}
    desk.note("ours", "create", "1", wanted)
    desk.note("ours", "update", "1", {"city": "Graz"})
    desk.note("whole", "update", "2", wanted)
    desk.note("whole", "update", "2", {"city": "Linz"})  # a delta's: what was staged was written once
    desk.note("less", "update", "3", {"city": "Bonn"})
    desk.note("refused", "update", "4", wanted, state="rejected")
    desk.note("gone", "update", "5", wanted)
    desk.note("gone", "delete", "5", {})
    toy = Toy()
    toy.records = {"3": Record("3", "less", {"city": "Bonn"})}
    keys = ["ours", "whole", "less", "refused", "gone", "new"]
    frame = pd.DataFrame({"key": keys, "_record": keys, "_waits": "", "city": "Wien"})
    assert taken_over(desk.engagement, toy, desk.feed, frame) == ({"whole"}, {"less": toy.records["3"]})
    assert taken_over(desk.engagement, toy, desk.feed, frame[frame["key"] != "less"]) == ({"whole"}, {})


def test_what_was_changed_is_expected_as_it_was_written_last_and_the_rest_as_staged(desk: Desk) -> None:
    desk.note("changed", "create", "1", {"city": "Wien", "name": "A"})
    desk.note("changed", "update", "1", {"city": "Graz"}, pre={"city": "Wien"})
    desk.note("changed", "update", "1", {"city": "Linz"}, pre={"city": "Graz"})
    desk.note("taken", "update", "2", {"city": "Bonn"}, pre={"city": "Kiel", "name": "T"})
    desk.note("plain", "create", "3", {"city": "Wien", "name": "P"})
    desk.note("moved", "create", "4", {"city": "Wien"})
    desk.note("other", "update", "4", {"city": "Wien"})
    staged = pd.DataFrame(
        {"key": ["plain", "taken", "changed"], "city": ["Wien"] * 3, "name": ["P", None, "A"], "rank": [1, 2, 3]},
        index=[5, 7, 9],
    )
    found = as_written(desk.engagement, desk.feed, staged)
    assert found.to_dict("records") == [
        {"key": "plain", "city": "Wien", "name": "P", "rank": 1},
        {"key": "taken", "city": "Bonn", "name": "T", "rank": None},
        {"key": "changed", "city": "Linz", "name": "A", "rank": 3},
    ]
    assert standing_ids(desk.engagement, desk.feed) == {"changed": "1", "taken": "2", "plain": "3", "other": "4"}


def test_what_is_not_there_yet_is_sent_first_and_the_order_stays_otherwise() -> None:
    sent = pd.DataFrame({"key": list("abcde"), "_record": list("abcde"), "_waits": ""})
    groups = list(_new_first(sent, {"a", "c"}))
    assert [list(group["key"]) for group in groups] == [list("bdeac")]
    assert list(groups[0].columns) == ["key"]
