"""The workbook in which a customer answers: one sheet a kind of question, drop-downs, and two cells a row to fill in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from workbench.decisions.answers import ANSWER, COMMENT, OPTIONS, READ_ME, SENT, Question, visible

__all__ = ["write_questions"]

SHEETS = {"field": "Fields", "value": "Values", "owner": "Owners", "duplicate": "Duplicates", "link": "Links"}
HEADINGS = ("Row", "Question", "What it holds", "Proposed", "Confidence", "Why", "Answer", "Comment")
WIDTHS = (6, 38, 44, 26, 11, 40, 30, 40)
LINE, TALLEST = 15.0, 409.0
"""Points of one line of text, and of the tallest row that a sheet takes."""
NOTES = (
    "Please look at the Answer column of each sheet.",
    "What stands in Answer when you return this file counts as your answer, also where you changed nothing.",
    "Clear a cell to leave the question open. Choose from the list; other words cannot be taken over.",
    "Comment is for you: what you write there is kept beside the answer.",
    "Everything else is locked, so that your answers find their way back.",
)


def write_questions(path: Path, questions: Sequence[Question], *, workbook: str) -> Path:
    """Write the workbook; question n stands in row id n, from 1 on, whatever the reader sorts."""
    book = Workbook()
    _read_me(_only_sheet(book))
    lists = _Lists(book.create_sheet(OPTIONS))
    numbered = list(enumerate(questions, start=1))
    for kind in dict.fromkeys(question.kind for question in questions):
        sheet = book.create_sheet(SHEETS.get(kind, kind.replace("_", " ").capitalize()))
        _fill(sheet, [(n, question) for n, question in numbered if question.kind == kind], lists)
    sent = book.create_sheet(SENT)
    _put(sent, 1, 1, workbook)
    for hidden in (sent, book[OPTIONS]):
        hidden.sheet_state = "veryHidden"
        hidden.protection.sheet = True
    book.save(path)
    return path


def _read_me(sheet: Worksheet) -> None:
    sheet.title = READ_ME
    for line, text in enumerate(NOTES, start=1):
        _put(sheet, line, 1, text)
    sheet.column_dimensions["A"].width = 110
    sheet.protection.sheet = True
    _on_one_page(sheet)


def _only_sheet(book: Workbook) -> Worksheet:
    sheet = book.active
    if not isinstance(sheet, Worksheet):  # a new workbook has one; this tells the type checker
        raise TypeError("a new workbook has no sheet")
    return sheet


def _fill(sheet: Worksheet, rows: Sequence[tuple[int, Question]], lists: _Lists) -> None:
    _headings(sheet)
    for line, (number, question) in enumerate(rows, start=2):
        words = (question.title or question.subject, question.shown, question.proposed)
        sheet.cell(line, 1, number)
        for column, text in enumerate(words, start=2):
            _put(sheet, line, column, text)
        sure = _put(sheet, line, 5, "")
        if question.proposed:
            sure.value, sure.number_format = question.confidence, "0%"
        _put(sheet, line, 6, question.reasons)
        for column, text in ((ANSWER, question.answer), (COMMENT, "")):
            cell = _put(sheet, line, column, text)
            cell.protection = Protection(locked=False)
            cell.number_format = "@"  # so that a chosen 02134 stays text
            cell.fill = PatternFill("solid", start_color="E8F1FB")
        sheet.row_dimensions[line].height = _height((*words, question.reasons, question.answer))
        lists.offer(sheet, question.options, line)
    lists.attach(sheet)
    sheet.auto_filter.ref = f"A1:{get_column_letter(COMMENT)}{len(rows) + 1}"


def _height(texts: tuple[str, str, str, str, str]) -> float:
    """Points that the row needs so that no wrapped text is cut off; not every program works that out on opening."""
    widths = (*WIDTHS[1:4], *WIDTHS[5:7])
    lines = max(
        sum(math.ceil(max(len(part), 1) * 1.15 / width) for part in text.split("\n"))
        for text, width in zip(texts, widths, strict=True)
    )
    return min(LINE * lines, TALLEST)


def _headings(sheet: Worksheet) -> None:
    for column, (heading, width) in enumerate(zip(HEADINGS, WIDTHS, strict=True), start=1):
        cell = sheet.cell(1, column, heading)
        cell.font = Font(name="Calibri", bold=True, color="FFFFFF")
        cell.fill = PatternFill("solid", start_color="1565C0" if column >= ANSWER else "455A64")
        sheet.column_dimensions[get_column_letter(column)].width = width
    sheet.cell(1, ANSWER).comment = Comment("\n".join(NOTES[1:3]), "workbench", width=360, height=110)
    sheet.cell(1, COMMENT).comment = Comment(NOTES[3], "workbench", width=300, height=60)
    sheet.column_dimensions["A"].hidden = True
    sheet.freeze_panes = "C2"
    sheet.protection.sheet = True
    sheet.protection.autoFilter = sheet.protection.formatColumns = False  # False allows it
    _on_one_page(sheet)
    sheet.print_title_rows = "1:1"


def _on_one_page(sheet: Worksheet) -> None:
    """As wide as a sheet of paper, and as long as it is."""
    sheet.page_setup.orientation, sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = "landscape", 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


class _Lists:
    """The lists behind the drop-downs: one column of a hidden sheet for each different list."""

    def __init__(self, sheet: Worksheet) -> None:
        self.sheet = sheet
        self.columns: dict[tuple[str, ...], int] = {}
        self.open: dict[tuple[str, ...], DataValidation] = {}

    def offer(self, sheet: Worksheet, options: tuple[str, ...], line: int) -> None:
        """Give the answer cell of a line its list."""
        if not options:
            return
        if options not in self.open:
            letter = get_column_letter(self._column(options))
            source = f"{OPTIONS}!${letter}$1:${letter}${len(options)}"
            self.open[options] = DataValidation(
                type="list",
                formula1=source,
                allow_blank=True,
                showErrorMessage=True,
                errorTitle="Not in the list",
                error="Please choose from the list, or clear the cell to leave the question open.",
            )
        self.open[options].add(sheet.cell(line, ANSWER))

    def attach(self, sheet: Worksheet) -> None:
        """Put the lists of this sheet on it, and begin the next one's."""
        for validation in self.open.values():
            sheet.add_data_validation(validation)
        self.open = {}

    def _column(self, options: tuple[str, ...]) -> int:
        if options not in self.columns:
            self.columns[options] = len(self.columns) + 1
            for line, option in enumerate(options, start=1):
                _put(self.sheet, line, self.columns[options], option)
        return self.columns[options]


def _put(sheet: Worksheet, line: int, column: int, text: str) -> Cell:
    """Text as text: what looks like a formula stays what it looks like, and control characters show as such."""
    cell = sheet.cell(line, column)
    if not isinstance(cell, Cell):
        raise TypeError("the sheet has merged cells")
    if text:
        cell.value = visible(text)
        cell.data_type = "s"
        cell.quotePrefix = text[0] in "=+-@"
    cell.alignment = Alignment(wrap_text=True, vertical="top")
    cell.border = Border(bottom=Side(style="hair", color="B0BEC5"))
    return cell
