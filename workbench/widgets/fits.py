"""How answers suit columns: what one would make of a column, and what several would make of each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.engagement import Engagement
from workbench.flow.planning import answered
from workbench.frames.plan import declared_name, holds_under

__all__ = ["Fit", "Pair", "same_field", "unfilled"]


@dataclass(frozen=True)
class Pair:
    """One value of the export, and what becomes of it."""

    source: str
    becomes: str
    why: str = ""  # the reason or note in words, where it is refused or loses something
    refused: bool = False


@dataclass(frozen=True)
class Fit:
    """How one answer suits one column."""

    reading: str = ""  # by which it would be read; empty where the column is left behind
    pairs: tuple[Pair, ...] = ()
    warnings: tuple[str, ...] = ()


def same_field(targets: Mapping[str, str]) -> dict[str, str]:
    """Subject → what to watch, for columns of one feed that would fill one field; `targets` are answers as text."""
    taken: dict[tuple[str, str], list[str]] = defaultdict(list)
    for subject, target in targets.items():
        if target:
            taken[subject.partition("/")[0], target].append(subject)
    return {
        subject: f"fills the same field as {', '.join(other.partition('/')[2] for other in each if other != subject)}"
        for each in taken.values()
        if len(each) > 1
        for subject in each
    }


def unfilled(engagement: Engagement, targets: Mapping[str, str]) -> list[str]:
    """Fields that every record needs and that no column fills, one sentence each; `targets` as for `same_field`."""
    said, found = answered(engagement), []
    asked = {subject.partition("/")[0] for subject in targets}
    for feed in engagement.route.feeds:
        spec = engagement.destination.objects.get(feed.object)
        if feed.name not in asked or feed.kind != "record" or spec is None or not holds_under(feed.scope, said):
            continue
        rules = [rule for rule in feed.fields if holds_under(rule.scope, said)]
        undecided = {rule.to for rule in rules if f"{feed.name}/{rule.column}" not in targets}
        there = undecided | {lookup.to for lookup in feed.lookups} | set(feed.constants) | {"owner"}
        for subject, target in targets.items():
            if subject.startswith(f"{feed.name}/"):
                there.add(declared_name(target.removeprefix("new:")) if target.startswith("new:") else target)
        there |= {part for field in spec.fields if field.name in there for part in field.splits}
        labels = {field.name: field.label for field in spec.fields}
        whole = {field.name for field in spec.fields if field.splits}
        needed = [field.name for field in spec.fields if field.required]
        needed += [rule.to for rule in rules if rule.required and rule.to not in (*needed, *whole)]
        missing = [labels.get(name, name) for name in needed if name not in there]
        found += [f"{feed.label}: no column fills {label}, which every record needs" for label in missing]
    return found
