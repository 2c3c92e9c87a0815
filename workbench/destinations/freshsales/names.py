"""Batches whose rows are named by their name: nobody's record is taken over by a namesake, no two of ours become one.

An upsert by name changes whatever bears the name. So the names are claimed first, each by one row of a load, and then
looked for: one call for a hundred.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from workbench.destinations import Outcome, Record
from workbench.destinations.freshsales.bulk import Row

__all__ = ["Names"]

Find = Callable[[Sequence[str]], Iterable[Record]]
"""Records whose name is one of these, without regard to case."""


class Names:
    """Which row of a load goes by which name of an object."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._claims: dict[tuple[str, str], str] = {}  # object and folded name → key of the row that goes by it

    def free(self, object_: str, rows: Sequence[Row], field: str, find: Find) -> tuple[list[Row], list[Outcome]]:
        """Rows whose name nobody else bears, and the refusal of each other one.

        A record that bears the key of its row already is that row's own, made by an attempt that was not answered.
        """
        claimed, refused = list[Row](), list[Outcome]()
        for row in rows:
            other = self._claim(object_, row)
            if other == row.key:
                claimed.append(row)
            else:
                refused.append(_refused(row, f"{row.identifier[1]!r} is also the {field} of {other}, which goes before it"))
        there: Mapping[str, list[Record]] = _by_name(find([row.identifier[1] for row in claimed]), field) if claimed else {}
        free: list[Row] = []
        for row in claimed:
            strange = [each.id for each in there.get(_folded(row.identifier[1]), ()) if each.key != row.key]
            if strange:
                refused.append(_refused(row, f"a record of the {field} {row.identifier[1]!r} is there already: {strange[0]}"))
            else:
                free.append(row)
        self.release(object_, claimed, refused)
        return free, refused

    def release(self, object_: str, rows: Iterable[Row], outcomes: Iterable[Outcome]) -> None:
        """Rows that were rejected go by no name any more."""
        rejected = {outcome.key for outcome in outcomes if outcome.state == "rejected"}
        with self._lock:
            for row in rows:
                if row.key in rejected and self._claims.get(_name(object_, row)) == row.key:
                    del self._claims[_name(object_, row)]

    def _claim(self, object_: str, row: Row) -> str:
        """The key of the row that goes by the name of this one."""
        with self._lock:
            return self._claims.setdefault(_name(object_, row), row.key)


def _name(object_: str, row: Row) -> tuple[str, str]:
    return object_, _folded(row.identifier[1])


def _refused(row: Row, words: str) -> Outcome:
    return Outcome(row.key, "rejected", words=words)


def _by_name(records: Iterable[Record], field: str) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(_folded(str(record.values.get(field) or "")), []).append(record)
    return found


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
