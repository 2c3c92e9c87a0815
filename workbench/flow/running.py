"""The load that is under way, told in a small file of the engagement, so that other processes can show it."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from workbench.destinations import Standing
from workbench.ledger.loading.progress import Pause, Progress

__all__ = ["FILE", "Board", "Running", "running"]

FILE = ".progress.json"
FRESH = 20.0
"""Seconds for which the word of another machine counts, whose processes we cannot see."""
PAUSE = 0.25
"""Seconds between two versions of the file."""


@dataclass(frozen=True)
class Running:
    """A load in some process: what it says of each object, by label, and when it said so last."""

    loads: Mapping[str, Progress]
    pid: int
    host: str
    at: float  # seconds since 1970
    over: bool  # this was the last word

    @property
    def alive(self) -> bool:
        """Whether it goes on still, as far as can be seen from here."""
        return not self.over and _lives(self)


class Board:
    """Writes down how a load stands, a few times a second, and at its end for the last time."""

    def __init__(self, root: Path) -> None:
        self._path = root / FILE
        self._loads: dict[str, Progress] = {}
        self._written = 0.0

    def tell(self, label: str, progress: Progress) -> None:
        """How an object stands now."""
        self._loads[label] = progress
        now = time.monotonic()
        if progress.ended or now - self._written >= PAUSE:
            self._written = now
            self._write()

    def close(self) -> None:
        """Nothing is loaded any more."""
        self._write(over=True)

    def _write(self, *, over: bool = False) -> None:
        told = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "at": time.time(),
            "over": over,
            "loads": {label: asdict(load) for label, load in self._loads.items()},
        }
        half = self._path.with_suffix(".part")
        with suppress(OSError):  # a full disk stops the load where it matters, which is in the ledger
            descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                json.dump(told, stream)
            half.replace(self._path)


def running(root: Path) -> Running | None:
    """The load that is under way in an engagement, or the last one; None where there was none, or its file is no good."""
    try:
        told = json.loads((root / FILE).read_text(encoding="utf-8"))
        loads = {str(label): _progress(load) for label, load in told["loads"].items()}
        return Running(loads, int(told["pid"]), str(told["host"]), float(told["at"]), bool(told["over"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _progress(told: Mapping[str, Any]) -> Progress:
    budget = tuple(Standing(**each) for each in told["budget"])
    return replace(Progress(**told), budget=budget, wait=Pause(**told["wait"]) if told["wait"] else None)


def _lives(found: Running) -> bool:
    if found.host != socket.gethostname():
        return time.time() - found.at < FRESH
    try:
        os.kill(found.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, and is somebody else's
        return True
    return True
