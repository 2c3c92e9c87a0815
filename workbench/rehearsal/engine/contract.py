"""The contract between the wire and a vendor's stand-in: what it is asked, what it answers, how it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from workbench.rehearsal.engine.faults import Faults
from workbench.rehearsal.engine.limits import Clock, Cost, Standing, Window
from workbench.rehearsal.engine.state import Json, State
from workbench.rehearsal.engine.switches import Switches


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a stand-in sees it; ``parts`` is the path below the host, header names are in lower case."""

    method: str
    parts: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    host: str  # scheme and host, as the client named them
    now: float
    slash: bool = False  # the path ends in a slash, which ``parts`` does not show


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: a status, a body and its type."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(value: object, status: int = 200) -> Reply:
    """An answer whose body is JSON without a blank, as both vendors write it."""
    return Reply(status, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


class Refusal(Exception):
    """Raised by a handler to answer no; nothing that the request wrote is kept.

    The stand-in's ``refuse`` puts status and messages into the vendor's words, unless ``reply`` already holds them.
    """

    def __init__(self, status: int, *messages: str, reply: Reply | None = None) -> None:
        self.status = status
        self.messages = messages
        self.reply = reply
        super().__init__(status, *messages)


@dataclass(frozen=True)
class House:
    """All that a stand-in is given: the state file, the clock, the chosen switches, the tenant's recipe and the faults."""

    state: State
    clock: Clock
    switches: Switches
    tenant: Json
    faults: Faults = field(default_factory=Faults)


class StandIn(Protocol):
    """What ``workbench.rehearsal.<destination>.open_stand_in`` returns."""

    base: str  # path under which a client finds the API

    def windows(self) -> Sequence[Window]: ...
    def cost(self, call: Call) -> Cost:
        """What the request uses up, known before it is done; asked after the key was checked."""
        ...

    def authorised(self, call: Call, token: str) -> bool:
        """Whether the request may enter at all; asked before any routing."""
        ...

    def body_limit(self, call: Call) -> int:
        """The most bytes that the body of this request may have; asked when it may enter, before the body is taken."""
        ...

    def undone(self) -> None:
        """What was written last has been taken back: forget what was remembered of it."""
        ...

    def settle(self, now: float) -> None:
        """Do what has become due: jobs, purges."""
        ...

    def answer(self, call: Call) -> Reply: ...
    def refuse(self, status: int, messages: Iterable[str], *, call: Call) -> Reply:
        """A refusal of this request in the vendor's words and envelope."""
        ...

    def limited(self, call: Call, standing: Standing) -> Reply:
        """The answer to a request beyond its limits, without the limit headers."""
        ...

    def limit_headers(self, standing: Standing, now: float) -> Mapping[str, str]: ...
    def create_fields(self, plan: Sequence[Json]) -> list[Json]: ...
