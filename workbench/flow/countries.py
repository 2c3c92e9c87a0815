"""Ask of which country telephone numbers are that do not say so, where the export speaks against the one supposed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from workbench.engagement import Engagement
from workbench.frames.plan import FeedPlan
from workbench.frames.select import filled
from workbench.recipes.countries import Countries, countries_of
from workbench.specs import Scope

__all__ = ["REGION", "country_asked", "country_question"]

REGION = "region"
"""The subject of the question, among those of the scope."""


def country_question(engagement: Engagement, plans: Mapping[str, FeedPlan]) -> dict[str, Any] | None:
    """The question with its proposal as the scope's proposals have it; None where nothing speaks against the country.

    Where the settings of the engagement name the country, somebody has answered already.
    """
    if engagement.settings.region:
        return None
    found = countries_of(_numbers(engagement, plans), expected=engagement.region)
    if not found.doubtful:
        return None
    ways = list(dict.fromkeys([*found.likely, engagement.region]))
    return {
        "subject": REGION,
        "value": ways[0],
        "confidence": 0.5,
        "reasons": _reasons(found),
        "alternatives": ways,
        "shown": [f"{each}: {found.fits.get(each, 0):.0%} of such numbers are known there." for each in ways[:6]],
    }


def country_asked(engagement: Engagement) -> tuple[Scope, ...]:
    """The question as those of the route are asked; empty where it is not."""
    proposed = engagement.decisions.proposals("scope").set_index("subject")
    if REGION not in proposed.index:
        return ()
    row = proposed.loc[REGION]
    asked = "Of which country are telephone numbers that name none?"
    ways = tuple(map(str, row["alternatives"]))
    return (Scope(name=REGION, question=asked, options=ways, default=str(row["value"]), about=f"{row['reasons']}."),)


def _reasons(found: Countries) -> str:
    supposed = f"{found.expected} is supposed, whose plan knows {found.known:.0%} of them"
    told = [f"the country of telephone numbers that name none; {supposed}"]
    named = sorted(found.stated, key=lambda each: (-found.stated[each], each))[:3]
    told += ["those that name one are of " + ", ".join(f"{each} ({found.stated[each]})" for each in named)] if named else []
    return "; ".join(told)


def _numbers(engagement: Engagement, plans: Mapping[str, FeedPlan]) -> list[str]:
    """Every different number in a column that is read as telephone numbers, or compared as such."""
    asked: dict[tuple[str, str], None] = {}
    for plan in (each for each in plans.values() if each.active):
        asked |= dict.fromkeys((plan.feed.table, field.column) for field in plan.fields if field.recipe == "phone")
        ways = (*plan.feed.merge, *plan.feed.match)
        asked |= dict.fromkeys((plan.feed.table, match.column) for match in ways if match.recipe == "phone")
    texts: dict[str, None] = {}
    for name, column in asked:
        if engagement.has(f"tables/{name}"):
            texts |= dict.fromkeys(_column(engagement.load(f"tables/{name}"), column))
    return list(texts)


def _column(table: pd.DataFrame, name: str) -> list[str]:
    return table.loc[filled(table[name]), name].astype("str").tolist() if name in table else []
