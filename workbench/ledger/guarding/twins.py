"""Records that bear a key of ours a second time: taken away where they are ours and untouched, left to people elsewhere.

Ours come from a proxy that repeats a request, or from a change that arrived after everybody had stopped waiting for it;
a person's from the vendor's own function to copy a record. Where nobody can tell, it is a person's.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from workbench.destinations import Record
from workbench.errors import Refused
from workbench.ledger.guarding.evidence import REPAIR, TWICE, doubt
from workbench.ledger.operations import Closing, Intent, Operation, same

if TYPE_CHECKING:
    from workbench.ledger.guarding.guard import Guard

__all__ = ["age", "remove_twin"]

SHOWN = 3


def age(record: Record) -> tuple[int, str]:
    """What sorts records from the oldest to the newest: their ids as numbers."""
    return len(record.id), record.id


def remove_twin(guard: Guard, row: Operation, *, kept: Record, twin: str, many: bool = False) -> str:
    """Take away a second record of a key, given the operation that made the first; returns why it stays, else nothing.

    It goes where a request of ours made it, where it holds what we sent or what the kept one holds, and where nothing
    hangs on it: one look each. The twin and its deletion are operations of their own; a record that may be a person's
    never comes into the ledger. `many` says that too many of them stand twice for that to be chance.
    """
    record = next(iter(guard.inner.read(row.object, [twin])), None)
    if record is not None and (unproven := doubt(guard, row, kept=kept, twin=record, many=many)):
        return f"a second record bears our key; a person's? {unproven}"
    number = _written_down(guard, row, kept.id, twin)
    why = _touched(guard, row, kept, record) if record is not None else ""
    if record is not None and not why:
        outcome = guard.take_away(row.object, twin, before=record, words=f"{REPAIR}: {TWICE}, {kept.id} bears the same key")
        why = "" if outcome.state == "done" else outcome.words or "nobody can say whether it was taken away"
    if why:
        words = f"{TWICE}: {kept.id} bears the same key, and this one stays: {why}"
        guard.ledger.operations.close([Closing(number, "done", id=twin, words=words)])
    else:
        guard.ledger.mark_reversed(number, "reversed", f"{REPAIR}: {TWICE}, {kept.id} bears the same key")
    return why


def _written_down(guard: Guard, row: Operation, kept: str, twin: str) -> int:
    """The operation that stands for the twin: the one that there is, or a new one."""
    rows = guard.ledger.operations.of_ids(row.object, [twin]).get(twin, [])
    there = next((each for each in rows if each.verb == "create" and each.key == row.key and each.op != row.op), None)
    if there is not None:
        return there.op
    intent = Intent(row.object, row.key, "create", row.payload, twin, attempt=row.attempt)
    number = guard.ledger.operations.open(uuid.uuid4().hex, [intent])[0]
    guard.ledger.operations.close([Closing(number, "done", words=f"{TWICE}: {kept} bears the same key")])
    return number


def _touched(guard: Guard, row: Operation, kept: Record, twin: Record) -> str:
    """Why a twin is no mere copy: what it holds otherwise, or what hangs on it."""
    if twin.key != row.key:
        return "it does not bear our key any more"
    for name in twin.values.keys() | row.payload.keys():
        if name in guard.inner.stamped and name not in row.payload:
            continue  # the moment of making, which no person writes
        value = twin.values.get(name)
        ours = [kept.values.get(name), row.payload.get(name)] if name in row.payload else [kept.values.get(name), None]
        if not any(same(value, each) for each in ours):
            return f"it holds {name} otherwise"
    try:
        hanging = guard.inner.children(row.object, twin.id)
    except Refused as refused:
        return f"nobody can say what hangs on it ({refused.message})"
    names = ", ".join(f"{kind} {number}" for kind, number in hanging[:SHOWN])
    return f"others hang on it: {names}" if hanging else ""
