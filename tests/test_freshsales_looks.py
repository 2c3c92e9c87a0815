"""How the Freshsales client finds again what it sent: jobs by number, records by key, lists to a proven end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from workbench.destinations import Account, Draft, Outcome, Secret, connect
from workbench.destinations.freshsales import Freshsales
from workbench.destinations.freshsales.bulk import WHOLE, Report, Row, verdicts
from workbench.destinations.freshsales.pages import Pass
from workbench.errors import DestinationBusy, Refused
from workbench.rehearsal import Rehearsal, running
from workbench.specs import Scalar, load_destination, load_route

SPEC = load_destination("freshsales")
ROUTE = load_route("promio_to_freshsales")
TOKEN = "rehearsal-key"
SCALE = 1000.0


@contextmanager
def account(
    folder: Path, *, switches: Mapping[str, str] | None = None, settings: Mapping[str, Scalar] | None = None
) -> Iterator[tuple[Freshsales, Rehearsal]]:
    with running(
        "freshsales", state=folder / "tenant.db", token=TOKEN, time_scale=SCALE, switches={"limits": "off", **(switches or {})}
    ) as rehearsal:
        yield client(rehearsal, settings), rehearsal


def client(rehearsal: Rehearsal, settings: Mapping[str, Scalar] | None = None) -> Freshsales:
    there = Account(rehearsal.url, Secret(TOKEN), "suite", "enterprise", {"minute_allowance": 10**6, **(settings or {})}, SCALE)
    made = connect(SPEC, there, declared=ROUTE.custom_fields)
    assert isinstance(made, Freshsales)
    return made


def people(*numbers: int) -> list[Draft]:
    return [Draft(f"p:contacts:{n:04}", {"last_name": f"N{n}", "emails": f"n{n}@looks.example"}) for n in numbers]


def fill(crm: Freshsales, count: int) -> None:
    for start in range(0, count, 100):
        outcomes = crm.write("contact", people(*range(start, min(start + 100, count))))
        assert {outcome.state for outcome in outcomes} == {"done"}


def calls(rehearsal: Rehearsal, path: str = "") -> int:
    log = rehearsal.log()
    return int(log["path"].str.contains(path, regex=False).sum())


# ---------------------------------------------------------------- jobs


def test_a_job_is_told_by_its_number_before_anybody_looks_at_it(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, rehearsal):
        told: list[tuple[str, int]] = []
        crm.write("contact", people(1, 2), taken=lambda job: told.append((job, calls(rehearsal, "job_statuses"))))
        assert told == [(told[0][0], 0)]
        assert calls(rehearsal, f"job_statuses/{told[0][0]}") >= 1


def test_a_run_that_was_killed_leaves_a_job_that_the_next_run_collects(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, rehearsal):
        told: list[str] = []

        def stop(job: str) -> None:
            told.append(job)
            raise KeyboardInterrupt

        drafts = [*people(1, 2), Draft("p:contacts:0003", {"last_name": "N", "emails": "n1@looks.example"})]
        with pytest.raises(KeyboardInterrupt):
            crm.write("contact", drafts, taken=stop)
        outcomes = client(rehearsal).collect("contact", told[0], drafts)
        assert [outcome.state for outcome in outcomes] == ["done", "done", "rejected"]
        assert "Email is not unique" in outcomes[2].words


@pytest.mark.parametrize("fault", ["job_lost", "job_stuck"])
def test_a_job_that_does_not_tell_leaves_its_rows_unknown(tmp_path: Path, fault: str) -> None:
    with account(tmp_path, settings={"job_timeout_seconds": 30}) as (crm, rehearsal):
        rehearsal.order_fault(fault, path="bulk_upsert")
        told: list[str] = []
        assert {outcome.state for outcome in crm.write("contact", people(1, 2), taken=told.append)} == {"unknown"}
        again = client(rehearsal, {"job_timeout_seconds": 30}).collect("contact", told[0], people(1, 2))
        assert {outcome.state for outcome in again} == {"unknown"}
        assert [outcome.key for outcome in again] == [draft.key for draft in people(1, 2)]


def test_a_job_that_was_never_ours_says_nothing_of_our_rows(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, _):
        assert {outcome.state for outcome in crm.collect("contact", "404404", people(1))} == {"unknown"}


def test_the_answer_to_another_batch_is_not_taken_for_ours(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, rehearsal):
        crm.write("contact", people(1, 2))
        rehearsal.order_fault("swapped", path="bulk_upsert")
        outcomes = crm.write("contact", people(3, 4))
        assert {outcome.state for outcome in outcomes} == {"unknown"}
        assert "another batch" in outcomes[0].words


def test_a_batch_that_is_refused_whole_can_be_told_from_rows_that_are_refused(tmp_path: Path) -> None:
    with account(tmp_path, switches={"bulk_max": "2"}) as (crm, _):
        outcomes = crm.write("contact", people(1, 2, 3))
        assert {outcome.state for outcome in outcomes} == {"rejected"}
        assert len({outcome.words for outcome in outcomes}) == 1 and outcomes[0].words.startswith(WHOLE)
        twice = crm.write("contact", [people(1)[0], Draft("p:contacts:x", {"last_name": "X", "emails": "n1@looks.example"})])
        assert [outcome.state for outcome in twice] == ["done", "rejected"] and not twice[1].words.startswith(WHOLE)


def test_ids_that_a_job_tells_are_taken_by_the_identifier_that_was_sent() -> None:
    rows = [Row(f"k{n}", ("external_id", f"k{n}"), {"last_name": "Same", "external_id": f"k{n}"}) for n in range(4)]
    made = (
        {"id": 11, "external_id": "K0"},
        {"id": 12, "last_name": "Same"},
        {"id": 13, "external_id": "k2"},
        {"id": 14, "external_id": "k2"},
    )
    told = verdicts(rows, Report(4, 0, (), True, made=made))
    assert told == [Outcome("k0", "done", "11"), Outcome("k1", "done"), Outcome("k2", "done"), Outcome("k3", "done")]


def test_jobs_are_looked_at_about_once_when_it_is_known_how_long_they_take(tmp_path: Path) -> None:
    with account(tmp_path, switches={"job_seconds": "60"}) as (crm, rehearsal):
        fill(crm, 300)
        before = calls(rehearsal, "job_statuses")
        fill(crm, 2000)
        assert calls(rehearsal, "job_statuses") - before <= 30, rehearsal.log().tail(60)  # of 20 jobs


# ---------------------------------------------------------------- single answers


def test_a_single_answer_that_is_another_records_is_unknown(tmp_path: Path) -> None:
    with account(tmp_path, settings={"bulk_contact_key": "single"}) as (crm, rehearsal):
        assert crm.write("contact", people(1))[0].state == "done"
        rehearsal.order_fault("swapped", path="contacts/upsert")
        outcome = crm.write("contact", people(2))[0]
        assert (outcome.state, outcome.id) == ("unknown", "") and "another request" in outcome.words
        first, second = crm.bearing("contact", ["p:contacts:0001", "p:contacts:0002"])
        rehearsal.order_fault("swapped", path="contacts/")
        changed = crm.write("contact", [Draft(second.key, {"city": "Ohio"}, second.id)])[0]
        assert changed.state in ("done", "unknown") and changed.id in ("", second.id) and first.id != changed.id


# ---------------------------------------------------------------- lists


@pytest.mark.parametrize("asked", [7, 100, 500])
def test_a_sweep_is_whole_however_many_rows_a_page_brings(tmp_path: Path, asked: int) -> None:
    with account(tmp_path, settings={"page_rows": asked}) as (crm, _):
        fill(crm, 210)
        assert len({record.key for record in crm.sweep("contact")}) == 210
        assert len(crm.find("contact", "last_name", [f"N{n}" for n in range(90)])) == 90


def test_a_record_deleted_while_a_list_is_read_hides_no_other(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, _):
        fill(crm, 250)
        sweep = crm.sweep("contact")
        first = next(sweep)
        assert crm.delete("contact", [first.id])[0].state == "done"
        assert len({record.key for record in sweep}) == 249


def test_a_list_counts_as_whole_only_where_its_rows_say_so() -> None:
    row = [{"id": n} for n in range(3)]
    short, shrunk, untold = Pass(), Pass(), Pass()
    short.take(row, 5)
    assert not short.ended(row, 100) and not short.whole
    shrunk.take(row, 5)
    shrunk.take([{"id": 9}], 4)
    assert not shrunk.whole
    untold.take(row, -1)
    assert not untold.ended(row, 100) and untold.ended([], 100) and untold.whole


def test_a_list_that_never_comes_whole_is_said_to_be_busy_and_not_taken_for_the_end(tmp_path: Path) -> None:
    with account(tmp_path, settings={"page_rows": 7}) as (crm, rehearsal):
        fill(crm, 250)
        ids = [record.id for record in crm.sweep("contact")]
        other = client(rehearsal)
        with ThreadPoolExecutor(1) as pool:  # somebody who clears up all the time
            clearing = pool.submit(lambda: [other.delete("contact", [number]) for number in ids])
            with pytest.raises(DestinationBusy, match="did not come whole"):
                while not clearing.done():
                    list(crm.sweep("contact"))


def test_with_a_watermark_a_sweep_reads_only_what_came_since(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, rehearsal):
        for plan in crm.extra_fields(["deal"]):
            crm.create_field(plan)
        empty = {object_: crm.newest(object_) for object_ in ("contact", "deal")}
        assert all(empty.values())
        crm.write("deal", [Draft("p:deals:1", {"name": "D", "amount": 1})])
        assert [record.key for record in crm.sweep("deal", since=empty["deal"])] == ["p:deals:1"]
        fill(crm, 400)
        since = crm.newest("contact")
        crm.write("contact", people(*range(1000, 1010)))
        found = {record.key for record in crm.sweep("contact", since=since)}
        assert {draft.key for draft in people(*range(1000, 1010))} <= found
        assert {record.key for record in crm.sweep("contact", since="nonsense")} >= found
        assert calls(rehearsal, "contacts/view/") > 0


def test_a_watermark_whose_record_is_gone_costs_a_full_sweep_and_loses_nothing(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, _):
        fill(crm, 30)
        time.sleep(1.1)
        crm.write("contact", people(40))
        since = crm.newest("contact")
        crm.delete("contact", [crm.bearing("contact", ["p:contacts:0040"])[0].id])
        assert len(list(crm.sweep("contact", since=since))) == 30


def test_where_the_day_of_making_can_be_written_it_is_no_watermark(tmp_path: Path) -> None:
    with account(tmp_path, settings={"created_at": "honoured"}) as (crm, _):
        assert crm.newest("contact") == ""


# ---------------------------------------------------------------- by our keys


def test_one_lost_answer_is_found_by_one_filter_and_one_look(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, rehearsal):
        fill(crm, 300)
        crm.metadata()
        before = calls(rehearsal)
        assert [record.key for record in crm.bearing("contact", ["p:contacts:0123"])] == ["p:contacts:0123"]
        assert calls(rehearsal) - before == 2


def test_a_lost_batch_is_found_in_a_few_calls(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, rehearsal):
        fill(crm, 1000)
        keys = [f"p:contacts:{n:04}" for n in range(900, 1000)]
        crm.metadata()
        before = calls(rehearsal)
        assert sorted(record.key for record in crm.bearing("contact", [*keys, "p:contacts:none"])) == keys
        assert calls(rehearsal) - before <= 6
        assert len(crm.bearing("contact", [f"p:contacts:{n:04}" for n in range(1000)])) == 1000
        assert calls(rehearsal) - before <= 24


def test_twins_that_bear_one_key_are_both_shown(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, rehearsal):
        rehearsal.admin_create_fields([{"object": "deals", "label": "Migration Key", "type": "text", "unique": False}])
        rehearsal.order_fault("replay", path="deals")
        assert crm.write("deal", [Draft("p:deals:1", {"name": "Twin", "amount": 1})])[0].state == "done"
        assert [record.key for record in crm.bearing("deal", ["p:deals:1"])] == ["p:deals:1"] * 2


def test_an_absence_is_not_taken_from_a_filter_that_never_finds_anything(tmp_path: Path) -> None:
    with account(tmp_path, switches={"index_lag_seconds": "1000000"}) as (crm, _):
        fill(crm, 20)
        time.sleep(1.3)  # older than any lag that the client expects of this account
        assert [record.key for record in crm.bearing("contact", ["p:contacts:0007"])] == ["p:contacts:0007"]


def test_where_a_filter_is_not_to_be_used_the_list_is_swept(tmp_path: Path) -> None:
    with account(tmp_path, settings={"find_by": "sweep"}) as (crm, rehearsal):
        fill(crm, 20)
        assert len(crm.bearing("contact", ["p:contacts:0007", "p:contacts:0008"])) == 2
        assert crm.bearing("contact", []) == []
        assert calls(rehearsal, "filtered_search") == 0


def test_many_records_are_read_from_the_list_in_fewer_calls_and_say_the_same(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, rehearsal):
        fill(crm, 500)
        shown = {record.id: record for record in crm.sweep("contact")}
        ids = list(shown)[-150:]
        gone = ids.pop(40)
        crm.delete("contact", [gone])
        before = calls(rehearsal)
        assert crm.read("contact", [*ids, gone]) == [shown[number] for number in ids]
        assert calls(rehearsal) - before <= 6
        assert [crm.read("contact", [number])[0] for number in ids[:3]] == [shown[number] for number in ids[:3]]


# ---------------------------------------------------------------- keys and lanes


def test_deals_travel_in_bulk_where_our_field_is_known_to_be_unique(tmp_path: Path) -> None:
    with account(tmp_path, settings={"bulk_marker": "unique"}) as (crm, rehearsal):
        with pytest.raises(Refused, match="Migration Key"):
            crm.bulk_rows("deal")
        for plan in crm.extra_fields(["deal", "sales_account"]):
            crm.create_field(plan)
        assert crm.bulk_rows("deal") == 100
        drafts = [Draft(f"p:deals:{n}", {"name": "Renewal", "amount": n}) for n in range(30)]
        for _ in range(2):  # the same batch again is an update of the same deals
            assert {outcome.state for outcome in crm.write("deal", drafts)} == {"done"}
        assert sorted(record.key for record in crm.sweep("deal")) == sorted(draft.key for draft in drafts)
        assert calls(rehearsal, "deals/bulk_upsert") == 2


def test_lanes_follow_the_allowance_and_a_setting_goes_before(tmp_path: Path) -> None:
    with account(tmp_path, settings={"minute_allowance": 400}) as (crm, rehearsal):
        assert (crm.lanes("contact"), crm.lanes("deal")) == (4, 3)
        assert client(rehearsal, {"lanes": 2}).lanes("contact") == 2
        assert client(rehearsal, {"lag_seconds": 90}).lag == pytest.approx(0.09)
