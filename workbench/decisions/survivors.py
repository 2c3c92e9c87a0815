"""What is decided of a row that may stand twice: the record that it goes into, and the columns in which it has the word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["into_of", "survivor", "taken_of"]


def survivor(into: str, taken: Iterable[str] = ()) -> dict[str, Any]:
    """The answer as it is kept: `{"into": "contacts/C-01001", "take": ["City", "Phone"]}`.

    `taken` are the source columns whose cell of this row stands in the record; in all others the record's own word stays,
    and where it has none the row fills the gap. A row that is kept apart, or has the word nowhere, has no `take`.
    """
    columns = sorted(set(taken)) if into else []
    return {"into": into, **({"take": columns} if columns else {})}


def into_of(value: object) -> str:
    """The key of the record into which a row goes; empty where it is kept apart."""
    return str(value.get("into", "")) if isinstance(value, Mapping) else str(value or "")


def taken_of(value: object) -> tuple[str, ...]:
    """The columns in which a row has the word, in the order of their names."""
    taken = value.get("take", ()) if isinstance(value, Mapping) and value.get("into") else ()
    return tuple(sorted(str(column) for column in taken)) if isinstance(taken, (list, tuple)) else ()
