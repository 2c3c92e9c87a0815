"""What is decided of a row that may stand twice: the record that it goes into, and the columns in which it has the word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["emptied_of", "into_of", "said_of", "survivor", "taken_of"]

TAKE, EMPTY = "take", "empty"


def survivor(into: str, taken: Iterable[str] = (), emptied: Iterable[str] = ()) -> dict[str, Any]:
    """The answer as it is kept: `{"into": "contacts/C-01001", "take": ["City", "Phone"], "empty": ["Website"]}`.

    `taken` are the source columns whose cell of this row stands in the record; in all others the record's own word stays,
    and where it has none the row fills the gap. In those that are `emptied` the record says nothing, whatever its rows
    say. A row that is kept apart, or has the word nowhere, has no `take`.
    """
    given = {TAKE: sorted(set(taken)), EMPTY: sorted(set(emptied) - set(taken))} if into else {}
    return {"into": into, **{name: columns for name, columns in given.items() if columns}}


def into_of(value: object) -> str:
    """The key of the record into which a row goes; empty where it is kept apart."""
    return str(value.get("into", "")) if isinstance(value, Mapping) else str(value or "")


def taken_of(value: object) -> tuple[str, ...]:
    """The columns in which a row has the word, in the order of their names."""
    return _columns(value, TAKE)


def emptied_of(value: object) -> tuple[str, ...]:
    """The columns in which the record of a row is to say nothing, in the order of their names."""
    return _columns(value, EMPTY)


def said_of(value: object) -> str:
    """What an answer says beyond the record, in words; nothing where the record's own word stands everywhere."""
    told = {"its own word in": taken_of(value), "left empty:": emptied_of(value)}
    return "; ".join(f"{words} {', '.join(columns)}" for words, columns in told.items() if columns)


def _columns(value: object, name: str) -> tuple[str, ...]:
    given = value.get(name, ()) if isinstance(value, Mapping) and value.get("into") else ()
    return tuple(sorted(str(column) for column in given)) if isinstance(given, (list, tuple)) else ()
