"""The way back through the ledger: what we did to each record, read in stretches, so that a million rows need no more room."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import func, select

from workbench.ledger.knowing import CHANGED
from workbench.ledger.operations import Operation, Operations, operations, same

__all__ = ["FIRST_HAND", "REBUILT", "Trail", "changed", "doubted", "kept", "made", "objects_of", "stretches"]

STRETCH = 1_000
"""Numbers of operations that are looked through at once."""
FIRST_HAND = ("create", "update")
REBUILT = "rebuilt from markers"
"""Words of an operation that `rebuild-ledger` has written: nobody knows what the record looked like when it was made."""


@dataclass(frozen=True)
class Trail:
    """All that we did to one record and that nobody has reversed, oldest first; and whether we have deleted it since."""

    operations: tuple[Operation, ...]
    deleted: bool = False
    doubted: tuple[Operation, ...] = ()  # later changes of ours that got no answer, and of which no look can tell

    @property
    def object(self) -> str:
        return self.operations[0].object

    @property
    def id(self) -> str:
        return self.operations[0].id

    @property
    def key(self) -> str:
        """Our key of the record: the one under which we came upon it first."""
        return self.operations[0].key

    @property
    def newest(self) -> Operation:
        return self.operations[-1]

    @property
    def made(self) -> Operation | None:
        """The operation that made the record; None where it was there before us."""
        return next((each for each in self.operations if each.verb == "create"), None)

    @property
    def remembered(self) -> bool:
        """Whether the ledger knows what the record held before we changed it."""
        return self.made is not None or all(each.pre is not None for each in self.operations)

    @cached_property
    def ours(self) -> Mapping[str, Any]:
        """Field → what we wrote into it last."""
        found: dict[str, Any] = {}
        for each in self.operations:
            found |= {n: value for n, value in each.payload.items() if value is not None or each.verb == "update"}
        return found

    @cached_property
    def seen(self) -> Mapping[str, Any]:
        """Field → what it was seen to hold after we wrote, where somebody looked.

        Of a look after a change only the changed fields count: the others may have been edited before it. A field counts as
        changed, too, where it held something else just before: a whole name follows its parts.
        """
        found: dict[str, Any] = {}
        for each in self.operations:
            if each.verb == "create":
                found = dict(_image(each))
            else:
                found = {name: value for name, value in found.items() if name not in each.payload}
                now = (each.post or {}).items()
                found |= {name: value for name, value in now if name in each.payload or _followed(each, name)}
        return found

    @property
    def unshown(self) -> Collection[str]:
        """Fields that were sent when the record was made, and that no look at it shows: where a file came from, its digest."""
        if self.made is None or not self.looked_at:
            return ()
        return self.made.payload.keys() - _image(self.made).keys()

    @property
    def looked_at(self) -> bool:
        """Whether the record was seen when it had just been made, so that what others have added since can be told."""
        return bool(self.made is not None and _image(self.made))


def _followed(operation: Operation, name: str) -> bool:
    """Whether a change made the destination fill a field anew, which it did not name."""
    value = (operation.post or {}).get(name)
    return value not in (None, "", []) and name in (operation.pre or {}) and not same((operation.pre or {})[name], value)


def _image(operation: Operation) -> Mapping[str, Any]:
    """What a record looked like when it had just been made. What a rebuilt ledger saw may hold edits of years."""
    return {} if REBUILT in operation.words else operation.post or {}


def objects_of(ledger: Operations, *, verb: str = "create", states: Collection[str] = ("done",)) -> dict[str, tuple[int, int]]:
    """Object → first and last number of its operations of a verb in these states, in the order in which they began."""
    ends = []
    for end in (func.min, func.max):
        row = operations.alias()
        wanted = (
            select(end(row.c.op)).where(row.c.verb == verb, row.c.state.in_(states)).group_by(row.c.engagement, row.c.object)
        )
        ends.append({each.object: each.op for each in ledger.where(operations.c.op.in_(wanted))})
    firsts, lasts = ends
    return {name: (firsts[name], lasts[name]) for name in sorted(firsts, key=lambda name: firsts[name])}


def made(ledger: Operations, object_: str) -> Iterator[list[Trail]]:
    """Records of an object that we made, newest first, in stretches; those whose id is not known yet are left out."""
    c = operations.c
    extent = objects_of(ledger).get(object_)
    for rows in stretches(ledger, (c.object == object_) & (c.verb == "create") & (c.state == "done") & (c.id != ""), extent):
        yield _trails(ledger, object_, [row.id for row in rows])


def changed(ledger: Operations) -> Iterator[list[Trail]]:
    """Records that were there before us and that we changed, newest change first, in stretches."""
    c = operations.c
    extents = objects_of(ledger, verb="update").values()
    extent = (min(first for first, _ in extents), max(last for _, last in extents)) if extents else None
    for rows in stretches(ledger, (c.verb == "update") & (c.state == "done"), extent):
        found = {
            (trail.object, trail.id): trail
            for name in dict.fromkeys(row.object for row in rows)
            for trail in _trails(ledger, name, [row.id for row in rows if row.object == name])
            if trail.made is None
        }
        # Of several changes the newest stands for all of them.
        there = [(row, found.get((row.object, row.id))) for row in rows]
        yield [trail for row, trail in there if trail is not None and trail.newest.op == row.op]


def kept(ledger: Operations) -> Iterator[list[Trail]]:
    """Records that a rollback has left as they are, newest first, in stretches."""
    c = operations.c
    extents = [each for verb in FIRST_HAND for each in objects_of(ledger, verb=verb, states=("kept",)).values()]
    extent = (min(first for first, _ in extents), max(last for _, last in extents)) if extents else None
    wanted = c.verb.in_(FIRST_HAND) & (c.state == "kept") & (c.id != "")
    seen: set[tuple[str, str]] = set()
    for rows in stretches(ledger, wanted, extent):
        fresh = [row for row in rows if (row.object, row.id) not in seen]
        seen |= {(row.object, row.id) for row in fresh}
        for name in dict.fromkeys(row.object for row in fresh):
            yield _trails(ledger, name, [row.id for row in fresh if row.object == name], state="kept")


def doubted(ledger: Operations) -> Iterator[list[Operation]]:
    """Changes that got no answer, to records of others on which nothing of ours is known to stand; newest first.

    Somebody had changed the record when it was looked at: nobody can say whether ours had come before that.
    """
    extents = objects_of(ledger, verb="update", states=("rejected",)).values()
    extent = (min(first for first, _ in extents), max(last for _, last in extents)) if extents else None
    c = operations.c
    wanted = (c.verb == "update") & (c.state == "rejected") & (c.words == CHANGED) & (c.id != "")
    seen: set[tuple[str, str]] = set()
    for rows in stretches(ledger, wanted, extent):
        fresh = [row for row in rows if (row.object, row.id) not in seen]
        seen |= {(row.object, row.id) for row in fresh}
        there = {
            (name, number): all_
            for name in dict.fromkeys(row.object for row in fresh)
            for number, all_ in ledger.of_ids(name, [row.id for row in fresh if row.object == name]).items()
        }
        yield [row for row in fresh if not any(_ours(each) for each in there.get((row.object, row.id), ()))]


def _ours(row: Operation) -> bool:
    """Whether an operation says by itself what became of its record."""
    return row.verb in FIRST_HAND and row.state in ("done", "kept", "reversed")


def stretches(ledger: Operations, condition: Any, extent: tuple[int, int] | None) -> Iterator[list[Operation]]:
    """Operations under a condition between two numbers, newest first, no more of them in memory than one stretch."""
    first, last = extent or (1, 0)
    while last >= first:
        rows = ledger.where(condition & (operations.c.op > last - STRETCH) & (operations.c.op <= last), newest_first=True)
        if rows:
            yield rows
        last -= STRETCH


def _trails(ledger: Operations, object_: str, ids: Iterable[str], *, state: str = "done") -> list[Trail]:
    """The trails of these records, in the order given, each once."""
    wanted = list(dict.fromkeys(ids))
    rows = ledger.of_ids(object_, wanted)
    found = []
    for number in wanted:
        live = tuple(row for row in rows.get(number, ()) if row.verb in FIRST_HAND and row.state == state)
        lost = tuple(row for row in rows.get(number, ()) if row.verb == "update" and row.words == CHANGED)
        deleted = any(row.verb == "delete" and row.state == "done" for row in rows.get(number, ()))
        if live:
            found.append(Trail(live, deleted, tuple(row for row in lost if row.op > live[-1].op)))
    return found
