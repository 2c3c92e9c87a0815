"""Read one table of an export file, whatever its kind, and account for each of its records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa

from workbench.errors import EditError
from workbench.readers.damage import clean_cells, find_damage, words_beyond_ascii
from workbench.readers.export import Export, Finding, Reading, findings_frame, rejects_frame
from workbench.readers.layout import Layout
from workbench.readers.ndjson import FORMATS, read_json
from workbench.readers.opening import ExportFile, open_export
from workbench.readers.rows import Sorted
from workbench.readers.text import read_text
from workbench.readers.workbook import read_workbook, sheets_of

__all__ = ["list_sheets", "read_export"]


def read_export(
    path: str | Path,
    *,
    sheet: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    quote: str | None = None,
    header_line: int | None = None,
    duplicates: Literal["refuse", "number"] = "refuse",
) -> Export:
    """One table of an export as text, with its rejects, its findings and the account of every physical record.

    Everything left out is found out from the file. ``sheet`` names a worksheet (the first visible one that holds
    anything otherwise); ``quote=""`` says that nothing is quoted; ``header_line`` is a physical line, 0 for none.
    A name that the header uses twice is refused, or numbered on request. Raises EditError for a call that does
    not fit the file and ExportError for a file that cannot be read as it stands.
    """
    if duplicates not in ("refuse", "number"):
        raise EditError(
            "No such way to treat duplicate names.",
            expected='"refuse" or "number"',
            found=repr(duplicates),
            todo="correct the call",
        )
    file = open_export(path)
    if file.format in ("xlsx", "xlsm"):
        return _workbook(file, sheet, header_line, duplicates)
    if file.format in FORMATS:
        return _json(file)
    if sheet is not None:
        raise EditError(
            "A text file has no sheets.", expected="a workbook", found=file.format, where=str(path), todo="leave sheet out"
        )
    text = read_text(file, encoding=encoding, delimiter=delimiter, quote=quote, header_line=header_line, duplicates=duplicates)
    report = replace(
        _reading(file, text.layout, text.content),
        encoding=text.encoding.name,
        encoding_reason=text.encoding.reason,
        delimiter=text.dialect.delimiter,
        quote=text.dialect.quote,
        escape=text.dialect.escape,
    )
    return _export(text.layout, text.content, report, list(text.findings))


def list_sheets(path: str | Path) -> pd.DataFrame:
    """The sheets of a workbook in its own order: name, visible, rows and columns of the used range."""
    file = open_export(path)
    if file.format not in ("xlsx", "xlsm"):
        raise EditError(
            "A text file has no sheets.", expected="a workbook", found=file.format, where=str(path), todo="call read_export"
        )
    return sheets_of(file)


def _workbook(file: ExportFile, sheet: str | None, header_line: int | None, duplicates: Literal["refuse", "number"]) -> Export:
    book = read_workbook(file, sheet=sheet, header_line=header_line, duplicates=duplicates)
    report = replace(_reading(file, book.layout, book.content), sheet=book.sheet)
    names = dict(enumerate(book.layout.names))
    marks = [Finding(names.get(m.position, ""), m.code, m.count, m.sample) for m in book.marks]
    return _export(book.layout, book.content, report, [*book.findings, *marks])


def _json(file: ExportFile) -> Export:
    """A table of JSON objects; it has no header, and its lines are what can be counted."""
    found = read_json(file.path)
    nothing = Sorted(pa.table({}), found.lines, found.rejects, (), 0, found.blank, 0, ())
    records = len(found.lines) + len(found.rejects) + found.blank
    names = tuple(found.columns)
    layout = Layout(header_line=None, start=1, names=names, unnamed=frozenset(), typical=0.0, findings=())
    report = replace(_reading(file, layout, replace(nothing, records=records)), encoding="utf-8", encoding_reason="JSON")
    table = pa.table(found.columns) if found.columns else pa.table({})
    return _export(layout, replace(nothing, table=table, records=records), report, [])


def _reading(file: ExportFile, layout: Layout, content: Sorted) -> Reading:
    return Reading(
        file=file.path.name,
        sha256=file.sha256,
        size=file.size,
        format=file.format,
        sheet="",
        encoding="",
        encoding_reason="",
        non_ascii=(),
        delimiter="",
        quote="",
        escape="",
        header_line=layout.header_line,
        columns=layout.names,
        physical_records=content.records,
        preamble=content.preamble,
        header=int(layout.header_line is not None),
        blank=content.blank,
        trailers=len(content.trailers),
        rows=len(content.lines),
        rejected=len(content.rejects),
        trailer_rows=content.trailers,
    )


def _export(layout: Layout, content: Sorted, report: Reading, findings: list[Finding]) -> Export:
    findings = [*findings, *content.findings]
    kept: dict[str, pa.ChunkedArray] = {}
    for position, name in enumerate(layout.names):
        column, blanks, sample = clean_cells(content.table.column(position))
        if position in layout.unnamed and column.null_count == len(column) and layout.header_line is not None:
            findings.append(Finding(name, "empty_column_dropped", 1, ""))
            continue
        if blanks:
            findings.append(Finding(name, "blank_cells", blanks, sample))
        findings.extend(find_damage(name, column))
        kept[name] = column
    words = words_beyond_ascii(list(kept.values()))
    return Export(
        frame=_frame(kept, content.lines),
        rejects=rejects_frame(content.rejects),
        report=replace(report, columns=tuple(kept), non_ascii=words),
        findings=findings_frame(findings),
    )


def _frame(columns: dict[str, pa.ChunkedArray], lines: list[int]) -> pd.DataFrame:
    index = pd.Index(lines, dtype="int64", name="line")
    return pd.DataFrame({name: pd.Series(column.to_pandas()).set_axis(index) for name, column in columns.items()}, index=index)
