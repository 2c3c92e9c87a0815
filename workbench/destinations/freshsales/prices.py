"""What the calls of the Freshsales client will cost."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from workbench.destinations import Spent
from workbench.destinations.freshsales.activities import LISTS
from workbench.destinations.freshsales.hanging import OWNERS
from workbench.destinations.freshsales.reading import FOUND_AT_ONCE
from workbench.destinations.limits.pricing import Plain, rows_in_one_call
from workbench.specs import DestinationSpec, Scalar

__all__ = ["FreshsalesPrices", "prices"]

PARENTS = tuple(name for name in OWNERS.values() if name != "lead")
"""Objects that notes hang on; on the Suite leads stand among the contacts."""


def prices(spec: DestinationSpec, settings: Mapping[str, Scalar]) -> FreshsalesPrices:
    """The prices under the settings of an account."""
    return FreshsalesPrices(spec, settings)


class FreshsalesPrices(Plain):
    """Views of a hundred rows a page, of which an object may have several, and filters for a hundred values."""

    def names(self, object_: str, records: int) -> Spent:
        """A bulk call finds records by their name where nothing of ours is known to be unique: names are looked for first."""
        kind = self.spec.objects[object_]
        rows = rows_in_one_call(kind, self.settings)
        by_key = kind.bulk_key in ("", kind.marker, "external_id") or self.settings.get("bulk_marker") == "unique"
        return Spent() if rows == 1 or by_key else self._filters(records)

    def begin(self, object_: str) -> Spent:
        """The list of the object's views."""
        return Spent(1 if self.spec.objects[object_].views else 0)

    def find(self, object_: str, values: int, *, there: int) -> Spent:
        del object_, there
        return self._filters(values)

    def bearing(self, object_: str, keys: int, *, there: int, known: bool = False) -> Spent:
        """By a filter, which has to be shown to find a record of ours; by a sweep where that is cheaper or cannot be shown."""
        listed = not self.spec.objects[object_].views  # such as an activity, for which there is no filter
        if not keys or listed or str(self.settings.get("find_by", "filter")) != "filter":
            return super().bearing(object_, keys, there=there)
        views, asked = Spent(self._views(object_)), self._filters(keys)
        if keys > FOUND_AT_ONCE:  # the list is asked for its length first
            asked += views
            if 2 * ceil(keys / FOUND_AT_ONCE) >= ceil(there / self.page_rows):
                return views + self.sweep(object_, there=there)
        if known and there:
            return asked
        return asked + views + (Spent(1) if there else self.sweep(object_, there=0))

    def read(self, object_: str, records: int, *, there: int) -> Spent:
        """One look each, or as many pages as there are where those are fewer."""
        return Spent(min(records, there // self.page_rows + self._views(object_)))

    def newest(self, object_: str) -> Spent:
        """By the day of making, which the views tell; nothing else is asked."""
        return Spent(self._views(object_) if self.spec.objects[object_].views else 0)

    def sweep(self, object_: str, *, there: int) -> Spent:
        """A view ends with a page that is not full."""
        return Spent(there // self.page_rows + self._views(object_))

    def scattered(self, object_: str) -> bool:
        """Files, links and calls show with their record; notes, too, where no list shows them."""
        beside = ("file", "document_link", "phone_call")
        return object_ in beside or (object_ == "note" and self.settings.get("notes_by") == "parents")

    def shown_in(self, object_: str) -> tuple[str, ...]:
        """Notes are shown beside the records on which they hang."""
        return PARENTS if object_ == "note" and not self.scattered(object_) else ()

    def _views(self, object_: str) -> int:
        own = str(self.settings.get(f"views_{object_}", ""))
        views = len(own.split(";")) if own else len(self.spec.objects[object_].views)
        return max(views, len(LISTS.get(object_, ("",))))

    def _filters(self, values: int) -> Spent:
        return Spent(ceil(values / FOUND_AT_ONCE))
