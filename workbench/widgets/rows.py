"""Proposals beside decisions: what a table of decisions shows, one row a subject."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.decisions.contested import contested
from workbench.decisions.survivors import emptied_of, taken_of
from workbench.engagement import Engagement
from workbench.widgets.answers import WORDINGS, alternatives, as_text
from workbench.widgets.subjects import parts_of

__all__ = ["Counts", "as_decided", "counts", "plain", "read_rows", "status_of", "targets_of", "words"]


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

    Columns: subject, shown, proposed, confidence, reasons (list), alternatives (list), value (as proposed), place and name
    (what the subject is called), answer, status,
    by, at, why, taken and emptied (columns in which a row that goes into another record has the word, or the record says
    nothing). A row nobody has decided on has an empty answer and the status `open`.
    """
    proposals = engagement.decisions.proposals(kind)
    rows = [_row(kind, row) for row in proposals.itertuples(index=False)]
    return as_decided(engagement, kind, pd.DataFrame(rows, columns=PROPOSED))


def as_decided(engagement: Engagement, kind: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Such rows with the decisions that count now, in the place of those that counted when they were read."""
    decided = {row.subject: row for row in engagement.decisions.current(kind).itertuples(index=False)}
    told = [_decision(kind, decided.get(subject)) for subject in rows["subject"]]
    return pd.concat([rows[PROPOSED], pd.DataFrame(told, columns=DECIDED, index=rows.index)], axis="columns")


def targets_of(rows: pd.DataFrame) -> dict[str, str]:
    """Subject → the answer as text: the decided one, else the proposed one; empty where the column stays behind."""
    return {
        str(row["subject"]): str((row["proposed"] if row["status"] == "open" else row["answer"]) or "")
        for row in rows.to_dict("records")
    }


PROPOSED = ["subject", "shown", "proposed", "confidence", "reasons", "alternatives", "value", "place", "name"]
DECIDED = ["answer", "status", "by", "at", "why", "taken", "emptied"]


def _row(kind: str, proposal: Any) -> tuple[object, ...]:
    of = contested(proposal.shown)
    return (
        proposal.subject,
        of.values if kind == "conflict" else plain(proposal.shown),
        as_text(kind, proposal.value),
        None if pd.isna(proposal.confidence) else round(float(proposal.confidence), 3),
        words(proposal.reasons),
        alternatives(proposal.alternatives),
        proposal.value,
        *((of.record, of.field) if kind == "conflict" and of.title else parts_of(kind, str(proposal.subject))),
    )


def _decision(kind: str, decision: Any) -> tuple[str, ...]:
    if decision is None:
        return ("", status_of(kind, None), "", "", "", "", "")
    answer = as_text(kind, decision.value)
    said = [", ".join(of(decision.value)) if kind == "duplicate" else "" for of in (taken_of, emptied_of)]
    return (answer, status_of(kind, answer), decision.by, str(decision.at), decision.why or "", *said)


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
