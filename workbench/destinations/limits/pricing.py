"""What the calls of the protocol will cost, without any being made: what a forecast adds up, vendor by vendor."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from math import ceil
from typing import Protocol

from workbench.destinations import Spent
from workbench.specs import DestinationSpec, ObjectSpec, Scalar

__all__ = ["Plain", "Prices", "prices_of", "rows_in_one_call"]


class Prices(Protocol):
    """Calls and tokens of the looks of one destination, under the settings of an account.

    `there` are records that the object has in the account, as far as anybody knows beforehand: those of ours.
    """

    shows: bool  # whether the answer to a change shows the whole record, so that no sweep has to

    def calls(self, object_: str, kind: str, count: int) -> Spent:
        """So many calls of a kind, at its price."""

    def writes(self, object_: str, records: int, *, kind: str = "create") -> Spent:
        """Making or changing so many records, with the looks at their jobs."""

    def names(self, object_: str, records: int) -> Spent:
        """Looks that go before writing so many new ones, because a bulk call could take over somebody's record."""

    def begin(self, object_: str) -> Spent:
        """What the first look of a client at an object costs beside the look itself."""

    def find(self, object_: str, values: int, *, there: int) -> Spent:
        """Looking for so many values of a field, of which the account holds none."""

    def bearing(self, object_: str, keys: int, *, there: int, known: bool = False) -> Spent:
        """Looking for so many of our keys, which nothing bears, among records of ours; `known`: not for the first time."""

    def newest(self, object_: str) -> Spent:
        """Asking how far the records of an object go."""

    def read(self, object_: str, records: int, *, there: int) -> Spent:
        """Reading so many records by their ids, just before they are changed."""

    def sweep(self, object_: str, *, there: int) -> Spent:
        """Reading all of an object."""

    def scattered(self, object_: str) -> bool:
        """Whether an object stands in no list, so that each record on which ours hang is asked for what hangs on it."""

    def shown_in(self, object_: str) -> tuple[str, ...]:
        """The objects whose lists show an object that has no list of its own; none where it has."""


def prices_of(spec: DestinationSpec, settings: Mapping[str, Scalar]) -> Prices:
    """The prices of a destination; where its client tells none, those of one list and single calls."""
    try:
        module = import_module(f"workbench.destinations.{spec.name}.prices")
    except ModuleNotFoundError:
        return Plain(spec, settings)
    made: Prices = module.prices(spec, settings)
    return made


def rows_in_one_call(kind: ObjectSpec, settings: Mapping[str, Scalar]) -> int:
    """Records that one call takes; 1 where there is no bulk call."""
    name, _, value = kind.bulk_setting.partition("=")
    bulk = kind.bulk or (name and str(settings.get(name)) == value)
    return max(1, int(settings.get("bulk_rows", kind.bulk or 1))) if bulk else 1


class Plain:
    """One list with everything in it, pages in their order, and a call a record; bulk calls have a job, which is looked at."""

    shows = False

    def __init__(self, spec: DestinationSpec, settings: Mapping[str, Scalar]) -> None:
        self.spec = spec
        self.settings = settings
        self.page_rows = int(settings.get("page_rows", 100))

    def calls(self, object_: str, kind: str, count: int) -> Spent:
        """So many calls of a kind, at its price."""
        prices = {**self.spec.tokens, **self.spec.objects[object_].tokens}
        return Spent(count, count * prices.get(kind, 0))

    def writes(self, object_: str, records: int, *, kind: str = "create") -> Spent:
        rows = rows_in_one_call(self.spec.objects[object_], self.settings)
        return self.calls(object_, kind, ceil(records / rows) * (2 if rows > 1 else 1))

    def names(self, object_: str, records: int) -> Spent:
        del object_, records
        return Spent()

    def begin(self, object_: str) -> Spent:
        del object_
        return Spent()

    def find(self, object_: str, values: int, *, there: int) -> Spent:
        return self.sweep(object_, there=there) if values else Spent()

    def bearing(self, object_: str, keys: int, *, there: int, known: bool = False) -> Spent:
        return self.sweep(object_, there=there) if keys else Spent()

    def newest(self, object_: str) -> Spent:
        return self.calls(object_, "list", 1)

    def read(self, object_: str, records: int, *, there: int) -> Spent:
        return self.calls(object_, "get", records)

    def sweep(self, object_: str, *, there: int) -> Spent:
        return self.calls(object_, "list", max(1, ceil(there / self.page_rows)))

    def scattered(self, object_: str) -> bool:
        del object_
        return False

    def shown_in(self, object_: str) -> tuple[str, ...]:
        del object_
        return ()
