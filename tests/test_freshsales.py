"""The Freshsales client against the rehearsal, over loopback; expectations come from the vendor's fact sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.destinations import Account, Draft, Outcome, Record, Secret, connect
from workbench.destinations.freshsales import Freshsales
from workbench.destinations.freshsales.bulk import Report, Row, verdicts
from workbench.destinations.freshsales.records import plain_number
from workbench.destinations.http import Wait
from workbench.errors import EngagementError, Refused, SpecError, WrongKey
from workbench.rehearsal import Rehearsal, running
from workbench.specs import CustomField, load_destination, load_route

SPEC = load_destination("freshsales")
ROUTE = load_route("promio_to_freshsales")
TOKEN = "rehearsal-key"
SCALE = 600.0


@contextmanager
def account(
    folder: Path, *, edition: str = "suite", switches: dict[str, str] | None = None, settings: dict[str, object] | None = None
) -> Iterator[tuple[Freshsales, Rehearsal]]:
    tenant = f"freshsales_{edition}"
    with running(
        "freshsales", state=folder / "tenant.db", token=TOKEN, tenant=tenant, time_scale=SCALE, switches=switches
    ) as rehearsal:
        yield client(rehearsal, edition=edition, settings=settings), rehearsal


def client(
    rehearsal: Rehearsal, *, edition: str = "suite", settings: dict[str, object] | None = None, key: str = TOKEN
) -> Freshsales:
    there = Account(rehearsal.url, Secret(key), edition, "growth", settings or {}, SCALE)  # type: ignore[arg-type]
    made = connect(SPEC, there, declared=ROUTE.custom_fields)
    assert isinstance(made, Freshsales)
    return made


def provision(crm: Freshsales, objects: Sequence[str]) -> None:
    plans = [*ROUTE.custom_fields, *crm.extra_fields(objects)]
    for plan in plans:
        if plan.object in objects:
            crm.create_field(plan)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Freshsales, Rehearsal]]:
    with ExitStack() as stack:
        crm, rehearsal = stack.enter_context(account(tmp_path_factory.mktemp("suite")))
        provision(crm, list(SPEC.objects))
        yield crm, rehearsal


def by_key(records: Iterator[Record]) -> dict[str, Record]:
    return {record.key: record for record in records if record.key}


def shown(record: Record, names: Sequence[str]) -> dict[str, object]:
    return {name: record.values.get(name) for name in names}


def test_custom_fields_are_known_by_label_whatever_key_the_account_gave_them(suite: tuple[Freshsales, Rehearsal]) -> None:
    crm, _ = suite
    metadata = crm.metadata()
    found = {(field.object, field.name): field for field in metadata.fields}
    for plan in ROUTE.custom_fields:
        live = found[plan.object, plan.name]
        assert (live.label, live.custom) == (plan.label, True)
        assert live.choices == plan.choices
    assert found["contact", "promio_created_on__c"].key == "cf_created_in_promio"


def test_a_key_that_no_rule_builds_is_read_from_the_account(tmp_path: Path) -> None:
    plan = CustomField(object="contact", name="size__c", label="Größe – Dach (m²)", type="decimal")
    with account(tmp_path) as (crm, rehearsal):
        rehearsal.admin_create_fields([{"object": "contacts", "label": plan.label.upper(), "type": "number"}])
        live = crm.metadata([plan]).find("contact", "size__c")
        assert live is not None and live.key.startswith("cf_")
        key = "s:contacts:1"
        assert crm.write("contact", [Draft(key, {"last_name": "A", "size__c": "12.50"})])[0].state == "done"
        assert by_key(crm.sweep("contact"))[key].values["size__c"] == "12.5"


def test_a_contact_reads_back_as_it_was_sent(suite: tuple[Freshsales, Rehearsal]) -> None:
    crm, _ = suite
    metadata = crm.metadata()
    owner = next(user for user in metadata.users if user.email == "dana.ortiz@brightroof.example")
    crm.write(
        "sales_account", [Draft("p:accounts:r1", {"name": "Round Trip", "industry_type": "Construction", "zipcode": "02134"})]
    )
    parent = by_key(crm.sweep("sales_account"))["p:accounts:r1"]
    values = {
        "first_name": "Zoë", "last_name": "O’Hara", "emails": "zoe@customers.example", "mobile_number": "+16145550123",
        "zipcode": "02134", "lifecycle_segment__c": "At-Risk", "first_job__c": "2024-02-29", "lifetime_value__c": "1200.50",
        "last_call_duration_seconds__c": 65, "promio_customer_id__c": "0012", "owner": owner.id, "sales_accounts": parent.id,
        "lead_source": "Referral", "lifecycle_stage": "Customer", "contact_status": "Won",
    }  # fmt: skip
    assert crm.write("contact", [Draft("p:contacts:r1", values)]) == [Outcome("p:contacts:r1", "done")]
    record = by_key(crm.sweep("contact"))["p:contacts:r1"]
    assert shown(record, list(values)) == {**values, "lifetime_value__c": "1200.5"}
    assert shown(parent, ["industry_type", "zipcode"]) == {"industry_type": "Construction", "zipcode": "02134"}
    assert crm.read("contact", [record.id]) == [record]


def test_a_suite_lead_is_a_contact_in_the_lead_stage_and_each_is_swept_once(suite: tuple[Freshsales, Rehearsal]) -> None:
    crm, _ = suite
    key = "p:leads:s1"
    values = {
        "last_name": "Lead",
        "contact_status": "Contacted",
        "promio_lead_id__c": "L1",
        "call_recording_url__c": "https://x.example",
    }
    assert crm.write("lead", [Draft(key, values)])[0].state == "done"
    assert (
        crm.write("contact", [Draft("p:contacts:s1", {"last_name": "Plain", "emails": "plain@x.example"})])[0].state == "done"
    )
    leads, contacts = by_key(crm.sweep("lead")), by_key(crm.sweep("contact"))
    assert shown(leads[key], [*values, "lifecycle_stage"]) == {**values, "lifecycle_stage": "Lead"}
    assert key not in contacts and "p:contacts:s1" in contacts and not leads.keys() & contacts.keys()
    live = crm.metadata().find("lead", "contact_status")
    assert live is not None and {"New", "Unqualified"} <= set(live.choices) and "Won" not in live.choices


def test_a_lead_that_people_promoted_is_still_our_lead(suite: tuple[Freshsales, Rehearsal]) -> None:
    crm, _ = suite
    key = "p:leads:promoted"
    crm.write("lead", [Draft(key, {"last_name": "Promoted", "contact_status": "New"})])
    record = by_key(crm.sweep("lead"))[key]
    crm.write("contact", [Draft(key, {"lifecycle_stage": "Customer", "contact_status": "Won"}, record.id)])
    assert key in by_key(crm.sweep("lead"))
    assert key not in by_key(crm.sweep("contact"))


def test_a_bulk_row_that_fails_is_found_by_its_identifier_and_takes_no_neighbour_along(
    suite: tuple[Freshsales, Rehearsal],
) -> None:
    crm, _ = suite
    drafts = [Draft(f"p:contacts:b{n}", {"last_name": "B", "emails": f"b{n}@bulk.example"}) for n in range(12)]
    drafts[7] = Draft("p:contacts:b7", {"last_name": "B", "emails": "b2@bulk.example"})
    drafts[9] = Draft("p:contacts:b9", {"last_name": "B", "lifecycle_segment__c": "No such segment"})
    outcomes = crm.write("contact", drafts)
    assert [outcome.key for outcome in outcomes] == [draft.key for draft in drafts]
    states = {outcome.key: outcome.state for outcome in outcomes}
    assert {key for key, state in states.items() if state == "rejected"} == {"p:contacts:b7", "p:contacts:b9"}
    assert set(states.values()) == {"done", "rejected"}
    assert "Email is not unique" in outcomes[7].words
    there = by_key(crm.sweep("contact"))
    assert {key for key, state in states.items() if state == "done"} <= there.keys()


ROWS = [Row(f"k{n}", ("external_id", f"k{n}"), {"emails": f"{n}@x.example", "last_name": "Same"}) for n in range(4)]


@pytest.mark.parametrize(
    ("report", "states"),
    [
        (Report(4, 0, (), True), ["done"] * 4),
        (Report(3, 1, ({"emails": "2@X.example", "error_message": ["no"]},), True), ["done", "done", "rejected", "done"]),
        (Report(3, 1, ({"error_message": ["no"]},), True), ["unknown"] * 4),
        (Report(3, 1, ({"last_name": "Same", "error_message": ["no"]},), True), ["unknown"] * 4),
        (Report(2, 2, ({"external_id": "k0", "error_message": ["no"]},), True), ["rejected", "unknown", "unknown", "unknown"]),
        (Report(3, 0, (), True), ["unknown"] * 4),
        (Report(0, 0, (), False), ["unknown"] * 4),
        (Report(2, 2, ({"external_id": "k3", "error_message": []}, {"email": "0@x.example"}), True),
         ["rejected", "done", "done", "rejected"]),
    ],
)  # fmt: skip
def test_what_a_bulk_report_does_not_say_clearly_is_unknown(report: Report, states: list[str]) -> None:
    assert [outcome.state for outcome in verdicts(ROWS, report)] == states


@pytest.mark.parametrize("data", ["string", "object"])
def test_a_job_report_is_read_as_text_and_as_an_object(tmp_path: Path, data: str) -> None:
    with account(tmp_path, switches={"job_data": data}) as (crm, _):
        drafts = [Draft(f"p:contacts:{n}", {"last_name": "J", "emails": "one@x.example"}) for n in range(2)]
        assert [outcome.state for outcome in crm.write("contact", drafts)] == ["done", "rejected"]


def test_a_busy_bulk_endpoint_is_asked_again_because_nothing_was_done(tmp_path: Path) -> None:
    with account(tmp_path, switches={"bulk_jobs": "1", "job_seconds": "120"}) as (crm, rehearsal):
        other = client(rehearsal)

        with ThreadPoolExecutor(2) as pool:
            runs = [
                pool.submit(crm_.write, "contact", [Draft(f"p:contacts:{n}", {"last_name": "B"})])
                for n, crm_ in enumerate((crm, other))
            ]
            outcomes = [run.result()[0] for run in runs]
        log = rehearsal.log()
        assert (log["status"] == 405).any()
        assert {outcome.state for outcome in outcomes} == {"done"}
        assert len(by_key(crm.sweep("contact"))) == 2


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"last_name": "X", "lead_source": "Nowhere"}, "Source has no option 'Nowhere'"),
        ({"last_name": "X", "nothing__c": "1"}, "no field nothing__c"),
        ({"last_name": "X", "lifetime_value__c": "12 USD"}, "takes a number"),
        ({"last_name": "X", "lifecycle_stage": "Lead", "contact_status": "Won"}, "no option 'Won'"),
    ],
)
def test_a_value_that_does_not_fit_rejects_its_row_before_anything_is_sent(
    suite: tuple[Freshsales, Rehearsal], values: dict[str, object], words: str
) -> None:
    crm, rehearsal = suite
    crm.metadata()
    before = len(rehearsal.log())
    outcome = crm.write("contact", [Draft("p:contacts:unfit", values)])[0]  # type: ignore[arg-type]
    assert outcome.state == "rejected" and words in outcome.words
    assert len(rehearsal.log()) == before


def test_a_deal_bears_our_key_its_links_and_its_choices(suite: tuple[Freshsales, Rehearsal]) -> None:
    crm, _ = suite
    crm.write("sales_account", [Draft("p:accounts:d", {"name": "Deal Parent"})])
    crm.write("contact", [Draft(f"p:contacts:d{n}", {"last_name": "D", "emails": f"d{n}@deal.example"}) for n in range(2)])
    parent, people = by_key(crm.sweep("sales_account"))["p:accounts:d"], by_key(crm.sweep("contact"))
    ids = [people[f"p:contacts:d{n}"].id for n in range(2)]
    values = {
        "name": "Spring", "amount": "1200.00", "deal_pipeline": "Campaigns", "deal_stage": "Draft", "sales_account": parent.id,
        "contacts": ids, "campaign_channels__c": ["Display", "Bing Ads"], "expected_close": "2026-05-31",
    }  # fmt: skip
    outcome = crm.write("deal", [Draft("p:deals:d", values)])[0]
    assert outcome.state == "done" and outcome.id
    record = by_key(crm.sweep("deal"))["p:deals:d"]
    assert record.id == outcome.id
    assert shown(record, list(values)) == {**values, "amount": "1200"}
    assert crm.write("deal", [Draft("p:deals:d", {"contacts": ids[1]}, record.id)])[0].state == "done"
    assert crm.read("deal", [record.id])[0].values["contacts"] == ids[1]


def test_a_stage_that_two_pipelines_have_is_not_guessed(suite: tuple[Freshsales, Rehearsal]) -> None:
    crm, _ = suite
    pipelines = crm.metadata().pipelines
    shared = set.intersection(*(set(stages) for stages in pipelines.values()))
    wanted = next(iter(shared), "")
    outcome = crm.write("deal", [Draft("p:deals:g", {"name": "G", "amount": 1, "deal_stage": wanted or "Draft"})])[0]
    assert (outcome.state == "rejected") == bool(wanted)


def test_a_deal_that_stands_in_several_views_is_swept_once_and_a_missing_view_is_named(tmp_path: Path) -> None:
    with account(tmp_path, settings={"views_deal": "Open Deals; My Deals;Open Deals", "views_contact": "Alle Kontakte"}) as (
        crm,
        _,
    ):
        for plan in crm.extra_fields(["deal"]):
            crm.create_field(plan)
        crm.write("deal", [Draft(f"p:deals:{n}", {"name": "V", "amount": n}) for n in range(3)])
        assert [record.key for record in crm.sweep("deal")] == [f"p:deals:{n}" for n in range(3)]
        with pytest.raises(EngagementError, match="Alle Kontakte") as caught:
            list(crm.sweep("contact"))
        assert "All Contacts" in caught.value.found and "views_contact" in caught.value.todo


def test_an_account_that_hides_its_lifecycle_stages_is_not_swept_by_guesswork(tmp_path: Path) -> None:
    with account(tmp_path, switches={"include_lifecycle": "lifecycle_stages"}) as (crm, rehearsal):
        crm.write("lead", [Draft("plain", {"last_name": "No feed in the key", "contact_status": "New"})])
        with pytest.raises(Refused, match="cannot be told apart"):
            list(crm.sweep("contact"))
        told = client(rehearsal, settings={"lifecycle_include": "lifecycle_stages"})
        assert (len(list(told.sweep("lead"))), len(list(told.sweep("contact")))) == (1, 0)


def test_every_wait_of_the_client_can_be_shown(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, rehearsal):
        waits: list[Wait] = []
        crm.on_wait(waits.append)
        crm.metadata()
        rehearsal.order_fault("429", path="/bulk_upsert")
        crm.write("contact", [Draft("p:contacts:1", {"last_name": "W"})])
        assert [wait.reason for wait in waits] == ["the destination asked to wait"]


def test_a_sweep_reads_every_page(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, _):
        for start in range(0, 230, 100):
            part = range(start, min(start + 100, 230))
            crm.write("contact", [Draft(f"p:contacts:{n}", {"last_name": "P", "mobile_number": str(n)}) for n in part])
        assert sorted(by_key(crm.sweep("contact"))) == sorted(f"p:contacts:{n}" for n in range(230))


def test_a_find_gives_full_records_and_no_partial_ones(suite: tuple[Freshsales, Rehearsal]) -> None:
    crm, _ = suite
    crm.write("contact", [Draft(f"p:contacts:f{n}", {"last_name": "F", "emails": f"f{n}@find.example"}) for n in range(3)])
    found = crm.find("contact", "emails", ["F1@find.example", "nobody@find.example"])
    assert [record.key for record in found] == ["p:contacts:f1"]
    assert crm.find("contact", "external_id", ["p:contacts:f2"])[0].values["emails"] == "f2@find.example"
    with pytest.raises(SpecError, match="no field"):
        crm.find("contact", "nothing", ["x"])


def test_a_deleted_record_leaves_no_trace_and_is_gone_twice_without_complaint(suite: tuple[Freshsales, Rehearsal]) -> None:
    crm, rehearsal = suite
    number = crm.write("deal", [Draft("p:deals:gone", {"name": "Gone", "amount": 1})])[0].id
    assert crm.delete("deal", [number]) == [Outcome(number, "done", number)]
    assert crm.delete("deal", [number]) == [Outcome(number, "done", number)]
    assert crm.read("deal", [number]) == []
    assert number not in str(rehearsal.dump()["recycle_bin"])


def test_without_the_purge_a_deleted_record_stays_in_the_recycle_bin(tmp_path: Path) -> None:
    with account(tmp_path, settings={"purge_on_rollback": False, "bulk_contact_key": "single"}) as (crm, rehearsal):
        number = crm.write("contact", [Draft("p:contacts:1", {"last_name": "Bin"})])[0].id
        crm.delete("contact", [number])
        assert number in str(rehearsal.dump()["recycle_bin"])


@pytest.mark.parametrize("mode", ["external_id", "emails", "single"])
def test_each_way_of_keying_contacts_makes_each_of_them_once(tmp_path: Path, mode: str) -> None:
    with account(tmp_path, settings={"bulk_contact_key": mode}) as (crm, _):
        drafts = [Draft(f"p:contacts:{n}", {"last_name": "M", "emails": f"m{n}@x.example"}) for n in range(3)]
        drafts.append(Draft("p:contacts:9", {"last_name": "No address"}))
        for _ in range(2):
            outcomes = [outcome for draft in drafts for outcome in crm.write("contact", [draft])]
            if mode != "emails":  # a contact without an address has no key there, and the second one is refused
                assert {outcome.state for outcome in outcomes} == {"done"}
        assert sorted(by_key(crm.sweep("contact"))) == ["p:contacts:0", "p:contacts:1", "p:contacts:2", "p:contacts:9"]


@pytest.mark.parametrize("setting", ["labels", "joined"])
@pytest.mark.parametrize("out", ["string", "array"])
def test_several_choices_read_back_as_a_list_however_they_travel(tmp_path: Path, setting: str, out: str) -> None:
    with account(tmp_path, switches={"multi_select_out": out}, settings={"multi_select": setting}) as (crm, _):
        provision(crm, ["deal"])
        crm.write("deal", [Draft("p:deals:1", {"name": "M", "amount": 1, "campaign_channels__c": ["Display", "Google Ads"]})])
        assert by_key(crm.sweep("deal"))["p:deals:1"].values["campaign_channels__c"] == ["Display", "Google Ads"]


def test_a_classic_lead_is_a_record_of_its_own(tmp_path: Path) -> None:
    with account(tmp_path, edition="classic") as (crm, _):
        provision(crm, list(SPEC.objects))
        assert {plan.object for plan in crm.extra_fields(SPEC.objects)} == {"sales_account", "lead", "deal"}
        metadata = crm.metadata()
        status = metadata.find("lead", "contact_status")
        assert status is not None and status.choices
        values = {"last_name": "Old", "emails": "old@x.example", "contact_status": status.choices[0], "promio_lead_id__c": "L9"}
        assert crm.write("lead", [Draft("p:leads:1", values)])[0].state == "done"
        record = by_key(crm.sweep("lead"))["p:leads:1"]
        assert shown(record, list(values)) == values
        assert list(crm.sweep("contact")) == []
        assert crm.delete("lead", [record.id])[0].state == "done"
        assert list(crm.sweep("lead")) == []


def test_fields_that_have_to_be_made_by_hand_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with account(tmp_path, switches={"field_create": "refuse"}) as (crm, rehearsal):
        with pytest.raises(Refused, match=r"Promio Customer ID|may not do this"):
            crm.create_field(ROUTE.custom_fields[0])
        by_hand = client(rehearsal, settings={"field_creation": "checklist"})
        with pytest.raises(Refused, match="made by hand") as caught:
            by_hand.create_field(ROUTE.custom_fields[0])
        assert "administrator" in caught.value.todo
        with pytest.raises(Refused, match="Migration Key"):
            crm.write("deal", [Draft("p:deals:1", {"name": "D", "amount": 1})])


def test_a_field_that_was_taken_away_is_no_longer_known(tmp_path: Path) -> None:
    plan = ROUTE.custom_fields[1]
    with account(tmp_path) as (crm, _):
        live = crm.create_field(plan)
        assert live.choices == plan.choices and crm.metadata().find("contact", plan.name)
        assert crm.delete_field(live).state == "done"
        assert crm.delete_field(live).state == "done"
        assert crm.metadata().find("contact", plan.name) is None


def test_a_wrong_key_a_wrong_address_and_a_wrong_setting_are_told_apart(suite: tuple[Freshsales, Rehearsal]) -> None:
    crm, rehearsal = suite
    assert crm.check() is None
    with pytest.raises(WrongKey, match="does not know this key"):
        client(rehearsal, key="another").check()
    wrong = Account(rehearsal.url.replace("/api", "/nowhere/api"), Secret(TOKEN), "suite", time_scale=SCALE)
    with pytest.raises(EngagementError, match="no Freshsales account"):
        connect(SPEC, wrong).check()
    with pytest.raises(SpecError, match="setting"):
        client(rehearsal, settings={"bulk_row": 5})
    with pytest.raises(SpecError, match="edition"):
        client(rehearsal, edition="enterprise")


def test_the_account_limit_is_kept_without_being_told_off(tmp_path: Path) -> None:
    with account(tmp_path, switches={"minute_cap": "40"}, settings={"minute_allowance": 40}) as (crm, rehearsal):
        for _ in range(100):
            crm.check()
        log = rehearsal.log()
        assert len(log) >= 100 and not (log["status"] == 429).any()


def test_one_client_serves_several_threads(suite: tuple[Freshsales, Rehearsal]) -> None:

    crm, _ = suite

    def make(number: int) -> Outcome:
        return crm.write("deal", [Draft(f"p:deals:t{number}", {"name": "T", "amount": number})])[0]

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(make, range(30)))
    assert {outcome.state for outcome in outcomes} == {"done"}
    assert len({outcome.id for outcome in outcomes}) == 30


@settings(max_examples=60, deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**11), max_value=10**11))
def test_a_number_has_one_plain_text_however_it_was_written(number: object) -> None:
    text = plain_number(number)
    forms: list[Callable[[], object]] = [lambda: text, lambda: f"{text}.0" if "." not in text else f"{text}0"]
    assert {plain_number(form()) for form in forms} == {text}
    assert "E" not in text and (("." not in text) or not text.endswith("0"))


@pytest.mark.parametrize("value", ["", "1,200", "$5", "1e", "NaN", "Infinity", True, None, "50%"])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is no number"):
        plain_number(value)
