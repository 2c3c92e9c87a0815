"""Figures of the medium sample: seconds of each phase, and the peak memory of the processes that take part.

``make bench`` prints them. Nothing here passes or fails; ratios of one run are what is worth comparing.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
EVERY = 0.2
MEGABYTE = 1024 * 1024


def main() -> int:
    """Run the demonstration on the medium sample and watch its processes."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        command = [sys.executable, "-m", "sample_exports.demo", "--size", "medium", "--into", folder]
        begun = time.monotonic()
        running = subprocess.Popen(command, cwd=ROOT)
        peaks = _watch(psutil.Process(running.pid))
        print(f"\nwall {time.monotonic() - begun:.0f} s")
        for role, peak in peaks.items():
            print(f"peak {role:<22}{peak / MEGABYTE:8.0f} MB")
    return running.returncode


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
