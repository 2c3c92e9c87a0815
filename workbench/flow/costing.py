"""What moving records of one object costs by the prices of a destination: the load, the looks before it, the reading back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from workbench.destinations import Spent
from workbench.destinations.limits.pricing import Prices, prices_of, rows_in_one_call
from workbench.ledger.loading.drafts import SCREENED
from workbench.specs import DestinationSpec, Scalar

__all__ = ["Amount", "Cost", "cost", "total"]

SEEN_SINGLY = 20
"""How many records of a sweep cost as much as one that is read by its id: see `flow.sides`."""


@dataclass(frozen=True)
class Amount:
    """So many records of one object; `notes` is what they would come to, folded under their parents."""

    label: str
    object: str  # as the account keeps it
    records: int
    notes: int = 0
    made: int = 0  # of them over there already, by our own hand
    changed: int = 0  # of those, how many a later delivery changes
    found: tuple[tuple[int, int], ...] = ()  # values that are looked for first, and how many records of ours are there then
    before: int = 0  # records of ours in the same list when the turn comes to these
    whole: int | None = None  # and at the end of the load; the sum of the others where it is left out
    opens: bool = True  # nothing was asked about the list before
    first: bool = True  # no other feed makes records of the object before
    last: bool = True  # nor after it, so that the object is held against the ledger
    marked: bool = False  # an earlier run has made some
    others: int = 0  # records in the same list that are not ours, as far as anybody has looked
    compared: bool = True  # everything is read back and compared, as the first load of a delivery does
    hosts: int = 0  # records that these hang on
    first_hosts: int = 0  # and those that the first few of them hang on, of which nothing may be there yet
    all_hosts: int = 0  # records that these and the ones before them of the object hang on
    beside: tuple[tuple[str, int], ...] = ()  # lists that show these beside their own records, and how long they become
    unopened: tuple[str, ...] = ()  # of those lists the ones that nothing else asks for

    @property
    def new(self) -> int:
        """Records to be made."""
        return self.records - self.made


@dataclass(frozen=True)
class Cost:
    """Calls and tokens by what they are for."""

    load: Spent = field(default_factory=Spent)  # changes, and looks at their jobs
    looks: Spent = field(default_factory=Spent)  # what is there already, and what it held
    back: Spent = field(default_factory=Spent)  # ids, the certificate, and the comparison of every field

    @property
    def calls(self) -> int:
        return self.load.calls + self.looks.calls + self.back.calls

    @property
    def tokens(self) -> int:
        return self.load.tokens + self.looks.tokens + self.back.tokens

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.load + other.load, self.looks + other.looks, self.back + other.back)


def cost(spec: DestinationSpec, amount: Amount, settings: Mapping[str, Scalar]) -> Cost:
    """What moving an amount costs. Records of others, of which nothing is known beforehand, make lists longer than this."""
    prices, name = prices_of(spec, settings), amount.object
    load = prices.writes(name, amount.new) + prices.writes(name, amount.changed, kind="update")
    looks = _looks(prices, amount, rows=rows_in_one_call(spec.objects[name], settings)) + _images(prices, amount)
    back = _back(prices, amount)
    if amount.opens:  # one client loads, another one reads back
        begin = prices.begin(name)
        looks, back = (looks + begin, back) if amount.new or amount.changed else (looks, back + begin)
        back += begin if amount.compared else Spent()
    return Cost(load, looks, back)


def total(spec: DestinationSpec, wanted: Iterable[Amount], settings: Mapping[str, Scalar]) -> Cost:
    """What all amounts cost together."""
    return sum((cost(spec, each, settings) for each in wanted), Cost())


def _looks(prices: Prices, amount: Amount, *, rows: int) -> Spent:
    """Before anything is made: whether somebody has made it already, or has our ledger, and how far the list goes."""
    name, new = amount.object, amount.new
    if prices.scattered(name):
        return prices.calls(name, "get", amount.first_hosts if new and amount.first else 0)
    looks = prices.names(name, new)
    for values, there in amount.found:
        looks += prices.find(name, values, there=there + amount.others)
    if new and amount.first and amount.beside:
        return looks + _beside(prices, amount) + _opened(prices, amount)
    if new and amount.first:
        keys = min(new, rows if amount.marked else SCREENED)
        looks += prices.bearing(name, keys, there=amount.before, known=not amount.opens)
        looks += Spent() if amount.marked else prices.newest(name)
    return looks


def _images(prices: Prices, amount: Amount) -> Spent:
    """Before anything is changed: what stands there now, to be compared, and once more right before the change."""
    if not amount.changed:
        return Spent()
    name, there = amount.object, amount.before + amount.others
    images = prices.read(name, amount.changed, there=there)
    return images + (prices.sweep(name, there=there) if amount.changed * SEEN_SINGLY > amount.made else images)


def _back(prices: Prices, amount: Amount) -> Spent:
    """A sweep for ids that no answer tells, one for the certificate, and one for the comparison of every field."""
    name, there = amount.object, amount.before + amount.new
    swept = bool(amount.last or (amount.new and not prices.shows))
    if prices.scattered(name):
        return prices.calls(name, "get", swept * amount.all_hosts + amount.compared * amount.hosts)
    if amount.beside:
        looked = bool(amount.new and amount.first)
        begun = _opened(prices, amount) if amount.compared else Spent()
        begun += _opened(prices, amount) if swept and amount.first and not looked else Spent()
        return sum((_beside(prices, amount) for _ in range(swept + amount.compared)), begun)
    whole = there if amount.whole is None else amount.whole
    back = prices.sweep(name, there=there) if swept else Spent()
    return back + (prices.sweep(name, there=whole + amount.others) if amount.compared else Spent())


def _beside(prices: Prices, amount: Amount) -> Spent:
    """Reading the lists that show these beside their own records."""
    return sum((prices.sweep(name, there=there) for name, there in amount.beside), Spent())


def _opened(prices: Prices, amount: Amount) -> Spent:
    """What a client's first look at those lists costs beside the look itself, as far as nothing else has begun them."""
    return sum((prices.begin(name) for name in amount.unopened), Spent())
