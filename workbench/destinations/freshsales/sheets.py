"""A deal of Freshsales with its lines, and the text in which it keeps our keys of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote

from workbench.destinations.freshsales.hanging import Raw
from workbench.destinations.freshsales.marker import PENDING, pending
from workbench.destinations.freshsales.records import Unfit

__all__ = ["GONE", "KEPT", "NEW", "Entry", "Mark", "Sheet", "over", "product_of", "sheet_of", "text_of"]

KEPT = ("quantity", "unit_price", "setup_fee", "discount", "discount_type", "billing_type", "billing_cycle")
"""What a line holds beside its product."""
NEW, GONE = "new", "gone"
LONGEST = 10_000
SAFE = ":/._-~@+,="


@dataclass(frozen=True)
class Mark:
    """Our key of a line, and the number that we gave it; the line is the so-many-th one of its product on the deal.

    The API's own number of a line changes where a product stands on a deal more than once.
    """

    key: str
    product: str
    place: int  # 0 where the line is gone
    number: str
    state: str = ""  # NEW or GONE until the amount of the deal stands again
    held: str = ""  # what a line that goes holds, as JSON

    def text(self) -> str:
        """The line of text that says so."""
        words = [quote(self.key, safe=SAFE), self.product, str(self.place), self.number, self.state, quote(self.held, safe="")]
        return " ".join(words).rstrip()


@dataclass(frozen=True)
class Entry:
    """A line with its number, and our key of it; the number of a line of others is the API's."""

    number: str
    key: str
    line: Raw
    place: int  # among the lines of its product

    @property
    def product(self) -> str:
        return product_of(self.line)


@dataclass(frozen=True)
class Sheet:
    """A deal with its lines and our keys of them."""

    deal: str
    raw: Raw
    lines: tuple[Raw, ...]
    marks: tuple[Mark, ...]
    amount: str = ""  # that the deal has to get back, where a change is under way

    def entries(self) -> list[Entry]:
        """The lines in their order: without one that comes, with one that goes."""
        known = {(mark.product, mark.place): mark for mark in self.marks}
        found = []
        for line, place in _counted(self.lines):
            mark = known.get((product_of(line), place))
            if mark is None or mark.state != NEW:
                found.append(Entry(mark.number if mark else str(line["association_id"]), mark.key if mark else "", line, place))
        going = [mark for mark in self.marks if mark.state == GONE]
        return found + [Entry(mark.number, mark.key, {"product_id": mark.product, **_held(mark)}, 0) for mark in going]

    def of(self, number: str) -> Entry | None:
        """The line of that number, if it is there."""
        return next((entry for entry in self.entries() if entry.number == number), None)

    def without(self, gone: Entry) -> tuple[list[Raw], list[Mark]]:
        """Lines and marks when one line is taken away: later ones of its product move up, and its own says that it goes."""
        marks = []
        for mark in self.marks:
            if (mark.product, mark.place) == (gone.product, gone.place):
                held = json.dumps({name: gone.line.get(name) for name in KEPT if gone.line.get(name) is not None})
                marks.append(replace(mark, place=0, state=GONE, held=held))
            else:
                moves = mark.product == gone.product and mark.place > gone.place
                marks.append(replace(mark, place=mark.place - 1) if moves else mark)
        return [line for line in self.lines if line is not gone.line], marks


def sheet_of(deal: str, raw: Raw, text: str) -> Sheet:
    """A deal as the account shows it, with what its text says of us."""
    lines = tuple(line for line in raw.get("products") or [] if isinstance(line, dict) and line.get("association_id"))
    return Sheet(deal, raw, lines, tuple(_marks(text)), pending(text))


def _marks(text: str) -> Iterator[Mark]:
    """Our keys out of the text of a deal; what people wrote into it is none of them."""
    for line in text.splitlines():
        words = line.split()
        if 4 <= len(words) <= 6 and all(word.isascii() and word.isdecimal() for word in words[1:4]):
            state, held = [*words[4:], "", ""][:2]
            yield Mark(unquote(words[0]), words[1], int(words[2]), words[3], state, unquote(held))


def _held(mark: Mark) -> Raw:
    try:
        found = json.loads(mark.held or "{}")
    except ValueError:  # somebody has written into the text
        return {}
    return found if isinstance(found, dict) else {}


def over(marks: Iterable[Mark]) -> list[Mark]:
    """The marks once nothing is under way any more."""
    return [replace(mark, state="") for mark in marks if mark.state != GONE]


def text_of(marks: Iterable[Mark], amount: str) -> str:
    """What the deal keeps of us. Raises Unfit where it does not fit."""
    text = "\n".join([*([f"{PENDING} {amount}"] if amount else []), *(mark.text() for mark in marks)])
    if len(text) > LONGEST:
        raise Unfit(f"the deal has so many lines that our keys of them take {len(text):,} characters, and {LONGEST:,} fit")
    return text


def _counted(lines: Sequence[Raw]) -> Iterator[tuple[Raw, int]]:
    """Each line, and the how-many-th of its product it is."""
    seen: Counter[str] = Counter()
    for line in lines:
        seen[product_of(line)] += 1
        yield line, seen[product_of(line)]


def product_of(line: Mapping[str, Any]) -> str:
    """Id of the product of a line."""
    return str(line.get("product_id") or line.get("id") or "")
