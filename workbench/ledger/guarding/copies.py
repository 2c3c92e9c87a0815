"""A ledger that knows too little: copied and written to at both places, lost and begun anew, or one of two of an export.

No lock is seen by the others, but the records are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from workbench.destinations import Draft
from workbench.errors import Fenced

if TYPE_CHECKING:
    from workbench.ledger.guarding.guard import Guard

__all__ = ["fresh_of", "see_nobody"]

MANY = 500
"""Keys of which one look asks."""


def see_nobody(guard: Guard, object_: str, fresh: Sequence[str], *, empty: bool = False) -> None:
    """Raise Fenced where one of the next records, of which the ledger has never heard, is over there already: one look.

    `empty` says that the ledger has made no record of the object at all.
    """
    found = guard.look(object_, frozenset(fresh))
    if found:
        key, records = next(iter(found.items()))
        somebody = "somebody with the same export" if empty else "another copy of this ledger"
        anew = "workbench rebuild-ledger"
        raise Fenced(
            f"{somebody} has made {object_} records of which this one knows nothing",
            expected="none of the next records over there",
            found=f"{len(found)} of {len(fresh)}, such as {key} under {records[0].id}",
            where=guard.name,
            todo=f"where another engagement loaded this export, go on there; where the ledger of this one was lost: {anew}"
            if empty
            else f"go on where that copy is, or make the ledger anew where it is lost: {anew}",
        )


def fresh_of(drafts: Sequence[Draft], tries: Mapping[str, int]) -> list[str]:
    """Keys of records to be made of which the ledger has never heard, by how often each was tried."""
    return [draft.key for draft in drafts if not draft.id and tries.get(draft.key) == 0][:MANY]
