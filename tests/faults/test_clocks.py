"""Wrong clocks: a day or an hour off, jumping, at the change of summer time, or the vendor's own; the load ends alike: I15."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from fault_drills import Drill, Drilled, drilled
from test_fault_matrix import BOTH, is_whole, once

DAY, HOUR = 86_400.0, 3_600.0
MIDST = 40
"""The point at which the first life is killed, while it loads."""


def ended_alike(vendor: str, result: Drilled) -> None:
    """Whole, although the first life was killed, and without a request more than with a right clock."""
    is_whole(result)
    assert result.lives[0].end == "killed"
    assert result.faults() == {"drop_after": 1}
    assert result.posts(Drill(vendor).path()) == result.planned["deals"]


@BOTH
@pytest.mark.parametrize("clocks", [(DAY, -DAY), (-DAY, DAY), (HOUR, -HOUR), (-HOUR, HOUR)])
def test_f20_a_clock_that_is_wrong_and_otherwise_wrong_after_a_crash_changes_nothing(
    vendor: str, clocks: tuple[float, ...]
) -> None:
    ended_alike(vendor, drilled(Drill(vendor, (once(vendor, "drop_after"),), crashes=(MIDST,), clocks=clocks)))


@BOTH
def test_f20_a_clock_that_jumps_by_an_hour_all_the_while_changes_nothing(vendor: str) -> None:
    ended_alike(vendor, drilled(Drill(vendor, (once(vendor, "drop_after"),), crashes=(MIDST,), clock_jumps=True)))


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@BOTH
@pytest.mark.parametrize("moment", ["2026-03-08T06:59:59", "2026-11-01T05:59:59"])
def test_f20_the_change_to_summer_or_winter_time_in_the_middle_of_a_load_changes_nothing(
    vendor: str, moment: str, new_york: None
) -> None:
    ahead = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() - time.time()
    ended_alike(vendor, drilled(Drill(vendor, (once(vendor, "drop_after"),), crashes=(MIDST,), clocks=(ahead, ahead + 1))))


@BOTH
@pytest.mark.parametrize("skew", ["300", "-300"])
def test_f20_a_vendor_whose_clock_is_five_minutes_off_changes_nothing(vendor: str, skew: str) -> None:
    drill = Drill(vendor, (once(vendor, "drop_after"),), {"skew_seconds": skew}, crashes=(MIDST,))
    ended_alike(vendor, drilled(drill))
