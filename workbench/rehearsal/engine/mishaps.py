"""What the faults of a job do to it: when it is due, which of its rows are refused, how it reports, and whether it is found."""

from __future__ import annotations

import random
from collections.abc import Sequence

from workbench.rehearsal.engine.faults import Met
from workbench.rehearsal.engine.state import Job, Json

NEVER = 9e17
"""A moment that does not come."""
KEPT = "met"
"""Key under which a job's request, and later its result, keeps the fault, so that a killed server knows it still."""


def promised(request: Json, due: float, met: Met | None) -> tuple[Json, float]:
    """The request with the fault that its job will meet, and when the job is due then."""
    if met is None:
        return request, due
    due = NEVER if met.kind == "job_stuck" else due + met.seconds if met.kind == "job_late" else due
    return {**request, KEPT: {"kind": met.kind, "rows": met.rows}}, due


def refused(job: Job, count: int) -> frozenset[int]:
    """Places of the rows that are refused whatever they hold; always the same for the same job."""
    if _kind(job) != "job_rows":
        return frozenset()
    share = job.request[KEPT]["rows"]
    return frozenset(random.Random(job.id).sample(range(count), max(1, round(share * count))))


def reported(job: Job, result: Json, failures: Sequence[Json]) -> Json:
    """The result with its failures, in another order than that of the rows where the fault says so."""
    listed = list(failures)
    if _kind(job) == "job_shuffled":
        random.Random(job.id).shuffle(listed)
        listed = listed if listed != list(failures) else listed[::-1]
    kept = {KEPT: job.request[KEPT]} if KEPT in job.request else {}
    return {**result, "failures": listed, **kept}


def lost(job: Job) -> bool:
    """Whether the status of the job is not found, though it is or will be done."""
    return _kind(job) == "job_lost"


def _kind(job: Job) -> str:
    kept = job.request.get(KEPT) or (job.result or {}).get(KEPT) or {}
    return str(kept.get("kind", ""))
