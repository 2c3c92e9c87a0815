"""The Pipedrive client against the rehearsal, over loopback; expectations come from the vendor's fact sheet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pipedrive_client_account import (
    BEARERS,
    FIELDS,
    SPEC,
    TOKEN,
    VALUES,
    account,
    ask,
    by_key,
    changed,
    client,
    least,
    shown,
    written,
)

from workbench.destinations import Draft
from workbench.destinations.pipedrive import Pipedrive
from workbench.errors import SpecError, WrongKey
from workbench.rehearsal import Rehearsal


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pipedrive, Rehearsal]]:
    with account(tmp_path_factory.mktemp("house"), declared=FIELDS) as (crm, rehearsal):
        yield crm, rehearsal


# ---------------------------------------------------------------- the account


def test_the_key_names_its_user(house: tuple[Pipedrive, Rehearsal]) -> None:
    user = house[0].check()
    assert user is not None and (user.email, user.active) == ("migration.admin@brightroof.example", True)


@pytest.mark.parametrize("path", ["", "/", "/api", "/api/v2", "/v1"])
def test_an_address_is_taken_with_and_without_the_path_of_the_api(house: tuple[Pipedrive, Rehearsal], path: str) -> None:
    assert client(house[1], path=path).check() is not None


def test_a_wrong_key_is_told_and_never_shown(house: tuple[Pipedrive, Rehearsal]) -> None:
    with pytest.raises(WrongKey) as told:
        client(house[1], key="f" * 40).check()
    assert "x-api-token" in str(told.value) and "f" * 40 not in repr(told.value) + str(told.value)


def test_the_key_stands_in_no_address(house: tuple[Pipedrive, Rehearsal]) -> None:
    house[0].check()
    assert not house[1].log()["path"].str.contains(TOKEN[:20]).any()


@pytest.mark.parametrize("settings", [{"reserve": 1.0}, {"lanes": 101}, {"marker_style": "no key"}, {"nonsense": 1}])
def test_a_setting_that_may_not_be_is_named(house: tuple[Pipedrive, Rehearsal], settings: dict[str, object]) -> None:
    with pytest.raises(SpecError) as told:
        client(house[1], settings=settings)  # type: ignore[arg-type]
    assert next(iter(settings)) in told.value.found


def test_a_plan_that_there_is_not_is_refused(house: tuple[Pipedrive, Rehearsal]) -> None:
    with pytest.raises(SpecError) as told:
        client(house[1], plan="platinum")
    assert "lite" in told.value.expected


def test_calls_in_flight_follow_the_burst_of_plan_and_sign_in(house: tuple[Pipedrive, Rehearsal]) -> None:
    found = {
        (plan, way): client(house[1], plan=plan, settings={"sign_in": way}).lanes("deal")
        for plan in SPEC.plans
        for way in ("api_token", "oauth")
    }
    assert [found[plan, "api_token"] for plan in SPEC.plans] == [4, 8, 20, 24]
    assert [found[plan, "oauth"] for plan in SPEC.plans] == [16, 32, 80, 96]
    assert client(house[1], settings={"lanes": 3}).lanes("deal") == 3
    assert client(house[1]).bulk_rows("deal") == 1


def test_people_pipelines_and_options_are_those_of_the_account(house: tuple[Pipedrive, Rehearsal]) -> None:
    metadata = house[0].metadata()
    assert metadata.pipelines["Campaigns"] == ("Draft", "Scheduled", "Live", "Completed")
    assert [user.email for user in metadata.users if not user.active] == ["jon.pryce@brightroof.example"]
    choices = {(field.object, field.name): field.choices for field in metadata.fields}
    assert choices["deal", "status"] == ("Open", "Won", "Lost")
    assert choices["deal", "pipeline"] == ("Sales pipeline", "Campaigns")
    assert "Campaigns/Live" in choices["deal", "pipeline_stage"]
    assert choices["activity", "type"] == ("Call", "Meeting", "Task", "Deadline", "Email", "Lunch")
    assert choices["person", "labels"] == ("Customer", "Hot lead", "Warm lead", "Cold lead")


def test_a_feature_that_the_account_lacks_offers_no_fields(house: tuple[Pipedrive, Rehearsal], tmp_path: Path) -> None:
    assert house[0].metadata().find("person", "job_title") is None
    with account(tmp_path, switches={"contact_sync": "on"}) as (crm, _):
        values = {"name": "Ann", "job_title": "Roofer", "birthday": "1980-02-29", "notes": "n", "postal_address": "1 A St, B"}
        record = written(crm, "person", "p:persons:sync", values)
        assert shown(record, values) == values
        assert shown(changed(crm, "person", record.id, {"birthday": None}), ["birthday"]) == {"birthday": None}


# ---------------------------------------------------------------- round trips


@pytest.mark.parametrize("object_", BEARERS)
@pytest.mark.parametrize("kind", list(VALUES))
def test_a_custom_field_of_every_type_reads_back_as_it_was_sent(
    house: tuple[Pipedrive, Rehearsal], object_: str, kind: str
) -> None:
    crm, _ = house
    name, key = f"{kind}__c", f"p:{object_}:{kind}"
    record = written(crm, object_, key, {**least(crm, object_), name: VALUES[kind]})
    assert (record.key, record.values[name]) == (key, VALUES[kind])
    assert changed(crm, object_, record.id, {name: None}).values[name] is None
    assert changed(crm, object_, record.id, {name: VALUES[kind]}).values[name] == VALUES[kind]


def test_what_is_read_one_by_one_is_what_a_sweep_shows(house: tuple[Pipedrive, Rehearsal]) -> None:
    crm, _ = house
    for object_ in SPEC.objects:
        made = [written(crm, object_, f"p:{object_}:swept{place}", least(crm, object_, f"Swept {place}")) for place in range(6)]
        swept = by_key(crm.sweep(object_))
        assert [swept[record.key] for record in made] == made
        assert crm.read(object_, [record.id for record in made]) == made  # more than a few go through the list


def test_an_organization_reads_back_as_it_was_sent(house: tuple[Pipedrive, Rehearsal]) -> None:
    crm, _ = house
    owner = next(user for user in crm.metadata().users if user.email == "dana.ortiz@brightroof.example")
    values = {
        "name": "Round Trip", "address": "12 Main St, Columbus, OH 02134", "street": "Main St", "house_number": "12",
        "city": "Columbus", "state": "OH", "zipcode": "02134", "country": "US", "website": "https://x.example", "industry":
        "Construction", "annual_revenue": 1200, "employee_count": 7, "labels": ["Customer", "Hot lead"], "visible_to":
        "All users", "owner": owner.id, "add_time": "2019-05-06T07:08:09+00:00",
    }  # fmt: skip
    assert shown(written(crm, "organization", "p:orgs:trip", values), values) == values


def test_parts_of_an_address_make_its_line_and_a_change_leaves_the_others(house: tuple[Pipedrive, Rehearsal]) -> None:
    crm, _ = house
    parts = {"street": "Main St", "house_number": "12", "city": "Columbus", "state": "OH", "zipcode": "02134"}
    record = written(crm, "organization", "p:orgs:parts", {"name": "Parts", **parts})
    assert shown(record, [*parts, "address"]) == {**parts, "address": "12 Main St, Columbus, OH 02134"}
    moved = changed(crm, "organization", record.id, {"city": "Dayton"})
    assert shown(moved, [*parts, "address"]) == {**parts, "city": "Dayton", "address": "12 Main St, Dayton, OH 02134"}
    own = changed(crm, "organization", record.id, {"address": "Somewhere"})
    assert shown(own, [*parts, "address"]) == {**parts, "city": "Dayton", "address": "Somewhere"}
    assert changed(crm, "organization", record.id, {"city": "Xenia"}).values["address"] == "Somewhere"
    gone = changed(crm, "organization", record.id, dict.fromkeys([*parts, "address"]))
    assert not any(shown(gone, [*parts, "address"]).values())


def test_a_person_reads_back_as_it_was_sent(house: tuple[Pipedrive, Rehearsal]) -> None:
    crm, _ = house
    parent = written(crm, "organization", "p:orgs:parent", {"name": "Parent"})
    values = {
        "name": "Zoë O’Hara", "emails": ["zoe@customers.example", "z@home.example"], "phones": ["+16145550123", "+16145550124"],
        "mobile_phone": "+16145550125", "home_phone": ["+16145550126", "+16145550127"], "organization": parent.id,
        "labels": ["Warm lead"], "visible_to": "All users", "add_time": "2019-05-06",
    }  # fmt: skip
    record = written(crm, "person", "p:persons:trip", values)
    assert shown(record, values) == values
    assert shown(record, ["first_name", "last_name"]) == {"first_name": "Zoë", "last_name": "O’Hara"}
    halves = {"first_name": "Ann Marie", "last_name": "Roe"}
    assert shown(written(crm, "person", "p:persons:halves", halves), [*halves, "name"]) == {**halves, "name": "Ann Marie Roe"}


def test_a_change_of_one_number_leaves_the_others_with_their_labels(house: tuple[Pipedrive, Rehearsal]) -> None:
    crm, rehearsal = house
    record = written(
        crm, "person", "p:persons:numbers", {"name": "N", "phones": "1", "mobile_phone": "2", "emails": "a@b.example"}
    )
    rows = [
        {"value": "9", "label": "fax", "primary": False},
        {"value": "2", "label": "mobile", "primary": True},
        {"value": "1", "label": "work", "primary": False},
    ]
    ask(rehearsal, "PATCH", f"api/v2/persons/{record.id}", {"phones": rows})
    assert changed(crm, "person", record.id, {"home_phone": "3"}).values["phones"] == ["9", "1"]
    assert changed(crm, "person", record.id, {"phones": ["9", "4"]}).values["mobile_phone"] == "2"
    told = ask(rehearsal, "GET", f"api/v2/persons/{record.id}")["data"]
    assert isinstance(told, dict)
    assert {(row["value"], row["label"], row["primary"]) for row in told["phones"]} == {
        ("2", "mobile", True), ("3", "home", False), ("9", "fax", False), ("4", "work", False),
    }  # fmt: skip
    assert [row["value"] for row in told["emails"]] == ["a@b.example"]


def test_a_deal_reads_back_as_it_was_sent(house: tuple[Pipedrive, Rehearsal]) -> None:
    crm, _ = house
    org = written(crm, "organization", "p:orgs:deal", {"name": "Buyer"})
    person = written(crm, "person", "p:persons:deal", {"name": "Buyer"})
    common = {
        "title": "New roof", "value": "12000.5", "currency": "EUR", "person": person.id, "organization": org.id,
        "expected_close_date": "2024-02-29", "probability": 40, "labels": ["Hot"], "visible_to": "All users",
    }  # fmt: skip
    ways: list[dict[str, object]] = [
        {"pipeline_stage": "Campaigns/Live", "status": "Open"},
        {"pipeline": "Campaigns", "stage": "Scheduled", "status": "Won", "won_time": "2024-03-01T10:11:12+00:00"},
        {"stage": "Contact made", "status": "Lost", "lost_time": "2024-03-02T10:11:12+00:00", "lost_reason": "too dear"},
    ]
    for place, way in enumerate(ways):
        values = {**common, **way}
        assert shown(written(crm, "deal", f"p:deals:trip{place}", values), values) == values
    placed = written(crm, "deal", "p:deals:line", {"title": "Line", "pipeline": "Campaigns"})
    assert placed.values["pipeline_stage"] == "Campaigns/Draft"


def test_a_deal_is_reopened_and_emptied_without_what_the_vendor_refuses(house: tuple[Pipedrive, Rehearsal]) -> None:
    crm, _ = house
    lost = {"status": "Lost", "lost_reason": "too dear", "expected_close_date": "2024-02-29"}
    record = written(crm, "deal", "p:deals:reopened", {"title": "Back", **lost})
    again = changed(crm, "deal", record.id, {"status": "Open", "lost_reason": None, "lost_time": None, "close_time": None})
    assert shown(again, ["status", "lost_reason", "close_time"]) == {"status": "Open", "lost_reason": None, "close_time": None}
    assert changed(crm, "deal", record.id, {"expected_close_date": None}).values["expected_close_date"] is None
    assert crm.write("deal", [Draft("x", {"title": None}, record.id)])[0].words == "Title cannot be emptied"


def test_the_creation_date_of_a_deal_is_sent_where_the_settings_say_so(tmp_path: Path) -> None:
    with account(tmp_path, switches={"deal_add_time": "accept"}) as (crm, rehearsal):
        assert crm.metadata().find("deal", "add_time") is None
        told = crm.write("deal", [Draft("p:deals:1", {"title": "Old", "add_time": "2019-01-02T03:04:05+00:00"})])[0]
        assert (told.state, told.words) == ("rejected", "the account has no field add_time on Deal")
        sender = client(rehearsal, settings={"deal_add_time": "sent"})
        values = {"title": "Old", "add_time": "2019-01-02T03:04:05+00:00"}
        assert shown(written(sender, "deal", "p:deals:2", values), values) == values


def test_an_activity_reads_back_as_it_was_sent(house: tuple[Pipedrive, Rehearsal]) -> None:
    crm, _ = house
    org = written(crm, "organization", "p:orgs:activity", {"name": "Visited"})
    people = [written(crm, "person", f"p:persons:activity{place}", {"name": f"Visited {place}"}).id for place in range(2)]
    deal = written(crm, "deal", "p:deals:activity", {"title": "Visit"})
    values = {
        "subject": "Site visit", "type": "Meeting", "due_date": "2019-05-06", "due_time": "13:05", "duration": 65, "done": True,
        "busy": True, "note": "a & b < c\nsecond", "location": "12 Main St", "public_description": "p", "priority": "High",
        "outcome": "held", "participants": people, "deal": deal.id, "organization": org.id,
    }  # fmt: skip
    record = written(crm, "activity", "p:activities:trip", values)
    assert shown(record, values) == values
    swapped = changed(crm, "activity", record.id, {"participants": list(reversed(people)), "due_date": None, "done": False})
    assert shown(swapped, ["participants", "due_date", "done"]) == {
        "participants": list(reversed(people)), "due_date": None, "done": False,
    }  # fmt: skip
    assert written(crm, "activity", "p:activities:type", {"subject": "By key", "type": "call"}).values["type"] == "Call"


def test_a_note_reads_back_as_it_was_sent(house: tuple[Pipedrive, Rehearsal]) -> None:
    crm, _ = house
    org = written(crm, "organization", "p:orgs:note", {"name": "Noted"})
    deal = written(crm, "deal", "p:deals:note", {"title": "Noted"})
    author = next(user for user in crm.metadata().users if user.email == "marcus.hale@brightroof.example")
    values = {
        "content": "first & second\n\nthird", "add_time": "2019-05-06T07:08:09+00:00", "organization": org.id, "deal": deal.id,
        "pinned_to_deal": True, "pinned_to_organization": False, "owner": author.id,
    }  # fmt: skip
    record = written(crm, "note", "p:notes:trip", values)
    assert shown(record, values) == values
    again = changed(crm, "note", record.id, {"pinned_to_deal": None, "pinned_to_organization": True})
    assert shown(again, ["pinned_to_deal", "pinned_to_organization"]) == {
        "pinned_to_deal": False,
        "pinned_to_organization": True,
    }
