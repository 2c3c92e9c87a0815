"""The Recycle Bin of Freshsales: what lies there for ninety days is gone for good."""

from __future__ import annotations

from workbench.rehearsal.engine import House
from workbench.rehearsal.freshsales.drafts import KINDS
from workbench.rehearsal.freshsales.records import Records
from workbench.rehearsal.freshsales.shelf import Shelf

KEPT_DAYS = 90
OLDEST = "SELECT min(deleted) FROM record WHERE deleted IS NOT NULL"
OVER = "SELECT kind, id FROM record WHERE deleted <= ? ORDER BY deleted, kind, id"


class Bin:
    """Empties itself, record by record, as ``forget`` would."""

    def __init__(self, house: House, records: Records, shelf: Shelf) -> None:
        self._state = house.state
        self._kept = house.clock.wait(KEPT_DAYS * 86400)
        self._records = records
        self._shelf = shelf
        self._next = 0.0

    def purge(self, now: float) -> None:
        """Forget all whose days are over. Between two purges this costs one comparison."""
        if now < self._next:
            return
        oldest = self._state.db.execute(OLDEST).fetchone()[0]
        over = (now if oldest is None else oldest) + self._kept
        if over > now:
            self._next = over
            return
        # The next purge is not named here: this one may yet be taken back with the request that it came before.
        for kind, number in self._state.db.execute(OVER, (now - self._kept,)).fetchall():
            if self._state.get(kind, number, deleted=True) is None:
                continue  # it went with what it hung on
            if kind in KINDS:
                self._records.forget(kind, number, now=now)
            else:
                self._shelf.forget(kind, number, now)
