"""Read a text export: its encoding, its dialect, its records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Literal

from workbench.errors import ExportError
from workbench.readers.dialect import Dialect, detect_dialect
from workbench.readers.encoding import Encoding, decide_encoding
from workbench.readers.export import Finding
from workbench.readers.layout import Layout, find_layout
from workbench.readers.opening import ExportFile
from workbench.readers.records import split_records
from workbench.readers.rows import Sorted, sort_records

__all__ = ["TextTable", "read_text"]

SAMPLE_LINES = 5_000
SAMPLE_SIZE = 1_000_000


@dataclass(frozen=True)
class TextTable:
    """A text export, sorted, and how it was written."""

    encoding: Encoding
    dialect: Dialect
    layout: Layout
    content: Sorted
    findings: tuple[Finding, ...]


def read_text(
    file: ExportFile,
    *,
    encoding: str | None,
    delimiter: str | None,
    quote: str | None,
    header_line: int | None,
    duplicates: Literal["refuse", "number"],
) -> TextTable:
    """Read the file twice: a bounded sample to understand it, then all of it, line by line."""
    chosen = decide_encoding(file.path, given=encoding)
    sample = _sample(file.path, chosen)
    dialect = detect_dialect(sample, delimiter=delimiter, quote=quote)
    records = list(split_records(sample, dialect))
    layout = find_layout(records, file.path.name, header_line=header_line, duplicates=duplicates)
    # What stands above the table was settled in the sample; the width is known from there on.
    above = [record for record in records if record.line < layout.start]
    lines = islice(_lines(file.path, chosen), layout.start - 1, None)
    rows = split_records(lines, dialect, width=layout.width, first=layout.start)
    content = sort_records(chain(above, rows), layout)
    findings = []
    if chosen.bom:
        findings.append(Finding("", "byte_order_mark", 1, chosen.name))
    if dialect.space_after:
        findings.append(Finding("", "space_after_delimiter", 1, "one blank after each separator, not part of the values"))
    return TextTable(chosen, dialect, layout, content, tuple(findings))


def _sample(path: Path, encoding: Encoding) -> list[str]:
    lines, size = [], 0
    for line in islice(_lines(path, encoding), SAMPLE_LINES):
        lines.append(line)
        size += len(line)
        if size > SAMPLE_SIZE:
            break
    if not any(re.search(r"\S", line) for line in lines):
        raise ExportError(
            "The export holds no text.",
            expected="a header and rows",
            found=f"{len(lines)} blank lines",
            where=str(path),
            todo="get the file again",
        )
    return lines


def _lines(path: Path, encoding: Encoding) -> Iterator[str]:
    try:
        with path.open(encoding=encoding.name, errors=encoding.errors, newline="") as handle:
            yield from handle
    except UnicodeError as error:
        raise ExportError(
            "The export breaks off inside a character.",
            expected=f"complete {encoding.name} text",
            found=str(error),
            where=str(path),
            todo="get the file again, or state its encoding",
        ) from error
