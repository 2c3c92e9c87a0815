"""Single values of Pipedrive in both directions: plain text and numbers on our side, the vendor's shapes on the wire.

Numbers come back as plain decimal text without an exponent and without trailing zeros, whole numbers and durations (in
seconds) as int, days as `YYYY-MM-DD`, times as `HH:MM` (with seconds where there are any), moments as ISO 8601 in UTC
with `+00:00`, and a moment that is a day's first as that day. An amount in another currency than the account's names it:
`1200.5 EUR`. Ranges are `from/until`. An address with parts that nobody has put together is the JSON of its parts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from workbench.destinations import Value

__all__ = [
    "Unfit",
    "clock_in",
    "clock_out",
    "day_in",
    "duration_in",
    "duration_out",
    "flag_out",
    "id_out",
    "moment_in",
    "moment_out",
    "number_out",
    "object_in",
    "object_out",
    "plain_number",
    "single",
]

NO_DAY = "0000-00-00"
"""What an emptied date is shown as."""
CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")
AMOUNT = re.compile(r"(?P<value>\S+)(?:\s+(?P<currency>[A-Za-z]{3}))?")
SHAPED = ("monetary", "daterange", "time", "timerange", "address")
"""Types of a custom field whose value is an object."""


class Unfit(Exception):
    """A value cannot be sent as it is; the message says which and why."""


def plain_number(value: object) -> str:
    """A number as plain decimal text: `1200.0`, `1200.00` and 1200 are all `1200`. ValueError for anything else."""
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError(f"{value!r} is no number") from None
    if isinstance(value, bool) or not number.is_finite():
        raise ValueError(f"{value!r} is no number")
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def single(label: str, value: Value) -> str | int | float | bool | None:
    """The one value of a field that takes one."""
    if not isinstance(value, list):
        return value
    if len(value) > 1:
        raise Unfit(f"{label} takes one value, not {len(value)}")
    return value[0] if value else None


# ---------------------------------------------------------------- out


def number_out(label: str, value: object, *, whole: bool = False) -> int | float:
    """A number as JSON writes it; Unfit where digits would be lost."""
    try:
        text = plain_number(value)
    except ValueError:
        raise Unfit(f"{label} takes a number, not {value!r}") from None
    if "." not in text:
        if abs(int(text)) >= 2**53:
            raise Unfit(f"{label} has more digits than can be sent: {text}")
        return int(text)
    if whole:
        raise Unfit(f"{label} takes a whole number, not {text}")
    if plain_number(repr(float(text))) != text:
        raise Unfit(f"{label} has more digits than can be sent: {text}")
    return float(text)


def flag_out(label: str, value: object) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    if str(value).strip().casefold() in ("true", "false"):
        return str(value).strip().casefold() == "true"
    raise Unfit(f"{label} takes true or false, not {value!r}")


def id_out(label: str, value: object) -> int:
    """The number of a record or a user; v2 refuses numbers as text."""
    text = str(value).strip()
    if not (text.isascii() and text.isdecimal()):
        raise Unfit(f"{label} takes the number of a record, not {value!r}")
    return int(text)


def moment_out(label: str, value: object, *, spaced: bool = False) -> str:
    """A moment in UTC in whole seconds, as v2 writes it or, `spaced`, as v1 does; without a zone it is UTC already."""
    try:
        read = datetime.fromisoformat(str(value).strip())
        at = (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unfit(f"{label} takes a moment such as 2024-02-29T13:05:00+00:00, not {value!r}") from None
    if at.microsecond:
        raise Unfit(f"{label} takes whole seconds, not {value!r}")
    bare = at.replace(tzinfo=None)
    return bare.isoformat(sep=" ") if spaced else f"{bare.isoformat()}Z"


def clock_out(label: str, value: object, *, form: str) -> str:
    """A time of day as activities take it."""
    found = CLOCK.fullmatch(str(value).strip())
    if not found or int(found[1]) > 23 or int(found[2]) > 59 or int(found[3] or 0) > 59:
        raise Unfit(f"{label} takes a time such as 13:05, not {value!r}")
    return _clock(label, int(found[1]), int(found[2]), int(found[3] or 0), form=form)


def duration_out(label: str, value: object, *, form: str) -> str:
    """Seconds as hours, minutes and seconds."""
    seconds = number_out(label, value, whole=True)
    if not 0 <= seconds < 86_400:
        raise Unfit(f"{label} takes less than a day, not {seconds} seconds")
    minutes, rest = divmod(int(seconds), 60)
    return _clock(label, minutes // 60, minutes % 60, rest, form=form)


def _clock(label: str, hours: int, minutes: int, seconds: int, *, form: str) -> str:
    if form == "HH:MM:SS" or (form == "either" and seconds):
        return f"{hours:02}:{minutes:02}:{seconds:02}"
    if seconds:
        raise Unfit(f"{label} takes whole minutes: {hours:02}:{minutes:02}:{seconds:02}")
    return f"{hours:02}:{minutes:02}"


def object_out(type_: str, label: str, value: object, *, currency: str) -> dict[str, Any]:
    """The value of a custom field that is an object on the wire."""
    text = str(value).strip()
    if type_ == "monetary":
        return _money(label, text, currency)
    if type_ == "address":
        parts = _parts(text)
        return parts or {"value": text}
    first, sign, until = text.partition("/")
    if type_ == "time":
        clock, _, zone = text.partition(" ")
        return {"value": _long(label, clock), **({"timezone_name": zone} if zone else {})}
    if type_ == "timerange":
        until, _, zone = until.partition(" ")
        ranged: dict[str, Any] = {"value": _long(label, first), **({"timezone_name": zone} if zone else {})}
        return {**ranged, **({"until": _long(label, until)} if sign and until else {})}
    return {"value": first, **({"until": until} if sign and until else {})}


def _money(label: str, text: str, currency: str) -> dict[str, Any]:
    found = AMOUNT.fullmatch(text)
    if found is None:
        raise Unfit(f"{label} takes an amount such as 1200.50 or 1200.50 EUR, not {text!r}")
    named = (found["currency"] or currency).upper()
    return {"value": number_out(label, found["value"]), **({"currency": named} if named else {})}


def _long(label: str, clock: str) -> str:
    return clock_out(label, clock, form="HH:MM:SS")


def _parts(text: str) -> dict[str, Any] | None:
    """An address of which the parts were written as JSON, as we show it."""
    if not text.startswith("{"):
        return None
    try:
        read = json.loads(text)
    except ValueError:
        return None
    return read if isinstance(read, dict) and isinstance(read.get("value"), str) else None


# ---------------------------------------------------------------- in


def day_in(value: object) -> str | None:
    """A day; none where an emptied one is shown as zeros."""
    text = str(value)[:10]
    return None if text == NO_DAY else text


def moment_in(value: object) -> str:
    """A moment of either version in UTC, or as a day where it is a day's first."""
    try:
        read = datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    at = (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    return at.date().isoformat() if (at.hour, at.minute, at.second) == (0, 0, 0) else at.isoformat(timespec="seconds")


def clock_in(value: object) -> str:
    """A time of day, its seconds only where there are any."""
    text = str(value)
    return text[:-3] if text.count(":") == 2 and text.endswith(":00") else text


def duration_in(value: object) -> Value:
    """Hours, minutes and seconds as seconds."""
    found = CLOCK.fullmatch(str(value).strip())
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3] or 0) if found else str(value)


def object_in(type_: str, value: Mapping[str, Any], *, currency: str, zone: str) -> Value:
    """A custom field's object as text; a currency or a zone is named where it is not the signed-in user's."""
    if value.get("value") is None:
        return None
    if type_ == "monetary":
        amount, named = plain_number(value["value"]), str(value.get("currency") or currency)
        return amount if named == currency else f"{amount} {named}"
    if type_ == "address":
        parts = {key: part for key, part in value.items() if part not in (None, "") and key != "formatted_address"}
        return str(value["value"]) if len(parts) == 1 else json.dumps(parts, ensure_ascii=False, sort_keys=True)
    clocks = type_ in ("time", "timerange")
    ends = [str(end) for end in (value["value"], value.get("until")) if end]
    named = str(value.get("timezone_name") or zone)
    return "/".join(clock_in(end) if clocks else end for end in ends) + (f" {named}" if clocks and named != zone else "")
