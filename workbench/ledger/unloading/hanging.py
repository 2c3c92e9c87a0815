"""What hangs on a record that is about to be deleted, told apart: of others, of ours and still to go, gone already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.destinations import Record
from workbench.errors import Refused, SpecError
from workbench.ledger import Guard
from workbench.ledger.operations import Operation, operations
from workbench.ledger.unloading.trails import Trail

__all__ = ["Hanging", "hanging_on"]

Fate = Literal["staying", "going", "gone"]


@dataclass(frozen=True)
class Hanging:
    """(kind, id) of what others hung on a record, or we and it stays; and of what we made and have yet to take back."""

    staying: tuple[tuple[str, str], ...]
    going: tuple[tuple[str, str], ...]


def hanging_on(destination: Guard, trail: Trail, objects: Sequence[str]) -> Hanging:
    """Look at what hangs on the record of a trail; `objects` are those of which the ledger made records.

    What we have taken back does not count, though a list may show it a while longer.
    """
    found: dict[Fate, list[tuple[str, str]]] = {"staying": [], "going": [], "gone": []}
    for kind, number in destination.children(trail.object, trail.id):
        found[_fate(destination, kind, number, objects)].append((kind, number))
    return Hanging(tuple(found["staying"]), tuple(found["going"]))


def _fate(destination: Guard, kind: str, number: str, objects: Sequence[str]) -> Fate:
    """What becomes of a child. A kind need not be the object under which it was loaded: a lead may be shown as a contact.

    An id says nothing without its object, so that of another object's it is our key that tells. One without an id is one
    of a kind that nobody can name: it may be ours as long as any of ours stands.
    """
    ledger = destination.ledger.operations
    if not number:
        c = operations.c
        ours = ledger.each((c.object == kind) & (c.verb == "create") & (c.state == "done"))
        return "staying" if next(ours, None) is None else "going"
    own = ledger.of_ids(kind, [number]).get(number, [])
    if any(row.verb == "delete" and row.state == "done" for row in own):
        return "gone"
    if any(row.verb == "create" and row.state == "done" for row in own):
        return "going"
    others = [row for name in objects if name != kind for row in ledger.of_ids(name, [number]).get(number, [])]
    if not (own or others):
        return "staying"
    try:
        record = next(iter(destination.read(kind, [number])), None)
    except (Refused, SpecError):  # the client reads no such kind, so it cannot have been ours
        return "staying"
    if record is None:
        return "gone" if _taken_back([*own, *others]) else "staying"
    return "going" if _is(record, others) else "staying"


def _taken_back(rows: Sequence[Operation]) -> bool:
    """Whether we made and reversed a record, or deleted it: one that somebody has put into the bin is listed still."""
    return any(row.verb == "delete" or (row.verb == "create" and row.state == "reversed") for row in rows)


def _is(record: Record, rows: Sequence[Operation]) -> bool:
    return any(row.verb == "create" and row.state == "done" and row.key == record.key for row in rows)
