"""What the recorded decisions come to: the plan of each feed, and the fields that the destination needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from workbench.decisions.survivors import emptied_of, into_of, taken_of
from workbench.engagement import Engagement
from workbench.flow.countries import region_answered
from workbench.flow.decided import still_meant
from workbench.frames.plan import FeedPlan, FieldAnswer, declared_fields, holds_under, plan_feed
from workbench.frames.prepare import prepare
from workbench.specs import CustomField, Feed, ObjectSpec

if TYPE_CHECKING:
    from workbench.ledger import Guard

__all__ = [
    "answered",
    "answers",
    "connected",
    "delivered",
    "feed_plans",
    "fields_of",
    "kept_as",
    "needed_fields",
    "prepared",
    "types_of",
    "unread",
    "with_joins",
]

Part = TypeVar("Part")


def answers(engagement: Engagement) -> dict[str, FieldAnswer]:
    """What was confirmed for each column, by `feed/column`."""
    return {subject: field_answer(value) for subject, value in engagement.decisions.mapping("field").items()}


def field_answer(value: Any) -> FieldAnswer:
    """One confirmed answer; a bare text is a target and nothing more."""
    if isinstance(value, str):
        return FieldAnswer(target=value)
    return FieldAnswer(
        target=value.get("target", ""),
        type=value.get("type", ""),
        choices=tuple(value.get("choices", ())),
        recipe=value.get("recipe", ""),
        options=value.get("options", {}),
    )


def answered(engagement: Engagement) -> dict[str, str]:
    """Every question of the scope with its answer, or its default where nobody has decided yet."""
    said = {question: str(answer) for question, answer in engagement.decisions.mapping("scope").items()}
    return engagement.route.answered(said)


def feed_plans(engagement: Engagement) -> dict[str, FeedPlan]:
    """The plan of every feed, in the order of the route."""
    fields = answers(engagement)
    values = {subject: str(value) for subject, value in engagement.decisions.mapping("value").items()}
    owners = {subject: str(value) for subject, value in engagement.decisions.mapping("owner").items()}
    scope = {question: str(answer) for question, answer in engagement.decisions.mapping("scope").items()}
    decided = still_meant(engagement, engagement.decisions.mapping("duplicate"))
    merges = _by_row(decided, into_of)
    takes, empties = (_by_row(decided, columns) for columns in (taken_of, emptied_of))
    open_ = _by_row(dict.fromkeys(engagement.decisions.missing("duplicate"), ""), into_of)
    undecided = {name: frozenset(rows) for name, rows in open_.items()}
    links = _links(engagement.decisions.mapping("link"))
    unlinked = _links(dict.fromkeys(engagement.decisions.missing("link"), ""))
    region = region_answered(engagement)
    return {
        feed.name: plan_feed(
            engagement.route,
            engagement.source,
            engagement.destination,
            _as_kept(engagement, feed),
            answers=fields,
            values=values,
            owners=owners,
            merges=merges.get(feed.name, {}),
            takes={row: columns for row, columns in takes.get(feed.name, {}).items() if columns},
            empties={row: columns for row, columns in empties.get(feed.name, {}).items() if columns},
            undecided=undecided.get(feed.name, frozenset()),
            scope=scope,
            zone=engagement.zone,
            region=region,
            links=links.get(feed.table, {}),
            unlinked=frozenset(unlinked.get(feed.table, {})),
        )
        for feed in engagement.route.feeds
    }


def _as_kept(engagement: Engagement, feed: Feed) -> Feed:
    """The feed without second ways to records that the edition keeps apart: on Classic a lead is no contact of a deal."""
    kept = {each.name: kept_as(engagement, each.object) for each in engagement.route.feeds}
    lookups = (
        each if kept.get(each.else_feed) == kept.get(each.feed) else each.model_copy(update={"else_feed": ""})
        for each in feed.lookups
    )
    return feed.model_copy(update={"lookups": tuple(lookups)})


def delivered(engagement: Engagement, table: str) -> pd.DataFrame:
    """The rows of a table over all deliveries that intake has read, the main one first."""
    names = ["main", *(name for name in engagement.deliveries() if name != "main")]
    read = [
        engagement.load(f"tables/{table}", delivery=name) for name in names if engagement.has(f"tables/{table}", delivery=name)
    ]
    return pd.concat(read, ignore_index=True) if len(read) > 1 else read[0]


def prepared(engagement: Engagement, plan: FeedPlan, *, delivery: str = "") -> pd.DataFrame:
    """The table of a feed with its joins and composed texts: of one delivery, or of all where none is named."""
    name = plan.feed.table
    table = engagement.load(f"tables/{name}", delivery=delivery) if delivery else delivered(engagement, name)
    return with_joins(engagement, plan, table)


def with_joins(engagement: Engagement, plan: FeedPlan, table: pd.DataFrame) -> pd.DataFrame:
    """A table of a feed with what the other tables, of all deliveries, and the composed texts put beside its columns."""
    return prepare(table, plan, tables={each: delivered(engagement, each) for each in plan.asks()}).table


def needed_fields(engagement: Engagement) -> tuple[CustomField, ...]:
    """Custom fields that the destination has to have: declared by the route, or asked for in the mapping.

    Where an edition keeps leads as records of their own, fields that calls put on them are needed there too.
    """
    declared = _filled(engagement, declared_fields(engagement.route, answers(engagement)))
    have = {(field.object, field.name) for field in declared}
    said = answered(engagement)
    for feed in (each for each in engagement.route.feeds if holds_under(each.scope, said)):
        targets = {engagement.route.feed(match.feed).object for match in feed.match} | {feed.object}
        for rule in feed.fields:
            for object_ in sorted(target for target in targets if kept_as(engagement, target) == target):
                known = next((field for field in declared if field.name == rule.to), None)
                if known is not None and (object_, rule.to) not in have and kept_as(engagement, known.object) != object_:
                    declared.append(known.model_copy(update={"object": object_}))
                    have.add((object_, rule.to))
    return tuple(declared)


def _filled(engagement: Engagement, declared: Sequence[CustomField]) -> list[CustomField]:
    """Without the fields that are filled under other answers only: those of objects that no feed makes, and of such rules."""
    said = engagement.route.answered({q: str(a) for q, a in engagement.decisions.mapping("scope").items()})
    active: set[str] = set()
    filled: dict[bool, set[tuple[str, str]]] = {True: set(), False: set()}
    for feed in engagement.route.feeds:
        taken = holds_under(feed.scope, said)
        homes = {feed.object, *(engagement.route.feed(match.feed).object for match in feed.match)} - {""}
        active |= homes if taken else set()
        for rule in feed.fields:
            filled[taken and holds_under(rule.scope, said)] |= {(object_, rule.to) for object_ in homes}
    idle = filled[False] - filled[True]
    making = {feed.object for feed in engagement.route.feeds} - {""}
    gone = making - active
    return [field for field in declared if field.object not in gone and (field.object, field.name) not in idle]


def connected(engagement: Engagement) -> Guard:
    """The destination behind the ledger, knowing every field that the decisions ask for by its declared name."""
    return engagement.connect(declared=needed_fields(engagement))


def kept_as(engagement: Engagement, object_: str) -> str:
    """The object as which the edition keeps records: on the Suite a lead is kept as a contact."""
    spec: ObjectSpec | None = engagement.destination.objects.get(object_)
    if spec is not None and spec.same_as and engagement.settings.edition == engagement.destination.editions[0]:
        return spec.same_as
    return object_


def fields_of(engagement: Engagement, object_: str) -> frozenset[str]:
    """Names of the fields that records of the object can hold, native and custom."""
    home = kept_as(engagement, object_)
    spec = engagement.destination.objects.get(object_)
    native = {field.name for field in spec.fields} if spec else set()
    return frozenset(native | {field.name for field in needed_fields(engagement) if kept_as(engagement, field.object) == home})


def unread(engagement: Engagement, feed: Feed) -> frozenset[str]:
    """Fields of a feed that the destination takes and does not show again, so that nothing can be compared there."""
    spec = engagement.destination.objects.get(feed.object)
    return frozenset(field.name for field in spec.fields if field.unread) if spec else frozenset()


def types_of(engagement: Engagement, feed: Feed) -> dict[str, str]:
    """Field → type, for every field that records of the feed can hold; links are of type lookup."""
    home = kept_as(engagement, feed.object)
    custom = [field for field in needed_fields(engagement) if kept_as(engagement, field.object) == home]
    spec = engagement.destination.objects.get(feed.object)
    native = {field.name: field.type for field in spec.fields} if spec else {}
    return {
        **{field.name: field.type for field in custom},
        **native,
        **dict.fromkeys((each.to for each in feed.lookups), "lookup"),
    }


def _links(decided: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Table → row id → key of the row in the other table, from subjects such as `sessions/sessions.csv:12`."""
    links: dict[str, dict[str, str]] = {}
    for subject, value in decided.items():
        table, row = subject.split("/", 1)
        links.setdefault(table, {})[row] = str(value["to"] if isinstance(value, Mapping) else value)
    return links


def _by_row(decided: Mapping[str, Any], part: Callable[[object], Part]) -> dict[str, dict[str, Part]]:
    """Feed → row id → a part of the answer, from subjects such as `contacts/C-01017@customers.csv:88`; no row id holds an @."""
    found: dict[str, dict[str, Part]] = {}
    for subject, value in decided.items():
        feed, rest = subject.split("/", 1)
        found.setdefault(feed, {})[rest.rsplit("@", 1)[1]] = part(value)
    return found
