"""A part of the walk in a process of its own, which a test may kill: `python pushing.py load|delta|rollback FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from walk import cut_over, load_sample

from workbench.engagement import Engagement, open_engagement
from workbench.stages import production, provisioning, rollback

OFTEN = 12
"""How often a step may be run before it has to pass: under faults a run may end with open operations."""


def load(engagement: Engagement) -> bool:
    """Everything to the end of production, from wherever an earlier process has left off."""
    if not _until(lambda: provisioning.run(engagement).missing == 0):
        return False
    if engagement.phase("sample").state != "passed" and not _until(lambda: load_sample(engagement).wrong == 0):
        return False
    return _until(lambda: production.run(engagement).passed)


def delta(engagement: Engagement) -> bool:
    return _until(lambda: cut_over(engagement).passed)


def back(engagement: Engagement) -> bool:
    return _until(lambda: rollback.run(engagement).errored.empty)


def _until(step: object) -> bool:
    assert callable(step)
    return any(step() for _ in range(OFTEN))


if __name__ == "__main__":
    what = {"load": load, "delta": delta, "rollback": back}[sys.argv[1]]
    sys.exit(0 if what(open_engagement(Path(sys.argv[2]))) else 1)
