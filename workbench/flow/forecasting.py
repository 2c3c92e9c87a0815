"""What a load will take before it is begun: calls, tokens and hours by object, for every plan of the destination.

The arithmetic is that of the vendor's limits and nothing else: no machine is slower than they are. A day's budget that
returns at midnight is counted in whole budgets; every other limit is a rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil, inf

import pandas as pd

from workbench.destinations.limits.pricing import rows_in_one_call
from workbench.engagement import Engagement
from workbench.flow.costing import Amount, Cost, cost, total
from workbench.flow.expecting import FOLDED, amounts
from workbench.flow.others import others_seen
from workbench.flow.tally import PARTS
from workbench.show import Meter, duration, heading, html_table, text_table, together
from workbench.specs import DestinationSpec, Limit, Scalar

__all__ = ["Forecast", "Tier", "beside", "forecast", "foretold", "tiers"]

DAY = 86_400.0
UNSEEN = (
    "Records of others are not counted, as nobody has looked at the whole account yet: reading back takes a call for each "
    "page of them, too. Once the sample is compared, their number is known."
)


@dataclass(frozen=True)
class Tier:
    """One plan of the destination: how long the load takes there, and what folding would make of that."""

    plan: str
    label: str
    hours: float  # at the plan's rate, from a standing start
    earliest: float  # hours from the best start, just before a day's budget comes back; `hours` where no budget is a day's
    days: int  # budgets of a day that are needed; 0 where the plan has none
    folded: float  # hours where histories are folded into notes; as `hours` where there are none
    finish: datetime | None = None  # where a start is given


@dataclass(frozen=True)
class Forecast:
    """Calls, tokens and time, by object and by plan."""

    frame: pd.DataFrame  # feed, object, records, in one call, load, look-ups, read-back, calls (their sum), tokens, hours
    tiers: tuple[Tier, ...]
    plan: str  # of this account
    start: datetime | None = None
    looked: bool = True  # somebody has seen how many records of others the account holds

    @property
    def seconds(self) -> float:
        """At the limits of this account's plan."""
        return self._own().hours * 3600

    def _own(self) -> Tier:
        return next(tier for tier in self.tiers if tier.plan == self.plan)

    def tiers_frame(self, *, exact: bool = False) -> pd.DataFrame:
        """One row a plan: plan, hours (to the hundredth unless `exact`), days of budget, earliest, folded, the finish."""
        places = 9 if exact else 2
        columns = ["plan", "hours", "days of budget", "hours from the best start", "hours with histories folded", "finish"]
        rows = [
            [
                f"{tier.label} (this account)" if tier.plan == self.plan else tier.label,
                round(tier.hours, places),
                tier.days,
                round(tier.earliest, places),
                round(tier.folded, places),
                "" if tier.finish is None else f"{tier.finish:%a %d %b %Y %H:%M %Z}".strip(),
            ]
            for tier in self.tiers
        ]
        frame = pd.DataFrame(rows, columns=columns)
        spare = [] if any(tier.days for tier in self.tiers) else ["days of budget", "hours from the best start"]
        spare += [] if any(tier.folded < tier.hours for tier in self.tiers) else ["hours with histories folded"]
        return frame.drop(columns=spare if self.start else [*spare, "finish"])

    def words(self) -> str:
        """The forecast in a sentence."""
        records, calls, tokens = (int(self.frame[name].sum()) for name in ("records", "calls", "tokens"))
        cost_ = f"{calls:,} calls" + (f" and {tokens:,} tokens" if tokens else "")
        return f"{records:,} records in {cost_}: {duration(self.seconds)} at the limits of the plan {self._own().label}"

    def saving(self) -> str:
        """What folding histories into notes would save; empty where there is nothing to fold."""
        own = self._own()
        if own.folded >= own.hours:
            return ""
        saved = duration((own.hours - own.folded) * 3600)
        return f"Folding histories into notes, {FOLDED} entries a note, would save {saved} of {duration(own.hours * 3600)}."

    def unknown(self) -> str:
        """What the forecast leaves out because nothing is known of it; empty where that is nothing."""
        return "" if self.looked else UNSEEN

    def text(self) -> str:
        """All of it for a terminal."""
        times = [duration(float(hours) * 3600) for hours in self.frame["hours"]]
        shown = self.frame.drop(columns=["hours", "object"]).assign(
            time=pd.Series(times, index=self.frame.index, dtype="object")
        )
        if not shown["tokens"].any():
            shown = shown.drop(columns=["tokens"])
        plans = text_table(self._in_units(), caption="by plan")
        parts = [self.words(), text_table(shown), plans, self.saving(), self.unknown()]
        return "\n\n".join(part for part in parts if part)

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        hours = self.frame["hours"]
        longest = max(float(hours.max()), 1e-9) if len(hours) else 1.0
        times = [Meter(float(each) / longest, duration(float(each) * 3600)) for each in hours]
        shown = self.frame.drop(columns=["hours", "object"]).assign(
            time=pd.Series(times, index=self.frame.index, dtype="object")
        )
        if not shown["tokens"].any():
            shown = shown.drop(columns=["tokens"])
        notes = [f'<p class="wb-note">{note}</p>' for note in (self.saving(), self.unknown()) if note]
        return together(heading(self.words()), html_table(shown, caption="Forecast"), self._plans(), *notes)

    def _in_units(self) -> pd.DataFrame:
        """The plans with their times in the unit in which one thinks of each."""
        frame = self.tiers_frame(exact=True)
        for column in [name for name in frame.columns if name.startswith("hours")]:
            frame[column] = pd.Series([duration(float(each) * 3600) for each in frame[column]], dtype="object")
        return frame.rename(columns=lambda name: name.replace("hours", "time", 1))

    def _plans(self) -> str:
        """The plans under each other, each with its time as a length."""
        longest = max((tier.hours for tier in self.tiers), default=1.0) or 1.0
        frame = self.tiers_frame(exact=True)
        for column in [name for name in frame.columns if name.startswith("hours")]:
            frame[column] = pd.Series([Meter(each / longest, duration(each * 3600)) for each in frame[column]], dtype="object")
        frame = frame.rename(columns=lambda name: name.replace("hours", "time", 1))
        return html_table(frame, caption="The same load on the other plans")


def beside(foretold: pd.DataFrame, took: pd.DataFrame, *, pace: float = 1.0) -> pd.DataFrame:
    """Forecast and fact, feed by feed: calls, tokens where calls cost any, and times; then all of it, and its calls by part.

    `took` has feed, records, load, look-ups, read-back, calls, tokens and seconds, of all runs of a load together. A
    rehearsal's clock runs `pace` times as fast.
    """
    both = foretold.merge(took, on="feed", how="left", suffixes=("", " sent")).fillna(0)
    both.loc[len(both)] = both.drop(columns=["feed", "object"]).sum().astype("object")
    both[["feed", "object"]] = both[["feed", "object"]].astype("object")
    both.loc[len(both) - 1, ["feed", "object"]] = ["all", ""]
    whole = both.iloc[-1]
    parts = [{"feed": f"of these {part}", "calls": whole[part], "calls sent": whole[f"{part} sent"]} for part in PARTS]
    return _measured(pd.concat([both, pd.DataFrame(parts, dtype="object")], ignore_index=True), pace)


def _measured(both: pd.DataFrame, pace: float) -> pd.DataFrame:
    """The figures as they are shown; a part of the calls has neither tokens nor a time of its own."""
    times = {"time forecast": both["hours"].astype("float64") * 3600 / pace, "time in fact": both["seconds"].astype("float64")}
    longest = max(*(float(seconds.max()) for seconds in times.values()), 1e-9)
    frame = pd.DataFrame({"feed": both["feed"].astype("str")})
    for unit in ("calls", "tokens"):
        if both[unit].fillna(0).any():
            frame[f"{unit} forecast"] = pd.Series([_plain(count) for count in both[unit]], dtype="object")
            frame[f"{unit} in fact"] = [
                f"{int(count):,} {unit} sent" if pd.notna(count) else "" for count in both[f"{unit} sent"]
            ]
    for name, seconds in times.items():
        meters = [Meter(each / longest, duration(each)) if pd.notna(each) else "" for each in seconds]
        frame[name] = pd.Series(meters, index=frame.index, dtype="object")
    return frame


def _plain(count: object) -> object:
    return "" if pd.isna(count) else int(count)  # type: ignore[call-overload]


# ---------------------------------------------------------------- arithmetic


def tiers(
    spec: DestinationSpec, wanted: Sequence[Amount], settings: Mapping[str, Scalar], *, start: datetime | None = None
) -> tuple[Tier, ...]:
    """The load on every plan of the destination; `start`, in the account's zone, gives the finish."""
    whole, folded = total(spec, wanted, settings), total(spec, _folded(spec, wanted), settings)
    return tuple(_tier(spec, name, whole, folded, settings, start) for name in spec.plans)


def _tier(
    spec: DestinationSpec, name: str, whole: Cost, folded: Cost, settings: Mapping[str, Scalar], start: datetime | None
) -> Tier:
    limits = _limits(spec, name, settings)
    daily = [limit for limit in limits if limit.resets == "midnight"]
    days = max((ceil(_amount(whole, limit) / limit.allowance) for limit in daily), default=0)
    begin = DAY - min((_spent_in(whole, limits, limit) for limit in daily), default=DAY)
    return Tier(
        plan=name,
        label=spec.plans[name].label,
        hours=_wall(whole, limits, since_midnight=0.0) / 3600,
        earliest=_wall(whole, limits, since_midnight=max(begin, 0.0)) / 3600,
        days=days,
        folded=_wall(folded, limits, since_midnight=0.0) / 3600,
        finish=None if start is None else start + timedelta(seconds=_wall(whole, limits, since_midnight=_of_day(start))),
    )


def _of_day(moment: datetime) -> float:
    return (moment - moment.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()


def _folded(spec: DestinationSpec, wanted: Sequence[Amount]) -> list[Amount]:
    """The amounts with every history told in notes."""
    changed = []
    for each in wanted:
        into = spec.objects[each.object].folds_into
        changed.append(replace(each, object=into, records=each.notes, made=0, found=()) if into and each.notes else each)
    return changed


def _limits(spec: DestinationSpec, plan: str, settings: Mapping[str, Scalar]) -> list[Limit]:
    """The limits that hold for this account, with its seats counted and the customer's reserve taken off."""
    seats, reserve = int(settings.get("seats", 1)), float(settings.get("reserve", 0.0))
    found = []
    for limit in spec.plans[plan].limits:
        if limit.calls_of or (limit.sign_in and limit.sign_in != settings.get("sign_in", limit.sign_in)):
            continue
        kept = 1 - reserve if limit.seconds >= 3600 else 1.0
        allowance = int(limit.allowance * (seats if limit.per_seat else 1) * kept)
        found.append(limit.model_copy(update={"allowance": allowance}))
    return found


def _amount(spent: Cost, limit: Limit) -> int:
    return spent.tokens if limit.unit == "tokens" else spent.calls


def _speed(spent: Cost, limits: Sequence[Limit]) -> float:
    """The share of the load that the rates let pass in a second."""
    rolling = [
        limit.allowance / limit.seconds / _amount(spent, limit)
        for limit in limits
        if limit.resets == "rolling" and _amount(spent, limit)
    ]
    return min(rolling, default=inf)


def _spent_in(spent: Cost, limits: Sequence[Limit], daily: Limit) -> float:
    """Seconds in which one day's budget is spent at the plan's rate."""
    amount = _amount(spent, daily)
    return min(1.0, daily.allowance / amount) / _speed(spent, limits) if amount else 0.0


def _wall(spent: Cost, limits: Sequence[Limit], *, since_midnight: float) -> float:
    """Seconds from the start to the last call: at the rates, and never more in a day than its budgets."""
    speed = _speed(spent, limits)
    budgets = [
        limit.allowance / _amount(spent, limit) for limit in limits if limit.resets == "midnight" and _amount(spent, limit)
    ]
    a_day = min(budgets, default=inf)
    left, passed, now = 1.0, 0.0, since_midnight
    while left > 1e-12:
        today = min(left, a_day, speed * (DAY - now) if budgets else inf)
        left -= today
        if left <= 1e-12:
            return passed + (today / speed if speed < inf else 0.0)
        passed, now = passed + DAY - now, 0.0
    return passed


# ---------------------------------------------------------------- an engagement


def forecast(engagement: Engagement, *, delivery: str = "main", start: datetime | None = None) -> Forecast:
    """What moving the staged records of an engagement takes from here on. Reads nothing of the destination."""
    spec = engagement.destination
    settings = {**spec.settings, **engagement.dials()}
    wanted = amounts(engagement, delivery=delivery)
    own = _limits(spec, engagement.settings.plan, settings)
    rows = []
    for each in wanted:
        price = cost(spec, each, settings)
        together_ = rows_in_one_call(spec.objects[each.object], settings)
        hours = max((_amount(price, limit) / limit.allowance * limit.seconds for limit in own), default=0.0) / 3600
        parts = [part.calls for part in (price.load, price.looks, price.back)]
        rows.append([each.label, each.object, each.records, together_, *parts, price.calls, price.tokens, hours])
    columns = ["feed", "object", "records", "in one call", *PARTS, "calls", "tokens", "hours"]
    frame = pd.DataFrame(rows, columns=columns)
    found = Forecast(
        frame,
        tiers(spec, wanted, settings, start=start),
        engagement.settings.plan,
        start,
        looked=others_seen(engagement) is not None,
    )
    whole = float(frame["hours"].sum())  # as if a day's budget came back bit by bit: good for a share, and for no more
    share = found.seconds / 3600 / whole if whole else 0.0
    return replace(found, frame=frame.assign(hours=frame["hours"] * share))


def foretold(engagement: Engagement, *, delivery: str = "main") -> pd.DataFrame:
    """The forecast of a load as it was made when the load began, and goes with all that its runs took; made now if need be."""
    if not engagement.has("foretold", delivery=delivery):
        engagement.save("foretold", forecast(engagement, delivery=delivery).frame, delivery=delivery)
    return engagement.load("foretold", delivery=delivery)
