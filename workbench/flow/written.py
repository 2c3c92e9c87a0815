"""What we wrote last to the records of a feed: which of them stand over there, and what each of them is to hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench.engagement import Engagement
from workbench.flow.outgoing import Mask, Outgoing
from workbench.flow.planning import kept_as
from workbench.ledger.living import living
from workbench.ledger.operations import Operation, operations
from workbench.specs import Feed

__all__ = ["as_written", "changed_keys", "standing_ids", "standing_places"]

GROUP = 10_000
"""Rows that are taken out of a feed at a time."""


def standing_ids(engagement: Engagement, feed: Feed) -> dict[str, str]:
    """Marker → id of the feed's records over there, but for those that have become another feed's record since."""
    ids, taken = engagement.ledger().ids(feed.object), _taken(engagement, feed)
    return {key: number for key, number in ids.items() if taken.get(number, key) == key}


def standing_places(engagement: Engagement, feed: Feed, going: Outgoing) -> Mask:
    """The same as places among the staged records, in the little room of their columns."""
    ids = living(engagement.ledger().operations, feed.object).ids_of(going.keys)
    stands = np.asarray(pc.is_valid(ids), dtype=bool)
    taken = _taken(engagement, feed)
    doubtful = np.flatnonzero(np.asarray(pc.is_in(ids, value_set=pa.array(taken, pa.string())), dtype=bool) & stands)
    chosen = pa.array(doubtful)
    for place, number, key in zip(doubtful, ids.take(chosen).to_pylist(), going.keys.take(chosen).to_pylist(), strict=True):
        stands[place] = taken[number] == key
    return stands


def _taken(engagement: Engagement, feed: Feed) -> Mapping[str, str]:
    """Id → key under which it was changed last, of the records that we changed where the feed's own are kept.

    A ledger that was made again knows of no change: there the key that a record has borne before is kept, and the one that
    it bears was made.
    """
    c, home, ledger = operations.c, kept_as(engagement, feed.object), engagement.ledger().operations

    def at_home(condition: Any) -> Iterator[tuple[str, str]]:
        found = ledger.columns(("object", "id", "key"), condition)  # ids are an object's own
        return ((number, key) for object_, number, key in found if number and kept_as(engagement, object_) == home)

    before = dict(at_home((c.state == "kept") & (c.verb == "create")))
    made = at_home((c.state == "done") & (c.verb == "create")) if before else iter(())
    now = {number: key for number, key in made if before.get(number, key) != key}
    return now | dict(at_home((c.state == "done") & (c.verb == "update")))


def changed_keys(engagement: Engagement, feed: Feed) -> frozenset[str]:
    """Keys of the records of the feed's object that we have changed."""
    c = operations.c
    done = (c.object == feed.object) & (c.state == "done") & (c.verb == "update")
    return frozenset(key for (key,) in engagement.ledger().operations.columns(("key",), done))


def as_written(
    engagement: Engagement, feed: Feed, staged: pd.DataFrame, *, changed: Collection[str] | None = None
) -> pd.DataFrame:
    """The staged records with the fields that later changes of ours gave another value.

    A record of somebody else's that was taken over is to hold, where we said nothing, what it held before. `changed` are
    the keys that `changed_keys` tells, where they are known.
    """
    ledger = engagement.ledger().operations
    touched = staged["key"].isin(list(changed_keys(engagement, feed) if changed is None else changed))
    if not touched.any():
        return staged.astype("object").reset_index(drop=True)
    rows = staged[touched].to_dict("records")
    for start in range(0, len(rows), GROUP):
        part = rows[start : start + GROUP]
        found = ledger.of_keys(feed.object, [row["key"] for row in part])
        for row in part:
            row.update(_as_changed(found[row["key"]], list(row)))
    later = pd.DataFrame(rows, columns=list(staged.columns), index=staged.index[touched], dtype="object")
    return pd.concat([staged[~touched].astype("object"), later]).loc[staged.index].reset_index(drop=True)


def _as_changed(rows: Sequence[Operation], names: Sequence[Any]) -> dict[Any, Any]:
    """What a record holds that we changed, by its operations, oldest first; nothing of fields that we did not touch."""
    live = [row for row in rows if row.state == "done" and row.verb in ("create", "update")]
    first = next(row for row in live if row.verb == "update")
    before = first.pre or {}
    taken_over = all(row.verb == "update" for row in live)
    holds = {name: before.get(str(name)) for name in names if name != "key"} if taken_over else {}
    for row in live:
        holds |= {name: value for name, value in row.payload.items() if name in names}
    return holds
