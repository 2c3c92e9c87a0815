"""`workbench extract` reads a source into an engagement, and the intake takes up what it has brought."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from extraction_tenant import KEY
from typer.testing import CliRunner, Result

from workbench.cli import app
from workbench.engagement import new_engagement, open_engagement
from workbench.errors import EngagementError
from workbench.extraction import extract
from workbench.rehearsal import running
from workbench.rehearsal.soffront import PASSWORD, USER
from workbench.settings import SOURCE_CREDENTIALS, read_secrets, write_private
from workbench.stages import intake

SAMPLES = Path(__file__).resolve().parents[2] / "sample_exports"
ROUTES = {"soffront": "soffront_to_freshsales", "fasttrack": "fasttrack_to_freshsales"}
NAMES = {"key": "WORKBENCH_SOURCE_KEY", "user": "WORKBENCH_SOURCE_USER", "password": "WORKBENCH_SOURCE_PASSWORD"}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("key", KEY), ("user", USER), ("password", PASSWORD)):
        monkeypatch.setenv(NAMES[name], value)


@pytest.mark.usefixtures("signed")
@pytest.mark.parametrize("source", sorted(ROUTES))
def test_the_command_brings_a_delivery_that_the_intake_accounts_for(tmp_path: Path, source: str) -> None:
    tenant = SAMPLES / source / "tenant"
    with running(source, state=tmp_path / "s", token=KEY, tenant=tenant) as stand_in:
        made = run("new", tmp_path / "e", "--route", ROUTES[source], "--source-url", stand_in.url)
        assert made.exit_code == 0, made.output
        done = run("extract", tmp_path / "e")
        again = run("extract", tmp_path / "e")
    assert done.exit_code == 0, done.output
    assert "rows set aside" in done.output
    assert again.exit_code == 0 and "0 calls" in again.output
    engagement = open_engagement(tmp_path / "e")
    certificate = intake.run(engagement)
    taken = certificate.frame.set_index("table")
    for name in json.loads((tenant / "objects.json").read_text())["objects"]:
        lines = (tenant / f"{name['name']}.ndjson").read_bytes().splitlines()
        if lines and name["name"] in taken.index:
            row = taken.loc[name["name"]]
            assert row["rows"] + row["rejected"] == len(lines), name["name"]
    assert not [problem for problem in certificate.problems if "unread" in problem]
    assert [entry.what for entry in engagement.journal.entries()].count("extracted") == 2
    blobs = [path.read_bytes() for path in (tmp_path / "e").rglob("*") if path.is_file()]
    assert not [blob for blob in blobs if KEY.encode() in blob or PASSWORD.encode() in blob]


@pytest.mark.usefixtures("signed")
def test_a_source_that_does_not_add_up_ends_with_one(tmp_path: Path) -> None:
    with running(
        "fasttrack", state=tmp_path / "s", token=KEY, tenant=SAMPLES / "fasttrack" / "tenant", switches={"masked": "on"}
    ) as stand_in:
        run("new", tmp_path / "e", "--route", ROUTES["fasttrack"], "--source-url", stand_in.url)
        done = run("extract", tmp_path / "e")
    assert done.exit_code == 1
    assert "only asterisks" in done.output


def test_without_an_address_or_a_key_it_says_what_is_missing(tmp_path: Path) -> None:
    made = new_engagement(tmp_path / "e", route=ROUTES["soffront"])
    with pytest.raises(EngagementError, match="address of the source is missing"):
        extract(made)
    made = new_engagement(tmp_path / "f", route=ROUTES["soffront"], source={"url": "https://crm.example.com/x"})
    with pytest.raises(EngagementError, match="key of the source is missing"):
        extract(made)


def test_credentials_in_a_file_are_read_if_nobody_else_can_read_them(tmp_path: Path) -> None:
    made = new_engagement(tmp_path / "e", route=ROUTES["soffront"], source={"url": "https://crm.example.com/x"})
    write_private(made.root / SOURCE_CREDENTIALS, json.dumps({"key": "file-key", "user": "u", "password": "file-word"}))
    assert {"file-key", "file-word"} <= set(read_secrets(made.root))
    (made.root / SOURCE_CREDENTIALS).chmod(0o644)
    with pytest.raises(EngagementError, match="others on this machine can read"):
        extract(made)


@pytest.mark.parametrize("said", [{"url": "https://a:b@crm.example.com"}, {"url": "https://crm.example.com", "password": "x"}])
def test_a_secret_in_the_settings_is_refused(tmp_path: Path, said: dict[str, str]) -> None:
    with pytest.raises(EngagementError, match="may not"):
        new_engagement(tmp_path / "e", route=ROUTES["soffront"], source=said)
