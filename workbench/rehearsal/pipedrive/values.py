"""The sixteen types of a Pipedrive custom field: what a value must look like in v2, and how it is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zoneinfo import available_timezones

from workbench.rehearsal.engine import Json
from workbench.rehearsal.pipedrive.shapes import clock, day, integer
from workbench.rehearsal.pipedrive.stamps import ADDRESS_PARTS, whole_address

TYPES = (
    "varchar",
    "varchar_auto",
    "text",
    "double",
    "phone",
    "date",
    "daterange",
    "time",
    "timerange",
    "set",
    "enum",
    "address",
    "monetary",
    "org",
    "people",
    "user",
)
CHOSEN = ("enum", "set")
LONGEST = {"varchar": 255, "varchar_auto": 255, "phone": 255, "text": 65_535}
NAMED = {
    "varchar": "text",
    "varchar_auto": "autocomplete",
    "text": "large text",
    "double": "numerical",
    "phone": "phone",
    "date": "date",
    "daterange": "date range",
    "time": "time",
    "timerange": "time range",
    "set": "multiple options",
    "enum": "single option",
    "address": "address",
    "monetary": "monetary",
    "org": "organization",
    "people": "person",
    "user": "user",
}
"""Types as the vendor's refusals call them."""
LINKED = {"org": "organizations", "people": "persons", "user": "users"}
SUBFIELDS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "monetary": (("value", "Value", "double"), ("currency", "Currency", "varchar")),
    "daterange": (("value", "Start", "date"), ("until", "End", "date")),
    "time": (
        ("value", "Time", "time"),
        ("timezone_id", "Timezone ID", "int"),
        ("timezone_name", "Timezone name", "varchar"),
    ),
    "timerange": (
        ("value", "Start", "time"),
        ("until", "End", "time"),
        ("timezone_id", "Timezone ID", "int"),
        ("timezone_name", "Timezone name", "varchar"),
    ),
    "address": (
        ("value", "Address", "varchar"),
        ("country", "Country", "varchar"),
        ("admin_area_level_1", "State/county", "varchar"),
        ("admin_area_level_2", "Region", "varchar"),
        ("locality", "City/town/village/locality", "varchar"),
        ("sublocality", "District/sublocality", "varchar"),
        ("route", "Street/road name", "varchar"),
        ("street_number", "House number", "varchar"),
        ("subpremise", "Apartment/suite no", "varchar"),
        ("postal_code", "ZIP/Postal code", "varchar"),
        ("formatted_address", "Full/combined address", "varchar"),
    ),
}
"""Codes, names and types of the parts of a field whose value is an object."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A custom field as the check of its values needs it."""

    code: str
    type: str
    options: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What values depend on beside their field: the user's zone and currency, the account's currencies, what links exist."""

    zone: str
    currency: str
    currencies: frozenset[str]
    exists: Callable[[str, int], bool]  # kind, id
    zones: tuple[str, ...] = field(default_factory=lambda: tuple(sorted(available_timezones())))

    def zone_id(self, name: str) -> int:
        return self.zones.index(name) + 1


def kept(wanted: Wanted, value: object, around: Surroundings) -> tuple[object, str | None]:
    """The value as it is kept and shown, or what is wrong with it; null empties a field of any type."""
    if value is None:
        return None, None
    kind = wanted.type
    if isinstance(value, dict) and kind not in SUBFIELDS:
        return None, "Invalid collection"
    if isinstance(value, list) and kind != "set":
        return None, "Invalid collection"
    if kind in LONGEST:
        return value, _text(wanted, value)
    if kind == "double":
        return value, None if _is_number(value) else _expected("number", wanted)
    if kind == "date":
        return value, _expected("string", wanted) if not isinstance(value, str) else _day(value)
    if kind == "enum":
        return value, _chosen(wanted, value)
    if kind == "set":
        return value, _several(wanted, value)
    if kind in LINKED:
        return value, _linked(wanted, value, around)
    return _object(wanted, value, around)


def _expected(type_: str, wanted: Wanted) -> str:
    code = f" '{wanted.code}'"
    return f"Expected '{type_}' as value for {NAMED[wanted.type]} custom field{code}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(wanted: Wanted, value: object) -> str | None:
    if not isinstance(value, str):
        return _expected("string", wanted)
    longest = LONGEST[wanted.type]
    return None if len(value) <= longest else f"The value of '{wanted.code}' is longer than {longest} characters"


def _day(value: str) -> str | None:
    return day(value)


def _chosen(wanted: Wanted, value: object) -> str | None:
    if not _is_number(value):
        return _expected("number", wanted)
    return None if value in wanted.options else f"Unknown option '{value}' for custom field '{wanted.code}'"


def _several(wanted: Wanted, value: object) -> str | None:
    if not isinstance(value, list):
        return _expected("array", wanted)
    if not value:
        return f"Expected at least one option for {NAMED['set']} custom field '{wanted.code}'"
    return next((wrong for item in value if (wrong := _chosen(wanted, item))), None)


def _linked(wanted: Wanted, value: object, around: Surroundings) -> str | None:
    if integer(value) is not None:
        return _expected("number", wanted)
    if isinstance(value, int) and around.exists(LINKED[wanted.type], value):
        return None
    return f"The {NAMED[wanted.type]} {value} of custom field '{wanted.code}' does not exist"


def _object(wanted: Wanted, value: object, around: Surroundings) -> tuple[object, str | None]:
    """Monetary, date range, time, time range and address, whose values are objects."""
    name = NAMED[wanted.type].capitalize()
    if not isinstance(value, dict):
        return None, f"{name} custom field value expected 'object'"
    known = {code for code, _, _ in SUBFIELDS[wanted.type]}
    unknown = [key for key in value if key not in known]
    if unknown:
        return None, f"Unknown key '{unknown[0]}' in the value of custom field '{wanted.code}'"
    return {"monetary": _money, "daterange": _days, "time": _time, "timerange": _times, "address": _address}[wanted.type](
        wanted, value, around
    )


def _money(wanted: Wanted, value: Json, around: Surroundings) -> tuple[object, str | None]:
    if not _is_number(value.get("value")):
        return None, _expected("number", wanted)
    currency = value.get("currency", around.currency)
    if currency not in around.currencies:
        return None, f"Unknown currency '{currency}' for custom field '{wanted.code}'"
    return {"value": value["value"], "currency": currency}, None


def _days(wanted: Wanted, value: Json, around: Surroundings) -> tuple[object, str | None]:
    until = value.get("until")
    wrong = day(value.get("value")) or (day(until) if until is not None else None)
    return {"value": value.get("value"), "until": until}, wrong


def _time(wanted: Wanted, value: Json, around: Surroundings) -> tuple[object, str | None]:
    zone = value.get("timezone_name") or around.zone
    wrong = clock(value.get("value"))
    if wrong is None and zone not in around.zones:
        wrong = f"Unknown timezone '{zone}' for custom field '{wanted.code}'"
    if wrong:
        return None, wrong
    return {"value": _seconds(value["value"]), "timezone_id": around.zone_id(zone), "timezone_name": zone}, None


def _times(wanted: Wanted, value: Json, around: Surroundings) -> tuple[object, str | None]:
    found, wrong = _time(wanted, value, around)
    until = value.get("until")
    wrong = wrong or (clock(until) if until is not None else None)
    if wrong or not isinstance(found, dict):
        return None, wrong
    start = found.pop("value")
    return {"value": start, "until": _seconds(until) if until else None, **found}, None


def _address(wanted: Wanted, value: Json, around: Surroundings) -> tuple[object, str | None]:
    if not isinstance(value.get("value"), str) or not value["value"]:
        return None, _expected("string", wanted)
    for part in ADDRESS_PARTS:
        if value.get(part) is not None and not isinstance(value[part], str):
            return None, f"Expected 'string' as {part} of custom field '{wanted.code}'"
    return whole_address(value), None


def _seconds(text: str) -> str:
    return text if text.count(":") == 2 else f"{text}:00"
