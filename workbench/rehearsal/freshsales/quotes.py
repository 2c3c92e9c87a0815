"""Freshsales quotes, which its API calls CPQ documents, under ``/cpq/cpq_documents``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workbench.rehearsal.engine import Call, House, Json, Record, Refusal, Reply, as_json
from workbench.rehearsal.freshsales.answers import Handler, body_of, given
from workbench.rehearsal.freshsales.fields import Fields
from workbench.rehearsal.freshsales.lines import Lines
from workbench.rehearsal.freshsales.products import Products
from workbench.rehearsal.freshsales.reading import words
from workbench.rehearsal.freshsales.shapes import Shapes
from workbench.rehearsal.freshsales.shelf import Sheet, Shelf
from workbench.rehearsal.freshsales.tasks import Tasks
from workbench.rehearsal.freshsales.tenant import Catalog
from workbench.rehearsal.freshsales.values import id_in, keys, number_in

KIND, WRAPPER = "cpq_documents", "cpq_document"
PLACES = tuple(
    f"{side}_{part}" for side in ("shipping", "billing") for part in ("address", "city", "state", "zipcode", "country")
)
TEXT = ("document_type", "stage", "display_name", "cpq_document_template_name", *PLACES)
PARENTS = {"deal_id": "deals", "contact_id": "contacts", "sales_account_id": "sales_accounts"}
RICH = keys("html_content html_content_css html_content_settings html_header html_footer")
SHOWN = (
    *keys("id deal_id contact_id sales_account_id document_type stage valid_till"),
    *PLACES,
    *keys("owner_id amount currency_code base_currency_amount creater_id updater_id custom_field created_at updated_at"),
    *keys("is_deleted document_number territory_id is_deal_primary products display_name"),
    *RICH,
    *keys("email_template_id cpq_document_template_name has_products pricing_table_settings signatures signed_url"),
    *keys("has_signatures signing_order_modified"),
)
FIXED: Json = {
    "html_content_settings": {},
    "is_deal_primary": False,
    "pricing_table_settings": '{"show_sales_tax":true}',
    "signatures": [],
    "has_signatures": False,
}
PLANS = ("pro", "enterprise", "estate", "forest")


class Quotes:
    """Quotes with their lines; on the plans that have them."""

    def __init__(
        self, house: House, catalog: Catalog, fields: Fields, shapes: Shapes, lines: Lines, products: Products, tasks: Tasks
    ) -> None:
        self._state = house.state
        self._switches = house.switches
        self._catalog = catalog
        self._fields = fields
        self._shapes = shapes
        self._lines = lines
        self._products = products
        self._shelf = Shelf(house, catalog, fields)
        self._tasks = tasks
        for task in ("cpq_documents_bulk_update", "cpq_documents_bulk_assign"):
            tasks.take(task, lambda job, row: self._change(self._row(row), job.request["given"], job.due))
        tasks.take("cpq_documents_bulk_delete", lambda job, row: self._shelf.bin(KIND, id_in(row) or 0, job.due))
        tasks.take("cpq_documents_bulk_restore", lambda job, row: self._shelf.restore(KIND, id_in(row) or 0, job.due))

    def routes(self) -> Iterable[tuple[str, Handler]]:
        return ((path, self._gated(handler)) for path, handler in self._table())

    def _table(self) -> Iterable[tuple[str, Handler]]:
        base = f"cpq/{KIND}"
        yield f"POST {base}", self._created
        yield f"GET {base}/#", lambda call, ids: self._answer(self._shelf.live(KIND, ids[0]), call, whole=True)
        yield f"PUT {base}/#", self._changed
        yield f"DELETE {base}/#", lambda call, ids: self._gone(self._shelf.bin(KIND, ids[0], call.now).id)
        yield f"PUT {base}/#/restore", lambda call, ids: self._answer(self._shelf.restore(KIND, ids[0], call.now), call)
        yield f"DELETE {base}/#/forget", self._forgotten
        yield f"GET {base}/#/related_products", self._related
        yield f"PUT {base}/cpq_documents_bulk_update", lambda call, ids: self._many(call, "cpq_documents_bulk_update", "ids")
        for task in ("cpq_documents_bulk_assign", "cpq_documents_bulk_delete", "cpq_documents_bulk_restore"):
            yield f"POST {base}/{task}", self._bulk(task)

    def _gated(self, handler: Handler) -> Handler:
        def answer(call: Call, ids: Sequence[int]) -> Reply:
            rule = self._switches["quotes"]
            if rule == "none" or (rule == "pro" and self._catalog.plan not in PLANS):
                raise Refusal(403, "You are not authorized to perform this action.")
            return handler(call, ids)

        return answer

    def _answer(self, record: Record, call: Call, status: int = 200, *, whole: bool = False, had: bool = False) -> Reply:
        """Made or looked at, a quote is whole; changed, it comes without its page, and with lines if they were asked for."""
        body = record.body
        values = {
            **{key: body.get(key, FIXED.get(key)) for key in SHOWN},
            "id": record.id,
            "custom_field": self._fields.write(KIND, body.get("custom_field", {})),
            "created_at": self._shapes.moment(record.created),
            "updated_at": self._shapes.moment(record.updated),
            "is_deleted": record.deleted is not None,
            # Recorded: null until the first change, and the change that takes the lines away still says that there are some.
            "base_currency_amount": self._in_base(body) if "updater_id" in body else None,
            "has_products": had or bool(body.get("products")),
            "products": [self._lines.on_quote(record.id, line) for line in body.get("products", [])],
        }
        lines = whole or "products" in words(call.query)
        shown = [key for key in SHOWN if (lines or key != "products") and (whole or key not in RICH)]
        return as_json({WRAPPER: {key: values[key] for key in shown}}, status)

    def _created(self, call: Call, ids: Sequence[int]) -> Reply:
        wish = given(call, WRAPPER)
        number = self._state.next_id("document_number")
        sheet = self._sheet(wish, {"document_number": f"DOC-{number}", "currency_code": self._catalog.base_currency})
        sheet.body.setdefault("amount", 0.0)
        record = self._shelf.create(sheet, self._state.next_id(KIND), call.now)
        return self._answer(record, call, int(self._switches["create_status"]), whole=True)

    def _changed(self, call: Call, ids: Sequence[int]) -> Reply:
        record = self._shelf.live(KIND, ids[0])
        had = bool(record.body.get("products"))
        return self._answer(self._change(record, given(call, WRAPPER), call.now), call, had=had)

    def _change(self, record: Record, wish: Json, now: float) -> Record:
        return self._shelf.change(record, self._sheet(wish, record.body), now)

    def _gone(self, number: int) -> Reply:
        return as_json({"msg": {"id": number, "code": "success"}})

    def _forgotten(self, call: Call, ids: Sequence[int]) -> Reply:
        self._shelf.forget(KIND, ids[0], call.now)
        return self._gone(ids[0])

    def _related(self, call: Call, ids: Sequence[int]) -> Reply:
        lines = self._shelf.live(KIND, ids[0]).body.get("products", [])
        found = filter(None, (self._state.get("products", line["product_id"], deleted=True) for line in lines))
        rows = [{**self._products.shown(record, prices=True), "lookup_information": {}} for record in found]
        return as_json({"products": rows})

    def _sheet(self, wish: Json, before: Json) -> Sheet:
        sheet = self._shelf.sheet(KIND, wish, before, TEXT)
        for key, kind in PARENTS.items():
            if key in wish:
                known = [number] if (number := id_in(wish[key])) and self._state.get(kind, number) else []
                sheet.links(key, wish[key], known)
        if "valid_till" in wish:
            self._shelf.day(sheet, "valid_till", wish["valid_till"])
        if "is_deal_primary" in wish:
            self._shelf.flag(sheet, "is_deal_primary", wish["is_deal_primary"])
        self._money(sheet, wish)
        if not sheet.body.get("deal_id"):
            sheet.problems.append("Deal can't be blank")
        if not sheet.body.get("document_type"):
            sheet.problems.append("Document type can't be blank")
        return sheet

    def _money(self, sheet: Sheet, wish: Json) -> None:
        if "currency_code" in wish:
            sheet.body["currency_code"] = wish["currency_code"]
            if wish["currency_code"] not in [row["currency_code"] for row in self._catalog.currencies]:
                sheet.problems.append("Currency code is invalid")
        if "amount" in wish:
            sheet.body["amount"] = number_in(wish["amount"])
            if sheet.body["amount"] is None:
                sheet.problems.append("Amount is not a number")
        if "products" in wish:
            before = sheet.before.get("products", [])
            lines = self._lines.read(wish["products"], before, sheet.body["currency_code"], sheet.problems)
            sheet.body["products"] = lines
            if self._switches["line_amount"] != "keep" and not sheet.problems:
                sheet.body["amount"] = float(self._lines.total(lines))

    def _in_base(self, body: Json) -> float:
        rates = {row["currency_code"]: float(row["exchange_rate"]) for row in self._catalog.currencies}
        return round(float(body.get("amount") or 0.0) / rates.get(body["currency_code"], 1.0), 2)

    def _bulk(self, task: str) -> Handler:
        return lambda call, ids: self._many(call, task, "selected_ids")

    def _many(self, call: Call, task: str, key: str) -> Reply:
        body = body_of(call)
        wish = body.get(WRAPPER, {"owner_id": body.get("owner_id")} if task.endswith("assign") else None)
        if task == "cpq_documents_bulk_update" and not isinstance(wish, dict):
            raise Refusal(400, "cpq_document is missing")
        return self._tasks.promise(task, body.get(key), {"given": wish}, call.now, missing=key)

    def _row(self, row: object) -> Record:
        return self._shelf.live(KIND, id_in(row) or 0)
