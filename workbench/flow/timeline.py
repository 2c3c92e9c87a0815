"""When what was sent: the runs that changed the destination, and in each of them its objects."""

from __future__ import annotations

import pandas as pd

from workbench.engagement import PHASES, Engagement

__all__ = ["runs"]

COLUMNS = ("run", "phase", "object", "created", "updated", "begun", "ended")
SENDING = ("create", "update")


def runs(engagement: Engagement) -> pd.DataFrame:
    """One row per run and object: run, phase, object, created, updated, begun, ended (UTC, as the ledger notes them).

    A run is one spell of writing; fields that were made, and what was taken back, are no part of it.
    """
    found: dict[tuple[int, str], dict[str, object]] = {}
    spec = engagement.destination.objects
    for run, object_, verb, begun, ended, count in engagement.ledger().operations.spans():
        if verb not in SENDING:
            continue
        row = found.setdefault((run, object_), {"created": 0, "updated": 0, "begun": begun, "ended": ended})
        row[f"{verb}d"] = count
        row["begun"], row["ended"] = min(str(row["begun"]), begun), max(str(row["ended"]), ended)
    named = {name: spec[name].label if name in spec else name for _, name in found}
    rows = [{"run": run, "object": named[object_], **row} for (run, object_), row in found.items()]
    frame = pd.DataFrame(rows, columns=[name for name in COLUMNS if name != "phase"])
    starts = frame.groupby("run")["begun"].transform("min")
    frame.insert(1, "phase", pd.Series([_phase(engagement, str(begun)) for begun in starts], index=frame.index, dtype="str"))
    return frame


def _phase(engagement: Engagement, begun: str) -> str:
    """The first phase that ended after the run began; a phase that ran again is known by its latest end."""
    ends = ((name, engagement.phase(name).at) for name in PHASES)
    return next((name for name, at in ends if at and at >= begun), "")
