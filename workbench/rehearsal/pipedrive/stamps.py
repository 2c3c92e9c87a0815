"""Moments as a client of Pipedrive writes them and as v2 shows them, and addresses with all their parts."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from workbench.rehearsal.engine import Json

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")
SPACED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
NO_DAY = "0000-00-00"
"""What an emptied date is stored as."""
ADDRESS_PARTS = (
    "value",
    "country",
    "admin_area_level_1",
    "admin_area_level_2",
    "locality",
    "sublocality",
    "route",
    "street_number",
    "subpremise",
    "postal_code",
)


def shown_moment(seconds: float | None) -> str | None:
    """Seconds since 1970 as v2 writes them."""
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(text: object) -> float | None:
    """Seconds since 1970 of either written form, without a zone in UTC; none where it is no moment."""
    if not isinstance(text, str) or not (RFC_3339.fullmatch(text) or SPACED.fullmatch(text)):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).timestamp()
    except (ValueError, OverflowError):  # the first and the last day of the calendar, seen from another zone
        return None


def written_moment(value: object) -> str | None:
    """The check of a moment in a body: RFC 3339, or ``YYYY-MM-DD HH:MM:SS`` in UTC."""
    if not isinstance(value, str):
        return "The value is not a valid 'string'"
    return None if seconds_of(value) is not None else "The value is not a valid datetime"


def clearable_day(value: object) -> str | None:
    """A day, or the empty text, which is stored as 0000-00-00; null is refused."""
    if not isinstance(value, str):
        return "The value is not a valid 'string'"
    if value in ("", NO_DAY):
        return None
    try:
        date.fromisoformat(value)
    except ValueError:
        return "The value is not a valid 'date'"
    return None if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else "The value is not a valid 'date'"


def kept_day(value: str) -> str:
    """A day as it is stored."""
    return value or NO_DAY


def whole_address(given: Json) -> Json:
    """Every part of an address: what was not sent is null, whatever was there before."""
    parts = {part: given.get(part) for part in ADDRESS_PARTS}
    return {**parts, "formatted_address": given.get("formatted_address") or given.get("value")}


def pruned(body: Json) -> Json:
    """A body without empty values, so that a value emptied again leaves no trace."""
    return {key: value for key, value in body.items() if value is not None and value != [] and value != {} and value != ""}
