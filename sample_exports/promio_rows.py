"""What one generated row is: its cells, and what the generator knows about where it has to end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

Cell = str | int | float | date | None


@dataclass(frozen=True)
class Verdict:
    """Where a row ends; the record is named where the row is loaded or merged, and empty otherwise."""

    bucket: str
    reason: str = ""
    record: str = ""


@dataclass(frozen=True)
class Row:
    """One row of one file, with its truth. Rows of one file are written in the order in which they are listed."""

    key: str  # natural key, as a record key carries it
    cells: Mapping[str, Cell]
    verdicts: Mapping[str, Verdict]  # by feed
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by feed: field → value of the record
    dirt: tuple[tuple[str, str], ...] = ()  # column, kind
    aside: tuple[tuple[str, str, str], ...] = ()  # feed, column, reason: cells that give no value although they are filled
    record: str = ""  # the record that a row pointing here ends on; empty where there is none
    phone: str = ""  # E.164, where the phone cell can be read
    when: datetime | None = None
    twins: Mapping[str, str] = field(default_factory=dict)  # by feed: record that a matcher may take it for, "" = separate
    surplus: str = ""  # a cell beyond the last column
    missing: int = 0  # trailing cells that are not there


@dataclass(frozen=True)
class Size:
    """How many rows each table of a sample has."""

    leads: int
    customers: int
    campaigns: int
    performance: int
    reputation: int
    calls: int
    assets: int
    cut: int  # rows after which the incomplete delivery of leads breaks off
    damaged: int  # short and long rows, each
    new: int  # new rows of the delta, of customers; leads twice, calls four times as many


SIZES: Mapping[str, Size] = {
    "small": Size(480, 165, 30, 180, 100, 940, 20, cut=300, damaged=1, new=6),
    "medium": Size(9640, 3310, 148, 1776, 2050, 18900, 61, cut=5000, damaged=3, new=60),
}

FIRST_DAY = datetime(2019, 1, 7, 9, 0)  # of customers
LEADS_FROM = datetime(2024, 1, 2, 8, 0)
LAST_MONTH_ENDS = datetime(2026, 9, 30, 23, 59)  # what the incomplete delivery reaches
MAIN_ENDS = datetime(2026, 10, 30, 17, 0)
DELTA_ENDS = datetime(2026, 11, 13, 17, 0)


def share(total: int, rate: float, *, least: int) -> int:
    """A share of the rows, but never fewer than stated: small samples hold every kind of dirt too."""
    return max(least, round(total * rate))


def clock(at: datetime) -> str:
    """A moment as Promio writes it: ``3/4/2026 9:05 AM``."""
    half = "AM" if at.hour < 12 else "PM"
    return f"{at.month}/{at.day}/{at.year} {at.hour % 12 or 12}:{at.minute:02d} {half}"


def us_day(at: date) -> str:
    """A day as Promio writes it: ``3/4/2026``."""
    return f"{at.month}/{at.day}/{at.year}"
