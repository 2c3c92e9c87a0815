"""Where every row ended once the destination has answered, and whether the buckets add up."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.planning import answered
from workbench.frames.closure import row_closure
from workbench.frames.plan import holds_under
from workbench.specs import Feed

__all__ = ["Closed", "close_accounts", "final_verdicts"]

UNRESOLVED = ["feed", "row", "bucket", "reason", "detail"]


@dataclass(frozen=True)
class Closed:
    """The accounting of a delivery."""

    frame: pd.DataFrame  # feed, rows, loaded, merged, excluded, rejected, held, failed, closes
    unresolved: pd.DataFrame  # feed, row, bucket, reason, detail: what did not arrive and may still have to


def close_accounts(engagement: Engagement, outcomes: pd.DataFrame, *, delivery: str = "main") -> Closed:
    """Settle every verdict by what became of its record, keep the result, and count.

    ``outcomes``: feed, key, state (done, rejected, held, unknown), words, detail. The rows that intake read, those of
    derived tables and of tables of links among them, are counted against it, so that a row in no bucket shows.
    """
    counts = engagement.load("rows_read", delivery=delivery).set_index("table")["records"]
    counted, unresolved = [], []
    for feed in engagement.route.feeds:  # of which one may have a million rows: never two of them together
        settled = final_verdicts(engagement.load(f"verdicts/{feed.name}", delivery=delivery), outcomes)
        engagement.save(f"final/{feed.name}", settled, delivery=delivery)
        rows = int(counts.get(feed.table, 0)) + (_declared(engagement, feed) if delivery == "main" else 0)
        counted.append(row_closure(settled, rows={feed.name: rows}))
        unresolved.append(settled.loc[settled["bucket"].isin(["rejected", "held", "failed"]), UNRESOLVED])
    return Closed(frame=pd.concat(counted, ignore_index=True), unresolved=pd.concat(unresolved, ignore_index=True))


def _declared(engagement: Engagement, feed: Feed) -> int:
    """Records of the route itself that belong to a feed: they come from no row, and end in a bucket like any other."""
    taken = holds_under(feed.scope, answered(engagement))
    return sum(1 for record in engagement.route.records if record.feed == feed.name) if taken else 0


def final_verdicts(verdicts: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Verdicts with `load` replaced by what the destination said; rows merged into a record share its fate."""
    verdicts = verdicts.copy()
    known = outcomes.drop_duplicates("key").set_index("key")
    state = verdicts["record"].map(known["state"])
    words = verdicts["record"].map(known["words"])
    loading = verdicts["bucket"] == "load"
    bad = state.isin(["rejected", "unknown"]) & verdicts["bucket"].isin(["load", "merged"])
    waits = (state == "held") & verdicts["bucket"].isin(["load", "merged"])
    verdicts.loc[loading & (state == "done"), "bucket"] = "loaded"
    verdicts.loc[bad, "reason"] = state[bad].map({"rejected": "refused_by_destination", "unknown": "outcome_unknown"})
    verdicts.loc[bad, "detail"] = words[bad]
    verdicts.loc[bad, "bucket"] = "failed"
    verdicts.loc[waits, "reason"] = words[waits]
    if "detail" in known:
        verdicts.loc[waits, "detail"] = verdicts["record"].map(known["detail"])[waits]
    verdicts.loc[waits, "bucket"] = "held"
    return verdicts
