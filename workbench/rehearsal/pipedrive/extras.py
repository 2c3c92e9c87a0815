"""What hangs on products and deals besides: variations, duplicates, additional discounts and installments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import NAMESPACE_URL, uuid5

from workbench.rehearsal.engine import House, Json, Record, Reply, Traits
from workbench.rehearsal.pipedrive.account import Account, stamp
from workbench.rehearsal.pipedrive.answers import Asked, Handler, Operation, invalid, no, one
from workbench.rehearsal.pipedrive.deals import DISCOUNTS, INSTALLMENTS
from workbench.rehearsal.pipedrive.lines import Lines, deal_ids
from workbench.rehearsal.pipedrive.paging import paged, paged_query
from workbench.rehearsal.pipedrive.products import PRICE, VARIATIONS, Products
from workbench.rehearsal.pipedrive.records import Records
from workbench.rehearsal.pipedrive.shapes import Shape, day, list_of, number, object_of, one_of, text, whole

VARIATION = {"name": text, "prices": list_of(object_of(PRICE))}
DISCOUNT = {"description": text, "amount": number, "type": one_of("percentage", "amount")}
INSTALLMENT = {"description": text, "amount": number, "billing_date": day}


@dataclass(frozen=True, slots=True)
class Hung:
    """A kind of row that hangs on a record: its path, its parent, and what refusals call it."""

    kind: str
    parent: str
    path: str
    title: str


ON_PRODUCTS = Hung(VARIATIONS, "products", "products/#/variations", "Product variation")
ON_DEALS = Hung(DISCOUNTS, "deals", "deals/#/discounts", "Discount")
IN_PARTS = Hung(INSTALLMENTS, "deals", "deals/#/installments", "Installment")


class Extras:
    """Rows that hang on a product or a deal and have no life of their own."""

    def __init__(self, house: House, account: Account, records: Records, lines: Lines) -> None:
        self._state = house.state
        self._switches = house.switches
        self._account = account
        self._records = records
        self._lines = lines
        self._products = Products(records.links)

    def operations(self) -> Iterable[Operation]:
        yield from self._rows_of(ON_PRODUCTS, Shape(VARIATION, required=("name",)), Shape(VARIATION), 201)
        yield from self._rows_of(ON_DEALS, Shape(DISCOUNT, required=tuple(DISCOUNT)), Shape(DISCOUNT), 201)
        yield from self._rows_of(IN_PARTS, Shape(INSTALLMENT, required=tuple(INSTALLMENT)), Shape(INSTALLMENT), 200)
        paged_ = Shape({"limit": whole, "cursor": text})
        yield Operation("v2", "GET", ON_PRODUCTS.path, 10, self._list(ON_PRODUCTS), query=paged_)
        yield Operation("v2", "GET", ON_DEALS.path, 10, self._list(ON_DEALS))
        sorts = {**paged_query(("id", "billing_date", "deal_id")), "deal_ids": text}
        yield Operation("v2", "GET", "deals/installments", 10, self._installments, query=Shape(sorts, required=("deal_ids",)))
        yield Operation("v2", "POST", "products/#/duplicate", 5, self._duplicate)

    def _rows_of(self, hung: Hung, new: Shape, patch: Shape, status: int) -> Iterable[Operation]:
        yield Operation("v2", "POST", hung.path, 5, self._add(hung, status), body=new)
        yield Operation("v2", "PATCH", f"{hung.path}/#", 5, self._change(hung), body=patch)
        yield Operation("v2", "DELETE", f"{hung.path}/#", 3, self._drop(hung))

    def _parent(self, hung: Hung, asked: Asked) -> Record:
        return self._lines.editable(asked) if hung.parent == "deals" else self._records.live("v2", "products", asked.number())

    def _list(self, hung: Hung) -> Handler:
        def listed(asked: Asked) -> Reply:
            parent = self._records.live("v2", hung.parent, asked.number())
            rows = [self._shown(row) for row in self._of(hung, parent.id)]
            return one(rows) if hung is ON_DEALS else paged(rows, asked.query, self._switches)

        return listed

    def _installments(self, asked: Asked) -> Reply:
        rows = [self._shown(row) for deal in deal_ids(asked) for row in self._of(IN_PARTS, deal)]
        return paged(rows, asked.query, self._switches)

    def _of(self, hung: Hung, parent: int) -> list[Record]:
        found = (self._state.get(hung.kind, place) for place in self._state.children(hung.parent, parent, hung.kind))
        return [row for row in found if row is not None]

    def _add(self, hung: Hung, status: int) -> Handler:
        def add(asked: Asked) -> Reply:
            parent = self._parent(hung, asked)
            if hung is IN_PARTS:
                self._may_be_paid_in_parts(parent)
            body = {**self._checked(hung, asked.body), "parent": parent.id}
            row = self._kept(hung, Record(hung.kind, self._state.next_id(hung.kind), body, asked.now, asked.now), new=True)
            return one(self._shown(row), status)

        return add

    def _change(self, hung: Hung) -> Handler:
        def change(asked: Asked) -> Reply:
            row = self._row(hung, asked)
            body = {**row.body, **self._checked(hung, asked.body)}
            return one(self._shown(self._kept(hung, replace(row, body=body, updated=asked.now), new=False)))

        return change

    def _drop(self, hung: Hung) -> Handler:
        def drop(asked: Asked) -> Reply:
            row = self._row(hung, asked)
            self._state.erase(hung.kind, row.id)
            if hung is ON_DEALS:
                self._lines.recompute(row.body["parent"], asked.now)
            return one({"id": self._shown(row)["id"]})

        return drop

    def _row(self, hung: Hung, asked: Asked) -> Record:
        parent = self._parent(hung, asked)
        found = [row for row in self._of(hung, parent.id) if str(self._shown(row)["id"]) == asked.ids[1].lower()]
        if not found:
            no("v2", 404, f"{hung.title} not found" if self._switches["body_404"] == "named" else "Not found")
        return found[0]

    def _checked(self, hung: Hung, given: Json) -> Json:
        if "name" in given and not given["name"].strip():
            invalid(["name: The value is required"])
        if hung is ON_PRODUCTS and "prices" in given:
            return {**given, "prices": self._products.prices(given["prices"])}
        if hung is ON_DEALS and given.get("amount", 1) <= 0:
            invalid(["amount: The value must be greater than 0"])
        return dict(given)

    def _kept(self, hung: Hung, row: Record, *, new: bool) -> Record:
        label = str(row.body.get("name") or row.body.get("description") or "").lower()
        self._state.save(row, Traits(label, parents=[(hung.parent, row.body["parent"])]), new=new)
        if hung is ON_DEALS:
            self._lines.recompute(row.body["parent"], row.updated)
        return row

    def _may_be_paid_in_parts(self, deal: Record) -> None:
        lines = self._lines.of(deal.id)
        if not lines:
            invalid(["installment: The deal has no products"])
        if any(line.body.get("billing_frequency") for line in lines):
            invalid(["installment: Installments cannot be added to a deal with recurring products"])

    def _shown(self, row: Record) -> Json:
        body, me = row.body, self._account.me["id"]
        if row.kind == VARIATIONS:
            return {"id": row.id, "name": body["name"], "product_id": body["parent"], "prices": body.get("prices", [])}
        terms: Json = {key: body[key] for key in ("description", "amount", "type", "billing_date") if key in body}
        if row.kind == INSTALLMENTS:
            return {"id": row.id, **terms, "deal_id": body["parent"]}
        return {
            "id": str(uuid5(NAMESPACE_URL, f"discounts/{self._account.company_id}/{row.id}")),
            **terms,
            "deal_id": body["parent"],
            "created_at": stamp(row.created),
            "created_by": me,
            "updated_at": stamp(row.updated),
            "updated_by": me,
        }

    def _duplicate(self, asked: Asked) -> Reply:
        """The same product once more, with its prices, custom values and variations."""
        old = self._records.live("v2", "products", asked.number())
        body = {key: value for key, value in old.body.items() if key != "followers"}
        made = Record("products", self._state.next_id("products"), body, asked.now, asked.now)
        self._records.keep(made, new=True)
        for row in self._of(ON_PRODUCTS, old.id):
            copy = Record(VARIATIONS, self._state.next_id(VARIATIONS), {**row.body, "parent": made.id}, asked.now, asked.now)
            self._kept(ON_PRODUCTS, copy, new=True)
        return one(self._records.shown(made), 201)
