"""The closures of what was loaded: links and sums of money on both sides, and every filled cell of the export."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.planning import connected, feed_plans, needed_fields, prepared
from workbench.flow.transfer import in_order, outgoing, standing, standing_ids
from workbench.frames.closure import association_closure, cell_closure, money_closure
from workbench.ledger.operations import operations
from workbench.specs import Feed

__all__ = ["cells_closed", "links_and_money"]

CURRENCY = "currency"
"""How the column of an export is called that says in which currency an amount is."""


def links_and_money(engagement: Engagement) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Links and sums of money, as they were staged and as they stand over there now.

    A sum has a column `later`: the records that are not in it, because a later delivery changed them.
    """
    destination, links, money = connected(engagement), [], []
    amounts = {field.name for field in needed_fields(engagement) if field.type == "money"}
    for feed in in_order(engagement):
        native = engagement.destination.objects[feed.object].fields
        there = standing_ids(engagement, feed)
        staged = outgoing(engagement, feed).drop(columns=["_record", "_waits"])
        staged = staged[staged["key"].isin(there)]
        found = standing(destination, feed, set(staged["key"]), list(staged.columns))
        # Where leads are kept as contacts, a link to a lead is one to a contact.
        looked_up = list(dict.fromkeys(lookup.to for lookup in feed.lookups if lookup.to in staged))
        if looked_up:
            links.append(association_closure(staged[["key", *looked_up]], found).assign(object=feed.name))
        sums = [f for f in staged.columns if f in amounts | {n.name for n in native if n.type == "money"}]
        later = staged["key"].isin(_changed_since(engagement))
        coin = _currency(feed, staged)
        closed = [(name, money_closure(staged[~later], found, name, currency=coin)) for name in sums]
        money += [each.assign(object=feed.name, field=name, later=int(later.sum())) for name, each in closed]
    return _stacked(links), _stacked(money)


def _currency(feed: Feed, staged: pd.DataFrame) -> str:
    """The field that says in which currency the amounts of a feed are; nothing where the records name none."""
    named = [rule.to for rule in feed.fields if rule.column.casefold() == CURRENCY and rule.to in staged]
    return named[0] if named else ""


def _changed_since(engagement: Engagement) -> set[str]:
    """Keys of records that a later delivery changed: their sums are the later delivery's."""
    c = operations.c
    done = engagement.ledger().operations.columns(("key",), (c.state == "done") & (c.verb == "update"))
    return {key for (key,) in done}


def cells_closed(engagement: Engagement) -> pd.DataFrame:
    """Every filled cell of every mapped column, and what became of it."""
    plans = feed_plans(engagement)
    records = pd.concat([engagement.load(f"records/{feed.name}") for feed in in_order(engagement)], ignore_index=True)
    parts = []
    for name, plan in plans.items():
        if plan.feed.kind not in ("record", "attach"):
            continue
        table = prepared(engagement, plan, delivery="main")
        fields: dict[str, list[str]] = {}
        for field in plan.fields:
            fields.setdefault(field.column, []).append(field.field)
        if plan.feed.owner:
            fields.setdefault(plan.feed.owner, []).append("owner")
        final = engagement.load(f"final/{name}")
        closed = cell_closure(table, final, fields=fields, records=records, cells=engagement.load(f"cells/{name}"))
        parts.append(closed.assign(feed=name))
    return _stacked(parts, first="feed")


def _stacked(parts: Sequence[pd.DataFrame], *, first: str = "object") -> pd.DataFrame:
    if not parts:
        return pd.DataFrame()
    frame = pd.concat(parts, ignore_index=True)
    return frame[[first, *[column for column in frame.columns if column != first]]]
