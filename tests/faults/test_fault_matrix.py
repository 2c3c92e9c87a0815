"""Faults of the matrix, one at a time, against both destinations: what each has to come to."""

from __future__ import annotations

import time

import pytest
from fault_drills import BULK, Drill, Drilled, drilled

VENDORS = ("freshsales", "pipedrive")
BOTH = pytest.mark.parametrize("vendor", VENDORS)
GATEWAY = ("500", "502", "503", "504")


def once(vendor: str, fault: str, *, path: str = "", more: str = "") -> str:
    """The second request for a deal, or another one that is named, meets the fault once."""
    place = path or Drill(vendor).path()
    return f"{fault},method=POST,path={place},times=1,after=1{more}"


def is_whole(result: Drilled) -> None:
    """Everything is there once, linked and in the ledger, and nothing was made that a look would have found."""
    words = [life.words for life in result.lives if life.words]
    assert result.violations == (), words
    assert result.complete, words
    assert result.resent == ()


@BOTH
def test_f01_reset_before_the_commit_is_looked_for_and_sent_once_more(vendor: str) -> None:
    result = drilled(Drill(vendor, (once(vendor, "drop_before"),)))
    is_whole(result)
    assert result.faults() == {"drop_before": 1}
    assert result.posts(Drill(vendor).path()) == result.planned["deals"] + 1


@BOTH
def test_f02_reset_after_the_commit_is_adopted_and_not_sent_again(vendor: str) -> None:
    result = drilled(Drill(vendor, (once(vendor, "drop_after"),)))
    is_whole(result)
    assert result.faults() == {"drop_after": 1}
    assert result.posts(Drill(vendor).path()) == result.planned["deals"]


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "truncated", "503_after"])
def test_f02_a_batch_whose_answer_is_lost_is_looked_for_row_by_row(fault: str) -> None:
    path = BULK["freshsales"]
    result = drilled(Drill("freshsales", (once("freshsales", fault, path=path),), settings={"bulk_rows": 4}))
    is_whole(result)
    assert result.faults() == {fault: 1}
    assert result.posts(path) == 3 + (fault == "drop_before")


@BOTH
def test_f03_a_change_that_comes_after_the_time_out_is_waited_for_and_adopted(vendor: str) -> None:
    result = drilled(Drill(vendor, (once(vendor, "late", more=",seconds=0.7"),), settle_seconds=1.0))
    is_whole(result)
    assert result.posts(Drill(vendor).path()) == result.planned["deals"]


@BOTH
@pytest.mark.parametrize("fault", ["hang_before", "hang_after"])
def test_f03_an_answer_that_never_comes_ends_in_one_record(vendor: str, fault: str) -> None:
    result = drilled(Drill(vendor, (once(vendor, fault),)))
    is_whole(result)
    assert result.posts(Drill(vendor).path()) == result.planned["deals"] + (fault == "hang_before")


@pytest.mark.parametrize(
    ("vendor", "path"), [("freshsales", ""), ("pipedrive", ""), ("pipedrive", "v2/persons"), ("pipedrive", "v2/organizations")]
)
def test_f04_a_change_that_comes_later_than_anybody_waits_is_found_by_the_last_sweep_and_taken_away(
    vendor: str, path: str
) -> None:
    late = once(vendor, "late", path=path, more=",seconds=2.5")
    result = drilled(Drill(vendor, (late,), lives=2, between=lambda stand_in, life: time.sleep(2.5)))
    assert result.violations == () and result.complete
    assert result.surplus == 1
    assert result.differs == {"repaired": 1}


@BOTH
@pytest.mark.parametrize("status", GATEWAY)
@pytest.mark.parametrize("when", ["before", "after"])
def test_f08_a_gateways_error_before_or_after_the_commit_ends_in_one_record(vendor: str, status: str, when: str) -> None:
    result = drilled(Drill(vendor, (once(vendor, f"{status}_{when}"),)))
    is_whole(result)
    assert result.posts(Drill(vendor).path()) == result.planned["deals"] + (when == "before")


@BOTH
@pytest.mark.parametrize("fault", ["truncated", "cut_length", "cut_chunked", "gzip_bomb", "html_200", "invalid_json", "no_id"])
def test_f09_a_damaged_answer_is_ambiguous_and_the_record_is_adopted(vendor: str, fault: str) -> None:
    result = drilled(Drill(vendor, (once(vendor, fault),)))
    is_whole(result)
    assert result.faults() == {fault: 1}
    assert result.posts(Drill(vendor).path()) == result.planned["deals"]


@BOTH
def test_f10_a_request_that_a_proxy_repeats_leaves_one_record_after_the_last_sweep(vendor: str) -> None:
    result = drilled(Drill(vendor, (once(vendor, "replay"),)))
    assert result.violations == () and result.complete
    assert result.surplus == 1  # the proxy's; it stood, and was taken away
    assert result.differs == {"repaired": 1}
    assert result.posts(Drill(vendor).path()) == result.planned["deals"] + 1  # the proxy's


@BOTH
def test_f11_the_answer_of_another_request_is_detected_and_no_key_gets_its_id(vendor: str) -> None:
    result = drilled(Drill(vendor, (once(vendor, "swapped"),)))
    is_whole(result)
    assert result.faults() == {"swapped": 1}
    assert result.posts(Drill(vendor).path()) == result.planned["deals"]


@pytest.mark.parametrize("share", ["0.01", "0.5", "1"])
def test_f12_rows_that_a_job_refuses_are_told_by_key_and_the_others_are_done(share: str) -> None:
    path = BULK["freshsales"]
    result = drilled(Drill("freshsales", (once("freshsales", f"job_rows,rows={share}", path=path),), settings={"bulk_rows": 4}))
    states = result.ledger[result.ledger["object"] == "contact"]["state"].value_counts().to_dict()
    refused = {"0.01": 1, "0.5": 2, "1": 4}[share]
    assert states == {"done": 10, "rejected": refused}
    is_whole(result)  # what was refused in the first life is sent again in the second
    assert result.lives[0].last["states"]["rejected"] == refused


def test_f12_the_order_of_a_report_means_nothing() -> None:
    path = BULK["freshsales"]
    faults = (f"job_shuffled,method=POST,path={path}", "job_rows,method=POST,path=sales_accounts/bulk_upsert,rows=0.5,times=1")
    result = drilled(Drill("freshsales", faults, settings={"bulk_rows": 4}))
    is_whole(result)


@pytest.mark.parametrize("fault", ["job_lost", "job_late,seconds=1.2"])
def test_f13_a_job_that_nobody_can_follow_is_settled_by_looking(fault: str) -> None:
    path = BULK["freshsales"]
    result = drilled(
        Drill(
            "freshsales",
            (once("freshsales", fault, path=path),),
            settings={"bulk_rows": 4, "job_timeout_seconds": 300},
            settle_seconds=1.5,
        )
    )
    is_whole(result)
    assert result.posts(path) == 3


STUCK = {"bulk_rows": 4, "job_timeout_seconds": 300, "job_patience_seconds": 1500}


def test_f13_a_job_that_never_ends_is_waited_for_and_then_sent_again_where_the_account_keeps_the_key_unique() -> None:
    path = BULK["freshsales"]
    result = drilled(Drill("freshsales", (once("freshsales", "job_stuck", path=path),), settings=STUCK, lives=12))
    is_whole(result)
    assert result.faults() == {"job_stuck": 1} and result.posts(path) == 4
    assert result.lives[0].last["states"]["unknown"] == 4  # at work still: never posted beside itself


def test_f13_rows_of_a_job_that_never_ends_fail_in_words_where_a_second_record_could_bear_their_name() -> None:
    path = "sales_accounts/bulk_upsert"
    fault = f"job_stuck,method=POST,path={path},times=1"
    result = drilled(Drill("freshsales", (fault,), settings={**STUCK, "bulk_rows": 2}, lives=8))
    assert result.faults() == {"job_stuck": 1} and result.posts(path) == 2  # of three firms, in eight lives
    stuck = result.ledger[(result.ledger["object"] == "sales_account") & (result.ledger["state"] != "done")]
    assert list(stuck["state"]) == ["rejected", "rejected"]
    assert stuck["words"].str.contains("has not ended").all() and stuck["words"].str.contains('stuck_jobs = "over"').all()
    assert {violation.what for violation in result.violations} == {"lost"}


def test_f13_a_batch_that_arrives_twice_makes_each_record_once() -> None:
    path = BULK["freshsales"]
    result = drilled(Drill("freshsales", (once("freshsales", "replay", path=path),), settings={"bulk_rows": 4}))
    assert result.violations == () and result.complete


@BOTH
@pytest.mark.parametrize("fault", ["close_idle,seconds=0", "close_race"])
def test_f14_a_connection_that_is_closed_between_two_requests_costs_no_record(vendor: str, fault: str) -> None:
    result = drilled(Drill(vendor, (f"{fault},method=POST,path={Drill(vendor).path()}",)))
    is_whole(result)


LAG = {"freshsales": ("index_lag_seconds", "list_lag_seconds"), "pipedrive": ("list_lag_seconds",)}


@BOTH
@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_f22_a_list_or_a_search_that_lags_is_waited_for_before_it_is_believed(vendor: str, fault: str) -> None:
    lags = dict.fromkeys(LAG[vendor], "500")  # half a second here
    result = drilled(Drill(vendor, (once(vendor, fault),), lags, {"lag_seconds": 600}))
    is_whole(result)
    assert result.posts(Drill(vendor).path()) == result.planned["deals"] + (fault == "drop_before")
