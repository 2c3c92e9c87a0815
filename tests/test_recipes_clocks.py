"""Times with the name of their zone behind them, and the day and the hour that they have in UTC."""

from __future__ import annotations

import pandas as pd
import pytest

from workbench.recipes import convert


def one(text: str, recipe: str, *, zone: str | None = None) -> tuple[str | None, str | None]:
    """The value, and the reason or else the note."""
    done = convert(pd.Series([text], dtype="str"), recipe, options={"zone": zone} if zone else None)
    value, reason, note = (column.dropna().to_list() for column in (done.values, done.reasons, done.notes))
    return next(iter(value), None), next(iter([*reason, *note]), None)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-03-02 10:00 Europe/Lisbon", "2026-03-02T10:00:00+00:00"),
        ("2026-07-02 10:00 Europe/Berlin", "2026-07-02T10:00:00+02:00"),
        ("2026-07-02T10:00:00+02:00 Europe/Lisbon", "2026-07-02T10:00:00+02:00"),
        ("2026-07-02 10:00", "2026-07-02T10:00:00+02:00"),
        ("2026-07-02 10:00 UTC", "2026-07-02T10:00:00+00:00"),
    ],
)
def test_a_time_is_read_in_the_zone_that_is_named_behind_it(text: str, meant: str) -> None:
    assert one(text, "zoned_moment", zone="Europe/Berlin")[0] == meant


def test_a_day_and_an_hour_are_those_of_utc() -> None:
    late = "2026-07-02 00:30 Europe/Berlin"
    assert (one(late, "utc_day")[0], one(late, "utc_time")[0]) == ("2026-07-01", "22:30")
    assert one("2026-07-02 10:00:07 UTC", "utc_time")[0] == "10:00:07"


def test_an_hour_that_the_clocks_skip_or_repeat_is_noted_and_not_guessed_in_silence() -> None:
    assert one("2026-03-29 02:30 Europe/Berlin", "utc_time")[1] == "dst_gap"
    assert one("2025-10-26 02:30 Europe/Berlin", "utc_time")[1] == "dst_ambiguous"


@pytest.mark.parametrize(("text", "why"), [("2026-07-02 10:00", "zone_missing"), ("next Tuesday", "not_a_date")])
def test_what_names_no_moment_is_rejected_with_a_reason(text: str, why: str) -> None:
    value, reason = one(text, "utc_day")
    assert value is None and reason == why


def test_a_zone_that_nobody_knows_rejects_the_cell_and_not_the_run() -> None:
    value, reason = one("2026-07-02 10:00 Europe/Atlantis", "zoned_moment")
    assert value is None and reason == "zone_missing"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45 min", "2700"),
        ("45 min\n2026-03-02 10:00 until 2026-03-02 11:00", "2700"),
        ("2026-03-02 10:00 until 2026-03-02 11:30", "5400"),
        ("2026-03-02 10:00 until 2026-03-02 11:30 Europe/Lisbon", "5400"),
        ("2026-03-02T10:00:00+01:00 until 2026-03-02T10:30:00Z", "5400"),
        ("2026-03-29 01:30 until 2026-03-29 03:30 Europe/Berlin", "3600"),
        ("", None),
    ],
)
def test_a_length_is_the_one_that_is_stated_or_the_time_from_beginning_to_end(text: str, seconds: str | None) -> None:
    value, reason = one(text, "length_seconds", zone="Europe/Berlin")
    assert (None if value is None else str(value), reason) == (seconds, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-03-02 10:00 until 2026-03-02 09:00", "not_a_duration"),
        ("2026-03-02 10:00 until tomorrow", "not_a_date"),
        ("soon", "not_a_duration"),
        ("2026-03-02 10:00 until", "no_end"),
        ("2026-03-02 10:00 until  Europe/Lisbon", "no_end"),
    ],
)
def test_what_is_no_length_is_refused(text: str, reason: str) -> None:
    assert one(text, "length_seconds", zone="Europe/Berlin") == (None, reason)
