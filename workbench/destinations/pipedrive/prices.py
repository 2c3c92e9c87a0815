"""What the calls of the Pipedrive client will cost."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from workbench.destinations import Spent
from workbench.destinations.limits.pricing import Plain
from workbench.destinations.pipedrive.calls import ONLY_V1
from workbench.destinations.pipedrive.lines import AT_ONCE as DEALS_AT_ONCE
from workbench.destinations.pipedrive.picture import LINE, PARTICIPANT
from workbench.destinations.pipedrive.reading import AT_ONCE, FEW, rows_a_page
from workbench.specs import DestinationSpec, Scalar

__all__ = ["PipedrivePrices", "prices"]


def prices(spec: DestinationSpec, settings: Mapping[str, Scalar]) -> PipedrivePrices:
    """The prices under the settings of an account."""
    return PipedrivePrices(spec, settings)


class PipedrivePrices(Plain):
    """Lists of five hundred, and one of archived deals; an answer to a change shows the record."""

    shows = True

    def writes(self, object_: str, records: int, *, kind: str = "create") -> Spent:
        """One call each; before somebody is made a participant, who takes part already is looked at."""
        looked = self.calls(object_, "get", records) if object_ == PARTICIPANT else Spent()
        return super().writes(object_, records, kind=kind) + looked

    def bearing(self, object_: str, keys: int, *, there: int, known: bool = False) -> Spent:
        """By a sweep; of products of deals by the deals that they are meant for."""
        if object_ == LINE:
            return self._of_deals(keys)
        return super().bearing(object_, keys, there=there, known=known)

    def newest(self, object_: str) -> Spent:
        return Spent() if object_ == LINE else super().newest(object_)

    def scattered(self, object_: str) -> bool:
        """Participants show with their deal only; of the products of deals one list shows a hundred deals'."""
        return object_ == PARTICIPANT

    def find(self, object_: str, values: int, *, there: int) -> Spent:
        """By a sweep, or by a search for each value."""
        if str(self.settings.get("find_by", "listing")) == "search":
            return self.calls(object_, "search", values)
        return super().find(object_, values, there=there)

    def read(self, object_: str, records: int, *, there: int) -> Spent:
        """A hundred at a time, but what only v1 has, and a few others, one by one."""
        if object_ == LINE:
            return self._of_deals(records)
        if self._counted_off(object_) or records <= FEW:
            return self.calls(object_, "get", records)
        return self.calls(object_, "list", ceil(records / AT_ONCE))

    def sweep(self, object_: str, *, there: int) -> Spent:
        """Pages of v1 overlap by one row; deals have a list of archived ones beside their own.

        Products of deals are looked for on the deals of ours, of which most have but one.
        """
        if object_ == LINE:
            return self._of_deals(there)
        most = rows_a_page(object_, self.page_rows)
        rows, count = (most - 1, there - 1) if self._counted_off(object_) else (most, there)
        pages = self.calls(object_, "list", max(1, ceil(count / rows)))
        archived = object_ == "deal" and bool(self.settings.get("archived_deals", True))
        return pages + (self.calls(object_, "archived", 1) if archived else Spent())

    def _of_deals(self, deals: int) -> Spent:
        return self.calls(LINE, "list", ceil(deals / DEALS_AT_ONCE))

    def _counted_off(self, object_: str) -> bool:
        return self.spec.objects[object_].path in ONLY_V1
