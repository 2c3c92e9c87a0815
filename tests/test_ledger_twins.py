"""A second record of a key: ours where a request of ours made it, else a person's, which nobody takes away."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine
from toy import Toy

from workbench.destinations import Account, Draft, Outcome, Record, Secret, connect
from workbench.errors import Fenced
from workbench.ledger import Guard, Ledger
from workbench.ledger.loading import load
from workbench.ledger.unloading import unload
from workbench.rehearsal import running
from workbench.specs import load_destination

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TOKEN = "k" * 40


class Dated(Toy):
    """A toy that says when and by whom a record was made: `at` seconds after the beginning, by user 1."""

    def __init__(self, *, fate: Callable[[Draft], str] = lambda draft: "", rows: int = 1) -> None:
        super().__init__(fate=fate, rows=rows)
        self.at = 0.0
        self.seen = count()

    def write(self, object_: str, drafts: Sequence[Draft], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
        outcomes = super().write(object_, drafts, taken=taken)
        for number, record in self.records.items():
            if not record.made_at:
                self.records[number] = replace(record, made_at=self.moment(self.at), made_by="1")
        return outcomes

    def moment(self, seconds: float) -> str:
        return (BEGIN + timedelta(seconds=seconds)).isoformat()

    def copy(self, number: str, *, after: float, by: str = "1") -> str:
        """What the vendor's own function to copy a record does, so many seconds after it was made; the copy's id."""
        own = str(100 + next(self.seen))
        made = datetime.fromisoformat(self.records[number].made_at) + timedelta(seconds=after)
        self.records[own] = replace(self.records[number], id=own, made_at=made.isoformat(), made_by=by)
        return own


def guard(store: Engine, toy: Toy, engagement: str = "e") -> Guard:
    return Ledger(store, engagement_id=engagement).guard(toy, settle_seconds=0.0)


def deals(*numbers: int) -> list[Draft]:
    return [Draft(f"p:d:{number}", {"name": f"n{number}"}) for number in numbers]


def verdicts(there: Guard) -> list[tuple[str, str]]:
    frame = there.certify("deal").frame
    return list(zip(frame["verdict"], frame["id"], strict=True))


@pytest.mark.parametrize("vendor", ["freshsales", "pipedrive"])
def test_a_persons_copy_of_our_record_is_listed_and_neither_certificate_nor_rollback_takes_it(
    vendor: str, store: Engine, tmp_path: Path
) -> None:
    state = tmp_path / "tenant.db"
    switches = {"field_create_unique": "ignore"} if vendor == "freshsales" else {}
    with running(vendor, state=state, token=TOKEN, time_scale=1000, switches=switches) as rehearsal:
        edition, plan = ("suite", "enterprise") if vendor == "freshsales" else ("", "growth")
        account = Account(rehearsal.url, Secret(TOKEN), edition, plan, {}, time_scale=1000)
        people = connect(load_destination(vendor), account)
        for field in people.extra_fields(["deal"]):
            people.create_field(field)
        value = {"name": "Roof", "amount": 5} if vendor == "freshsales" else {"title": "Roof", "value": 5}
        own = guard(store, connect(load_destination(vendor), account))  # type: ignore[arg-type]
        ours = own.write("deal", [Draft("p:deals:1", value)])[0].id
        copy = people.write("deal", [Draft("p:deals:1", value)])[0].id
        with closing(sqlite3.connect(state)) as tenant, tenant:
            tenant.execute("UPDATE record SET created = created + 3600 WHERE kind = 'deals' AND id = ?", (int(copy),))
        certificate = guard(store, connect(load_destination(vendor), account)).certify("deal")  # type: ignore[arg-type]
        assert [(row.verdict, row.id) for row in certificate.frame.itertuples()] == [("twin", copy)]
        assert "a second record bears our key; a person's?" in certificate.frame["words"][0] and not certificate.holds
        unload(guard(store, connect(load_destination(vendor), account)))  # type: ignore[arg-type]
        assert {record.id for record in people.read("deal", [ours, copy])} == {copy}


def test_what_one_request_has_made_twice_in_a_moment_goes(store: Engine) -> None:
    toy = Dated()
    guard(store, toy).write("deal", deals(1))
    twin = toy.copy("1", after=1)
    assert verdicts(guard(store, toy)) == [("repaired", twin)]
    assert set(toy.records) == {"1"}


def test_a_copy_stays_where_each_request_was_answered_and_where_another_user_made_it(store: Engine) -> None:
    toy = Dated()
    guard(store, toy).write("deal", deals(1, 2))
    later, another = toy.copy("1", after=40), toy.copy("2", after=1, by="9")
    assert verdicts(guard(store, toy)) == [("twin", later), ("twin", another)]
    assert {later, another} < set(toy.records)
    assert not guard(store, toy).ledger.operations.of_ids("deal", [later, another])  # and a rollback knows nothing of them


def test_what_an_attempt_without_an_answer_may_have_made_goes_and_what_comes_too_late_for_it_stays(store: Engine) -> None:
    toy = Dated(fate=lambda draft: "call" if not any(draft.key in call for call in toy.calls[:-1]) else "")
    there = guard(store, toy)
    for number in (1, 2):
        assert [there.write("deal", deals(number))[0].state for _ in range(2)] == ["unknown", "done"]
    arrived, copied = toy.copy("1", after=300), toy.copy("2", after=4000)
    assert verdicts(guard(store, toy)) == [("twin", copied), ("repaired", arrived)]


def test_a_record_is_never_replaced_by_the_copy_that_a_person_left_of_it(store: Engine) -> None:
    toy = Dated()
    guard(store, toy).write("deal", deals(1))
    copy = toy.copy("1", after=3600)
    del toy.records["1"]
    assert verdicts(guard(store, toy)) == [("missing", "1"), ("twin", copy)]
    unload(guard(store, toy))
    assert set(toy.records) == {copy}


def test_a_rollback_that_has_to_look_for_its_records_leaves_a_persons_copies(store: Engine) -> None:
    class Silent(Dated):  # as a batch whose report names no ids
        def write(self, object_: str, drafts: Sequence[Draft], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
            return [replace(outcome, id="") for outcome in super().write(object_, drafts, taken=taken)]

    toy = Silent()
    guard(store, toy).write("deal", deals(1))
    copy = toy.copy("1", after=3600)
    unload(guard(store, toy))
    assert set(toy.records) == {copy}


def test_a_record_because_of_which_ours_was_refused_is_not_taken_for_ours(store: Engine) -> None:
    toy = Dated(fate=lambda draft: "no")
    toy.records["7"] = Record("7", "p:d:2", {"name": "n2"}, made_at=toy.moment(0), made_by="1")  # another engagement's
    there = guard(store, toy)
    there.write("deal", deals(1))
    assert there.write("deal", deals(2))[0].state == "rejected"
    assert verdicts(guard(store, toy)) == [("stranger", "7")]
    unload(guard(store, toy))
    assert set(toy.records) == {"7"}


def test_two_engagements_that_load_one_account_in_the_same_moment_take_nothing_of_each_other_away(store: Engine) -> None:
    toy = Dated()
    frame = pd.DataFrame({"key": [f"p:d:{number}" for number in range(30)], "name": [f"n{number}" for number in range(30)]})
    both = [guard(store, toy, name) for name in ("one", "other")]
    for each in both:
        each._mark("deal", [])  # both have looked before either has made anything
    for each in both:
        load(frame, each, "deal")
    certificates = [guard(store, toy, name).certify("deal") for name in ("one", "other")]
    assert [certificate.count("twin") for certificate in certificates] == [30, 30] and len(toy.records) == 60
    assert not any(certificate.holds for certificate in certificates)
    unload(guard(store, toy, "other"))
    assert {record.id for record in toy.records.values()} == set(guard(store, toy, "one").ledger.ids("deal").values())


def test_an_engagement_that_begins_while_another_one_loads_the_account_sends_nothing(store: Engine) -> None:
    toy = Dated()
    first, second = guard(store, toy, "one"), guard(store, toy, "other")
    first.write("deal", deals(1))
    with pytest.raises(Fenced, match="the same export"):
        second.write("deal", deals(1))
    assert first.write("deal", deals(2))[0].state == "done" and len(toy.records) == 2
    assert second.ledger.frame().empty
