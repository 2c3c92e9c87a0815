"""Views, scrolling and searches of the rehearsal Freshsales: what is in them, in which order, and since when."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from freshsales_account import Started, contact, in_view, made, messages, view_of

TENANTS = Path(__file__).parents[2] / "workbench" / "rehearsal" / "tenants"
VIEWS = """[views]
contacts = [
  { name = "Alle Kontakte", rule = "all" },
  { name = "Papierkorb", rule = "deleted" },
]
sales_accounts = [{ name = "Toutes les entreprises", rule = "all" }]
deals = [{ name = "Offene Deals", rule = "open" }, { name = "Verlorene Deals", rule = "lost" }]
"""


@pytest.fixture
def german(tmp_path: Path) -> str:
    """A tenant whose views are translated, and which has neither Won Deals nor a bin of accounts."""
    recipe = tmp_path / "german.toml"
    text = (TENANTS / "freshsales_suite.toml").read_text("utf-8")
    recipe.write_text(text[: text.index("# rule:")] + VIEWS, "utf-8")
    return str(recipe)


def stage_of(http: httpx.Client, forecast: str) -> int:
    stages = http.get("/selector/deal_stages").json()["deal_stages"]
    return next(row["id"] for row in stages if row["forecast_type"] == forecast)


def test_views_may_be_translated_or_missing_and_show_the_same(started: Started, german: str) -> None:  # §6 Views, §8.2
    _, http = started(tenant=german)
    person = contact(http, email="hier@brightroof.example")
    gone = contact(http, email="weg@brightroof.example")
    http.delete(f"/contacts/{gone['id']}")
    made(http, "/deals", name="Gewonnen", amount=1, deal_stage_id=stage_of(http, "Closed Won"))

    names = {kind: [row["name"] for row in http.get(f"/{kind}/filters").json()["filters"]] for kind in ("contacts", "deals")}

    assert names == {"contacts": ["Alle Kontakte", "Papierkorb"], "deals": ["Offene Deals", "Verlorene Deals"]}
    assert in_view(http, "contacts", "Alle Kontakte") == [person["id"]]
    assert in_view(http, "contacts", "Papierkorb") == [gone["id"]]
    assert in_view(http, "deals", "Offene Deals") == in_view(http, "deals", "Verlorene Deals") == []


def test_a_view_of_another_object_or_none_is_not_found(api: httpx.Client) -> None:
    deals = view_of(api, "deals", "Open Deals")

    assert [api.get(f"/{path}").status_code for path in (f"contacts/view/{deals}", "deals/view/7", "leads/filters")] == [
        404
    ] * 3


def test_open_won_and_lost_deals_are_all_deals_and_no_view_shows_them_together(started: Started) -> None:  # §6 Views
    _, http = started()
    deals = {
        forecast: made(http, "/deals", name=forecast, amount=1, deal_stage_id=stage_of(http, forecast))["id"]
        for forecast in ("Open", "Closed Won", "Closed Lost")
    }

    shown = {name: in_view(http, "deals", name) for name in ("Open Deals", "Won Deals", "Lost Deals")}

    assert shown == {"Open Deals": [deals["Open"]], "Won Deals": [deals["Closed Won"]], "Lost Deals": [deals["Closed Lost"]]}
    for row in http.get("/deals/filters").json()["filters"]:
        rows = http.get(f"/deals/view/{row['id']}").json()["deals"]
        assert len(rows) < 3 or row["name"] == "Recent Deals"


def test_views_with_a_known_rule_keep_it_and_the_others_are_empty(started: Started) -> None:  # §6 default view names
    _, http = started()
    today = datetime.now(ZoneInfo("America/New_York")).date()  # of the account: its week may have begun later than ours
    bounced = contact(http, email="back@brightroof.example", subscription_status=4)
    contact(http, email="fine@brightroof.example")
    soon = made(http, "/deals", name="Soon", amount=1, expected_close=today.isoformat())
    made(http, "/deals", name="Later", amount=1, expected_close=(today + timedelta(days=20)).isoformat())
    won = {"amount": 1, "deal_stage_id": stage_of(http, "Closed Won")}
    sold = made(http, "/deals", name="Sold", **won)
    made(http, "/deals", name="Sold long ago", **won, closed_date="2020-01-15")

    assert in_view(http, "contacts", "Bounced contacts") == [bounced["id"]]
    assert in_view(http, "deals", "Closing this week") == [soon["id"]]
    assert in_view(http, "deals", "This month's sales") == [sold["id"]]
    assert in_view(http, "deals", "Hot") == in_view(http, "deals", "Cold") == in_view(http, "contacts", "My Contacts") == []


@pytest.fixture(scope="module")
def sized(suite: Any) -> list[int]:
    from freshsales_account import client

    with client(suite) as http:
        return [made(http, "/sales_accounts", name=f"Sized {n:02}")["id"] for n in range(30)]


@pytest.mark.parametrize(
    ("asked", "page", "given"),
    [
        ("", 1, 25),
        ("&per_page=7", 1, 7),
        ("&per_page=1", 1, 1),
        ("&per_page=500", 1, 30),
        ("&per_page=0", 1, 1),
        ("&per_page=x", 1, 25),
        ("&per_page=20", 2, 10),
        ("&per_page=20", 3, 0),
        ("&per_page=20", 999, 0),
    ],
)
def test_pages_have_25_rows_or_up_to_100_and_past_the_end_none(
    api: httpx.Client, sized: list[int], asked: str, page: int, given: int
) -> None:  # §6 per_page
    body = api.get(f"/sales_accounts/view/{view_of(api, 'sales_accounts', 'All Accounts')}?page={page}{asked}").json()

    assert len(body["sales_accounts"]) == given
    assert body["meta"]["total"] == len(sized)


@pytest.mark.parametrize("asked_in", ["body", "query"])
def test_a_filtered_search_has_pages_of_10_unless_asked_in_body_or_query(
    api: httpx.Client, sized: list[int], asked_in: str
) -> None:  # §6 filtered_search
    rules = {"filter_rule": [{"attribute": "name", "operator": "contains", "value": "Sized"}]}

    def page(**asked: object) -> list[int]:
        query = "&".join(f"{key}={value}" for key, value in asked.items()) if asked_in == "query" else ""
        body = rules if asked_in == "query" else {**rules, **asked}
        answer = api.post(f"/filtered_search/sales_account?{query}", json=body).json()
        assert answer["meta"] == {"total": len(sized)}
        return [row["id"] for row in answer["sales_accounts"]]

    by_id = {"sort": "id", "sort_type": "asc"}
    assert page(**by_id) == sized[:10]
    assert page(**by_id, page=3) == sized[20:]
    assert page(**by_id, page=2, per_page=25) == sized[25:]
    assert page(**by_id, page=4) == []


def test_accounts_are_sorted_by_the_keys_that_clients_use(started: Started) -> None:  # §6 Sort keys
    _, http = started()
    ids = [made(http, "/sales_accounts", name=f"Sorted {n}")["id"] for n in range(3)]
    for place, amount in ((0, 200), (1, 1000), (2, 30)):
        made(http, "/deals", name="D", amount=amount, sales_account_id=ids[place])
    time.sleep(0.002)
    http.put(f"/sales_accounts/{ids[1]}", json={"city": "Lima"})
    rising = {
        "created_at": ids,
        "updated_at": [ids[0], ids[2], ids[1]],
        "open_deals_amount": [ids[2], ids[0], ids[1]],
        "last_contacted": ids,
    }

    for key, order in rising.items():
        for way in (1, -1):
            query = f"sort={key}&sort_type={'asc' if way == 1 else 'desc'}"
            assert in_view(http, "sales_accounts", "All Accounts", query) == order[::way], query


def test_scrolling_reaches_everything_once(api: httpx.Client, sized: list[int]) -> None:  # §6 Scroll
    view, seen, last = view_of(api, "sales_accounts", "All Accounts"), [], 0
    while rows := api.get(f"/sales_accounts/scroll/{view}?limit=7&last_fetched_id={last}").json()["sales_accounts"]:
        assert len(seen) < len(sized), "it goes round in circles"
        seen += [row["id"] for row in rows]
        last = seen[-1]

    assert seen == sized


# ---- the index behind search, lookup and filtered_search


def found(http: httpx.Client, text: str) -> dict[str, list[str | None]]:
    """What the three kinds of search show of accounts by this name or city: their cities are what was indexed."""
    rule = {"filter_rule": [{"attribute": "name", "operator": "is", "value": text}]}
    looked = http.get(f"/lookup?q={text}&f=name&entities=sales_account").json()["sales_accounts"]["sales_accounts"]
    return {
        "search": [row["website"] for row in http.get(f"/search?q={text}&include=sales_account").json()],
        "lookup": [row["website"] for row in looked],
        "filtered": [row["website"] for row in http.post("/filtered_search/sales_account", json=rule).json()["sales_accounts"]],
    }


def all_three(*rows: str | None) -> dict[str, list[str | None]]:
    return {name: list(rows) for name in ("search", "lookup", "filtered")}


def test_searches_show_the_old_state_until_the_lag_has_passed(started: Started) -> None:  # §6 search, §11 index lag
    _, http = started(index_lag_seconds="1", time_scale="1")
    record = made(http, "/sales_accounts", name="Laggard", website="old.example")
    new = found(http, "Laggard")
    time.sleep(1.1)
    indexed = found(http, "Laggard")
    http.put(f"/sales_accounts/{record['id']}", json={"website": "new.example", "name": "Renamed"})
    changed, renamed = found(http, "Laggard"), found(http, "Renamed")
    direct = http.get(f"/sales_accounts/{record['id']}").json()["sales_account"]["website"]
    time.sleep(1.1)
    caught_up, later = found(http, "Laggard"), found(http, "Renamed")
    http.delete(f"/sales_accounts/{record['id']}")
    deleted = found(http, "Renamed")
    time.sleep(1.1)

    assert (new, indexed) == (all_three(), all_three("old.example"))
    assert (changed, renamed, direct) == (all_three("old.example"), all_three(), "new.example")
    assert (caught_up, later) == (all_three(), all_three("new.example"))
    assert deleted == all_three("new.example")
    assert found(http, "Renamed") == all_three()


def test_a_product_that_searches_still_know_is_not_told_deleted(started: Started) -> None:  # §2.10, §11 index lag
    _, http = started(index_lag_seconds="1", time_scale="1")
    product = http.post("/cpq/products", json={"product": {"name": "Gutter"}}).json()["product"]["id"]
    time.sleep(1.1)
    http.delete(f"/cpq/products/{product}")
    rows = http.post("/cpq/products/filterize", json={}).json()["products"]
    assert [(row["id"], row["is_deleted"]) for row in rows] == [(product, False)]


def test_two_changes_within_one_lag_show_the_state_before_both(started: Started) -> None:
    _, http = started(index_lag_seconds="1", time_scale="1")
    record = made(http, "/sales_accounts", name="Twice", website="a.example")
    time.sleep(1.1)
    for site in ("b.example", "c.example"):
        http.put(f"/sales_accounts/{record['id']}", json={"website": site})

    between = found(http, "Twice")
    time.sleep(1.1)

    assert between == all_three("a.example")
    assert found(http, "Twice") == all_three("c.example")


def test_the_lag_differs_from_record_to_record_down_to_its_least(started: Started) -> None:  # reliability §9
    _, http = started(index_lag_seconds="4", index_lag_least="0.4", time_scale="1")
    for number in range(10):
        made(http, "/sales_accounts", name=f"Scattered {number}")

    def seen() -> int:
        rule = {"filter_rule": [{"attribute": "name", "operator": "contains", "value": "Scattered"}], "per_page": 1}
        return int(http.post("/filtered_search/sales_account", json=rule).json()["meta"]["total"])

    at_once = seen()
    time.sleep(2.2)
    some = seen()
    time.sleep(2.2)

    assert at_once == 0
    assert 0 < some < 10
    assert seen() == 10


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"attribute": "name", "operator": "sounds_like", "value": "x"}, "Operator 'sounds_like' is invalid"),
        ({"attribute": "updated_at", "operator": "is_after", "value": "soon"}, "The date is invalid"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(api: httpx.Client, rule: dict[str, str], words: str) -> None:
    assert messages(api.post("/filtered_search/sales_account", json={"filter_rule": [rule]})) == [words]


def test_a_filter_has_at_most_50_rules_and_500_values(api: httpx.Client) -> None:
    def sent(rules: int, values: object) -> httpx.Response:
        rule = {"attribute": "id", "operator": "is_in", "value": values}
        return api.post("/filtered_search/sales_account", json={"filter_rule": [rule] * rules})

    assert [sent(50, list(range(500))).status_code, sent(50, ",".join(["7"] * 500)).status_code] == [200, 200]
    assert [messages(sent(rules, [7])) for rules in (51, 1500, 200_000)] == [["Only 50 rules are allowed"]] * 3
    for values in (list(range(501)), ",".join(["7"] * 501), list(range(300_000))):
        assert messages(sent(1, values)) == ["Only 500 values are allowed"]


@pytest.mark.parametrize("name", ["x\0", "\0", "cf_\0x", 'cf_"\0\\', "cit\0y", "x\x1f\x7f", ""])
def test_an_attribute_may_hold_any_character(api: httpx.Client, sized: list[int], name: str) -> None:
    for operator in ("is", "is_in", "contains", "is_after"):
        rule = {"attribute": name, "operator": operator, "value": "nobody"}
        answer = api.post("/filtered_search/sales_account", json={"filter_rule": [rule]})
        assert (answer.status_code, answer.json()["meta"]) == (200, {"total": 0})
    looked = api.get("/lookup", params={"f": name, "q": "nobody", "entities": "sales_account,sales_account"})
    assert looked.status_code == (200 if name else 400)


def test_filters_compare_days_texts_and_ids(started: Started) -> None:  # §6 Operators
    _, http = started()
    ids = [
        made(http, "/sales_accounts", name=f"Filter {n}", city=city)["id"] for n, city in enumerate(("Akron", "Lima", "Lima"))
    ]

    def hits(attribute: str, operator: str, value: object) -> list[int]:
        rule = {"filter_rule": [{"attribute": attribute, "operator": operator, "value": value}]}
        return sorted(row["id"] for row in http.post("/filtered_search/sales_account", json=rule).json()["sales_accounts"])

    assert hits("city", "is", "Lima") == ids[1:]
    assert hits("city", "contains", "akr") == ids[:1]
    assert hits("id", "is_in", [ids[0], ids[2]]) == [ids[0], ids[2]]
    assert hits("name", "is_in", "Filter 0,filter 1") == ids[:2]
    assert hits("created_at", "is_after", "2020-01-01") == ids
    assert hits("created_at", "is_before", "2020-01-01") == []


def test_search_is_flat_partial_capped_and_writes_ids_as_text(api: httpx.Client) -> None:  # §6 search
    for number in range(12):
        contact(api, email=f"needle{number}@brightroof.example")

    rows = api.get("/search?q=NEEDLE&include=contact,deal&per_page=50").json()

    assert len(rows) == 10
    assert all(isinstance(row["id"], str) and row["type"] == "contact" for row in rows)


def test_lookup_nests_twice_and_filtered_search_returns_partial_rows(api: httpx.Client) -> None:  # §6
    record = contact(api, email="lookup@brightroof.example", external_id="ext-lookup")
    rule = {
        "filter_rule": [{"attribute": "contact_email.email", "operator": "is_in", "value": ["Lookup@brightroof.example", "x"]}]
    }

    looked = api.get("/lookup?q=ext-lookup&f=external_id&entities=contact,sales_account").json()
    filtered = api.post("/filtered_search/contact", json=rule).json()

    assert [row["id"] for row in looked["contacts"]["contacts"]] == [record["id"]]
    assert looked["sales_accounts"] == {"sales_accounts": []}
    assert [row["id"] for row in filtered["contacts"]] == [record["id"]]
    assert not {"custom_field", "owner_id"} & set(filtered["contacts"][0])
