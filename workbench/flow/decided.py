"""Which answers about rows still hold: a file that is sent again may have another row in the line of the one that was meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.staged import staged_columns
from workbench.frames.groups import row_keys
from workbench.frames.select import ROW, natural_keys
from workbench.journal import person
from workbench.specs import Feed, Table

MOVED = "the file was sent again, and another row stands in that line"

__all__ = ["still_meant", "withdraw_moved"]


def still_meant(engagement: Engagement, decided: Mapping[str, Any]) -> dict[str, Any]:
    """The answers about rows that may stand twice whose row bears the key that they name, `contacts/C-01017@customers.csv:88`.

    Without this the answer would merge whoever stands in that line now into a record of somebody else. An answer about a
    row that is not delivered stays, and says nothing.
    """
    subjects: dict[str, dict[str, str]] = {}  # feed → row id → record key
    for subject in decided:
        key, _, row = subject.rpartition("@")
        subjects.setdefault(key.partition("/")[0], {})[row] = key
    known = {feed.name: feed for feed in engagement.route.feeds}
    others = {
        f"{said[row]}@{row}"
        for name, said in subjects.items()
        if name in known
        for row, key in _keys(engagement, known[name], list(said)).items()
        if key.casefold() != said[row].casefold()
    }
    return {subject: value for subject, value in decided.items() if subject not in others}


def _keys(engagement: Engagement, feed: Feed, rows: Sequence[str]) -> dict[str, str]:
    """Row id → record key of these rows as they are delivered now; nothing where the key comes from a joined table."""
    table = engagement.route.table(engagement.source, feed.table)
    columns = [*feed.group] or [*table.key, *table.key_fallback]
    found: dict[str, str] = {}
    for delivery in engagement.deliveries():
        if not engagement.has(f"tables/{feed.table}", delivery=delivery):
            continue
        frame = staged_columns(engagement, feed.table, [ROW, *columns], delivery=delivery, folder="tables")
        if set(feed.group) - set(frame.columns):
            continue
        mine = frame[frame[ROW].isin(rows)].reset_index(drop=True)
        keys = feed.name + "/" + row_keys(mine, feed, table).astype("str")
        found |= {str(row): "" if pd.isna(key) else str(key) for row, key in zip(mine[ROW], keys, strict=True)}
    return found


def withdraw_moved(engagement: Engagement, name: str, table: pd.DataFrame, *, delivery: str) -> None:
    """Take back what was decided about links of rows in whose line another row stands in what is about to be kept.

    Such an answer names a line alone, `sessions/sessions.csv:12`. It is asked for again where the row stands now.
    """
    said = {row: subject for subject in engagement.decisions.mapping("link") if (row := _row_of(subject, name))}
    if not said or not engagement.has(f"tables/{name}", delivery=delivery):
        return
    spec = engagement.route.table(engagement.source, name)
    before, now = (_named(frame, spec, said) for frame in (engagement.load(f"tables/{name}", delivery=delivery), table))
    values = engagement.decisions.mapping("link")
    moved = {said[row]: values[said[row]] for row, key in before.items() if now.get(row) != key}
    if moved:
        engagement.decisions.withdraw_many("link", moved, by=person(), why=MOVED)


def _row_of(subject: str, name: str) -> str:
    table, _, row = subject.partition("/")
    return row if table == name else ""


def _named(table: pd.DataFrame, spec: Table, rows: Mapping[str, str]) -> dict[str, str]:
    """Row id → what names these rows: the key, or all that they say where their table has none."""
    mine = table[table[ROW].isin(list(rows))].reset_index(drop=True)
    keys = natural_keys(mine, spec)
    whole = pd.Series([repr(list(map(str, cells))) for cells in mine.drop(columns=ROW).to_numpy(dtype=object)], dtype="str")
    return dict(zip(mine[ROW].astype("str"), keys.where(keys.notna(), whole).astype("str"), strict=True))
