"""OAuth of the Pipedrive rehearsal: codes, tokens that end and turn over, and nothing of them in plain text on disk."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from workbench import rehearsal
from workbench.rehearsal import Rehearsal, canonical, running

KEY = "0123456789abcdef0123456789abcdef01234567"
TENANT = Path(rehearsal.__file__).parent / "tenants" / "pipedrive_growth.toml"
APP = ("rehearsal", KEY)
Started = Callable[..., tuple[Rehearsal, httpx.Client]]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    with ExitStack() as stack:

        def start(*, scale: float = 1.0, tenant: Path | None = None, **switches: str) -> tuple[Rehearsal, httpx.Client]:
            one = stack.enter_context(
                running("pipedrive", state=tmp_path / "s", token=KEY, tenant=tenant, time_scale=scale, switches=switches)
            )
            return one, stack.enter_context(httpx.Client(base_url=one.url, trust_env=False, timeout=60))

        yield start


def code_of(http: httpx.Client) -> str:
    answer = http.get("/oauth/authorize", params={"client_id": "rehearsal", "state": "a b"})
    assert answer.status_code == 302
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query["state"] == ["a b"]
    return query["code"][0]


def granted(http: httpx.Client, **form: str) -> httpx.Response:
    return http.post("/oauth/token", auth=APP, data=form)


def first_grant(http: httpx.Client) -> dict[str, str]:
    answer = granted(http, grant_type="authorization_code", code=code_of(http), redirect_uri="http://127.0.0.1/callback")
    assert answer.status_code == 200
    tokens: dict[str, str] = answer.json()
    return tokens


def status(http: httpx.Client, token: str) -> int:
    return http.get("/v1/users/me", headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_code_gives_tokens_and_the_host_to_call(started: Started) -> None:
    stand_in, http = started()
    tokens = first_grant(http)
    assert tokens["api_domain"] == stand_in.url
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 3600
    answer = http.get("/api/v2/stages", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert answer.status_code == 200
    assert answer.headers["x-ratelimit-limit"] == "160"  # Growth: four times what the key has
    assert "x-daily-requests-left" not in answer.headers


def test_a_code_opens_once(started: Started) -> None:
    _, http = started()
    code = code_of(http)
    assert granted(http, grant_type="authorization_code", code=code).status_code == 200
    again = granted(http, grant_type="authorization_code", code=code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


def test_the_recipe_may_name_a_code(started: Started, tmp_path: Path) -> None:
    text = TENANT.read_text(encoding="utf-8")
    tenant = tmp_path / "own.toml"
    tenant.write_text(f'{text}\n[oauth]\nclient_id = "our-app"\ncode = "told-by-the-admin"\n', encoding="utf-8")
    _, http = started(tenant=tenant)
    form = {"grant_type": "authorization_code", "code": "told-by-the-admin"}
    assert http.post("/oauth/token", auth=("our-app", KEY), data=form).status_code == 200
    assert http.post("/oauth/token", auth=("our-app", KEY), data=form).status_code == 400
    assert http.post("/oauth/token", auth=APP, data=form).status_code == 401


@pytest.mark.parametrize("auth", [None, ("rehearsal", "wrong"), ("another", KEY)])
def test_only_the_app_itself_gets_tokens(started: Started, auth: tuple[str, str] | None) -> None:
    _, http = started()
    form = {"grant_type": "authorization_code", "code": code_of(http)}
    answer = http.post("/oauth/token", data=form, **({"auth": auth} if auth else {}))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_refresh_turns_the_refresh_token_over(started: Started) -> None:
    _, http = started()
    old = first_grant(http)
    new = granted(http, grant_type="refresh_token", refresh_token=old["refresh_token"]).json()
    assert new["refresh_token"] != old["refresh_token"]
    assert status(http, new["access_token"]) == 200
    again = granted(http, grant_type="refresh_token", refresh_token=old["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert granted(http, grant_type="refresh_token", refresh_token=new["refresh_token"]).status_code == 200


def test_without_rotation_the_refresh_token_stays(started: Started) -> None:
    _, http = started(oauth_rotation="off")
    old = first_grant(http)
    for _ in range(2):
        new = granted(http, grant_type="refresh_token", refresh_token=old["refresh_token"]).json()
        assert new["refresh_token"] == old["refresh_token"]
        assert new["access_token"] != old["access_token"]


def test_an_access_token_ends_and_a_refresh_goes_on(started: Started) -> None:
    _, http = started(scale=1000, oauth_seconds="2000")  # two real seconds
    tokens = first_grant(http)
    assert tokens["expires_in"] == 2
    assert status(http, tokens["access_token"]) == 200
    time.sleep(2.1)
    ended = http.get("/v1/users/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert ended.status_code == 401
    assert ended.headers["x-401-by-gw"] == "true"
    fresh = granted(http, grant_type="refresh_token", refresh_token=tokens["refresh_token"]).json()
    assert status(http, fresh["access_token"]) == 200


def test_tokens_outlive_a_crash_and_are_kept_as_digests_alone(started: Started, tmp_path: Path) -> None:
    stand_in, http = started()
    before = canonical(stand_in.dump())
    tokens = first_grant(http)
    assert canonical(stand_in.dump()) == before
    os.kill(stand_in.process.pid, signal.SIGKILL)
    stand_in.process.wait()
    on_disk = b"".join(path.read_bytes() for path in tmp_path.glob("s*"))
    for secret in (tokens["access_token"], tokens["refresh_token"], KEY):
        assert secret.encode() not in on_disk
    _, again = started()
    assert status(again, tokens["access_token"]) == 200
    assert granted(again, grant_type="refresh_token", refresh_token=tokens["refresh_token"]).status_code == 200


def test_a_post_to_the_path_with_a_slash_becomes_a_get_and_gives_no_token(started: Started) -> None:
    _, http = started()
    form = {"grant_type": "authorization_code", "code": code_of(http)}
    moved = http.post("/oauth/token/", auth=APP, data=form)
    assert moved.status_code == 301
    followed = http.post("/oauth/token/", auth=APP, data=form, follow_redirects=True)
    assert followed.request.method == "GET"
    assert followed.status_code == 404


def test_a_revoked_refresh_token_takes_the_access_with_it(started: Started) -> None:
    _, http = started()
    tokens = first_grant(http)
    assert http.post("/oauth/revoke", auth=APP, data={"token": tokens["refresh_token"]}).status_code == 200
    assert status(http, tokens["access_token"]) == 401
    assert granted(http, grant_type="refresh_token", refresh_token=tokens["refresh_token"]).status_code == 400


@pytest.mark.parametrize(
    "query", [{"client_id": "another"}, {"client_id": "rehearsal", "redirect_uri": "https://evil.example"}]
)
def test_codes_go_to_the_app_s_own_address_only(started: Started, query: dict[str, str]) -> None:
    _, http = started()
    answer = http.get("/oauth/authorize", params=query)
    assert answer.status_code == 400
    assert "location" not in answer.headers
