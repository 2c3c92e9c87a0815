"""Which records of an object stand over there by our hand, a million of them in little room: keys and ids as columns."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from workbench.ledger.knowing import LIVE
from workbench.ledger.operations import Operations, operations

__all__ = ["Living", "among", "living"]

MAKING = ("create", "update")


@dataclass(frozen=True)
class Living:
    """Keys of records that we made or changed and that are still there, oldest first, each with its id beside it.

    A key that was made twice stands there twice; the first one counts. `nameless` are those that were made by a call which
    told no ids. `changed` are those that we have changed and did not make: somebody else's, taken over.
    """

    keys: pa.Array
    ids: pa.Array
    nameless: pa.Array
    changed: frozenset[str]

    @property
    def count(self) -> int:
        """How many keys there are, each counted once."""
        return int(pc.count_distinct(pa.concat_arrays([self.keys, self.nameless])).as_py())

    def ids_of(self, keys: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
        """The id of each key, null where it has none."""
        return self.ids.take(pc.index_in(keys, value_set=self.keys))

    def has(self, keys: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
        """For each key whether a record of ours is there."""
        return pc.is_in(keys, value_set=pa.concat_arrays([self.keys, self.nameless]))


def living(ledger: Operations, object_: str) -> Living:
    """What stands of an object, by one walk along the ledger that reads neither payloads nor images."""
    c = operations.c
    made, ids, nameless, others = (_Column() for _ in range(4))
    changed: set[str] = set()
    for part in ledger.parts(("key", "id", "verb"), (c.object == object_) & c.state.in_(LIVE)):
        making = [(key, number) for key, number, verb in part if verb in MAKING]
        made.add([key for key, number in making if number])
        ids.add([number for _, number in making if number])
        nameless.add([key for key, number in making if not number])
        others.add([key for key, _, verb in part if verb != "update"])
        changed.update(key for key, _, verb in part if verb == "update")
    return Living(made.whole(), ids.whole(), nameless.whole(), _without(changed, others.parts))


class _Column:
    """Texts that are packed as they come."""

    def __init__(self) -> None:
        self.parts = [pa.array([], pa.string())]

    def add(self, texts: list[str]) -> None:
        if texts:
            self.parts.append(pa.array(texts, pa.string()))

    def whole(self) -> pa.Array:
        return pa.concat_arrays(self.parts)


def among(ledger: Operations, object_: str, keys: Collection[str]) -> dict[str, str]:
    """Key → id of those of some keys of which a record stands there by our hand, empty where nobody has told its id."""
    found: dict[str, str] = {}
    for rows in ledger.traces(object_, keys).values():
        for row in rows:
            if row.verb in MAKING and row.state in LIVE:
                found[row.key] = found.get(row.key) or row.id
    return found


def _without(changed: set[str], others: list[pa.Array]) -> frozenset[str]:
    if not changed:
        return frozenset()
    wanted = pa.array(sorted(changed), pa.string())
    for part in others:
        changed -= set(part.filter(pc.is_in(part, value_set=wanted)).to_pylist())
    return frozenset(changed)
