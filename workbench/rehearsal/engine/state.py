"""The state of a stand-in: one SQLite file that survives a killed process, with its ids, links, jobs and request log."""

from __future__ import annotations

import gc
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import to_json

from workbench.rehearsal.engine.file import opened
from workbench.rehearsal.engine.late import MOST, Late, Rows, Sieve, Trial, waiting

Json = dict[str, Any]
"""A body as it stands on the wire: the stand-ins keep what they were sent, so it has no narrower type."""

REPLACED = "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
KNOWN = "SELECT id FROM ident WHERE kind = ? AND field = ? AND value = ? ORDER BY id"
PAGE = 5_000
"""So many lines of the log are read at a time."""
AT_HAND = 16
"""So many requests of open jobs are kept as they came, to be read no second time."""
LOGGED = ("n", "at", "method", "path", "status", "ms", "bytes_in", "bytes_out", "counted", "fault", "tokens", "windows")
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


class Traits(NamedTuple):
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
    windows: str = ""  # names of the limits that it counts in


class State:
    """The tenant in one SQLite file, which this process alone writes; every answer is committed before it is sent."""

    def __init__(self, path: Path, *, first_ids: Mapping[str, int]) -> None:
        self._first_ids = first_ids
        self._counters: dict[str, int] = {}
        self._dirty: set[str] = set()
        self._db, self._lock = opened(path)
        self._late = waiting(self._db)
        self._trial: Trial | None = None
        self._rows = Rows()
        self._batching = False
        self._requests: dict[int, Json] = {}
        self._sieve = Sieve(self.db)
        self.next_due = self._earliest()

    @property
    def db(self) -> sqlite3.Connection:
        """The open file, with all that was saved where it belongs."""
        self._write_late()
        return self._db

    def close(self) -> None:
        self._db.close()
        self._lock.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; ids taken by a refused request are given out again."""
        self._db.execute("BEGIN IMMEDIATE")
        late = self._late
        try:
            yield
            self._keep_counters()
            self._late.keep(self._db)
            self._db.execute("COMMIT")
        except BaseException:
            self._undo("ROLLBACK")
            for kept in (self._rows, self._counters, self._dirty, self._requests):
                kept.clear()
            if self._late is not late or late.news:
                self._late = waiting(self._db)
            self.next_due = self._earliest()
            raise
        self._late.kept()

    def _undo(self, command: str) -> None:
        """Take back what was written; SQLite itself has done so where the disk was full."""
        if self._db.in_transaction:
            self._db.execute(command)

    def attempt(self) -> AbstractContextManager[object]:
        """A part of a transaction that may fail alone, such as one row of a bulk request."""
        if not self._batching or self._trial is not None:
            return self._secured()
        self._trial = Trial(self._tried)
        return self._trial

    @contextmanager
    def batch(self) -> Iterator[None]:
        """The part of a transaction that makes many attempts: as long as they only add records, they cost little each."""
        self._batching, collecting = True, gc.isenabled()
        gc.disable()  # a batch makes no cycles, but so many objects that the collector would search all that waits
        try:
            yield
        finally:
            self._batching = False
            if collecting:
                gc.enable()
        self._rows.write(self._db)
        if self._late.size >= MOST:
            self._write_late()

    @contextmanager
    def _secured(self) -> Iterator[None]:
        """An attempt that a savepoint takes back."""
        if self._trial is not None:
            self._write_late()
        before = self._late, self._trial, self._batching
        self._trial, self._batching = None, False
        self._db.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self._undo("ROLLBACK TO attempt")
            self._late = before[0]
            raise
        finally:
            self._undo("RELEASE attempt")
            _, self._trial, self._batching = before

    def _tried(self, trial: Trial, *, failed: bool) -> None:
        """An attempt has ended that takes its new records back by itself, and has a savepoint only if it wrote more."""
        self._trial = None
        if failed:
            self._take_back(trial)
        if trial.late is not None:
            self._undo("RELEASE attempt")
        if not failed:
            for found in trial.news:
                self._late.add(found)

    def _take_back(self, trial: Trial) -> None:
        if not self._db.in_transaction:
            return
        if trial.late is not None:
            self._db.execute("ROLLBACK TO attempt")
            self._late = trial.late
        self._rows.drop(trial.made)
        self._db.executemany("DELETE FROM record WHERE kind = ? AND id = ?", trial.made)
        self._db.executemany("DELETE FROM link WHERE child_kind = ? AND child = ?", trial.made)

    def _guard(self) -> None:
        """To be called before anything but a new record is written in an attempt."""
        if self._trial is not None and self._trial.late is None:
            self._rows.write(self._db)
            self._trial.late = self._late
            self._db.execute("SAVEPOINT attempt")

    def _write_late(self) -> None:
        """Put all that waits where it is looked up."""
        self._rows.write(self._db)
        if self._trial is None and not self._late.size:
            return
        if not self._db.in_transaction:
            with self.transaction():
                self._write_late()
                return
        self._guard()
        if self._trial is not None:
            for found in self._trial.news:
                self._identify(*found)
            self._trial.news = []
        if self._late.size:
            self._late.write(self._db)
            self._late = Late()

    def _identify(self, kind: str, number: int, idents: Sequence[tuple[str, str]]) -> None:
        self._db.executemany("INSERT OR IGNORE INTO ident VALUES (?, ?, ?, ?)", [(kind, *pair, number) for pair in idents])

    def next_id(self, kind: str) -> int:
        if kind not in self._counters:
            row = self._db.execute("SELECT last FROM counter WHERE kind = ?", (kind,)).fetchone()
            self._counters[kind] = row[0] if row else self._first_ids.get(kind, 1) - 1
        self._counters[kind] += 1
        self._dirty.add(kind)
        return self._counters[kind]

    def claim(self, kind: str, number: int) -> int:
        """Take an id that a recipe names; ids given out later lie above it."""
        before = self.next_id(kind) - 1
        self._counters[kind] = max(before, number)
        return number

    def _keep_counters(self) -> None:
        if self._dirty:
            rows = [(kind, self._counters[kind]) for kind in self._dirty]
            self._db.executemany("INSERT OR REPLACE INTO counter VALUES (?, ?)", rows)
            self._dirty.clear()

    def meta(self, name: str) -> Json | None:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None

    def set_meta(self, name: str, value: Json) -> None:
        self._guard()
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, _text(value)))

    def save(self, record: Record, traits: Traits, *, new: bool) -> None:
        """Write a record with all that it is found by."""
        db, key = self._db, (record.kind, record.id)
        if not new:
            self._unhook(record.kind, record.id)
        row = (
            *(*key, _text(record.body), traits.label, traits.owner, traits.facet),
            *(record.created, record.updated, record.deleted, _text(traits.idents)),
        )
        if new and self._trial is not None:
            self._rows.add(row)
        else:
            db.execute(REPLACED, row)
        if traits.parents:
            db.executemany("INSERT OR IGNORE INTO link VALUES (?, ?, ?, ?)", [(*parent, *key) for parent in traits.parents])
        self._sieve.add(traits.idents)
        if new and self._trial is not None:
            self._trial.add((*key, traits.idents))
        else:
            self._identify(*key, traits.idents)

    def _unhook(self, kind: str, number: int) -> None:
        if self._late.holds(kind, number) or (self._trial is not None and (kind, number) in self._trial.made):
            self._write_late()
        self._guard()
        self._rows.write(self._db)
        row = self._db.execute("SELECT idents FROM record WHERE kind = ? AND id = ?", (kind, number)).fetchone()
        pairs = [(value, name, kind, number) for name, value in json.loads(row[0])] if row else []
        self._db.executemany("DELETE FROM ident WHERE value = ? AND field = ? AND kind = ? AND id = ?", pairs)
        self._db.execute("DELETE FROM link WHERE child_kind = ? AND child = ?", (kind, number))

    def erase(self, kind: str, number: int) -> None:
        """Remove a record and its hooks for good."""
        self._unhook(kind, number)
        self._db.execute("DELETE FROM link WHERE kind = ? AND parent = ?", (kind, number))
        self._db.execute("DELETE FROM record WHERE kind = ? AND id = ?", (kind, number))
        self._db.execute("DELETE FROM content WHERE kind = ? AND id = ?", (kind, number))

    def keep_content(self, kind: str, number: int, content: bytes) -> None:
        """Keep the bytes of a record that is a file; they go when the record is erased."""
        self._guard()
        self._db.execute("INSERT OR REPLACE INTO content VALUES (?, ?, ?)", (kind, number, content))

    def content(self, kind: str, number: int) -> bytes | None:
        row = self._db.execute("SELECT bytes FROM content WHERE kind = ? AND id = ?", (kind, number)).fetchone()
        return bytes(row[0]) if row else None

    def get(self, kind: str, number: int, *, deleted: bool = False) -> Record | None:
        """The record, or none where it does not exist or lies in the bin and ``deleted`` is not asked for."""
        found = self.select("kind = ? AND id = ?", (kind, number))
        return found[0] if found and (deleted or found[0].deleted is None) else None

    def select(
        self, where: str, values: Sequence[object], *, order: str = "id", limit: int = -1, offset: int = 0
    ) -> list[Record]:
        """Records by a condition of ours; only constants of this package may form ``where`` and ``order``."""
        if "ident" in where:
            self._write_late()
        self._rows.write(self._db)
        sql = f"SELECT kind, id, body, created, updated, deleted FROM record WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608
        rows = self._db.execute(sql, (*values, limit, offset))
        return [Record(kind, number, json.loads(body), made, changed, gone) for kind, number, body, made, changed, gone in rows]

    def count(self, where: str, values: Sequence[object]) -> int:
        if "ident" in where:
            self._write_late()
        self._rows.write(self._db)
        return int(self._db.execute(f"SELECT count(*) FROM record WHERE {where}", values).fetchone()[0])  # noqa: S608

    def known(self, kind: str, field_name: str, value: str) -> list[int]:
        """Ids of the records that carry this identifying value, oldest first."""
        if not self._sieve.may_hold(field_name, value):
            return []
        found = [number for (number,) in self._db.execute(KNOWN, (kind, field_name, value))]
        late = self._late.known(kind, field_name, value)
        if self._trial is not None and self._trial.news:
            late = (*late, *self._trial.known(kind, field_name, value))
        return sorted({*found, *late}) if late else found

    def children(self, kind: str, parent: int, child_kind: str) -> list[int]:
        sql = "SELECT child FROM link WHERE kind = ? AND parent = ? AND child_kind = ? ORDER BY child"
        return [row[0] for row in self._db.execute(sql, (kind, parent, child_kind))]

    def promise(self, kind: str, request: Json, *, made: float, due: float) -> int:
        self._guard()
        number = self.next_id("job")
        self._db.execute("INSERT INTO job VALUES (?, ?, ?, ?, ?, NULL)", (number, kind, made, due, _text(request)))
        self.next_due = min(self.next_due, due)
        if len(self._requests) < AT_HAND:
            self._requests[number] = request
        return number

    def due(self, now: float) -> list[Job]:
        """The jobs whose time has come, in their order."""
        sql = "SELECT id, kind, made, due FROM job WHERE result IS NULL AND due <= ? ORDER BY due, id"
        rows = self._db.execute(sql, (now,)).fetchall()
        return [Job(number, kind, made, due, self._request(number), None) for number, kind, made, due in rows]

    def open_jobs(self, kind: str) -> int:
        """How many of this kind are not done."""
        return int(self._db.execute("SELECT count(*) FROM job WHERE result IS NULL AND kind = ?", (kind,)).fetchone()[0])

    def _request(self, number: int) -> Json:
        kept = self._requests.get(number)
        if kept is None:
            kept = json.loads(self._db.execute("SELECT request FROM job WHERE id = ?", (number,)).fetchone()[0])
        return kept

    def jobs(self, where: str, values: Sequence[object]) -> list[Job]:
        rows = self._db.execute(f"SELECT id, kind, made, due, request, result FROM job WHERE {where} ORDER BY due, id", values)  # noqa: S608
        return [_job(*row) for row in rows]

    def keep(self, job: Job, result: Json) -> None:
        self._guard()
        self._db.execute("UPDATE job SET result = ?, request = '{}' WHERE id = ?", (_text(result), job.id))
        self._requests.pop(job.id, None)
        self.next_due = self._earliest()

    def _earliest(self) -> float:
        return float(self._db.execute("SELECT coalesce(min(due), 9e18) FROM job WHERE result IS NULL").fetchone()[0])

    def write_down(self, entry: Entry) -> None:
        values = (
            entry.at, entry.method, SECRET_QUERY.sub(r"\1=***", entry.path), entry.status, entry.ms,
            entry.bytes_in, entry.bytes_out, int(entry.counted), entry.fault, entry.tokens, entry.windows,
        )  # fmt: skip
        self._db.execute("INSERT INTO log VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def counted(self, since: float, until: float) -> list[tuple[float, int, str]]:
        """When each request between the two came that used up the limits, what it cost in tokens, and in which limits."""
        sql = "SELECT at, tokens, coalesce(windows, '') FROM log WHERE at BETWEEN ? AND ? AND counted = 1 ORDER BY at"
        return self._db.execute(sql, (since, until)).fetchall()

    def log(self, since: int) -> list[Json]:
        """The next lines of the request log after line ``since``, oldest first; none at its end."""
        rows = self._db.execute("SELECT * FROM log WHERE n > ? ORDER BY n LIMIT ?", (since, PAGE))
        return [dict(zip(LOGGED, row, strict=True)) for row in rows]


def _job(number: int, kind: str, made: float, due: float, request: str, result: str | None) -> Job:
    return Job(number, kind, made, due, json.loads(request), json.loads(result) if result else None)


def _text(value: Json | Sequence[tuple[str, str]]) -> str:
    try:
        return to_json(value, inf_nan_mode="constants").decode()
    except ValueError:  # nested deeper than it goes
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
