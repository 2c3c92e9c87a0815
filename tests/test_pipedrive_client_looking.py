"""The looks of the Pipedrive client: lists from a mark, twins, values, what hangs on a record, and what was deleted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pipedrive_client_account import (
    FIELDS,
    LISTED,
    SPEC,
    account,
    ask,
    by_key,
    client,
    least,
    written,
)

from workbench.destinations import Draft
from workbench.destinations.pipedrive import Pipedrive
from workbench.errors import SpecError
from workbench.rehearsal import Rehearsal


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pipedrive, Rehearsal]]:
    with account(tmp_path_factory.mktemp("house"), declared=FIELDS) as (crm, rehearsal):
        yield crm, rehearsal


# ---------------------------------------------------------------- looking


def test_everything_made_after_a_mark_is_swept_from_it(tmp_path: Path) -> None:
    with account(tmp_path, settings={"page_rows": 4}) as (crm, _):
        for object_ in LISTED:
            values = least(crm, object_)
            for place in range(3):
                written(crm, object_, f"p:{object_}:before{place}", values)
            mark = crm.newest(object_)
            assert list(crm.sweep(object_, since=mark)) == []
            made = [written(crm, object_, f"p:{object_}:after{place}", values) for place in range(10)]
            after = list(crm.sweep(object_, since=mark))
            assert sorted(after, key=lambda record: int(record.id)) == made
            keys = [record.key for record in made]
            assert {record.id for record in crm.bearing(object_, keys[2:9], since=mark)} == {record.id for record in made[2:9]}
            assert crm.bearing(object_, keys[:1]) == made[:1]
            assert len(list(crm.sweep(object_))) == len({record.id for record in crm.sweep(object_)}) >= 13


def test_an_empty_account_has_a_mark_that_everything_comes_after(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, _):
        assert {object_: crm.newest(object_) for object_ in LISTED} == dict.fromkeys(LISTED, "0")
        record = written(crm, "organization", "p:orgs:1", {"name": "First"})
        assert list(crm.sweep("organization", since="0")) == [record]


def test_twins_are_all_shown(house: tuple[Pipedrive, Rehearsal]) -> None:
    crm, _ = house
    for object_ in LISTED:
        mark, values = crm.newest(object_), least(crm, object_, f"Twin {object_}")
        made = [written(crm, object_, f"p:{object_}:twin", values) for _ in range(2)]
        other = written(crm, object_, f"p:{object_}:TWIN", values)  # a key of its own, whatever a search thinks of case
        for since in ("", mark):
            found = crm.bearing(object_, {f"p:{object_}:twin"}, since=since)
            assert sorted(record.id for record in found) == sorted(record.id for record in made)
            assert other.id not in {record.id for record in found}


def test_an_archived_deal_is_read_and_swept_all_the_same(house: tuple[Pipedrive, Rehearsal]) -> None:
    crm, rehearsal = house
    made = [written(crm, "deal", f"p:deals:archived{place}", {"title": "Archived"}) for place in range(6)]
    ask(rehearsal, "PATCH", f"api/v2/deals/{made[0].id}", {"is_archived": True})
    assert made[0].key in by_key(crm.sweep("deal"))
    assert [record.id for record in crm.read("deal", [record.id for record in made])] == [record.id for record in made]
    assert [record.id for record in crm.bearing("deal", [made[0].key])] == [made[0].id]


def test_notes_are_all_swept_though_some_are_deleted_meanwhile(tmp_path: Path) -> None:
    with account(tmp_path, settings={"page_rows": 5}) as (crm, _):
        org = written(crm, "organization", "p:orgs:1", {"name": "Noted"}).id
        made = [written(crm, "note", f"p:notes:{place}", {"content": "N", "organization": org}).id for place in range(24)]
        seen = []
        for place, record in enumerate(crm.sweep("note")):
            seen.append(record.id)
            if place in (3, 9):
                assert {outcome.state for outcome in crm.delete("note", made[place - 3 : place + 1])} == {"done"}
        assert seen == made


def test_a_thousand_persons_are_swept_in_two_pages(tmp_path: Path) -> None:
    with account(tmp_path) as (crm, rehearsal):
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda n: crm.write("person", [Draft(f"p:persons:{n}", {"name": f"P {n}"})])[0], range(1000)))
        assert {outcome.state for outcome in made} == {"done"}
        start = len(rehearsal.log())
        swept = list(crm.sweep("person"))
        assert [record.id for record in swept] == [str(n) for n in range(1, 1001)]
        assert {record.key: record.id for record in swept} == {outcome.key: outcome.id for outcome in made}
        assert list(rehearsal.log()["tokens"][start:]) == [10, 10]
        assert len(crm.read("person", [outcome.id for outcome in made])) == 1000
        assert list(rehearsal.log()["tokens"][start + 2 :]) == [10] * 10


@pytest.mark.parametrize("way", ["listing", "search"])
def test_records_are_found_by_a_value_whatever_its_case(house: tuple[Pipedrive, Rehearsal], way: str) -> None:
    crm, rehearsal = house
    finder = client(rehearsal, settings={"find_by": way}, declared=FIELDS)
    values = {"name": f"Found {way}", "emails": [f"first.{way}@x.example", f"Second.{way}@x.example"], "text__c": f"Val {way}"}
    person = written(crm, "person", f"p:persons:found{way}", values)
    org = written(crm, "organization", f"p:orgs:found{way}", {"name": f"Found {way} GmbH"})
    assert finder.find("person", "emails", [f"second.{way.upper()}@X.example", "nobody@x.example"]) == [person]
    assert finder.find("person", "text__c", [f"VAL {way}"]) == [person]
    assert finder.find("organization", "name", [f" found {way} gmbh ", ""]) == [org]
    assert finder.find("organization", "name", []) == []
    with pytest.raises(SpecError, match="no field"):
        finder.find("person", "nonsense", ["x"])


@pytest.mark.parametrize("way", ["counters", "lists"])
def test_what_hangs_on_a_record_is_told(house: tuple[Pipedrive, Rehearsal], way: str) -> None:
    crm, rehearsal = house
    teller = client(rehearsal, settings={"children": way})
    org = written(crm, "organization", f"p:orgs:{way}", {"name": "Above"}).id
    assert teller.children("organization", org) == []
    person = written(crm, "person", f"p:persons:{way}", {"name": "Below", "organization": org}).id
    deal = written(crm, "deal", f"p:deals:{way}", {"title": "Below", "organization": org, "person": person}).id
    task = written(crm, "activity", f"p:activities:{way}", {"subject": "Below", "deal": deal, "organization": org}).id
    note = written(crm, "note", f"p:notes:{way}", {"content": "Below", "deal": deal, "organization": org}).id
    assert teller.children("organization", org) == [("person", person), ("deal", deal), ("activity", task), ("note", note)]
    assert teller.children("person", person) == [("deal", deal)]
    assert teller.children("deal", deal) == [("activity", task), ("note", note)]
    assert teller.children("activity", task) == teller.children("note", note) == teller.children("organization", "999") == []
    ask(rehearsal, "POST", f"v1/notes/{note}/comments", {"content": "seen"})
    assert [kind for kind, _ in teller.children("note", note)] == ["comment"]
    lead = ask(rehearsal, "POST", "v1/leads", {"title": "L", "person_id": int(person), "organization_id": int(org)})["data"]
    assert isinstance(lead, dict)
    time.sleep(0.1)  # longer than the list of leads is taken to be true here
    assert teller.children("person", person)[-1] == teller.children("organization", org)[-1] == ("lead", lead["id"])


def test_deleted_records_are_gone_and_may_be_deleted_again(house: tuple[Pipedrive, Rehearsal]) -> None:
    crm, _ = house
    for object_ in SPEC.objects:
        made = [written(crm, object_, f"p:{object_}:gone{place}", least(crm, object_, f"Gone {place}")) for place in range(6)]
        ids = [record.id for record in made]
        assert [outcome.state for outcome in crm.delete(object_, [*ids, ids[0]])] == ["done"] * 7
        assert crm.read(object_, ids) == [] and crm.read(object_, ids[:1]) == []
        assert not {record.id for record in crm.sweep(object_)} & set(ids)
        assert crm.bearing(object_, [record.key for record in made]) == []


def test_a_record_that_a_lagging_list_lacks_is_read_all_the_same(tmp_path: Path) -> None:
    with account(tmp_path, switches={"list_lag_seconds": "3600000"}) as (crm, _):  # an hour of ours
        made = [written(crm, "person", f"p:persons:{place}", {"name": "New"}) for place in range(6)]
        assert list(crm.sweep("person")) == []
        assert crm.read("person", [record.id for record in made]) == made
