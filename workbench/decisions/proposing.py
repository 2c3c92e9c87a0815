"""What the machine proposes, as rows of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from workbench.decisions.decision import to_json
from workbench.errors import EditError, listed

__all__ = ["proposed"]


def proposed(kind: str, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame of proposals; EditError where one names no subject, or two the same."""
    rows = [_proposal(row) for row in frame.to_dict("records")]
    _once([row["subject"] for row in rows], kind)
    return rows


def _proposal(row: Mapping[Any, Any]) -> dict[str, Any]:
    confidence = row.get("confidence")
    if not isinstance(row.get("subject"), str) or not row["subject"]:
        raise EditError(
            "a proposal names what it is about", expected="a text in column subject", found=repr(row.get("subject"))
        )
    texts = {name: to_json(row.get(name)) for name in ("value", "reasons", "alternatives", "shown")}
    return {
        "subject": row["subject"],
        "confidence": 0.0 if confidence is None or pd.isna(confidence) else float(confidence),
        **texts,
    }


def _once(subjects: Sequence[str], kind: str) -> None:
    if len(set(subjects)) == len(subjects):
        return
    twice = sorted({subject for subject in subjects if subjects.count(subject) > 1})
    raise EditError("a subject is proposed once", found=listed(twice), where=kind)
