"""What stands at the destination already, and which of our records it is: taken over, changed again, or left alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.destinations import Destination, Metadata, Record
from workbench.engagement import Engagement
from workbench.flow.planning import kept_as
from workbench.ledger.knowing import LIVE
from workbench.ledger.living import among
from workbench.ledger.loading.drafts import SCREENED, drafts_of
from workbench.ledger.operations import same
from workbench.specs import Feed

__all__ = [
    "TAKEN",
    "Meeting",
    "adopting",
    "folded",
    "meet",
    "narrowed",
    "several_of",
    "taken_over",
    "telling",
    "updating",
    "upserts_by",
]

TAKEN = "taken_by_another_record"


@dataclass(frozen=True)
class Meeting:
    """What our records meet over there, by marker."""

    found: Mapping[str, Record]  # the record that somebody else made and that is to be taken over
    held: Mapping[str, str]  # why a record must not be sent


def telling(engagement: Engagement, feed: Feed) -> list[str]:
    """Fields by whose value the destination takes two records for one: it keeps it unique, or upserts by it."""
    return [field for field in dict.fromkeys([feed.unique, upserts_by(engagement, feed)]) if field]


def upserts_by(engagement: Engagement, feed: Feed) -> str:
    """The field by which a bulk call finds the record to be changed, where that is no key of ours."""
    spec = engagement.destination.objects[feed.object]
    return spec.bulk_key if spec.bulk and spec.bulk_key != spec.marker else ""


def updating(engagement: Engagement) -> bool:
    """Whether a record that somebody made already is taken over."""
    return bool(engagement.decisions.value("scope", "existing_records") == "update")


def meet(engagement: Engagement, destination: Destination, feed: Feed, frame: pd.DataFrame) -> Meeting:
    """Hold what somebody made already, and what would run into another record; `frame` has records that are to be made.

    A record that somebody else made is taken over where that was decided, by one of ours only, and never where it bears
    a key of somebody else's: whoever put it there finds the record by it. Only records of one frame are compared with
    each other.
    """
    held: dict[str, str] = {}
    found: dict[str, Record] = {}
    for field in telling(engagement, feed):
        if field in frame:
            there, taken = _met(engagement, destination, feed, frame, field)
            found |= there
            held |= dict.fromkeys(taken, TAKEN)
    several = Counter(record.id for record in found.values())
    update = updating(engagement)
    for marker, record in found.items():
        reason = "exists_already" if record.key or not update else "claimed_twice" if several[record.id] > 1 else ""
        if reason:
            held.setdefault(marker, reason)
    return Meeting({marker: record for marker, record in found.items() if marker not in held}, held)


def _met(
    engagement: Engagement, destination: Destination, feed: Feed, frame: pd.DataFrame, field: str
) -> tuple[dict[str, Record], set[str]]:
    """Marker → somebody else's record with the same value, and markers that an upsert would merge with one of ours."""
    spelt: list[str] = []
    claims: dict[str, list[str]] = {}  # value → markers of the records that are to have it
    for marker, cell in zip(frame["key"], frame[field], strict=True):
        for value in several_of(cell):
            spelt.append(value)
            claims.setdefault(folded(value), []).append(marker)
    records = destination.find(kept_as(engagement, feed.object), field, spelt) if spelt else []
    mine = _ours(engagement, feed, {record.key for record in records if record.key})
    found: dict[str, Record] = {}
    taken: set[str] = set()
    for record in records:
        for value in {folded(value) for value in several_of(record.values.get(field))} & claims.keys():
            for marker in claims[value]:
                if record.key == marker:  # it is this one, made and not answered for
                    continue
                if record.key not in mine:
                    found[marker] = record
                elif field == upserts_by(engagement, feed):
                    taken.add(marker)
    return found, taken


def _ours(engagement: Engagement, feed: Feed, keys: Collection[str]) -> set[str]:
    """Those keys of which something of ours stands among the records of the feed: on the Suite, leads and contacts alike."""
    home, ledger = kept_as(engagement, feed.object), engagement.ledger().operations
    making = [each for each in engagement.route.feeds if each.kind == "record"]
    objects = dict.fromkeys(each.object for each in making if kept_as(engagement, each.object) == home)
    return {key for object_ in objects for key in among(ledger, object_, keys)} if keys else set()


def adopting(
    engagement: Engagement, feed: Feed, frame: pd.DataFrame, found: Mapping[str, Record], *, theirs: set[str]
) -> pd.DataFrame:
    """The records to be sent; those that are there already are changed, by id, and given our key.

    What a field of several values held before stays in it: further addresses, further accounts. Fields in ``theirs``
    stay as they are.
    """
    if not found or not frame["key"].isin(found).any():
        return frame
    marker = engagement.destination.objects[kept_as(engagement, feed.object)].marker
    rows = frame.to_dict("records")
    for row in rows:
        record = found.get(str(row["key"]))
        if record is not None:
            row.update({str(name): _joined(value, record.values.get(str(name))) for name, value in row.items()})
            row.update(dict.fromkeys(theirs & set(row)))
            row.update({"id": record.id, marker: row["key"]})
    return pd.DataFrame(rows, columns=[*frame.columns, "id", marker], dtype="object")


def narrowed(engagement: Engagement, feed: Feed, account: Metadata) -> set[str]:
    """Lists that are shorter for this object than for the one as which it is kept: the statuses of a lead on the Suite.

    They say which of the two a record is. Of a record that is there already the account knows that better.
    """
    homes = {field.name: field for field in account.fields if field.object == kept_as(engagement, feed.object)}
    mine = (field for field in account.fields if field.object == feed.object and field.name in homes)
    return {field.name for field in mine if field.choices != homes[field.name].choices}


def taken_over(
    engagement: Engagement, destination: Destination, feed: Feed, adopted: pd.DataFrame
) -> tuple[set[str], dict[str, Record]]:
    """Of records that an earlier run took over, those that it gave all that is staged, and those to be changed again."""
    ledger = engagement.ledger()
    done: set[str] = set()
    again: dict[str, str] = {}
    for start in range(0, len(adopted), SCREENED):
        drafts, _ = drafts_of(adopted.iloc[start : start + SCREENED].drop(columns=["_record", "_waits"]))
        rows = ledger.operations.of_keys(feed.object, [draft.key for draft in drafts])
        for draft in drafts:
            first = next(row for row in rows[draft.key] if row.state in LIVE)
            if _holds(first.payload, draft.values):
                done.add(draft.key)
            else:
                again[first.id] = draft.key
    return done, {again[record.id]: record for record in destination.read(feed.object, list(again))} if again else {}


def _holds(payload: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether what was written holds all that is staged; a field of several values may have held more before."""
    return all(same(_joined(value, payload.get(name)), payload.get(name)) for name, value in values.items())


def _joined(value: Any, held: Any) -> Any:
    """What a field is to hold: of a field with several values, those that it held before and ours."""
    if not (isinstance(value, list) or isinstance(held, list)) or held in (None, "") or not several_of(value):
        return value
    before = several_of(held)
    known = {item.casefold() for item in before}
    return [*before, *(item for item in several_of(value) if item.casefold() not in known)]


def folded(value: str) -> str:
    """A value as the destination compares it: without regard to case and to the width of its spaces."""
    return " ".join(value.split()).casefold()


def several_of(value: Any) -> list[str]:
    """The values of a field that may have several."""
    if isinstance(value, list):
        return [str(item) for item in value]
    return [] if value is None or pd.isna(value) else [str(value)]
