"""The rehearsal of Freshsales keeps what the fact sheet says of the vendor, and what the workbench asks of a rehearsal."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.errors import EditError, PortInUse, SpecError
from workbench.rehearsal import Rehearsal, canonical, dump, log, running, switches

KEY = "rehearsal-key-7f3a"
FREE = {"limits": "off"}
Api = Callable[..., httpx.Client]


def client(stand_in: Rehearsal, *, key: str = KEY) -> httpx.Client:
    headers = {"Authorization": f"Token token={key}"}
    return httpx.Client(base_url=stand_in.url, headers=headers, trust_env=False, timeout=20)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    state = tmp_path_factory.mktemp("suite") / "state.sqlite"
    with running("freshsales", state=state, token=KEY, time_scale=1000, switches=FREE) as stand_in:
        yield stand_in


@pytest.fixture
def api(suite: Rehearsal) -> Iterator[httpx.Client]:
    with client(suite) as http:
        yield http


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., tuple[Rehearsal, httpx.Client]]]:
    """Starts stand-ins of their own with switches of their own, and stops them."""
    open_ones: list[Any] = []

    def start(**switched: str) -> tuple[Rehearsal, httpx.Client]:
        tenant = switched.pop("tenant", None)
        scale = float(switched.pop("time_scale", "1000"))
        state = tmp_path / f"state-{len(open_ones)}.sqlite"
        manager = running("freshsales", state=state, token=KEY, tenant=tenant, time_scale=scale, switches={**FREE, **switched})
        stand_in = manager.__enter__()
        http = client(stand_in)
        open_ones.append((manager, http))
        return stand_in, http

    yield start
    for manager, http in open_ones:
        http.close()
        manager.__exit__(None, None, None)


def contact(http: httpx.Client, **keys: object) -> dict[str, Any]:
    answer = http.post("/contacts", json={"contact": {"last_name": "Sample", **keys}})
    assert answer.status_code == 200, answer.text
    return answer.json()["contact"]


def made(http: httpx.Client, path: str, **keys: object) -> dict[str, Any]:
    answer = http.post(path, json=keys)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return next(value for name, value in body.items() if name in {path.strip("/")[:-1], "sales_activity"})


def finished(http: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    for _ in range(100):
        job = http.get(answer.json()["job_status_url"]).json()
        if job["status"] == "SUCCESS":
            return json.loads(job["data"])
        time.sleep(0.02)
    raise AssertionError("the job did not end")


def view_of(http: httpx.Client, kind: str, name: str) -> int:
    return next(row["id"] for row in http.get(f"/{kind}/filters").json()["filters"] if row["name"] == name)


def messages(answer: httpx.Response) -> list[str]:
    return answer.json()["errors"]["message"]


# ---- shapes, each with its row of the fact sheet


@pytest.mark.parametrize(
    ("row", "path", "body", "status", "words"),
    [
        ("§2 errors: duplicate account", "/sales_accounts", {"name": "Twice"}, 400, ["Name has already been taken"]),
        (
            "§2 errors: contact e-mail",
            "/contacts",
            {"last_name": "B", "email": "TWICE@brightroof.example"},
            400,
            ["Email is not unique"],
        ),
        (
            "§4: external_id always unique",
            "/contacts",
            {"last_name": "B", "external_id": "twice"},
            400,
            ["ExternalId is not unique"],
        ),
        (
            "§2 errors: object for array",
            "/contacts",
            {"last_name": "B", "email": "o@brightroof.example", "sales_accounts": {"id": 1}},
            400,
            ["The type for sales_accounts is invalid."],
        ),
        ("§2.2: name required", "/sales_accounts", {"city": "Columbus"}, 400, ["Name can't be blank"]),
        ("§2.3: amount required", "/deals", {"name": "Roof"}, 400, ["Amount can't be blank"]),
        ("§2.3: amount is a number", "/deals", {"name": "Roof", "amount": "a lot"}, 400, ["Amount is not a number"]),
        ("§2.5: due date required", "/tasks", {"title": "Call"}, 400, ["Due date can't be blank", "Targetable can't be blank"]),
        ("§6: no such route", "/contacts/search", {}, 404, ["Not found"]),
    ],
)
def test_a_refusal_reads_like_the_vendors(
    api: httpx.Client, row: str, path: str, body: dict[str, object], status: int, words: list[str]
) -> None:
    api.post("/sales_accounts", json={"name": "Twice"})
    api.post("/contacts", json={"last_name": "A", "email": "twice@brightroof.example", "external_id": "twice"})

    answer = api.post(path, json=body)

    assert (answer.status_code, answer.json()) == (status, {"errors": {"code": status, "message": words}}), row


@pytest.mark.parametrize(
    ("row", "path", "keys", "reply"),
    [
        ("§2 DELETE: contacts answer true", "/contacts", {"last_name": "Gone", "email": "gone@brightroof.example"}, True),
        ("§2 DELETE: accounts answer true", "/sales_accounts", {"name": "Gone"}, True),
        ("§2 DELETE: deals answer true", "/deals", {"name": "Gone", "amount": 1}, True),
        ("§2 DELETE: notes", "/notes", {"description": "Gone"}, {"success": "200"}),
        ("§2 DELETE: tasks", "/tasks", {"title": "Gone", "due_date": "2027-01-01T09:00:00Z"}, {"success": "200"}),
        (
            "§2 DELETE: appointments",
            "/appointments",
            {"title": "Gone", "from_date": "2016-06-20T05:00:00Z", "end_date": "2016-06-20T06:00:00Z"},
            {"success": "200"},
        ),
    ],
)
def test_deleting_answers_in_the_words_of_its_object(
    api: httpx.Client, row: str, path: str, keys: dict[str, object], reply: object
) -> None:
    parent = contact(api, email=f"parent{time.monotonic_ns()}@brightroof.example")
    if path in ("/notes", "/tasks", "/appointments"):
        keys = {**keys, "targetable_type": "Contact", "targetable_id": parent["id"]}
    record = made(api, path, **keys)

    answer = api.delete(f"{path}/{record['id']}")

    assert (answer.status_code, answer.json()) == (200, reply), row


def test_wrapped_and_bare_bodies_make_the_same_record(api: httpx.Client) -> None:  # §2 unwrapped bodies
    wrapped = api.post("/sales_accounts", json={"sales_account": {"name": "Wrapped Roofs", "city": "Dayton"}}).json()[
        "sales_account"
    ]
    bare = api.post("/sales_accounts", json={"name": "Bare Roofs", "city": "Dayton"}).json()["sales_account"]

    assert list(wrapped) == list(bare)
    assert wrapped["city"] == bare["city"] == "Dayton"


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


def test_an_account_shows_its_owner_and_parent_but_not_its_industry(api: httpx.Client) -> None:  # §2.2 default response
    industry = api.get("/selector/industry_types").json()["industry_types"][0]["id"]
    record = made(api, "/sales_accounts", name="Industrious Roofs", industry_type_id=industry)

    assert {"owner_id", "parent_sales_account_id"} <= set(record)
    assert "industry_type_id" not in record
    included = api.get(f"/sales_accounts/{record['id']}?include=industry_type").json()
    assert included["sales_account"]["industry_type_id"] == industry


def test_a_list_opens_with_its_collection_and_ends_with_meta(api: httpx.Client) -> None:  # §2 key order, §6 Views
    contact(api, email="ordered@brightroof.example")
    page = api.get(f"/contacts/view/{view_of(api, 'contacts', 'All Contacts')}?per_page=1").json()
    included = api.get(f"/contacts/view/{view_of(api, 'contacts', 'All Contacts')}?per_page=1&include=owner").json()

    assert list(page) == ["contacts", "meta"]
    assert set(page["meta"]) == {"total_pages", "total", "avatar_data"}
    assert list(included) == ["users", "contacts", "meta"]


def test_money_is_text_and_moments_carry_the_accounts_offset(api: httpx.Client) -> None:  # §2 Money out, Timestamps out
    deal = made(api, "/deals", name="Re-roof", amount=5600, expected_close="2027-03-16")

    assert (deal["amount"], deal["expected_deal_value"]) == ("5600.0", "560.0")
    assert deal["created_at"].endswith("-05:00")
    assert deal["expected_close"] == "2027-03-16"
    assert not {"owner_id", "sales_account_id", "currency_id", "contacts"} & set(deal)


def test_times_and_author_are_the_servers(api: httpx.Client) -> None:  # §9 created_at
    record = contact(api, email="time@brightroof.example", created_at="2001-01-01T00:00:00Z", creater_id=1)

    shown = api.get(f"/contacts/{record['id']}?include=creater").json()["contact"]

    assert not shown["created_at"].startswith("2001")
    assert shown["creater_id"] == api.get("/selector/owners").json()["users"][0]["id"]


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


# ---- upsert and bulk


def test_an_upsert_makes_once_and_then_changes_only_what_is_sent(api: httpx.Client) -> None:  # §4
    first = api.post(
        "/contacts/upsert",
        json={"unique_identifier": {"emails": "up@brightroof.example"}, "contact": {"city": "Akron", "last_name": "U"}},
    )
    again = api.post(
        "/contacts/upsert", json={"unique_identifier": {"emails": "UP@brightroof.example"}, "contact": {"job_title": "Owner"}}
    )

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["contact"]["id"] == again.json()["contact"]["id"]
    assert (again.json()["contact"]["city"], again.json()["contact"]["job_title"]) == ("Akron", "Owner")


def test_a_bulk_upsert_tells_failures_only_and_no_ids(api: httpx.Client) -> None:  # §3
    rows: list[dict[str, object]] = [
        {"emails": f"bulk{n}@brightroof.example", "data": {"last_name": f"B{n}"}} for n in range(98)
    ]
    rows += [
        {"emails": "bad@brightroof.example", "data": {"owner_id": 7}},
        {"external_id": "ext-b", "data": {"custom_field": {"cf_no": 1}}},
    ]

    answer = api.post("/contacts/bulk_upsert", json={"contacts": rows})
    data = finished(api, answer)

    assert data["record_status"] == {"succeeded": 98, "failed": 2}
    assert data["detailed_failure_report"] == [
        {"emails": "bad@brightroof.example", "error_message": ["Owner is invalid"]},
        {"external_id": "ext-b", "error_message": ["cf_no is not a custom field of this object"]},
    ]
    assert "id" not in json.dumps(data["record_status"])


def test_a_bulk_upsert_of_101_rows_is_refused(api: httpx.Client) -> None:  # §3 batch size
    rows = [{"name": f"Over {n}", "data": {}} for n in range(101)]

    assert api.post("/sales_accounts/bulk_upsert", json={"sales_accounts": rows}).status_code == 400


def test_too_many_jobs_at_once_answer_405(started: Callable[..., tuple[Rehearsal, httpx.Client]]) -> None:  # §3 concurrency
    _, http = started(bulk_jobs="2", job_seconds="60", time_scale="1")
    answers = [
        http.post("/deals/bulk_upsert", json={"deals": [{"name": "D", "data": {"amount": 1}}]}).status_code for _ in range(3)
    ]

    assert answers == [202, 202, 405]


def test_a_job_is_not_done_before_its_time(started: Callable[..., tuple[Rehearsal, httpx.Client]]) -> None:  # §3 asynchronous
    _, http = started(job_seconds="60", time_scale="1")
    answer = http.post("/sales_accounts/bulk_upsert", json={"sales_accounts": [{"name": "Later", "data": {}}]})

    job = http.get(answer.json()["job_status_url"]).json()

    assert (job["status"], job["progress"]) == ("IN_PROGRESS", 0)
    assert http.get("/lookup?q=Later&f=name&entities=sales_account").json()["sales_accounts"]["sales_accounts"] == []


def test_bulk_destroy_reaches_the_recycle_bin(api: httpx.Client) -> None:  # §3
    ids = [made(api, "/sales_accounts", name=f"Swept {n}")["id"] for n in range(3)]

    answer = api.post("/sales_accounts/bulk_destroy", json={"selected_ids": ids})
    time.sleep(0.05)

    assert set(answer.json()) == {"message"}
    assert {api.get(f"/sales_accounts/{number}").status_code for number in ids} == {404}


def test_parallel_creates_of_one_address_give_one_record(suite: Rehearsal) -> None:
    def create(number: int) -> int:
        with client(suite) as http:
            return http.post("/contacts", json={"last_name": str(number), "email": "race@brightroof.example"}).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(24)))

    assert sorted(answers) == [200] + [400] * 23


# ---- custom fields


def field(http: httpx.Client, object_: str, label: str, kind: str, **more: object) -> dict[str, Any]:
    form = http.get(f"/settings/{object_}/forms").json()["forms"][0]["id"]
    answer = http.post(f"/settings/{object_}/forms/{form}/fields", json={"label": label, "type": kind, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["field"]


def test_a_fields_key_is_the_vendors_and_its_uniqueness_stands_in_the_forms(api: httpx.Client) -> None:  # §2 custom_field, §5
    made_field = field(api, "deals", "Off-loading point of Überholung", "text", unique=True)
    listed = next(row for row in api.get("/settings/deals/fields").json()["fields"] if row["id"] == made_field["id"])

    assert made_field["name"] == "cf_off-loading_point_of_berholung"
    assert made_field["field_options"]["unique"] is True
    assert "field_options" not in listed
    assert listed["default"] is False


@pytest.mark.parametrize(
    ("kind", "sent", "read"),
    [
        ("text", "02134", "02134"),
        ("number", 12.5, 12.5),
        ("checkbox", True, True),
        ("date", "2024-02-29", "2024-02-29"),
        ("dropdown", "At-Risk", "At-Risk"),
        ("multi_select_dropdown", ["New", "Lost"], "New;Lost"),
        ("multi_select_dropdown", "New;Lost", "New;Lost"),
        ("date_time_split", "2024-02-29T12:00:00Z", "2024-02-29T07:00:00-05:00"),
        ("text", 2134, None),
        ("text", "x" * 257, None),
        ("number", "12", None),
        ("checkbox", "yes", None),
        ("date", "2023-02-29", None),
        ("dropdown", "At Risk", None),
        ("multi_select_dropdown", "New;Old", None),
    ],
)
def test_a_custom_field_takes_its_own_type_or_refuses(api: httpx.Client, kind: str, sent: object, read: object) -> None:  # §9
    label = f"typed {kind} {time.monotonic_ns()}"
    key = field(api, "sales_accounts", label, kind, choices=["New", "At-Risk", "Lost"])["name"]

    answer = api.post("/sales_accounts", json={"name": label, "custom_field": {key: sent}})

    if read is None:
        assert answer.status_code == 400
        assert label in messages(answer)[0]
    else:
        assert answer.json()["sales_account"]["custom_field"][key] == read


def test_a_unique_custom_field_identifies_and_does_not_repeat(api: httpx.Client) -> None:  # §4
    key = field(api, "sales_accounts", "Promio customer id", "text", unique=True)["name"]
    rows = [
        {key: "C-1", "data": {"name": "One"}},
        {key: "C-2", "data": {"name": "Two"}},
        {key: "C-1", "data": {"city": "Lima"}},
    ]

    data = finished(api, api.post("/sales_accounts/bulk_upsert", json={"sales_accounts": rows}))
    again = api.post("/sales_accounts", json={"name": "Three", "custom_field": {key: "C-2"}})
    found = api.get(f"/lookup?q=C-1&f={key}&entities=sales_account").json()["sales_accounts"]["sales_accounts"]

    assert data["record_status"] == {"succeeded": 3, "failed": 0}
    assert messages(again) == ["Promio customer id has already been taken"]
    assert [row["name"] for row in found] == ["One"]


def test_where_the_api_refuses_fields_the_admin_still_makes_them(
    started: Callable[..., tuple[Rehearsal, httpx.Client]],
) -> None:  # §5, §12.1
    stand_in, http = started(field_create="refuse")
    refused = http.post("/settings/contacts/forms/1/fields", json={"label": "Segment", "type": "dropdown"})
    plan = [
        {"object": "contacts", "label": "Lifecycle segment", "type": "dropdown", "choices": ["New", "Lost"], "unique": False}
    ]

    fields = stand_in.admin_create_fields(plan)

    assert refused.status_code == 403
    assert fields[0]["name"] == "cf_lifecycle_segment"
    assert [choice["value"] for choice in fields[0]["choices"]] == ["New", "Lost"]
    assert "cf_lifecycle_segment" in {row["name"] for row in http.get("/settings/contacts/fields").json()["fields"]}


# ---- Classic


def test_classic_has_leads_that_convert_and_suite_has_none(
    api: httpx.Client, started: Callable[..., tuple[Rehearsal, httpx.Client]]
) -> None:  # §1
    stand_in, http = started(tenant="freshsales_classic")
    lead = {
        "last_name": "Lead",
        "email": "lead@brightroof.example",
        "company": {"name": "Lead Co"},
        "deal": {"name": "Gutter", "amount": 5},
    }

    made_lead = http.post("/leads", json={"lead": lead}).json()["lead"]
    person = http.post(f"/leads/{made_lead['id']}/convert", json={}).json()["contact"]
    deals = http.get(f"/contacts/{person['id']}/deals").json()["deals"]

    assert stand_in.url.endswith("/api")
    assert "/crm/sales" not in stand_in.url
    assert (made_lead["company"]["name"], made_lead["created_at"][-1]) == ("Lead Co", "Z")
    assert (person["email"], [deal["name"] for deal in deals]) == ("lead@brightroof.example", ["Gutter"])
    assert http.get(f"/leads/{made_lead['id']}").status_code == 404
    assert api.get("/leads/filters").status_code == 404


# ---- what the workbench asks of a rehearsal


def test_a_wrong_key_is_401_before_any_path_is_looked_at(suite: Rehearsal) -> None:
    with client(suite, key="wrong") as http:
        assert http.get("/no/such/path").status_code == 401
    bearer = httpx.get(f"{suite.url}/selector/owners", headers={"Authorization": f"Bearer {KEY}"}, trust_env=False)
    assert bearer.status_code == 401


def test_another_host_name_is_misdirected(suite: Rehearsal, api: httpx.Client) -> None:
    assert api.get("/selector/owners", headers={"Host": "evil.example"}).status_code == 421
    assert api.get("/selector/owners", headers={"Origin": "https://evil.example"}).status_code == 421
    assert "access-control-allow-origin" not in api.get("/selector/owners").headers


def test_a_taken_port_is_told_with_its_number(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with (
            pytest.raises(PortInUse, match=f"port {port} is taken"),
            running("freshsales", state=tmp_path / "s.sqlite", token=KEY, port=port),
        ):
            pass


def test_one_state_file_is_served_once(suite: Rehearsal) -> None:
    with pytest.raises(EditError, match="another rehearsal"), running("freshsales", state=suite.state, token=KEY):
        pass


def test_an_unknown_switch_or_value_is_refused(tmp_path: Path) -> None:
    for chosen in ({"no_such": "on"}, {"limits": "maybe"}):
        with pytest.raises(SpecError), running("freshsales", state=tmp_path / "s.sqlite", token=KEY, switches=chosen):
            pass


def test_every_switch_names_its_source() -> None:
    table = switches("freshsales")

    assert list(table.columns) == ["name", "default", "allowed", "meaning", "source"]
    assert table["name"].is_unique
    assert (table["source"].str.len() > 0).all()


def test_a_killed_rehearsal_comes_back_with_everything_it_answered(tmp_path: Path) -> None:
    state = tmp_path / "s.sqlite"
    with running("freshsales", state=state, token=KEY, switches=FREE) as first, client(first) as http:
        ids = [contact(http, email=f"kept{n}@brightroof.example")["id"] for n in range(20)]
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()
    with running("freshsales", state=state, token=KEY, switches=FREE) as second, client(second) as http:
        kept = [http.get(f"/contacts/{number}").json()["contact"]["email"] for number in ids]
        newest = contact(http, email="after@brightroof.example")["id"]

    assert kept == [f"kept{n}@brightroof.example" for n in range(20)]
    assert newest == ids[-1] + 1
    assert stat.S_IMODE(state.stat().st_mode) == 0o600


def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    with running("freshsales", state=tmp_path / "s.sqlite", token=KEY) as stand_in:
        assert stand_in.process.stdin
        stand_in.process.stdin.close()  # what the system does when the parent dies
        stand_in.process.wait(timeout=10)

    assert stand_in.process.returncode is not None


def test_the_limit_answers_429_without_retry_after_and_opens_again(
    started: Callable[..., tuple[Rehearsal, httpx.Client]],
) -> None:  # §7
    _, http = started(limits="on", minute_cap="5", time_scale="60", limit_window="rolling")

    answers = [http.get("/selector/owners") for _ in range(7)]
    time.sleep(1.3)  # a rehearsal minute, and a little
    after = http.get("/selector/owners")

    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0", "0"]
    assert answers[-1].headers["x-ratelimit-reset"] == "1"
    assert "retry-after" not in answers[-1].headers
    assert after.status_code == 200


def test_the_hour_of_the_plan_holds(started: Callable[..., tuple[Rehearsal, httpx.Client]]) -> None:  # §7
    _, http = started(limits="on", minute_cap="0", time_scale="1", limit_window="rolling")

    statuses = [http.get("/selector/designations").status_code for _ in range(1001)]

    assert statuses == [200] * 1000 + [429]


@pytest.mark.parametrize("kind", ["drop_after", "500_after", "truncated"])
def test_a_fault_after_the_commit_leaves_the_record(suite: Rehearsal, api: httpx.Client, kind: str) -> None:
    suite.order_fault(kind, path="contacts")
    email = f"{kind}@brightroof.example"

    try:
        answer = api.post("/contacts", json={"last_name": "F", "email": email})
        unclear = answer.status_code == 500 or not answer.text.endswith("}")
    except httpx.TransportError:
        unclear = True

    assert unclear
    assert len(api.get(f"/lookup?q={email}&f=email&entities=contact").json()["contacts"]["contacts"]) == 1


@pytest.mark.parametrize("kind", ["drop_before", "500_before", "429"])
def test_a_fault_before_the_commit_leaves_nothing(suite: Rehearsal, api: httpx.Client, kind: str) -> None:
    suite.order_fault(kind, path="contacts")
    email = f"{kind}@brightroof.example"

    try:
        assert api.post("/contacts", json={"last_name": "F", "email": email}).status_code in (429, 500)
    except httpx.TransportError as error:
        assert kind == "drop_before", error

    assert api.get(f"/lookup?q={email}&f=email&entities=contact").json()["contacts"]["contacts"] == []


def test_the_same_requests_meet_the_same_faults_and_get_the_same_ids(
    started: Callable[..., tuple[Rehearsal, httpx.Client]],
) -> None:
    def history() -> list[tuple[int, int]]:
        _, http = started(fault_500_before="0.3", fault_seed="11")
        answers = [http.post("/sales_accounts", json={"name": f"Seeded {n}"}) for n in range(30)]
        return [(a.status_code, a.json().get("sales_account", {}).get("id", 0)) for a in answers]

    once = history()

    assert once == history()
    assert {status for status, _ in once} == {200, 500}


def test_the_log_has_every_request_and_no_key(suite: Rehearsal, api: httpx.Client) -> None:
    since = int(suite.log()["n"].max())
    api.get("/search?q=logged&include=contact&api_key=hidden-thing")

    lines = suite.log(since)

    assert list(lines["method"]) == ["GET"]
    assert list(lines["status"]) == [200]
    assert "q=logged" in lines["path"].iloc[0]
    assert KEY not in repr(suite)
    content = suite.state.read_bytes() + suite.state.with_name(suite.state.name + "-wal").read_bytes()
    assert KEY.encode() not in content
    assert b"hidden-thing" not in content


def test_searches_lag_behind_writes_where_the_switch_says_so(
    started: Callable[..., tuple[Rehearsal, httpx.Client]],
) -> None:
    _, http = started(index_lag_seconds="1", time_scale="1")
    record = contact(http, email="lag@brightroof.example")
    look = "/lookup?q=lag@brightroof.example&f=email&entities=contact"

    at_once = http.get(look).json()["contacts"]["contacts"]
    time.sleep(1.1)

    assert at_once == []
    assert [row["id"] for row in http.get(look).json()["contacts"]["contacts"]] == [record["id"]]


def test_the_tenant_is_the_same_after_everything_made_is_deleted_and_forgotten(
    started: Callable[..., tuple[Rehearsal, httpx.Client]],
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
