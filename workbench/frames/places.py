"""Where a text was written: recipes that read it as people write it at one place are told which one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from workbench.specs import Feed, Join, Lookup, Match, Through

__all__ = ["LOCAL", "localised", "told"]

LOCAL: Mapping[str, str] = {"moment": "zone", "phone": "region", "postal_code": "region"}
"""Recipes that read a text as people write it at one place, and the option that says where."""

Asking = TypeVar("Asking", Match, Join, Lookup, Through)


def told(recipe: str, options: Mapping[str, object], usual: Mapping[str, str]) -> dict[str, object]:
    """The options of a recipe, with the usual place where it needs one and nobody says otherwise."""
    option = LOCAL.get(recipe, "")
    return {**({option: usual[option]} if usual.get(option) else {}), **options}


def localised(feed: Feed, usual: Mapping[str, str]) -> Feed:
    """The feed whose joins, links and matches compare by the place at which the customer writes, as its fields are read."""
    return feed.model_copy(
        update={
            "merge": tuple(_placed(each, usual) for each in feed.merge),
            "match": tuple(_placed(each, usual) for each in feed.match),
            "joins": tuple(_placed(each, usual) for each in feed.joins),
            "lookups": tuple(_through(_placed(each, usual), usual) for each in feed.lookups),
        }
    )


def _through(lookup: Lookup, usual: Mapping[str, str]) -> Lookup:
    return lookup if lookup.through is None else lookup.model_copy(update={"through": _placed(lookup.through, usual)})


def _placed(asking: Asking, usual: Mapping[str, str]) -> Asking:
    return asking.model_copy(update={"options": told(asking.recipe, asking.options, usual)})
