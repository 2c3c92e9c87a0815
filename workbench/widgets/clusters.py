"""Rows that end in one record, as is decided now and proposed where nobody has decided; and in what they may have the word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from workbench.decisions.survivors import into_of
from workbench.engagement import Engagement
from workbench.errors import SpecError
from workbench.flow.planning import delivered, feed_plans
from workbench.frames.plan import FeedPlan
from workbench.specs import Feed

__all__ = ["Cluster", "Speech", "cluster_of", "speech_of"]

MOST = 6
"""Rows beside a record that a person can take in at one look."""


@dataclass(frozen=True)
class Cluster:
    """One record, and the rows that go into it."""

    record: str  # key of the record in which all of them end
    subjects: tuple[str, ...]  # of the decisions about the rows; the one asked about is always among them


def cluster_of(engagement: Engagement, subject: str, into: str) -> Cluster:
    """What `subject` belongs to if it goes into the record `into`, however many merges lie between."""
    proposals = engagement.decisions.proposals("duplicate")
    proposed = dict(zip(proposals["subject"], proposals["value"], strict=True))
    goes = {each: into_of(value) for each, value in {**proposed, **engagement.decisions.mapping("duplicate")}.items()}
    goes[subject] = into
    steps = {each.rpartition("@")[0]: to for each, to in goes.items() if to}
    record = _end(into, steps)
    others = [each for each in proposed if each != subject and goes[each] and _end(goes[each], steps) == record]
    return Cluster(record, (subject, *others[: MOST - 1]))


@dataclass(frozen=True)
class Speech:
    """In what a row may have the word in the record that it goes into."""

    columns: frozenset[str] = frozenset()  # of the row's table
    needed: frozenset[str] = frozenset()  # those of them without which the record cannot be loaded
    named: Mapping[str, str] = field(default_factory=dict)  # column of the record's table → the row's column for the same field


def speech_of(engagement: Engagement, mine: Feed, theirs: Feed) -> Speech:
    """What a row of one feed may say in a record of another one, or of its own, as the columns are mapped now.

    Between two feeds that is what both have a field for, and each one column; in its own feed everything but the key.
    """
    plans: Mapping[str, FeedPlan] = {}
    with suppress(SpecError):  # a map in which two columns fill one field; the mapping says so
        plans = feed_plans(engagement)
    if mine.name == theirs.name:
        known = {str(column) for column in delivered(engagement, mine.table).columns if not str(column).startswith("_")}
        key = set(engagement.route.table(engagement.source, mine.table).key)
        return Speech(
            frozenset(known - key), frozenset({*_needed(plans.get(mine.name)), *([mine.owner] if mine.owner else [])})
        )
    here, there = (plans[feed.name].fields if feed.name in plans else () for feed in (mine, theirs))
    pairs = {(b.column, a.column) for a in here for b in there if a.field == b.field and a.shared}
    often = [Counter(pair[side] for pair in pairs) for side in (0, 1)]
    named = {b: a for b, a in pairs if often[0][b] == often[1][a] == 1}
    needed = {a for b, a in named.items() if b in _needed(plans.get(theirs.name))}
    return Speech(frozenset(named.values()), frozenset(needed), named)


def _needed(plan: FeedPlan | None) -> Iterable[str]:
    """Columns that become a field without which no record is loaded."""
    required = [each for each in plan.fields if each.required] if plan else []
    return {column for each in required for column in (each.column, *each.fallback)}


def _end(key: str, steps: Mapping[str, str]) -> str:
    """The record in which a key ends; two that would go into each other end where they were first met again."""
    seen = {key}
    while key in steps and steps[key] not in seen:
        key = steps[key]
        seen.add(key)
    return key
