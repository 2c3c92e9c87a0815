"""Products in deals: one line each, up to a hundred at once, and what they make of the deal's value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from workbench.rehearsal.engine import House, Json, Record, Refusal, Reply, Traits, as_json
from workbench.rehearsal.pipedrive.account import Account, stamp
from workbench.rehearsal.pipedrive.answers import SUPPORT, Asked, Operation, invalid, no, one
from workbench.rehearsal.pipedrive.deals import DISCOUNTS, INSTALLMENTS, LINES
from workbench.rehearsal.pipedrive.paging import paged, paged_query
from workbench.rehearsal.pipedrive.products import BILLING, FREQUENCIES, MOST_CYCLES, ONCE, VARIATIONS
from workbench.rehearsal.pipedrive.records import Records
from workbench.rehearsal.pipedrive.shapes import (
    Check,
    Shape,
    between,
    boolean,
    day,
    integer,
    list_of,
    nullable,
    number,
    object_of,
    one_of,
    text,
)
from workbench.rehearsal.pipedrive.stamps import pruned

MOST = 100
"""Lines that one request may add or remove."""
IN_A_YEAR: Mapping[str, int] = {"annually": 1, "semi-annually": 2, "quarterly": 4, "monthly": 12, "weekly": 52}
KEYS: dict[str, Check] = {
    "product_id": integer,
    "item_price": number,
    "quantity": number,
    "tax": number,
    "tax_method": one_of("exclusive", "inclusive", "none"),
    "discount": number,
    "discount_type": one_of("percentage", "amount"),
    "comments": nullable(text),
    "is_enabled": boolean,
    "product_variation_id": nullable(integer),
    "billing_frequency": one_of(*FREQUENCIES),
    "billing_frequency_cycles": nullable(between(integer, 1, MOST_CYCLES)),
    "billing_start_date": nullable(day),
}
NEW = Shape(KEYS, required=("product_id", "item_price", "quantity"))
PATCH = Shape(KEYS)
BULK = Shape({"data": list_of(object_of(NEW), most=MOST)}, required=("data",))
SORTS = ("id", "add_time", "update_time", "order_nr")


class Lines:
    """The products of deals."""

    def __init__(self, house: House, account: Account, records: Records) -> None:
        self._state = house.state
        self._switches = house.switches
        self._account = account
        self._records = records

    def operations(self) -> Iterable[Operation]:
        path, query = "deals/#/products", paged_query(SORTS)
        several = {**paged_query((*SORTS, "deal_id")), "deal_ids": text}
        yield Operation("v2", "GET", "deals/products", 10, self._several, query=Shape(several, required=("deal_ids",)))
        yield Operation("v2", "GET", path, 10, self._list, query=Shape(query))
        yield Operation("v2", "POST", path, 5, self._add, body=NEW)
        yield Operation("v2", "DELETE", path, 15, self._drop_several, query=Shape({"ids": text}))
        yield Operation("v2", "POST", f"{path}/bulk", 25, self._add_several, body=BULK)
        yield Operation("v2", "PATCH", f"{path}/#", 5, self._change, body=PATCH)
        yield Operation("v2", "DELETE", f"{path}/#", 3, self._drop)

    def _several(self, asked: Asked) -> Reply:
        rows = [row for deal in deal_ids(asked) for row in self._rows(deal)]
        return paged(rows, asked.query, self._switches)

    def _list(self, asked: Asked) -> Reply:
        deal = self._records.live("v2", "deals", asked.number())
        return paged(self._rows(deal.id), asked.query, self._switches)

    def _add(self, asked: Asked) -> Reply:
        deal = self.editable(asked)
        line = self._added(deal, asked.body, asked.now)
        self.recompute(deal.id, asked.now)
        return one(self._shown(line), 201)

    def _add_several(self, asked: Asked) -> Reply:
        """All of them or, where one does not hold, none."""
        deal = self.editable(asked)
        if not asked.body["data"]:
            invalid(["data: The list is empty"])
        lines = [self._added(deal, row, asked.now) for row in asked.body["data"]]
        self.recompute(deal.id, asked.now)
        return one([self._shown(line) for line in lines], 201)

    def _change(self, asked: Asked) -> Reply:
        deal = self.editable(asked)
        line = self._line(deal, asked.number(1))
        product = asked.body.get("product_id", line.body["product_id"])
        if product != line.body["product_id"]:
            invalid(["product_id: The product of a line cannot be changed"])
        changed = replace(line, body=self._body(deal, asked.body, line.body), updated=asked.now)
        self._keep(changed, new=False)
        self.recompute(deal.id, asked.now)
        return one(self._shown(changed))

    def _drop(self, asked: Asked) -> Reply:
        deal = self.editable(asked)
        line = self._line(deal, asked.number(1))
        self._state.erase(LINES, line.id)
        self.recompute(deal.id, asked.now)
        return one({"id": line.id})

    def _drop_several(self, asked: Asked) -> Reply:
        """Those that are named, or the first hundred; the answer says whether some are left."""
        deal = self.editable(asked)
        known = [line.id for line in self.of(deal.id)]
        chosen = known[:MOST]
        if "ids" in asked.query:
            said = whole_numbers("ids", asked.query["ids"])
            chosen = [number_ for number_ in said if number_ in known]
        for number_ in chosen:
            self._state.erase(LINES, number_)
        self.recompute(deal.id, asked.now)
        return one(
            {"ids": chosen}, additional_data={"more_items_in_collection": len(known) > len(chosen) and len(chosen) == MOST}
        )

    def editable(self, asked: Asked) -> Record:
        """The deal of the path; an archived one takes no edit."""
        deal = self._records.live("v2", "deals", asked.number())
        if deal.body.get("is_archived"):
            invalid(["deal: Archived deals cannot be edited"])
        return deal

    def of(self, deal: int) -> list[Record]:
        """The lines of a deal in their order."""
        found = (self._state.get(LINES, number_) for number_ in self._state.children("deals", deal, LINES))
        return [line for line in found if line is not None]

    def _rows(self, deal: int) -> list[Json]:
        return [self._shown(line) for line in self.of(deal)]

    def _line(self, deal: Record, number_: int) -> Record:
        line = self._state.get(LINES, number_)
        if line is None or line.body["deal_id"] != deal.id:
            no("v2", 404, "Deal product not found" if self._switches["body_404"] == "named" else "Not found")
        return line

    def _added(self, deal: Record, given: Json, now: float) -> Record:
        product = self._state.get("products", given["product_id"])
        if product is None:
            self._records.links.check("product_id", "products", given["product_id"])
        self._may_add(deal, given)
        order = max((line.body["order_nr"] for line in self.of(deal.id)), default=0) + 1
        start = {"deal_id": deal.id, "name": product.body["name"] if product else "", "order_nr": order}
        billing: Json = {}
        if product and "billing_frequency" not in given:
            billing = {key: product.body[key] for key in BILLING if key in product.body}
        body = self._body(deal, {**billing, **given}, start)
        line = Record(LINES, self._state.next_id(LINES), body, created=now, updated=now)
        self._keep(line, new=True)
        return line

    def _may_add(self, deal: Record, given: Json) -> None:
        if given.get("billing_frequency", ONCE) == ONCE:
            return
        if self._account.plan == "lite":
            no("v2", 403, "billing_frequency: This feature is not available in your plan")
        if self._state.children("deals", deal.id, INSTALLMENTS):
            invalid(["billing_frequency: Recurring products cannot be added to a deal with installments"])
        recurring = sum(1 for line in self.of(deal.id) if line.body.get("billing_frequency"))
        if recurring >= self._account.caps.recurring_products:
            words = "Couldn't add the product. You've reached the recurring products per deal limit."
            body = {"success": False, "error": words, "error_info": SUPPORT, "data": None, "additional_data": None}
            raise Refusal(403, words, reply=as_json(body, 403))

    def _body(self, deal: Record, given: Json, old: Json) -> Json:
        body = {**old, **given, "currency": deal.body["currency"]}
        variation = given.get("product_variation_id")
        if variation is not None and variation not in self._state.children("products", body["product_id"], VARIATIONS):
            invalid([f"product_variation_id: Product variation {variation} does not exist"])
        if body.get("billing_frequency", ONCE) == ONCE:
            if given.get("billing_frequency_cycles") is not None:
                invalid(["billing_frequency_cycles: The value must be null when billing_frequency is one-time"])
            body.pop("billing_frequency", None)
        if body.get("discount_type", "percentage") == "percentage" and not 0 <= body.get("discount", 0) <= 100:
            invalid(["discount: The value must be between 0 and 100"])
        return pruned(body)

    def _keep(self, line: Record, *, new: bool) -> None:
        parents = [("deals", line.body["deal_id"]), ("products", line.body["product_id"])]
        self._state.save(line, Traits(line.body.get("name", "").lower(), parents=parents), new=new)

    def _shown(self, line: Record) -> Json:
        body = line.body
        return {
            **named(line),
            "quantity": body["quantity"],
            "sum": total(body),
            "tax": body.get("tax", 0),
            "tax_method": body.get("tax_method", "none"),
            "discount": body.get("discount", 0),
            "discount_type": body.get("discount_type", "percentage"),
            "comments": body.get("comments", ""),
            "is_enabled": body.get("is_enabled", True),
            "currency": body["currency"],
            "billing_frequency": body.get("billing_frequency", ONCE),
            "billing_frequency_cycles": body.get("billing_frequency_cycles"),
            "billing_start_date": body.get("billing_start_date"),
            "add_time": stamp(line.created),
            "update_time": stamp(line.updated),
        }

    def recompute(self, number_: int, now: float) -> None:
        """The deal's value and recurring values, as its enabled lines make them; without lines its own value shows again."""
        deal = self._state.get("deals", number_)
        assert deal is not None, "only a live deal has lines that change"
        lines = [line.body for line in self.of(number_)]
        enabled = [body for body in lines if body.get("is_enabled", True)]
        made: Json = dict.fromkeys(("lines_value", "arr", "mrr", "acv"))
        if lines:
            arr = sum(total(body) * IN_A_YEAR[body["billing_frequency"]] for body in enabled if body.get("billing_frequency"))
            acv = sum(_in_first_year(body) for body in enabled if body.get("billing_frequency"))
            made |= {"arr": _cents(arr), "mrr": _cents(arr / 12), "acv": _cents(acv)}
            if self._switches["deal_value"] == "lines":
                made["lines_value"] = self._discounted(number_, sum(total(body) for body in enabled))
        self._records.keep(replace(deal, body=pruned({**deal.body, **made}), updated=now))

    def _discounted(self, deal: int, value: float) -> float:
        found = (self._state.get(DISCOUNTS, number_) for number_ in self._state.children("deals", deal, DISCOUNTS))
        rows = [row.body for row in found if row is not None]
        share = sum(row["amount"] for row in rows if row["type"] == "percentage")
        amount = sum(row["amount"] for row in rows if row["type"] == "amount")
        return _cents(value * (1 - share / 100) - amount)


def named(line: Record) -> Json:
    """What both versions say first of a line: which one it is, of what, and at what price."""
    body = line.body
    return {
        "id": line.id,
        "deal_id": body["deal_id"],
        "product_id": body["product_id"],
        "product_variation_id": body.get("product_variation_id"),
        "name": body.get("name", ""),
        "order_nr": body["order_nr"],
        "item_price": body["item_price"],
    }


def total(body: Json) -> float:
    """What a line comes to: price times quantity, less its discount, with a tax that is not yet in it."""
    full = body["item_price"] * body["quantity"]
    discount = body.get("discount", 0)
    less = discount if body.get("discount_type") == "amount" else full * discount / 100
    tax = body.get("tax", 0) if body.get("tax_method") == "exclusive" else 0
    return _cents((full - less) * (1 + tax / 100))


def deal_ids(asked: Asked) -> Sequence[int]:
    """The deals that a query names, at most a hundred."""
    return whole_numbers("deal_ids", asked.query["deal_ids"])


def whole_numbers(key: str, said: str) -> list[int]:
    """A comma list of at most a hundred ids."""
    words = [word.strip() for word in said.split(",")]
    if not all(word.isdecimal() and len(word) < 19 for word in words):
        invalid([f"{key}: The value is not a valid list of integers"])
    if len(words) > MOST:
        invalid([f"{key}: The list may hold at most {MOST} items"])
    return [int(word) for word in words]


def _in_first_year(body: Json) -> float:
    often = IN_A_YEAR[body["billing_frequency"]]
    return total(body) * min(often, int(body.get("billing_frequency_cycles", often)))


def _cents(value: float) -> float:
    rounded = round(value, 2)
    return int(rounded) if rounded == int(rounded) else rounded
