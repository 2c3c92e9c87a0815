"""XLSX workbooks that a customer opens: a sheet a frame, numbers as numbers, every text inert, nothing linked."""

from __future__ import annotations

import datetime
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

__all__ = ["Sheet", "write_workbook"]

LONGEST_CELL = 32_767
"""Characters that a cell of a workbook holds."""

MOST_RULED = 4_000
"""Rows up to which every row gets a hairline; in longer sheets they would cost more time than they are worth."""

MOST_ROWS = 1_048_000
"""Rows that a sheet holds, less some for what stands above them."""

WIDEST, NARROWEST, LOOKED_AT = 60.0, 8.0, 400
FACE, LINE, TALLEST = "Calibri", 15.0, 400.0
"""A font that every office has or knows a stand-in for, the height of its lines in points, and of a row at most."""

ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
EPOCH = (1980, 1, 1, 0, 0, 0)
MADE = datetime.datetime(2000, 1, 1)
"""Workbooks hold times without a zone; this one stands for "not told"."""


@dataclass(frozen=True)
class Sheet:
    """One sheet: a heading, a sentence, and a frame under them."""

    name: str
    frame: pd.DataFrame
    about: str = ""
    titles: Mapping[str, str] = field(default_factory=dict)  # column → its title; where given, it chooses and orders
    wide: tuple[str, ...] = ()  # columns whose text is wrapped


def write_workbook(path: Path, sheets: Sequence[Sheet], *, title: str) -> Path:
    """Write the sheets to `path`, whole or not at all; the same frames give the same bytes.

    Text is stored as text, so that `=1+1` is shown and never computed, and no cell becomes a link. A frame longer than
    a sheet goes on over further sheets of the same name with a number.
    """
    book = Workbook()
    book.remove(book.active)  # type: ignore[arg-type]
    book.properties.title = title
    book.properties.creator = "CRM migration workbench"
    book.properties.created = book.properties.modified = MADE
    taken: set[str] = set()
    for sheet in sheets:
        for start in range(0, max(len(sheet.frame), 1), MOST_ROWS):
            _fill(book.create_sheet(_name(sheet.name, taken)), sheet, sheet.frame.iloc[start : start + MOST_ROWS])
    return _save(book, path)


def _fill(page: Worksheet, sheet: Sheet, frame: pd.DataFrame) -> None:
    chosen = [name for name in sheet.titles if name in frame.columns] or list(frame.columns)
    above = _heading(page, sheet)
    ink, fill = Font(name=FACE, bold=True, color="FFFFFF"), PatternFill("solid", fgColor="1F4E6B")
    rule = Border(bottom=Side(style="hair", color="C8CFD6"))
    widths = [_width(frame[name], sheet.titles.get(name, str(name))) for name in chosen]
    texts = [_textual(frame[name]) for name in chosen]
    stands = [_alignment(text=text, wrap=name in sheet.wide) for name, text in zip(chosen, texts, strict=True)]
    for place, name in enumerate(chosen, start=1):
        head = _put(page, above, place, sheet.titles.get(name, str(name).replace("_", " ")))
        head.font, head.fill = ink, fill
        head.alignment = Alignment(
            horizontal="left" if texts[place - 1] else "right", vertical="center", wrap_text=True, indent=1
        )
    rows = frame[chosen].itertuples(index=False, name=None)
    for line, row in enumerate(rows, start=above + 1):
        for place, value in enumerate(row, start=1):
            cell = _put(page, line, place, value)
            if len(frame) <= MOST_RULED or chosen[place - 1] in sheet.wide:
                cell.border, cell.alignment = rule, stands[place - 1]
        lines = max((_lines(row[at], widths[at]) for at, name in enumerate(chosen) if name in sheet.wide), default=1)
        if lines > 1:  # no program makes room for wrapped text by itself when it opens a file
            page.row_dimensions[line].height = min(LINE * lines + 2, TALLEST)
    if frame.empty:
        _put(page, above + 1, 1, "Nothing to list.").font = Font(name=FACE, color="5B6675")
    last = f"{get_column_letter(max(len(chosen), 1))}{max(above + len(frame), above)}"
    page.freeze_panes = f"A{above + 1}"
    page.auto_filter.ref = f"A{above}:{last}"
    for place, width in enumerate(widths, start=1):
        page.column_dimensions[get_column_letter(place)].width = width
    _print(page, above)


def _heading(page: Worksheet, sheet: Sheet) -> int:
    """Put name and sentence above the table; the row of the table's header."""
    _put(page, 1, 1, sheet.name).font = Font(name=FACE, bold=True, size=14)
    if not sheet.about:
        return 3
    _put(page, 2, 1, sheet.about).font = Font(name=FACE, color="5B6675")
    return 4


def _put(page: Worksheet, row: int, column: int, value: object) -> Any:
    """One cell: numbers, days and flags as what they are, the rest as text that is never taken for a formula."""
    cell: Any = page.cell(row=row, column=column)
    plain = _plain(value)
    if isinstance(plain, str):
        cell.value = plain
        cell.data_type = "s"
        if plain.startswith(("=", "+", "-", "@", "\t", "\r")):  # stays text when somebody edits the cell, too
            cell.number_format, cell.quotePrefix = "@", True
        return cell
    cell.value = plain
    if isinstance(plain, int) and not isinstance(plain, bool):
        cell.number_format = "#,##0"
    if isinstance(plain, Decimal):
        cell.number_format = "#,##0.00"
    return cell


def _plain(value: object) -> str | int | float | Decimal | datetime.date | None:
    if isinstance(value, list | tuple | np.ndarray):
        return "; ".join(str(_plain(part) or "") for part in value)[:LONGEST_CELL]
    if value is None or bool(pd.isna(value)):  # type: ignore[call-overload]
        return None
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return int(value) if abs(int(value)) < 10**15 else str(int(value))
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else str(value)
    if isinstance(value, Decimal):
        return value if len(value.as_tuple().digits) <= 15 else str(value)
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value
    return ILLEGAL.sub("\ufffd", str(value))[:LONGEST_CELL]


def _textual(column: pd.Series) -> bool:
    """Whether texts stand in a column, which begin on the left; numbers and days end on the right."""
    return column.empty or any(isinstance(_plain(value), str) for value in column.head(LOOKED_AT))


def _alignment(*, text: bool, wrap: bool) -> Alignment:
    return Alignment(horizontal="left" if text else "right", vertical="top", wrap_text=wrap, indent=1)


def _lines(value: object, width: float) -> int:
    """How many lines a value takes in a column of that width."""
    return sum(max(ceil(len(part) / (width - 2)), 1) for part in str(_plain(value) or "").split("\n"))


def _width(column: pd.Series, title: str) -> float:
    longest = max([max((len(part) for part in str(v).splitlines()), default=0) for v in column.head(LOOKED_AT)], default=0)
    return float(min(max(longest + 4, len(title) + 6, NARROWEST), WIDEST))


def _print(page: Worksheet, above: int) -> None:
    page.sheet_view.showGridLines = False
    page.page_setup.orientation = "landscape"
    page.page_setup.paperSize = 9  # A4
    page.page_setup.fitToWidth, page.page_setup.fitToHeight = 1, 0
    page.sheet_properties.pageSetUpPr.fitToPage = True  # type: ignore[union-attr]
    page.print_title_rows = f"{above}:{above}"
    footer: Any = page.oddFooter
    footer.center.text = "&A · &P / &N"


def _name(wanted: str, taken: set[str]) -> str:
    """A name that a workbook accepts and that no other sheet has."""
    stem = re.sub(r"[\[\]:*?/\\]", " ", wanted).strip().strip("'")[:28] or "Sheet"
    name, number = stem, 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem[:25]} {number}"
    taken.add(name.casefold())
    return name


def _save(book: Workbook, path: Path) -> Path:
    """Write with fixed times in the archive, so that equal content is equal in its digest."""
    raw = BytesIO()
    book.save(raw)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".part")
    with zipfile.ZipFile(raw) as made, zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED) as kept:
        for member in made.infolist():
            content = made.read(member)
            if member.filename == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>2000-01-01T00:00:00Z", content)
            kept.writestr(zipfile.ZipInfo(member.filename, EPOCH), content, zipfile.ZIP_DEFLATED)
    return half.replace(path)
