"""What the customer is told of the delivery: the certificate with its gates and waivers, and the letter of what is missing."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import pandas as pd

from workbench import reports
from workbench.engagement import PHASES, Engagement
from workbench.engagement.phases import INTAKE
from workbench.engagement.waivers import Waiver, waivers_frame
from workbench.show import day, name_of

__all__ = ["certificate", "letter"]


def certificate(engagement: Engagement, about: reports.About) -> reports.Certificate:
    """What arrived, what is doubtful about it, how each phase before the handoff ended, and who let what pass."""
    came, waivers = engagement.load("intake"), waivers_frame(engagement.waivers())
    return reports.Certificate(
        about=about,
        files=_noted(came).drop(columns=["problem"]),
        problems=engagement.phase(INTAKE).reasons,
        phases=_phases(engagement),
        waivers=waivers.assign(by=waivers["by"].map(name_of), on=waivers["at"].map(day)).drop(columns=["at"]),
        findings=len(engagement.load("findings")),
    )


def _phases(engagement: Engagement) -> pd.DataFrame:
    """One row a phase: phase, state, because, on. The handoff itself ends with the document in which this stands."""
    gate = engagement.before(PHASES[-1])
    rows = [
        [each.phase, "waived" if each.phase in gate.waived else each.state, "; ".join(each.reasons), day(each.at)]
        for each in gate.before
    ]
    return pd.DataFrame(rows, columns=["phase", "state", "because", "on"], dtype="str")


def letter(engagement: Engagement, about: reports.About) -> reports.GapLetter:
    """What was asked for and did not come; of what somebody has waived, nothing more is asked."""
    came = _noted(engagement.load("intake"))
    received = came.assign(rows=came["rows"] + came["rejected"])[["file", "rows", "first", "last", "note"]]
    return reports.GapLetter(about=about, gaps=_gaps(engagement), received=received)


def _noted(intake: pd.DataFrame) -> pd.DataFrame:
    """The files that came, with a note of what a reader would stumble over."""
    came = intake[intake["file"] != ""]
    notes = [
        _note(
            rejected=int(row["rejected"]),
            stated=None if pd.isna(row["stated"]) else int(row["stated"]),
            found=int(row["rows"] + row["rejected"]),
        )
        for row in came.to_dict("records")
    ]
    return came.assign(note=pd.Series(notes, index=came.index, dtype="str"))


def _gaps(engagement: Engagement) -> pd.DataFrame:
    gaps, waivers = engagement.load("gaps"), engagement.waivers()
    asks = [_ask(row, [each for each in waivers if _speaks_of(each, row)]) for row in gaps.astype("str").to_dict("records")]
    return gaps.assign(ask=pd.Series(asks, index=gaps.index, dtype="str"))


def _ask(row: Mapping[Hashable, str], waivers: list[Waiver]) -> str:
    if not waivers:
        return row["ask"]
    waiver = waivers[-1]
    role = f", {waiver.role}," if waiver.role else ""
    return f"nothing more: {name_of(waiver.by)}{role} has let it pass on {day(waiver.at)} ({waiver.reason})"


def _speaks_of(waiver: Waiver, row: Mapping[Hashable, str]) -> bool:
    """Whether a waiver is one of this problem, as the letter tells it: `table/code: found`."""
    problem, _, found = waiver.words.partition(": ")
    return problem == waiver.subject and problem.partition("/")[0] == row["table"] and found == row["found"]


def _note(*, rejected: int, stated: int | None, found: int) -> str:
    """What a reader of the letter would stumble over: lines that cannot be read, and a count that is another one."""
    said = [f"{rejected} of them cannot be read"] if rejected else []
    if stated not in (None, found):
        header = ", which seems to count the header" if stated == found + 1 else ""
        said.append(f"the cover letter says {stated}{header}")
    return "; ".join(said)
