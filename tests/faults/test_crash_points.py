"""A load that is killed at any of its durable points, once or twice, ends as if nothing had been: I1, I2, I4, I5, I6.

With `EVERY_POINT=1` it is also killed at those that leave the same behind as the one before them.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from fault_crashes import enumerate_crashes
from fault_loads import CASTS

NAMES = {
    "before a commit",
    "after a commit",
    "before a look",
    "before a change is sent",
    "carried out, its answer unread",
    "after its answer",
}


@pytest.mark.parametrize("vendor", list(CASTS))
def test_f17_a_load_killed_at_any_durable_point_and_again_while_it_recovers_ends_exactly_once(
    vendor: str, figure: Callable[[str], None]
) -> None:
    enumeration = enumerate_crashes(vendor, every=bool(os.environ.get("EVERY_POINT")))
    figure(enumeration.told())
    assert enumeration.violations == []
    died = {name for trial in enumeration.trials for name in trial.died}
    assert died == NAMES  # each kind of point was one at which it was killed
    twice = [trial for trial in enumeration.trials if len(trial.died) == 2]
    assert enumeration.tried > enumeration.points / 3 and len(twice) > enumeration.tried / 4
