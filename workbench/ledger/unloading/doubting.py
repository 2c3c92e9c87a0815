"""Changes of ours that got no answer, to records that somebody has changed since: nobody can say whether they were made."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.destinations import Record
from workbench.errors import Refused, Uncertain
from workbench.ledger import Guard
from workbench.ledger.operations import Operation, same
from workbench.ledger.unloading.judging import Edit, told
from workbench.ledger.unloading.trails import doubted

__all__ = ["doubt", "doubts"]


def doubts(destination: Guard) -> Iterator[tuple[Operation, str]]:
    """Each such change to a record on which nothing else of ours stands, with the words for it, by a look at the record."""
    for rows in doubted(destination.ledger.operations):
        for name in dict.fromkeys(row.object for row in rows):
            mine = [row for row in rows if row.object == name]
            try:
                there = {record.id: record for record in destination.read(name, [row.id for row in mine])}
            except (Refused, Uncertain) as error:
                yield from ((row, f"{row.words}; {error.message}") for row in mine)
                continue
            yield from ((row, words) for row in mine if (words := doubt(row, there.get(row.id))))


def doubt(lost: Operation, now: Record | None) -> str:
    """What is to be said of such a change; nothing where its fields hold again what they held before us."""
    if now is None:
        return f"{lost.words}; now it is gone"
    before = lost.pre or {}
    names = [name for name in lost.payload if not same(now.values.get(name), before.get(name))]
    edits = [Edit(name, before.get(name), lost.payload[name], now.values.get(name), known_before=True) for name in names]
    return f"{lost.words}: {told(edits)}" if edits else ""
