"""How much an engagement has to move: what is staged, what of it is over there already, and what has to be looked for first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.costing import Amount
from workbench.flow.meeting import several_of, telling, updating
from workbench.flow.planning import kept_as
from workbench.flow.sending import FIRST, MOST
from workbench.flow.transfer import in_order
from workbench.specs import Feed

__all__ = ["FOLDED", "amounts"]

FOLDED = 10
"""Activities that are told in one note, where a history is folded."""
OURS = ["row", "key"]


def amounts(engagement: Engagement, *, delivery: str = "main") -> list[Amount]:
    """Records by feed, what the ledger knows of them, and the notes that a history would come to under each parent."""
    feeds = in_order(engagement)
    reading = _Reading(engagement, delivery)
    wanted = [
        reading.amount(feed, last=not any(feed.object == later.object for later in feeds[place + 1 :]))
        for place, feed in enumerate(feeds)
    ]
    return [reading.ended(each) for each in wanted]


class _Reading:
    """The feeds in the order in which they are loaded, and what stands over there before each of them."""

    def __init__(self, engagement: Engagement, delivery: str) -> None:
        self._engagement = engagement
        self._ledger = engagement.ledger()
        self._delivery = delivery
        self._there: dict[str, int] = {}  # list → records of ours in it by now
        self._begun: set[str] = set()  # objects of which something was made

    def amount(self, feed: Feed, *, last: bool) -> Amount:
        """One feed, at its turn."""
        engagement, home = self._engagement, kept_as(self._engagement, feed.object)
        records = engagement.load(f"records/{feed.name}", delivery=self._delivery)
        opens = home not in self._there
        if opens:
            self._there[home] = self._standing(home)
        keys = self._ledger.keys(feed.object)
        made = records["marker"].isin(list(keys))
        new = records[~made]
        found = Amount(
            label=feed.label,
            object=home,
            records=len(records),
            notes=self._notes(feed, records),
            made=int(made.sum()),
            changed=self._changed(feed, records[made]),
            found=tuple(self._looked_for(feed, new, self._there[home])),
            before=self._there[home],
            opens=opens,
            first=feed.object not in self._begun,
            last=last,
            marked=self._ledger.watermark(feed.object) is not None,
            compared=self._delivery == "main",
        )
        self._there[home] += len(new)
        self._begun |= {feed.object} if len(new) else set()
        return found

    def ended(self, amount: Amount) -> Amount:
        """The same, once it is known how long its list becomes."""
        return replace(amount, whole=self._there[amount.object])

    def _standing(self, home: str) -> int:
        objects = {feed.object for feed in in_order(self._engagement) if kept_as(self._engagement, feed.object) == home}
        return sum(len(self._ledger.keys(name)) for name in objects)

    def _notes(self, feed: Feed, records: pd.DataFrame) -> int:
        parents = [lookup.to for lookup in feed.lookups if lookup.to in records]
        if not (self._engagement.destination.objects[feed.object].folds_into and parents and len(records)):
            return 0
        keys = records[parents].astype("str").fillna("").agg("\x1f".join, axis=1)
        return int((-(-keys.value_counts() // FOLDED)).sum())

    def _looked_for(self, feed: Feed, new: pd.DataFrame, there: int) -> Iterator[tuple[int, int]]:
        """Values of fields that the destination keeps unique, part by part as the load takes them."""
        fields = [field for field in telling(self._engagement, feed) if field in new]
        start, size = 0, len(new) if updating(self._engagement) else FIRST
        while fields and start < len(new):
            part = new.iloc[start : start + size]
            yield from ((sum(len(several_of(cell)) for cell in part[field]), there + start) for field in fields)
            start, size = start + size, min(2 * size, MOST)

    def _changed(self, feed: Feed, records: pd.DataFrame) -> int:
        """Records over there of which a later delivery says something else than the first one."""
        if self._delivery == "main" or records.empty:
            return 0
        first = self._engagement.load(f"records/{feed.name}").set_index("marker")
        later = records.set_index("marker")
        names = [name for name in later.columns if name not in OURS and name in first.columns]
        said, before = (frame[names].astype("str").fillna("").to_numpy() for frame in (later, first.reindex(later.index)))
        return int((said != before).any(axis=1).sum())
