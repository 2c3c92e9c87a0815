"""Who keeps the objects of Freshsales that have no views: activities, notes, calls, files, products, lines of deals."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from workbench.destinations import Draft, Outcome, Record
from workbench.destinations.freshsales.activities import Activities
from workbench.destinations.freshsales.files import Files, Links
from workbench.destinations.freshsales.goods import Products
from workbench.destinations.freshsales.hanging import Around
from workbench.destinations.freshsales.notes import Calls, Notes
from workbench.destinations.freshsales.picture import Picture, Place

__all__ = ["Keeper", "keepers"]


class Keeper(Protocol):
    """The part of a destination that a group of objects answers for itself; every call takes one record."""

    def write(self, place: Place, picture: Picture, draft: Draft, *, taken: Callable[[str], None] | None) -> Outcome:
        """Make or change one record."""

    def collect(self, place: Place, picture: Picture, job: str, drafts: Sequence[Draft]) -> list[Outcome]:
        """What became of drafts of which `taken` was told."""

    def read(self, place: Place, picture: Picture, ids: Sequence[str]) -> list[Record]:
        """These records; the ones that are gone are left out."""

    def newest(self, place: Place) -> str:
        """Where the list stands now; empty where nothing tells."""

    def sweep(self, place: Place, picture: Picture, *, since: str = "") -> Iterator[Record]:
        """Every record, each once."""

    def bearing(self, place: Place, picture: Picture, keys: Collection[str], *, since: str) -> list[Record]:
        """Every record that bears one of our keys."""

    def find(self, place: Place, picture: Picture, field_: str, values: Iterable[str]) -> list[Record]:
        """Records whose field is one of the values, without regard to case."""

    def children(self, place: Place, number: str) -> list[tuple[str, str]]:
        """What hangs on a record."""

    def delete(self, place: Place, picture: Picture, number: str) -> Outcome:
        """Take a record away."""


def keepers(around: Around) -> Mapping[str, Keeper]:
    """Object → who keeps it, but for the lines of deals; all others stand in views."""
    activities = Activities(around)
    return {
        "task": activities,
        "appointment": activities,
        "sales_activity": activities,
        "note": Notes(around),
        "phone_call": Calls(around),
        "file": Files(around),
        "document_link": Links(around),
        "product": Products(around),
    }
