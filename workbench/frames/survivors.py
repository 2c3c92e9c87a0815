"""Rows of one record, and the cells in which a person let another row than the record's own have the word, or none at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from workbench.frames.plan import FeedPlan
from workbench.frames.select import by_row, cells_of, filled
from workbench.frames.staged import CELL_COLUMNS, Staged

__all__ = ["CHOSEN", "EMPTIED", "Survivors", "let_speak", "speak_elsewhere"]

CHOSEN, EMPTIED = "other_row_chosen", "chosen_empty"
"""Why a cell was set aside: a person let another row have the word, or the record say nothing."""
OVERRULED = ["row", "column", "value", "reason"]
Words = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Survivors:
    """A table in which the chosen cells stand in the rows that make the records."""

    table: pd.DataFrame
    overruled: pd.DataFrame  # row, column, value, reason: what rows said themselves that stands no more


def let_speak(table: pd.DataFrame, takes: Words, *, empties: Words, record: pd.Series, bucket: pd.Series) -> Survivors:
    """Put the cells that `takes` names, by row and column, into the rows that stand for the same records.

    ``table`` is indexed by row id, as are ``record``, the record in which each row ends, and ``bucket``. A row speaks for
    the record in which it ends, however many merges lie between; where two rows have the word in one column, the first
    one has it. An empty cell says nothing, nor does a row that is no part of a record, or a column that is not there.
    In the columns that ``empties`` names no row of the record says anything, unless one of them has the word there.
    """
    chosen = _chosen(table, takes, record=record, bucket=bucket)
    made, overruled = table.copy(), []
    for column, pairs in chosen.groupby("column", sort=False):
        leaders, rows = pairs["leader"].tolist(), pairs["row"].tolist()
        own, said = table.loc[leaders, str(column)], table.loc[rows, str(column)].set_axis(leaders)
        made.loc[leaders, str(column)] = said
        lost = own[filled(own) & (own.astype("str").str.strip() != said.astype("str").str.strip())]
        overruled.append(_lost(lost, str(column), CHOSEN))
    for column, records in _emptied(table, takes, empties, record=record, bucket=bucket).items():
        of = record.isin(records) & bucket.isin(["load", "merged"])
        cells = table.loc[of, column]
        made.loc[of, column] = pd.NA
        overruled.append(_lost(cells[filled(cells)], column, EMPTIED))
    nothing = pd.DataFrame(columns=OVERRULED, dtype="object")
    return Survivors(made, pd.concat(overruled, ignore_index=True) if overruled else nothing)


def speak_elsewhere(words: pd.DataFrame, there: Staged, *, plan: FeedPlan, table: pd.DataFrame) -> Staged:
    """A feed in whose records rows of another feed have the word, and what its own rows said there set aside.

    ``words``: record, field, value (missing where the record is to say nothing). ``plan`` and ``table`` are those of the feed
    that made the records. A field that its records do not have cannot be given a word here; it is filled like any gap.
    """
    known = words[words["record"].isin(there.records["key"]) & words["field"].isin(there.records.columns)]
    records, aside = there.records.copy(), [there.cells]
    for field, said in known.groupby("field", sort=False):
        given = dict(zip(said["record"], said["value"], strict=True))
        own = pd.Series(records[field].to_numpy(), index=records["key"], dtype="object")
        others = [key for key in given if key in own.index and not _same(own[key], given[key])]
        records[field] = pd.Series([given.get(key, value) for key, value in own.items()], index=records.index, dtype="object")
        aside.append(_lost_there(there, plan, by_row(table), str(field), {key: given[key] for key in others}))
    return replace(there, records=records, cells=pd.concat(aside, ignore_index=True))


def _lost_there(there: Staged, plan: FeedPlan, table: pd.DataFrame, field: str, given: Mapping[str, object]) -> pd.DataFrame:
    """The cells of a record's own rows that stand no more, those left out that were set aside before."""
    told = set(there.cells.loc[there.cells["field"] == field, "row"])
    rows = there.verdicts[there.verdicts["record"].isin(list(given)) & there.verdicts["bucket"].isin(["load", "merged"])]
    rows = rows[rows["row"].isin(table.index) & ~rows["row"].isin(told)]
    lost = [pd.DataFrame(columns=list(CELL_COLUMNS), dtype="object")]
    for column in [each.column for each in plan.fields if each.field == field]:
        raw = cells_of(table, column).loc[rows["row"]]
        told_of = rows.assign(value=raw.astype("str").to_numpy())[filled(raw).to_numpy()]
        reasons = [EMPTIED if pd.isna(given[key]) else CHOSEN for key in told_of["record"]]  # type: ignore[call-overload]
        cells = {"feed": plan.feed.name, "column": column, "field": field, "row": told_of["row"], "value": told_of["value"]}
        lost.append(pd.DataFrame({**cells, "reason": reasons}, dtype="object"))
    return pd.concat(lost, ignore_index=True)


def _same(one: object, other: object) -> bool:
    """Whether both are the same value; what is missing is the same as nothing."""
    missing = [each is None or each is pd.NA for each in (one, other)]
    return all(missing) if any(missing) else str(one) == str(other)


def _lost(cells: pd.Series, column: str, reason: str) -> pd.DataFrame:
    told = {"row": cells.index, "column": column, "value": cells.astype("str").to_numpy(), "reason": reason}
    return pd.DataFrame(told)


def _emptied(
    table: pd.DataFrame, takes: Words, empties: Words, *, record: pd.Series, bucket: pd.Series
) -> dict[str, list[str]]:
    """Column → the records that are to say nothing there; a row that has the word in it speaks all the same."""
    merged = bucket.eq("merged").fillna(False).astype(bool) & record.notna()
    rows = [str(row) for row in table.index[merged]]
    taken = [(row, column) for row in rows for column in takes.get(row, ()) if column in table]
    spoken = {(str(record[row]), column) for row, column in taken if _says(table, row, column)}
    found: dict[str, list[str]] = {}
    for row in rows:
        for column in empties.get(row, ()):
            if column in table and (str(record[row]), column) not in spoken:
                found.setdefault(column, []).append(str(record[row]))
    return found


def _says(table: pd.DataFrame, row: str, column: str) -> bool:
    return bool(filled(table[column].loc[[row]]).iloc[0])


def _chosen(table: pd.DataFrame, takes: Words, *, record: pd.Series, bucket: pd.Series) -> pd.DataFrame:
    """Which row has the word in which column over the row that stands for its record: column, row, leader; once each."""
    leaders = _leaders(record, bucket, set(takes))
    merged = bucket.eq("merged").fillna(False).astype(bool)
    rows = [str(row) for row in table.index[merged & table.index.isin(list(takes))]]
    pairs = [[column, row, leaders.get(str(record[row]))] for row in rows for column in takes[row] if column in table]
    found = pd.DataFrame(pairs, columns=["column", "row", "leader"], dtype="object").dropna(subset=["leader"])
    says = [_says(table, row, column) for column, row in zip(found["column"], found["row"], strict=True)]
    return found[pd.Series(says, index=found.index, dtype="bool")].drop_duplicates(["column", "leader"], keep="first")


def _leaders(record: pd.Series, bucket: pd.Series, speaking: set[str]) -> dict[str, str]:
    """Record → the row that stands for it: its own one, else the first of the rows that no person lets speak over another."""
    rows = pd.DataFrame({"record": record, "row": record.index, "own": bucket.eq("load")}).dropna(subset=["record"])
    rows = rows[rows["own"].fillna(False).astype(bool) | ~rows["row"].isin(speaking)]
    rows = rows.sort_values("own", ascending=False, kind="stable").drop_duplicates("record")
    return dict(zip(rows["record"], rows["row"], strict=True))
