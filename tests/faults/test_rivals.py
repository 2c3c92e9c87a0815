"""Two loaders on one engagement: one writes, and one that was passed by while it slept finds out before it sends."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from fault_crashes import SETTINGS, SIZES, SWITCHES
from fault_history import Violation, finished, made, resent
from fault_loads import Scene, run
from fault_mutants import no_epoch, no_fence
from fault_points import Place, Points
from fault_processes import Life, Loader, StandInProcess, live

from workbench.ledger import Guard

BOTH = pytest.mark.parametrize("vendor", ["freshsales", "pipedrive"])
LEASE = 0.6
MIDST = {"freshsales": 7, "pipedrive": 9}
"""The change, counted from 0, at which a loader falls asleep: one with others of its kind before and after it."""


@dataclass(frozen=True)
class Rivalry:
    """How it ended for the one that slept and for the one that took over, and what stands."""

    slept: Life
    stopped: str
    took_over: Life
    violations: tuple[Violation, ...]
    resent: tuple[Violation, ...]
    later: tuple[Violation, ...]  # what is still wrong after one more run


def rivals(vendor: str, folder: Path, *, stop_at: Place, change: Callable[[Guard], None] | None = None) -> Rivalry:
    """One loader is suspended at a point; another takes over and ends the load; then the first one wakes."""
    switches = SWITCHES[vendor]
    with StandInProcess(vendor, folder / "tenant.db", switches=switches) as stand_in:
        settings = SETTINGS.get(vendor, {})
        scene = Scene(vendor, stand_in.url, folder / "workbench.db", SIZES[vendor], settings=settings, lease_seconds=LEASE)
        sleeper = Loader(lambda tell: run(scene, tell, points=Points(stop_at=stop_at, tell=tell), change=change))
        while not any("stopped" in row for row in sleeper.told()):
            assert sleeper.speaks(30)
        second = live(lambda tell: run(scene, tell))
        sleeper.go_on()
        slept = sleeper.life()
        tenant = stand_in.dump()
        wrong, twice = tuple(finished(scene, tenant)), tuple(resent(scene, tenant))
        live(lambda tell: run(scene, tell))
        stopped = next(str(row["stopped"]) for row in slept.told if "stopped" in row)
        return Rivalry(slept, stopped, second, wrong, twice, tuple(finished(scene, stand_in.dump())))


def midst(vendor: str, name: str) -> Place:
    """The point of this name that comes with a change in the midst of a load."""
    return name, MIDST[vendor] + 1


@BOTH
@pytest.mark.parametrize("name", ["after its answer", "carried out, its answer unread"])
def test_f19_a_loader_that_slept_through_its_lease_sends_nothing_more(vendor: str, name: str, tmp_path: Path) -> None:
    rivalry = rivals(vendor, tmp_path, stop_at=midst(vendor, name))
    assert rivalry.stopped == name
    assert rivalry.took_over.last["complete"]
    assert rivalry.slept.end == "failed" and "Fenced" in rivalry.slept.words
    assert rivalry.violations == () and rivalry.resent == ()


@BOTH
@pytest.mark.parametrize("mutant", [None, no_fence])
def test_f19_what_was_committed_and_not_yet_sent_when_the_loader_fell_asleep_is_never_sent(
    vendor: str, mutant: Callable[[Guard], None] | None, tmp_path: Path
) -> None:
    """The fence is asked once more right before the bytes leave; without that the record is made twice, and taken away."""
    rivalry = rivals(vendor, tmp_path, stop_at=midst(vendor, "before a change is sent"), change=mutant)
    assert rivalry.stopped == "before a change is sent"
    assert rivalry.slept.end == "failed" and "Fenced" in rivalry.slept.words
    assert {violation.what for violation in rivalry.resent} == ({"resent"} if mutant else set())
    assert bool(rivalry.violations) == (mutant is not None)
    assert rivalry.later == ()


@BOTH
def test_f19_while_one_loader_lives_the_second_refuses(vendor: str, tmp_path: Path) -> None:
    with StandInProcess(vendor, tmp_path / "tenant.db", switches=SWITCHES[vendor]) as stand_in:
        scene = Scene(vendor, stand_in.url, tmp_path / "workbench.db", SIZES[vendor], settings=SETTINGS.get(vendor, {}))
        first = Loader(lambda tell: run(scene, tell, change=lambda guard: time.sleep(3)))
        assert not first.wait(0.8)
        second = live(lambda tell: run(scene, tell))
        assert second.end == "failed" and "EngagementLocked" in second.words
        assert first.life().last["complete"]
        assert finished(scene, stand_in.dump()) == []


@BOTH
def test_f19_an_engagement_that_begins_while_another_one_loads_the_same_account_makes_no_record(
    vendor: str, tmp_path: Path
) -> None:
    """Two ledgers know nothing of each other's lease; the records of the one are what the other sees."""
    with StandInProcess(vendor, tmp_path / "tenant.db", switches=SWITCHES[vendor]) as stand_in:
        settings = SETTINGS.get(vendor, {})
        scene = Scene(vendor, stand_in.url, tmp_path / "workbench.db", SIZES[vendor], settings=settings)
        at = midst(vendor, "after its answer")
        first = Loader(lambda tell: run(scene, tell, points=Points(stop_at=at, tell=tell)))
        while not any("stopped" in row for row in first.told()):
            assert first.speaks(30)
        before = made(scene, stand_in.dump())
        second = live(lambda tell: run(replace(scene, store=tmp_path / "other.db"), tell, fields=False))
        assert second.end == "failed" and "Fenced" in second.words and "the same export" in second.words
        assert made(scene, stand_in.dump()) == before
        first.go_on()
        assert first.life().last["complete"]
        assert finished(scene, stand_in.dump()) == []


@BOTH
def test_a_loader_that_looks_at_no_epoch_is_seen(vendor: str, tmp_path: Path) -> None:
    rivalry = rivals(vendor, tmp_path, stop_at=midst(vendor, "after its answer"), change=no_epoch)
    assert "resent" in {violation.what for violation in rivalry.resent}
