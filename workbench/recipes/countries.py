"""Which country the telephone numbers of a column are of, where they do not say so themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import phonenumbers

__all__ = ["Countries", "countries_of", "foreign_prefix"]

LOOKED_AT = 200
"""Numbers without a country that are tried in every country: enough to tell, and done in a moment."""

ENOUGH = 5
"""Numbers below which nothing is concluded."""

DOUBTED = 0.8
"""Share of numbers that a country's plan has to know before they are taken for that country's without a question."""


@dataclass(frozen=True)
class Countries:
    """What a column says of countries.

    ``stated`` counts the countries of numbers that name one, ``national`` the numbers that name none, and ``fits`` is
    the share of these that each country's numbering plan knows; it is only filled where the expected one is in doubt.
    """

    expected: str
    stated: Mapping[str, int]
    national: int
    known: float  # share of the numbers without a country that the expected country's plan knows
    fits: Mapping[str, float]

    @property
    def doubtful(self) -> bool:
        """Whether somebody should be asked: the plan does not know them, or those that name a country are of another."""
        elsewhere = sum(self.stated.values()) - self.stated.get(self.expected, 0)
        foreign = sum(self.stated.values()) >= ENOUGH and elsewhere * 2 > sum(self.stated.values())
        return self.national >= ENOUGH and (self.known < DOUBTED or foreign)

    @property
    def likely(self) -> tuple[str, ...]:
        """The countries that fit, the likeliest first: those that other numbers state, then those whose plan knows most."""
        order = sorted(self.fits, key=lambda each: (-self.stated.get(each, 0), -self.fits[each], each))
        return tuple(each for each in order if self.fits[each] >= DOUBTED or each == self.expected)


def countries_of(texts: Iterable[str], *, expected: str) -> Countries:
    """What these texts say of countries; ``expected`` is the one that is supposed of numbers that name none."""
    stated: Counter[str] = Counter()
    national: list[str] = []
    for text in texts:
        number = _read(text, None)
        if number is None:
            national.append(text)
        elif phonenumbers.is_valid_number(number):
            stated[str(phonenumbers.region_code_for_number(number))] += 1
    tried = [text for text in national if any(char.isdigit() for char in text)][:LOOKED_AT]
    known = _share(tried, expected)
    found = Countries(expected, dict(stated), len(tried), known, {})
    if not found.doubtful:
        return found
    fits = {region: _share(tried, region) for region in sorted(phonenumbers.SUPPORTED_REGIONS)}
    return Countries(expected, dict(stated), len(tried), known, fits)


def foreign_prefix(text: str, region: str) -> bool:
    """Whether a number begins with 0 as no number of this country does: in North America, say, which dials 1 first."""
    trunk = _trunk(region)
    digits = "".join(char for char in text if char.isdigit())
    return trunk not in (None, "", "0") and digits.startswith("0") and "+" not in text


def _share(texts: list[str], region: str) -> float:
    """Share of the texts that are numbers of a country's plan, written as that country writes them."""
    if not texts:
        return 1.0
    return sum(_of(text, region) for text in texts) / len(texts)


def _of(text: str, region: str) -> bool:
    number = _read(text, region)
    if number is None or foreign_prefix(text, region):
        return False
    lacks = _trunk(region) == "0" and not text.lstrip(" (").startswith("0")
    return not lacks and phonenumbers.is_valid_number_for_region(number, region)


def _trunk(region: str) -> str | None:
    """What is dialled before a number inside its country."""
    plan = phonenumbers.PhoneMetadata.metadata_for_region(region)
    return plan.national_prefix if plan is not None else None


def _read(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    plain = text.strip()
    if region is None and plain.startswith("00"):
        plain = "+" + plain[2:]  # dialled from most countries
    try:
        return phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        return None
