"""Ask of which country telephone numbers are that do not say so, where the export speaks against the one supposed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from workbench.engagement import Engagement
from workbench.frames.places import stated_regions
from workbench.frames.plan import FeedPlan
from workbench.frames.select import filled
from workbench.recipes.countries import Countries, countries_of
from workbench.specs import Scope

__all__ = ["REGION", "country_asked", "country_question", "region_answered"]

REGION = "region"
"""The subject of the question, among those of the scope."""


def region_answered(engagement: Engagement) -> str:
    """The country whose telephone numbers and postcodes stand without one: as it was answered, else the engagement's."""
    return str(engagement.decisions.value("scope", REGION) or engagement.region)


def country_question(engagement: Engagement, plans: Mapping[str, FeedPlan]) -> dict[str, Any] | None:
    """The question with its proposal as the scope's proposals have it; None where nothing speaks against the country.

    Where the settings of the engagement name the country, somebody has answered already.
    """
    if engagement.settings.region:
        return None
    texts, named = _numbers(engagement, plans)
    found = countries_of(texts, expected=engagement.region, named=named)
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
    told += [f"{many} of them would be mobiles of {each}" for each, many in found.twofold.items()]
    return "; ".join(told)


def _numbers(engagement: Engagement, plans: Mapping[str, FeedPlan]) -> tuple[list[str], list[str]]:
    """Every different number in a column that is read as telephone numbers, or compared as such; and the countries of records.

    A number whose record names its country is read by that, so it asks nothing; what is named counts, once a number.
    """
    asked: dict[tuple[str, str], None] = {}
    for plan in (each for each in plans.values() if each.active):
        asked |= dict.fromkeys((plan.feed.table, field.column) for field in plan.fields if field.recipe == "phone")
        ways = (*plan.feed.merge, *plan.feed.match)
        asked |= dict.fromkeys((plan.feed.table, match.column) for match in ways if match.recipe == "phone")
    texts: dict[str, None] = {}
    named: dict[str, str] = {}
    for name, column in asked:
        if engagement.has(f"tables/{name}"):
            table = engagement.load(f"tables/{name}")
            said = _column(table, column)
            regions = stated_regions(table, engagement.source.country).loc[said.index]
            texts |= dict.fromkeys(said[regions.isna()])
            named |= dict(zip(said[regions.notna()], regions.dropna(), strict=True))
    return list(texts), list(named.values())


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    return table.loc[filled(table[name]), name].astype("str") if name in table else pd.Series(dtype="str")
