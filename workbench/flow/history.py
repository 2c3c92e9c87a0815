"""What a destination keeps of who and when: read from the plan of each feed, its staged cells, and the columns that came."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.planning import feed_plans, needed_fields
from workbench.flow.transfer import in_order, standing_ids
from workbench.frames.plan import FeedPlan, native_field
from workbench.specs.feeds import placeholders

__all__ = ["history", "standing_count"]

NAMED = {
    "created": re.compile(
        r"created|(creation|create|created|entered|enrolled|added)[ _]?(at|on|date|time)|date[ _]?(created|entered|added)"
    ),
    "updated": re.compile(r"(last[ _]?)?(updated?|modified|changed|upd)([ _]?(at|on|date|time))?|mod[ _]?ts"),
    "author": re.compile(r"author([ _]?(e?-?mail|name|id))?|(created|entered|added|uploaded)[ _]?by|creator"),
}
"""How columns of an export are called that say when a record was made or changed, and by whom."""

OWN = {"created": ("created", "created at"), "updated": ("updated", "updated at")}
"""By which of its other names a standard field is the destination's own note of that moment."""

DAY_ONLY = "time_dropped"


@dataclass(frozen=True)
class _Way:
    """How one column reaches the records: as a field, or as a part of a text."""

    column: str
    field: str
    label: str
    own: bool  # the destination's own note of it
    told: bool  # within a text that is made of several columns
    day_only: bool


def history(engagement: Engagement) -> pd.DataFrame:
    """One row per feed and aspect (created, updated, author, owner history): object, aspect, kept, where, records.

    `kept` is yes, in part or no; `records` are those that stand at the destination now, of all deliveries.
    """
    plans, labels = feed_plans(engagement), {field.name: field.label for field in needed_fields(engagement)}
    rows = []
    for feed in in_order(engagement):
        seen = _Seen(engagement, plans[feed.name], labels)
        count = standing_count(engagement, feed.name)
        for aspect, (kept, where) in seen.aspects():
            rows.append([feed.label, aspect, kept, where, count])
    return pd.DataFrame(rows, columns=["object", "aspect", "kept", "where", "records"])


def standing_count(engagement: Engagement, feed: str) -> int:
    """How many records of a feed stand at the destination, of all deliveries together, as the ledger has them."""
    chosen = engagement.route.feed(feed)
    return sum(1 for key in standing_ids(engagement, chosen) if key.split(":", 2)[1:2] == [feed])


class _Seen:
    """One feed on its way, asked for each aspect of its history."""

    def __init__(self, engagement: Engagement, plan: FeedPlan, labels: dict[str, str]) -> None:
        self.plan, self.labels = plan, labels
        self.destination = engagement.destination
        self.there = engagement.destination.label
        cells = engagement.load(f"cells/{plan.feed.name}")
        dropped = cells[cells["reason"].astype("str").str.contains(DAY_ONLY, regex=False)]
        self.shortened = set(zip(dropped["column"].astype("str"), dropped["field"].astype("str"), strict=True))
        self.columns = _columns(engagement, plan)
        self.owners = {each.owner for each in engagement.route.feeds if each.table == plan.feed.table and each.owner}

    def aspects(self) -> Iterator[tuple[str, tuple[str, str]]]:
        """Each aspect, and what is kept of it in two words and where."""
        for aspect in ("created", "updated"):
            yield aspect, self._moment(aspect)
        yield "author", self._author()
        yield "owner history", self._owner()

    def _moment(self, aspect: str) -> tuple[str, str]:
        for way in sorted(self._ways(aspect), key=lambda each: (each.told, not each.own)):
            if way.told:
                return "in part", f"it is told in the text of “{way.label}”"
            part = "the day (the time of day is given up)" if way.day_only else "it as the export has it"
            place = f"{self.there} itself shows {part}, as “{way.label}”" if way.own else f"“{way.label}” holds {part}"
            return "in part" if way.day_only else "yes", place
        return self._absent(aspect)

    def _author(self) -> tuple[str, str]:
        if NAMED["author"].fullmatch(self.plan.feed.owner.casefold()):
            return "yes", f"the user whom the owners’ list names for “{self.plan.feed.owner}”"
        ways = self._ways("author")
        if ways:
            told = "it is told in the text of" if ways[0].told else "the name stands in"
            return "in part", f"{told} “{ways[0].label}”"
        return self._absent("author")

    def _owner(self) -> tuple[str, str]:
        if not self.plan.feed.owner:
            for rule in self.plan.feed.fields:
                if rule.compose and self.owners & {*placeholders(rule.compose)}:
                    return "in part", f"the owner on the day of the export is told in the text of “{self._label(rule.to)}”"
            hangs = "; each belongs to the record that it hangs on" if self.plan.feed.lookups else ""
            return "no", f"the exports name no owner of these{hangs}"
        if NAMED["author"].fullmatch(self.plan.feed.owner.casefold()):
            return "in part", "its author is its owner; the exports name no other"
        return "in part", f"the owner on the day of the export (“{self.plan.feed.owner}”); it names no earlier ones"

    def _absent(self, aspect: str) -> tuple[str, str]:
        left = [column for column in self.columns if NAMED[aspect].fullmatch(column.casefold())]
        return "no", f"only in the export, in “{left[0]}”" if left else "the export does not say"

    def _label(self, field: str) -> str:
        native = native_field(self.destination, self.plan.feed.object, field)
        return native.label if native is not None else self.labels.get(field, field)

    def _ways(self, aspect: str) -> list[_Way]:
        found = []
        composed = {rule.column: placeholders(rule.compose) for rule in self.plan.feed.fields if rule.compose}
        for each in self.plan.fields:
            native = native_field(self.destination, self.plan.feed.object, each.field)
            own = native is not None and bool(set(OWN.get(aspect, ())) & set(native.aliases))
            parts = composed.get(each.column, ())
            named = any(NAMED[aspect].fullmatch(name.casefold()) for name in (each.column, *parts))
            if not (own or named):
                continue
            short = (each.column, each.field) in self.shortened
            found.append(_Way(each.column, each.field, self._label(each.field), own, bool(parts) and not own, short))
        return found


def _columns(engagement: Engagement, plan: FeedPlan) -> Sequence[str]:
    """The columns of the table as it came; of a derived one those that are known."""
    name = f"tables/{plan.feed.table}"
    return list(engagement.load(name).columns) if engagement.has(name) else plan.table.column_names()
