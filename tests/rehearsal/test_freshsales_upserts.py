"""Upserts of the rehearsal Freshsales, one by one and in bulk."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
from freshsales_account import Started, client, contact, finished, made, messages

from workbench.rehearsal import Rehearsal


def test_an_upsert_makes_once_and_then_changes_only_what_is_sent(api: httpx.Client) -> None:  # §4
    first = api.post(
        "/contacts/upsert",
        json={"unique_identifier": {"emails": "up@brightroof.example"}, "contact": {"city": "Akron", "last_name": "U"}},
    )
    again = api.post(
        "/contacts/upsert", json={"unique_identifier": {"emails": "UP@brightroof.example"}, "contact": {"job_title": "Owner"}}
    )

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["contact"]["id"] == again.json()["contact"]["id"]
    assert (again.json()["contact"]["city"], again.json()["contact"]["job_title"]) == ("Akron", "Owner")


def test_a_bulk_upsert_tells_failures_only_and_no_ids(api: httpx.Client) -> None:  # §3
    rows: list[dict[str, object]] = [
        {"emails": f"bulk{n}@brightroof.example", "data": {"last_name": f"B{n}"}} for n in range(98)
    ]
    rows += [
        {"emails": "bad@brightroof.example", "data": {"owner_id": 7}},
        {"external_id": "ext-b", "data": {"custom_field": {"cf_no": 1}}},
    ]

    answer = api.post("/contacts/bulk_upsert", json={"contacts": rows})
    data = finished(api, answer)

    assert data["record_status"] == {"succeeded": 98, "failed": 2}
    assert data["detailed_failure_report"] == [
        {"emails": "bad@brightroof.example", "error_message": ["Owner is invalid"]},
        {"external_id": "ext-b", "error_message": ["cf_no is not a custom field of this object"]},
    ]
    assert "id" not in json.dumps(data["record_status"])


def test_a_bulk_upsert_of_101_rows_is_refused(api: httpx.Client) -> None:  # §3 batch size
    rows = [{"name": f"Over {n}", "data": {}} for n in range(101)]

    assert api.post("/sales_accounts/bulk_upsert", json={"sales_accounts": rows}).status_code == 400


def test_too_many_jobs_at_once_answer_405(started: Started) -> None:  # §3 concurrency
    _, http = started(bulk_jobs="2", job_seconds="60", time_scale="1")
    answers = [
        http.post("/deals/bulk_upsert", json={"deals": [{"name": "D", "data": {"amount": 1}}]}).status_code for _ in range(3)
    ]

    assert answers == [202, 202, 405]


def test_a_job_is_not_done_before_its_time(started: Started) -> None:  # §3 asynchronous
    _, http = started(job_seconds="60", time_scale="1")
    answer = http.post("/sales_accounts/bulk_upsert", json={"sales_accounts": [{"name": "Later", "data": {}}]})

    job = http.get(answer.json()["job_status_url"]).json()

    assert (job["status"], job["progress"]) == ("IN_PROGRESS", 0)
    assert http.get("/lookup?q=Later&f=name&entities=sales_account").json()["sales_accounts"]["sales_accounts"] == []


def test_bulk_destroy_reaches_the_recycle_bin(api: httpx.Client) -> None:  # §3
    ids = [made(api, "/sales_accounts", name=f"Swept {n}")["id"] for n in range(3)]

    answer = api.post("/sales_accounts/bulk_destroy", json={"selected_ids": ids})
    time.sleep(0.05)

    assert set(answer.json()) == {"message"}
    assert {api.get(f"/sales_accounts/{number}").status_code for number in ids} == {404}


def test_parallel_creates_of_one_address_give_one_record(suite: Rehearsal) -> None:
    def create(number: int) -> int:
        with client(suite) as http:
            return http.post("/contacts", json={"last_name": str(number), "email": "race@brightroof.example"}).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(24)))

    assert sorted(answers) == [200] + [400] * 23


def test_identifiers_of_two_records_mean_neither_where_all_must_hold(started: Started) -> None:  # §4, §12.9
    _, http = started(upsert_identifiers="and")
    one = contact(http, email="one@brightroof.example", external_id="1")["id"]
    contact(http, email="two@brightroof.example", external_id="2")

    def upsert(address: str, external: str) -> httpx.Response:
        whom = {"emails": address, "external_id": external}
        return http.post("/contacts/upsert", json={"unique_identifier": whom, "contact": {"city": "Lima"}})

    mixed = upsert("one@brightroof.example", "2")
    assert messages(mixed) == ["Email is not unique", "ExternalId is not unique"]  # so it is taken for a new one
    assert http.get(f"/contacts/{one}").json()["contact"]["city"] is None
    assert upsert("one@brightroof.example", "1").json()["contact"]["id"] == one


def test_an_upsert_does_not_reach_into_the_bin_even_where_the_bin_holds_its_keys(started: Started) -> None:  # §4, §12.9
    _, http = started(recycle_bin_keys="held")
    one = contact(http, email="one@brightroof.example")["id"]
    http.delete(f"/contacts/{one}")
    body = {"unique_identifier": {"emails": "one@brightroof.example"}, "contact": {"city": "Lima"}}
    assert messages(http.post("/contacts/upsert", json=body)) == ["Email is not unique"]
