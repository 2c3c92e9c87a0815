"""The start page of an engagement: how it stands, shown once and kept current for as long as its kernel runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from IPython.display import display
from sqlalchemy import func, select

from workbench.engagement import Engagement
from workbench.engagement.glance import Glance
from workbench.engagement.locking import START_LOCK, held
from workbench.flow.running import FILE, running
from workbench.ledger.loading.picture import html, lines
from workbench.show import heading, together
from workbench.store import decisions, phases
from workbench.widgets.twin import headless

__all__ = ["Follower", "start"]

PAUSE = 2.0
"""Seconds between two looks at whether anything has happened."""


def start(engagement: Engagement) -> Glance | None:
    """Show how the engagement stands, and keep what is shown current; headless, return it as it is."""
    if headless():
        return engagement.glance()
    for earlier in threading.enumerate():
        if isinstance(earlier, Follower) and earlier.root == engagement.root:
            earlier.stop()
    handle = display(_bundle(engagement), raw=True, display_id=True)  # type: ignore[no-untyped-call]
    Follower(engagement, lambda: handle.update(_bundle(engagement), raw=True)).start()
    return None


class Follower(threading.Thread):
    """Looks every now and then whether something has happened in the engagement, and shows it where it has."""

    def __init__(self, engagement: Engagement, show: Callable[[], object]) -> None:
        super().__init__(name=f"start page of {engagement.settings.engagement_id}", daemon=True)
        self.root = engagement.root
        self._engagement, self._show = engagement, show
        self._seen = _stamp(engagement)
        self._over = threading.Event()

    def stop(self) -> None:
        """Follow no longer; returns when it does not."""
        self._over.set()
        self.join()

    def run(self) -> None:
        # Whoever writes the page from outside sees by the lock that it is looked after here.
        with suppress(OSError), held(self.root / START_LOCK):
            while not self._over.wait(PAUSE):
                self.look()

    def look(self) -> bool:
        """Show how it stands where that is otherwise than before; whether it was."""
        with suppress(Exception):  # what cannot be read at this moment is read at the next one
            stamp = _stamp(self._engagement)
            if stamp != self._seen:
                self._show()
                self._seen = stamp
                return True
        return False


def _stamp(engagement: Engagement) -> tuple[object, ...]:
    """What differs as soon as something has happened: files that are written then, and the newest rows of the store."""
    files = [engagement.root / name for name in ("journal.jsonl", FILE, "package.zip", "staged")]
    times = [file.stat().st_mtime_ns if file.exists() else 0 for file in files]
    mine = engagement.settings.engagement_id
    newest = [select(func.max(t.c.id)).where(t.c.engagement == mine) for t in (phases, decisions)]
    with engagement.store.connect() as connection:
        return (
            *times,
            *(connection.execute(each).scalar() for each in newest),
        )


def _bundle(engagement: Engagement) -> dict[str, Any]:
    """The page as HTML and as text, with the load that is under way."""
    seen, load = engagement.glance(), running(engagement.root)
    loads = load.loads if load is not None and load.alive else {}
    now = together(heading("Being loaded now"), html(loads)) if loads else ""
    text = "\n".join([repr(seen), *(["Being loaded now", *lines(loads)] if loads else [])])
    return {"text/html": together(now, seen._repr_html_()), "text/plain": text}
