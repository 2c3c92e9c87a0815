"""Proposals beside decisions: what a table of decisions shows, one row a subject."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.engagement import Engagement
from workbench.widgets.answers import WORDINGS, alternatives, as_text

__all__ = ["Counts", "counts", "plain", "read_rows", "status_of", "words"]


@dataclass(frozen=True)
class Counts:
    """How far a table of decisions is."""

    total: int
    confirmed: int
    left: int  # decided, with the answer that leaves things as they are

    @property
    def open(self) -> int:
        return self.total - self.confirmed - self.left

    def __str__(self) -> str:
        return f"{self.total - self.open} of {self.total} decided, {self.open} open, {self.left} left"


def read_rows(engagement: Engagement, kind: str) -> pd.DataFrame:
    """Every proposal of a kind with the decision that counts now.

    Columns: subject, shown, proposed, confidence, reasons (list), alternatives (list), value (as proposed), answer, status,
    by, at, why. A row nobody has decided on has an empty answer and the status `open`.
    """
    proposals = engagement.decisions.proposals(kind)
    decided = {row.subject: row for row in engagement.decisions.current(kind).itertuples(index=False)}
    return pd.DataFrame(
        [_row(kind, row, decided.get(row.subject)) for row in proposals.itertuples(index=False)], columns=COLUMNS
    )


COLUMNS = [
    "subject",
    "shown",
    "proposed",
    "confidence",
    "reasons",
    "alternatives",
    "value",
    "answer",
    "status",
    "by",
    "at",
    "why",
]


def _row(kind: str, proposal: Any, decision: Any) -> tuple[object, ...]:
    answer = "" if decision is None else as_text(kind, decision.value)
    return (
        proposal.subject,
        plain(proposal.shown),
        as_text(kind, proposal.value),
        None if pd.isna(proposal.confidence) else round(float(proposal.confidence), 3),
        words(proposal.reasons),
        alternatives(proposal.alternatives),
        proposal.value,
        answer,
        status_of(kind, None if decision is None else answer),
        *(("", "", "") if decision is None else (decision.by, str(decision.at), decision.why or "")),
    )


def status_of(kind: str, answer: str | None) -> str:
    """`open` without an answer, `confirmed` with one, and the kind's own word for the empty one."""
    if answer is None:
        return "open"
    return "confirmed" if answer else (WORDINGS[kind].left or "confirmed")


def counts(rows: pd.DataFrame) -> Counts:
    """How many rows of such a frame are confirmed and how many are left as they are."""
    confirmed = int((rows["status"] == "confirmed").sum())
    return Counts(len(rows), confirmed, len(rows) - confirmed - int((rows["status"] == "open").sum()))


def words(given: object) -> list[str]:
    """Reasons as a list of short texts, whether they came as one text or as several."""
    if isinstance(given, str):
        return [part.strip() for part in given.split(";") if part.strip()]
    return [plain(part) for part in given] if isinstance(given, (list, tuple)) else []


def plain(given: object) -> str:
    """What was shown, as one line."""
    if isinstance(given, Mapping):
        return " · ".join(
            f"{name} {plain(part)}" if name not in ("samples", "shown") else plain(part)
            for name, part in given.items()
            if part not in (None, "", [])
        )
    if isinstance(given, (list, tuple)):
        return " | ".join(plain(part) for part in given)
    if given is None or given is pd.NA or (isinstance(given, float) and given != given):
        return ""
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str)
