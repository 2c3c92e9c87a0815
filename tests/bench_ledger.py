"""Figures of the ledger: a million operations, its opening and its looks, and commits of many threads.

    python -m tests.bench_ledger [rows] [sqlalchemy url]

Memory is the peak of a process of its own for each step. `+10 ms` adds that long to every commit, after the disk's own
time, as a slow disk does.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from workbench.ledger.operations import Closing, Intent, Operations, operations
from workbench.ledger.soundness import check
from workbench.store import open_store

ROWS = 1_000_000
BATCH = 500
PERSON = {
    "first_name": "Maria",
    "last_name": "Huber",
    "emails": "maria.huber@example.com",
    "mobile_number": "+43 1 5131234",
    "city": "Wien",
}
OBJECTS = ("sales_account", "contact", "deal", "note")


def main(rows: int, url: str) -> None:
    """Print all figures."""
    with tempfile.TemporaryDirectory(prefix="bench-ledger-") as folder:
        address = url or str(Path(folder) / "workbench.db")
        for step in (fill, settle_files, open_it, ids, ids_one_by_one, unsettled, look_up):
            _aside(step, address, rows)
        for delay in (0.0, 0.01):
            for threads in (1, 10, 50, 100):
                where = url or str(Path(folder) / f"{threads}-{delay}.db")
                _aside(commits, where, threads, delay)


def _aside(step: Callable[..., str], *arguments: Any) -> None:
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_measured, args=(step, *arguments))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


def _measured(step: Callable[..., str], *arguments: Any) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, cpu = time.perf_counter(), time.process_time()
    told = step(*arguments)
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    name = (step.__doc__ or "").rstrip(".")
    tell(f"{name:<34} {wall:7.2f} s, {cpu:6.2f} s CPU, peak {peak / 1024:4.0f} MB (+{(peak - before) / 1024:.0f})  {told}")


def tell(line: str) -> None:
    """Print one line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _ledger(address: str) -> tuple[Engine, Operations]:
    store = open_store(address)
    return store, Operations(store, engagement_id="0123456789abcdef")


def _person(number: int) -> Intent:
    marker = f"promio:contacts:c-{number:07d}"
    return Intent(OBJECTS[number % 4], marker, "create", {**PERSON, "cf_mig_src": marker})


def fill(address: str, rows: int) -> str:
    """Fill: an intent and an outcome a row."""
    store, ledger = _ledger(address)
    for start in range(0, rows, BATCH):
        ops = ledger.open(f"batch {start}", [_person(number) for number in range(start, min(start + BATCH, rows))])
        ledger.close([Closing(op, "done", id=str(12_000_000 + op)) for op in ops[: len(ops) - (start == 0)]])
    store.dispose()
    return f"{rows:,} rows"


def settle_files(address: str, rows: int) -> str:
    """File."""
    if "://" in address:
        store = open_store(address)
        with store.connect() as connection:
            size = int(connection.exec_driver_sql("SELECT pg_total_relation_size('operations')").scalar() or 0)
        store.dispose()
    else:
        size = Path(address).stat().st_size
    return f"{size / 1e6:,.0f} MB, {size / rows:.0f} bytes a row"


def open_it(address: str, rows: int) -> str:
    """Open, and read all against the seals."""
    began = time.perf_counter()
    store, _ = _ledger(address)
    opened = time.perf_counter() - began
    check(store, engagement_id="0123456789abcdef")
    store.dispose()
    return f"of which open_store {opened:.2f} s"


def ids(address: str, rows: int) -> str:
    """Ids of all objects, in dicts."""
    store, ledger = _trusting(address)
    found = {name: ledger.pairs(name, ("done", "kept")) for name in OBJECTS}
    store.dispose()
    return f"{sum(map(len, found.values())):,} ids"


def ids_one_by_one(address: str, rows: int) -> str:
    """Ids of all objects, one by one."""
    store, ledger = _trusting(address)
    count = sum(1 for name in OBJECTS for _ in ledger.each_pair(name, ("done", "kept")))
    store.dispose()
    return f"{count:,} ids"


def unsettled(address: str, rows: int) -> str:
    """Open operations."""
    store, ledger = _trusting(address)
    found = ledger.unsettled()
    store.dispose()
    return f"{len(found)} found"


def look_up(address: str, rows: int) -> str:
    """Look-ups of 100,000 keys, 500 at once."""
    store, ledger = _trusting(address)
    found = 0
    for start in range(0, 100_000, 500):
        numbers = [(start + each) * (rows // 100_000 or 1) // 4 * 4 for each in range(500)]
        found += len(ledger.of_keys(OBJECTS[0], {_person(number).key for number in numbers}))
    store.dispose()
    return f"{found:,} found"


def _trusting(address: str) -> tuple[Engine, Operations]:
    """A ledger whose check was measured before, so that it does not count again."""
    store, ledger = _ledger(address)
    ledger.writer._checked = 0
    return store, ledger


def commits(address: str, threads: int, delay: float) -> str:
    """Intent and outcome, one by one."""
    store = open_store(address)
    commit = store.dialect.do_commit

    def slow(connection: Any) -> None:
        commit(connection)
        time.sleep(delay)

    if delay:
        store.dialect.do_commit = slow  # type: ignore[method-assign]
    ledger = Operations(store, engagement_id=f"{threads} {delay}")
    ledger.where(operations.c.op < 0)
    each = (200 if delay else 4000) * min(threads, 20) // threads

    def work(lane: int) -> None:
        for number in range(each):
            (op,) = ledger.open("b", [_person(1000 * lane + number)])
            ledger.close([Closing(op, "done", id=str(op))])

    lanes = [threading.Thread(target=work, args=(lane,)) for lane in range(threads)]
    began, cpu = time.perf_counter(), time.process_time()
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    wall, cpu, records = time.perf_counter() - began, time.process_time() - cpu, each * threads
    with closing(store.connect()) as connection:
        counted = "SELECT max(commits) FROM writers WHERE rows > 0 AND engagement LIKE "
        turns = int(connection.exec_driver_sql(f"{counted}'{threads} {delay}'").scalar() or 1)
    store.dispose()
    slower = f" +{delay * 1000:.0f} ms" if delay else ""
    figures = (
        f"{records / wall:,.0f} records/s, {1000 * cpu / records:.3f} ms CPU a record, {2 * records / turns:.1f} rows a commit"
    )
    return f"{threads} threads{slower}: {figures}"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS, sys.argv[2] if len(sys.argv) > 2 else "")
