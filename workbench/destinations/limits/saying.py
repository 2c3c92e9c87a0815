"""What the headers of an answer say about limits: what is left, until when, and how long to wait.

Dates are read against the Date of the same answer, so that neither clock has to be right.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

__all__ = ["Said", "asked", "said"]

EPOCH = 1e9
MILLI = 1000.0


@dataclass(frozen=True)
class Said:
    """The numbers of an answer's headers; None for what it does not say, and for nonsense."""

    limit: int | None = None
    left: int | None = None
    reset: float = 0.0  # seconds from now; 0 where nothing sensible is said
    day_limit: int | None = None
    day_left: int | None = None
    requests_left: int | None = None  # calls of the day, as an older header counts them
    date: float = 0.0  # seconds since 1970 by the vendor's clock

    @property
    def of_day(self) -> bool:
        """Whether anything is said of the day's budget."""
        return self.day_left is not None or self.requests_left is not None

    @property
    def day_gone(self) -> bool | None:
        """Whether the budget of the day is used up; None where nothing is said of it."""
        told = [left for left in (self.day_left, self.requests_left) if left is not None]
        return min(told) <= 0 if told else None


def said(headers: Mapping[str, str], *, longest: float) -> Said:
    """What the headers (in lower case) say; no reset lies further away than ``longest`` seconds."""
    moment = _date(headers.get("date", ""))
    return Said(
        limit=_count(headers.get("x-ratelimit-limit")),
        left=_count(headers.get("x-ratelimit-remaining")),
        reset=min(_reset(headers, moment, longest), longest),
        day_limit=_count(headers.get("x-daily-ratelimit-token-limit")),
        day_left=_count(headers.get("x-daily-ratelimit-token-remaining")),
        requests_left=_count(headers.get("x-daily-requests-left")),
        date=moment,
    )


def asked(headers: Mapping[str, str], *, longest: float) -> float:
    """Seconds that a refusal asks to wait, at most ``longest``; 0 where it asks for nothing sensible.

    Retry-After may be seconds or a date, past or absurd; x-ratelimit-reset seconds, milliseconds or a moment.
    """
    moment = _date(headers.get("date", ""))
    told = [_after(headers.get("retry-after", ""), moment), _reset(headers, moment, longest)]
    wanted = [seconds for seconds in told if seconds > 0]
    sensible = [seconds for seconds in wanted if seconds <= longest]
    return max(sensible) if sensible else longest if wanted else 0.0


def _after(text: str, moment: float) -> float:
    number = _number(text)
    if number is None:
        date = _date(text)
        return date - (moment or time.time()) if date else 0.0
    return number - (moment or time.time()) if number > EPOCH else number


def _reset(headers: Mapping[str, str], moment: float, longest: float) -> float:
    text = headers.get("x-ratelimit-reset", "")
    seconds = _after(text, moment) if text else 0.0
    return seconds / MILLI if seconds >= MILLI and seconds > longest >= seconds / MILLI else max(seconds, 0.0)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _count(text: str | None) -> int | None:
    number = _number(text) if text else None
    return int(number) if number is not None and number >= 0 else None


def _date(text: str) -> float:
    if not text or not text[0].isalpha():
        return 0.0
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, OSError):
        return 0.0
