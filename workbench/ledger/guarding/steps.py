"""One step of a load: changes that go out together, and the call that asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.destinations import Draft, Outcome
from workbench.ledger.operations import Intent

__all__ = ["Step", "Tell", "intended"]

Tell = Callable[[str], None]


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
