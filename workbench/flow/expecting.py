"""How much an engagement has to move: what is staged, what of it is over there already, and what has to be looked for first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench.destinations.limits.pricing import prices_of
from workbench.engagement import Engagement
from workbench.flow.costing import Amount
from workbench.flow.meeting import several_of, telling, updating
from workbench.flow.others import others_seen
from workbench.flow.outgoing import Places, texts_of
from workbench.flow.planning import kept_as
from workbench.flow.sending import FIRST, MOST
from workbench.flow.staged import staged_columns, staged_path
from workbench.flow.transfer import in_order
from workbench.ledger.living import living
from workbench.ledger.loading.drafts import SCREENED
from workbench.specs import Feed
from workbench.staging import columns_of, read_frame, slices

__all__ = ["FOLDED", "amounts"]

FOLDED = 10
"""Activities that are told in one note, where a history is folded."""
OURS = ("row", "key", "marker")


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
        self._others = others_seen(engagement) or {}
        self._hosts: dict[str, set[str]] = {}  # object that stands in no list → the records that ours hang on by now
        destination = engagement.destination
        self._prices = prices_of(destination, {**destination.settings, **engagement.dials()})

    def amount(self, feed: Feed, *, last: bool) -> Amount:
        """One feed, at its turn."""
        home = kept_as(self._engagement, feed.object)
        records = self._narrow(feed)
        opens = home not in self._there
        if opens:
            self._there[home] = self._standing(home)
        live = living(self._ledger.operations, feed.object)
        made = np.asarray(live.has(texts_of(records["marker"])), dtype=bool)
        new = records[~made]
        found = Amount(
            label=feed.label,
            object=home,
            records=len(records),
            notes=self._notes(feed, records),
            made=int(made.sum()),
            changed=self._changed(feed, np.flatnonzero(made)),
            found=tuple(self._looked_for(feed, new, self._there[home])),
            before=self._there[home],
            opens=opens,
            first=feed.object not in self._begun,
            last=last,
            marked=self._ledger.watermark(feed.object) is not None,
            others=self._others.get(home, 0),
            compared=self._delivery == "main",
        )
        if self._prices.scattered(home):
            found = self._hanging(found, feed, records, new)
        self._there[home] += len(new)
        self._begun |= {feed.object} if len(new) else set()
        return found

    def _hanging(self, amount: Amount, feed: Feed, records: pd.DataFrame, new: pd.DataFrame) -> Amount:
        """The same with the records that are asked for what hangs on them."""
        hosts, there = _hosts(feed, records), self._hosts.setdefault(amount.object, set())
        there |= hosts
        first = _hosts(feed, new.iloc[: 1 if amount.marked else SCREENED])
        return replace(amount, hosts=len(hosts), first_hosts=len(first), all_hosts=len(there))

    def ended(self, amount: Amount) -> Amount:
        """The same, once it is known how long its list becomes."""
        beside = tuple(
            (name, self._there.get(name, 0) + self._others.get(name, 0)) for name in self._prices.shown_in(amount.object)
        )
        unopened = tuple(name for name, _ in beside if name not in self._there)
        return replace(amount, whole=self._there[amount.object], beside=beside, unopened=unopened)

    def _narrow(self, feed: Feed) -> pd.DataFrame:
        """The columns of a feed's records that something is counted by."""
        wanted = ["marker", *telling(self._engagement, feed), *(lookup.to for lookup in feed.lookups if self._by_parent(feed))]
        return staged_columns(self._engagement, feed.name, wanted, delivery=self._delivery)

    def _by_parent(self, feed: Feed) -> bool:
        return self._folds(feed) or self._prices.scattered(kept_as(self._engagement, feed.object))

    def _folds(self, feed: Feed) -> bool:
        return bool(self._engagement.destination.objects[feed.object].folds_into)

    def _standing(self, home: str) -> int:
        objects = {feed.object for feed in in_order(self._engagement) if kept_as(self._engagement, feed.object) == home}
        return sum(living(self._ledger.operations, name).count for name in objects)

    def _notes(self, feed: Feed, records: pd.DataFrame) -> int:
        parents = list(dict.fromkeys(lookup.to for lookup in feed.lookups if lookup.to in records))  # two ways may lead to one
        if not (self._folds(feed) and parents and len(records)):
            return 0
        counts = records[parents].astype("str").fillna("").value_counts()
        return int((-(-counts // FOLDED)).sum())

    def _looked_for(self, feed: Feed, new: pd.DataFrame, there: int) -> Iterator[tuple[int, int]]:
        """Values of fields that the destination keeps unique, part by part as the load takes them."""
        fields = [field for field in telling(self._engagement, feed) if field in new]
        start, size = 0, len(new) if updating(self._engagement) else FIRST
        while fields and start < len(new):
            part = new.iloc[start : start + size]
            yield from ((sum(len(several_of(cell)) for cell in part[field]), there + start) for field in fields)
            start, size = start + size, min(2 * size, MOST)

    def _changed(self, feed: Feed, made: Places) -> int:
        """Records over there of which a later delivery says something else than the first one."""
        if self._delivery == "main" or not len(made):
            return 0
        first, later = (staged_path(self._engagement, feed.name, delivery) for delivery in ("main", self._delivery))
        markers = texts_of(read_frame(first, columns=["marker"])["marker"])
        names = [name for name in columns_of(later) if name not in OURS and name in columns_of(first)]
        return sum(_unlike(part, first, markers, names) for part in slices(later, made, columns=["marker", *names]))


def _unlike(later: pd.DataFrame, first: Path, markers: pa.ChunkedArray, names: Sequence[str]) -> int:
    """How many of some records say something else in some columns than those of the same marker in the first delivery."""
    places = np.asarray(pc.fill_null(pc.index_in(texts_of(later["marker"]), value_set=markers), -1), dtype=np.int64)
    parts = [part.astype("str") for part in slices(first, np.unique(places[places >= 0]), columns=list(names))]
    before = (pd.concat(parts) if parts else pd.DataFrame(columns=list(names), dtype="str")).reindex(places)
    told, said = (frame[list(names)].fillna("").to_numpy() for frame in (before, later.astype("str")))
    return int((said != told).any(axis=1).sum())


def _hosts(feed: Feed, records: pd.DataFrame) -> set[str]:
    """The records that these hang on, by their keys."""
    cells = [cell for lookup in feed.lookups if lookup.to in records for cell in records[lookup.to]]
    return {key for cell in cells for key in several_of(cell)}
