"""The last sweep: ledger and account one to one, what differs told, and one writer at a time."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ledger_desk import SETTLE, Desk, deal, desk, people

from workbench.destinations import Draft
from workbench.errors import EngagementLocked, Fenced
from workbench.ledger import Ledger
from workbench.ledger.writers import Writer
from workbench.store import open_store


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path, switches={"field_create_unique": "ignore"}) as made:
        yield made


def verdicts(there: Desk, object_: str = "deal") -> list[tuple[str, str, str]]:
    frame = there.again().certify(object_).frame
    return list(zip(frame["verdict"], frame["key"], frame["id"], strict=True))


def test_a_clean_load_is_certified_by_one_sweep_that_also_fills_in_the_ids(there: Desk) -> None:
    guard = there.again()
    guard.write("contact", people(*range(30)))
    since = there.now()
    certificate = guard.certify("contact")
    assert len(there.rehearsal.log(since)) <= 2 and there.writes(since) == []
    assert certificate.holds and (certificate.matched, certificate.records) == (30, 30) and certificate.frame.empty
    ids = there.ledger.ids("contact")
    assert ids == {record.key: record.id for record in guard.sweep("contact")}
    since = there.now()
    assert guard.resolve_ids("contact") == ids and guard.certify("contact") is certificate
    assert there.now() == since
    assert all(row.post for row in there.ledger.operations.where(True))


def test_the_digest_is_that_of_the_map_from_key_to_id(there: Desk) -> None:
    guard = there.again()
    guard.write("deal", [deal(1)])
    guard.write("deal", [deal(2)])
    pairs = (f"{key}\t{number}" for key, number in there.ledger.ids("deal").items())
    lines = sorted(hashlib.sha256(pair.encode()).digest() for pair in pairs)
    assert guard.certify("deal").digest == hashlib.sha256(b"".join(lines)).hexdigest()
    assert there.again().certify("deal").digest == guard.certify("deal").digest


def test_what_somebody_has_taken_away_is_missing(there: Desk) -> None:
    guard = there.again()
    numbers = [guard.write("deal", [deal(number)])[0].id for number in (1, 2)]
    there.client().delete("deal", [numbers[0]])
    assert verdicts(there) == [("missing", "p:deals:1", numbers[0])]
    assert not there.again().certify("deal").holds


def test_what_a_job_said_was_made_and_nobody_sees_is_missing_and_sent_again(there: Desk) -> None:
    guard = there.again()
    guard.write("contact", people(1, 2))
    gone = next(record.id for record in there.client().sweep("contact") if record.key == "p:contacts:2")
    there.client().delete("contact", [gone])
    certificate = guard.certify("contact")
    assert list(certificate.frame["verdict"]) == ["missing"] and certificate.matched == 1
    assert guard.write("contact", people(2))[0].state == "done"
    assert guard.certify("contact").holds


def test_a_record_with_a_key_like_ours_that_the_ledger_does_not_know_is_told_and_left_alone(there: Desk) -> None:
    guard = there.again()
    guard.write("deal", [deal(1)])
    theirs = Draft("other:9", {"name": "Theirs", "amount": 1})
    strange = there.client().write("deal", [Draft("p:deals:77", {"name": "Whose?", "amount": 1}), theirs])
    since = there.now()
    assert verdicts(there) == [("stranger", "p:deals:77", strange[0].id)]  # another system's keys are none of ours
    assert there.writes(since) == []


def test_a_record_whose_key_was_taken_off_is_told(there: Desk) -> None:
    guard = there.again()
    number = guard.write("deal", [deal(1)])[0].id
    there.client().write("deal", [Draft("", {"migration_key__c": ""}, number)])
    assert verdicts(there) == [("unmarked", "p:deals:1", number)]
    assert there.again().certify("deal").holds


def test_a_record_that_was_taken_over_counts_though_it_is_older_than_the_watermark(there: Desk) -> None:
    older = there.client().write("deal", [Draft("x", {"name": "Old", "amount": 1})])[0].id
    there.client().write("deal", [Draft("", {"migration_key__c": ""}, older)])
    guard = there.again()
    guard.write("deal", [deal(1)])
    guard.write("deal", [Draft("p:deals:9", {"amount": 5, "migration_key__c": "p:deals:9"}, older)])
    certificate = guard.certify("deal")
    assert certificate.holds and certificate.matched == 2


def test_what_was_thought_not_to_be_made_and_is_there_is_adopted(there: Desk) -> None:
    guard = there.again()
    guard.write("deal", [deal(1)])
    row = there.ledger.operations.of_keys("deal", ["p:deals:1"])["p:deals:1"][0]
    there.ledger.mark_reversed(row.op, "rejected", "looked: it was not made")
    assert verdicts(there) == [("adopted", "p:deals:1", row.id)]
    assert there.ledger.ids("deal") == {"p:deals:1": row.id}


def test_a_twin_among_records_that_a_job_made_leaves_the_oldest(there: Desk) -> None:
    guard = there.again()
    guard.write("deal", [deal(1)])
    row = there.ledger.operations.of_keys("deal", ["p:deals:1"])["p:deals:1"][0]
    twin = there.client().write("deal", [deal(1)])[0].id
    assert verdicts(there) == [("repaired", "p:deals:1", twin)]
    assert [record.id for record in there.client().sweep("deal")] == [row.id]
    assert verdicts(there) == []


def test_the_certificate_shows_itself_safely(there: Desk) -> None:
    guard = there.again()
    guard.write("deal", [Draft("p:deals:<b>", {"name": "A", "amount": 1})])
    there.client().delete("deal", [there.ledger.ids("deal")["p:deals:<b>"]])
    html = guard.certify("deal")._repr_html_()
    assert "not one to one" in html and "<b>" not in html and "&lt;b&gt;" in html and guard.certify("deal").digest in html


def test_failures_name_what_is_not_there_and_why(there: Desk) -> None:
    guard = there.again()
    guard.write("contact", [Draft("p:contacts:0", {"last_name": "A", "emails": "no address"}), *people(1)])
    guard.write("contact", [Draft("p:contacts:2", {"last_name": "A", "emails": "none"})])
    guard.write("contact", people(2))
    assert list(there.ledger.failures("contact")) == ["p:contacts:0"]
    assert "valid" in there.ledger.failures("contact")["p:contacts:0"]


# ---------------------------------------------------------------- looks begin at the watermark


def test_the_newest_record_is_noted_once_before_the_first_is_made(there: Desk) -> None:
    there.client().write("deal", [Draft("x", {"name": "Before", "amount": 1})])
    mark = there.client().newest("deal")
    guard = there.again()
    assert there.ledger.watermark("deal") is None
    guard.screen("deal", [deal(1)])
    assert there.ledger.watermark("deal") is None
    guard.write("deal", [deal(1)])
    assert there.ledger.watermark("deal") == mark
    there.again().write("deal", [deal(2)])
    assert there.ledger.watermark("deal") == mark


def test_a_ledger_of_before_watermarks_looks_at_everything(there: Desk) -> None:
    guard = there.again()
    guard.write("deal", [deal(1)])
    there.ledger.book("watermark deal").keep("")
    guard = there.again()
    guard.write("deal", [deal(2)])
    assert there.ledger.watermark("deal") == "" and guard.certify("deal").matched == 2


# ---------------------------------------------------------------- chunks


def test_a_screened_draft_is_sent_without_asking_the_ledger_again_and_only_once(there: Desk) -> None:
    guard = there.again()
    drafts = people(*range(20))
    assert guard.screen("contact", drafts) == ({}, drafts)
    assert {outcome.state for outcome in guard.write("contact", drafts)} == {"done"}
    since = there.now()
    assert {outcome.state for outcome in guard.write("contact", drafts)} == {"done"}
    known, rest = guard.screen("contact", [*drafts, *people(50)])
    assert len(known) == 20 and rest == people(50) and there.writes(since) == []


def test_a_draft_that_was_screened_before_another_thread_sent_its_key_is_not_sent(there: Desk) -> None:
    guard = there.again()
    first, second = deal(1), deal(1)
    guard.screen("deal", [first])
    assert guard.write("deal", [second])[0].state == "done"
    since = there.now()
    assert guard.write("deal", [first])[0].words == "done before" and there.writes(since) == []


def test_a_key_that_stands_twice_in_one_call_is_sent_once(there: Desk) -> None:
    outcomes = there.again().write("contact", [*people(1, 2), replace(people(1)[0], values={"last_name": "Other"})])
    assert [outcome.state for outcome in outcomes] == ["done", "done", "rejected"]
    assert len(list(there.client().sweep("contact"))) == 2


def test_several_records_are_taken_away_in_one_call_with_a_fate_each(there: Desk) -> None:
    guard = there.again()
    ids = [guard.write("deal", [deal(number)])[0].id for number in (1, 2)]
    copies = {record.id: record for record in guard.read("deal", ids)}
    assert [outcome.state for outcome in guard.take_away_many("deal", copies, words="why")] == ["done", "done"]
    rows = there.ledger.operations.where(True)[-2:]
    assert [(row.verb, row.state, row.words, row.pre == dict(copies[row.id].values)) for row in rows] == [
        ("delete", "done", "why", True)
    ] * 2


# ---------------------------------------------------------------- one writer


def test_a_second_writer_is_refused_and_one_that_was_passed_by_sends_nothing(there: Desk) -> None:
    mine = Ledger(there.store, engagement_id="e1", writer=Writer(there.store, engagement_id="e1", lease_seconds=6.0))
    guard = mine.guard(there.client(), settle_seconds=SETTLE)
    with mine.claim():
        guard.write("deal", [deal(1)])
        with pytest.raises(EngagementLocked), Ledger(there.store, engagement_id="e1").claim():
            pass
        with Writer(there.store, engagement_id="e1", lease_seconds=0.1).claim():
            pass  # the first one gave no sign of life for so long: it was stopped, or its machine slept
        since = there.now()
        with pytest.raises(Fenced):
            guard.write("deal", [deal(2)])
        assert there.writes(since) == []


def test_a_copy_of_the_ledger_that_was_left_behind_makes_nothing_twice(there: Desk, tmp_path: Path) -> None:
    there.again().write("deal", [deal(1)])
    there.store.dispose()
    for path in tmp_path.glob("workbench.db*"):
        shutil.copy(path, tmp_path / path.name.replace("workbench", "copied"))
    there.again().write("deal", [deal(2)])  # this machine goes on
    store = open_store(tmp_path / "copied.db")
    behind = Ledger(store, engagement_id="e1").guard(there.client(), settle_seconds=SETTLE)
    since = there.now()
    with pytest.raises(Fenced, match="another copy of this ledger") as told:
        behind.write("deal", [deal(2)])
    assert "p:deals:2" in str(told.value) and there.writes(since) == []
    assert json.dumps(behind.ledger.frame()["state"].tolist()) == '["done"]'
    store.dispose()
