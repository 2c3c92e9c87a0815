"""What the Pipedrive client makes of refusals, of fields that are missing, and of answers that say nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pipedrive_client_account import (
    BEARERS,
    FIELDS,
    LISTED,
    SPEC,
    TENANTS,
    TOKEN,
    account,
    ask,
    by_hand,
    choices_of,
    client,
    least,
    shown,
    written,
)

from workbench.destinations import Draft
from workbench.destinations.pipedrive import Pipedrive
from workbench.errors import EngagementError, Refused, WrongKey
from workbench.rehearsal import Rehearsal, running
from workbench.specs import CustomField


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pipedrive, Rehearsal]]:
    with account(tmp_path_factory.mktemp("house"), declared=FIELDS) as (crm, rehearsal):
        yield crm, rehearsal


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("object_", "values", "words"),
    [
        ("organization", {"name": "A", "industry": "Ballooning"}, "Industry has no option 'Ballooning'"),
        ("organization", {"name": "A", "annual_revenue": "12.5"}, "takes a whole number"),
        ("organization", {"name": "A", "nonsense": "1"}, "the account has no field nonsense on Organization"),
        ("person", {"name": "A", "organization": "twelve"}, "takes the number of a record"),
        ("person", {"name": "A", "decimal__c": "12,5"}, "takes a number, not '12,5'"),
        ("person", {"name": "A", "decimal__c": "0.12345678901234567891"}, "more digits than can be sent"),
        ("person", {"name": "A", "text__c": "x" * 256}, "holds 255 characters, not 256"),
        ("person", {"name": "A", "boolean__c": "perhaps"}, "takes true or false"),
        ("person", {"name": "A", "text__c": ["a", "b"]}, "takes one value, not 2"),
        ("deal", {"title": "A", "stage": "Live", "pipeline": "Sales pipeline"}, "has no option 'Live'"),
        ("deal", {"title": "A", "stage": "Live", "pipeline_stage": "Campaigns/Draft"}, "has no option 'Live'"),
        ("deal", {"title": "A", "won_time": "yesterday", "status": "Won"}, "takes a moment"),
        ("activity", {"subject": "A", "due_time": "25:00"}, "takes a time"),
        ("activity", {"subject": "A", "duration": 86_400}, "takes less than a day"),
    ],
)
def test_what_cannot_be_sent_is_rejected_in_words_and_never_sent(
    house: tuple[Pipedrive, Rehearsal], object_: str, values: dict[str, object], words: str
) -> None:
    crm, rehearsal = house
    crm.metadata()
    before = len(rehearsal.log())
    outcome = crm.write(object_, [Draft("p:x:unfit", values)])[0]  # type: ignore[arg-type]
    assert outcome.state == "rejected" and words in outcome.words
    assert len(rehearsal.log()) == before


def test_the_vendors_words_come_back_with_a_rejection(house: tuple[Pipedrive, Rehearsal]) -> None:
    crm, _ = house
    assert crm.write("organization", [Draft("p:x:1", {"website": "https://x.example"})])[0].words == (
        "Validation failed: name: The value is required"
    )
    assert (
        "Organization 999 does not exist"
        in crm.write("person", [Draft("p:x:2", {"name": "A", "organization": "999"})])[0].words
    )
    assert crm.write("deal", [Draft("p:x:3", {"title": "A"}, "999")])[0].words == "Deal not found"
    assert (
        crm.write("person", [Draft("p:x:4", {"emails": "a@b.example"}, "999")])[0].words == "the record is not there any more"
    )
    assert "Person with id 999 was not found" in crm.write("note", [Draft("p:x:5", {"content": "A", "person": "999"})])[0].words


def test_a_limit_of_the_plan_is_a_rejection_and_no_wrong_key(house: tuple[Pipedrive, Rehearsal]) -> None:
    crm, _ = house
    outcome = crm.write("person", [Draft("p:x:campaign", {"name": "A", "marketing_status": "Subscribed"})])[0]
    assert outcome.state == "rejected"
    said, _, advice = outcome.words.partition(" (")
    assert said == "marketing_status: This field is only available with Campaigns enabled"
    assert "administrator" in advice and "resume" in advice


def test_a_key_that_no_field_holds_is_rejected(house: tuple[Pipedrive, Rehearsal]) -> None:
    outcome = house[0].write("organization", [Draft("p:x:" + "y" * 255, {"name": "A"})])[0]
    assert outcome.state == "rejected" and "255" in outcome.words


def test_without_the_field_for_our_keys_nothing_is_made(tmp_path: Path) -> None:
    with account(tmp_path, made=False) as (crm, rehearsal):
        with pytest.raises(Refused, match="Migration Key"):
            crm.write("organization", [Draft("p:orgs:1", {"name": "A"})])
        assert "POST" not in set(rehearsal.log()["method"])
        assert crm.write("activity", [Draft("p:activities:1", {"subject": "A"})])[0].state == "done"


def test_a_field_that_somebody_deletes_meanwhile_costs_one_refusal(tmp_path: Path) -> None:
    plan = CustomField(object="person", name="size__c", label="Size", type="text")
    with account(tmp_path, declared=[plan]) as (crm, rehearsal):
        live = crm.metadata().find("person", "size__c")
        assert live is not None
        ask(rehearsal, "DELETE", f"api/v2/personFields/{live.key}")
        told = [crm.write("person", [Draft(f"p:persons:{n}", {"name": "A", "size__c": "L"})])[0].words for n in range(3)]
        assert f"Unknown key '{live.key}'" in told[0]
        assert told[1:] == ["the account has no field size__c on Person"] * 2
        assert list(rehearsal.log()["path"]).count("/api/v2/persons") == 1


# ---------------------------------------------------------------- fields


def test_fields_are_made_with_their_options_and_taken_away_again(tmp_path: Path) -> None:
    with account(tmp_path, made=False) as (crm, _):
        plans = [*crm.extra_fields(SPEC.objects), *(plan for plan in FIELDS if plan.object == "deal")]
        assert [plan.object for plan in plans[:4]] == list(BEARERS)
        made = [crm.create_field(plan) for plan in plans]
        for plan, live in zip(plans, made, strict=True):
            assert (live.type, live.choices, len(live.key)) == (SPEC.types[plan.type], choices_of(plan), 40)
            assert crm.metadata().find(plan.object, plan.name) == live
        assert {outcome.state for outcome in map(crm.delete_field, made)} == {"done"}
        assert crm.delete_field(made[0]).state == "done"  # gone already
        assert not [field for field in crm.metadata().fields if field.custom]


def test_a_field_that_the_account_does_not_make_is_refused_in_its_words(house: tuple[Pipedrive, Rehearsal]) -> None:
    crm, rehearsal = house
    with pytest.raises(Refused, match="no fields of activities"):
        crm.create_field(CustomField(object="activity", name="a__c", label="A", type="text"))
    with pytest.raises(Refused) as told:
        crm.create_field(CustomField(object="deal", name="a__c", label="A", type="picklist"))
    assert "options" in told.value.found
    with pytest.raises(Refused, match="by hand"):
        client(rehearsal, settings={"field_creation": "checklist"}).create_field(FIELDS[0])


def test_the_plans_limit_of_fields_comes_back_in_words(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, rehearsal):
        by_hand(rehearsal, [CustomField(object="deal", name=f"f{n}__c", label=f"Field {n}", type="text") for n in range(96)])
        with pytest.raises(Refused) as told:
            crm.create_field(CustomField(object="deal", name="more__c", label="More", type="text"))
        assert "custom field per company limit" in told.value.found


def test_fields_beyond_the_first_hundred_are_seen(tmp_path: Path) -> None:
    tenant = tmp_path / "wide.toml"
    text = (TENANTS / "pipedrive_growth.toml").read_text(encoding="utf-8")
    tenant.write_text(text.replace("custom_fields = 100", "custom_fields = 1000"), encoding="utf-8")
    plans = [CustomField(object="person", name=f"f{n}__c", label=f"Field {n}", type="text") for n in range(620)]
    with account(tmp_path, tenant=tenant, declared=plans) as (crm, _):
        assert sum(field.custom for field in crm.metadata().fields) == 623
        values = {"name": "Wide", **{plan.name: f"v{n}" for n, plan in enumerate(plans)}}
        assert shown(written(crm, "person", "p:persons:wide", values), values) == values


# ---------------------------------------------------------------- answers that say nothing


@pytest.mark.parametrize(
    ("kind", "there"),
    [
        ("drop_before", 0), ("drop_after", 1), ("502_before", 0), ("502_after", 1), ("no_id", 1), ("html_200", 1),
        ("invalid_json", 1), ("truncated", 1), ("cut_chunked", 1), ("cut_length", 1), ("swapped", 1), ("replay", 2),
    ],
)  # fmt: skip
def test_a_doubtful_answer_is_unknown_and_a_look_tells(house: tuple[Pipedrive, Rehearsal], kind: str, there: int) -> None:
    crm, rehearsal = house
    for object_ in LISTED:
        values, mark = least(crm, object_, f"Doubt {kind}"), crm.newest(object_)
        written(crm, object_, f"p:{object_}:before{kind}", values)
        rehearsal.order_fault(kind, path=SPEC.objects[object_].path, method="POST")
        outcome = crm.write(object_, [Draft(f"p:{object_}:doubt{kind}", values)])[0]  # type: ignore[arg-type]
        assert outcome.state == ("done" if kind == "replay" else "unknown")
        assert len(crm.bearing(object_, [outcome.key], since=mark)) == there


def test_a_page_of_the_guard_before_the_service_is_no_answer_to_a_record(house: tuple[Pipedrive, Rehearsal]) -> None:
    crm, rehearsal = house
    crm.metadata()
    rehearsal.order_fault("403_page", path="persons", method="POST")
    told = crm.write("person", [Draft("p:persons:page", {"name": "A"})])[0]
    assert told.state == "unknown"
    assert crm.bearing("person", [told.key]) == []


def test_another_service_at_the_address_is_told(tmp_path: Path) -> None:
    with running("freshsales", state=tmp_path / "other.db", token=TOKEN) as other:
        with pytest.raises((EngagementError, WrongKey)) as told:
            client(other).check()
        assert TOKEN not in str(told.value)
