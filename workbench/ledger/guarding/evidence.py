"""Whether a record that bears our key came from a request of ours: shown by when and by whom it was made, or not at all.

A person's copy bears the same key and holds the same values. What tells it apart is the account's own clock: a request that
is repeated makes its records in one moment, and only one whose answer was lost may make another a while later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from workbench.destinations import HELD, Record
from workbench.ledger.operations import OPEN, Operation

if TYPE_CHECKING:
    from workbench.ledger.guarding.guard import Guard

__all__ = ["ABSENT", "FOUND", "LOST", "REPAIR", "TRIED_AGAIN", "TWICE", "crowded", "doubt", "made_late"]

ABSENT = "looked: it was not made"
TRIED_AGAIN = "the key was tried once more, and that attempt counts"
FOUND = "found by looking"
LOST = (ABSENT, TRIED_AGAIN, HELD)
"""How the words begin of an attempt that nobody answered and no look has found: it may arrive yet."""
REPAIR = "repair"
TWICE = "made twice"
"""How the words of a twin's operation begin; the ledger knows the record, and a rollback takes it back with the others."""

TOGETHER = 10.0
"""Seconds that may lie between records of one request that was repeated; nobody opens and copies a record so quickly."""
LATE = 900.0
"""Seconds, before or after the record that we have, within which a change whose answer was lost may have made another."""
AROUND = 60.0
"""Seconds between our clock and the account's within which an attempt and a record still belong together."""
FEW, SHARE = 20, 0.1
"""Records that may stand twice by chance; beyond both, somebody else has loaded them too."""


def crowded(twins: int, records: int) -> bool:
    """Whether so many records stand twice that no proxy can have made them."""
    return twins > FEW and twins > SHARE * records


def doubt(guard: Guard, row: Operation, *, kept: Record, twin: Record, many: bool = False) -> str:
    """Why nobody can say that the second record of a key is ours, given the operation that made the first; else nothing.

    `many` says that the account holds too many such records for a request that was repeated by chance.
    """
    attempts = _attempts(guard, row)
    if not attempts:
        return "we never asked for a record of this key"
    apart = _apart(kept, twin)
    if apart is None:
        return "the account does not say when it was made"
    if kept.made_by and twin.made_by and kept.made_by != twin.made_by:
        return f"user {twin.made_by} made it, not user {kept.made_by} as ours"
    lost = any(_lost(each) or each.words.startswith(FOUND) for each in attempts)
    if lost and apart <= LATE:
        return ""
    if apart > TOGETHER:
        return f"made {apart:,.0f} seconds apart from ours, " + (
            "too late for one" if lost else "and no request of ours is left"
        )
    return "so many stand twice that somebody else seems to have loaded them too" if many else ""


def made_late(rows: Sequence[Operation], record: Record) -> Operation | None:
    """The attempt that a record came from which the ledger thought not to be made; None where nobody can say so.

    A refusal in the destination's own words counts only where the record was made at that time: where it was refused
    because the key was there already, the record is somebody else's.
    """
    tried = [row for row in rows if row.verb == "create" and not row.words.startswith((TWICE, REPAIR))]
    undone = max((row.op for row in tried if row.state == "reversed"), default=0)
    late = [row for row in tried if row.state == "rejected" and row.op > undone]
    made = _moment(record.made_at)
    near = [row for row in late if made is not None and _seconds(made, _moment(row.at)) <= AROUND]
    return next((row for row in reversed(late) if _lost(row)), near[-1] if near else None)


def _attempts(guard: Guard, row: Operation) -> list[Operation]:
    """All that we ever asked to be made under the key of an operation, without the twins that were written down."""
    rows = guard.ledger.operations.of_keys(row.object, [row.key]).get(row.key, [])
    return [each for each in rows if each.verb == "create" and not each.words.startswith((TWICE, REPAIR))]


def _lost(row: Operation) -> bool:
    return row.state in OPEN or (row.state == "rejected" and row.words.startswith(LOST))


def _apart(one: Record, other: Record) -> float | None:
    """Seconds between the making of two records, by the account's clock."""
    first, second = _moment(one.made_at), _moment(other.made_at)
    return None if first is None or second is None else _seconds(first, second)


def _seconds(one: datetime, other: datetime | None) -> float:
    return float("inf") if other is None else abs((one - other).total_seconds())


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
