"""What the workbench asks of any rehearsal, looked at on Freshsales: key, host, limits, faults, log, and survival."""

from __future__ import annotations

import os
import signal
import socket
import stat
import time
from pathlib import Path

import httpx
import pytest
from freshsales_account import FREE, KEY, Started, client, contact

from workbench.errors import EditError, PortInUse, SpecError
from workbench.rehearsal import Rehearsal, running, switches


def test_a_wrong_key_is_401_before_any_path_is_looked_at(suite: Rehearsal) -> None:
    with client(suite, key="wrong") as http:
        assert http.get("/no/such/path").status_code == 401
    bearer = httpx.get(f"{suite.url}/selector/owners", headers={"Authorization": f"Bearer {KEY}"}, trust_env=False)
    assert bearer.status_code == 401


def test_another_host_name_is_misdirected(suite: Rehearsal, api: httpx.Client) -> None:
    assert api.get("/selector/owners", headers={"Host": "evil.example"}).status_code == 421
    assert api.get("/selector/owners", headers={"Origin": "https://evil.example"}).status_code == 421
    assert "access-control-allow-origin" not in api.get("/selector/owners").headers


def test_a_taken_port_is_told_with_its_number(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with (
            pytest.raises(PortInUse, match=f"port {port} is taken"),
            running("freshsales", state=tmp_path / "s.sqlite", token=KEY, port=port),
        ):
            pass


def test_one_state_file_is_served_once(suite: Rehearsal) -> None:
    with pytest.raises(EditError, match="another rehearsal"), running("freshsales", state=suite.state, token=KEY):
        pass


def test_an_unknown_switch_or_value_is_refused(tmp_path: Path) -> None:
    for chosen in ({"no_such": "on"}, {"limits": "maybe"}):
        with pytest.raises(SpecError), running("freshsales", state=tmp_path / "s.sqlite", token=KEY, switches=chosen):
            pass


def test_every_switch_names_its_source() -> None:
    table = switches("freshsales")

    assert list(table.columns) == ["name", "default", "allowed", "meaning", "source"]
    assert table["name"].is_unique
    assert (table["source"].str.len() > 0).all()


def test_a_killed_rehearsal_comes_back_with_everything_it_answered(tmp_path: Path) -> None:
    state = tmp_path / "s.sqlite"
    with running("freshsales", state=state, token=KEY, switches=FREE) as first, client(first) as http:
        ids = [contact(http, email=f"kept{n}@brightroof.example")["id"] for n in range(20)]
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()
    with running("freshsales", state=state, token=KEY, switches=FREE) as second, client(second) as http:
        kept = [http.get(f"/contacts/{number}").json()["contact"]["email"] for number in ids]
        newest = contact(http, email="after@brightroof.example")["id"]

    assert kept == [f"kept{n}@brightroof.example" for n in range(20)]
    assert newest == ids[-1] + 1
    assert stat.S_IMODE(state.stat().st_mode) == 0o600


@pytest.mark.usefixtures("cold")
def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    with running("freshsales", state=tmp_path / "s.sqlite", token=KEY) as stand_in:
        assert stand_in.process.stdin
        stand_in.process.stdin.close()  # what the system does when the parent dies
        stand_in.process.wait(timeout=60)

    assert stand_in.process.returncode is not None


def test_the_limit_answers_429_without_retry_after_and_opens_again(
    started: Started,
) -> None:  # §7
    _, http = started(limits="on", minute_cap="5", time_scale="60", limit_window="rolling")

    answers = [http.get("/selector/owners") for _ in range(7)]
    time.sleep(1.3)  # a rehearsal minute, and a little
    after = http.get("/selector/owners")

    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0", "0"]
    assert answers[-1].headers["x-ratelimit-reset"] == "1"
    assert "retry-after" not in answers[-1].headers
    assert after.status_code == 200


def test_the_hour_of_the_plan_holds(started: Started) -> None:  # §7
    _, http = started(limits="on", minute_cap="0", time_scale="1", limit_window="rolling")

    statuses = [http.get("/selector/designations").status_code for _ in range(1001)]

    assert statuses == [200] * 1000 + [429]


@pytest.mark.parametrize("kind", ["drop_after", "500_after", "truncated"])
def test_a_fault_after_the_commit_leaves_the_record(suite: Rehearsal, api: httpx.Client, kind: str) -> None:
    suite.order_fault(kind, path="contacts")
    email = f"{kind}@brightroof.example"

    try:
        answer = api.post("/contacts", json={"last_name": "F", "email": email})
        unclear = answer.status_code == 500 or not answer.text.endswith("}")
    except httpx.TransportError:
        unclear = True

    assert unclear
    assert len(api.get(f"/lookup?q={email}&f=email&entities=contact").json()["contacts"]["contacts"]) == 1


@pytest.mark.parametrize("kind", ["drop_before", "500_before", "429"])
def test_a_fault_before_the_commit_leaves_nothing(suite: Rehearsal, api: httpx.Client, kind: str) -> None:
    suite.order_fault(kind, path="contacts")
    email = f"{kind}@brightroof.example"

    try:
        assert api.post("/contacts", json={"last_name": "F", "email": email}).status_code in (429, 500)
    except httpx.TransportError as error:
        assert kind == "drop_before", error

    assert api.get(f"/lookup?q={email}&f=email&entities=contact").json()["contacts"]["contacts"] == []


def test_the_same_requests_meet_the_same_faults_and_get_the_same_ids(
    started: Started,
) -> None:
    def history() -> list[tuple[int, int]]:
        _, http = started(faults="500_before=0.3")
        answers = [http.post("/sales_accounts", json={"name": f"Seeded {n}"}) for n in range(30)]
        return [(a.status_code, a.json().get("sales_account", {}).get("id", 0)) for a in answers]

    once = history()

    assert once == history()
    assert {status for status, _ in once} == {200, 500}


def test_the_log_has_every_request_and_no_key(suite: Rehearsal, api: httpx.Client) -> None:
    since = int(suite.log()["n"].max())
    api.get("/search?q=logged&include=contact&api_key=hidden-thing")

    lines = suite.log(since)

    assert list(lines["method"]) == ["GET"]
    assert list(lines["status"]) == [200]
    assert "q=logged" in lines["path"].iloc[0]
    assert KEY not in repr(suite)
    content = suite.state.read_bytes() + suite.state.with_name(suite.state.name + "-wal").read_bytes()
    assert KEY.encode() not in content
    assert b"hidden-thing" not in content
