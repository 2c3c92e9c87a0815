"""How Freshsales reads and writes single values: moments, days, money, and the types of custom fields."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

JS_DATE = re.compile(r"^[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d{1,2}) (\d{4}) (\d\d:\d\d:\d\d) GMT([+-]\d{4})(?: \(.*\))?$")
LONGEST = {"text": 256, "textarea": 10_000, "radio": 256, "dropdown": 256}
MOST_MONEY = Decimal(10) ** 15
DAY = re.compile(r"^\d{4}-\d\d-\d\d$")


def moment_out(seconds: float, zone: tzinfo | None, *, classic: bool) -> str:
    """Seconds since 1970 as the account shows them: with its own offset in Suite, in UTC with a Z in Classic."""
    if classic:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return datetime.fromtimestamp(seconds, zone).isoformat(timespec="seconds")


def moment_in(value: object, zone: tzinfo | None) -> float | None:
    """ISO 8601 or the text of a JavaScript date in seconds since 1970; a moment without offset is the account's."""
    if not isinstance(value, str):
        return None
    script = JS_DATE.match(value)
    if script:
        month, day, year, clock, offset = script.groups()
        value = datetime.strptime(f"{day} {month} {year} {clock} {offset}", "%d %b %Y %H:%M:%S %z").isoformat()
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()


def day_in(value: object, zone: tzinfo | None) -> str | None:
    """A day as ``YYYY-MM-DD``; of a moment, its day in the account's zone."""
    if isinstance(value, str) and DAY.match(value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            return None
    seconds = moment_in(value, zone)
    return None if seconds is None else datetime.fromtimestamp(seconds, zone).date().isoformat()


def id_in(value: object) -> int | None:
    """An id given as a number or as digits; the vendor's have 64 bits."""
    text = str(value)
    fits = (
        isinstance(value, int | str) and not isinstance(value, bool) and text.isascii() and text.isdecimal() and len(text) < 19
    )
    return int(text) if fits else None


def rows_in(value: object) -> list[dict[str, Any]] | None:
    """A JSON list of objects; none for anything else."""
    return value if isinstance(value, list) and all(isinstance(row, dict) for row in value) else None


def money_in(value: object) -> str | None:
    """An amount as Freshsales writes it: ``5600`` becomes ``5600.0``."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    if not amount.is_finite() or abs(amount) >= MOST_MONEY:
        return None
    text = format(amount.normalize(), "f")
    return text if "." in text else f"{text}.0"


def number_in(value: object) -> float | None:
    """A finite number given as one or as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def keys(text: str) -> tuple[str, ...]:
    """Words of a text, for lists that are easier to read as one."""
    return tuple(text.split())


Reading = Callable[[object], object | None]
"""Turns a given value into the stored one; none where the type does not allow it."""


def readings(zone: tzinfo | None, *, strict: bool) -> Mapping[str, Reading]:
    """How each type of custom field reads a value, choices apart. Without ``strict`` numbers may come as text."""

    def text(value: object) -> object | None:
        if isinstance(value, int | float) and not isinstance(value, bool) and not strict:
            return str(value)
        return value if isinstance(value, str) else None

    def number(value: object) -> object | None:
        if isinstance(value, str) and not strict:
            value = _number(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        return value if abs(value) < 10**11 else None

    def checkbox(value: object) -> object | None:
        if not strict and value in ("true", "false"):
            return value == "true"
        return value if isinstance(value, bool) else None

    def moment(value: object) -> object | None:
        seconds = moment_in(value, zone)
        return None if seconds is None else moment_out(seconds, UTC, classic=True)

    def several(value: object) -> object | None:
        labels = value.split(";") if isinstance(value, str) else value
        if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
            return None
        return [label.strip() for label in labels if label.strip()]

    def lookup(value: object) -> object | None:
        return id_in(value)

    return {
        "text": text,
        "textarea": text,
        "dropdown": text,
        "radio": text,
        "number": number,
        "decimal": number,
        "checkbox": checkbox,
        "date": lambda value: day_in(value, zone),
        "date_time_split": moment,
        "multi_select_dropdown": several,
        "lookup": lookup,
    }


def _number(text: str) -> float | int | None:
    try:
        return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
    except ValueError:
        return None
