"""The recipes by name: what there is, whether options fit, and the one call that converts a column."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import pandas as pd
from pydantic import ConfigDict, ValidationError, validate_call

from workbench.errors import SpecError
from workbench.recipes import choices, clocks, dates, markup, names, numbers, reach, texts
from workbench.recipes.cells import CellRecipe, Converted, converted

Recipe = Callable[..., CellRecipe]

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        recipe.__name__: recipe
        for recipe in (
            texts.text,
            texts.long_text,
            markup.html,
            markup.note_text,
            names.name,
            reach.email,
            reach.phone,
            reach.url,
            reach.domain,
            numbers.integer,
            numbers.decimal,
            numbers.money,
            numbers.percent,
            dates.day,
            dates.moment,
            clocks.zoned_moment,
            clocks.utc_day,
            clocks.utc_time,
            clocks.length_seconds,
            numbers.duration_seconds,
            choices.boolean,
            choices.choice,
            choices.multi_choice,
            texts.tags,
            names.split_first_name,
            names.split_last_name,
            texts.postal_code,
            texts.identifier,
            texts.constant,
        )
    }
)

SEES_ALL = frozenset({"boolean", "choice", "multi_choice", "constant", "name", "split_first_name", "split_last_name"})
"""Recipes that decide themselves what an empty cell or a placeholder means."""


def convert(column: pd.Series, recipe: str, *, options: Mapping[str, object] | None = None) -> Converted:
    """Convert a column by a named recipe; bad cells come back with a reason, they never raise.

    An unknown recipe, an unknown option or an option of the wrong type is a SpecError that lists what there is.
    """
    return converted(column, _prepared(recipe, options), sees_all=recipe in SEES_ALL)


def check_recipe(recipe: str, options: Mapping[str, object] | None = None) -> None:
    """Raise the SpecError that `convert` would, without a column: for files that name recipes."""
    _prepared(recipe, options)


def recipe_names() -> pd.DataFrame:
    """Every recipe with what it does and its options, as columns name, does and options."""
    rows = [
        (name, (inspect.getdoc(recipe) or "").split("\n\n")[0].replace("\n", " "), ", ".join(_options(recipe)))
        for name, recipe in RECIPES.items()
    ]
    return pd.DataFrame(rows, columns=["name", "does", "options"], dtype="str")


def _prepared(name: str, options: Mapping[str, object] | None) -> CellRecipe:
    recipe = RECIPES.get(name)
    if recipe is None:
        raise SpecError(
            "there is no such recipe",
            expected=", ".join(RECIPES),
            found=name,
            todo="name one of the recipes that exist",
        )
    given: dict[str, Any] = dict(options or {})
    try:
        cell: CellRecipe = _strict(name)(**given)
    except ValidationError as error:
        raise SpecError(
            f"the options do not fit the recipe {name!r}",
            expected=", ".join(_options(recipe)) or "no options",
            found="; ".join(_complaint(each) for each in error.errors(include_url=False)),
            todo="correct the options of this recipe",
        ) from None
    return cell


@cache
def _strict(name: str) -> Callable[..., CellRecipe]:
    """The recipe, asked for with options that are looked at: making that takes longer than many a column."""
    return validate_call(config=ConfigDict(strict=True))(RECIPES[name])


def _complaint(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "unexpected_keyword_argument":
        return f"{place} is not an option"
    return f"{place}: {error['msg'].lower()}"


def _options(recipe: Recipe) -> list[str]:
    shown = []
    for option in inspect.signature(recipe, eval_str=True).parameters.values():
        default = "" if option.default is inspect.Parameter.empty else f" = {_shown(option.default)}"
        kind = inspect.formatannotation(option.annotation).replace("typing.", "").replace("collections.abc.", "")
        shown.append(f"{option.name}: {kind}{default}")
    return shown


def _shown(default: object) -> str:
    if isinstance(default, bool) or default is None:
        return str(default).lower()
    if isinstance(default, tuple):
        return "[" + ", ".join(f'"{each}"' for each in default) + "]"
    return f'"{default}"' if isinstance(default, str) else str(default)
