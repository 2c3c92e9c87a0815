"""How people call what the route and the destination name: feeds by their labels, fields as the destination shows them."""

from __future__ import annotations

from workbench.engagement import Engagement
from workbench.flow.planning import needed_fields

__all__ = ["feed_labels", "field_labels"]


def feed_labels(engagement: Engagement) -> dict[str, str]:
    """Feed → its label."""
    return {feed.name: feed.label for feed in engagement.route.feeds}


def field_labels(engagement: Engagement) -> dict[tuple[str, str], str]:
    """Feed and field → the label that the destination shows; standard fields and those that were made."""
    made: dict[tuple[str, str], str] = {}
    needed = {field.name: field.label for field in needed_fields(engagement)}
    for feed in engagement.route.feeds:
        spec = engagement.destination.objects.get(feed.object)
        native = {field.name: field.label for field in spec.fields} if spec is not None else {}
        made.update({(feed.name, name): label for name, label in (needed | native).items()})
    return made
