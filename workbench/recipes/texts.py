"""Recipes for text as it stands: tidied, never reworded."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal

from workbench.recipes.cells import (
    DECIMAL_TAIL,
    SCIENTIFIC,
    Cell,
    CellRecipe,
    Value,
    at_most,
    kept,
    positive,
    refused,
)

INVISIBLE = re.compile(
    "[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad]"
    # Joiners are part of emoji and of some scripts; between Latin letters they are dirt.
    "|(?<![^\x00-\x7f])[\u200c\u200d](?![^\x00-\x7f])"
)
ODD_SPACE = re.compile("[\u00a0\u2007\u202f]")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
C1 = re.compile("[\x80-\x9f]")
LINE_END = re.compile(r"\r\n?")
ZIP4 = re.compile(r"(\d{3,4})(-\d{4})?")


def tidy(text: str) -> Cell:
    """The text without outer blanks, invisible characters and control characters, in NFC, with notes for each.

    C1 controls are what a cp1252 file leaves when it was read as latin-1; they are given back as the quotes and
    dashes that they were.
    """
    notes: list[str] = []
    if C1.search(text):
        text, notes = C1.sub(_from_cp1252, text), ["cp1252_restored"]
    for pattern, instead, note in (
        (INVISIBLE, "", "invisible_removed"),
        (ODD_SPACE, " ", "invisible_removed"),
        (LINE_END, "\n", "line_ends_unified"),
        (CONTROL, "", "control_removed"),
    ):
        text, times = pattern.subn(instead, text)
        notes += [note] if times else []
    stripped = text.strip()
    composed = stripped if stripped.isascii() else unicodedata.normalize("NFC", stripped)
    notes += ["trimmed_space"] if stripped != text else []
    notes += ["unicode_composed"] if composed != stripped else []
    return kept(composed, *notes)


def tidied(raw: str) -> tuple[str, str | None]:
    """The tidied text and its note."""
    cell = tidy(raw)
    return str(cell.value), cell.note


def one_line(raw: str) -> str:
    """The text for recipes that read structure: tidied, with every run of blanks as one."""
    return " ".join(tidied(raw)[0].split())


def _from_cp1252(found: re.Match[str]) -> str:
    try:
        return found.group().encode("latin-1").decode("cp1252")
    except UnicodeDecodeError:  # five code points have no meaning in cp1252
        return ""


def text(*, max_length: int = 255, cut: bool = False) -> CellRecipe:
    """Text without outer blanks and invisible characters; longer than max_length is rejected (cut = true cuts)."""
    positive(max_length, "max_length")
    return lambda raw: at_most(_not_nothing(tidy(raw)), max_length, cut=cut)


def long_text(*, max_length: int = 10_000, cut: bool = False) -> CellRecipe:
    """Text of several lines, for a text area."""
    return text(max_length=max_length, cut=cut)


def _not_nothing(cell: Cell) -> Cell:
    return cell if cell.value else Cell(note=cell.note)


def identifier(*, prefix: str = "") -> CellRecipe:
    """An id kept as text; a number format left by a spreadsheet is undone, a missing prefix is added."""

    def cell(raw: str) -> Cell:
        value, note = tidied(raw)
        if SCIENTIFIC.fullmatch(value):
            return refused("damaged_by_excel")
        if DECIMAL_TAIL.fullmatch(value):
            value, note = value.split(".")[0], "decimal_trimmed"
        if not prefix or value.startswith(prefix):
            return kept(value, note)
        if value.casefold().startswith(prefix.casefold()):
            return kept(prefix + value[len(prefix) :], note, "prefix_normalised")
        return kept(prefix + value, note, "prefix_added")

    return cell


def postal_code(*, region: str = "US", restore: Literal["none", "zero"] = "none") -> CellRecipe:
    """A postal code kept as text; in the US a lost leading zero is noted, and put back with restore = "zero"."""

    def cell(raw: str) -> Cell:
        value, note = tidied(raw)
        if SCIENTIFIC.fullmatch(value):
            return refused("damaged_by_excel")
        if DECIMAL_TAIL.fullmatch(value):
            value, note = value.split(".")[0], "decimal_trimmed"
        short = ZIP4.fullmatch(value) if region.upper() == "US" else None
        if short is None:
            return at_most(kept(value, note), 30)
        if restore == "none":
            return kept(value, note, "leading_zero_suspected")
        return kept(short[1].zfill(5) + (short[2] or ""), note, "leading_zero_restored")

    return cell


def constant(*, value: str | int | float | bool) -> CellRecipe:
    """The same value in every row, whatever stands there."""
    given: Value = value
    return lambda raw: Cell(value=given)


def tags(*, separators: Sequence[str] = (";", ",")) -> CellRecipe:
    """A list of words out of one cell, as they stand."""

    def cell(raw: str) -> Cell:
        value, note = tidied(raw)
        parts = split_parts(value, separators)
        distinct = list(dict.fromkeys(parts))
        return kept(distinct, note, "repeated_dropped" if len(distinct) < len(parts) else None) if parts else Cell()

    return cell


def split_parts(value: str, separators: Sequence[str]) -> list[str]:
    """The parts between any of the separators, without blanks and without empty parts."""
    pattern = "|".join(re.escape(each) for each in sorted(separators, key=len, reverse=True))
    parts = re.split(pattern, value) if pattern else [value]
    return [part.strip() for part in parts if part.strip()]
