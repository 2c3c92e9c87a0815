"""The workbook in which a customer answers: one sheet a kind of question, drop-downs, and two cells a row to fill in.

Nothing here decides anything: questions become a file, a returned file becomes texts.
"""

from __future__ import annotations

import json
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import Cell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill, Protection
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from workbench.errors import EditError

__all__ = [
    "BARE",
    "Answer",
    "Merged",
    "Question",
    "Returned",
    "Sent",
    "choices",
    "merge",
    "read_answers",
    "text_of",
    "write_questions",
]

SHEETS = {"field": "Fields", "value": "Values", "owner": "Owners", "duplicate": "Duplicates", "link": "Links"}
HEADINGS = ("Row", "Question", "What it holds", "Proposed", "Confidence", "Why", "Answer", "Comment")
WIDTHS = (6, 38, 44, 26, 11, 40, 30, 40)
ANSWER, COMMENT = 7, 8  # columns
SENT, OPTIONS, READ_ME = "_sent", "_options", "Read me"
EMPTY = {
    "field": "(leave behind)",
    "value": "(leave empty)",
    "owner": "(nobody)",
    "duplicate": "(keep separate)",
    "link": "(none)",
}
"""How an empty answer reads, so that it can be chosen and is not mistaken for an open question."""
BARE = {"duplicate": "into", "link": "to"}
"""Kinds whose whole value is one text under a name."""
LARGEST, UNPACKED, MEMBERS, ROWS = 20_000_000, 200_000_000, 1_000, 100_000
NOTES = (
    "Please look at the Answer column of each sheet.",
    "What stands in Answer when you return this file counts as your answer, also where you changed nothing.",
    "Clear a cell to leave the question open. Choose from the list; other words cannot be taken over.",
    "Comment is for you: what you write there is kept beside the answer.",
    "Everything else is locked, so that your answers find their way back.",
)


@dataclass(frozen=True)
class Question:
    """One row of the workbook, all of it in words."""

    kind: str
    subject: str
    shown: str
    proposed: str
    confidence: float
    reasons: str
    answer: str  # what stands in the cell: the decision, else the proposal
    options: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What came back in one row; `odd` says why the cell holds no text, as with a formula."""

    row: int
    text: str
    comment: str
    odd: str = ""


@dataclass(frozen=True)
class Returned:
    """A workbook that came back: which sending it answers, and its rows in the order of its sheets."""

    workbook: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Sent:
    """What we know of a row that was sent, from our own records and not from the file."""

    row: int
    kind: str
    subject: str
    answer: str  # as it stood in the cell
    decided: Any  # the decision of that moment, None where there was none
    options: Mapping[str, Any]  # answer in words → value


@dataclass(frozen=True)
class Merged:
    """What became of a row that was sent; `value` is what to record, None where nothing is."""

    kind: str
    subject: str
    verdict: str  # accepted, changed, conflicting, impossible or open
    sent: str
    answer: str
    now: str  # what is decided today, before this file
    comment: str
    words: str
    value: Any = None


def choices(kind: str, proposed: Any, alternatives: Any, more: Sequence[Any] = ()) -> dict[str, Any]:
    """Every answer that a question takes, in words, with the value that it stands for; the proposal comes first.

    `more` and `alternatives` hold values, mappings with a `value`, or for fields and duplicates the bare target.
    """
    found: dict[str, Any] = {}
    others = list(alternatives) if isinstance(alternatives, list | tuple) else []
    for candidate in [proposed, *others, *more, ""]:
        if isinstance(candidate, Mapping) and "value" in candidate:
            candidate = candidate["value"]
        value = _whole(kind, candidate, proposed)
        if value is not None:
            found.setdefault(text_of(kind, value), value)
    return found


def merge(sent: Sequence[Sent], returned: Sequence[Answer], live: Mapping[tuple[str, str], Any]) -> list[Merged]:
    """Each sent row against what came back and what is decided today; rows that were never sent stand at the end."""
    came: dict[int, list[Answer]] = {}
    for answer in returned:
        came.setdefault(answer.row, []).append(answer)
    merged = [_merge_row(row, came.pop(row.row, []), live.get((row.kind, row.subject))) for row in sent]
    strangers = [answer for answers in came.values() for answer in answers]
    return merged + [
        Merged("", "", "impossible", "", answer.text, "", answer.comment, f"row {answer.row} was not sent")
        for answer in strangers
    ]


def text_of(kind: str, value: Any) -> str:
    """An answer as a person reads it: the target of a field, the record merged into, the option, the user."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        named = value.get("target", value.get("into", value.get("to")))
        value = named if isinstance(named, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    if isinstance(value, list):
        value = "; ".join(str(part) for part in value)
    shown = unicodedata.normalize("NFC", _visible(str(value))).strip()  # as it will be read again
    return shown or EMPTY.get(kind, "(nothing)")


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


def read_answers(path: Path) -> Returned:
    """Read a returned workbook; EditError where it is none of ours, or is larger than one can be."""
    _small_enough(path)
    try:
        book = load_workbook(path, read_only=True, data_only=False, keep_links=False)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError, SyntaxError) as broken:
        raise _foreign(path, f"it cannot be opened: {broken}") from None
    try:
        if SENT not in book.sheetnames:
            raise _foreign(path, "it lacks the mark of a workbook that we sent")
        mark = next(book[SENT].iter_rows(max_row=1, max_col=1, values_only=True), ("",))[0]
        sheets = [book[name] for name in book.sheetnames if name not in (SENT, OPTIONS, READ_ME)]
        return Returned(str(mark or ""), tuple(answer for sheet in sheets for answer in _answers(sheet)))
    finally:
        book.close()


def _whole(kind: str, candidate: Any, proposed: Any) -> Any:
    """A bare target as the full value of its kind; another target than the proposed one has its recipe chosen anew."""
    if not isinstance(candidate, str) or kind not in ("field", *BARE):
        return candidate
    if kind in BARE:
        return {BARE[kind]: candidate}
    same_type = proposed.get("type", "") if isinstance(proposed, Mapping) else ""
    return {"target": candidate, "type": same_type, "recipe": "", "options": {}}


def _merge_row(row: Sent, came: Sequence[Answer], now: Any) -> Merged:
    answer = came[0] if came else Answer(row.row, "", "")
    known = {option.casefold(): value for option, value in row.options.items()}
    value = row.options.get(answer.text, known.get(answer.text.casefold()))
    verdict, words = "", ""
    if not came:
        verdict, words = "open", "the row is not in the file any more"
    elif len({(a.text, a.odd) for a in came}) > 1:
        verdict, words = "impossible", "the row is there several times, with different answers"
    elif answer.odd:
        verdict, words = "impossible", answer.odd
    elif not answer.text:
        verdict, words = "open", "no answer" if now is None else "no answer; what is decided stays"
    elif value is None:
        verdict, words = "impossible", "not among the options"
    elif now is not None and now == value:
        verdict, words, value = "accepted", "decided so already", None
    elif now != row.decided:
        verdict, words = "conflicting", "decided otherwise after the file was sent; that decision stays"
    else:
        verdict = "accepted" if answer.text == row.answer else "changed"
    kept = value if not words else None
    told = (row.answer, answer.text, text_of(row.kind, now), answer.comment)
    return Merged(row.kind, row.subject, verdict, *told, words, kept)


def _read_me(sheet: Worksheet) -> None:
    sheet.title = READ_ME
    for line, text in enumerate(NOTES, start=1):
        _put(sheet, line, 1, text)
    sheet.column_dimensions["A"].width = 110
    sheet.protection.sheet = True


def _only_sheet(book: Workbook) -> Worksheet:
    sheet = book.active
    if not isinstance(sheet, Worksheet):  # a new workbook has one; this tells the type checker
        raise TypeError("a new workbook has no sheet")
    return sheet


def _fill(sheet: Worksheet, rows: Sequence[tuple[int, Question]], lists: _Lists) -> None:
    _headings(sheet)
    for line, (number, question) in enumerate(rows, start=2):
        words = (question.subject, question.shown, question.proposed)
        sheet.cell(line, 1, number)
        for column, text in enumerate(words, start=2):
            _put(sheet, line, column, text)
        if question.proposed:
            sheet.cell(line, 5, question.confidence).number_format = "0%"
        _put(sheet, line, 6, question.reasons)
        for column, text in ((ANSWER, question.answer), (COMMENT, "")):
            cell = _put(sheet, line, column, text)
            cell.protection = Protection(locked=False)
            cell.number_format = "@"  # so that a chosen 02134 stays text
        lists.offer(sheet, question.options, line)
    lists.attach(sheet)
    sheet.auto_filter.ref = f"A1:{get_column_letter(COMMENT)}{len(rows) + 1}"


def _headings(sheet: Worksheet) -> None:
    for column, (heading, width) in enumerate(zip(HEADINGS, WIDTHS, strict=True), start=1):
        cell = sheet.cell(1, column, heading)
        cell.font = Font(bold=True, color="FFFFFF")
        cell.fill = PatternFill("solid", start_color="1565C0" if column >= ANSWER else "455A64")
        sheet.column_dimensions[get_column_letter(column)].width = width
    sheet.cell(1, ANSWER).comment = Comment("\n".join(NOTES[1:3]), "workbench", width=360, height=110)
    sheet.cell(1, COMMENT).comment = Comment(NOTES[3], "workbench", width=300, height=60)
    sheet.column_dimensions["A"].hidden = True
    sheet.freeze_panes = "C2"
    sheet.protection.sheet = True
    sheet.protection.autoFilter = sheet.protection.formatColumns = False  # False allows it
    sheet.page_setup.orientation, sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = "landscape", 1, 0
    sheet.print_title_rows = "1:1"


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
        cell.value = _visible(text)
        cell.data_type = "s"
        cell.quotePrefix = text[0] in "=+-@"
    cell.alignment = Alignment(wrap_text=True, vertical="top")
    return cell


def _visible(text: str) -> str:
    shown = (c if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs") else "\N{REPLACEMENT CHARACTER}" for c in text)
    return "".join(shown)[:32_000]  # a cell takes 32,767 characters


def _answers(sheet: Any) -> Iterator[Answer]:
    for cells in sheet.iter_rows(min_row=2, max_row=ROWS, max_col=COMMENT):
        number = cells[0].value if cells else None
        if isinstance(number, int) and not isinstance(number, bool) and len(cells) >= ANSWER:
            text, odd = _text(cells[ANSWER - 1])
            comment = _text(cells[COMMENT - 1])[0] if len(cells) >= COMMENT else ""
            yield Answer(number, text, comment, odd)


def _text(cell: Any) -> tuple[str, str]:
    value = cell.value
    if value is None:
        return "", ""
    kind = getattr(cell, "data_type", "s")
    odd = {"f": "a formula, not an answer", "e": "an error of the spreadsheet, not an answer"}.get(kind, "")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return unicodedata.normalize("NFC", str(value)).strip(), odd


def _small_enough(path: Path) -> None:
    if not path.is_file():
        raise EditError("there is no such workbook", where=str(path), todo="name the file that the customer sent back")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile:
        raise _foreign(path, "it is no XLSX file") from None
    if path.stat().st_size > LARGEST or len(members) > MEMBERS or sum(m.file_size for m in members) > UNPACKED:
        raise _foreign(path, "it is far larger than any workbook that we send")


def _foreign(path: Path, found: str) -> EditError:
    return EditError(
        "this is not a workbook that we sent",
        expected="a file that `workbench export-decisions` wrote, with answers filled in",
        found=found,
        where=path.name,
        todo="ask for the file itself, saved as XLSX and not as CSV or PDF",
    )
