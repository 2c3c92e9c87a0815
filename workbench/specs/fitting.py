"""Whether a route fits the source that it reads and the destination that it fills, before anything is done with it."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.errors import SpecError, listed
from workbench.recipes import check_recipe
from workbench.specs import DestinationSpec, Feed, Route, Source

__all__ = ["check_route"]


def check_route(route: Route, source: Source, destination: DestinationSpec) -> None:
    """Raise a SpecError for the first table, object, field, type, feed or recipe of the route that does not exist.

    Columns are not looked at: a customer's own ones stand in no source file.
    """
    for custom in route.custom_fields:
        place = f"{route.name}: custom_fields: {custom.name}"
        _known(custom.object, "object", tuple(destination.objects), place)
        _known(custom.type, "type", tuple(destination.types), place)
    for feed in route.feeds:
        place = f"{route.name}: feeds: {feed.name}"
        _known(feed.table, "table", tuple(source.tables), place)
        if feed.kind in ("record", "attach"):
            _known(feed.object, "object", tuple(destination.objects), place)
        for other in (*(lookup.feed for lookup in feed.lookups), *(match.feed for match in (*feed.merge, *feed.match))):
            _known(other, "feed", [each.name for each in route.feeds], place)
        _check_recipes(feed, place)
        if feed.kind == "record":
            _check_fields(feed, route, destination, place)


def _check_recipes(feed: Feed, place: str) -> None:
    named = [(rule.column, rule.recipe, rule.options) for rule in feed.fields]
    named += [(match.column, match.recipe, match.options) for match in (*feed.merge, *feed.match)]
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
    """Fields that records of the object have, its twin's on another edition included."""
    objects = {feed.object, destination.objects[feed.object].same_as} - {""}
    native = [field.name for name in objects for field in destination.objects[name].fields]
    custom = [field.name for field in route.custom_fields if field.object in objects]
    for name in (*(rule.to for rule in feed.fields), *(lookup.to for lookup in feed.lookups), *feed.constants):
        _known(name, "field", [*native, *custom], place)


def _known(name: str, kind: str, there: Sequence[str], place: str) -> None:
    if name not in there:
        raise SpecError(
            f"there is no {kind} {name!r}",
            expected=listed(there, limit=40),
            found=name,
            where=place,
            todo="take one of these names, or add it to the file where it belongs",
        )
