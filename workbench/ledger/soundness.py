"""Whether a ledger is what was written: every row against its seal, all of them against their total.

Beside an SQLite file lies a mark that counts its commits. It is written after each commit and never waited for, so it
can be behind, and a ledger that is behind its mark has lost commits, as when the end of its -wal is missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from sqlalchemy import Boolean, ColumnElement, Connection, Engine, func, literal, literal_column, select
from sqlalchemy.exc import DatabaseError, OperationalError

from workbench.errors import EditError, IntegrityError, WorkbenchError
from workbench.store import damaged, operations, streamed, writers
from workbench.store.sealing import BREAK, NONE, SEALED, SEALED_HEAD, added, seal

__all__ = ["HEADLESS", "Head", "Mark", "changed", "check", "head_of", "opened"]

CONCAT_WS = (3, 44)
NUMBERS = ("op", "attempt", "epoch")
HEADLESS = "the table `writers` has lost the row that counts the operations"
TODO = (
    "put back the latest copy of the database with its -wal and its mark, and the journal of the same day; "
    "or make the ledger again from what stands at the destination: workbench rebuild-ledger DIR. Do not load before that"
)


class Mark:
    """How many commits a ledger has had at least, in a file beside the database; a served database has none."""

    def __init__(self, store: Engine, *, engagement_id: str) -> None:
        path = store.url.database if store.dialect.name == "sqlite" else None
        self.path = Path(f"{path}-mark-{quote(engagement_id, safe='')}") if path else None

    def keep(self, commits: int) -> None:
        """Write the number down; nobody waits for the disk, and a full one only leaves the mark behind."""
        if self.path is None:
            return
        with suppress(OSError):
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.pwrite(descriptor, _marked(commits), 0)
            finally:
                os.close(descriptor)

    def read(self) -> int:
        """The number; 0 where there is no mark, or one that a power cut left unfinished."""
        with suppress(OSError, ValueError):
            said = self.path.read_bytes() if self.path else b""
            commits = int(said[:20])
            return commits if said == _marked(commits) else 0
        return 0


def _marked(commits: int) -> bytes:
    return f"{commits:020d} {seal([commits]) & 0xFFFFFFFFFFFFFFFF:016x}\n".encode()


@dataclass(frozen=True)
class Head:
    """The row of an engagement in `writers`, which stands for all rows of its ledger."""

    engagement: str
    epoch: int
    token: str
    holder: str
    place: str
    since: str
    heartbeat: int
    commits: int
    rows: int
    total: int


def opened(row: Sequence[Any], *, where: str) -> Head:
    """A row of `writers`; IntegrityError where it does not fit its seal."""
    head = Head(*row[:-1])
    if seal([getattr(head, name) for name in SEALED_HEAD]) != row[-1]:
        raise changed(f"the row of {head.engagement!r} in the table `writers` does not fit its seal", where=where)
    return head


def head_of(connection: Connection, engagement_id: str) -> Head | None:
    """The head of a ledger, None before its first row; IntegrityError where it was changed, or taken away from its rows."""
    row = connection.execute(select(writers).where(writers.c.engagement == engagement_id)).first()
    where = connection.engine.url.render_as_string(hide_password=True)
    if row is not None:
        return opened(row, where=where)
    mine = operations.c.engagement == engagement_id
    if connection.scalar(select(operations.c.op).where(mine).limit(1)) is not None:
        raise changed(HEADLESS, where=where)
    return None


def changed(found: str, *, where: str) -> IntegrityError:
    """What to raise where a ledger is not what was written."""
    return IntegrityError(
        "the ledger was changed after it was written",
        expected="every operation as it was written, and all of them",
        found=found,
        where=where,
        todo=TODO,
    )


def check(store: Engine, *, engagement_id: str) -> Head | None:
    """The head of a ledger that is intact, None where nothing was ever written; IntegrityError says what is not.

    All rows are read once, in one snapshot and little memory, while SQLite looks through its pages and indexes.
    """
    known = Mark(store, engagement_id=engagement_id).read()  # first, since others may commit while the rows are read
    with ThreadPoolExecutor(1) as aside:
        pages = aside.submit(_check_pages, store)
        try:
            head = _check_rows(store, engagement_id)
        finally:
            pages.result()  # what is wrong with a page says more than what is wrong with its rows
    commits = head.commits if head else 0
    if commits < known:
        found = f"its last {known - commits} of {known} commits are missing, as where the end of the -wal was cut off"
        raise changed(found, where=store.url.render_as_string(hide_password=True))
    return head


def _check_pages(store: Engine) -> None:
    if store.dialect.name != "sqlite":
        return
    try:
        with store.connect() as connection:
            found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(3)")]
    except DatabaseError as broken:
        raise _refused(store, broken) from None
    if found != ["ok"]:
        raise changed("; ".join(found).replace("\n", " "), where=str(store.url.database))


def _check_rows(store: Engine, engagement_id: str) -> Head | None:
    where = store.url.render_as_string(hide_password=True)
    level = {} if store.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    try:
        with store.connect().execution_options(**level) as connection:
            head = head_of(connection, engagement_id)
            if head is None:
                return None
            rows, total = 0, 0
            for seals in _seals(connection, engagement_id):
                rows, total = rows + len(seals), added(total, [int(seals.sum())])
    except DatabaseError as broken:
        raise _refused(store, broken) from None
    if rows != head.rows:
        raise changed(f"{rows} operations where {head.rows} were written", where=where)
    if total != head.total:
        raise changed("operations were exchanged: each fits its seal, all together do not fit their total", where=where)
    return head


def _seals(connection: Connection, engagement_id: str) -> Iterator[np.ndarray[Any, np.dtype[np.int64]]]:
    """The seals of the rows, each found to fit, some thousand at a time."""
    mine = operations.c.engagement.concat("") == engagement_id  # no index: they are read as they lie
    wanted = select(_text(connection), operations.c.seal, _typed(connection), operations.c.op).where(mine)
    for part in streamed(connection, wanted):
        said, seals, types, ops = zip(*part, strict=True)
        digests = b"".join([blake2b(text.encode(), digest_size=8).digest() for text in said])
        stored = np.array(seals, dtype="<i8")
        right = (np.frombuffer(digests, dtype="<i8") == stored) & np.array(types, dtype=bool)
        for index in np.flatnonzero(~right):
            _look_closer(connection, ops[index])
        yield stored


def _text(connection: Connection) -> ColumnElement[str]:
    """`sealing.sealed_text` of a row that does not hold the break, made by the database."""
    values = [func.coalesce(each, NONE) if each.nullable else each for each in (operations.c[name] for name in SEALED)]
    driver = connection.dialect.loaded_dbapi
    if connection.dialect.name == "sqlite" and driver.sqlite_version_info < CONCAT_WS:
        return func.printf(BREAK.join(["%s"] * len(values)), *values)
    return func.concat_ws(BREAK, *values)


def _typed(connection: Connection) -> ColumnElement[bool]:
    """Whether no value has become bytes, which only SQLite lets happen and which read as the same text.

    In SQLite's order every number and every text comes before all bytes.
    """
    if connection.dialect.name != "sqlite":
        return literal(True)
    nullable = {name: operations.c[name].nullable for name in SEALED}
    told = [f"({name} IS NULL OR {name} < x'')" if nullable[name] else f"{name} < x''" for name in SEALED]
    return literal_column(" AND ".join(told), Boolean())


def _look_closer(connection: Connection, op: int) -> None:
    """A row that does not fit at first sight may hold the break; else it was changed."""
    c = operations.c
    row = connection.execute(select(*(c[name] for name in SEALED), c.seal).where(c.op == op)).one()
    right = all(isinstance(row._mapping[name], int if name in NUMBERS else str | None) for name in SEALED)
    if not right or seal(row[:-1]) != row[-1]:
        found = f"operation {op} ({row.verb} {row.object} {row.key}) does not fit its seal"
        raise changed(found, where=connection.engine.url.render_as_string(hide_password=True))


def _refused(store: Engine, broken: DatabaseError) -> WorkbenchError:
    words = str(broken.orig)
    if isinstance(broken, OperationalError) and (store.dialect.name != "sqlite" or "locked" in words or "busy" in words):
        return EditError(
            "the database of the engagement cannot be read",
            found=words,
            where=store.url.render_as_string(hide_password=True),
            todo="see that the database is there and that no other program holds it, then run again",
        )
    return damaged(store, words)
