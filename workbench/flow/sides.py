"""The three sides of a delta: what we wrote, what the last export says, and what stands over there now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from workbench.destinations import Metadata
from workbench.destinations.http.purposes import LOOKS, calls_for
from workbench.engagement import Engagement
from workbench.engagement.deliveries import DELTA as DELIVERY
from workbench.engagement.deliveries import MAIN
from workbench.errors import listed
from workbench.flow.planning import connected, types_of
from workbench.flow.transfer import in_order, outgoing, standing
from workbench.frames.compare import by_type
from workbench.frames.merge import Merge, changed_keys, gone_keys, merge
from workbench.frames.select import natural_keys
from workbench.ledger import Guard
from workbench.ledger.operations import Operation, operations, same
from workbench.ledger.unloading.trails import FIRST_HAND, Trail
from workbench.specs import Feed

__all__ = ["DELIVERY", "Desk", "called", "desk_of", "gone_rows", "left_out", "sides"]

SEEN_SINGLY = 20
"""How many records of a sweep cost as much as one record that is read by its id."""
NAMES = ("name", "full_name", "title", "subject")
GONE = ("feed", "key", "name", "row")


@dataclass(frozen=True)
class Desk:
    """An engagement, its destination and the account as it is now: asked for once, used for every feed."""

    engagement: Engagement
    destination: Guard
    account: Metadata


def desk_of(engagement: Engagement) -> Desk:
    """Connect, and look at the account once."""
    destination = connected(engagement)
    return Desk(engagement, destination, destination.metadata())


def sides(desk: Desk, feed: Feed, *, everything: bool) -> Merge:
    """The three-way merge of a feed's records over there.

    The first side is what we wrote last, later deliveries that were sent in part included, so that nothing of our own
    looks like an edit. The third side is one look at the object at most: at every record where `everything` is wanted,
    else at those of which the export says something new, and at none where it says nothing new.
    """
    ids = desk.engagement.ledger().ids(feed.object)
    theirs = _records(desk, feed, DELIVERY)
    base = _written(desk, feed, _records(desk, feed, "main"), theirs, ids)
    ways = by_type(types_of(desk.engagement, feed))
    news = changed_keys(base, theirs, normalise=ways)
    columns = list(dict.fromkeys([*base.columns, *theirs.columns]))
    keys = set(base["key"]) if everything else set(news)
    ours = _over_there(desk, feed, keys, ids, columns)
    return _unedited(desk, feed, merge(base, theirs, ours, normalise=ways))


def gone_rows(engagement: Engagement) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Records over there whose row the last export does not bring any more: feed, key, name, row; nothing is deleted.

    Also the tables of which nobody can tell, since that export brings only what is new in them. Of a table that it does
    not bring at all, everything stands as it was delivered.
    """
    parts, partial = [pd.DataFrame(columns=list(GONE), dtype="str")], []
    gone: dict[str, frozenset[str] | None] = {}
    for feed in in_order(engagement):
        if feed.table not in gone:
            first, later = (engagement.load(f"tables/{feed.table}", delivery=name) for name in ("main", DELIVERY))
            gone[feed.table] = gone_keys(first, later, engagement.route.table(engagement.source, feed.table))
            partial += [feed.table] if gone[feed.table] is None and len(first) and len(later) else []
        parts.append(_named(engagement, feed, gone[feed.table] or frozenset()))
    return pd.concat(parts, ignore_index=True), tuple(partial)


def left_out(engagement: Engagement) -> list[str]:
    """What would be lost without a word, as problems of the delta: folders that no phase reads, and rows that an earlier
    delta has brought over and that its files do not bring any more, so that what the first delivery said would be sent anew.
    """
    others = [name for name in engagement.deliveries() if name not in (MAIN, DELIVERY)]
    told = [f"deliveries/unread: no phase reads exports/{', exports/'.join(others)}"] if others else []
    lost: dict[str, set[str]] = {}
    for feed in engagement.route.feeds:
        if engagement.has(f"final/{feed.name}", delivery=DELIVERY):
            before, now = (engagement.load(f"{kind}/{feed.name}", delivery=DELIVERY) for kind in ("final", "verdicts"))
            brought = before.loc[before["bucket"].isin(["loaded", "merged"]), "natural"].dropna()
            rows = engagement.load(f"tables/{feed.table}", delivery=DELIVERY)
            keys = natural_keys(rows, engagement.route.table(engagement.source, feed.table))  # of feeds left out since, too
            there = pd.concat([now["natural"], keys]).dropna().astype("str")
            lost.setdefault(feed.table, set()).update(set(brought.astype("str")) - set(there))
    words = "rows of an earlier delta are over there and not among its files any more"
    return told + [f"{table}/again: {len(gone)} {words}: {listed(sorted(gone))}" for table, gone in lost.items() if gone]


def called(engagement: Engagement, feed: Feed, keys: Collection[str]) -> dict[str, str]:
    """Key over there → the name by which a person knows the record, as the last export has it; nothing where it has none."""
    records = engagement.load(f"records/{feed.name}", delivery=DELIVERY)
    rows = records[records["marker"].isin(list(keys))].to_dict("records")
    return {str(row["marker"]): name for row in rows if (name := _name(row))}


def _records(desk: Desk, feed: Feed, delivery: str) -> pd.DataFrame:
    frame = outgoing(desk.engagement, feed, delivery=delivery, account=desk.account)
    return frame.drop(columns=["_record", "_waits"])


def _written(desk: Desk, feed: Feed, staged: pd.DataFrame, theirs: pd.DataFrame, ids: Collection[str]) -> pd.DataFrame:
    """What we wrote of the first delivery, with the fields that we have changed since: a delta may have come half through.

    Of a record that was there before us, a field of several values holds others' beside ours, and says nothing here. What
    the first delivery did not bring over there, a later one has made: of that the ledger alone says what was written.
    """
    first = staged["key"].isin(ids) & ~staged["key"].isin(_not_brought(desk, feed))
    base = staged[first].reset_index(drop=True)
    later = theirs.loc[theirs["key"].isin(ids) & ~theirs["key"].isin(base["key"]), "key"].astype("str").tolist()
    columns = list(dict.fromkeys([*base.columns, *theirs.columns])) if later else list(base.columns)
    c = operations.c
    live = (c.object == feed.object) & c.state.in_(("done", "kept"))
    changes = desk.engagement.ledger().operations.where(live & (c.verb == "update"))
    if not changes and not later:
        return base
    keys = dict.fromkeys([*(change.key for change in changes), *later])
    made = {row.key: row for row in _of_keys(desk, feed, list(keys)) if row.verb == "create" and row.state in ("done", "kept")}
    rows = base.to_dict("records")
    for key in later:
        said = made[key].payload if key in made else {}
        rows.append({**{name: said.get(str(name)) for name in columns}, "key": key})
    place = {str(row["key"]): row for row in rows}
    for change in changes:
        row = place.get(change.key)
        if row is not None:
            own = {n: v for n, v in change.payload.items() if change.key in made or not isinstance(v, list)}
            row.update({name: value for name, value in own.items() if name in columns and name != "key"})
    return pd.DataFrame(rows, columns=columns, dtype="object")


def _not_brought(desk: Desk, feed: Feed) -> frozenset[str]:
    """Keys of records of the first delivery that it did not bring over there, as they were refused or had to wait."""
    engagement = desk.engagement
    if not engagement.has(f"final/{feed.name}"):
        return frozenset()
    final = engagement.load(f"final/{feed.name}")
    brought = set(final.loc[final["bucket"] == "loaded", "record"])
    records = engagement.load(f"records/{feed.name}")
    return frozenset(records.loc[~records["key"].isin(brought), "marker"].astype("str"))


def _over_there(desk: Desk, feed: Feed, keys: set[str], ids: dict[str, str], columns: list[str]) -> pd.DataFrame:
    """Records as the destination shows them now, by the cheaper of two looks."""
    if not keys:
        return pd.DataFrame(columns=columns)
    if len(keys) * SEEN_SINGLY > len(ids):
        with calls_for(LOOKS):
            return standing(desk.destination, feed, keys, columns)
    named = {ids[key]: key for key in keys}
    records = desk.destination.read(feed.object, list(named))
    rows = [{**{name: record.values.get(name) for name in columns}, "key": named[record.id]} for record in records]
    return pd.DataFrame(rows, columns=columns, dtype="object")


def _unedited(desk: Desk, feed: Feed, merged: Merge) -> Merge:
    """Without what only the destination wrote otherwise: what a field showed once we had written it is no edit."""
    frame = merged.frame
    doubtful = frame["verdict"].isin(["keep", "conflict"])
    if not doubtful.any():
        return merged
    trails: dict[str, list[Operation]] = {}
    for row in _of_keys(desk, feed, list(dict.fromkeys(frame.loc[doubtful, "key"]))):
        if row.verb in FIRST_HAND and row.state in ("done", "kept"):
            trails.setdefault(row.key, []).append(row)
    seen = {key: Trail(tuple(rows)).seen for key, rows in trails.items()}
    told = [(seen.get(row["key"], {}), row["field"], row["ours"]) for row in frame.to_dict("records")]
    stands = pd.Series(
        [name in image and same(_plain(now), image[name]) for image, name, now in told], index=frame.index, dtype="bool"
    )
    frame = frame.assign(verdict=frame["verdict"].mask(stands & (frame["verdict"] == "conflict"), "take"))
    return replace(merged, frame=frame[~(stands & (frame["verdict"] == "keep"))].reset_index(drop=True))


def _plain(value: object) -> object:
    return value if isinstance(value, list) or not pd.isna(value) else None  # type: ignore[call-overload]


def _of_keys(desk: Desk, feed: Feed, keys: list[str]) -> list[Operation]:
    found = desk.engagement.ledger().operations.of_keys(feed.object, keys)
    return [row for rows in found.values() for row in rows]


def _named(engagement: Engagement, feed: Feed, gone: frozenset[str]) -> pd.DataFrame:
    """The records of a feed that stand over there for these rows, with a name to know them by."""
    verdicts = engagement.load(f"verdicts/{feed.name}")
    found = verdicts[verdicts["natural"].isin(gone) & (verdicts["bucket"] == "load")]
    records = engagement.load(f"records/{feed.name}")
    there = set(engagement.ledger().ids(feed.object))
    records = records[records["key"].isin(found["record"]) & records["marker"].isin(there)]
    names = pd.Series([_name(row) for row in records.to_dict("records")], index=records.index, dtype="str")
    rows = found.drop_duplicates("record").set_index("record")["row"]
    return pd.DataFrame(
        {"feed": feed.name, "key": records["key"], "name": names, "row": records["key"].map(rows)}, columns=list(GONE)
    ).astype("str")


def _name(row: Mapping[Any, Any]) -> str:
    """What a person calls a record: its name, or the parts of it, or an address."""
    for name in NAMES:
        if isinstance(row.get(name), str):
            return str(row[name])
    parts = [str(row[name]) for name in ("first_name", "last_name") if isinstance(row.get(name), str)]
    return " ".join(parts) or (str(row["emails"]) if isinstance(row.get("emails"), str) else "")
