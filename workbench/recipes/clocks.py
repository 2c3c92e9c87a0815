"""Recipes for times of day whose zone stands behind them, and for destinations that keep a day and an hour of UTC apart."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from workbench.errors import SpecError
from workbench.recipes.cells import Cell, CellRecipe, kept, refused
from workbench.recipes.dates import Order, moment
from workbench.recipes.numbers import duration_seconds
from workbench.recipes.texts import one_line

UNTIL, NO_END = " until ", "no_end"
ZONE = re.compile(r"(?P<time>.+?)\s+(?P<zone>UTC|[A-Z][A-Za-z]+(?:/[A-Za-z0-9_+-]+){1,2})")


def zoned_moment(*, order: Order = "iso", zone: str | None = None) -> CellRecipe:
    """A moment as ISO 8601 with its offset, out of a local time and the name of its zone: ``2026-03-02 10:00 Europe/Lisbon``.

    An offset in the time itself goes before the name; without either the time is local to ``zone``, or rejected without
    one. Hours that clocks skip or repeat are noted as `moment` does.
    """
    plain = moment(order=order, zone=zone)

    def cell(raw: str) -> Cell:
        found = ZONE.fullmatch(one_line(raw))
        if found is None:
            return plain(raw)
        try:
            return moment(order=order, zone=found["zone"])(found["time"])
        except SpecError:  # the name stands in the export: it is a bad cell, and no mistake of the route
            return refused("zone_missing")

    return cell


def utc_day(*, order: Order = "iso", zone: str | None = None) -> CellRecipe:
    """The day in UTC of a moment that `zoned_moment` reads, as YYYY-MM-DD."""
    return _part("%Y-%m-%d", order, zone)


def utc_time(*, order: Order = "iso", zone: str | None = None) -> CellRecipe:
    """The time of day in UTC of a moment that `zoned_moment` reads, as HH:MM, with seconds where there are any."""
    return _part("%H:%M", order, zone)


def length_seconds(*, order: Order = "iso", zone: str | None = None) -> CellRecipe:
    """Seconds of a length, or from a beginning to an end: ``45 min``, ``2026-03-02 10:00 until 2026-03-02 10:45 Europe/Rome``.

    Of several lines the first that tells a length counts; both ends are read as `zoned_moment` does. A beginning without
    an end tells no length.
    """
    stated, read = duration_seconds(), zoned_moment(order=order, zone=zone)

    def cell(raw: str) -> Cell:
        lines = [line.strip() for line in raw.splitlines() if line.strip()]
        told = next((line for line in lines if UNTIL not in f"{line} "), None)
        if told is not None or not lines:
            return stated(told or "")
        return _span(lines[0], read)

    return cell


def _span(line: str, read: CellRecipe) -> Cell:
    """The seconds between two moments of one line; the zone behind the second is that of both."""
    start, _, end = f"{line} ".partition(UNTIL)
    named = ZONE.fullmatch(end.strip())
    if not end.strip() or (named is None and ZONE.fullmatch(f"x {end.strip()}")):  # there is a zone, and no end
        return refused(NO_END)
    ends = [read(f"{start.strip()} {named['zone']}" if named else start), read(end.strip())]
    bad = next((each for each in ends if not isinstance(each.value, str)), None)
    if bad is not None:
        return bad
    begun, over = (datetime.fromisoformat(str(each.value)) for each in ends)
    if over < begun:
        return refused("not_a_duration")
    return kept(int((over - begun).total_seconds()), next((each.note for each in ends if each.note), None))


def _part(shape: str, order: Order, zone: str | None) -> CellRecipe:
    read = zoned_moment(order=order, zone=zone)

    def cell(raw: str) -> Cell:
        at = read(raw)
        if not isinstance(at.value, str):
            return at
        there = datetime.fromisoformat(at.value).astimezone(UTC)
        seconds = ":%S" if there.second and shape == "%H:%M" else ""
        return kept(there.strftime(shape + seconds), at.note)

    return cell
