"""The gap letter: what is missing from a delivery, so that the next one is complete."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from workbench.reports.pages import About, rows_of, write_page, write_text

__all__ = ["GapLetter", "render_gap_letter"]


@dataclass(frozen=True)
class GapLetter:
    """What was asked for and did not come: gaps with columns table, expected, found, ask (what we ask for), in words."""

    about: About
    gaps: pd.DataFrame
    received: pd.DataFrame = field(default_factory=pd.DataFrame)  # file, rows, first, last, note
    to: str = ""  # whom the letter is addressed to
    sender: str = ""
    wanted_by: str = ""  # a day, in words


def render_gap_letter(inputs: GapLetter, folder: Path) -> list[Path]:
    """Write gap-letter.txt, to be mailed as it is, and gap-letter.html; a delivery without gaps gets a letter of thanks."""
    values = {
        "gaps": rows_of(inputs.gaps),
        "received": rows_of(inputs.received),
        "to": inputs.to,
        "sender": inputs.sender,
        "wanted_by": inputs.wanted_by,
    }
    noted = "note" in inputs.received and inputs.received["note"].fillna("").astype("bool").any()
    title = "What is still missing" if len(inputs.gaps) else "Every file has arrived" if noted else "The export is complete"
    return [
        write_text(folder / "gap-letter.txt", "letter.txt.j2", about=inputs.about, title=title, values=values),
        write_page(folder / "gap-letter.html", "letter.html.j2", about=inputs.about, title=title, values=values),
    ]
