"""python-freshworks-crm writes and reads products, their prices, the lines of deals, and quotes."""

from __future__ import annotations

from typing import Any

import pytest
from crm import Crm

pytestmark = pytest.mark.clients
SLATE = {"category": "Roofing", "product_code": "SL-1", "sku_number": "0042", "description": "Welsh slate", "is_active": True}


@pytest.fixture(scope="module")
def deal(crm: Crm) -> int:
    """A deal that takes products."""
    number: int = crm("deals.create_deal", name="Roof", amount=100)["id"]
    return number


@pytest.fixture(scope="module")
def quote(crm: Crm, deal: int) -> int:
    """A quote for the deal."""
    sent = {"deal_id": deal, "display_name": "Offer", "document_type": "Quote", "currency_code": "USD"}
    number: int = crm("documents.create_document", **sent, cpq_document_template_name="Sample Template")["id"]
    return number


def product(crm: Crm, name: str) -> int:
    """The id of a new product."""
    number: int = crm("products.create_product", name=name)["id"]
    return number


def kind_of(crm: Crm, number: int) -> str:
    """Under which kind the tenant holds a record."""
    return next(kind for kind, rows in crm.tenant.dump()["records"].items() if str(number) in rows)


def test_a_product_lives_ends_and_comes_back(crm: Crm) -> None:
    made = crm("products.create_product", name="Slate", **SLATE)
    kind = kind_of(crm, made["id"])
    held = crm.held(kind, made["id"])
    assert {name: held[name] for name in SLATE} == SLATE == {name: made[name] for name in SLATE}
    crm("products.update_product", made["id"], name="Welsh slate")
    assert crm("products.view_product", made["id"])["name"] == "Welsh slate" == crm.held(kind, made["id"])["name"]
    assert crm("products.delete_product", made["id"]) is True
    assert crm.where(kind, made["id"]) == "recycle_bin"
    assert crm("products.restore_product", made["id"])["name"] == "Welsh slate"
    assert crm.where(kind, made["id"]) == "records"


def test_a_product_gets_loses_and_changes_its_prices(crm: Crm) -> None:
    number = product(crm, "Tile")
    prices = [{"currency_code": "USD", "unit_price": 2000}]
    priced = crm("products.add_product_prices", number, 1, prices)
    assert [(row["currency_code"], float(row["unit_price"])) for row in priced["product_pricings"]] == [("USD", 2000.0)]
    price = priced["product_pricings"][0]["id"]
    dearer = [{"id": price, "currency_code": "USD", "unit_price": 2500}]
    assert float(crm("products.edit_product_prices", number, dearer)["product_pricings"][0]["unit_price"]) == 2500
    assert [float(row["unit_price"]) for row in _prices(crm, number)] == [2500.0]
    assert crm("products.delete_product_prices", number, [price])["product_pricings"] == []
    assert _prices(crm, number) == []


def _prices(crm: Crm, number: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = crm.held(kind_of(crm, number), number).get("product_pricings", [])
    return rows


def test_a_deal_takes_lines_and_gives_them_back(crm: Crm, deal: int) -> None:
    number = product(crm, "Gutter")
    crm("products.add_product_prices", number, 1, [{"currency_code": "USD", "unit_price": 40}])
    line = {"id": number, "quantity": 3, "unit_price": 35}
    added = crm("products.add_products_to_deal", deal, [line])
    assert [(row["id"], row["quantity"], float(row["unit_price"])) for row in added["products"]] == [(number, 3, 35.0)]
    changed = crm("products.edit_deal_products", deal, [{**line, "quantity": 4}])
    assert [(row["id"], row["quantity"]) for row in changed["products"]] == [(number, 4)]
    assert [row["quantity"] for row in crm("deals.view_deal", deal, "products")["products"]] == [4]
    assert crm("products.delete_all_deal_products", deal)["products"] == []
    assert crm("deals.view_deal", deal, "products")["products"] == []


def test_a_quote_lives_ends_and_comes_back(crm: Crm, quote: int, deal: int) -> None:
    kind = kind_of(crm, quote)
    held = crm.held(kind, quote)
    assert (held["display_name"], held["document_type"], held["deal_id"]) == ("Offer", "Quote", deal)
    crm("documents.update_document", quote, display_name="Second offer")
    assert crm("documents.view_document", quote)["display_name"] == "Second offer" == crm.held(kind, quote)["display_name"]
    assert crm("documents.delete_document", quote) is True
    assert crm.where(kind, quote) == "recycle_bin"
    assert crm("documents.restore_document", quote)["display_name"] == "Second offer"
    assert crm.where(kind, quote) == "records"


def test_a_quote_takes_lines_and_gives_them_back(crm: Crm, quote: int) -> None:
    number = product(crm, "Ladder")
    crm("products.add_product_prices", number, 1, [{"currency_code": "USD", "unit_price": 10}])
    added = crm("documents.add_products_to_document", quote, [{"id": number, "quantity": 2}])
    assert [(row["id"], row["quantity"]) for row in added["products"]] == [(number, 2)]
    edited = crm("documents.edit_products_of_document", quote, [{"id": number, "quantity": 2, "discount": 10}])
    assert [(row["quantity"], float(row["discount"])) for row in edited["products"]] == [(2, 10.0)]
    assert [row["id"] for row in crm("documents.get_related_products", quote)] == [number]
    assert crm("documents.view_document", quote, "products")["products"][0]["id"] == number
    assert crm("documents.delete_products_from_document", quote)["products"] == []


def test_a_quote_is_forgotten_for_good(crm: Crm, deal: int) -> None:
    number = crm("documents.create_document", deal_id=deal, display_name="Gone", document_type="Quote")["id"]
    kind = kind_of(crm, number)
    assert crm("documents.forget_document", number) is True
    assert crm.where(kind, number) == "nowhere"
