"""What a load took: calls by what they were made for, tokens and time, feed by feed, over all its runs together."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pandas as pd

from workbench.destinations import Destination, Spent
from workbench.destinations.http.purposes import LOAD, LOOKS, READ_BACK
from workbench.engagement import Engagement

__all__ = ["PARTS", "Tally"]

PARTS = (LOAD, LOOKS, READ_BACK)
COLUMNS = ("feed", "records", *PARTS, "calls", "tokens", "seconds")
NAME = "took"


@dataclass
class Counted:
    """What is known of a feed's turn only while it lasts."""

    records: int = 0


class Tally:
    """One run: what each feed's turn took, however it ended. Looks at the account itself are nobody's turn."""

    def __init__(self) -> None:
        self._rows: list[tuple[str | int | float, ...]] = []

    @contextmanager
    def of(self, destination: Destination, label: str) -> Iterator[Counted]:
        """Count what is asked of a destination in here for the feed of that label."""
        before, began, counted = _spent(destination), time.monotonic(), Counted()
        try:
            yield counted
        finally:
            spent = {name: part - before[name] for name, part in _spent(destination).items()}
            whole = sum(spent.values(), Spent())
            calls = [spent[name].calls for name in PARTS]
            self._rows.append((label, counted.records, *calls, whole.calls, whole.tokens, time.monotonic() - began))

    def keep(self, engagement: Engagement, *, delivery: str) -> None:
        """Add it to what earlier, perhaps interrupted, runs took, and begin anew; the forecast stands beside it.

        To be called after each turn: a run that is killed says nothing more.
        """
        if not self._rows:
            return
        frame = pd.DataFrame(self._rows, columns=list(COLUMNS))
        before = engagement.load(NAME, delivery=delivery) if engagement.has(NAME, delivery=delivery) else None
        parts = [frame] if before is None else [before.reindex(columns=list(COLUMNS), fill_value=0), frame]
        sums = pd.concat(parts, ignore_index=True).groupby("feed", sort=False)
        engagement.save(
            NAME, sums.agg({"records": "max", **dict.fromkeys(COLUMNS[2:], "sum")}).reset_index(), delivery=delivery
        )
        self._rows = []


def _spent(destination: Destination) -> Mapping[str, Spent]:
    return {name: destination.spent(name) for name in PARTS}
