"""Rows that share a name with each other, or with a record that was there before, are never merged into it: F24."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fault_history import MARKERS
from fault_loads import CASTS, ENGAGEMENT, Scene
from fault_processes import TOKEN, StandInProcess

from workbench.destinations import Draft, Outcome
from workbench.ledger import Guard, Ledger
from workbench.ledger.operations import Intent, operations
from workbench.specs import CustomField
from workbench.store import open_store

WAYS = [("freshsales", {"bulk_marker": "unique"}), ("freshsales", {}), ("pipedrive", {})]
"""Freshsales' batches name rows by our own field once a probe has shown that it will do; by their name before that."""
FRESH_HEADER = {"Authorization": f"Token token={TOKEN}"}


@contextmanager
def account(folder: Path, vendor: str, settings: Mapping[str, str]) -> Iterator[tuple[StandInProcess, Scene, Guard]]:
    with StandInProcess(vendor, folder / "tenant.db", switches={"limits": "off"}) as stand_in:
        sizes = tuple(1 for _ in CASTS[vendor].kinds)
        scene = Scene(vendor, stand_in.url, folder / "workbench.db", sizes, settings=settings)
        store = open_store(scene.store)
        ledger = Ledger(store, engagement_id=ENGAGEMENT)
        guard = ledger.guard(scene.destination(ledger), settle_seconds=scene.settle_seconds)
        for plan in guard.extra_fields([kind.object for kind, _ in scene.kinds]):
            guard.create_field(plan)
        yield stand_in, scene, guard
        store.dispose()


def standing(stand_in: StandInProcess, scene: Scene) -> dict[str, Mapping[str, Any]]:
    """Id → body of the firms that stand."""
    found: dict[str, Mapping[str, Any]] = stand_in.dump()["records"].get(scene.cast.kinds[0].shelf, {})
    return found


def one_to_one(stand_in: StandInProcess, scene: Scene, outcomes: list[Outcome]) -> None:
    """Each row that was done has a record of its own that bears its key; no record stands for two."""
    dump, kind = stand_in.dump(), scene.cast.kinds[0]
    keys = [MARKERS[scene.vendor](dump, kind, body) for body in standing(stand_in, scene).values()]
    done = [outcome.key for outcome in outcomes if outcome.state == "done"]
    assert sorted(key for key in keys if key) == sorted(done)


@pytest.mark.parametrize(("vendor", "settings"), WAYS)
def test_f24_two_rows_of_one_name_are_never_one_record(vendor: str, settings: Mapping[str, str], tmp_path: Path) -> None:
    with account(tmp_path, vendor, settings) as (stand_in, scene, guard):
        drafts = [Draft(f"s:firms:{n}", {"name": "Namesake Ltd", "city": city}) for n, city in enumerate(("Oslo", "Bergen"))]
        outcomes = guard.write(scene.cast.kinds[0].object, drafts)
        guard.certify(scene.cast.kinds[0].object)
        one_to_one(stand_in, scene, outcomes)
        assert {outcome.state for outcome in outcomes} <= {"done", "rejected"}
        assert outcomes[0].state == "done"


@pytest.mark.parametrize(("vendor", "settings"), WAYS)
def test_f24_a_record_that_was_there_before_is_not_taken_over_by_a_namesake(
    vendor: str, settings: Mapping[str, str], tmp_path: Path
) -> None:
    with account(tmp_path, vendor, settings) as (stand_in, scene, guard):
        _made_by_hand(stand_in, vendor)
        before = standing(stand_in, scene)
        outcomes = guard.write(scene.cast.kinds[0].object, [Draft("s:firms:1", {"name": "Namesake Ltd", "city": "Bergen"})])
        after = standing(stand_in, scene)
        assert len(before) == 1 and {number: after[number] for number in before} == before
        one_to_one(stand_in, scene, outcomes)


def test_f24_rows_named_by_their_name_are_one_row_each_whatever_the_batch_and_the_spelling(tmp_path: Path) -> None:
    with account(tmp_path, "freshsales", {}) as (stand_in, scene, guard):
        object_ = scene.cast.kinds[0].object
        first = guard.write(object_, [Draft("s:firms:1", {"name": "Namesake Ltd"})])
        second = guard.write(
            object_, [Draft("s:firms:2", {"name": "NAMESAKE ltd "}), Draft("s:firms:3", {"name": "Other Ltd"})]
        )
        assert [outcome.state for outcome in (*first, *second)] == ["done", "rejected", "done"]
        assert "s:firms:1" in second[0].words and "name" in second[0].words
        one_to_one(stand_in, scene, [*first, *second])


def test_f24_a_batch_named_by_name_costs_one_look_for_a_hundred(tmp_path: Path) -> None:
    with account(tmp_path, "freshsales", {}) as (stand_in, scene, guard):
        object_ = scene.cast.kinds[0].object
        guard.write(object_, [Draft("s:firms:0", {"name": "Firm"})])
        before = stand_in.requests()
        guard.inner.write(object_, [Draft(f"s:firms:{n}", {"name": f"Firm {n}"}) for n in range(1, 101)])
        asked = stand_in.log(before)["path"]
        assert sum("filtered_search" in path for path in asked) == 1
        assert all("filtered_search" in path or "bulk_upsert" in path or "job_statuses" in path for path in asked)


def _made_by_hand(stand_in: StandInProcess, vendor: str) -> None:
    place = urlsplit(stand_in.url)
    path, body, headers = {
        "freshsales": ("/sales_accounts", {"sales_account": {"name": "Namesake Ltd", "city": "Oslo"}}, FRESH_HEADER),
        "pipedrive": ("/api/v2/organizations", {"name": "Namesake Ltd"}, {"x-api-token": TOKEN}),
    }[vendor]
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    connection.request("POST", place.path + path, json.dumps(body), {**headers, "Content-Type": "application/json"})
    assert connection.getresponse().status in (200, 201)
    connection.close()


def _fields(stand_in: StandInProcess) -> list[str]:
    return sorted(field["name"] for field in stand_in.dump()["records"].get("customFields", {}).values())


SEGMENT = CustomField(object="organization", name="segment__c", label="Segment", type="text")


def test_f10_a_field_that_a_proxy_made_twice_stands_once_and_both_are_in_the_ledger(tmp_path: Path) -> None:
    with account(tmp_path, "pipedrive", {}) as (stand_in, _, guard):
        before = _fields(stand_in)
        stand_in.order_fault("replay", path="organizationFields", more={"method": "POST"})
        live = guard.create_field(SEGMENT)
        assert _fields(stand_in) == sorted([*before, "Segment"])
        assert [field.id for field in guard.metadata([SEGMENT]).fields if field.label == "Segment"] == [live.id]
        rows = [
            row for row in guard.ledger.operations.where(operations.c.object == "organization") if "Segment" in str(row.payload)
        ]
        assert [(row.verb, row.state) for row in rows] == [("create_field", "done"), ("delete_field", "done")]
        assert guard.create_field(SEGMENT) == live


def test_f10_a_field_of_the_same_label_that_was_there_before_is_nobodys_twin(tmp_path: Path) -> None:
    with account(tmp_path, "pipedrive", {}) as (stand_in, _, guard):
        theirs = guard.inner.create_field(SEGMENT)
        stand_in.order_fault("replay", path="organizationFields", more={"method": "POST"})
        ours = guard.create_field(SEGMENT)
        assert {field.id for field in guard.alike(SEGMENT)} == {theirs.id, ours.id}


def test_f10_a_run_that_ended_before_it_saw_the_twin_of_its_field_leaves_that_to_the_next(tmp_path: Path) -> None:
    with account(tmp_path, "pipedrive", {}) as (stand_in, _, guard):
        before = _fields(stand_in)
        theirs = guard.inner.create_field(SEGMENT)
        payload = SEGMENT.model_dump(mode="json")
        intent = Intent("organization", "organization/segment__c", "create_field", payload, pre={"alike": [theirs.id]})
        guard.ledger.operations.open("a batch of a run that was killed", [intent])
        made = [guard.inner.create_field(SEGMENT) for _ in range(2)]
        ours = guard.create_field(SEGMENT)
        assert ours.name == "segment__c" and ours.id in {each.id for each in made}
        assert {field.id for field in guard.alike(SEGMENT)} == {theirs.id, ours.id}
        assert _fields(stand_in) == sorted([*before, "Segment", "Segment"])


def test_f10_a_twin_made_seconds_later_is_an_untouched_copy_all_the_same(tmp_path: Path) -> None:
    with account(tmp_path, "pipedrive", {}) as (stand_in, scene, guard):
        object_ = scene.cast.kinds[0].object
        draft = Draft("s:firms:1", {"name": "Namesake Ltd"})
        guard.write(object_, [draft])
        time.sleep(1.1)  # the moment of making is told in seconds
        guard.inner.write(object_, [draft])
        certificate = guard.certify(object_)
        assert certificate.holds and len(standing(stand_in, scene)) == 1
