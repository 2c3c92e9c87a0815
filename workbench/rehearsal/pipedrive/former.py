"""What records said before: for the changes of their fields, and for an index and lists that lag behind the writes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from workbench.rehearsal.engine import House, Record

LASTING = ("deals", "persons", "organizations")
"""The kinds whose earlier versions stay, as the changes of their fields can be asked for."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS former (
  kind TEXT NOT NULL, id INTEGER NOT NULL, until REAL NOT NULL, body TEXT NOT NULL, created REAL NOT NULL,
  updated REAL NOT NULL, deleted REAL, PRIMARY KEY (kind, id, until)) WITHOUT ROWID;
DROP TRIGGER IF EXISTS former_insert;
DROP TRIGGER IF EXISTS former_update;
CREATE TRIGGER IF NOT EXISTS former_gone AFTER DELETE ON record BEGIN
  DELETE FROM former WHERE kind = OLD.kind AND id = OLD.id;
END;
"""
KEEP = """
CREATE TRIGGER former_{when} BEFORE {what} ON record WHEN {which} BEGIN
  INSERT OR IGNORE INTO former SELECT kind, id, NEW.updated, body, created, updated, deleted FROM record
  WHERE kind = NEW.kind AND id = NEW.id AND updated < NEW.updated;
END;
"""
COLUMNS = "kind, id, body, created, updated, deleted"


class Former:
    """The earlier versions of records; those of most kinds only while a lag is switched on, and as long as it reaches."""

    def __init__(self, house: House) -> None:
        self._state = house.state
        switches, clock = house.switches, house.clock
        self.list_lag = clock.wait(switches.number("list_lag_seconds"))
        self.index_lag = clock.wait(switches.number("index_lag_seconds"))
        self._least = min(clock.wait(switches.number("index_lag_least_seconds")), self.index_lag)
        self._longest = max(self.list_lag, self.index_lag)
        which = "TRUE" if self._longest else f"NEW.kind IN ({', '.join(map(repr, LASTING))})"
        kept = (KEEP.format(when=what.lower(), what=what, which=which) for what in ("INSERT", "UPDATE"))
        self._state.db.executescript(SCHEMA + "".join(kept))

    def indexed(self, records: Iterable[Record], now: float) -> list[Record]:
        """Records as the search index has them at a moment: not yet, as they were, or as they are."""
        found = (self.as_of(record, now - self._lag_of(record)) for record in records)
        return [record for record in found if record is not None and record.deleted is None]

    def seen(self, records: Iterable[Record], moment: float) -> list[Record]:
        """Records as they stood at a moment."""
        found = (self.as_of(record, moment) for record in records)
        return [record for record in found if record is not None and record.deleted is None]

    def as_of(self, record: Record, moment: float) -> Record | None:
        """The version of a record that stood at a moment; none where it was not there yet."""
        if record.updated <= moment:
            return record
        sql = f"SELECT {COLUMNS} FROM former WHERE kind = ? AND id = ? AND until > ? AND updated <= ? ORDER BY until LIMIT 1"  # noqa: S608 -- constants
        row = self._state.db.execute(sql, (record.kind, record.id, moment, moment)).fetchone()
        return _record(row) if row else None

    def changed(self, kinds: Sequence[str], now: float) -> list[Record]:
        """The records that a lagging reader may see otherwise than they are, deleted ones too."""
        if not self._longest:
            return []
        marks = ", ".join("?" * len(kinds))
        return self._state.select(f"kind IN ({marks}) AND updated > ?", (*kinds, now - self._longest))

    def forget(self, now: float) -> None:
        """Drop the versions that no lag reaches back to, and that nobody can ask for."""
        marks = ", ".join("?" * len(LASTING))
        sql = f"DELETE FROM former WHERE until < ? AND kind NOT IN ({marks})"  # noqa: S608 -- question marks alone
        self._state.db.execute(sql, (now - 2 * self._longest, *LASTING))

    def versions(self, record: Record) -> list[Record]:
        """Every version of a record of a lasting kind, the present one last."""
        sql = f"SELECT {COLUMNS} FROM former WHERE kind = ? AND id = ? ORDER BY until"  # noqa: S608 -- constants
        rows = self._state.db.execute(sql, (record.kind, record.id)).fetchall()
        return [*map(_record, rows), record]

    def _lag_of(self, record: Record) -> float:
        """Between the least lag and the whole one; chance that every run repeats."""
        digest = hashlib.sha256(f"{record.kind}/{record.id}".encode()).digest()
        return self._least + (self.index_lag - self._least) * digest[0] / 255


def _record(row: tuple[str, int, str, float, float, float | None]) -> Record:
    kind, number, body, created, updated, deleted = row
    return Record(kind, number, json.loads(body), created, updated, deleted)
