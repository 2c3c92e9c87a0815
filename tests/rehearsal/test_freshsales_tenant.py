"""The tenant of a rehearsal Freshsales as a whole: what is taken back leaves no trace, and paging shows each record once."""

from __future__ import annotations

import httpx
from freshsales_account import Started, client, contact, field, made, view_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.rehearsal import Rehearsal, canonical, dump, log


def test_the_tenant_is_the_same_after_everything_made_is_deleted_and_forgotten(
    started: Started,
) -> None:
    stand_in, http = started()
    old = contact(http, email="old@brightroof.example", city="Akron")
    before = stand_in.dump()
    account = made(http, "/sales_accounts", name="New Co")
    person = contact(http, email="new@brightroof.example", sales_accounts=[{"id": account["id"]}])
    deal = made(
        http, "/deals", name="New deal", amount=1, sales_account_id=account["id"], contacts_added_list=[old["id"], person["id"]]
    )
    made(http, "/notes", description="Goes with its parent", targetable_type="Contact", targetable_id=person["id"])
    field(http, "contacts", "Passing", "text")
    http.put(f"/contacts/{old['id']}", json={"contact": {"city": "Dayton", "custom_field": {"cf_passing": "x"}}})
    changed = canonical(stand_in.dump())

    http.put(f"/contacts/{old['id']}", json={"contact": {"city": "Akron"}})
    field_id = next(row["id"] for row in http.get("/settings/contacts/fields").json()["fields"] if row["name"] == "cf_passing")
    http.delete(f"/settings/contacts/forms/1/fields/{field_id}")
    for path in (f"/deals/{deal['id']}", f"/contacts/{person['id']}", f"/sales_accounts/{account['id']}"):
        http.delete(path)
    in_bin = canonical(stand_in.dump())
    for path in (f"/deals/{deal['id']}", f"/contacts/{person['id']}", f"/sales_accounts/{account['id']}"):
        http.delete(f"{path}/forget")

    assert changed != canonical(before)
    assert in_bin == canonical(before)
    assert canonical(stand_in.dump()) == canonical(before)
    lines = len(stand_in.log())
    stand_in.stop()
    assert canonical(dump(stand_in.state)) == canonical(before)
    assert len(log(stand_in.state)) == lines


STEPS = st.lists(st.tuples(st.sampled_from(["create", "change", "delete", "forget", "page"]), st.integers(0, 9)), max_size=25)


@given(steps=STEPS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_order_paging_returns_each_record_once(suite: Rehearsal, steps: list[tuple[str, int]]) -> None:
    with client(suite) as http:
        before = _paged(http)
        own: dict[int, int] = {}
        for verb, number in steps:
            name = f"Stateful {number}"
            if verb == "create":
                answer = http.post("/sales_accounts", json={"name": name})
                assert (answer.status_code == 200) == (number not in own)
                own.setdefault(number, answer.json().get("sales_account", {}).get("id"))
            elif verb == "page":
                assert sorted(_paged(http)) == sorted([*before, *own.values()])
            elif number in own and verb == "change":
                assert http.put(f"/sales_accounts/{own[number]}", json={"city": "Lima"}).json()["sales_account"]["name"] == name
            elif number in own:
                http.delete(f"/sales_accounts/{own.pop(number)}" + ("/forget" if verb == "forget" else ""))
        assert sorted(_paged(http)) == sorted([*before, *own.values()])
        for record in own.values():
            http.delete(f"/sales_accounts/{record}/forget")


def _paged(http: httpx.Client) -> list[int]:
    view, ids, page = view_of(http, "sales_accounts", "All Accounts"), [], 1
    while rows := http.get(f"/sales_accounts/view/{view}?per_page=7&page={page}&sort=updated_at&sort_type=asc").json()[
        "sales_accounts"
    ]:
        ids += [row["id"] for row in rows]
        page += 1
    return ids
