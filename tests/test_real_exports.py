"""Exports of real systems are read without help, and no row of theirs is lost."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from workbench.readers import read_export

SHARED = Path(os.environ.get("WORKBENCH_SHARED", Path(__file__).parents[2] / "shared"))
FOLDER = SHARED / "real-exports"
FILES = sorted(FOLDER.rglob("*.csv"))
HEADERS = {"NPSP_Data_Import_Template.csv": 5}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the shared folder with real exports is absent")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_row_of_a_real_export_is_read_or_rejected(path: Path) -> None:
    header_line = HEADERS.get(path.name, 1)
    with path.open(newline="", encoding="utf-8") as handle:
        records = list(csv.reader(handle, skipinitialspace="febrl" in path.parts))
    header, body = records[header_line - 1], [row for row in records[header_line:] if any(cell.strip() for cell in row)]

    found = read_export(path)

    assert found.report.header_line == header_line
    assert list(found.frame.columns) == [name.strip() for name in header]
    assert found.report.rows + found.report.rejected == len(body)
    assert found.frame.fillna("").values.tolist() == [[cell if cell.strip() else "" for cell in row] for row in body]


def test_there_are_real_exports_to_read() -> None:
    assert len(FILES) >= 40
