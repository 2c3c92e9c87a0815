"""Move staged records to the destination in dependency order, and read back what stands there.

The client that an engagement hands out writes the ledger; nothing here keeps state of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd

from workbench.destinations import Destination
from workbench.engagement import Engagement
from workbench.frames.compare import Comparison, compare
from workbench.loading import Progress, load
from workbench.planning import connected, kept_as
from workbench.specs import Feed

__all__ = ["Moved", "in_order", "outgoing", "read_back", "standing", "standing_ids", "transfer"]

OUTCOME_COLUMNS = ("feed", "key", "marker", "state", "id", "words")


@dataclass(frozen=True)
class Moved:
    """What became of each record: feed, key, marker, state (done, rejected, held, unknown), id, words."""

    frame: pd.DataFrame


def in_order(engagement: Engagement) -> list[Feed]:
    """The feeds that make records, parents before children."""
    making = [feed for feed in engagement.route.feeds if feed.kind == "record"]
    return sorted(making, key=lambda feed: engagement.destination.objects[feed.object].order)


def outgoing(engagement: Engagement, feed: Feed, *, delivery: str = "main", only: frozenset[str] | None = None) -> pd.DataFrame:
    """The records of a feed as the destination takes them: marker under ``key``, owner and parents as ids.

    ``only`` keeps the record keys of a sample. A record whose parent is not over there has ``_waits`` set.
    """
    records = engagement.load(f"records/{feed.name}", delivery=delivery)
    if only is not None:
        records = records[records["key"].isin(only)]
    users = connected(engagement).metadata().users_frame()
    ids = pd.Series(users["id"].to_numpy(), index=users["email"].str.casefold().to_numpy())
    frame = records.drop(columns=["row", "key"]).rename(columns={"marker": "key"})
    frame.insert(1, "_record", records["key"])
    frame["_waits"] = False
    if "owner" in frame:
        frame["owner"] = frame["owner"].astype("str").str.casefold().map(ids)
    for lookup in feed.lookups:
        parents = _destination_ids(engagement, lookup.feed, delivery)
        found = records[lookup.to].map(parents)
        frame["_waits"] |= records[lookup.to].notna() & found.isna()
        many = engagement.destination.objects[feed.object]
        plural = next(f for f in many.fields if f.name == lookup.to).name.endswith("s")
        frame[lookup.to] = [[value] if plural and isinstance(value, str) else value for value in found]
    return frame.reset_index(drop=True)


def transfer(
    engagement: Engagement,
    *,
    delivery: str = "main",
    only: frozenset[str] | None = None,
    keep: frozenset[str] = frozenset(),
    on_progress: Callable[[str, Progress], None] | None = None,
) -> Moved:
    """Load every feed, or the records of a sample, parents first. What the ledger knows as done is not sent again.

    Records whose marker is in ``keep`` stand over there as they should and count as done.
    """
    parts: list[pd.DataFrame] = []
    destination = connected(engagement)
    for feed in in_order(engagement):
        frame = outgoing(engagement, feed, delivery=delivery, only=only)
        fresh = frame[~frame["key"].isin(keep)]
        found = _already_there(engagement, destination, feed, fresh)
        held = _held(engagement, fresh, found)
        sent = _adopting(engagement, feed, fresh[~fresh["key"].isin(held.index)], found)
        report = None if on_progress is None else _named(on_progress, feed.label)
        done = load(sent.drop(columns=["_record", "_waits"]), destination, feed.object, on_progress=report).frame
        states = sent[["_record", "key"]].merge(done, on="key", how="left")
        waiting = fresh[fresh["key"].isin(held.index)][["_record", "key"]]
        waiting = waiting.assign(state="held", id="", words=waiting["key"].map(held))
        stands = frame[frame["key"].isin(keep)][["_record", "key"]].assign(state="done", id="", words="")
        both = pd.concat([states, waiting, stands], ignore_index=True).rename(columns={"key": "marker", "_record": "key"})
        both.insert(0, "feed", feed.name)
        parts.append(both[list(OUTCOME_COLUMNS)])
    return Moved(frame=pd.concat(parts, ignore_index=True))


def read_back(engagement: Engagement, *, delivery: str = "main", only: frozenset[str] | None = None) -> dict[str, Comparison]:
    """Every record read afresh from the destination and compared with what was written there last, feed by feed.

    What was written is what was staged; where a later delivery changed a field, it is what that delivery said.
    """
    found: dict[str, Comparison] = {}
    destination = connected(engagement)
    for feed in in_order(engagement):
        staged = outgoing(engagement, feed, delivery=delivery, only=only)
        there = standing_ids(engagement, feed)
        expected = _as_written(engagement, feed, staged[staged["key"].isin(there)].drop(columns=["_record", "_waits"]))
        actual = standing(destination, feed, set(expected["key"]), list(expected.columns))
        found[feed.name] = compare(expected, actual, key="key", lossy={})
    return found


def standing(destination: Destination, feed: Feed, keys: set[str], columns: list[str]) -> pd.DataFrame:
    """Records of the object that bear one of our keys, as the destination shows them now."""
    rows: Iterator[dict[str, object]] = (
        {"key": record.key, **{name: record.values.get(name) for name in columns if name != "key"}}
        for record in destination.sweep(feed.object)
        if record.key in keys
    )
    return pd.DataFrame(rows, columns=columns)


def standing_ids(engagement: Engagement, feed: Feed) -> dict[str, str]:
    """Marker → id of the feed's records over there, but for those that have become another feed's record since."""
    ledger = engagement.ledger()
    ids = ledger.ids(feed.object)
    taken = {operation.id: operation.key for operation in reversed(ledger.updated())}
    return {key: number for key, number in ids.items() if taken.get(number, key) == key}


def _as_written(engagement: Engagement, feed: Feed, staged: pd.DataFrame) -> pd.DataFrame:
    """The staged records with the fields that later changes of ours gave another value."""
    changed = {operation.key for operation in engagement.ledger().updated() if operation.object == feed.object}
    images = engagement.ledger().post_images(feed.object)
    rows = staged.to_dict("records")
    for row in rows:
        if row["key"] in changed:
            row.update({name: value for name, value in images[row["key"]].items() if name in row})
    return pd.DataFrame(rows, columns=list(staged.columns), dtype="object")


def _destination_ids(engagement: Engagement, feed: str, delivery: str) -> pd.Series:
    """Record key → id at the destination, for the records of a feed that are over there."""
    records = engagement.load(f"records/{feed}", delivery=delivery)
    known = engagement.ledger().ids(engagement.route.feed(feed).object)
    return pd.Series(records["marker"].map(known).to_numpy(), index=records["key"].to_numpy(), dtype="object").dropna()


def _already_there(engagement: Engagement, destination: Destination, feed: Feed, frame: pd.DataFrame) -> dict[str, str]:
    """Marker → id of a record that somebody else made, and that has what the destination lets only one record have."""
    if feed.unique not in frame:
        return {}
    ours = engagement.ledger().ids(feed.object)
    new = frame[~frame["key"].isin(ours) & frame[feed.unique].notna()]
    if new.empty:
        return {}
    wanted = dict(zip(new[feed.unique].astype("str").str.casefold(), new["key"], strict=True))
    mine = set(frame["key"]) | set(engagement.ledger().ids(kept_as(engagement, feed.object)))
    found: dict[str, str] = {}
    for record in destination.find(kept_as(engagement, feed.object), feed.unique, list(new[feed.unique].astype("str"))):
        value = str(record.values.get(feed.unique) or "").casefold()
        if record.key not in mine and value in wanted:
            found[wanted[value]] = record.id
    return found


def _held(engagement: Engagement, frame: pd.DataFrame, found: dict[str, str]) -> pd.Series:
    """Marker → why, for records that must not be sent: their parent is missing, or somebody made the record already."""
    waits = pd.Series("parent_missing", index=frame.loc[frame["_waits"], "key"], dtype="object")
    if engagement.decisions.value("scope", "existing_records") == "update":
        return waits
    return pd.concat([waits, pd.Series("exists_already", index=list(found), dtype="object")])


def _adopting(engagement: Engagement, feed: Feed, frame: pd.DataFrame, found: dict[str, str]) -> pd.DataFrame:
    """The records to be sent; those that are there already are changed, by id, and given our key."""
    ids = frame["key"].map(found)
    if not ids.notna().any():
        return frame
    marker = engagement.destination.objects[kept_as(engagement, feed.object)].marker
    return frame.assign(**{"id": ids, marker: frame["key"].where(ids.notna())})


def _named(report: Callable[[str, Progress], None], label: str) -> Callable[[Progress], None]:
    return lambda progress: report(label, progress)
