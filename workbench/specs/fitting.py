"""Whether a route fits the source that it reads and the destination that it fills, before anything is done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.errors import SpecError, listed
from workbench.recipes import check_recipe
from workbench.specs import DestinationSpec, Feed, Route, Source
from workbench.specs.derived import OVER_LIMIT

__all__ = ["check_route"]


def check_route(route: Route, source: Source, destination: DestinationSpec) -> None:
    """Raise a SpecError for the first table, object, field, type, feed, question or recipe of the route that does not exist.

    Columns are not looked at: a customer's own ones stand in no source file.
    """
    tables = (*source.tables, *(made.name for made in route.derived))
    for custom in route.custom_fields:
        place = f"{route.name}: custom_fields: {custom.name}"
        _known(custom.object, "object", tuple(destination.objects), place)
        _known(custom.type, "type", tuple(destination.types), place)
    for made in route.derived:
        place = f"{route.name}: derived: {made.name}"
        _known(made.table, "table", tuple(source.tables), place)
        if made.over_limit.startswith("scope:"):
            _check_limits(route, made.over_limit.removeprefix("scope:"), place)
    for record in route.records:
        place = f"{route.name}: records: {record.name}"
        _known(record.feed, "feed", [feed.name for feed in route.feeds], place)
        for field in record.fields:
            _known(field, "field", _fields(route.feed(record.feed), route, destination), place)
    for question in route.scope:
        for answer in question.accept:
            _known(answer, f"answer to {question.name}", question.options, f"{route.name}: scope: {question.name}")
    for feed in route.feeds:
        place = f"{route.name}: feeds: {feed.name}"
        _check_tables(feed, tables, place)
        if feed.kind in ("record", "attach"):
            _known(feed.object, "object", tuple(destination.objects), place)
        _check_parents(feed, route, place)
        _check_scope(feed, route, place)
        _check_recipes(feed, place)
        if feed.kind == "record":
            _check_fields(feed, route, destination, place)


def _check_tables(feed: Feed, tables: Sequence[str], place: str) -> None:
    for name in (feed.table, *feed.asks()):
        _known(name, "table", tables, place)


def _check_parents(feed: Feed, route: Route, place: str) -> None:
    """Feeds that this one points at are there, and stand before it; only a tree points at itself."""
    everything = [each.name for each in route.feeds]
    parents = [name for lookup in feed.lookups for name in lookup.leads_to()]
    for other in (*parents, *(match.feed for match in (*feed.merge, *feed.match))):
        _known(other, "feed", everything, place)
        if everything.index(other) > everything.index(feed.name):
            raise SpecError(
                f"feed {feed.name!r} points at a feed that comes after it",
                expected=f"{other} before {feed.name}",
                found=f"{feed.name} before {other}",
                where=place,
                todo="move the feed that is pointed at further up in the route",
            )
    for lookup in feed.lookups:
        if lookup.otherwise_record:
            there = [record.name for record in route.records if record.feed in lookup.leads_to()]
            _known(lookup.otherwise_record, "record", there, f"{place}: {lookup.to}")
    if feed.kind == "link":
        read = [each.through.table for other in route.feeds for each in other.lookups if each.through is not None]
        _known(feed.table, "table of links that a lookup reads", read, place)


def _check_scope(feed: Feed, route: Route, place: str) -> None:
    """Questions that the feed, its fields or its rules hang on are asked, and can be answered so."""
    for scope in (feed.scope, *(rule.scope for rule in feed.fields), *(rule.scope for rule in feed.exclude)):
        _check_answers(scope, route, place)
    for text in feed.constants.values():
        if text.startswith("scope:"):
            _known(text.removeprefix("scope:"), "question", [each.name for each in route.scope], place)


def _check_answers(scope: Mapping[str, Sequence[str]], route: Route, place: str) -> None:
    for name, answers in scope.items():
        _known(name, "question", [each.name for each in route.scope], place)
        options = next(each.options for each in route.scope if each.name == name)
        for answer in answers:
            if options:
                _known(answer, f"answer to {name}", options, place)


def _check_limits(route: Route, question: str, place: str) -> None:
    _known(question, "question", [each.name for each in route.scope], place)
    for answer in next(each.options for each in route.scope if each.name == question):
        _known(answer, "way with files over the limit", OVER_LIMIT, place)


def _check_recipes(feed: Feed, place: str) -> None:
    named = [(rule.column, rule.recipe, rule.options) for rule in feed.fields]
    named += [(match.column, match.recipe, match.options) for match in (*feed.merge, *feed.match)]
    named += [(join.column, join.recipe, join.options) for join in feed.joins]
    named += [(lookup.column, lookup.recipe, lookup.options) for lookup in feed.lookups]
    for column, recipe, options in [*named, (feed.newest, feed.newest_recipe, feed.newest_options)]:
        if recipe:
            try:
                check_recipe(recipe, options)
            except SpecError as wrong:
                where = f"{place}: {column}"
                raise SpecError(
                    wrong.message, expected=wrong.expected, found=wrong.found, where=where, todo=wrong.todo
                ) from None


def _check_fields(feed: Feed, route: Route, destination: DestinationSpec, place: str) -> None:
    there = _fields(feed, route, destination)
    for name in (*(rule.to for rule in feed.fields), *(lookup.to for lookup in feed.lookups), *feed.constants):
        _known(name, "field", there, place)


def _fields(feed: Feed, route: Route, destination: DestinationSpec) -> list[str]:
    """Fields that records of the object have, its twin's on another edition included."""
    objects = {feed.object, destination.objects[feed.object].same_as} - {""}
    native = [field.name for name in objects for field in destination.objects[name].fields]
    return [*native, *(field.name for field in route.custom_fields if field.object in objects)]


def _known(name: str, kind: str, there: Sequence[str], place: str) -> None:
    if name not in there:
        raise SpecError(
            f"there is no {kind} {name!r}",
            expected=listed(there, limit=40),
            found=name,
            where=place,
            todo="take one of these names, or add it to the file where it belongs",
        )
