"""Promio into Freshsales Classic, where a lead is a record of its own and not a contact in a stage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tenant import Tenant, alike, wanted
from walk import Walk, cut_over, expected, fresh, load_main, stage_delta, stage_main

from workbench.flow.transfer import read_back
from workbench.rehearsal import canonical
from workbench.stages import production, provisioning, rollback

OWN = ("last_call_date__c", "last_call_duration_seconds__c", "last_call_disposition__c", "call_recording_url__c")


@pytest.fixture(scope="module")
def classic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """The whole main delivery in a Classic account, decided as for the Suite; its lists lack no option that is asked for."""
    with fresh(tmp_path_factory.mktemp("classic"), edition="classic", tenant="freshsales_classic") as walk:
        stage_main(walk.engagement)
        load_main(walk.engagement)
        yield walk


def test_on_classic_the_accounting_closes_and_everything_reads_back_clean(classic: Walk) -> None:
    """PF1 to PF8."""
    assert classic.engagement.phase("production").state == "passed"
    assert classic.engagement.load("accounting")["closes"].all()
    compared = read_back(classic.engagement)
    assert {name: (each.expected, each.wrong) for name, each in compared.items()} == {
        "accounts": (35, 0),
        "contacts": (154, 0),
        "leads": (391, 0),
        "deals": (26, 0),
    }


def test_on_classic_rows_end_as_on_the_suite(classic: Walk) -> None:
    """PF1 to PF8: the edition decides where a record stands, not whether it does."""
    accounting = classic.engagement.load("accounting").set_index("feed")
    truth = expected("summary").query("delivery == 'main'")
    for feed, bucket, count in truth[["feed", "bucket", "count"]].itertuples(index=False):
        assert int(accounting.at[feed, bucket]) == int(count)


def test_on_classic_leads_stand_under_leads_with_every_promised_value(classic: Walk) -> None:
    """PF1, PF7, PF8: and none of them among the contacts."""
    there = Tenant(classic, leads_in="leads")
    assert len(there.records["leads"]) == 391
    assert len(there.records["contacts"]) == 154
    truth = expected("records").query("delivery == 'main'")
    wrong = [
        (row.record, row.field, row.value, found)
        for row in truth.itertuples()
        if not alike(found := there.value(row.record, row.field), wanted(row.field, row.value))
    ]
    assert wrong == []


@pytest.mark.parametrize("field", OWN)
def test_on_classic_a_field_that_calls_fill_is_made_for_leads_too(classic: Walk, field: str) -> None:
    """PF7: a latest call may belong to a contact or to a lead."""
    frame = provisioning.plan(classic.engagement).frame
    assert set(frame.loc[frame["field"] == field, "object"]) == {"contact", "lead"}
    assert set(frame["state"]) == {"present"}


def test_on_classic_a_second_production_writes_nothing_and_the_rollback_leaves_an_empty_account(
    classic: Walk, tmp_path: Path
) -> None:
    """PF1 to PF8: last in this file, as it takes away what the others look at."""
    with fresh(tmp_path, edition="classic", tenant="freshsales_classic") as untouched:
        empty = canonical(untouched.tenant.dump())
    asked = classic.requests()
    assert production.run(classic.engagement).passed
    assert classic.writes(asked) == []
    stage_delta(classic.engagement)
    assert cut_over(classic.engagement).passed
    assert rollback.run(classic.engagement).done
    assert canonical(classic.tenant.dump()) == empty
