"""The state of a stand-in: one SQLite file that survives a killed process, with its ids, links, jobs and request log."""

from __future__ import annotations

import fcntl
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from workbench.errors import EditError, listed

Json = dict[str, Any]
"""A body as it stands on the wire: the stand-ins keep what they were sent, so it has no narrower type."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counter (kind TEXT PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS record (
  kind TEXT NOT NULL, id INTEGER NOT NULL, body TEXT NOT NULL, label TEXT NOT NULL, owner INTEGER, facet TEXT,
  created REAL NOT NULL, updated REAL NOT NULL, deleted REAL, PRIMARY KEY (kind, id));
CREATE INDEX IF NOT EXISTS record_listed ON record (kind, deleted, updated, id);
CREATE TABLE IF NOT EXISTS ident (
  kind TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, id INTEGER NOT NULL,
  PRIMARY KEY (kind, field, value, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ident_of ON ident (kind, id);
CREATE TABLE IF NOT EXISTS link (
  kind TEXT NOT NULL, parent INTEGER NOT NULL, child_kind TEXT NOT NULL, child INTEGER NOT NULL,
  PRIMARY KEY (kind, parent, child_kind, child)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS link_of ON link (child_kind, child);
CREATE TABLE IF NOT EXISTS job (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, made REAL NOT NULL, due REAL NOT NULL, request TEXT NOT NULL,
  result TEXT);
CREATE TABLE IF NOT EXISTS log (
  n INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
  status INTEGER NOT NULL, ms REAL NOT NULL, bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL,
  counted INTEGER NOT NULL, fault TEXT, tokens INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS log_at ON log (at);
CREATE TABLE IF NOT EXISTS content (
  kind TEXT NOT NULL, id INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (kind, id));
"""

SECRET_QUERY = re.compile(r"(?i)\b([a-z_]*(?:token|key|secret|password)[a-z_]*)=[^&]*")


@dataclass(frozen=True, slots=True)
class Record:
    """One object of the tenant: its body without empty values, and its times in seconds since 1970."""

    kind: str
    id: int
    body: Json
    created: float
    updated: float
    deleted: float | None = None


@dataclass(frozen=True, slots=True)
class Traits:
    """What a record is found by: searchable text, owner, one facet, identifying values and the parents it hangs on."""

    label: str
    owner: int | None = None
    facet: str | None = None
    idents: Sequence[tuple[str, str]] = ()
    parents: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """Work that was promised and is done once it is due; ``result`` is empty until then."""

    id: int
    kind: str
    made: float
    due: float
    request: Json
    result: Json | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the request log."""

    at: float
    method: str
    path: str
    status: int
    ms: float
    bytes_in: int
    bytes_out: int
    counted: bool
    fault: str | None
    tokens: int = 0


class State:
    """The tenant in one SQLite file, which this process alone writes; every answer is committed before it is sent."""

    def __init__(self, path: Path, *, first_ids: Mapping[str, int]) -> None:
        _check(path)
        self._lock = _locked(path)
        path.touch(mode=0o600)
        path.chmod(0o600)
        self._first_ids = first_ids
        self._counters: dict[str, int] = {}
        self._dirty: set[str] = set()
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # WAL with NORMAL survives a killed process; only a power cut may cost the last answers.
        self.db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536;")
        self.db.executescript(SCHEMA)
        self._bring_up_to_date()
        self.next_due = self._earliest()

    def _bring_up_to_date(self) -> None:
        columns = {name for _, name, *_ in self.db.execute("PRAGMA table_info(log)")}
        if "tokens" not in columns:  # a state file of 0.1
            self.db.execute("ALTER TABLE log ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0")

    def close(self) -> None:
        self.db.close()
        self._lock.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; ids taken by a refused request are given out again."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._keep_counters()
        except BaseException:
            self.db.execute("ROLLBACK")
            self._counters.clear()
            self._dirty.clear()
            self.next_due = self._earliest()
            raise
        self.db.execute("COMMIT")

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part of a transaction that may fail alone, such as one row of a bulk request."""
        self.db.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK TO attempt")
            self.db.execute("RELEASE attempt")
            raise
        self.db.execute("RELEASE attempt")

    def next_id(self, kind: str) -> int:
        if kind not in self._counters:
            row = self.db.execute("SELECT last FROM counter WHERE kind = ?", (kind,)).fetchone()
            self._counters[kind] = row[0] if row else self._first_ids.get(kind, 1) - 1
        self._counters[kind] += 1
        self._dirty.add(kind)
        return self._counters[kind]

    def _keep_counters(self) -> None:
        if self._dirty:
            rows = [(kind, self._counters[kind]) for kind in self._dirty]
            self.db.executemany("INSERT OR REPLACE INTO counter VALUES (?, ?)", rows)
            self._dirty.clear()

    def meta(self, name: str) -> Json | None:
        row = self.db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None

    def set_meta(self, name: str, value: Json) -> None:
        self.db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, _text(value)))

    def save(self, record: Record, traits: Traits, *, new: bool) -> None:
        """Write a record with all that it is found by."""
        db, key = self.db, (record.kind, record.id)
        if not new:
            self._unhook(record.kind, record.id)
        db.execute(
            "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *key,
                _text(record.body),
                traits.label,
                traits.owner,
                traits.facet,
                record.created,
                record.updated,
                record.deleted,
            ),
        )
        db.executemany(
            "INSERT OR IGNORE INTO ident VALUES (?, ?, ?, ?)", [(record.kind, *pair, record.id) for pair in traits.idents]
        )
        db.executemany("INSERT OR IGNORE INTO link VALUES (?, ?, ?, ?)", [(*parent, *key) for parent in traits.parents])

    def _unhook(self, kind: str, number: int) -> None:
        self.db.execute("DELETE FROM ident WHERE kind = ? AND id = ?", (kind, number))
        self.db.execute("DELETE FROM link WHERE child_kind = ? AND child = ?", (kind, number))

    def erase(self, kind: str, number: int) -> None:
        """Remove a record and its hooks for good."""
        self._unhook(kind, number)
        self.db.execute("DELETE FROM link WHERE kind = ? AND parent = ?", (kind, number))
        self.db.execute("DELETE FROM record WHERE kind = ? AND id = ?", (kind, number))
        self.db.execute("DELETE FROM content WHERE kind = ? AND id = ?", (kind, number))

    def keep_content(self, kind: str, number: int, content: bytes) -> None:
        """Keep the bytes of a record that is a file; they go when the record is erased."""
        self.db.execute("INSERT OR REPLACE INTO content VALUES (?, ?, ?)", (kind, number, content))

    def content(self, kind: str, number: int) -> bytes | None:
        row = self.db.execute("SELECT bytes FROM content WHERE kind = ? AND id = ?", (kind, number)).fetchone()
        return bytes(row[0]) if row else None

    def get(self, kind: str, number: int, *, deleted: bool = False) -> Record | None:
        """The record, or none where it does not exist or lies in the bin and ``deleted`` is not asked for."""
        found = self.select("kind = ? AND id = ?", (kind, number))
        return found[0] if found and (deleted or found[0].deleted is None) else None

    def select(
        self, where: str, values: Sequence[object], *, order: str = "id", limit: int = -1, offset: int = 0
    ) -> list[Record]:
        """Records by a condition of ours; only constants of this package may form ``where`` and ``order``."""
        sql = f"SELECT kind, id, body, created, updated, deleted FROM record WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608
        rows = self.db.execute(sql, (*values, limit, offset))
        return [Record(kind, number, json.loads(body), made, changed, gone) for kind, number, body, made, changed, gone in rows]

    def count(self, where: str, values: Sequence[object]) -> int:
        return int(self.db.execute(f"SELECT count(*) FROM record WHERE {where}", values).fetchone()[0])  # noqa: S608

    def known(self, kind: str, field_name: str, value: str) -> list[int]:
        """Ids of the records that carry this identifying value, oldest first."""
        sql = "SELECT id FROM ident WHERE kind = ? AND field = ? AND value = ? ORDER BY id"
        return [row[0] for row in self.db.execute(sql, (kind, field_name, value))]

    def children(self, kind: str, parent: int, child_kind: str) -> list[int]:
        sql = "SELECT child FROM link WHERE kind = ? AND parent = ? AND child_kind = ? ORDER BY child"
        return [row[0] for row in self.db.execute(sql, (kind, parent, child_kind))]

    def promise(self, kind: str, request: Json, *, made: float, due: float) -> int:
        number = self.next_id("job")
        self.db.execute("INSERT INTO job VALUES (?, ?, ?, ?, ?, NULL)", (number, kind, made, due, _text(request)))
        self.next_due = min(self.next_due, due)
        return number

    def jobs(self, where: str, values: Sequence[object]) -> list[Job]:
        rows = self.db.execute(f"SELECT id, kind, made, due, request, result FROM job WHERE {where} ORDER BY due, id", values)  # noqa: S608
        return [_job(*row) for row in rows]

    def keep(self, job: Job, result: Json) -> None:
        self.db.execute("UPDATE job SET result = ?, request = '{}' WHERE id = ?", (_text(result), job.id))
        self.next_due = self._earliest()

    def _earliest(self) -> float:
        return float(self.db.execute("SELECT coalesce(min(due), 9e18) FROM job WHERE result IS NULL").fetchone()[0])

    def write_down(self, entry: Entry) -> None:
        values = (
            entry.at, entry.method, SECRET_QUERY.sub(r"\1=***", entry.path), entry.status, entry.ms,
            entry.bytes_in, entry.bytes_out, int(entry.counted), entry.fault, entry.tokens,
        )  # fmt: skip
        self.db.execute("INSERT INTO log VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def requests(self) -> int:
        """How many requests were ever written down."""
        return int(self.db.execute("SELECT coalesce(max(n), 0) FROM log").fetchone()[0])

    def counted_since(self, moment: float) -> list[tuple[float, int]]:
        """When each request since then came that used up the limits, and what it cost in tokens."""
        return self.db.execute("SELECT at, tokens FROM log WHERE at >= ? AND counted = 1 ORDER BY at", (moment,)).fetchall()

    def log(self, since: int) -> list[Json]:
        """The request log after line ``since``, oldest first."""
        names = ("n", "at", "method", "path", "status", "ms", "bytes_in", "bytes_out", "counted", "fault", "tokens")
        rows = self.db.execute("SELECT * FROM log WHERE n > ? ORDER BY n", (since,))
        return [dict(zip(names, row, strict=True)) for row in rows]


def _job(number: int, kind: str, made: float, due: float, request: str, result: str | None) -> Job:
    return Job(number, kind, made, due, json.loads(request), json.loads(result) if result else None)


def _check(path: Path) -> None:
    """Leave alone what is no tenant of ours: a folder, another kind of file, another program's database, a damaged one."""
    try:
        if not path.exists() or (path.is_file() and not path.stat().st_size):
            return
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            found = {str(name) for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            damage = "; ".join(str(words) for (words,) in db.execute("PRAGMA quick_check(3)"))
    except sqlite3.Error as error:
        found, damage = set(), str(error)
    if damage != "ok" or not found >= {"meta", "record", "job", "log"}:
        raise EditError(
            "this is no tenant of a rehearsal",
            expected="a state file that a rehearsal wrote, or a name that is free",
            found=damage if damage != "ok" else f"a database with {listed(sorted(found)) or 'no tables'}",
            where=str(path),
            todo="name another file; this one was left as it is",
        )


def _locked(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(path.name + ".lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise EditError(
            "another rehearsal serves this state file", where=str(path), todo="stop it, or name another state file"
        ) from None
    return lock


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
