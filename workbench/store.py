"""The database of an engagement: its tables, the ordered steps that made them, and how it is opened.

SQLite in one file by default; any SQLAlchemy URL does, and several engagements may then share one database.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    func,
    insert,
    select,
)
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from workbench.clock import now
from workbench.errors import EditError, IntegrityError, WorkbenchError

__all__ = ["MIGRATIONS", "decisions", "open_store", "phases", "proposals", "sendings", "writing"]

SOUND = ((3, 51, 3),)
BACKPORTS = ((3, 50, 7), (3, 44, 6))
"""Releases without the WAL-reset defect (https://sqlite.org/wal.html): these and every later one, and two older lines."""

metadata = MetaData()

versions = Table("schema_version", metadata, Column("version", Integer, primary_key=True), Column("at", Text, nullable=False))

proposals = Table(
    "proposals",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("engagement", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("value", Text, nullable=False),  # JSON, null where the machine has no answer
    Column("confidence", Float, nullable=False),
    Column("reasons", Text, nullable=False),  # JSON
    Column("alternatives", Text, nullable=False),  # JSON
    Column("shown", Text, nullable=False),  # JSON
    Column("at", Text, nullable=False),
    Column("retired", Text),  # when a newer set took its place
    Index("proposals_live", "engagement", "kind", "retired"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("engagement", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("value", Text),  # JSON; NULL takes an earlier decision back
    Column("previous", Text),  # JSON; what it took the place of
    Column("by", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("shown", Text, nullable=False),  # JSON; what the person saw
    Index("decisions_subject", "engagement", "kind", "subject"),
)

sendings = Table(
    "sendings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("engagement", Text, nullable=False),
    Column("workbook", Text, nullable=False),
    Column("row", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("answer", Text, nullable=False),  # as it stood in the cell
    Column("decided", Text),  # JSON; the decision of that moment, NULL where there was none
    Column("options", Text, nullable=False),  # JSON; answer text → value
    Column("at", Text, nullable=False),
    Index("sendings_workbook", "engagement", "workbook"),
)

phases = Table(
    "phases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("engagement", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reasons", Text, nullable=False),  # JSON
    Column("summary", Text, nullable=False),  # JSON
    Column("at", Text, nullable=False),
    Index("phases_phase", "engagement", "phase"),
)

Migration = Callable[[Connection], None]


def _first(connection: Connection) -> None:
    metadata.create_all(connection, tables=[proposals, decisions, sendings, phases])


MIGRATIONS: tuple[Migration, ...] = (_first,)
"""Steps from an empty database to today's, in order; a released step is never changed, only followed by another."""


def open_store(address: str | Path, *, migrations: Sequence[Migration] = MIGRATIONS) -> Engine:
    """The database behind a path or an SQLAlchemy URL, checked and brought up to date.

    A new SQLite file is readable by its owner alone. Raises IntegrityError where the file is damaged or is not a
    database, EditError where a newer workbench wrote it or nobody answers at the URL.
    """
    text = str(address)
    engine = _served(text) if "://" in text else _file(Path(address))
    try:
        if engine.dialect.name == "sqlite":
            _check(engine)
        _migrate(engine, migrations)
    except WorkbenchError:
        engine.dispose()
        raise
    except OperationalError as failed:
        engine.dispose()
        raise EditError(
            "the database of the engagement cannot be opened",
            found=str(failed.orig),
            where=engine.url.render_as_string(hide_password=True),
            todo="see that the database is there, that you may write to it, and that its disk is not full",
        ) from None
    except DatabaseError as broken:
        engine.dispose()
        raise _damaged(engine, str(broken.orig)) from None
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that holds the write lock from its first statement, so that what it reads stays true.

    SQLite would otherwise let two writers read the same state and refuse one of them at its first change. EditError
    where the disk or another program does not let it be written; nothing of the transaction is kept then.
    """
    try:
        with engine.connect().execution_options(workbench_writing=True) as connection, connection.begin():
            yield connection
    except OperationalError as refused:
        raise EditError(
            "the database of the engagement cannot be written",
            found=str(refused.orig),
            where=engine.url.render_as_string(hide_password=True),
            todo="make room on the disk, or end the program that holds the file, then run again: nothing was half-written",
        ) from None


def _served(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as wrong:
        raise EditError("the address of the database cannot be read", found=str(wrong)) from None
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise EditError("an engagement's database outlives its process", found=url, todo="name a file")
        return _file(Path(parsed.database))
    try:
        return create_engine(parsed)
    except ImportError as missing:
        raise EditError(
            f"the driver for {parsed.get_backend_name()} is not installed", found=str(missing), todo="install it with pip"
        ) from None


def _file(path: Path) -> Engine:
    if not path.parent.is_dir():
        raise EditError("the folder of the database is missing", where=str(path.parent), todo="make the folder first")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)  # whatever the umask, and whatever a copy made of it
    except OSError as refused:
        raise EditError("the database cannot be written", found=refused.strerror or "", where=str(path)) from None
    module = _sqlite()
    sound = _is_sound(module.sqlite_version_info)
    pool = {} if sound else {"pool_size": 1, "max_overflow": 0}
    engine = create_engine(f"sqlite+pysqlite:///{path}", module=module, connect_args={"timeout": 30}, **pool)
    event.listen(engine, "connect", _settings(sound))
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", _undecodable)
    return engine


def _sqlite() -> ModuleType:
    try:
        return importlib.import_module("pysqlite3")
    except ImportError:  # platforms without its wheel
        return importlib.import_module("sqlite3")


def _is_sound(version: tuple[int, ...]) -> bool:
    return version >= SOUND[0] or any(version[:2] == line[:2] and version >= line for line in BACKPORTS)


def _settings(sound: bool) -> Callable[[Any, Any], None]:
    journal, synchronous = ("WAL", "FULL") if sound else ("TRUNCATE", "EXTRA")

    def configure(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # transactions begin where `_begin` says, not where the driver guesses
        cursor = connection.cursor()
        try:
            for pragma in (f"journal_mode={journal}", f"synchronous={synchronous}", "foreign_keys=ON"):
                cursor.execute(f"PRAGMA {pragma}")
        finally:
            cursor.close()

    return configure


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("workbench_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _undecodable(context: ExceptionContext) -> None:
    """A text that is no text any more: SQLite's own check looks at the pages, not at what stands in them."""
    words = str(context.original_exception)
    if words.startswith("Could not decode") and context.engine is not None:
        raise _damaged(context.engine, words[:60])


def _check(engine: Engine) -> None:
    with engine.connect() as connection:
        found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA quick_check(3)")]
    if found != ["ok"]:
        raise _damaged(engine, "; ".join(found))


def _damaged(engine: Engine, found: str) -> IntegrityError:
    return IntegrityError(
        "the database of the engagement is damaged",
        expected="an intact SQLite database",
        found=found.replace("\n", " "),
        where=str(engine.url.database or ""),
        todo="put back the latest copy of the file, together with the journal of the same day; do not load before that",
    )


def _migrate(engine: Engine, migrations: Sequence[Migration]) -> None:
    with writing(engine) as connection:
        versions.create(connection, checkfirst=True)
        version = connection.scalar(select(func.max(versions.c.version))) or 0
        if version > len(migrations):
            raise EditError(
                "a newer workbench wrote this database",
                expected=f"version {len(migrations)} or older",
                found=f"version {version}",
                where=engine.url.render_as_string(hide_password=True),
                todo="install the workbench that the engagement was last opened with, or a newer one",
            )
        for number, step in enumerate(migrations[version:], start=version + 1):
            step(connection)
            connection.execute(insert(versions).values(version=number, at=now()))
