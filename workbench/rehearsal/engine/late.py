"""Identifying values that come by the thousand and wait in memory, so that they reach their table in one sorted go."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from operator import itemgetter

MOST = 250_000
"""So many wait at most: some 60 MB, and a second when they are written."""
AT_ONCE = 100
"""So many are written by one statement, which takes a third less time than one by one."""
Found = tuple[str, int, Sequence[tuple[str, str]]]
"""A record's kind and id, and the field and value of all that identifies it."""


class Late:
    """The identifying values of new records that are not yet in the table where they are looked up.

    Written at once, each value of a bulk load changes another page of a table that grows with the tenant; in sorted
    thousands they share their pages. They stand in their records all the while, and the table ``late`` names those
    records, so that a killed process loses none.
    """

    def __init__(self) -> None:
        self._ids: dict[str, dict[tuple[str, str], int]] = {}
        self._more: dict[tuple[str, str, str], list[int]] = {}  # the second id of a value, and those after it
        self._of: set[tuple[str, int]] = set()
        self._news: list[tuple[str, int]] = []
        self.size = 0

    def add(self, found: Found) -> None:
        kind, number, idents = found
        ids = self._ids.setdefault(kind, {})
        for pair in idents:
            if ids.setdefault(pair, number) != number:
                self._more.setdefault((kind, *pair), []).append(number)
        self._of.add((kind, number))
        self._news.append((kind, number))
        self.size += len(idents)

    def known(self, kind: str, name: str, value: str) -> Sequence[int]:
        ids = self._ids.get(kind)
        first = ids.get((name, value)) if ids else None
        return () if first is None else (first, *self._more.get((kind, name, value), ()))

    def holds(self, kind: str, number: int) -> bool:
        """Whether something of this record waits."""
        return (kind, number) in self._of

    @property
    def news(self) -> bool:
        """Whether something has come since the last commit."""
        return bool(self._news)

    def keep(self, db: sqlite3.Connection) -> None:
        """Name the news in the state, before the commit that they belong to."""
        if self._news:
            db.execute("INSERT INTO late (records) VALUES (?)", (json.dumps(self._news),))

    def kept(self) -> None:
        """The commit has come through."""
        self._news = []

    def write(self, db: sqlite3.Connection) -> None:
        """Put everything where it is looked up."""
        rows = self._rows()
        rows.sort(key=itemgetter(2))
        for at in range(0, len(rows), AT_ONCE):
            some = rows[at : at + AT_ONCE]
            marks = ",".join(["(?, ?, ?, ?)"] * len(some))
            db.execute(f"INSERT OR IGNORE INTO ident VALUES {marks}", tuple(chain.from_iterable(some)))  # noqa: S608 -- question marks only
        db.execute("DELETE FROM late")

    def _rows(self) -> list[tuple[str, str, str, int]]:
        rows = [(kind, name, value, number) for kind, ids in self._ids.items() for (name, value), number in ids.items()]
        return rows + [(*found, number) for found, numbers in self._more.items() for number in numbers]


class Rows:
    """New records of a batch, which reach their table many by one statement; whoever looks there writes them first."""

    def __init__(self) -> None:
        self._rows: list[tuple[object, ...]] = []
        self.add = self._rows.append

    def write(self, db: sqlite3.Connection) -> None:
        rows, width = self._rows, 10
        for at in range(0, len(rows), AT_ONCE):
            some = rows[at : at + AT_ONCE]
            marks = ",".join([f"({','.join('?' * width)})"] * len(some))
            db.execute(f"INSERT INTO record VALUES {marks}", tuple(chain.from_iterable(some)))  # noqa: S608 -- question marks only
        rows.clear()

    def drop(self, keys: Sequence[tuple[str, int]]) -> None:
        """Forget these records, where they are not written yet."""
        self._rows[:] = [row for row in self._rows if row[:2] not in keys]

    def clear(self) -> None:
        self._rows.clear()


class Sieve:
    """Tells of most identifying values that nobody has them, without a look into the file; its size is fixed."""

    SLOTS = 1 << 24  # with a million values, one look in sixteen is made for nothing
    MASK = SLOTS - 1

    def __init__(self, db: sqlite3.Connection) -> None:
        # Zeros that take memory, and time, only where they are written to.
        self._slots = mmap(-1, self.SLOTS, flags=MAP_PRIVATE | MAP_ANONYMOUS)
        self.add(db.execute("SELECT field, value FROM ident"))

    def add(self, idents: Iterable[tuple[str, str]]) -> None:
        slots, mask = self._slots, self.MASK
        for pair in idents:
            slots[hash(pair) & mask] = 1

    def may_hold(self, name: str, value: str) -> bool:
        """False: no record has this value. True: one may, as what is gone leaves its mark, and so do other kinds."""
        return bool(self._slots[hash((name, value)) & self.MASK])


@dataclass(slots=True)
class Trial:
    """An attempt within a batch: the new records in it, which leave no trace if it fails.

    ``late`` is what waited when the attempt got a savepoint; it gets one before it writes anything but new records.
    """

    ended: Callable[..., None]
    made: list[tuple[str, int]] = field(default_factory=list)
    news: list[Found] = field(default_factory=list)
    late: Late | None = None

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        self.ended(self, failed=kind is not None)

    def add(self, found: Found) -> None:
        self.made.append(found[:2])
        self.news.append(found)

    def known(self, kind: str, name: str, value: str) -> list[int]:
        """Ids of new records that carry this value."""
        return [number for of, number, idents in self.news if of == kind and (name, value) in idents]


def waiting(db: sqlite3.Connection) -> Late:
    """What a state holds of them."""
    late = Late()
    for (text,) in db.execute("SELECT records FROM late ORDER BY n"):
        for kind, number in json.loads(text):
            row = db.execute("SELECT idents FROM record WHERE kind = ? AND id = ?", (kind, number)).fetchone()
            if row:
                late.add((kind, number, [(name, value) for name, value in json.loads(row[0])]))
    late.kept()
    return late
