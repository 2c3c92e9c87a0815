"""Split text into physical records, each with the line it starts on, losing none to a stray quote."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from workbench.errors import ExportError
from workbench.readers.dialect import Dialect

__all__ = ["Record", "split_records"]

RECOVERIES = 1_000
END = "\x00the end\x00\n"


class Record(NamedTuple):
    """One physical record; ``flaw`` names why it cannot be cut into cells."""

    line: int
    cells: list[str]
    raw: str
    flaw: str = ""


class _Feed:
    """Physical lines for the csv reader, remembered until a record is complete, so that they can be put back."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._source = iter(lines)
        self._again: deque[str] = deque()
        self._ended = False
        self.taken: list[str] = []

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        if self._again:
            line = self._again.popleft()
        else:
            line = next(self._source, END)
            if line is END:
                if self._ended:
                    raise StopIteration
                self._ended = True
        self.taken.append(line)
        return line

    def put_back(self, lines: list[str]) -> None:
        self._again.extendleft(reversed(lines))


def split_records(lines: Iterable[str], dialect: Dialect, *, width: int | None = None, first: int = 1) -> Iterator[Record]:
    """The records of a text, in order, each with its first physical line (``first`` for the first) and its raw text.

    Quotes are read strictly, since reading them leniently would change values unseen. A quote that is never
    closed, or only by the quote of a later row, would swallow rows: the line that opened it comes back alone
    with the flaw ``unclosed_quote`` and reading goes on with the next line. Text after a closing quote is
    ``broken_quotes``. ``width`` is the number of columns, where it is known already.
    """
    feed = _Feed(lines)
    reader = dialect.reader(feed, strict=True)
    line, recoveries = first, 0
    while True:
        feed.taken = []
        try:
            cells, flaw = next(reader), ""
        except StopIteration:
            return
        except csv.Error as error:
            cells, flaw, reader = [], _flaw(error), dialect.reader(feed, strict=True)
        taken = feed.taken
        if taken[0] is END:
            return
        if len(taken) == 1:
            yield Record(line, cells, taken[0], flaw)
            line += 1
        elif not flaw and taken[-1] is not END and not _swallowed(taken, cells, dialect, width):
            yield Record(line, cells, "".join(taken))
            line += len(taken)
        else:
            yield Record(line, [], taken[0], "unclosed_quote")
            feed.put_back(taken[1:])
            reader = dialect.reader(feed, strict=True)
            line, recoveries = line + 1, recoveries + 1
            _bounded(recoveries, line)


def _flaw(error: csv.Error) -> str:
    return "cell_too_long" if "limit" in str(error) else "broken_quotes"


def _swallowed(taken: list[str], cells: list[str], dialect: Dialect, width: int | None) -> bool:
    """Whether a record of several lines has the wrong width while its second line begins a row of the right one."""
    if width is None or len(cells) == width:
        return False
    return len(next(dialect.reader(taken[1:]), [])) == width


def _bounded(recoveries: int, line: int) -> None:
    if recoveries > RECOVERIES:
        raise ExportError(
            "The quotes of this file cannot be paired.",
            expected="each opening quote to be closed in the same cell",
            found=f"more than {RECOVERIES:,} that are not",
            where=f"line {line}",
            todo='pass quote="" if the file quotes nothing, or name its quote character',
        )
