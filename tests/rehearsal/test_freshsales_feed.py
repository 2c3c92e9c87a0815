"""Feeds of the rehearsal Freshsales: what happened to a record, newest first."""

from __future__ import annotations

import time

import httpx
from freshsales_account import contact, made, upload


def test_the_feed_tells_what_was_written_newest_first(api: httpx.Client) -> None:  # §6 Activities
    person = contact(api, first_name="Ann", email="feed@brightroof.example")
    target = {"targetable_type": "Contact", "targetable_id": person["id"]}
    made(api, "/notes", description="First", **target)
    time.sleep(0.002)
    made(api, "/tasks", title="Then", due_date="2027-01-01T09:00:00Z", **target)
    time.sleep(0.002)
    upload(api, b"x", targetable_type="Contact", targetable_id=str(person["id"]))

    feed = api.get(f"/contacts/{person['id']}/activities.json?include=user").json()

    assert list(feed) == ["users", "activities", "meta"]
    assert list(feed["users"][0]) == ["id", "display_name", "email"]
    assert list(feed["activities"][0]) == [
        "composite_id", "action_data", "action_type", "created_at", "user_activity", "targetable_type", "targetable_id",
        "actionable_type", "actionable_id", "targetable_name", "user_id",
    ]  # fmt: skip
    assert [row["actionable_type"] for row in feed["activities"]] == ["Document", "Task", "Note", "Contact"]
    assert {(row["targetable_type"], row["targetable_id"]) for row in feed["activities"]} == {("Contact", person["id"])}
    assert feed["activities"][2]["action_data"] == {"description": "First"}
    assert feed["activities"][0]["targetable_name"] == "Ann Sample"
    assert len({row["composite_id"] for row in feed["activities"]}) == 4


def test_the_feed_comes_in_pages_that_say_what_lies_beside_them(api: httpx.Client) -> None:  # §6 Activities
    account = made(api, "/sales_accounts", name="Busy Roofs")
    for number in range(5):
        made(api, "/notes", description=f"{number}", targetable_type="SalesAccount", targetable_id=account["id"])

    pages = [api.get(f"/sales_accounts/{account['id']}/activities?per_page=4&page={page}").json() for page in (1, 2, 3)]

    assert list(pages[0]) == ["activities", "meta"]
    assert [page["meta"] for page in pages] == [
        {"has_next": True, "has_previous": False},
        {"has_next": False, "has_previous": True},
        {"has_next": False, "has_previous": True},
    ]
    assert [len(page["activities"]) for page in pages] == [4, 2, 0]


def test_a_change_stands_in_the_feed_and_a_deleted_note_does_not(api: httpx.Client) -> None:
    deal = made(api, "/deals", name="Changed", amount=1)
    note = made(api, "/notes", description="Gone", targetable_type="Deal", targetable_id=deal["id"])
    api.put(f"/deals/{deal['id']}", json={"deal": {"amount": 2}})
    api.delete(f"/notes/{note['id']}")

    rows = api.get(f"/deals/{deal['id']}/activities").json()["activities"]

    assert [row["action_type"] for row in rows] == ["deal_update", "deal_create"]


def test_conversations_are_calls_and_sales_activities_by_their_own_time(api: httpx.Client) -> None:  # §2.8, links
    person = contact(api, email="talk@brightroof.example")
    kind = next(
        row["id"] for row in api.get("/selector/sales_activity_types").json()["sales_activity_types"] if not row["is_default"]
    )
    target = {"targetable_type": "Contact", "targetable_id": person["id"]}
    for year in ("2019", "2017"):
        days = {"start_date": f"{year}-12-04T11:30:00Z", "end_date": f"{year}-12-04T12:00:00Z"}
        made(api, "/sales_activities", title=year, sales_activity_type_id=kind, **days, **target)
    api.post("/phone_calls", files={key: (None, value) for key, value in {
        "phone_call[targetable_type]": "Contact", "phone_call[targetable][id]": str(person["id"]),
        "phone_call[note][description]": "Called",
    }.items()})  # fmt: skip

    link = person["links"]["conversations"].removeprefix("/crm/sales")
    page = api.get(f"{link}").json()

    assert [row["type"] for row in page["conversations"]] == ["PhoneCall", "SalesActivity", "SalesActivity"]
    assert [row.get("title") for row in page["conversations"]] == [None, "2019", "2017"]
    assert page["meta"] == {"total_pages": 1, "total": 3}
    assert [note["description"] for note in page["notes"]] == ["Called"]


def test_the_links_of_a_record_lead_where_they_say(api: httpx.Client) -> None:  # §2.1 links
    records = {
        "contacts": contact(api, email="links@brightroof.example"),
        "sales_accounts": made(api, "/sales_accounts", name="Links"),
        "deals": made(api, "/deals", name="Links", amount=1),
    }
    root = str(api.base_url).removesuffix("/crm/sales/api/")
    names = ("conversations", "document_associations", "notes", "tasks", "appointments")

    answers = {(kind, name): api.get(root + record["links"][name]) for kind, record in records.items() for name in names}

    assert {key: answer.status_code for key, answer in answers.items()} == dict.fromkeys(answers, 200)
