"""Loads of 400 records through mixed faults and kills at random times end exactly once: I2 to I6, seed after seed.

`SOAK_SEEDS` is the number of seeds, 8 if nothing is said.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable

import pytest
from fault_soak import Soak, soak_all

SEEDS = int(os.environ.get("SOAK_SEEDS", "8"))


@pytest.mark.parametrize("vendor", ["freshsales", "pipedrive"])
def test_loads_through_mixed_faults_and_random_kills_end_exactly_once(vendor: str, figure: Callable[[str], None]) -> None:
    results = soak_all([Soak(vendor, seed) for seed in range(1, SEEDS + 1)])
    for result in results:
        figure(result.told())
    faults: Counter[str] = Counter()
    for result in results:
        faults.update(result.faults)
    killed = sum(result.ends.get("killed", 0) for result in results)
    requests, own = sum(result.requests for result in results), sum(result.own_429 for result in results)
    figure(
        f"{vendor}: {SEEDS} seeds, {requests} requests, {sum(faults.values())} faults of {len(faults)} kinds, "
        f"{killed} kills, {own} own 429"
    )
    assert [(result.seed, result.violations) for result in results if result.violations] == []
    assert all(result.again == 0 for result in results)
    assert killed >= 4 * SEEDS and sum(faults.values()) >= 20 * SEEDS  # the weather was bad indeed
    assert own <= max(1, requests / 1000)
    if vendor == "freshsales" and SEEDS >= 8:
        assert any("job_stuck" in kind for kind in faults)
