"""Find the table inside the records: what stands above it, where its header is, how wide it is."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from workbench.errors import EditError, ExportError
from workbench.readers.encoding import printable
from workbench.readers.export import Finding
from workbench.readers.records import Record

__all__ = ["Layout", "find_layout"]

SEARCHED = 60
"""How many filled records are looked at for a header."""

KINDS = (
    ("number", re.compile(r"[+\-(]?[$€£]?\s?\d[\d.,' ]*(?:[eE][+-]?\d+)?\s?%?\)?")),
    ("date", re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?")),
    ("time", re.compile(r"\d{1,2}:\d{2}(?::\d{2})?(?:\s?[AaPp][Mm])?")),
    ("email", re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")),
    ("url", re.compile(r"(?:https?://|www\.)\S+")),
    ("phone", re.compile(r"\+?[\d ()./-]{7,}(?:x\d+)?")),
    ("boolean", re.compile(r"(?i:true|false|yes|no|y|n)")),
    ("code", re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z]{0,4}[-_]?\d{3,}|(?=.*\d)[0-9a-fA-F-]{12,}")),
)
YEAR = re.compile(r"(?:19|20)\d{2}")
SEPARATOR_HINT = re.compile(r"(?i)\"?sep=.\"?\s*")  # Excel's own first line
BLANKS = " \t\r\n\f\v\u00a0\u200b\u2007\u202f\u2060\ufeff"


@dataclass(frozen=True)
class Layout:
    """Where the table stands: ``header_line`` is None without a header; ``start`` is the first line that may be data."""

    header_line: int | None
    start: int
    names: tuple[str, ...]
    unnamed: frozenset[int]  # positions whose header cell is empty
    typical: float  # cells filled in a usual row
    findings: tuple[Finding, ...]

    @property
    def width(self) -> int:
        """Columns of the table."""
        return len(self.names)


def find_layout(
    records: Sequence[Record], where: str, *, header_line: int | None = None, duplicates: Literal["refuse", "number"] = "refuse"
) -> Layout:
    """The layout of a table from its first records; line 0 as ``header_line`` states that there is none.

    A header is the first record about as wide as the table, of distinct labels rather than values. Duplicate
    names raise ExportError unless they are to be numbered.
    """
    filled = [record for record in records if any(map(str.strip, record.cells))]
    width = _usual_width(filled)
    header = _stated(filled, header_line, where) if header_line is not None else _search(filled[:SEARCHED], width)
    body = [record for record in filled if header is None or record.line > header.line]
    start = header.line + _span(header) if header else _first_full(body, width)
    body = [record for record in body if record.line >= start]
    cells = [_strip(cell) for cell in header.cells] if header else []
    while cells and not cells[-1]:
        cells.pop()
    width = max(len(cells), _usual_width(body, at_least=2 if header else 1))
    cells += [""] * (width - len(cells))
    findings = _about_names(header.cells if header else [], cells)
    names, numbered = _names(cells, where, header, duplicates)
    return Layout(
        header_line=header.line if header else None,
        start=start,
        names=tuple(names),
        unnamed=frozenset(i for i, cell in enumerate(cells) if not cell),
        typical=median(_filled(record) for record in body) if body else 0.0,
        findings=(*findings, *numbered),
    )


def _filled(record: Record) -> int:
    return sum(1 for cell in record.cells if cell.strip())


def _span(record: Record) -> int:
    """Physical lines of a record, counted as files are: by LF, CR or both."""
    return max(1, sum(1 for _ in io.StringIO(record.raw, newline="")))


def _strip(cell: str) -> str:
    return " ".join(printable(cell).strip(BLANKS).split())


def _usual_width(records: Sequence[Record], *, at_least: int = 1) -> int:
    extents = Counter(_extent(record.cells) for record in records)
    separators = Counter(len(record.cells) for record in records)
    # Trailing cells that no record fills are not columns; a width seen once may be a slip.
    widest = max(extents, default=0)
    common = max(separators.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
    return min(common[0], widest) if common[1] >= at_least else 0


def _extent(cells: Sequence[str]) -> int:
    return next((i for i in range(len(cells), 0, -1) if cells[i - 1].strip()), 0)


def _stated(filled: Sequence[Record], header_line: int, where: str) -> Record | None:
    if header_line == 0:
        return None
    for record in filled:
        if record.line == header_line:
            return record
    raise EditError(
        "There is no header on the stated line.",
        expected=f"a record that starts on line {header_line}",
        found="a blank line, the middle of a record, or a line too far down",
        where=where,
        todo="name the line on which the header starts, 0 for no header, or leave header_line out",
    )


def _search(filled: Sequence[Record], width: int) -> Record | None:
    for position, record in enumerate(filled):
        count = _filled(record)
        if count < max(min(width, 2), (width + 1) // 2) or SEPARATOR_HINT.fullmatch(record.raw):
            continue
        if not _is_header(record, filled[position + 1 :], width):
            return None
        if not _title_block(filled, position, width):
            return record
    return None


def _is_header(record: Record, body: Sequence[Record], width: int) -> bool:
    cells = [_strip(cell) for cell in record.cells[:width]]
    labels = [cell for cell in cells if cell]
    values = sum(1 for cell in labels if _kind(cell))
    # Repeated labels are a duplicate header, which is reported in words: not a reason to see data.
    if len(set(labels)) < len(labels) / 2 or any(len(cell) > 250 for cell in labels):
        return False
    speaks_for, speaks_against = _evidence(cells, body[:200])
    if speaks_against == 0:
        return values == 0 or speaks_for > 0
    return speaks_for > speaks_against and values <= len(labels) / 2


def _evidence(cells: Sequence[str], body: Sequence[Record]) -> tuple[int, int]:
    """How many columns say that the first record differs from those below, and how many that it is one of them."""
    speaks_for = speaks_against = 0
    for index, cell in enumerate(cells):
        below = [r.cells[index].strip() for r in body if index < len(r.cells) and r.cells[index].strip()]
        if not cell or not below:
            continue
        kinds = Counter(_kind(value) for value in below)
        kind, count = kinds.most_common(1)[0]
        if YEAR.fullmatch(cell) and sum(1 for value in below if YEAR.fullmatch(value)) < len(below) / 2:
            speaks_for += 1
        elif kind and count >= 0.6 * len(below):
            speaks_for += _kind(cell) != kind
            speaks_against += _kind(cell) == kind
        elif below.count(cell) >= 2 and not kind:
            speaks_against += 1
    return speaks_for, speaks_against


def _kind(cell: str) -> str:
    return next((name for name, pattern in KINDS if pattern.fullmatch(cell)), "")


def _title_block(filled: Sequence[Record], position: int, width: int) -> bool:
    """Whether the record belongs to a block of titles, set off by a blank line from a wider row of labels."""
    record = filled[position]
    end = record.line + _span(record)
    for index, later in enumerate(filled[position + 1 : position + 6], start=position + 1):
        if later.line > end:
            return _filled(later) > _filled(record) and _is_header(later, filled[index + 1 :], width)
        end = later.line + _span(later)
    return False


def _first_full(filled: Sequence[Record], width: int) -> int:
    return next((record.line for record in filled if len(record.cells) >= width), 1)


def _about_names(raw: Sequence[str], cells: Sequence[str]) -> list[Finding]:
    changed = [cell for old, cell in zip(raw, cells, strict=False) if cell and old != cell]
    findings = [Finding("", "header_blanks_stripped", len(changed), changed[0])] if changed else []
    unnamed = [f"column_{i}" for i, cell in enumerate(cells, start=1) if not cell]
    if unnamed and raw:
        findings.append(Finding("", "header_named", len(unnamed), unnamed[0]))
    return findings


def _names(
    cells: Sequence[str], where: str, header: Record | None, duplicates: Literal["refuse", "number"]
) -> tuple[list[str], list[Finding]]:
    if header is None:
        return [f"col_{i}" for i in range(len(cells))], [Finding("", "no_header", 1, "")]
    names = [cell or f"column_{i}" for i, cell in enumerate(cells, start=1)]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if not repeated:
        return names, []
    if duplicates == "refuse":
        raise _duplicate(names, repeated, f"{where}, line {header.line}")
    return _number(names), [Finding("", "duplicate_header_numbered", len(repeated), repeated[0])]


def _number(names: Sequence[str]) -> list[str]:
    taken, seen, result = set(names), Counter[str](), []
    for name in names:
        seen[name] += 1
        unique = name
        while seen[name] > 1 and unique in taken:
            unique = f"{name}_{seen[name]}"
            seen[name] += unique in taken
        taken.add(unique)
        result.append(unique)
    return result


def _duplicate(names: Sequence[str], repeated: Sequence[str], where: str) -> ExportError:
    places = (f"{name!r} in columns {', '.join(str(i) for i, n in enumerate(names, 1) if n == name)}" for name in repeated)
    return ExportError(
        "The header names a column twice.",
        expected="a different name for each column",
        found="; ".join(places),
        where=where,
        todo='have the header corrected in the source, or pass duplicates="number" to number them',
    )
