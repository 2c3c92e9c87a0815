"""Recipes for numbers: exact, never rounded, never read out of something that is not one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Literal

from workbench.recipes.cells import DECIMAL_TAIL, SCIENTIFIC, Cell, CellRecipe, kept, positive, refused
from workbench.recipes.texts import one_line

Mark = Literal[".", ","]
NumberReader = Callable[[str], str | None]

DOLLARS = frozenset({"USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN"})
SYMBOLS = {
    "$": DOLLARS,
    "US$": frozenset({"USD"}),
    "CA$": frozenset({"CAD"}),
    "C$": frozenset({"CAD"}),
    "AU$": frozenset({"AUD"}),
    "A$": frozenset({"AUD"}),
    "NZ$": frozenset({"NZD"}),
    "€": frozenset({"EUR"}),
    "£": frozenset({"GBP"}),
    "¥": frozenset({"JPY", "CNY"}),
    "₹": frozenset({"INR"}),
    "zł": frozenset({"PLN"}),
    "kr": frozenset({"SEK", "NOK", "DKK"}),
}
"""What a sign of money can stand for."""

CURRENCY = r"(?:(?:US|CA|C|AU|A|NZ)?\$|€|£|¥|₹|zł|kr|[A-Z]{3})"
NUMBER = r"\d[\d.,'’ ]*|[.,]\d+"
MONEY = re.compile(
    rf"(?P<open>\()?\s*(?P<minus>[-+])?\s*(?P<before>{CURRENCY})?\s*(?P<sign>[-+])?\s*(?P<number>{NUMBER})"
    rf"\s*(?P<after>{CURRENCY})?\s*(?P<close>\))?"
)


LONGEST = 4_000
"""Digits of the longest whole number that is taken for one; Python itself reads no more than 4,300."""


def number_reader(mark: Mark) -> NumberReader:
    """A function from text to digits with a point, grouping taken out; None where the text is not one number.

    Groups must be three digits long and separated alike all through: ``1,5`` is not fifteen.
    """
    group, point = ("," if mark == "." else "."), re.escape(mark)
    grouped = rf"\d{{1,3}}(?P<sep>[{re.escape(group)}'’ ])\d{{3}}(?:(?P=sep)\d{{3}})*"
    shape = re.compile(rf"(?P<sign>[-+])?(?:(?P<whole>{grouped}|\d+)(?:{point}(?P<part>\d+))?|{point}(?P<bare>\d+))")

    def read(text: str) -> str | None:
        found = shape.fullmatch(text)
        if found is None:
            return None
        whole = _plain_digits("".join(each for each in found["whole"] or "0" if each.isdigit()))
        part = _plain_digits(found["part"] or found["bare"] or "")
        return ("-" if found["sign"] == "-" else "") + whole + (f".{part}" if part else "")

    return read


def _plain_digits(digits: str) -> str:
    """The same digits as ASCII has them, whatever script they were written in."""
    return digits if digits.isascii() else "".join(str(unicodedata.decimal(each)) for each in digits)


def _unread(text: str, mark: Mark, reason: str) -> Cell:
    """Why the text is not a number: the commonest mistakes by name."""
    if SCIENTIFIC.fullmatch(text):
        return refused("damaged_by_excel")
    if text.endswith("%"):
        return refused("percent_sign")
    other: Mark = "," if mark == "." else "."
    return refused("decimal_mark_differs" if number_reader(other)(text) else reason)


def integer(*, decimal_mark: Mark = ".", max_digits: int | None = None) -> CellRecipe:
    """A whole number; ``50%``, ``02134`` and ``1.5`` are rejected, not bent."""
    positive(max_digits, "max_digits")
    read = number_reader(decimal_mark)

    def cell(raw: str) -> Cell:
        text = one_line(raw)
        number = read(text)
        if number is None:
            return _unread(text, decimal_mark, "not_an_integer")
        whole, _, part = number.partition(".")
        digits = whole.lstrip("-")
        if part.strip("0"):
            return refused("not_an_integer")
        if len(digits) > 1 and digits.startswith("0"):
            return refused("leading_zero")
        if len(digits) > (max_digits or LONGEST):
            return refused("too_many_digits")
        return kept(int(whole), "decimal_trimmed" if part else None)

    return cell


def decimal(*, decimal_mark: Mark = ".", max_digits: int | None = None, max_decimals: int | None = None) -> CellRecipe:
    """An exact decimal as plain text with a point (``1,234.50`` becomes ``1234.50``); nothing is rounded."""
    positive(max_digits, "max_digits")
    read = number_reader(decimal_mark)

    def cell(raw: str) -> Cell:
        text = one_line(raw)
        number = read(text)
        if number is None:
            return _unread(text, decimal_mark, "not_a_number")
        return _within(number, max_digits, max_decimals)

    return cell


def _within(number: str, max_digits: int | None, max_decimals: int | None) -> Cell:
    whole, _, part = number.lstrip("-").partition(".")
    if len(whole) > 1 and whole.startswith("0"):
        return refused("leading_zero")
    if max_digits is not None and len(whole) > max_digits:
        return refused("too_many_digits")
    if max_decimals is not None and len(part.rstrip("0")) > max_decimals:
        return refused("too_many_decimals")
    return kept(number)


def money(*, decimal_mark: Mark = ".", currency: str | None = None) -> CellRecipe:
    """An amount as plain text with two decimals or as many as were given; ``$1,200/mo`` is not an amount.

    The sign of a currency is taken off with a note; where ``currency`` says which one is expected, an amount in
    another is rejected.
    """
    read = number_reader(decimal_mark)

    def cell(raw: str) -> Cell:
        text = one_line(raw)
        found = MONEY.fullmatch(text)
        if found is None or bool(found["open"]) != bool(found["close"]) or (found["minus"] and found["sign"]):
            return _unread(text, decimal_mark, "not_an_amount")
        number = read(found["number"].strip())
        if number is None:
            return _unread(found["number"].strip(), decimal_mark, "not_an_amount")
        if len(number) > 1 and number[0] == "0" and number[1] != ".":
            return refused("leading_zero")
        marks = [mark for mark in (found["before"], found["after"]) if mark]
        if currency is not None and not all(_stands_for(mark, currency.upper()) for mark in marks):
            return refused("other_currency")
        negative = bool(found["open"]) or "-" in (found["minus"], found["sign"])
        amount = ("-" if negative else "") + _two_places(number)
        return kept(amount, "currency_dropped" if marks and currency is None else None)

    return cell


def _stands_for(mark: str, currency: str) -> bool:
    return currency in SYMBOLS[mark] if mark in SYMBOLS else mark == currency


def _two_places(number: str) -> str:
    whole, _, part = number.partition(".")
    return f"{whole}.{part.ljust(2, '0')}"


def percent(*, decimal_mark: Mark = ".", bare: Literal["percent", "fraction", "mixed"] = "percent") -> CellRecipe:
    """A percentage as a plain number of hundredths: ``85%`` becomes ``85``.

    ``bare`` says what a number without the sign means. What the rule does not settle is rejected as
    ``ambiguous_percent``: 0.85 where percents are expected, 85 where fractions are, and 1 where both may stand.
    """
    read = number_reader(decimal_mark)

    def cell(raw: str) -> Cell:
        text = one_line(raw)
        signed = text.endswith("%")
        number = read(text.removesuffix("%").strip())
        if number is None:
            return _unread(text.removesuffix("%").strip(), decimal_mark, "not_a_number")
        bare_digits = number.removeprefix("-")
        if len(bare_digits) > 1 and bare_digits[0] == "0" and bare_digits[1] != ".":
            return refused("leading_zero")
        value = Decimal(number)
        if signed or value == 0:
            return kept(number)
        fraction = abs(value) < 1 or (bare == "fraction" and abs(value) == 1)
        if fraction is not (bare == "fraction") and (bare != "mixed" or abs(value) == 1):
            return refused("ambiguous_percent")
        if bare == "mixed" and abs(value) == 1:
            return refused("ambiguous_percent")
        return kept(_plain(value * 100), "fraction_scaled") if fraction else kept(number)

    return cell


def _plain(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration_seconds() -> CellRecipe:
    """Seconds as a whole number, out of seconds, ``mm:ss``, ``hh:mm:ss`` or ``1h 2m 3s``."""
    clock = re.compile(r"(?:(\d+):)?(\d{1,3}):([0-5]\d)(?:\.0+)?")
    words = re.compile(r"(?:(\d+)\s*h(?:ours?|rs?)?)?\s*(?:(\d+)\s*m(?:in(?:ute)?s?)?)?\s*(?:(\d+)\s*s(?:ec(?:ond)?s?)?)?")

    def cell(raw: str) -> Cell:
        text = one_line(raw).casefold()
        if len(text) > LONGEST:
            return refused("not_a_duration")
        if text.isascii() and text.isdigit():
            return kept(int(text))
        if DECIMAL_TAIL.fullmatch(text) and not text.startswith("-"):
            return kept(int(text.split(".")[0]), "decimal_trimmed")
        found = clock.fullmatch(text) or (words.fullmatch(text) if text else None)
        if found is None or (found.re is clock and found[1] and int(found[2]) > 59):
            return refused("damaged_by_excel" if SCIENTIFIC.fullmatch(text) else "not_a_duration")
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return kept(hours * 3600 + minutes * 60 + seconds)

    return cell
