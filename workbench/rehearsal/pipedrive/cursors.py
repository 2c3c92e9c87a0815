"""Cursors: how far a list was read, as base64url of a JSON object that clients only hand back."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import TypeVar

from workbench.rehearsal.engine import Json, Switches
from workbench.rehearsal.pipedrive.answers import invalid

Held = TypeVar("Held")


def packed(held: Json) -> str:
    """A cursor that holds this."""
    return base64.urlsafe_b64encode(json.dumps(held, separators=(",", ":")).encode()).decode()


def held_in(cursor: str | None, read: Callable[[Json], Held], switches: Switches) -> Held | None:
    """What ``read`` finds in a cursor, none without one; a bad one is refused, or means none, as the switch says."""
    if not cursor:
        return None
    try:
        return read(json.loads(base64.b64decode(cursor.encode(), altchars=b"-_", validate=True)))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        if switches["bad_cursor"] == "first":
            return None
        invalid(["cursor: The value is not a valid cursor"])


def after(place: int, count: int) -> str | None:
    """The cursor of a list of ``count`` rows that was read up to this place; none at its end."""
    return packed({"from": place}) if count > place else None


def place_in(cursor: str | None, switches: Switches) -> int:
    """The place in a list from which such a cursor goes on."""
    return held_in(cursor, _place, switches) or 0


def _place(held: Json) -> int:
    place = int(held["from"])
    if place < 0:
        raise ValueError("a list has no place before its first")
    return place
