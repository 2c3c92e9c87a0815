"""Products, prices, lines of deals, links between accounts and contacts, tags: by the client against the rehearsal."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from freshsales_objects import Crm, by_key, comes_and_goes, crm, loses_no_answer, not_made, round_trip, shown, states

from workbench.destinations import Draft
from workbench.errors import Refused
from workbench.ledger.loading import load
from workbench.ledger.unloading import unload
from workbench.specs import CustomField


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    with crm(tmp_path_factory.mktemp("goods")) as made:
        provision(made)
        yield made


def provision(there: Crm) -> None:
    client = there.client()
    for plan in client.extra_fields(["sales_account", "contact", "deal", "product", "deal_product"]):
        client.create_field(plan)


def tile(name: str = "Tile", **more: Any) -> dict[str, Any]:
    return {"name": name, "sku_number": "0012", "description": "red\nand round", "category": "Roof", **more}


def product(there: Crm, key: str, **more: Any) -> str:
    return there.client().write("product", [Draft(key, tile(key, **more))])[0].id


def line(there: Crm, product_: str, **more: Any) -> dict[str, Any]:
    return {"deal": there.parents["deal"], "product": product_, "quantity": "3", "unit_price": "12.5", **more}


# ---------------------------------------------------------------- products


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"unit_price": "12.5", "currency": "USD"},
        {"prices": ["12.5 USD", "11 EUR"], "is_active": False},
        {"valid_till": "2027-01-31", "is_active": True},
    ],
)
def test_a_product_reads_back_as_it_was_sent(there: Crm, more: dict[str, Any]) -> None:
    round_trip(there, "product", tile(**more), key=f"p:products:{'-'.join(more)}")


def test_a_price_is_changed_by_its_currency_and_the_others_stay_or_go(there: Crm) -> None:
    client = there.client()
    number = product(there, "p:products:prices", prices=["10 USD", "9 EUR"])
    (kept,) = (row["id"] for row in there.records("products")[number]["product_pricings"] if row["currency_code"] == "USD")
    assert client.write("product", [Draft("p:products:prices", {"prices": ["11.5 USD", "14 CAD"]}, number)])[0].state == "done"
    assert client.read("product", [number])[0].values["prices"] == ["11.5 USD", "14 CAD"]
    assert there.records("products")[number]["product_pricings"][0]["id"] == kept
    assert client.write("product", [Draft("p:products:prices", {"prices": None}, number)])[0].state == "done"
    assert client.read("product", [number])[0].values["prices"] is None


@pytest.mark.parametrize("price", ["12.50 USD", "12,5 USD", "USD 12", "12 Dollars", "12"])
def test_a_price_that_would_not_read_back_is_rejected(there: Crm, price: str) -> None:
    (outcome,) = there.client().write("product", [Draft("p:products:bad", tile(prices=[price]))])
    assert outcome.state == "rejected" and "12.5 USD" in outcome.words


def test_products_are_swept_page_by_page_and_found_by_name(tmp_path: Path) -> None:
    with crm(tmp_path, settings={"page_rows": 4}) as there:
        client = there.client()
        assert states(client.write("product", [Draft(f"p:products:{n}", tile(f"T{n}")) for n in range(11)])) == ["done"] * 11
        there.person("POST", "cpq/products", {"product": {"name": "theirs"}})
        swept = list(there.client().sweep("product"))
        assert sorted(str(record.values["name"]) for record in swept) == sorted([*(f"T{n}" for n in range(11)), "theirs"])
        assert [record.key for record in client.find("product", "name", ["t3"])] == ["p:products:3"]


def test_a_lost_product_is_settled_by_a_look(there: Crm) -> None:
    """The list is read by a POST, too, which comes before the one that makes the product."""
    loses_no_answer(there, "product", tile("Lost"), "/cpq/products", after=1)
    not_made(there, "product", tile("Lost too"), "/cpq/products", after=1)


def test_a_rollback_takes_products_away(tmp_path: Path) -> None:
    with crm(tmp_path) as there:
        comes_and_goes(there, "product", [Draft(f"p:products:{n}", tile(f"T{n}", prices=["1.5 USD"])) for n in range(3)])


# ---------------------------------------------------------------- lines


@pytest.mark.row("FF10")
def test_a_line_reads_back_as_it_was_sent_and_leaves_the_amount_alone(there: Crm) -> None:
    number = product(there, "p:products:line")
    more = {"discount": "10", "discount_type": "Percent", "setup_fee": "5"}
    record = round_trip(there, "deal_product", line(there, number, **more), key="p:lines:1")
    assert record.id.startswith(f"deals/{there.parents['deal']}/")
    assert there.client().read("deal", [there.parents["deal"]])[0].values["amount"] == "100"
    assert ("deal_product", record.id) in there.client().children("deal", there.parents["deal"])


@pytest.mark.parametrize(
    ("rule", "setting", "amount"), [("sum", "summed", "37.5"), ("sum", "kept", "100"), ("locked", "kept", "37.5")]
)
def test_whether_lines_or_amount_win_is_a_setting_as_far_as_the_account_lets_it(
    tmp_path: Path, rule: str, setting: str, amount: str
) -> None:
    with crm(tmp_path, switches={"line_amount": rule}, settings={"line_amount": setting}) as there:
        provision(there)
        values = line(there, product(there, "p:products:1"))
        assert there.client().write("deal_product", [Draft("p:lines:1", values)])[0].state == "done"
        assert there.client().read("deal", [there.parents["deal"]])[0].values["amount"] == amount


def test_several_lines_of_one_product_and_lines_of_others_are_told_apart(tmp_path: Path) -> None:
    with crm(tmp_path) as there:
        provision(there)
        deal, number = there.parents["deal"], product(there, "p:products:1")
        rows = [{"id": int(number), "quantity": 99, "unit_price": 1}]
        there.person("PUT", f"deals/{deal}", {"deal": {"products": rows}})
        client = there.client()
        drafts = [Draft(f"p:lines:{n}", line(there, number, quantity=str(n))) for n in (1, 2, 3)]
        assert states(client.write("deal_product", drafts)) == ["done"] * 3
        swept = list(there.client().sweep("deal_product"))
        assert [(record.key, record.values["quantity"]) for record in swept] == [
            ("", "99"), ("p:lines:1", "1"), ("p:lines:2", "2"), ("p:lines:3", "3"),
        ]  # fmt: skip
        gone = by_key(swept)["p:lines:2"].id
        assert client.delete("deal_product", [gone])[0].state == "done" == client.delete("deal_product", [gone])[0].state
        (changed,) = client.write(
            "deal_product", [Draft("p:lines:3", {"quantity": "30"}, by_key(client.sweep("deal_product"))["p:lines:3"].id)]
        )
        assert changed.state == "done"
        left = [(record.key, record.values["quantity"]) for record in there.client().sweep("deal_product")]
        assert left == [("", "99"), ("p:lines:1", "1"), ("p:lines:3", "30")]


def test_a_line_keeps_its_deal_and_its_product(there: Crm) -> None:
    client, number = there.client(), product(there, "p:products:kept")
    made = client.write("deal_product", [Draft("p:lines:kept", line(there, number))])[0].id
    other = product(there, "p:products:other")
    (moved,) = client.write("deal_product", [Draft("p:lines:kept", {"product": other}, made)])
    (same,) = client.write("deal_product", [Draft("p:lines:kept", {**line(there, number), "quantity": "4"}, made)])
    assert moved.state == "rejected" and "keeps its deal and its product" in moved.words
    assert same.state == "done" and client.read("deal_product", [made])[0].values["quantity"] == "4"


def test_lines_of_one_deal_that_are_written_at_once_are_all_there(there: Crm) -> None:
    deal = str(there.person("POST", "deals", {"deal": {"name": "Busy", "amount": 1}})["deal"]["id"])
    number, client = product(there, "p:products:busy"), there.client()
    drafts = [Draft(f"p:lines:busy{n}", {**line(there, number, quantity=str(n)), "deal": deal}) for n in range(12)]
    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(lambda draft: client.write("deal_product", [draft])[0], drafts))
    assert states(outcomes) == ["done"] * 12 and len({outcome.id for outcome in outcomes}) == 12
    found = {record.key: record.values["quantity"] for record in client.read("deal_product", [each.id for each in outcomes])}
    assert found == {f"p:lines:busy{n}": str(n) for n in range(12)}


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_whichever_call_is_lost_the_line_is_there_once_and_the_amount_stands(tmp_path: Path, fault: str, after: int) -> None:
    """Two calls make a line where the account sums lines up; the second one puts the amount back."""
    with crm(tmp_path) as there:
        provision(there)
        before = there.tenant()
        number = product(there, "p:products:lost")
        guard, deal = there.guard(), there.parents["deal"]
        there.rehearsal.order_fault(fault, path=f"/deals/{deal}", method="PUT", after=after)
        load([[Draft("p:lines:1", line(there, number))]], guard, "deal_product", certify=True)
        (record,) = list(there.client().sweep("deal_product"))
        assert (record.key, record.values["quantity"]) == ("p:lines:1", "3")
        held = there.records("deals")[deal]
        assert held["amount"] == "100.0" and len(held["products"]) == 1
        there.rehearsal.order_fault(fault, path=f"/deals/{deal}", method="PUT", after=after)
        assert unload(there.guard()).complete
        there.client().delete("product", [number])
        assert there.tenant() == before


def test_a_line_that_is_under_way_is_not_shown_until_the_amount_stands(there: Crm) -> None:
    deal = str(there.person("POST", "deals", {"deal": {"name": "Halfway", "amount": 7}})["deal"]["id"])
    values = {**line(there, product(there, "p:products:halfway")), "deal": deal}
    there.rehearsal.order_fault("drop_before", path=f"/deals/{deal}", method="PUT", after=1)
    client = there.client()
    (lost,) = client.write("deal_product", [Draft("p:lines:halfway", values)])
    assert lost.state == "unknown" and there.records("deals")[deal]["amount"] == "37.5"
    assert client.bearing("deal_product", ["p:lines:halfway"]) == [] and client.children("deal", deal) == []
    before = len(there.rehearsal.log())
    (again,) = client.write("deal_product", [Draft("p:lines:halfway", values)])
    assert again.state == "done" and there.records("deals")[deal]["amount"] == "7.0"
    assert [call.split(" ")[0] for call in there.calls(before)] == ["GET", "PUT"]


def test_a_rollback_takes_lines_away_and_those_of_others_stay(tmp_path: Path) -> None:
    with crm(tmp_path) as there:
        provision(there)
        number = str(there.person("POST", "cpq/products", {"product": {"name": "theirs"}})["product"]["id"])
        rows = [{"id": int(number), "quantity": 2, "unit_price": 7.5}]
        there.person("PUT", f"deals/{there.parents['deal']}", {"deal": {"products": rows, "amount": 50}})
        comes_and_goes(
            there, "deal_product", [Draft(f"p:lines:{n}", line(there, number, quantity=str(n + 1))) for n in range(3)]
        )


def test_a_deal_with_lines_of_ours_goes_and_one_with_lines_of_others_stays(tmp_path: Path) -> None:
    with crm(tmp_path) as there:
        provision(there)
        guard = there.guard()
        load([[Draft("p:products:1", tile())]], guard, "product", certify=True)
        load([[Draft(f"p:deals:{n}", {"name": f"D{n}", "amount": 10}) for n in range(2)]], guard, "deal", certify=True)
        number, deals = guard.resolve_ids("product")["p:products:1"], guard.resolve_ids("deal")
        drafts = [
            Draft(f"p:lines:{n}", {"deal": deals[f"p:deals:{n}"], "product": number, "quantity": 2, "unit_price": 4})
            for n in range(2)
        ]
        load([drafts], guard, "deal_product", certify=True)
        body = there.person("GET", f"deals/{deals['p:deals:1']}?include=products")["deal"]["products"]
        rows = [{"id": row["id"], "quantity": row["quantity"], "unit_price": row["unit_price"]} for row in body]
        there.person("PUT", f"deals/{deals['p:deals:1']}", {"deal": {"products": [*rows, rows[0]], "amount": 10}})
        result = unload(there.guard())
        assert list(result.kept["key"]) == ["p:deals:1", "p:products:1"]  # their line is one of our product, too
        assert result.errored.empty and set(result.reversed["key"]) == {"p:deals:0", "p:lines:0", "p:lines:1"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"deal": None}, "belongs to a deal"),
        ({"product": None}, "names a product"),
        ({"quantity": "three"}, "is no number"),
        ({"discount_type": "Some"}, "is Percent or Amount"),
        ({"deal": "999999"}, "not there any more"),
    ],
)
def test_a_line_that_does_not_fit_is_rejected(there: Crm, change: dict[str, Any], words: str) -> None:
    values = {**line(there, product(there, f"p:products:{words}")), **change}
    (outcome,) = there.client().write("deal_product", [Draft("p:lines:bad", values)])
    assert outcome.state == "rejected" and words in outcome.words


def test_without_the_field_for_our_keys_no_line_is_sent(tmp_path: Path) -> None:
    with crm(tmp_path) as there:
        with pytest.raises(Refused, match="Migration Lines"):
            there.client().write("deal_product", [Draft("p:lines:1", line(there, product(there, "p:products:1")))])
        assert not there.records("deals")[there.parents["deal"]].get("products")


# ---------------------------------------------------------------- accounts, contacts, deals


def test_accounts_become_a_tree_in_a_second_pass(there: Crm) -> None:
    client = there.client()
    client.write("sales_account", [Draft(f"p:accounts:{n}", {"name": f"Level {n}"}) for n in range(5)])
    made = by_key(client.sweep("sales_account"))
    ids = [made[f"p:accounts:{n}"].id for n in range(5)]
    changes = [Draft(f"p:accounts:{n}", {"parent_sales_account": ids[n - 1]}, ids[n]) for n in range(1, 5)]
    assert states(client.write("sales_account", changes)) == ["done"] * 4
    shown_ = {record.id: record.values["parent_sales_account"] for record in there.client().read("sales_account", ids)}
    assert shown_ == dict(zip(ids, [None, *ids[:4]], strict=True))


def test_a_tree_of_ours_goes_whatever_its_order_and_stays_where_others_hung_an_account_on_it(tmp_path: Path) -> None:
    with crm(tmp_path) as there:
        provision(there)
        guard = there.guard()
        load(
            [[Draft(f"p:accounts:{n}", {"name": f"Level {n}"}) for n in (3, 1, 4, 0, 2)]], guard, "sales_account", certify=True
        )
        ids = guard.resolve_ids("sales_account")
        up = {n: ids[f"p:accounts:{n - 1}"] for n in range(1, 5)}
        changes = [Draft(f"p:accounts:{n}", {"parent_sales_account": up[n]}, ids[f"p:accounts:{n}"]) for n in up]
        load([changes], guard, "sales_account")
        theirs = {"name": "Branch", "parent_sales_account_id": int(ids["p:accounts:1"])}
        branch = there.person("POST", "sales_accounts", {"sales_account": theirs})["sales_account"]["id"]
        result = unload(there.guard())
        words = dict(zip(result.kept["key"], result.kept["words"], strict=True))
        assert f"sales_account {branch}" in words["p:accounts:1"]
        assert set(result.reversed["key"]) == {"p:accounts:2", "p:accounts:3", "p:accounts:4"}
        assert there.records("sales_accounts")[str(branch)]["parent_sales_account_id"] == int(ids["p:accounts:1"])


def test_a_contact_has_several_accounts_and_one_of_them_is_the_primary_one(there: Crm) -> None:
    client = there.client()
    client.write("sales_account", [Draft(f"p:accounts:many{n}", {"name": f"Many {n}"}) for n in range(3)])
    made = by_key(client.sweep("sales_account"))
    ids = [made[f"p:accounts:many{n}"].id for n in (2, 0, 1)]
    client.write("contact", [Draft("p:contacts:many", {"last_name": "M", "emails": "m@many.example", "sales_accounts": ids})])
    record = by_key(there.client().sweep("contact"))["p:contacts:many"]
    accounts = record.values["sales_accounts"]
    assert isinstance(accounts, list) and accounts[0] == ids[0] and set(accounts) == set(ids)
    held = there.records("contacts")[record.id]["sales_accounts"]
    assert [row["is_primary"] for row in held] == [str(row["id"]) == ids[0] for row in held]


@pytest.mark.parametrize("object_", ["contact", "sales_account", "deal"])
def test_tags_read_back_and_go_again(there: Crm, object_: str) -> None:
    own: dict[str, dict[str, Any]] = {
        "contact": {"last_name": "T", "emails": "t@tags.example"},
        "sales_account": {"name": "Tagged"},
        "deal": {"name": "Tagged", "amount": 1},
    }
    client = there.client()
    client.write(object_, [Draft("p:tags:1", {**own[object_], "tags": ["Größe", "two words"]})])
    record = by_key(client.sweep(object_))["p:tags:1"]
    assert record.values["tags"] == ["Größe", "two words"]
    assert client.write(object_, [Draft("p:tags:1", {"tags": None}, record.id)])[0].state == "done"
    assert client.read(object_, [record.id])[0].values["tags"] is None


def test_a_moment_in_a_field_of_ones_own_keeps_its_time_of_day(tmp_path: Path) -> None:
    plan = CustomField(object="contact", name="created__c", label="Created in Profi", type="moment")
    with crm(tmp_path, declared=[plan]) as there:
        client = there.client()
        client.create_field(plan)
        sent = "2021-10-31T02:30:15+02:00"
        values = {"last_name": "M", "emails": "m@moment.example", "created__c": sent}
        assert client.write("contact", [Draft("p:contacts:m", values)])[0].state == "done"
        assert by_key(client.sweep("contact"))["p:contacts:m"].values["created__c"] == "2021-10-31T00:30:15+00:00"
        (day,) = client.write("contact", [Draft("p:contacts:d", {**values, "created__c": "2021-10-31"})])
        assert day.state == "rejected" and "a day and a time with its offset" in day.words


def test_a_closed_deal_keeps_its_day_its_reason_its_currency_and_its_forecast(there: Crm) -> None:
    values = {
        "name": "Lost of 2019", "amount": "10", "deal_pipeline": "Campaigns", "deal_stage": "Cancelled",
        "closed_date": "2019-05-31", "deal_reason": "Not interested", "currency": "EUR", "forecast_category": "Best-case",
        "probability": 0,
    }  # fmt: skip
    client = there.client()
    (outcome,) = client.write("deal", [Draft("p:deals:closed", values)])
    assert outcome.state == "done"
    assert shown(client.read("deal", [outcome.id])[0], list(values)) == values
