"""Sort physical records into rows, rejects, blanks and trailers, so that each ends in exactly one place."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from workbench.readers.encoding import SURROGATE, printable
from workbench.readers.export import Finding, Trailer
from workbench.readers.layout import Layout
from workbench.readers.records import Record

__all__ = ["Sorted", "sort_records"]

BATCH = 50_000
HELD = 4
"""How many filled records at the end are kept back, to see whether they are totals."""

NORM = 0.2
"""The share of short rows from which on leaving out trailing empty cells counts as the habit of the file."""

TOTAL = re.compile(
    r"(?i)(?:grand\s+|sub[\s-]?|net\s+)?totals?|sums?|counts?|records?|rows?|average|summe|gesamt(?:summe)?|zwischensumme"
)
BARE = re.compile(r"[\s:=#]*(?:of\s+|no\.?\s+)?(?:records?|rows?|count)?[\s:=#]*[\d.,' ]*[\s:()]*")


@dataclass(frozen=True)
class Sorted:
    """The records of one table: text columns as an Arrow table beside the line of each row, and the rest counted."""

    table: pa.Table
    lines: list[int]
    rejects: list[tuple[int, str, str]]
    trailers: tuple[Trailer, ...]
    preamble: int
    blank: int
    records: int
    findings: tuple[Finding, ...]


def sort_records(records: Iterable[Record], layout: Layout) -> Sorted:
    """Sort all records of a file by its layout, holding the rows as Arrow batches rather than Python objects."""
    sorter = _Sorter(layout)
    held: deque[Record] = deque()
    for record in sorter.above(records):
        held.append(record)
        if len(held) > HELD:
            sorter.take(held.popleft())
    return sorter.finish(list(held))


class _Sorter:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._cells: list[list[str]] = []
        self._batches: list[pa.Table] = []
        self._lines: list[int] = []
        self._short: list[Record] = []
        self._rejects: list[tuple[int, str, str]] = []
        self._preamble: list[Record] = []
        self._blank = self._records = self._surplus = 0
        self._surplus_sample = ""

    def above(self, records: Iterable[Record]) -> Iterator[Record]:
        """The filled records from the first that may be data on; those above and blank ones are counted."""
        for record in records:
            self._records += 1
            if not record.flaw and not any(map(str.strip, record.cells)):
                self._blank += 1
            elif record.line >= self._layout.start:
                yield record
            elif record.line != self._layout.header_line:
                self._preamble.append(record)

    def take(self, record: Record) -> None:
        width, count = self._layout.width, len(record.cells)
        if record.flaw:
            self._reject(record, record.flaw)
        elif not record.raw.isascii() and SURROGATE.search(record.raw):
            self._reject(record, "unreadable_bytes")
        elif count == width:
            self._row(record.line, record.cells)
        elif count < width:
            self._short.append(record)
        elif any(cell.strip() for cell in record.cells[width:]):
            self._reject(record, "too_many_cells")
        else:
            self._surplus += 1
            self._surplus_sample = self._surplus_sample or f"line {record.line}"
            self._row(record.line, record.cells[:width])

    def finish(self, held: list[Record]) -> Sorted:
        trailers: list[Record] = []
        while held and _is_trailer(held[-1], self._layout.typical):
            trailers.insert(0, held.pop())
        for record in held:
            self.take(record)
        findings = [*self._layout.findings, *self._about_preamble(), *self._settle_short()]
        if self._surplus:
            findings.append(Finding("", "surplus_cells_trimmed", self._surplus, self._surplus_sample))
        self._flush()
        table = pa.concat_tables(self._batches) if self._batches else _table([], self._layout.width)
        return Sorted(
            table=table.combine_chunks(),
            lines=self._lines,
            rejects=self._rejects,
            trailers=tuple(Trailer(r.line, tuple(printable(cell) for cell in r.cells)) for r in trailers),
            preamble=len(self._preamble),
            blank=self._blank,
            records=self._records,
            findings=tuple(findings),
        )

    def _row(self, line: int, cells: list[str]) -> None:
        self._lines.append(line)
        self._cells.append(cells)
        if len(self._cells) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._cells:
            self._batches.append(_table(self._cells, self._layout.width))
            self._cells = []

    def _reject(self, record: Record, reason: str) -> None:
        self._rejects.append((record.line, reason, printable(record.raw).rstrip("\r\n")))

    def _about_preamble(self) -> list[Finding]:
        if not self._preamble:
            return []
        words = next(cell for cell in self._preamble[0].cells if cell.strip()) if self._preamble[0].cells else ""
        return [Finding("", "preamble_skipped", len(self._preamble), printable(words.strip())[:80])]

    def _settle_short(self) -> list[Finding]:
        short, rows = self._short, len(self._lines)
        if len(short) < 5 or len(short) < NORM * (len(short) + rows):
            for record in short:
                self._reject(record, "too_few_cells")
            return []
        for record in short:
            self._row(record.line, record.cells + [""] * (self._layout.width - len(record.cells)))
        self._flush()
        self._in_order()
        return [Finding("", "short_rows_padded", len(short), f"line {short[0].line}")]

    def _in_order(self) -> None:
        order = sorted(range(len(self._lines)), key=self._lines.__getitem__)
        self._batches = [pa.concat_tables(self._batches).take(pa.array(order))]
        self._lines = [self._lines[i] for i in order]


def _table(rows: list[list[str]], width: int) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * width
    return pa.table([pa.array(column, type=pa.large_string()) for column in columns], names=[str(i) for i in range(width)])


def _is_trailer(record: Record, typical: float) -> bool:
    """A row whose first filled cell says total, and nothing but that, or which is clearly emptier than the others."""
    cells = [cell.strip() for cell in record.cells if cell.strip()]
    found = TOTAL.match(cells[0]) if cells and not record.flaw else None
    if found is None:
        return False
    rest = cells[0][found.end() :]
    if BARE.fullmatch(rest):
        return "total" in found[0].lower() or typical <= 2 or len(cells) < typical
    return not rest[:1].isalnum() and len(cells) <= typical / 2
