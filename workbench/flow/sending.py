"""What becomes of the staged records of one feed before they are sent: there already, held, or to be sent."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np
import pandas as pd

from workbench.destinations import Destination, Metadata, Record
from workbench.engagement import Engagement
from workbench.flow.claims import claimed
from workbench.flow.meeting import TAKEN, Meeting, adopting, meet, narrowed, taken_over, telling, updating, upserts_by
from workbench.flow.outgoing import Mask, Outgoing, Places
from workbench.ledger.living import living
from workbench.specs import Feed

__all__ = ["Sending"]

FIRST, MOST = 10_000, 100_000
"""Records that are looked for over there together: few at first, so that something is sent soon."""
OURS = ["_record", "_waits"]


class Sending:
    """One feed on its way. Its rows are read when they are asked for, and so is what they meet over there."""

    def __init__(
        self,
        engagement: Engagement,
        destination: Destination,
        feed: Feed,
        going: Outgoing,
        *,
        keep: Collection[str],
        account: Metadata,
    ) -> None:
        self.going = going
        self._engagement, self._destination, self._feed = engagement, destination, feed
        self._theirs = narrowed(engagement, feed, account)
        self._telling = [field for field in telling(engagement, feed) if field in going.columns]
        self._order: list[Places] = []
        live = living(engagement.ledger().operations, feed.object)
        stands = going.chosen & going.marked(keep)
        before, self._again = self._taken_over(going.chosen & ~stands & going.marked(live.changed))
        stands |= going.chosen & going.marked(before)
        rest = going.chosen & ~stands & ~going.waiting
        made = np.asarray(live.has(going.keys), dtype=bool)
        self.there: Places = np.flatnonzero(stands)
        self.held: dict[str, str] = going.waits(going.chosen & ~stands)  # marker → why it is not sent
        self.waiting = len(self.held)  # of those, what is known before anything is looked for
        self._open = going.marked({row.key for row in engagement.ledger().operations.unsettled(feed.object)})
        moving = self._open | going.marked(live.changed)
        self._new, self._changing = np.flatnonzero(rest & ~made), np.flatnonzero(rest & made & moving)
        self.standing: Places = np.flatnonzero(rest & made & ~moving)
        self._claim(rest & ~made, rest & made)

    @property
    def count(self) -> int:
        """Records that are to be sent, but for those that turn out to be held."""
        return len(self._new) + len(self._changing)

    def rows(self) -> Iterator[pd.DataFrame]:
        """The rows to be sent, in the order in which they are staged.

        What an earlier run has left without an answer comes last, since it has to be given time and looked for.
        """
        late: list[tuple[Places, Mapping[str, Record]]] = []
        for places in self._parts():
            met = self._met(places)
            self.held = {**met.held, **self.held}
            going = places[~self.going.marked(self.held)[places]]
            late.append((going[self._open[going]], met.found))
            yield from self._sent(going[~self._open[going]], met.found)
        late.append((self._changing[self._open[self._changing]], {}))
        yield from self._sent(self._changing[~self._open[self._changing]], {})
        for places, found in late:
            yield from self._sent(places, found)

    def rows_that_stand(self) -> Iterator[pd.DataFrame]:
        """The rows that are over there by our hand: the ledger only has to say whether they are as they were then."""
        return self._sent(self.standing, {})

    def order(self) -> Places:
        """The places of the rows that were given out, in their order."""
        return np.concatenate([np.array([], dtype=np.int64), *self._order])

    def _claim(self, new: Mask, made: Mask) -> None:
        """Hold what an upsert would merge with another record of ours."""
        field = upserts_by(self._engagement, self._feed)
        if field in self._telling:
            taken = np.flatnonzero(claimed(self.going.cells(field), new=new, made=made))
            self.held |= dict.fromkeys(self.going.markers_at(taken), TAKEN)

    def _taken_over(self, adopted: Mask) -> tuple[set[str], dict[str, Record]]:
        if not adopted.any():
            return set(), {}
        frame = pd.concat(list(self.going.slices(np.flatnonzero(adopted))))
        theirs = [name for name in frame.columns if name in self._theirs]
        return taken_over(self._engagement, self._destination, self._feed, frame.drop(columns=theirs))

    def _parts(self) -> Iterator[Places]:
        """New records that are looked for together; all of them where it matters which others meet the same record."""
        if not self._telling or updating(self._engagement):
            yield self._new
            return
        start, size = 0, FIRST
        while start < len(self._new):
            yield self._new[start : start + size]
            start, size = start + size, min(2 * size, MOST)

    def _met(self, places: Places) -> Meeting:
        if not (self._telling and len(places)):
            return Meeting({}, {})
        cells = {field: self.going.cells(field, places).to_numpy(dtype=object) for field in self._telling}
        frame = pd.DataFrame({"key": self.going.markers_at(places), **cells})
        return meet(self._engagement, self._destination, self._feed, frame)

    def _sent(self, places: Places, found: Mapping[str, Record]) -> Iterator[pd.DataFrame]:
        for frame in self.going.slices(places):
            self._order.append(frame.index.to_numpy())
            mine = {key: found.get(key) or self._again.get(key) for key in frame["key"]} if found or self._again else {}
            known = {key: record for key, record in mine.items() if record is not None}
            yield adopting(self._engagement, self._feed, frame, known, theirs=self._theirs).drop(columns=OURS)
