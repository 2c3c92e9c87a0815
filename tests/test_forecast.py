"""The forecast against the figures of the reliability page, which were worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from workbench.flow.forecasting import Amount, cost, tiers, total
from workbench.specs import DestinationSpec, Limit, ObjectSpec, Plan, load_destination

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
    """The limits of Pipedrive's plans as the fact sheet has them, with one object of five tokens a record."""
    bursts = {"lite": (20, 80, 1), "growth": (40, 160, 2), "premium": (100, 400, 5), "ultimate": (120, 480, 7)}
    plans = {
        name: Plan(
            label=name.capitalize(),
            limits=(
                Limit(name="burst", seconds=2, allowance=key, sign_in="api_token"),
                Limit(name="burst", seconds=2, allowance=oauth, sign_in="oauth"),
                Limit(name="search", seconds=2, allowance=10, calls_of="search"),
                Limit(name="day", seconds=86400, allowance=30_000 * many, unit="tokens", per_seat=True, resets="midnight"),
            ),
        )
        for name, (key, oauth, many) in bursts.items()
    }
    spec = load_destination("freshsales")
    deal = ObjectSpec(label="Deal", plural="deals", path="deals", wrapper="deal", order=1)
    return spec.model_copy(update={"plans": plans, "tokens": {"create": 5}, "objects": {"deal": deal}, "settings": {}})


def test_bulk_loads_cost_a_post_and_a_look_a_batch_and_one_listing_of_everything() -> None:
    spec = all_in_bulk()
    whole = total(spec, CORE, spec.settings)
    assert (whole.load_calls, whole.proof_calls) == (3000, 1500)
    assert whole.calls / 150_000 <= 0.031


@pytest.mark.parametrize(("plan", "hours", "folded"), [("growth", 203, 23), ("pro", 101.5, 11.5), ("enterprise", 40.6, 4.6)])
def test_activities_take_nearly_all_the_hours_and_folding_them_gives_most_of_them_back(
    plan: str, hours: float, folded: float
) -> None:
    spec = with_history()
    found = next(tier for tier in tiers(spec, [*CORE, HISTORY], spec.settings) if tier.plan == plan)
    proof = total(spec, [*CORE, HISTORY], spec.settings).proof_calls / 203_000
    assert found.hours == pytest.approx(hours * (1 + proof), rel=0.001)
    proof = (1500 + 200) / 23_000
    assert found.folded == pytest.approx(folded * (1 + proof), rel=0.001)


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
    settings: dict[str, str | int | float | bool] = {"seats": seats, "sign_in": "api_token", "page_rows": 500}
    found = next(tier for tier in tiers(spec, [Amount("all", "deal", 350_000)], settings) if tier.plan == plan)
    assert found.days == days
    assert found.earliest == pytest.approx(hours, abs=0.06 if hours < 10 else 0.6)


@pytest.mark.parametrize(("sign_in", "hours"), [("api_token", (9.7, 4.9, 1.9, 1.6)), ("oauth", (2.4, 1.2, 0.49, 0.41))])
def test_with_seats_enough_the_burst_window_is_what_is_left(sign_in: str, hours: tuple[float, ...]) -> None:
    settings: dict[str, str | int | float | bool] = {"seats": 5000, "sign_in": sign_in, "page_rows": 500}
    found = tiers(pipedrive(), [Amount("all", "deal", 350_000)], settings)
    assert [tier.hours for tier in found] == [pytest.approx(each, abs=0.06) for each in hours]


def test_the_customers_reserve_makes_the_days_longer_and_the_finish_later() -> None:
    start = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
    wanted = [Amount("all", "deal", 35_000)]
    free, kept = (
        tiers(pipedrive(), wanted, {"seats": 1, "sign_in": "oauth", "reserve": reserve}, start=start)[0] for reserve in (0, 0.5)
    )
    assert (free.days, kept.days) == (6, 12)
    assert free.finish is not None
    assert kept.finish is not None
    assert (kept.finish - free.finish).days >= 5


def test_an_object_may_cost_more_tokens_than_the_others() -> None:
    spec = pipedrive()
    note = ObjectSpec(label="Note", plural="notes", path="notes", wrapper="note", order=2, tokens={"create": 10, "list": 20})
    spec = spec.model_copy(update={"objects": {**spec.objects, "note": note}})
    assert cost(spec, "note", 1000, {"page_rows": 500}).tokens == 10_040
