"""What a guarded destination passes on as it is: everything that only reads."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from workbench.destinations import Destination, Draft, LiveField, Metadata, Outcome, Record, Spent, Standing, User
from workbench.destinations.http.purposes import LOOKS, calls_for
from workbench.specs import CustomField

__all__ = ["Reading"]


class Reading:
    """The reading half of a destination, asked of another one."""

    def __init__(self, inner: Destination) -> None:
        self.inner = inner
        self.name = inner.name
        self.lag = inner.lag
        self.stamped = inner.stamped

    def check(self) -> User | None:
        return self.inner.check()

    def metadata(self, declared: Sequence[CustomField] = ()) -> Metadata:
        return self.inner.metadata(declared)

    def extra_fields(self, objects: Iterable[str]) -> list[CustomField]:
        return self.inner.extra_fields(objects)

    def alike(self, plan: CustomField) -> list[LiveField]:
        return self.inner.alike(plan)

    def bulk_rows(self, object_: str) -> int:
        return self.inner.bulk_rows(object_)

    def lanes(self, object_: str) -> int:
        return self.inner.lanes(object_)

    def collect(self, object_: str, job: str, drafts: Sequence[Draft]) -> list[Outcome]:
        return self.inner.collect(object_, job, drafts)

    @calls_for(LOOKS)
    def find(self, object_: str, field_: str, values: Iterable[str]) -> list[Record]:
        return self.inner.find(object_, field_, values)

    @calls_for(LOOKS)
    def read(self, object_: str, ids: Sequence[str]) -> list[Record]:
        return self.inner.read(object_, ids)

    @calls_for(LOOKS)
    def newest(self, object_: str) -> str:
        return self.inner.newest(object_)

    def sweep(self, object_: str, *, since: str = "") -> Iterator[Record]:
        return self.inner.sweep(object_, since=since)

    @calls_for(LOOKS)
    def bearing(self, object_: str, keys: Collection[str], *, since: str = "") -> list[Record]:
        return self.inner.bearing(object_, keys, since=since)

    @calls_for(LOOKS)
    def children(self, object_: str, number: str) -> list[tuple[str, str]]:
        return self.inner.children(object_, number)

    def stop_waiting(self, longer: float) -> None:
        self.inner.stop_waiting(longer)

    def standing(self) -> tuple[Standing, ...]:
        return self.inner.standing()

    def spent(self, purpose: str = "") -> Spent:
        return self.inner.spent(purpose)
