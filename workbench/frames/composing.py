"""Texts made of several columns of a row: line by line, what is empty leaving nothing behind."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from workbench.frames.plan import FeedPlan
from workbench.frames.select import PAGE, ROW, cells_of, filled
from workbench.recipes.markup import as_markup, is_markup
from workbench.specs.feeds import EACH, OTHERS

__all__ = ["composed", "own_columns"]

BLANKS = string.whitespace
NEEDED = "needed"
PART = re.compile(r"\.\d+(?=\.|$)")
"""Where the name of a column goes into a list: `prices.0.from`."""

Part = tuple[str, str | None, str | None, str | None]


def own_columns(table: pd.DataFrame, plan: FeedPlan) -> tuple[str, ...]:
    """The columns of a table that no file of ours describes: the customer's own; of a list the whole one, not its parts."""
    there = [str(column) for column in table.columns]
    known = {ROW, PAGE, *plan.table.column_names()}
    return tuple(name for name in there if name not in known and PART.split(name, maxsplit=1)[0] not in {*there} - {name})


def composed(table: pd.DataFrame, text: str, *, own: Sequence[str] = (), rich: bool = False) -> pd.Series:
    """A text made of several columns, row by row: an empty column leaves nothing behind, a line of nothing but those goes.

    Of a column that is marked as needed, `{end:needed}`, the whole text goes where it is empty. A line with
    `{prices.*.from}` stands once for each thing in the list of the column `prices`, and `{*}` is a line for each of the
    ``own`` columns that says something. Where the text is read as ``rich``, plain words keep their lines and their signs
    beside tags.
    """
    lines = [list(string.Formatter().parse(line)) for line in text.split("\n")]
    said = {name for line in lines for _, name, _, _ in line if name is not None}
    needed = {name for line in lines for _, name, mark, _ in line if name is not None and mark == NEEDED}
    names = {name for each in said for name in (own if each == OTHERS else (each.partition(EACH)[0],))}
    cells = {name: cells_of(table, name) for name in names}
    texts = {name: cell.astype("str").str.strip(BLANKS).where(filled(cell), "").tolist() for name, cell in cells.items()}
    tagged = rich and is_markup(text)
    plain, paragraph = ([_own_line(name, *ends) for name in own] for ends in (("", ""), ("<p>", "</p>")))
    made: list[object] = []
    for place in range(len(table)):
        row = {name: column[place] for name, column in texts.items()}
        tags = tagged or (rich and any(is_markup(value) for value in row.values() if "<" in value))
        kept = [each for line in lines for each in _lines(line, row, paragraph if tagged else plain, tags=tags)]
        spoken = any(row.values()) and all(row[name] for name in needed)
        whole = ("<br>\n" if tags and not tagged else "\n").join(kept).strip(BLANKS)
        made.append((whole or pd.NA) if spoken else pd.NA)
    return pd.Series(made, index=table.index, dtype="str")


def _own_line(name: str, start: str, end: str) -> Sequence[Part]:
    """The line of one of the customer's own columns, as a text of ours would have it."""
    return [(f"{start}{name}: ", name, "", None), (end, None, None, None)]


def _lines(parts: Sequence[Part], row: Mapping[str, str], own: Sequence[Sequence[Part]], *, tags: bool) -> Iterator[str]:
    """What becomes of one line: itself, a line for each thing in a list or for each column of the customer's own, or none."""
    names = [name for _, name, _, _ in parts if name is not None]
    listed = next((name.partition(EACH)[0] for name in names if EACH in name), "")
    if names == [OTHERS]:
        for line in own:
            yield from _line(line, row, tags=tags)
    elif not listed:
        yield from _line(parts, row, tags=tags)
    else:
        for thing in _things(row[listed]):
            inner = {name: str(thing.get(name.removeprefix(listed + EACH)) or "").strip(BLANKS) for name in names}
            yield from _line(parts, {**inner, **{name: row[name] for name in names if name in row}}, tags=tags)


def _line(parts: Sequence[Part], row: Mapping[str, str], *, tags: bool) -> Iterator[str]:
    """One line with its columns filled in; none where it names columns and all of them are empty."""
    names = [name for _, name, _, _ in parts if name is not None]
    if not names or any(row[name] for name in names):
        words = {name: as_markup(row[name]) if tags else row[name] for name in names}
        yield "".join(said + (words[name] if name is not None else "") for said, name, _, _ in parts).strip(" \t")


def _things(text: str) -> Sequence[Mapping[str, object]]:
    """The things in a list, as a reader of JSON keeps it in one cell."""
    try:
        listed = json.loads(text) if text else []
    except ValueError:
        return ()
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else ()
