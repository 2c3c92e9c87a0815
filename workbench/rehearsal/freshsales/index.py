"""What lags behind the writes to Freshsales: the searches' index, and the replica that views and scrolling read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workbench.rehearsal.engine import House, Record, Traits

OLD, LISTED = "~", "="
"""Before the kind of a version that was written over; it stands in the state's bin, which no dump is compared by."""
SCATTER, STEPS = 7919, 997


class Lagging:
    """Keeps the version that a late reader still shows, and says which versions it shows now.

    The sheet only infers a delay. A reader that catches up with a write some time after it shows the old document till
    then, the deleted one too; of several changes within one lag only the last is ever shown. With no lag none of this
    costs anything.
    """

    def __init__(self, house: House, mark: str, *, longest: str, least: float) -> None:
        self._state = house.state
        self._mark = mark
        self._longest = house.clock.wait(house.switches.number(longest))
        self._least = least

    @property
    def lags(self) -> bool:
        return self._longest > 0

    def supersede(self, record: Record, traits: Traits, now: float) -> None:
        """Call before a record is written over, deleted or forgotten."""
        if not self.lags:
            return
        kind = self._mark + record.kind
        shown = self._state.get(kind, record.id, deleted=True)
        if record.updated <= now - self._lag(record.id):
            self._state.save(replace(record, kind=kind, deleted=now), traits._replace(parents=()), new=False)
        elif shown is not None:
            self._state.db.execute("UPDATE record SET deleted = ? WHERE kind = ? AND id = ?", (now, kind, record.id))

    def kinds(self, kinds: Sequence[str]) -> list[str]:
        """The kinds under which identifying values of these are found."""
        return [*kinds, *(self._mark + kind for kind in kinds if self.lags)]

    def scope(self, kinds: Sequence[str], now: float) -> tuple[str, list[object]]:
        """The versions that a reader at this moment looks through, as a condition on records."""
        marks = ",".join("?" * len(kinds))
        if not self.lags:
            return f"kind IN ({marks}) AND deleted IS NULL", list(kinds)
        # Kinds bound, all else constants of this module; a version counts from its write, or until its end, plus the lag.
        lag = f"? * (? + ? * (id * {SCATTER} % {STEPS}) / {STEPS - 1}.0)"
        numbers = (now, self._longest, self._least, 1 - self._least)
        return (
            f"(kind IN ({marks}) AND deleted IS NULL AND updated <= ? - {lag}"
            f" OR kind IN ({marks}) AND deleted > ? - {lag} AND updated <= ? - {lag})",
            [*kinds, *numbers, *(self._mark + kind for kind in kinds), *numbers, *numbers],
        )

    def binned(self, kind: str, now: float) -> tuple[str, list[object]]:
        """Those that the reader knows to lie in the Recycle Bin."""
        if not self.lags:
            return "kind = ? AND deleted IS NOT NULL", [kind]
        return "kind = ? AND deleted <= ?", [kind, now - self._longest]

    def told(self, record: Record) -> Record:
        """A found version as the record that it is one of."""
        own = record.kind.removeprefix(self._mark)
        return record if own == record.kind else replace(record, kind=own, deleted=None)

    def _lag(self, number: int) -> float:
        share = number * SCATTER % STEPS / (STEPS - 1)
        return self._longest * (self._least + (1 - self._least) * share)


class Index(Lagging):
    """What search, lookup and filtered_search read; its lag differs from record to record."""

    def __init__(self, house: House) -> None:
        least = min(house.switches.number("index_lag_least"), 1.0)
        super().__init__(house, OLD, longest="index_lag_seconds", least=least)


class Replica(Lagging):
    """What views and scrolling read, one time behind for all."""

    def __init__(self, house: House) -> None:
        super().__init__(house, LISTED, longest="list_lag_seconds", least=1.0)


class Former:
    """Where a writer leaves what a record was, for all who lag."""

    def __init__(self, house: House) -> None:
        self._state = house.state
        self._index, self._replica = Index(house), Replica(house)

    @property
    def lags(self) -> bool:
        return self._index.lags or self._replica.lags

    def supersede(self, record: Record, traits: Traits, now: float) -> None:
        """Call before a record is written over, deleted or forgotten; one that lies in the bin is shown by nobody."""
        if record.deleted is None:
            self._index.supersede(record, traits, now)
            self._replica.supersede(record, traits._replace(idents=()), now)

    def forget(self, record: Record) -> None:
        """Searches forget at once what is forgotten; lists still show it till they have caught up."""
        self._state.erase(OLD + record.kind, record.id)
