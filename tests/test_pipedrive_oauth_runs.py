"""F15: an OAuth token that ends while a load runs is renewed once for all lanes, and nothing is lost, doubled or told."""

from __future__ import annotations

import json
import logging
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pandas as pd
import programs
import pytest

from workbench.engagement import Engagement, new_engagement, open_engagement
from workbench.errors import DestinationBusy, EngagementError, WrongKey
from workbench.flow.forecasting import forecast
from workbench.ledger.loading import Loaded, Progress, load
from workbench.rehearsal import Rehearsal, running
from workbench.settings import has_grant, read_secrets, write_private

ROUTE = Path(__file__).parent / "routes" / "promio_to_pipedrive.toml"
APP_SECRET = "canary-app-secret-0123456789abcdef0123456789"
SCALE = 1000.0
LANES = 20
PEOPLE = pd.DataFrame(
    {
        "key": [f"promio:contacts:c-{number:05}" for number in range(240)],
        "first_name": [f"Ada {number}" for number in range(240)],
        "last_name": "Byron",
    }
)
DIES_AT_RENEWAL = """
import os, signal, sys
from pathlib import Path
import pandas as pd
from workbench.destinations.http.oauth import Grant
from workbench.engagement import open_engagement
from workbench.ledger.loading import load

Grant._write = lambda self, kept: os.kill(os.getpid(), signal.SIGKILL)
with (engagement := open_engagement(Path(sys.argv[1]))).lock():
    load(pd.read_parquet(sys.argv[2]), engagement.connect(), "person")
"""


@pytest.fixture(autouse=True)
def _own_key(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv("WORKBENCH_KEY", raising=False)
    caplog.set_level(logging.DEBUG)


@pytest.fixture
def there(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Rehearsal]:
    """An account; the test may say how many of its seconds a token lives."""
    seconds = getattr(request, "param", "36000")
    state = tmp_path / "tenant.db"
    with running("pipedrive", state=state, token=APP_SECRET, time_scale=SCALE, switches={"oauth_seconds": seconds}) as one:
        yield one


@pytest.fixture
def engagement(there: Rehearsal, tmp_path: Path) -> Iterator[Engagement]:
    """An engagement that was signed in, with the field for our keys."""
    made = new_engagement(
        tmp_path / "engagement",
        route=ROUTE,
        base_url=there.url,
        key=signed_in(there),
        time_scale=SCALE,
        destination={"token_url": f"{there.url}/oauth/token", "lanes": LANES},
    )
    guard = made.connect()
    for field in guard.extra_fields(["person"]):
        guard.create_field(field)
    yield made
    made.store.dispose()


def test_an_access_that_ends_under_twenty_lanes_is_renewed_once_and_every_record_stands_once(
    there: Rehearsal, engagement: Engagement, caplog: pytest.LogCaptureFixture
) -> None:
    before = secrets_of(engagement)
    asked = len(there.log())
    loaded = run(engagement, at=80, do=lambda: revoked(there, engagement, "access_token"))
    assert set(loaded.frame["state"]) == {"done"}
    log = there.log(asked)
    assert len(log[log["status"] == 401]) > 1
    assert renewals(there, asked) == [200]
    assert secrets_of(engagement) != before
    stands_once(there, engagement)
    nowhere(engagement, there, {*before, *secrets_of(engagement)}, caplog.text)


@pytest.mark.parametrize("there", ["150"], indirect=True)
def test_tokens_that_live_for_moments_are_followed_through_a_whole_load(
    there: Rehearsal, engagement: Engagement, caplog: pytest.LogCaptureFixture
) -> None:
    seen = {*secrets_of(engagement)}
    loaded = run(engagement, at=1, do=lambda: None, each=lambda: seen.update(secrets_of(engagement)))
    assert set(loaded.frame["state"]) == {"done"}
    assert len(renewals(there, 0)) > 2
    assert set(renewals(there, 0)) == {200}
    stands_once(there, engagement)
    nowhere(engagement, there, seen, caplog.text)


def test_a_refused_renewal_pauses_the_run_in_words_and_a_new_sign_in_goes_on(
    there: Rehearsal, engagement: Engagement, caplog: pytest.LogCaptureFixture
) -> None:
    before = secrets_of(engagement)
    asked = len(there.log())
    with pytest.raises(WrongKey) as told:
        run(engagement, at=80, do=lambda: revoked(there, engagement, "refresh_token"))
    assert "sign the workbench in again" in str(told.value)
    assert "nothing was lost" in str(told.value)
    assert renewals(there, asked) == [400]
    assert 0 < len(persons(there)) < len(PEOPLE)
    with pytest.raises(WrongKey):  # until somebody has signed in, there is no way on
        run(engagement)
    write_private(engagement.root / ".credentials", signed_in(there))
    assert set(run(engagement).frame["state"]) == {"done"}
    stands_once(there, engagement)
    nowhere(engagement, there, {*before, *secrets_of(engagement)}, caplog.text + str(told.value))


def test_a_crash_between_the_vendors_answer_and_the_disk_asks_for_a_new_sign_in_and_loses_nothing(
    there: Rehearsal, engagement: Engagement, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = secrets_of(engagement)
    run(engagement, frame=PEOPLE.head(60))
    PEOPLE.to_parquet(tmp_path / "people.parquet")
    revoked(there, engagement, "access_token")
    arguments = ["-c", DIES_AT_RENEWAL, str(engagement.root), str(tmp_path / "people.parquet")]
    assert programs.ran(arguments).returncode == -signal.SIGKILL
    assert secrets_of(engagement) == before
    again = open_engagement(engagement.root)
    with pytest.raises(WrongKey, match="does not renew") as told:
        run(again)
    assert "sign the workbench in again" in str(told.value)
    write_private(engagement.root / ".credentials", signed_in(there))
    assert set(run(again).frame["state"]) == {"done"}
    stands_once(there, again)
    nowhere(again, there, {*before, *secrets_of(again)}, caplog.text + str(told.value))
    again.store.dispose()


def test_where_nobody_renews_the_run_pauses_and_the_next_one_goes_on(
    there: Rehearsal, engagement: Engagement, caplog: pytest.LogCaptureFixture
) -> None:
    before = secrets_of(engagement)
    there.order_fault("503_before", path="oauth/token", count=4)
    with pytest.raises(DestinationBusy, match="nobody renews") as told:
        run(engagement, at=80, do=lambda: revoked(there, engagement, "access_token"))
    assert "nothing was lost" in str(told.value)
    assert set(run(engagement).frame["state"]) == {"done"}
    assert renewals(there, 0) == [503, 503, 503, 503, 200]
    stands_once(there, engagement)
    nowhere(engagement, there, {*before, *secrets_of(engagement)}, caplog.text + str(told.value))


def test_a_grant_says_how_the_account_is_signed_in_to_and_the_forecast_follows(engagement: Engagement) -> None:
    assert has_grant(engagement.root)
    assert engagement.account().settings["sign_in"] == "oauth"
    for feed in engagement.route.feeds:
        if feed.kind == "record":
            rows = (PEOPLE if feed.name == "contacts" else PEOPLE.head(0)).assign(marker=PEOPLE["key"])
            engagement.save(f"records/{feed.name}", rows)
    by_grant = forecast(engagement).seconds
    write_private(engagement.root / ".credentials", "k" * 40)
    assert engagement.account().renew is None
    assert forecast(engagement).seconds == pytest.approx(4 * by_grant)


@pytest.mark.parametrize(
    ("route", "setting", "words"),
    [
        ("promio_to_freshsales", {}, "not signed in to by OAuth"),
        (ROUTE, {"token_url": "http://oauth.example.org/oauth/token"}, "in the open"),
    ],
)
def test_a_grant_that_cannot_be_renewed_safely_is_refused_before_anything_is_sent(
    tmp_path: Path, route: str | Path, setting: dict[str, str], words: str
) -> None:
    grant = {"client_id": "app", "client_secret": "c" * 30, "access_token": "a" * 30, "refresh_token": "r" * 30}
    made = new_engagement(
        tmp_path / "e", route=route, base_url="https://crm.example/api", key=json.dumps(grant), destination=setting
    )
    with pytest.raises(EngagementError, match=words) as told:
        made.connect()
    assert not [secret for secret in grant.values() if len(secret) > 20 and secret in str(told.value)]
    made.store.dispose()


# ---------------------------------------------------------------- steps


def signed_in(there: Rehearsal) -> str:
    """What `.credentials` holds after somebody has signed the workbench in."""
    with httpx.Client(base_url=there.url, trust_env=False) as http:
        asked = http.get("/oauth/authorize", params={"client_id": "rehearsal"})
        code = httpx.URL(asked.headers["location"]).params["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "http://127.0.0.1/callback"}
        tokens = http.post("/oauth/token", auth=("rehearsal", APP_SECRET), data=form).json()
    grant = {name: tokens[name] for name in ("access_token", "refresh_token")}
    return json.dumps({"client_id": "rehearsal", "client_secret": APP_SECRET, **grant})


def revoked(there: Rehearsal, engagement: Engagement, name: str) -> None:
    """The vendor ends a token; with a refresh token everything of the app ends."""
    token = json.loads((engagement.root / ".credentials").read_text())[name]
    answer = httpx.post(f"{there.url}/oauth/revoke", auth=("rehearsal", APP_SECRET), data={"token": token}, trust_env=False)
    assert answer.is_success


def run(
    engagement: Engagement,
    *,
    frame: pd.DataFrame = PEOPLE,
    at: int = 0,
    do: Callable[[], None] = lambda: None,
    each: Callable[[], None] = lambda: None,
) -> Loaded:
    """Load, and do something once when so many records are there."""
    pending = [do] if at else []

    def tell(progress: Progress) -> None:
        each()
        if pending and progress.done >= at:
            pending.pop()()

    with engagement.lock():
        return load(frame, engagement.connect(), "person", certify=True, on_progress=tell)


def renewals(there: Rehearsal, since: int) -> list[int]:
    """Statuses of the renewals; the sign-ins are asked by the test itself, and come first or after a refusal."""
    log = there.log(since)
    statuses = [int(status) for status in log.loc[log["path"].str.contains("oauth/token"), "status"]]
    return statuses[1:] if since == 0 else statuses


def persons(there: Rehearsal) -> list[str]:
    return [body["name"] for body in there.dump()["records"].get("persons", {}).values()]


def stands_once(there: Rehearsal, engagement: Engagement) -> None:
    """Each record once over there, and one to one with the ledger."""
    assert sorted(persons(there)) == sorted(f"{first} Byron" for first in PEOPLE["first_name"])
    with engagement.lock():
        certificate = engagement.connect().certify("person")
    assert certificate.matched == len(PEOPLE)
    assert certificate.frame.empty


def secrets_of(engagement: Engagement) -> list[str]:
    return read_secrets(engagement.root)


def nowhere(engagement: Engagement, there: Rehearsal, secrets: set[str], told: str) -> None:
    """No token and no app secret stands in the ledger, the journal, any other file, the account's own log, or what was said."""
    assert len(secrets) > 3
    with sqlite3.connect(engagement.root / "workbench.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    kept = [path for path in engagement.root.rglob("*") if path.is_file() and not path.name.startswith(".credentials")]
    assert {"workbench.db", "journal.jsonl", "engagement.toml"} <= {path.name for path in kept}
    files = b"".join(path.read_bytes() for path in kept) + there.log().to_csv().encode() + told.encode()
    assert [secret for secret in secrets if secret.encode() in files] == []
    assert not (engagement.root / ".credentials.new").exists()
