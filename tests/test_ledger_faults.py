"""Rows of the fault matrix against the stand-in of Freshsales: each record is there once, and nothing was sent blindly."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from ledger_desk import SETTLE, Breaking, Desk, deal, desk, people

from workbench.destinations import Destination, Draft, Outcome
from workbench.ledger import Certificate, Guard

SHARED = {"field_create_unique": "ignore"}
"""An account that lets two records have one key, so that nothing but the ledger keeps us from making two."""


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path, switches=SHARED) as made:
        yield made


def whole(there: Desk, object_: str, drafts: Sequence[Draft], guard: Guard | None = None) -> Certificate:
    """The certificate, after a look of our own that ledger and account are one to one."""
    certificate = (guard or there.again()).certify(object_)
    records = [record for record in there.client().sweep(object_) if record.key]
    assert sorted(record.key for record in records) == sorted(draft.key for draft in drafts)
    assert {record.key: record.id for record in records} == there.ledger.ids(object_)
    assert certificate.holds, certificate.frame
    assert certificate.matched == len(drafts)
    assert there.ledger.operations.unsettled() == []
    return certificate


def posts(there: Desk, since: int, path: str = "/deals") -> int:
    return sum(line.startswith("POST") and path in line for line in there.writes(since))


def tries(there: Desk, key: str) -> list[tuple[str, str]]:
    frame = there.ledger.frame()
    mine = frame[frame["key"] == key]
    return list(zip(mine["verb"], mine["state"], strict=True))


def test_f1_a_reset_before_the_commit_is_looked_for_and_sent_once_more(there: Desk) -> None:
    guard = there.again()
    guard.inner.metadata()
    there.rehearsal.order_fault("drop_before", path="/deals")
    since = there.now()
    assert guard.write("deal", [deal()])[0].state == "unknown"
    assert guard.write("deal", [deal()])[0].state == "done"
    assert posts(there, since) == 2 and tries(there, "p:deals:1") == [("create", "rejected"), ("create", "done")]
    whole(there, "deal", [deal()])


def test_f1_what_is_absent_is_looked_for_twice_before_it_is_sent_again(there: Desk) -> None:
    looks: list[float] = []

    class Counting(Guard):
        def look(self, object_: str, keys: object) -> dict[str, list[object]]:  # type: ignore[override]
            looks.append(time.monotonic())
            return super().look(object_, keys)  # type: ignore[arg-type, return-value]

    guard = Counting(there.client(), there.ledger, settle_seconds=1.0)
    guard.inner.metadata()
    there.rehearsal.order_fault("drop_before", path="/deals")
    guard.write("deal", [deal()])
    looks.clear()  # the one before the first record of a ledger
    lost = time.monotonic()
    guard.write("deal", [deal()])
    assert len(looks) == 2 and looks[0] - lost > 0.9 and looks[1] - looks[0] >= min(guard.lag, 0.1)


def test_f2_a_reset_after_the_commit_is_found_and_not_sent_again(there: Desk) -> None:
    guard = there.again()
    guard.inner.metadata()
    there.rehearsal.order_fault("drop_after", path="/deals")
    assert guard.write("deal", [deal()])[0].state == "unknown"
    since = there.now()
    assert guard.write("deal", [deal()])[0].state == "done"
    assert there.writes(since) == [] and tries(there, "p:deals:1") == [("create", "done")]
    whole(there, "deal", [deal()])


def test_f3_a_late_commit_within_the_wait_is_found(tmp_path: Path) -> None:
    with desk(tmp_path, switches=SHARED, settings={"timeout_seconds": 0.3}) as there:
        guard = there.ledger.guard(there.client(), settle_seconds=4.0)
        guard.inner.metadata()
        there.rehearsal.order_fault("late", path="/deals", seconds=1.0)
        assert guard.write("deal", [deal()])[0].state == "unknown"
        since = there.now()
        assert guard.write("deal", [deal()])[0].state == "done"
        assert posts(there, since) <= 1  # the first one is logged only now
        assert tries(there, "p:deals:1") == [("create", "done")]
        whole(there, "deal", [deal()])


def test_f4_a_commit_beyond_the_wait_makes_a_second_record_which_the_last_sweep_takes_away(tmp_path: Path) -> None:
    with desk(tmp_path, switches=SHARED, settings={"timeout_seconds": 0.3}) as there:
        guard = there.again()
        guard.inner.metadata()
        there.rehearsal.order_fault("late", path="/deals", seconds=5.0)
        assert guard.write("deal", [deal()])[0].state == "unknown"
        kept = guard.write("deal", [deal()])[0]
        assert kept.state == "done"
        time.sleep(5.5)
        assert len(list(there.client().sweep("deal"))) == 2
        certificate = whole(there, "deal", [deal()], guard)
        assert certificate.count("repaired") == 1 and there.ledger.ids("deal") == {"p:deals:1": kept.id}
        frame = there.ledger.frame()
        assert list(frame[frame["verb"] == "delete"]["words"].str.startswith("repair")) == [True]
        assert list(frame[frame["state"] == "reversed"]["verb"]) == ["create"]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("when", ["before", "after"])
def test_f8_an_error_of_the_server_is_settled_by_looking(there: Desk, status: int, when: str) -> None:
    guard = there.again()
    guard.inner.metadata()
    there.rehearsal.order_fault(f"{status}_{when}", path="bulk_upsert")
    there.rehearsal.order_fault(f"{status}_{when}", path="/deals")
    since = there.now()
    for object_, drafts in (("contact", people(1, 2, 3)), ("deal", [deal()])):
        assert {outcome.state for outcome in guard.write(object_, drafts)} == {"unknown"}
        assert {outcome.state for outcome in guard.write(object_, drafts)} == {"done"}
    assert posts(there, since) == (1 if when == "after" else 2)
    whole(there, "contact", people(1, 2, 3))
    whole(there, "deal", [deal()])


@pytest.mark.parametrize("kind", ["truncated", "cut_length", "cut_chunked", "gzip_bomb", "html_200", "invalid_json", "no_id"])
def test_f9_a_damaged_answer_is_no_answer(there: Desk, kind: str) -> None:
    guard = there.again()
    guard.inner.metadata()
    there.rehearsal.order_fault(kind, path="bulk_upsert")
    there.rehearsal.order_fault(kind, path="/deals")
    since = there.now()
    for object_, drafts in (("contact", people(1, 2)), ("deal", [deal()])):
        assert {outcome.state for outcome in guard.write(object_, drafts)} == {"unknown"}
        assert {outcome.state for outcome in guard.write(object_, drafts)} == {"done"}
    assert len(there.writes(since)) == 2
    whole(there, "contact", people(1, 2))
    whole(there, "deal", [deal()])


def test_f10_a_request_that_a_proxy_repeats_leaves_one_record(there: Desk) -> None:
    guard = there.again()
    guard.inner.metadata()
    there.rehearsal.order_fault("replay", path="/deals", count=3)
    drafts = [deal(number) for number in range(5)]
    ids = {}
    for draft in drafts:
        ids[draft.key] = guard.write("deal", [draft])[0].id
    assert len(list(there.client().sweep("deal"))) == 8
    certificate = whole(there, "deal", drafts, guard)
    assert certificate.count("repaired") == 3 and there.ledger.ids("deal") == ids  # others may hang on what the ledger has
    since = there.now()
    assert guard.certify("deal").count("repaired") == 3 and there.now() == since  # nothing was sent since: nothing is asked
    assert whole(there, "deal", drafts).count("repaired") == 0


def test_f10_a_copy_that_somebody_has_worked_on_stays_and_is_told(there: Desk) -> None:
    guard = there.again()
    guard.inner.metadata()
    there.rehearsal.order_fault("replay", path="/deals", count=2)
    ids = {draft.key: guard.write("deal", [draft])[0].id for draft in (deal(1), deal(2))}
    twins = {record.key: record.id for record in there.client().sweep("deal") if record.id not in ids.values()}
    there.client().write("deal", [Draft("", {"amount": 99}, twins["p:deals:1"])])
    certificate = guard.certify("deal")
    assert not certificate.holds
    assert [(row.verdict, row.id) for row in certificate.frame.itertuples()] == [
        ("twin", twins["p:deals:1"]),
        ("repaired", twins["p:deals:2"]),
    ]
    assert "amount" in certificate.frame["words"][0]
    assert there.ledger.ids("deal") == ids
    assert {record.id for record in there.client().sweep("deal")} == {*ids.values(), twins["p:deals:1"]}
    assert [row.verdict for row in there.again().certify("deal").frame.itertuples()] == ["twin"]
    assert tries(there, "p:deals:1") == [("create", "done"), ("create", "done")]  # a rollback knows of it, once


def test_f11_an_answer_that_belongs_to_another_request_is_none(there: Desk) -> None:
    guard = there.again()
    guard.inner.metadata()
    guard.write("deal", [deal(1)])
    there.rehearsal.order_fault("swapped", path="/deals")
    assert guard.write("deal", [deal(2)])[0].state == "unknown"
    assert guard.write("deal", [deal(2)])[0].state == "done"
    whole(there, "deal", [deal(1), deal(2)])


class Swapping(Breaking):
    """A client that believes any answer: the first record that is made is told to the second key, and the other way round."""

    def __init__(self, inner: Destination) -> None:
        super().__init__(inner, when="")
        self.told: list[str] = []

    def write(self, object_: str, drafts: Sequence[Draft], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
        outcomes = self._inner.write(object_, drafts, taken=taken)
        self.told += [outcome.id for outcome in outcomes]
        return [replace(outcome, id=self.told[0]) for outcome in outcomes]


def test_f11_two_keys_never_hold_one_record_and_both_are_looked_for(there: Desk) -> None:
    guard = there.again(Swapping(there.client()))  # type: ignore[arg-type]
    assert guard.write("deal", [deal(1)])[0].state == "done"
    assert guard.write("deal", [deal(2)])[0].state == "unknown"
    assert [state for _, state in tries(there, "p:deals:1") + tries(there, "p:deals:2")] == ["unknown", "unknown"]
    guard.settle("deal")
    whole(there, "deal", [deal(1), deal(2)])


def test_f11_what_another_run_was_told_wrongly_is_mended_by_the_last_sweep(there: Desk) -> None:
    client = Swapping(there.client())
    assert there.again(client).write("deal", [deal(1)])[0].state == "done"  # type: ignore[arg-type]
    assert there.again(client).write("deal", [deal(2)])[0].state == "done"  # type: ignore[arg-type]
    certificate = whole(there, "deal", [deal(1), deal(2)])
    assert certificate.count("mended") == 1


@pytest.mark.parametrize("rows", [0.01, 0.5, 1.0])
def test_f12_rows_of_a_batch_are_judged_by_their_keys(there: Desk, rows: float) -> None:
    guard = there.again()
    guard.inner.metadata()
    there.rehearsal.order_fault("job_rows", path="bulk_upsert", rows=rows)
    outcomes = guard.write("contact", people(*range(100)))
    there_now = {record.key for record in there.client().sweep("contact")}
    assert {outcome.key for outcome in outcomes if outcome.state == "done"} == there_now
    assert sum(outcome.state == "rejected" for outcome in outcomes) == round(100 * rows)
    assert {outcome.state for outcome in guard.write("contact", people(*range(100)))} == {"done"}
    whole(there, "contact", people(*range(100)))


def test_f12_the_order_of_a_report_is_nothing(there: Desk) -> None:
    guard = there.again()
    guard.inner.metadata()
    bad = {"p:contacts:3", "p:contacts:17"}
    drafts = [Draft(d.key, {**d.values, "emails": "no address"}) if d.key in bad else d for d in people(*range(20))]
    there.rehearsal.order_fault("job_shuffled", path="bulk_upsert")
    outcomes = guard.write("contact", drafts)
    assert {outcome.key for outcome in outcomes if outcome.state == "rejected"} == bad
    assert {record.key for record in there.client().sweep("contact")} == {d.key for d in drafts} - bad


class Turned(Breaking):
    """A client whose outcomes come in another order than its drafts."""

    def write(self, object_: str, drafts: Sequence[Draft], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
        return list(reversed(self._inner.write(object_, drafts, taken=taken)))


def test_f12_the_ledger_takes_no_outcome_for_that_of_its_place(there: Desk) -> None:
    guard = there.again(Turned(there.client(), when=""))  # type: ignore[arg-type]
    drafts = [Draft("p:contacts:0", {"last_name": "N0", "emails": "no address"}), *people(1, 2)]
    assert [outcome.state for outcome in guard.write("contact", drafts)] == ["rejected", "done", "done"]
    assert there.states()[0] == ("create", "p:contacts:0", "rejected")


JOBS = {"job_timeout_seconds": 60.0}


def test_f13_a_job_that_ends_after_we_gave_up_is_asked_again_and_nothing_is_sent_twice(tmp_path: Path) -> None:
    with desk(tmp_path, switches=SHARED, settings=JOBS) as there:
        guard = there.again()
        guard.inner.metadata()
        there.rehearsal.order_fault("job_late", path="bulk_upsert", seconds=2.0)
        since = there.now()
        assert {outcome.state for outcome in guard.write("contact", people(1, 2))} == {"unknown"}
        jobs = {row.job for row in there.ledger.operations.unsettled()}
        assert len(jobs) == 1 and "" not in jobs
        time.sleep(2.2)
        guard = there.again()  # the next run
        assert {outcome.state for outcome in guard.write("contact", people(1, 2))} == {"done"}
        assert len(there.writes(since)) == 1
        whole(there, "contact", people(1, 2), guard)


def test_f13_the_job_is_durable_before_anybody_waits_for_it(tmp_path: Path) -> None:
    with desk(tmp_path, switches=SHARED, settings=JOBS) as there:
        seen: list[list[str]] = []

        def taken(job: str) -> None:
            seen.append([job, *(row.job for row in there.ledger.operations.unsettled())])

        there.again().write("contact", people(1), taken=taken)
        assert len(seen) == 1 and seen[0][0] and seen[0][0] == seen[0][1]


def test_f13_a_job_whose_status_is_lost_is_resolved_by_key(tmp_path: Path) -> None:
    with desk(tmp_path, switches=SHARED, settings=JOBS) as there:
        guard = there.again()
        guard.inner.metadata()
        there.rehearsal.order_fault("job_lost", path="bulk_upsert")
        since = there.now()
        assert {outcome.state for outcome in guard.write("contact", people(1, 2))} == {"unknown"}
        time.sleep(0.1)
        assert {outcome.state for outcome in guard.write("contact", people(1, 2))} == {"done"}
        assert len(there.writes(since)) == 1
        whole(there, "contact", people(1, 2), guard)


def test_f13_a_job_that_is_at_work_still_is_never_sent_again_beside_it(tmp_path: Path) -> None:
    with desk(tmp_path, switches=SHARED, settings=JOBS) as there:
        guard = there.again()
        guard.inner.metadata()
        there.rehearsal.order_fault("job_stuck", path="bulk_upsert")
        since = there.now()
        for run in (guard, guard, there.again()):
            assert {outcome.state for outcome in run.write("contact", people(1, 2))} == {"unknown"}
        assert tries(there, "p:contacts:1") == [("create", "unknown")]
        assert len(there.writes(since)) == 1


def firms(*numbers: int) -> list[Draft]:
    return [Draft(f"p:firms:{number}", {"name": f"Firm {number}"}) for number in numbers]


STUCK = {"job_timeout_seconds": 60.0, "job_patience_seconds": 600.0}  # the patience is a second here


def test_f13_a_job_that_ends_after_its_rows_were_sent_again_finds_the_records_there(tmp_path: Path) -> None:
    with desk(tmp_path, switches=SHARED, settings=STUCK) as there:
        there.again().inner.metadata()
        there.rehearsal.order_fault("job_late", path="bulk_upsert", seconds=10.0)
        since = there.now()
        assert {outcome.state for outcome in there.again().write("contact", people(1, 2))} == {"unknown"}
        time.sleep(2.2)  # moments are told in whole seconds
        assert {outcome.state for outcome in there.again().write("contact", people(1, 2))} == {"done"}
        assert len(there.writes(since)) == 2
        time.sleep(9.0)
        whole(there, "contact", people(1, 2))


def test_f13_rows_that_are_held_back_are_done_once_their_job_has_ended_and_sent_once_it_was_declared_over(
    tmp_path: Path,
) -> None:
    with desk(tmp_path, switches=SHARED, settings=STUCK) as there:
        there.again().inner.metadata()
        there.rehearsal.order_fault("job_late", path="bulk_upsert", seconds=10.0)
        since, late, never = there.now(), firms(1, 2), firms(3, 4)
        assert {outcome.state for outcome in there.again().write("sales_account", late)} == {"unknown"}
        there.rehearsal.order_fault("job_stuck", path="bulk_upsert")
        assert {outcome.state for outcome in there.again().write("sales_account", never)} == {"unknown"}
        time.sleep(2.2)
        for _ in range(2):
            outcomes = there.again().write("sales_account", [*late, *never])
            assert {outcome.state for outcome in outcomes} == {"rejected"}
            assert all("may make it yet" in outcome.words for outcome in outcomes)
        assert posts(there, since, "bulk_upsert") == 2
        time.sleep(8.0)
        assert [outcome.state for outcome in there.again().write("sales_account", [*late, *never])] == ["done"] * 2 + [
            "rejected"
        ] * 2
        assert posts(there, since, "bulk_upsert") == 2
        there.settings = {**STUCK, "stuck_jobs": "over"}
        assert {outcome.state for outcome in there.again().write("sales_account", [*late, *never])} == {"done"}
        assert posts(there, since, "bulk_upsert") == 3
        whole(there, "sales_account", [*late, *never])


@pytest.mark.parametrize("kind", ["close_idle", "close_race"])
def test_f14_a_connection_that_is_closed_under_us_makes_nothing_twice(there: Desk, kind: str) -> None:
    guard = there.again()
    guard.inner.metadata()
    drafts = [deal(number) for number in range(6)]
    there.rehearsal.order_fault(kind, path="/deals", count=3)
    for _ in range(3):
        states = {guard.write("deal", [draft])[0].state for draft in drafts}
    assert states == {"done"}
    whole(there, "deal", drafts)


def test_f22_a_list_that_lags_does_not_make_us_send_twice(tmp_path: Path) -> None:
    switches = {**SHARED, "list_lag_seconds": "50", "index_lag_seconds": "50"}
    with desk(tmp_path, switches=switches) as there:
        guard = there.again()
        guard.inner.metadata()
        assert guard.settle_seconds == SETTLE < guard.lag  # the wait is not shorter than a list may lag
        there.rehearsal.order_fault("drop_after", path="/deals", count=3)
        drafts = [deal(number) for number in range(3)]
        since = there.now()
        assert {guard.write("deal", [draft])[0].state for draft in drafts} == {"unknown"}
        assert {guard.write("deal", [draft])[0].state for draft in drafts} == {"done"}
        assert posts(there, since) == 3
        whole(there, "deal", drafts)


@pytest.mark.parametrize("days", [-1, 1])
def test_f20_a_clock_that_is_set_does_not_shorten_the_wait(there: Desk, days: int) -> None:
    guard = there.again()
    guard.inner.metadata()
    there.rehearsal.order_fault("drop_after", path="/deals")
    with time_machine.travel(datetime.now(UTC) + timedelta(days=days), tick=True):
        assert guard.write("deal", [deal()])[0].state == "unknown"
    later = there.ledger.guard(there.client(), settle_seconds=1.0)
    began = time.monotonic()
    assert later.settle() == 1
    assert 0.9 < time.monotonic() - began < 3600  # and not a day
    whole(there, "deal", [deal()])
