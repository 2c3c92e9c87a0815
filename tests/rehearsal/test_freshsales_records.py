"""What the rehearsal Freshsales keeps of owners, stages, links, activities and the bin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from freshsales_account import Started, contact, field, made, messages, view_of


def test_owners_come_under_users_and_a_leaver_owns_nothing_new(api: httpx.Client) -> None:  # §5 Selectors, §9 Owner
    users = api.get("/selector/owners").json()["users"]
    leaver = next(user for user in users if not user["is_active"])

    answer = api.post("/contacts", json={"last_name": "X", "email": "l@brightroof.example", "owner_id": leaver["id"]})

    assert leaver["email"] == "jon.pryce@brightroof.example"
    assert messages(answer) == ["Owner is not active"]


def test_a_stage_must_belong_to_its_pipeline(api: httpx.Client) -> None:  # §2.3, §2.4
    pipelines = api.get("/selector/deal_pipelines").json()["deal_pipelines"]
    campaigns = next(row for row in pipelines if row["name"] == "Campaigns")
    live = next(stage for stage in campaigns["deal_stages"] if stage["name"] == "Live")
    keys = {"amount": 10, "deal_stage_id": live["id"]}

    right = made(api, "/deals", name="Spring", deal_pipeline_id=campaigns["id"], **keys)
    wrong = api.post("/deals", json={"name": "Spring", "deal_pipeline_id": pipelines[0]["id"], **keys})

    assert (right["deal_stage_id"], right["probability"]) == (live["id"], live["probability"])
    assert messages(wrong) == ["Deal stage is invalid"]


def test_a_deal_finds_its_contacts_and_its_view(api: httpx.Client) -> None:  # §2.3 contacts_added_list, §6 no All Deals
    person = contact(api, email="deal@brightroof.example")
    deal = made(api, "/deals", name="Linked", amount="12.50", contacts_added_list=[person["id"]])

    with_contacts = api.get(f"/deals/{deal['id']}?include=contacts").json()
    listed = api.get(f"/deals/view/{view_of(api, 'deals', 'Open Deals')}?per_page=100&sort=created_at&sort_type=desc").json()[
        "deals"
    ]
    names = [row["name"] for row in api.get("/deals/filters").json()["filters"]]

    assert with_contacts["deal"]["contact_ids"] == [person["id"]]
    assert with_contacts["contacts"][0]["id"] == person["id"]
    assert api.get(f"/contacts/{person['id']}").json()["contact"]["open_deals_amount"] == "12.5"
    assert deal["id"] in {row["id"] for row in listed}
    assert "All Deals" not in names


def test_notes_are_read_from_their_parent_only(api: httpx.Client) -> None:  # §2.7
    person = contact(api, email="noted@brightroof.example")
    note = made(
        api, "/notes", description="<b>Leak</b> above the garage", targetable_type="Contact", targetable_id=person["id"]
    )

    listed = api.get(f"/contacts/{person['id']}/notes").json()

    assert list(note) == [
        "id",
        "description",
        "created_at",
        "updated_at",
        "url",
        "duration",
        "creater_id",
        "has_access",
        "collab_context",
        "targetables",
    ]
    assert [row["description"] for row in listed["notes"]] == ["<b>Leak</b> above the garage"]
    assert api.get(f"/notes/{note['id']}").status_code == 404


def test_activities_keep_their_own_past_dates(api: httpx.Client) -> None:  # §2.5, §2.6, §2.8
    person = contact(api, email="active@brightroof.example")
    kind = api.get("/selector/sales_activity_types").json()["sales_activity_types"][0]["id"]
    target = {"targetable_type": "Contact", "targetable_id": person["id"]}
    days = {"start_date": "2017-12-04T11:30:00Z", "end_date": "2017-12-04T12:00:00Z"}

    call = made(api, "/sales_activities", title="Call", sales_activity_type_id=kind, **days, **target)
    task = made(api, "/tasks", title="Call back", due_date="Tue Jun 21 2099 11:00:00 GMT+0000", **target)
    tasks = api.get("/tasks?filter=open&include=targetable").json()

    assert call["conversation_time"] == "2017-12-04T07:00:00-05:00"
    assert task["due_date"] == "2099-06-21T06:00:00-05:00"
    assert set(tasks["meta"]) == {"total"}
    assert tasks["tasks"][0]["targetable"]["type"] == "contact"
    assert "total_pages" in api.get("/sales_activities").json()["meta"]


def test_the_recycle_bin_holds_what_was_deleted_until_it_is_forgotten(api: httpx.Client) -> None:  # §2 Soft delete
    record = contact(api, email="binned@brightroof.example")
    view = view_of(api, "contacts", "Recycle Bin")

    def binned() -> set[int]:
        return {row["id"] for row in api.get(f"/contacts/view/{view}?per_page=100").json()["contacts"]}

    api.delete(f"/contacts/{record['id']}")
    there = binned()
    api.delete(f"/contacts/{record['id']}/forget")

    assert record["id"] in there
    assert record["id"] not in binned()
    assert api.get(f"/contacts/{record['id']}").status_code == 404


def test_foreign_keys_show_only_where_they_are_asked_for(api: httpx.Client) -> None:  # §2.1 read-back trap
    owner = api.get("/selector/owners").json()["users"][1]["id"]
    status = api.get("/selector/contact_statuses").json()["contact_statuses"][1]
    account = made(api, "/sales_accounts", name="Gated Roofs")
    record = contact(
        api,
        email="gated@brightroof.example",
        owner_id=owner,
        contact_status_id=status["id"],
        sales_accounts=[{"id": account["id"], "is_primary": True}],
    )

    plain = api.get(f"/contacts/{record['id']}").json()
    full = api.get(f"/contacts/{record['id']}?include=owner,contact_status,lifecycle_stage,sales_accounts").json()

    gated = {
        "owner_id",
        "contact_status_id",
        "lifecycle_stage_id",
        "lead_source_id",
        "campaign_id",
        "territory_id",
        "sales_accounts",
    }
    assert not gated & set(plain["contact"])
    assert list(plain) == ["contact", "meta"]
    assert list(full) == ["users", "contact_statuses", "lifecycle_stages", "contact", "meta"]
    assert full["contact"]["owner_id"] == owner
    assert full["contact"]["lifecycle_stage_id"] == status["lifecycle_stage_id"]
    assert full["contact"]["sales_accounts"][0]["name"] == "Gated Roofs"


def test_times_and_author_are_the_servers(api: httpx.Client) -> None:  # §9 created_at
    record = contact(api, email="time@brightroof.example", created_at="2001-01-01T00:00:00Z", creater_id=1)

    shown = api.get(f"/contacts/{record['id']}?include=creater").json()["contact"]

    assert not shown["created_at"].startswith("2001")
    assert shown["creater_id"] == api.get("/selector/owners").json()["users"][0]["id"]


def test_a_change_may_not_take_what_another_has_but_may_say_its_own_again(started: Started) -> None:  # §4 Unique
    _, http = started()
    key = field(http, "contacts", "Permit", "text", unique=True)["name"]
    one = contact(http, email="one@brightroof.example", external_id="1", custom_field={key: "P-1"})
    two = contact(http, email="two@brightroof.example", external_id="2", custom_field={key: "P-2"})
    made(http, "/sales_accounts", name="Taken Ltd")
    account = made(http, "/sales_accounts", name="Free Ltd")["id"]

    for taken, again, words in (
        ({"email": "ONE@brightroof.example"}, {"email": "two@brightroof.example"}, "Email is not unique"),
        ({"external_id": "1"}, {"external_id": "2"}, "ExternalId is not unique"),
        ({"custom_field": {key: "P-1"}}, {"custom_field": {key: "P-2"}}, "Permit has already been taken"),
    ):
        assert messages(http.put(f"/contacts/{two['id']}", json={"contact": taken})) == [words]
        assert http.put(f"/contacts/{two['id']}", json={"contact": again}).status_code == 200
    assert messages(http.put(f"/sales_accounts/{account}", json={"name": "taken ltd"})) == ["Name has already been taken"]
    assert http.put(f"/sales_accounts/{account}", json={"name": "FREE Ltd"}).status_code == 200
    assert http.get(f"/contacts/{one['id']}").json()["contact"]["email"] == "one@brightroof.example"


@pytest.mark.parametrize(("beyond", "rotten"), [(-1, None), (0, None), (1, 1), (9, 9)])
def test_an_open_deal_is_rotten_by_its_days_beyond_what_the_pipeline_allows(
    started: Started, beyond: int, rotten: int | None
) -> None:
    _, http = started(created_at="honoured", time_scale="1")
    allowed = http.get("/selector/deal_pipelines").json()["deal_pipelines"][0]["rotting_days"]
    # The day is the account's, so the deal is made at this very hour of it.
    made_at = (datetime.now(UTC) - timedelta(days=allowed + beyond)).isoformat()
    deal = made(http, "/deals", name="Old", amount=1, created_at=made_at)
    assert (deal["age"], deal["rotten_days"]) == (allowed + beyond, rotten)


def test_what_hangs_on_two_parents_outlives_the_first_and_goes_with_the_last(api: httpx.Client) -> None:  # §2.7
    person, deal = contact(api, email="both@brightroof.example")["id"], made(api, "/deals", name="Both", amount=1)["id"]
    both = [{"id": person, "type": "Contact"}, {"id": deal, "type": "Deal"}]
    task = made(api, "/tasks", title="Ring", due_date="2099-01-01T00:00:00Z", targetables=both)["id"]
    for path in (f"/contacts/{person}", f"/contacts/{person}/forget"):
        assert api.delete(path).json() is True
        assert [row["id"] for row in api.get(f"/deals/{deal}/tasks").json()["tasks"]] == [task]
    for path in (f"/deals/{deal}", f"/deals/{deal}/forget"):
        assert api.delete(path).json() is True
    assert api.get(f"/tasks/{task}").status_code == 404


def test_an_account_adds_up_its_open_and_its_won_deals_and_no_lost_ones(api: httpx.Client) -> None:  # §2.2
    pipeline = api.get("/selector/deal_pipelines").json()["deal_pipelines"][0]
    stages = {row["forecast_type"]: row["id"] for row in pipeline["deal_stages"]}
    account = made(api, "/sales_accounts", name="Sums Ltd")["id"]
    for forecast, amounts in (("Open", (1, 2)), ("Closed Won", (10, 20, 30)), ("Closed Lost", (100,))):
        for amount in amounts:
            keys = {"deal_pipeline_id": pipeline["id"], "deal_stage_id": stages[forecast], "sales_account_id": account}
            made(api, "/deals", name=forecast, amount=amount, **keys)

    sums = api.get(f"/sales_accounts/{account}").json()["sales_account"]
    assert (sums["open_deals_amount"], sums["open_deals_count"]) == ("3.0", 2)
    assert (sums["won_deals_amount"], sums["won_deals_count"]) == ("60.0", 3)
