"""What every stand-in keeps between two requests: one state file, a clock, limits, faults and switches."""

from __future__ import annotations

import random
import re
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from workbench.errors import SpecError, listed
from workbench.rehearsal.engine_state import Entry, Job, Json, Record, State, Traits

__all__ = [
    "FAULTS",
    "FAULT_SWITCHES",
    "LIMIT_SWITCHES",
    "Call",
    "Clock",
    "Entry",
    "Faults",
    "House",
    "Job",
    "Json",
    "Limiter",
    "Record",
    "Refusal",
    "Reply",
    "StandIn",
    "Standing",
    "State",
    "Switch",
    "Switches",
    "Traits",
    "Window",
]


@dataclass(frozen=True, slots=True)
class Switch:
    """One thing that the vendor's pages leave open, and how this stand-in settles it."""

    name: str
    default: str
    allowed: tuple[str, ...]  # empty: any number from 0 upwards
    meaning: str
    source: str  # the row of the fact sheet that leaves it open


class Switches:
    """The chosen value of every switch; an unknown name or value is a ``SpecError``."""

    def __init__(self, table: Sequence[Switch], chosen: Mapping[str, str]) -> None:
        self._values = {switch.name: switch.default for switch in table}
        unknown = [name for name in chosen if name not in self._values]
        if unknown:
            raise SpecError(
                f"there is no switch {listed(unknown)}",
                expected=", ".join(sorted(self._values)),
                todo="list them with workbench.rehearsal.switches()",
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
    number = not switch.allowed and re.fullmatch(r"\d+(\.\d+)?", value)
    if not number and value not in switch.allowed:
        raise SpecError(
            f"the switch {switch.name} does not take {value!r}",
            expected=", ".join(switch.allowed) or "a number from 0 upwards",
            found=repr(value),
            todo="take one of these",
        )
    return value


@dataclass(frozen=True, slots=True)
class Clock:
    """Wall time in seconds since 1970, and the limiter's own time, which runs ``scale`` times as fast."""

    scale: float = 1.0

    def now(self) -> float:
        return time.time()

    def wait(self, seconds: float) -> float:
        """Real seconds that a wait of so many rehearsal seconds takes."""
        return seconds / self.scale


@dataclass(frozen=True, slots=True)
class Window:
    """An allowance of requests in a stretch of rehearsal seconds."""

    name: str
    seconds: int
    allowance: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What a request was told: whether it may pass, how many more may, and real seconds to the next window."""

    passed: bool
    remaining: int
    reset: float


class Limiter:
    """Counts requests in each window; ``rolling`` slides with every request, ``fixed`` starts anew at each full stretch."""

    def __init__(self, windows: Sequence[Window], clock: Clock, *, rolling: bool, count_refused: bool) -> None:
        self._clock = clock
        self._rolling = rolling
        self._count_refused = count_refused
        self._used: list[tuple[Window, deque[float]]] = [(window, deque()) for window in windows]

    def take(self, now: float) -> Standing:
        """Count one request at the wall time ``now`` and say whether it may pass."""
        moment = now * self._clock.scale
        states = [self._state(window, used, moment) for window, used in self._used]
        passed = all(left > 0 for left, _ in states)
        if passed or self._count_refused:
            self.remember(now)
        spent = [state for state in states if state[0] <= 0]
        left, reset = max(spent, key=lambda state: state[1]) if spent else min(states, default=(1 << 30, 0.0))
        return Standing(passed, max(left - 1, 0), self._clock.wait(reset))

    def remember(self, now: float) -> None:
        """Count a request that has passed, without asking."""
        for _, used in self._used:
            used.append(now * self._clock.scale)

    def _state(self, window: Window, used: deque[float], moment: float) -> tuple[int, float]:
        start = moment - window.seconds if self._rolling else moment - moment % window.seconds
        while used and used[0] < start:
            used.popleft()
        opens = used[0] if self._rolling and used else start if not self._rolling else moment
        return window.allowance - len(used), opens + window.seconds - moment


LIMIT_SWITCHES = (
    Switch("limits", "on", ("on", "off"), "whether the plan's request limits hold", "freshsales-api §7, pipedrive-api"),
    Switch("limit_window", "fixed", ("fixed", "rolling"), "kind of the limit's window", "reliability §9: hour window kind"),
    Switch("limit_counts_refused", "off", ("on", "off"), "whether a refused request uses up the limit", "reliability §9"),
)

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


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a stand-in sees it; ``parts`` is the path below the host."""

    method: str
    parts: tuple[str, ...]
    query: Mapping[str, str]
    body: bytes
    host: str
    now: float


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: a status, a body and its type."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """Raised by a handler to answer no; nothing that the request wrote is kept."""

    def __init__(self, status: int, *messages: str) -> None:
        self.status = status
        self.messages = messages
        super().__init__(status, *messages)


@dataclass(frozen=True)
class House:
    """All that a stand-in is given: the state file, the clock, the chosen switches and the tenant's recipe."""

    state: State
    clock: Clock
    switches: Switches
    tenant: Json


class StandIn(Protocol):
    """What ``workbench.rehearsal.<destination>.open_stand_in`` returns."""

    base: str  # path under which a client finds the API

    def windows(self) -> Sequence[Window]: ...
    def authorised(self, headers: Mapping[str, str], query: Mapping[str, str], token: str) -> bool: ...
    def settle(self, now: float) -> None: ...
    def answer(self, call: Call) -> Reply: ...
    def refuse(self, status: int, messages: Iterable[str]) -> Reply: ...
    def limit_headers(self, standing: Standing, now: float) -> Mapping[str, str]: ...
    def create_fields(self, plan: Sequence[Json]) -> list[Json]: ...
