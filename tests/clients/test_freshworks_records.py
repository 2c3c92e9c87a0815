"""python-freshworks-crm, as published, writes and reads contacts, accounts and deals of the rehearsal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from crm import Crm, calling
from talking import ClientError
from trust import Trust

from workbench.rehearsal import Rehearsal, running

pytestmark = pytest.mark.clients


@dataclass(frozen=True)
class Life:
    """What the client does to one kind of record, from its creation to its end."""

    kind: str
    part: str
    one: str
    first: dict[str, Any]
    change: dict[str, Any]
    known_by: str
    upserted: dict[str, Any]
    further: tuple[str, dict[str, Any]]
    view: str
    clone: dict[str, Any] = field(default_factory=dict)

    def call(self, verb: str) -> str:
        """The name of the client's method."""
        return f"{self.part}.{verb}_{self.one}"


LIVES = (
    Life(
        kind="contacts",
        part="contacts",
        one="contact",
        first={"first_name": "Ann", "last_name": "Bell", "emails": "ann@bell.example", "job_title": "Owner", "city": "Köln"},
        change={"job_title": "Chair", "mobile_number": "+1 614 555 0190"},
        known_by="emails",
        upserted={"last_name": "Bell-Reyes", "address": "1 Elm St"},
        further=("new@bell.example", {"last_name": "Newcome"}),
        view="All Contacts",
        clone={"last_name": "Double", "emails": "double@bell.example"},
    ),
    Life(
        kind="sales_accounts",
        part="accounts",
        one="account",
        first={"name": "Bell & Söhne", "city": "Bern", "website": "https://bell.example", "phone": "+41 31 555 01 90"},
        change={"city": "Basel", "annual_revenue": 120000},
        known_by="name",
        upserted={"zipcode": "02134"},
        further=("Newcome Ltd", {"country": "Switzerland"}),
        view="All Accounts",
        clone={"name": "Bell & Töchter"},
    ),
    Life(
        kind="deals",
        part="deals",
        one="deal",
        first={"name": "Roof of the school", "amount": 1250.5, "expected_close": "2026-12-01"},
        change={"amount": 990, "probability": 40},
        known_by="id",
        upserted={"expected_close": "2027-01-15"},
        further=("", {}),
        view="Open Deals",
        clone={"name": "Roof of the gym"},
    ),
)
OUT = {"emails": "email"}
"""Where a key that was sent reads back under another name."""


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.kind)
def test_a_record_lives_and_ends_as_the_client_says(crm: Crm, life: Life) -> None:
    made = crm(life.call("create"), **life.first)
    number = made["id"]
    assert crm.last()[::2] == ("POST", 200)
    _reads(crm, life, number, life.first)
    crm(life.call("update"), number, **life.change)
    _reads(crm, life, number, {**life.first, **life.change})
    key = number if life.known_by == "id" else life.first[life.known_by]
    again = crm(life.call("upsert"), [life.known_by, key], **life.upserted)
    assert again["id"] == number
    _reads(crm, life, number, {**life.first, **life.change, **life.upserted})
    assert crm(life.call("delete"), number) is True
    assert crm.where(life.kind, number) == "recycle_bin"
    assert crm(life.call("forget"), number) is True
    assert crm.where(life.kind, number) == "nowhere"
    with pytest.raises(ClientError, match="FreshsalesNotFound"):
        crm(life.call("view"), number)


@pytest.mark.parametrize("life", [life for life in LIVES if life.known_by != "id"], ids=lambda life: life.kind)
def test_an_upsert_of_somebody_new_makes_a_record(crm: Crm, life: Life) -> None:
    key, rest = life.further
    made = crm(life.call("upsert"), [life.known_by, key], **rest)
    assert crm.last() == ("POST", f"{life.kind}/upsert", 201)
    _reads(crm, life, made["id"], {life.known_by: key, **rest})


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.kind)
def test_a_clone_is_a_record_of_its_own(crm: Crm, life: Life) -> None:
    first = {name: f"c{value}" if name in ("emails", "name") else value for name, value in life.first.items()}
    original = crm(life.call("create"), **first)["id"]
    clone = {name: f"c{value}" if name in ("emails", "name") else value for name, value in life.clone.items()}
    copy = crm(life.call("clone"), original, **clone)["id"]
    assert copy != original
    _reads(crm, life, copy, {**first, **clone})
    _reads(crm, life, original, first)


def _reads(crm: Crm, life: Life, number: int, expected: dict[str, Any]) -> None:
    """The client reads what it wrote, and the tenant holds it."""
    read, held = crm(life.call("view"), number), crm.held(life.kind, number)
    for name, value in expected.items():
        assert _plain(read[OUT.get(name, name)]) == _plain(value), name
        stored = held["emails"][0]["value"] if name == "emails" else held[name]
        assert _plain(stored) == _plain(value), name


def _plain(value: Any) -> str:
    """Money reads back as text, and a date may carry a time."""
    text = str(value)
    try:
        return f"{float(text):g}" if not text.startswith(("0", "+")) else text
    except ValueError:
        return text.removesuffix("T00:00:00-05:00")


def test_links_and_custom_fields_arrive(crm: Crm) -> None:
    plan = [{"object": "contacts", "label": "Roof type", "type": "dropdown", "choices": ["Slate", "Tile"]}]
    key = crm.tenant.admin_create_fields(plan)[0]["name"]
    account = crm("accounts.create_account", name="Linked Ltd")["id"]
    sent = {"last_name": "Linked", "emails": "l@linked.example", "custom_field": {key: "Slate"}}
    contact = crm("contacts.create_contact", **sent, sales_accounts=[{"id": account, "is_primary": True}])
    assert contact[key] == "Slate"
    deal = crm("deals.create_deal", name="Linked", amount=5, sales_account_id=account, contacts_added_list=[contact["id"]])
    read = crm("contacts.view_contact", contact["id"], "sales_accounts")
    assert [(row["id"], row["name"], row["is_primary"]) for row in read["sales_accounts"]] == [(account, "Linked Ltd", True)]
    assert crm("deals.view_deal", deal["id"], "sales_account,contacts")["contact_ids"] == [contact["id"]]
    held = crm.held("contacts", contact["id"])
    assert (held["custom_field"], held["sales_accounts"]) == ({key: "Slate"}, [{"id": account, "is_primary": True}])
    assert crm.held("deals", deal["id"])["sales_account_id"] == account


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.kind)
def test_a_view_lists_what_the_tenant_holds(crm: Crm, life: Life) -> None:
    for number in range(3):
        first = {name: f"{number}{value}" if name in ("emails", "name") else value for name, value in life.first.items()}
        crm(life.call("create"), **first)
    views = {view["name"]: view["id"] for view in crm(f"{life.part}.list_views")}
    assert "Recycle Bin" in views
    listed = crm(f"{life.part}.list_{life.part}", views[life.view], sort="updated_at", sort_type="asc")
    assert sorted(str(row["id"]) for row in listed) == sorted(crm.tenant.dump()["records"][life.kind])


@pytest.mark.parametrize("part", ["contacts", "accounts", "deals", "sales_activities"])
def test_the_fields_are_listed_with_their_types(crm: Crm, part: str) -> None:
    fields = crm(f"{part}.list_fields")
    assert len(fields) >= 9
    assert all(row["name"] and row["label"] and row["type"] for row in fields)
    assert len({row["name"] for row in fields}) == len(fields)


@pytest.mark.parametrize("part", ["contacts", "accounts", "deals"])
def test_fields_can_be_listed_with_their_groups(crm: Crm, part: str) -> None:
    assert crm(f"{part}.list_fields", include_groups=True)[0]["name"]
    assert crm.last()[1].endswith("/fields?include=field_group")


def test_a_filter_finds_one_contact_by_address(crm: Crm) -> None:
    made = crm("contacts.create_contact", last_name="Found", emails="found@bell.example")
    rule = {"attribute": "contact_email.email", "operator": "is_in", "value": "found@bell.example"}
    rows, more = crm("search.filter_contacts", [rule], sort="updated_at", sort_type="desc")
    assert ([row["id"] for row in rows], more) == ([made["id"]], False)


def test_the_activities_of_a_contact_are_listed(crm: Crm) -> None:
    contact = crm("contacts.create_contact", last_name="Active", emails="active@bell.example")["id"]
    crm("notes.create_note", description="A note", targetable_type="Contact", targetable_id=contact)
    assert len(crm("contacts.list_activities", contact)) >= 1


def test_a_second_contact_with_the_same_address_is_refused(crm: Crm) -> None:
    crm("contacts.create_contact", last_name="First", emails="same@bell.example")
    before = len(crm.tenant.dump()["records"]["contacts"])
    with pytest.raises(ClientError) as caught:
        crm("contacts.create_contact", last_name="Second", emails="same@bell.example")
    assert caught.value.kind == "FreshsalesBadRequest"
    assert "'code': 400" in caught.value.said
    assert len(crm.tenant.dump()["records"]["contacts"]) == before


def test_a_wrong_key_is_refused(crm: Crm, trust: Trust) -> None:
    with calling(crm.tenant, trust, key="wrong") as stranger, pytest.raises(ClientError, match="FreshsalesUnauthorized"):
        stranger("contacts.list_views")
    assert crm.last() == ("GET", "contacts/filters", 401)


def test_an_unknown_record_is_not_found(crm: Crm) -> None:
    with pytest.raises(ClientError, match="FreshsalesNotFound"):
        crm("deals.view_deal", 31100999999)


@pytest.fixture
def hurried(trust: Trust, tmp_path: Any) -> Iterator[Rehearsal]:
    """An account with five requests a minute."""
    with running(
        "freshsales", state=tmp_path / "state.sqlite", token="key-5a", switches={"minute_cap": "5"}, tls=trust.tls
    ) as tenant:
        yield tenant


def test_the_sixth_request_of_a_minute_meets_the_limit(hurried: Rehearsal, trust: Trust) -> None:
    with calling(hurried, trust, key="key-5a") as client:
        for number in range(5):
            client("accounts.create_account", name=f"Account {number}")
        with pytest.raises(ClientError, match="FreshsalesRateLimited"):
            client("accounts.create_account", name="Account 5")
    assert hurried.log()["status"].tolist() == [200] * 5 + [429]
    assert len(hurried.dump()["records"]["sales_accounts"]) == 5
