"""The state of the data as it came, and what the destination can hold of its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from workbench.reports.pages import About, table_of, write_page
from workbench.reports.reasons import explained
from workbench.reports.workbooks import Sheet, write_workbook

__all__ = ["Fidelity", "Quality", "render_fidelity", "render_quality"]

FINDING_TITLES = {
    "file": "file",
    "table": "table",
    "column": "column",
    "words": "what was found",
    "count": "times",
    "sample": "for example",
    "detail": "detail",
    "todo": "what to do",
}
DUPLICATE_TITLES = {
    "subject": "row",
    "shown": "as it stands",
    "reasons": "alike in",
    "confidence": "sure",
    "decided": "decided",
}


@dataclass(frozen=True)
class Quality:
    """What intake and discovery found in the files; every frame may be empty.

    ``findings`` and ``damage`` have a column `code` (a reason code) and any of file, table, column, count, sample,
    detail, as intake gives them. ``duplicates`` and ``orphans`` are shown column by column as they are.
    """

    about: About
    findings: pd.DataFrame
    damage: pd.DataFrame = field(default_factory=pd.DataFrame)  # what spreadsheets did to values
    duplicates: pd.DataFrame = field(default_factory=pd.DataFrame)
    orphans: pd.DataFrame = field(default_factory=pd.DataFrame)
    rows: int = 0  # rows that were looked at


@dataclass(frozen=True)
class Fidelity:
    """Per object, what the destination holds of created, updated, author and owner history, and where the rest goes.

    ``objects`` has columns object, aspect (created, updated, author, owner history), kept (yes, in part, no), where,
    and records (how many it concerns). ``losses`` has what and where, ``limits`` what the customer accepted
    in writing, column by column as it is.
    """

    about: About
    objects: pd.DataFrame
    losses: pd.DataFrame = field(default_factory=pd.DataFrame)
    limits: pd.DataFrame = field(default_factory=pd.DataFrame)


def render_quality(inputs: Quality, folder: Path) -> list[Path]:
    """Write data-quality.html and data-quality.xlsx."""
    findings, damage = _in_words(inputs.findings), _in_words(inputs.damage)
    values = {
        "rows": inputs.rows,
        "findings": table_of(findings, titles=FINDING_TITLES, limit=300),
        "damage": table_of(damage, titles=FINDING_TITLES, limit=300),
        "duplicates": table_of(
            inputs.duplicates, titles=DUPLICATE_TITLES if "decided" in inputs.duplicates else None, limit=12
        ),
        "orphans": table_of(inputs.orphans, limit=200),
    }
    title = "Data quality"
    page = write_page(folder / "data-quality.html", "quality.html.j2", about=inputs.about, title=title, values=values)
    wide = ("words", "todo", "sample", "detail")
    sheets: Sequence[Sheet] = [
        Sheet("Findings", findings, about="What was found in the files.", titles=FINDING_TITLES, wide=wide),
        Sheet("Spreadsheet damage", damage, about="Values that a spreadsheet changed.", titles=FINDING_TITLES, wide=wide),
        Sheet("Duplicates", inputs.duplicates, about="Rows that may be one and the same.", titles=DUPLICATE_TITLES),
        Sheet("Orphans", inputs.orphans, about="Rows that point at something that is not there."),
    ]
    return [page, write_workbook(folder / "data-quality.xlsx", sheets, title=title)]


def render_fidelity(inputs: Fidelity, folder: Path) -> list[Path]:
    """Write fidelity.html: said before anybody signs, so that nobody is surprised after."""
    values = {
        "objects": [
            (str(name), part.drop(columns=["object"]).to_dict("records"))
            for name, part in inputs.objects.groupby("object", sort=False)
        ]
        if len(inputs.objects)
        else [],
        "losses": table_of(inputs.losses),
        "limits": table_of(inputs.limits),
    }
    title = "What is kept of the history"
    return [write_page(folder / "fidelity.html", "fidelity.html.j2", about=inputs.about, title=title, values=values)]


def _in_words(frame: pd.DataFrame) -> pd.DataFrame:
    return explained(frame, code="code") if len(frame) else frame
