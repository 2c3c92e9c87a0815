"""Tests of single rows as a route states them: is, matches, empty, all, any."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from workbench.errors import IntegrityError, SpecError, listed
from workbench.frames.places import read_at_home
from workbench.frames.plan import FieldPlan
from workbench.recipes import Converted, convert, is_placeholder
from workbench.specs import Condition, Match, Table

__all__ = [
    "PAGE",
    "ROW",
    "by_row",
    "cells_of",
    "filled",
    "holds",
    "made_from",
    "matching",
    "named",
    "natural_keys",
    "raw_cells",
]

ROW = "_row"
"""The one column of a table that is ours: it names the row. All others are the customer's, whatever they are called."""

PAGE = "_page"
"""Of an extracted row the page in which it came: evidence, and nothing of the customer's."""


def by_row(table: pd.DataFrame) -> pd.DataFrame:
    """The table indexed by its row ids; an IntegrityError where two rows have one id, for their verdicts would mix."""
    again = table["_row"].duplicated()
    if again.any():
        raise IntegrityError(
            "two rows have one id",
            expected="an id of its own for every row",
            found=listed([str(row) for row in table.loc[again, "_row"].unique()]),
            todo="run the intake again; where it stays, two files of the delivery have one name",
        )
    return table.set_index("_row", drop=False)


def named(table: pd.DataFrame, name: str) -> pd.Series:
    """The column of that name; a SpecError where the table lacks it, for the fate of rows hangs on it."""
    if name not in table.columns:
        raise SpecError(
            f"the table has no column {name!r}",
            expected=name,
            found=", ".join(str(column) for column in table.columns[:20]),
            todo="map the column's new spelling at intake, or ask for the export again",
        )
    return table[name]


def cells_of(table: pd.DataFrame, name: str) -> pd.Series:
    """The column of that name; nothing but missing cells where the table lacks it."""
    return table[name] if name in table.columns else pd.Series(pd.NA, index=table.index, dtype="str")


def raw_cells(table: pd.DataFrame, plan: FieldPlan) -> pd.Series:
    """What the export says for a field: its column, and the fallbacks where that is empty."""
    raw = cells_of(table, plan.column)
    for other in plan.fallback:
        raw = raw.where(filled(raw), cells_of(table, other))
    return raw


def made_from(raw: pd.Series, plan: FieldPlan, *, table: pd.DataFrame) -> Converted:
    """The cells as the field holds them: what was decided for single values first, then the recipe.

    The table is theirs: rows of it may say what their cells mean, as a country does for a telephone number.
    """
    if not plan.substitutes:
        return read_at_home(raw, plan.recipe, options=dict(plan.options), table=table)
    stripped = raw.astype("str").str.strip()
    instead = stripped.map(pd.Series(dict(plan.substitutes), dtype="object")).astype("object")
    text = instead.where(instead.notna(), raw).astype("str")
    done = read_at_home(text, plan.recipe, options=dict(plan.options), table=table)
    return replace(done, notes=done.notes.where(~instead.eq(""), "left_empty"))


def filled(column: pd.Series) -> pd.Series:
    """True where a cell says something: not missing, not blank, no placeholder such as `n/a`."""
    return column.notna() & (column.astype("str").str.strip() != "") & ~is_placeholder(column)


def holds(table: pd.DataFrame, condition: Condition) -> pd.Series:
    """True for the rows that pass; a SpecError where the table lacks the column."""
    if condition.all_ or condition.any_:
        parts = [holds(table, part) for part in condition.all_ or condition.any_]
        joined = parts[0]
        for part in parts[1:]:
            joined = joined & part if condition.all_ else joined | part
        return joined
    column = named(table, condition.column)
    if condition.empty is not None:
        return ~filled(column) if condition.empty else filled(column)
    if condition.is_ is not None:
        allowed = {option.strip().casefold() for option in condition.is_}
        return column.astype("str").str.strip().str.casefold().isin(allowed).fillna(False).astype(bool)
    pattern = re.compile(condition.matches or "")
    return column.astype("object").map(lambda text: isinstance(text, str) and pattern.search(text) is not None).astype(bool)


def natural_keys(table: pd.DataFrame, spec: Table) -> pd.Series:
    """The key that names a row across deliveries; missing where neither its key nor its fallback is filled."""
    first = _joined([named(table, name) for name in spec.key], table.index, prefix=spec.key_prefix)
    if not spec.key_fallback:
        return first
    second = _joined([cells_of(table, name) for name in spec.key_fallback], table.index, prefix="")
    folded = second.str.casefold().str.replace(r"\s+", "-", regex=True)
    return first.where(first.notna(), folded)


def matching(table: pd.DataFrame, match: Match, *, side: str) -> pd.Series:
    """What a match compares, on the side of the row (`column`) or of the record (`with`)."""
    column = named(table, match.column if side == "column" else match.with_)
    return read_at_home(column, match.recipe, options=dict(match.options), table=table).values.astype("str")


def _joined(columns: Sequence[pd.Series], index: pd.Index, *, prefix: str) -> pd.Series:
    """The columns as one key; missing where one of them is, and all of it where there is no column."""
    if not columns:
        return pd.Series(pd.NA, index=index, dtype="str")
    options = {"prefix": prefix} if prefix else None
    parts = [convert(column, "identifier", options=options).values.astype("str") for column in columns]
    if len(parts) == 1:
        return parts[0]
    # Escaped, so that `a|b` beside `c` is not taken for `a` beside `b|c`.
    escaped = [part.str.replace("\\", r"\\", regex=False).str.replace("|", r"\|", regex=False) for part in parts]
    key = escaped[0]
    for part in escaped[1:]:
        key = key + "|" + part
    return key
