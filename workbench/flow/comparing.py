"""Every record of a feed as the destination shows it beside what we wrote there last, some thousand of them at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench.destinations import Record
from workbench.engagement import Engagement
from workbench.flow.outgoing import Mask, Outgoing, Places
from workbench.flow.planning import types_of, unread
from workbench.flow.written import as_written, changed_keys, standing_places
from workbench.frames.compare import Comparison, by_type, compare
from workbench.ledger import Guard
from workbench.ledger.guarding.nearby import near_ours
from workbench.ledger.living import living
from workbench.specs import Feed

__all__ = ["Comparing"]

AT_ONCE = 20_000
"""Records that are held beside what was staged at a time."""
OURS = ("_record", "_waits")


class Comparing:
    """Which of the expected records of a feed were seen, and in what they differ.

    What is expected is what was staged and stands over there; where a later delivery changed a field, what that said.
    `others` are the records that were seen and that the ledger knows nothing of.
    """

    def __init__(self, engagement: Engagement, feed: Feed, going: Outgoing) -> None:
        self._engagement, self._feed, self._going = engagement, feed, going
        self._ways = by_type(types_of(engagement, feed))
        self._left_out = {*OURS, *unread(engagement, feed)}
        self._changed = changed_keys(engagement, feed)
        self._live = living(engagement.ledger().operations, feed.object)
        self._expected: Mask = going.chosen & standing_places(engagement, feed, going)
        self._seen: Mask = np.zeros(len(going), dtype=bool)
        self._again: list[str] = []  # keys that a second record bears
        none = self._staged(np.array([], dtype=np.int64))
        self._summary = compare(none, none, normalise=self._ways).summary
        self._differences: list[pd.DataFrame] = []
        self.others = 0

    def look(self, destination: Guard) -> Comparison:
        """One sweep of the feed's object, of which the records that bear a key of ours are compared field by field."""
        start = f"{self._engagement.source.name}:{self._feed.name}:"
        records = near_ours(destination, self._feed.object, mine=lambda key: key.startswith(start))
        while some := list(islice(records, AT_ONCE)):
            self._lay(some)
        return self._comparison()

    def _lay(self, records: Sequence[Record]) -> None:
        """Some records of the sweep beside what was written."""
        keys = pa.array([record.key for record in records], pa.string())
        self.others += len(keys) - int(pc.sum(self._live.has(keys)).as_py())
        places = pc.fill_null(pc.index_in(keys, value_set=self._going.keys), -1).to_pylist()
        fresh: dict[int, Record] = {}
        for place, record in zip(places, records, strict=True):
            if place < 0 or not record.key or not self._expected[place]:
                continue
            if self._seen[place]:
                self._again.append(record.key)
                continue
            self._seen[place] = True
            fresh[place] = record
        if fresh:
            self._compare(fresh)

    def _compare(self, fresh: Mapping[int, Record]) -> None:
        expected = self._staged(np.array(sorted(fresh), dtype=np.int64))
        names = [str(name) for name in expected.columns if name != "key"]
        rows = [{"key": record.key, **{name: record.values.get(name) for name in names}} for record in fresh.values()]
        found = compare(expected, pd.DataFrame(rows, columns=["key", *names], dtype="object"), normalise=self._ways)
        counts = [name for name in self._summary.columns if name != "field"]
        self._summary[counts] += found.summary[counts]
        if len(found.frame):
            place = {record.key: place for place, record in fresh.items()}
            self._differences.append(found.frame.assign(place=found.frame["key"].map(place)))

    def _staged(self, places: Places) -> pd.DataFrame:
        """Records as they were written, in the order in which they are staged; the columns alone where there are none."""
        some = places if len(places) or not len(self._going) else np.array([0], dtype=np.int64)
        parts = list(self._going.slices(some)) or [self._going.whole()]
        frame = pd.concat(parts).iloc[: len(places)]
        kept = frame.drop(columns=[name for name in frame.columns if name in self._left_out])
        return as_written(self._engagement, self._feed, kept, changed=self._changed)

    def _comparison(self) -> Comparison:
        """All of it: records that are not there, records that were not expected, and then field after field."""
        whole = self._whole()
        return Comparison(
            frame=pd.concat([whole.frame, *self._in_order()], ignore_index=True),
            summary=self._summary,
            expected=int(self._expected.sum()),
            actual=int(self._seen.sum()) + len(self._again),
            missing=whole.missing,
            surplus=whole.surplus,
        )

    def _whole(self) -> Comparison:
        """Records that were not seen, or seen twice, by their keys alone."""
        unseen = self._going.markers_at(np.flatnonzero(self._expected & ~self._seen))
        seen = self._going.markers_at(np.flatnonzero(self._seen))
        doubtful = seen[seen.isin([*unseen, *self._again])]
        expected, actual = [*doubtful, *unseen], [*doubtful, *self._again]
        return compare(pd.DataFrame({"key": expected}, dtype="str"), pd.DataFrame({"key": actual}, dtype="str"))

    def _in_order(self) -> list[pd.DataFrame]:
        if not self._differences:
            return []
        both = pd.concat(self._differences, ignore_index=True)
        fields: dict[Any, int] = {name: rank for rank, name in enumerate(self._summary["field"])}
        order = np.lexsort((both["place"].to_numpy(), both["field"].map(fields).to_numpy()))
        return [both.iloc[order].drop(columns="place")]
