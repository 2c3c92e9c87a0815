"""What was decided in one table, step by step, so that it can be taken back and given again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from workbench.engagement import Engagement

__all__ = ["OURS", "Step", "Steps"]

OURS = TAKEN_BACK, GIVEN_AGAIN = "taken back", "given again"
"""What we say ourselves of a turn; it is nobody's comment, and does not go along with the next answer."""

MEANWHILE = "Decided otherwise meanwhile, so it stays as it is."


@dataclass(frozen=True)
class Step:
    """What one confirmation changed: subject → answer before, and after; None where there was none."""

    before: Mapping[str, object]
    after: Mapping[str, object]


@dataclass
class Steps:
    """The steps of one table that can be taken back, and those that were. The store keeps them all, either way."""

    engagement: Engagement
    kind: str
    done: list[Step] = field(default_factory=list)
    undone: list[Step] = field(default_factory=list)

    def record(self, before: Mapping[str, object], after: Mapping[str, object]) -> None:
        """A confirmation that is in the store; what was taken back before it cannot be given again any more."""
        self.done.append(Step(before, after))
        self.undone.clear()

    def undo(self, *, by: str) -> dict[str, str]:
        """Give the rows of the last step the answers that they had before; what somebody else has decided since stays.

        Returns the subjects that stay, and why.
        """
        if not self.done:
            return {"": "There is nothing to take back."}
        step = self.done[-1]
        kept = self._turn(step.after, step.before, by=by, why=TAKEN_BACK)
        self.undone.append(self.done.pop())
        return kept

    def redo(self, *, by: str) -> dict[str, str]:
        """Give the rows of the last step that was taken back their answers again; otherwise as `undo`."""
        if not self.undone:
            return {"": "There is nothing to give again."}
        step = self.undone[-1]
        kept = self._turn(step.before, step.after, by=by, why=GIVEN_AGAIN)
        self.done.append(self.undone.pop())
        return kept

    def _turn(self, expected: Mapping[str, object], wanted: Mapping[str, object], *, by: str, why: str) -> dict[str, str]:
        decisions = self.engagement.decisions
        stored = decisions.mapping(self.kind)
        kept = {subject: MEANWHILE for subject, value in expected.items() if stored.get(subject) != value}
        turned = {subject: value for subject, value in wanted.items() if subject not in kept}
        given = {subject: value for subject, value in turned.items() if value is not None}
        late: list[str] = []
        if given:
            frame = pd.DataFrame({"subject": list(given), "value": pd.Series(list(given.values()), dtype="object")})
            late += decisions.confirm_many(self.kind, frame, by=by, why=why, before=expected)
        taken = {subject: expected[subject] for subject, value in turned.items() if value is None}
        if taken:
            late += decisions.withdraw_many(self.kind, taken, by=by, why=why)
        kept.update(dict.fromkeys(late, MEANWHILE))
        return kept
