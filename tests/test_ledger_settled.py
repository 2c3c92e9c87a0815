"""What the ledger holds as a record's image once a lost answer was settled, and what a rollback makes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import Engine
from toy import Toy

from workbench.destinations import Draft, Outcome, Record
from workbench.ledger import Guard, Ledger
from workbench.ledger.unloading import unload


class Losing(Toy):
    """A toy that changes fields of records, and loses as many answers to changes and deletions as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.lose = 0

    def write(self, object_: str, drafts: Sequence[Draft], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
        made = [self._changed(draft) if draft.id else super(Losing, self).write(object_, [draft])[0] for draft in drafts]
        return [replace(outcome, state="unknown", id="") if self._lost() else outcome for outcome in made]

    def _changed(self, draft: Draft) -> Outcome:
        self.edit(draft.id, **draft.values)
        return Outcome(draft.key, "done", draft.id)

    def _lost(self) -> bool:
        self.lose -= 1
        return self.lose >= 0

    def delete(self, object_: str, ids: Sequence[str]) -> list[Outcome]:
        done = super().delete(object_, ids) or [Outcome(ids[0], "done")]
        return [Outcome(ids[0], "unknown")] if self._lost() else done

    def edit(self, number: str, **values: object) -> None:
        """As a person does, past our client."""
        record = self.records[number]
        self.records[number] = replace(record, values={**record.values, **values})


def guard(store: Engine, toy: Toy) -> Guard:
    return Ledger(store, engagement_id="e").guard(toy, settle_seconds=0.0)


@pytest.mark.parametrize("edit", [{"name": "human"}, {"phone": "555"}])
def test_a_rollback_cut_off_after_it_settled_a_record_does_not_take_a_persons_edit_for_ours(
    edit: dict[str, object], store: Engine
) -> None:
    toy = Losing()
    toy.lose = 1
    guard(store, toy).write("deal", [Draft("p:d:1", {"name": "ours"})])
    toy.edit("1", **edit)
    guard(store, toy).settle()  # as far as the first rollback came
    for _ in range(2):
        done = unload(guard(store, toy))
        assert list(done.frame["verdict"]) == ["kept"]
    assert toy.records["1"].values == {"name": "ours", **edit}


@pytest.mark.parametrize("certified", [False, True])
def test_a_record_that_was_settled_and_that_nobody_touched_goes_with_the_others(certified: bool, store: Engine) -> None:
    toy = Losing()
    toy.lose = 1
    there = guard(store, toy)
    there.write("deal", [Draft("p:d:1", {"name": "ours"})])
    there.settle()
    assert there.ledger.operations.of_keys("deal", ["p:d:1"])["p:d:1"][0].post is None
    if certified:
        assert there.certify("deal").holds
    assert list(unload(guard(store, toy)).frame["verdict"]) == ["reversed"] and toy.records == {}


def test_a_restore_whose_answer_was_lost_is_settled_and_not_done_again_over_an_edit(store: Engine) -> None:
    toy = Losing()
    toy.records |= {number: Record(number, "", {"name": f"old {number}"}) for number in ("1", "2")}
    there = guard(store, toy)
    for number in ("1", "2"):
        there.write("deal", [Draft(f"p:d:{number}", {"name": "ours"}, number)])
    toy.lose = 2
    first = guard(store, toy)
    for number in ("1", "2"):
        draft = Draft(f"p:d:{number}", {"name": f"old {number}"}, number)
        assert first.restore("deal", draft, before=toy.records[number]).state == "unknown"
    toy.edit("2", name="human")
    done = unload(guard(store, toy))
    verdicts = dict(zip(done.frame["id"], done.frame["verdict"], strict=True))
    assert verdicts == {"1": "reversed", "2": "kept"}
    assert [record.values["name"] for record in toy.records.values()] == ["old 1", "human"]
    restores = [row for row in there.ledger.operations.where(True) if row.verb == "restore"]
    assert [row.pre for row in restores] == [{"name": "ours"}, {"name": "ours"}]


def test_a_deletion_whose_answer_was_lost_keeps_the_whole_record_that_it_took(store: Engine) -> None:
    toy = Losing()
    there = guard(store, toy)
    there.write("deal", [Draft("p:d:1", {"name": "ours"})])
    there.certify("deal")
    toy.lose = 1
    done = unload(guard(store, toy))
    assert list(done.frame["verdict"]) == ["reversed"]
    deletions = [row for row in there.ledger.operations.where(True) if row.verb == "delete"]
    assert deletions[0].pre == {"name": "ours"} and {row.state for row in deletions} == {"done"}
