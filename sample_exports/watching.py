"""Run the phase notebooks of a sample behind a progress bar, and answer as its truth does wherever a decision is missing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sample_exports.answers import answer
from workbench import notebooks
from workbench.engagement import PHASES, Engagement
from workbench.errors import DecisionMissing

__all__ = ["Watched"]


class Watched:
    """Runs of notebooks under one bar, with the seconds that each took; used as a context."""

    def __init__(self, console: Console, truth: Path) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
        self._bars = Progress(*columns, TimeElapsedColumn(), console=console)
        self._truth = truth
        self._reached, self._begun = "", 0.0
        self.seconds: dict[str, float] = {}  # by notebook

    def __enter__(self) -> Self:
        self._bars.start()
        self._task = self._bars.add_task("notebooks", total=len(PHASES))
        return self

    def __exit__(self, *raised: object) -> None:
        self._bars.stop()

    def run(self, engagement: Engagement, first: str, last: str) -> None:
        """Execute the notebooks from one phase to another; one that lacks a decision runs again once it is answered.

        The error of the first that fails is raised, a missing decision too where the truth has no answer.
        """
        while True:
            try:
                notebooks.run_all(engagement, first=first, last=last, on_progress=self._follow)
                return
            except DecisionMissing:
                self._count()
                if not answer(engagement, self._truth):
                    raise
                first = self._reached

    def _follow(self, step: notebooks.Progress) -> None:
        if step.state == "running":
            self._reached, self._begun = step.stem, time.monotonic()
            self._bars.update(self._task, description=step.stem)
        elif step.state == "passed":
            self._count()
            self._bars.update(self._task, advance=1)
            took = self.seconds[step.stem]
            self._bars.console.print(f"  ✓ {step.stem:<18}{took:6.1f} s", highlight=False)

    def _count(self) -> None:
        """Add the seconds since the notebook began, those of the runs that stopped for a question among them."""
        known = self.seconds.get(self._reached, 0.0)
        self.seconds[self._reached] = known + time.monotonic() - self._begun
