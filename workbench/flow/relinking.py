"""Ask which row of another table a row belongs to, where the export lost the key between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.planning import delivered, feed_plans
from workbench.frames.plan import FeedPlan
from workbench.frames.select import ROW, natural_keys
from workbench.matching.links import relink
from workbench.specs import Table

__all__ = ["propose_links"]

HELPING = ("packages", "clients")
"""Tables of the source that help to tell pairs apart, where it has them."""
TELLING = ("title", "client_email", "package_name", "tier", "start", "enrolled_on")
"""Columns by which a person recognises a row, where its table has them."""
SHOWN = 40
"""Characters of a cell that are shown."""
COLUMNS = ["subject", "value", "confidence", "reasons", "alternatives", "shown"]


def propose_links(engagement: Engagement, delivery: str = "main") -> pd.DataFrame:
    """Propose the row of the other table for every row of a delivery that lost it, and store the proposals.

    Subjects are `<table>/<row>`, values `{"to": <key>}`, with an empty key where the row belongs to none. What was asked
    about rows of other deliveries stays.
    """
    found = [pd.DataFrame(columns=COLUMNS)]
    for table, plan in _losing(engagement).items():
        found.append(_proposed(engagement, table, plan, delivery))
    proposals = pd.concat(found, ignore_index=True)
    before = engagement.decisions.proposals("link")[COLUMNS]
    others = before[~before["subject"].astype("str").isin(set(proposals["subject"])) & ~_of(before, engagement, delivery)]
    if len(before) or len(proposals):
        engagement.decisions.propose("link", pd.concat([others, proposals], ignore_index=True))
    return proposals


def _losing(engagement: Engagement) -> dict[str, FeedPlan]:
    """Tables whose rows lost their link, each with one of the feeds that ask for it."""
    plans = [plan for plan in feed_plans(engagement).values() if plan.active and plan.feed.relink is not None]
    return {plan.feed.table: plan for plan in reversed(plans)}


def _of(proposals: pd.DataFrame, engagement: Engagement, delivery: str) -> pd.Series:
    """True for subjects whose row is one of the delivery's."""
    rows = proposals["subject"].astype("str").str.split("/", n=1).str[1].astype("str")
    if delivery != "main":
        return rows.str.startswith(f"{delivery}/")
    later = tuple(f"{name}/" for name in engagement.deliveries() if name != "main")
    return ~rows.str.startswith(later) if later else pd.Series(True, index=proposals.index)


def _proposed(engagement: Engagement, name: str, plan: FeedPlan, delivery: str) -> pd.DataFrame:
    assert plan.feed.relink is not None
    assert plan.linked is not None
    main = engagement.load(f"tables/{name}")
    rows = main if delivery == "main" else _newest(delivered(engagement, name), plan.table)
    other = _newest(delivered(engagement, plan.feed.relink.to), plan.linked)
    helping = {each: delivered(engagement, each) for each in HELPING if each in engagement.source.tables}
    found = relink(rows, other, packages=helping.get("packages"), clients=helping.get("clients"))
    asked = rows[ROW].str.startswith(f"{delivery}/") if delivery != "main" else pd.Series(True, index=rows.index)
    if delivery != "main":
        known = set(natural_keys(main, plan.table).dropna())
        asked &= ~natural_keys(rows, plan.table).isin(known)
    keys = natural_keys(other, plan.linked)
    known_as = dict(zip(keys.astype("str"), _recognised(other), strict=True))
    lines = zip(rows[ROW], _recognised(rows), found.to_dict("records"), strict=True)
    made = [_proposal(name, row, line, words=words, known_as=known_as) for row, words, line in lines]
    return pd.DataFrame(made, columns=COLUMNS)[asked.to_numpy(dtype=bool)].reset_index(drop=True)


def _recognised(rows: pd.DataFrame) -> list[str]:
    """Each row as a person knows it again: what it is called, whose it is, and when."""
    there = [name for name in TELLING if name in rows]
    told = rows[there].astype("object").where(rows[there].notna(), "").to_dict("records")
    return [" · ".join(text[:SHOWN] for text in (str(row[name]).strip() for name in there) if text) for row in told]


def _newest(table: pd.DataFrame, spec: Table) -> pd.DataFrame:
    """The rows of a table, each key once: a later delivery's over an earlier one's."""
    keys = natural_keys(table, spec)
    return table[~keys.duplicated(keep="last") | keys.isna()].reset_index(drop=True)


def _proposal(table: str, row: str, line: Mapping[Any, Any], *, words: str, known_as: Mapping[str, str]) -> dict[str, Any]:
    value = {"to": str(line["enrolment"] or "")}
    named = [str(part).strip().rsplit(" (", 1)[0] for part in str(line["alternatives"] or "").split(";")]
    others = [{"to": "" if each == "none" else each} for each in (*named, "none") if each]
    others = [each for each in others if each != value]
    known = [each for place, each in enumerate(others) if each not in others[:place]]
    return {
        "subject": f"{table}/{row}",
        "value": value,
        "confidence": round(float(line["confidence"]), 3),
        "reasons": line["reasons"],
        "alternatives": known,
        "shown": f"{words} ~ {known_as.get(value['to'], '') or 'none'}",
    }
