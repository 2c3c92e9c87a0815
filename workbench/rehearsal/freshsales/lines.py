"""The products on a deal or a quote: a whole list each time, never one line alone."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from workbench.rehearsal.engine import House, Json
from workbench.rehearsal.freshsales.values import id_in, number_in, rows_in

ONE_TIME, PERCENT, FLAT = 1, 1, 2
MOST = 10**11
NUMBERS = ("quantity", "unit_price", "setup_fee", "discount")


class Lines:
    """Reads the lines that a write sends, and adds them up."""

    def __init__(self, house: House) -> None:
        self._state = house.state
        self._switches = house.switches

    def read(self, given: object, before: Sequence[Json], currency: str, problems: list[str]) -> list[Json]:
        """The lines as they will be, and nothing else: what was there and is not sent again is gone."""
        rows = rows_in([] if given is None else given)
        if rows is None:
            problems.append("The type for products is invalid.")
            return []
        known = {line["product_id"]: line["association_id"] for line in before}
        return [line for row in rows if (line := self._line(row, known, currency, problems)) is not None]

    def _line(self, row: Json, known: dict[int, int], currency: str, problems: list[str]) -> Json | None:
        number = id_in(row.get("id", row.get("product_id")))
        product = self._state.get("products", number) if number is not None else None
        if product is None:
            problems.append("Product is invalid")
            return None
        prices = product.body.get("product_pricings", [])
        price: Json = next((price for price in prices if price["currency_code"] == currency), {})
        values = {key: self._number(row, key, price, problems) for key in NUMBERS}
        kind = row.get("discount_type", PERCENT)
        if type(kind) is not int or kind not in (PERCENT, FLAT):
            problems.append("Discount type is invalid")
        kept = known.pop(product.id, None)
        return {
            "association_id": self._state.next_id("lines") if kept is None else kept,
            "product_id": product.id,
            "currency_code": currency,
            "billing_type": row.get("billing_type", price.get("billing_type")),
            "billing_cycle": row.get("billing_cycle", price.get("billing_cycle")),
            "discount_type": kind,
            **values,
        }

    def _number(self, row: Json, key: str, price: Json, problems: list[str]) -> float | int | None:
        """What the line says, else what the product's price in this currency says, else nothing off, one piece, no price."""
        unsaid: Json = {"quantity": 1, "unit_price": 0.0, "discount": 0.0, "setup_fee": None}
        value = row[key] if row.get(key) is not None else price.get(key, unsaid[key])
        if value is None:
            return None
        number = number_in(value)
        if number is None or not 0 <= number < MOST:
            problems.append(f"{key.replace('_', ' ').capitalize()} is not a number")
            return None
        return (int(number) if number.is_integer() else number) if key == "quantity" else number

    def total(self, lines: Sequence[Json]) -> Decimal:
        """Price times pieces less discount, with the fee; ``discount_1`` says what a discount of type 1 is."""
        return sum((self._worth(line) for line in lines), Decimal())

    def _worth(self, line: Json) -> Decimal:
        full = _exact(line["unit_price"]) * _exact(line["quantity"])
        share = (line["discount_type"] == PERCENT) == (self._switches["discount_1"] == "percent")
        off = full * _exact(line["discount"]) / 100 if share else _exact(line["discount"])
        return max(full - off, Decimal()) + _exact(line["setup_fee"])

    def on_deal(self, deal: int, line: Json) -> Json:
        """A line as the deal shows it."""
        product = self._product(line)
        return {
            **{key: line.get(key) for key in ("product_id", "unit_price", "setup_fee", "billing_type", "billing_cycle")},
            **{key: line.get(key) for key in ("currency_code", "quantity", "discount", "discount_type")},
            "deal_id": deal,
            "association_id": line["association_id"],
            "_id": str(line["association_id"]),
            "id": line["product_id"],
            **{key: product.get(key) for key in ("name", "pricing_type", "avatar", "owner_id", "category")},
        }

    def on_quote(self, quote: int, line: Json) -> Json:
        """A line as the quote shows it, in another order and with other names."""
        product = self._product(line)
        return {
            "id": line["product_id"],
            "product_id": line["product_id"],
            "cpq_document_id": quote,
            **{key: line.get(key) for key in ("currency_code", "billing_cycle", "billing_type", "unit_price", "setup_fee")},
            **{key: line.get(key) for key in ("quantity", "discount")},
            "item_id": str(line["association_id"]),
            **{key: product.get(key) for key in ("name", "pricing_type", "avatar", "owner_id")},
            "association_id": line["association_id"],
            "discount_type": line["discount_type"],
            "custom_columns": {},
        }

    def _product(self, line: Json) -> Json:
        record = self._state.get("products", line["product_id"], deleted=True)
        return record.body if record else {}


def _exact(value: float | int | None) -> Decimal:
    return Decimal(str(value or 0))
