"""The limiter where several clients share a book, where somebody stops, and where a day's budget is used up."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest
from test_limits import DAY, MIDNIGHT, Pages, Virtual
from toy import Toy

from workbench.destinations import Wait
from workbench.destinations.limits import Limiter, Window
from workbench.errors import DestinationBusy
from workbench.ledger import Ledger
from workbench.ledger.loading import load
from workbench.store import open_store

TOKENS = replace(DAY, allowance=1000)


def deaf(wait: Wait) -> None:
    del wait


@pytest.mark.parametrize("window", [TOKENS, Window(86_400.0, 1000, name="day", unit="tokens")])
def test_clients_that_share_a_book_count_what_the_others_use(window: Window) -> None:
    book, clock = Pages(), Virtual()

    def client() -> Limiter:
        return Limiter([window], report=deaf, clock=clock, book=book)

    def spend(limiter: Limiter, calls: int) -> None:
        for _ in range(calls):
            limiter.take(tokens=10)
            clock.now += 0.5

    first = client()
    spend(first, 2)
    second = client()
    spend(second, 60)
    spend(first, 5)
    assert 280 <= client().standing()[0].left <= 330
    first.close()
    second.close()
    assert 280 <= client().standing()[0].left <= 330


def test_two_clients_at_once_do_not_use_up_a_budget_twice() -> None:
    book, clock, sent = Pages(), Virtual(), 0
    clients = [Limiter([TOKENS], report=deaf, clock=clock, book=book, patience=1.0) for _ in range(2)]
    with pytest.raises(DestinationBusy):
        for turn in range(400):
            clients[turn % 2].take(tokens=10)
            sent += 10
            clock.now += 0.2
    assert 600 <= sent <= 1010  # what one of them may use without a word to the other is kept free


@dataclass
class Pressed(Virtual):
    """A clock whose first sleep is interrupted."""

    presses: int = 1

    def sleep(self, seconds: float) -> None:
        if self.presses:
            self.presses -= 1
            raise KeyboardInterrupt
        super().sleep(seconds)


def test_a_careful_call_that_is_given_up_leaves_its_turn_to_the_next() -> None:
    clock = Pressed()
    limiter = Limiter([Window(60.0, 10)], report=deaf, clock=clock)
    limiter.block(900.0, "blocked")
    with pytest.raises(KeyboardInterrupt):
        limiter.take()
    limiter.take()
    assert 900 <= clock.now - 5000 < 1000
    assert limiter.spent().calls == 1


def test_a_load_waits_for_the_next_day_and_says_until_when() -> None:
    clock, waits = Virtual(), list[Wait]()
    limiter = Limiter([replace(TOKENS, allowance=10)], report=waits.append, clock=clock, patience=3900.0)
    limiter.take(tokens=10)
    with pytest.raises(DestinationBusy, match="day"):
        limiter.take(tokens=10)
    limiter.days = True
    limiter.take(tokens=10)
    assert MIDNIGHT + 86_400 <= clock.time() < MIDNIGHT + 86_401
    assert len(waits) == 1 and "budget of the day" in waits[0].reason and "2026-09-23 00:00:00 UTC" in waits[0].reason
    limiter.park(2 * 86_400.0, "blocked")
    with pytest.raises(DestinationBusy):
        limiter.take(tokens=10)


def test_stopping_ends_calls_that_wait_long_and_gives_their_places_back() -> None:
    limiter = Limiter([Window(60.0, 2)], report=deaf)
    ended: list[str] = []

    def call() -> None:
        try:
            limiter.take()
        except DestinationBusy as stopped:
            ended.append(stopped.message)

    threads = [threading.Thread(target=call, daemon=True) for _ in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    limiter.stop_waiting(2.0)
    for thread in threads:
        thread.join(60)
    assert len(ended) == 4 and "stopped" in ended[0]
    assert limiter.spent().calls == 2


def test_ctrl_c_with_lanes_that_wait_for_the_same_moment_sends_nothing_more(tmp_path: Path) -> None:
    store = open_store(tmp_path / "workbench.db")
    ledger = Ledger(store, engagement_id="e")
    limiter = Limiter([Window(3600.0, 6, "hour")], report=lambda wait: toy.report(wait))
    toy = Toy(lanes=4, before=lambda drafts: limiter.take())
    toy.stopped = limiter.stop_waiting
    rows = pd.DataFrame({"key": [f"p:d:{number}" for number in range(30)], "name": "x"})
    began = time.monotonic()

    def press(progress: object) -> None:
        if len(toy.records) >= 6 and time.monotonic() - began > 0.7 and not pressed:
            pressed.append(time.monotonic())
            raise KeyboardInterrupt

    pressed: list[float] = []
    with pytest.raises(KeyboardInterrupt):
        load(rows, ledger.guard(toy, settle_seconds=0.01), "deal", on_progress=press)
    assert time.monotonic() - pressed[0] < 600  # the hour is not waited for
    assert ledger.operations.unsettled() == []  # closed as not made
    toy._before = lambda drafts: None
    assert load(rows, ledger.guard(toy, settle_seconds=0.01), "deal").count("done") == 30
    assert len(toy.records) == 30
    store.dispose()
