"""The table of every change that was asked of a destination, one row an attempt, never deleted."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import pandas as pd
from sqlalchemy import ColumnElement, Engine, Row, func, literal_column, select

from workbench.clock import now
from workbench.ledger.entering import Change, Register, Sheet
from workbench.ledger.scribe import AT_ONCE, Scribe
from workbench.ledger.writers import Writer
from workbench.store import operations, streamed
from workbench.store.sealing import SEALED

__all__ = ["Closing", "Intent", "Operation", "Operations", "Trace", "digest", "operations", "same"]

T = TypeVar("T")
Verb = Literal["create", "update", "delete", "restore", "create_field", "delete_field"]
State = Literal["intent", "done", "rejected", "unknown", "reversed", "kept"]
OPEN = ("intent", "unknown")
NEW = tuple(name for name in SEALED if name not in ("op", "epoch"))
"""What an intent says of its row; the number and the epoch come with the transaction."""
STEP = 2000
"""Operations read at a time where many are walked along."""


@dataclass(frozen=True)
class Trace:
    """What a row of the table says without its JSON."""

    op: int
    object: str
    key: str
    verb: str
    state: str
    id: str
    attempt: int
    payload_sha: str


TRACED = tuple(each.name for each in fields(Trace))


@dataclass(frozen=True)
class Operation(Trace):
    """One row of the table, its JSON read."""

    payload: Mapping[str, Any]
    pre: Mapping[str, Any] | None
    post: Mapping[str, Any] | None
    words: str
    at: str
    job: str = ""  # the destination's, where it works on the batch later
    epoch: int = 0  # the writer's, when the intent was written


@dataclass(frozen=True)
class Intent:
    """A change that is about to be asked for."""

    object: str
    key: str
    verb: Verb
    payload: Mapping[str, Any]
    id: str = ""
    pre: Mapping[str, Any] | None = None
    attempt: int = 1


@dataclass(frozen=True)
class Closing:
    """What became of an operation; empty parts leave the row as it is."""

    op: int
    state: State
    id: str = ""
    words: str = ""
    post: Mapping[str, Any] | None = field(default=None)


class Operations:
    """Reads and writes the rows of one engagement, from any number of threads.

    What is written is on disk when the call returns; calls of several threads share a transaction. The first use reads
    the whole ledger once, and IntegrityError says where it is not what was written. Fenced comes from every writing call
    once another run has taken over.
    """

    def __init__(self, store: Engine, *, engagement_id: str, writer: Writer | None = None) -> None:
        self.writer = writer or Writer(store, engagement_id=engagement_id)
        self._store = store
        self._engagement = engagement_id
        register = Register(store, self.writer, engagement_id=engagement_id)
        self._scribe = Scribe[Sheet, list[int]](register.enter, rows=len)

    def open(self, batch: str, intents: Sequence[Intent]) -> list[int]:
        """Write down what is about to be asked for; returns the numbers of the operations."""
        rows = [self._row(batch, intent) for intent in intents]
        self.writer.intact()
        return [op for part in _parts(rows) for op in self._scribe.write(Sheet(rows=part))]

    def close(self, closings: Sequence[Closing]) -> None:
        """Write down what became of operations."""
        self._enter([Change(closing.op, _closed(closing)) for closing in closings])

    def taken(self, ops: Sequence[int], job: str) -> None:
        """Write down the name under which the destination works on these operations; they stay open."""
        self._enter([Change(op, {"job": _plain_text(job), "at": now()}) for op in ops])

    def _enter(self, changes: Sequence[Change]) -> None:
        self.writer.intact()
        for part in _parts(changes):
            self._scribe.write(Sheet(changes=part))

    def of_keys(self, object_: str, keys: Iterable[str]) -> dict[str, list[Operation]]:
        """Operations of these keys, oldest first."""
        found: dict[str, list[Operation]] = {}
        for operation in self._among(object_, "key", list(keys)):
            found.setdefault(operation.key, []).append(operation)
        return found

    def traces(self, object_: str, keys: Iterable[str]) -> dict[str, list[Trace]]:
        """The same without payloads and images, which most questions do without and most of the time goes into."""
        found: dict[str, list[Trace]] = {}
        wanted, c = list(keys), operations.c
        traced = select(*(c[name] for name in TRACED)).where(c.engagement == self._engagement, c.object == object_)
        self.writer.intact()
        for start in range(0, len(wanted), AT_ONCE):
            with self._store.connect() as connection:
                mine = traced.where(c.key.in_(wanted[start : start + AT_ONCE])).order_by(c.op)
                for row in connection.execute(mine):
                    found.setdefault(row.key, []).append(Trace(*row))
        return found

    def of_ids(self, object_: str, ids: Iterable[str]) -> dict[str, list[Operation]]:
        """Operations on these records of the destination, oldest first."""
        found: dict[str, list[Operation]] = {}
        for operation in self._among(object_, "id", list(ids)):
            found.setdefault(operation.id, []).append(operation)
        return found

    def unsettled(self, object_: str = "") -> list[Operation]:
        """Operations whose outcome nobody knows: sent and unanswered, or interrupted."""
        condition: ColumnElement[bool] = literal_column(
            "state IN ('intent', 'unknown')"
        )  # as the index of the open ones has it
        return self.where(condition & (operations.c.object == object_) if object_ else condition)

    def where(self, condition: Any, *, newest_first: bool = False) -> list[Operation]:
        """Operations under a condition on the table's columns, by default oldest first."""
        order = operations.c.op.desc() if newest_first else operations.c.op
        wanted = select(operations).where(operations.c.engagement == self._engagement, condition).order_by(order)
        self.writer.intact()
        with self._store.connect() as connection:
            return [_operation(row) for row in connection.execute(wanted)]

    def each(self, condition: Any, *, newest_first: bool = False) -> Iterator[Operation]:
        """As `where`, for any number of operations: some thousand in memory, and nothing locked in between.

        An operation that is written while one walks along may come or not.
        """
        c = operations.c
        wanted = select(operations).where(c.engagement.concat("") == self._engagement, condition).limit(STEP)
        wanted = wanted.order_by(c.op.desc() if newest_first else c.op)
        self.writer.intact()
        last: int | None = None
        while True:
            here = wanted if last is None else wanted.where(c.op < last if newest_first else c.op > last)
            with self._store.connect() as connection:
                part = connection.execute(here).all()
            yield from (_operation(row) for row in part)
            if len(part) < STEP:
                return
            last = part[-1].op

    def pairs(self, object_: str, states: Sequence[str]) -> dict[str, str]:
        """Key → id of the records that were made, or changed under our key; the first id where a key was made twice."""
        return dict(self.each_pair(object_, states))

    def each_pair(self, object_: str, states: Sequence[str]) -> Iterator[tuple[str, str]]:
        """The same one by one, newest first: of a key that comes again, the later one counts."""
        c = operations.c
        mine = (c.object == object_) & c.verb.in_(("create", "update")) & c.state.in_(states) & (c.id != "")
        return ((key, number) for key, number in self.columns(("key", "id"), mine, newest_first=True))

    def columns(self, names: Sequence[str], condition: Any, *, newest_first: bool = False) -> Iterator[tuple[Any, ...]]:
        """Some columns of the operations under a condition, one by one: what a million rows are asked without their JSON."""
        for part in self.parts(names, condition, newest_first=newest_first):
            yield from part

    def parts(self, names: Sequence[str], condition: Any, *, newest_first: bool = False) -> Iterator[list[tuple[Any, ...]]]:
        """The same, some thousand at a time."""
        c = operations.c
        wanted = (
            select(*(c[name] for name in names))
            .where(c.engagement.concat("") == self._engagement, condition)  # no index: they are read as they lie
            .order_by(c.op.desc() if newest_first else c.op)
        )
        self.writer.intact()
        with self._store.connect() as connection:
            yield from streamed(connection, wanted)

    def newest(self) -> int:
        """The number of the last operation, 0 where there is none: as long as it stays the same, nothing more was asked for."""
        wanted = select(func.max(operations.c.op)).where(operations.c.engagement == self._engagement)
        self.writer.intact()
        with self._store.connect() as connection:
            return int(connection.execute(wanted).scalar() or 0)

    def spans(self) -> list[tuple[int, str, str, str, str, int]]:
        """When what was done: the run's epoch, object, verb, first and last moment, and how many; the earliest first."""
        c = operations.c
        first = func.min(c.at)
        wanted = (
            select(c.epoch, c.object, c.verb, first, func.max(c.at), func.count())
            .where(c.engagement == self._engagement, c.state == "done")
            .group_by(c.epoch, c.object, c.verb)
            .order_by(first)
        )
        self.writer.intact()
        with self._store.connect() as connection:
            return [(int(row[0]), row[1], row[2], row[3], row[4], int(row[5])) for row in connection.execute(wanted)]

    def frame(self) -> pd.DataFrame:
        """Every operation: op, object, key, verb, state, id, attempt, at, words."""
        names = ["op", "object", "key", "verb", "state", "id", "attempt", "at", "words"]
        wanted = (
            select(*(operations.c[name] for name in names))
            .where(operations.c.engagement == self._engagement)
            .order_by(operations.c.op)
        )
        self.writer.intact()
        with self._store.connect() as connection:
            frame = pd.DataFrame([tuple(row) for row in connection.execute(wanted)], columns=names)
        return frame.astype({name: "int64" if name in ("op", "attempt") else "str" for name in names})

    def _among(self, object_: str, name: str, values: Sequence[str]) -> list[Operation]:
        found: list[Operation] = []
        for start in range(0, len(values), AT_ONCE):
            part = list(values[start : start + AT_ONCE])
            found += self.where((operations.c.object == object_) & operations.c[name].in_(part))
        return found

    def _row(self, batch: str, intent: Intent) -> tuple[object, ...]:
        said = {
            "engagement": self._engagement,
            "batch": batch,
            "object": intent.object,
            "key": intent.key,
            "verb": intent.verb,
            "state": "intent",
            "id": _plain_text(intent.id),
            "attempt": intent.attempt,
            "payload_sha": digest(intent.payload),
            "payload": text(intent.payload),
            "pre": None if intent.pre is None else text(intent.pre),
            "post": None,
            "words": "",
            "at": now(),
            "job": "",
        }
        return tuple(said[name] for name in NEW)


def _parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    return (rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE))


def _closed(closing: Closing) -> dict[str, str]:
    values = {"state": closing.state, "words": _plain_text(closing.words), "at": now()}
    if closing.id:
        values["id"] = _plain_text(closing.id)
    if closing.post is not None:
        values["post"] = text(closing.post)
    return values


def _plain_text(words: str) -> str:
    """What no database takes, as escapes: NUL, and halves of a character that a destination's JSON may hold."""
    return words.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _operation(row: Row[Any]) -> Operation:
    return Operation(
        op=row.op,
        object=row.object,
        key=row.key,
        verb=row.verb,
        state=row.state,
        id=row.id,
        attempt=row.attempt,
        payload_sha=row.payload_sha,
        payload=json.loads(row.payload),
        pre=json.loads(row.pre) if row.pre else None,
        post=json.loads(row.post) if row.post else None,
        words=row.words,
        at=row.at,
        job=row.job,
        epoch=row.epoch,
    )


def text(value: Mapping[str, Any]) -> str:
    """Canonical JSON: keys sorted, so that equal values have one text."""
    said = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    try:
        said.encode()
    except UnicodeEncodeError:  # half a character, which only JSON can write
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return said


def digest(payload: Mapping[str, Any]) -> str:
    """SHA-256 of a payload, whatever the order of its fields; fields without a value do not count."""
    return hashlib.sha256(text({name: value for name, value in payload.items() if value is not None}).encode()).hexdigest()


MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)")
"""A moment with its offset, as ISO 8601 writes it."""


def same(one: object, other: object) -> bool:
    """Whether two values of a field say the same: empty is empty, `1200.00` is 1200, the order of a list is nothing.

    A moment is itself in every time zone. Text with a leading zero is no number: `02134` is not 2134.
    """
    return _plain(one) == _plain(other)


def _plain(value: object) -> object:
    if value is None or value == "" or value == []:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        items = sorted(str(_plain(item)) for item in value)
        return items[0] if len(items) == 1 else tuple(items)
    words = str(value).replace("\r\n", "\n").strip()
    if MOMENT.fullmatch(words):
        with suppress(ValueError, OverflowError):  # the thirteenth month is no moment, and equals its own text alone
            return datetime.fromisoformat(words).astimezone(UTC).isoformat()
    bare = words.removeprefix("-")
    if (
        bare.replace(".", "", 1).isdecimal()
        and bare.isascii()
        and bare[0] != "."
        and (bare[0] != "0" or bare[:2] in ("0", "0."))
    ):
        return words.rstrip("0").rstrip(".") if "." in words else words
    return words
