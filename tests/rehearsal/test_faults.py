"""Every row of the fault matrix that a server can play: what the client sees of it, and what the tenant holds afterwards."""

from __future__ import annotations

import datetime
import email.utils
import json
import signal
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from workbench.errors import SpecError, WorkbenchError
from workbench.rehearsal import Rehearsal, faults, running
from workbench.rehearsal.engine.faults import FAULTS, wish

KEY = "rehearsal-key-7f3a"
QUICK = {"limits": "off", "job_seconds": "1"}
Started = Callable[..., tuple[Rehearsal, httpx.Client]]


def client(stand_in: Rehearsal, *, timeout: float = 60.0) -> httpx.Client:
    headers = {"Authorization": f"Token token={KEY}"}
    return httpx.Client(base_url=stand_in.url, headers=headers, trust_env=False, timeout=timeout)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    state = tmp_path_factory.mktemp("faults") / "state.sqlite"
    with running("freshsales", state=state, token=KEY, time_scale=1000, switches=QUICK) as stand_in:
        yield stand_in


@pytest.fixture
def api(suite: Rehearsal) -> Iterator[httpx.Client]:
    with client(suite) as http:
        yield http


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """Starts stand-ins with faults of their own, and stops them."""
    open_ones: list[Any] = []

    def start(*specs: str, seed: int = 0, **switched: str) -> tuple[Rehearsal, httpx.Client]:
        state = tmp_path / f"state-{len(open_ones)}.sqlite"
        manager = running(
            "freshsales", state=state, token=KEY, time_scale=1000, switches={**QUICK, **switched}, faults=specs, seed=seed
        )
        stand_in = manager.__enter__()
        http = client(stand_in)
        open_ones.append((manager, http))
        return stand_in, http

    yield start
    for manager, http in open_ones:
        http.close()
        manager.__exit__(None, None, None)


def post(http: httpx.Client, name: str) -> httpx.Response:
    mail = f"{name.replace(' ', '-')}@brightroof.example"
    return http.post("/contacts", json={"contact": {"last_name": name, "email": mail}})


def held(stand_in: Rehearsal, name: str, kind: str = "contacts") -> int:
    """How many records of the tenant bear this name."""
    found = stand_in.dump()["records"].get(kind, {}).values()
    return sum(name in (body.get("last_name"), body.get("name")) for body in found)


def met(stand_in: Rehearsal, since: int) -> list[str]:
    return [str(fault) for fault in stand_in.log(since)["fault"].dropna()]


def lines(stand_in: Rehearsal) -> int:
    return len(stand_in.log())


# ---------------------------------------------------------------- F1 to F4: the connection


def test_f1_a_reset_before_the_commit_leaves_nothing(suite: Rehearsal, api: httpx.Client) -> None:
    suite.order_fault("drop_before", path="contacts")
    with pytest.raises(httpx.ReadError, match="reset"):
        post(api, "F1")
    assert held(suite, "F1") == 0


def test_f2_a_reset_after_the_commit_leaves_the_record(suite: Rehearsal, api: httpx.Client) -> None:
    suite.order_fault("drop_after", path="contacts")
    with pytest.raises(httpx.ReadError, match="reset"):
        post(api, "F2")
    assert held(suite, "F2") == 1


def test_f3_a_late_commit_comes_though_the_client_has_gone(suite: Rehearsal) -> None:
    suite.order_fault("late", seconds=2.0)
    with client(suite, timeout=0.2) as hasty, pytest.raises(httpx.ReadTimeout):
        post(hasty, "F3")
    assert held(suite, "F3") == 0
    _wait(lambda: held(suite, "F3") == 1)


def test_f3_a_client_that_waits_gets_the_answer_of_a_late_commit(suite: Rehearsal, api: httpx.Client) -> None:
    suite.order_fault("late", seconds=0.3)
    begun = time.monotonic()
    assert post(api, "F3 patient").status_code == 200
    assert time.monotonic() - begun >= 0.3
    assert held(suite, "F3 patient") == 1


def test_f4_a_commit_may_come_after_the_client_has_looked_and_sent_again(suite: Rehearsal, api: httpx.Client) -> None:
    suite.order_fault("late", path="notes", seconds=2.0)
    number = post(api, "F4").json()["contact"]["id"]
    note = {"note": {"description": "F4", "targetable_type": "Contact", "targetable_id": number}}
    with client(suite, timeout=0.2) as hasty, pytest.raises(httpx.ReadTimeout):
        hasty.post("/notes", json=note)
    assert len(api.get(f"/contacts/{number}/notes").json()["notes"]) == 0
    assert api.post("/notes", json=note).status_code == 200
    _wait(lambda: len(api.get(f"/contacts/{number}/notes").json()["notes"]) == 2)


@pytest.mark.parametrize(("kind", "left"), [("hang_before", 0), ("hang_after", 1)])
def test_f3_a_request_that_is_never_answered_ends_in_a_time_out(suite: Rehearsal, kind: str, left: int) -> None:
    suite.order_fault(kind)
    with client(suite, timeout=0.3) as hasty, pytest.raises(httpx.ReadTimeout):
        post(hasty, kind)
    assert held(suite, kind) == left


def test_a_server_that_holds_requests_still_ends_at_once(started: Started) -> None:
    stand_in, _ = started("hang_before", "late,method=GET,seconds=600")
    with _connected(stand_in) as one, _connected(stand_in) as other:
        one.sendall(_request(stand_in, "POST /crm/sales/api/contacts"))
        other.sendall(_request(stand_in, "GET /crm/sales/api/selector/owners"))
        time.sleep(0.2)
        stand_in.stop()
    assert stand_in.process.returncode != -signal.SIGKILL  # which comes to who does not end by himself


# ---------------------------------------------------------------- F5 to F8: refusals


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("none", lambda text: text is None),
        ("seconds", lambda text: text == "7"),
        ("date", lambda text: 5 <= _ahead(text) <= 9),
        ("past", lambda text: -3605 <= _ahead(text) <= -3595),
        ("soon", lambda text: text == "soon"),
        ("86400", lambda text: text == "86400"),
        ("-1", lambda text: text == "-1"),
    ],
)
def test_f5_a_429_comes_in_every_form(
    suite: Rehearsal, api: httpx.Client, form: str, said: Callable[[str | None], bool]
) -> None:
    suite.order_fault("429", retry_after=form, seconds=7)
    answer = post(api, f"F5 {form}")
    assert answer.status_code == 429
    assert said(answer.headers.get("retry-after")), answer.headers
    assert (answer.headers["x-ratelimit-remaining"], answer.headers["x-ratelimit-reset"]) == ("0", "7")
    assert held(suite, f"F5 {form}") == 0


def test_f5_a_storm_deals_out_all_forms_in_turn(started: Started) -> None:
    stand_in, http = started("429,retry_after=mixed,times=7")
    answers = [post(http, "F5 storm") for _ in range(8)]
    assert [answer.status_code for answer in answers] == [429] * 7 + [200]
    assert [answer.headers.get("retry-after") for answer in answers][4:] == ["soon", "86400", "-1", None]
    assert held(stand_in, "F5 storm") == 1


def test_f6_the_budget_of_the_day_is_gone_while_the_burst_has_some_left(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    with running("pipedrive", state=state, token=KEY, faults=["429_daily,method=any,after=1,times=2"]) as stand_in:
        headers = {"x-api-token": KEY}
        with httpx.Client(base_url=stand_in.url, headers=headers, trust_env=False) as http:
            answers = [http.get("/v1/users/me") for _ in range(4)]
        fault = stand_in.log()["fault"].fillna("")
    assert [answer.status_code for answer in answers] == [200, 429, 429, 200]
    for answer in answers[1:3]:
        assert answer.headers["x-daily-ratelimit-token-remaining"] == "0"
        assert int(answer.headers["x-ratelimit-remaining"]) > 0
        assert answer.json()["success"] is False
    assert int(answers[3].headers["x-daily-ratelimit-token-remaining"]) > 0
    assert list(fault) == ["", "429_daily", "429_daily", ""]


def test_f7_a_gateway_refuses_with_a_page(suite: Rehearsal, api: httpx.Client) -> None:
    suite.order_fault("403_page")
    answer = post(api, "F7")
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert "Cloudflare" in answer.text
    assert held(suite, "F7") == 0


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(("phase", "left"), [("before", 0), ("after", 1)])
def test_f8_a_server_error_leaves_the_record_or_nothing(
    suite: Rehearsal, api: httpx.Client, status: int, phase: str, left: int
) -> None:
    name = f"F8 {status} {phase}"
    suite.order_fault(f"{status}_{phase}")
    answer = post(api, name)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/json" if status == 500 else "text/html")
    assert held(suite, name) == left


# ---------------------------------------------------------------- F9: bodies


def test_f9_a_body_is_cut_with_the_right_length(suite: Rehearsal, api: httpx.Client) -> None:
    suite.order_fault("truncated")
    answer = post(api, "F9-truncated")
    assert answer.status_code == 200
    assert len(answer.content) == int(answer.headers["content-length"])
    _no_json(answer.content)
    assert held(suite, "F9-truncated") == 1


@pytest.mark.parametrize(("kind", "words"), [("cut_length", "expected"), ("cut_chunked", "chunked")])
def test_f9_a_body_is_cut_off_on_its_way(suite: Rehearsal, api: httpx.Client, kind: str, words: str) -> None:
    suite.order_fault(kind)
    with pytest.raises(httpx.RemoteProtocolError, match=words):
        post(api, kind)
    assert held(suite, kind) == 1


def test_f9_a_small_body_unpacks_to_more_than_64_mebibytes(suite: Rehearsal, api: httpx.Client) -> None:
    suite.order_fault("gzip_bomb")
    unpacker, packed, size = zlib.decompressobj(wbits=31), 0, 0
    body = {"contact": {"last_name": "F9-bomb", "email": "f9-bomb@brightroof.example"}}
    with api.stream("POST", "/contacts", json=body) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        for part in answer.iter_raw():
            packed += len(part)
            size += len(unpacker.decompress(part))
    assert unpacker.eof
    assert packed < 1024 * 1024
    assert size > 64 * 1024 * 1024
    assert held(suite, "F9-bomb") == 1


def test_f9_a_page_comes_with_status_200(suite: Rehearsal, api: httpx.Client) -> None:
    suite.order_fault("html_200")
    answer = post(api, "F9-html")
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/html")
    assert held(suite, "F9-html") == 1


def test_f9_a_whole_body_is_no_json(suite: Rehearsal, api: httpx.Client) -> None:
    suite.order_fault("invalid_json")
    answer = post(api, "F9-invalid")
    _no_json(answer.content)
    assert len(answer.content) == int(answer.headers["content-length"])
    assert held(suite, "F9-invalid") == 1


def test_f9_a_success_lacks_the_id(suite: Rehearsal, api: httpx.Client) -> None:
    suite.order_fault("no_id")
    answer = post(api, "F9-no-id")
    assert answer.status_code == 200
    assert answer.json()["contact"]["last_name"] == "F9-no-id"
    assert b'"id"' not in answer.content
    assert held(suite, "F9-no-id") == 1


def test_f9_an_accepted_job_lacks_its_address(suite: Rehearsal, api: httpx.Client) -> None:
    suite.order_fault("no_id", path="bulk_upsert")
    answer = _bulk(api, "no-address", 1)
    assert answer.status_code == 202
    assert "job_status_url" not in answer.json()
    _wait(lambda: held(suite, "no-address-0") == 1)


# ---------------------------------------------------------------- F10, F11: proxies


def test_f10_a_proxy_replays_a_request(suite: Rehearsal, api: httpx.Client) -> None:
    since = lines(suite)
    suite.order_fault("replay", path="/deals")
    answer = api.post("/deals", json={"deal": {"name": "F10", "amount": 1}})
    assert answer.status_code == 200
    first, second = sorted(int(n) for n, body in suite.dump()["records"]["deals"].items() if body["name"] == "F10")
    assert answer.json()["deal"]["id"] == first < second
    assert met(suite, since) == ["replay", "replay"]


def test_f11_a_request_is_told_what_an_earlier_one_was(suite: Rehearsal, api: httpx.Client) -> None:
    earlier = post(api, "F11-earlier").json()
    suite.order_fault("swapped", path="/contacts")
    answer = post(api, "F11-later")
    assert answer.json() == earlier
    assert held(suite, "F11-later") == 1


def test_f11_a_swapped_answer_is_of_the_same_method_and_kind_of_path(started: Started) -> None:
    stand_in, http = started("swapped=1,path=/contacts,method=any,after=2")
    ids = [post(http, name).json()["contact"]["id"] for name in ("one", "two")]
    assert http.get(f"/contacts/{ids[0]}").json()["contact"]["id"] == ids[0]  # there is no earlier answer of this kind
    assert http.get(f"/contacts/{ids[1]}").json()["contact"]["id"] == ids[0]
    assert met(stand_in, 0) == ["swapped"]


# ---------------------------------------------------------------- F12, F13: jobs


@pytest.mark.parametrize(("share", "lost"), [(0.01, 1), (0.5, 10), (1.0, 20)])
def test_f12_a_share_of_the_rows_of_a_job_is_refused(suite: Rehearsal, api: httpx.Client, share: float, lost: int) -> None:
    name = f"F12-{lost}"
    suite.order_fault("job_rows", rows=share)
    report = _ended(api, _bulk(api, name, 20))
    failed = {row["emails"] for row in report["detailed_failure_report"]}
    kept = {f"{name}-{n}" for n in range(20) if held(suite, f"{name}-{n}")}
    assert report["record_status"] == {"succeeded": 20 - lost, "failed": lost}
    assert len(failed) == lost
    assert {mail.partition("@")[0] for mail in failed} | kept == {f"{name}-{n}" for n in range(20)}
    assert len(kept) == 20 - lost


def test_f12_the_rows_of_a_report_come_in_another_order(suite: Rehearsal, api: httpx.Client) -> None:
    def report() -> list[str]:
        rows = [{"cf_no_such": str(n), "data": {"last_name": "x"}} for n in range(6)]
        job = _ended(api, api.post("/contacts/bulk_upsert", json={"contacts": rows}))
        return [row["cf_no_such"] for row in job["detailed_failure_report"]]

    in_order = report()
    suite.order_fault("job_shuffled")
    shuffled = report()
    assert in_order == [str(n) for n in range(6)]
    assert shuffled != in_order
    assert sorted(shuffled) == in_order


def test_f13_a_job_never_ends(suite: Rehearsal, api: httpx.Client) -> None:
    since = lines(suite)
    suite.order_fault("job_stuck")
    answer = _bulk(api, "F13-stuck", 2)
    time.sleep(0.3)
    for _ in range(3):
        assert api.get(answer.json()["job_status_url"]).json()["status"] == "IN_PROGRESS"
    assert held(suite, "F13-stuck-0") == 0
    assert met(suite, since) == ["job_stuck"]


def test_f13_the_status_of_a_job_is_not_found_though_it_is_done(suite: Rehearsal, api: httpx.Client) -> None:
    suite.order_fault("job_lost")
    answer = _bulk(api, "F13-lost", 1)
    assert api.get(answer.json()["job_status_url"]).status_code == 404
    _wait(lambda: held(suite, "F13-lost-0") == 1)
    assert api.get(answer.json()["job_status_url"]).status_code == 404


def test_f13_a_job_ends_long_after(suite: Rehearsal, api: httpx.Client) -> None:
    suite.order_fault("job_late", seconds=2.0)
    answer = _bulk(api, "F13-late", 1)
    time.sleep(0.2)
    assert api.get(answer.json()["job_status_url"]).json()["status"] == "IN_PROGRESS"
    assert held(suite, "F13-late-0") == 0
    assert _ended(api, answer)["record_status"] == {"succeeded": 1, "failed": 0}
    assert held(suite, "F13-late-0") == 1


def test_f13_a_killed_server_still_knows_what_befell_its_jobs(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    with running("freshsales", state=state, token=KEY, time_scale=1000, switches=QUICK, faults=["job_lost"]) as stand_in:
        with client(stand_in) as http:
            path = _bulk(http, "kept", 1).json()["job_status_url"].partition("/api/")[2]
        stand_in.process.kill()
        stand_in.process.wait()
    with running("freshsales", state=state, token=KEY, time_scale=1000, switches=QUICK) as again, client(again) as http:
        _wait(lambda: held(again, "kept-0") == 1)
        assert http.get(f"/{path}").status_code == 404


def test_f13_the_same_batch_comes_twice(suite: Rehearsal, api: httpx.Client) -> None:
    suite.order_fault("replay", path="bulk_upsert")
    report = _ended(api, _bulk(api, "F13-twice", 3))
    assert report["record_status"] == {"succeeded": 3, "failed": 0}
    assert [held(suite, f"F13-twice-{n}") for n in range(3)] == [1, 1, 1]  # upserts find their own e-mails


# ---------------------------------------------------------------- F14: keep-alive


def test_f14_an_idle_connection_is_closed_without_having_been_told(suite: Rehearsal) -> None:
    suite.order_fault("close_idle", seconds=0.2)
    with _connected(suite) as wire:
        wire.sendall(_request(suite, "GET /crm/sales/api/selector/owners"))
        answer = _one_answer(wire)
        assert b"connection: close" not in answer.lower()
        begun = time.monotonic()
        assert wire.recv(1) == b""
        assert time.monotonic() - begun > 0.1


def test_f14_a_request_meets_the_closing_of_its_connection(suite: Rehearsal, api: httpx.Client) -> None:
    suite.order_fault("close_race", path="/contacts")
    assert post(api, "F14-first").status_code == 200
    with pytest.raises(httpx.TransportError):
        post(api, "F14-second")
    assert (held(suite, "F14-first"), held(suite, "F14-second")) == (1, 0)
    assert post(api, "F14-second").status_code == 200


# ---------------------------------------------------------------- F15, F20


def test_f15_the_key_expires_in_mid_run(started: Started) -> None:
    stand_in, http = started("expired,after=2,times=2")
    statuses = [http.get("/selector/owners").status_code, *(post(http, f"F15-{n}").status_code for n in range(4))]
    assert statuses == [200, 200, 401, 401, 200]
    assert [held(stand_in, f"F15-{n}") for n in range(4)] == [1, 0, 0, 1]


@pytest.mark.parametrize("skew", ["300", "-86400"])
def test_f20_the_clock_of_the_server_is_wrong(started: Started, skew: str) -> None:
    _, http = started(skew_seconds=skew)
    answer = post(http, "F20")
    made = email.utils.parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time()
    assert abs(made - float(skew)) < 3
    told = datetime.datetime.fromisoformat(answer.json()["contact"]["created_at"]).timestamp() - time.time()
    assert abs(told - float(skew)) < 3
    assert _ended(http, _bulk(http, "F20", 2))["record_status"]["succeeded"] == 2


def test_the_date_is_the_vendors_own_and_stands_once(suite: Rehearsal) -> None:
    with _connected(suite) as wire:
        wire.sendall(_request(suite, "GET /crm/sales/api/selector/owners"))
        assert _one_answer(wire).lower().count(b"\r\ndate:") == 1


# ---------------------------------------------------------------- specs, seeds and the log


def test_the_same_seed_and_requests_meet_the_same_faults(started: Started) -> None:
    specs = ("drop_after=0.2", "500_before=0.2,path=contacts", "429=0.1,method=POST", "truncated=0.1")

    def history(seed: int) -> list[str]:
        stand_in, http = started(*specs, seed=seed)
        for n in range(40):
            try:
                post(http, f"same-{n}")
            except httpx.TransportError:
                continue
        return [str(fault) for fault in stand_in.log()["fault"]]

    once = history(11)
    assert once == history(11)
    assert once != history(12)
    assert {"drop_after", "500_before", "429", "truncated"} <= set(once)


def test_reads_between_do_not_change_which_writes_meet_a_fault(started: Started) -> None:
    def history(reads: int) -> list[int]:
        _, http = started("500_before=0.4", seed=3)
        statuses = []
        for n in range(20):
            statuses.append(post(http, f"read-{n}").status_code)
            for _ in range(reads):
                http.get("/selector/owners")
        return statuses

    assert history(0) == history(2)


def test_a_fault_may_wait_and_may_tire(started: Started) -> None:
    _, http = started("500_before,path=contacts,after=2,times=3")
    assert [post(http, f"tired-{n}").status_code for n in range(7)] == [200, 200, 500, 500, 500, 200, 200]


def test_a_fault_keeps_to_its_method_and_path(started: Started) -> None:
    _, http = started("503_before,path=/deals,method=PUT")
    deal = http.post("/deals", json={"name": "Kept", "amount": 1}).json()["deal"]["id"]
    assert post(http, "kept").status_code == 200
    assert http.get(f"/deals/{deal}").status_code == 200
    assert http.put(f"/deals/{deal}", json={"deal": {"amount": 2}}).status_code == 503


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("drop_aftr", "there is no fault"),
        ("drop_after=1.5", "a share from 0 to 1"),
        ("drop_after=-1", "a share from 0 to 1"),
        ("drop_after=", "a share from 0 to 1"),
        ("drop_after,seconds=3", "takes path, method, times, after"),
        ("drop_after,path", "NAME=VALUE"),
        ("drop_after,times=1,times=2", "each parameter once"),
        ("drop_after,times=some", "a whole number"),
        ("late,seconds=soon", "seconds from 0 upwards"),
        ("drop_after,method=STEAL", "a method such as POST"),
        ("", "there is no fault"),
    ],
)
def test_a_fault_that_cannot_be_read_is_refused_in_words(tmp_path: Path, spec: str, words: str) -> None:
    state = tmp_path / "state.sqlite"
    with pytest.raises(SpecError) as told, running("freshsales", state=state, token=KEY, faults=[spec]):
        pass
    assert words in str(told.value)
    assert not state.exists()


@pytest.mark.parametrize(
    ("destination", "kind"), [("freshsales", "429_daily"), ("pipedrive", "job_rows"), ("pipedrive", "job_shuffled")]
)
def test_a_fault_that_the_vendor_cannot_meet_is_refused_at_the_start(tmp_path: Path, destination: str, kind: str) -> None:
    with (
        pytest.raises(SpecError, match="cannot meet"),
        running(destination, state=tmp_path / "state.sqlite", token=KEY, faults=[kind]),
    ):
        pass
    assert kind not in set(faults(destination)["name"])


def test_an_order_that_cannot_be_met_is_refused_too(suite: Rehearsal) -> None:
    for kind in ("429_daily", "no_such"):
        with pytest.raises(WorkbenchError, match=r"cannot meet|there is no fault"):
            suite.order_fault(kind)


def test_every_row_of_the_matrix_that_is_a_fault_has_a_kind() -> None:
    rows = {row for fault in FAULTS.values() for row in fault.rows}
    assert rows == {f"F{n}" for n in range(1, 16)}  # F20 and F22 are switches
    assert all(wish(name).fault is fault for name, fault in FAULTS.items())


def test_the_log_names_each_fault(suite: Rehearsal, api: httpx.Client) -> None:
    since = lines(suite)
    for kind in ("500_before", "502_after", "429", "403_page", "expired", "no_id"):
        suite.order_fault(kind, path="contacts")
        post(api, f"log-{kind}")
    logged = suite.log(since)
    assert list(logged["fault"]) == ["500_before", "502_after", "429", "403_page", "expired", "no_id"]
    assert list(logged["status"]) == [500, 200, 429, 403, 401, 200]  # what the server did, not what the client was told


# ---------------------------------------------------------------- how these tests look and ask


def _wait(true: Callable[[], bool]) -> None:
    for _ in range(1200):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come about within a minute")


def _ahead(text: str | None) -> float:
    assert text is not None
    return email.utils.parsedate_to_datetime(text).timestamp() - time.time()


def _no_json(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        json.loads(body)


def _bulk(http: httpx.Client, name: str, count: int) -> httpx.Response:
    rows = [{"emails": f"{name}-{n}@brightroof.example", "data": {"last_name": f"{name}-{n}"}} for n in range(count)]
    return http.post("/contacts/bulk_upsert", json={"contacts": rows})


def _ended(http: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    for _ in range(3000):
        job = http.get(answer.json()["job_status_url"]).json()
        if job["status"] == "SUCCESS":
            return json.loads(job["data"])
        time.sleep(0.02)
    raise AssertionError("the job did not end")


def _connected(stand_in: Rehearsal) -> socket.socket:
    url = httpx.URL(stand_in.url)
    return socket.create_connection((url.host, url.port), timeout=60)


def _request(stand_in: Rehearsal, ask: str) -> bytes:
    port = httpx.URL(stand_in.url).port
    lines = [f"{ask} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Authorization: Token token={KEY}", "Content-Length: 0"]
    return "\r\n".join([*lines, "", ""]).encode()


def _one_answer(wire: socket.socket) -> bytes:
    said = b""
    while b"\r\n\r\n" not in said:
        said += wire.recv(65536)
    head, _, body = said.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    while len(body) < length:
        body += wire.recv(65536)
    return head
