"""Load everything in dependency order, read every record back, and show that each source row ended somewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.accounting import Closed, close_accounts
from workbench.flow.evidence import evidence, require_signoff
from workbench.flow.forecasting import Forecast, beside, forecast, foretold
from workbench.flow.labels import feed_labels
from workbench.flow.transfer import in_order, read_back, transfer
from workbench.frames.compare import Comparison
from workbench.ledger.guarding.certificate import COLUMNS, Certificate
from workbench.ledger.loading import Progress
from workbench.plain import Shown
from workbench.reports.differences import differences_table
from workbench.reports.reasons import in_words
from workbench.show import bars, heading, html_table, together

__all__ = ["Forecast", "Production", "certified", "plan", "run"]

BUCKETS = ("loaded", "merged", "excluded", "rejected", "held", "failed")


@dataclass(frozen=True, repr=False)
class Production(Shown):
    """The row accounting, the comparison with what is over there, and what did not arrive."""

    frame: pd.DataFrame  # feed, rows, loaded, merged, excluded, rejected, held, failed, closes
    comparison: pd.DataFrame  # feed, field, cells, filled, equal, intended, lossy, wrong
    differences: pd.DataFrame  # feed, key, field, expected, actual, class, reason
    unresolved: pd.DataFrame  # feed, row, bucket, reason, detail
    wrong: int
    passed: bool
    certificate: pd.DataFrame = field(
        default_factory=pd.DataFrame, repr=False
    )  # object, records, one to one, missing, twins, …, holds
    unlike: pd.DataFrame = field(
        default_factory=pd.DataFrame, repr=False
    )  # object, key, id, verdict, words: where the two differ
    took: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)  # feed, records, calls, tokens, seconds
    foretold: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)  # as `Forecast.frame`
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)  # feed → how the customer calls it
    pace: float = 1.0  # how much faster than an account's the limits of a rehearsal pass

    def _repr_html_(self) -> str:
        fine = "every row is accounted for, and every loaded field reads as it should"
        open_ = f"{int((~self.frame['closes']).sum())} feeds do not add up, {self.wrong} differences are not explained"
        return together(
            heading(fine if self.passed else open_, good=self.passed),
            bars(
                self._called(self.frame).rename(columns={"feed": "what"}),
                label="what",
                parts=BUCKETS,
                caption="Where every row ended, for each kind of record that it was looked at for",
                closes="closes",
            ),
            self._certified(),
            differences_table(self._called(self.comparison), self._called(self.differences)),
            self._open_rows(),
            self._times(),
        )

    def _called(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with its feeds as the customer calls them."""
        return frame.assign(feed=[self.labels.get(str(feed), str(feed)) for feed in frame["feed"]])

    def _certified(self) -> str:
        """Ledger and destination beside each other, and every record in which they differ."""
        if self.certificate.empty:
            return ""
        shown = self.certificate.drop(columns=["at", "digest"])  # what differs from run to run is kept, and not shown
        parts = [heading(certified(self.certificate), good=bool(shown["holds"].all()))]
        parts.append(html_table(shown, caption="Ledger and destination, record by record"))
        if len(self.unlike):
            parts.append(html_table(self.unlike.drop(columns=["id"]), caption="Where ledger and destination differed"))
        return together(*parts)

    def _open_rows(self) -> str:
        """Rows that did not arrive: counted by their reason, then one by one."""
        if self.unresolved.empty:
            return ""
        told = in_words(self._called(self.unresolved)).rename(columns={"bucket": "ended", "detail": "value or answer"})
        counts = told.groupby(["feed", "ended", "reason"], sort=False).size().reset_index(name="rows")
        listed = html_table(told, caption="The same, row by row")
        return html_table(counts, caption="Rejected, held and failed: what somebody has to look at") + listed

    def _times(self) -> str:
        if self.took.empty or self.foretold.empty:
            return ""
        pace = f", on a clock {self.pace:,.0f} times as fast as an account's" if self.pace != 1 else ""
        frame = beside(self.foretold, self.took, pace=self.pace)
        return html_table(frame, caption=f"Forecast by the limits, and fact{pace}")


def plan(engagement: Engagement) -> Forecast:
    """Records, calls and tokens by feed, and the hours that every plan of the destination allows them in. Sends nothing."""
    return forecast(engagement)


def run(engagement: Engagement, *, on_progress: Callable[[str, Progress], None] | None = None) -> Production:
    """Load, read back and account; GateClosed where a phase is open or the sign-off does not fit what is to be loaded."""
    engagement.gate("production")
    require_signoff(engagement, now=evidence(engagement, differences=engagement.load("sample_differences")))
    begun = foretold(engagement)
    with engagement.lock():
        moved = transfer(engagement, certify=True, on_progress=on_progress)
        compared = read_back(engagement, noted=True)
    closed = close_accounts(engagement, moved.frame)
    comparison = _summaries(compared)
    wrong = sum(each.wrong for each in compared.values())
    objects = dict.fromkeys(feed.object for feed in in_order(engagement))
    certificate, unlike = _certificate({name: moved.certificates[name] for name in objects if name in moved.certificates})
    unlike_ones = certificate[~certificate["holds"].astype("bool")]
    broken = [f"{row.object}: {row.missing} missing, {row.twins} twins" for row in unlike_ones.itertuples()]
    passed = bool(closed.frame["closes"].all()) and wrong == 0 and not broken
    result = Production(
        frame=closed.frame,
        comparison=comparison,
        differences=_differences(compared),
        unresolved=closed.unresolved,
        wrong=wrong,
        passed=passed,
        certificate=certificate,
        unlike=unlike,
        took=engagement.load("took"),
        foretold=begun,
        labels=feed_labels(engagement),
        pace=engagement.settings.time_scale,
    )
    _keep(engagement, closed, compared, comparison)
    engagement.save("certificate", certificate)
    engagement.save("certificate_differences", unlike.astype("str"))
    reasons = [] if passed else [f"{row.feed} does not add up" for row in closed.frame[~closed.frame["closes"]].itertuples()]
    if wrong:
        reasons.append(f"{wrong} differences are not explained")
    reasons += [f"ledger and destination are not one to one: {words}" for words in broken]
    summary = {**_summary(closed, wrong), "certificate": certified(certificate)}
    engagement.finish("production", passed=passed, reasons=reasons, summary=summary)
    return result


def certified(certificate: pd.DataFrame) -> str:
    """The certificate in one line: `ledger ↔ destination one to one: 1,204 of 1,204, 0 twins, 0 missing`."""
    sums = certificate[["one to one", "records", "twins", "missing"]].sum()
    one, records, twins, missing = (int(each) for each in sums)
    return f"ledger ↔ destination one to one: {one:,} of {records:,}, {twins:,} twins, {missing:,} missing"


def _certificate(found: Mapping[str, Certificate]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row an object, and one a record in which ledger and destination differed.

    A stranger bears a key like ours and is nobody of ours: it is told of, and it is held by whoever meets it.
    """
    rows = [
        [
            each.object,
            each.matched + each.count("missing"),
            each.matched,
            each.count("missing"),
            each.count("twin"),
            each.count("repaired"),
            each.count("stranger"),
            not (each.count("missing") or each.count("twin")),
            each.at,
            each.digest,
        ]
        for each in found.values()
    ]
    columns = ["object", "records", "one to one", "missing", "twins", "twins taken away", "strangers", "holds", "at", "digest"]
    frames = [each.frame for each in found.values() if len(each.frame)]
    unlike = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(COLUMNS), dtype="str")
    return pd.DataFrame(rows, columns=columns), unlike


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
