"""What each answer to a question of the scope brings with it, counted in the rows that came, before anybody has answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.meeting import telling
from workbench.flow.planning import answered, feed_plans, with_joins
from workbench.frames.groups import row_keys
from workbench.frames.plan import FeedPlan, holds_under, under
from workbench.frames.select import cells_of, filled, holds
from workbench.specs import Feed, FieldRule, Scope
from workbench.specs.feeds import placeholders

__all__ = ["Consequence", "consequences"]

EXISTING = "existing_records"
"""The question that no feed names, as it is the load that asks it: what becomes of a record that is there already."""
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Consequence:
    """What one answer brings, in words and numbers."""

    question: str
    answer: str
    words: str


def consequences(engagement: Engagement) -> tuple[Consequence, ...]:
    """One for each answer that may be given, in the order of the route; of the main delivery, whose tables have to be read.

    A question that takes any answer is counted with its default.
    """
    plans = feed_plans(engagement)
    return tuple(
        Consequence(question.name, answer, "; ".join(dict.fromkeys(_brings(engagement, plans, question, answer))))
        for question in engagement.route.scope
        for answer in question.options or (question.default,)
    )


def _brings(engagement: Engagement, plans: Mapping[str, FeedPlan], question: Scope, answer: str) -> Iterator[str]:
    said = {**answered(engagement), question.name: answer}
    for name, plan in plans.items():
        feed = engagement.route.feed(name)
        if holds_under(feed.scope, said):
            yield from _of_feed(engagement, replace(plan, feed=under(feed, said)), feed, question.name)
    yield from _too_large(engagement, question.name)
    if question.name == EXISTING:
        yield from _told_apart(engagement, plans, said)


def _of_feed(engagement: Engagement, plan: FeedPlan, feed: Feed, question: str) -> Iterator[str]:
    """What a feed does under an answer; ``feed`` is as the route has it, the plan's own as the answer leaves it."""
    fields = [rule for rule in plan.feed.fields if question in rule.scope]
    rules = [rule for rule in feed.exclude if question in rule.scope]
    filling = f"scope:{question}" in feed.constants.values()
    if not (question in feed.scope or fields or rules or filling):
        return
    kind = _kind(engagement, feed, question)
    table = with_joins(engagement, plan, engagement.load(f"tables/{feed.table}"))
    wanted = pd.Series(True, index=table.index) if plan.feed.when is None else holds(table, plan.feed.when)
    for rule in rules:
        fate = "left out" if rule in plan.feed.exclude else "taken along"
        if count := int((wanted & holds(table, rule.when)).sum()):
            yield f"{_counted(count, 'row')} of {kind} {fate}: {rule.about}"
    wanted = _passing(table, plan.feed)
    if question in feed.scope or filling:
        yield _made(engagement, plan, table[wanted])
    for field in fields:
        yield f"{_counted(int(_filled(table[wanted], field).sum()), 'row')} of {kind} fill {_label(engagement, feed, field.to)}"


def _kind(engagement: Engagement, feed: Feed, question: str) -> str:
    """What the rows of a feed are called: as their table, or by their own label where the question concerns others of it."""
    others = (each for each in engagement.route.feeds if each.table == feed.table and each.name != feed.name)
    asked = [scope for each in others for scope in (*(e.scope for e in each.exclude), *(f.scope for f in each.fields))]
    if not any(question in scope for scope in asked):
        return _named(feed)
    return f"“{feed.label.partition(' → ')[0]}”"


def _passing(table: pd.DataFrame, feed: Feed) -> pd.Series:
    """True for the rows that a feed takes."""
    wanted = pd.Series(True, index=table.index) if feed.when is None else holds(table, feed.when)
    for exclusion in feed.exclude:
        wanted &= ~holds(table, exclusion.when)
    return wanted


def _made(engagement: Engagement, plan: FeedPlan, rows: pd.DataFrame) -> str:
    """Records that a feed makes of its rows, or what else becomes of these."""
    feed = plan.feed
    spec = engagement.destination.objects.get(feed.object)
    if feed.kind != "record" or spec is None:
        return f"{_counted(len(rows), 'row')} of {_named(feed)}: {feed.label}"
    count = int(row_keys(rows, feed, plan.table).nunique())
    noun = (spec.label if count == 1 else spec.plural).replace("_", " ").lower()
    return f"{count:,} {noun}" if noun == _named(feed) else f"{count:,} {noun} of {_named(feed)}"


def _too_large(engagement: Engagement, question: str) -> Iterator[str]:
    """Files over the limit, by the sizes that their list states."""
    for made in engagement.route.derived:
        if made.over_limit != f"scope:{question}" or not made.bytes:
            continue
        stated = cells_of(engagement.load(f"tables/{made.table}"), made.bytes)
        sizes = pd.to_numeric(stated, errors="coerce")
        large = sizes[sizes > made.limit]
        yield f"{_counted(len(large), 'file')} over the limit, {large.sum() / MEGABYTE:,.0f} MB in all"


def _told_apart(engagement: Engagement, plans: Mapping[str, FeedPlan], said: Mapping[str, str]) -> Iterator[str]:
    """Records of ours that could be there already, by the fields in which the destination takes two for one."""
    none = True
    for name, plan in plans.items():
        feed = engagement.route.feed(name)
        making = feed.kind == "record" and holds_under(feed.scope, said)
        rules = [rule for rule in plan.feed.fields if rule.to in telling(engagement, feed)] if making else []
        if rules:
            none = False
            table = with_joins(engagement, plan, engagement.load(f"tables/{feed.table}"))
            table = table[_passing(table, plan.feed)]
            told = pd.concat([_filled(table, rule) for rule in rules], axis=1).any(axis=1)
            labels = " or ".join(dict.fromkeys(_label(engagement, feed, rule.to) for rule in rules))
            yield f"{_made(engagement, plan, table[told])} could be there already, by {labels}"
    if none:
        yield f"none: {engagement.destination.label} takes no two records for one"


def _filled(table: pd.DataFrame, rule: FieldRule) -> pd.Series:
    """True for the rows of which a field has something to say."""
    columns = (*(placeholders(rule.compose) if rule.compose else (rule.column,)), *rule.fallback)
    return pd.concat([filled(cells_of(table, column)) for column in columns], axis=1).any(axis=1)


def _label(engagement: Engagement, feed: Feed, name: str) -> str:
    """A field as people call it."""
    spec = engagement.destination.objects.get(feed.object)
    native = {field.name: field.label for field in spec.fields} if spec is not None else {}
    return {**{field.name: field.label for field in engagement.route.custom_fields}, **native}.get(name, name)


def _named(feed: Feed) -> str:
    """The table of a feed as it is read."""
    return feed.table.replace("_", " ")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
