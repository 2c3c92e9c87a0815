"""A destination that lives in memory: it keeps what it is given, and does to a call what a test asks for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import count

from workbench.destinations import Draft, LiveField, Metadata, Outcome, Record, Standing, User, Wait
from workbench.specs import CustomField

__all__ = ["Toy"]


class Toy:
    """Records by id. `before` is called in the lane with every batch, and may sleep, wait, count or raise.

    `fate` says of a draft that it is refused ("no"), or that its answer ("answer") or the call itself ("call") is lost.
    """

    name = "toy"
    lag = 0.0
    stamped: frozenset[str] = frozenset()

    def __init__(
        self,
        *,
        rows: int = 1,
        lanes: int = 4,
        before: Callable[[Sequence[Draft]], None] = lambda drafts: None,
        fate: Callable[[Draft], str] = lambda draft: "",
        keeping: bool = True,
    ) -> None:
        self.records: dict[str, Record] = {}
        self.calls: list[list[str]] = []
        self.left: tuple[Standing, ...] = ()
        self.report: Callable[[Wait], None] = lambda wait: None
        self.stopped: Callable[[float], None] = lambda longer: None
        self._rows, self._lanes, self._keeping = rows, lanes, keeping
        self._before, self._fate = before, fate
        self._numbers = count(1)
        self._lock = threading.Lock()

    def check(self) -> User | None:
        return None

    def metadata(self, declared: Sequence[CustomField] = ()) -> Metadata:
        return Metadata((), (), {})

    def extra_fields(self, objects: Iterable[str]) -> list[CustomField]:
        return []

    def create_field(self, plan: CustomField) -> LiveField:
        raise NotImplementedError

    def alike(self, plan: CustomField) -> list[LiveField]:
        return []

    def delete_field(self, live: LiveField) -> Outcome:
        raise NotImplementedError

    def bulk_rows(self, object_: str) -> int:
        return self._rows

    def lanes(self, object_: str) -> int:
        return self._lanes

    def write(self, object_: str, drafts: Sequence[Draft], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
        self._before(drafts)
        with self._lock:
            if self._keeping:
                self.calls.append([draft.key for draft in drafts])
            return [self._one(draft) for draft in drafts]

    def _one(self, draft: Draft) -> Outcome:
        fate = self._fate(draft)
        if fate == "no":
            return Outcome(draft.key, "rejected", draft.id, "no thank you")
        if fate == "call":
            return Outcome(draft.key, "unknown", draft.id, "the connection broke")
        number = draft.id or str(next(self._numbers))
        if self._keeping:
            self.records[number] = Record(number, draft.key, dict(draft.values))
        return Outcome(draft.key, "unknown", draft.id, "the connection broke") if fate else Outcome(draft.key, "done", number)

    def collect(self, object_: str, job: str, drafts: Sequence[Draft]) -> list[Outcome]:
        raise NotImplementedError

    def find(self, object_: str, field_: str, values: Iterable[str]) -> list[Record]:
        wanted = set(values)
        return [record for record in self.records.values() if str(record.values.get(field_)) in wanted]

    def read(self, object_: str, ids: Sequence[str]) -> list[Record]:
        return [self.records[number] for number in ids if number in self.records]

    def newest(self, object_: str) -> str:
        return ""

    def sweep(self, object_: str, *, since: str = "") -> Iterator[Record]:
        with self._lock:
            return iter(list(self.records.values()))

    def bearing(self, object_: str, keys: Collection[str], *, since: str = "") -> list[Record]:
        return [record for record in self.sweep(object_) if record.key in keys]

    def children(self, object_: str, number: str) -> list[tuple[str, str]]:
        return []

    def delete(self, object_: str, ids: Sequence[str]) -> list[Outcome]:
        with self._lock:
            return [Outcome(number, "done") for number in ids if self.records.pop(number, None)]

    def standing(self) -> tuple[Standing, ...]:
        return self.left

    def on_wait(self, report: Callable[[Wait], None], *, days: bool = False) -> None:
        self.report = report

    def stop_waiting(self, longer: float) -> None:
        self.stopped(longer)
