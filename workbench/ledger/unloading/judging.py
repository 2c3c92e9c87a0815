"""What may be taken back of a record: its fields as they are now, held against what we wrote and what stood there before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.destinations import Record
from workbench.ledger.operations import Operation, same
from workbench.ledger.unloading.trails import Trail

__all__ = ["Edit", "Return", "Usual", "edits_of_made", "return_of_changed", "told"]

EMPTY: tuple[object, ...] = (None, "", [])
ENOUGH = 2_000
"""Records after which it is known what is usual."""


@dataclass(frozen=True)
class Edit:
    """A field that somebody changed after us: what it held before us, what we wrote, what it holds now."""

    field: str
    before: Any
    ours: Any
    now: Any
    known_before: bool = False  # a record that we made had no before


@dataclass(frozen=True)
class Return:
    """What a record that was there before us goes back to, and what people changed in it meanwhile."""

    values: Mapping[str, Any]
    edits: tuple[Edit, ...]


class Usual:
    """What records of an object hold in fields that we left alone, as far as several of them do: the account's own filling-in.

    It stands in for the look at a record after it was made, where an interrupted load never came to that.
    """

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._learnt = 0

    def learn(self, trail: Trail, now: Record | None) -> None:
        """Take a record into account: as it was seen after it was made, or as it is now where nobody looked."""
        self._learnt += 1
        if self._learnt > ENOUGH:
            return
        values = trail.seen if trail.looked_at else now.values if now else {}
        weight = 2 if trail.looked_at else 1  # what was seen then is no edit; what is seen now has to be there twice
        for name, value in values.items():
            if name not in trail.ours and value not in EMPTY:
                self._counts[name, str(value)] += weight

    def holds(self, name: str, value: object) -> bool:
        return self._counts[name, str(value)] >= 2


def edits_of_made(trail: Trail, now: Record, usual: Usual) -> tuple[Edit, ...]:
    """The fields of a record that we made which do not hold what we wrote, or what was seen after we wrote."""
    names = [name for name in trail.ours if not _holds(now.values.get(name), trail.ours, trail.seen, name)]
    # Of a record that nobody saw when it was made, a field that the destination does not show holds nobody's work.
    names = [name for name in names if name in now.values or (trail.looked_at and name not in trail.unshown)]
    seen = trail.seen if trail.looked_at else {}
    names += [n for n, value in seen.items() if n not in trail.ours and not same(now.values.get(n), value)]
    more = {n: value for n, value in now.values.items() if n not in trail.ours and n not in seen}
    # Our key is the client's doing, which puts it wherever the destination has room for it.
    added = {n: value for n, value in more.items() if value not in (*EMPTY, False) and value != trail.key}
    names += [name for name, value in added.items() if not usual.holds(name, value)]
    return tuple(Edit(name, None, trail.ours.get(name, trail.seen.get(name)), now.values.get(name)) for name in names)


def return_of_changed(trail: Trail, now: Record) -> Return:
    """What each field that we changed goes back to: what it held before our first change, where nobody changed it since.

    A field that somebody edited between two changes of ours goes back to that edit, and is told.
    """
    values: dict[str, Any] = {}
    edits: list[Edit] = []
    for name in dict.fromkeys(name for each in trail.operations for name in each.payload):
        rows = [each for each in trail.operations if name in each.payload]
        last, first = rows[-1], (rows[0].pre or {}).get(name)
        stands = now.values.get(name)
        if not _wrote(last, name, stands):
            if not same(stands, first):
                edits.append(Edit(name, first, last.payload[name], stands, known_before=True))
            continue
        target = (last.pre or {}).get(name)
        for row in reversed(rows[:-1]):
            if not _wrote(row, name, target):
                break
            target = (row.pre or {}).get(name)
        if not same(target, first):
            edits.append(Edit(name, first, last.payload[name], target, known_before=True))
        if not same(stands, target):
            values[name] = target
    return Return(values, tuple(edits))


def told(edits: Iterable[Edit]) -> str:
    """The edited fields with our value and today's, and where there was one the value of before."""
    parts = []
    for each in edits:
        before = f"before {each.before!r}, " if each.known_before else ""
        parts.append(f"{each.field} ({before}ours {each.ours!r}, now {each.now!r})")
    return "; ".join(parts)


def _holds(now: object, ours: Mapping[str, Any], seen: Mapping[str, Any], name: str) -> bool:
    return same(now, ours[name]) or (name in seen and same(now, seen[name]))


def _wrote(operation: Operation, name: str, value: object) -> bool:
    """Whether a value is what the operation wrote, as it was sent or as the destination showed it afterwards."""
    post = operation.post or {}
    return same(value, operation.payload[name]) or (name in post and same(value, post[name]))
