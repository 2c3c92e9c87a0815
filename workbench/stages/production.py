"""Load everything in dependency order, read every record back, and show that each source row ended somewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from workbench.accounting import Closed, close_accounts
from workbench.engagement import Engagement
from workbench.evidence import evidence, require_signoff
from workbench.frames.compare import Comparison
from workbench.loading import Progress
from workbench.planning import connected
from workbench.show import bars, heading, html_table
from workbench.transfer import in_order, read_back, transfer

__all__ = ["Forecast", "Production", "plan", "run"]

BUCKETS = ("loaded", "merged", "excluded", "rejected", "held", "failed")


@dataclass(frozen=True)
class Forecast:
    """Calls and time before anything is sent."""

    frame: pd.DataFrame  # feed, records, in one call, calls, hours
    plan: str

    def _repr_html_(self) -> str:
        calls, hours = int(self.frame["calls"].sum()), self.frame["hours"].sum()
        total = f"{calls} calls, {hours:.2f} hours at the limit of the plan {self.plan}"
        return heading(total) + html_table(self.frame, caption="Forecast")


@dataclass(frozen=True)
class Production:
    """The row accounting, the comparison with what is over there, and what did not arrive."""

    frame: pd.DataFrame  # feed, rows, loaded, merged, excluded, rejected, held, failed, closes
    comparison: pd.DataFrame  # feed, field, cells, filled, equal, intended, lossy, wrong
    unresolved: pd.DataFrame  # feed, row, bucket, reason, detail
    wrong: int
    passed: bool

    def _repr_html_(self) -> str:
        fine = "every row is accounted for, and every loaded field reads as it should"
        open_ = f"{int((~self.frame['closes']).sum())} feeds do not close, {self.wrong} differences are not explained"
        return (
            heading(fine if self.passed else open_, good=self.passed)
            + bars(self.frame, label="feed", parts=BUCKETS, caption="Where the rows ended")
            + html_table(self.frame)
            + html_table(self.comparison, caption="Read back, field by field", limit=200)
            + html_table(self.unresolved, caption="Rejected, held and failed", limit=100)
        )


def plan(engagement: Engagement) -> Forecast:
    """Records and calls per feed, and the hours that the account's plan allows them in. Only reads."""
    an_hour = engagement.destination.calls_per_hour.get(engagement.settings.plan, 1000)
    destination = connected(engagement)
    rows = []
    for feed in in_order(engagement):
        records = len(engagement.load(f"records/{feed.name}"))
        together = destination.bulk_rows(feed.object)
        sent = -(-records // together) * (2 if together > 1 else 1)  # a bulk job is asked for once more when it is done
        calls = sent + -(-records // 100)  # and everything is listed again, a hundred records a call
        rows.append([feed.name, records, together, calls, calls / an_hour])
    frame = pd.DataFrame(rows, columns=["feed", "records", "in one call", "calls", "hours"])
    return Forecast(frame=frame, plan=engagement.settings.plan)


def run(engagement: Engagement, *, on_progress: Callable[[str, Progress], None] | None = None) -> Production:
    """Load, read back and account; GateClosed where the sign-off does not fit what is to be loaded."""
    require_signoff(engagement, now=evidence(engagement, differences=engagement.load("sample_differences")))
    with engagement.lock():
        moved = transfer(engagement, on_progress=on_progress)
        compared = read_back(engagement)
    closed = close_accounts(engagement, moved.frame)
    comparison = _summaries(compared)
    wrong = sum(each.wrong for each in compared.values())
    passed = bool(closed.frame["closes"].all()) and wrong == 0
    result = Production(frame=closed.frame, comparison=comparison, unresolved=closed.unresolved, wrong=wrong, passed=passed)
    _keep(engagement, closed, compared, comparison)
    reasons = [] if passed else [f"{row.feed} does not close" for row in closed.frame[~closed.frame["closes"]].itertuples()]
    if wrong:
        reasons.append(f"{wrong} differences are not explained")
    engagement.finish("production", passed=passed, reasons=reasons, summary=_summary(closed, wrong))
    return result


def _summaries(compared: Mapping[str, Comparison]) -> pd.DataFrame:
    parts = [each.summary.assign(feed=name) for name, each in compared.items()]
    frame = pd.concat(parts, ignore_index=True)
    return frame[["feed", *[column for column in frame.columns if column != "feed"]]]


def _keep(engagement: Engagement, closed: Closed, compared: Mapping[str, Comparison], summary: pd.DataFrame) -> None:
    engagement.save("accounting", closed.frame)
    engagement.save("unresolved", closed.unresolved.astype("str"))
    engagement.save("comparison", summary)
    differences = pd.concat([each.frame.assign(feed=name) for name, each in compared.items()], ignore_index=True)
    engagement.save("differences", differences.astype("str"))


def _summary(closed: Closed, wrong: int) -> dict[str, object]:
    totals = closed.frame[["rows", *BUCKETS]].sum()
    return {**{name: int(count) for name, count in totals.items()}, "wrong": wrong}
