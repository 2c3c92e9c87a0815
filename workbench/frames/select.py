"""Tests of single rows as a route states them: is, matches, empty, all, any."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from workbench.errors import SpecError
from workbench.recipes import convert, is_placeholder
from workbench.specs import Condition, Match, Table

__all__ = ["filled", "holds", "matching", "natural_keys"]


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
    column = _column(table, condition.column)
    if condition.empty is not None:
        return ~filled(column) if condition.empty else filled(column)
    if condition.is_ is not None:
        allowed = {option.strip().casefold() for option in condition.is_}
        return column.astype("str").str.strip().str.casefold().isin(allowed).fillna(False).astype(bool)
    pattern = re.compile(condition.matches or "")
    return column.astype("object").map(lambda text: isinstance(text, str) and pattern.search(text) is not None).astype(bool)


def natural_keys(table: pd.DataFrame, spec: Table) -> pd.Series:
    """The key that names a row across deliveries; missing where neither its key nor its fallback is filled."""
    first = _joined(table, spec.key, spec.key_prefix)
    if not spec.key_fallback:
        return first
    second = _joined(table, spec.key_fallback, "")
    folded = second.str.casefold().str.replace(r"\s+", "-", regex=True)
    return first.where(first.notna(), folded)


def matching(table: pd.DataFrame, match: Match, *, side: str) -> pd.Series:
    """What a match compares, on the side of the row (`column`) or of the record (`with`)."""
    column = _column(table, match.column if side == "column" else match.with_)
    return convert(column, match.recipe, options=dict(match.options)).values.astype("str")


def _joined(table: pd.DataFrame, columns: Sequence[str], prefix: str) -> pd.Series:
    options = {"prefix": prefix} if prefix else None
    parts = [convert(_column(table, name), "identifier", options=options).values for name in columns]
    key = parts[0].astype("str")
    for part in parts[1:]:
        key = key + "|" + part.astype("str")
    return key


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table.columns:
        raise SpecError(
            f"the table has no column {name!r}",
            expected=name,
            found=", ".join(str(column) for column in table.columns[:20]),
            todo="map the column's new spelling at intake, or ask for the export again",
        )
    return table[name]
