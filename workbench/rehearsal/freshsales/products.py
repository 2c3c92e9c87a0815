"""Freshsales products and their prices, under ``/cpq/products``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workbench.rehearsal.engine import Call, House, Json, Record, Refusal, Reply, as_json
from workbench.rehearsal.freshsales.answers import Handler, body_of, given
from workbench.rehearsal.freshsales.fields import Fields
from workbench.rehearsal.freshsales.reading import Reading, words
from workbench.rehearsal.freshsales.shapes import Shapes
from workbench.rehearsal.freshsales.shelf import Sheet, Shelf
from workbench.rehearsal.freshsales.tasks import Tasks
from workbench.rehearsal.freshsales.tenant import Catalog
from workbench.rehearsal.freshsales.values import id_in, keys, number_in, rows_in

KIND, WRAPPER = "products", "product"
TEXT = keys("name description category product_code sku_number")
SHOWN = keys(
    """id name category custom_field product_code sku_number parent_product territory_id valid_till is_active owner_id
    is_deleted created_at updated_at pricing_type product_pricings avatar base_currency_amount creater_id updater_id
    description"""
)
PRICE = keys("id currency_code _destroy billing_cycle billing_type unit_price setup_fee is_locked")
PRICING_TYPES = (0, 1, 2)  # none, one-time; 2 is presumed to be a subscription


class Products:
    """Products with their prices, the bin they go to, and what is done to many at once."""

    def __init__(self, house: House, catalog: Catalog, fields: Fields, shapes: Shapes, reading: Reading, tasks: Tasks) -> None:
        self._state = house.state
        self._switches = house.switches
        self._catalog = catalog
        self._fields = fields
        self._shapes = shapes
        self._reading = reading
        self._shelf = Shelf(house, catalog, fields)
        self._tasks = tasks
        tasks.take("products_bulk_update", lambda job, row: self._change(self._row(row), job.request["given"], job.due))
        tasks.take("products_bulk_assign", lambda job, row: self._change(self._row(row), job.request["given"], job.due))
        tasks.take("products_bulk_delete", lambda job, row: self._shelf.bin(KIND, id_in(row) or 0, job.due))
        tasks.take("products_bulk_restore", lambda job, row: self._shelf.restore(KIND, id_in(row) or 0, job.due))

    def routes(self) -> Iterable[tuple[str, Handler]]:
        base = f"cpq/{KIND}"
        yield f"POST {base}", self._created
        yield f"GET {base}/#", lambda call, ids: self._answer(self._shelf.live(KIND, ids[0]), call)
        yield f"PUT {base}/#", self._changed
        yield f"DELETE {base}/#", self._deleted
        yield f"PUT {base}/#/restore", lambda call, ids: self._answer(self._shelf.restore(KIND, ids[0], call.now), call)
        yield f"POST {base}/filterize", self._filterize
        yield f"PUT {base}/products_bulk_update", lambda call, ids: self._many(call, "products_bulk_update", "ids")
        for task in ("products_bulk_assign", "products_bulk_delete", "products_bulk_restore"):
            yield f"POST {base}/{task}", self._bulk(task)

    def shown(self, record: Record, *, prices: bool) -> Json:
        """A product in the vendor's order of keys; its prices stand in it where they were asked for."""
        body = record.body
        rows = [_price(row) for row in body.get("product_pricings", [])]
        values = {
            **{key: body.get(key) for key in SHOWN},
            "id": record.id,
            "custom_field": self._fields.write(KIND, body.get("custom_field", {})),
            "is_deleted": record.deleted is not None,
            "created_at": self._shapes.moment(record.created),
            "updated_at": self._shapes.moment(record.updated),
            "product_pricings": rows,
            "base_currency_amount": self._base_amount(rows),
            "updater_id": body.get("updater_id", body["creater_id"]),
        }
        return {key: values[key] for key in SHOWN if prices or key != "product_pricings"}

    def _base_amount(self, rows: Sequence[Json]) -> float | None:
        if self._switches["product_base_amount"] == "null":
            return None
        return next((row["unit_price"] for row in rows if row["currency_code"] == self._catalog.base_currency), None)

    def _answer(self, record: Record, call: Call, status: int = 200) -> Reply:
        prices = "product_pricings" in words(call.query)
        return as_json({WRAPPER: self.shown(record, prices=prices)}, status)

    def _created(self, call: Call, ids: Sequence[int]) -> Reply:
        sheet = self._sheet(given(call, WRAPPER), {"is_active": True, "pricing_type": 0})
        record = self._shelf.create(sheet, self._state.next_id(KIND), call.now)
        return self._answer(record, call, int(self._switches["create_status"]))

    def _changed(self, call: Call, ids: Sequence[int]) -> Reply:
        return self._answer(self._change(self._shelf.live(KIND, ids[0]), given(call, WRAPPER), call.now), call)

    def _change(self, record: Record, wish: Json, now: float) -> Record:
        return self._shelf.change(record, self._sheet(wish, record.body), now)

    def _deleted(self, call: Call, ids: Sequence[int]) -> Reply:
        self._shelf.bin(KIND, ids[0], call.now)
        msg = self._switches["product_delete"] == "msg"
        return as_json({"msg": {"id": ids[0], "code": "success"}} if msg else {"success": "200"})

    def _sheet(self, wish: Json, before: Json) -> Sheet:
        sheet = self._shelf.sheet(KIND, wish, before, TEXT)
        if "is_active" in wish:
            self._shelf.flag(sheet, "is_active", wish["is_active"])
        if "valid_till" in wish:
            self._shelf.day(sheet, "valid_till", wish["valid_till"])
        if "parent_product" in wish:
            known = [number] if (number := id_in(wish["parent_product"])) and self._state.get(KIND, number) else []
            sheet.links("parent_product", wish["parent_product"], known)
        if "pricing_type" in wish:
            sheet.body["pricing_type"] = wish["pricing_type"]
            if type(wish["pricing_type"]) is not int or wish["pricing_type"] not in PRICING_TYPES:
                sheet.problems.append("Pricing type is invalid")
        if "product_pricings" in wish:
            self._prices(sheet, wish["product_pricings"])
        if not sheet.body.get("name"):
            sheet.problems.append("Name can't be blank")
        return sheet

    def _prices(self, sheet: Sheet, wish: object) -> None:
        """Rails' nested rows: found by id or currency, added, changed, or removed with ``_destroy``."""
        rows = rows_in(wish or [])
        if rows is None:
            sheet.problems.append("The type for product_pricings is invalid.")
            return
        kept = {row["id"]: row for row in sheet.before.get("product_pricings", [])}
        for row in rows:
            known = self._known_price(kept, row)
            if "id" in row and known is None:
                sheet.problems.append("Product pricing is invalid")
            elif row.get("_destroy"):
                kept.pop(known or 0, None)
            else:
                price = self._price(row, kept.get(known or 0, {}), sheet.problems)
                kept[price["id"]] = price
        sheet.body["product_pricings"] = list(kept.values())

    def _known_price(self, kept: dict[int, Json], row: Json) -> int | None:
        if "id" in row:
            number = id_in(row["id"])
            return number if number in kept else None
        return next((number for number, price in kept.items() if price["currency_code"] == row.get("currency_code")), None)

    def _price(self, row: Json, before: Json, problems: list[str]) -> Json:
        price = {"id": before.get("id") or self._state.next_id("product_pricings"), **before}
        price |= {key: row[key] for key in ("currency_code", "billing_cycle", "billing_type") if key in row}
        if price.get("currency_code") not in [currency["currency_code"] for currency in self._catalog.currencies]:
            problems.append("Currency code is invalid")
        for key in ("unit_price", "setup_fee"):
            if row.get(key) is not None:
                price[key] = number_in(row[key])
                if price[key] is None:
                    problems.append(f"{key.replace('_', ' ').capitalize()} is not a number")
        return price

    def _filterize(self, call: Call, ids: Sequence[int]) -> Reply:
        found, total = self._reading.matching(KIND, body_of(call), call.query, call.now)
        return as_json({KIND: [self.shown(record, prices=True) for record in found], "meta": {"total": total}})

    def _bulk(self, task: str) -> Handler:
        return lambda call, ids: self._many(call, task, "selected_ids")

    def _many(self, call: Call, task: str, key: str) -> Reply:
        body = body_of(call)
        wish = body.get(WRAPPER, {"owner_id": body.get("owner_id")} if task.endswith("assign") else None)
        if task == "products_bulk_update" and not isinstance(wish, dict):
            raise Refusal(400, "product is missing")
        return self._tasks.promise(task, body.get(key), {"given": wish}, call.now, missing=key)

    def _row(self, row: object) -> Record:
        return self._shelf.live(KIND, id_in(row) or 0)


def _price(row: Json) -> Json:
    values = {"unit_price": 0.0, **row, "_destroy": False, "is_locked": False}
    return {key: values.get(key) for key in PRICE}
