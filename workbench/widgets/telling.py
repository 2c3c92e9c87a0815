"""Tells forms and tables of decisions that they have not made themselves: of another tab, another notebook, or another person.

It is the kernel that tells. A page says once that it shows a widget, and once that it does so no longer; it asks for nothing,
so that a kernel with which nobody works is seen to be idle, and is ended by whoever ends idle ones.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from workbench.engagement import Engagement
from workbench.errors import WorkbenchError
from workbench.store import decisions

__all__ = ["Teller", "Watch", "last_decision"]

EVERY, SLOWEST = 2.0, 60.0
"""Seconds between two looks at the store: while it answers, and at most where it does not."""


class Teller:
    """What one widget has been told, by the number of the newest decision; `look` is given that, and shows what came before it.

    `told` was the newest one before anything of what the widget shows was read; it is now, where nothing was read yet.
    Whatever handles a message of a page holds `lock`: pages of one kernel may be served by several threads.
    """

    def __init__(self, engagement: Engagement, look: Callable[[int], None], *, told: int | None = None) -> None:
        self.engagement, self._look = engagement, look
        self.lock = threading.RLock()
        self.told = last_decision(engagement) if told is None else told
        self._asked = self.told  # the decision of which the loop was asked to tell
        self._pages: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def shown(self) -> bool:
        """Whether some page shows the widget. One that went without a word counts as well; it costs a look at the store."""
        return bool(self._pages)

    def received(self, message: Mapping[str, Any]) -> bool:
        """Take what a page says of itself, `shown` or `hidden`; whether the message was about that."""
        kind, page = message.get("kind"), str(message.get("page", ""))
        if kind == "shown":
            with suppress(RuntimeError):  # called by hand, there is none
                self._loop = asyncio.get_running_loop()
            self._pages.add(page)
            self.look()
            _watched(self)
        elif kind == "hidden":
            self._pages.discard(page)
        return kind in ("shown", "hidden")

    def tell(self, last: int) -> None:
        """Let the widget show what was decided up to `last`, where it does not yet; from the thread that watches.

        It looks where the messages of its pages are handled, so that one comes after the other. That loop is busy where a
        front end sends all of them to the main shell, and a cell runs there: what it was asked for is undone at the next
        look, and is done from here. So a page shows during a load of an hour what others decide; the lock keeps the two
        apart, and `Companion.behind` keeps an answer that waits for the end of the cell from passing over what came meanwhile.
        """
        if last == self.told:
            return
        if self._asked != last and self._loop is not None and self._loop.is_running():
            self._asked = last
            with suppress(RuntimeError):  # it has been closed since: the next look is made here
                self._loop.call_soon_threadsafe(self.look)
        else:
            self.look()

    def look(self) -> None:
        """Show what was decided since the last look; what cannot be read now is read at the next one."""
        with self.lock, suppress(SQLAlchemyError, WorkbenchError, OSError):
            last = last_decision(self.engagement)
            if last != self.told:
                self._look(last)
                self.told = last


class Watch(threading.Thread):
    """Looks every now and then at the newest decision of an engagement; ends when no page shows anything of it any more."""

    def __init__(self, engagement: Engagement, *, every: float = EVERY) -> None:
        super().__init__(name=f"decisions of {engagement.settings.engagement_id}", daemon=True)
        self.of = _place(engagement)
        self._engagement, self._every = engagement, every
        self._tellers: list[Teller] = []
        self._guard = threading.Lock()
        self._over = False

    def add(self, teller: Teller) -> bool:
        """Tell this one too; false where nothing is told any more."""
        with self._guard:
            if not self._over and teller not in self._tellers:
                self._tellers.append(teller)
            return not self._over

    def run(self) -> None:
        pause, nap = self._every, threading.Event()
        while not nap.wait(pause) and (tellers := self._left()):
            try:
                last = last_decision(self._engagement)
            except SQLAlchemyError:  # a database that is away may come back, and is not asked all the time
                pause = min(2 * pause, SLOWEST)
                continue
            pause = self._every
            for teller in tellers:
                _tell(teller, last)

    def _left(self) -> list[Teller]:
        """Whom there is to tell; nobody, and for good, where no page shows anything or the engagement is deleted."""
        with self._guard:
            self._tellers = [teller for teller in self._tellers if teller.shown and self._engagement.root.exists()]
            self._over = not self._tellers
            return list(self._tellers)


def _tell(teller: Teller, last: int) -> None:
    """Whatever is wrong with one widget, the others are told; this one is told again at the next look."""
    try:
        teller.tell(last)
    except Exception:
        logging.getLogger(__name__).debug("a widget could not show what was decided", exc_info=True)


def _watched(teller: Teller) -> None:
    """See to it that one thread of this kernel watches the engagement, and tells this one."""
    for thread in threading.enumerate():
        if isinstance(thread, Watch) and thread.of == _place(teller.engagement) and thread.add(teller):
            return
    made = Watch(teller.engagement)
    made.add(teller)
    made.start()


def _place(engagement: Engagement) -> tuple[Path, str]:
    return engagement.root, engagement.settings.engagement_id


def last_decision(engagement: Engagement) -> int:
    """The number of the newest decision of the engagement, whatever it is about; 0 where there is none."""
    mine = decisions.c.engagement == engagement.settings.engagement_id
    with engagement.store.connect() as connection:
        return int(connection.execute(select(func.max(decisions.c.id)).where(mine)).scalar() or 0)
