"""Faults: what goes wrong on the way between a client and the vendor, chosen by hand or by seeded chance."""

from __future__ import annotations

import random

from workbench.errors import SpecError
from workbench.rehearsal.engine.switches import Switch, Switches

FAULTS = ("429", "500_before", "500_after", "drop_before", "drop_after", "truncated")
FAULT_SWITCHES = (
    *(Switch(f"fault_{kind}", "0", (), f"share of requests that meet the fault {kind}", "reliability §4") for kind in FAULTS),
    Switch("fault_seed", "0", (), "seed of the choice; the same requests meet the same faults", "reliability §4"),
    Switch("fault_methods", "write", ("write", "all"), "which requests may meet a fault", "reliability §4"),
)


class Faults:
    """Chooses the fault of each request: first those ordered by hand, then by seeded chance."""

    def __init__(self, switches: Switches) -> None:
        self._rates = [(kind, switches.number(f"fault_{kind}")) for kind in FAULTS]
        self._seed = switches["fault_seed"]
        self._writes_only = switches["fault_methods"] == "write"
        self._ordered: list[tuple[str, str]] = []

    def order(self, kind: str, *, path: str = "", count: int = 1) -> None:
        """Make the next ``count`` requests whose path contains ``path`` meet a fault."""
        if kind not in FAULTS:
            raise SpecError(f"there is no fault {kind!r}", expected=", ".join(FAULTS))
        self._ordered += [(kind, path)] * count

    def pick(self, number: int, method: str, path: str) -> str | None:
        """The fault that request ``number`` meets, or none."""
        if self._writes_only and method == "GET":
            return None
        for place, (kind, part) in enumerate(self._ordered):
            if part in path:
                del self._ordered[place]
                return kind
        throw = random.Random(f"{self._seed}:{number}").random() if any(rate for _, rate in self._rates) else 1.0
        for kind, rate in self._rates:
            if throw < rate:
                return kind
            throw -= rate
        return None
