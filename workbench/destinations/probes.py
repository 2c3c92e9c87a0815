"""What a contract probe is: a question that no page of a vendor answers, asked of the account itself with sentinel records.

A destination brings its probes in ``<name>_probes.py`` with ``prober(destination) -> Prober``. A probe writes nothing but
through its bench, which puts every sentinel into the ledger before it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol

from workbench.destinations import Destination, LiveField
from workbench.errors import SpecError
from workbench.specs import CustomField, Scalar

__all__ = ["NAME", "Bench", "Probe", "Prober", "Verdict", "prober_of"]

NAME = "Migration workbench probe — will be removed"
"""What every sentinel is called, so that whoever meets one knows what it is."""


@dataclass(frozen=True)
class Verdict:
    """What the account answered to one question."""

    setting: str  # the setting of the destination that it settles, or the name of a fact on which none depends
    value: Scalar | None  # None where it could not be settled
    words: str
    evidence: str = ""  # status codes and counts; never a key, never a record of the customer


@dataclass(frozen=True)
class Probe:
    """One experiment: what it asks, what it makes for that, and about how many calls it takes."""

    name: str
    question: str
    settles: tuple[str, ...]
    makes: str  # in words; empty where it only reads
    calls: int
    run: Callable[[Bench], Sequence[Verdict]]


class Bench(Protocol):
    """Where sentinels are made: each is in the ledger before it is sent, and gone from the account at the end."""

    def key(self, object_: str) -> str:
        """A key that no record bears yet; the sentinel has to bear it where a record bears our key."""

    def make(self, object_: str, key: str, send: Callable[[], str | None], *, dated: bool = False) -> str:
        """Write down what is about to be made, then have it sent; the id, empty where it was refused.

        `send` returns the id, an empty text after a refusal, or None where it was accepted and no id was told. `dated` says
        that it is sent with a day of making of its own, so that it may not be among the newest records.
        """

    def field(self, plan: CustomField) -> LiveField:
        """A custom field, made if it is not there and taken away at the end; Refused where the account makes none."""


class Prober(Protocol):
    """The probes of one destination, over a client of it."""

    @property
    def calls(self) -> int:
        """Calls that the probes have made so far, without those of the bench."""

    def probes(self) -> Sequence[Probe]:
        """All of them, in the order in which they have to be run: later ones use what earlier ones made."""

    def strip(self, object_: str, number: str) -> None:
        """Take away what a probe hung on a sentinel, such as a note, before the sentinel itself goes."""

    def purge(self, object_: str, number: str) -> None:
        """Take a deleted sentinel out of the recycle bin too, as far as the destination lets us."""


def prober_of(destination: Destination) -> Prober:
    """The probes of a destination, by the name of its client; SpecError where it has none."""
    name = f"{__name__.rpartition('.')[0]}.{destination.name}.probes"
    if not hasattr(import_module(name.rpartition(".")[0]), "__path__") or find_spec(name) is None:
        raise SpecError(f"there are no probes for {destination.name}", todo="settle its settings by hand, in engagement.toml")
    made: Prober = import_module(name).prober(destination)
    return made
