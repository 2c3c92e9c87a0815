"""Bring over what changed meanwhile: a three-way merge of what was loaded, the new export, and the destination now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbench.destinations import Draft, Metadata
from workbench.engagement import Engagement
from workbench.flow.accounting import close_accounts
from workbench.flow.planning import connected, kept_as, types_of
from workbench.flow.transfer import in_order, narrowed, outgoing, standing, transfer
from workbench.frames.compare import by_type
from workbench.frames.merge import Merge, merge
from workbench.frames.transform import marker_of
from workbench.ledger.loading import Progress
from workbench.reports.differences import readable_key
from workbench.reports.pages import plain_text
from workbench.show import bars, heading, html_table, together
from workbench.specs import Feed

__all__ = ["Cutover", "Difference", "plan", "run"]

DELIVERY = "delta"
VERDICTS = {
    "take": "follows the export",
    "keep": "stays as it is over there",
    "same": "both say the same",
    "conflict": "changed on both sides",
}
SIDES = {"key": "record", "base": "as loaded", "theirs": "in the export now", "ours": "over there now", "verdict": "so it"}
BUCKETS = ("loaded", "merged", "excluded", "rejected", "held", "failed")


@dataclass(frozen=True)
class Difference:
    """What the last export says otherwise than what was loaded."""

    frame: pd.DataFrame  # feed, key, field, base, theirs, ours, verdict
    records: pd.DataFrame  # feed, new, changed, gone

    def _repr_html_(self) -> str:
        conflicts = int((self.frame["verdict"] == "conflict").sum())
        said = f"{conflicts} fields changed on both sides" if conflicts else "no field changed on both sides"
        if self.frame.empty:
            return together(heading(said, good=True), html_table(self.records, caption="Records") if len(self.records) else "")
        words = self.frame["verdict"].map(VERDICTS).fillna(self.frame["verdict"])
        shown = self.frame.assign(key=self.frame["key"].map(readable_key), verdict=words)
        order = (self.frame["verdict"] != "conflict").sort_values(kind="stable").index
        return together(
            heading(said, good=not conflicts),
            html_table(self.records, caption="Records, against what was loaded"),
            html_table(shown.loc[order].drop(columns=["feed"]).rename(columns=SIDES), caption="Changed fields"),
        )


@dataclass(frozen=True)
class Cutover:
    """What the delta brought."""

    frame: pd.DataFrame  # feed, new, changed fields, records changed, kept ours, gone from the export
    accounting: pd.DataFrame  # feed, rows, loaded, merged, excluded, rejected, held, failed, closes: rows of the delta's files
    passed: bool

    def _repr_html_(self) -> str:
        said = "the delta is in, and final" if self.passed else "the delta is not closed"
        if self.frame.empty:
            return heading("no delta was delivered; nothing changes", good=self.passed)
        return together(
            heading(said, good=self.passed),
            html_table(self.frame, caption="What was brought over"),
            bars(self.accounting, label="feed", parts=BUCKETS, caption="Rows of the delta", closes="closes"),
        )


def plan(engagement: Engagement) -> Difference:
    """Compare the three sides and put every conflict up as a question. Changes nothing; empty without a delta."""
    parts, records, questions = [], [], []
    for feed, merged in _merges(engagement):
        parts.append(merged.frame.assign(feed=feed.name))
        taken = merged.frame.loc[merged.frame["verdict"] == "take", "key"].nunique()
        records.append([feed.name, len(merged.new), taken, len(merged.gone)])
        questions += [_question(feed, row) for row in merged.conflicts.itertuples()]
    columns = ["subject", "value", "confidence", "reasons", "alternatives", "shown"]
    engagement.decisions.propose("conflict", pd.DataFrame(questions, columns=columns))
    shape = ["feed", "key", "field", "base", "theirs", "ours", "verdict"]
    frame = pd.concat(parts, ignore_index=True)[shape] if parts else pd.DataFrame(columns=shape)
    return Difference(
        frame=frame.reset_index(drop=True), records=pd.DataFrame(records, columns=["feed", "new", "changed", "gone"])
    )


def run(engagement: Engagement, *, on_progress: Callable[[str, Progress], None] | None = None) -> Cutover:
    """Send new records and changed fields only; DecisionMissing where a conflict is open."""
    engagement.gate("cutover")
    answers = engagement.decisions.require("conflict", where="08_cutover")
    decided = dict(zip(answers["subject"], answers["value"], strict=True))
    if DELIVERY not in engagement.deliveries():
        engagement.finish("cutover", passed=True, summary={"delta": "none was delivered"})
        empty = pd.DataFrame(columns=["feed", "new", "changed", "gone"])
        return Cutover(frame=empty, accounting=pd.DataFrame(columns=["feed", "rows", *BUCKETS, "closes"]), passed=True)
    with engagement.lock():
        counts, moved = [], []
        for feed in in_order(engagement):  # parents first: a changed link may lead to a new one
            refused = _become(engagement, feed)
            counts.append(_change(engagement, feed, decided, refused=refused))
            sent = transfer(engagement, delivery=DELIVERY, on_progress=on_progress, keep=_loaded(engagement), feeds=[feed])
            moved.append(sent.frame)
    closed = close_accounts(engagement, pd.concat(moved, ignore_index=True), delivery=DELIVERY)
    frame = pd.DataFrame(counts, columns=["feed", "new", "changed", "fields", "refused", "gone"])
    passed = bool(closed.frame["closes"].all()) and not int(frame["refused"].sum())
    engagement.save("accounting", closed.frame, delivery=DELIVERY)
    engagement.save("cutover", frame, delivery=DELIVERY)
    reasons = [] if passed else ["the rows of the delta do not close, or a change was refused"]
    engagement.finish(
        "cutover",
        passed=passed,
        reasons=reasons,
        summary={"new": int(frame["new"].sum()), "changed": int(frame["changed"].sum())},
    )
    return Cutover(frame=frame, accounting=closed.frame, passed=passed)


def _merges(engagement: Engagement, feeds: Sequence[Feed] = ()) -> list[tuple[Feed, Merge]]:
    """Feed by feed: what was loaded, what the new export says, and what stands at the destination."""
    if DELIVERY not in engagement.deliveries():
        return []
    destination, found = connected(engagement), []
    account = destination.metadata()
    for feed in feeds or in_order(engagement):
        base = outgoing(engagement, feed, account=account).drop(columns=["_record", "_waits"])
        done = set(engagement.ledger().ids(feed.object))
        theirs = outgoing(engagement, feed, delivery=DELIVERY, account=account).drop(columns=["_record", "_waits"])
        ours = standing(destination, feed, done, list(base.columns))
        loaded = base[base["key"].isin(done)]
        found.append((feed, merge(loaded, theirs, ours, normalise=by_type(types_of(engagement, feed)))))
    return found


def _become(engagement: Engagement, feed: Feed) -> int:
    """Records that stand over there for a row which the new export counts to a record of this feed: a lead that signed.

    The record stays and takes on what the other one holds, and its key, so that nobody stands there twice. What it
    held because it was a lead is emptied. Returns how many the destination refused.
    """
    there = engagement.ledger().ids(feed.object)
    others = [other for other in engagement.route.feeds if any(match.feed == feed.name for match in other.merge)]
    others = [other for other in others if kept_as(engagement, other.object) == kept_as(engagement, feed.object)]
    found = [(other, _moved(engagement, other, engagement.ledger().ids(other.object))) for other in others]
    if not any(moved for _, moved in found):
        return 0
    destination = connected(engagement)
    account = destination.metadata()
    records = outgoing(engagement, feed, delivery=DELIVERY, account=account)
    rows = {str(row["_record"]): row for row in records.to_dict("records")}
    drafts: dict[str, Draft] = {}
    for other, moved in found:
        ids, emptied = engagement.ledger().ids(other.object), _because_of(engagement, other, account)
        for source, record in moved:
            key = str(rows[record]["key"]) if record in rows else ""
            if key and key not in there and key not in drafts:
                drafts[key] = _turned(engagement, feed, rows[record], number=ids[source], emptied=emptied)
    outcomes = destination.write(feed.object, list(drafts.values())) if drafts else []
    return sum(outcome.state != "done" for outcome in outcomes)


def _turned(engagement: Engagement, feed: Feed, record: Mapping[Any, Any], *, number: str, emptied: Set[str]) -> Draft:
    """The change that makes one record of the destination the given one."""
    marker, key = engagement.destination.objects[kept_as(engagement, feed.object)].marker, str(record["key"])
    said = {str(name): _sent(value) for name, value in record.items() if name not in ("key", "_record", "_waits")}
    values = {**dict.fromkeys(emptied), **{name: value for name, value in said.items() if value is not None}}
    return Draft(key=key, values={**values, marker: key}, id=number)


def _because_of(engagement: Engagement, feed: Feed, account: Metadata) -> set[str]:
    """Lists that records of a feed hold because of their kind: shorter ones, and those that the destination filled itself."""
    home = engagement.destination.objects[kept_as(engagement, feed.object)]
    lists = {field.name for field in home.fields if field.selector and field.type == "picklist"}
    made = [operation for operation in engagement.ledger().created() if operation.object == feed.object]
    filled = {name for row in made for name in lists if (row.post or {}).get(name) and row.payload.get(name) is None}
    sent = {name for row in made for name in row.payload}
    return narrowed(engagement, feed, account) | (filled - sent)


def _moved(engagement: Engagement, feed: Feed, there: Mapping[str, str]) -> list[tuple[str, str]]:
    """Markers of a feed's records over there, with the record of another feed in which their row ends now."""
    ends = engagement.load(f"ends/{feed.name}", delivery=DELIVERY).dropna()
    ends = ends[~ends["record"].str.startswith(f"{feed.name}/")]
    markers = [marker_of(engagement.source.name, f"{feed.name}/{natural}") for natural in ends["natural"]]
    return [(marker, record) for marker, record in zip(markers, ends["record"], strict=True) if marker in there]


def _change(engagement: Engagement, feed: Feed, decided: dict[str, Any], *, refused: int) -> list[Any]:
    """Send the changed fields of records that are over there: theirs where only they changed, or where that was decided."""
    merged = _merges(engagement, [feed])[0][1]
    frame = merged.frame
    chosen = [decided.get(_subject(feed, row["key"], row["field"])) for row in frame.to_dict("records")]
    sends = (frame["verdict"] == "take") | (
        (frame["verdict"] == "conflict") & (pd.Series(chosen, index=frame.index) == "theirs")
    )
    ids = engagement.ledger().ids(feed.object)
    drafts = [
        Draft(
            key=str(key),
            values=dict(zip(rows["field"], [_sent(value) for value in rows["theirs"]], strict=True)),
            id=ids[str(key)],
        )
        for key, rows in frame[sends].groupby("key", sort=False)
    ]
    outcomes = connected(engagement).write(feed.object, drafts) if drafts else []
    refused += sum(outcome.state != "done" for outcome in outcomes)
    return [feed.name, len(merged.new), len(drafts), int(sends.sum()), refused, len(merged.gone)]


def _loaded(engagement: Engagement) -> frozenset[str]:
    """Markers of records that stand over there: the delta changes them, and never makes them anew."""
    return frozenset(key for feed in in_order(engagement) for key in engagement.ledger().ids(feed.object))


def _question(feed: Feed, row: Any) -> dict[str, Any]:
    return {
        "subject": _subject(feed, row.key, row.field),
        "value": "ours",
        "confidence": 0.0,  # both sides changed it: only a person knows which one holds
        "reasons": "changed in the source and in the destination",
        "alternatives": ["ours", "theirs"],
        "shown": f"loaded {_said(row.base)}; source now {_said(row.theirs)}; destination now {_said(row.ours)}",
    }


def _said(value: object) -> str:
    text = plain_text(value)
    return f"“{text}”" if text else "nothing"


def _subject(feed: Feed, key: str, field: str) -> str:
    return f"{feed.name}/{key}.{field}"


def _sent(value: Any) -> Any:
    """A value that the source has emptied is sent as nothing."""
    return value if isinstance(value, list) or not pd.isna(value) else None
