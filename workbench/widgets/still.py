"""The table of decisions as a still page shows it: every row and its answer in words, and who gave them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from workbench.show import day, name_of, percent
from workbench.widgets.answers import NEW, WORDINGS
from workbench.widgets.fits import Fit
from workbench.widgets.looking import SIDES, sides_of
from workbench.widgets.rows import counts
from workbench.widgets.subjects import parts_of
from workbench.widgets.twin import Twin

__all__ = ["twin_of"]

SHOWN = ["subject", "shown", "proposed", "confidence", "answer", "status", "by", "at", "why"]
SAMPLES = 2
PLACES = {"field": "feed", "value": "column", "duplicate": "where", "conflict": "record"}


def twin_of(
    kind: str,
    rows: pd.DataFrame,
    *,
    fits: Mapping[str, Fit] | None = None,
    collisions: Mapping[str, str] | None = None,
    notices: Sequence[str] = (),
) -> Twin:
    """The table as it stands, for a page without a kernel; `frame` holds it as it is kept, the page as it reads.

    `fits` says by subject what an answer makes of its column, `collisions` which other column fills the same field, and
    `notices` what is amiss with the whole.
    """
    wording = WORDINGS[kind]
    decided = rows[rows["status"] != "open"]
    notes = [f"{_counted(kind, rows)}.", *_same(decided), *(f"{words}." for words in notices)]
    fitted = [(fits or {}).get(str(subject), Fit()) for subject in rows["subject"]]
    made = {
        PLACES.get(kind, ""): list(rows["place"]),
        wording.subject.lower(): list(rows["name"]),
        **_stands(kind, rows),
        "sure": ["" if pd.isna(sure) or not sure else percent(float(sure)) for sure in rows["confidence"]],
        wording.answer.lower(): [_answer(kind, *pair) for pair in zip(rows["answer"], rows["status"], strict=True)],
        "its own word in": list(rows["taken"]) if "taken" in rows else [""] * len(rows),
        "left empty": list(rows["emptied"]) if "emptied" in rows else [""] * len(rows),
        "arrives as": [_arrives(fit) for fit in fitted],
        "to watch": [_watched(pair, collisions or {}) for pair in zip(rows["subject"], fitted, strict=True)],
        "proposed": [_other(kind, row) for row in rows.to_dict("records")],
        "decided by": _unless_same(decided, rows, "by").map(name_of),
        "on": _unless_same(decided.assign(at=decided["at"].map(day)), rows.assign(at=rows["at"].map(day)), "at"),
        "comment": _unless_same(decided, rows, "why"),
        "key": _keys(kind, rows),
    }
    made.pop("", None)
    return Twin(wording.title, str(counts(rows)), rows[SHOWN].copy(), view=pd.DataFrame(made), notes=tuple(notes))


def _keys(kind: str, rows: pd.DataFrame) -> list[str]:
    """What tells two records of one name apart, where rows are called by it."""
    keys = [parts_of(kind, str(subject))[0] if kind == "conflict" else "" for subject in rows["subject"]]
    return ["" if key == place else key for key, place in zip(keys, rows["place"], strict=True)]


def _stands(kind: str, rows: pd.DataFrame) -> dict[str, Sequence[str]]:
    """What each row shows; of a conflict the three sides, each in a column."""
    sides = [sides_of(str(shown)) for shown in rows["shown"]] if kind == "conflict" else []
    if not sides or not all(sides):
        return {"as it stands": list(rows["shown"])}
    return {name: [each[place] for each in sides] for place, name in enumerate(SIDES)}


def _arrives(fit: Fit) -> str:
    """The samples as they would arrive; what is refused is said to be."""
    return " | ".join(f"({pair.why})" if pair.refused else pair.becomes for pair in fit.pairs[:SAMPLES])


def _watched(row: tuple[object, Fit], collisions: Mapping[str, str]) -> str:
    subject, fit = row
    return "; ".join(filter(None, (collisions.get(str(subject), ""), *fit.warnings)))


def in_words(kind: str, text: str) -> str:
    """An answer as a person says it: a field of its own by its label, a record by its number."""
    if text == "":
        return WORDINGS[kind].nothing
    if kind == "field" and text.startswith(NEW):
        return f"{text[len(NEW) :]} (a new field)"
    return text.partition("/")[2] or text if kind == "duplicate" else text


def _counted(kind: str, rows: pd.DataFrame) -> str:
    told = counts(rows)
    left = f", {told.left} of them {WORDINGS[kind].left}" if told.left else ""
    return f"{told.total - told.open} of {told.total} decided{left}" + (f", {told.open} open" if told.open else "")


def _same(decided: pd.DataFrame) -> list[str]:
    """Sentences for what is the same in every decision, so that no column has to repeat it."""
    if decided.empty:
        return []
    people, days, why = (decided[name] for name in ("by", "at", "why"))
    when = f" on {day(days.iloc[0])}" if days.map(day).nunique() == 1 else ""
    said = f": {why.iloc[0]}" if why.nunique() == 1 and why.iloc[0] else ""
    return [f"Decided by {' and '.join(dict.fromkeys(people))}{when}{said}."]


def _unless_same(decided: pd.DataFrame, rows: pd.DataFrame, name: str) -> pd.Series:
    """A column of the decisions; empty, and thereby left out, where all of them say the same."""
    return rows[name] if decided[name].nunique() > 1 else pd.Series([""] * len(rows), index=rows.index, dtype="str")


def _answer(kind: str, answer: str, status: str) -> str:
    return "open" if status == "open" else in_words(kind, answer)


def _other(kind: str, row: Mapping[Hashable, Any]) -> str:
    """The proposal, where it is not what was decided."""
    given, proposed = str(row["answer"]), str(row["proposed"] or "")
    differs = row["status"] == "open" or given != proposed
    return in_words(kind, proposed) if differs and (proposed or WORDINGS[kind].nothing) else ""
