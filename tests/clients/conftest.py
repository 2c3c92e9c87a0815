"""What the tests of the real clients share: whom they trust, and a tenant over https."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from crm import KEY, Crm, calling
from trust import Trust, trust_in

from workbench.rehearsal import Rehearsal, running


@pytest.fixture(scope="session")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    """An authority of this run alone."""
    return trust_in(tmp_path_factory.mktemp("trust"))


@pytest.fixture(scope="module")
def freshsales(trust: Trust, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """A new Suite account, spoken to over https."""
    state = tmp_path_factory.mktemp("freshsales") / "state.sqlite"
    free = {"limits": "off", "plan": "enterprise"}
    with running("freshsales", state=state, token=KEY, time_scale=1000, switches=free, tls=trust.tls) as tenant:
        yield tenant


@pytest.fixture(scope="module")
def crm(freshsales: Rehearsal, trust: Trust) -> Iterator[Crm]:
    """python-freshworks-crm on that account."""
    with calling(freshsales, trust, key=KEY) as client:
        yield client
