"""What a customer may answer, and what came back in the workbook: read from the file, and merged as a difference.

Nothing here decides anything: a returned file becomes texts, and each row a verdict.
"""

from __future__ import annotations

import json
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.decisions.survivors import said_of
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
    "visible",
]

QUESTION, ANSWER, COMMENT = 2, 7, 8  # columns
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
    title: str = ""  # how it is called, where the subject is a key that says nothing to a person


@dataclass(frozen=True)
class Answer:
    """What came back in one row; `odd` says why the cell holds no text, as with a formula."""

    row: int
    text: str
    comment: str
    odd: str = ""
    asked: str = ""  # the question that stands beside it


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
    asked = {(row.kind, _as_read(row.subject)): row.row for row in sent}
    merged = [
        _merge_row(row, [_own(row, each, asked) for each in came.pop(row.row, [])], live.get((row.kind, row.subject)))
        for row in sent
    ]
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
        word = f" ({said})" if (said := said_of(value)) else ""
        value = named + word if isinstance(named, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    if isinstance(value, list):
        value = "; ".join(str(part) for part in value)
    return _as_read(str(value)) or EMPTY.get(kind, "(nothing)")


def _as_read(text: str) -> str:
    """A text as it will be read again from its cell."""
    return unicodedata.normalize("NFC", visible(text)).strip()


def _own(row: Sent, answer: Answer, asked: Mapping[tuple[str, str], int]) -> Answer:
    """The answer, or none where another question stands beside it: whoever sorts what is seen leaves hidden numbers behind."""
    if asked.get((row.kind, answer.asked), row.row) == row.row:
        return answer
    return replace(answer, odd="another question stands in its row: the rows were sorted without their hidden first column")


def read_answers(path: Path) -> Returned:
    """Read a returned workbook; EditError where it is none of ours, or is larger than one can be."""
    # Imported when a file came back: whoever only decides has no need of spreadsheets, and waits for them.
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

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


def visible(text: str) -> str:
    """Text as a cell can hold it: control characters show as such, and no more of it than fits."""
    shown = (c if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs") else "\N{REPLACEMENT CHARACTER}" for c in text)
    return "".join(shown)[:32_000]  # a cell takes 32,767 characters


def _answers(sheet: Any) -> Iterator[Answer]:
    for cells in sheet.iter_rows(min_row=2, max_row=ROWS, max_col=COMMENT):
        number = _number(cells[0].value) if cells else None
        if number is not None and len(cells) >= ANSWER:
            text, odd = _text(cells[ANSWER - 1])
            comment = _text(cells[COMMENT - 1])[0] if len(cells) >= COMMENT else ""
            yield Answer(number, text, comment, odd, _text(cells[QUESTION - 1])[0])


def _number(value: object) -> int | None:
    """The number of a row; other programs than ours save it as 1.0, or as a text."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


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
