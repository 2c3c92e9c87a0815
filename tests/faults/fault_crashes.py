"""The crash-point enumerator: a load is killed at its n-th durable point, for every n, and again while it recovers."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fault_history import Violation, finished, interrupted, resent
from fault_loads import Scene, run
from fault_points import LOOK, Place, Points
from fault_processes import StandInProcess, live

from workbench.ledger import Guard

SIZES: Mapping[str, tuple[int, ...]] = {"freshsales": (5, 15, 5), "pipedrive": (4, 8, 5, 4, 4)}
LANES = 3
"""At a time; much of an ordeal is waiting."""
SETTINGS: Mapping[str, Mapping[str, object]] = {"freshsales": {"bulk_rows": 5}}
SWITCHES: Mapping[str, Mapping[str, str]] = {
    "freshsales": {"limits": "off", "field_create_unique": "ignore"},  # so that a second record is not refused
    "pipedrive": {"limits": "off"},
}
LASTING = ("after a commit", "carried out, its answer unread", LOOK)
"""Points before which something has changed for good, at our side or over there; for a look, as jobs go on meanwhile."""
LIVES = 6
"""Lives after the crashes, within which a load has to come to its end."""


@dataclass(frozen=True)
class Ordeal:
    """One load and where it is killed: at which point of its first life, of its second, and so on."""

    vendor: str
    crashes: tuple[Place, ...] = ()
    change: Callable[[Guard], None] | None = None


@dataclass(frozen=True)
class Trial:
    """What an ordeal has shown."""

    crashes: tuple[Place, ...]
    died: tuple[str, ...]  # names of the points at which it was killed
    lives: int
    points: tuple[str, ...]  # of the last life
    writes: int  # requests for a change, all lives together
    again: int  # requests for a change when the finished load is run once more
    violations: tuple[Violation, ...]


@dataclass(frozen=True)
class Enumeration:
    """All of one vendor."""

    vendor: str
    points: int
    tried: int  # that differ from the one before
    trials: tuple[Trial, ...]
    seconds: float

    @property
    def violations(self) -> list[tuple[tuple[Place, ...], Violation]]:
        return [(trial.crashes, violation) for trial in self.trials for violation in trial.violations]

    def told(self) -> str:
        died = Counter(name for trial in self.trials for name in trial.died)
        where = ", ".join(f"{count} {name}" for name, count in sorted(died.items()))
        return (
            f"{self.vendor}: {self.points} points, {self.tried} tried, {len(self.trials)} runs, {self.seconds:.0f} s, "
            f"{len(self.violations)} violations; killed {where}"
        )


def endure(ordeal: Ordeal) -> Trial:
    """Load, be killed where the ordeal says, load on to the end, and look at what stands."""
    vendor = ordeal.vendor
    with TemporaryDirectory(prefix="crash-") as name:
        folder = Path(name)
        with StandInProcess(vendor, folder / "tenant.db", switches=SWITCHES[vendor]) as stand_in:
            settings = SETTINGS.get(vendor, {})
            scene = Scene(vendor, stand_in.url, folder / "workbench.db", SIZES[vendor], settings=settings)
            return _endured(ordeal, scene, stand_in)


def _endured(ordeal: Ordeal, scene: Scene, stand_in: StandInProcess) -> Trial:
    violations: list[Violation] = []
    died = []
    for place in ordeal.crashes:
        life = live(lambda tell, at=place: run(scene, tell, points=Points(die_at=at, tell=tell), change=ordeal.change))
        if life.end != "killed":
            break
        died.append(str(life.last["died"]))
        violations += interrupted(scene, stand_in.dump())
    told: Mapping[str, Any] = {}
    lives = 0
    while lives < LIVES and not told.get("complete"):
        lives += 1
        life = live(lambda tell: run(scene, tell, points=Points(), change=ordeal.change))
        told = life.last
        if life.end != "ended":
            violations.append(Violation("stopped", life.end, life.words))
            break
    writes = len(stand_in.writes())
    if not told.get("complete"):
        violations.append(Violation("incomplete", str(told.get("states"))))
    tenant = stand_in.dump()
    violations += [*finished(scene, tenant), *resent(scene, tenant)]
    again = 0
    if len(ordeal.crashes) != 1:  # those that crash twice go through all states that those do that crash once
        live(lambda tell: run(scene, tell, change=ordeal.change))
        again = len(stand_in.writes()) - writes
    if again:
        violations.append(Violation("again", "", f"{again} requests when nothing was left to do"))
    return Trial(ordeal.crashes, tuple(died), lives, tuple(told.get("points", ())), writes, again, tuple(violations))


def enumerate_crashes(
    vendor: str, *, every: bool = False, doubles: float = 0.3, seed: int = 1, lanes: int = LANES
) -> Enumeration:
    """Every single crash, and for a seeded share of them a second one, at a seeded point of the recovery.

    Of points between which nothing changes for good one is tried, by lot; or `every` one.
    """
    started = time.monotonic()
    whole = endure(Ordeal(vendor))
    count = len(whole.points)
    chance = random.Random(seed)
    places = range(1, count + 1) if every else [chance.choice(alike) for alike in _alike(whole.points)]
    with ProcessPoolExecutor(lanes, mp_context=get_context("fork")) as pool:
        singles = list(pool.map(endure, [Ordeal(vendor, (place,)) for place in places]))
        chosen = chance.sample(singles, round(doubles * len(singles)))
        twice = [Ordeal(vendor, (trial.crashes[0], chance.randint(1, len(trial.points)))) for trial in chosen if trial.points]
        pairs = list(pool.map(endure, twice))
    trials = (whole, *(bounded(trial, whole.writes) for trial in [*singles, *pairs]))
    return Enumeration(vendor, count, len(singles), trials, time.monotonic() - started)


def _alike(points: Sequence[str]) -> list[list[int]]:
    """The numbers of the points, those together at which a crash leaves the same behind."""
    groups: list[list[int]] = [[]]
    for number, name in enumerate(points, start=1):
        if name in LASTING and groups[-1]:
            groups.append([])
        groups[-1].append(number)
    return groups


def bounded(trial: Trial, least: int) -> Trial:
    """With a violation where more was sent again than what was in flight at each crash: one call, as there is one worker."""
    beyond = trial.writes - least - len(trial.died)
    if beyond <= 0:
        return trial
    more = Violation("rework", "", f"{trial.writes} changes were asked for, {least} without a crash")
    return replace(trial, violations=(*trial.violations, more))
