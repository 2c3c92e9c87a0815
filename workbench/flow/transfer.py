"""Move staged records to the destination in dependency order, and read back what stands there.

The client that an engagement hands out writes the ledger; nothing here keeps state of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from workbench.destinations import Destination, Metadata
from workbench.engagement import Engagement
from workbench.flow.failures import Failures
from workbench.flow.meeting import adopting, meet, narrowed, taken_over
from workbench.flow.planning import connected, kept_as, types_of
from workbench.flow.running import Board
from workbench.frames.compare import Comparison, by_type, compare
from workbench.frames.plan import native_field
from workbench.ledger.guarding.certificate import Certificate
from workbench.ledger.loading import Progress, load
from workbench.ledger.operations import Operation, operations
from workbench.specs import Feed
from workbench.staging import read_frame

__all__ = ["Moved", "as_written", "in_order", "narrowed", "outgoing", "read_back", "standing", "standing_ids", "transfer"]

GROUP = 10_000
"""Rows that are taken out of a feed at a time."""
OUTCOME_COLUMNS = ("feed", "key", "marker", "state", "id", "words", "detail")


@dataclass(frozen=True)
class Moved:
    """What became of each record: feed, key, marker, state (done, rejected, held, unknown), id, words, detail.

    `words` are the destination's own, and of a held record the code of its reason; `detail` says more about that.
    """

    frame: pd.DataFrame
    certificates: Mapping[str, Certificate] = field(default_factory=dict)  # object → how it stands against the ledger


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
    return _outgoing(engagement, feed, delivery=delivery, only=only, account=account)[0]


def _outgoing(
    engagement: Engagement, feed: Feed, *, delivery: str, only: frozenset[str] | None, account: Metadata | None
) -> tuple[pd.DataFrame, dict[str, str]]:
    """The records, and marker → record key of the parent that is not over there."""
    records = engagement.load(f"records/{feed.name}", delivery=delivery)
    if only is not None:
        records = records[records["key"].isin(only)]
    ids = _user_ids((account or connected(engagement).metadata()).users_frame())
    frame = records.drop(columns=["row", "key"]).rename(columns={"marker": "key"})
    frame.insert(1, "_record", records["key"])
    waits = pd.Series("", index=frame.index, dtype="object")
    missing: dict[str, str] = {}
    if "owner" in frame:
        found = frame["owner"].astype("str").str.casefold().map(ids)
        waits[frame["owner"].notna() & found.isna()] = "owner_unresolved"  # sent without one, it would be the key's own
        frame["owner"] = found
    for lookup in feed.lookups:
        parents = _destination_ids(engagement, lookup.feed, delivery)
        found = records[lookup.to].map(parents)
        orphans = records[lookup.to].notna() & found.isna()
        waits[orphans] = "parent_missing"
        missing |= dict(zip(records.loc[orphans, "marker"], records.loc[orphans, lookup.to], strict=True))
        link = native_field(engagement.destination, feed.object, lookup.to)
        many = link is not None and link.many
        frame[lookup.to] = [[value] if many and isinstance(value, str) else value for value in found]
    frame.insert(2, "_waits", waits)
    return frame.reset_index(drop=True), missing


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
    certify: bool = False,
    on_progress: Callable[[str, Progress], None] | None = None,
) -> Moved:
    """Load every feed or the given ones, or the records of a sample, parents first.

    What the ledger knows as done is not sent again. Records whose marker is in ``keep`` stand over there as they should
    and count as done. With ``certify`` each object is held against the ledger once its last feed is loaded, before its
    children are. Progress is told by the feed's label, and written into the engagement for other processes to show.
    """
    order = list(feeds or in_order(engagement))
    last = {feed.object: feed.name for feed in order}
    moving = _Transfer(engagement, delivery=delivery, only=only, keep=keep, on_progress=on_progress)
    parts: list[pd.DataFrame] = []
    try:
        for feed in order:
            moving.announce(feed)
        for feed in order:
            parts.append(moving.move(feed, certify=certify and last[feed.object] == feed.name))
    finally:
        moving.board.close()
        if certify:
            _note(engagement, moving.took, delivery)
    return Moved(frame=pd.concat(parts, ignore_index=True), certificates=moving.certificates)


def _note(engagement: Engagement, took: Sequence[tuple[str, int, int, int, float]], delivery: str) -> None:
    """Add what this run took to what earlier, perhaps interrupted, runs did; the forecast stands beside it."""
    frame = pd.DataFrame(took, columns=["feed", "records", "calls", "tokens", "seconds"])
    before = [engagement.load("took", delivery=delivery)] if engagement.has("took", delivery=delivery) else []
    sums = pd.concat([*before, frame], ignore_index=True).groupby("feed", sort=False)
    whole = sums.agg({"records": "max", "calls": "sum", "tokens": "sum", "seconds": "sum"}).reset_index()
    engagement.save("took", whole, delivery=delivery)


class _Transfer:
    """One transfer: the destination as it was met, and what became of the records so far."""

    def __init__(
        self,
        engagement: Engagement,
        *,
        delivery: str,
        only: frozenset[str] | None,
        keep: frozenset[str],
        on_progress: Callable[[str, Progress], None] | None,
    ) -> None:
        self.destination = connected(engagement)
        self.board = Board(engagement.root)
        self.certificates: dict[str, Certificate] = {}
        self.took: list[tuple[str, int, int, int, float]] = []  # feed, records, calls, tokens, seconds
        self._engagement = engagement
        self._account = self.destination.metadata()
        self._delivery, self._only, self._keep = delivery, only, keep
        self._on_progress = on_progress
        self._failures = Failures(engagement)

    def announce(self, feed: Feed) -> None:
        """Say of a feed how many records there will be, before its turn comes."""
        path = self._engagement.root.joinpath("staged", self._delivery, "records", f"{feed.name}.parquet")
        keys = read_frame(path, columns=["key"])["key"]
        count = len(keys) if self._only is None else int(keys.isin(self._only).sum())
        self._tell(feed, Progress(feed.object, count, 0, 0, 0, 0.0, left=count))

    def move(self, feed: Feed, *, certify: bool) -> pd.DataFrame:
        """Load one feed; its outcomes, one row a record. What it took is noted, however it ends."""
        before, began = self.destination.spent(), time.monotonic()
        outcomes = pd.DataFrame()
        try:
            outcomes = self._moved(feed, certify=certify)
        finally:
            spent = self.destination.spent() - before
            self.took.append((feed.label, len(outcomes), spent.calls, spent.tokens, time.monotonic() - began))
        return outcomes

    def _moved(self, feed: Feed, *, certify: bool) -> pd.DataFrame:
        frame, parents = _outgoing(self._engagement, feed, delivery=self._delivery, only=self._only, account=self._account)
        theirs = narrowed(self._engagement, feed, self._account)
        fresh = _without(frame, self._keep)
        before, again = taken_over(self._engagement, self.destination, feed, fresh.drop(columns=list(theirs & set(frame))))
        stands = self._keep | before
        fresh = _without(frame, stands)
        met = meet(self._engagement, self.destination, feed, fresh)
        waiting = fresh["key"].isin(met.held)
        sent = adopting(self._engagement, feed, _without(fresh, met.held), {**met.found, **again}, theirs=theirs)
        there = frame[frame["key"].isin(stands)][["_record", "key"]].assign(state="done", id="", words="", detail="")
        held = self._held(feed, fresh[waiting], met.held, parents)
        done = self._loaded(feed, sent, made=met.made, stands=len(there), held=len(held), certify=certify)
        both = pd.concat([done, held, there], ignore_index=True).rename(columns={"key": "marker", "_record": "key"})
        both.insert(0, "feed", feed.name)
        self._failures.note(both)
        return both[list(OUTCOME_COLUMNS)]

    def _loaded(
        self, feed: Feed, sent: pd.DataFrame, *, made: Collection[str], stands: int, held: int, certify: bool
    ) -> pd.DataFrame:
        def tell(progress: Progress) -> None:
            whole = replace(progress, total=progress.total + stands + held, done=progress.done + stands, held=held)
            self._tell(feed, whole)

        rows = _new_first(sent, made)
        done = load(rows, self.destination, feed.object, total=len(sent), certify=certify, on_progress=tell)
        if done.certificate is not None:
            self.certificates[feed.object] = done.certificate
        return sent[["_record", "key"]].merge(done.frame, on="key", how="left").assign(detail="")

    def _held(self, feed: Feed, frame: pd.DataFrame, held: Mapping[str, str], parents: Mapping[str, str]) -> pd.DataFrame:
        """Records that were not sent; where that is for want of a parent, with what became of the parent."""
        codes = frame["key"].map(held)
        orphans = [key if code == "parent_missing" else "" for key, code in zip(frame["key"], codes, strict=True)]
        details = [self._failures.words(feed, parents[key]) if key else "" for key in orphans]
        return frame[["_record", "key"]].assign(state="held", id="", words=codes, detail=details)

    def _tell(self, feed: Feed, progress: Progress) -> None:
        self.board.tell(feed.label, progress)
        if self._on_progress is not None:
            self._on_progress(feed.label, progress)


def _without(frame: pd.DataFrame, keys: Collection[str]) -> pd.DataFrame:
    """The rows of other keys; the frame itself, and no copy of it, where it has none of these."""
    theirs = frame["key"].isin(keys)
    return frame[~theirs] if theirs.any() else frame


def _new_first(sent: pd.DataFrame, made: Collection[str]) -> Iterator[pd.DataFrame]:
    """The rows in groups, those first that are not over there yet: a load that goes on asks the ledger of the others later."""
    order = np.argsort(sent["key"].isin(made).to_numpy(dtype=bool), kind="stable")
    for start in range(0, len(sent), GROUP):
        yield sent.iloc[order[start : start + GROUP]].drop(columns=["_record", "_waits"])


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
        expected = as_written(engagement, feed, staged[staged["key"].isin(there)].drop(columns=["_record", "_waits"]))
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
    ledger, home = engagement.ledger(), kept_as(engagement, feed.object)
    ids = ledger.ids(feed.object)
    c = operations.c
    changes = ledger.operations.columns(("object", "id", "key"), (c.state == "done") & (c.verb == "update"))
    taken = {number: key for object_, number, key in changes if kept_as(engagement, object_) == home}  # ids are an object's own
    return {key: number for key, number in ids.items() if taken.get(number, key) == key}


def as_written(engagement: Engagement, feed: Feed, staged: pd.DataFrame) -> pd.DataFrame:
    """The staged records with the fields that later changes of ours gave another value.

    A record of somebody else's that was taken over is to hold, where we said nothing, what it held before.
    """
    c, ledger = operations.c, engagement.ledger().operations
    done = (c.object == feed.object) & (c.state == "done")
    changed = {key for (key,) in ledger.columns(("key",), done & (c.verb == "update"))}
    touched = staged["key"].isin(changed)
    if not touched.any():
        return staged.astype("object").reset_index(drop=True)
    rows = staged[touched].to_dict("records")
    for start in range(0, len(rows), GROUP):
        part = rows[start : start + GROUP]
        found = ledger.of_keys(feed.object, [row["key"] for row in part])
        for row in part:
            row.update(_as_changed(found[row["key"]], list(row)))
    later = pd.DataFrame(rows, columns=list(staged.columns), index=staged.index[touched], dtype="object")
    return pd.concat([staged[~touched].astype("object"), later]).loc[staged.index].reset_index(drop=True)


def _as_changed(rows: Sequence[Operation], names: Sequence[Any]) -> dict[Any, Any]:
    """What a record holds that we changed, by its operations, oldest first; nothing of fields that we did not touch."""
    live = [row for row in rows if row.state == "done" and row.verb in ("create", "update")]
    first = next(row for row in live if row.verb == "update")
    before = first.pre or {}
    taken_over = all(row.verb == "update" for row in live)
    holds = {name: before.get(str(name)) for name in names if name != "key"} if taken_over else {}
    for row in live:
        holds |= {name: value for name, value in row.payload.items() if name in names}
    return holds


def _destination_ids(engagement: Engagement, feed: str, delivery: str) -> pd.Series:
    """Record key → id at the destination, for the records over there in which rows of a feed end.

    A row that was merged stands for the record of another feed: the call of a lead that signed belongs to the customer.
    """
    ids: dict[str, str] = {}
    for name in dict.fromkeys([feed, *(match.feed for match in engagement.route.feed(feed).merge)]):
        records = engagement.load(f"records/{name}", delivery=delivery)
        known = engagement.ledger().ids(engagement.route.feed(name).object)
        made = zip(records["key"], records["marker"], strict=True)
        ids |= {str(key): known[marker] for key, marker in made if marker in known}
    return pd.Series(ids, dtype="object")
