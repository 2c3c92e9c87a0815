"""Products of the rehearsal Pipedrive and what they are in deals: prices, lines, values, discounts, installments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pipedrive_tenant import REFUSED, Asking, account

YEAR = {"annually": 1, "semi-annually": 2, "quarterly": 4, "monthly": 12}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with account(tmp_path_factory.mktemp("products")) as asking:
        asking.post("products", {"name": "Coaching hour", "prices": [{"currency": "USD", "price": 90}]})
        yield asking


@pytest.fixture
def deal(api: Asking) -> str:
    return f"deals/{api.post('deals', {'title': 'x', 'value': 7})['id']}"


def line(**keys: Any) -> dict[str, Any]:
    return {"product_id": 1, "item_price": 10, "quantity": 2, **keys}


def test_a_product_is_answered_with_201_and_has_a_price_at_once(api: Asking) -> None:
    answer = api.send("POST", "products", {"name": "P", "category": 5})
    assert answer.status_code == 201
    product = answer.json()["data"]
    assert [(row["currency"], row["price"]) for row in product["prices"]] == [("USD", 0)]
    assert (product["category"], product["billing_frequency"], product["is_linkable"]) == ("5", "one-time", True)


def test_a_patch_replaces_all_prices(api: Asking) -> None:
    prices = [{"currency": "USD", "price": 9.5, "cost": 4, "direct_cost": 1}, {"currency": "EUR", "price": 8}]
    product = api.post("products", {"name": "P", "prices": prices})
    assert [(row["currency"], row["price"], row["cost"]) for row in product["prices"]] == [("USD", 9.5, 4), ("EUR", 8, 0)]
    path = f"products/{product['id']}"
    assert [row["currency"] for row in api.patch(path, {"prices": [{"currency": "GBP", "price": 1}]})["prices"]] == ["GBP"]
    assert [row["currency"] for row in api.patch(path, {"name": "Q"})["prices"]] == ["GBP"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "name: The value is required"),
        ({"name": ""}, "name: The value is required"),
        ({"name": "P", "prices": {"USD": 5}}, "prices: The value is not a valid 'array'"),
        ({"name": "P", "prices": [{"price": 5}]}, "prices: currency: The value is required"),
        ({"name": "P", "prices": [{"currency": "USD", "price": "5"}]}, "prices: price: The value is not a valid 'number'"),
        ({"name": "P", "prices": [{"currency": "USD"}, {"currency": "USD"}]}, "prices: Only one price per currency is allowed"),
        ({"name": "P", "prices": [{"currency": "XXX"}]}, "prices: Unknown currency 'XXX'"),
        ({"name": "P", "category": "5"}, "category: The value is not a valid 'number'"),
        (
            {"name": "P", "billing_frequency": "daily"},
            "billing_frequency: The value must be one of: one-time, annually, semi-annually, quarterly, monthly, weekly",
        ),
        (
            {"name": "P", "billing_frequency_cycles": 3},
            "billing_frequency_cycles: The value must be null when billing_frequency is one-time",
        ),
        ({"name": "P", "is_deleted": False}, "is_deleted: Parameter 'is_deleted' is not allowed for this request"),
    ],
)
def test_what_a_product_cannot_hold_is_named(api: Asking, body: Any, words: str) -> None:
    assert api.refusal("POST", "products", body) == REFUSED + words


def test_recurring_billing_is_not_for_the_smallest_plan(tmp_path: Path, api: Asking) -> None:
    body = {"name": "P", "billing_frequency": "monthly", "billing_frequency_cycles": 6}
    assert api.post("products", body)["billing_frequency_cycles"] == 6
    with account(tmp_path, plan="lite") as other:
        other.refusal("POST", "products", body, expect=403)


@pytest.mark.parametrize(
    ("keys", "total"),
    [
        ({}, 20),
        ({"discount": 10}, 18),
        ({"discount": 3, "discount_type": "amount"}, 17),
        ({"tax": 20, "tax_method": "exclusive"}, 24),
        ({"tax": 20, "tax_method": "inclusive"}, 20),
        ({"discount": 50, "tax": 10, "tax_method": "exclusive"}, 11),
        ({"is_enabled": False}, 0),
    ],
)
def test_the_lines_of_a_deal_make_its_value(api: Asking, deal: str, keys: Any, total: float) -> None:
    answer = api.send("POST", f"{deal}/products", line(**keys))
    assert answer.status_code == 201
    assert api.get(deal)["value"] == total
    made = answer.json()["data"]
    assert (made["name"], made["currency"], made["order_nr"]) == ("Coaching hour", "USD", 1)
    assert api.delete(f"{deal}/products/{made['id']}") == {"id": made["id"]}
    assert api.get(deal)["value"] == 7


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "product_id: The value is required; item_price: The value is required; quantity: The value is required"),
        (line(product_id=987654), "product_id: Product 987654 does not exist"),
        (line(item_price="10"), "item_price: The value is not a valid 'number'"),
        (line(tax_method="plus"), "tax_method: The value must be one of: exclusive, inclusive, none"),
        (line(product_variation_id=987654), "product_variation_id: Product variation 987654 does not exist"),
        (line(discount=101), "discount: The value must be between 0 and 100"),
        (line(sum=20), "sum: Parameter 'sum' is not allowed for this request"),
        (
            line(billing_frequency_cycles=2),
            "billing_frequency_cycles: The value must be null when billing_frequency is one-time",
        ),
    ],
)
def test_what_a_line_cannot_hold_is_named(api: Asking, deal: str, body: Any, words: str) -> None:
    assert api.refusal("POST", f"{deal}/products", body) == REFUSED + words


def test_up_to_a_hundred_lines_come_and_go_at_once(api: Asking, deal: str) -> None:
    answer = api.send("POST", f"{deal}/products/bulk", {"data": [line()] * 100})
    assert answer.status_code == 201
    made = [row["id"] for row in answer.json()["data"]]
    assert len(made) == 100
    assert api.get(deal)["value"] == 2000
    said = api.refusal("POST", f"{deal}/products/bulk", {"data": [line()] * 101})
    assert said == REFUSED + "data: The list may hold at most 100 items"
    gone = api.send("DELETE", f"{deal}/products", ids=",".join(map(str, made[:40]))).json()
    assert gone["data"] == {"ids": made[:40]}
    assert gone["additional_data"] == {"more_items_in_collection": False}
    assert len(api.get(f"{deal}/products", limit=500)) == 60
    assert api.get(deal, include_fields="products_count")["products_count"] == 60


def test_one_bad_line_keeps_the_whole_request_out(api: Asking, deal: str) -> None:
    api.refusal("POST", f"{deal}/products/bulk", {"data": [line(), line(product_id=987654)]})
    assert api.get(f"{deal}/products") == []
    api.refusal("POST", f"{deal}/products/bulk", {"data": []})


def test_a_changed_line_changes_the_value(api: Asking, deal: str) -> None:
    made = api.post(f"{deal}/products", line())
    changed = api.patch(f"{deal}/products/{made['id']}", {"quantity": 3, "comments": "c"})
    assert (changed["sum"], changed["comments"], changed["item_price"]) == (30, "c", 10)
    assert api.get(deal)["value"] == 30
    assert api.refusal("PATCH", f"{deal}/products/987654", {"quantity": 3}, expect=404) == "Deal product not found"


def test_lines_of_several_deals_are_read_together(api: Asking) -> None:
    deals = [api.post("deals", {"title": "x"})["id"] for _ in range(3)]
    for number in deals:
        api.post(f"deals/{number}/products", line())
    assert [row["deal_id"] for row in api.get("deals/products", deal_ids=deals[:2])] == deals[:2]
    assert [row["deal_id"] for row in api.get("deals/products", deal_ids=f"{deals[0]},{deals[2]}")] == [deals[0], deals[2]]
    assert api.refusal("GET", "deals/products").startswith(REFUSED + "deal_ids: ")


@pytest.mark.parametrize(("often", "times"), YEAR.items())
def test_recurring_lines_make_the_yearly_values(api: Asking, deal: str, often: str, times: int) -> None:
    api.post(f"{deal}/products", line(billing_frequency=often, billing_start_date="2026-01-01"))
    row = api.get(deal)
    assert (row["arr"], row["acv"]) == (20 * times, 20 * times)
    assert row["mrr"] == round(20 * times / 12, 2)


def test_a_deal_takes_twenty_recurring_lines(api: Asking, deal: str) -> None:
    api.post(f"{deal}/products/bulk", {"data": [line(billing_frequency="monthly")] * 20})
    answer = api.send("POST", f"{deal}/products", line(billing_frequency="monthly"))
    assert answer.status_code == 403
    assert answer.json()["success"] is False
    assert "code" not in answer.json()
    api.post(f"{deal}/products", line())


def test_an_archived_deal_takes_no_line(api: Asking, deal: str) -> None:
    api.patch(deal, {"is_archived": True})
    assert api.refusal("POST", f"{deal}/products", line()) == REFUSED + "deal: Archived deals cannot be edited"


def test_discounts_lower_the_value(api: Asking, deal: str) -> None:
    api.post(f"{deal}/products", line())
    answer = api.send("POST", f"{deal}/discounts", {"description": "loyal", "amount": 10, "type": "percentage"})
    assert answer.status_code == 201
    number = answer.json()["data"]["id"]
    assert len(number) == 36
    assert api.get(deal)["value"] == 18
    assert api.patch(f"{deal}/discounts/{number}", {"type": "amount"})["type"] == "amount"
    assert api.get(deal)["value"] == 10
    assert [row["id"] for row in api.get(f"{deal}/discounts")] == [number]
    assert api.delete(f"{deal}/discounts/{number}") == {"id": number}
    assert api.get(deal)["value"] == 20


def test_installments_need_products_none_of_them_recurring(api: Asking, deal: str) -> None:
    body = {"description": "first", "amount": 5, "billing_date": "2026-03-01"}
    api.refusal("POST", f"{deal}/installments", body)
    api.post(f"{deal}/products", line())
    made = api.post(f"{deal}/installments", body)
    number = deal.partition("/")[2]
    assert made == {"id": made["id"], **body, "deal_id": int(number)}
    assert api.patch(f"{deal}/installments/{made['id']}", {"amount": 6})["amount"] == 6
    assert [row["id"] for row in api.get("deals/installments", deal_ids=number)] == [made["id"]]
    api.refusal("POST", f"{deal}/products", line(billing_frequency="monthly"))
    api.delete(f"{deal}/installments/{made['id']}")
    assert api.get("deals/installments", deal_ids=number) == []


def test_variations_belong_to_a_product_and_go_into_its_duplicate(api: Asking, deal: str) -> None:
    product = api.post("products", {"name": "P", "prices": [{"currency": "EUR", "price": 3}]})["id"]
    answer = api.send("POST", f"products/{product}/variations", {"name": "large", "prices": [{"currency": "EUR", "price": 5}]})
    assert answer.status_code == 201
    variation = answer.json()["data"]
    assert api.patch(f"products/{product}/variations/{variation['id']}", {"name": "small"})["name"] == "small"
    made = api.post(f"{deal}/products", line(product_id=product, product_variation_id=variation["id"]))
    assert made["product_variation_id"] == variation["id"]
    copy = api.send("POST", f"products/{product}/duplicate")
    assert copy.status_code == 201
    number = copy.json()["data"]["id"]
    assert number != product
    assert copy.json()["data"]["prices"] == api.get(f"products/{product}")["prices"]
    assert [row["name"] for row in api.get(f"products/{number}/variations")] == ["small"]
    assert api.delete(f"products/{product}/variations/{variation['id']}") == {"id": variation["id"]}
    assert api.get(f"products/{product}/variations") == []
