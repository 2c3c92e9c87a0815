"""How a rollback ended, as frames: every record's verdict, what people had changed, how fresh our looks were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.ledger.operations import Operation, Operations, operations
from workbench.ledger.unloading.judging import Edit
from workbench.ledger.unloading.trails import Trail, objects_of, stretches

__all__ = ["Residual", "edited_frame", "verdict_frame"]

COLUMNS = ("object", "key", "id", "verdict", "words")
EDITED = ("object", "key", "id", "field", "before", "ours", "now")
STATES = ("done", "reversed", "kept")
SHOWN_VERBS = ("create", "update", "create_field")


@dataclass(frozen=True)
class Residual:
    """How old, in seconds, our look at a record was when it was changed or deleted: no call can make that conditional."""

    changes: int = 0
    median: float = 0.0
    longest: float = 0.0

    @classmethod
    def of(cls, windows: Sequence[float]) -> Residual:
        """The figures of as many windows as there were changes."""
        if not windows:
            return cls()
        series = pd.Series(windows, dtype="float64")
        return cls(len(windows), float(series.median()), float(series.max()))

    def __str__(self) -> str:
        if not self.changes:
            return "nothing was changed or deleted"
        return (
            f"{self.changes:,} records changed or deleted, each {self.median:.2f} s after it was looked at "
            f"(median; {self.longest:.2f} s at most): an edit within that time is not seen"
        )


def edited_frame(rows: Iterable[tuple[Trail, Edit]]) -> pd.DataFrame:
    """One row a field that people changed: object, key, id, field, before, ours, now."""
    table = [
        (trail.object, trail.key, trail.id, edit.field, _said(edit.before), _said(edit.ours), _said(edit.now))
        for trail, edit in rows
    ]
    return pd.DataFrame(table, columns=list(EDITED), dtype="str")


def verdict_frame(
    ledger: Operations, errors: Mapping[int, str], *, doubted: Sequence[tuple[Operation, str]] = ()
) -> pd.DataFrame:
    """Every record and field with its verdict, one row each, newest first; `errors` are words by operation.

    `doubted` are changes that are kept without anybody knowing whether they were made, with the words for it.
    """
    c = operations.c
    extents = [each for verb in SHOWN_VERBS for each in objects_of(ledger, verb=verb, states=STATES).values()]
    extent = (min(first for first, _ in extents), max(last for _, last in extents)) if extents else None
    wanted = c.verb.in_(SHOWN_VERBS) & c.state.in_(STATES)
    parts = [pd.DataFrame(columns=[*COLUMNS, "_field"], dtype="str")]
    for rows in stretches(ledger, wanted, extent):
        parts.append(pd.DataFrame([_row(row, errors) for row in rows], columns=[*COLUMNS, "_field"], dtype="str"))
    kept = [(row.object, row.key, row.id, "kept", words, "") for row, words in doubted]
    parts.append(pd.DataFrame(kept, columns=[*COLUMNS, "_field"], dtype="str"))
    frame = pd.concat(parts, ignore_index=True)
    named = frame["id"] != ""
    twice = frame.duplicated(["object", "id", "_field"], keep="last") & named  # the first operation on a record gives its key
    return frame[~twice].drop(columns="_field").reset_index(drop=True)


def _row(row: Operation, errors: Mapping[int, str]) -> tuple[str, ...]:
    verdict = row.state if row.state != "done" else "errored"
    return (row.object, row.key, row.id, verdict, errors.get(row.op, row.words), "field" if row.verb == "create_field" else "")


def _said(value: object) -> str:
    return "" if value is None else "; ".join(str(item) for item in value) if isinstance(value, list | tuple) else str(value)
