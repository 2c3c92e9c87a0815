"""Where a text was written: recipes that read it as people write it at one place are told which one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd

from workbench.recipes import Converted, convert
from workbench.recipes.countries import region_named
from workbench.specs import Feed, Join, Lookup, Match, Through

__all__ = ["LOCAL", "localised", "read_at_home", "stated_regions", "told"]

LOCAL: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("moment", "zoned_moment", "utc_day", "utc_time", "length_seconds"), ("zone",)),
    "phone": ("region", "country"),
    "postal_code": ("region",),
}
"""Recipes that read a text as people write it at one place, and the options that say where."""

UNKNOWN = "not_in_numbering_plan"

Asking = TypeVar("Asking", Match, Join, Lookup, Through)


def told(recipe: str, options: Mapping[str, object], usual: Mapping[str, object]) -> dict[str, object]:
    """The options of a recipe, with the usual place where it needs one and nobody says otherwise."""
    return {**{option: usual[option] for option in LOCAL.get(recipe, ()) if usual.get(option)}, **options}


def read_at_home(column: pd.Series, recipe: str, *, options: Mapping[str, object], table: pd.DataFrame) -> Converted:
    """The column converted, a telephone number by its record's own country first.

    Where the option `country` names columns of the table, a number that names no country is one of the country that stands
    there, as far as that country's plan knows it; otherwise it is read as all others are. The index of the column is part
    of the table's.
    """
    done = convert(column, recipe, options=options)
    columns = options.get("country")
    if recipe != "phone" or not isinstance(columns, Sequence) or not any(name in table.columns for name in columns):
        return done
    stated = stated_regions(table, columns).loc[column.index].to_numpy()
    values, reasons, notes = (part.to_numpy(dtype=object).copy() for part in (done.values, done.reasons, done.notes))
    for region in sorted({each for each in stated if isinstance(each, str)} - {str(options.get("region"))}):
        rows = np.flatnonzero(stated == region)
        there = convert(column.iloc[rows], recipe, options={**options, "region": region})
        known = (there.values.notna() & ~there.notes.str.contains(UNKNOWN, na=False)).to_numpy()
        for part, theirs in ((values, there.values), (reasons, there.reasons), (notes, there.notes)):
            part[rows[known]] = theirs.to_numpy(dtype=object)[known]
    index = column.index
    return Converted(
        pd.Series(values, index=index, dtype="object"),
        pd.Series(reasons, index=index, dtype="str"),
        pd.Series(notes, index=index, dtype="str"),
    )


def stated_regions(table: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """The country that each row names in the first of these columns that says one, as two letters; missing elsewhere."""
    regions = pd.Series(None, index=table.index, dtype="object")
    for name in (each for each in columns if each in table.columns):
        codes, distinct = pd.factorize(table[name].astype("str"))
        named = np.array([*(region_named(str(each)) for each in distinct), None], dtype=object)[codes]
        regions = regions.where(regions.notna(), pd.Series(named, index=table.index, dtype="object"))
    return regions


def localised(feed: Feed, usual: Mapping[str, object]) -> Feed:
    """The feed whose joins, links and matches compare by the place at which the customer writes, as its fields are read."""
    return feed.model_copy(
        update={
            "merge": tuple(_placed(each, usual) for each in feed.merge),
            "match": tuple(_placed(each, usual) for each in feed.match),
            "joins": tuple(_placed(each, usual) for each in feed.joins),
            "lookups": tuple(_through(_placed(each, usual), usual) for each in feed.lookups),
        }
    )


def _through(lookup: Lookup, usual: Mapping[str, object]) -> Lookup:
    return lookup if lookup.through is None else lookup.model_copy(update={"through": _placed(lookup.through, usual)})


def _placed(asking: Asking, usual: Mapping[str, object]) -> Asking:
    return asking.model_copy(update={"options": told(asking.recipe, asking.options, usual)})
