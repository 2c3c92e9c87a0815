"""Which country the telephone numbers of a column are of, where they do not say so themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

import phonenumbers

__all__ = ["Countries", "countries_of", "foreign_prefix", "region_named"]

LOOKED_AT = 200
"""Numbers without a country that are tried in every country: enough to tell, and done in a moment."""

ENOUGH = 5
"""Numbers below which nothing is concluded."""

NAMED = 0.1
"""Share of what names a country that has to name another one before numbers are doubted that are of both."""

DOUBTED = 0.8
"""Share of numbers that a country's plan has to know before they are taken for that country's without a question."""


SHORT: Mapping[str, str] = MappingProxyType(
    {"usa": "US", "u.s.": "US", "u.s.a.": "US"} | dict.fromkeys(("uk", "u.k.", "england", "scotland", "wales"), "GB")
)
"""What people call countries that is neither their name nor two letters."""


@dataclass(frozen=True)
class Countries:
    """What a column says of countries.

    ``stated`` counts the countries of numbers that name one, and those that records name beside their numbers;
    ``national`` counts the numbers that name none and stand in no such record. ``fits`` is the share of these that each
    country's numbering plan knows; it is only filled where the expected one is in doubt.
    """

    expected: str
    stated: Mapping[str, int]
    national: int
    known: float  # share of the numbers without a country that the expected country's plan knows
    fits: Mapping[str, float]
    twofold: Mapping[str, int]  # country → how many would be mobiles there and are none here: 0664 in Austria and Germany

    @property
    def doubtful(self) -> bool:
        """Whether somebody should be asked: the plan does not know them, what names a country names another, or both fit."""
        elsewhere = sum(self.stated.values()) - self.stated.get(self.expected, 0)
        foreign = sum(self.stated.values()) >= ENOUGH and elsewhere * 2 > sum(self.stated.values())
        return self.national >= ENOUGH and (self.known < DOUBTED or foreign or bool(self.twofold))

    @property
    def likely(self) -> tuple[str, ...]:
        """The countries that fit, the likeliest first: those that other numbers state, then those whose plan knows most."""
        order = sorted(self.fits, key=lambda each: (-self.stated.get(each, 0), -self.fits[each], each))
        return tuple(each for each in order if self.fits[each] >= DOUBTED or each == self.expected)


def countries_of(texts: Iterable[str], *, expected: str, named: Iterable[str] = ()) -> Countries:
    """What these texts say of countries; ``expected`` is the one that is supposed of numbers that name none.

    ``named`` are the countries that records name whose numbers are read by them, and stand not among the texts.
    """
    stated = Counter(named)
    national: list[str] = []
    for text in texts:
        number = _read(text, None)
        if number is None:
            national.append(text)
        elif phonenumbers.is_valid_number(number):
            stated[str(phonenumbers.region_code_for_number(number))] += 1
    tried = [text for text in national if any(char.isdigit() for char in text)][:LOOKED_AT]
    known = _share(tried, expected)
    often = max(2.0, NAMED * sum(stated.values()))
    twofold = {each: _twofold(tried, expected, each) for each, many in stated.items() if each != expected and many >= often}
    twofold = {each: many for each, many in twofold.items() if many >= ENOUGH}
    found = Countries(expected, dict(stated), len(tried), known, {}, twofold)
    if not found.doubtful:
        return found
    fits = {region: _share(tried, region) for region in sorted(phonenumbers.SUPPORTED_REGIONS)}
    return replace(found, fits=fits)


def _twofold(texts: list[str], expected: str, other: str) -> int:
    """How many of the texts are mobiles of the other country, and of the expected one anything else."""
    both = (text for text in texts if _of(text, expected) and _of(text, other))
    mobile = phonenumbers.PhoneNumberType.MOBILE
    return sum(_type(text, other) == mobile and _type(text, expected) != mobile for text in both)


def _type(text: str, region: str) -> int:
    number = _read(text, region)
    return phonenumbers.PhoneNumberType.UNKNOWN if number is None else phonenumbers.number_type(number)


def region_named(text: str) -> str | None:
    """The country that a record names, as two letters: AT for `AT`, `at`, `Austria`, `Österreich` or `Autriche`.

    Names are those of `phonenumbers` in its many languages; None where nothing is named, or several countries by one name.
    """
    plain = text.strip().casefold().removeprefix("the ")
    code = SHORT.get(plain, plain.upper())
    return code if code in phonenumbers.SUPPORTED_REGIONS else _names().get(plain) if len(plain) > 2 else None


@cache
def _names() -> Mapping[str, str]:
    # Imported for the tables that spell their countries out: it takes a third of a second.
    from phonenumbers.geodata.locale import LOCALE_DATA

    found: dict[str, set[str]] = {}
    for region, names in LOCALE_DATA.items():
        for name in names.values():
            if not name.startswith("*"):
                found.setdefault(name.casefold(), set()).add(region)
    return {name: regions.pop() for name, regions in found.items() if len(regions) == 1}


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
