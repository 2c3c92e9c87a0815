"""What the calls of the Pipedrive client will cost."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from workbench.destinations import Spent
from workbench.destinations.limits.pricing import Plain
from workbench.destinations.pipedrive.reading import AT_ONCE, FEW
from workbench.specs import DestinationSpec, Scalar

__all__ = ["PipedrivePrices", "prices"]


def prices(spec: DestinationSpec, settings: Mapping[str, Scalar]) -> PipedrivePrices:
    """The prices under the settings of an account."""
    return PipedrivePrices(spec, settings)


class PipedrivePrices(Plain):
    """Lists of five hundred, and one of archived deals; an answer to a change shows the record."""

    shows = True

    def find(self, object_: str, values: int, *, there: int) -> Spent:
        """By a sweep, or by a search for each value."""
        if str(self.settings.get("find_by", "listing")) == "search":
            return self.calls(object_, "search", values)
        return super().find(object_, values, there=there)

    def read(self, object_: str, records: int, *, there: int) -> Spent:
        """A hundred at a time, but notes and a few others one by one."""
        if object_ == "note" or records <= FEW:
            return self.calls(object_, "get", records)
        return self.calls(object_, "list", ceil(records / AT_ONCE))

    def sweep(self, object_: str, *, there: int) -> Spent:
        """Pages of notes overlap by one row; deals have a list of archived ones beside their own."""
        rows, count = (self.page_rows - 1, there - 1) if object_ == "note" else (self.page_rows, there)
        pages = self.calls(object_, "list", max(1, ceil(count / rows)))
        archived = object_ == "deal" and bool(self.settings.get("archived_deals", True))
        return pages + (self.calls(object_, "archived", 1) if archived else Spent())
