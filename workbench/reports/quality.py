"""The state of the data as it came, and what the destination can hold of its history."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from workbench.reports.pages import About, table_of, write_page
from workbench.reports.reasons import explained
from workbench.reports.workbooks import Sheet, write_workbook

__all__ = ["Fidelity", "Quality", "render_fidelity", "render_quality"]

UNSEEN = ("outer_blanks", "no_break_space", "zero_width")
"""Findings of what cannot be seen unless it is marked."""

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
ORPHAN_TITLES = {
    "table": "table",
    "column": "column",
    "points_at": "points at",
    "rows": "rows",
    "values": "for example",
}
DUPLICATE_TITLES = {
    "what": "what",
    "subject": "row",
    "place": "where",
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
    labels: Mapping[str, str] = field(default_factory=dict)  # feed → how the customer calls it


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
    findings, damage, lost = _in_words(inputs.findings), _in_words(inputs.damage), inputs.orphans
    duplicates = _named(inputs.duplicates, inputs.labels)
    values = {
        "rows": inputs.rows,
        "findings": table_of(findings, titles=FINDING_TITLES, limit=300),
        "damage": table_of(damage, titles=FINDING_TITLES, limit=300),
        "duplicates": table_of(duplicates, titles=DUPLICATE_TITLES if "decided" in duplicates else None, limit=12),
        "orphans": table_of(lost, titles=ORPHAN_TITLES if "points_at" in lost else None, limit=200),
        "pointless": int(lost["rows"].sum()) if "rows" in lost else len(lost),
    }
    title = "Data quality"
    page = write_page(folder / "data-quality.html", "quality.html.j2", about=inputs.about, title=title, values=values)
    wide = ("words", "todo", "sample", "detail")
    sheets: Sequence[Sheet] = [
        Sheet("Findings", findings, about="What was found in the files.", titles=FINDING_TITLES, wide=wide),
        Sheet("Spreadsheet damage", damage, about="Values that a spreadsheet changed.", titles=FINDING_TITLES, wide=wide),
        Sheet("Duplicates", duplicates, about="Rows that may be one and the same.", titles=DUPLICATE_TITLES),
        Sheet("Orphans", inputs.orphans, about="Rows that point at something that is not there."),
    ]
    return [page, write_workbook(folder / "data-quality.xlsx", sheets, title=title)]


def _named(duplicates: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """The duplicates with what they are, the row's own key, and its file and line, in the place of the question's subject."""
    if "subject" not in duplicates or not labels:
        return duplicates
    feeds = "|".join(map(re.escape, labels))
    # Where the question itself names a record, and nowhere else: `Ann Lee (contacts/C-1) ~ …`, `merged into contacts/C-1`.
    named = {
        "shown": (rf"\((?:{feeds})/([^()]*)\)(?= ~ |$)", r"(\1)"),
        "decided": (rf"^merged into (?:{feeds})/", "merged into "),
    }
    parts = duplicates["subject"].astype("str").str.extract(r"^(?P<feed>[^/]+)/(?P<key>.*)@(?P<file>.+):(?P<line>[^:]+)$")
    known = parts["feed"].isin(list(labels))
    return duplicates.assign(
        what=parts["feed"].map(labels).where(known, ""),
        subject=parts["key"].where(known, duplicates["subject"]),
        place=(parts["file"] + ", line " + parts["line"]).where(known, ""),
        **{
            name: duplicates[name].astype("str").str.replace(way, said, regex=True)
            for name, (way, said) in named.items()
            if name in duplicates
        },
    )


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
    """The findings explained, and of blanks and other characters that nobody sees the sample with marks in their places."""
    if frame.empty:
        return frame
    made = explained(frame, code="code")
    if "sample" not in made:
        return made
    unseen = made["code"].isin(UNSEEN)
    return made.assign(sample=[visible(str(s)) if mark else s for s, mark in zip(made["sample"], unseen, strict=True)])


def visible(text: str) -> str:
    """The text with a mark for each character that nobody sees: ␣ for blanks around it, the code point for others."""
    inner = text.strip(" ")
    before, after = len(text) - len(text.lstrip(" ")), len(text) - len(text.rstrip(" "))
    shown = "".join(f"[U+{ord(c):04X}]" if c != " " and _unseen(c) else c for c in inner)
    return "␣" * before + shown + ("␣" * after if inner else "")


def _unseen(character: str) -> bool:
    return unicodedata.category(character) in {"Cf", "Zs", "Zl", "Zp"} or character == "\t"
