"""Products: one price for each currency, replaced all together, and how often they are billed."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.rehearsal.engine import Json, Traits
from workbench.rehearsal.pipedrive.answers import invalid, no
from workbench.rehearsal.pipedrive.links import Links
from workbench.rehearsal.pipedrive.persons import SHARED
from workbench.rehearsal.pipedrive.shapes import (
    Check,
    Shape,
    between,
    boolean,
    integer,
    list_of,
    nullable,
    number,
    object_of,
    one_of,
    text,
)

ONCE = "one-time"
FREQUENCIES = (ONCE, "annually", "semi-annually", "quarterly", "monthly", "weekly")
MOST_CYCLES = 208
VARIATIONS = "productVariations"
PRICE = Shape(
    {
        "currency": text,
        "price": number,
        "cost": nullable(number),
        "direct_cost": nullable(number),
        "notes": nullable(text),
    },
    required=("currency",),
)
KEYS: dict[str, Check] = {
    "name": text,
    "code": nullable(text),
    "description": nullable(text),
    "unit": nullable(text),
    "tax": nullable(number),
    "category": nullable(number),
    "owner_id": integer,
    "is_linkable": boolean,
    "visible_to": integer,
    "prices": list_of(object_of(PRICE)),
    "billing_frequency": one_of(*FREQUENCIES),
    "billing_frequency_cycles": nullable(between(integer, 1, MOST_CYCLES)),
    "custom_fields": SHARED["custom_fields"],
}
SHAPE = Shape(KEYS, required=("name",))
PATCH = Shape(KEYS)
PLAIN = ("code", "description", "unit", "tax", "category", "is_linkable")
BILLING = ("billing_frequency", "billing_frequency_cycles")


class Products:
    """The rules of products."""

    name = "products"
    object = "product"
    parts: Sequence[str] = (VARIATIONS,)

    def __init__(self, links: Links) -> None:
        self._links = links
        self._account = links.account

    def draft(self, given: Json, old: Json, now: float) -> Json:
        body = {**old, **{key: given[key] for key in PLAIN if key in given}, **self.billed(given, old)}
        if "name" in given:
            if not given["name"].strip():
                invalid(["name: The value is required"])
            body["name"] = given["name"].strip()
        if "prices" in given or not old:
            default = [{"currency": self._account.currency, "price": 0}]
            body["prices"] = self.prices(given.get("prices") or default)
        body["owner_id"] = self._links.owner(given, old)
        body["visible_to"] = self._links.visibility(given, old)
        body["custom_fields"] = self._links.custom(self.object, given, old)
        return body

    def prices(self, rows: list[Json]) -> list[Json]:
        """Prices as they are kept; two of one currency are refused."""
        currencies = [row["currency"] for row in rows]
        strange = [code for code in currencies if code not in self._account.currencies]
        if strange:
            invalid([f"prices: Unknown currency '{strange[0]}'"])
        if len(set(currencies)) != len(currencies):
            invalid(["prices: Only one price per currency is allowed"])
        return [
            {
                "currency": row["currency"],
                "price": row.get("price", 0),
                "cost": row.get("cost") or 0,
                "direct_cost": row.get("direct_cost"),
                "notes": row.get("notes") or "",
            }
            for row in rows
        ]

    def billed(self, given: Json, old: Json) -> Json:
        """How often it is billed, from Growth upwards; cycles only where it is billed again."""
        sent = {key: given[key] for key in BILLING if key in given}
        if sent and self._account.plan == "lite" and sent.get("billing_frequency", ONCE) != ONCE:
            no("v2", 403, "billing_frequency: This feature is not available in your plan")
        frequency = sent.get("billing_frequency", old.get("billing_frequency", ONCE))
        cycles = sent.get("billing_frequency_cycles", old.get("billing_frequency_cycles"))
        if frequency == ONCE and sent.get("billing_frequency_cycles") is not None:
            invalid(["billing_frequency_cycles: The value must be null when billing_frequency is one-time"])
        if frequency == "weekly" and cycles is None and "billing_frequency" in sent:
            invalid(["billing_frequency_cycles: The value is required when billing_frequency is weekly"])
        kept = None if frequency == ONCE else cycles
        return {"billing_frequency": None if frequency == ONCE else frequency, "billing_frequency_cycles": kept}

    def shown(self, body: Json) -> Json:
        category = body.get("category")
        return {
            "name": body["name"],
            "code": body.get("code"),
            "description": body.get("description"),
            "unit": body.get("unit"),
            "tax": body.get("tax", 0),
            "category": None if category is None else str(category),
            "is_linkable": body.get("is_linkable", True),
            "visible_to": body["visible_to"],
            "owner_id": body["owner_id"],
            "billing_frequency": body.get("billing_frequency", ONCE),
            "billing_frequency_cycles": body.get("billing_frequency_cycles"),
            "prices": body.get("prices", []),
        }

    def traits(self, body: Json) -> Traits:
        return Traits(body["name"].lower(), owner=body["owner_id"])

    def severed(self, body: Json, kind: str, number: int) -> Json:
        return body
