"""Views and scrolling of the rehearsal Freshsales while they are behind the writes."""

from __future__ import annotations

import time

import httpx
from freshsales_account import Json, Started, in_view, made, view_of

LAG = {"list_lag_seconds": "1", "time_scale": "1"}


def caught_up() -> None:
    time.sleep(1.1)


def listed(http: httpx.Client, kind: str = "sales_accounts", view: str = "All Accounts") -> list[tuple[int, str | None]]:
    """Id and city of what a view shows, and the scroll of it."""
    number = view_of(http, kind, view)
    by_id = "per_page=100&sort=id&sort_type=asc"
    pages: list[Json] = [http.get(f"/{kind}/{path}").json() for path in (f"view/{number}?{by_id}", f"scroll/{number}")]
    rows, scrolled = ([(row["id"], row.get("city")) for row in page[kind]] for page in pages)
    assert rows == scrolled
    assert [page["meta"]["total"] for page in pages] == [len(rows)] * 2
    return rows


def test_lists_show_the_old_state_until_the_lag_has_passed(started: Started) -> None:  # reliability §4 F22
    _, http = started(**LAG)
    number = made(http, "/sales_accounts", name="Laggard", city="Akron")["id"]
    path = f"/sales_accounts/{number}"

    new, direct = listed(http), http.get(path).json()["sales_account"]["city"]
    caught_up()
    there = listed(http)
    http.put(path, json={"city": "Lima"})
    changed, searched = listed(http), http.get("/search?q=laggard&include=sales_account").json()
    http.put(path, json={"city": "Dayton"})
    between = listed(http)
    caught_up()
    later = listed(http)
    http.delete(path)
    deleted, binned = listed(http), listed(http, view="Recycle Bin")
    caught_up()

    assert (new, direct, there) == ([], "Akron", [(number, "Akron")])
    assert (changed, len(searched), between) == ([(number, "Akron")], 1, [(number, "Akron")])
    assert (later, deleted, binned) == ([(number, "Dayton")], [(number, "Dayton")], [])
    assert (listed(http), listed(http, view="Recycle Bin")) == ([], [(number, "Dayton")])


def test_a_record_keeps_its_former_place_until_the_lag_has_passed(started: Started) -> None:
    _, http = started(**LAG)
    account = made(http, "/sales_accounts", name="Place")["id"]
    kept = made(http, "/deals", name="Kept", amount=1, sales_account_id=account)["id"]
    won = next(row["id"] for row in http.get("/selector/deal_stages").json()["deal_stages"] if row["name"] == "Won")
    moved = made(http, "/deals", name="Moved", amount=5, sales_account_id=account)["id"]
    caught_up()
    http.put(f"/deals/{moved}", json={"deal_stage_id": won, "name": "Zoned"})

    def places() -> list[list[int]]:
        names = "sort=name&sort_type=desc&per_page=100"
        return [in_view(http, "deals", view, names) for view in ("Open Deals", "Won Deals")]

    before = places()
    caught_up()

    assert before == [[moved, kept], []]  # by its former name, too
    assert places() == [[kept], [moved]]


def test_what_is_forgotten_stays_listed_until_the_lag_has_passed(started: Started) -> None:
    _, http = started(**LAG)
    number = made(http, "/sales_accounts", name="Passing", city="Akron")["id"]
    caught_up()
    http.delete(f"/sales_accounts/{number}/forget")

    assert listed(http) == [(number, "Akron")]
    assert http.get(f"/sales_accounts/{number}").status_code == 404
    caught_up()
    assert listed(http) == []


def test_accounts_are_sorted_by_open_deals_though_a_version_is_shown(started: Started) -> None:
    _, http = started(**LAG)
    numbers = [made(http, "/sales_accounts", name=f"Sum {place}")["id"] for place in range(2)]
    for number, amount in zip(numbers, (10, 5), strict=True):
        made(http, "/deals", name="D", amount=amount, sales_account_id=number)
    caught_up()
    http.put(f"/sales_accounts/{numbers[0]}", json={"city": "Lima"})

    assert in_view(http, "sales_accounts", "All Accounts", "sort=open_deals_amount&sort_type=desc") == numbers


def test_the_views_of_a_custom_module_are_behind_as_well(started: Started) -> None:  # §2.12
    _, http = started(**LAG, plan="enterprise")
    names = {"singular_name": "Roof", "plural_name": "Roofs", "entity_name": "cm_roof", "icon": "x"}
    assert http.post("/settings/module_customizations", json={"module_customization": names}).status_code == 200
    base = "/custom_module/cm_roof"
    views = {row["name"]: row["id"] for row in http.get(f"{base}/filters").json()["filters"]}
    number = http.post(base, json={"cm_roof": {"name": "Slate"}}).json()["cm_roof"]["id"]

    def shown(name: str) -> list[tuple[int, str, bool]]:
        rows = http.get(f"{base}/view/{views[name]}").json()["cm_roof"]
        return [(row["id"], row["name"], row["is_deleted"]) for row in rows]

    whole = next(name for name in views if name.startswith("All"))
    new = shown(whole)
    caught_up()
    http.put(f"{base}/{number}", json={"cm_roof": {"name": "Tile"}})
    changed = shown(whole)
    caught_up()
    http.delete(f"{base}/{number}/forget")

    assert (new, changed, shown(whole)) == ([], [(number, "Slate", False)], [(number, "Tile", False)])
