"""Freshsales marketing lists (§2.14), copies of records, and team members (§2.1)."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
from freshsales_account import Json, Started, contact, field, made, messages

from workbench.rehearsal import canonical

LATER = {"message": "Updating now... we'll let you know once this is done."}


def on_list(http: httpx.Client, number: int) -> list[int]:
    return [row["id"] for row in http.get(f"/contacts/lists/{number}?per_page=100").json()["contacts"]]


def list_of(http: httpx.Client, name: str = "Storm") -> int:
    return http.post("/lists", json={"name": name}).json()["list"]["id"]


def until(seen: Callable[[], bool]) -> None:
    for _ in range(3000):
        if seen():
            return
        time.sleep(0.02)
    raise AssertionError("it never came about")


def people(http: httpx.Client, *names: str) -> list[int]:
    return [contact(http, email=f"{name}@brightroof.example")["id"] for name in names]


def test_lists_are_made_renamed_and_listed_but_not_deleted(started: Started) -> None:
    _, http = started()
    number = list_of(http)
    assert http.put(f"/lists/{number}", json={"name": "Hail"}).json() == {"list": {"id": number, "name": "Hail"}}
    list_of(http, "Second")
    page = http.get("/lists").json()
    assert [row["name"] for row in page["lists"]] == ["Hail", "Second"] and page["meta"] == {"total_pages": 1, "total": 2}
    assert messages(http.post("/lists", json={"name": " "})) == ["Name can't be blank"]
    assert http.delete(f"/lists/{number}").status_code == 404


def test_contacts_are_added_removed_and_moved_by_their_ids(started: Started) -> None:
    _, http = started()
    one, two = people(http, "list.one", "list.two")
    first, second = list_of(http), list_of(http, "Other")
    assert http.put(f"/lists/{first}/add_contacts", json={"ids": [one, two]}).json() == {"message": "2 contacts updated."}
    assert on_list(http, first) == [one, two]
    http.put(f"/contacts/{one}", json={"contact": {"city": "Dayton"}})
    assert http.put(f"/lists/{first}", json={"name": "Renamed"}).status_code == 200
    assert on_list(http, first) == [one, two]  # neither an update nor a new name takes anybody off
    moved = http.put(f"/lists/{second}/move_contacts", json={"ids": [one], "from_list_id": first})
    assert moved.json() == {"message": "1 contact updated."}
    assert (on_list(http, first), on_list(http, second)) == ([two], [one])
    http.put(f"/lists/{second}/add_contacts", json={"ids": [one, two, 1]})
    assert on_list(http, second) == [one, two]
    http.put(f"/lists/{second}/remove_contacts", json={"ids": [one]})
    http.delete(f"/contacts/{two}")
    assert on_list(http, second) == []
    for path, body in (
        ("add_contacts", {}),
        ("move_contacts", {"ids": [one]}),
        ("move_contacts", {"ids": [one], "from_list_id": 1}),
    ):
        assert http.put(f"/lists/{first}/{path}", json=body).status_code in (400, 404)
    assert http.get("/contacts/lists/1").status_code == 404


def test_all_contacts_are_added_moved_and_removed_later(started: Started) -> None:
    _, http = started(job_seconds="0", job_seconds_per_row="0")
    known = people(http, "all.one", "all.two", "all.three")
    first, second = list_of(http), list_of(http, "Other")
    assert http.put(f"/lists/{first}/add_contacts", json={"all": True}).json() == LATER
    until(lambda: on_list(http, first) == known)
    http.put(f"/lists/{second}/move_contacts", json={"all": True, "from_list_id": first})
    until(lambda: (on_list(http, first), on_list(http, second)) == ([], known))
    http.put(f"/lists/{first}/add_contacts", json={"all": True, "from_list_id": second})
    until(lambda: on_list(http, first) == known)
    http.put(f"/lists/{second}/remove_contacts", json={"all": True})
    until(lambda: on_list(http, second) == [])
    assert on_list(http, first) == known


def test_a_contact_taken_off_its_lists_leaves_no_trace(started: Started) -> None:
    stand_in, http = started()
    (kept,) = people(http, "kept")
    number = list_of(http)
    before = canonical(stand_in.dump())
    (passing,) = people(http, "passing")
    http.put(f"/lists/{number}/add_contacts", json={"ids": [kept, passing]})
    assert canonical(stand_in.dump()) != before
    http.put(f"/lists/{number}/remove_contacts", json={"ids": [kept]})
    http.delete(f"/contacts/{passing}/forget")
    assert canonical(stand_in.dump()) == before


def test_a_contact_is_copied_with_what_it_holds_and_what_is_said_instead(started: Started) -> None:
    stand_in, http = started()
    account = made(http, "/sales_accounts", name="Copied Ltd")["id"]
    field(http, "contacts", "Roof", "multi_select_dropdown", choices=["tile", "slate"])
    keys: Json = {"first_name": "Ada", "job_title": "Owner", "tags": ["vip"], "custom_field": {"cf_roof": ["tile", "slate"]}}
    first = contact(http, email="ada@brightroof.example", sales_accounts=[{"id": account, "is_primary": True}], **keys)
    before = canonical(stand_in.dump())
    refused = http.post(f"/contacts/{first['id']}/clone", json={})
    assert messages(refused) == ["Email is not unique"]
    wish = {"contact": {"email": "ada.two@brightroof.example", "job_title": "Partner"}}
    copy = http.post(f"/contacts/{first['id']}/clone?include=sales_accounts", json=wish).json()["contact"]
    assert (copy["first_name"], copy["job_title"], copy["tags"]) == ("Ada", "Partner", ["vip"])
    assert copy["custom_field"] == first["custom_field"]
    assert [row["id"] for row in copy["sales_accounts"]] == [account] and copy["email"] == "ada.two@brightroof.example"
    http.delete(f"/contacts/{copy['id']}/forget")
    assert canonical(stand_in.dump()) == before


def test_accounts_and_deals_are_copied_too(started: Started) -> None:
    _, http = started()
    account = made(http, "/sales_accounts", name="First Ltd", city="Dayton", annual_revenue=5)
    assert messages(http.post(f"/sales_accounts/{account['id']}/clone", json={})) == ["Name has already been taken"]
    copy = http.post(f"/sales_accounts/{account['id']}/clone", json={"sales_account": {"name": "Second Ltd"}}).json()[
        "sales_account"
    ]
    assert (copy["name"], copy["city"], copy["annual_revenue"]) == ("Second Ltd", "Dayton", 5)
    person = contact(http, email="deal@brightroof.example")["id"]
    one = http.post("/cpq/products", json={"product": {"name": "Tile"}}).json()["product"]["id"]
    lines = [{"id": one, "quantity": 3, "unit_price": 7}]
    deal = made(
        http, "/deals", name="D", amount=1, products=lines, contacts_added_list=[person], sales_account_id=account["id"]
    )
    path = f"/deals/{deal['id']}/clone?include=products,contacts,sales_account"
    again = http.post(path, json={"deal": {"name": "E"}}).json()["deal"]
    assert (again["name"], again["amount"], again["contact_ids"]) == ("E", "21.0", [person])
    assert again["sales_account_id"] == account["id"] and again["products"][0]["quantity"] == 3
    assert http.post("/deals/1/clone", json={}).status_code == 404


def test_a_copy_can_leave_out_what_must_be_unique(started: Started) -> None:
    _, http = started(clone_unique="left_out", contact_required="none", unique_mobile="on")
    field(http, "contacts", "Source id", "text", field_options={"unique": True})
    first = contact(
        http, email="left@brightroof.example", external_id="x-1", mobile_number="5550100", job_title="Owner",
        custom_field={"cf_source_id": "s-1"},
    )  # fmt: skip
    copy = http.post(f"/contacts/{first['id']}/clone", json={}).json()["contact"]
    told = (copy["email"], copy["external_id"], copy["mobile_number"], copy["custom_field"]["cf_source_id"], copy["job_title"])
    assert told == (None, None, None, None, "Owner")


def test_team_members_come_and_go_one_by_one(started: Started) -> None:
    stand_in, http = started()
    users = [row["id"] for row in http.get("/selector/owners").json()["users"]]
    roles = [row["id"] for row in http.get("/selector/designations").json()["designations"]]
    for path, body in (
        ("contacts", {"last_name": "T", "email": "team@brightroof.example"}),
        ("sales_accounts", {"name": "Team Ltd"}),
        ("deals", {"name": "Team deal", "amount": 1}),
    ):
        number = made(http, f"/{path}", **body)["id"]
        before = canonical(stand_in.dump())
        wrapper = path[:-1]

        def team(*rows: Json, at: str = f"/{path}/{number}/manage_team_members") -> httpx.Response:
            return http.post(at, json={"team_users": list(rows)})

        answer = team({"user_id": users[1], "designation_id": roles[0]}).json()
        assert list(answer["team_users"][0]) == ["user_id", "designation_id", "entity_id", "created_at", "updated_at"]
        team({"user_id": users[2], "designation_id": roles[1]})
        http.put(f"/{path}/{number}", json={wrapper: {"tags": []}})
        assert http.get(f"/{path}/{number}").json()[wrapper]["team_user_ids"] == users[1:3]
        assert messages(team({"user_id": 1, "designation_id": roles[0]})) == ["User is invalid"]
        assert messages(team({"user_id": users[1], "designation_id": 1})) == ["Designation is invalid"]
        assert team().status_code == 400
        team(*({"user_id": user, "_destroy": True} for user in users[1:3]))
        assert http.get(f"/{path}/{number}").json()[wrapper]["team_user_ids"] is None
        assert canonical(stand_in.dump()) == before
