"""Export files into rows; every row knows its file and line."""

from __future__ import annotations

from workbench.readers.export import Export, Finding, Reading, Trailer
from workbench.readers.reading import list_sheets, read_export

__all__ = ["Export", "Finding", "Reading", "Trailer", "list_sheets", "read_export"]
