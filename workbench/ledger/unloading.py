"""The rollback: backwards through the ledger, keeping whatever people have changed or built upon since."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pandas as pd

from workbench.destinations import Draft, Metadata, Record
from workbench.errors import Refused, Uncertain
from workbench.ledger import Guard, live_field
from workbench.ledger.operations import Operation, State, operations, same
from workbench.show import html_table
from workbench.specs import CustomField

__all__ = ["Unloaded", "Verdict", "unload"]

SHOWN = 6


@dataclass(frozen=True)
class Verdict:
    """What the rollback did with one operation: `reversed`, `kept` or `errored`."""

    operation: Operation
    verdict: str
    words: str


@dataclass(frozen=True)
class Unloaded:
    """Every record and field that the ledger made or changed: object, key, id, verdict, words; newest first."""

    frame: pd.DataFrame

    def count(self, verdict: str) -> int:
        return int((self.frame["verdict"] == verdict).sum())

    @property
    def complete(self) -> bool:
        """Whether nothing is left of the migration."""
        return bool((self.frame["verdict"] == "reversed").all())

    def _repr_html_(self) -> str:
        counts = ", ".join(f"{self.count(name)} {name}" for name in ("reversed", "kept", "errored"))
        return html_table(self.frame[self.frame["verdict"] != "reversed"], caption=f"rollback: {counts}")


def unload(destination: Guard, *, workers: int = 4, on_progress: Callable[[Verdict], None] | None = None) -> Unloaded:
    """Take back what the ledger of a guarded destination says was done, newest first.

    A record that we made is deleted where it still holds what we wrote and nothing of others hangs on it. Of a record
    that we changed, each field that still holds what we wrote goes back to what it held before. Fields that we made go
    last, where no record stays that may need them. An interrupted rollback goes on where it stopped; what was kept
    stays kept.
    """
    ledger = destination.ledger
    destination.settle()
    changes = ledger.changes()
    for object_ in dict.fromkeys(change.object for change in changes if change.verb == "create" and not change.id):
        destination.resolve_ids(object_)
    errors: dict[int, Verdict] = {}
    tell = on_progress or _silent
    # Parents were made before their children, so a run of operations on one object holds no child of its own.
    for _, run in groupby(ledger.changes(), key=lambda change: (change.object, change.verb)):
        pool = ThreadPoolExecutor(max_workers=max(1, workers), thread_name_prefix="unload")
        try:
            for verdicts in pool.map(lambda line: [_reverse(destination, change) for change in line], _lines(run)):
                for verdict in verdicts:
                    _note(destination, verdict, errors)
                    tell(verdict)
        finally:  # an interrupt lets the records in hand be finished, and takes up no other
            pool.shutdown(wait=True, cancel_futures=True)
    for verdict in _fields(destination, errors):
        _note(destination, verdict, errors)
        tell(verdict)
    return Unloaded(_frame(destination, errors))


def _silent(verdict: Verdict) -> None:
    del verdict


def _lines(run: Iterable[Operation]) -> list[list[Operation]]:
    """The operations of a run by record: several changes of one record are undone one after the other."""
    lines: dict[str, list[Operation]] = {}
    for change in run:
        lines.setdefault(change.id, []).append(change)
    return list(lines.values())


def _note(destination: Guard, verdict: Verdict, errors: dict[int, Verdict]) -> None:
    if verdict.verdict == "errored":
        errors[verdict.operation.op] = verdict
    else:
        state: State = "reversed" if verdict.verdict == "reversed" else "kept"
        destination.ledger.mark_reversed(verdict.operation.op, state, verdict.words)


def _reverse(destination: Guard, change: Operation) -> Verdict:
    try:
        hanging = destination.children(change.object, change.id) if change.verb == "create" else []
        record = next(iter(destination.read(change.object, [change.id])), None)  # last, so that it is fresh
        if change.verb == "create":
            return _undo_create(destination, change, record, hanging)
        return _undo_update(destination, change, record)
    except (Refused, Uncertain) as error:
        return Verdict(change, "errored", error.message)


# ---------------------------------------------------------------- records


def _undo_create(destination: Guard, change: Operation, record: Record | None, hanging: Sequence[tuple[str, str]]) -> Verdict:
    if record is None:
        ours = any(row.verb == "delete" for row in destination.ledger.operations.of_ids(change.object, [change.id])[change.id])
        return _deleted(destination, change, None) if ours else Verdict(change, "reversed", "somebody had deleted it already")
    written = [name for name, value in change.payload.items() if value is not None]
    edited = [name for name in written if not _ours(change, record, name)]
    since = change.post or {}
    edited += [name for name in since if name not in written and not same(record.values.get(name), since[name])]
    if edited:
        return Verdict(change, "kept", f"changed since: {_differences(change, record, edited)}")
    if hanging:
        names = ", ".join(f"{kind} {number}" for kind, number in hanging[:SHOWN])
        return Verdict(change, "kept", f"others hang on it: {names}{', …' if len(hanging) > SHOWN else ''}")
    return _deleted(destination, change, record)


def _deleted(destination: Guard, change: Operation, record: Record | None) -> Verdict:
    outcome = destination.take_away(change.object, change.id, before=record)
    if outcome.state == "done":
        return Verdict(change, "reversed", "")
    return Verdict(change, "errored", outcome.words or "nobody can say whether it was deleted; run the rollback again")


def _undo_update(destination: Guard, change: Operation, record: Record | None) -> Verdict:
    if record is None:
        return Verdict(change, "kept", "somebody has deleted the record")
    before = change.pre or {}
    back = [name for name in change.payload if _ours(change, record, name)]
    away = [name for name in back if not same(record.values.get(name), before.get(name))]
    edited = [name for name in change.payload if name not in back and not same(record.values.get(name), before.get(name))]
    if away:
        draft = Draft(change.key, {name: before.get(name) for name in away}, change.id)
        outcome = destination.restore(change.object, draft, before=record)
        if outcome.state != "done":
            return Verdict(change, "errored", outcome.words or "nobody can say whether it was put back; run the rollback again")
    return Verdict(change, "kept" if edited else "reversed", _differences(change, record, edited) if edited else "")


def _ours(change: Operation, record: Record, name: str) -> bool:
    """Whether a field holds what we wrote, as it was sent or as the destination showed it afterwards."""
    now = record.values.get(name)
    return same(now, change.payload[name]) or (change.post is not None and same(now, change.post.get(name)))


def _differences(change: Operation, record: Record, names: Sequence[str]) -> str:
    """The edited fields with our value and today's, and for a change the value of before."""
    parts = []
    for name in names:
        before = "" if change.pre is None else f"before {change.pre.get(name)!r}, "
        ours = change.payload.get(name)
        parts.append(f"{name} ({before}ours {ours!r}, now {record.values.get(name)!r})")
    return "; ".join(parts)


# ---------------------------------------------------------------- fields


def _fields(destination: Guard, errors: Mapping[int, Verdict]) -> Iterable[Verdict]:
    """Fields that we made: away where every record of the object was reversed and nobody keeps a value in them."""
    made = [row for row in destination.ledger.created() if row.verb == "create_field"]
    if not made:
        return
    metadata = destination.metadata([CustomField.model_validate(row.payload) for row in made])
    staying = _staying(destination)
    filled = _filled(destination, metadata, made, staying)
    for row in made:
        objects = _objects(metadata, row)
        if not objects:
            yield Verdict(row, "reversed", "somebody had deleted it already")
        elif objects & staying:
            yield Verdict(
                row,
                "errored" if _failed(errors, objects) else "kept",
                f"records of {', '.join(sorted(objects & staying))} stay",
            )
        elif filled.get(row.id):
            yield Verdict(row, "kept", f"{filled[row.id]} records of others hold a value in it")
        else:
            yield _field_gone(destination, row)


def _field_gone(destination: Guard, row: Operation) -> Verdict:
    try:
        outcome = destination.delete_field(live_field(row.post or {}))
    except (Refused, Uncertain) as error:
        return Verdict(row, "errored", error.message)
    return Verdict(row, "reversed" if outcome.state == "done" else "errored", outcome.words)


def _objects(metadata: Metadata, row: Operation) -> set[str]:
    """The objects of ours that show this field: two, where the account keeps them as one."""
    return {field.object for field in metadata.fields if field.id == row.id and field.custom}


def _staying(destination: Guard) -> set[str]:
    """Objects of which a record that we made or changed has not been reversed."""
    c = operations.c
    rows = destination.ledger.operations.where(c.verb.in_(("create", "update")) & c.state.in_(("done", "kept")))
    return {row.object for row in rows}


def _failed(errors: Mapping[int, Verdict], objects: set[str]) -> bool:
    return any(verdict.operation.object in objects for verdict in errors.values())


def _filled(destination: Guard, metadata: Metadata, made: Sequence[Operation], staying: set[str]) -> dict[str, int]:
    """Field id → records that hold a value in it, by a look at every record of the objects that show it."""
    names: dict[str, list[tuple[str, str]]] = {}
    for row in made:
        for field in metadata.fields:
            if field.id == row.id and field.custom and field.object not in staying:
                names.setdefault(field.object, []).append((row.id, field.name))
    counts: dict[str, int] = {}
    for object_, fields in names.items():
        for record in destination.sweep(object_):
            for number, name in fields:
                value = record.values.get(name)
                if value is not False and value not in (None, "", []):  # 0 is a value, and equals False
                    counts[number] = counts.get(number, 0) + 1
    return counts


def _frame(destination: Guard, errors: Mapping[int, Verdict]) -> pd.DataFrame:
    c = operations.c
    wanted = c.verb.in_(("create", "update", "create_field")) & c.state.in_(("done", "reversed", "kept"))
    rows = destination.ledger.operations.where(wanted, newest_first=True)
    table: list[tuple[Any, ...]] = []
    for row in rows:
        verdict = row.state if row.state != "done" else "errored"
        words = errors[row.op].words if row.op in errors else row.words
        table.append((row.object, row.key, row.id, verdict, words))
    return pd.DataFrame(table, columns=["object", "key", "id", "verdict", "words"], dtype="str")
