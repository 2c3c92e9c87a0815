"""Moments as Freshsales tells them: of a record or a job, and of an answer."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from workbench.destinations.http import Answer

__all__ = ["date_of", "moment"]


def moment(text: object) -> datetime | None:
    """A moment as the account tells it, with its offset; None for anything else."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None


def date_of(answer: Answer) -> datetime | None:
    """The destination's own time, which the clock of this machine says nothing about."""
    try:
        told = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)
