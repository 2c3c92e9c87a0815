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
from workbench.engagement.waivers import Waiver, waivers_table
from workbench.errors import EngagementError, GateClosed, listed
from workbench.plain import Shown
from workbench.show import facts, heading, html_table, together
from workbench.store import phases, writing

__all__ = ["INTAKE", "PHASES", "Gate", "PhaseState", "Phases", "problem_of"]

PHASES = ("intake", "discovery", "mapping", "owners", "provisioning", "sample", "production", "cutover", "handoff")
INTAKE, ROLLBACK = "intake", "rollback"
"""The one phase whose problems have names of their own, and the one that needs no other."""


@dataclass(frozen=True, repr=False)
class PhaseState(Shown):
    """How a phase ended last."""

    phase: str
    state: str  # passed, blocked or open
    reasons: tuple[str, ...]
    summary: Mapping[str, Any]
    at: str  # UTC, empty where it never ran

    @property
    def words(self) -> str:
        """What keeps it from having passed, in one line; the state alone where nothing was said."""
        return "; ".join(self.reasons) or self.state

    def _repr_html_(self) -> str:
        said = f"{self.phase}: " + ("it has not run yet" if self.state == "open" else self.state)
        good = {"passed": True, "blocked": False}.get(self.state)
        why = html_table(pd.DataFrame({"because": list(self.reasons)}), first=20) if self.reasons else ""
        told = facts([(name.replace("_", " "), str(value)) for name, value in self.summary.items()]) if self.summary else ""
        return together(heading(said, good=good), why, told)


@dataclass(frozen=True, repr=False)
class Gate(Shown):
    """What stands before a phase: how the earlier ones ended, and what a person has waived and why."""

    phase: str
    before: tuple[PhaseState, ...]  # the earlier phases, in order
    waivers: tuple[Waiver, ...]  # of these phases and of their problems

    @property
    def passed(self) -> tuple[str, ...]:
        """The earlier phases that have passed."""
        return tuple(each.phase for each in self.before if each.state == "passed")

    @property
    def waived(self) -> Mapping[str, str]:
        """The earlier phases that have not passed and are waived, with who waived them and why."""
        covered = {each.phase: self._covering(each) for each in self.before if each.state != "passed"}
        return {phase: "; ".join(map(str, waivers)) for phase, waivers in covered.items() if waivers}

    @property
    def closed(self) -> tuple[PhaseState, ...]:
        """The phases that keep this one from beginning; none where it may."""
        return tuple(each for each in self.before if each.state != "passed" and not self._covering(each))

    @property
    def frame(self) -> pd.DataFrame:
        """One row an earlier phase that has passed or is waived: phase, state, why."""
        rows = [[each.phase, "waived" if each.phase in self.waived else "passed", self.waived.get(each.phase, "")]
                for each in self.before if each not in self.closed]  # fmt: skip
        return pd.DataFrame(rows, columns=["phase", "state", "why"], dtype="str")

    def require(self) -> Gate:
        """The same, or GateClosed with what the earlier phases lack."""
        if not self.closed:
            return self
        first = self.closed[0].phase
        raise GateClosed(
            f"{self.phase} cannot begin",
            expected="every earlier phase passed, or waived by a named person with a reason",
            found=listed([self._lacking(state) for state in self.closed]),
            todo=f"finish {first} first, in the notebook {PHASES.index(first) + 1:02d}_{first}; or have it waived by name, "
            f"role and reason: widgets.waivers(engagement) in a notebook, or workbench waive DIR {first}",
        )

    def _repr_html_(self) -> str:
        passed = f": {', '.join(self.passed)} passed" if self.passed else ""
        waived = waivers_table([each for each in self.waivers if self._counts(each)])
        if not self.closed:
            return together(heading(f"{self.phase} may begin{passed}", good=True), waived)
        rows = [
            [each.phase, each.state, "; ".join(each.reasons) or "it has not run yet", self._void(each)] for each in self.closed
        ]
        lacking = pd.DataFrame(rows, columns=["phase", "state", "because", "waiver"], dtype="str")
        said = heading(f"{self.phase} cannot begin yet{passed}", good=False)
        return together(said, html_table(lacking, caption="What is lacking", first=20), waived)

    def _covering(self, state: PhaseState) -> tuple[Waiver, ...]:
        """The waivers that let a phase pass: one of the phase itself, or one for each problem that keeps it blocked."""
        whole = [each for each in self.waivers if each.covers(state.phase, state.words)]
        if whole or state.phase != INTAKE or not state.reasons:
            return tuple(whole)
        found = [[each for each in self.waivers if each.covers(problem_of(reason), reason)] for reason in state.reasons]
        return tuple(each[0] for each in found) if all(found) else ()

    def _counts(self, waiver: Waiver) -> bool:
        """Whether a waiver has let something pass on the way here, rather than a phase that passed by itself since."""
        return "/" in waiver.subject or waiver.subject in self.waived

    def _void(self, state: PhaseState) -> str:
        void = [each for each in self.waivers if each.subject == state.phase]
        return f"no longer covers it, as it reads otherwise now ({void[0]})" if void else ""

    def _lacking(self, state: PhaseState) -> str:
        why = f" ({'; '.join(state.reasons)})" if state.reasons else ""
        void = "; a waiver of it was given when it read otherwise" if self._void(state) else ""
        return f"{state.phase} is {state.state}{why}{void}"


class Phases:
    """The phases of one engagement in its store; the newest record of a phase counts."""

    def __init__(self, store: Engine, *, engagement_id: str) -> None:
        self._store = store
        self._id = engagement_id

    def before(self, phase: str, *, waivers: Sequence[Waiver]) -> Gate:
        """What stands before a phase; the waivers of later ones are left out."""
        earlier = PHASES[: PHASES.index(_known(phase))] if phase != ROLLBACK else ()
        states = self._states()
        ours = [each for each in waivers if (INTAKE if "/" in each.subject else each.subject) in earlier]
        return Gate(phase, tuple(states[p] for p in earlier), tuple(ours))

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

    def states(self) -> tuple[PhaseState, ...]:
        """How each of the nine ended last, in order."""
        found = self._states()
        return tuple(found[phase] for phase in PHASES)

    def frame(self) -> pd.DataFrame:
        """One row a phase, in order: phase, state, reasons, at."""
        rows = [[each.phase, each.state, "; ".join(each.reasons), each.at] for each in self.states()]
        return pd.DataFrame(rows, columns=["phase", "state", "reasons", "at"], dtype="str")

    def _states(self) -> dict[str, PhaseState]:
        states = {phase: PhaseState(phase, "open", (), {}, "") for phase in (*PHASES, ROLLBACK)}
        query = select(phases).where(phases.c.engagement == self._id).order_by(phases.c.id)
        with self._store.connect() as connection:
            for row in connection.execute(query).mappings():
                reasons, summary = tuple(json.loads(row["reasons"])), json.loads(row["summary"])
                states[row["phase"]] = PhaseState(row["phase"], row["state"], reasons, summary, row["at"])
        return states


def problem_of(reason: str) -> str:
    """The name of a problem of the intake, `table/code`, of the words in which it stands."""
    return reason.split(":", 1)[0]


def _known(phase: str) -> str:
    if phase not in PHASES and phase != ROLLBACK:
        raise EngagementError("there is no such phase", expected=listed([*PHASES, ROLLBACK]), found=phase)
    return phase
