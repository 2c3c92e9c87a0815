"""What a Pipedrive body or query string may hold, and the vendor's words for what it may not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from workbench.rehearsal.engine import Json

Check = Callable[[object], str | None]
"""What is wrong with a value, in the vendor's words, or none."""

SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")


@dataclass(frozen=True, slots=True)
class Shape:
    """The keys of an object; strict unless ``open``, as everything of v2 is."""

    keys: Mapping[str, Check]
    required: tuple[str, ...] = ()
    open: bool = False
    words: Mapping[str, str] = field(default_factory=dict)  # the vendor's own words where a required key is missing

    def problems(self, given: Json) -> list[str]:
        """``<key>: <what is wrong>`` for each key, in the order in which they were sent."""
        found = [
            f"{key}: {self.words.get(key, 'The value is required')}" for key in self.required if given.get(key) in (None, "")
        ]
        missing = {text.partition(":")[0] for text in found}
        for key, value in given.items():
            if key in missing:
                continue
            check = self.keys.get(key)
            if check is not None:
                wrong = check(value)
            else:
                wrong = None if self.open else f"Parameter '{key}' is not allowed for this request"
            if wrong:
                found.append(f"{key}: {wrong}")
        return found


def _not(kind: str) -> str:
    return f"The value is not a valid '{kind}'"


def text(value: object) -> str | None:
    """A text, an empty one too."""
    return None if isinstance(value, str) else _not("string")


def integer(value: object) -> str | None:
    """A whole number that a double holds without loss; neither ``true`` nor ``1.0``."""
    return None if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53 else _not("integer")


def number(value: object) -> str | None:
    """Any number but the infinite ones, which ``1e999`` would be."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    return None if good else _not("number")


def boolean(value: object) -> str | None:
    """``true`` or ``false``, not 0 or 1."""
    return None if isinstance(value, bool) else _not("boolean")


def anything(value: object) -> str | None:
    """No check: the key alone is known."""
    return None


def day(value: object) -> str | None:
    """``YYYY-MM-DD`` that the calendar has."""
    try:
        good = isinstance(value, str) and DAY.fullmatch(value) and date.fromisoformat(value)
    except ValueError:
        good = False
    return None if good else _not("date") if isinstance(value, str) else _not("string")


def clock(value: object) -> str | None:
    """``HH:MM`` or ``HH:MM:SS``."""
    return None if isinstance(value, str) and CLOCK.fullmatch(value) else _not("time")


def moment(value: object) -> str | None:
    """RFC 3339 in whole seconds; with fractions the vendor refuses it."""
    try:
        good = isinstance(value, str) and SECONDS.fullmatch(value) and datetime.fromisoformat(value)
    except ValueError:
        good = False
    return None if good else "The value is not a valid datetime"


def one_of(*allowed: object) -> Check:
    """Exactly one of these values; the boolean is not the number 1."""

    def check(value: object) -> str | None:
        if any(value == item and type(value) is type(item) for item in allowed):
            return None
        return f"The value must be one of: {', '.join(map(str, allowed))}"

    return check


def nullable(check: Check) -> Check:
    """Null passes too."""
    return lambda value: None if value is None else check(value)


def between(check: Check, least: float, most: float) -> Check:
    """A number in a range, both ends included."""

    def ranged(value: object) -> str | None:
        wrong = check(value)
        if wrong or not isinstance(value, int | float):
            return wrong
        return None if least <= value <= most else f"The value must be between {least:g} and {most:g}"

    return ranged


def list_of(check: Check, *, most: int | None = None) -> Check:
    """A list whose items all pass."""

    def each(value: object) -> str | None:
        if not isinstance(value, list):
            return _not("array")
        if most is not None and len(value) > most:
            return f"The list may hold at most {most} items"
        return next((wrong for item in value if (wrong := check(item))), None)

    return each


def object_of(shape: Shape) -> Check:
    """An object within the body."""

    def inner(value: object) -> str | None:
        if not isinstance(value, dict):
            return _not("object")
        return next(iter(shape.problems(value)), None)

    return inner


def whole(value: object) -> str | None:
    """A whole number as it stands in a query string."""
    return None if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value) else _not("integer")


def flag(value: object) -> str | None:
    """``true`` or ``false`` in a query string; 1 and 0 pass as well."""
    return None if value in ("true", "false", "1", "0") else _not("boolean")


def words_of(*allowed: str) -> Check:
    """A comma list of these words in a query string."""

    def check(value: object) -> str | None:
        said = [word for word in str(value).split(",") if word]
        wrong = [word for word in said if word not in allowed]
        return f"The value must be one of: {', '.join(allowed)}" if wrong else None

    return check
