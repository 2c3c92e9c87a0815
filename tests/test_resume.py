"""A load that goes on: what the ledger is asked before the first request, and that it answers as before."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from counting import calls_of, statements
from toy import Toy

from workbench.destinations import Draft, Record, Spent
from workbench.flow.meeting import taken_over
from workbench.flow.outgoing import Outgoing
from workbench.flow.sending import Sending
from workbench.flow.transfer import as_written, standing_ids, transfer
from workbench.ledger import Ledger
from workbench.ledger.living import among, living
from workbench.ledger.loading import Progress
from workbench.ledger.operations import Closing, Intent, Operations, State, Verb
from workbench.specs import DestinationSpec, load_destination, load_route
from workbench.staging import write_frame
from workbench.store import open_store


class Desk:
    """The parts of an engagement that are asked, with a ledger that is filled by hand."""

    def __init__(self, address: str | Path) -> None:
        self.store = open_store(address)
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
def desk(address: str) -> Iterator[Desk]:
    made = Desk(address)
    yield made
    made.store.dispose()


def test_records_of_ours_cost_neither_calls_nor_memory_before_the_first_request(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = 10_000
    frame = desk.made(rows)
    desk.ledger.operations.writer.intact()  # the whole ledger against its seals: once a run, and measured apart
    monkeypatch.setattr(Operations, "where", _no_payload)
    monkeypatch.setattr(Operations, "each", _no_payload)
    with statements(desk.store) as asked:
        assert calls_of(lambda: len(living(desk.ledger.operations, "contact").keys)) < rows / 4
    assert len(asked) < 5 + rows / 1000
    tracemalloc.start()
    assert not living(desk.ledger.operations, "contact").changed
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
    desk.note("untold", "create", "", wanted)
    toy = Toy()
    toy.records = {"3": Record("3", "less", {"city": "Bonn"})}
    found = living(desk.ledger.operations, "contact")
    assert found.changed == {"whole", "less"}
    assert found.keys.to_pylist() == ["ours", "ours", "whole", "whole", "less", "gone"]
    assert found.ids_of(pa.array(["less", "nobody", "ours"])).to_pylist() == ["3", None, "1"]
    assert found.has(pa.array(["less", "nobody", "untold", "refused"])).to_pylist() == [True, False, True, False]
    keys = ["gone", "refused", "whole", "nobody", "untold"]
    assert among(desk.ledger.operations, "contact", keys) == {"gone": "5", "whole": "2", "untold": ""}
    keys = sorted(found.changed)
    frame = pd.DataFrame({"key": keys, "_record": keys, "_waits": "", "city": "Wien"})
    assert taken_over(desk.engagement, toy, desk.feed, frame) == ({"whole"}, {"less": toy.records["3"]})
    assert taken_over(desk.engagement, toy, desk.feed, frame[frame["key"] != "less"]) == ({"whole"}, {})


def test_a_trace_says_what_the_whole_operation_says_but_for_its_json(desk: Desk) -> None:
    desk.note("one", "create", "1", {"city": "Wien"}, state="rejected")
    desk.note("one", "create", "2", {"city": "Graz"})
    desk.note("two", "update", "3", {"city": "Bonn"}, pre={"city": "Kiel"})
    whole = desk.ledger.operations.of_keys("contact", ["one", "two", "three"])
    short = desk.ledger.operations.traces("contact", ["one", "two", "three"])
    assert list(short) == list(whole) == ["one", "two"]
    for key, rows in whole.items():
        assert [{name: vars(row)[name] for name in vars(short[key][0])} for row in rows] == [
            vars(trace) for trace in short[key]
        ]


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


# ------------------------------------------------------------ a whole transfer


class Counted(Toy):
    """Finds as a CRM does, without regard to case and among several values."""

    def spent(self, purpose: str = "") -> Spent:
        return Spent()

    def find(self, object_: str, field_: str, values: Iterable[str]) -> list[Record]:
        wanted = {value.casefold() for value in values}
        held = ((record, record.values.get(field_)) for record in self.records.values())
        return [r for r, v in held if wanted & {str(each).casefold() for each in (v if isinstance(v, list) else [v])}]


def _upserting_by_address() -> DestinationSpec:
    spec = load_destination("freshsales")
    contact = spec.objects["contact"].model_copy(update={"bulk_key": "emails"})
    return spec.model_copy(update={"objects": {**spec.objects, "contact": contact}})


class Walk(Desk):
    """A transfer of contacts over a destination in memory, with the parts of an engagement that it asks for."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, toy: Toy, *, update: bool = False) -> None:
        super().__init__(folder / "workbench.db")
        self.toy = toy
        self.route = load_route("promio_to_freshsales")
        self.feed = self.route.feed("contacts").model_copy(update={"lookups": ()})
        self.engagement = SimpleNamespace(
            root=folder,
            destination=_upserting_by_address(),
            settings=SimpleNamespace(edition="crm"),
            route=self.route.model_copy(update={"feeds": (self.feed,)}),
            decisions=SimpleNamespace(value=lambda *asked: "update" if update else None),
            ledger=lambda: self.ledger,
            has=lambda *asked, **options: False,
            save=lambda *kept, **options: None,
        )
        self.guard = self.ledger.guard(toy, settle_seconds=0.01)
        monkeypatch.setattr("workbench.flow.transfer.connected", lambda engagement: self.guard)

    def stage(self, keys: Sequence[str], *, feed: str = "contacts", **columns: Sequence[object]) -> None:
        frame = pd.DataFrame({"row": range(len(keys)), "key": [f"{feed}/{key}" for key in keys], "marker": list(keys)})
        frame = frame.assign(**(columns or {"city": "Wien"}))
        write_frame(self.engagement.root / "staged" / "main" / "records" / f"{feed}.parquet", frame)

    def move(self, **options: Any) -> pd.DataFrame:
        return transfer(self.engagement, feeds=[self.feed], **options).frame

    def sending(self) -> Sending:
        account = self.guard.metadata()
        going = Outgoing(self.engagement, self.feed, account=account)
        return Sending(self.engagement, self.guard, self.feed, going, keep=(), account=account)


def test_what_is_not_there_yet_is_sent_first_and_the_order_stays_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = Walk(tmp_path, monkeypatch, Counted(rows=2, lanes=1))
    for key, told in (("a", "901"), ("c", "")):  # of c a bulk call told no id, and the sweep has not come yet
        walk.note(key, "create", told, {"city": "Wien"})
    walk.toy.records = {"901": Record("901", "a", {"city": "Wien"}), "903": Record("903", "c", {"city": "Wien"})}
    walk.ledger.operations.open("cut off", [Intent("contact", "b", "create", {"city": "Wien"})])
    walk.stage(list("abcde"))
    sending = walk.sending()
    assert [list(rows["key"]) for rows in sending.rows()] == [["d", "e"], ["b"]]
    assert [list(rows["key"]) for rows in sending.rows_that_stand()] == [["a", "c"]]
    assert sending.order().tolist() == [3, 4, 1, 0, 2]
    found = walk.move()
    assert list(found["marker"]) == list("abcde")
    assert list(found["key"]) == [f"contacts/{key}" for key in "abcde"]
    assert list(found["words"]) == ["done before", "", "done before", "", ""]
    assert set(found["state"]) == {"done"}
    assert walk.toy.calls == [["d", "e"], ["b"]]
    assert dict(zip(found["marker"], found["id"], strict=True)) | {"a": "901", "c": "903"} == walk.ledger.ids("contact")
    walk.store.dispose()


def test_a_feed_that_is_done_is_asked_about_only_after_the_others_have_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = Walk(tmp_path, monkeypatch, Counted(rows=10, lanes=1))
    asked: list[str] = []
    monkeypatch.setattr(walk.guard, "screen", _watched(walk.guard.screen, asked))
    monkeypatch.setattr(walk.toy, "write", _watched(walk.toy.write, asked))
    other = walk.feed.model_copy(update={"name": "leads", "object": "lead", "unique": ""})
    walk.engagement.route = walk.route.model_copy(update={"feeds": (walk.feed, other)})
    for number in range(30):
        walk.note(f"c{number:02d}", "create", str(500 + number), {"city": "Wien"})
        walk.toy.records[str(500 + number)] = Record(str(500 + number), f"c{number:02d}", {"city": "Wien"})
    walk.stage([f"c{number:02d}" for number in range(30)])
    walk.stage(["l1", "l2"], feed="leads")
    told: list[tuple[str, Progress]] = []
    options: Any = {"feeds": [walk.feed, other], "certify": True, "on_progress": lambda *each: told.append(each)}
    moved = transfer(walk.engagement, **options)
    assert asked == ["screen 2", "write 2", "screen 30"]
    assert list(moved.frame["words"]) == ["done before"] * 30 + [""] * 2
    assert [each.holds for each in moved.certificates.values()] == [True, True]
    for _, each in told:
        assert (
            each.total
            == each.done + each.rejected + each.unknown + each.held + each.left
            == {"contact": 30, "lead": 2}[each.object]
        )
    walk.store.dispose()


def _watched(call: Any, asked: list[str]) -> Any:
    def watched(object_: str, drafts: Sequence[Draft], **options: Any) -> Any:
        asked.append(f"{call.__name__} {len(drafts)}")
        return call(object_, drafts, **options)

    return watched


def test_after_a_kill_others_are_sent_before_what_it_left_open_has_been_given_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[float] = []
    walk = Walk(tmp_path, monkeypatch, Counted(rows=1, lanes=1, before=lambda drafts: times.append(time.monotonic())))
    walk.guard.settle_seconds = 1.5
    walk.ledger.operations.open("cut off", [Intent("contact", "a", "create", {"city": "Wien"})])
    walk.stage(["a", "b", "c"])
    began = time.monotonic()
    found = walk.move()
    assert set(found["state"]) == {"done"}
    assert walk.toy.calls == [["b"], ["c"], ["a"]]
    assert times[2] - began >= 1.5
    walk.store.dispose()


def test_what_was_left_open_and_is_not_staged_any_more_is_settled_before_the_load_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = Walk(tmp_path, monkeypatch, Counted())
    walk.ledger.operations.open("cut off", [Intent("contact", "gone", "create", {"city": "Wien"})])
    walk.stage(["a"])
    assert list(walk.move()["state"]) == ["done"]
    assert not walk.ledger.operations.unsettled()
    walk.store.dispose()


def test_in_slices_the_same_is_sent_and_held_as_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(3)
    keys = [f"k{number:03d}" for number in range(120)]
    emails = [f"p{chance.randrange(90)}@Example.com".swapcase() if chance.random() < 0.5 else f"P{n}@x.com" for n in range(120)]
    told = []
    for size in (7, 10_000):
        monkeypatch.setattr("workbench.staging.GROUP", size)
        monkeypatch.setattr("workbench.staging.SLICE", max(2, size // 2))
        monkeypatch.setattr("workbench.flow.sending.FIRST", size)
        monkeypatch.setattr("workbench.flow.sending.MOST", 2 * size)
        (tmp_path / str(size)).mkdir()
        walk = Walk(tmp_path / str(size), monkeypatch, Counted(rows=10))
        walk.toy.records = {
            "900": Record("900", "", {"emails": "p3@example.com"}),
            "901": Record("901", "", {"emails": "p7@x.com"}),
        }
        for number, key in enumerate(keys[::3]):
            walk.note(key, "create", str(5000 + number), {"emails": emails[3 * number]})
        walk.stage(keys, emails=emails)
        found = walk.move(keep=frozenset(keys[4:8]))
        told.append(found.drop(columns=["id"]))
        assert sorted(found["marker"]) == keys
        assert {"exists_already", "taken_by_another_record", "done before"} < set(found["words"])
        assert len(walk.toy.records) - 2 == ((found["state"] == "done") & (found["words"] == "")).sum() - 4
        walk.store.dispose()
    pd.testing.assert_frame_equal(*told)


def test_a_record_that_two_of_ours_would_take_over_is_left_to_people_however_far_apart_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.flow.sending.FIRST", 1)
    walk = Walk(tmp_path, monkeypatch, Counted(), update=True)
    walk.toy.records = {
        "900": Record("900", "", {"emails": ["a@x.com", "b@x.com"]}),
        "901": Record("901", "", {"emails": "c@x.com"}),
    }
    walk.stage(["a", "b", "c", "d"], emails=["a@x.com", "b@x.com", "C@x.com", "d@x.com"])
    found = walk.move().set_index("marker")
    assert dict(found["words"]) == {"a": "claimed_twice", "b": "claimed_twice", "c": "", "d": ""}
    assert walk.toy.records["901"].key == "c"
    walk.store.dispose()
