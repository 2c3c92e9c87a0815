"""What one converted cell is, and how a conversion of single cells becomes one of a whole column."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd

from workbench.errors import SpecError
from workbench.recipes.words import words

BROKEN_CELLS = frozenset({"#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#SPILL!", "#CALC!", "########"})
"""What a spreadsheet writes over a value that it has lost."""

SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+")
DECIMAL_TAIL = re.compile(r"[+-]?\d+\.0+")

Value = str | int | float | bool | list[str]


@dataclass(frozen=True, slots=True)
class Cell:
    """One converted cell: a value, or the reason for none; a note where something was given up on purpose."""

    value: Value | None = None
    reason: str | None = None
    note: str | None = None


EMPTY = Cell()
"""Nothing in, nothing out: no value, and no reason either."""

CellRecipe = Callable[[str], Cell]


@dataclass(frozen=True)
class Converted:
    """A converted column; the three series share the index of the column that went in.

    A reason and a value exclude each other. Empty cells and placeholders have neither.
    """

    values: pd.Series  # dtype object: str, int, float, bool, list of str, decimals as text; pd.NA where there is none
    reasons: pd.Series  # dtype str: why the cell could not be converted, a snake_case code; NA elsewhere
    notes: pd.Series  # dtype str: what was given up on purpose; several codes are joined by ";"; NA elsewhere

    @property
    def frame(self) -> pd.DataFrame:
        """The three series side by side, as columns value, reason and note."""
        return pd.DataFrame({"value": self.values, "reason": self.reasons, "note": self.notes})


def kept(value: Value, *notes: str | None) -> Cell:
    """A value, with the codes of what it cost."""
    codes = [note for note in notes if note]
    return Cell(value=value, note=";".join(dict.fromkeys(codes)) or None)


def refused(reason: str) -> Cell:
    """No value, and why."""
    return Cell(reason=reason)


def as_text(value: object) -> str | None:
    """How a cell of any type reads as text: what a reader would have given for it; None where it is missing."""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime | date):
        return None if pd.isna(value) else value.isoformat()
    if isinstance(value, list | tuple | set | dict):
        return str(value)
    return None if pd.isna(value) else str(value)  # type: ignore[call-overload]


def texts(column: pd.Series) -> pd.Series:
    """The column as text, its missing cells kept missing."""
    if isinstance(column.dtype, pd.StringDtype):
        return column
    return pd.Series([as_text(value) for value in column], index=column.index, dtype="str")


def is_empty(text: str) -> bool:
    """Whether nothing but blanks, ordinary or invisible, stands in the cell."""
    return not text.strip(" \t\r\n\v\f\u00a0\u200b\u2060\ufeff")


def placeholder(text: str) -> bool:
    """Whether the text stands for nothing, as ``n/a`` does."""
    return text.strip().casefold() in words("placeholders")


def is_placeholder(column: pd.Series) -> pd.Series:
    """Where a cell says that there is nothing (``NULL``, ``n/a``, ``-``, ``#N/A``, ``none``), in a column of any type.

    Such cells count as empty in every recipe, and stay visible in the accounting. Cells that are really empty are
    False here.
    """
    codes, distinct = pd.factorize(texts(column))
    found = np.array([placeholder(str(text)) for text in distinct] + [False], dtype=bool)
    return pd.Series(found[codes], index=column.index, dtype=bool)


def converted(column: pd.Series, cell: CellRecipe, *, sees_all: bool = False) -> Converted:
    """Convert each distinct text once and spread the outcome over the column.

    With ``sees_all`` the recipe is shown empty cells (as "") and placeholders too, and decides about them itself.
    """
    codes, distinct = pd.factorize(texts(column))
    one = cell if sees_all else _with_empties(cell)
    cells = [one(str(text)) for text in distinct]
    cells.append(cell("") if sees_all else EMPTY)  # factorize says -1 for missing cells: the last one
    return Converted(
        values=_spread_values(cells, codes, index=column.index),
        reasons=_spread_codes([each.reason for each in cells], codes, index=column.index),
        notes=_spread_codes([each.note for each in cells], codes, index=column.index),
    )


def _with_empties(cell: CellRecipe) -> CellRecipe:
    def shown(text: str) -> Cell:
        if is_empty(text) or placeholder(text):
            return EMPTY
        if text.strip() in BROKEN_CELLS:
            return refused("damaged_by_excel")
        return cell(text)

    return shown


def _spread_values(cells: list[Cell], codes: np.ndarray, *, index: pd.Index) -> pd.Series:
    distinct = np.empty(len(cells), dtype=object)
    for position, cell in enumerate(cells):
        distinct[position] = pd.NA if cell.value is None else cell.value
    values = distinct[codes]
    if any(isinstance(cell.value, list) for cell in cells):
        # Rows must not share one list: whoever changes one would change them all.
        for position, value in enumerate(values):
            if isinstance(value, list):
                values[position] = list(value)
    return pd.Series(values, index=index, dtype=object)


def _spread_codes(distinct: list[str | None], codes: np.ndarray, *, index: pd.Index) -> pd.Series:
    return pd.Series(np.array(distinct, dtype=object)[codes], index=index, dtype="str")


def at_most(cell: Cell, limit: int | None, *, cut: bool = False) -> Cell:
    """The cell, or ``too_long`` where its text is longer than the limit in characters; cut only where asked."""
    if limit is None or not isinstance(cell.value, str) or len(cell.value) <= limit:
        return cell
    return kept(cell.value[:limit].rstrip(), cell.note, "cut_short") if cut else refused("too_long")


def positive(limit: int | None, name: str) -> None:
    """Refuse a length of nothing: it would reject every row."""
    if limit is not None and limit < 1:
        raise SpecError(
            f"the option {name!r} is not a length",
            expected="a number above 0",
            found=str(limit),
            todo=f"correct {name}",
        )
