"""Figures of a load of a million records: begun anew, gone on with after a kill, foretold, and read back.

    python -m tests.bench_resume [records] [new]

A fifth of the records are companies, the others people who belong to them. The kill came while people were sent in bulks:
all companies are done and read back, the last `new` people are not, a hundred of these are open without an answer, and no
id of a person is known, since a bulk call tells none. The destination lives in memory and knows by heart what it was
given; the engagement is a stand-in of the parts that a transfer asks for. Each line is a process of its own. Time counts
from its start, memory is what it holds above a process that reads what is staged: whole, and slice by slice.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd

from tests.toy import Toy
from workbench.destinations import Draft, Outcome, Record, Spent
from workbench.flow import transfer as flow
from workbench.flow.expecting import amounts
from workbench.ledger import Ledger
from workbench.ledger.operations import Closing, Intent
from workbench.ledger.soundness import check
from workbench.specs import load_destination, load_route, load_source
from workbench.staging import read_frame, slices, write_frame
from workbench.store import open_store

RECORDS, NEW, OPEN, BATCH = 1_000_000, 1_000, 100, 500
ENGAGEMENT = "0123456789abcdef"
FIELDS = ("full_name", "mobile_number", "address", "city", "state", "zipcode", "promio_customer_id__c", "first_job__c")
FEEDS = {"accounts": "sales_account", "contacts": "contact"}
IDS = {"accounts": 11_000_000_000, "contacts": 12_000_000_000}
SECONDS, CPU, MEGABYTES = 10.0, 7.0, 400
"""The bars: to the first new request, and above the reader."""


@dataclass(frozen=True)
class Place:
    """Where a step finds what it needs, and how many records there are."""

    folder: Path
    records: int
    new: int
    database: str = "workbench.db"

    def count(self, feed: str) -> int:
        companies = self.records // 5
        return companies if feed == "accounts" else self.records - companies

    def staged(self, feed: str) -> Path:
        return self.folder / "staged" / "main" / "records" / f"{feed}.parquet"


@dataclass(frozen=True)
class Figure:
    """What a step took."""

    wall: float
    cpu: float
    peak: float  # MB
    load: float  # of the machine, when it ended
    told: str


class Arrived(Exception):
    """The first call is being made."""


def _marker(feed: str, number: int) -> str:
    return f"promio:{feed}:{feed[0]}-{number:08d}"


def _values(feed: str, number: int) -> dict[str, Any]:
    if feed == "accounts":
        return {"name": f"Company {number}", **{name: f"{name} of {number}" for name in FIELDS[2:6]}}
    return {"emails": f"person.{number}@example.com", **{name: f"{name} of {number}" for name in FIELDS}}


def _linked(place: Place, feed: str, number: int) -> dict[str, Any]:
    """The values as they are sent: a person names its company's id."""
    values = _values(feed, number)
    if feed == "contacts":
        values["sales_accounts"] = [str(IDS["accounts"] + number % place.count("accounts"))]
    return values


class Counted(Toy):
    """Takes bulks and tells no ids, and shows in a sweep whatever it was given, which it need not keep for that."""

    def __init__(self, place: Place, before: Callable[[Sequence[Draft]], None] = lambda drafts: None) -> None:
        super().__init__(rows=100, lanes=4, keeping=False, before=before)
        self._place = place

    def spent(self, purpose: str = "") -> Spent:
        return Spent()

    def _one(self, draft: Draft) -> Outcome:
        return Outcome(draft.key, "done")

    def sweep(self, object_: str, *, since: str = "") -> Iterator[Record]:
        feed = next(name for name, each in FEEDS.items() if each == object_)
        for n in range(self._place.count(feed)):
            yield Record(str(IDS[feed] + n), _marker(feed, n), _linked(self._place, feed, n))

    def bearing(self, object_: str, keys: Any, *, since: str = "") -> list[Record]:
        """Nothing of what was open had arrived, and nobody else sends."""
        return []


# ------------------------------------------------------------ steps


def stage(place: Place) -> str:
    """Stage."""
    for feed in FEEDS:
        numbers = range(place.count(feed))
        columns: dict[str, Any] = {"row": list(numbers), "key": [f"{feed}/{feed[0]}-{number:08d}" for number in numbers]}
        columns["marker"] = [_marker(feed, number) for number in numbers]
        for name in _values(feed, 0):
            columns[name] = [_values(feed, number)[name] for number in numbers]
        if feed == "contacts":
            companies = place.count("accounts")
            columns["sales_accounts"] = [f"accounts/a-{number % companies:08d}" for number in numbers]
        write_frame(place.staged(feed), pd.DataFrame(columns))
    return f"{place.records:,} records"


def fill(place: Place) -> str:
    """Fill the ledger as a kill leaves it."""
    store = open_store(place.folder / place.database)
    ledger = Ledger(store, engagement_id=ENGAGEMENT)
    for feed, object_ in FEEDS.items():
        done = place.count(feed) - (place.new if feed == "contacts" else 0)
        for start in range(0, done, BATCH):
            some = range(start, min(start + BATCH, done))
            intents = [Intent(object_, _marker(feed, n), "create", _linked(place, feed, n)) for n in some]
            ops = ledger.operations.open(f"{feed} {start}", intents)
            seen = feed == "accounts"
            told = zip(ops, some, strict=True)
            ledger.operations.close(
                [
                    Closing(op, "done", id=str(IDS[feed] + n) if seen else "", post=_values(feed, n) if seen else None)
                    for op, n in told
                ]
            )
        ledger.note_watermark(object_, "")
    some = range(done, done + min(OPEN, place.new))
    ledger.operations.open("cut off", [Intent(object_, _marker(feed, n), "create", _linked(place, feed, n)) for n in some])
    store.dispose()
    return f"{place.records - place.new:,} done, {len(some)} open, {place.new - len(some):,} never sent"


def open_it(place: Place) -> str:
    """Open the ledger, all of it against its seals."""
    store = open_store(place.folder / place.database)
    check(store, engagement_id=ENGAGEMENT)
    store.dispose()
    return ""


def read(place: Place) -> str:
    """Read what is staged, whole."""
    return f"{sum(len(read_frame(place.staged(feed))) for feed in FEEDS):,} rows"


def read_slices(place: Place) -> str:
    """Read what is staged, slice by slice."""
    return f"{sum(len(part) for feed in FEEDS for part in slices(place.staged(feed))):,} rows"


def resume(place: Place) -> str:
    """Resume after the kill, to the first new request."""
    arrived: list[str] = []

    def stop(drafts: Sequence[Draft]) -> None:
        arrived.extend(draft.key for draft in drafts)
        raise Arrived

    with suppress(Arrived):
        _transfer(place, before=stop)
    return f"it begins with {arrived[0]}"


def go_on(place: Place) -> str:
    """Resume after the kill, to the certificate."""
    return _transfer(place)


def load(place: Place) -> str:
    """Load all, to the certificate."""
    return _transfer(place)


def foretell(place: Place) -> str:
    """Forecast what is left of it."""
    with _engaged(place) as engagement:
        wanted = amounts(engagement)
    return f"{sum(each.made for each in wanted):,} made, {sum(each.new for each in wanted):,} new"


def read_back(place: Place) -> str:
    """Read all back and compare every field."""
    with _engaged(place) as engagement:
        found = flow.read_back(engagement).values()
    return f"{sum(each.cells for each in found):,} cells, {sum(each.wrong for each in found)} differences"


def _transfer(place: Place, *, before: Callable[[Sequence[Draft]], None] = lambda drafts: None) -> str:
    with _engaged(place, before) as engagement:
        moved = flow.transfer(engagement, feeds=engagement.route.feeds, certify=True)
    counts = moved.frame["state"].value_counts()
    told = ", ".join(f"{count:,} {state}" for state, count in counts.items())
    return f"{told}; {sum(each.matched for each in moved.certificates.values()):,} one to one"


@contextmanager
def _engaged(place: Place, before: Callable[[Sequence[Draft]], None] = lambda drafts: None) -> Iterator[Any]:
    """The parts of an engagement that are asked, with the destination behind its ledger."""
    store = open_store(place.folder / place.database)
    ledger = Ledger(store, engagement_id=ENGAGEMENT)
    route = load_route("promio_to_freshsales")
    staged = place.folder / "staged" / "main"
    engagement = SimpleNamespace(
        root=place.folder,
        source=load_source("promio"),
        destination=load_destination("freshsales"),
        settings=SimpleNamespace(edition="crm"),
        route=route.model_copy(update={"feeds": tuple(route.feed(feed) for feed in FEEDS)}),
        decisions=SimpleNamespace(value=lambda *_: None, mapping=lambda *_: {}),
        dials=dict,
        ledger=lambda: ledger,
        has=lambda *_, **__: False,
        load=lambda name, **_: read_frame(staged / f"{name}.parquet"),
        save=lambda *_, **__: None,
    )
    guard = ledger.guard(Counted(place, before))
    flow.connected = lambda engagement: guard
    try:
        yield engagement
    finally:
        store.dispose()


# ------------------------------------------------------------ the table


def main(records: int, new: int) -> None:
    """Print all figures, and beside the promised ones the bar."""
    with tempfile.TemporaryDirectory(prefix="bench-resume-") as name:
        killed = Place(Path(name), records, new)
        anew = Place(Path(name), records, new, "anew.db")
        print(f"{'':<50}{'wall':>9}{'CPU':>9}{'peak':>9}{'load':>6}   on {os.cpu_count()} cores")
        for step in (stage, fill, open_it):
            _aside(step, killed)
        whole, sliced = _aside(read, killed), _aside(read_slices, killed)
        first, gone_on, loaded = _aside(resume, killed), _aside(go_on, killed), _aside(load, anew)
        told, compared = _aside(foretell, anew), _aside(read_back, anew)
    print()
    _bar("first new request after the kill, seconds", first.wall, SECONDS, load=first.load)
    _bar("the same, seconds of CPU", first.cpu, CPU, load=first.load)
    steps = {"first new request": first, "going on": gone_on, "whole load": loaded, "forecast": told, "reading back": compared}
    for words, figure in steps.items():
        _bar(f"{words}: MB above the whole reader", figure.peak - whole.peak, MEGABYTES, load=figure.load)
        _bar(f"{words}: MB above the reader of slices", figure.peak - sliced.peak, MEGABYTES, load=figure.load)


def _bar(words: str, figure: float, bar: float, *, load: float) -> None:
    verdict = "kept" if figure <= bar else "MISSED"
    print(f"{words:<50}{figure:9.1f}   bar {bar:5.0f}   {verdict}   at load {load:.1f}", flush=True)


def _aside(step: Callable[[Place], str], place: Place) -> Figure:
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_measured, args=(step, place, time.time(), theirs))
    process.start()
    theirs.close()
    try:
        figure: Figure = mine.recv()
    except EOFError:
        process.join()
        raise SystemExit(process.exitcode or 1) from None
    process.join()
    name = (step.__doc__ or "").rstrip(".")
    taken = f"{figure.wall:7.1f} s{figure.cpu:7.1f} s{figure.peak:6.0f} MB{figure.load:6.1f}"
    print(f"{name:<50}{taken}   {figure.told}", flush=True)
    return figure


def _measured(step: Callable[[Place], str], place: Place, started: float, answer: Connection) -> None:
    told = step(place)
    wall, used = time.time() - started, resource.getrusage(resource.RUSAGE_SELF)
    answer.send(Figure(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, os.getloadavg()[0], told))


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:])) if sys.argv[1:] else main(RECORDS, NEW)
