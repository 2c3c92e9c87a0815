"""Recipes for days and moments: the order of day and month is stated, never guessed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Literal
from zoneinfo import ZoneInfo

from workbench.errors import SpecError
from workbench.recipes.cells import Cell, CellRecipe, kept, refused
from workbench.recipes.texts import one_line

Order = Literal["mdy", "dmy", "ymd", "iso"]

TIME = (
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?)?"
    r"(?:\s?(?P<half>[ap])\.?m\.?)?\s?(?P<zone>z|utc|gmt|(?:utc|gmt)?[+-]\d{2}:?(?:\d{2})?)?"
)
ISO = re.compile(rf"(?P<y>\d{{4}})-(?P<m>\d{{1,2}})-(?P<d>\d{{1,2}})(?:(?:[t ]|,\s)\s?{TIME})?", re.IGNORECASE)
BASIC = re.compile(rf"(?P<y>(?:19|20)\d{{2}})(?P<m>\d{{2}})(?P<d>\d{{2}})(?:t{TIME})?", re.IGNORECASE)
NUMERIC = re.compile(
    rf"(?P<a>\d{{1,4}})(?P<sep>[-/.])"
    rf"(?P<b>\d{{1,2}})(?P=sep)(?P<c>\d{{1,4}})(?:[t, ]\s?{TIME})?",
    re.IGNORECASE,
)
WEEKDAY = r"(?:[^\W\d_]{2,10}\.?,\s+)?"
DAY_FIRST = re.compile(
    rf"{WEEKDAY}(?P<d>\d{{1,2}})(?:st|nd|rd|th|\.)?[- ](?:de\s)?(?P<word>[^\W\d_]{{3,10}})\.?,?"
    rf"[- ](?:de\s)?(?P<y>\d{{4}}|\d{{2}})"
    rf"(?:[, ]\s?{TIME})?",
    re.IGNORECASE,
)
MONTH_FIRST = re.compile(
    rf"{WEEKDAY}(?P<word>[^\W\d_]{{3,10}})\.?"
    rf"[- ](?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:,|[- ])\s?(?P<y>\d{{4}})(?:[, ]\s?{TIME})?",
    re.IGNORECASE,
)
EXCEL_SERIAL = re.compile(r"(?P<days>\d{1,7})(?:\.(?P<part>\d+))?")
EXCEL_EPOCH = datetime(1899, 12, 30)
FIRST_SURE_SERIAL = 61
"""Excel believes in 29 February 1900; serials before 61 are off by one day."""

MONTHS = (
    "january jan januar januar enero janvier jänner ene janv",
    "february feb februar febrero février fevrier feber fev fév",
    "march mar märz marz maerz marzo mars mär mrz",
    "april apr abril avril abr avr",
    "may mai mayo",
    "june jun juni junio juin",
    "july jul juli julio juillet juil",
    "august aug agosto août aout ago",
    "september sep sept septiembre septembre set",
    "october oct oktober octubre octobre okt",
    "november nov noviembre novembre",
    "december dec dezember diciembre décembre decembre dez dic déc",
)
"""Month names in English, German, Spanish and French; no word stands for two months."""


class _NoDateError(ValueError):
    """The text names no date; ``reason`` says why."""

    def __init__(self, reason: str = "not_a_date") -> None:
        self.reason = reason
        super().__init__(reason)


def day(*, order: Order = "iso", excel_serials: bool = False) -> CellRecipe:
    """A day as YYYY-MM-DD; ISO text is always read, other numbers only in the order that is stated."""
    read = _reader(order, excel_serials)

    def cell(raw: str) -> Cell:
        try:
            at, notes = read(one_line(raw))
        except _NoDateError as why:
            return refused(why.reason)
        lost = at.has_time and (at.offset is not None or at.naive.time() != datetime.min.time())
        return kept(at.naive.date().isoformat(), *notes, "time_dropped" if lost else None)

    return cell


def moment(*, order: Order = "iso", zone: str | None = None, excel_serials: bool = False) -> CellRecipe:
    """A moment as ISO 8601 with its offset; text without an offset is local to ``zone``, or rejected without one.

    An hour that the clocks skip is moved forward (note ``dst_gap``); one that they repeat is taken as its first
    (note ``dst_ambiguous``). A day without a time is its midnight, with a note.
    """
    read = _reader(order, excel_serials)
    place = _zone(zone)

    def cell(raw: str) -> Cell:
        try:
            at, notes = read(one_line(raw))
        except _NoDateError as why:
            return refused(why.reason)
        if at.offset is not None:
            return kept(at.naive.replace(tzinfo=timezone(at.offset)).isoformat(), *notes)
        if place is None:
            return refused("zone_missing")
        local, note = _placed(at.naive, place)
        return kept(local.isoformat(), *notes, note, None if at.has_time else "midnight_assumed")

    return cell


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise SpecError(
            "this time zone is not known",
            expected="a name of the IANA database, such as America/New_York",
            found=name,
            todo="correct the option zone",
        ) from None


def _placed(naive: datetime, place: ZoneInfo) -> tuple[datetime, str | None]:
    first, second = naive.replace(tzinfo=place), naive.replace(tzinfo=place, fold=1)
    before, after = first.utcoffset(), second.utcoffset()
    if before is None or after is None or before == after:
        return first, None
    if before > after:
        return first, "dst_ambiguous"
    # The first reading of a skipped hour keeps the offset of before; seen in the new offset it lies after the gap.
    return first.astimezone(timezone(before)).astimezone(place), "dst_gap"


class _At:
    """A date as it was read: naive wall clock, whether a time stood there, and the offset if one did."""

    __slots__ = ("has_time", "naive", "offset")

    def __init__(self, naive: datetime, *, has_time: bool, offset: timedelta | None) -> None:
        self.naive, self.has_time, self.offset = naive, has_time, offset


def _reader(order: Order, excel_serials: bool) -> Callable[[str], tuple[_At, list[str]]]:
    names = {word: number for number, words in enumerate(MONTHS, start=1) for word in words.split()}

    def read(text: str) -> tuple[_At, list[str]]:
        if found := ISO.fullmatch(text) or BASIC.fullmatch(text):
            return _built(int(found["y"]), int(found["m"]), int(found["d"]), found), []
        if found := NUMERIC.fullmatch(text):
            return _numeric(found, order)
        if found := DAY_FIRST.fullmatch(text) or MONTH_FIRST.fullmatch(text):
            month = names.get(found["word"].casefold())
            if month is None:
                raise _NoDateError
            year, note = _year(found["y"])
            return _built(year, month, int(found["d"]), found), note
        if excel_serials and (found := EXCEL_SERIAL.fullmatch(text)):
            return _from_serial(found), []
        raise _NoDateError

    return read


def _numeric(found: re.Match[str], order: Order) -> tuple[_At, list[str]]:
    a, b, c = found["a"], found["b"], found["c"]
    if len(a) == 4 and len(c) <= 2:  # year first: only one order is in use
        return _built(int(a), int(b), int(c), found), []
    if len(a) > 2 or len(c) == 3:
        raise _NoDateError
    if order == "iso":
        raise _NoDateError("ambiguous_day" if int(a) <= 31 and int(b) <= 31 else "not_a_date")
    if order == "ymd":
        if len(c) == 4:
            raise _NoDateError("ambiguous_day")
        year, note = _year(a)
        return _built(year, int(b), int(c), found), note
    year, note = _year(c)
    month, day_of_month = (int(a), int(b)) if order == "mdy" else (int(b), int(a))
    return _built(year, month, day_of_month, found), note


def _year(text: str) -> tuple[int, list[str]]:
    if len(text) == 4:
        return int(text), []
    if len(text) != 2:
        raise _NoDateError
    # The usual pivot of POSIX: 69 to 99 are the last century.
    return int(text) + (1900 if int(text) >= 69 else 2000), ["century_assumed"]


def _built(year: int, month: int, day_of_month: int, found: re.Match[str]) -> _At:
    hour = found["hour"]
    try:
        whole = date(year, month, day_of_month)
        at = datetime(whole.year, whole.month, whole.day, *(_clock(found) if hour else (0, 0, 0, 0)))
    except ValueError:
        raise _NoDateError from None
    return _At(at, has_time=bool(hour), offset=_offset(found["zone"]) if hour else None)


def _clock(found: re.Match[str]) -> tuple[int, int, int, int]:
    hour, half = int(found["hour"]), (found["half"] or "").casefold()
    if found["minute"] is None and not half:
        raise _NoDateError  # a bare number behind a date is not a time
    if half:
        if not 1 <= hour <= 12:
            raise _NoDateError
        hour = hour % 12 + (12 if half == "p" else 0)
    micro = int((found["fraction"] or "0").ljust(6, "0")[:6])
    return hour, int(found["minute"] or 0), int(found["second"] or 0), micro


def _offset(text: str | None) -> timedelta | None:
    if not text:
        return None
    found = re.search(r"([+-])(\d{2}):?(\d{2})?", text)
    if found is None:
        return timedelta(0)
    away = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    if away >= timedelta(hours=15):
        raise _NoDateError
    return -away if found[1] == "-" else away


def _from_serial(found: re.Match[str]) -> _At:
    days = int(found["days"])
    if not FIRST_SURE_SERIAL <= days <= 2_958_465:  # the last day of 9999
        raise _NoDateError
    part = float(f"0.{found['part']}") if found["part"] else 0.0
    return _At(EXCEL_EPOCH + timedelta(days=days, seconds=round(part * 86_400)), has_time=bool(part), offset=None)
