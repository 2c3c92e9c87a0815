"""Figures of a load that goes on: a ledger of a million done records, one transfer over what is staged, and the first call.

    python -m tests.bench_resume [records] [new]

The last `new` of so many staged records are not in the ledger yet. The transfer is the product's own, over a destination
that lives in memory and refuses to go on at its first call; the engagement is a stand-in of the parts that it asks for.
Time is counted from the start of the process, memory against a process that reads what is staged and does nothing with it.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd

from tests.toy import Toy
from workbench.destinations import Draft, Spent
from workbench.flow import transfer as flow
from workbench.ledger import Ledger
from workbench.ledger.operations import Closing, Intent
from workbench.ledger.soundness import check
from workbench.specs import load_destination, load_route
from workbench.staging import read_frame, write_frame
from workbench.store import open_store

RECORDS, NEW, BATCH = 1_000_000, 1_000, 500
ENGAGEMENT = "0123456789abcdef"
FIELDS = ("full_name", "mobile_number", "address", "city", "state", "zipcode", "promio_customer_id__c", "first_job__c")


class Counted(Toy):
    def spent(self) -> Spent:
        return Spent()


class Arrived(Exception):
    """The first call is being made."""


def _marker(number: int) -> str:
    return f"promio:contacts:c-{number:08d}"


def _values(number: int) -> dict[str, str]:
    return {"emails": f"person.{number}@example.com", **{name: f"{name} of {number}" for name in FIELDS}}


def staged(folder: Path) -> Path:
    return folder / "staged" / "main" / "records" / "contacts.parquet"


def fill(folder: Path, records: int, new: int) -> str:
    """Stage, and fill the ledger."""
    numbers = range(records)
    columns: dict[str, Any] = {"row": list(numbers), "key": [f"contacts/c-{number:08d}" for number in numbers]}
    columns["marker"] = [_marker(number) for number in numbers]
    columns["emails"] = [f"person.{number}@example.com" for number in numbers]
    columns |= {name: [f"{name} of {number}" for number in numbers] for name in FIELDS}
    write_frame(staged(folder), pd.DataFrame(columns))
    store = open_store(folder / "workbench.db")
    ledger = Ledger(store, engagement_id=ENGAGEMENT)
    for start in range(0, records - new, BATCH):
        some = range(start, min(start + BATCH, records - new))
        ops = ledger.operations.open(f"batch {start}", [Intent("contact", _marker(n), "create", _values(n)) for n in some])
        ledger.operations.close([Closing(op, "done", id=str(12_000_000 + op)) for op in ops])
    ledger.note_watermark("contact", "")
    store.dispose()
    return f"{records - new:,} done, {new:,} new"


def open_it(folder: Path, records: int, new: int) -> str:
    """Open, and read all against the seals."""
    store = open_store(folder / "workbench.db")
    check(store, engagement_id=ENGAGEMENT)
    store.dispose()
    return ""


def read(folder: Path, records: int, new: int) -> str:
    """Read what is staged, and nothing else."""
    return f"{len(read_frame(staged(folder))):,} rows"


def resume(folder: Path, records: int, new: int) -> str:
    """Resume, to the first new request."""
    store = open_store(folder / "workbench.db")
    ledger = Ledger(store, engagement_id=ENGAGEMENT)
    feed = load_route("promio_to_freshsales").feed("contacts").model_copy(update={"lookups": ()})
    engagement = SimpleNamespace(
        root=folder,
        destination=load_destination("freshsales"),
        settings=SimpleNamespace(edition="crm"),
        route=SimpleNamespace(feeds=(feed,), feed=lambda name: feed),
        decisions=SimpleNamespace(value=lambda *_: None),
        ledger=lambda: ledger,
        load=lambda name, delivery: read_frame(staged(folder)),
    )
    arrived: list[str] = []

    def stop(drafts: Sequence[Draft]) -> None:
        arrived.extend(draft.key for draft in drafts)
        raise Arrived

    guard = ledger.guard(Counted(rows=100, lanes=1, before=stop))
    flow.connected = lambda engagement: guard
    try:
        flow.transfer(engagement, feeds=[feed])  # type: ignore[arg-type]
    except Arrived:
        store.dispose()
        return f"it begins with {arrived[0]}"
    raise AssertionError("nothing was sent")


def main(records: int, new: int) -> None:
    """Print all figures."""
    with tempfile.TemporaryDirectory(prefix="bench-resume-") as folder:
        for step in (fill, open_it, read, resume):
            context = multiprocessing.get_context("spawn")
            process = context.Process(target=_measured, args=(step, Path(folder), records, new, time.time()))
            process.start()
            process.join()
            if process.exitcode:
                raise SystemExit(process.exitcode)


def _measured(step: Callable[..., str], folder: Path, records: int, new: int, started: float) -> None:
    told = step(folder, records, new)
    wall, used = time.time() - started, resource.getrusage(resource.RUSAGE_SELF)
    load = os.getloadavg()[0]
    name = (step.__doc__ or "").rstrip(".")
    figures = f"{wall:7.1f} s, {used.ru_utime + used.ru_stime:6.1f} s CPU, peak {used.ru_maxrss / 1024:5.0f} MB"
    print(f"{name:<36} {figures}, load {load:.1f} on {os.cpu_count()} cores  {told}", flush=True)


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:])) if sys.argv[1:] else main(RECORDS, NEW)
