"""What Freshsales does to many records later and answers with a sentence now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.rehearsal.engine import House, Job, Json, Refusal, Reply, as_json, mishaps
from workbench.rehearsal.engine.faults import JOB

LATER = "Updating now... we'll let you know once this is done."
Deed = Callable[[Job, Any], object]
"""Does one row of a job; a ``Refusal`` fails that row alone."""


class Tasks:
    """The bulk requests of the lesser objects, each promised as a job and done row by row when it is due."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._deeds: dict[str, Deed] = {}

    def take(self, task: str, deed: Deed) -> None:
        """Name who does a kind of job."""
        self._deeds[task] = deed

    def knows(self, task: str) -> bool:
        return task in self._deeds

    def do(self, job: Job, row: object) -> None:
        self._deeds[job.kind](job, row)

    def promise(self, task: str, rows: object, request: Json, now: float, *, missing: str) -> Reply:
        """The sentence; a list without rows is refused by its name."""
        if not isinstance(rows, list) or not rows:
            raise Refusal(400, f"{missing} is missing")
        switches = self._house.switches
        wait = switches.number("job_seconds") + switches.number("job_seconds_per_row") * len(rows)
        whole = {**request, "kind": task, "ids": rows}
        kept, due = mishaps.promised(whole, now + self._house.clock.wait(wait), self._house.faults.at(JOB))
        self._house.state.promise(task, kept, made=now, due=due)
        return as_json({"message": LATER})
