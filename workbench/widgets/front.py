"""What the front end of a table of decisions is given: its script and style, its words, and its rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.widgets.answers import NEW, WORDINGS, as_text, group_of, is_missing
from workbench.widgets.columns import Column
from workbench.widgets.fits import Fit
from workbench.widgets.looking import SIDES, Look, sides_of

__all__ = ["answers_of", "fit_of", "look_of", "row_of", "script", "style", "wording_of"]

HERE = Path(__file__).parent / "script"
PARTS = ("presence", "elements", "order", "row", "cluster", "sides", "detail", "picker", "keys", "talk", "table", "render")
"""One file a thing; the browser is given them as one text, in this order."""
WEIGHED = 6
"""Up to so many alternatives are shown as such."""


def script() -> str:
    """The front end as one module without imports, so that it travels with the widget and asks for nothing."""
    return "\n".join((HERE / f"{part}.js").read_text(encoding="utf-8") for part in PARTS)


def style() -> str:
    """How it looks, in the colours of whatever theme the notebook has."""
    return (HERE / "table.css").read_text(encoding="utf-8")


def wording_of(kind: str) -> dict[str, Any]:
    """The words of one kind of table, as the front end shows them."""
    wording = WORDINGS[kind]
    return {
        "title": wording.title,
        "subject": wording.subject,
        "answer": wording.answer,
        "nothing": wording.nothing,
        "left": wording.left,
        "new": NEW if kind == "field" else "",
        "reads": kind == "field",
        "sides": list(SIDES) if kind == "conflict" else [],
    }


def row_of(kind: str, row: Any, column: Column | None) -> dict[str, object]:
    """One row as the front end shows it; `column` is what is known of it, where it is a column."""
    made: dict[str, object] = {
        "id": row.subject,
        "place": row.place,
        "name": row.name,
        "group": group_of(kind, row.subject),
        "shown": row.shown,
        "proposed": None if is_missing(row.value) or not (row.proposed or WORDINGS[kind].nothing) else row.proposed,
        "confidence": None if pd.isna(row.confidence) else row.confidence,
        "reasons": row.reasons,
        "alternatives": _others(kind, row),
        "sides": list(sides_of(row.shown)) if kind == "conflict" else [],
    }
    if column is not None and column.fill is not None:
        made |= {"fill": column.fill, "kind": column.kind.replace("_", " "), "samples": list(column.samples)}
    if column is not None:
        made |= {"custom": column.custom, "personal": column.personal}
    return made


def answers_of(frame: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Subject → answer, status, why and by, of the decided rows of such a frame as `read_rows` gives."""
    decided = frame[frame["status"] != "open"]
    return {
        str(row["subject"]): {name: str(row[name]) for name in ("answer", "status", "why", "by")}
        for row in decided.to_dict("records")
    }


def fit_of(fit: Fit) -> dict[str, object]:
    """A fit as the front end is sent it."""
    pairs = [[pair.source, pair.becomes, pair.why, pair.refused] for pair in fit.pairs]
    return {"reading": fit.reading, "pairs": pairs, "warnings": list(fit.warnings)}


def look_of(look: Look) -> Mapping[str, object]:
    """Records side by side as the front end is sent them."""
    told = {"heads": list(look.heads), "lines": [list(line) for line in look.lines], "differs": list(look.differs)}
    return {**told, "subjects": list(look.subjects), "chosen": list(look.chosen), "needed": list(look.needed)}


def _others(kind: str, row: Any) -> list[str]:
    """The few answers that were weighed against the proposed one; a list of everything there is says nothing."""
    others = list(dict.fromkeys(as_text(kind, value) for value in row.alternatives))
    return [text for text in others if text != row.proposed] if len(others) <= WEIGHED else []
