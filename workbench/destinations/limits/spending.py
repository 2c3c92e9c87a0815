"""What was used of one limit: a rolling stretch of time, or a day that begins anew at the vendor's midnight.

Moments are seconds of a monotonic clock, and never go back from one entry to the next.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Daily", "Rolling", "Spent", "Window", "spending"]

GRAINS = 1000
"""Into so many parts a window is divided: calls within one part are counted together, as of the last of them."""
NOTED = 250
"""And into so many where it is written down."""
STRAY, WIDEST = 0.1, 3
LITTLE, LATEST = 0.005, 1.0
"""Of a long window a margin of so little costs nothing; nor is a request longer on its way, in seconds, than the other."""
SHORT, MANY, PACE, CREDIT = 10.0, 110, 0.98, 0.05
"""A window of so few seconds and so many calls is paced at so much of its rate: a bunch of calls would meet its own end on
the way, and of few calls more of them do when they are paced. Whoever comes late may catch up by so many seconds."""
SPARE = 0.015
"""Seconds that a call of a paced window is held beyond what its answer has shown: as many as the pace leaves unused."""
STEADY = 360
"""Beyond so many paced calls the margin shrinks as the root of their number, as the share of them that strays does."""
DAYS, HOURS = 3, 24
EARLY = 1 / 60
"""Of an hour: so much may our picture of the vendor's clock be behind it."""
Spent = Mapping[str, object]


@dataclass(frozen=True)
class Window:
    """So many calls or tokens in any stretch of so many real seconds, or from one midnight of the vendor to the next."""

    seconds: float
    allowance: int
    name: str = ""
    unit: Literal["calls", "tokens"] = "calls"
    resets: Literal["rolling", "midnight"] = "rolling"
    calls_of: str = ""  # of one kind of call only
    reserve: float = 0.0  # the share that the customer keeps; it is never spent by us
    offset: float = 0.0  # of a day: seconds from midnight UTC to the vendor's

    @property
    def spendable(self) -> int:
        """The allowance without the customer's share."""
        return math.floor(self.allowance * (1 - self.reserve))


class Rolling:
    """Entries of the last ``window.seconds`` and a margin; exact, but that entries close together are counted as one.

    ``room`` is what all entries together may come to: the spendable allowance without what strangers use.
    """

    __slots__ = (
        "_buckets",
        "_grain",
        "_hold",
        "_margin",
        "_spacing",
        "_spare",
        "_strangers_until",
        "due",
        "promised",
        "room",
        "since",
        "total",
        "window",
    )

    def __init__(self, window: Window, *, margin: float) -> None:
        self.window = window
        self.room = window.spendable
        self.total = 0
        self.promised = math.inf  # units that may pass before the book has to be written again
        self.since = 0  # units that passed since it was
        self.due = 0.0  # from when the next call may leave, where the window is paced
        paced = window.seconds <= SHORT and self.room >= MANY
        self._spacing = window.seconds / (self.room * PACE) if paced else 0.0
        # Few calls stray further from their mean than many do; measured in tests/test_limits.py.
        wide = margin * (1 + math.sqrt(STRAY / max(window.allowance, 1)))
        wide *= math.sqrt(min(STEADY / self.room, 1.0)) if paced else 1.0
        self._hold = window.seconds + max(wide, min(LATEST, window.seconds * LITTLE))
        self._spare = SPARE
        self._margin = margin
        self._grain = window.seconds / GRAINS
        self._buckets: deque[list[float]] = deque()  # [when it ends to count, units, when it began]
        self._strangers_until = 0.0

    def later(self, cost: int) -> float:
        """The moment from which ``cost`` fits, where it does not now; infinite where it never will."""
        own = self._free(self.total + cost - self.room)
        if self.room == self.window.spendable:
            return own
        return min(own, max(self._strangers_until, self._free(self.total + cost - self.window.spendable)))

    def _free(self, short: float) -> float:
        latest = 0.0
        if short <= 0:
            return latest
        for ends, units, _ in self._buckets:
            latest = max(latest, ends)
            short -= units
            if short <= 0:
                return latest
        return math.inf

    def enter(self, at: float, cost: int) -> bool:
        """Count ``cost`` as of this moment; whether that is more than the book knows of."""
        if self._spacing:
            self.due = max(self.due, at - CREDIT) + self._spacing * cost
        buckets = self._buckets
        while buckets and buckets[0][0] <= at:
            self.total -= int(buckets.popleft()[1])
        if buckets and at - buckets[-1][2] < self._grain:
            newest = buckets[-1]
            newest[0] = at + self._hold
            newest[1] += cost
        else:
            buckets.append([at + self._hold, cost, at])
        if self._strangers_until and at >= self._strangers_until:
            self.strangers(0, 0.0)
        self.total += cost
        self.since += cost
        self.promised -= cost
        return self.promised < 0

    def widen(self, seconds: float) -> None:
        """Hold entries a little longer from now on, as calls overtake each other by more than we thought."""
        self._hold = min(self._hold + seconds, self.window.seconds + WIDEST * self._margin)
        self._spare = min(self._spare + seconds, self._hold - self.window.seconds)

    def came_late(self, at: float, now: float, cost: int) -> None:
        """The call of this moment goes out only now, since the machine was busy: it counts for so much longer."""
        del cost
        for bucket in reversed(self._buckets):
            if bucket[2] <= at:
                bucket[0] = max(bucket[0], now + self._hold)
                return

    def heard(self, at: float, late: float) -> None:
        """The call of this moment was counted so much later than the quickest at most: it is held for so much longer only."""
        if not self._spacing:
            return
        buckets = self._buckets
        place = next((place for place in range(len(buckets) - 1, -1, -1) if 0 <= at - buckets[place][2] < self._grain), None)
        if place is None:
            return
        bucket = buckets[place]
        ends = at + self.window.seconds + min(late, LATEST) + self._spare
        bucket[0] = ends if bucket[1] == 1 else max(bucket[0], ends)
        while place + 1 < len(buckets) and buckets[place + 1][0] < bucket[0]:
            buckets[place], place = buckets[place + 1], place + 1
        while place and buckets[place - 1][0] > bucket[0]:
            buckets[place], place = buckets[place - 1], place - 1
        buckets[place] = bucket

    def give_back(self, at: float, cost: int) -> None:
        """Take the entry of this moment back: it was never sent."""
        for bucket in reversed(self._buckets):
            if bucket[2] <= at:
                bucket[1] -= cost
                self.total -= cost
                return

    def others(self, now: float, units: int) -> None:
        """Count what another client of ours has used meanwhile, which the book told; it is counted there already."""
        self.enter(max(now, self._buckets[-1][2]) if self._buckets else now, units)
        self.since, self.promised = self.since - units, self.promised + units

    def used(self, now: float) -> int:
        """Units that count at this moment."""
        return self.total - sum(int(units) for ends, units, _ in self._buckets if ends <= now)

    def strangers(self, units: int, until: float) -> None:
        """That others use so much of the allowance, until the account says otherwise or until that moment."""
        self.room = self.window.spendable - units
        self._strangers_until = until if units else 0.0

    def left(self, now: float) -> int:
        """Units that may still be used at this moment."""
        room = self.window.spendable if self._strangers_until <= now else self.room
        return max(room - self.used(now), 0)

    def resets_at(self) -> float:
        """The moment from which all of it is there again."""
        return max(self._buckets[-1][0] if self._buckets else 0.0, self._strangers_until)

    def written(self, now: float, advance: int) -> Spent:
        """What the book keeps: ages with units, newest last, and the units that may pass until it is written again."""
        noted: list[list[float]] = []
        for ends, units, _ in self._buckets:
            age = now - (ends - self._hold)
            if noted and noted[-1][0] - age < self.window.seconds / NOTED:
                noted[-1] = [age, noted[-1][1] + units]
            else:
                noted.append([age, units])
        return {"spent": [[round(age, 4), int(units)] for age, units in noted], "ahead": advance}

    def restore(self, said: Spent, *, now: float, elapsed: float, sure: bool) -> None:
        """Take up what an earlier run has written down; what it may have sent after that counts as of now.

        Where it is ``sure`` how much time has elapsed, slots that lay further ahead were never used.
        """
        for age, units in _pairs(said.get("spent")):
            if age + elapsed >= 0 or not sure:
                self.enter(now - max(age + elapsed, 0.0), int(units))
        if ahead := _whole(said.get("ahead")):
            self.enter(now, ahead)


class Daily:
    """Units of the vendor's present day, whose clock is ``ahead`` of our monotonic one."""

    __slots__ = (
        "_ahead",
        "_day",
        "_margin",
        "_offset",
        "_others",
        "_strangers",
        "due",
        "ends",
        "promised",
        "room",
        "since",
        "total",
        "window",
    )

    def __init__(self, window: Window, *, margin: float, ahead: float) -> None:
        self.window = window
        self.room = window.spendable
        self.total = 0
        self.due = 0.0  # a day is not paced
        self.promised = math.inf
        self.since = 0
        self._margin = margin
        self._others: dict[int, int] = {}  # of other days, should the clock turn out to be wrong
        self._strangers = 0
        self._ahead, self._offset = ahead, window.offset
        self._day, self.ends = self._day_of(0.0)

    def set_clock(self, ahead: float, at: float) -> None:
        """What the vendor's clock shows beyond ours, as learned of late. It may be another day there than we thought."""
        self._ahead = ahead
        self._turn(at)

    def _day_of(self, at: float) -> tuple[int, float]:
        """The number of the day of a moment, and the moment at which it ends."""
        long, shift = self.window.seconds, self._ahead - self._offset
        # The margin keeps what is sent at midnight from being counted on the day before.
        day = math.floor((at - self._margin + shift) / long)
        ends = (day + 1) * long - shift + self._margin
        return (day + 1, ends + long) if at >= ends else (day, ends)  # the last digit of a float may be wrong

    def _turn(self, at: float) -> None:
        day, self.ends = self._day_of(at)
        if day == self._day:
            return
        self._others[self._day] = self.total
        self._day, self.total = day, self._others.pop(day, 0)
        self._others = {other: units for other, units in self._others.items() if abs(other - day) <= DAYS}
        self._strangers, self.room = 0, self.window.spendable

    def begin(self, at: float) -> None:
        """The vendor's day has begun of late, whatever hour we held for its midnight: at the last full hour."""
        hour = self.window.seconds / HOURS
        self._offset = math.floor((at + self._ahead) / hour + EARLY) * hour % self.window.seconds
        self._day, self.ends = self._day_of(at)
        self.total, self._others = 0, {}

    def later(self, cost: int) -> float:
        """The next midnight; infinite where the cost is more than a day's allowance."""
        return self.ends if cost <= self.window.spendable else math.inf

    def enter(self, at: float, cost: int) -> bool:
        """Count ``cost`` on the day of this moment; whether that is more than the book knows of."""
        if at >= self.ends:
            self._turn(at)
        self.total += cost
        self.since += cost
        self.promised -= cost
        return self.promised < 0

    def came_late(self, at: float, now: float, cost: int) -> None:
        """A call that goes out after midnight instead of before it counts on that day too."""
        if self._day_of(at)[0] != self._day_of(now)[0]:
            self.enter(now, cost)

    def give_back(self, at: float, cost: int) -> None:
        """Take the entry of this moment back: it was never sent."""
        if self._day_of(at)[0] == self._day:
            self.total -= cost

    def others(self, now: float, units: int) -> None:
        """Count what another client of ours has used meanwhile, which the book told; it is counted there already."""
        self.enter(now, units)
        self.since, self.promised = self.since - units, self.promised + units

    def used(self, now: float) -> int:
        """Units of the day of this moment."""
        return self.total if now < self.ends else 0

    def strangers(self, units: int, until: float) -> None:
        """That others have used so much of the allowance today."""
        del until
        self._strangers, self.room = units, self.window.spendable - units

    def left(self, now: float) -> int:
        """Units that may still be used on the day of this moment."""
        return max(self.room - self.total, 0) if now < self.ends else self.window.spendable

    def resets_at(self) -> float:
        """The next midnight."""
        return self.ends

    def written(self, now: float, advance: int) -> Spent:
        """What the book keeps: units by day."""
        del now
        days = {str(day): units for day, units in {**self._others, self._day: self.total}.items()}
        return {"days": days, "day": self._day, "offset": self._offset, "strangers": self._strangers, "ahead": advance}

    def restore(self, said: Spent, *, now: float, elapsed: float, sure: bool) -> None:
        """Take up what an earlier run has written down; what it may have sent after that counts on its day and on this."""
        del elapsed, sure
        offset = said.get("offset")
        self._offset = float(offset) if isinstance(offset, int | float) else self._offset
        self._turn(now)
        days, day, ahead = said.get("days"), _whole(said.get("day")), _whole(said.get("ahead"))
        if isinstance(days, Mapping):
            self._others = {int(number): _whole(units) for number, units in days.items()}
            self._others[day] = self._others.get(day, 0) + ahead
            self.total = self._others.pop(self._day, 0)
        if day == self._day:
            self.strangers(_whole(said.get("strangers")), self.ends)
        else:
            self.enter(now, ahead)


def spending(window: Window, *, margin: float, ahead: float) -> Rolling | Daily:
    """An empty count of the window's kind."""
    return Daily(window, margin=margin, ahead=ahead) if window.resets == "midnight" else Rolling(window, margin=margin)


def _pairs(said: object) -> Sequence[tuple[float, float]]:
    return [(float(age), float(units)) for age, units in said] if isinstance(said, list) else []


def _whole(said: object) -> int:
    return int(said) if isinstance(said, int | float | str) else 0
