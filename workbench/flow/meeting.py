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
from workbench.ledger.loading.drafts import SCREENED, drafts_of
from workbench.ledger.operations import same
from workbench.specs import Feed

__all__ = ["Meeting", "adopting", "meet", "narrowed", "taken_over"]


@dataclass(frozen=True)
class Meeting:
    """What our records meet over there, by marker."""

    found: Mapping[str, Record]  # the record that somebody else made and that is to be taken over
    held: Mapping[str, str]  # why a record must not be sent
    made: Collection[str]  # those that are over there already, by our own hand


def meet(engagement: Engagement, destination: Destination, feed: Feed, frame: pd.DataFrame) -> Meeting:
    """Hold what lacks its parent or owner, what somebody made already, and what would run into another record.

    A record that somebody else made is taken over where that was decided, by one of ours only, and never where it bears
    a key of somebody else's: whoever put it there finds the record by it.
    """
    held = _stuck(frame)
    found: dict[str, Record] = {}
    going = frame[~frame["key"].isin(held)]
    made = engagement.ledger().keys(feed.object)
    for field in _telling(engagement, feed):
        if field in going:
            merging = field == _upserts_by(engagement, feed)
            there, reasons = _met(engagement, destination, feed, _Claims(going, field, made, merging=merging))
            found |= there
            held |= {marker: reason for marker, reason in reasons.items() if marker not in held}
    several = Counter(record.id for record in found.values())
    update = engagement.decisions.value("scope", "existing_records") == "update"
    for marker, record in found.items():
        reason = "exists_already" if record.key or not update else "claimed_twice" if several[record.id] > 1 else ""
        if reason:
            held.setdefault(marker, reason)
    return Meeting({marker: record for marker, record in found.items() if marker not in held}, held, made)


def _stuck(frame: pd.DataFrame) -> dict[str, str]:
    stuck = frame[frame["_waits"] != ""]
    return dict(zip(stuck["key"], stuck["_waits"], strict=True))


def _telling(engagement: Engagement, feed: Feed) -> list[str]:
    """Fields by whose value the destination takes two records for one: it keeps it unique, or upserts by it."""
    return [field for field in dict.fromkeys([feed.unique, _upserts_by(engagement, feed)]) if field]


def _upserts_by(engagement: Engagement, feed: Feed) -> str:
    """The field by which a bulk call finds the record to be changed, where that is no key of ours."""
    spec = engagement.destination.objects[feed.object]
    return spec.bulk_key if spec.bulk and spec.bulk_key != spec.marker else ""


class _Claims:
    """Which of our records to be made have which value in a field, and which of those values stand over there already.

    The latter are looked for only where the destination is `merging` records by them.
    """

    def __init__(self, frame: pd.DataFrame, field: str, made: Collection[str], *, merging: bool) -> None:
        self.field = field
        self.merging = merging
        self.spelt: list[str] = []  # the values of records to be made, as they are written
        self.new: dict[str, list[str]] = {}
        self.old: set[str] = set()
        stands = frame["key"].isin(made)
        for marker, cell in zip(frame.loc[~stands, "key"], frame.loc[~stands, field], strict=True):
            for value in _several(cell):
                self.spelt.append(value)
                self.new.setdefault(_folded(value), []).append(marker)
        if merging and self.new:
            for cell in frame.loc[stands, field]:
                self.old.update(self.new.keys() & {_folded(value) for value in _several(cell)})


def _met(
    engagement: Engagement, destination: Destination, feed: Feed, claims: _Claims
) -> tuple[dict[str, Record], dict[str, str]]:
    """Marker → somebody else's record with the same value, and, where an upsert would merge, marker → why it waits."""
    found: dict[str, Record] = {}
    taken: dict[str, str] = {}
    if claims.merging:
        for value, markers in claims.new.items():
            later = markers if value in claims.old else markers[1:]
            taken |= dict.fromkeys(later, "taken_by_another_record")
    mine = _markers_of(engagement, feed) if claims.spelt else set()
    home = kept_as(engagement, feed.object)
    for record in destination.find(home, claims.field, claims.spelt) if claims.spelt else ():
        for value in {_folded(value) for value in _several(record.values.get(claims.field))} & set(claims.new):
            for marker in claims.new[value]:
                if record.key == marker:  # it is this one, made and not answered for
                    continue
                if record.key not in mine:
                    found[marker] = record
                elif claims.merging:
                    taken[marker] = "taken_by_another_record"
    return found, taken


def _folded(value: str) -> str:
    return " ".join(value.split()).casefold()


def _markers_of(engagement: Engagement, feed: Feed) -> set[str]:
    """Markers of everything of ours that stands among the records of the feed: on the Suite, leads and contacts alike."""
    home, ledger = kept_as(engagement, feed.object), engagement.ledger()
    making = [each for each in engagement.route.feeds if each.kind == "record"]
    return {key for each in making if kept_as(engagement, each.object) == home for key in ledger.keys(each.object)}


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
    engagement: Engagement, destination: Destination, feed: Feed, frame: pd.DataFrame
) -> tuple[set[str], dict[str, Record]]:
    """Markers of records that an earlier run took over with all that is staged, and those that are to be changed again."""
    ledger = engagement.ledger()
    adopted = frame[frame["key"].isin(ledger.only_changed(feed.object))].drop(columns=["_record", "_waits"])
    done: set[str] = set()
    again: dict[str, str] = {}
    for start in range(0, len(adopted), SCREENED):
        drafts, _ = drafts_of(adopted.iloc[start : start + SCREENED])
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
    if not (isinstance(value, list) or isinstance(held, list)) or held in (None, "") or not _several(value):
        return value
    before = _several(held)
    known = {item.casefold() for item in before}
    return [*before, *(item for item in _several(value) if item.casefold() not in known)]


def _several(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(item) for item in value]
    return [] if value is None or pd.isna(value) else [str(value)]
