"""Changes of a delta against a destination that lives in memory: what is edited after the comparison is never overwritten."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine
from toy import Toy

from workbench.destinations import Draft, Outcome
from workbench.ledger import Guard, Ledger
from workbench.ledger.knowing import EDITED
from workbench.ledger.loading import Progress
from workbench.stages import cutover
from workbench.store import open_store


class Changing(Toy):
    """A toy in which a change leaves the other fields as they are."""

    def write(self, object_: str, drafts: Sequence[Draft], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
        before = {draft.id: self.records[draft.id] for draft in drafts if draft.id}
        outcomes = super().write(object_, drafts, taken=taken)
        for draft in drafts:
            if draft.id and self.records[draft.id] is not before[draft.id]:
                whole = {**before[draft.id].values, **draft.values}
                self.records[draft.id] = replace(self.records[draft.id], values=whole)
        return outcomes


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Engine]:
    opened = open_store(tmp_path / "w.db")
    yield opened
    opened.dispose()


def guarded(store: Engine, toy: Toy) -> Guard:
    return Ledger(store, engagement_id="e").guard(toy, settle_seconds=0.0)


def edit(toy: Toy, number: str, **values: Any) -> None:
    record = toy.records[number]
    toy.records[number] = replace(record, values={**record.values, **values})


def change(
    monkeypatch: pytest.MonkeyPatch, guard: Guard, rows: Sequence[Sequence[object]], root: Path, told: list[Any] | None = None
) -> tuple[list[Any], pd.DataFrame]:
    """Carry out what a comparison with these rows (key, field, base, theirs, ours) says, as the stage does."""
    frame = pd.DataFrame([[*row, "take"] for row in rows], columns=["key", "field", "base", "theirs", "ours", "verdict"])
    monkeypatch.setattr(cutover, "sides", lambda desk, feed, everything: SimpleNamespace(frame=frame, new=()))
    nobody_asked = SimpleNamespace(proposals=lambda kind: pd.DataFrame({"subject": [], "shown": []}))
    engagement = SimpleNamespace(ledger=lambda: guard.ledger, decisions=nobody_asked, root=root)
    desk: Any = SimpleNamespace(engagement=engagement, destination=guard)
    feed: Any = SimpleNamespace(name="deals", object="deal", label="Deals")

    def tell(label: str, progress: Progress) -> None:
        if told is not None:
            told.append((label, progress))

    return cutover._change(desk, feed, {}, refused=0, on_progress=tell)


def test_an_edit_made_after_the_comparison_stays_and_is_listed(
    monkeypatch: pytest.MonkeyPatch, store: Engine, tmp_path: Path
) -> None:
    """Only the edited record is left alone: the others, and edits of fields that are not sent, do not hold it up."""
    toy = Changing()
    guard = guarded(store, toy)
    guard.write("deal", [Draft(f"p:d:{each}", {"name": "loaded", "city": "Bonn"}) for each in (1, 2, 3)])
    edit(toy, "1", name="human")
    edit(toy, "2", city="Cologne")
    rows = [(f"p:d:{each}", "name", "loaded", "export", "loaded") for each in (1, 2, 3)]
    counts, left = change(monkeypatch, guard, rows, tmp_path)
    assert [toy.records[each].values["name"] for each in "123"] == ["human", "export", "export"]
    assert toy.records["2"].values["city"] == "Cologne"
    assert counts == ["deals", 0, 2, 2, 0, 1]
    assert left.to_dict("records") == [{"feed": "deals", "key": "p:d:1", "field": "name"}]
    assert "p:d:1" not in guard.ledger.frame().query("verb == 'update'")["key"].tolist()


def test_an_edited_row_holds_up_no_other_row_of_its_batch(store: Engine) -> None:
    toy = Changing(rows=10)
    guard = guarded(store, toy)
    guard.write("deal", [Draft(f"p:d:{each}", {"amount": "1200.00"}) for each in (1, 2)])
    edit(toy, "1", amount="7")
    drafts = [Draft(f"p:d:{each}", {"amount": "9"}, id=str(each), expected={"amount": 1200}) for each in (1, 2)]
    outcomes = {outcome.key: outcome for outcome in guard.write("deal", drafts)}
    assert outcomes["p:d:1"].words == EDITED and outcomes["p:d:2"].state == "done"
    assert [toy.records[each].values["amount"] for each in "12"] == ["7", "9"]


def test_a_change_that_was_refused_is_counted_as_refused_alone(
    monkeypatch: pytest.MonkeyPatch, store: Engine, tmp_path: Path
) -> None:
    """What was brought over is what stands there."""
    toy = Changing(fate=lambda draft: "no" if draft.id and draft.key == "p:d:2" else "")
    guard = guarded(store, toy)
    guard.write("deal", [Draft(f"p:d:{each}", {"name": "loaded"}) for each in (1, 2)])
    rows = [(f"p:d:{each}", "name", "loaded", "export", "loaded") for each in (1, 2)]
    counts, left = change(monkeypatch, guard, rows, tmp_path)
    assert [toy.records[each].values["name"] for each in "12"] == ["export", "loaded"]
    assert counts == ["deals", 0, 1, 1, 1, 0]
    assert left.empty


def test_changes_tell_their_progress_and_a_lost_answer_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, store: Engine, tmp_path: Path
) -> None:
    """A change that was lost on its way is sent again, one whose answer was lost is not; an emptied field is sent as such."""
    lost = {"p:d:1": "call", "p:d:2": "answer"}
    toy = Changing(fate=lambda draft: lost.pop(draft.key, "") if draft.id else "")
    guard = guarded(store, toy)
    guard.write("deal", [Draft(f"p:d:{each}", {"name": "loaded"}) for each in (1, 2, 3)])
    rows: list[Any] = [(f"p:d:{each}", "name", "loaded", "export", "loaded") for each in (1, 2)]
    told: list[Any] = []
    counts, _ = change(monkeypatch, guard, [*rows, ("p:d:3", "name", "loaded", None, "loaded")], tmp_path, told)
    assert [toy.records[each].values["name"] for each in "123"] == ["export", "export", None]
    assert counts == ["deals", 0, 3, 3, 0, 0]
    assert [call for call in toy.calls[3:] if call == ["p:d:2"]] == [["p:d:2"]]
    assert {label for label, _ in told} == {"Changes: Deals"} and told[-1][1].ended


def test_a_change_that_is_stopped_goes_on_where_it_stopped(
    monkeypatch: pytest.MonkeyPatch, store: Engine, tmp_path: Path
) -> None:
    toy = Changing(lanes=1)
    guard = guarded(store, toy)
    guard.write("deal", [Draft(f"p:d:{each}", {"name": "loaded"}) for each in range(1, 9)])
    rows = [(f"p:d:{each}", "name", "loaded", "export", "loaded") for each in range(1, 9)]
    toy._before = lambda drafts: pull() if len(toy.calls) == 11 else None

    def pull() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        change(monkeypatch, guard, rows, tmp_path)
    assert 0 < sum(record.values["name"] == "export" for record in toy.records.values()) < 8
    toy._before = lambda drafts: None
    change(monkeypatch, guarded(store, toy), rows, tmp_path)
    assert {record.values["name"] for record in toy.records.values()} == {"export"}
    assert len(toy.calls) == 16
