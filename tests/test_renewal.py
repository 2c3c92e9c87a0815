"""A stale key is followed by one renewal for all threads, again after a long wait, and never in a circle."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from workbench.destinations import Secret
from workbench.destinations.http.renewal import Renewal
from workbench.errors import DestinationBusy, WorkbenchError, WrongKey

YOUNG = 10.0


class Sundial:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Vendor:
    """Gives a new key each time it is asked, or an error."""

    def __init__(self, *errors: WorkbenchError) -> None:
        self.errors = list(errors)
        self.asked = 0

    def __call__(self) -> Secret:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return Secret(f"key {self.asked}")


def begun(vendor: Vendor) -> tuple[Renewal, Secret, Sundial]:
    first, clock = Secret("key 0"), Sundial()
    return Renewal(vendor, first, clock=clock, young=YOUNG), first, clock


def test_a_key_that_runs_out_again_during_a_long_wait_is_renewed_again() -> None:
    """A request may wait for the next day after its renewal, and a key lives an hour."""
    renewal, first, clock = begun(vendor := Vendor())
    second = renewal.follow(first, begun=clock.now)
    clock.sleep(12 * 3600)
    third = renewal.follow(second, begun=clock.now)
    assert [second.reveal(), third.reveal(), vendor.asked] == ["key 1", "key 2", 2]


def test_a_key_that_is_refused_as_soon_as_it_was_renewed_is_not_renewed_in_a_circle() -> None:
    renewal, first, clock = begun(vendor := Vendor())
    second = renewal.follow(first, begun=clock.now)
    clock.sleep(YOUNG / 2)
    assert renewal.follow(second, begun=clock.now) is second
    assert vendor.asked == 1


def test_whoever_comes_late_with_an_old_key_gets_the_key_of_now_without_asking() -> None:
    renewal, first, clock = begun(vendor := Vendor())
    second = renewal.follow(first, begun=clock.now)
    assert renewal.follow(first, begun=clock.now) is second
    assert vendor.asked == 1


def test_a_refusal_for_good_is_told_to_all_and_asked_about_once() -> None:
    renewal, first, clock = begun(vendor := Vendor(WrongKey("the destination does not renew its access")))
    told = together(20, lambda: renewal.follow(first, begun=clock.now))
    clock.sleep(3600)
    with pytest.raises(WrongKey):
        renewal.follow(first, begun=clock.now)
    assert {type(each) for each in told} == {WrongKey}
    assert vendor.asked == 1


def test_a_failure_that_passes_counts_for_the_calls_of_its_time_and_no_longer() -> None:
    renewal, first, clock = begun(vendor := Vendor(DestinationBusy("nobody renews the access to the destination")))
    told = together(20, lambda: renewal.follow(first, begun=clock.now))
    assert {type(each) for each in told} == {DestinationBusy}
    assert vendor.asked == 1
    clock.sleep(60)
    assert renewal.follow(first, begun=clock.now).reveal() == "key 2"


def together(count: int, call: Callable[[], Secret]) -> list[object]:
    """What a call comes to in so many threads at once: its answer or its error."""
    found: list[object] = []

    def one() -> None:
        try:
            found.append(call())
        except WorkbenchError as error:
            found.append(error)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found
