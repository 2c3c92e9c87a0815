"""The nine phases: how each ended last, and which may begin."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import Engine, insert, select

from workbench.clock import now
from workbench.decisions.decision import to_json
from workbench.errors import EngagementError, GateClosed, listed
from workbench.show import heading, html_table
from workbench.store import phases, writing

__all__ = ["PHASES", "Gate", "PhaseState", "Phases"]

PHASES = ("intake", "discovery", "mapping", "owners", "provisioning", "sample", "production", "cutover", "handoff")
ROLLBACK = "rollback"


@dataclass(frozen=True)
class PhaseState:
    """How a phase ended last."""

    phase: str
    state: str  # passed, blocked or open
    reasons: tuple[str, ...]
    summary: Mapping[str, Any]
    at: str  # UTC, empty where it never ran


@dataclass(frozen=True)
class Gate:
    """A phase that may begin: which earlier ones are passed, and which a person has waived and why."""

    phase: str
    passed: tuple[str, ...]
    waived: Mapping[str, str]

    @property
    def frame(self) -> pd.DataFrame:
        """One row an earlier phase: phase, state, why."""
        rows = [[p, "waived" if p in self.waived else "passed", self.waived.get(p, "")] for p in PHASES]
        known = [row for row in rows if row[0] in self.passed or row[0] in self.waived]
        return pd.DataFrame(known, columns=["phase", "state", "why"], dtype="str")

    def _repr_html_(self) -> str:
        waived = html_table(self.frame[self.frame["state"] == "waived"], caption="Waived") if self.waived else ""
        passed = f": {', '.join(self.passed)} passed" if self.passed else ""
        return heading(f"{self.phase} may begin{passed}", good=True) + waived


class Phases:
    """The phases of one engagement in its store; the newest record of a phase counts."""

    def __init__(self, store: Engine, *, engagement_id: str) -> None:
        self._store = store
        self._id = engagement_id

    def gate(self, phase: str, *, waived: Mapping[str, str]) -> Gate:
        """Let a phase begin, or raise GateClosed; `waived` gives for a phase who waived it and why."""
        earlier = PHASES[: PHASES.index(_known(phase))] if phase != ROLLBACK else ()
        states = self._states()
        passed = tuple(p for p in earlier if states[p].state == "passed")
        closed = [states[p] for p in earlier if p not in passed and p not in waived]
        if closed:
            raise GateClosed(
                f"{phase} cannot begin",
                expected="every earlier phase passed, or waived by a named person with a reason",
                found=listed([_lacking(state) for state in closed]),
                todo=f"finish {closed[0].phase} first",
            )
        return Gate(phase, passed, {p: waived[p] for p in earlier if p in waived and p not in passed})

    def record(self, phase: str, *, passed: bool, reasons: Sequence[str], summary: Mapping[str, Any]) -> PhaseState:
        """Keep how a phase ended."""
        state, at = "passed" if passed else "blocked", now()
        row = {"phase": _known(phase), "state": state, "reasons": to_json(tuple(reasons)), "summary": to_json(summary)}
        with writing(self._store) as connection:
            connection.execute(insert(phases).values(**row, engagement=self._id, at=at))
        return PhaseState(phase, state, tuple(reasons), json.loads(row["summary"]), at)

    def state(self, phase: str) -> PhaseState:
        """How a phase ended last; open where it never ran."""
        return self._states()[_known(phase)]

    def frame(self) -> pd.DataFrame:
        """One row a phase, in order: phase, state, reasons, at."""
        states = self._states()
        rows = [[p, states[p].state, "; ".join(states[p].reasons), states[p].at] for p in PHASES]
        return pd.DataFrame(rows, columns=["phase", "state", "reasons", "at"], dtype="str")

    def _states(self) -> dict[str, PhaseState]:
        states = {phase: PhaseState(phase, "open", (), {}, "") for phase in (*PHASES, ROLLBACK)}
        query = select(phases).where(phases.c.engagement == self._id).order_by(phases.c.id)
        with self._store.connect() as connection:
            for row in connection.execute(query).mappings():
                reasons, summary = tuple(json.loads(row["reasons"])), json.loads(row["summary"])
                states[row["phase"]] = PhaseState(row["phase"], row["state"], reasons, summary, row["at"])
        return states


def _lacking(state: PhaseState) -> str:
    return f"{state.phase} is {state.state}" + (f" ({'; '.join(state.reasons)})" if state.reasons else "")


def _known(phase: str) -> str:
    if phase not in PHASES and phase != ROLLBACK:
        raise EngagementError("there is no such phase", expected=listed([*PHASES, ROLLBACK]), found=phase)
    return phase
