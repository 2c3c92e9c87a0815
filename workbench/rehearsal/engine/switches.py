"""Switches: every point that a vendor's pages leave open, and how a stand-in settles it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.errors import SpecError, listed


@dataclass(frozen=True, slots=True)
class Switch:
    """One thing that the vendor's pages leave open, and how this stand-in settles it."""

    name: str
    default: str
    allowed: tuple[str, ...]  # empty: any number from 0 upwards
    meaning: str
    source: str  # the row of the fact sheet that leaves it open
    signed: bool = False  # a number may be below 0 too

    @property
    def takes(self) -> str:
        """The allowed values in words."""
        return ", ".join(self.allowed) or ("a number" if self.signed else "a number from 0 upwards")


class Switches:
    """The chosen value of every switch; an unknown name or value is a ``SpecError``."""

    def __init__(self, table: Sequence[Switch], chosen: Mapping[str, str]) -> None:
        self._values = {switch.name: switch.default for switch in table}
        unknown = [name for name in chosen if name not in self._values]
        if unknown:
            raise SpecError(
                f"there is no switch {listed(unknown)}",
                expected=", ".join(sorted(self._values)),
                todo="list them with workbench rehearse DESTINATION --switches",
            )
        by_name = {switch.name: switch for switch in table}
        for name, value in chosen.items():
            self._values[name] = _allowed(by_name[name], str(value))

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def on(self, name: str) -> bool:
        return self._values[name] == "on"

    def number(self, name: str) -> float:
        return float(self._values[name])


def _allowed(switch: Switch, value: str) -> str:
    number = not switch.allowed and re.fullmatch(r"-?\d+(\.\d+)?" if switch.signed else r"\d+(\.\d+)?", value)
    if not number and value not in switch.allowed:
        raise SpecError(
            f"the switch {switch.name} does not take {value!r}",
            expected=switch.takes,
            found=repr(value),
            todo="take one of these",
        )
    return value
