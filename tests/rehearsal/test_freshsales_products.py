"""Freshsales products, their prices, the lines they make on deals, and quotes (§2.10)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from freshsales_account import FREE, KEY, Json, Started, client, field, made, messages

from workbench.rehearsal import Rehearsal, canonical, running

LATER = "Updating now... we'll let you know once this is done."


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    state = tmp_path_factory.mktemp("rich") / "state.sqlite"
    chosen = {**FREE, "plan": "enterprise", "job_seconds": "0", "job_seconds_per_row": "0"}
    with running("freshsales", state=state, token=KEY, time_scale=1000, switches=chosen) as stand_in:
        yield stand_in


@pytest.fixture
def http(rich: Rehearsal) -> Iterator[httpx.Client]:
    with client(rich) as api:
        yield api


def product(http: httpx.Client, **keys: object) -> Json:
    answer = http.post("/cpq/products?include=product_pricings", json={"product": {"name": "Gutter", **keys}})
    assert answer.status_code in (200, 201), answer.text
    return answer.json()["product"]


def priced(http: httpx.Client, price: float, **keys: object) -> Json:
    return product(http, pricing_type=1, product_pricings=[{"currency_code": "USD", "unit_price": price}], **keys)


def lines(http: httpx.Client, deal: int, *rows: Json) -> Json:
    answer = http.put(f"/deals/{deal}?include=products", json={"deal": {"products": list(rows)}})
    assert answer.status_code == 200, answer.text
    return answer.json()["deal"]


def quote(http: httpx.Client, **keys: object) -> Json:
    answer = http.post("/cpq/cpq_documents", json={"cpq_document": {"document_type": "Quote", **keys}})
    assert answer.status_code in (200, 201), answer.text
    return answer.json()["cpq_document"]


def until(seen: Callable[[], bool]) -> None:
    for _ in range(3000):
        if seen():
            return
        time.sleep(0.02)
    raise AssertionError("it never came about")


def test_a_product_is_made_changed_binned_and_restored(http: httpx.Client) -> None:
    one = product(http, description="Seamless, 6 inch", product_code="G-6", is_active=False)
    assert (one["description"], one["product_code"], one["is_active"], one["pricing_type"]) == (
        "Seamless, 6 inch",
        "G-6",
        False,
        0,
    )
    path = f"/cpq/products/{one['id']}"
    assert http.put(path, json={"product": {"name": "Gutter guard"}}).json()["product"]["name"] == "Gutter guard"
    assert http.delete(path).json() == {"success": "200"}
    assert http.get(path).status_code == 404
    assert http.put(f"{path}/restore").json()["product"]["is_deleted"] is False
    assert http.get(path).json()["product"]["name"] == "Gutter guard"


def test_a_product_says_what_is_wrong_with_it(http: httpx.Client) -> None:
    wrong = {"name": "", "is_active": "yes", "valid_till": "soon", "pricing_type": 7, "owner_id": 1, "parent_product": 1}
    said = messages(http.post("/cpq/products", json={"product": wrong}))
    assert set(said) == {
        "Name can't be blank", "Is active is invalid", "Valid till is invalid", "Pricing type is invalid",
        "Owner is invalid", "Parent product is invalid",
    }  # fmt: skip
    assert http.post("/cpq/products", json={"product": {"name": "x", "product_pricings": "5"}}).status_code == 400


def test_prices_are_added_changed_by_currency_and_removed_with_destroy(http: httpx.Client) -> None:
    one = priced(http, 1000)
    path = f"/cpq/products/{one['id']}?include=product_pricings"
    assert one["base_currency_amount"] == 1000.0
    changes = [{"currency_code": "USD", "unit_price": 1200}, {"currency_code": "EUR", "unit_price": 900.5, "setup_fee": 10}]
    after = http.put(path, json={"product": {"product_pricings": changes}}).json()["product"]
    dollars, euros = after["product_pricings"]
    assert (dollars["id"], dollars["unit_price"], euros["unit_price"], euros["setup_fee"]) == (
        one["product_pricings"][0]["id"], 1200.0, 900.5, 10.0,
    )  # fmt: skip
    gone = http.put(path, json={"product": {"product_pricings": [{"id": dollars["id"], "_destroy": True}]}}).json()["product"]
    assert [row["currency_code"] for row in gone["product_pricings"]] == ["EUR"]
    assert gone["base_currency_amount"] is None
    refused = http.put(path, json={"product": {"product_pricings": [{"currency_code": "XXX", "unit_price": "dear"}]}})
    assert set(messages(refused)) == {"Currency code is invalid", "Unit price is not a number"}


def test_prices_are_shown_only_where_they_are_asked_for(http: httpx.Client) -> None:
    path = f"/cpq/products/{priced(http, 5)['id']}"
    assert "product_pricings" not in http.get(path).json()["product"]
    assert len(http.get(f"{path}?include=product_pricings").json()["product"]["product_pricings"]) == 1


def test_products_are_found_by_search_and_by_filterize(http: httpx.Client) -> None:
    one = product(http, name="Copper flashing", product_code="CF-77")
    found = http.get("/search?q=copper&include=product").json()
    assert [(row["id"], row["type"], row["name"]) for row in found] == [(str(one["id"]), "product", "Copper flashing")]
    for rule in ({"attribute": "product_code", "value": "CF-77"}, {"attribute": "name", "value": "Copper flashing"}):
        body = {"filter_rule": [{**rule, "operator": "is_in"}]}
        answer = http.post("/cpq/products/filterize", json=body).json()
        assert [row["id"] for row in answer["products"]] == [one["id"]] and answer["meta"] == {"total": 1}


def test_many_products_are_changed_in_one_request_that_answers_with_a_sentence(http: httpx.Client) -> None:
    ids = [product(http, name=f"Many {n}")["id"] for n in range(3)]
    owner = http.get("/selector/owners").json()["users"][2]["id"]

    def each() -> list[Json]:
        return [http.get(f"/cpq/products/{number}").json().get("product", {}) for number in ids]

    answer = http.put("/cpq/products/products_bulk_update", json={"ids": ids, "product": {"description": "all of them"}})
    assert answer.json() == {"message": LATER}
    until(lambda: all(row.get("description") == "all of them" for row in each()))
    http.post("/cpq/products/products_bulk_assign", json={"selected_ids": ids, "owner_id": owner})
    until(lambda: all(row.get("owner_id") == owner for row in each()))
    http.post("/cpq/products/products_bulk_delete", json={"selected_ids": [*ids, 1]})
    until(lambda: each() == [{}, {}, {}])
    http.post("/cpq/products/products_bulk_restore", json={"selected_ids": ids})
    until(lambda: all(row.get("name") for row in each()))
    for path, body in (("products_bulk_delete", {}), ("products_bulk_restore", {"selected_ids": []})):
        assert http.post(f"/cpq/products/{path}", json=body).status_code == 400
    assert http.put("/cpq/products/products_bulk_update", json={"ids": ids}).status_code == 400


def test_lines_are_a_whole_list_and_take_their_price_from_the_product(http: httpx.Client) -> None:
    roof, guard = priced(http, 1000, name="Roof"), priced(http, 50, name="Guard", category="Add-on")
    deal = made(http, "/deals", name="Roof on Elm St", amount=1)
    first = lines(http, deal["id"], {"id": roof["id"]}, {"id": guard["id"], "quantity": 4, "unit_price": 45})
    assert [(row["name"], row["quantity"], row["unit_price"]) for row in first["products"]] == [
        ("Roof", 1, 1000.0),
        ("Guard", 4, 45.0),
    ]
    assert first["products"][1]["category"] == "Add-on"
    second = lines(http, deal["id"], {"id": guard["id"], "quantity": 2})
    assert [row["name"] for row in second["products"]] == ["Guard"]
    assert second["products"][0]["association_id"] == first["products"][1]["association_id"]
    assert lines(http, deal["id"])["products"] == []


def test_lines_are_shown_only_with_include_and_has_products_stays_false(http: httpx.Client) -> None:  # recorded
    deal = made(http, "/deals", name="Quiet", amount=1)
    shown = lines(http, deal["id"], {"id": priced(http, 3)["id"]})
    assert shown["has_products"] is False
    names = list(shown)
    assert names[names.index("has_products") + 1 :] == ["products", "rotten_days", "tags"]
    assert "products" not in http.get(f"/deals/{deal['id']}").json()["deal"]
    assert len(http.get(f"/deals/{deal['id']}?include=products").json()["deal"]["products"]) == 1


def test_a_deal_can_be_made_with_its_lines(http: httpx.Client) -> None:
    body = {"deal": {"name": "At once", "amount": 1, "products": [{"id": priced(http, 10)["id"], "quantity": 2.5}]}}
    answer = http.post("/deals?include=products", json=body).json()["deal"]
    assert (answer["products"][0]["quantity"], answer["amount"]) == (2.5, "25.0")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"id": 1}, "Product is invalid"),
        ({"quantity": 1}, "Product is invalid"),
        ({"quantity": -1}, "Quantity is not a number"),
        ({"unit_price": "dear"}, "Unit price is not a number"),
        ({"discount_type": 9}, "Discount type is invalid"),
    ],
)
def test_a_line_that_makes_no_sense_is_refused(http: httpx.Client, row: Json, said: str) -> None:
    deal = made(http, "/deals", name="Refused", amount=7)
    row = row if "id" in row or row == {"quantity": 1} else {"id": priced(http, 1)["id"], **row}
    answer = http.put(f"/deals/{deal['id']}", json={"deal": {"products": [row]}})
    assert (answer.status_code, messages(answer)) == (400, [said])
    kept = http.get(f"/deals/{deal['id']}?include=products").json()["deal"]
    assert (kept["amount"], kept["products"]) == ("7.0", [])
    answer = http.put(f"/deals/{deal['id']}", json={"deal": {"products": {"id": 1}}})
    assert messages(answer) == ["The type for products is invalid."]


def amounts(http: httpx.Client) -> list[str]:
    """A deal's amount: as made, with lines, sent again, with the lines taken away, and of one that never had any."""
    deal = made(http, "/deals", name="Sum", amount=500)
    one = priced(http, 100)
    told = [deal["amount"], lines(http, deal["id"], {"id": one["id"], "quantity": 3, "discount": 10})["amount"]]
    told.append(http.put(f"/deals/{deal['id']}", json={"deal": {"amount": 999}}).json()["deal"]["amount"])
    told.append(lines(http, deal["id"])["amount"])
    return [*told, lines(http, made(http, "/deals", name="Bare", amount=8)["id"])["amount"]]


def test_the_amount_becomes_the_sum_of_the_lines_that_are_sent(http: httpx.Client) -> None:  # §2.10 possible trap
    assert amounts(http) == ["500.0", "270.0", "999.0", "0.0", "8.0"]


def test_switches_settle_amount_discount_and_the_rest(started: Started) -> None:
    other = {"discount_1": "amount", "has_products": "honest", "product_base_amount": "null", "product_delete": "msg"}
    _, apart = started(line_amount="keep", **other)
    assert amounts(apart) == ["500.0", "500.0", "999.0", "999.0", "8.0"]
    one = priced(apart, 100)
    assert one["base_currency_amount"] is None
    deal = made(apart, "/deals", name="Honest", amount=1)
    assert lines(apart, deal["id"], {"id": one["id"]})["has_products"] is True
    assert apart.delete(f"/cpq/products/{one['id']}").json() == {"msg": {"id": one["id"], "code": "success"}}
    _, locked = started(line_amount="locked", discount_1="amount")
    assert amounts(locked) == ["500.0", "290.0", "290.0", "0.0", "8.0"]


def test_a_line_in_another_currency_takes_that_price(http: httpx.Client) -> None:
    euro = next(row["id"] for row in http.get("/selector/currencies").json()["currencies"] if row["currency_code"] == "EUR")
    prices = [{"currency_code": "USD", "unit_price": 100}, {"currency_code": "EUR", "unit_price": 92}]
    one = product(http, product_pricings=prices)
    deal = made(http, "/deals", name="Euro", amount=1, currency_id=euro)
    after = lines(http, deal["id"], {"id": one["id"]})
    assert (after["products"][0]["currency_code"], after["amount"], after["base_currency_amount"]) == ("EUR", "92.0", "100.0")


def test_a_quote_lives_from_its_deal_to_its_end(http: httpx.Client) -> None:
    deal, one = made(http, "/deals", name="Quoted", amount=1), priced(http, 20)
    first = quote(http, deal_id=deal["id"], display_name="Offer", valid_till="2027-01-31", billing_city="Columbus")
    assert first["document_number"].startswith("DOC-") and first["base_currency_amount"] is None
    path = f"/cpq/cpq_documents/{first['id']}"
    body = {"cpq_document": {"products": [{"id": one["id"], "quantity": 2}]}}
    filled = http.put(f"{path}?include=products", json=body).json()["cpq_document"]
    assert (filled["amount"], filled["has_products"], filled["products"][0]["name"]) == (40.0, True, "Gutter")
    assert [row["id"] for row in http.get(f"{path}/related_products").json()["products"]] == [one["id"]]
    assert http.put(path, json={"cpq_document": {"stage": "Sent"}}).json()["cpq_document"]["stage"] == "Sent"
    done = {"msg": {"id": first["id"], "code": "success"}}
    assert http.delete(path).json() == done
    assert http.get(path).status_code == 404
    assert http.put(f"{path}/restore").json()["cpq_document"]["display_name"] == "Offer"
    assert http.delete(f"{path}/forget").json() == done
    assert http.put(f"{path}/restore").status_code == 404


def test_a_quote_says_what_is_wrong_with_it(http: httpx.Client) -> None:
    wrong = {"contact_id": 1, "currency_code": "XXX", "amount": "dear", "valid_till": "soon"}
    said = messages(http.post("/cpq/cpq_documents", json={"cpq_document": wrong}))
    assert set(said) == {
        "Contact is invalid", "Currency code is invalid", "Amount is not a number", "Valid till is invalid",
        "Deal can't be blank", "Document type can't be blank",
    }  # fmt: skip


def test_many_quotes_are_changed_in_one_request(http: httpx.Client) -> None:
    deal = made(http, "/deals", name="Many quotes", amount=1)
    ids = [quote(http, deal_id=deal["id"])["id"] for _ in range(2)]
    owner = http.get("/selector/owners").json()["users"][1]["id"]

    def each() -> list[Json]:
        return [http.get(f"/cpq/cpq_documents/{number}").json().get("cpq_document", {}) for number in ids]

    base = "/cpq/cpq_documents/cpq_documents_bulk"
    http.put(f"{base}_update", json={"ids": ids, "cpq_document": {"stage": "Won"}})
    http.post(f"{base}_assign", json={"selected_ids": ids, "owner_id": owner})
    until(lambda: all((row.get("stage"), row.get("owner_id")) == ("Won", owner) for row in each()))
    assert http.post(f"{base}_delete", json={"selected_ids": ids}).json() == {"message": LATER}
    until(lambda: each() == [{}, {}])
    http.post(f"{base}_restore", json={"selected_ids": ids})
    until(lambda: all(each()))
    assert http.put(f"{base}_update", json={"ids": ids}).status_code == 400


def test_quotes_are_for_the_plans_that_have_them(started: Started) -> None:
    _, growth = started()
    assert growth.post("/cpq/cpq_documents", json={}).status_code == 403
    _, every = started(quotes="all")
    assert every.post("/cpq/cpq_documents", json={}).status_code == 400
    _, nobody = started(quotes="none", plan="enterprise")
    assert nobody.get("/cpq/cpq_documents/1").status_code == 403


def test_products_and_quotes_have_custom_fields_that_the_admin_makes(rich: Rehearsal, http: httpx.Client) -> None:
    plan = [
        {"object": "product", "label": "Warranty", "type": "number"},
        {"object": "cpq_document", "label": "Terms", "type": "text"},
    ]
    warranty, terms = rich.admin_create_fields(plan)
    one = product(http, custom_field={warranty["name"]: 25})
    assert one["custom_field"] == {"cf_warranty": 25}
    deal = made(http, "/deals", name="Terms", amount=1)
    assert quote(http, deal_id=deal["id"], custom_field={terms["name"]: "net 30"})["custom_field"] == {"cf_terms": "net 30"}
    assert (
        http.post("/cpq/products", json={"product": {"name": "x", "custom_field": {"cf_warranty": "long"}}}).status_code == 400
    )


def test_what_is_made_and_taken_back_leaves_the_tenant_as_it_was(started: Started) -> None:
    stand_in, http = started(plan="enterprise")
    deal, kept = made(http, "/deals", name="Stays", amount=5), priced(http, 9, name="Stays too")
    before = canonical(stand_in.dump())
    one = priced(http, 70)
    lines(http, deal["id"], {"id": one["id"]}, {"id": kept["id"]})
    number = quote(http, deal_id=deal["id"], products=[{"id": one["id"]}])["id"]
    assert canonical(stand_in.dump()) != before
    http.delete(f"/cpq/cpq_documents/{number}/forget")
    lines(http, deal["id"])
    http.put(f"/deals/{deal['id']}", json={"deal": {"amount": 5}})
    http.delete(f"/cpq/products/{one['id']}")
    assert canonical(stand_in.dump()) == before


def test_lines_and_prices_that_are_put_back_leave_the_tenant_as_it_was(started: Started) -> None:
    stand_in, http = started()
    one = priced(http, 9)
    deal = made(http, "/deals", name="Lined", amount=5, products=[{"id": one["id"], "quantity": 2}])
    before = canonical(stand_in.dump())
    lines(http, deal["id"])
    prices = [{"id": one["product_pricings"][0]["id"], "_destroy": True}]
    http.put(f"/cpq/products/{one['id']}", json={"product": {"product_pricings": prices}})
    assert canonical(stand_in.dump()) != before
    back = [{"currency_code": "USD", "unit_price": 9}]
    http.put(f"/cpq/products/{one['id']}", json={"product": {"product_pricings": back}})
    lines(http, deal["id"], {"id": one["id"], "quantity": 2})
    assert canonical(stand_in.dump()) == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/cpq/products", {"product": {"name": "x", "product_pricings": [{"currency_code": {"a": 1}}]}}),
        ("POST", "/cpq/products", {"product": {"name": "x", "pricing_type": [1], "custom_field": [1]}}),
        ("POST", "/cpq/cpq_documents", {"cpq_document": {"currency_code": ["USD"], "deal_id": {}, "products": {"id": 1}}}),
        ("PUT", "/deals/{deal}", {"deal": {"products": [{"id": {}, "discount_type": [1]}]}}),
        ("POST", "/deals/{deal}/clone", {"deal": {"custom_field": [1]}}),
        ("POST", "/contacts/{contact}/clone", {"contact": {"emails": [{"id": {}}]}}),
        ("POST", "/contacts/{contact}/manage_team_members", {"team_users": [{"user_id": [1]}]}),
        ("POST", "/cpq/products/filterize", {"filter_rule": 5}),
    ],
)
def test_a_shape_that_nobody_thought_of_is_refused_in_words(http: httpx.Client, method: str, path: str, body: Json) -> None:
    number = made(http, "/deals", name="Odd", amount=1)["id"]
    person = http.post("/contacts/upsert", json={"unique_identifier": {"emails": "odd@brightroof.example"}, "contact": {}})
    answer = http.request(method, path.format(deal=number, contact=person.json()["contact"]["id"]), json=body)
    assert (answer.status_code, bool(messages(answer))) == (400, True)


def test_a_field_of_a_kind_of_its_own_is_no_contact_field(http: httpx.Client) -> None:
    made_field = field(http, "contacts", "Warranty years", "number")
    assert made_field["name"] not in product(http)["custom_field"]
