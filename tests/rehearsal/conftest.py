"""Stand-ins of Freshsales: one that the tests of a module share, and ones with switches of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from freshsales_account import FREE, KEY, Started, client

from workbench.rehearsal import Rehearsal, running


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    state = tmp_path_factory.mktemp("suite") / "state.sqlite"
    with running("freshsales", state=state, token=KEY, time_scale=1000, switches=FREE) as stand_in:
        yield stand_in


@pytest.fixture
def api(suite: Rehearsal) -> Iterator[httpx.Client]:
    with client(suite) as http:
        yield http


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """Starts stand-ins of their own with switches of their own, and stops them."""
    open_ones: list[Any] = []

    def start(**switched: str) -> tuple[Rehearsal, httpx.Client]:
        tenant = switched.pop("tenant", None)
        scale = float(switched.pop("time_scale", "1000"))
        faults = switched.pop("faults", "").split()
        state = tmp_path / f"state-{len(open_ones)}.sqlite"
        chosen = {**FREE, **switched}
        manager = running(
            "freshsales", state=state, token=KEY, tenant=tenant, time_scale=scale, switches=chosen, faults=faults, seed=11
        )
        stand_in = manager.__enter__()
        http = client(stand_in)
        open_ones.append((manager, http))
        return stand_in, http

    yield start
    for manager, http in open_ones:
        http.close()
        manager.__exit__(None, None, None)
