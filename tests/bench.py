"""Figures: CPU seconds of the helpers, a stand-in under load, then the medium sample: seconds of each phase, peak memory.

``make bench`` prints them. Nothing here passes or fails; ratios of one run are what is worth comparing.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
import psutil

from tests.bench_rehearsal import rehearsals
from workbench.frames.compare import compare
from workbench.frames.profile import profile
from workbench.matching.columns import propose_fields
from workbench.matching.records import match_records
from workbench.readers import read_export
from workbench.recipes import convert

ROOT = Path(__file__).resolve().parent.parent
EVERY = 0.2
MEGABYTE = 1024 * 1024


def main() -> int:
    """Measure the helpers, then run the demonstration on the medium sample and watch its processes."""
    _helpers()
    for figure in rehearsals():
        print(figure)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        command = [sys.executable, "-m", "sample_exports.demo", "--size", "medium", "--into", folder]
        begun = time.monotonic()
        running = subprocess.Popen(command, cwd=ROOT)
        peaks = _watch(psutil.Process(running.pid))
        print(f"\nwall {time.monotonic() - begun:.0f} s")
        for role, peak in peaks.items():
            print(f"peak {role:<22}{peak / MEGABYTE:8.0f} MB")
    return running.returncode


def _helpers() -> None:
    """CPU seconds of single helpers on frames of the size of one customer."""
    rows = 36_000
    people = pd.DataFrame(
        {
            "id": range(rows),
            "name": [f"Given{n % 800} Family{n * 7 % 6000}" for n in range(rows)],
            "email": [f"User{n // 2}@example.com" if n % 5 else None for n in range(rows)],
            "phone": [f"(617) {200 + n % 799}-{n % 10_000:04}" for n in range(rows)],
            "created": [f"{n % 12 + 1}/{n % 28 + 1}/{1990 + n % 30} 3:0{n % 10} PM" for n in range(rows)],
        }
    )
    wide = pd.DataFrame({f"text {i}": [f"some words {n * i % 9973}" for n in range(rows)] for i in range(25)}, dtype="str")
    records = pd.DataFrame({f"f{j}": [f"{n * j}.50" for n in range(15_000)] for j in range(25)})
    records.insert(0, "key", [f"k{n}" for n in range(15_000)])
    names = [f"Field {n}" for n in range(949)]
    headers = pd.DataFrame({"table": [f"t{n // 40}" for n in range(949)], "column": names, "samples": "a | b"})
    fields = pd.DataFrame({"object": "contact", "field": names[:40], "label": names[:40], "type": "text", "custom": False})
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder) / "wide.csv"
        wide.to_csv(export, index=False)
        _measured("read_export, 36,000 rows × 25", lambda: read_export(export))
    _measured("profile, 36,000 rows × 25", lambda: profile(wide))
    for recipe, column in (("phone", "phone"), ("email", "email"), ("day", "created")):
        options = {"order": "mdy"} if recipe == "day" else None
        _measured(f"convert {recipe}, 36,000 cells", lambda r=recipe, c=column, o=options: convert(people[c], r, options=o))
    _measured(
        "match_records, 36,000 people", lambda: match_records(people, key="id", email="email", phone="phone", name="name")
    )
    _measured("propose_fields, 949 headers", lambda: propose_fields(headers, fields))
    _measured("compare, 15,000 records × 25", lambda: compare(records, records.iloc[::-1]))


def _measured(name: str, work: Callable[[], object]) -> None:
    begun = time.process_time()
    work()
    print(f"{name:<34}{time.process_time() - begun:7.2f} s CPU")


def _watch(parent: psutil.Process) -> dict[str, int]:
    """Peak resident memory by role, until the parent ends: of one kernel, of the rehearsal, of all together."""
    peaks = {"one notebook kernel": 0, "rehearsal": 0, "demo itself": 0, "all together": 0}
    while parent.is_running() and parent.status() != psutil.STATUS_ZOMBIE:
        seen: dict[str, int] = {}
        total = 0
        for process, memory in _sizes([parent, *_children(parent)]):
            role = _role(process, parent)
            seen[role] = max(seen.get(role, 0), memory)
            total += memory
        for role, memory in {**seen, "all together": total}.items():
            peaks[role] = max(peaks[role], memory)
        time.sleep(EVERY)
    return peaks


def _children(parent: psutil.Process) -> list[psutil.Process]:
    try:
        return parent.children(recursive=True)
    except psutil.Error:
        return []


def _sizes(processes: Iterable[psutil.Process]) -> list[tuple[psutil.Process, int]]:
    found = []
    for process in processes:
        try:
            found.append((process, int(process.memory_info().rss)))
        except psutil.Error:
            continue
    return found


def _role(process: psutil.Process, parent: psutil.Process) -> str:
    if process.pid == parent.pid:
        return "demo itself"
    try:
        return "one notebook kernel" if "ipykernel_launcher" in " ".join(process.cmdline()) else "rehearsal"
    except psutil.Error:
        return "rehearsal"


if __name__ == "__main__":
    sys.exit(main())
