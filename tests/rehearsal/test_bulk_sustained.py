"""A bulk job writes its rows in a hurry, and still as if each had come alone; nothing of it is lost with the process."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.rehearsal import Rehearsal, canonical, dump, running
from workbench.rehearsal.engine import Record, State, Traits

KEY = "rehearsal-key-7f3a"
NOW = 1_800_000_000.0
FIELDS = [
    {"object": "contacts", "label": "Member no", "type": "text", "unique": True},
    {"object": "contacts", "label": "Rank", "type": "number"},
]
QUICK = {"limits": "off", "job_seconds": "0", "job_seconds_per_row": "0", "bulk_jobs": "1000"}
Row = dict[str, Any]


def client(stand_in: Rehearsal) -> httpx.Client:
    headers = {"Authorization": f"Token token={KEY}"}
    return httpx.Client(base_url=stand_in.url, headers=headers, trust_env=False, timeout=60)


@contextmanager
def tenant(state: Path) -> Iterator[tuple[Rehearsal, httpx.Client]]:
    with running("freshsales", state=state, token=KEY, time_scale=1000, switches=QUICK) as stand_in, client(stand_in) as http:
        yield stand_in, http


def bulk(http: httpx.Client, rows: Sequence[Row], kind: str = "contacts") -> Row:
    """Send a job, and return its report once it is done."""
    answer = http.post(f"/{kind}/bulk_upsert", json={kind: list(rows)})
    assert answer.status_code == 202, answer.text
    while (told := http.get(answer.json()["job_status_url"]).json())["status"] != "SUCCESS":
        time.sleep(0.01)
    report: Row = json.loads(told["data"])
    return report


def named(http: httpx.Client, field: str, value: str) -> list[int]:
    """Ids of the contacts that a search by one exact value finds."""
    rule = {"filter_rule": [{"attribute": field, "operator": "is_in", "value": value}]}
    answer = http.post("/filtered_search/contact?per_page=100", json=rule)
    assert answer.status_code == 200, answer.text
    return sorted(row["id"] for row in answer.json()["contacts"])


def person(n: int, **more: object) -> Row:
    data = {"first_name": f"Given{n % 7}", "last_name": f"Family{n % 5}", "external_id": f"ext-{n}", **more}
    return {"emails": f"Person{n}@example.com", "data": data}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[tuple[Rehearsal, httpx.Client], ...]]:
    """Two tenants of the same recipe: one is sent whole jobs, the other a job for every row."""
    folder = tmp_path_factory.mktemp("pair")
    with tenant(folder / "whole.sqlite") as whole, tenant(folder / "single.sqlite") as single:
        for stand_in, _ in (whole, single):
            stand_in.admin_create_fields(FIELDS)
        yield whole, single


few = st.integers(min_value=0, max_value=6)
mails = st.one_of(
    st.integers(min_value=0, max_value=40).map(lambda n: f"Person{n}@Example.com"), st.sampled_from(["nonsense", "", " "])
)
datas = st.fixed_dictionaries(
    {},
    optional={
        "first_name": few.map(lambda n: f"Given{n}"),
        "last_name": st.one_of(few.map(lambda n: f"Family{n}"), st.just(7), st.just(["no"]), st.just("x" * 300)),
        "external_id": few.map(lambda n: f"ext-{n}"),
        "mobile_number": few.map(lambda n: f"+1 614 555 010{n}"),
        "owner_id": st.sampled_from([None, 1, "later"]),
        "sales_account": few.map(lambda n: {"name": f"Company {n}"}),
        "custom_field": st.fixed_dictionaries(
            {},
            optional={
                "cf_member_no": few.map(lambda n: f"M{n}"),
                "cf_rank": st.sampled_from([1, 2.5, "no number", None]),
                "cf_unknown": st.just("x"),
            },
        ),
        "tags": st.sampled_from([["a", "b"], "no list"]),
    },
)
identifiers = st.one_of(
    mails.map(lambda mail: {"emails": mail}),
    few.map(lambda n: {"external_id": f"ext-{n}"}),
    few.map(lambda n: {"cf_member_no": f"M{n}"}),
    st.just({"nonsense": "x"}),
)
upserts = st.lists(st.builds(lambda name, data: {**name, "data": data}, identifiers, datas), min_size=1, max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=upserts, look=st.booleans())
def test_a_job_leaves_what_its_rows_leave_one_by_one(
    pair: tuple[tuple[Rehearsal, httpx.Client], ...], rows: list[Row], look: bool
) -> None:
    (whole, http), (single, other) = pair
    together = bulk(http, rows)
    alone = [bulk(other, [row]) for row in rows]
    failed = [failure for report in alone for failure in report["detailed_failure_report"]]
    assert together["detailed_failure_report"] == failed
    assert together["record_status"] == {"succeeded": len(rows) - len(failed), "failed": len(failed)}
    if look:  # a search puts all values where they are looked up; without one they still wait in one tenant
        assert named(http, "external_id", "ext-0") == named(other, "external_id", "ext-0")
    assert _timeless(whole) == _timeless(single)


def _timeless(stand_in: Rehearsal) -> str:
    """A tenant with the ids that it gave out and without the moments at which it did so."""
    tenant = stand_in.dump()
    counters = {kind: last for kind, last in tenant.pop("counters").items() if kind != "job"}
    told = canonical(
        tenant, volatile=("jobs", "log", "records.*.*.created_at", "records.*.*.updated_at", "records.*.*.last_assigned_at")
    )
    return told + json.dumps(counters, sort_keys=True)


def test_a_killed_server_knows_every_contact_of_every_job_by_every_value(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    with tenant(state) as (stand_in, http):
        stand_in.admin_create_fields(FIELDS)
        for start in range(0, 500, 100):
            bulk(http, [person(n, custom_field={"cf_member_no": f"M{n}"}) for n in range(start, start + 100)])
        os.kill(stand_in.process.pid, signal.SIGKILL)
        stand_in.process.wait()
    with tenant(state) as (stand_in, http):
        again = bulk(http, [person(n, job_title="Roofer") for n in range(100)])
        twice = bulk(http, [{"emails": "someone@example.com", "data": {"custom_field": {"cf_member_no": "M499"}}}])
        contacts = stand_in.dump()["records"]["contacts"]
        assert len(named(http, "name", "Given0 Family0")) == len([n for n in range(500) if n % 35 == 0])
        assert len(named(http, "cf_member_no", "M499")) == 1
    assert again["record_status"] == {"succeeded": 100, "failed": 0}
    assert twice["detailed_failure_report"][0]["error_message"] == ["Member no has already been taken"]
    assert len(contacts) == 500
    assert sum(contact.get("job_title") == "Roofer" for contact in contacts.values()) == 100


def test_a_refused_request_forgets_nothing_of_the_job_that_it_happened_to_settle(tmp_path: Path) -> None:
    with tenant(tmp_path / "state.sqlite") as (stand_in, http):
        http.post("/contacts/bulk_upsert", json={"contacts": [person(1), person(2)]})
        time.sleep(0.05)
        assert http.get("/contacts/77").status_code == 404
        assert (
            http.post("/contacts", json={"contact": {"last_name": "Late", "emails": "person1@example.com"}}).status_code == 400
        )
        report = bulk(http, [person(2, job_title="Roofer"), person(3)])
        contacts = stand_in.dump()["records"]["contacts"]
    assert report["record_status"] == {"succeeded": 2, "failed": 0}
    assert sorted(contact["external_id"] for contact in contacts.values()) == ["ext-1", "ext-2", "ext-3"]


def test_a_contact_of_a_job_can_be_changed_deleted_and_made_again_at_once(tmp_path: Path) -> None:
    with tenant(tmp_path / "state.sqlite") as (_, http):
        bulk(http, [person(n) for n in range(3)])
        first, second, _ = (named(http, "email", f"person{n}@example.com")[0] for n in range(3))
        bulk(http, [person(3)])
        assert http.put(f"/contacts/{first}", json={"contact": {"emails": "changed@example.com"}}).status_code == 200
        assert http.delete(f"/contacts/{second}").status_code == 200
        report = bulk(http, [person(1), {"emails": "Changed@example.com", "data": {"job_title": "Roofer"}}])
        assert report["record_status"] == {"succeeded": 2, "failed": 0}
        assert named(http, "email", "person0@example.com") == []
        assert named(http, "email", "changed@example.com") == [first]
        assert named(http, "email", "person1@example.com") not in ([], [second])


def test_values_of_a_deleted_field_are_free_again_after_a_job(tmp_path: Path) -> None:
    with tenant(tmp_path / "state.sqlite") as (stand_in, http):
        (field, _) = stand_in.admin_create_fields(FIELDS)
        bulk(http, [person(1, custom_field={"cf_member_no": "M1"})])
        assert http.delete(f"/settings/contacts/forms/1/fields/{field['id']}").status_code == 200
        stand_in.admin_create_fields(FIELDS[:1])
        report = bulk(http, [person(2, custom_field={"cf_member_no": "M1"}), person(1, custom_field={"cf_member_no": "M1"})])
        assert [row["emails"] for row in report["detailed_failure_report"]] == ["Person1@example.com"]
        assert len(named(http, "cf_member_no", "M1")) == 1


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State(tmp_path / "state.sqlite", first_ids={})
    yield opened
    opened.close()


def saved(state: State, number: int, value: str, *, new: bool = True, parent: int = 0) -> None:
    parents = [("things", parent)] if parent else []
    record = Record("things", number, {"value": value}, NOW, NOW)
    state.save(record, Traits(label=value, idents=[("value", value)], parents=parents), new=new)


Deed = Callable[[State], object]
DEEDS: dict[str, Deed] = {
    "nothing more": lambda state: None,
    "a change of an older record": lambda state: saved(state, 1, "changed", new=False),
    "a change of its own record": lambda state: saved(state, 10, "changed", new=False),
    "the erasure of an older record": lambda state: state.erase("things", 2),
    "a search": lambda state: state.select("id IN (SELECT id FROM ident WHERE value = 'b')", ()),
    "an attempt within": lambda state: _within(state),
    "file content": lambda state: state.keep_content("things", 1, b"x"),
    "meta": lambda state: state.set_meta("name", {"a": 1}),
    "a job": lambda state: state.promise("kind", {}, made=NOW, due=NOW),
    "its own SQL": lambda state: state.db.execute("DELETE FROM record WHERE id = 1"),
}


def _within(state: State) -> None:
    with state.attempt():
        saved(state, 11, "inner")
    with pytest.raises(LookupError), state.attempt():
        saved(state, 12, "never")
        raise LookupError
    assert state.known("things", "value", "inner") == [11]
    assert state.known("things", "value", "never") == []


@pytest.mark.parametrize("deed", DEEDS)
def test_a_failed_attempt_of_a_batch_leaves_no_trace_whatever_it_wrote(state: State, deed: str) -> None:
    with state.transaction():
        saved(state, 1, "a")
    with state.transaction(), state.batch():
        with state.attempt():
            saved(state, 2, "b")
        before = _told(state, flush=False)
        with pytest.raises(LookupError), state.attempt():
            saved(state, 10, "new", parent=1)
            DEEDS[deed](state)
            saved(state, 13, "newer", parent=2)
            assert state.known("things", "value", "newer") == [13]
            raise LookupError
        assert _told(state, flush=False) == before
        with state.attempt():
            saved(state, 3, "b")
    assert state.known("things", "value", "b") == [2, 3]
    assert state.known("things", "value", "new") == state.known("things", "value", "newer") == []
    assert _told(state) == {
        "record": [(1, '{"value":"a"}'), (2, '{"value":"b"}'), (3, '{"value":"b"}')],
        "ident": [("a", 1), ("b", 2), ("b", 3)],
        "link": [],
        "rest": [],
    }


@pytest.mark.parametrize("deed", DEEDS)
def test_a_batch_whose_transaction_fails_leaves_no_trace(state: State, deed: str) -> None:
    with state.transaction(), state.batch():
        with state.attempt():
            saved(state, 1, "a")
        with state.attempt():
            saved(state, 2, "b")
    before = _told(state, flush=False)
    with pytest.raises(LookupError), state.transaction():
        with state.batch(), state.attempt():
            saved(state, 10, "new")
            DEEDS[deed](state)
        raise LookupError
    assert _told(state, flush=False) == before
    assert [state.known("things", "value", value) for value in ("a", "b", "new", "changed")] == [[1], [2], [], []]
    assert _told(state)["ident"] == [("a", 1), ("b", 2)]


def _told(state: State, *, flush: bool = True) -> dict[str, list[Any]]:
    db = state.db if flush else state._db
    state._rows.write(state._db)  # earlier attempts' records count, whether or not they have reached their table
    rest = [*db.execute("SELECT * FROM job"), *db.execute("SELECT * FROM meta"), *db.execute("SELECT * FROM content")]
    told = {
        "record": db.execute("SELECT id, body FROM record ORDER BY id").fetchall(),
        "link": db.execute("SELECT parent, child FROM link ORDER BY 1, 2").fetchall(),
        "rest": rest,
    }
    return {**told, "ident": db.execute("SELECT value, id FROM ident ORDER BY 1, 2").fetchall()} if flush else told


def test_a_state_of_the_first_version_is_read_with_all_that_its_records_are_found_by(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    with sqlite3.connect(path) as db:
        db.executescript(FIRST_VERSION)
    db.close()
    state = State(path, first_ids={})
    try:
        assert state.known("things", "value", "a") == [1, 2]
        with state.transaction():
            saved(state, 1, "c", new=False)
            state.erase("things", 2)
        assert [state.known("things", "value", value) for value in ("a", "b", "c")] == [[], [], [1]]
        assert state.db.execute("SELECT count(*) FROM ident").fetchone() == (1,)
    finally:
        state.close()
    assert dump(path)["records"] == {"things": {"1": {"value": "c", "created_at": NOW, "updated_at": NOW}}}


FIRST_VERSION = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE counter (kind TEXT PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE record (
  kind TEXT NOT NULL, id INTEGER NOT NULL, body TEXT NOT NULL, label TEXT NOT NULL, owner INTEGER, facet TEXT,
  created REAL NOT NULL, updated REAL NOT NULL, deleted REAL, PRIMARY KEY (kind, id));
CREATE TABLE ident (
  kind TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, id INTEGER NOT NULL,
  PRIMARY KEY (kind, field, value, id)) WITHOUT ROWID;
CREATE INDEX ident_of ON ident (kind, id);
CREATE TABLE job (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, made REAL NOT NULL, due REAL NOT NULL, request TEXT NOT NULL, result TEXT);
CREATE TABLE log (
  n INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
  status INTEGER NOT NULL, ms REAL NOT NULL, bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL,
  counted INTEGER NOT NULL, fault TEXT);
INSERT INTO record VALUES ('things', 1, '{"value":"a"}', 'a', NULL, NULL, 1800000000.0, 1800000000.0, NULL);
INSERT INTO record VALUES ('things', 2, '{"value":"a"}', 'a', NULL, NULL, 1800000000.0, 1800000000.0, NULL);
INSERT INTO ident VALUES ('things', 'value', 'a', 1), ('things', 'value', 'a', 2), ('things', 'other', 'b', 2);
"""
