"""One feed's turn in a transfer: first what is to be sent, and after all feeds what stood there before, against the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from workbench.flow.failures import Failures
from workbench.flow.outgoing import Outgoing, Places
from workbench.flow.sending import Sending
from workbench.ledger.loading import Loaded, Progress
from workbench.specs import Feed

__all__ = ["OUTCOME_COLUMNS", "Turn"]

OUTCOME_COLUMNS = ("feed", "key", "marker", "state", "id", "words", "detail")
COMPARING = "holding what stood there before against the ledger"
Texts = str | Sequence[str] | pd.Series
"""One text for all rows, or one a row."""


@dataclass
class Turn:
    """Some records of one feed, and what has become of them so far."""

    feed: Feed
    sending: Sending
    failures: Failures
    loaded: list[pd.DataFrame] = field(default_factory=list)  # state, id and words, in the order of the rows given out

    def told(self, progress: Progress) -> Progress:
        """How the feed stands while its records are sent, those with it that need not be."""
        sending = self.sending
        there, held = len(sending.there) + len(sending.standing), len(sending.held)
        total, left = progress.total + there + sending.waiting, progress.left - held + sending.waiting
        return replace(progress, total=total, done=progress.done + there, held=held, left=left)

    def told_again(self, progress: Progress) -> Progress:
        """The same while what stood there before is held against the ledger; it counts as done until something else shows."""
        before = self.loaded[0]["state"].value_counts()
        done = int(before.get("done", 0)) + len(self.sending.there) + progress.done + progress.left
        rejected, unknown = (int(before.get(state, 0)) for state in ("rejected", "unknown"))
        rejected, unknown = rejected + progress.rejected, unknown + progress.unknown
        held = len(self.sending.held)
        doing = progress.doing or ("" if progress.ended else COMPARING)
        total = done + rejected + unknown + held
        return replace(
            progress, total=total, done=done, rejected=rejected, unknown=unknown, held=held, left=0, eta=0.0, doing=doing
        )

    def note(self, loaded: Loaded) -> None:
        """Keep what became of the rows of one load, and why those were not made whose children will ask."""
        found = loaded.frame.drop(columns="key")
        places = self.sending.order()[-len(found) :] if len(found) else self.sending.order()[:0]
        bad = np.flatnonzero((found["state"] != "done").to_numpy(dtype=bool))
        self.failures.note(_outcomes(self.sending.going, places[bad], found.iloc[bad]))
        if not self.loaded:
            self.failures.note(self.held())
        self.loaded.append(found)

    def outcomes(self) -> pd.DataFrame:
        """What became of every record: those that were loaded in the order in which they are staged, then the others."""
        found, places = pd.concat(self.loaded, ignore_index=True), self.sending.order()
        self.loaded = []
        order = np.argsort(places, kind="stable")
        if (order[1:] < order[:-1]).any():
            found, places = found.iloc[order], places[order]
        there = self.sending.there
        standing = pd.DataFrame({"state": "done", "id": "", "words": ""}, index=range(len(there)), dtype="str")
        parts = [_outcomes(self.sending.going, places, found), self.held(), _outcomes(self.sending.going, there, standing)]
        both = pd.concat(parts, ignore_index=True)
        both.insert(0, "feed", self.feed.name)
        return both[list(OUTCOME_COLUMNS)]

    def held(self) -> pd.DataFrame:
        """Records that were not sent; where that is for want of a parent, with what became of the parent."""
        going, held = self.sending.going, self.sending.held
        places = np.flatnonzero(going.marked(held) & going.chosen)
        codes = [held[key] for key in going.markers_at(places)]
        parents = zip(codes, going.lacking(places), strict=True)
        details = [self.failures.words(self.feed, parent) if code == "parent_missing" else "" for code, parent in parents]
        return _outcomes(going, places, pd.DataFrame({"state": "held", "id": "", "words": codes}, dtype="str"), detail=details)


def _outcomes(going: Outgoing, places: Places, found: pd.DataFrame, *, detail: Texts = "") -> pd.DataFrame:
    """The records at some places, with what became of them beside them: key, marker, state, id, words, detail, as text."""
    frame = pd.DataFrame({"key": going.records_at(places), "marker": going.markers_at(places)})
    for name in ("state", "id", "words"):
        frame[name] = found[name].array
    frame["detail"] = detail if isinstance(detail, str) else pd.Series(detail, dtype="str").array
    return frame.astype("str")
