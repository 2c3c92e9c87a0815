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

from sqlalchemy import ClauseElement, Connection, Dialect, Engine, Select, create_engine, event, func, insert, select
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from workbench.clock import now
from workbench.errors import EditError, IntegrityError, WorkbenchError
from workbench.store.migrations import MIGRATIONS, Migration
from workbench.store.tables import books, decisions, operations, phases, proposals, sendings, versions, writers

__all__ = [
    "MIGRATIONS",
    "books",
    "damaged",
    "decisions",
    "driven",
    "open_store",
    "operations",
    "phases",
    "proposals",
    "sendings",
    "streamed",
    "writers",
    "writing",
]

SOUND = ((3, 51, 3),)
BACKPORTS = ((3, 50, 7), (3, 44, 6))
"""Releases without the WAL-reset defect (https://sqlite.org/wal.html): these and every later one, and two older lines."""
SMALLEST = 512
AT_ONCE = 2000
WRITING_LOCK = 0x776F726B62656E63
"""The advisory lock of PostgreSQL that one writing transaction of a database holds at a time."""


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
        else:
            engine.connect().close()  # whoever is not let in is told so, and nothing of a full disk
        _migrate(engine, migrations)
    except BaseException as failed:
        engine.dispose()
        if not isinstance(failed, DatabaseError):
            raise
        raise _unopened(engine, failed) from None
    return engine


def _unopened(engine: Engine, failed: DatabaseError) -> WorkbenchError:
    if engine.dialect.name == "sqlite" and not isinstance(failed, OperationalError):
        return damaged(engine, str(failed.orig))
    room = "see that the database is there, that you may write to it, and that its disk is not full"
    entry = "see that the server runs and lets you in; your password is in $PGPASSWORD or ~/.pgpass"
    return EditError(
        "the database of the engagement cannot be opened",
        found=str(failed.orig).strip(),
        where=engine.url.render_as_string(hide_password=True),
        todo=room if engine.dialect.name == "sqlite" else entry,
    )


@contextmanager
def writing(engine: Engine, *, alone: bool = True) -> Iterator[Connection]:
    """A transaction that holds the write lock from its first statement, so that what it reads stays true.

    SQLite would otherwise let two writers read the same state and refuse one of them at its first change; PostgreSQL
    would let both of them write. With `alone` false the latter locks only what the transaction locks itself. EditError
    where the disk or another program does not let it be written, IntegrityError where the file turns out to be
    damaged; nothing of the transaction is kept then.
    """
    try:
        with engine.connect().execution_options(workbench_writing=alone) as connection, connection.begin():
            yield connection
    except DatabaseError as broken:
        raise _unwritten(engine, broken.orig or broken) or broken from None
    except engine.dialect.loaded_dbapi.Error as broken:  # from a cursor of the driver
        raise _unwritten(engine, broken) or broken from None


def _unwritten(engine: Engine, broken: BaseException) -> WorkbenchError | None:
    """What the driver's error means for the reader; None where it is a mistake of ours."""
    driver = engine.dialect.loaded_dbapi
    if isinstance(broken, driver.OperationalError):
        return EditError(
            "the database of the engagement cannot be written",
            found=str(broken),
            where=engine.url.render_as_string(hide_password=True),
            todo="make room on the disk, or end the program that holds the file, then run again: nothing was half-written",
        )
    return damaged(engine, str(broken)) if type(broken) is driver.DatabaseError else None


def driven(engine: Engine, statement: ClauseElement) -> str:
    """A statement as the driver takes it, with places for a tuple of values: compiled once, for calls that are many."""
    style = "qmark" if engine.dialect.name == "sqlite" else "format"
    shape: Callable[..., Dialect] = type(engine.dialect)
    return str(statement.compile(dialect=shape(paramstyle=style)))


def streamed(connection: Connection, wanted: Select[Any]) -> Iterator[list[tuple[Any, ...]]]:
    """Rows as the driver gives them, some thousand at a time: for the looks that read a million of them."""
    if connection.dialect.name != "sqlite":
        with connection.execution_options(stream_results=True, yield_per=AT_ONCE).execute(wanted) as result:
            yield from ([tuple(row) for row in part] for part in result.partitions())
        return
    driver = connection.dialect.loaded_dbapi
    with connection.execute(wanted) as result:
        cursor = result.cursor
        try:
            while cursor is not None and (rows := cursor.fetchmany(AT_ONCE)):
                yield list(rows)
        except driver.DatabaseError as broken:
            raise damaged(connection.engine, str(broken)[:60]) from None


def _served(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # whose words may hold a part of the password
        expected = "a path, or dialect+driver://user:password@host:port/database, : and @ of the password as %3A and %40"
        raise EditError("the address of the database cannot be read", expected=expected) from None
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            found = parsed.render_as_string(hide_password=True)
            raise EditError("an engagement's database outlives its process", found=found, todo="name a file")
        return _file(Path(parsed.database))
    try:
        engine = create_engine(parsed, pool_pre_ping=True)
    except ImportError as missing:
        raise EditError(
            f"the driver for {parsed.get_backend_name()} is not installed", found=str(missing), todo="install it with pip"
        ) from None
    if engine.dialect.name == "postgresql":
        event.listen(engine, "begin", _begin_served)
    return engine


def _file(path: Path) -> Engine:
    if not path.parent.is_dir():
        raise EditError("the folder of the database is missing", where=str(path.parent), todo="make the folder first")
    try:
        if not path.is_file():  # one that is there may be open, and closing it here would drop its locks: howtocorrupt, 2.2
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)  # whatever the umask, and whatever a copy made of it
    except OSError as refused:
        todo = "see that you may write there, and that the disk is neither full nor read-only"
        raise EditError("the database cannot be written", found=refused.strerror or "", where=str(path), todo=todo) from None
    module = _sqlite()
    sound = _is_sound(module.sqlite_version_info)
    pool = {} if sound else {"pool_size": 1, "max_overflow": 0}
    engine = create_engine(f"sqlite+pysqlite:///{path}", module=module, connect_args={"timeout": 30}, **pool)
    event.listen(engine, "connect", _settings(sound))
    event.listen(engine, "begin", _begin_file)
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


def _begin_file(connection: Connection) -> None:
    writes = "workbench_writing" in connection.get_execution_options()  # alone or not: a file has one writer
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_served(connection: Connection) -> None:
    if connection.get_execution_options().get("workbench_writing", False):
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (WRITING_LOCK,))


def _undecodable(context: ExceptionContext) -> None:
    """A text that is no text any more: SQLite's own check looks at the pages, not at what stands in them."""
    words = str(context.original_exception)
    if words.startswith("Could not decode") and context.engine is not None:
        raise damaged(context.engine, words[:60])


def _check(engine: Engine) -> None:
    if 0 < Path(engine.url.database or "").stat().st_size < SMALLEST:  # which SQLite would take for a new file
        raise damaged(engine, "a file that is shorter than the shortest database")
    with engine.connect() as connection:
        found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA quick_check(3)")]
    if found != ["ok"]:
        raise damaged(engine, "; ".join(found))


def damaged(engine: Engine, found: str) -> IntegrityError:
    """What to raise where the database turns out not to be what was written."""
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
