"""What somebody lets pass: a phase, or a problem of the intake, by name, in a role and for a reason."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from workbench.decisions import Decisions
from workbench.engagement.deliveries import MAIN
from workbench.errors import EditError
from workbench.show import day, html_table, name_of

__all__ = ["Waiver", "read_waivers", "waiver_value", "waivers_frame", "waivers_table"]

TITLES = {"waived": "waived", "words": "which is", "reason": "because", "by": "by", "role": "as", "on": "on"}


@dataclass(frozen=True)
class Waiver:
    """One waiver as it stands."""

    subject: str  # a phase, or a problem of the intake as `table/code`
    reason: str
    by: str
    role: str = ""  # empty in waivers from before roles were asked
    words: str = ""  # what stood there when it was waived; empty where nobody kept it
    at: str = ""  # UTC

    def covers(self, subject: str, words: str) -> bool:
        """Whether it lets this pass; what reads otherwise than it did then is something else, and needs a waiver of its own."""
        return subject == self.subject and self.words in ("", words)

    def lets(self, problem: str, *, delivery: str = MAIN) -> bool:
        """Whether it lets a problem pass: `table/code: words`, of a later delivery also as `delta/table/code: words`."""
        names = {problem, problem if delivery == MAIN else f"{delivery}/{problem}"}
        return any(self.covers(name.split(":", 1)[0], name) for name in names)

    def __str__(self) -> str:
        return f"{self.by}{f', {self.role}' if self.role else ''}: {self.reason}"


def read_waivers(decisions: Decisions, *, aside: Collection[str] = ()) -> tuple[Waiver, ...]:
    """The waivers that stand, oldest first; `aside` names subjects of the kind that are no waivers, such as limits accepted."""
    rows = decisions.current("waiver").to_dict("records")
    found = [_read(row) for row in rows if row["subject"] not in aside]
    return tuple(sorted((waiver for waiver in found if waiver.reason), key=lambda waiver: waiver.at))


def waiver_value(*, reason: str, role: str, words: str) -> dict[str, str]:
    """A waiver as a decision holds it; EditError where it lacks its reason or the role in which it is given."""
    for name, said in (("reason", reason), ("role", role)):
        if not said.strip():
            raise EditError(f"a waiver needs its {name}", expected=f"a {name} in words", todo=f"say the {name}")
    return {"reason": " ".join(reason.split()), "role": " ".join(role.split()), "words": words}


def waivers_frame(waivers: Iterable[Waiver]) -> pd.DataFrame:
    """One row a waiver: waived, words, reason, by, role, at."""
    rows = [[each.subject, each.words, each.reason, each.by, each.role, each.at] for each in waivers]
    return pd.DataFrame(rows, columns=["waived", "words", "reason", "by", "role", "at"], dtype="str")


def waivers_table(waivers: Iterable[Waiver], *, caption: str = "Waived") -> str:
    """The waivers as a table for people; nothing where there is none."""
    frame = waivers_frame(waivers)
    if frame.empty:
        return ""
    told = frame.assign(by=frame["by"].map(name_of), on=frame["at"].map(day))
    return html_table(told[list(TITLES)].rename(columns=TITLES), caption=caption, first=20)


def _read(row: Mapping[Hashable, object]) -> Waiver:
    said, subject, by, at = row["value"], str(row["subject"]), str(row["by"]), str(row["at"])
    if isinstance(said, Mapping):
        reason, role, words = (str(said.get(name, "")).strip() for name in ("reason", "role", "words"))
        return Waiver(subject, reason, by, role=role, words=words, at=at)
    return Waiver(subject, str(row["why"] or said).strip(), by, at=at)
