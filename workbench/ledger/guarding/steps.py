"""One step of a load: changes that go out together, and the call that asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from workbench.destinations import Draft, Outcome
from workbench.ledger.operations import Intent, Trace

__all__ = ["Look", "Step", "T", "Tell", "intended", "parts_of"]

Tell = Callable[[str], None]
T = TypeVar("T", bound=Trace)
Look = Callable[[str, Sequence[str]], Mapping[str, Sequence[T]]]
"""Asks the ledger for the operations of some keys of an object."""


@dataclass(frozen=True)
class Step:
    """Changes that go out together: their intents, and the call that asks for them, which tells of jobs."""

    intents: Sequence[Intent]
    call: Callable[[Tell], list[Outcome]]
    by_id: bool = False  # an outcome speaks of the record's id, not of our key
    words: str = ""  # what the ledger says of them where the destination says nothing
    taken: Tell | None = None
    jobs: list[str] = field(default_factory=list)  # that the call has told of
    images: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # key → what the call has seen of what it made

    @property
    def object(self) -> str:
        return self.intents[0].object


def intended(object_: str, draft: Draft, before: Mapping[str, Any] | None, tries: int) -> Intent:
    """The change that a draft asks for, given how often it was tried before."""
    return Intent(object_, draft.key, "update" if draft.id else "create", dict(draft.values), draft.id, before, tries + 1)


def parts_of(drafts: Sequence[Draft], *, size: int) -> Iterator[Sequence[Draft]]:
    """What one call of so many rows takes each, so that a job is of one call; makes and changes never share one."""
    for kind in (False, True):
        some = [draft for draft in drafts if bool(draft.id) == kind]
        yield from (some[start : start + max(1, size)] for start in range(0, len(some), max(1, size)))
