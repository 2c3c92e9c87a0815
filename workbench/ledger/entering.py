"""One transaction of the ledger: new rows and changes of rows, numbered, sealed, and under the epoch of their writer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Engine, bindparam, insert, select, update
from sqlalchemy.engine.interfaces import DBAPICursor

from workbench.ledger.soundness import changed
from workbench.ledger.writers import Writer
from workbench.store import driven, operations, writing
from workbench.store.sealing import SEALED, seal

__all__ = ["Change", "Register", "Sheet"]

CHANGING = ("state", "id", "post", "words", "at", "job")
PLACE = {name: index for index, name in enumerate(SEALED)}
PLACES = tuple(PLACE[name] for name in CHANGING)
ENGAGEMENT = PLACE["engagement"]
ANY = {"sqlite": "IN (SELECT value FROM json_each(?))", "postgresql": "= ANY(%s)"}
NEXT = {
    "sqlite": "SELECT coalesce(max(op), 0) + 1 FROM operations",
    "postgresql": "SELECT nextval(pg_get_serial_sequence('operations', 'op')) FROM generate_series(1, %s)",
}
"""Numbers of new rows: the file's one writer counts on, the server's many take theirs from its sequence."""


@dataclass(frozen=True)
class Change:
    """New values of some columns of one operation."""

    op: int
    values: Mapping[str, str]  # only columns of CHANGING


@dataclass(frozen=True)
class Sheet:
    """What one caller wants written: whole rows without op and epoch, in the order of the table, and changes."""

    rows: Sequence[tuple[object, ...]] = ()
    changes: Sequence[Change] = ()

    def __len__(self) -> int:
        return len(self.rows) + len(self.changes)


class Register:
    """Enters sheets into the table of operations, by the driver's own cursor: twice a record, it has to be quick."""

    def __init__(self, store: Engine, writer: Writer, *, engagement_id: str) -> None:
        self._store = store
        self._writer = writer
        self._engagement = engagement_id
        self._served = store.dialect.name != "sqlite"
        self._next = NEXT[store.dialect.name]

    # compiled when they are needed: most ledgers that are opened are only read
    @cached_property
    def _insert(self) -> str:
        values: dict[str, Any] = {name: bindparam(name) for name in (*SEALED, "seal")}
        return driven(self._store, insert(operations).values(values).inline())

    @cached_property
    def _look(self) -> str:
        wanted = select(*(operations.c[name] for name in SEALED), operations.c.seal)
        return f"{driven(self._store, wanted)} WHERE op {ANY[self._store.dialect.name]}"

    @cached_property
    def _update(self) -> str:
        new: dict[str, Any] = {name: bindparam(f"b_{name}") for name in (*CHANGING, "seal")}
        return driven(self._store, update(operations).values(new).where(operations.c.op == bindparam("b_op")).inline())

    def enter(self, sheets: Sequence[Sheet]) -> list[list[int]]:
        """Write sheets in one transaction, all of them or none; returns the numbers of the new rows of each."""
        with writing(self._store, alone=False) as connection, closing(connection.connection.cursor()) as cursor:
            head = self._writer.head(cursor)
            numbers, seals = self._add(cursor, [row for sheet in sheets for row in sheet.rows], epoch=head.epoch)
            seals += self._change(cursor, [change for sheet in sheets for change in sheet.changes])
            self._writer.turn(cursor, head, rows=len(numbers), seals=seals)
        self._writer.turned(head)
        there = iter(numbers)
        return [[next(there) for _ in sheet.rows] for sheet in sheets]

    def _add(self, cursor: DBAPICursor, rows: Sequence[tuple[object, ...]], *, epoch: int) -> tuple[list[int], list[int]]:
        if not rows:
            return [], []
        if self._served:
            cursor.execute(self._next, (len(rows),))
            numbers = [row[0] for row in cursor.fetchall()]
        else:
            cursor.execute(self._next)
            first = cursor.fetchall()[0][0]
            numbers = list(range(first, first + len(rows)))
        whole = [(number, *row, epoch) for number, row in zip(numbers, rows, strict=True)]
        seals = [seal(row) for row in whole]
        cursor.executemany(self._insert, [(*row, each) for row, each in zip(whole, seals, strict=True)])
        return numbers, seals

    def _change(self, cursor: DBAPICursor, changes: Sequence[Change]) -> list[int]:
        """Change rows that still fit their seals; returns the new seals, and the old ones with a minus."""
        if not changes:
            return []
        rows, before = self._rows(cursor, [change.op for change in changes])
        for change in changes:
            row = rows[change.op]
            for name, value in change.values.items():
                row[PLACE[name]] = value
        seals = {op: seal(row) for op, row in rows.items()}
        news = [(*(row[place] for place in PLACES), seals[op], op) for op, row in rows.items()]
        cursor.executemany(self._update, news)
        return [*seals.values(), *(-each for each in before)]

    def _rows(self, cursor: DBAPICursor, ops: Sequence[int]) -> tuple[dict[int, list[object]], list[int]]:
        wanted = list(dict.fromkeys(ops))
        cursor.execute(self._look, (wanted if self._served else json.dumps(wanted),))
        rows, seals = {}, []
        for row in cursor.fetchall():
            values = list(row[:-1])
            if seal(values) != row[-1] or values[ENGAGEMENT] != self._engagement:
                raise self._wrong(f"operation {row[0]} does not fit its seal")
            rows[row[0]] = values
            seals.append(row[-1])
        if len(rows) != len(wanted):
            gone = next(op for op in wanted if op not in rows)
            raise self._wrong(f"operation {gone} is not there any more")
        return rows, seals

    def _wrong(self, found: str) -> Exception:
        return changed(found, where=self._store.url.render_as_string(hide_password=True))
