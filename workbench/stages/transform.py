"""Stage the records: every row of a delivery becomes a record, or gets its reason, by what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from workbench.engagement import Engagement
from workbench.engagement.locking import folder_lock
from workbench.flow.derived import derive
from workbench.flow.labels import feed_labels
from workbench.flow.planning import answered, feed_plans, fields_of
from workbench.frames.attach import add, attach, document, left_out, match_people
from workbench.frames.fixed import without_unneeded
from workbench.frames.links import link, readers_of
from workbench.frames.overlay import carried, overlay
from workbench.frames.plan import FeedPlan
from workbench.frames.prepare import prepare
from workbench.frames.survivors import speak_elsewhere
from workbench.frames.transform import CELL_COLUMNS, VERDICT_COLUMNS, Staged, transform
from workbench.plain import Shown
from workbench.reports.reasons import in_words
from workbench.show import bars, heading, html_table, labelled, together
from workbench.specs import Feed

__all__ = ["STAGED_AS", "Staging", "run"]

STAGED_AS = ("load", "merged", "excluded", "rejected", "held")
ENDS = "Where every row ends, for each kind of record that it was looked at for"


@dataclass(frozen=True, repr=False)
class Staging(Shown):
    """How many rows of each feed became records, and where the others ended."""

    frame: pd.DataFrame  # feed, rows, load, merged, excluded, rejected, held
    reasons: pd.DataFrame  # feed, bucket, reason, rows
    cells: pd.DataFrame  # feed, column, reason, cells
    labels: Mapping[str, str] = field(default_factory=dict)  # feed → how the customer calls it

    def _repr_html_(self) -> str:
        rest = self.reasons[self.reasons["bucket"] != "load"].rename(columns={"bucket": "ended"})
        records = int(self.frame["load"].sum()) if len(self.frame) else 0
        rows = int(self.frame["rows"].sum()) if len(self.frame) else 0
        return together(
            heading(f"{records:,} records from {rows:,} rows"),
            bars(labelled(self.frame, self.labels), label="what", parts=STAGED_AS, caption=ENDS),
            html_table(self._told(rest), caption="Why rows are no record of their own") if len(rest) else "",
            html_table(self._told(self.cells), caption="Cells that come along in part, or not at all")
            if len(self.cells)
            else "",
        )

    def _told(self, frame: pd.DataFrame) -> pd.DataFrame:
        return labelled(in_words(frame), self.labels)


def run(engagement: Engagement, delivery: str = "main") -> Staging:
    """Stage every feed of the route for one delivery, and keep records, verdicts and cells of each.

    A later delivery is laid over the main one: its rows take the place of the rows with their key, the others stand as
    they were delivered first. The verdicts kept are those of the delivery's own rows. EngagementLocked while somebody loads.
    """
    if not engagement.has("rejects", delivery=delivery):
        return _summary({})  # nothing was delivered
    with folder_lock(engagement.root):  # a load reads what this keeps
        return _run(engagement, delivery)


def _run(engagement: Engagement, delivery: str) -> Staging:
    plans = feed_plans(engagement)
    for came in dict.fromkeys(("main", delivery)):
        derive(engagement, came, scope=answered(engagement))
    names = engagement.route.tables()
    tables = {name: engagement.load(f"tables/{name}") for name in names}
    if delivery != "main":
        later = {name: engagement.load(f"tables/{name}", delivery=delivery) for name in names}
        kinds = {name: engagement.route.table(engagement.source, name) for name in names}
        first, tables = tables, {name: overlay(tables[name], later[name], kinds[name]) for name in names}
        plans = {name: _carrying(plan, first[plan.feed.table], tables[plan.feed.table]) for name, plan in plans.items()}
    staged = stage_all(plans, tables)
    for plan in plans.values():
        staged = _spread(engagement, staged, plan)
    rejects = engagement.load("rejects", delivery=delivery)
    for name, each in staged.items():
        # Which record every row ends in, over all deliveries: a lead that has become a customer since is found by it.
        engagement.save(f"ends/{name}", each.verdicts[["natural", "record"]], delivery=delivery)
    staged = {name: _own(each, plans[name].feed, rejects, delivery) for name, each in staged.items()}
    for name, each in staged.items():
        engagement.save(f"records/{name}", each.records, delivery=delivery)
        engagement.save(f"verdicts/{name}", each.verdicts, delivery=delivery)
        engagement.save(f"cells/{name}", each.cells, delivery=delivery)
    return replace(_summary(staged), labels=feed_labels(engagement))


def stage_all(plans: Mapping[str, FeedPlan], tables: Mapping[str, pd.DataFrame]) -> dict[str, Staged]:
    """Every feed in the order of the route, each seeing the ones before it; ``tables`` by the name of the table."""
    staged: dict[str, Staged] = {}
    prepared = {name: prepare(tables[plan.feed.table], plan, tables=tables) for name, plan in plans.items()}
    by_feed = {name: each.table for name, each in prepared.items()}
    for name, plan in plans.items():
        made = _staged(by_feed[name], plan, plans, staged=staged, by_feed=by_feed, tables=tables)
        goes = made.verdicts.loc[made.verdicts["bucket"].isin(["load", "merged"]), "row"]
        notes = prepared[name].cells
        for other in staged if len(made.words) else ():
            staged[other] = speak_elsewhere(made.words, staged[other], plan=plans[other], table=by_feed[other])
        staged[name] = replace(made, cells=pd.concat([made.cells, notes[notes["row"].isin(goes)]], ignore_index=True))
    return without_unneeded(staged, plans)


def _staged(
    table: pd.DataFrame,
    plan: FeedPlan,
    plans: Mapping[str, FeedPlan],
    *,
    staged: Mapping[str, Staged],
    by_feed: Mapping[str, pd.DataFrame],
    tables: Mapping[str, pd.DataFrame],
) -> Staged:
    """One feed, after those that it points at."""
    match plan.feed.kind:
        case "record":
            return transform(table, plan, parents=staged, tables=by_feed, links=tables)
        case "link":
            return link(table, plan, readers=readers_of(plan.feed.table, plans), parents=staged, tables=by_feed)
        case _ if not plan.active:
            return left_out(table, plan, reason="other_answer")
        case "attach":
            return attach(table, plan, parents=staged, tables=by_feed)
        case "match":
            return match_people(table, plan, column=plan.table.key[0])
        case _:
            return document(table, plan)


def _carrying(plan: FeedPlan, first: pd.DataFrame, both: pd.DataFrame) -> FeedPlan:
    """The plan with what was decided about the first delivery holding for the rows of the later one."""
    merges, links = (carried(each, first, both, plan.table) for each in (plan.merges, plan.links))
    takes, empties = (carried(each, first, both, plan.table) for each in (plan.takes, plan.empties))
    return replace(plan, merges=merges, takes=takes, empties=empties, links=links)


def _spread(engagement: Engagement, staged: dict[str, Staged], plan: FeedPlan) -> dict[str, Staged]:
    """Put what a feed says of other feeds' records onto them, as far as those objects have the fields."""
    feed = plan.feed
    additions = staged[feed.name].additions
    if additions.empty:
        return staged
    result = dict(staged)
    for name, each in staged.items():
        if each.records.empty or (name == feed.name and feed.kind == "record"):
            continue
        allowed = fields_of(engagement, engagement.route.feed(name).object)
        columns = [c for c in additions.columns if c in ("record", "row") or c in allowed]
        records, aside = add(each.records, additions[columns], plan=plan, wins=plan.feed.kind == "attach")
        result[name] = replace(each, records=records)
        mine = result[feed.name]
        result[feed.name] = replace(mine, cells=pd.concat([mine.cells, aside], ignore_index=True))
    return result


def _own(staged: Staged, feed: Feed, rejects: pd.DataFrame, delivery: str) -> Staged:
    """Verdicts and cells of the delivery's own rows; the lines that could not be read are rows too, and are rejected."""
    mine = rejects[rejects["table"] == feed.table]
    extra = pd.DataFrame(
        {
            "row": mine["row"],
            "feed": feed.name,
            "natural": pd.NA,
            "bucket": "rejected",
            "reason": mine["reason"],
            "record": pd.NA,
            "detail": mine["raw"],
        }
    )
    verdicts, cells = staged.verdicts, staged.cells
    if delivery != "main":
        verdicts = verdicts[verdicts["row"].astype("str").str.startswith(f"{delivery}/")]
        cells = cells[cells["row"].astype("str").str.startswith(f"{delivery}/")]
    if len(extra):
        verdicts = pd.concat([verdicts, extra], ignore_index=True)
    return replace(staged, verdicts=verdicts.reset_index(drop=True), cells=cells.reset_index(drop=True))


def _summary(staged: Mapping[str, Staged]) -> Staging:
    verdicts = pd.concat(
        [pd.DataFrame(columns=list(VERDICT_COLUMNS)), *(each.verdicts for each in staged.values())], ignore_index=True
    )
    cells = pd.concat([pd.DataFrame(columns=list(CELL_COLUMNS)), *(each.cells for each in staged.values())], ignore_index=True)
    counts = (
        verdicts.groupby(["feed", "bucket"], sort=False)
        .size()
        .unstack(fill_value=0)
        .reindex(columns=list(STAGED_AS), fill_value=0)
    )
    frame = counts.reset_index()
    frame.insert(1, "rows", counts.sum(axis=1).to_numpy())
    reasons = verdicts.groupby(["feed", "bucket", "reason"], sort=False, dropna=False).size().reset_index(name="rows")
    aside = cells.groupby(["feed", "column", "reason"], sort=False).size().reset_index(name="cells")
    return Staging(frame=frame, reasons=reasons, cells=aside)
