"""The limiter against an account that counts calls as they arrive, in virtual time and with latency by chance."""

from __future__ import annotations

import heapq
import json
import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from counting import calls_of
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.destinations import Account, Secret, Wait
from workbench.destinations.limits import Limiter, Turn, Window
from workbench.destinations.limits.budget import policy_windows
from workbench.errors import DestinationBusy, IntegrityError, SpecError
from workbench.specs import load_destination

HOUR = Window(3600, 1000, name="hour")
MINUTE = Window(60, 400, name="minute")
DAY = Window(86400, 10_000, name="day", unit="tokens", resets="midnight")
MIDNIGHT = 1_790_035_200.0  # of a day in September 2026, UTC
DATE = "Tue, 22 Sep 2026 {:02d}:{:02d}:{:02d} GMT"


@dataclass
class Virtual:
    """A clock that stands still unless somebody sleeps."""

    now: float = 5000.0
    wall: float = MIDNIGHT + 36_000 - 5000.0  # ten o'clock at first

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.wall + self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def wait_of(bucket: Limiter, now: float, tokens: int = 0) -> float:
    """Seconds until a call may go, which is counted as of then."""
    return bucket.reserve(now, tokens=tokens) - now


@dataclass
class Pages:
    """A book in memory that counts how often it was written."""

    text: str = ""
    kept: int = 0

    def read(self) -> str:
        return self.text

    def keep(self, text: str) -> None:
        self.text, self.kept = text, self.kept + 1


def limiter(*windows: Window, clock: Virtual | None = None, book: Pages | None = None, patience: float = math.inf) -> Limiter:
    return Limiter(windows, report=lambda wait: None, clock=clock or Virtual(), book=book, patience=patience)


# ---------------------------------------------------------------- as the account sees it


@dataclass
class Seen:
    """An account that counts what arrives, and a client with so many calls in flight, both in virtual time."""

    windows: tuple[Window, ...]
    lanes: int
    calls: int
    seed: int
    up: float = 0.25  # share of a call's time until the account counts it; most of it is the account's own work
    headers: bool = True
    even: float = 0.0  # seconds that each call takes, and some by chance; all that arrive in a halt are counted at its end
    halt: float = 0.0  # seconds of it, every five seconds
    told: bool = True  # whether the limiter hears when answers come
    clock: Virtual = field(default_factory=Virtual)
    arrived: list[float] = field(default_factory=list)
    refused: int = 0
    issued: int = 0

    def run(self) -> Seen:
        self.chance = random.Random(self.seed)
        self.limiter = limiter(*self.windows, clock=self.clock)
        self.counts: list[deque[float]] = [deque() for _ in self.windows]
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        for _ in range(self.lanes):
            self.at(self.clock.now, self.start)
        while self.events:
            self.clock.now, _, happen = heapq.heappop(self.events)
            happen()
        return self

    def at(self, moment: float, happen: Callable[[], None]) -> None:
        self.order = getattr(self, "order", 0) + 1
        heapq.heappush(self.events, (moment, self.order, happen))

    def start(self) -> None:
        if self.issued < self.calls:
            self.issued += 1
            self.place()

    def place(self) -> None:
        moment = self.limiter.reserve(self.clock.now)
        self.at(moment, lambda: self.send(moment))

    def send(self, moment: float) -> None:
        if self.limiter._breaker.until > moment:
            for log in self.limiter._logs:
                log.give_back(moment, 1)
            self.place()
            return
        latency = self.even + self.chance.expovariate(100) if self.even else self.chance.uniform(0.02, 0.4)
        woken = self.chance.uniform(0, 0.002)  # a thread wakes up a little late
        there = self.clock.now + woken + latency * self.up
        if (since := (there + 2) % 5) < self.halt:
            there += self.halt - since
        self.at(there, lambda: self.arrive(moment, latency * (1 - self.up)))

    def arrive(self, moment: float, back: float) -> None:
        now = self.clock.now
        for window, count in zip(self.windows, self.counts, strict=True):
            while count and count[0] <= now - window.seconds:
                count.popleft()
        full = [window for window, count in zip(self.windows, self.counts, strict=True) if len(count) >= window.allowance]
        if not full:
            self.arrived.append(now)
            for count in self.counts:
                count.append(now)
        self.refused += bool(full)
        told, count = min(zip(self.windows, self.counts, strict=True), key=lambda pair: pair[0].allowance - len(pair[1]))
        headers = {
            "x-ratelimit-limit": str(told.allowance),
            "x-ratelimit-remaining": str(told.allowance - len(count)),
            "x-ratelimit-reset": str(math.ceil(count[0] + told.seconds - now)),
        }
        self.at(now + back, lambda: self.answer(moment, headers, refused=bool(full)))

    def answer(self, moment: float, headers: dict[str, str], *, refused: bool) -> None:
        if self.headers:
            self.limiter.heed(headers)
        if self.told:
            self.limiter.answered(Turn(moment, ()), passed=True)
        if not refused:
            self.start()
            return
        self.limiter.refused()
        self.limiter.park(float(headers["x-ratelimit-reset"]), "429")
        self.place()

    @property
    def utilisation(self) -> float:
        """What was let through of what the tightest window would have, but for the first one, which is free at once."""
        lasted = self.arrived[-1] - self.arrived[0]
        tightest = min(self.windows, key=lambda window: window.allowance / window.seconds)
        return (len(self.arrived) - tightest.allowance) / (lasted / tightest.seconds * tightest.allowance)

    @property
    def rate(self) -> float:
        """Calls a second that were let through."""
        return (len(self.arrived) - 1) / (self.arrived[-1] - self.arrived[0])

    @property
    def per_thousand(self) -> float:
        return self.refused / len(self.arrived) * 1000


@pytest.mark.parametrize("allowance", [20, 40, 100, 120, 160, 400, 480])
def test_a_burst_limit_is_used_to_95_percent_with_at_most_one_refusal_in_a_thousand(allowance: int) -> None:
    lanes = max(8, math.ceil(allowance / 2 * 0.45))
    seen = Seen((Window(2, allowance, name="burst"),), lanes, allowance * 80 + 4000, seed=1).run()
    assert seen.utilisation >= 0.945 if allowance <= 40 else 0.95
    assert seen.per_thousand <= 1


@pytest.mark.parametrize(("halt", "rate"), [(0.0, 0.968), (0.12, 0.965), (0.25, 0.94)])
def test_where_answers_come_evenly_they_tell_how_narrow_the_margin_may_be(halt: float, rate: float) -> None:
    deaf, told = (
        Seen((Window(2, 480, name="burst"),), 96, 7200, seed=4, even=0.3, halt=halt, told=told, headers=False).run()
        for told in (False, True)
    )
    assert told.refused == 0
    assert told.rate >= rate * 240 > deaf.rate
    assert bool(deaf.refused) == bool(halt)  # such a halt is more than the margin


def test_an_hour_and_a_minute_are_used_to_99_percent_and_never_exceeded() -> None:
    seen = Seen((HOUR, MINUTE), lanes=8, calls=20_000, seed=2).run()
    assert seen.refused == 0
    assert seen.utilisation >= 0.99


@pytest.mark.parametrize("up", [0.5, 1.0])
def test_where_latency_is_all_before_the_count_the_margin_grows_until_refusals_are_rare(up: float) -> None:
    first = Seen((Window(2, 100, name="burst"),), 40, 4000, seed=3, up=up).run()
    later = Seen((Window(2, 100, name="burst"),), 40, 24_000, seed=3, up=up).run()
    assert later.refused - first.refused <= 0.0015 * 20_000
    assert later.utilisation >= 0.9


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.5, 2, 7, 60]), st.integers(1, 60)), min_size=1, max_size=3),
    st.integers(0, 2**32),
    st.integers(1, 30),
)
def test_no_window_ever_holds_more_than_its_allowance(shapes: list[tuple[float, int]], seed: int, lanes: int) -> None:
    windows = tuple(Window(seconds, allowance, name=str(place)) for place, (seconds, allowance) in enumerate(shapes))
    clock, chance, sent = Virtual(), random.Random(seed), []
    bucket = limiter(*windows, clock=clock)
    for _ in range(400):
        clock.now += chance.choice([0, 0, 0, chance.uniform(0, 3)])
        sent.append(bucket.reserve(clock.now))
        if len(sent) % lanes == 0:
            clock.now = max(clock.now, sent[-1])
    assert sent == sorted(sent)
    for window in windows:
        for place in range(len(sent) - window.allowance):
            assert sent[place + window.allowance] - sent[place] >= window.seconds


def test_a_kind_of_call_with_a_window_of_its_own_holds_up_nobody_else() -> None:
    clock = Virtual()
    bucket = limiter(Window(2, 100, name="burst"), Window(2, 10, name="search", calls_of="search"), clock=clock)
    begun = clock.now
    for _ in range(10):
        bucket.take(kind="search")
    assert wait_of(bucket, clock.now) == 0 and clock.now == begun
    bucket.take(kind="search")
    assert clock.now - begun >= 2
    assert {s.name: s.left for s in bucket.standing()}["search"] == 9


def test_eighty_threads_sleep_once_each_and_keep_the_limit() -> None:
    bucket = Limiter([Window(0.3, 20)], report=lambda wait: None)
    sent: list[float] = []
    slept: list[float] = []
    pause = bucket._clock.sleep
    bucket._clock = type("Counted", (), {"monotonic": time.monotonic, "time": time.time,
                                         "sleep": staticmethod(lambda s: (slept.append(s), pause(s)))})  # fmt: skip

    def worker() -> None:
        bucket.take()
        sent.append(time.monotonic())

    threads = [threading.Thread(target=worker) for _ in range(80)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent.sort()
    assert len(sent) == 80 and len(slept) <= 80 * 3  # a wait above half a second is looked at again
    assert all(sent[place + 20] - sent[place] >= 0.29 for place in range(60))


def test_a_thread_that_wakes_up_late_counts_from_when_it_sends() -> None:
    class Sleepy(Virtual):
        def sleep(self, seconds: float) -> None:
            self.now += seconds + 0.4

    clock, sent = Sleepy(), []
    bucket = limiter(Window(2, 3, name="burst"), clock=clock)
    for _ in range(40):
        bucket.take()
        sent.append(clock.now)
    assert all(sent[place + 3] - sent[place] >= 2 for place in range(37))


def test_asking_is_cheap_however_large_the_window() -> None:
    bucket = limiter(Window(3600, 36_000), Window(60, 400_000), Window(2, 100))
    now = 0.0

    def ask(turns: int) -> None:
        nonlocal now
        for _ in range(turns):
            now = bucket.reserve(now)

    assert calls_of(lambda: ask(1000)) < 8 * 1000  # functions of ours for a turn, two of them for each window
    ask(48_000)
    assert calls_of(lambda: ask(1000)) < 8 * 1000
    assert sum(len(log._buckets) for log in bucket._logs) < 3000


# ---------------------------------------------------------------- what the account says


def test_what_others_use_is_taken_over_and_what_is_said_beyond_our_count_is_not() -> None:
    clock = Virtual()
    bucket = limiter(HOUR, clock=clock)
    bucket.take()
    bucket.heed({"x-ratelimit-limit": "1000", "x-ratelimit-remaining": "300", "x-ratelimit-reset": "900"})
    assert bucket.standing()[0].left == 300
    for _ in range(300):
        assert wait_of(bucket, clock.now) == 0
    assert wait_of(bucket, clock.now) == pytest.approx(900)
    clock.now += 901
    assert bucket.standing()[0].left == 698
    bucket.heed({"x-ratelimit-limit": "1000", "x-ratelimit-remaining": "1000", "x-ratelimit-reset": "3600"})
    assert bucket.standing()[0].left == 698


def test_nothing_left_for_an_hour_stops_everybody_until_it_begins_anew() -> None:
    clock = Virtual()
    bucket = limiter(HOUR, MINUTE, clock=clock)
    bucket.take()
    bucket.heed({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800"})
    assert wait_of(bucket, clock.now) == pytest.approx(1800)


@pytest.mark.parametrize(
    "headers",
    [{"x-daily-ratelimit-token-limit": "10000", "x-daily-ratelimit-token-remaining": "2500"}, {"x-daily-requests-left": "249"}],
)
def test_what_the_customer_keeps_of_a_day_is_never_spent(headers: dict[str, str]) -> None:
    """Others have used 7,500: their own 2,000 first, so 2,500 are ours to spend."""
    clock = Virtual()
    bucket = limiter(Window(86400, 10_000, name="day", unit="tokens", resets="midnight", reserve=0.2), clock=clock)
    assert bucket.standing()[0].allowance == 8000
    bucket.heed(headers)
    assert bucket.standing()[0].left == pytest.approx(2500, abs=1)
    bucket.heed({"x-daily-ratelimit-token-limit": "10000", "x-daily-ratelimit-token-remaining": "9000"})
    assert bucket.standing()[0].left == 8000  # others used 1,000 of their own share, and 1,000 of it they still have


def test_what_the_customer_keeps_is_a_share_of_what_the_account_really_has() -> None:
    bucket = limiter(Window(86400, 10_000, name="day", unit="tokens", resets="midnight", reserve=0.2))
    bucket.heed({"x-daily-ratelimit-token-limit": "5000", "x-daily-ratelimit-token-remaining": "5000"})
    assert bucket.standing()[0].left == 4000


def test_a_day_ends_at_the_vendors_midnight_and_its_budget_is_used_up_by_then() -> None:
    clock, used = Virtual(), 0
    bucket = limiter(DAY, clock=clock)
    while not (wait := wait_of(bucket, clock.now, 7)):
        used += 7
    assert 0.99 * 10_000 <= used <= 10_000
    assert wait == pytest.approx(14 * 3600, abs=1)
    clock.now += 14 * 3600 + 0.1
    assert wait_of(bucket, clock.now, 7) == 0
    assert bucket.standing()[0].left == 10_000 - 2 * 7  # the first was given its place at midnight


@pytest.mark.parametrize("skew", [-86400, -3600, -300, 300, 3600, 86400])
def test_midnight_is_the_vendors_however_wrong_our_clock_is(skew: int) -> None:
    clock = Virtual()
    clock.wall += skew
    bucket = limiter(DAY, clock=clock)
    bucket.take(tokens=5)
    bucket.heed({"date": DATE.format(10, 0, 0)})
    assert bucket.day_ends() == pytest.approx(14 * 3600, abs=2)
    clock.wall += 86400  # somebody sets the clock of this machine
    bucket.heed({"date": DATE.format(10, 0, 0)})
    assert bucket.day_ends() == pytest.approx(14 * 3600, abs=2)


def test_a_day_that_begins_at_another_hour_is_noticed() -> None:
    clock = Virtual()
    bucket = limiter(DAY, clock=clock)
    for hour, left in ((10, 4000), (11, 9990)):
        clock.now += 3600 if hour == 11 else 0
        bucket.take(tokens=5)
        told = {"x-daily-ratelimit-token-limit": "10000", "x-daily-ratelimit-token-remaining": str(left)}
        bucket.heed({"date": DATE.format(hour, 0, 5), **told})
    assert bucket.day_ends() == pytest.approx(24 * 3600, abs=10)
    assert bucket.standing()[0].left == 9990


def test_a_wait_beyond_our_patience_ends_the_run_and_uses_nothing_up() -> None:
    clock = Virtual()
    bucket = limiter(HOUR, clock=clock, patience=1000)
    for _ in range(1000):
        bucket.take()
    with pytest.raises(DestinationBusy, match="limit of calls") as caught:
        bucket.take()
    assert "2026-09-22 11:00" in caught.value.todo
    clock.now += 3601
    assert bucket.standing()[0].left == 1000
    with pytest.raises(DestinationBusy, match="longer than a run waits"):
        limiter(Window(60, 5, unit="tokens"), patience=1e6).take(tokens=6)


def test_every_stop_is_told_once_with_the_time_at_which_it_ends() -> None:
    waits: list[Wait] = []
    clock = Virtual()
    bucket = Limiter([HOUR], report=waits.append, clock=clock)
    bucket.park(600, "the destination asked to wait")
    bucket.park(599, "the destination asked to wait")
    bucket.take()
    assert [wait.reason for wait in waits] == ["the destination asked to wait, until 2026-09-22 10:10:00 UTC"]
    assert waits[0].seconds == 600


def test_whoever_waits_is_let_go_when_the_client_is_closed() -> None:
    bucket = Limiter([Window(3600, 1)], report=lambda wait: None)
    bucket.take()
    ended: list[str] = []

    def waiting() -> None:
        try:
            bucket.take()
        except DestinationBusy as busy:
            ended.append(busy.message)

    thread = threading.Thread(target=waiting)
    thread.start()
    time.sleep(0.1)
    bucket.close()
    thread.join(60)
    assert len(ended) == 1


# ---------------------------------------------------------------- from one run to the next


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_no_series_of_crashes_spends_a_window_twice(seed: int, clean: bool) -> None:
    chance, clock, book = random.Random(seed), Virtual(), Pages()
    windows = (Window(3600, 300, name="hour"), Window(60, 120, name="minute"), Window(2, 20, name="burst"))
    day = Window(86400, 4000, name="day", unit="tokens", resets="midnight")
    sent: list[float] = []
    for _ in range(12):
        bucket = limiter(*windows, day, clock=clock, book=book)
        for _ in range(chance.randint(0, 120)):
            bucket.take(tokens=5)
            sent.append(clock.now)
            clock.now += chance.uniform(0, 0.2)
        if clean and chance.random() < 0.5:
            bucket.close()
        clock.now += chance.choice([0.0, 0.5, 30.0])
        clock.wall += chance.choice([0, 86400, -86400, 3600])  # between two runs somebody sets the clock
    for window in windows:
        for place in range(len(sent) - window.allowance):
            assert sent[place + window.allowance] - sent[place] >= window.seconds


def test_crashes_cost_little_of_an_allowance() -> None:
    clock, book, used = Virtual(), Pages(), 0
    for _ in range(20):
        bucket = limiter(HOUR, clock=clock, book=book)
        for _ in range(40):
            bucket.take()
            used += 1
            clock.now += 0.2
    assert used == 800
    assert bucket.standing()[0].left >= 200 - 20 * 8
    assert clock.now < 5000 + 800 * 0.2 + 60


def test_the_book_is_written_about_once_a_second() -> None:
    clock, book = Virtual(), Pages()
    bucket = limiter(Window(2, 480, name="burst"), DAY, clock=clock, book=book)
    for _ in range(2000):
        bucket.take(tokens=5)
        clock.now += 1 / 200
    assert 5 <= book.kept <= 40  # in ten seconds, with the first ones until the pace is known
    assert len(book.text) < 20_000


def test_a_day_is_remembered_even_if_the_clock_says_for_a_while_that_it_is_over() -> None:
    clock, book = Virtual(), Pages()
    bucket = limiter(DAY, clock=clock, book=book)
    for _ in range(1000):
        bucket.take(tokens=9)
    bucket.close()
    clock.wall += 86400
    again = limiter(DAY, clock=clock, book=book)
    again.take(tokens=9)
    again.heed({"date": DATE.format(10, 0, 1)})
    assert again.standing()[0].left <= 1000


def test_a_stop_outlives_the_run() -> None:
    clock, book = Virtual(), Pages()
    limiter(HOUR, clock=clock, book=book).block(900, "blocked")
    clock.now += 100
    assert wait_of(limiter(HOUR, clock=clock, book=book), clock.now) == pytest.approx(800, abs=1)


def test_a_book_that_cannot_be_read_is_no_full_allowance() -> None:
    for text in ("{", "[]", json.dumps({"version": 99}), json.dumps({"version": 1, "windows": 3})):
        with pytest.raises(IntegrityError, match="cannot be read"):
            limiter(HOUR, book=Pages(text))


def test_nothing_is_sent_that_the_book_could_not_take() -> None:
    class Full(Pages):
        def keep(self, text: str) -> None:
            raise OSError("disk full")

    bucket = limiter(HOUR, book=Full())
    for _ in range(2):
        with pytest.raises(OSError, match="disk full"):
            bucket.take()


# ---------------------------------------------------------------- the windows of a plan


def account(plan: str, scale: float = 1.0, **said: str | int | float | bool) -> Account:
    return Account("https://crm.example/api", Secret("k"), "", plan, said, scale)


def test_windows_follow_the_plan_the_seats_and_the_way_of_signing_in() -> None:
    pipedrive = load_destination("pipedrive")
    windows = {w.name: w for w in policy_windows(pipedrive, account("growth", seats=3), sign_in="oauth")}
    assert (windows["burst"].allowance, windows["search"].calls_of) == (160, "search")
    assert (windows["day"].allowance, windows["day"].spendable, windows["day"].resets) == (180_000, 144_000, "midnight")
    assert {w.name: w.allowance for w in policy_windows(pipedrive, account("growth"), sign_in="api_token")}["burst"] == 40
    freshsales = load_destination("freshsales")
    assert [(w.name, w.spendable) for w in policy_windows(freshsales, account("pro"))] == [("hour", 2000), ("minute", 400)]
    assert {w.spendable for w in policy_windows(freshsales, account("pro", reserve=0.5, minute_allowance=40))} == {1000, 40}
    assert [w.seconds for w in policy_windows(freshsales, account("", 60.0))] == [60, 1]


def test_a_plan_or_a_setting_that_is_none_is_named() -> None:
    freshsales = load_destination("freshsales")
    with pytest.raises(SpecError, match="no plan 'gold'"):
        policy_windows(freshsales, account("gold"))
    with pytest.raises(SpecError, match="setting"):
        policy_windows(freshsales, account("pro", reserve=1.5))
    with pytest.raises(SpecError, match="setting"):
        policy_windows(load_destination("pipedrive"), account("lite", seats="many"))
