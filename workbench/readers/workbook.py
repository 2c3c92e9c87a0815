"""Read one sheet of an Excel workbook as text, as a person sees it in Excel, without running anything in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, islice
from typing import Literal

import pandas as pd
import python_calamine

from workbench.errors import EditError, ExportError, listed
from workbench.readers.export import Finding
from workbench.readers.layout import Layout, find_layout
from workbench.readers.opening import ExportFile
from workbench.readers.records import Record
from workbench.readers.rows import Sorted, sort_records
from workbench.readers.sheetxml import Sheet, SheetScan, check_archive, scan_sheet, sheet_parts

__all__ = ["Mark", "WorkbookTable", "read_workbook", "sheets_of"]

SAMPLE_ROWS = 2_000
Cell = str | float | bool | dt.date | dt.datetime | dt.time | dt.timedelta


@dataclass(frozen=True)
class Mark:
    """A finding on one column, the column by position."""

    position: int
    code: str
    count: int
    sample: str


@dataclass(frozen=True)
class WorkbookTable:
    """One sheet, sorted, and what was seen in its cells."""

    sheet: str
    layout: Layout
    content: Sorted
    findings: tuple[Finding, ...]
    marks: tuple[Mark, ...]


def read_workbook(
    file: ExportFile, *, sheet: str | None, header_line: int | None, duplicates: Literal["refuse", "number"]
) -> WorkbookTable:
    """Read the named sheet, or the first visible one that holds anything.

    Dates become ISO text, whole numbers lose their ``.0``, truth values become TRUE and FALSE, a number shown
    with leading zeros keeps them, and an error cell shows its error.
    """
    check_archive(file.path)
    sheets = sheet_parts(file.path)
    chosen, scan, cells = _choose(file, sheets, sheet)
    patches = _Patches(scan)
    records = _records(cells, patches)
    sample = list(islice(records, SAMPLE_ROWS))
    where = f"{file.path.name}, sheet {chosen.name!r}"
    layout = find_layout(sample, where, header_line=header_line, duplicates=duplicates)
    content = sort_records(chain(sample, records), layout)
    findings = _about_sheets(sheets, chosen, sheet) + _about_merged(cells, layout)
    return WorkbookTable(chosen.name, layout, content, tuple(findings), patches.marks(layout))


def sheets_of(file: ExportFile) -> pd.DataFrame:
    """The worksheets: name, visible, rows and columns of the used range counted from A1."""
    check_archive(file.path)
    sheets = sheet_parts(file.path)
    for sheet in sheets:
        scan_sheet(file.path, sheet)
    book = _open(file)
    used = [_load(file, book, sheet) for sheet in sheets]
    return pd.DataFrame(
        {
            "name": pd.Series([sheet.name for sheet in sheets], dtype="str"),
            "visible": pd.Series([sheet.visible for sheet in sheets], dtype="bool"),
            "rows": pd.Series([cells.end[0] + 1 if cells.end else 0 for cells in used], dtype="int64"),
            "columns": pd.Series([cells.end[1] + 1 if cells.end else 0 for cells in used], dtype="int64"),
        }
    )


class _Patches:
    """What the cell reader does not tell, laid over its rows: errors and zeros that only a number format shows."""

    def __init__(self, scan: SheetScan) -> None:
        self._uncached = scan.uncached
        self._rows: dict[int, list[tuple[int, str, bool]]] = {}
        self._zeros: list[tuple[int, int, str]] = []
        for (row, column), text in scan.errors.items():
            self._rows.setdefault(row, []).append((column, text, False))
        for (row, column), mask in scan.masks.items():
            self._rows.setdefault(row, []).append((column, mask, True))

    def lay(self, row: int, texts: list[str]) -> None:
        """Put the errors and zeros of one row, counted from 0, into its texts."""
        for column, text, is_mask in self._rows.get(row, ()):
            if column >= len(texts):
                continue
            if not is_mask:
                texts[column] = text
            elif texts[column].isdigit():
                shown = _masked(texts[column], text)
                if shown != texts[column]:
                    self._zeros.append((row, column, shown))
                    texts[column] = shown

    def marks(self, layout: Layout) -> tuple[Mark, ...]:
        """Findings per column on the rows of the table."""
        seen: dict[tuple[int, str], list[str]] = {}
        for row, column, shown in self._zeros:
            if row + 1 >= layout.start:
                seen.setdefault((column, "zero_from_format"), []).append(shown)
        for (row, column), formula in self._uncached.items():
            if row + 1 >= layout.start:
                seen.setdefault((column, "formula_without_value"), []).append(formula)
        return tuple(Mark(column, code, len(texts), texts[0][:80]) for (column, code), texts in sorted(seen.items()))


def _records(cells: python_calamine.CalamineSheet, patches: _Patches) -> Iterator[Record]:
    for row, values in enumerate(cells.iter_rows()):
        texts = [value if type(value) is str else _text(value) for value in values]
        patches.lay(row, texts)
        yield Record(row + 1, texts, "")


def _text(value: Cell) -> str:
    if isinstance(value, float):
        if value.is_integer():
            return str(int(value))
        # Fifteen digits are what Excel shows and keeps; the file often holds 0.30000000000000004.
        text = format(value, ".15g")
        return format(Decimal(text), "f") if "e" in text else text
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, dt.datetime):
        moment = value + dt.timedelta(microseconds=500_000) if value.microsecond else value
        return moment.date().isoformat() if moment.time() == dt.time() else moment.replace(microsecond=0).isoformat()
    if isinstance(value, dt.time):
        return value.replace(microsecond=0).isoformat()
    if isinstance(value, dt.timedelta):
        seconds = round(value.total_seconds())
        return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return str(value)


def _masked(digits: str, mask: str) -> str:
    """A number as its format shows it: 501 under 00000 is 00501; surplus digits go before the mask."""
    left = list(digits)
    shown = [(left.pop() if left else "0") if char == "0" else char for char in reversed(mask)]
    return "".join(left) + "".join(reversed(shown))


def _choose(file: ExportFile, sheets: list[Sheet], name: str | None) -> tuple[Sheet, SheetScan, python_calamine.CalamineSheet]:
    named = [sheet for sheet in sheets if sheet.name == name] if name is not None else sheets
    if not named:
        raise EditError(
            f"There is no sheet {name!r}.",
            expected=listed([repr(sheet.name) for sheet in sheets]),
            found=repr(name),
            where=str(file.path),
            todo="name one of the sheets there are",
        )
    book: python_calamine.CalamineWorkbook | None = None
    for sheet in named:
        if name is None and not sheet.visible:
            continue
        scan = scan_sheet(file.path, sheet)
        book = book or _open(file)
        cells = _load(file, book, sheet)
        if any(value != "" for row in cells.iter_rows() for value in row):
            return sheet, scan, cells
    hidden = [repr(sheet.name) for sheet in sheets if not sheet.visible]
    raise ExportError(
        "The sheet is empty." if name is not None else "No visible sheet of the workbook holds anything.",
        expected="a header and rows",
        found="empty cells only" + (f"; hidden sheets: {listed(hidden)}" if hidden else ""),
        where=str(file.path),
        todo="get the file again, or name another sheet",
    )


def _open(file: ExportFile) -> python_calamine.CalamineWorkbook:
    try:
        return python_calamine.CalamineWorkbook.from_path(str(file.path))
    except python_calamine.CalamineError as error:
        raise _unreadable(file, error) from error


def _load(file: ExportFile, book: python_calamine.CalamineWorkbook, sheet: Sheet) -> python_calamine.CalamineSheet:
    try:
        return book.get_sheet_by_name(sheet.name)
    except python_calamine.CalamineError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: ExportFile, error: Exception) -> ExportError:
    return ExportError(
        "The workbook cannot be read.",
        expected="a complete xlsx file",
        found=str(error),
        where=str(file.path),
        todo="open it in Excel and save it again as XLSX or CSV UTF-8",
    )


def _about_sheets(sheets: list[Sheet], chosen: Sheet, name: str | None) -> list[Finding]:
    others = [sheet.name for sheet in sheets if sheet != chosen]
    return [Finding("", "other_sheets", len(others), listed(others))] if others and name is None else []


def _about_merged(cells: python_calamine.CalamineSheet, layout: Layout) -> list[Finding]:
    inside = [ends for ends in cells.merged_cell_ranges or () if ends[1][0] + 1 >= layout.start]
    if not inside:
        return []
    (top, left), (bottom, right) = inside[0]
    sample = f"rows {top + 1} to {bottom + 1}, columns {left + 1} to {right + 1}"
    return [Finding("", "merged_cells", len(inside), sample)]
