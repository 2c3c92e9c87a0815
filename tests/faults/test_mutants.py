"""The tests of the tests: with one step of the protocol taken away, the harness has to say that something is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from fault_crashes import Ordeal, Trial, endure
from fault_drills import BULK, Drill, Drilled, drilled
from fault_mutants import (
    MUTANTS,
    blind_retry,
    intent_after_send,
    no_repair,
    no_sweep,
    no_waiting,
    outcome_before_answer,
    positional,
    single_look,
    swapped_unseen,
)

from workbench.ledger import Guard

BOTH = pytest.mark.parametrize("vendor", ["freshsales", "pipedrive"])
SOME = 3
"""Crash points at which a mutant is tried; the last changes of a load, which are single calls with both vendors."""


def crashed(vendor: str, name: str, mutant: Callable[[Guard], None]) -> list[Trial]:
    """A mutant, killed at the last few points of this name."""
    count = endure(Ordeal(vendor, change=mutant)).points.count(name)
    trials = [endure(Ordeal(vendor, ((name, number),), mutant)) for number in range(count - SOME + 1, count + 1)]
    assert [trial.died for trial in trials] == [(name,)] * SOME
    return trials


def said(trial: Trial) -> set[str]:
    return {violation.what for violation in trial.violations}


@BOTH
def test_without_a_look_what_was_not_answered_is_made_twice_and_seen_at_every_point(vendor: str) -> None:
    trials = crashed(vendor, "carried out, its answer unread", no_sweep)
    assert len(trials) == SOME
    assert all("resent" in said(trial) for trial in trials)


@BOTH
def test_an_intent_that_follows_its_change_is_seen_at_every_point(vendor: str) -> None:
    trials = crashed(vendor, "carried out, its answer unread", intent_after_send)
    assert len(trials) == SOME
    assert all("unwritten" in said(trial) for trial in trials)


@BOTH
def test_an_outcome_that_goes_before_its_answer_is_seen_at_every_point(vendor: str) -> None:
    trials = crashed(vendor, "before a change is sent", outcome_before_answer)
    assert len(trials) == SOME
    assert all("premature" in said(trial) for trial in trials)


def met(drill: Drill, fault: str) -> Drilled:
    """The drill, in which the fault was met."""
    result = drilled(drill)
    assert re.match(r"\w+", fault)[0] in result.faults()  # type: ignore[index]
    return result


def deal(vendor: str, fault: str) -> tuple[str, ...]:
    return (f"{fault},method=POST,path={Drill(vendor).path()},times=1,after=1",)


@BOTH
def test_a_blind_retry_is_seen(vendor: str) -> None:
    result = met(Drill(vendor, deal(vendor, "drop_after"), change=blind_retry), "drop_after")
    assert {violation.what for violation in result.resent} == {"resent"}


@BOTH
def test_not_waiting_for_late_changes_is_seen(vendor: str) -> None:
    drill = Drill(vendor, deal(vendor, "late,seconds=3"), settle_seconds=4.0, linger=3.2, change=no_waiting)
    result = met(drill, "late")
    assert {violation.what for violation in result.resent} == {"resent"}


LAGGING = {"freshsales": ("index_lag_seconds", "list_lag_seconds"), "pipedrive": ("list_lag_seconds",)}


@BOTH
@pytest.mark.parametrize("mutant", [None, single_look])
def test_one_look_instead_of_two_is_seen_where_lists_lag_more_than_we_think(
    vendor: str, mutant: Callable[[Guard], None] | None
) -> None:
    lag = dict.fromkeys(LAGGING[vendor], "1500")  # real seconds: 1.5; a look is taken after 1.0, the second 1.0 later
    drill = Drill(vendor, deal(vendor, "drop_after"), lag, {"lag_seconds": 1000}, settle_seconds=0.2, change=mutant)
    result = met(drill, "drop_after")
    assert (result.surplus > 0) == (mutant is not None)


@BOTH
def test_twins_that_nobody_takes_away_are_seen(vendor: str) -> None:
    result = met(Drill(vendor, deal(vendor, "replay"), change=no_repair), "replay")
    assert "duplicate" in {violation.what for violation in result.violations}


@pytest.mark.parametrize("mutant", [None, positional])
def test_verdicts_by_position_are_seen(mutant: Callable[[Guard], None] | None) -> None:
    faults = (f"job_rows,rows=0.25,method=POST,path={BULK['freshsales']},times=1",)
    result = met(Drill("freshsales", faults, settings={"bulk_rows": 8}, change=mutant), "job_rows")
    assert bool(result.differs) == (mutant is not None)


@BOTH
@pytest.mark.parametrize("mutant", [None, swapped_unseen])
def test_an_id_that_two_keys_were_told_of_is_seen(vendor: str, mutant: Callable[[Guard], None] | None) -> None:
    result = met(Drill(vendor, deal(vendor, "swapped"), change=mutant), "swapped")
    assert bool(result.differs) == (mutant is not None)


def test_every_mutant_is_tried() -> None:
    tried = {name for name, value in globals().items() if MUTANTS.get(name) is value}
    assert tried == set(MUTANTS) - {"no_epoch", "no_fence"}  # these are tried with two loaders
