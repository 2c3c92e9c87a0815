"""What a ledger that knows too little, a lost answer, a slow job or another thread must not lead to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from ledger_desk import desk
from sqlalchemy import Engine
from toy import Toy

from workbench.destinations import RUNNING, Draft, Outcome, Record
from workbench.destinations.http import Answer, Request
from workbench.errors import Fenced, WrongKey
from workbench.ledger import Guard, Ledger
from workbench.ledger.loading import load
from workbench.ledger.operations import Closing
from workbench.ledger.scribe import Scribe
from workbench.ledger.unloading import unload

PEOPLE = pd.DataFrame({"key": ["p:contacts:1"], "last_name": ["N1"]})


def guard(store: Engine, toy: Toy, engagement: str = "e") -> Guard:
    return Ledger(store, engagement_id=engagement).guard(toy, settle_seconds=0.0)


def test_a_second_engagement_of_the_same_export_makes_nothing_twice(store: Engine) -> None:
    toy = Toy()
    frame = pd.DataFrame({"key": ["p:c:1", "p:c:2"], "name": ["a", "b"]})
    load(frame.iloc[1:], guard(store, toy, "first"), "deal")
    with pytest.raises(Fenced, match="the same export"):  # though the first key that goes out is over there nowhere
        load(frame, guard(store, toy, "second"), "deal", workers=1)
    assert len(toy.records) == 1
    assert load(frame, guard(store, toy, "first"), "deal").count("done") == 2


def test_a_lost_answer_to_a_change_and_a_persons_edit_leave_the_edit(store: Engine) -> None:
    toy = Toy(fate=lambda draft: "answer" if len(toy.calls) == 1 else "")
    toy.records["7"] = Record("7", "", {"name": "old"})
    first = guard(store, toy)
    assert first.write("deal", [Draft("p:d:1", {"name": "ours"}, "7")])[0].state == "unknown"
    toy.records["7"] = replace(toy.records["7"], values={"name": "human"})
    for run in (first, guard(store, toy)):
        done = load(pd.DataFrame({"key": ["p:d:1"], "id": ["7"], "name": ["ours"]}), run, "deal")
        assert done.count("rejected") == 1 and "changed the record since" in done.frame["words"][0]
    assert toy.records["7"].values == {"name": "human"}
    fresh = Draft("p:d:1", {"name": "ours"}, "7", expected={"name": "human"})  # somebody has decided about it anew
    assert guard(store, toy).write("deal", [fresh])[0].state == "done"


class Jobber(Toy):
    """Takes a batch as a job that is at work until it is let go."""

    going = True

    def write(self, object_: str, drafts: Sequence[Draft], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
        self.calls.append([draft.key for draft in drafts])
        assert taken is not None
        taken("j1")
        return [Outcome(draft.key, "unknown", "", "not finished in time") for draft in drafts]

    def collect(self, object_: str, job: str, drafts: Sequence[Draft]) -> list[Outcome]:
        if self.going:
            return [Outcome(draft.key, "unknown", "", f"{RUNNING}: job {job}") for draft in drafts]
        self.records |= {draft.key: Record(draft.key, draft.key, dict(draft.values)) for draft in drafts}
        return [Outcome(draft.key, "done", draft.key) for draft in drafts]


def test_what_a_job_is_working_on_is_not_sent_again_and_is_taken_once_the_job_ends(store: Engine) -> None:
    toy = Jobber(rows=10)
    frame = pd.DataFrame({"key": ["p:d:1", "p:d:2"], "name": ["a", "b"]})
    assert load(frame, guard(store, toy), "deal").count("unknown") == 2
    assert load(frame, guard(store, toy), "deal").count("unknown") == 2
    toy.going = False
    assert load(frame, guard(store, toy), "deal").count("done") == 2
    assert len(toy.calls) == 1


def test_a_batch_that_a_job_has_taken_is_not_said_to_be_refused(tmp_path: Path) -> None:
    with desk(tmp_path) as there:
        client = there.client()
        call = client.http.call  # type: ignore[attr-defined]

        def no(request: Request) -> Answer:
            if request.path.startswith("job_statuses"):
                raise WrongKey("does not know this key", found="401")
            answer: Answer = call(request)
            return answer

        client.http.call = no  # type: ignore[attr-defined]
        assert there.again(client).write("contact", [Draft("p:contacts:1", {"last_name": "N1"})])[0].state == "unknown"
        assert there.states()[-1][2] == "unknown"


def test_a_call_that_ends_in_an_error_after_a_job_took_it_stays_open(store: Engine) -> None:
    class Cut(Jobber):
        def write(self, object_: str, drafts: Sequence[Draft], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
            super().write(object_, drafts, taken=taken)
            raise WrongKey("does not know this key")

    mine = guard(store, Cut(rows=10))
    with pytest.raises(WrongKey):
        mine.write("deal", [Draft("p:d:1", {"name": "a"})])
    assert [row.state for row in mine.ledger.operations.unsettled()] == ["intent"]


def test_a_record_that_is_deleted_and_not_forgotten_is_not_said_to_be_somebody_elses_deed(tmp_path: Path) -> None:
    with desk(tmp_path) as there:
        load(PEOPLE, there.again(), "contact", certify=True)
        client = there.client()
        call = client.http.call  # type: ignore[attr-defined]

        def no(request: Request) -> Answer:
            if request.path.endswith("/forget"):
                raise WrongKey("the user of this key may not do this", found="403")
            answer: Answer = call(request)
            return answer

        client.http.call = no  # type: ignore[attr-defined]
        result = unload(there.again(client))
        assert "somebody had deleted it" not in str(result.frame.to_dict("records"))
        assert ("delete", "p:contacts:1", "rejected") not in there.states()


def test_an_id_that_is_doubted_while_its_own_thread_closes_it_is_nobodys(
    store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Swapping(Toy):
        def write(self, object_: str, drafts: Sequence[Draft], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
            super().write(object_, drafts, taken=taken)
            return [Outcome(draft.key, "done", "2") for draft in drafts]  # both are told of record 2

    toy, over = Swapping(), threading.Event()
    mine = guard(store, toy)
    close, closing = mine._operations.close, threading.Event()

    def slow(closings: Sequence[Closing]) -> None:
        if threading.current_thread().name == "one" and any(each.state == "done" for each in closings):
            closing.set()
            over.wait(60)
        close(closings)

    monkeypatch.setattr(mine._operations, "close", slow)
    one = threading.Thread(target=lambda: mine.write("deal", [Draft("p:d:1", {"name": "a"})]), name="one")
    one.start()
    assert closing.wait(60)
    mine.write("deal", [Draft("p:d:2", {"name": "b"})])
    over.set()
    one.join()
    mine.settle("deal")
    assert mine.ledger.ids("deal") == {record.key: number for number, record in toy.records.items()}


@pytest.mark.parametrize("where", ["_lead", "_gather"])
def test_an_interrupt_before_the_commit_leaves_no_pen_behind(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    scribe = Scribe[int, int](lambda sheets: [2 * sheet for sheet in sheets], rows=lambda sheet: 1)

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scribe, where, cut)
        with pytest.raises(KeyboardInterrupt):
            scribe.write(1)
    told: list[int] = []
    other = threading.Thread(target=lambda: told.append(scribe.write(2)), daemon=True)
    other.start()
    other.join(60)
    assert told == [4]
