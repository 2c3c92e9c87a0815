"""Before a rollback: what became of open operations, and the ids of records that a bulk call did not tell."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from workbench.destinations import Record
from workbench.ledger import Guard
from workbench.ledger.guarding.evidence import TWICE, doubt
from workbench.ledger.operations import Closing, Intent, Operation, operations
from workbench.ledger.unloading.trails import Trail

__all__ = ["made_elsewhere", "name_records"]

NOT_TO_BE_SEEN = "said to be made, and not to be seen"


def name_records(destination: Guard) -> None:
    """Settle what is open, and find the ids that are missing.

    A record that is found only now may have been edited before anybody looked, so that what it holds is no evidence of
    what we wrote: it gets no image.
    """
    ledger, c = destination.ledger.operations, operations.c
    destination.settle()
    nameless = ledger.where((c.verb == "create") & (c.state == "done") & (c.id == ""))
    for name in dict.fromkeys(row.object for row in nameless):
        _name(destination, name, [row for row in nameless if row.object == name])


def made_elsewhere(destination: Guard, object_: str, trails: Sequence[Trail]) -> dict[str, str]:
    """Key → id of a record which bears our key though we did not make it: ours was merged into it."""
    found = destination.bearing(object_, {trail.key for trail in trails})
    known = destination.ledger.operations.of_ids(object_, [record.id for record in found])
    return {record.key: record.id for record in found if not any(row.verb == "create" for row in known.get(record.id, ()))}


def _name(destination: Guard, object_: str, rows: Sequence[Operation]) -> None:
    """Ids by our keys; who is not to be seen is looked for in a whole sweep when no list can be behind any longer.

    Only that shows that a record is not there: the index of a search may be behind for longer than anybody says.
    """
    ledger = destination.ledger.operations
    found = _bearing(destination, object_, rows)
    missing = [row for row in rows if row.key not in found]
    if missing:
        newest = max(datetime.fromisoformat(row.at) for row in missing)
        time.sleep(min(max(destination.lag - (datetime.now(UTC) - newest).total_seconds(), 0.0), destination.lag))
        keys = {row.key for row in missing}
        found |= _unknown(destination, object_, [record for record in destination.sweep(object_) if record.key in keys])
    closings = [Closing(row.op, "reversed", words=NOT_TO_BE_SEEN) for row in rows if row.key not in found]
    for row in rows:
        first, *others = found.get(row.key, [None])
        if first is None:
            continue
        closings.append(Closing(row.op, "done", id=first.id, words=row.words, post={}))
        ours = [other for other in others if other and not doubt(destination, row, kept=first, twin=other)]
        extra = [Intent(object_, row.key, "create", row.payload, other.id, attempt=row.attempt) for other in ours]
        numbers = ledger.open(uuid.uuid4().hex, extra) if extra else []
        closings += [Closing(n, "done", words=f"{TWICE}: {first.id} bears the same key", post={}) for n in numbers]
    ledger.close(closings)


def _bearing(destination: Guard, object_: str, rows: Sequence[Operation]) -> dict[str, list[Record | None]]:
    """Key → records that bear it and that the ledger has no other name for, the oldest first."""
    return _unknown(destination, object_, destination.bearing(object_, {row.key for row in rows}))


def _unknown(destination: Guard, object_: str, records: Sequence[Record]) -> dict[str, list[Record | None]]:
    known = destination.ledger.operations.of_ids(object_, [record.id for record in records])
    found: dict[str, list[Record | None]] = {}
    for record in sorted(records, key=lambda record: (len(record.id), record.id)):
        if record.id not in known:
            found.setdefault(record.key, []).append(record)
    return found
