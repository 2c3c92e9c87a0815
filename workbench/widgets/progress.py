"""How far an engagement is: its phases, and what keeps one of them from passing."""

from __future__ import annotations

import pandas as pd

from workbench.engagement import Engagement
from workbench.widgets.twin import Twin

__all__ = ["progress"]

MARKS = {"passed": "✓ passed", "blocked": "✗ blocked"}


def progress(engagement: Engagement) -> Twin:
    """Every phase in order with how it ended, why, and when in universal time."""
    frame = engagement.status()
    passed = int((frame["state"] == "passed").sum())
    moments = frame["at"].astype("str").str[:19].str.replace("T", " ")
    view = pd.DataFrame(
        {
            "phase": frame["phase"],
            "state": frame["state"].map(MARKS).fillna(frame["state"]),
            "because": frame["reasons"],
            "ended (UTC)": moments,
        }
    )
    return Twin("How far we are", f"{passed} of {len(frame)} phases passed", frame, view=view)
