"""Write the files of a sample so that the same rows always give the same bytes, and say on which line each row is."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

from sample_exports.promio_rows import Cell, Row

ZIP_DAY = (2026, 10, 30, 17, 0, 0)
STAMP = b"2026-10-30T17:00:00Z"


@dataclass(frozen=True)
class Style:
    """How a text file is written."""

    encoding: str = "utf-8"
    newline: str = "\r\n"
    delimiter: str = ","
    preamble: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)  # spellings that differ from the column's name


@dataclass(frozen=True)
class Sheet:
    """One sheet of a workbook: title lines above the header, and a closing row that is no data."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Row]
    title: tuple[str, ...] = ()
    total: str = ""  # column that a subtotal row at the end sums up
    computed: tuple[str, str] = ("", "")  # a column that holds a formula with its result, and the formula


def write_text(path: Path, columns: Sequence[str], rows: Sequence[Row], style: Style) -> list[int]:
    """Write a delimited file; the physical line on which each row starts comes back, from 1."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=style.delimiter, lineterminator=style.newline)
    for line in style.preamble:
        buffer.write(line + style.newline)
    writer.writerow([style.headers.get(column, column) for column in columns])
    lines, at, done = list[int](), buffer.getvalue().count("\n"), buffer.tell()
    for row in rows:
        lines.append(at + 1)
        writer.writerow(_record(row, columns))
        buffer.seek(done)
        at, done = at + buffer.read().count("\n"), buffer.tell()
    path.write_bytes(buffer.getvalue().encode(style.encoding))
    return lines


def _record(row: Row, columns: Sequence[str]) -> list[Cell]:
    cells = [row.cells[column] for column in columns]
    if row.missing:
        cells = cells[: -row.missing]
    return [*cells, row.surplus] if row.surplus else cells


def write_workbook(path: Path, sheets: Sequence[Sheet]) -> list[list[int]]:
    """Write a workbook; for each sheet, the sheet row of each row comes back."""
    book = Workbook()
    book.remove(book.worksheets[0])
    lines = [_fill(book.create_sheet(sheet.name), sheet) for sheet in sheets]
    book.properties.created = datetime(*ZIP_DAY)
    book.properties.creator = "Promio"
    buffer = io.BytesIO()
    book.save(buffer)
    computed = {f"xl/worksheets/sheet{i}.xml": sheet for i, sheet in enumerate(sheets, start=1) if sheet.computed[0]}
    path.write_bytes(_steady(buffer.getvalue(), computed))
    return lines


def _fill(target: Worksheet, sheet: Sheet) -> list[int]:
    for position, words in enumerate(sheet.title, start=1):
        target.cell(position, 1, words or None)
    if sheet.title:
        target.cell(1, 1).font = Font(bold=True, size=14)
        target.merge_cells(start_row=1, start_column=1, end_row=1, end_column=len(sheet.columns))
    header = len(sheet.title) + 1
    for position, name in enumerate(sheet.columns, start=1):
        target.cell(header, position, name)
    for line, row in enumerate(sheet.rows, start=header + 1):
        for position, name in enumerate(sheet.columns, start=1):
            _put(target, line, position, row.cells[name])
    end = header + len(sheet.rows)
    if sheet.total:
        column = sheet.columns.index(sheet.total) + 1
        numbers = [value for row in sheet.rows if isinstance(value := row.cells[sheet.total], int | float)]
        target.cell(end + 1, 1, "Subtotal")
        target.cell(end + 1, column, sum(numbers))
    return list(range(header + 1, end + 1))


def _put(target: Worksheet, line: int, position: int, value: Cell) -> None:
    if value is None or value == "":
        return
    cell = target.cell(line, position, value)
    if isinstance(value, str):
        cell.data_type = "s"  # text that begins with = stays text
    elif isinstance(value, date):
        cell.number_format = "mm/dd/yyyy"


def _steady(blob: bytes, computed: Mapping[str, Sheet]) -> bytes:
    """The same workbook without the time at which it was written, and stored plainly: no packer changes its bytes."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(blob)) as source, zipfile.ZipFile(result, "w", zipfile.ZIP_STORED) as target:
        for name in sorted(source.namelist(), key=lambda each: (each != "[Content_Types].xml", each)):
            part = source.read(name)
            if name == "docProps/core.xml":
                part = re.sub(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*", rb"\g<1>" + STAMP, part)
            if name in computed:
                part = _with_formulas(part, computed[name])
            target.writestr(zipfile.ZipInfo(name, date_time=ZIP_DAY), part)
    return result.getvalue()


def _with_formulas(part: bytes, sheet: Sheet) -> bytes:
    column, formula = sheet.computed
    letter = chr(ord("A") + list(sheet.columns).index(column))

    def added(found: re.Match[bytes]) -> bytes:
        line = found[2].decode()
        return found[1] + b"<f>" + formula.format(line=line).encode() + b"</f>" + found[3]

    return re.sub(rb'(<c r="%c([0-9]+)"[^>]*>)(<v>[0-9.]+</v>)' % ord(letter), added, part)
