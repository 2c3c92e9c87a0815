"""Put beside the columns of a table what a route makes of them: columns of other tables, and texts composed of several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from workbench.errors import SpecError
from workbench.frames.composing import composed, own_columns
from workbench.frames.derived import KEY, PROBLEM
from workbench.frames.inline import address_of, pictures, with_addresses
from workbench.frames.places import read_at_home
from workbench.frames.plan import FeedPlan, Pictures
from workbench.frames.ranks import ranked
from workbench.frames.select import ROW, filled, holds, named, natural_keys
from workbench.frames.staged import CELL_COLUMNS
from workbench.recipes import convert, is_placeholder
from workbench.specs import Join, Relink, Table

__all__ = ["Prepared", "joined", "noted", "prepare", "relinked"]

RICH = frozenset({"html", "note_text"})
"""Recipes that read tags."""


@dataclass(frozen=True)
class Prepared:
    """A table with the columns that its feed asks for, and what is to be said about single cells of it."""

    table: pd.DataFrame
    cells: pd.DataFrame  # feed, column, field, row, value, reason


def prepare(table: pd.DataFrame, plan: FeedPlan, *, tables: Mapping[str, pd.DataFrame]) -> Prepared:
    """The table of a feed with its joins and composed texts; ``tables`` are the tables of the source by name.

    What the source says for nothing becomes nothing. A SpecError where a table lacks a column that is asked for, or has
    one already under the name that is to be given.
    """
    table, notes = _without_placeholders(table, plan)
    own = own_columns(table, plan)
    for each in plan.pictures:
        table = _with_pictures(table, each, tables[each.table])
    if plan.feed.relink is not None and plan.linked is not None:
        table, more = relinked(table, plan, plan.feed.relink, tables[plan.feed.relink.to], key=plan.linked)
        notes += more
    for join in plan.feed.joins:
        table, more = joined(table, join, tables[join.table], feed=plan.feed.name)
        notes += more
    for rule in plan.feed.fields:
        if rule.compose:
            told = composed(table, rule.compose, own=own, rich=rule.recipe in RICH)
            table = _added(table, rule.column, told, feed=plan.feed.name)
    empty = pd.DataFrame(columns=list(CELL_COLUMNS), dtype="object")
    return Prepared(table, pd.concat([empty, *notes], ignore_index=True))


def _with_pictures(table: pd.DataFrame, each: Pictures, files: pd.DataFrame) -> pd.DataFrame:
    """The table with the pictures of its text replaced by what stands for their files; the others stay as they are."""
    if each.column not in table.columns:
        return table
    good = files[files[PROBLEM].isna()]
    keys = dict(zip(good[ROW], good[KEY], strict=True))

    def placed(row: str, text: object) -> object:
        if not isinstance(text, str):
            return text
        found = [keys.get(f"{row}!image{number}") for number, _ in enumerate(pictures(text), 1)]
        return with_addresses(text, [address_of(f"{each.feed}/{key}") if key else "" for key in found]) if found else text

    texts = [placed(row, text) for row, text in zip(table[ROW], table[each.column], strict=True)]
    return table.assign(**{each.column: pd.Series(texts, index=table.index, dtype="str")})


def joined(table: pd.DataFrame, join: Join, other: pd.DataFrame, *, feed: str) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """The table with the columns that a join brings, and the cells of which something is to be said; no row is multiplied.

    A row that says nothing in a further column has what all rows agree on that fit it otherwise, and nothing where they do not.
    """
    asked = pd.Series(True, index=table.index) if join.when is None else holds(table, join.when)
    wanted = _pairs(table, join, join.column, *join.also).where(asked)
    rows = other.assign(_key=_pairs(other, join, join.with_, *join.also.values())).dropna(subset=["_key"])
    if join.newest:
        order = ranked(named(rows, join.newest), join.newest_recipe, join.newest_options)
        rows = rows.assign(_rank=order).sort_values("_rank", ascending=False, na_position="last", kind="stable")
    one = rows.drop_duplicates("_key").set_index("_key")
    alike = other.assign(_key=_pairs(other, join, join.with_)).dropna(subset=["_key"])
    silent = _silent(table, join, asked & wanted.isna())
    notes = []
    for name, theirs in join.bring.items():
        found = wanted.map(named(one, theirs)) if len(one) else pd.Series(pd.NA, index=table.index)
        unsure = silent.isin(_told_apart(alike, theirs))
        found = found.where(silent.isna(), silent.mask(unsure).map(alike.drop_duplicates("_key").set_index("_key")[theirs]))
        table = _added(table, name, found.astype("str"), feed=feed)
        notes.append(noted(table, feed, name, unsure, table[join.column], "several_records_fit"))
        lost = asked & filled(table[join.column]) & ~wanted.isin(one.index) & ~silent.isin(alike["_key"])
        notes.append(noted(table, feed, name, lost, table[join.column], "no_row_to_join"))
        several = wanted.isin(_told_apart(rows, theirs))
        why = "newest_of_several" if join.newest else "first_of_several"
        notes.append(noted(table, feed, name, several, table[name], why))
    return table, notes


def relinked(
    table: pd.DataFrame, plan: FeedPlan, relink: Relink, other: pd.DataFrame, *, key: Table
) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """The table with the columns of the rows to which its own were found to belong, and the cells that wait for that."""
    rows = table[ROW]
    wanted = rows.map(pd.Series({row: theirs for row, theirs in plan.links.items() if theirs}, dtype="object"))
    one = other.assign(_key=natural_keys(other, key)).dropna(subset=["_key"]).drop_duplicates("_key").set_index("_key")
    waits, lost = rows.isin(plan.unlinked), wanted.notna() & ~wanted.isin(one.index)
    notes = []
    for name, theirs in relink.bring.items():
        found = wanted.map(named(one, theirs)) if len(one) else pd.Series(pd.NA, index=table.index)
        table = _added(table, name, found.astype("str"), feed=plan.feed.name)
        notes.append(noted(table, plan.feed.name, name, waits, rows, "undecided_link"))
        notes.append(noted(table, plan.feed.name, name, lost, wanted, "no_row_to_join"))
    return table, notes


def noted(table: pd.DataFrame, feed: str, column: str, rows: pd.Series, values: pd.Series, reason: str) -> pd.DataFrame:
    """What is said about the cells of one column in these rows, as cells have it."""
    said = {"feed": feed, "column": column, "field": "", "row": table.loc[rows, ROW].to_numpy()}
    return pd.DataFrame({**said, "value": values[rows].astype("str").to_numpy(), "reason": reason}, columns=list(CELL_COLUMNS))


def _silent(table: pd.DataFrame, join: Join, rows: pd.Series) -> pd.Series:
    """Of these rows what names them by the first column of a join; missing where it has no others, or the newest row counts."""
    nothing = pd.Series(pd.NA, index=table.index, dtype="str")
    return _pairs(table, join, join.column).where(rows) if join.also and not join.newest else nothing


def _pairs(table: pd.DataFrame, join: Join, column: str, *also: str) -> pd.Series:
    """What names a row for a join, a text in whatever case and blanks; missing where one of the columns says nothing."""
    key = read_at_home(named(table, column), join.recipe, options=dict(join.options), table=table).values.astype("str")
    if join.recipe == "text":
        key = key.str.casefold().str.replace(r"\s+", " ", regex=True)
    for each in also:
        key = key + "\n" + convert(named(table, each), "text").values.astype("str").str.casefold()
    return key


def _told_apart(rows: pd.DataFrame, column: str) -> set[str]:
    """Keys whose rows do not all say the same in a column."""
    kinds = rows[column].fillna("").astype("str").groupby(rows["_key"]).nunique()
    return set(kinds[kinds > 1].index)


def _added(table: pd.DataFrame, name: str, column: pd.Series, *, feed: str) -> pd.DataFrame:
    if name in table.columns:
        raise SpecError(
            f"the table has a column {name!r} already",
            expected="a name of its own for what is joined or composed",
            found=name,
            where=f"feed {feed}",
            todo="give it another name in the route",
        )
    return table.assign(**{name: column})


def _without_placeholders(table: pd.DataFrame, plan: FeedPlan) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """The table without the words that this source has for nothing; those of everybody stay, for recipes know them."""
    own = pd.Series(list(plan.placeholders), dtype="str")
    special = set(own[~is_placeholder(own)])
    notes = []
    for name in [str(column) for column in table.columns if column != ROW] if special else ():
        nothing = table[name].isin(special)
        if nothing.any():
            notes.append(noted(table, plan.feed.name, name, nothing, table[name], "placeholder"))
            table = table.assign(**{name: table[name].mask(nothing)})
    return table, notes
