"""Load everything in dependency order, read every record back, and show that each source row ended somewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.accounting import Closed, close_accounts
from workbench.flow.evidence import evidence, require_signoff
from workbench.flow.planning import connected
from workbench.flow.transfer import in_order, read_back, transfer
from workbench.frames.compare import Comparison
from workbench.ledger.loading import Progress
from workbench.reports.differences import differences_table
from workbench.reports.reasons import in_words
from workbench.show import Meter, bars, duration, heading, html_table, together

__all__ = ["Forecast", "Production", "plan", "run"]

BUCKETS = ("loaded", "merged", "excluded", "rejected", "held", "failed")


@dataclass(frozen=True)
class Forecast:
    """Calls and time before anything is sent."""

    frame: pd.DataFrame  # feed, records, in one call, calls, hours
    plan: str

    def _repr_html_(self) -> str:
        hours = self.frame["hours"]
        longest = max(float(hours.max()), 1e-9) if len(hours) else 1.0
        times = [Meter(float(each) / longest, duration(float(each) * 3600)) for each in hours]
        shown = self.frame.drop(columns=["hours"]).assign(time=pd.Series(times, index=self.frame.index, dtype="object"))
        calls, records = int(self.frame["calls"].sum()), int(self.frame["records"].sum())
        whole = duration(float(hours.sum()) * 3600)
        said = f"{records:,} records in {calls:,} calls: {whole} at the limit of the plan {self.plan}"
        return together(heading(said), html_table(shown, caption="Forecast"))


@dataclass(frozen=True)
class Production:
    """The row accounting, the comparison with what is over there, and what did not arrive."""

    frame: pd.DataFrame  # feed, rows, loaded, merged, excluded, rejected, held, failed, closes
    comparison: pd.DataFrame  # feed, field, cells, filled, equal, intended, lossy, wrong
    differences: pd.DataFrame  # feed, key, field, expected, actual, class, reason
    unresolved: pd.DataFrame  # feed, row, bucket, reason, detail
    wrong: int
    passed: bool
    seconds: float = field(default=0.0, repr=False)  # that loading and reading back took
    forecast: float = 0.0  # seconds that the limits of the plan allow it in
    pace: float = 1.0  # how much faster than an account's the limits of a rehearsal pass

    def _repr_html_(self) -> str:
        fine = "every row is accounted for, and every loaded field reads as it should"
        open_ = f"{int((~self.frame['closes']).sum())} feeds do not close, {self.wrong} differences are not explained"
        return together(
            heading(fine if self.passed else open_, good=self.passed),
            bars(self.frame, label="feed", parts=BUCKETS, caption="Where every row ended", closes="closes"),
            differences_table(self.comparison, self.differences),
            self._open_rows(),
            self._times(),
        )

    def _open_rows(self) -> str:
        """Rows that did not arrive: counted by their reason, then one by one."""
        if self.unresolved.empty:
            return ""
        told = in_words(self.unresolved).rename(columns={"bucket": "ended", "detail": "value or answer"})
        counts = told.groupby(["feed", "ended", "reason"], sort=False).size().reset_index(name="rows")
        listed = html_table(told, caption="The same, row by row")
        return html_table(counts, caption="Rejected, held and failed: what somebody has to look at") + listed

    def _times(self) -> str:
        if not self.seconds:
            return ""
        forecast = self.forecast / self.pace
        longest = max(self.seconds, forecast)
        pace = f", on a clock {self.pace:,.0f} times as fast" if self.pace != 1 else ""
        told = {f"forecast by the limits{pace}": forecast, "loading and reading back took": self.seconds}
        times = [Meter(each / longest, duration(each)) for each in told.values()]
        return html_table(pd.DataFrame({"": list(told), "time": times}), caption="Forecast and fact")


def plan(engagement: Engagement) -> Forecast:
    """Records and calls per feed, and the hours that the account's plan allows them in. Only reads."""
    limits = engagement.destination.plans[engagement.settings.plan].limits
    an_hour = next(limit.allowance for limit in limits if limit.name == "hour")
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
    """Load, read back and account; GateClosed where a phase is open or the sign-off does not fit what is to be loaded."""
    engagement.gate("production")
    require_signoff(engagement, now=evidence(engagement, differences=engagement.load("sample_differences")))
    forecast, began = float(plan(engagement).frame["hours"].sum()) * 3600, time.monotonic()
    with engagement.lock():
        moved = transfer(engagement, on_progress=on_progress)
        compared = read_back(engagement)
    seconds = time.monotonic() - began
    closed = close_accounts(engagement, moved.frame)
    comparison = _summaries(compared)
    wrong = sum(each.wrong for each in compared.values())
    passed = bool(closed.frame["closes"].all()) and wrong == 0
    result = Production(
        frame=closed.frame,
        comparison=comparison,
        differences=_differences(compared),
        unresolved=closed.unresolved,
        wrong=wrong,
        passed=passed,
        seconds=seconds,
        forecast=forecast,
        pace=engagement.settings.time_scale,
    )
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
    engagement.save("differences", _differences(compared).astype("str"))


def _differences(compared: Mapping[str, Comparison]) -> pd.DataFrame:
    return pd.concat([each.frame.assign(feed=name) for name, each in compared.items()], ignore_index=True)


def _summary(closed: Closed, wrong: int) -> dict[str, object]:
    totals = closed.frame[["rows", *BUCKETS]].sum()
    return {**{str(name): int(count) for name, count in totals.items()}, "wrong": wrong}
