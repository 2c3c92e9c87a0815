"""What the sample of Profi agrees on: its days, its sizes, and how truths about two routes stand beside one row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from random import Random

from sample_exports.promio_rows import Verdict

FRESHSALES, PIPEDRIVE = "profi_to_freshsales", "profi_to_pipedrive"
ROUTES = (FRESHSALES, PIPEDRIVE)

OPENED = datetime(2024, 2, 5, 9, 0)  # the first client
MAIN_ENDS = datetime(2026, 10, 30, 17, 0)
DELTA_ENDS = datetime(2026, 11, 13, 17, 0)
HOME = "Europe/Berlin"
DOMAIN = "northlight.example"


@dataclass(frozen=True)
class Size:
    """How large a sample is; what follows from these numbers follows from them with the same seed."""

    clients: int
    coaches: int
    services: int
    packages: int
    organisations: int
    courses: int
    longest: int  # sessions of one enrolment at most
    enrolled: float  # enrolments a client
    notes: int
    answers: int
    invoices: int
    files: int
    workflows: int


SIZES: Mapping[str, Size] = {
    "small": Size(66, 6, 8, 9, 12, 4, 2, 1.2, 40, 20, 36, 28, 6),
    "medium": Size(1180, 11, 34, 26, 212, 9, 16, 1.4, 5270, 860, 2310, 1420, 18),
}


def in_both(feed: str, verdict: Verdict) -> dict[str, Verdict]:
    """One verdict for a feed that both routes have under one name."""
    return {f"{route}/{feed}": verdict for route in ROUTES}


def all_feeds(feeds: Iterable[str], verdict: Verdict) -> dict[str, Verdict]:
    """One verdict for several feeds of both routes."""
    return {key: verdict for feed in feeds for key in in_both(feed, verdict)}


def share(total: int, rate: float, *, least: int = 1) -> int:
    """A share, but never fewer than stated: a small sample holds every kind of dirt too."""
    return max(least, round(total * rate))


def chance(rng: Random, rate: float) -> bool:
    """True as often as the rate says."""
    return rng.random() < rate


def day(at: date) -> str:
    """A day as Profi writes it."""
    return at.strftime("%Y-%m-%d")


def money(amount: float) -> str:
    """An amount as Profi writes it."""
    return f"{amount:.2f}"
