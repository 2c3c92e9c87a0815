"""Products of Pipedrive, what of them is sold in deals, and who takes part in a deal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pipedrive_client_account import account, ask, by_hand, changed, client, written

from workbench.destinations import Draft
from workbench.destinations.pipedrive import Pipedrive
from workbench.rehearsal import Rehearsal
from workbench.specs import CustomField

House = tuple[Pipedrive, Rehearsal]
TIER = CustomField(object="product", name="tier__c", label="Tier", type="picklist", choices=("Starter", "Pro"))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with account(tmp_path_factory.mktemp("goods"), declared=[TIER], made=False) as (crm, there):
        by_hand(there, [*crm.extra_fields(["organization", "person", "deal", "product"]), TIER])
        yield crm, there


def product(crm: Pipedrive, key: str) -> str:
    return written(crm, "product", key, {"name": "Momentum", "price": "650"}).id


def test_a_product_reads_back_with_prices_fields_of_its_own_and_our_key(house: House) -> None:
    crm, there = house
    values = {"name": "Momentum", "code": "PK-01", "price": "650.5", "currency": "EUR", "tier__c": "Pro", "active": True}
    made = written(crm, "product", "p:packages:PK-01", {**values, "description": "five hours", "unit": "package"})
    assert made.key == "p:packages:PK-01"
    assert {name: made.values[name] for name in values} == values
    other = [{"currency": "USD", "price": 700}]
    ask(there, "PATCH", f"api/v2/products/{made.id}", {"prices": [{"currency": "EUR", "price": 650, "cost": 12}, *other]})
    dearer = changed(crm, "product", made.id, {"price": "660"})
    assert (dearer.values["price"], dearer.values["currency"], dearer.key) == ("660", "EUR", made.key)
    raw = ask(there, "GET", f"api/v2/products/{made.id}")["data"]
    assert isinstance(raw, dict) and [(row["price"], row["cost"]) for row in raw["prices"]] == [(660, 12), (700, 0)]
    free = changed(crm, "product", made.id, {"price": None})
    assert (free.values["price"], free.values["currency"]) == ("700", "USD")  # a person's price is all that is left
    dearer = changed(crm, "product", made.id, {"currency": "GBP"})
    assert (dearer.values["price"], dearer.values["currency"]) == ("700", "GBP")
    assert crm.bearing("product", ["p:packages:PK-01"]) == [dearer]


def test_who_uses_no_products_reads_no_fields_of_products(house: House) -> None:
    """A key whose user may not see them is no reason to stop."""
    _, there = house
    apart, start = client(there), len(there.log())
    apart.metadata()
    assert not there.log()["path"][start:].str.contains("productFields").any()
    assert apart.newest("product")
    assert there.log()["path"][start:].str.contains("productFields").any()


def test_a_product_of_a_deal_keeps_our_key_and_a_persons_comment(house: House) -> None:
    crm, there = house
    sold, deal = product(crm, "p:packages:sold"), written(crm, "deal", "p:deals:sold", {"title": "Sold", "value": "1300"}).id
    jobs: list[str] = []
    values = {"deal": deal, "product": sold, "item_price": "650", "quantity": "2", "comment": "half <b> now & half later"}
    outcome = crm.write("deal_product", [Draft("p:lines:1", values)], taken=jobs.append)[0]
    assert (outcome.state, jobs) == ("done", [f"deals/{deal}"])
    made = crm.read("deal_product", [outcome.id])[0]
    assert made.key == "p:lines:1" and {name: made.values[name] for name in values} == values
    assert outcome.after == made.values
    number = made.id.partition("/")[2]
    raw = ask(there, "GET", f"api/v2/deals/{deal}/products")["data"]
    assert isinstance(raw, list) and raw[0]["comments"] == "half <b> now & half later\n[migration key: p:lines:1]"
    dearer = changed(crm, "deal_product", made.id, {"item_price": "600.5", "comment": "all now"})
    assert (dearer.values["item_price"], dearer.values["comment"], dearer.key) == ("600.5", "all now", "p:lines:1")
    ask(there, "PATCH", f"api/v2/deals/{deal}/products/{number}", {"comments": "mine"})
    assert crm.read("deal_product", [made.id])[0].key == ""
    other = written(crm, "deal", "p:deals:other", {"title": "Other"}).id
    moved = crm.write("deal_product", [Draft("p:lines:1", {"deal": other}, made.id)])[0]
    assert moved.state == "rejected" and "stays on its deal" in moved.words
    lost = crm.write("deal_product", [Draft("p:lines:2", {**values, "product": "999999"})])[0]
    assert lost.state == "rejected" and "999999" in lost.words
    assert crm.write("deal_product", [Draft("p:lines:3", {"deal": deal, "quantity": "1"})])[0].state == "rejected"


def test_products_of_many_deals_are_read_a_hundred_deals_a_call(house: House) -> None:
    crm, there = house
    sold = product(crm, "p:packages:many")
    deals = [written(crm, "deal", f"p:deals:many{n}", {"title": f"Many {n}"}).id for n in range(103)]
    drafts = [
        Draft(f"p:lines:many{n}", {"deal": deal, "product": sold, "item_price": 10, "quantity": 1})
        for n, deal in enumerate(deals)
    ]
    ids = {outcome.key: outcome.id for outcome in crm.write("deal_product", drafts)}
    start = len(there.log())
    assert {record.key: record.id for record in crm.near("deal_product", ids.values(), [])} == ids
    assert list(there.log()["tokens"][start:]) == [10, 10]
    apart = client(there)
    assert {record.key for record in apart.sweep("deal_product") if "many" in record.key} == set(ids)
    assert [record.id for record in apart.bearing("deal_product", ["p:lines:many7"])] == [ids["p:lines:many7"]]
    apart.expect("deal_product", drafts[:1])
    start = len(there.log())
    assert len(apart.bearing("deal_product", [drafts[0].key])) == 1
    assert list(there.log()["tokens"][start:]) == [10]


def test_a_pair_of_deal_and_person_is_known_by_the_job_that_the_ledger_keeps(house: House) -> None:
    crm, there = house
    own, second = (written(crm, "person", f"p:people:{n}", {"name": f"Person {n}"}).id for n in range(2))
    deal = written(crm, "deal", "p:deals:two", {"title": "Two coaches", "person": own}).id
    jobs: list[str] = []
    draft = Draft("p:pairs:1", {"deal": deal, "person": second})
    outcome = crm.write("deal_participant", [draft], taken=jobs.append)[0]
    assert (outcome.state, outcome.id, outcome.words) == ("done", f"{deal}/{second}", "")
    assert jobs == [f"deals/{deal}/participants/{second} p:pairs:1"]
    apart = client(there)
    assert [(one.id, one.key) for one in apart.read("deal_participant", [outcome.id])] == [(outcome.id, "")]
    keyed = {one.id: one.key for one in apart.near("deal_participant", [outcome.id], jobs)}
    assert keyed == {f"{deal}/{own}": "", outcome.id: "p:pairs:1"}
    assert client(there).collect("deal_participant", jobs[0], [draft])[0].id == outcome.id
    again = crm.write("deal_participant", [Draft("p:pairs:2", {"deal": deal, "person": second})])[0]
    assert again.state == "rejected" and "already" in again.words
    assert crm.write("deal_participant", [Draft("p:pairs:3", {"deal": "999999", "person": second})])[0].state == "rejected"
    assert [one.state for one in crm.delete("deal_participant", [outcome.id, outcome.id, "x"])] == ["done", "done", "rejected"]
    assert crm.read("deal_participant", [outcome.id]) == []


@pytest.mark.parametrize("kind", ["drop_after", "500_after", "truncated"])
def test_a_lost_answer_is_found_on_the_deal_and_not_made_again(house: House, kind: str) -> None:
    crm, there = house
    sold, person = product(crm, f"p:packages:{kind}"), written(crm, "person", f"p:people:{kind}", {"name": "Lost"}).id
    deal = written(crm, "deal", f"p:deals:{kind}", {"title": "Lost"}).id
    line = Draft(f"p:lines:{kind}", {"deal": deal, "product": sold, "item_price": 1, "quantity": 1})
    pair = Draft(f"p:pairs:{kind}", {"deal": deal, "person": person})
    for object_, draft in (("deal_product", line), ("deal_participant", pair)):
        there.order_fault(kind, path=f"deals/{deal}", method="POST")
        jobs: list[str] = []
        assert crm.write(object_, [draft], taken=jobs.append)[0].state == "unknown"
        found = client(there).collect(object_, jobs[0], [draft])[0]
        assert found.state == "done" and found.after is not None
        assert [record.key for record in crm.bearing(object_, [draft.key])] == [draft.key]
    absent = Draft("p:lines:absent", {"deal": deal, "product": sold, "item_price": 1, "quantity": 1})
    assert client(there).collect("deal_product", f"deals/{deal}", [absent])[0].state == "unknown"
