"""The soak: loads of 400 records through a network of mixed faults, with loaders and stand-ins killed at random times."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fault_history import Violation, finished, interrupted, resent
from fault_loads import Scene, run
from fault_processes import Life, Loader, StandInProcess, live

from workbench.ledger import Guard

SIZES: Mapping[str, tuple[int, ...]] = {"freshsales": (60, 240, 100), "pipedrive": (60, 180, 90, 40, 30)}
SCALE = 1000.0
TIMEOUT, SETTLE, LATE = 0.4, 1.0, 0.6
"""Real seconds: of a client's patience, of waiting for late changes, and by which changes are late, which lies between."""
PATIENCE = 60.0
"""The same in calm weather, where nothing is kept back and a machine may be busy all the same."""
KILLS, OUTAGES = 6, 2
MOST_REQUESTS = 50
"""A life that is to be killed makes so many requests at most; a calm load makes some 200."""
MOST_LIVES = 60
BREATH = 0.1
"""Real seconds before a load that an error has stopped is started again."""
LANES = 4
"""At a time; most of a soak is waiting."""

ANY = (
    f"late=0.01,seconds={LATE}",
    "drop_before=0.015",
    "drop_after=0.02",
    "hang_before=0.003",
    "hang_after=0.004",
    "429=0.01,retry_after=mixed,seconds=0.2",
    "403_page=0.002",
    "500_before=0.006",
    "500_after=0.008",
    "502_after=0.006",
    "503_before=0.004",
    "503_after=0.006",
    "504_after=0.004",
    "truncated=0.008",
    "cut_length=0.005",
    "cut_chunked=0.005",
    "gzip_bomb=0.001",
    "html_200=0.005",
    "invalid_json=0.005",
    "no_id=0.006",
    "replay=0.01",
    "swapped=0.008",
    "close_idle=0.003,seconds=0.01",
    "close_race=0.005",
    "expired=0.001",
    "500_before=0.03,method=GET",
    "truncated=0.02,method=GET",
    "drop_before=0.03,method=GET",
)
"""Some 15 % of the changes and 8 % of the looks meet one of these."""
MIXES: Mapping[str, tuple[str, ...]] = {
    "freshsales": (
        *ANY,
        "job_lost=0.04",
        "job_late=0.04,seconds=0.3",
        "job_rows=0.04,rows=0.3",
        "job_shuffled=0.1",
        "job_stuck=0.04,path=contacts/bulk_upsert",  # of firms, which go by name, it would fail rows
    ),
    "pipedrive": ANY,
}
SWITCHES: Mapping[str, Mapping[str, str]] = {"freshsales": {"bulk_jobs": "100000"}, "pipedrive": {}}
UNIQUE = {"freshsales": {"field_create_unique": "ignore"}, "pipedrive": {}}
"""Every second seed: an account that lets a key stand twice."""
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "freshsales": {"bulk_rows": 8, "timeout_seconds": TIMEOUT, "job_patience_seconds": 2000},
    "pipedrive": {"timeout_seconds": TIMEOUT},
}


@dataclass(frozen=True)
class Soak:
    """One seed of one vendor."""

    vendor: str
    seed: int
    kills: int = KILLS
    outages: int = OUTAGES
    mix: tuple[str, ...] | None = None
    change: Callable[[Guard], None] | None = None


@dataclass(frozen=True)
class Soaked:
    """What a seed has shown."""

    vendor: str
    seed: int
    seconds: float
    lives: int
    ends: Mapping[str, int]  # how lives ended: killed, ended, or the name of the error that stopped them
    outages: int
    requests: int
    changes: int
    faults: Mapping[str, int]
    own_429: int  # refusals for the rate that no fault had ordered
    again: int
    violations: tuple[Violation, ...]

    def told(self) -> str:
        ends = ", ".join(f"{count} {name}" for name, count in sorted(self.ends.items()))
        return (
            f"{self.vendor} seed {self.seed}: {self.seconds:.0f} s, {self.requests} requests, {self.changes} changes, "
            f"{sum(self.faults.values())} faults of {len(self.faults)} kinds, lives: {ends}; "
            f"{self.outages} outages, {self.own_429} own 429, {self.again} requests when run again, "
            f"{len(self.violations)} violations"
        )


@dataclass
class _Course:
    """A soak on its way."""

    soak: Soak
    scene: Scene
    stand_in: StandInProcess
    chance: random.Random
    lives: int = 0
    kills: int = 0
    outages: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    words: str = ""  # of the last life that an error has stopped
    violations: list[Violation] = field(default_factory=list)

    def work(self) -> Callable[..., None]:
        return lambda tell: run(self.scene, tell, change=self.soak.change)

    def go(self) -> Mapping[str, Any]:
        """Life after life until one comes to the end with everything done and certified."""
        while self.lives < MOST_LIVES:
            self.lives += 1
            life = self._life()
            name = life.end if life.end != "failed" else error_of(life)
            self.ends[name] += 1
            if not (name in ("killed", "ended") or name.startswith("workbench.errors.")):
                self.violations.append(Violation("crashed", name, life.words[-2000:]))
                return life.last
            if life.end == "ended" and life.last.get("complete"):
                return life.last
            if life.words:
                self.words = life.words
                time.sleep(BREATH)
        return {}

    def _life(self) -> Life:
        loader = Loader(self.work())
        if self.kills < self.soak.kills and loader.speaks(30):
            over = self._outage(loader) or self._worked(loader, self.chance.randint(1, MOST_REQUESTS))
            if not over:
                self.kills += 1
                loader.kill()
        life = loader.life()
        if life.end == "killed":
            self.violations += interrupted(self.scene, self.stand_in.dump())
        return life

    def _worked(self, loader: Loader, requests: int) -> bool:
        """Let it go on for so many requests and a moment; whether it has ended meanwhile."""
        enough = self.stand_in.requests() + requests
        while self.stand_in.requests() < enough:
            if loader.wait(0.005):
                return True
        return loader.wait(self.chance.uniform(0.0, 0.02))

    def _outage(self, loader: Loader) -> bool:
        """Now and then the destination dies first, and comes back after a while; whether the loader has ended meanwhile."""
        if self.outages >= self.soak.outages or self.chance.random() < 0.5:
            return False
        self.outages += 1
        over = self._worked(loader, self.chance.randint(1, MOST_REQUESTS))
        self.stand_in.kill()
        over = over or loader.wait(self.chance.uniform(0.0, 0.3))
        self.stand_in.restart(seed=self.stand_in.seed + 1000)
        return over


def soaked(soak: Soak) -> Soaked:
    """Run one seed."""
    started = time.monotonic()
    vendor = soak.vendor
    mix = MIXES[vendor] if soak.mix is None else soak.mix
    with TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        switches = {**SWITCHES[vendor], **(UNIQUE[vendor] if soak.seed % 2 else {})}
        stand_in = StandInProcess(vendor, folder / "tenant.db", time_scale=SCALE, switches=switches, faults=mix, seed=soak.seed)
        with stand_in:
            scene = Scene(
                vendor,
                stand_in.url,
                folder / "workbench.db",
                SIZES[vendor],
                time_scale=SCALE,
                settle_seconds=SETTLE,
                workers=4,
                settings=SETTINGS[vendor],
            )
            course = _Course(soak, scene, stand_in, random.Random(soak.seed))
            told = course.go()
            return _looked_at(course, told, started)


def _looked_at(course: _Course, told: Mapping[str, Any], started: float) -> Soaked:
    """What stands once the load is over, in calm weather, and whether one more run finds nothing to do."""
    soak, stand_in = course.soak, course.stand_in
    stand_in.restart(faults=())
    violations = list(course.violations)
    if not told.get("complete"):
        violations.append(Violation("incomplete", str(told.get("states")), f"{dict(course.ends)}\n{course.words}"))
    tenant, log = stand_in.dump(), stand_in.log()
    doubled = int(log["fault"].str.startswith("replay", na=False).sum())
    violations += [*finished(course.scene, tenant), *resent(course.scene, tenant, allowed=doubled)]
    writes = len(stand_in.writes())
    calm = replace(course.scene, settings={**course.scene.settings, "timeout_seconds": PATIENCE})
    last = live(lambda tell: run(calm, tell, change=soak.change))
    if not last.last.get("complete"):
        violations.append(Violation("incomplete", "when run again", last.words[-2000:]))
    again = len(stand_in.writes()) - writes
    if again:
        violations.append(Violation("again", "", f"{again} requests when nothing was left to do"))
    met = Counter(str(kind) for kind in log["fault"].dropna())
    own = int(((log["status"] == 429) & log["fault"].isna()).sum())
    return Soaked(
        soak.vendor,
        soak.seed,
        time.monotonic() - started,
        course.lives,
        dict(course.ends),
        course.outages,
        len(log),
        writes,
        dict(met),
        own,
        again,
        tuple(violations),
    )


def soak_all(soaks: Sequence[Soak], *, lanes: int = LANES) -> list[Soaked]:
    """Several seeds, two at a time."""
    with ProcessPoolExecutor(lanes, mp_context=get_context("fork")) as pool:
        return list(pool.map(soaked, soaks))


def error_of(life: Life) -> str:
    """The name of the error that ended a life."""
    lines = re.findall(r"^([\w.]+(?:Error|Exception|Interrupt|\.[A-Z]\w+))(?::|$)", life.words, re.MULTILINE)
    return lines[-1] if lines else "unknown"
