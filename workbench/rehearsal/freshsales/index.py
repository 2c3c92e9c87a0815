"""What the searches of Freshsales know: an index that lags behind the writes and shows the old state until it has caught up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workbench.rehearsal.engine import House, Record, Traits

OLD = "~"
"""Before the kind of a version that was written over; it stands in the state's bin, which no dump is compared by."""
SCATTER, STEPS = 7919, 997


class Index:
    """Keeps the version that searches still show, and says which versions they show now.

    The sheet only infers a delay. An index that is rebuilt after a write shows the old document till then, the deleted
    one too; of several changes within one lag only the last is ever indexed. With no lag none of this costs anything.
    """

    def __init__(self, house: House) -> None:
        self._state = house.state
        self._longest = house.clock.wait(house.switches.number("index_lag_seconds"))
        self._least = min(house.switches.number("index_lag_least"), 1.0)

    @property
    def lags(self) -> bool:
        return self._longest > 0

    def supersede(self, record: Record, traits: Traits, now: float) -> None:
        """Call before a record is written over, deleted or forgotten."""
        if not self.lags:
            return
        kind = OLD + record.kind
        shown = self._state.get(kind, record.id, deleted=True)
        if record.updated <= now - self._lag(record.id):
            self._state.save(replace(record, kind=kind, deleted=now), replace(traits, parents=()), new=False)
        elif shown is not None:
            self._state.db.execute("UPDATE record SET deleted = ? WHERE kind = ? AND id = ?", (now, kind, record.id))

    def kinds(self, kinds: Sequence[str]) -> list[str]:
        """The kinds under which identifying values of these are found."""
        return [*kinds, *(OLD + kind for kind in kinds if self.lags)]

    def scope(self, kinds: Sequence[str], now: float) -> tuple[str, list[object]]:
        """The versions that a search at this moment looks through, as a condition on records."""
        marks = ",".join("?" * len(kinds))
        if not self.lags:
            return f"kind IN ({marks}) AND deleted IS NULL", list(kinds)
        # Kinds bound, all else constants of this module; a version counts from its write, or until its end, plus the lag.
        lag = f"? * (? + ? * (id * {SCATTER} % {STEPS}) / {STEPS - 1}.0)"
        numbers = (now, self._longest, self._least, 1 - self._least)
        return (
            f"(kind IN ({marks}) AND deleted IS NULL AND updated <= ? - {lag}"
            f" OR kind IN ({marks}) AND deleted > ? - {lag} AND updated <= ? - {lag})",
            [*kinds, *numbers, *(OLD + kind for kind in kinds), *numbers, *numbers],
        )

    def told(self, record: Record) -> Record:
        """A found version as the record that it is one of."""
        return replace(record, kind=record.kind.removeprefix(OLD), deleted=None) if record.kind.startswith(OLD) else record

    def _lag(self, number: int) -> float:
        share = number * SCATTER % STEPS / (STEPS - 1)
        return self._longest * (self._least + (1 - self._least) * share)
