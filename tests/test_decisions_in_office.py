"""The customer's workbook through LibreOffice: what it opens, keeps and gives back (`make office-test`)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from workbench import store
from workbench.decisions import Decisions

pytestmark = pytest.mark.office
ADA = "Ada Lark <ada@example.org>"
HOSTILE = '=HYPERLINK("http://127.0.0.1","go")'


@pytest.fixture
def decisions(tmp_path: Path) -> Decisions:
    asked = Decisions(store.open_store(tmp_path / "workbench.db"))
    rows = [(f"contacts/Status={n:03d}", "Active", 0.9) for n in range(299)] + [(f"contacts/Status={HOSTILE}", "Lost", 0.4)]
    asked.propose("value", pd.DataFrame(rows, columns=["subject", "value", "confidence"]))
    return asked


def office(book: Path, into: Path, kind: str) -> Path:
    """What LibreOffice makes of a workbook, and every word that it says meanwhile is a warning."""
    found = shutil.which("soffice")
    assert found, "LibreOffice is missing: apt-get install libreoffice-calc"
    home = f"-env:UserInstallation={(into / 'profile').as_uri()}"
    said = subprocess.run(
        [found, home, "--headless", "--convert-to", kind, "--outdir", str(into), str(book)],
        capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    words = [line for line in said.stderr.splitlines() if "javaldx" not in line]  # a machine without Java says so
    assert not words, words
    return into / f"{book.stem}.{kind}"


def lists(sheet: Worksheet) -> dict[str, tuple[str, str]]:
    """The drop-down of every cell that has one, however the cells are written together."""
    return {
        cell: (str(rule.type), str(rule.formula1))
        for rule in sheet.data_validations.dataValidation
        for part in rule.sqref.ranges
        for row in sheet[part.coord if ":" in part.coord else f"{part.coord}:{part.coord}"]
        for cell in (each.coordinate for each in row)
    }


def test_libreoffice_keeps_every_drop_down_every_lock_and_every_row(decisions: Decisions, tmp_path: Path) -> None:
    ours = decisions.to_workbook(tmp_path / "questions.xlsx", kinds=["value"], options={"value": ["Active", "Lost", "New"]})
    theirs = office(ours, tmp_path / "back", "xlsx")
    sent, back = openpyxl.load_workbook(ours), openpyxl.load_workbook(theirs)
    assert back.sheetnames == sent.sheetnames
    for name in ("_options", "_sent"):
        assert back[name].sheet_state != "visible"
    there, here = back["Values"], sent["Values"]
    assert [[cell.value for cell in row] for row in there.iter_rows()] == [
        [cell.value for cell in row] for row in here.iter_rows()
    ]
    assert lists(there) == lists(here)
    assert there.protection.sheet
    assert [there.cell(2, n).protection.locked for n in range(1, 9)] == [True] * 6 + [False] * 2
    assert there["B301"].data_type == "s", "what looks like a formula stays text"


def test_what_libreoffice_saves_merges_as_what_was_edited(decisions: Decisions, tmp_path: Path) -> None:
    ours = decisions.to_workbook(tmp_path / "questions.xlsx", kinds=["value"], options={"value": ["Active", "Lost", "New"]})
    book = openpyxl.load_workbook(ours)
    for line in range(2, 42):
        book["Values"].cell(line, 7).value = "New"
    book.save(ours)
    merged = decisions.merge_workbook(office(ours, tmp_path / "back", "xlsx"), by=ADA)
    assert merged["verdict"].value_counts().to_dict() == {"accepted": 260, "changed": 40}


def test_the_workbook_prints_without_cutting_off_a_column(decisions: Decisions, tmp_path: Path) -> None:
    ours = decisions.to_workbook(tmp_path / "questions.xlsx", kinds=["value"], options={"value": ["Active", "Lost", "New"]})
    page = office(ours, tmp_path / "paper", "pdf")
    text = subprocess.run(
        ["pdftotext", "-layout", str(page), "-"], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    heads = [line for line in text.splitlines() if "Question" in line and "Comment" in line]
    assert heads, "every heading stands on one page, beside the others"
    assert text.count("contacts/Status=") >= 300
