"""The file of a state: its tables, its lock, and a look at what it holds before it is touched."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import IO

from workbench.errors import EditError, listed

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counter (kind TEXT PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS record (
  kind TEXT NOT NULL, id INTEGER NOT NULL, body TEXT NOT NULL, label TEXT NOT NULL, owner INTEGER, facet TEXT,
  created REAL NOT NULL, updated REAL NOT NULL, deleted REAL, idents TEXT NOT NULL DEFAULT '[]', PRIMARY KEY (kind, id));
CREATE INDEX IF NOT EXISTS record_listed ON record (kind, deleted, updated, id);
CREATE TABLE IF NOT EXISTS ident (
  kind TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, id INTEGER NOT NULL,
  PRIMARY KEY (value, field, kind, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS late (n INTEGER PRIMARY KEY, records TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS link (
  kind TEXT NOT NULL, parent INTEGER NOT NULL, child_kind TEXT NOT NULL, child INTEGER NOT NULL,
  PRIMARY KEY (kind, parent, child_kind, child)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS link_of ON link (child_kind, child);
CREATE TABLE IF NOT EXISTS job (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, made REAL NOT NULL, due REAL NOT NULL, request TEXT NOT NULL,
  result TEXT);
CREATE INDEX IF NOT EXISTS job_open ON job (due, id) WHERE result IS NULL;
CREATE TABLE IF NOT EXISTS log (
  n INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
  status INTEGER NOT NULL, ms REAL NOT NULL, bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL,
  counted INTEGER NOT NULL, fault TEXT, tokens INTEGER NOT NULL DEFAULT 0,
  windows TEXT);
CREATE INDEX IF NOT EXISTS log_at ON log (at);
CREATE TABLE IF NOT EXISTS content (
  kind TEXT NOT NULL, id INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (kind, id));
"""

IDENTS_BY_VALUE = """
BEGIN;
ALTER TABLE record ADD COLUMN idents TEXT NOT NULL DEFAULT '[]';
UPDATE record SET idents = (
  SELECT json_group_array(json_array(field, value)) FROM ident WHERE ident.kind = record.kind AND ident.id = record.id);
DROP INDEX ident_of;
ALTER TABLE ident RENAME TO ident_before;
CREATE TABLE ident (
  kind TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, id INTEGER NOT NULL,
  PRIMARY KEY (value, field, kind, id)) WITHOUT ROWID;
INSERT INTO ident SELECT kind, field, value, id FROM ident_before ORDER BY value, field, kind, id;
DROP TABLE ident_before;
COMMIT;
"""

# WAL with NORMAL survives a killed process; only a power cut may cost the last answers. The longer the WAL, the fewer times
# a page that changes often is copied into the file.
MANNERS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA cache_size = -65536;
PRAGMA wal_autocheckpoint = 16000;
"""

UNWRITTEN = frozenset(
    (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM)
)


def opened(path: Path) -> tuple[sqlite3.Connection, IO[bytes]]:
    """The open file and its lock, which only one process holds; ``EditError`` where it is no state or is in use.

    A link is followed to a state that stands there, and to nothing else; no other file is made or changed.
    """
    _check(path)
    path = path.resolve()
    lock = _locked(path)
    try:
        with _made(path) as file:
            os.fchmod(file.fileno(), 0o600)
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        db.executescript(MANNERS)
        db.executescript(SCHEMA)
        _bring_up_to_date(db)
    except BaseException:
        lock.close()
        raise
    return db, lock


def full(error: BaseException) -> bool:
    """Whether SQLite could not write because the disk, or what the process may use of it, is full or broken."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest says more exactly which of them it is
    return isinstance(error, sqlite3.OperationalError) and code in UNWRITTEN


def _bring_up_to_date(db: sqlite3.Connection) -> None:
    if "idents" not in {name for _, name, *_ in db.execute("PRAGMA table_info(record)")}:  # a state file of 0.1
        db.executescript(IDENTS_BY_VALUE)
    columns = {name for _, name, *_ in db.execute("PRAGMA table_info(log)")}
    if "tokens" not in columns:  # a state file of 0.1
        db.execute("ALTER TABLE log ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0")
    if "windows" not in columns:
        db.execute("ALTER TABLE log ADD COLUMN windows TEXT")


def _check(path: Path) -> None:
    """Leave alone what is no tenant of ours: a folder, another kind of file, another program's database, a damaged one."""
    try:
        if path.is_symlink() and not (path.is_file() and path.stat().st_size):
            raise _no_state(path, "a link to what is no state file")
        if not path.exists() or (path.is_file() and not path.stat().st_size):
            return
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            found = {str(name) for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            damage = "; ".join(str(words) for (words,) in db.execute("PRAGMA quick_check(3)"))
    except sqlite3.Error as error:
        found, damage = set(), str(error)
    if damage != "ok" or not found >= {"meta", "record", "job", "log"}:
        raise _no_state(path, damage if damage != "ok" else f"a database with {listed(sorted(found)) or 'no tables'}")


def _no_state(path: Path, found: str) -> EditError:
    return EditError(
        "this is no tenant of a rehearsal",
        expected="a state file that a rehearsal wrote, or a name that is free",
        found=found,
        where=str(path),
        todo="name another file; this one was left as it is",
    )


def _made(path: Path) -> IO[bytes]:
    """The file open for writing, made for us alone where there is none; never emptied, and no link is followed."""
    try:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600), "r+b")
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise OSError(errno.EINVAL, "it is no plain file")
    except OSError as error:
        found = "a link, which is not followed" if error.errno == errno.ELOOP else error.strerror or str(error)
        raise EditError(
            "the state file cannot be opened", found=found, where=str(path), todo="name another state file"
        ) from None
    return file


def _locked(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = _made(path.with_name(f".{path.name}.rehearsal-lock"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise EditError(
            "another rehearsal serves this state file", where=str(path), todo="stop it, or name another state file"
        ) from None
    return lock
