"""Renewal of an OAuth grant against the rehearsal: once for all threads, and on the disk before it is used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from workbench.destinations import Secret
from workbench.destinations.http.oauth import Grant
from workbench.errors import DestinationBusy, EngagementError, WrongKey
from workbench.rehearsal import Rehearsal, running
from workbench.settings import has_grant, read_key, read_secrets

APP_SECRET = "s" * 40


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[Rehearsal]:
    with running("pipedrive", state=tmp_path / "tenant", token=APP_SECRET, time_scale=1000) as one:
        yield one


def granted(rehearsal: Rehearsal, folder: Path) -> Path:
    """The file `.credentials` after somebody has signed the workbench in."""
    with httpx.Client(base_url=rehearsal.url, trust_env=False) as http:
        asked = http.get("/oauth/authorize", params={"client_id": "rehearsal"})
        code = httpx.URL(asked.headers["location"]).params["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "http://127.0.0.1/callback"}
        tokens = http.post("/oauth/token", auth=("rehearsal", APP_SECRET), data=form).json()
    path = folder / ".credentials"
    path.write_text(
        json.dumps(
            {
                "client_id": "rehearsal",
                "client_secret": APP_SECRET,
                "access_token": tokens["access_token"],
                "refresh_token": tokens["refresh_token"],
            }
        )
    )
    path.chmod(0o600)
    return path


def opens(rehearsal: Rehearsal, key: Secret) -> bool:
    answer = httpx.get(f"{rehearsal.url}/v1/users/me", headers={"Authorization": f"Bearer {key.reveal()}"}, trust_env=False)
    return answer.status_code == 200


def test_forty_threads_with_one_stale_token_renew_it_once(rehearsal: Rehearsal, tmp_path: Path) -> None:
    path = granted(rehearsal, tmp_path)
    grant = Grant(path, token_url=f"{rehearsal.url}/oauth/token")
    stale, got = grant.key(), []
    together = threading.Barrier(40)

    def renew() -> None:
        together.wait()
        got.append(grant.renew(stale).reveal())

    threads = [threading.Thread(target=renew) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 40
    assert len(set(got)) == 1
    assert got[0] != stale.reveal()
    asked = rehearsal.log()
    assert len(asked[asked["path"].str.contains("oauth/token")]) == 2  # the sign-in, and one renewal
    assert opens(rehearsal, Secret(got[0]))


def test_the_new_tokens_are_on_the_disk_before_anybody_has_them(
    rehearsal: Rehearsal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = granted(rehearsal, tmp_path)
    grant = Grant(path, token_url=f"{rehearsal.url}/oauth/token")
    synced: list[int] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        synced.append(handle)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    fresh = grant.renew(grant.key())
    assert len(synced) == 2  # the file, and the folder that names it
    kept = json.loads(path.read_text())
    assert kept["access_token"] == fresh.reveal()
    assert path.stat().st_mode & 0o777 == 0o600
    assert opens(rehearsal, Grant(path, token_url=f"{rehearsal.url}/oauth/token").renew(fresh))


def test_another_process_takes_what_the_first_one_renewed(rehearsal: Rehearsal, tmp_path: Path) -> None:
    path = granted(rehearsal, tmp_path)
    grant = Grant(path, token_url=f"{rehearsal.url}/oauth/token")
    stale = grant.key()
    code = (
        "import sys, pathlib; from workbench.destinations import Secret; from workbench.destinations.http.oauth import Grant;"
        "g = Grant(pathlib.Path(sys.argv[1]), token_url=sys.argv[2]); g.renew(g.key())"
    )
    subprocess.run([sys.executable, "-c", code, str(path), f"{rehearsal.url}/oauth/token"], check=True)
    before = len(rehearsal.log())
    assert opens(rehearsal, grant.renew(stale))
    assert len(rehearsal.log()) == before + 1  # the look whether it opens, and no second renewal


def test_a_grant_that_the_vendor_has_ended_says_so_and_shows_no_token(rehearsal: Rehearsal, tmp_path: Path) -> None:
    path = granted(rehearsal, tmp_path)
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "refresh_token": "r" * 40}))
    path.chmod(0o600)
    with pytest.raises(WrongKey) as told:
        Grant(path, token_url=f"{rehearsal.url}/oauth/token").renew(Secret(kept["access_token"]))
    words = str(told.value)
    assert "invalid_grant" in words
    assert "sign the workbench in again" in words
    assert not [secret for secret in (*kept.values(), "r" * 40) if len(secret) > 20 and secret in words]
    assert json.loads(path.read_text())["access_token"] == kept["access_token"]


def test_where_nobody_answers_the_run_pauses_and_the_old_grant_stays(rehearsal: Rehearsal, tmp_path: Path) -> None:
    path = granted(rehearsal, tmp_path)
    before = path.read_text()
    pauses: list[float] = []
    url = f"{rehearsal.url}/oauth/token"
    rehearsal.stop()
    grant = Grant(path, token_url=url, pause=pauses.append)
    with pytest.raises(DestinationBusy):
        grant.renew(grant.key())
    assert len(pauses) == 3
    assert path.read_text() == before


def test_all_parts_of_a_grant_are_secrets_and_a_plain_key_stays_one(tmp_path: Path) -> None:
    path = tmp_path / ".credentials"
    grant = {"client_id": "app", "client_secret": "c" * 30, "access_token": "a" * 30, "refresh_token": "r" * 30}
    path.write_text(json.dumps(grant))
    path.chmod(0o600)
    assert has_grant(tmp_path)
    assert read_key(tmp_path) == "a" * 30
    assert {"c" * 30, "a" * 30, "r" * 30} <= set(read_secrets(tmp_path))
    path.write_text("k" * 40)
    assert not has_grant(tmp_path)
    assert set(read_secrets(tmp_path)) == {"k" * 40}


@pytest.mark.parametrize("text", ["{", "{}", '{"access_token": "a"}', "[]"])
def test_a_broken_grant_is_refused_with_what_belongs_into_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".credentials"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(EngagementError, match="refresh_token"):
        Grant(path, token_url="https://oauth.example.org/token").key()
