"""The demonstration takes any route whose source has a sample, and says of nothing that it holds when it does not."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pandas as pd
import pytest

from sample_exports import demo, proving
from sample_exports.generate import sources
from sample_exports.samples import routes, sample_of
from sample_exports.taking import take
from workbench import notebooks, rehearsal
from workbench.destinations import Draft
from workbench.engagement import Engagement, new_engagement
from workbench.rehearsal import Rehearsal, canonical
from workbench.settings import SOURCE_CREDENTIALS, read_secrets
from workbench.specs import load_route, names
from workbench.stages import intake

ROOT = Path(__file__).resolve().parents[1]
KEY = "demo-tenant-0123456789"
SCALE = 3600.0


# ---------------------------------------------------------------- which routes there are


def test_every_source_that_has_a_sample_is_shown_by_its_routes() -> None:
    assert {load_route(name).source for name in routes()} == set(sources())
    assert set(routes()) <= set(names("routes"))
    for name in routes():
        sample = sample_of(name)
        assert sample.deliveries[:2] == ("main", "delta") and sample.customer != sample.route.source, name
        assert {each["kind"] for each in json.loads((sample.truth / "decisions.json").read_text("utf-8"))} >= {"owner", "value"}
        places = sample.states.values() if sample.by_api else [sample.folder / delivery for delivery in sample.deliveries]
        assert all(place.is_dir() for place in places), name


def test_an_account_that_the_customer_prepared_is_found_by_its_name_alone() -> None:
    assert sample_of("profi_to_pipedrive").account == "pipedrive_profi"
    assert sample_of("promio_to_freshsales").account is None


def test_an_unknown_route_is_refused_with_the_list_of_those_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.main(["--route", "paper_to_pipedrive", "--into", str(tmp_path / "demo")]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "paper_to_pipedrive" in said
    assert [name for name in routes() if name not in said] == []
    assert not (tmp_path / "demo").exists()


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    assert demo.main(["--route", "profi_to_pipedrive", "--into", str(tmp_path)]) == 1
    assert "holds something else" in " ".join(capsys.readouterr().out.split())
    assert (tmp_path / "letter.txt").read_text() == "mine"


@pytest.mark.parametrize("route", routes())
def test_make_hands_the_route_on(route: str) -> None:
    command = ["make", "--dry-run", "--old-file", "requirements.lock", "--old-file", "pyproject.toml", "demo", f"ROUTE={route}"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert f"-m sample_exports.demo --route {route} " in said


# ---------------------------------------------------------------- what is claimed


def engagement_of(route: str, folder: Path, *, url: str = "") -> Engagement:
    sample = sample_of(route)
    files = None if sample.by_api else sample.folder
    return new_engagement(folder / "e", route=route, exports=files, base_url=url, key=KEY, time_scale=SCALE)


def ended(engagement: Engagement, *, instead: Mapping[str, str] | None = None) -> None:
    """Verdicts as the truth of Promio has them; of some rows another bucket."""
    told = pd.read_csv(sample_of("promio_to_freshsales").truth / "rows.csv", dtype="str", keep_default_na=False)
    told = told[told["delivery"] == "main"].assign(row=lambda rows: rows["file"] + ":" + rows["line"])
    told["bucket"] = told["bucket"].where(~told["row"].isin(instead or {}), told["row"].map(instead or {}))
    told["natural"] = told["record"]
    for feed, rows in told.groupby("feed"):
        engagement.save(f"verdicts/{feed}", rows[["row", "natural", "bucket", "reason", "record"]])


def test_rows_that_end_elsewhere_than_the_truth_says_are_told(tmp_path: Path) -> None:
    engagement = engagement_of("promio_to_freshsales", tmp_path)
    sample = sample_of("promio_to_freshsales")
    assert not proving.as_told(engagement, sample).holds, "nothing has ended anywhere"
    ended(engagement)
    assert proving.as_told(engagement, sample).holds
    ended(engagement, instead={"leads.csv:9": "lost"})
    proof = proving.as_told(engagement, sample)
    assert not proof.holds and "leads.csv:9" in proof.detail and "not 1 of them" in proof.words
    engagement.store.dispose()


def test_an_account_that_does_not_close_and_a_value_that_is_not_explained_are_told(tmp_path: Path) -> None:
    engagement = engagement_of("promio_to_freshsales", tmp_path)
    feeds = pd.DataFrame({"feed": ["contacts", "leads"], "rows": [5, 4], "loaded": [5, 3], "closes": [True, True]})
    cells = pd.DataFrame({"cells": [90, 10], "intended": [3, 1], "wrong": [0, 0]})
    for wrong in (0, 1):
        engagement.save("accounting", feeds.assign(closes=[True, not wrong]))
        engagement.save("comparison", cells.assign(wrong=[0, wrong]))
        assert proving.closing(engagement).holds is not bool(wrong)
        assert proving.read_back(engagement).holds is not bool(wrong)
    assert proving.read_back(engagement).words == "100 values read back; 4 differ in writing only, 1 are not explained"
    assert not proving.passed(engagement, seconds=1.0).holds, "no phase has passed"
    engagement.store.dispose()


# ---------------------------------------------------------------- the way back


@contextmanager
def loaded(folder: Path) -> Iterator[tuple[Engagement, Rehearsal, str]]:
    """An account with two contacts of ours, and its dump from before."""
    with rehearsal.running("freshsales", state=folder / "tenant.db", token=KEY, time_scale=SCALE) as tenant:
        before = canonical(tenant.dump())
        engagement = engagement_of("promio_to_freshsales", folder, url=tenant.url)
        notebooks.render(engagement)
        drafts = [Draft(f"promio:contacts:c-{n}", {"last_name": f"Ortiz {n}", "emails": f"o{n}@x.example"}) for n in (1, 2)]
        assert [outcome.state for outcome in engagement.connect().write("contact", drafts)] == ["done", "done"]
        yield engagement, tenant, before


@pytest.mark.parametrize("edited", [False, True])
def test_the_account_is_said_to_be_as_before_only_where_its_dump_is(tmp_path: Path, *, edited: bool) -> None:
    """A record that a person has changed stays, and so the account is not as it was."""
    with loaded(tmp_path) as (engagement, tenant, before):
        if edited:
            number = next(iter(tenant.dump()["records"]["contacts"]))
            headers = {"Authorization": f"Token token={KEY}"}
            body = {"contact": {"job_title": "Treasurer"}}
            httpx.put(f"{tenant.url}/contacts/{number}", headers=headers, json=body, trust_env=False).raise_for_status()
        there = canonical(tenant.dump())
    state, back = tmp_path / "tenant.db", tmp_path / "back"
    proof = proving.taken_back(engagement, state=state, folder=back, before=before, token=KEY, time_scale=SCALE)
    assert proof.holds is not edited
    assert proof.words.startswith("1 records" if edited else "2 records")
    assert ("1 kept" in proof.words) is edited and ("job_title" in proof.detail) is edited
    assert (back / "engagement" / "executed" / "rollback.html").is_file()
    with rehearsal.running("freshsales", state=state, token=KEY) as tenant:
        assert canonical(tenant.dump()) == there, "the account itself stays loaded"


# ---------------------------------------------------------------- a source that is read through its API


@pytest.mark.parametrize("route", [name for name in routes() if sample_of(name).by_api])
def test_both_states_of_a_tenant_are_extracted_with_the_rows_where_the_truth_has_them(route: str, tmp_path: Path) -> None:
    """Decisions name rows by file and line, so an extracted row has to stand on the line of its key."""
    sample = sample_of(route)
    engagement = engagement_of(route, tmp_path)
    for delivery in sample.deliveries:
        taken = take(engagement, sample, delivery, folder=tmp_path, time_scale=SCALE)
        engagement = taken.engagement
        assert proving.extracted(taken).holds, proving.extracted(taken).detail
    assert engagement.deliveries() == sample.deliveries
    intake.run(engagement)
    told = pd.read_csv(sample.truth / "rows.csv", dtype="str", keep_default_na=False)
    told = told[(told["delivery"] == "main") & (told["bucket"] != "rejected") & told["feed"].isin(["accounts", "contacts"])]
    told = told[told["file"] != "route"]
    places = dict(zip(told["file"] + ":" + told["line"], told["key"], strict=True))
    found = {}
    for name, table in engagement.source.tables.items():
        rows = engagement.load(f"tables/{name}")
        if len(table.key) == 1 and len(rows):
            found |= dict(zip(rows["_row"], rows[table.key[0]], strict=True))
    shared = places.keys() & found.keys()
    assert len(shared) == len(places) > 100
    assert {place: found[place] for place in shared} == {place: places[place] for place in shared}
    assert (engagement.root / SOURCE_CREDENTIALS).stat().st_mode & 0o777 == 0o600
    hidden = read_secrets(engagement.root)
    assert not [text for text in hidden if text in (engagement.root / "engagement.toml").read_text("utf-8")]
    engagement.store.dispose()
