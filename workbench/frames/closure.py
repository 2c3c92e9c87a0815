"""Show that nothing vanished: rows, filled cells and sums of money, counted on both sides until they meet.

Each function takes frames and gives a frame with a column `closes`; a migration is done where all of it is True.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal, InvalidOperation

import numpy as np
import pandas as pd

from workbench.errors import SpecError, listed
from workbench.frames.compare import canonical
from workbench.recipes import is_placeholder

__all__ = ["BUCKETS", "association_closure", "cell_closure", "money_closure", "row_closure"]

BUCKETS = ("loaded", "merged", "excluded", "rejected", "held", "failed")
"""Where a row ends: exactly one of these."""

LOAD = "load"
"""The bucket of rows that are staged, until the destination has answered."""

ATTACHED = "attached"
"""Reason of a merged row whose values stand on the record of another feed."""

OVERRULED = ("record_kept_its_own", "other_row_chosen", "later_word_won", "other_row_counts", "no_room_beside_others")
"""Reasons of cells that were set aside although their field is filled: another row had the word."""

FATES = ("loaded", "in_part", "set_aside", "left_behind", "placeholder", *BUCKETS[1:])
"""What can become of a filled cell, each exactly once."""

LEFT_EMPTY = "left_empty"
"""Reason of a cell whose value a person decided to leave empty."""

Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]


def row_closure(verdicts: pd.DataFrame, *, rows: Mapping[str, int] | None = None, staged: bool = False) -> pd.DataFrame:
    """Count, per feed, where its rows ended: feed, rows, one column a bucket, closes.

    `verdicts` has columns feed, row and bucket. `rows` gives the rows that the readers delivered per feed; without it
    the distinct row ids are counted, which still finds a row in two buckets, or in none that has a name. `staged`
    admits one more column, `load`: rows that wait for the destination. Without it such rows keep their feed open.
    """
    _needs(verdicts, ("feed", "row", "bucket"), where="the verdicts")
    names = [LOAD, *BUCKETS] if staged else list(BUCKETS)
    feeds = list(dict.fromkeys([*(rows or {}), *verdicts["feed"]]))
    counts = verdicts.groupby(["feed", "bucket"]).size().unstack(fill_value=0)
    table = counts.reindex(index=feeds, columns=names, fill_value=0).astype("int64")
    distinct = verdicts.groupby("feed")["row"].nunique().reindex(feeds, fill_value=0)
    placed = verdicts.groupby("feed").size().reindex(feeds, fill_value=0)
    delivered = pd.Series({feed: int((rows or {}).get(feed, distinct[feed])) for feed in feeds}, dtype="int64")
    sums = table.sum(axis=1)
    table.insert(0, "rows", delivered)
    table["closes"] = (sums == delivered) & (placed == delivered) & (distinct == delivered)
    return table.rename_axis(index="feed", columns=None).reset_index()


def cell_closure(
    table: pd.DataFrame,
    verdicts: pd.DataFrame,
    *,
    fields: Mapping[str, str | Sequence[str]],
    records: pd.DataFrame,
    cells: pd.DataFrame,
    left: Mapping[str, Collection[str]] | None = None,
    row: str = "_row",
    key: str = "key",
) -> pd.DataFrame:
    """Count, per source column of one feed, what became of its filled cells.

    `table` holds the source rows, named by the column `row`. `verdicts` (row, bucket, reason, record) says where each
    row ended. `fields` maps a column to its field (to several where a name is split), or to "" where the column is left
    behind; a column that became a lookup or the owner counts as that field. `records` are the staged or the read-back
    records under `key`; rows may end in records of other feeds, so hand over those too. `cells` (column, field, row,
    reason) lists the values that came along in part or not at all. `left` gives, per column, values that a person
    decided to leave empty. Returns column, field, filled, loaded, in_part, set_aside, left_behind, placeholder, merged,
    excluded, rejected, held, failed, unexplained, closes. Rows attached to the record of another feed carry their cells
    as loaded rows do.
    """
    _needs(verdicts, ("row", "bucket", "reason", "record"), where="the verdicts")
    _needs(cells, ("row", "column", "field", "reason"), where="the cells set aside")
    _needs(table, (row, *fields), where="the table")
    placed = verdicts.drop_duplicates("row").set_index("row").reindex(table[row])
    found = records.drop_duplicates(key).set_index(key)
    lines = []
    for column, named in fields.items():
        targets = [name for name in ([named] if isinstance(named, str) else named) if name]
        there = np.zeros(len(table), dtype=bool)
        for target in targets:
            if target in found.columns:
                there |= _filled(found[target].reindex(placed["record"]))
        mine = cells[(cells["column"] == column) | ((cells["column"] == "") & cells["field"].isin(targets))]
        fate = _fates(
            placed,
            there=there,
            noted=table[row].isin(mine["row"]).to_numpy(),
            kept=table[row].isin(mine.loc[mine["reason"].isin(OVERRULED), "row"]).to_numpy(),
        )
        chosen = table[row].isin(mine.loc[mine["reason"] == LEFT_EMPTY, "row"]).to_numpy()
        fate = np.where(chosen & (fate == "set_aside"), "left_behind", fate)
        if not targets:
            fate = np.where(_carried(placed), "left_behind", fate)
        counts = _tally(table[column], fate, left=(left or {}).get(column, ()))
        lines.append({"column": column, "field": ", ".join(targets), **counts})
    columns = ["column", "field", "filled", *FATES, "unexplained"]
    return pd.DataFrame(lines, columns=columns).assign(closes=lambda made: made["unexplained"] == 0)


def money_closure(
    expected: pd.DataFrame, actual: pd.DataFrame, field: str, *, currency: str = "", key: str = "key"
) -> pd.DataFrame:
    """Add up an amount on both sides, exactly, per currency: currency, records, expected, actual, difference, closes.

    `currency` names the column that holds the currency on both sides; without it there is one line, with "". Only
    records of `expected` count on the actual side. The sums are Decimals; `unreadable` counts cells that are no
    decimal number on either side, and a line with any of them does not close.
    """
    for frame, where in ((expected, "the expected records"), (actual, "the actual records")):
        _needs(frame, (key, field, *([currency] if currency else [])), where=where)
    ours = actual[actual[key].isin(expected[key])]
    left, right = _sums(expected, field, currency), _sums(ours, field, currency)
    lines = []
    for code in sorted({*left, *right}):
        wanted, found = left.get(code, _NOTHING), right.get(code, _NOTHING)
        unreadable = wanted[2] + found[2]
        closes = wanted[1] == found[1] and wanted[0] == found[0] and not unreadable
        lines.append([code, wanted[0], wanted[1], found[1], found[1] - wanted[1], unreadable, closes])
    columns = ["currency", "records", "expected", "actual", "difference", "unreadable", "closes"]
    return pd.DataFrame(lines, columns=columns)


def association_closure(expected: pd.DataFrame, actual: pd.DataFrame, *, key: str = "key") -> pd.DataFrame:
    """Count links on both sides, per lookup field: field, expected, found, missing, surplus, closes.

    Both frames hold a record key and one column per lookup field, each cell a linked record or a list of them. Only
    records of `expected` count on the actual side.
    """
    ours = actual[actual[key].isin(expected[key])]
    lines = []
    for field in [str(name) for name in expected.columns if name != key]:
        wanted = _links(expected, key, field)
        found = _links(ours, key, field) if field in ours.columns else set()
        missing, surplus = len(wanted - found), len(found - wanted)
        lines.append([field, len(wanted), len(wanted & found), missing, surplus, not missing and not surplus])
    return pd.DataFrame(lines, columns=["field", "expected", "found", "missing", "surplus", "closes"])


_NOTHING = (0, Decimal(0), 0)


def _needs(frame: pd.DataFrame, columns: tuple[str, ...], *, where: str) -> None:
    absent = [name for name in columns if name not in frame.columns]
    if absent:
        raise SpecError(
            f"{where} cannot be counted",
            expected=listed(list(columns)),
            found=f"without {listed(absent)}",
            todo="hand over the frame as transform gives it",
        )


def _filled(column: pd.Series) -> Flags:
    return np.fromiter((cell != "" for cell in canonical(column)), dtype=bool, count=len(column))


def _carried(placed: pd.DataFrame) -> Flags:
    """The rows whose cells go to a record."""
    on = placed["bucket"].isin(["loaded", LOAD]) | (placed["reason"] == ATTACHED)
    return np.asarray(on.to_numpy(dtype=bool, na_value=False))


def _fates(placed: pd.DataFrame, *, there: Flags, noted: Flags, kept: Flags) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """What became of the cell of each row, were it filled; "" where nothing says so."""
    on = _carried(placed)
    names = placed["bucket"].where(placed["bucket"].isin(BUCKETS[1:]), "").fillna("").to_numpy(dtype=str)
    choices = [on & there & ~noted, on & there & noted & ~kept, on & noted, on]
    return np.select(choices, ["loaded", "in_part", "set_aside", ""], default=names)


def _tally(column: pd.Series, fate: np.ndarray[tuple[int], np.dtype[np.str_]], *, left: Collection[str]) -> dict[str, int]:
    """The filled cells of one column, counted by their fate; each once."""
    texts = np.array([str(cell).strip() for cell in canonical(column)], dtype=object)
    filled = texts != ""
    fate = np.where(np.isin(texts, list(left)) & (fate == ""), "left_behind", fate)
    fate = np.where(is_placeholder(column).to_numpy() & ~np.isin(fate, ["loaded", "in_part"]), "placeholder", fate)
    parts = {name: int((filled & (fate == name)).sum()) for name in FATES}
    return {"filled": int(filled.sum()), **parts, "unexplained": int(filled.sum()) - sum(parts.values())}


def _sums(frame: pd.DataFrame, field: str, currency: str) -> dict[str, tuple[int, Decimal, int]]:
    """Records with an amount, their sum and the cells that are no number, per currency."""
    codes = canonical(frame[currency]) if currency else np.full(len(frame), "", dtype=object)
    sums: dict[str, tuple[int, Decimal, int]] = {}
    for code, cell in zip(codes, canonical(frame[field]), strict=True):
        if cell == "":
            continue
        records, total, unreadable = sums.get(str(code), _NOTHING)
        amount = _decimal(cell)
        sums[str(code)] = (records, total, unreadable + 1) if amount is None else (records + 1, total + amount, unreadable)
    return sums


def _decimal(cell: object) -> Decimal | None:
    try:
        amount = Decimal(str(cell).strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _links(frame: pd.DataFrame, key: str, field: str) -> set[tuple[str, str]]:
    pairs = zip(canonical(frame[key]), canonical(frame[field]), strict=True)
    return {(str(k), part) for k, cell in pairs for part in (cell if isinstance(cell, tuple) else (cell,)) if part}
