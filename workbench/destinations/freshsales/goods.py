"""Products of Freshsales and their prices, one a currency; the only list of them is a filter that lets all pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from workbench.destinations import Draft, Outcome, Record, Value
from workbench.destinations.freshsales.bulk import throttled
from workbench.destinations.freshsales.forgetting import gone
from workbench.destinations.freshsales.hanging import Around, Raw, refused
from workbench.destinations.freshsales.pages import must, rows_of, total_of
from workbench.destinations.freshsales.parents import Parent, address
from workbench.destinations.freshsales.picture import Picture, Place
from workbench.destinations.freshsales.reading import wrapped
from workbench.destinations.freshsales.records import Unfit, fields_out, held, plain_number, values_of
from workbench.destinations.http import Request
from workbench.errors import Uncertain

__all__ = ["Products"]

PRICES = "product_pricings"
PRICE = re.compile(r"(?P<amount>\d+(?:\.\d+)?) (?P<currency>[A-Z]{3})")
NO_PRICE, ONE_TIME = 0, 1
MAIN = ("unit_price", "currency")


class Products:
    """Keeps products. Our key is the product code; a price is changed by its currency, and the others stay."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._http, self._dials = around.http, around.dials

    # ------------------------------------------------------------ writing

    def write(self, place: Place, picture: Picture, draft: Draft, *, taken: Callable[[str], None] | None) -> Outcome:
        """Make or change a product, with its prices."""
        del taken
        try:
            return self._written(place, picture, draft)
        except Unfit as unfit:
            return Outcome(draft.key, "rejected", draft.id, str(unfit))
        except Uncertain as error:
            return Outcome(draft.key, "unknown", draft.id, error.message)

    def _written(self, place: Place, picture: Picture, draft: Draft) -> Outcome:
        body, _ = fields_out(picture, place, draft, apart=("prices", *MAIN))
        if {"prices", *MAIN} & set(draft.values):
            present = self._raw(place, draft.id) if draft.id else {}
            if present is None:
                return Outcome(draft.key, "rejected", draft.id, "the record is not there any more")
            rows = _prices(draft, present.get(PRICES) or [])
            body |= {PRICES: rows, "pricing_type": ONE_TIME if any("unit_price" in row for row in rows) else NO_PRICE}
        if not draft.id:
            body[place.spec.marker] = draft.key
        params: dict[str, str | int] = {"include": PRICES}
        path, method = (f"{place.spec.path}/{draft.id}", "PUT") if draft.id else (place.spec.path, "POST")
        answer = self._http.call(Request(method, path, params=params, body={place.spec.wrapper: body}, busy=throttled))
        if not answer.good:
            return refused(draft, answer)
        raw = wrapped(answer, place)
        if not raw.get("id"):
            return Outcome(draft.key, "unknown", draft.id, "it was accepted, but the answer names no record")
        if (str(raw["id"]) != draft.id) if draft.id else (str(raw.get(place.spec.marker)) != draft.key):
            return Outcome(draft.key, "unknown", draft.id, "the answer is that of another request")
        after = _record(picture, place, raw).values if PRICES in raw else None
        return Outcome(draft.key, "done", str(raw["id"]), after=after)

    def collect(self, place: Place, picture: Picture, job: str, drafts: Sequence[Draft]) -> list[Outcome]:
        """There are no jobs here."""
        del place, picture
        return [Outcome(draft.key, "unknown", draft.id, f"there is no job {job}") for draft in drafts]

    def delete(self, place: Place, picture: Picture, number: str) -> Outcome:
        """Take a product away; it stays in the recycle bin, as no call forgets it."""
        del picture
        try:
            return gone(number, self._http.call(Request("DELETE", f"{place.spec.path}/{number}", busy=throttled)))
        except Uncertain as error:
            return Outcome(number, "unknown", number, error.message)

    # ------------------------------------------------------------ looking

    def read(self, place: Place, picture: Picture, ids: Sequence[str]) -> list[Record]:
        """These, one look each."""
        found = [raw for number in dict.fromkeys(ids) if (raw := self._raw(place, number))]
        return [_record(picture, place, raw) for raw in found]

    def _raw(self, place: Place, number: str) -> Raw | None:
        answer = self._around.asked(f"{place.spec.path}/{number}", params={"include": PRICES})
        raw = wrapped(answer, place) if answer else {}
        return raw if str(raw.get("id")) == number and not raw.get("is_deleted") else None

    def newest(self, place: Place) -> str:
        """Nothing is known of the order of the list."""
        del place
        return ""

    def sweep(self, place: Place, picture: Picture, *, since: str = "") -> Iterator[Record]:
        """All of them, by a filter without a rule."""
        del since
        for raw in self._around.reader.pages.every(place, lambda page: self._page(place, page)):
            if not raw.get("is_deleted"):
                yield _record(picture, place, raw)

    def _page(self, place: Place, page: int) -> tuple[list[Raw], int]:
        body = {"filter_rule": [], "page": page, "per_page": self._dials.page_rows}
        request = Request("POST", f"{place.spec.path}/filterize", body=body, read=True, busy=throttled)
        answer = must(self._http.call(request), place)
        rows = rows_of(answer, place)
        whole = [row if PRICES in row else self._raw(place, str(row["id"])) or row for row in rows]
        return whole, total_of(answer)

    def bearing(self, place: Place, picture: Picture, keys: Collection[str], *, since: str) -> list[Record]:
        """Those that bear a key, by looking through all."""
        wanted = {key for key in keys if key}
        return [record for record in self.sweep(place, picture, since=since) if record.key in wanted] if wanted else []

    def find(self, place: Place, picture: Picture, field_: str, values: Iterable[str]) -> list[Record]:
        """Records whose field is one of the values, by looking through all."""
        folded = {value.strip().casefold() for value in values}
        return [record for record in self.sweep(place, picture) if folded & held(record, field_)]

    def children(self, place: Place, number: str) -> list[tuple[str, str]]:
        """Files and links; the lines of deals are for `Lines` to tell."""
        answer = self._around.asked(f"{place.spec.path}/{number}/document_associations")
        parent = Parent("Product", number)
        kinds = {"documents": "file", "document_links": "document_link"}
        shown = answer.data if answer else {}
        return [(kind, address(parent, str(row["id"]))) for name, kind in kinds.items() for row in shown.get(name) or []]


def _record(picture: Picture, place: Place, raw: Mapping[str, Any]) -> Record:
    """A product; where it has one price, that is its unit price, too."""
    prices = [f"{plain_number(row['unit_price'])} {row['currency_code']}" for row in raw.get(PRICES) or []]
    values = values_of(picture, place, raw) | {"prices": list(prices) or None, **dict.fromkeys(MAIN)}
    if len(prices) == 1:
        values |= dict(zip(MAIN, prices[0].split(" "), strict=True))
    key = str(raw.get(place.spec.marker) or "")
    updated, made, maker = (str(raw.get(name) or "") for name in ("updated_at", "created_at", "creater_id"))
    return Record(str(raw["id"]), key, values, updated, made, maker)


def _prices(draft: Draft, present: Sequence[Mapping[str, Any]]) -> list[Raw]:
    """The prices as the API changes such a list: those that stay by their id, those that go with a mark."""
    ids = {str(row.get("currency_code")): row.get("id") for row in present}
    wanted = dict(_wanted(draft, present))
    rows: list[Raw] = []
    for currency, amount in wanted.items():
        known = {"id": ids[currency]} if ids.get(currency) else {}
        rows.append({**known, "currency_code": currency, "unit_price": amount})
    return rows + [{"id": number, "_destroy": True} for currency, number in ids.items() if currency not in wanted and number]


def _wanted(draft: Draft, present: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, float | int]]:
    """Currency and amount of each price that the product is to have."""
    if "prices" in draft.values:
        value = draft.values["prices"]
        for text in value if isinstance(value, list) else [value]:
            if text not in (None, ""):
                found = PRICE.fullmatch(str(text))
                if found is None or plain_number(found["amount"]) != found["amount"]:
                    raise Unfit(f"a price reads `12.5 USD`, without zeros at its end, and not {text!r}")
                yield found["currency"], _amount(found["amount"])
    single = next(iter(present), {}) if len(present) == 1 else {}
    amount, currency = (
        draft.values.get(name, single.get(key)) for name, key in zip(MAIN, ("unit_price", "currency_code"), strict=True)
    )
    if amount not in (None, "") and set(MAIN) & set(draft.values):
        if not currency:
            raise Unfit("a price names its currency")
        yield str(currency), _amount(amount)


def _amount(value: Value | object) -> float | int:
    try:
        text = plain_number(value)
    except ValueError:
        raise Unfit(f"a price is a number, not {value!r}") from None
    return float(text) if "." in text else int(text)
