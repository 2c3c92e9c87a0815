"""What reading an export yields: the rows, what could not become a row, and the account of both."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from workbench.errors import IntegrityError
from workbench.plain import Shown
from workbench.show import html_table

__all__ = ["Export", "Finding", "Reading", "Trailer", "findings_frame", "rejects_frame"]


@dataclass(frozen=True)
class Trailer:
    """A subtotal or total row at the end of a table: evidence for control totals, never a data row."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """One kind of damage or oddity; ``column`` is empty when it concerns the whole file."""

    column: str
    code: str
    count: int
    sample: str


@dataclass(frozen=True, repr=False)
class Reading(Shown):
    """How a file was read and where each of its physical records went.

    ``preamble + header + blank + trailers + rows + rejected == physical_records`` holds by construction
    and is checked when the object is made.
    """

    file: str
    sha256: str
    size: int  # bytes
    format: str  # csv, tsv, txt, xlsx or xlsm
    sheet: str  # empty for a text file
    encoding: str  # empty for a workbook
    encoding_reason: str
    non_ascii: tuple[str, ...]  # distinct words beyond ASCII as they were decoded, commonest first, for a person to look at
    delimiter: str
    quote: str
    escape: str
    header_line: int | None  # physical line or sheet row; None where the file has no header
    columns: tuple[str, ...]
    physical_records: int
    preamble: int
    header: int  # 0 or 1
    blank: int
    trailers: int
    rows: int
    rejected: int
    trailer_rows: tuple[Trailer, ...] = ()

    def __post_init__(self) -> None:
        found = self.preamble + self.header + self.blank + self.trailers + self.rows + self.rejected
        if found != self.physical_records:
            raise IntegrityError(
                "records of an export are not accounted for",
                expected=f"{self.physical_records:,} records, each in one place",
                found=f"{found:,}",
                where=self.file,
                todo="report it with the file: no row of it may be used",
            )

    def _repr_html_(self) -> str:
        return html_table(self.account(), caption=f"How {self.file} was read")

    def account(self) -> pd.DataFrame:
        """The row account as a table of two columns, part and records, the sum last."""
        parts = ("preamble", "header", "blank", "trailers", "rows", "rejected", "physical_records")
        return pd.DataFrame({"part": parts, "records": [getattr(self, part) for part in parts]})


@dataclass(frozen=True, repr=False)
class Export(Shown):
    """One table of one export file.

    ``frame`` has one text column per column of the table and the index ``line``, the physical line (or sheet
    row) on which the record starts; an empty cell is missing. ``rejects`` (line, reason, raw) holds the records
    that could not become rows, ``findings`` (column, code, count, sample) the damage seen in those that did.
    """

    frame: pd.DataFrame
    rejects: pd.DataFrame
    report: Reading
    findings: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    def _repr_html_(self) -> str:
        report = self.report
        how = ", ".join(part for part in (report.format, report.sheet, report.encoding) if part)
        caption = f"{report.file} ({how}): {report.rows:,} rows, {report.rejected:,} rejected"
        return html_table(self.frame.head(5).map(_cut).reset_index(), caption=caption) + (
            html_table(self.findings, caption="Findings") if len(self.findings) else ""
        )


def findings_frame(findings: list[Finding]) -> pd.DataFrame:
    """The findings as a frame of column, code, count and sample."""
    return pd.DataFrame(
        {
            "column": pd.Series([f.column for f in findings], dtype="str"),
            "code": pd.Series([f.code for f in findings], dtype="str"),
            "count": pd.Series([f.count for f in findings], dtype="int64"),
            "sample": pd.Series([f.sample for f in findings], dtype="str"),
        }
    )


def rejects_frame(rejects: list[tuple[int, str, str]]) -> pd.DataFrame:
    """The rejects as a frame of line, reason and raw, in the order of the file."""
    rejects = sorted(rejects)
    return pd.DataFrame(
        {
            "line": pd.Series([r[0] for r in rejects], dtype="int64"),
            "reason": pd.Series([r[1] for r in rejects], dtype="str"),
            "raw": pd.Series([r[2] for r in rejects], dtype="str"),
        }
    )


def _cut(value: object) -> object:
    return value[:119] + "…" if isinstance(value, str) and len(value) > 120 else value
