"""Decisions as a person reads and types them: one line of text an answer, and the answers that are on offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.decisions.answers import BARE
from workbench.engagement import Engagement
from workbench.specs import Feed

__all__ = ["NEW", "WORDINGS", "Offer", "Wording", "alternatives", "as_text", "as_value", "group_of", "is_missing", "offered"]

NEW = "new:"
"""What an answer begins with that asks for a field of its own."""

HINTS: Mapping[str, Mapping[str, str]] = {"conflict": {"theirs": "in the export now", "ours": "over there now"}}
"""What helps with answers that are the same words in every row."""

Options = Mapping[str, Sequence[str]] | Sequence[str]


@dataclass(frozen=True)
class Wording:
    """How one kind of decision is asked for."""

    title: str
    subject: str  # heading of what is decided on
    answer: str  # heading of the answer
    nothing: str  # what the empty answer is called; empty where there has to be one
    left: str  # status of a row that was given it


WORDINGS: Mapping[str, Wording] = {
    "field": Wording("Columns and their fields", "Source column", "Field", "leave behind", "left behind"),
    "value": Wording("Values and their options", "Source value", "Option", "leave empty", "left empty"),
    "owner": Wording("Owners and their users", "Owner in the export", "User", "", ""),
    "duplicate": Wording("The same record twice", "Row", "Merge into", "keep separate", "separate"),
    "link": Wording("Lost links", "Row", "Belongs to", "to none", "none"),
    "conflict": Wording("Changed on both sides", "Field of a record", "Take", "leave empty", "left empty"),
}


@dataclass(frozen=True)
class Offer:
    """One answer that may be given, and what helps to recognise it."""

    text: str
    hint: str = ""


def as_text(kind: str, value: object) -> str:
    """The answer as one line; the empty text is the answer that leaves things as they are."""
    if isinstance(value, Mapping):
        value = value.get(BARE.get(kind, "target"), "")
    return "" if is_missing(value) else str(value)


def as_value(engagement: Engagement, kind: str, subject: str, text: str, known: Sequence[object]) -> object:
    """The answer as it is kept. `known` are the proposal and its alternatives: one that reads the same is taken whole."""
    whole = [value for value in known if isinstance(value, Mapping)] if kind in ("field", *BARE) else []
    for value in whole:
        if as_text(kind, value) == text:
            return value
    if kind in BARE:
        return {BARE[kind]: text}
    if kind == "field":
        return {"target": text, "type": _type_of(engagement, subject, text, known), "recipe": "", "options": {}}
    return text


def alternatives(given: object) -> list[object]:
    """The other answers that a proposal came with, whichever way it lists them: alone, with a score, or under `value`."""
    if is_missing(given) or isinstance(given, str):
        return [part.strip() for part in given.split(";") if part.strip()] if isinstance(given, str) else []
    entries = given.items() if isinstance(given, Mapping) else given
    return [_alone(entry) for entry in entries] if isinstance(entries, Sequence) or hasattr(entries, "__iter__") else []


def _alone(entry: Any) -> object:
    if isinstance(entry, Mapping) and "value" in entry:
        return entry["value"]
    if isinstance(entry, (list, tuple)) and entry:
        return entry[0]
    return entry


def group_of(kind: str, subject: str) -> str:
    """Rows of one group may be given the same answers: a feed's columns, a column's values, all owners, one duplicate."""
    if kind == "field":
        return subject.partition("/")[0]
    if kind == "value":
        return subject.partition("=")[0]
    return subject if kind in ("duplicate", "link", "conflict") else ""


def offered(
    engagement: Engagement, kind: str, proposals: pd.DataFrame, options: Options | None
) -> dict[str, tuple[Offer, ...]]:
    """The answers on offer, by group. What `options` names comes first; what a proposal names is always among them."""
    found: dict[str, dict[str, Offer]] = {}
    for row in proposals.itertuples(index=False):
        group = group_of(kind, str(row.subject))
        if group not in found:
            found[group] = {offer.text: offer for offer in _given(engagement, kind, group, options)}
        extra = [row.value, *alternatives(row.alternatives), *alternatives(getattr(row, "options", None))]
        for text in (as_text(kind, value) for value in extra):
            if text:
                found[group].setdefault(text, Offer(text, HINTS.get(kind, {}).get(text, "")))
    return {group: tuple(offers.values()) for group, offers in found.items()}


def _given(engagement: Engagement, kind: str, group: str, options: Options | None) -> list[Offer]:
    if isinstance(options, Mapping):
        return [Offer(text) for text in options.get(group, options.get("", ()))]
    if options is not None:
        return [Offer(text) for text in options]
    if kind == "field":
        return _fields(engagement, group)
    return _choices(engagement, group) if kind == "value" else []


def _fields(engagement: Engagement, feed_name: str) -> list[Offer]:
    """Every field of the feed's object: the destination's own, then those that the route has made."""
    feed = _feed(engagement, feed_name)
    spec = engagement.destination.objects.get(feed.object) if feed else None
    if feed is None or spec is None:
        return []
    objects = [feed.object, *([spec.same_as] if spec.same_as else [])]
    native = [field for name in objects for field in engagement.destination.objects[name].fields]
    made = [field for field in engagement.route.custom_fields if field.object in objects]
    return [Offer(f.name, f"{f.label} · {f.type}") for f in native] + [
        Offer(f.name, f"{f.label} · {f.type} · new") for f in made
    ]


def _choices(engagement: Engagement, group: str) -> list[Offer]:
    """The options that the route declares for the field which a column was confirmed to become."""
    target = as_text("field", engagement.decisions.value("field", group))
    return [Offer(choice) for field in engagement.route.custom_fields if field.name == target for choice in field.choices]


def _type_of(engagement: Engagement, subject: str, text: str, known: Sequence[object]) -> str:
    name = subject.partition("/")[0]
    for offer in _fields(engagement, name):
        if offer.text == text:
            return offer.hint.split(" · ")[1]
    proposed = known[0] if known else None
    kept = proposed.get("type", "") if isinstance(proposed, Mapping) else ""
    return (str(kept) or "text") if text.startswith(NEW) else ""


def _feed(engagement: Engagement, name: str) -> Feed | None:
    return next((feed for feed in engagement.route.feeds if feed.name == name), None)


def is_missing(value: object) -> bool:
    """Whether there is no value at all, as against an empty one."""
    return value is None or value is pd.NA or (isinstance(value, float) and value != value)
