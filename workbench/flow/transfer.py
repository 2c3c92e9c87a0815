"""Move staged records to the destination in dependency order, and read back what stands there.

The client that an engagement hands out writes the ledger; nothing here keeps state of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.destinations import Destination, Metadata, Record
from workbench.engagement import Engagement
from workbench.flow.planning import connected, kept_as, types_of
from workbench.frames.compare import Comparison, by_type, compare
from workbench.ledger.loading import Progress, drafts_of, load
from workbench.ledger.operations import Operation, same
from workbench.specs import Feed

__all__ = ["Moved", "in_order", "narrowed", "outgoing", "read_back", "standing", "standing_ids", "transfer"]

OUTCOME_COLUMNS = ("feed", "key", "marker", "state", "id", "words")


@dataclass(frozen=True)
class Moved:
    """What became of each record: feed, key, marker, state (done, rejected, held, unknown), id, words."""

    frame: pd.DataFrame


def in_order(engagement: Engagement) -> list[Feed]:
    """The feeds that make records, parents before children."""
    making = [feed for feed in engagement.route.feeds if feed.kind == "record"]
    return sorted(making, key=lambda feed: engagement.destination.objects[feed.object].order)


def outgoing(
    engagement: Engagement,
    feed: Feed,
    *,
    delivery: str = "main",
    only: frozenset[str] | None = None,
    account: Metadata | None = None,
) -> pd.DataFrame:
    """The records of a feed as the destination takes them: marker under ``key``, owner and parents as ids.

    ``only`` keeps the record keys of a sample; ``account`` spares a look at the users. A record whose parent is not
    over there, or whose owner is no user any more, has the reason for it in ``_waits``, which is empty elsewhere.
    """
    records = engagement.load(f"records/{feed.name}", delivery=delivery)
    if only is not None:
        records = records[records["key"].isin(only)]
    ids = _user_ids((account or connected(engagement).metadata()).users_frame())
    frame = records.drop(columns=["row", "key"]).rename(columns={"marker": "key"})
    frame.insert(1, "_record", records["key"])
    waits = pd.Series("", index=frame.index, dtype="object")
    if "owner" in frame:
        found = frame["owner"].astype("str").str.casefold().map(ids)
        waits[frame["owner"].notna() & found.isna()] = "owner_unresolved"  # sent without one, it would be the key's own
        frame["owner"] = found
    for lookup in feed.lookups:
        parents = _destination_ids(engagement, lookup.feed, delivery)
        found = records[lookup.to].map(parents)
        waits[records[lookup.to].notna() & found.isna()] = "parent_missing"
        many = engagement.destination.objects[feed.object]
        plural = next(f for f in many.fields if f.name == lookup.to).name.endswith("s")
        frame[lookup.to] = [[value] if plural and isinstance(value, str) else value for value in found]
    frame.insert(2, "_waits", waits)
    return frame.reset_index(drop=True)


def _user_ids(users: pd.DataFrame) -> pd.Series:
    """E-mail in small letters → id; of several users with one address an active one, and none without an address."""
    known = users.assign(email=users["email"].astype("str").str.casefold()).sort_values(
        "active", ascending=False, kind="stable"
    )
    known = known[known["email"] != ""].drop_duplicates("email")
    return pd.Series(known["id"].to_numpy(), index=known["email"].to_numpy(), dtype="object")


def transfer(
    engagement: Engagement,
    *,
    delivery: str = "main",
    only: frozenset[str] | None = None,
    keep: frozenset[str] = frozenset(),
    feeds: Sequence[Feed] = (),
    on_progress: Callable[[str, Progress], None] | None = None,
) -> Moved:
    """Load every feed or the given ones, or the records of a sample, parents first.

    What the ledger knows as done is not sent again.
    Records whose marker is in ``keep`` stand over there as they should and count as done.
    """
    parts: list[pd.DataFrame] = []
    destination = connected(engagement)
    account = destination.metadata()
    for feed in feeds or in_order(engagement):
        frame = outgoing(engagement, feed, delivery=delivery, only=only, account=account)
        theirs = narrowed(engagement, feed, account)
        before, again = _taken_over(
            engagement, destination, feed, frame[~frame["key"].isin(keep)].drop(columns=list(theirs & set(frame)))
        )
        stands = keep | before
        fresh = frame[~frame["key"].isin(stands)]
        found = _already_there(engagement, destination, feed, fresh)
        held = _held(engagement, fresh, found)
        sent = _adopting(engagement, feed, fresh[~fresh["key"].isin(held.index)], {**found, **again}, theirs=theirs)
        report = None if on_progress is None else _named(on_progress, feed.label)
        done = load(sent.drop(columns=["_record", "_waits"]), destination, feed.object, on_progress=report).frame
        states = sent[["_record", "key"]].merge(done, on="key", how="left")
        waiting = fresh[fresh["key"].isin(held.index)][["_record", "key"]]
        waiting = waiting.assign(state="held", id="", words=waiting["key"].map(held))
        there = frame[frame["key"].isin(stands)][["_record", "key"]].assign(state="done", id="", words="")
        both = pd.concat([states, waiting, there], ignore_index=True).rename(columns={"key": "marker", "_record": "key"})
        both.insert(0, "feed", feed.name)
        parts.append(both[list(OUTCOME_COLUMNS)])
    return Moved(frame=pd.concat(parts, ignore_index=True))


def read_back(engagement: Engagement, *, delivery: str = "main", only: frozenset[str] | None = None) -> dict[str, Comparison]:
    """Every record read afresh from the destination and compared with what was written there last, feed by feed.

    What was written is what was staged; where a later delivery changed a field, it is what that delivery said.
    """
    found: dict[str, Comparison] = {}
    destination = connected(engagement)
    account = destination.metadata()
    for feed in in_order(engagement):
        staged = outgoing(engagement, feed, delivery=delivery, only=only, account=account)
        there = standing_ids(engagement, feed)
        expected = _as_written(engagement, feed, staged[staged["key"].isin(there)].drop(columns=["_record", "_waits"]))
        actual = standing(destination, feed, set(expected["key"]), list(expected.columns))
        found[feed.name] = compare(expected, actual, normalise=by_type(types_of(engagement, feed)))
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
    """The staged records with the fields that later changes of ours gave another value.

    A record of somebody else's that was taken over is to hold, where we said nothing, what it held before.
    """
    changes: dict[str, Operation] = {}
    for operation in engagement.ledger().updated():  # newest first: the oldest one stays
        if operation.object == feed.object:
            changes[operation.key] = operation
    made = {operation.key for operation in engagement.ledger().created() if operation.object == feed.object}
    images = engagement.ledger().post_images(feed.object)
    rows = staged.to_dict("records")
    for row in rows:
        if row["key"] in changes:
            before = changes[row["key"]].pre or {}
            if row["key"] not in made:
                row.update({name: before.get(str(name)) for name in row if name != "key"})
            row.update({name: value for name, value in images[row["key"]].items() if name in row})
    return pd.DataFrame(rows, columns=list(staged.columns), dtype="object")


def _destination_ids(engagement: Engagement, feed: str, delivery: str) -> pd.Series:
    """Record key → id at the destination, for the records of a feed that are over there."""
    records = engagement.load(f"records/{feed}", delivery=delivery)
    known = engagement.ledger().ids(engagement.route.feed(feed).object)
    return pd.Series(records["marker"].map(known).to_numpy(), index=records["key"].to_numpy(), dtype="object").dropna()


def _already_there(engagement: Engagement, destination: Destination, feed: Feed, frame: pd.DataFrame) -> dict[str, Record]:
    """Marker → record that somebody else made, and that has what the destination lets only one record have."""
    if feed.unique not in frame:
        return {}
    new = frame[~frame["key"].isin(engagement.ledger().ids(feed.object)) & frame[feed.unique].notna()]
    if new.empty:
        return {}
    wanted = dict(zip(new[feed.unique].astype("str").str.casefold(), new["key"], strict=True))
    mine = set(frame["key"]) | _markers_of(engagement, feed)
    found: dict[str, Record] = {}
    for record in destination.find(kept_as(engagement, feed.object), feed.unique, list(new[feed.unique].astype("str"))):
        values = {str(value).casefold() for value in _several(record.values.get(feed.unique))}
        if record.key not in mine:
            found |= {wanted[value]: record for value in values & set(wanted)}
    return found


def _markers_of(engagement: Engagement, feed: Feed) -> set[str]:
    """Markers of everything of ours that stands among the records of the feed: on the Suite, leads and contacts alike."""
    home, ledger = kept_as(engagement, feed.object), engagement.ledger()
    return {key for each in in_order(engagement) if kept_as(engagement, each.object) == home for key in ledger.ids(each.object)}


def _held(engagement: Engagement, frame: pd.DataFrame, found: Mapping[str, Record]) -> pd.Series:
    """Marker → why, for records that must not be sent: parent or owner is missing, or somebody made the record already.

    A record that bears a key of somebody else's is never taken over: whoever put it there finds the record by it.
    """
    stuck = frame[frame["_waits"] != ""]
    waits = pd.Series(stuck["_waits"].to_numpy(), index=stuck["key"], dtype="object")
    update = engagement.decisions.value("scope", "existing_records") == "update"
    theirs = [marker for marker, record in found.items() if record.key or not update]
    there = pd.Series("exists_already", index=[marker for marker in theirs if marker not in waits.index], dtype="object")
    held: pd.Series = pd.concat([waits, there])
    return held


def _adopting(
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


def _taken_over(
    engagement: Engagement, destination: Destination, feed: Feed, frame: pd.DataFrame
) -> tuple[set[str], dict[str, Record]]:
    """Markers of records that an earlier run took over with all that is staged, and those that are to be changed again."""
    operations = engagement.ledger().operations.of_keys(feed.object, list(frame["key"]))
    live = {key: [each for each in rows if each.state in ("done", "kept")] for key, rows in operations.items()}
    adopted = {key: rows[0] for key, rows in live.items() if rows and all(each.verb == "update" for each in rows)}
    if not adopted:
        return set(), {}
    drafts, _ = drafts_of(frame[frame["key"].isin(adopted)].drop(columns=["_record", "_waits"]))
    done = {draft.key for draft in drafts if _holds(adopted[draft.key].payload, draft.values)}
    again = {adopted[key].id: key for key in adopted if key not in done}
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


def _named(report: Callable[[str, Progress], None], label: str) -> Callable[[Progress], None]:
    return lambda progress: report(label, progress)
