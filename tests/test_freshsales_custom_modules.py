"""Records of custom modules of Freshsales by their schema, and what the API cannot make: modules, pipelines, activity types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from freshsales_objects import SPEC, Crm, by_key, comes_and_goes, crm, loses_no_answer, not_made, round_trip, states

from workbench.destinations import Draft
from workbench.errors import Refused
from workbench.specs import CustomField

FIELDS = [
    CustomField(object="cm_ticket", name="contact", label="Contact", type="lookup"),
    CustomField(object="cm_ticket", name="deal", label="Deal", type="lookup"),
    CustomField(object="cm_ticket", name="status__c", label="Ticket status", type="picklist", choices=("Open", "Größe – 2")),
    CustomField(object="cm_ticket", name="body__c", label="Conversation", type="long_text"),
    CustomField(object="cm_ticket", name="hours__c", label="Hours", type="decimal"),
    CustomField(object="cm_ticket", name="opened__c", label="Opened on", type="date"),
    CustomField(object="cm_ticket", name="urgent__c", label="Urgent", type="boolean"),
]


def admin_makes(there: Crm, entity: str = "cm_ticket", one: str = "Ticket", many: str = "Tickets") -> None:
    body = {"singular_name": one, "plural_name": many, "entity_name": entity, "icon": "ticket"}
    there.person("POST", "settings/module_customizations", {"module_customization": body})


def provision(there: Crm) -> None:
    client = there.client()
    for plan in [*FIELDS, *client.extra_fields(["cm_ticket"])]:
        client.create_field(plan)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    with crm(tmp_path_factory.mktemp("modules"), declared=FIELDS) as made:
        admin_makes(made)
        provision(made)
        yield made


def ticket(there: Crm, name: str = "Leak") -> dict[str, object]:
    return {
        "name": name, "contact": there.parents["contact"], "deal": there.parents["deal"], "status__c": "Größe – 2",
        "body__c": "one\ntwo", "hours__c": "1.5", "opened__c": "2019-02-28", "urgent__c": True,
        "owner": there.client().metadata().users[0].id,
    }  # fmt: skip


def test_a_record_of_a_module_reads_back_as_it_was_sent(there: Crm) -> None:
    round_trip(there, "cm_ticket", ticket(there))


def test_the_fields_of_a_module_are_made_and_told_with_its_choices(there: Crm) -> None:
    metadata = there.client().metadata()
    live = metadata.find("cm_ticket", "status__c")
    assert live is not None and live.choices == ("Open", "Größe – 2") and live.custom
    own = {field.name for field in metadata.fields if field.object == "cm_ticket"}
    assert {"name", "owner", "migration_key__c", *(plan.name for plan in FIELDS)} <= own
    held = {row["label"]: row for row in there.records("fields").values() if row["object"] == "cm_ticket"}
    assert held["Contact"]["target"] == "contacts" and held["Deal"]["target"] == "deals"


def test_records_of_a_module_are_swept_page_by_page_changed_and_found(tmp_path: Path) -> None:
    with crm(tmp_path, declared=FIELDS, settings={"page_rows": 4}) as there:
        admin_makes(there)
        provision(there)
        client = there.client()
        assert (
            states(client.write("cm_ticket", [Draft(f"p:tickets:{n}", ticket(there, f"T{n}")) for n in range(10)]))
            == ["done"] * 10
        )
        there.person("POST", "custom_module/cm_ticket", {"cm_ticket": {"name": "theirs"}})
        swept = list(there.client().sweep("cm_ticket"))
        assert sorted(str(record.values["name"]) for record in swept) == sorted([*(f"T{n}" for n in range(10)), "theirs"])
        number = by_key(swept)["p:tickets:3"].id
        assert client.write("cm_ticket", [Draft("p:tickets:3", {"hours__c": "7", "contact": None}, number)])[0].state == "done"
        (record,) = there.client().read("cm_ticket", [number])
        assert (record.values["hours__c"], record.values["contact"], record.values["name"]) == ("7", None, "T3")
        assert [each.key for each in client.find("cm_ticket", "name", ["t5"])] == ["p:tickets:5"]
        assert client.newest("cm_ticket") and list(client.sweep("cm_ticket", since=client.newest("cm_ticket")))


def test_a_lost_answer_is_settled_by_a_look(there: Crm) -> None:
    loses_no_answer(there, "cm_ticket", ticket(there), "/custom_module/cm_ticket")
    not_made(there, "cm_ticket", ticket(there), "/custom_module/cm_ticket")


def test_a_rollback_leaves_the_account_as_it_was(tmp_path: Path) -> None:
    with crm(tmp_path, declared=FIELDS) as there:
        admin_makes(there)
        provision(there)
        comes_and_goes(there, "cm_ticket", [Draft(f"p:tickets:{n}", ticket(there, f"T{n}")) for n in range(4)])
        assert not there.rehearsal.dump()["recycle_bin"].get("cm_ticket")


def test_a_view_of_another_name_is_a_setting(tmp_path: Path) -> None:
    views = {"views_modules": "cm_site=All Sites; cm_ticket=All Cases"}
    with crm(tmp_path, declared=FIELDS, settings=views) as there:
        admin_makes(there, one="Case", many="Cases")
        provision(there)
        round_trip(there, "cm_ticket", ticket(there))


@pytest.mark.parametrize("plan", ["growth", "enterprise"])
def test_a_module_that_is_not_there_is_named_and_the_rest_of_the_account_works(tmp_path: Path, plan: str) -> None:
    with crm(tmp_path, declared=FIELDS, switches={"plan": plan}) as there:
        client = there.client()
        assert not [field for field in client.metadata().fields if field.object == "cm_ticket"]
        assert [plan.object for plan in client.extra_fields(["cm_ticket", "deal"])] == ["deal"]
        with pytest.raises(Refused, match="no custom module cm_ticket") as caught:
            client.write("cm_ticket", [Draft("p:tickets:1", {"name": "T"})])
        assert "administrator" in caught.value.todo
        on = {"contact": there.parents["contact"]}
        assert client.write("note", [Draft("p:notes:1", {"description": "n", **on})])[0].state == "done"


@pytest.mark.parametrize("object_", ["task", "note", "file", "product", "deal_product"])
def test_what_can_have_no_field_of_ones_own_says_so(there: Crm, object_: str) -> None:
    with pytest.raises(Refused, match="no fields of one's own"):
        there.client().create_field(CustomField(object=object_, name="x__c", label="X", type="text"))


def test_every_object_of_the_file_is_shown_with_its_fields(there: Crm) -> None:
    metadata = there.client().metadata()
    made = {"cm_subscription", "cm_site", "cm_installed_asset"}
    for name, spec in SPEC.objects.items():
        own = {field.name for field in metadata.fields if field.object == name}
        missing = {field.name for field in spec.fields if not field.splits} - own
        assert name in made or not missing, (name, missing)
    types = metadata.find("sales_activity", "type")
    assert types is not None and {"Imported call", "Imported e-mail"} <= set(types.choices)
    assert metadata.pipelines["Campaigns"][:2] == ("Draft", "Scheduled")


def test_on_the_suite_a_note_on_a_lead_is_shown_as_one_on_a_contact(there: Crm) -> None:
    client = there.client()
    client.write("lead", [Draft("p:leads:1", {"last_name": "L", "emails": "l@x.example", "contact_status": "New"})])
    number = by_key(client.sweep("lead"))["p:leads:1"].id
    (outcome,) = client.write("note", [Draft("p:notes:lead", {"description": "about a lead", "lead": number})])
    assert outcome.id.startswith(f"contacts/{number}/")
    (record,) = client.read("note", [outcome.id])
    assert (record.values["contact"], record.values["lead"]) == (number, None)


def test_on_classic_notes_tasks_and_files_hang_on_leads(tmp_path: Path) -> None:
    with crm(tmp_path, edition="classic") as there:
        lead = str(there.person("POST", "leads", {"lead": {"last_name": "L", "email": "l@x.example"}})["lead"]["id"])
        round_trip(there, "note", {"description": "about a lead", "lead": lead}, key="p:notes:lead")
        moment = "2024-03-31T01:30:00+00:00"
        round_trip(there, "task", {"title": "t", "due_date": moment, "lead": lead}, key="p:tasks:lead")
        client = there.client()
        assert {record.key for record in client.sweep("note")} == {"p:notes:lead"}
