"""The lines of Freshsales' deals, which are written all at once and bear no field of one's own.

Our keys of them stand in a long text of the deal, "Migration Lines", and go out in the same call as the lines: one line
of text a key, with the product, which of that product's lines it is, and a number that we give it.

An account may make the sum of its lines the amount of a deal. Then a second call puts the amount back, and between the
two the text says what is under way: a look shows a line that comes as not there yet, and one that goes as still there, so
that whoever has lost an answer sends the same again, and only what is missing is done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from secrets import randbelow
from typing import Any

from workbench.destinations import Draft, Outcome, Record, Value
from workbench.destinations.freshsales.bulk import throttled
from workbench.destinations.freshsales.hanging import Around, Raw, refused
from workbench.destinations.freshsales.parents import Parent, address, located
from workbench.destinations.freshsales.picture import LINES, Picture, Place, place_of
from workbench.destinations.freshsales.reading import wrapped
from workbench.destinations.freshsales.records import Unfit, held, plain_number
from workbench.destinations.freshsales.sheets import GONE, KEPT, NEW, Mark, Sheet, over, product_of, sheet_of, text_of
from workbench.destinations.http import Request
from workbench.errors import Refused, Uncertain

__all__ = ["Lines"]

NUMBERS = ("quantity", "unit_price", "setup_fee", "discount")
PERCENT, AMOUNT = "Percent", "Amount"
NUMBERS_MOST = 10**12
FRESH = 2.0
"""Seconds for which the lines of all deals are taken to be known."""


class Lines:
    """Keeps the lines of deals; two changes of one deal never run at the same time."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._http, self._dials = around.http, around.dials
        self._deals = place_of(around.spec, "deal", classic=around.classic)
        self._guarding = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._sold: tuple[float, dict[str, list[str]]] = (0.0, {})  # when all deals were read, and the lines of each product
        self._sums = True  # whether the account makes the sum of the lines a deal's amount, until it is seen that it does not

    # ------------------------------------------------------------ writing

    def write(self, place: Place, picture: Picture, draft: Draft, *, taken: Callable[[str], None] | None) -> Outcome:
        """Put a line on its deal, or change one; all other lines go out again as they are."""
        where = located(draft.id) if draft.id else None
        deal = where[0].id if where else str(draft.values.get("deal") or "")
        try:
            if not deal.isdecimal():
                raise Unfit(f"{place.spec.label} belongs to a deal of the account, and {deal or 'none'!r} is named")
            if taken is not None and not draft.id:
                taken(f"{self._deals.spec.path}/{deal}")
            with self._alone(deal):
                return self._written(picture, draft, deal, where[1] if where else "")
        except Unfit as unfit:
            return Outcome(draft.key, "rejected", draft.id, str(unfit))
        except Uncertain as error:
            return Outcome(draft.key, "unknown", draft.id, error.message)

    def _written(self, picture: Picture, draft: Draft, deal: str, number: str) -> Outcome:
        sheet = self._sheet(picture, deal)
        if sheet is None:
            return Outcome(draft.key, "rejected", draft.id, "the deal is not there any more")
        ours = next((mark for mark in sheet.marks if mark.key == draft.key and mark.state != GONE), None)
        if ours is not None and not number:
            return self._outcome(draft, self._finished(picture, sheet), ours.number)
        there = sheet.of(number) if number else None
        if number and there is None:
            return Outcome(draft.key, "rejected", draft.id, "the line is not there any more")
        lines, marks = [_again(line) for line in sheet.lines], list(sheet.marks)
        if there is not None:
            if any(draft.values.get(name) not in (None, "", now) for name, now in (("deal", deal), ("product", there.product))):
                raise Unfit("a line keeps its deal and its product")
            lines[sheet.lines.index(there.line)] |= self._fields(draft)
        else:
            product = self._needed_product(draft)
            number = str(randbelow(NUMBERS_MOST) + 1)
            lines.append({"id": int(product), **self._fields(draft)})
            marks.append(Mark(draft.key, product, 1 + sum(product_of(line) == product for line in sheet.lines), number, NEW))
        return self._outcome(draft, self._put(picture, sheet, lines, marks), number)

    def _outcome(self, draft: Draft, answer: Sheet | str, number: str) -> Outcome:
        if isinstance(answer, str):
            return Outcome(draft.key, "rejected", draft.id, answer)
        if answer.of(number) is None:
            return Outcome(draft.key, "unknown", draft.id, "the answer does not show our line")
        id_ = self._address(answer.deal, number)
        after = next(record.values for record in self._records(answer) if record.id == id_)
        return Outcome(draft.key, "done", id_, after=after)

    def _put(self, picture: Picture, sheet: Sheet, lines: Sequence[Raw], marks: Sequence[Mark]) -> Sheet | str:
        """Send all lines with our keys, and see to it that the amount stays; the deal as it is then, or why it was refused."""
        amount = sheet.amount or ("" if sheet.raw.get("amount") is None else plain_number(sheet.raw["amount"]))
        amount = amount if self._dials.line_amount == "kept" else ""
        twice = bool(amount) and self._sums
        text = text_of(marks, amount) if twice else text_of(over(marks), "")
        body: Raw = {"products": list(lines), **({"amount": _number(amount)} if amount else {})}
        answer = self._sent(picture, sheet.deal, body, text)
        if isinstance(answer, str) or not twice:
            return answer
        if _plain(lines) not in (None, _number(amount)) and _number(answer.raw.get("amount")) == _number(amount):
            self._sums = False  # the lines come to another sum, and the account has left the amount alone
        return self._finished(picture, answer)

    def _finished(self, picture: Picture, sheet: Sheet) -> Sheet | str:
        """The second call, where a change is under way: the amount as it was, and a text that says no more of it."""
        if not sheet.amount:
            return sheet
        return self._sent(picture, sheet.deal, {"amount": _number(sheet.amount)}, text_of(over(sheet.marks), ""))

    def _sent(self, picture: Picture, deal: str, body: Raw, text: str) -> Sheet | str:
        """One change of a deal with the text that goes with it; Uncertain where the answer does not show that very text."""
        path, wrapper, field = f"{self._deals.spec.path}/{deal}", self._deals.spec.wrapper, self._field(picture)
        whole = {wrapper: {**body, "custom_field": {field: text or None}}}
        answer = self._http.call(Request("PUT", path, params={"include": "products"}, body=whole, busy=throttled))
        if not answer.good:
            return refused(Draft("", {}), answer).words
        raw = wrapped(answer, self._deals)
        shown = str((raw.get("custom_field") or {}).get(field) or "").replace("\r\n", "\n").strip()
        if str(raw.get("id")) != deal or shown != text:
            raise Uncertain("the answer is that of another request", todo="resume: the deal is looked at first")
        return self._read(picture, deal, raw)

    def collect(self, place: Place, picture: Picture, job: str, drafts: Sequence[Draft]) -> list[Outcome]:
        """What is there of drafts by now, by a look at their deal; absence is left to the looks that follow."""
        sheet = self._sheet(picture, job.rpartition("/")[2])
        there = {record.key: record for record in self._records(sheet)} if sheet else {}
        return [
            Outcome(draft.key, "done", there[draft.key].id, after=there[draft.key].values)
            if draft.key in there and not draft.id
            else Outcome(draft.key, "unknown", draft.id, "it does not show yet")
            for draft in drafts
        ]

    def delete(self, place: Place, picture: Picture, number: str) -> Outcome:
        """Take a line off its deal."""
        where = located(number)
        if where is None:
            return Outcome(number, "rejected", number, "this is no id of a line")
        try:
            with self._alone(where[0].id):
                sheet = self._sheet(picture, where[0].id)
                there = sheet.of(where[1]) if sheet else None
                if sheet is None or there is None:
                    return Outcome(number, "done", number)
                if there.place:
                    lines, marks = sheet.without(there)
                    answer = self._put(picture, sheet, [_again(line) for line in lines], marks)
                else:
                    answer = self._finished(picture, sheet)
        except Uncertain as error:
            return Outcome(number, "unknown", number, error.message)
        return Outcome(number, "rejected", number, answer) if isinstance(answer, str) else Outcome(number, "done", number)

    # ------------------------------------------------------------ looking

    def read(self, place: Place, picture: Picture, ids: Sequence[str]) -> list[Record]:
        """These, one look a deal."""
        where = [found for number in dict.fromkeys(ids) if (found := located(number))]
        there: dict[str, Record] = {}
        for deal in dict.fromkeys(parent.id for parent, _ in where):
            sheet = self._sheet(picture, deal)
            there |= {record.id: record for record in (self._records(sheet) if sheet else [])}
        return [there[number] for number in dict.fromkeys(ids) if number in there]

    def newest(self, place: Place) -> str:
        """Nothing tells."""
        del place
        return ""

    def sweep(self, place: Place, picture: Picture, *, since: str = "") -> Iterator[Record]:
        """The lines of all deals, which their views show beside them."""
        del since
        seen: set[str] = set()
        reader = self._around.reader
        for view in reader.views(self._deals):
            for raw in reader.pages.view(self._deals, view, "products"):
                if str(raw["id"]) not in seen:
                    seen.add(str(raw["id"]))
                    yield from self._records(self._read(picture, str(raw["id"]), raw))

    def bearing(self, place: Place, picture: Picture, keys: Collection[str], *, since: str) -> list[Record]:
        """Those that bear a key, by looking through all deals."""
        wanted = {key for key in keys if key}
        return [record for record in self.sweep(place, picture, since=since) if record.key in wanted] if wanted else []

    def find(self, place: Place, picture: Picture, field_: str, values: Iterable[str]) -> list[Record]:
        """Lines whose field is one of the values, by looking through all."""
        folded = {value.strip().casefold() for value in values}
        return [record for record in self.sweep(place, picture) if folded & held(record, field_)]

    def children(self, place: Place, number: str) -> list[tuple[str, str]]:
        """Nothing hangs on a line."""
        del place, number
        return []

    # ------------------------------------------------------------ inside

    def _alone(self, deal: str) -> threading.Lock:
        with self._guarding:
            return self._locks.setdefault(deal, threading.Lock())

    def _field(self, picture: Picture) -> str:
        """The key of the text that has our keys; Refused where it has not been made yet."""
        wire = picture.wires["deal"].get(LINES.name)
        if wire is None:
            raise Refused(
                f"{self._deals.spec.label} has no field {LINES.label!r}, so that no line could be found again",
                todo="run the provisioning phase, or let an administrator make this long text; then go on",
            )
        return wire.key

    def _sheet(self, picture: Picture, deal: str) -> Sheet | None:
        answer = self._around.asked(f"{self._deals.spec.path}/{deal}", params={"include": "products"})
        raw = wrapped(answer, self._deals) if answer else {}
        return self._read(picture, deal, raw) if str(raw.get("id")) == deal and not raw.get("is_deleted") else None

    def _read(self, picture: Picture, deal: str, raw: Raw) -> Sheet:
        return sheet_of(deal, raw, str((raw.get("custom_field") or {}).get(self._field(picture)) or ""))

    def _address(self, deal: str, number: str) -> str:
        return address(Parent("Deal", deal), number)

    def _records(self, sheet: Sheet) -> list[Record]:
        updated = str(sheet.raw.get("updated_at") or "")
        return [
            Record(self._address(sheet.deal, each.number), each.key, self._values(sheet.deal, each.line, each.key), updated)
            for each in sheet.entries()
        ]

    def on(self, picture: Picture, deal: str) -> list[str]:
        """The ids of all lines of a deal."""
        sheet = self._sheet(picture, deal)
        return [record.id for record in self._records(sheet)] if sheet else []

    def of_product(self, picture: Picture, product: str) -> list[str]:
        """The ids of all lines of a product, by a look through all deals that serves for a few seconds.

        Without the field for our keys none of them is ours, and each is told by its deal and its place.
        """
        with self._guarding:
            at, sold = self._sold
            if not sold or time.monotonic() - at > FRESH:
                at, sold = time.monotonic(), {}
                for id_, of in self._all(picture):
                    sold.setdefault(of, []).append(id_)
                self._sold = (at, sold)
            return list(dict.fromkeys(sold.get(product, [])))

    def _all(self, picture: Picture) -> Iterator[tuple[str, str]]:
        """The id and the product of each line of the account."""
        if LINES.name in picture.wires["deal"]:
            yield from ((record.id, str(record.values["product"])) for record in self.sweep(self._deals, picture))
            return
        for view in self._around.reader.views(self._deals):
            for raw in self._around.reader.pages.view(self._deals, view, "products"):
                rows = enumerate(raw.get("products") or [], start=1)
                yield from ((f"{raw['id']}/{place}", product_of(line)) for place, line in rows)

    def _values(self, deal: str, line: Mapping[str, Any], key: str) -> dict[str, Value]:
        values: dict[str, Value] = {"deal": deal, "product": product_of(line), "migration_key": key or None}
        values |= {name: None if line.get(name) is None else plain_number(line[name]) for name in NUMBERS}
        percent = line.get("discount_type") == self._dials.percent_discount
        return {**values, "discount_type": None if line.get("discount_type") is None else PERCENT if percent else AMOUNT}

    def _fields(self, draft: Draft) -> Raw:
        """What a draft says of its line, as the API takes it."""
        said: Raw = {}
        for name in NUMBERS:
            if (value := draft.values.get(name)) not in (None, ""):
                said[name] = _number(value)
        kind = draft.values.get("discount_type")
        if kind not in (None, "", PERCENT, AMOUNT):
            raise Unfit(f"a discount is {PERCENT} or {AMOUNT}, not {kind!r}")
        if kind:
            percent = self._dials.percent_discount
            said["discount_type"] = percent if kind == PERCENT else 3 - percent
        return said

    def _needed_product(self, draft: Draft) -> str:
        product = str(draft.values.get("product") or "")
        if not product.isdecimal():
            raise Unfit(f"a line names a product of the account, and {product or 'none'!r} is named")
        return product


def _plain(lines: Iterable[Raw]) -> float | None:
    """What lines come to; None where it takes more than price times pieces to tell."""
    rows = list(lines)
    if any(row.get(name) for row in rows for name in ("discount", "setup_fee")):
        return None
    return sum(float(row.get("unit_price") or 0) * float(row.get("quantity") or 1) for row in rows)


def _again(line: Mapping[str, Any]) -> Raw:
    """A line as it is sent once more, so that it stays."""
    return {"id": int(product_of(line)), **{name: line[name] for name in KEPT if line.get(name) is not None}}


def _number(value: object) -> float | int:
    try:
        text = plain_number(value)
    except ValueError:
        raise Unfit(f"{value!r} is no number") from None
    return float(text) if "." in text else int(text)
