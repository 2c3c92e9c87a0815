"""Load a few hundred representative records, read them back, and bind the customer's sign-off to what was seen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench.engagement import Engagement
from workbench.flow.evidence import evidence
from workbench.flow.labels import feed_labels, field_labels
from workbench.flow.staged import staged_columns
from workbench.flow.transfer import in_order, read_back, transfer
from workbench.flow.trees import ancestors, parents_in
from workbench.plain import Shown
from workbench.reports.differences import called, differences_table
from workbench.reports.reasons import in_words
from workbench.reports.sampled import sample_diff
from workbench.show import heading, html_table, labelled, together

__all__ = ["Sample", "Selection", "plan", "run"]

NAMED = ["key", "name", "row"]
CALLED = ("first_name", "last_name", "name", "title", "subject")
"""Fields by which a person knows a record."""
PER_REASON = 3
PER_FEED = 60
"""Records of one feed in a sample; with their parents a sample of four feeds stays between 100 and 500."""


@dataclass(frozen=True, repr=False)
class Selection(Shown):
    """Which records are in the sample, and what each stands for."""

    frame: pd.DataFrame  # feed, key, because
    labels: Mapping[str, str] = field(default_factory=dict)  # feed → how the customer calls it

    def _repr_html_(self) -> str:
        told = labelled(_told(self.frame), self.labels)
        feeds = told.groupby("what", sort=False).size()
        said = ", ".join(f"{count} {feed}" for feed, count in feeds.items())
        counts = told.groupby(["what", "because"], sort=False).size().reset_index(name="records")
        return together(heading(f"{len(told)} records: {said}"), html_table(counts, caption="Why these"))


def _told(chosen: pd.DataFrame) -> pd.DataFrame:
    """Why records are in the sample, in words: `trimmed_space in Email` as what was done, and to which column."""
    parts = chosen["because"].astype("str").str.extract(r"^(?P<code>[a-z_;]+) in (?P<column>.+)$")
    words = in_words(parts, code="code")["code"]
    return chosen.assign(because=(parts["column"] + ": " + words).where(parts["code"].notna(), chosen["because"]))


@dataclass(frozen=True, repr=False)
class Sample(Shown):
    """How the sample stands at the destination, field by field."""

    frame: pd.DataFrame  # feed, key, field, expected, actual, class, reason
    summary: pd.DataFrame  # feed, field, cells, filled, equal, intended, lossy, wrong
    records: int
    wrong: int
    evidence: Mapping[str, str]  # name → digest: what a sign-off is bound to
    held: int = 0  # records that were not sent: the destination has them already, or lacks what they hang on
    chosen: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=NAMED))  # key, name, row of each record
    labels: Mapping[str, str] = field(default_factory=dict)  # feed → how the customer calls it
    fields: Mapping[tuple[str, str], str] = field(default_factory=dict)  # feed and field → its label

    def _repr_html_(self) -> str:
        cells = int(self.summary["cells"].sum())
        said = f"{self.records:,} records read back, {cells:,} values compared, {self.wrong} unexplained"
        said += f", {self.held} records held" if self.held else ""
        summary, differences = (called(each, self.labels, self.fields) for each in (self.summary, self.frame))
        by_hand = sample_diff(summary, differences, records=self.chosen)
        return together(heading(said, good=not self.wrong), differences_table(summary, differences), by_hand)


def plan(engagement: Engagement) -> Selection:
    """Choose the records: every kind of oddity first, then a spread over the whole, with the parents of each."""
    parts = []
    needed: dict[str, set[str]] = {}
    for feed in reversed(in_order(engagement)):
        records = staged_columns(engagement, feed.name, ["key", "row", *(lookup.to for lookup in feed.lookups)])
        chosen = _chosen(engagement, feed.name, records)
        parents = set(records.loc[records["key"].isin(needed.get(feed.name, set())), "key"])
        parents |= ancestors(feed, records, parents | set(chosen["key"]))
        extra = pd.DataFrame({"key": sorted(parents - set(chosen["key"])), "because": "parent of another one"})
        both = pd.concat([chosen, extra], ignore_index=True)
        both.insert(0, "feed", feed.name)
        parts.append(both)
        mine = records[records["key"].isin(both["key"])]
        for lookup in feed.lookups:
            for parent in parents_in(mine[lookup.to]):  # whose row may have been merged into a record of another feed
                needed.setdefault(parent.split("/", 1)[0], set()).add(parent)
    frame = pd.concat(reversed(parts), ignore_index=True)
    engagement.save("sample", frame)
    return Selection(frame=frame, labels=feed_labels(engagement))


def run(engagement: Engagement) -> Sample:
    """Load the chosen records and compare every field with what was staged; a wrong one closes the phase."""
    engagement.gate("sample")
    only = frozenset(engagement.load("sample")["key"])
    with engagement.lock():
        moved = transfer(engagement, only=only)
        compared = read_back(engagement, only=only)
    frame = pd.concat([c.frame.assign(feed=name) for name, c in compared.items()], ignore_index=True)
    frame = frame[["feed", *[column for column in frame.columns if column != "feed"]]]
    summary = pd.concat([c.summary.assign(feed=name) for name, c in compared.items()], ignore_index=True)
    summary = summary[["feed", *[column for column in summary.columns if column != "feed"]]]
    refused = moved.frame[moved.frame["state"].isin(["rejected", "unknown"])]
    held = int((moved.frame["state"] == "held").sum())
    wrong = sum(c.wrong for c in compared.values()) + len(refused)
    seen = evidence(engagement, differences=frame)
    loaded = int((moved.frame["state"] == "done").sum())
    _ask(engagement, seen, shown=f"{loaded} records, {wrong} unexplained differences" + (f", {held} held" if held else ""))
    chosen = _named(engagement, only)
    words = feed_labels(engagement), field_labels(engagement)
    result = Sample(frame, summary, loaded, wrong, seen, held, chosen, *words)
    engagement.save("sample_differences", frame.astype("str"))
    engagement.save("sample_summary", summary)
    _finish(engagement, result, refused)
    return result


def _named(engagement: Engagement, only: frozenset[str]) -> pd.DataFrame:
    """The records of the sample by the key that the destination keeps of them, with what a person calls them."""
    parts = [pd.DataFrame(columns=NAMED, dtype="str")]
    for feed in in_order(engagement):
        records = staged_columns(engagement, feed.name, ["key", "marker", "row", *CALLED])
        mine = records[records["key"].isin(only)]
        said = mine[[name for name in CALLED if name in mine]].astype("str").fillna("")
        name = [" ".join(filter(None, words)) for words in said.itertuples(index=False, name=None)]
        parts.append(pd.DataFrame({"key": mine["marker"], "name": name, "row": mine["row"].astype("str")}))
    return pd.concat(parts, ignore_index=True)


def _ask(engagement: Engagement, seen: Mapping[str, str], *, shown: str) -> None:
    """Put the sign-off up as a question, with what it will be bound to."""
    question = {
        "subject": "sample",
        "value": {"evidence": seen},
        "confidence": 0.0,  # nobody but a person signs
        "reasons": "a person of the customer's signs",
        "alternatives": [],
        "shown": shown,
    }
    engagement.decisions.propose("signoff", pd.DataFrame([question]))


def _finish(engagement: Engagement, result: Sample, refused: pd.DataFrame) -> None:
    reasons = [f"{row.key}: {row.state} {row.words}" for row in refused.itertuples()]
    if result.wrong:
        reasons.insert(0, f"{result.wrong} differences are not explained")
    summary = {"records": result.records, "held": result.held, "wrong": result.wrong, "evidence": dict(result.evidence)}
    engagement.finish("sample", passed=not result.wrong, reasons=reasons, summary=summary)


def _chosen(engagement: Engagement, feed: str, records: pd.DataFrame) -> pd.DataFrame:
    """Up to PER_FEED records: a few for each reason in which rows differ, then a fixed spread over the whole."""
    cells = staged_columns(engagement, feed, ["column", "reason", "row"], folder="cells")
    verdicts = staged_columns(engagement, feed, ["bucket", "record"], folder="verdicts")
    spread = np.fromiter((_spread(key) for key in records["key"]), dtype=np.uint64, count=len(records))
    order = records[["key", "row"]].iloc[np.argsort(spread, kind="stable")].reset_index(drop=True)
    merged = verdicts.loc[verdicts["bucket"] == "merged", "record"].dropna()
    because = dict.fromkeys(order.loc[order["key"].isin(merged), "key"].head(PER_REASON), "several rows became one")
    for reason, key in _by_reason(cells, order):
        because.setdefault(key, reason)
    for key in order["key"]:
        if len(because) >= PER_FEED:
            break
        because.setdefault(key, "spread over the whole")
    return pd.DataFrame({"key": list(because), "because": list(because.values())}).sort_values("key").reset_index(drop=True)


def _spread(key: str) -> int:
    """A place that has nothing to do with what the key says, and is the same each time."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")


def _by_reason(cells: pd.DataFrame, order: pd.DataFrame) -> list[tuple[str, str]]:
    """Each reason for which a cell did not come along whole, with a few of the records that it concerns."""
    rows, places = (pa.array(frame["row"], pa.large_string()) for frame in (cells, order))  # of no rows Arrow tells no type
    found = pc.index_in(rows, value_set=places, skip_nulls=True)
    known = cells[["column", "reason"]].assign(place=found.to_pandas().to_numpy()).dropna().drop_duplicates()
    first = known.sort_values("place").groupby(["column", "reason"])["place"].head(PER_REASON)
    few = known.loc[first.index].sort_values(["column", "reason", "place"])
    keys = order["key"].iloc[few["place"].astype("int64")]
    return [(f"{reason} in {column}", key) for column, reason, key in zip(few["column"], few["reason"], keys, strict=True)]
