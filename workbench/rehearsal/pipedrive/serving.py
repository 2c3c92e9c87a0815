"""The v2 operations of persons, organizations, deals, activities and products."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from workbench.rehearsal.engine import House, Reply
from workbench.rehearsal.pipedrive import activities, deals, organizations, persons, products
from workbench.rehearsal.pipedrive.account import Account
from workbench.rehearsal.pipedrive.answers import Asked, Handler, Operation, one
from workbench.rehearsal.pipedrive.counters import Counters
from workbench.rehearsal.pipedrive.listing import Listing, list_query, showing
from workbench.rehearsal.pipedrive.records import Records
from workbench.rehearsal.pipedrive.shapes import Shape

BODIES: Mapping[str, tuple[Shape, Shape]] = {
    "persons": (persons.SHAPE, persons.SHAPE),
    "organizations": (organizations.SHAPE, organizations.PATCH),
    "deals": (deals.SHAPE, deals.PATCH),
    "activities": (activities.SHAPE, activities.SHAPE),
    "products": (products.SHAPE, products.PATCH),
}
"""What a POST and a PATCH of each kind may hold."""


class Serving:
    """Create, read, list, change and delete, all alike."""

    def __init__(self, house: House, account: Account, records: Records) -> None:
        self._switches = house.switches
        self._records = records
        self._listing = Listing(house, records, Counters(house, account))

    def operations(self) -> Iterable[Operation]:
        for kind, (new, patch) in BODIES.items():
            yield Operation("v2", "GET", kind, 10, self._list(kind), query=list_query(kind))
            yield Operation("v2", "POST", kind, 5, self._create(kind), body=self._shape(kind, new, new=True))
            yield Operation("v2", "GET", f"{kind}/#", 1, self._get(kind), query=Shape(showing(kind)))
            yield Operation("v2", "PATCH", f"{kind}/#", 5, self._update(kind), body=self._shape(kind, patch))
            yield Operation("v2", "DELETE", f"{kind}/#", 3, self._delete(kind))
        yield Operation("v2", "GET", "deals/archived", 20, self._archived, query=list_query("deals"))

    def _shape(self, kind: str, shape: Shape, *, new: bool = False) -> Shape:
        """What a body may hold; of a deal also what no page names, where the switches take it."""
        if kind != "deals":
            return shape
        taken = {"channel_id": self._switches["deal_channel"], "add_time": self._switches["deal_add_time"] if new else ""}
        more = {key: deals.UNDOCUMENTED[key] for key, value in taken.items() if value == "accept"}
        return replace(shape, keys={**shape.keys, **more})

    def _list(self, kind: str) -> Handler:
        return lambda asked: self._listing.page(asked, kind)

    def _archived(self, asked: Asked) -> Reply:
        return self._listing.page(asked, "deals", archived=True)

    def _create(self, kind: str) -> Handler:
        def create(asked: Asked) -> Reply:
            record = self._records.create(kind, asked.body, asked.now)
            return one(self._records.shown(record), 201 if kind == "products" else 200)

        return create

    def _get(self, kind: str) -> Handler:
        def get(asked: Asked) -> Reply:
            wanted = self._listing.wanted(asked.query)
            record = self._records.readable("v2", kind, asked.number())
            return one(self._listing.shown(record, asked.query, wanted))

        return get

    def _update(self, kind: str) -> Handler:
        def update(asked: Asked) -> Reply:
            record = self._records.live("v2", kind, asked.number())
            return one(self._records.shown(self._records.update(record, asked.body, asked.now)))

        return update

    def _delete(self, kind: str) -> Handler:
        def delete(asked: Asked) -> Reply:
            record = self._records.live("v2", kind, asked.number())
            self._records.delete(record, asked.now)
            return one({"id": record.id})

        return delete
