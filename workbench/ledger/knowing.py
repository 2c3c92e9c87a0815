"""What the ledger already knows of a draft, so that nothing is sent twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.destinations import Draft, Outcome
from workbench.ledger.operations import OPEN, Operation, Trace, digest, same

__all__ = ["CHANGED", "EDITED", "LIVE", "first_by_key", "known_of", "out_of_reach"]

LIVE = ("done", "kept")
"""States of an operation whose effect stands."""
IN_THE_AIR = "an earlier change of it has not been settled yet"
NOT_THERE = "the record is not there any more"
EDITED = "somebody has edited it since it was compared"
CHANGED = "the answer to our change was lost, and somebody has changed the record since"
OTHERWISE = "made before with other values; a change names the record's id"


def known_of(draft: Draft, rows: Sequence[Operation] | Sequence[Trace]) -> Outcome | None:
    """The outcome that the operations of its key, oldest first, spare the draft; None where it has to be sent.

    Of a change the whole operations tell; of what is to be made their traces do.
    """
    if any(row.state in OPEN for row in rows):
        return Outcome(draft.key, "unknown", draft.id, IN_THE_AIR)
    live = [row for row in rows if row.state in LIVE]
    if draft.id:
        return _changed_before(draft, [row for row in rows if isinstance(row, Operation)])
    made = next((row for row in live if row.verb == "create"), None)
    if made is None:
        return None
    if made.payload_sha == digest(draft.values):
        return Outcome(draft.key, "done", made.id, "done before")
    return Outcome(draft.key, "rejected", made.id, OTHERWISE)


def _changed_before(draft: Draft, rows: Sequence[Operation]) -> Outcome | None:
    written: dict[str, Any] = {}
    for row in rows:
        if row.state in LIVE and row.id == draft.id and row.verb in ("create", "update", "restore"):
            written |= row.payload
    last = next((row for row in reversed(rows) if row.id == draft.id and row.verb != "delete"), None)
    lost = last is not None and last.words == CHANGED and last.payload_sha == digest(draft.values)
    if lost and draft.expected is None:  # nobody has compared it anew
        return Outcome(draft.key, "rejected", draft.id, CHANGED)
    held = all(name in written and _as_written(written[name], value) for name, value in draft.values.items())
    return Outcome(draft.key, "done", draft.id, "done before") if held else None


def out_of_reach(draft: Draft, before: Mapping[str, Any] | None) -> Outcome | None:
    """Why a change is not sent, given the record as it was read just now: it is gone, or not what was decided about."""
    if not draft.id:
        return None
    if before is None:
        return Outcome(draft.key, "rejected", draft.id, NOT_THERE)
    stands = all(same(before.get(name), value) for name, value in (draft.expected or {}).items())
    return None if stands else Outcome(draft.key, "rejected", draft.id, EDITED)


def _as_written(before: object, now: object) -> bool:
    """Whether we would send the same again. Both are our own words, so `1.10` and `1.1` are two: one may be a text."""
    return before == now or (before in (None, "", []) and now in (None, "", []))


def first_by_key(drafts: Sequence[Draft]) -> dict[str, Draft]:
    """Key → the first draft of that key, in the order given."""
    found: dict[str, Draft] = {}
    for draft in drafts:
        found.setdefault(draft.key, draft)
    return found
