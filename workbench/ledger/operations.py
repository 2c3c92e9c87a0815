"""The table of every change that was asked of a destination, one row an attempt, never deleted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd
from sqlalchemy import Column, Engine, Index, Integer, MetaData, Row, Table, Text, bindparam, insert, select, update

from workbench.clock import now
from workbench.store import writing

__all__ = ["Closing", "Intent", "Operation", "Operations", "digest", "same"]

Verb = Literal["create", "update", "delete", "restore", "create_field", "delete_field"]
State = Literal["intent", "done", "rejected", "unknown", "reversed", "kept"]
OPEN = ("intent", "unknown")
AT_ONCE = 500
"""Values in one IN(…), below every database's limit."""

metadata = MetaData()
operations = Table(
    "operations",
    metadata,
    Column("op", Integer, primary_key=True),
    Column("engagement", Text, nullable=False),
    Column("batch", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("id", Text, nullable=False, default=""),  # the destination's
    Column("attempt", Integer, nullable=False),
    Column("payload_sha", Text, nullable=False),
    Column("payload", Text, nullable=False),  # JSON; what was asked for
    Column("pre", Text),  # JSON; the record before an update or a delete
    Column("post", Text),  # JSON; the record as it was seen afterwards, where it was looked at
    Column("words", Text, nullable=False, default=""),
    Column("at", Text, nullable=False),  # of the latest state, UTC
    Index("operations_key", "engagement", "object", "key"),
    Index("operations_id", "engagement", "object", "id"),
    Index("operations_state", "engagement", "state", "object"),
)


@dataclass(frozen=True)
class Operation:
    """One row of the table, its JSON read."""

    op: int
    object: str
    key: str
    verb: str
    state: str
    id: str
    attempt: int
    payload_sha: str
    payload: Mapping[str, Any]
    pre: Mapping[str, Any] | None
    post: Mapping[str, Any] | None
    words: str
    at: str


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
    """Reads and writes the rows of one engagement; every writing call is one transaction."""

    def __init__(self, store: Engine, *, engagement_id: str) -> None:
        self._store = store
        self._engagement = engagement_id
        metadata.create_all(store)

    def open(self, batch: str, intents: Sequence[Intent]) -> list[int]:
        """Write down what is about to be asked for; returns the numbers of the operations."""
        rows = [self._row(batch, intent) for intent in intents]
        with writing(self._store) as connection:
            wanted = insert(operations).returning(operations.c.op, sort_by_parameter_order=True)
            return list(connection.execute(wanted, rows).scalars())

    def close(self, closings: Sequence[Closing]) -> None:
        """Write down what became of operations."""
        if not closings:
            return
        table = operations.c
        change = (
            update(operations)
            .where(table.op == bindparam("b_op"))
            .values(state=bindparam("b_state"), words=bindparam("b_words"), at=bindparam("b_at"))
        )
        rows = [{"b_op": c.op, "b_state": c.state, "b_words": c.words, "b_at": now()} for c in closings]
        with writing(self._store) as connection:
            connection.execute(change, rows)
            for name, of in (("id", lambda c: c.id), ("post", lambda c: None if c.post is None else text(c.post))):
                found = [{"b_op": c.op, "b_value": of(c)} for c in closings if of(c)]
                if found:
                    only = update(operations).where(table.op == bindparam("b_op")).values({name: bindparam("b_value")})
                    connection.execute(only, found)

    def of_keys(self, object_: str, keys: Iterable[str]) -> dict[str, list[Operation]]:
        """Operations of these keys, oldest first."""
        found: dict[str, list[Operation]] = {}
        for operation in self._among(object_, "key", list(keys)):
            found.setdefault(operation.key, []).append(operation)
        return found

    def of_ids(self, object_: str, ids: Iterable[str]) -> dict[str, list[Operation]]:
        """Operations on these records of the destination, oldest first."""
        found: dict[str, list[Operation]] = {}
        for operation in self._among(object_, "id", list(ids)):
            found.setdefault(operation.id, []).append(operation)
        return found

    def unsettled(self, object_: str = "") -> list[Operation]:
        """Operations whose outcome nobody knows: sent and unanswered, or interrupted."""
        condition = operations.c.state.in_(OPEN)
        return self.where(condition & (operations.c.object == object_) if object_ else condition)

    def where(self, condition: Any, *, newest_first: bool = False) -> list[Operation]:
        """Operations under a condition on the table's columns, by default oldest first."""
        order = operations.c.op.desc() if newest_first else operations.c.op
        wanted = select(operations).where(operations.c.engagement == self._engagement, condition).order_by(order)
        with self._store.connect() as connection:
            return [_operation(row) for row in connection.execute(wanted)]

    def pairs(self, object_: str, states: Sequence[str]) -> dict[str, str]:
        """Key → id of the records that were made, or changed under our key; the first id where a key was made twice."""
        c = operations.c
        wanted = (
            select(c.key, c.id)
            .where(c.engagement == self._engagement, c.object == object_, c.verb.in_(("create", "update")))
            .where(c.state.in_(states), c.id != "")
            .order_by(c.op.desc())
        )
        with self._store.connect() as connection:
            return {str(key): str(number) for key, number in connection.execute(wanted)}

    def frame(self) -> pd.DataFrame:
        """Every operation: op, object, key, verb, state, id, attempt, at, words."""
        names = ["op", "object", "key", "verb", "state", "id", "attempt", "at", "words"]
        wanted = (
            select(*(operations.c[name] for name in names))
            .where(operations.c.engagement == self._engagement)
            .order_by(operations.c.op)
        )
        with self._store.connect() as connection:
            frame = pd.DataFrame([tuple(row) for row in connection.execute(wanted)], columns=names)
        return frame.astype({name: "int64" if name in ("op", "attempt") else "str" for name in names})

    def _among(self, object_: str, name: str, values: Sequence[str]) -> list[Operation]:
        found: list[Operation] = []
        for start in range(0, len(values), AT_ONCE):
            part = list(values[start : start + AT_ONCE])
            found += self.where((operations.c.object == object_) & operations.c[name].in_(part))
        return found

    def _row(self, batch: str, intent: Intent) -> dict[str, Any]:
        return {
            "engagement": self._engagement,
            "batch": batch,
            "object": intent.object,
            "key": intent.key,
            "verb": intent.verb,
            "state": "intent",
            "id": intent.id,
            "attempt": intent.attempt,
            "payload_sha": digest(intent.payload),
            "payload": text(intent.payload),
            "pre": None if intent.pre is None else text(intent.pre),
            "post": None,
            "words": "",
            "at": now(),
        }


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
    )


def text(value: Mapping[str, Any]) -> str:
    """Canonical JSON: keys sorted, so that equal values have one text."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(payload: Mapping[str, Any]) -> str:
    """SHA-256 of a payload, whatever the order of its fields; fields without a value do not count."""
    return hashlib.sha256(text({name: value for name, value in payload.items() if value is not None}).encode()).hexdigest()


def same(one: object, other: object) -> bool:
    """Whether two values of a field say the same: empty is empty, `1200.00` is 1200, the order of a list is nothing.

    Text with a leading zero is no number: `02134` is not 2134.
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
    bare = words.removeprefix("-")
    if (
        bare.replace(".", "", 1).isdecimal()
        and bare.isascii()
        and bare[0] != "."
        and (bare[0] != "0" or bare[:2] in ("0", "0."))
    ):
        return words.rstrip("0").rstrip(".") if "." in words else words
    return words
