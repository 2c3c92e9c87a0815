"""A drill: one small load through one kind of fault, and what came of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from fault_history import Violation, finished, made, resent
from fault_loads import ENGAGEMENT, Scene, run
from fault_points import Points
from fault_processes import Life, StandInProcess, Tell, live

from workbench.ledger import Guard, Ledger
from workbench.store import open_store

SIZES: Mapping[str, tuple[int, ...]] = {"freshsales": (3, 10, 4), "pipedrive": (3, 5, 4, 2, 2)}
SINGLE: Mapping[str, str] = {"freshsales": "sales/api/deals", "pipedrive": "v2/deals"}
BULK: Mapping[str, str] = {"freshsales": "contacts/bulk_upsert"}
SWITCHES: Mapping[str, Mapping[str, str]] = {
    "freshsales": {"field_create_unique": "ignore", "bulk_jobs": "1000"},  # a key may stand twice
    "pipedrive": {},
}


@dataclass(frozen=True)
class Drill:
    """What is drilled; `faults` are written as for a rehearsal, and only the first life meets them if it is said so."""

    vendor: str
    faults: tuple[str, ...] = ()
    switches: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    settle_seconds: float = 0.2
    lives: int = 4
    change: Callable[[Guard], None] | None = None
    between: Callable[[StandInProcess, int], None] | None = None  # after a life, with its number
    crashes: tuple[int, ...] = ()  # the point at which a life is killed, life by life
    linger: float = 0.0  # real seconds after the last life, for what is late
    clocks: tuple[float, ...] = ()  # seconds by which the loader's clock is ahead, life by life
    clock_jumps: bool = False

    def path(self) -> str:
        return SINGLE[self.vendor]


@dataclass(frozen=True)
class Drilled:
    """What stands at the end of a drill."""

    lives: tuple[Life, ...]
    log: pd.DataFrame
    tenant: Mapping[str, Any]
    made: Mapping[str, int]
    planned: Mapping[str, int]
    ledger: pd.DataFrame
    violations: tuple[Violation, ...]
    resent: tuple[Violation, ...]

    def posts(self, path: str) -> int:
        """Requests to make something, to this path."""
        rows = self.log[(self.log["method"] == "POST") & self.log["path"].str.endswith(path)]
        return len(rows)

    def faults(self) -> dict[str, int]:
        return {str(name): int(count) for name, count in self.log["fault"].dropna().value_counts().items()}

    @property
    def complete(self) -> bool:
        return bool(self.lives[-1].last.get("complete"))

    @property
    def differs(self) -> dict[str, int]:
        """What the certificates of all lives had to put right or to tell."""
        found: Counter[str] = Counter()
        for life in self.lives:
            found.update(life.last.get("differs", {}))
        return dict(found)

    @property
    def surplus(self) -> int:
        """Records that were made beyond those asked for."""
        return sum(self.made.values()) - sum(self.planned.values())


def drilled(drill: Drill) -> Drilled:
    """Load, life after life until it is complete, with the faults of the drill in the way."""
    vendor = drill.vendor
    with TemporaryDirectory(prefix="drill-") as name:
        folder = Path(name)
        switches = {**SWITCHES[vendor], **drill.switches}
        with StandInProcess(vendor, folder / "tenant.db", switches=switches, faults=drill.faults) as stand_in:
            settings = {"timeout_seconds": 0.4, **drill.settings}
            scene = Scene(
                vendor,
                stand_in.url,
                folder / "workbench.db",
                SIZES[vendor],
                settle_seconds=drill.settle_seconds,
                settings=settings,
            )
            return _drilled(drill, scene, stand_in)


def _life(scene: Scene, tell: Tell, *, change: Callable[[Guard], None] | None, die_at: int) -> None:
    run(scene, tell, points=Points(die_at=die_at, tell=tell) if die_at else None, change=change)


def _drilled(drill: Drill, scene: Scene, stand_in: StandInProcess) -> Drilled:
    lives: list[Life] = []
    while len(lives) < drill.lives and not (lives and lives[-1].last.get("complete") and drill.between is None):
        nth = len(lives)
        ahead = drill.clocks[nth] if nth < len(drill.clocks) else 0.0
        now = replace(scene, clock_ahead=ahead, clock_jumps=drill.clock_jumps)
        die_at = drill.crashes[nth] if nth < len(drill.crashes) else 0
        lives.append(live(partial(_life, now, change=drill.change, die_at=die_at)))
        if drill.between is not None:
            drill.between(stand_in, len(lives))
    time.sleep(drill.linger)
    tenant = stand_in.dump()
    store = open_store(scene.store)
    ledger = Ledger(store, engagement_id=ENGAGEMENT).frame()
    store.dispose()
    return Drilled(
        tuple(lives),
        stand_in.log(),
        tenant,
        made(scene, tenant),
        {kind.feed: size for kind, size in scene.kinds},
        ledger,
        tuple(finished(scene, tenant)),
        tuple(resent(scene, tenant)),
    )
