"""The turn of a call: the moment at which it may go, and how our own count stood then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Place", "Turn"]


@dataclass(frozen=True, slots=True)
class Turn:
    """The moment that a call was given, what each window held with it, and the kind of call that it is."""

    at: float
    held: Sequence[int]
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A turn, when it was given, and whether it is the single one after a block."""

    turn: Turn
    now: float
    single: bool

    @property
    def at(self) -> float:
        return self.turn.at
