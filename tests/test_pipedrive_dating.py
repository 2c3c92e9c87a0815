"""Deals keep the day on which they were made: by v2, by v1, or in a field of their own, and nobody is left to guess which."""

from __future__ import annotations

from pathlib import Path

import pytest
from pipedrive_client_account import FIELDS, VALUES, account, by_hand, client, shown

from workbench.destinations import Draft, Outcome
from workbench.destinations.pipedrive import Pipedrive
from workbench.specs import CustomField

MADE = "2019-01-02T03:04:05+00:00"
ORIGINAL = CustomField(object="deal", name="original__c", label="Original created at", type="date")
OF_DEALS = [field for field in FIELDS if field.object == "deal"]


def deals(*numbers: int) -> list[Draft]:
    return [Draft(f"p:deals:{n}", {"title": f"Old {n}", "add_time": MADE}) for n in numbers]


def told(crm: Pipedrive, drafts: list[Draft]) -> list[Outcome]:
    outcomes = crm.write("deal", drafts)
    assert [(each.key, each.state) for each in outcomes] == [(draft.key, "done") for draft in drafts], outcomes
    return outcomes


def test_v1_dates_a_deal_whose_every_field_reads_back_as_it_was_sent(tmp_path: Path) -> None:
    with account(tmp_path, switches={"deal_add_time": "v1"}, declared=OF_DEALS) as (_, rehearsal):
        crm = client(rehearsal, settings={"deal_add_time": "v1"}, declared=OF_DEALS)
        owner = next(user.id for user in crm.metadata().users if user.active)
        org = crm.write("organization", [Draft("p:orgs:1", {"name": "Acme"})])[0].id
        values = {"title": "Old", "value": "1200.5", "status": "Won", "won_time": "2020-02-03T04:05:06+00:00", "owner": owner}
        values |= {"organization": org, "visible_to": "All users", "add_time": MADE}
        custom = {f"{kind}__c": value for kind, value in VALUES.items()}
        made = told(crm, [Draft("p:deals:1", {**values, **custom})])[0]  # type: ignore[dict-item]
        assert made.words == "" and made.after is None
        record = crm.read("deal", [made.id])[0]
        assert record.key == "p:deals:1"
        assert shown(record, values) == values
        assert shown(record, custom) == custom
        assert rehearsal.log().query("method == 'POST' and path == '/v1/deals'")["tokens"].tolist() == [10]


def test_the_first_refusal_by_v2_tells_for_all_deals_of_a_run(tmp_path: Path) -> None:
    with account(tmp_path, switches={"deal_add_time": "v1"}) as (_, rehearsal):
        crm = client(rehearsal, settings={"deal_add_time": "sent"})
        made = told(crm, deals(1, 2, 3))
        assert [record.values["add_time"] for record in crm.read("deal", [each.id for each in made])] == [MADE] * 3
        posts = rehearsal.log().query("method == 'POST'")
        assert posts["path"].tolist() == ["/api/v2/deals", "/v1/deals", "/v1/deals", "/v1/deals"]


@pytest.mark.parametrize("way", ["sent", "v1"])
def test_where_neither_takes_it_the_day_goes_into_its_own_field_and_that_is_told(tmp_path: Path, way: str) -> None:
    with account(tmp_path, switches={"deal_add_time": "reject"}) as (_, rehearsal):
        crm = client(rehearsal, settings={"deal_add_time": way})
        made = told(crm, deals(1))[0]
        assert made.words == "the account takes no day of making for a deal: 2019-01-02T03:04:05Z was left out"
        by_hand(rehearsal, [ORIGINAL])
        crm = client(rehearsal, settings={"deal_add_time": way}, declared=[ORIGINAL])
        made = told(crm, deals(2))[0]
        assert made.words.endswith("2019-01-02T03:04:05Z stands in Original created at")
        assert crm.read("deal", [made.id])[0].values["original__c"] == "2019-01-02"
        log = rehearsal.log()
        told(crm, deals(3))
        assert rehearsal.log(len(log))["path"].tolist() == ["/api/v2/deals"]  # what was refused once is not tried again


def test_a_deal_that_v1_would_cut_short_is_not_sent_by_it(tmp_path: Path) -> None:
    with account(tmp_path, switches={"deal_add_time": "v1"}) as (_, rehearsal):
        crm = client(rehearsal, settings={"deal_add_time": "v1"})
        label = next(field.choices for field in crm.metadata().fields if (field.object, field.name) == ("deal", "labels"))[0]
        drafts = [Draft("p:deals:1", {"title": "Hot", "labels": [label], "add_time": MADE}), *deals(2)]
        labelled, plain = told(crm, drafts)
        assert "was left out" in labelled.words and plain.words == ""
        records = crm.read("deal", [labelled.id, plain.id])
        assert records[0].values["labels"] == [label] and records[1].values["add_time"] == MADE
