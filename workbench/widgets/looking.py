"""What stands behind one row of a table of decisions: two records side by side, or the rows that say the value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.planning import delivered
from workbench.frames.groups import row_keys
from workbench.frames.select import ROW, cells_of, filled, natural_keys
from workbench.specs import Feed
from workbench.widgets.answers import as_text
from workbench.widgets.clusters import Speech, cluster_of, speech_of

__all__ = ["SIDES", "Look", "differing", "look", "sides_of", "unspoken"]

SIDES = ("as loaded", "in the export now", "over there now")
CONFLICT = re.compile(r"(?s)loaded (?P<base>.*); source now (?P<theirs>.*); destination now (?P<ours>.*)")
EXAMPLES = 3
LONGEST = 300


@dataclass(frozen=True)
class Look:
    """Records beside each other, one line a column."""

    heads: tuple[str, ...] = ()  # of the records: what each is called, and where it stands
    lines: tuple[tuple[str, ...], ...] = ()  # the column's name, then what each record says there
    differs: tuple[bool, ...] = ()  # whether they say different things, line by line
    subjects: tuple[str, ...] = ()  # of rows that may be one record: the subject of each, empty for the record's own row
    chosen: tuple[bool, ...] = ()  # line by line, whether a person may choose whose word stands in the record
    needed: tuple[bool, ...] = ()  # line by line, whether the record cannot go without one


def look(engagement: Engagement, kind: str, subject: str, *, known: Sequence[object]) -> Look:
    """The records behind a subject; empty where there is nothing beyond what its row shows. `known` are its answers."""
    if kind == "duplicate":
        others = [text for value in known if (text := as_text(kind, value))]
        return _cluster(engagement, subject, others[0]) if others else Look()
    if kind == "link":
        others = [text for value in known if (text := as_text(kind, value))]
        return _link(engagement, subject, others[0]) if others else Look()
    return _value(engagement, subject) if kind == "value" else Look()


def differing(seen: Look) -> list[dict[str, str]]:
    """The lines in which records beside each other say different things, as they are kept with a decision."""
    lines = [line for line, differs in zip(seen.lines, seen.differs, strict=True) if differs]
    return [dict(zip(("column", *seen.heads), line, strict=True)) for line in lines]


def unspoken(engagement: Engagement, subject: str, into: str, *, taken: Sequence[str], emptied: Sequence[str]) -> str:
    """Why a row cannot have the word, or the record say nothing, in these columns; empty where it can."""
    feeds = {feed.name: feed for feed in engagement.route.feeds}
    record = cluster_of(engagement, subject, into).record
    mine, theirs = (feeds.get(name.partition("/")[0]) for name in (subject, record))
    if mine is None or theirs is None or not _staged(engagement, mine.table, theirs.table):
        return ""
    speech = speech_of(engagement, mine, theirs)
    strange = [str(column) for column in (*taken, *emptied) if column not in speech.columns]
    if strange:
        return f"There is nothing to choose in {', '.join(strange)}."
    needed = [str(column) for column in emptied if column in speech.needed]
    return f"Without {' and '.join(needed)} the record could not be loaded: it cannot be left empty." if needed else ""


def sides_of(shown: str) -> tuple[str, ...]:
    """Base, theirs and ours of a conflict; nothing where the text is none."""
    said = CONFLICT.fullmatch(shown)
    return tuple(_bare(said[side]) for side in ("base", "theirs", "ours")) if said else ()


def _bare(text: str) -> str:
    return "" if text == "nothing" else text.removeprefix("“").removesuffix("”")


def _cluster(engagement: Engagement, subject: str, into: str) -> Look:
    """The record that a row may be, by its first row, and every row that would end in it, in the order of the export."""
    found = cluster_of(engagement, subject, into)
    feeds = {feed.name: feed for feed in engagement.route.feeds}
    mine, theirs = (feeds.get(name.partition("/")[0]) for name in (subject, found.record))
    if mine is None or theirs is None or not _staged(engagement, mine.table, theirs.table):
        return Look()
    here, there = (delivered(engagement, feed.table) for feed in (mine, theirs))
    rows = {each.rpartition("@")[2]: each for each in found.subjects}
    own = there[(_keys(engagement, theirs, there) == found.record.partition("/")[2]) & ~there[ROW].isin(list(rows))]
    members = here[here[ROW].isin(list(rows))].drop_duplicates(ROW)
    names = [rows[row].rpartition("@")[0].partition("/")[2] for row in members[ROW]]
    speech = speech_of(engagement, mine, theirs)
    parts = [_aligned(own, speech, theirs, mine), *(members.iloc[[place]] for place in range(len(members)))]
    seen = _beside(parts, [found.record.partition("/")[2], *names])
    if own.empty:
        return seen
    may = tuple(differs and line[0] in speech.columns for line, differs in zip(seen.lines, seen.differs, strict=True))
    needed = tuple(line[0] in speech.needed for line in seen.lines)
    return replace(seen, subjects=("", *(rows[row] for row in members[ROW])), chosen=may, needed=needed)


def _aligned(own: pd.DataFrame, speech: Speech, theirs: Feed, mine: Feed) -> pd.DataFrame:
    """The record's row with the columns of the other table, where both become the same field; the others keep their names."""
    if theirs.name == mine.name:
        return own
    apart = {name: f"{name} ({theirs.label})" for name in own.columns if name in speech.columns and name not in speech.named}
    return own.rename(columns={**apart, **speech.named})


def _link(engagement: Engagement, subject: str, to: str) -> Look:
    """The row that lost its link, and the row that it may belong to."""
    table, _, row = subject.partition("/")
    feed = next((each for each in engagement.route.feeds if each.table == table and each.relink is not None), None)
    if feed is None or feed.relink is None or not _staged(engagement, table, feed.relink.to):
        return Look()
    here, there = delivered(engagement, table), delivered(engagement, feed.relink.to)
    keys = natural_keys(there, engagement.route.table(engagement.source, feed.relink.to))
    return _beside([here[here[ROW] == row], there[keys == to]], [table, to])


def _value(engagement: Engagement, subject: str) -> Look:
    """A few rows that say the value."""
    name, _, rest = subject.partition("/")
    column, _, value = rest.partition("=")
    feed = next((each for each in engagement.route.feeds if each.name == name), None)
    if feed is None or not _staged(engagement, feed.table):
        return Look()
    table = delivered(engagement, feed.table)
    said = cells_of(table, column).astype("str").str.strip()
    rows = table[(said == value).fillna(False)]
    rows = rows if len(rows) else table[said.str.contains(value, regex=False, na=False)]
    found = _beside([rows.iloc[[place]] for place in range(min(EXAMPLES, len(rows)))], [""] * EXAMPLES)
    return replace(found, differs=(False,) * len(found.lines))  # they are examples, and not held against each other


def _keys(engagement: Engagement, feed: Feed, table: pd.DataFrame) -> pd.Series:
    return row_keys(table, feed, engagement.route.table(engagement.source, feed.table))


def _staged(engagement: Engagement, *tables: str) -> bool:
    return all(engagement.has(f"tables/{table}") for table in tables)


def _beside(rows: Sequence[pd.DataFrame], names: Sequence[str]) -> Look:
    """The first row of each frame, one line for every column that one of them fills."""
    found = [(frame.iloc[0], name) for frame, name in zip(rows, names, strict=False) if len(frame)]
    columns = dict.fromkeys(str(name) for row, _ in found for name in row.index if not str(name).startswith("_"))
    lines = [(column, *(_cell(row, column) for row, _ in found)) for column in columns]
    lines = [line for line in lines if any(line[1:])]
    heads = tuple(" · ".join(filter(None, (name, _place(str(row[ROW]))))) for row, name in found)
    return Look(heads, tuple(lines), tuple(len({_folded(part) for part in line[1:]}) > 1 for line in lines))


def _cell(row: Mapping[str, object] | pd.Series, column: str) -> str:
    value = row.get(column)
    if value is None or not bool(filled(pd.Series([value], dtype="str")).iloc[0]):
        return ""
    return str(value).strip()[:LONGEST]


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _place(row: str) -> str:
    file, _, line = row.rpartition(":")
    return f"{file} line {line}"
