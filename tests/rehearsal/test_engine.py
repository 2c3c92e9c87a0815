"""The engine under every stand-in: limits and their memory, TLS, the log without secrets, and the command line."""

from __future__ import annotations

import base64
import csv
import datetime
import email.utils
import ipaddress
import json
import os
import signal
import ssl
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from workbench.cli import app
from workbench.errors import DestinationBusy, Refused, SpecError, WaitError, WrongKey
from workbench.rehearsal import Rehearsal, canonical, dump, faults, recipe_of, running
from workbench.rehearsal.engine import Clock, Cost, Limiter, Window

KEY = "rehearsal-key-7f3a"
TOKEN = {"Authorization": f"Token token={KEY}"}
OWNERS = "/selector/owners"


def client(stand_in: Rehearsal, verify: ssl.SSLContext | bool = True) -> httpx.Client:
    return httpx.Client(base_url=stand_in.url, headers=TOKEN, trust_env=False, timeout=20, verify=verify)


# ---------------------------------------------------------------- windows


HOUR = 3600 * 400_000.0  # a moment at which fixed hours begin


def limiter(*windows: Window, scale: float = 1.0, count_refused: bool = False) -> Limiter:
    return Limiter(windows, Clock(scale), count_refused=count_refused)


def passed(limits: Limiter, *moments: float, cost: Cost | None = None) -> list[bool]:
    return [limits.take(moment, cost or Cost(("w",))).passed for moment in moments]


def test_a_fixed_window_starts_anew_at_each_full_stretch() -> None:
    limits = limiter(Window("w", 60, 2))
    assert passed(limits, HOUR + 50, HOUR + 51, HOUR + 52, HOUR + 60, HOUR + 61, HOUR + 62) == [True, True, False] * 2


def test_a_fixed_window_may_start_at_an_hour_of_its_own() -> None:
    limits = limiter(Window("w", 86_400, 1, offset=3600))
    day = 86_400 * 20_000.0
    assert passed(limits, day + 3599, day + 3600, day + 86_400, day + 90_000) == [True, True, False, True]


def test_a_rolling_window_slides() -> None:
    limits = limiter(Window("w", 60, 2, rolling=True))
    assert passed(limits, 100, 130, 159, 160, 161, 190) == [True, True, False, True, False, True]


def test_tokens_are_counted_as_they_are_spent() -> None:
    limits = limiter(Window("w", 60, 100, "tokens"))
    standing = limits.take(HOUR, Cost(("w",), 60))
    assert (standing.passed, standing.windows[0].remaining, standing.windows[0].reset) == (True, 40, 60.0)
    refused = limits.take(HOUR + 1, Cost(("w",), 41))
    assert not refused.passed
    assert refused.spent is not None
    assert (refused.spent.remaining, refused.spent.reset) == (40, 59.0)
    assert limits.take(HOUR + 2, Cost(("w",), 40)).passed


def test_of_two_windows_the_one_that_is_used_up_refuses_and_neither_counts_it() -> None:
    limits = limiter(Window("hour", 3600, 3), Window("minute", 60, 2))
    both = Cost(("hour", "minute"))
    assert passed(limits, HOUR, HOUR + 1, HOUR + 2, HOUR + 60, HOUR + 61, cost=both) == [True, True, False, True, False]
    minute, hour = limits.take(HOUR + 2, both), limits.take(HOUR + 62, both)
    assert minute.spent is not None
    assert hour.tightest is not None
    assert {minute.spent.window.name, hour.tightest.window.name} == {"hour"}
    assert hour.tightest.reset == 3600 - 62


def test_a_refused_request_counts_where_it_is_said_to() -> None:
    assert passed(limiter(Window("w", 60, 1, rolling=True)), 0, 30, 61) == [True, False, True]
    assert passed(limiter(Window("w", 60, 1, rolling=True), count_refused=True), 0, 30, 61) == [True, False, False]


def test_a_fast_clock_shortens_the_wait_alone() -> None:
    limits = limiter(Window("w", 60, 1, rolling=True), scale=60)
    assert passed(limits, 100, 100.9, 101) == [True, False, True]
    refused = limits.take(101.5, Cost(("w",)))
    assert refused.spent is not None
    assert refused.spent.reset == pytest.approx(0.5)


def test_a_request_may_be_uncounted_again() -> None:
    for window in (Window("w", 60, 1), Window("w", 60, 1, rolling=True), Window("w", 60, 5, "tokens")):
        limits, cost = limiter(window), Cost(("w",), 5)
        assert limits.take(HOUR, cost).passed
        limits.uncount(cost)
        assert passed(limits, HOUR + 1, HOUR + 2, cost=cost) == [True, False]


@given(
    steps=st.lists(st.tuples(st.floats(0, 20), st.integers(1, 7)), max_size=60),
    rolling=st.booleans(),
    scale=st.sampled_from([1.0, 4.0]),
)
@settings(max_examples=60, deadline=None)
def test_no_window_ever_lets_more_through_than_it_allows(steps: list[tuple[float, int]], rolling: bool, scale: float) -> None:
    limits, now = limiter(Window("w", 30, 10, "tokens", rolling=rolling), scale=scale), 1000.0
    let: list[tuple[float, int]] = []
    for wait, tokens in steps:
        now += wait / scale
        moment = now * scale
        inside = [n for at, n in let if (at > moment - 30 if rolling else at // 30 == moment // 30)]
        may = sum(inside) + tokens <= 10
        assert limits.take(now, Cost(("w",), tokens)).passed == may
        if may:
            let.append((moment, tokens))


@pytest.mark.usefixtures("cold")
def test_a_killed_server_remembers_what_was_used_up(tmp_path: Path) -> None:
    state, tight = tmp_path / "s.sqlite", {"minute_cap": "5", "limit_window": "rolling"}
    with running("freshsales", state=state, token=KEY, switches=tight) as first, client(first) as http:
        assert [http.get(OWNERS).status_code for _ in range(3)] == [200] * 3
        first.process.kill()
        first.process.wait()
    with running("freshsales", state=state, token=KEY, switches=tight) as second, client(second) as http:
        answers = [http.get(OWNERS) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
        assert list(second.log()["windows"]) == ["hour minute"] * 6


def test_a_fault_that_stops_a_request_on_its_way_uses_up_nothing(tmp_path: Path) -> None:
    tight = {"minute_cap": "3", "limit_window": "rolling"}
    specs = ["expired,path=deals", "403_page,path=leads", "429,path=notes,method=any"]
    with (
        running("freshsales", state=tmp_path / "s.sqlite", token=KEY, switches=tight, faults=specs) as stand_in,
        client(stand_in) as http,
    ):
        assert [http.get(path).status_code for path in ("/deals/1", "/leads/1", "/notes/1") * 2] == [401, 403, 429] * 2
        assert [http.get(OWNERS).status_code for _ in range(4)] == [200, 200, 200, 429]


# ---------------------------------------------------------------- the log


def test_no_secret_of_any_form_reaches_the_log_or_the_state(tmp_path: Path) -> None:
    basic = base64.b64encode(b"client:canary-basic").decode()
    state = tmp_path / "s.sqlite"
    with running("freshsales", state=state, token=KEY, switches={"limits": "off"}) as stand_in, client(stand_in) as http:
        for query in (
            "api_token=canary-1", "API_TOKEN=canary-2&page=2", "x=1&api%5Ftoken=canary-3", "client_secret=canary-4",
            "access_token=canary-5", "%61pi_key=canary-6", "password=canary-7", f"q={KEY}",
        ):  # fmt: skip
            http.get(f"{OWNERS}?{query}")
        http.get(OWNERS, headers={"Authorization": f"Basic {basic}"})
        http.get(OWNERS, headers={"Authorization": "Bearer canary-bearer", "x-api-token": "canary-header"})
        paths = list(stand_in.log()["path"])
        content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert all("canary" not in path and KEY not in path for path in paths)
    assert paths[1].endswith("?API_TOKEN=***&page=2")
    for secret in (b"canary", KEY.encode(), basic.encode()):
        assert secret not in content
    assert KEY not in repr(stand_in)


# ---------------------------------------------------------------- TLS


@dataclass(frozen=True)
class Signed:
    authority: Path
    certificate: Path
    key: Path

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.authority)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    """An authority of our own, and a certificate for 127.0.0.1 that it has signed."""
    folder = tmp_path_factory.mktemp("tls")
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _certificate("Sample authority", root_key.public_key(), "Sample authority", root_key, authority=True)
    leaf = _certificate("127.0.0.1", key.public_key(), "Sample authority", root_key, authority=False)
    made = Signed(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    made.authority.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    made.certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


def _certificate(
    name: str, key: ec.EllipticCurvePublicKey, issuer: str, signer: ec.EllipticCurvePrivateKey, *, authority: bool
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if not authority:
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(signer, hashes.SHA256())


@pytest.fixture(scope="module")
def secure(signed: Signed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    state = tmp_path_factory.mktemp("secure") / "s.sqlite"
    tls = (signed.certificate, signed.key)
    with running("freshsales", state=state, token=KEY, time_scale=1000, switches={"limits": "off"}, tls=tls) as stand_in:
        yield stand_in


def test_https_is_served_with_the_certificate_that_was_given(secure: Rehearsal, signed: Signed) -> None:
    assert secure.url.startswith("https://127.0.0.1:")
    with client(secure, signed.trust()) as http:
        assert http.get(OWNERS).status_code == 200
        assert http.get(OWNERS, headers={"Host": "elsewhere.example"}).status_code == 421
        job = http.post("/contacts/bulk_upsert", json={"contacts": [{"emails": "a@x.example", "data": {"last_name": "A"}}]})
        assert job.json()["job_status_url"].startswith(f"{secure.url}/job_statuses/")
        assert http.get(job.json()["job_status_url"]).status_code == 200
    with client(secure) as stranger, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.get(OWNERS)
    assert len(secure.log()) >= 4  # the rehearsal's own paths are reached over https too


@pytest.mark.parametrize(
    ("kind", "left"), [("drop_before", 0), ("drop_after", 1), ("cut_length", 1), ("cut_chunked", 1), ("close_race", 1)]
)
def test_the_faults_of_the_socket_work_under_tls(secure: Rehearsal, signed: Signed, kind: str, left: int) -> None:
    secure.order_fault(kind)
    with client(secure, signed.trust()) as http:
        with pytest.raises(httpx.TransportError):
            http.post("/contacts", json={"last_name": kind, "email": f"{kind}@x.example"})
            http.get(OWNERS)
        assert http.get(OWNERS).status_code == 200
    names = [body["last_name"] for body in secure.dump()["records"].get("contacts", {}).values()]
    assert names.count(kind) == left


def test_a_certificate_that_cannot_be_used_is_told_in_words(signed: Signed, tmp_path: Path) -> None:
    state = tmp_path / "s.sqlite"
    for tls in ((tmp_path / "none.pem", signed.key), (signed.certificate, signed.certificate)):
        with pytest.raises(SpecError, match="certificate and its key"), running("freshsales", state=state, token=KEY, tls=tls):
            pass
    assert not state.exists()


# ---------------------------------------------------------------- the command line


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    state = tmp_path_factory.mktemp("engine") / "s.sqlite"
    with running("freshsales", state=state, token=KEY, switches={"limits": "off"}) as stand_in:
        with client(stand_in) as http:
            http.post("/contacts", json={"last_name": "Dumped", "email": "dumped@x.example"})
        yield stand_in


def test_the_tenant_and_the_log_are_written_while_a_server_runs(suite: Rehearsal, tmp_path: Path) -> None:
    before = suite.state.read_bytes()
    done = run(
        "rehearse", "freshsales", "--state", suite.state, "--dump", tmp_path / "t.json", "--log", tmp_path / "log.csv"
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    text = (tmp_path / "t.json").read_text()
    assert text == canonical(suite.dump()) + "\n"
    assert "Dumped" in text
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [row["method"] for row in rows] == ["POST"]
    assert KEY not in text + (tmp_path / "log.csv").read_text()
    assert suite.state.read_bytes() == before


def test_a_dump_can_be_had_of_a_killed_server(tmp_path: Path) -> None:
    state = tmp_path / "s.sqlite"
    with running("freshsales", state=state, token=KEY) as stand_in, client(stand_in) as http:
        http.post("/contacts", json={"last_name": "Killed", "email": "killed@x.example"})
        stand_in.process.kill()
        stand_in.process.wait()
    assert run("rehearse", "freshsales", "--state", state, "--dump", tmp_path / "t.json").exit_code == 0
    assert json.loads((tmp_path / "t.json").read_text())["records"]["contacts"]
    assert stat.S_IMODE(state.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--dump", "t.json"], 2, "--state"),
        (["--state", "none.sqlite", "--dump", "t.json"], 1, "there is no state file"),
        (["--state", "text", "--dump", "t.json"], 1, "no tenant of a rehearsal"),
        (["--state", "text", "--log", "text"], 1, "would overwrite the state"),
        (["--state", "s", "--token", "t", "--fault", "drop"], 1, "there is no fault"),
        (["--state", "s", "--token", "t", "--fault", "429_daily"], 1, "cannot meet the fault"),
        (["--state", "s", "--token", "t", "--plan", "golden"], 1, "plan"),
        (["--state", "s", "--token", "t", "--plan", "pro", "--switch", "plan=growth"], 2, "contradict"),
        (["--state", "s", "--token", "t", "--switch", "skew_seconds=late"], 1, "a number"),
        (["--state", "s", "--token", "t", "--tls-key", "k.pem"], 2, "--tls-cert"),
        (["--state", "s", "--token", "t", "--tls-cert", "none.pem"], 1, "certificate"),
    ],
)
def test_what_the_command_line_cannot_do_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], code: int, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    Path("text").write_text("no database")
    done = run("rehearse", "freshsales", *options)
    assert done.exit_code == code, done.output
    assert words in done.stderr
    assert not Path("s").exists()
    assert not Path("t.json").exists()


def test_the_faults_are_listed_with_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run("rehearse", "freshsales", "--faults")
    assert done.exit_code == 0
    assert all(name in done.stdout for name in faults("freshsales")["name"])
    assert "F13" in done.stdout
    both = run("rehearse", "freshsales", "--faults", "--switches").stdout
    assert "drop_after" in both
    assert "skew_seconds" in both


# ---------------------------------------------------------------- a recipe from a live account


def test_a_tenant_is_shaped_like_a_live_account_by_reading_alone(suite: Rehearsal, tmp_path: Path) -> None:
    key, out = tmp_path / "key", tmp_path / "account.toml"
    key.write_text(KEY + "\n")
    before, since = canonical(suite.dump()), len(suite.log())
    done = run("tenant", "freshsales", "--url", suite.url, "--key-file", key, "--out", out)
    assert done.exit_code == 0, done.output
    assert set(suite.log(since)["method"]) == {"GET"}
    assert canonical(suite.dump()) == before
    assert KEY not in out.read_text() + done.output
    assert tomllib.loads(out.read_text())["users"]
    again = run("tenant", "freshsales", "--url", suite.url, "--key-file", key, "--out", out)
    assert (again.exit_code, "would overwrite" in again.stderr) == (1, True)
    with running("freshsales", state=tmp_path / "second.sqlite", token=KEY, tenant=out) as second, client(second) as http:
        names = [user["display_name"] for user in http.get(OWNERS).json()["users"]]
    with client(suite) as http:
        assert names == [user["display_name"] for user in http.get(OWNERS).json()["users"]]


def test_a_live_account_that_refuses_is_told_in_words_without_the_key(suite: Rehearsal, tmp_path: Path) -> None:
    for url, key, error in (
        (suite.url, "wrong-key-canary", WrongKey),
        ("http://127.0.0.1:1/api", "wrong-key-canary", WaitError),
        ("http://crm.example.org/api", "wrong-key-canary", SpecError),
        ("ftp://crm.example.org", "wrong-key-canary", SpecError),
        (f"{suite.url}/nowhere", KEY, Refused),
    ):
        with pytest.raises(error) as told:
            recipe_of("freshsales", url=url, token=key)
        assert "canary" not in str(told.value) + repr(told.value)
    suite.order_fault("429", method="GET")
    with pytest.raises(DestinationBusy):
        recipe_of("freshsales", url=suite.url, token=KEY)
    suite.order_fault("html_200", method="GET")
    with pytest.raises(Refused, match="no JSON"):
        recipe_of("freshsales", url=suite.url, token=KEY)


def test_the_dump_of_a_file_is_that_of_its_server(suite: Rehearsal) -> None:
    assert canonical(dump(suite.state)) == canonical(suite.dump())


def test_the_command_line_starts_a_server_with_all_of_it(signed: Signed, tmp_path: Path) -> None:
    options = ["--plan", "pro", "--fault", "503_before,path=deals", "--seed", "3", "--switch", "skew_seconds=-300"]
    options += ["--tls-cert", str(signed.certificate), "--tls-key", str(signed.key), "--state", str(tmp_path / "s.sqlite")]
    command = [sys.executable, "-c", "from workbench.cli import app; app()", "rehearse", "freshsales", *options]
    environment = {**os.environ, "WORKBENCH_KEY": KEY}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        url = server.stdout.readline().split()[-1]
        with httpx.Client(base_url=url, headers=TOKEN, trust_env=False, verify=signed.trust()) as http:
            answer = http.get(OWNERS)
            assert http.post("/deals", json={"name": "D", "amount": 1}).status_code == 503
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=60)
    behind = email.utils.parsedate_to_datetime(answer.headers["date"]) - datetime.datetime.now(datetime.UTC)
    assert url.startswith("https://")
    assert -305 < behind.total_seconds() < -295
    assert (server.returncode, "Traceback" in errors) == (130, False)
