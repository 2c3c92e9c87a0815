"""The load of a fault test: rows for one destination, and the whole of a loader's life from the store to the certificate."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import pandas as pd
import time_machine
from fault_points import Points
from fault_processes import TOKEN, Tell

import workbench.destinations.freshsales
import workbench.destinations.pipedrive  # noqa: F401 -- both before anything is forked, so that all lives run the same code
from workbench.destinations import Account, Destination, Secret, connect
from workbench.ledger import Guard, Ledger
from workbench.ledger.loading import load
from workbench.ledger.writers import LEASE_SECONDS, Writer
from workbench.specs import load_destination
from workbench.store import open_store

ENGAGEMENT = "faults"


@dataclass(frozen=True)
class Kind:
    """One object of a destination as the tests load it: where its rows come from, and where a dump shows them."""

    object: str
    feed: str
    shelf: str  # in a dump
    links: Mapping[str, str] = field(default_factory=dict)  # our field → the feed whose record it points at


@dataclass(frozen=True)
class Cast:
    """What of a destination takes part, parents before children."""

    vendor: str
    plan: str
    edition: str
    kinds: tuple[Kind, ...]
    values: Callable[[str, int], dict[str, Any]]  # feed and number → values of the row
    settings: Mapping[str, Any] = field(default_factory=dict)


def _fresh_values(feed: str, number: int) -> dict[str, Any]:
    match feed:
        case "firms":
            return {"name": f"Firm {number}", "city": "Columbus" if number % 3 else None}
        case "people":
            return {"last_name": f"Person {number}", "emails": f"p{number}@x.example", "job_title": "Roofer"}
        case _:
            return {"name": "Renewal" if number % 2 else f"Deal {number}", "amount": 100 + number}


FRESHSALES = Cast(
    "freshsales",
    "enterprise",
    "suite",
    (
        Kind("sales_account", "firms", "sales_accounts"),
        Kind("contact", "people", "contacts", {"sales_accounts": "firms"}),
        Kind("deal", "deals", "deals", {"sales_account": "firms", "contacts": "people"}),
    ),
    _fresh_values,
)


def _pipe_values(feed: str, number: int) -> dict[str, Any]:
    match feed:
        case "firms":
            return {"name": f"Firm {number}"}
        case "people":
            return {"name": f"Person {number}", "emails": f"p{number}@x.example"}
        case "deals":
            return {"title": "Renewal" if number % 2 else f"Deal {number}", "value": 100 + number}
        case "calls":
            return {"subject": "Call back", "note": f"Line one {number}\nline <two>", "due_date": "2026-03-04"}
        case _:
            return {"content": f"Said {number} things"}


PIPEDRIVE = Cast(
    "pipedrive",
    "growth",
    "",
    (
        Kind("organization", "firms", "organizations"),
        Kind("person", "people", "persons", {"organization": "firms"}),
        Kind("deal", "deals", "deals", {"organization": "firms", "person": "people"}),
        Kind("activity", "calls", "activities", {"deal": "deals"}),
        Kind("note", "notes", "notes", {"deal": "deals"}),
    ),
    _pipe_values,
)

CASTS = {cast.vendor: cast for cast in (FRESHSALES, PIPEDRIVE)}
SPECS = {name: load_destination(name) for name in CASTS}


@dataclass(frozen=True)
class Scene:
    """Everything that a life of a loader is given; the next life is given the same."""

    vendor: str
    url: str
    store: Path
    sizes: tuple[int, ...]
    time_scale: float = 1000.0
    settle_seconds: float = 0.06
    workers: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)
    lease_seconds: float = LEASE_SECONDS
    clock_ahead: float = 0.0  # seconds by which the loader's clock on the wall is wrong
    clock_jumps: bool = False  # whether it jumps an hour ahead and back all the while

    @property
    def cast(self) -> Cast:
        return CASTS[self.vendor]

    @property
    def kinds(self) -> Sequence[tuple[Kind, int]]:
        return list(zip(self.cast.kinds, self.sizes, strict=True))

    def account(self) -> Account:
        settings = {**self.cast.settings, **self.settings}
        cast = self.cast
        return Account(self.url, Secret(TOKEN), cast.edition, cast.plan, settings, time_scale=self.time_scale)

    def destination(self, ledger: Ledger) -> Destination:
        return connect(SPECS[self.vendor], self.account(), book=ledger.book(self.vendor))

    def key(self, feed: str, number: int) -> str:
        return f"s:{feed}:{number}"

    def parent(self, kind: Kind, field_: str, number: int) -> str:
        """The key of the record that a link of the row points at."""
        feed = kind.links[field_]
        size = next(size for other, size in self.kinds if other.feed == feed)
        return self.key(feed, number * 7 % size)

    def rows(self, kind: Kind, size: int, ids: Mapping[str, str]) -> pd.DataFrame:
        """The rows of a feed whose parents are there."""
        rows = []
        for number in range(size):
            parents = {name: ids.get(self.parent(kind, name, number), "") for name in kind.links}
            if all(parents.values()):
                rows.append({"key": self.key(kind.feed, number), **self.cast.values(kind.feed, number), **parents})
        return pd.DataFrame(rows)


def run(
    scene: Scene,
    tell: Tell,
    *,
    points: Points | None = None,
    change: Callable[[Guard], None] | None = None,
    fields: bool = True,
) -> None:
    """One life: the claim, fields, then parents before children, each certified; tells what came of it.

    `change` lays a hand on the guard before it begins: that is how a mutant is made. Without `fields` they are there already.
    """
    store = open_store(scene.store)
    if points is not None:
        points.watch(store)
    writer = Writer(store, engagement_id=ENGAGEMENT, lease_seconds=scene.lease_seconds)
    ledger = Ledger(store, engagement_id=ENGAGEMENT, writer=writer)
    with _clock(scene.clock_ahead, jumps=scene.clock_jumps), ledger.claim():
        guard = ledger.guard(scene.destination(ledger), settle_seconds=scene.settle_seconds)
        if change is not None:
            change(guard)
        tell({"began": True})
        told = _loaded(scene, guard, fields=fields)
    if points is not None:
        told["points"] = points.names
    tell(told)
    store.dispose()


@contextmanager
def _clock(ahead: float, *, jumps: bool) -> Iterator[None]:
    """The clock on the wall, wrong by so many seconds; the monotonic one is left as it is."""
    if not (ahead or jumps):
        yield
        return
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=ahead), tick=True) as clock:
        if jumps:
            threading.Thread(target=_jump, args=(clock,), daemon=True).start()
        yield


def _jump(clock: Any) -> None:
    for hours in cycle((1, -1)):
        clock.shift(timedelta(hours=hours))
        time.sleep(0.01)


def _loaded(scene: Scene, guard: Guard, *, fields: bool) -> dict[str, Any]:
    plans = guard.extra_fields([kind.object for kind, _ in scene.kinds])
    if not fields:
        guard.metadata(plans)
    for plan in plans if fields else ():
        guard.create_field(plan)
    ids: dict[str, str] = {}
    states: Counter[str] = Counter()
    differs: Counter[str] = Counter()  # what the certificates say is otherwise
    holds = True
    for kind, size in scene.kinds:
        rows = scene.rows(kind, size, ids)
        states["held"] += size - len(rows)
        if not rows.empty:
            loaded = load(rows, guard, kind.object, workers=scene.workers, certify=True)
            frame, certificate = loaded.frame, loaded.certificate
            assert certificate is not None
            ids |= {key: number for key, number in zip(frame["key"], frame["id"], strict=True) if number}
            states.update({str(state): int(count) for state, count in frame["state"].value_counts().items()})
            holds = holds and certificate.holds
            differs.update(certificate.frame["verdict"])
    complete = holds and states["done"] == sum(scene.sizes)
    return {"states": dict(states), "complete": complete, "holds": holds, "differs": dict(differs)}
