"""Hold everything that was staged against the destination once more: a second run should make nothing and change nothing."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from workbench.clock import now
from workbench.destinations import Metadata
from workbench.engagement import Engagement
from workbench.flow.planning import connected, types_of
from workbench.flow.transfer import as_written, in_order, outgoing, standing_ids
from workbench.frames.compare import by_type, compare
from workbench.ledger import Guard
from workbench.ledger.guarding.nearby import near_ours
from workbench.show import heading, html_table, together
from workbench.specs import Feed

__all__ = ["SecondPass", "run"]

KINDS = {"missing": "missing", "surplus": "extra", "wrong": "differs"}
COLUMNS = ("feed", "key", "field", "expected", "found", "kind", "reason")


@dataclass(frozen=True)
class SecondPass:
    """What a second run would do; `frame` has feed, key, field, expected, found, kind (missing, extra, differs), reason."""

    frame: pd.DataFrame
    records: int  # that ought to stand over there

    @property
    def would_create(self) -> int:
        """Records that are not there."""
        return int((self.frame["kind"] == "missing").sum())

    @property
    def would_change(self) -> int:
        """Records of which a field reads otherwise."""
        return int(self.frame.loc[self.frame["kind"] == "differs", ["feed", "key"]].drop_duplicates().shape[0])

    @property
    def extra(self) -> int:
        """Records that bear a key of ours, and that nobody expects."""
        return int((self.frame["kind"] == "extra").sum())

    @property
    def good(self) -> bool:
        return self.frame.empty

    def words(self) -> str:
        """All of it in one line."""
        if self.good:
            return f"{self.records:,} records stand as they were staged: a second run makes nothing and changes nothing"
        counts = f"{self.would_create:,} missing, {self.would_change:,} differ, {self.extra:,} extra"
        return f"of {self.records:,} records: {counts}"

    def __repr__(self) -> str:
        return self.words()

    def _repr_html_(self) -> str:
        table = "" if self.good else html_table(self.frame, caption="What differs")
        return together(heading(self.words(), good=self.good), table)


def run(engagement: Engagement) -> SecondPass:
    """Read every object once and compare each record that was loaded with what was staged for it. Only reads.

    Records that were held, refused or left out are not expected over there. Where a later delivery or a decision about a
    conflict said otherwise than the first one, its word counts.
    """
    destination, newest = connected(engagement), engagement.ledger().operations.newest()
    account = destination.metadata()
    parts, records = [], 0
    feeds = in_order(engagement)
    for object_ in dict.fromkeys(feed.object for feed in feeds):
        mine = [feed for feed in feeds if feed.object == object_]
        expected = {feed.name: _expected(engagement, feed, account) for feed in mine}
        found = _found(engagement, destination, mine, expected)
        for feed in mine:
            records += len(expected[feed.name])
            parts.append(_differing(engagement, feed, expected[feed.name], found[feed.name]))
    frame = pd.concat(parts, ignore_index=True)
    result = SecondPass(frame=frame, records=records)
    _keep(engagement, result, newest)
    return result


def _expected(engagement: Engagement, feed: Feed, account: Metadata) -> pd.DataFrame:
    """What ought to stand over there of a feed, over all deliveries; what was never sent counts as to be made."""
    parts: list[pd.DataFrame] = []
    known: set[str] = set()
    for delivery in engagement.deliveries():
        if not engagement.has(f"records/{feed.name}", delivery=delivery):
            continue
        frame = outgoing(engagement, feed, delivery=delivery, account=account)
        if engagement.has(f"final/{feed.name}", delivery=delivery):
            ends = engagement.load(f"final/{feed.name}", delivery=delivery)
            frame = frame[frame["_record"].isin(set(ends.loc[ends["bucket"] == "loaded", "record"]))]
        elif delivery == "main":
            frame = frame[frame["_waits"] == ""]
        else:  # a later delivery is sent by the cutover, which has not come yet
            continue
        frame = frame[~frame["key"].isin(known)]
        known |= set(frame["key"])
        parts.append(frame.drop(columns=["_record", "_waits"]))
    whole = pd.concat(parts, ignore_index=True)
    became_others = set(engagement.ledger().ids(feed.object)) - set(standing_ids(engagement, feed))
    return as_written(engagement, feed, whole[~whole["key"].isin(became_others)])


def _found(
    engagement: Engagement, destination: Guard, feeds: list[Feed], expected: dict[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """The records of an object that bear a key of ours, by feed, from one look at all of them."""
    wanted = {key: name for name, frame in expected.items() for key in frame["key"]}
    marks = {f"{engagement.source.name}:{feed.name}:": feed.name for feed in feeds}
    rows: dict[str, list[dict[str, object]]] = {feed.name: [] for feed in feeds}
    for record in near_ours(destination, feeds[0].object):
        name = wanted.get(record.key) or next((name for mark, name in marks.items() if record.key.startswith(mark)), "")
        if name:
            fields = {str(field): record.values.get(str(field)) for field in expected[name].columns}
            rows[name].append({**fields, "key": record.key})
    return {name: pd.DataFrame(found, columns=list(expected[name].columns)) for name, found in rows.items()}


def _differing(engagement: Engagement, feed: Feed, expected: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """What differs in more than the way it is written, and was not decided to stay as it is over there."""
    seen = compare(expected, found, normalise=by_type(types_of(engagement, feed))).frame
    seen = seen[seen["class"].isin(KINDS)]
    kept = {subject for subject, value in engagement.decisions.mapping("conflict").items() if value == "theirs"}
    open_ = [f"{feed.name}/{key}.{field}" not in kept for key, field in zip(seen["key"], seen["field"], strict=True)]
    seen = seen[pd.Series(open_, index=seen.index, dtype="bool")]
    told = seen.assign(feed=feed.name, kind=seen["class"].map(KINDS)).rename(columns={"actual": "found"})
    return told[list(COLUMNS)].reset_index(drop=True)


def _keep(engagement: Engagement, result: SecondPass, newest: int) -> None:
    """For the hand-off, which tells of it as long as the ledger's newest operation is the same; clocks are set back."""
    counts = {"records": result.records, "would_create": result.would_create, "would_change": result.would_change}
    engagement.save("second_pass", pd.DataFrame([{"at": now(), "newest": newest, **counts, "extra": result.extra}]))
    engagement.save("second_pass_differences", result.frame.astype("str"))
    engagement.journal.append("second_pass", detail={**counts, "extra": result.extra})
