"""The ways in which a column can be read, under the names by which a person chooses one."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args, get_origin

from workbench.recipes.catalogue import RECIPES

__all__ = ["Reading", "name_of_reading", "readings"]

NOT_CHOSEN = frozenset({"constant", "choice", "multi_choice"})
"""Recipes that need more than a name: a text of their own, or the confirmed options."""


@dataclass(frozen=True)
class Reading:
    """A recipe, with the one option that makes the difference."""

    name: str
    recipe: str
    options: Mapping[str, str | bool] = field(default_factory=dict)


def readings() -> dict[str, Reading]:
    """Every recipe under its name in words, and once more for each option that is a choice: `day · order mdy`, `text · cut`."""
    found = [each for recipe in RECIPES if recipe not in NOT_CHOSEN for each in _of(recipe)]
    return {each.name: each for each in found}


def name_of_reading(recipe: str, options: Mapping[str, object]) -> str:
    """How a recipe and what matters of its options read; empty where there is no recipe."""
    told = [
        f"{_words(name)} {value}" if isinstance(value, str) else _words(name)
        for name, value in options.items()
        if (isinstance(value, str) and value) or value is True
    ]
    return " · ".join([_words(recipe), *told]) if recipe else ""


def _of(recipe: str) -> Iterator[Reading]:
    yield Reading(_words(recipe), recipe)
    for option in inspect.signature(RECIPES[recipe], eval_str=True).parameters.values():
        for value in _choices(option):
            yield Reading(name_of_reading(recipe, {option.name: value}), recipe, {option.name: value})


def _choices(option: inspect.Parameter) -> tuple[str | bool, ...]:
    if get_origin(option.annotation) is Literal:
        return tuple(value for value in get_args(option.annotation) if value != option.default)
    return (True,) if option.annotation is bool and option.default is False else ()


def _words(name: str) -> str:
    return name.replace("_", " ")
