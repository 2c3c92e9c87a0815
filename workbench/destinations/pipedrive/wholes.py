"""Values that Pipedrive replaces as a whole: telephone numbers, e-mail addresses, prices, the parts of a postal address."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from workbench.destinations import Value
from workbench.destinations.pipedrive.values import number_out, plain_number

__all__ = ["address_over", "contacts_in", "contacts_over", "price_in", "prices_over"]

USUAL = "work"
WHOLE = "value"
"""The part of an address without which the others are refused: the address in one line."""
PRICE, CURRENCY = "price", "currency"
MORE_OF_A_PRICE = ("cost", "direct_cost", "notes")
LINE = (
    ("street_number", "route"),
    ("subpremise",),
    ("sublocality",),
    ("locality",),
    ("admin_area_level_2",),
    ("admin_area_level_1", "postal_code"),
    ("country",),
)
"""The order of the parts in that line; those of one group stand without a comma."""

Rows = Sequence[Mapping[str, Any]]


def contacts_in(rows: Rows, part: str, *, apart: Collection[str]) -> list[str]:
    """The values of one label, or those whose label has no field of its own (`apart`); the primary one first."""
    mine = [row for row in rows if row.get(WHOLE) and _slot(row, apart) == part]
    return [str(row[WHOLE]) for row in sorted(mine, key=lambda row: not row.get("primary"))]


def contacts_over(present: Rows, given: Mapping[str, Value], *, apart: Collection[str]) -> list[dict[str, Any]]:
    """The list with the given labels' values in place of those it holds; "" is every label that has no field of its own.

    Values that stay keep their label. The primary one stays so, else it is the first that is given.
    """
    kept = [dict(row) for row in present if _slot(row, apart) not in given]
    rows = kept + [_row(text, part, present, apart) for part, value in given.items() for text in _several(value)]
    primary = next((place for place, row in enumerate(kept) if row.get("primary")), None)
    if primary is None:
        first = next(iter(_several(given.get("", None))), None)
        primary = next((place for place, row in enumerate(rows) if row[WHOLE] == first), 0)
    return [
        {WHOLE: row[WHOLE], "label": row.get("label") or USUAL, "primary": place == primary} for place, row in enumerate(rows)
    ]


def _row(text: str, part: str, present: Rows, apart: Collection[str]) -> dict[str, Any]:
    kept = next((row for row in present if row.get(WHOLE) == text and _slot(row, apart) == part), {})
    return {WHOLE: text, "label": part or kept.get("label") or USUAL}


def _slot(row: Mapping[str, Any], apart: Collection[str]) -> str:
    label = str(row.get("label") or USUAL).casefold()
    return label if label in apart else ""


def _several(value: Value) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [str(item) for item in items if item not in (None, "")]


def address_over(present: Mapping[str, Any], given: Mapping[str, Value]) -> dict[str, Any] | None:
    """An address with the given parts in place of those it holds; none where nothing is left.

    The whole line is put together from the parts where nobody gave one, and again where it was put together before.
    """
    held = {part: str(text) for part, text in present.items() if text not in (None, "") and part != "formatted_address"}
    parts = {**held, **{part: "" if value is None else str(value) for part, value in given.items()}}
    parts = {part: text for part, text in parts.items() if text}
    if WHOLE not in given and held.get(WHOLE, "") in ("", _line(held)):
        parts[WHOLE] = _line(parts)
    if not parts.get(WHOLE):
        parts[WHOLE] = _line(parts)
    return parts if parts[WHOLE] else None


def _line(parts: Mapping[str, str]) -> str:
    groups = (" ".join(parts[part] for part in group if parts.get(part)) for group in LINE)
    return ", ".join(group for group in groups if group)


def price_in(rows: Rows, part: str) -> str | None:
    """The price of a product or its currency, as `part` says: of several prices the first, but for one of nothing."""
    row = _priced(rows)
    if not row:
        return None
    return plain_number(row[PRICE]) if part == PRICE else str(row[CURRENCY])


def prices_over(present: Rows, given: Mapping[str, Value], *, currency: str) -> list[dict[str, Any]]:
    """The prices with the given one in place of the one that we show; those in other currencies stay. Raises Unfit.

    One that names no currency is in the one it had, or else the account's. What a price says besides, such as the cost,
    stays with it; an amount that was emptied takes its price away.
    """
    held = _priced(present)
    amount = given[PRICE] if PRICE in given else held.get(PRICE)
    named = str(given.get(CURRENCY) or held.get(CURRENCY) or currency).upper()
    others = [row for row in present if row is not held and row[CURRENCY] != named and row.get(PRICE)]
    more = {name: held[name] for name in MORE_OF_A_PRICE if held.get(name) not in (None, "")}
    own = [] if amount in (None, "") else [{CURRENCY: named, PRICE: number_out("Price", amount), **more}]
    return own + [
        {name: row[name] for name in (CURRENCY, PRICE, *MORE_OF_A_PRICE) if row.get(name) not in (None, "")} for row in others
    ]


def _priced(rows: Rows) -> Mapping[str, Any]:
    return next((row for row in rows if row.get(PRICE)), {})
