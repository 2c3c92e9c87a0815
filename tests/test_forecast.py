"""The forecast against the figures of the reliability page, which were worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest

from workbench.flow.costing import Amount, cost, total
from workbench.flow.forecasting import Forecast, Tier, beside, tiers
from workbench.show import html_table, text_table
from workbench.specs import DestinationSpec, ObjectSpec, Scalar, load_destination

CORE = [Amount("contacts", "contact", 100_000), Amount("accounts", "sales_account", 20_000), Amount("deals", "deal", 30_000)]
HISTORY = Amount("activities", "task", 200_000, notes=20_000)


def all_in_bulk() -> DestinationSpec:
    """Freshsales where deals may be sent in bulk too, as the page counts them."""
    spec = load_destination("freshsales")
    deal = spec.objects["deal"].model_copy(update={"bulk": 100})
    return spec.model_copy(update={"objects": {**spec.objects, "deal": deal}})


def with_history() -> DestinationSpec:
    """The same with activities, which have no bulk call, and notes that can hold them."""
    spec = all_in_bulk()
    task = ObjectSpec(label="Task", plural="tasks", path="tasks", wrapper="task", order=9, folds_into="note")
    note = ObjectSpec(label="Note", plural="notes", path="notes", wrapper="note", order=9)
    return spec.model_copy(update={"objects": {**spec.objects, "task": task, "note": note}})


def pipedrive() -> DestinationSpec:
    return load_destination("pipedrive")


def of_pipedrive(**more: Scalar) -> dict[str, Scalar]:
    """The settings of its file, with everything of the day's tokens for the load, and nothing archived."""
    return {**pipedrive().settings, "reserve": 0.0, "archived_deals": False, **more}


def test_bulk_loads_cost_a_post_and_a_look_a_batch_and_the_ids_one_listing_of_everything() -> None:
    """The page's 3,000 to 4,500 requests for 150,000 records: a view ends with a page that is not full."""
    spec = all_in_bulk()
    certified = [replace(each, compared=False) for each in CORE]
    whole = total(spec, certified, spec.settings)
    assert whole.load.calls == 3000
    views = 1 + 1 + 3
    assert whole.back.calls == 1500 + views
    assert (whole.load.calls + whole.back.calls) / 150_000 <= 0.031


def test_looks_before_the_load_and_the_comparison_after_it_are_counted_beside_it() -> None:
    spec = all_in_bulk()
    bare = total(spec, CORE, spec.settings)
    told = total(spec, [replace(CORE[0], found=((100_000, 0),)), *CORE[1:]], spec.settings)
    assert told.looks.calls - bare.looks.calls == 1000  # a filter names a hundred addresses
    assert 200 <= bare.looks.calls <= 225  # the names of accounts, before a bulk call finds records by them
    assert (told.load, told.back) == (bare.load, bare.back)
    certified = total(spec, [replace(each, compared=False) for each in CORE], spec.settings)
    assert bare.back.calls == 2 * certified.back.calls + 3  # a client of its own asks for the three lists of views again


def test_what_a_sample_has_loaded_is_not_sent_again_and_yet_read_back() -> None:
    spec = pipedrive()
    fresh = cost(spec, Amount("people", "person", 1000), of_pipedrive())
    rest = cost(spec, Amount("people", "person", 1000, made=40, before=40, marked=True), of_pipedrive())
    assert fresh.load.calls - rest.load.calls == 40
    assert fresh.back == rest.back
    assert rest.looks.calls == fresh.looks.calls - 1  # how far the list goes is known


def test_changes_of_a_delta_cost_their_images_in_hundreds() -> None:
    spec = pipedrive()
    delta = Amount("people", "person", 100_000, made=100_000, changed=2000, before=100_000, compared=False)
    price = cost(spec, delta, of_pipedrive())
    assert (price.load.calls, price.load.tokens) == (2000, 10_000)
    assert (price.looks.calls, price.looks.tokens) == (40, 400)  # to compare, and right before each change


@pytest.mark.parametrize(("plan", "hours", "folded"), [("growth", 203, 23), ("pro", 101.5, 11.5), ("enterprise", 40.6, 4.6)])
def test_activities_take_nearly_all_the_hours_and_folding_them_gives_most_of_them_back(
    plan: str, hours: float, folded: float
) -> None:
    spec = with_history()
    found = next(tier for tier in tiers(spec, [*CORE, HISTORY], spec.settings) if tier.plan == plan)
    whole = total(spec, [*CORE, HISTORY], spec.settings)
    assert whole.load.calls == 203_000
    assert found.hours == pytest.approx(hours * whole.calls / 203_000, rel=0.001)
    notes = [*CORE, replace(HISTORY, object="note", records=20_000, notes=0)]
    briefer = total(spec, notes, spec.settings)
    assert briefer.load.calls == 23_000
    assert found.folded == pytest.approx(folded * briefer.calls / 23_000, rel=0.001)


@pytest.mark.parametrize(
    ("plan", "seats", "days", "hours"),
    [
        ("lite", 3, 20, 433),
        ("lite", 10, 6, 99),
        ("lite", 25, 3, 30),
        ("growth", 3, 10, 193),
        ("growth", 10, 3, 27),
        ("growth", 25, 2, 4.9),
        ("premium", 3, 4, 49),
        ("premium", 10, 2, 1.9),
        ("premium", 25, 1, 1.9),
        ("ultimate", 3, 3, 25),
        ("ultimate", 10, 1, 1.6),
        ("ultimate", 25, 1, 1.6),
    ],
)
def test_a_daily_budget_is_counted_in_whole_days_and_the_best_start_is_just_before_it_returns(
    plan: str, seats: int, days: int, hours: float
) -> None:
    spec = pipedrive()
    wanted = [Amount("all", "deal", 350_000)]
    settings = of_pipedrive(seats=seats, sign_in="api_token")
    found = next(tier for tier in tiers(spec, wanted, settings) if tier.plan == plan)
    load = total(spec, wanted, settings)
    assert load.load.tokens == 1_750_000
    assert load.tokens / load.load.tokens <= 1.01
    assert found.days == days
    assert found.earliest == pytest.approx(hours, abs=0.06 if hours < 10 else 0.6)


@pytest.mark.parametrize(("sign_in", "hours"), [("api_token", (9.7, 4.9, 1.9, 1.6)), ("oauth", (2.4, 1.2, 0.49, 0.41))])
def test_with_seats_enough_the_burst_window_is_what_is_left(sign_in: str, hours: tuple[float, ...]) -> None:
    wanted, settings = [Amount("all", "deal", 350_000)], of_pipedrive(seats=5000, sign_in=sign_in)
    more = total(pipedrive(), wanted, settings).calls / 350_000
    assert more <= 1.005
    assert [tier.hours for tier in tiers(pipedrive(), wanted, settings)] == [pytest.approx(h * more, abs=0.06) for h in hours]


def test_the_customers_reserve_makes_the_days_longer_and_the_finish_later() -> None:
    start = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
    wanted = [Amount("all", "deal", 35_000)]
    free, kept = (
        tiers(pipedrive(), wanted, of_pipedrive(seats=1, sign_in="oauth", reserve=reserve), start=start)[0]
        for reserve in (0, 0.5)
    )
    assert (free.days, kept.days) == (6, 12)
    assert free.finish is not None
    assert kept.finish is not None
    assert (kept.finish - free.finish).days >= 5


def test_an_object_may_cost_more_tokens_than_the_others() -> None:
    price = cost(pipedrive(), Amount("notes", "note", 1000), of_pipedrive())
    assert price.load.tokens == 10_000
    assert price.back.tokens == 2 * 3 * 20  # two sweeps of three pages, as each begins with the last row of the one before


def test_a_forecast_says_the_same_of_its_own_plan_wherever_it_says_it() -> None:
    columns = ["feed", "object", "records", "in one call", "load", "look-ups", "read-back", "calls", "tokens", "hours"]
    frame = pd.DataFrame([["a", "x", 606, 100, 10, 9, 34, 53, 0, 0.053]], columns=columns)
    told = Forecast(
        frame, (Tier("growth", "Growth", 0.053, 0.053, 0, 0.053), Tier("pro", "Pro", 0.02, 0.02, 0, 0.02)), "growth"
    )
    assert "3.2 minutes" in told.words()
    assert told.text().count("3.2 minutes") == 3 and told._repr_html_().count("3.2 minutes") == 3  # title, feed, plan
    assert "3.0 minutes" not in told.text() + told._repr_html_()


def test_forecast_and_fact_stand_beside_each_other_by_feed_and_by_part() -> None:
    columns = ["feed", "object", "records", "in one call", "load", "look-ups", "read-back", "calls", "tokens", "hours"]
    foretold = pd.DataFrame([["a", "x", 10, 1, 10, 2, 4, 16, 80, 0.5], ["b", "y", 5, 1, 5, 1, 2, 8, 0, 0.1]], columns=columns)
    took = foretold[["feed", "records", "load", "look-ups", "read-back", "calls", "tokens"]].assign(seconds=9.0)
    frame = beside(foretold, took.assign(load=took["load"] + 1, calls=took["calls"] + 1))
    assert frame["feed"].tolist() == ["a", "b", "all", "of these load", "of these look-ups", "of these read-back"]
    assert frame["calls forecast"].tolist() == [16, 8, 24, 15, 3, 6]
    assert frame["calls in fact"].tolist() == [f"{count} calls sent" for count in (17, 9, 26, 17, 3, 6)]
    assert frame["tokens in fact"].tolist()[2:] == ["80 tokens sent", "", "", ""]
    assert "of these look-ups" in html_table(frame) and "of these look-ups" in text_table(frame)
