"""What the engine guards: other people's files, its memory, its limits when clocks go wrong, and every byte that comes in."""

from __future__ import annotations

import json
import os
import resource
import socket
import sqlite3
import stat
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from workbench.errors import EditError, SpecError, WorkbenchError
from workbench.rehearsal import TENANTS, Rehearsal, copies, dump, running
from workbench.rehearsal.engine import Call, Clock, Cost, House, Limiter, State, Switches, Window
from workbench.rehearsal.engine.bodies import parsed
from workbench.rehearsal.engine.limits import CLOCK_SWITCHES, LIMIT_SWITCHES
from workbench.rehearsal.freshsales import FIRST_IDS, SWITCHES, open_stand_in

KEY = "rehearsal-key-7f3a"
HEADERS = {"freshsales": {"Authorization": f"Token token={KEY}"}, "pipedrive": {"x-api-token": KEY}}
LOOKS = {"freshsales": "/selector/owners", "pipedrive": "/api/v2/pipelines"}
MAKES = {"freshsales": "/contacts", "pipedrive": "/api/v2/persons"}
MEBIBYTE = 1024 * 1024
HOUR = 3600 * 400_000.0  # a moment at which fixed hours begin


def client(stand_in: Rehearsal, vendor: str = "freshsales") -> httpx.Client:
    return httpx.Client(base_url=stand_in.url, headers=HEADERS[vendor], trust_env=False, timeout=60)


def made(http: httpx.Client, vendor: str, name: str) -> httpx.Response:
    body = {"last_name": name, "email": f"{name}@x.example"} if vendor == "freshsales" else {"name": name}
    return http.post(MAKES[vendor], json=body)


def names(tenant: dict[str, dict[str, dict[str, dict[str, str]]]], vendor: str) -> list[str]:
    kind, key = ("contacts", "last_name") if vendor == "freshsales" else ("persons", "name")
    return [body[key] for body in tenant["records"].get(kind, {}).values()]


FIELD = {
    "freshsales": [{"object": "contacts", "label": "Roof Area", "type": "text"}],
    "pipedrive": [{"object": "person", "label": "Roof Area", "type": "varchar"}],
}


def shown(http: httpx.Client, vendor: str) -> str:
    """The fields of a person as the API tells them, less what only repeats their names."""
    path = "/settings/contacts/fields" if vendor == "freshsales" else "/api/v2/personFields?limit=200"
    answer = http.get(path)
    assert answer.status_code == 200, answer.text
    rows = answer.json()["fields" if vendor == "freshsales" else "data"]
    return " ".join(str(row.get("label") or row.get("field_name")) for row in rows)


@pytest.fixture(scope="module", params=["freshsales", "pipedrive"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Rehearsal]]:
    state = tmp_path_factory.mktemp(request.param) / "s.sqlite"
    switches = {"limits": "off", "file_megabytes": "1"}
    with running(request.param, state=state, token=KEY, time_scale=1000, switches=switches) as stand_in:
        yield request.param, stand_in


# ---------------------------------------------------------------- clocks that are set back


@pytest.mark.parametrize("rolling", [True, False])
def test_a_clock_that_is_set_back_neither_frees_nor_closes_a_window_for_longer(rolling: bool) -> None:
    limits, cost = Limiter([Window("w", 60, 2, rolling=rolling)], Clock(), count_refused=False), Cost(("w",))
    assert [limits.take(HOUR + 90_000 + second, cost).passed for second in (1, 2)] == [True, True]
    refused = limits.take(HOUR, cost)
    assert not refused.passed
    assert refused.spent is not None
    assert refused.spent.reset == 60
    assert [limits.take(HOUR + second, cost).passed for second in (59, 61, 62, 63)] == [False, True, True, False]


@pytest.mark.parametrize("vendor", ["freshsales", "pipedrive"])
def test_a_restart_with_the_clock_set_back_knows_no_requests_of_the_future(tmp_path: Path, vendor: str) -> None:
    state = tmp_path / "s.sqlite"
    tight = {"minute_cap": "3"} if vendor == "freshsales" else {"plan": "lite", "ignored_429": "1"}
    with (
        running(vendor, state=state, token=KEY, switches={**tight, "skew_seconds": "86400"}) as ahead,
        client(ahead, vendor) as http,
    ):
        assert {http.get(LOOKS[vendor]).status_code for _ in range(24)} >= {200, 429}
    with running(vendor, state=state, token=KEY, switches=tight) as stand_in, client(stand_in, vendor) as http:
        answers = [http.get(LOOKS[vendor]) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert all(int(answer.headers["x-ratelimit-reset"]) <= 3600 for answer in answers)


# ---------------------------------------------------------------- files of others


def test_a_lock_file_of_another_program_keeps_what_it_holds(tmp_path: Path) -> None:
    lock = tmp_path / "uv.lock"
    lock.write_text("version = 1\n")
    State(tmp_path / "uv", first_ids={}).close()
    assert lock.read_text() == "version = 1\n"


@pytest.mark.parametrize("name", [".s.db.rehearsal-lock", "s.db.lock", "s.db"])
@pytest.mark.parametrize("content", ["of somebody else\n", ""])
def test_nothing_is_written_through_a_link(tmp_path: Path, name: str, content: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text(content)
    (tmp_path / name).symlink_to(victim)
    if name == "s.db.lock":
        State(tmp_path / "s.db", first_ids={}).close()
    else:
        with pytest.raises(EditError) as told:
            State(tmp_path / "s.db", first_ids={})
        assert "link" in str(told.value) or "not a database" in str(told.value)
    assert victim.read_text() == content


def test_a_link_to_nothing_makes_no_file_there(tmp_path: Path) -> None:
    (tmp_path / "s.db").symlink_to(tmp_path / "nothing")
    with pytest.raises(EditError, match="no tenant of a rehearsal"), running("freshsales", state=tmp_path / "s.db", token=KEY):
        pass
    assert not (tmp_path / "nothing").exists()


def test_a_link_to_a_state_leads_to_it_and_shares_its_lock(tmp_path: Path) -> None:
    State(tmp_path / "s.db", first_ids={}).close()
    (tmp_path / "other.db").symlink_to(tmp_path / "s.db")
    by_link = State(tmp_path / "other.db", first_ids={})
    with pytest.raises(EditError, match="another rehearsal"):
        State(tmp_path / "s.db", first_ids={})
    by_link.close()
    State(tmp_path / "s.db", first_ids={}).close()
    assert (tmp_path / "other.db").is_symlink()


def test_copies_are_for_their_owner_alone_and_follow_no_link(tmp_path: Path) -> None:
    State(tmp_path / "s.db", first_ids={}).close()
    victim, tenant, log = tmp_path / "victim", tmp_path / "t.json", tmp_path / "log.csv"
    victim.write_text("of somebody else\n")
    tenant.symlink_to(victim)
    log.write_text("older")
    log.chmod(0o644)
    copies(tmp_path / "s.db", tenant=tenant, log=log)
    assert victim.read_text() == "of somebody else\n"
    assert json.loads(tenant.read_text())["records"] == {}
    assert log.read_text().startswith("n,at,method,path")
    for file in (tenant, log):
        assert stat.S_IMODE(file.lstat().st_mode) == 0o600
    assert {file.name for file in tmp_path.iterdir()} >= {"t.json", "log.csv", "s.db", "victim"}
    assert not [file for file in tmp_path.iterdir() if file.name.startswith((".t.json", ".log.csv"))]
    with pytest.raises(EditError, match="cannot be written"):
        copies(tmp_path / "s.db", tenant=tmp_path / "no folder" / "t.json")


def test_a_module_beside_a_notebook_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tomllib", "uvicorn", "sqlite3"):
        (tmp_path / f"{name}.py").write_text(f"open('was-run-{name}', 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", os.environ.get("PYTHONPATH", "")]))
    with running("freshsales", state=Path("s.db"), token=KEY) as stand_in, client(stand_in) as http:
        assert http.get(LOOKS["freshsales"]).status_code == 200
    assert not [file.name for file in tmp_path.iterdir() if file.name.startswith("was-run")]


# ---------------------------------------------------------------- what comes in


def spoken(stand_in: Rehearsal, head: str, *, body: bytes) -> bytes:
    """The answer to a request that is written by hand, whose body is never sent whole."""
    url = httpx.URL(stand_in.url)
    with socket.create_connection((url.host, url.port or 0), timeout=60) as wire:
        wire.sendall(head.encode() + b"\r\n\r\n" + body)
        said = b""
        while not said.partition(b"\r\n\r\n")[2]:
            said += wire.recv(65_536)
        return said


def head(stand_in: Rehearsal, vendor: str, *lines: str, host: str = "", key: bool = True) -> str:
    url = httpx.URL(stand_in.url)
    path = url.path.rstrip("/") + MAKES[vendor]
    given = [f"{name}: {value}" for name, value in HEADERS[vendor].items()] if key else []
    return "\r\n".join((f"POST {path} HTTP/1.1", f"Host: {host or f'127.0.0.1:{url.port}'}", *given, *lines))


HUGE = f"Content-Length: {600 * MEBIBYTE}"


def test_a_body_is_awaited_from_nobody_without_the_key(served: tuple[str, Rehearsal]) -> None:
    vendor, stand_in = served
    assert b" 401 " in spoken(stand_in, head(stand_in, vendor, HUGE, key=False), body=b"{").partition(b"\r\n")[0]
    assert b" 421 " in spoken(stand_in, head(stand_in, vendor, HUGE, host="evil.example"), body=b"{")
    own = "POST /__rehearsal__/faults HTTP/1.1\r\nHost: 127.0.0.1\r\n" + HUGE
    assert b" 401 " in spoken(stand_in, own, body=b"{")
    if vendor == "pipedrive":  # its OAuth paths ask for no key, so they take little
        assert b" 413 " in spoken(stand_in, f"POST /oauth/token HTTP/1.1\r\nHost: 127.0.0.1\r\n{HUGE}", body=b"a")


def test_a_body_that_is_too_large_is_refused_in_words(served: tuple[str, Rehearsal]) -> None:
    vendor, stand_in = served
    said = spoken(stand_in, head(stand_in, vendor, HUGE), body=b"{")
    assert b" 413 " in said.partition(b"\r\n")[0]
    assert b"67,108,864 bytes at most" in said
    with client(stand_in, vendor) as http:
        pieces = (b" " * MEBIBYTE for _ in range(66))  # in chunks, so that nothing tells the length
        answer = http.post(MAKES[vendor], content=pieces)
        assert (answer.status_code, "bytes at most" in answer.text) == (413, True)
        assert http.get(LOOKS[vendor]).status_code == 200  # on the same connection
    assert 413 in list(stand_in.log()["status"])


def peak(stand_in: Rehearsal) -> int:
    """The most memory in bytes that the process of the stand-in ever had."""
    lines = Path(f"/proc/{stand_in.process.pid}/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="tells memory as Linux does")
def test_memory_holds_one_body_and_none_without_the_key(tmp_path: Path) -> None:
    size = 50 * MEBIBYTE
    blanks = b"{}" + b" " * (size - 2)
    with (
        running("freshsales", state=tmp_path / "s.db", token=KEY, switches={"limits": "off"}) as stand_in,
        client(stand_in) as http,
    ):
        before = peak(stand_in)
        assert http.post("/contacts", content=blanks, headers={"Authorization": "Token token=wrong"}).status_code == 401
        assert peak(stand_in) - before < 8 * MEBIBYTE
        assert http.post("/contacts", content=blanks).status_code == 400
        assert peak(stand_in) - before < 1.5 * size


def test_another_port_in_the_host_is_not_ours(served: tuple[str, Rehearsal]) -> None:
    vendor, stand_in = served
    port = httpx.URL(stand_in.url).port
    with client(stand_in, vendor) as http:
        for host, status in (
            ("127.0.0.1:1", 421), ("localhost:1", 421), ("127.0.0.1", 200), (f"localhost:{port}", 200), ("", 421),
        ):  # fmt: skip
            assert http.get(LOOKS[vendor], headers={"Host": host}).status_code == status, host


NO_JSON = [
    b"{", b'{"a":NaN}', b'{"a":-Infinity}', b'{"a":1e999}', b'{"a":' + b"9" * 400 + b".0}", b'{"a":"\\ud800"}',
    b'{"a":"\\udc00\\ud800"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xff"}', b"[" * 100_000, b'{"a":' * 900 + b"1" + b"}" * 900,
    b'{"a":1}x', b"{'a':1}", b'{"a":01}', '{"a":1}'.encode("utf-16"),
]  # fmt: skip


@pytest.mark.parametrize("body", NO_JSON, ids=lambda body: repr(body[:16]))
def test_what_is_no_json_is_refused_in_the_vendors_words(served: tuple[str, Rehearsal], body: bytes) -> None:
    vendor, stand_in = served
    with client(stand_in, vendor) as http:
        answer = http.post(MAKES[vendor], content=body)
    assert answer.status_code == 400, answer.text
    said = answer.json()
    assert (
        said["errors"]["message"] == ["The request body is not valid JSON"] if vendor == "freshsales" else not said["success"]
    )


def test_what_is_json_is_read_to_the_letter() -> None:
    values: tuple[object, ...] = ({"a": ["😀", "\u0000", 1.5, -0.0, 10**30, 1e300, 2**63, None, True, ""]}, [], {}, "x", 0)
    for value in values:
        assert repr(parsed(json.dumps(value).encode())) == repr(value)
        assert repr(parsed(json.dumps(value, ensure_ascii=False).encode())) == repr(value)
    assert parsed(b'\xef\xbb\xbf{"a": 1E+100}') == {"a": 1e100}


def test_a_retry_after_that_no_header_can_hold_is_refused_in_words(served: tuple[str, Rehearsal]) -> None:
    vendor, stand_in = served
    for text in ("3\r\nx-evil: 1", "3 €", "\x00", " 3", "3\n"):
        with pytest.raises(WorkbenchError, match="printable ASCII"):
            stand_in.order_fault("429", retry_after=text)
    with pytest.raises(WorkbenchError, match="seconds from 0"):
        stand_in.order_fault("429", seconds=1e18)
    with (
        pytest.raises(SpecError, match="printable ASCII"),
        running(vendor, state=stand_in.state, token=KEY, faults=["429,retry_after=3 €"]),
    ):
        pass
    stand_in.order_fault("429", retry_after="Wed, 21 Oct 2026 07:28:00 GMT", method="GET")
    with client(stand_in, vendor) as http:
        answer = http.get(LOOKS[vendor])
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "Wed, 21 Oct 2026 07:28:00 GMT")
        assert http.get(LOOKS[vendor]).status_code == 200


# ---------------------------------------------------------------- what is done stays done


def test_a_lost_job_is_done_though_every_question_after_it_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "s.db"
    switches = {"limits": "off", "job_seconds": "1"}
    with (
        running("freshsales", state=state, token=KEY, time_scale=1000, switches=switches, faults=["job_lost"]) as stand_in,
        client(stand_in) as http,
    ):
        rows = [{"emails": f"{n}@x.example", "data": {"last_name": f"L{n}"}} for n in range(5)]
        url = http.post("/contacts/bulk_upsert", json={"contacts": rows}).json()["job_status_url"]
        time.sleep(0.05)
        assert {http.get(url).status_code for _ in range(3)} == {404}
        stand_in.process.kill()  # nothing but the questions has had a chance to do the job
        stand_in.process.wait()
    assert sorted(names(dump(state), "freshsales")) == [f"L{n}" for n in range(5)]


@pytest.mark.parametrize("vendor", ["freshsales", "pipedrive"])
def test_a_full_disk_costs_no_answered_record_and_is_told_in_the_vendors_words(tmp_path: Path, vendor: str) -> None:
    state, unlimited = tmp_path / "s.db", (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    with running(vendor, state=state, token=KEY, time_scale=1000, switches={"limits": "off"}) as stand_in:
        with client(stand_in, vendor) as http:
            before = [name for n in range(3) if made(http, vendor, name := f"before{n}").status_code in (200, 201)]
            pid = stand_in.process.pid
            resource.prlimit(pid, resource.RLIMIT_FSIZE, ((tmp_path / "s.db-wal").stat().st_size, resource.RLIM_INFINITY))
            refused = [made(http, vendor, f"refused{n}") for n in range(3)] + [http.get(LOOKS[vendor])]
            if vendor == "freshsales":
                refused.append(http.post("/contacts/bulk_upsert", json={"contacts": [{"email": "a@x.example", "data": {}}]}))
            with pytest.raises(WorkbenchError, match="cannot be written"):
                stand_in.admin_create_fields(FIELD[vendor])
            resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
            assert shown(http, vendor).count("Roof Area") == 0
            stand_in.admin_create_fields(FIELD[vendor])
            assert shown(http, vendor).count("Roof Area") == 1
            after = [name for n in range(3) if made(http, vendor, name := f"after{n}").status_code in (200, 201)]
        found = names(stand_in.dump(), vendor)
    assert [answer.status_code for answer in refused] == [500] * len(refused)
    assert all("success" in answer.json() or "errors" in answer.json() for answer in refused)
    assert (len(before), len(after)) == (3, 3)
    assert sorted(found) == sorted(before + after)


def test_a_job_waits_until_there_is_room_for_all_its_rows(tmp_path: Path) -> None:
    state, most = tmp_path / "s.db", 400
    switches = {"limits": "off", "job_seconds": "1", "bulk_max": "5000"}
    with running("freshsales", state=state, token=KEY, time_scale=1000, switches=switches) as stand_in:
        with client(stand_in) as http:
            rows = [{"email": f"{n}@x.example", "data": {"last_name": f"L{n}", "job_title": "x" * 200}} for n in range(most)]
            size = (tmp_path / "s.db-wal").stat().st_size
            resource.prlimit(stand_in.process.pid, resource.RLIMIT_FSIZE, (size + 400_000, resource.RLIM_INFINITY))
            url = http.post("/contacts/bulk_upsert", json={"contacts": rows}).json()["job_status_url"]
            time.sleep(0.2)
            assert http.get(url).status_code == 500
            resource.prlimit(stand_in.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            done = http.get(url).json()
        assert json.loads(done["data"])["record_status"] == {"succeeded": most, "failed": 0}, done["data"][:500]
        assert sorted(names(stand_in.dump(), "freshsales")) == sorted(f"L{n}" for n in range(most))


@pytest.mark.parametrize("kind", ["contacts", "sales_accounts"])
@pytest.mark.parametrize("room", [0, 4, 12])
def test_a_row_that_finds_no_room_is_no_row_that_failed(tmp_path: Path, kind: str, room: int) -> None:
    tenant = tomllib.loads((TENANTS / "freshsales_suite.toml").read_text())
    switches = Switches(
        (*SWITCHES, *LIMIT_SWITCHES, *CLOCK_SWITCHES), {"job_seconds": "0", "job_seconds_per_row": "0", "bulk_max": "250"}
    )
    with closing(State(tmp_path / "s.db", first_ids=FIRST_IDS)) as state:
        vendor = open_stand_in(House(state, Clock(), switches, tenant))
        named = [n - 5 if n % 10 == 9 else n for n in range(250)]  # every tenth row changes the one five before it
        rows = [{"name": f"L{n}", "data": {"address": "x" * 200}} for n in named]
        if kind == "contacts":
            rows = [{"emails": f"{n}@x.example", "data": {"last_name": f"L{n}", "address": "x" * 200}} for n in named]
        path = ("crm", "sales", "api", kind, "bulk_upsert")
        call = Call("POST", path, {}, {}, json.dumps({kind: rows}).encode(), "http://127.0.0.1", 1e9)
        with state.transaction():
            vendor.answer(call)
        pages = state.db.execute("PRAGMA page_count").fetchone()[0]
        state.db.execute(f"PRAGMA max_page_count = {pages + room}")
        for _ in range(2):
            with pytest.raises(sqlite3.OperationalError, match="full"), state.transaction():
                vendor.settle(1e9 + 1)
            assert state.count("kind = ?", (kind,)) == 0
        state.db.execute("PRAGMA max_page_count = 1000000")
        with state.transaction():
            vendor.settle(1e9 + 2)
        assert state.count("kind = ?", (kind,)) == 225
        assert state.known(kind, "name" if kind != "contacts" else "email", "l7" if kind != "contacts" else "7@x.example")
