"""A ledger that was copied to another machine and is written to at both: no lock is seen there, but the records are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.errors import Fenced

if TYPE_CHECKING:
    from workbench.ledger.guard import Guard

__all__ = ["see_nobody"]


def see_nobody(guard: Guard, object_: str, fresh: Sequence[str]) -> None:
    """Raise Fenced where one of the next records, of which the ledger has never heard, is over there already: one look."""
    found = guard.look(object_, frozenset(fresh))
    if found:
        key, records = next(iter(found.items()))
        raise Fenced(
            f"another copy of this ledger has made {object_} records of which this one knows nothing",
            expected="none of the next records over there",
            found=f"{len(found)} of {len(fresh)}, such as {key} under {records[0].id}",
            where=guard.name,
            todo="go on where that copy is, or make the ledger anew where it is lost: workbench rebuild-ledger",
        )
