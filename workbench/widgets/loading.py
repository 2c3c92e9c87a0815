"""A load as it goes on, in one output that changes in place; what the notebook keeps is how it ended."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from IPython.display import display

from workbench.engagement import Engagement
from workbench.widgets.twin import headless

if TYPE_CHECKING:
    from workbench.ledger.loading.progress import Progress

__all__ = ["Loading", "loading"]

PAUSE = 0.25
"""Seconds between two pictures."""


@dataclass
class Loading:
    """Told how each object stands, it shows all of them. Where nobody looks, it shows only how they ended."""

    labels: tuple[str, ...]
    still: bool
    _loads: dict[str, Progress] = field(default_factory=dict)
    _handle: Any = None
    _drawn: float = 0.0

    def __call__(self, label: str, progress: Progress) -> None:
        self._loads[label] = progress
        over = self._over(progress)
        now = time.monotonic()
        if over or (not self.still and (progress.ended or now - self._drawn >= PAUSE)):
            self._drawn = now
            self._draw()

    def _over(self, progress: Progress) -> bool:
        """Whether nothing will follow: every object has ended, or this one was stopped."""
        ended = all(label in self._loads and self._loads[label].ended for label in self.labels)
        return progress.ended and (ended or progress.left > 0)

    def _draw(self) -> None:
        bundle = {"text/html": self._repr_html_(), "text/plain": repr(self)}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(bundle, raw=True)

    def _repr_html_(self) -> str:
        # Imported when something is loaded: every notebook reads this module, and one of them loads.
        from workbench.ledger.loading.picture import html

        return html(self._loads)

    def __repr__(self) -> str:
        from workbench.ledger.loading.picture import lines

        return "\n".join(lines(self._loads))


def loading(engagement: Engagement) -> Loading:
    """Something to be handed to a load as `on_progress`: a bar an object, its rate, what is left, and why it waits."""
    from workbench.flow.transfer import in_order

    return Loading(tuple(feed.label for feed in in_order(engagement)), headless())
