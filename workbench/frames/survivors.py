"""Rows of one record, and the cells in which a person let another row than the record's own have the word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.frames.select import filled

__all__ = ["Survivors", "let_speak"]


@dataclass(frozen=True)
class Survivors:
    """A table in which the chosen cells stand in the rows that make the records."""

    table: pd.DataFrame
    overruled: pd.DataFrame  # row, column, value: what those rows said there themselves


def let_speak(table: pd.DataFrame, takes: Mapping[str, Sequence[str]], *, record: pd.Series, bucket: pd.Series) -> Survivors:
    """Put the cells that `takes` names, by row and column, into the rows that stand for the same records.

    ``table`` is indexed by row id, as are ``record``, the record in which each row ends, and ``bucket``. A row speaks for
    the record in which it ends, however many merges lie between; where two rows have the word in one column, the first
    one has it. An empty cell says nothing, nor does a row that is no part of a record, or a column that is not there.
    """
    chosen = _chosen(table, takes, record=record, bucket=bucket)
    made, overruled = table.copy(), []
    for column, pairs in chosen.groupby("column", sort=False):
        leaders, rows = pairs["leader"].tolist(), pairs["row"].tolist()
        own, said = table.loc[leaders, str(column)], table.loc[rows, str(column)].set_axis(leaders)
        made.loc[leaders, str(column)] = said
        lost = own[filled(own) & (own.astype("str").str.strip() != said.astype("str").str.strip())]
        overruled.append(pd.DataFrame({"row": lost.index, "column": str(column), "value": lost.astype("str").to_numpy()}))
    nothing = pd.DataFrame(columns=["row", "column", "value"], dtype="object")
    return Survivors(made, pd.concat(overruled, ignore_index=True) if overruled else nothing)


def _chosen(table: pd.DataFrame, takes: Mapping[str, Sequence[str]], *, record: pd.Series, bucket: pd.Series) -> pd.DataFrame:
    """Which row has the word in which column over the row that stands for its record: column, row, leader; once each."""
    leaders = _leaders(record, bucket, set(takes))
    merged = bucket.eq("merged").fillna(False).astype(bool)
    rows = [str(row) for row in table.index[merged & table.index.isin(list(takes))]]
    pairs = [[column, row, leaders.get(str(record[row]))] for row in rows for column in takes[row] if column in table]
    found = pd.DataFrame(pairs, columns=["column", "row", "leader"], dtype="object").dropna(subset=["leader"])
    says = [bool(filled(table.loc[[row], column]).iloc[0]) for column, row in zip(found["column"], found["row"], strict=True)]
    return found[pd.Series(says, index=found.index, dtype="bool")].drop_duplicates(["column", "leader"], keep="first")


def _leaders(record: pd.Series, bucket: pd.Series, speaking: set[str]) -> dict[str, str]:
    """Record → the row that stands for it: its own one, else the first of the rows that no person lets speak over another."""
    rows = pd.DataFrame({"record": record, "row": record.index, "own": bucket.eq("load")}).dropna(subset=["record"])
    rows = rows[rows["own"].fillna(False).astype(bool) | ~rows["row"].isin(speaking)]
    rows = rows.sort_values("own", ascending=False, kind="stable").drop_duplicates("record")
    return dict(zip(rows["record"], rows["row"], strict=True))
