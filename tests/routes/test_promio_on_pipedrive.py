"""The second destination: the same stages take Promio's files into a Pipedrive account, and nothing knows which it is."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import programs
import pytest
from pipedrive_account import Account
from places import reached
from tenant import alike, wanted
from walk import KIM, SAMPLE, TIME_SCALE, TOKEN, Walk, cut_over, expected, load_main, resumed, serve, stage_delta, stage_main

from workbench.engagement import Engagement, new_engagement, open_engagement
from workbench.flow.transfer import read_back
from workbench.rehearsal import canonical
from workbench.stages import (
    discovery,
    handoff,
    intake,
    mapping,
    owners,
    probes,
    production,
    provisioning,
    rollback,
    secondpass,
    validate,
)

HERE = Path(__file__).parent
ROUTE = HERE / "promio_to_pipedrive.toml"
FEW = 110
"""Rows of the two long files that are kept, so that a walk takes seconds."""
RECORDED = ("scope", "duplicate", "owner")
"""Decisions of the sample that hold whatever the destination is."""
VALUES = {
    "contacts/Lifecycle=Churned": "Lost",
    "leads/Lead Status=Not interested": "Unqualified",
    "deals/Status=Paused": "Scheduled",
    "deals/Status=Canceled": "Completed",
    "deals/Status=Cancelled": "Completed",
    "deals/Channels=PPC": "Google Ads",
}
STAGES = {"Paused": "Scheduled", "Cancelled": "Completed"}
"""Stages of the truth that the pipeline of this account lacks."""
KINDS = {
    "accounts": "organizations",
    "contacts": "persons",
    "leads": "persons",
    "deals": "deals",
    "calls": "activities",
    "lead_calls": "notes",
}


@pytest.fixture(scope="session")
def staged(run_folder: Path) -> Path:
    """Everything decided and staged; the account has been probed, and holds nothing of ours."""
    return reached(run_folder / "pipedrive-staged", _stage)


def _stage(folder: Path) -> None:
    with serve(folder, vendor="pipedrive") as served:
        engagement = new_engagement(
            folder / "engagement",
            route=ROUTE,
            customer="Bright Roof Services",
            exports=_cut(folder / "exports"),
            deliveries=("main", "delta"),
            base_url=served.url,
            key=TOKEN,
            time_scale=TIME_SCALE,
        )
        _decide(engagement)
        stage_main(engagement)
        assert validate.run(engagement).passed
        engagement.store.dispose()


@pytest.fixture(scope="module")
def loaded(staged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Production has run, and the delta is staged."""
    folder = tmp_path_factory.mktemp("pipedrive-loaded")
    with resumed(staged, folder, vendor="pipedrive") as walk:
        assert load_main(walk.engagement).passed
        stage_delta(walk.engagement)
        walk.engagement.decisions.accept(0.5, by=KIM)
    return folder


@pytest.fixture(scope="module")
def after_main(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """The walk after production, for tests that only look."""
    with resumed(loaded, tmp_path_factory.mktemp("pipedrive-after"), vendor="pipedrive") as walk:
        yield walk


# ---------------------------------------------------------------- before the load


def test_the_forecast_shows_every_plan_with_its_days_and_what_folding_saves(staged: Path, tmp_path: Path) -> None:
    """Calls of customers are activities, which a note can tell ten at a time."""
    with resumed(staged, tmp_path / "walk", vendor="pipedrive") as walk:
        found = production.plan(walk.engagement)
        records = {feed: len(walk.engagement.load(f"records/{feed}")) for feed in KINDS}
    frame = found.frame.set_index("object")
    assert found.frame["records"].tolist() == found.frame["load"].tolist() == list(records.values())
    looks = frame["look-ups"] + frame["read-back"]
    assert frame.loc["activity", "tokens"] == 5 * records["calls"] + 10 * looks["activity"]
    assert frame.loc["note", "tokens"] == 10 * records["lead_calls"] + 20 * looks["note"]
    shown = found.tiers_frame()
    assert shown["plan"].tolist() == ["Lite", "Growth (this account)", "Premium", "Ultimate"]
    assert (shown["days of budget"] >= 1).all()
    own = next(tier for tier in found.tiers if tier.plan == "growth")
    assert own.folded < own.hours
    assert "Folding histories into notes" in found.saving()
    assert found.frame["hours"].sum() == pytest.approx(own.hours)


def test_probes_ask_the_account_and_leave_nothing_behind(staged: Path, tmp_path: Path) -> None:
    with resumed(staged, tmp_path / "walk", vendor="pipedrive") as walk:
        before = canonical(walk.tenant.dump())
        told = probes.run(walk.engagement)
        assert told.left == ()
        assert (told.frame["value"] != "").any()
        assert canonical(walk.tenant.dump()) == before


# ---------------------------------------------------------------- what arrived


@pytest.mark.parametrize("feed", ["accounts", "contacts", "leads", "deals", "reputation", "owners"])
def test_every_row_ends_as_the_truth_says(after_main: Walk, feed: str) -> None:
    """Bucket, reason and surviving record are the same on every destination."""
    settled = after_main.engagement.load(f"final/{feed}")
    found = {str(row.row): (row.bucket, _words(row.reason), _words(row.record)) for row in settled.itertuples()}
    truth = _truth_of_rows().query("feed == @feed")
    assert found == {row.place: (row.bucket, row.reason, row.record) for row in truth.itertuples()}


def test_every_call_becomes_an_activity_or_a_note_or_has_its_reason(after_main: Walk) -> None:
    """Counted with csv, without our readers: who is named decides what becomes of a call."""
    with (after_main.engagement.exports() / "calls.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = [row for row in csv.reader(stream) if any(row)][3:]
    names = dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True))
    customers = sum(bool(name.strip()) for name in names["Customer ID"])
    leads = sum(
        bool(lead.strip()) and not name.strip() for lead, name in zip(names["Lead ID"], names["Customer ID"], strict=True)
    )
    accounting = after_main.engagement.load("accounting").set_index("feed")
    assert accounting["closes"].all()
    assert accounting["rows"].loc[["calls", "lead_calls"]].tolist() == [len(rows) - 1] * 2
    assert int(accounting.loc["calls", ["loaded", "held"]].sum()) == customers
    assert int(accounting.loc["lead_calls", ["loaded", "held"]].sum()) == leads
    held = after_main.engagement.load("unresolved").query("feed in ['calls', 'lead_calls']")
    assert set(held["reason"]) <= {"parent_missing"}


def test_the_account_holds_every_value_that_the_truth_promises(after_main: Walk) -> None:
    there = Account(after_main)
    truth = expected("records").query("delivery == 'main'")
    whole = _whole_records()
    truth = truth[truth["record"].isin(whole) & ~truth["field"].str.startswith(("last_call_", "review_link"))]
    assert truth["object"].value_counts().min() > 100
    wrong = [
        (row.record, row.field, row.value, found)
        for row in truth.itertuples()
        if not alike(found := there.value(row.record, row.field), wanted(row.field, STAGES.get(row.value, row.value)))
    ]
    assert wrong == []


def test_the_certificate_lays_ledger_and_account_beside_each_other(after_main: Walk) -> None:
    """As many records of each kind as were loaded, each key once, and nobody else's."""
    there, accounting = Account(after_main), after_main.engagement.load("accounting").set_index("feed")
    certificate = after_main.engagement.load("certificate").set_index("object")
    assert list(certificate.index) == ["organization", "person", "deal", "activity", "note"]
    assert certificate["holds"].all()
    assert not certificate[["missing", "twins", "strangers"]].to_numpy().any()
    for kind in dict.fromkeys(KINDS.values()):
        feeds = [feed for feed, other in KINDS.items() if other == kind]
        keys = there.keys(kind)
        assert len(there.of(kind)) == len(keys) == len(set(keys)) == int(accounting.loc[feeds, "loaded"].sum())
    assert certificate["one to one"].tolist() == [len(there.of(kind)) for kind in dict.fromkeys(KINDS.values())]
    assert all(each.wrong == 0 for each in read_back(after_main.engagement).values())


# ---------------------------------------------------------------- again, the delta, and back


def test_a_second_walk_writes_nothing_the_delta_comes_in_and_the_rollback_leaves_the_account_as_it_was(
    staged: Path, loaded: Path, tmp_path: Path
) -> None:
    with resumed(staged, tmp_path / "empty", vendor="pipedrive") as untouched:
        before = canonical(untouched.tenant.dump())
    with resumed(loaded, tmp_path / "walk", vendor="pipedrive") as walk:
        asked = walk.requests()
        provisioning.run(walk.engagement)
        assert production.run(walk.engagement).passed
        assert secondpass.run(walk.engagement).good
        assert walk.writes(asked) == []
        then = Account(walk)
        brought = cut_over(walk.engagement)
        assert brought.passed
        assert (int(brought.frame["new"].sum()), int(brought.frame["changed"].sum())) > (10, 5)
        _the_delta_is_there(walk, then)
        asked = walk.requests()
        assert cut_over(walk.engagement).passed
        assert secondpass.run(walk.engagement).good
        _the_documents_speak_of_pipedrive(walk.engagement)
        assert walk.writes(asked) == []
        undone = rollback.run(walk.engagement)
        assert set(undone.frame["verdict"]) == {"reversed"}
        assert canonical(walk.tenant.dump()) == before


def _the_delta_is_there(walk: Walk, then: Account) -> None:
    """Changed values stand there, new records once; the leads that signed stand there as the customer, and nowhere else."""
    there, truth = Account(walk), expected("changes")
    for row in truth.query("new != 'created' and not field.str.startswith('last_call_')").itertuples():
        if not row.field.startswith(("call_recording", "review_link")):
            assert alike(there.value(row.record, row.field), wanted(row.field, row.new)), (row.record, row.field)
    assert all(there.value(row.record, "owner") for row in truth.query("new == 'created'").itertuples())
    for kind in dict.fromkeys(KINDS.values()):
        keys = there.keys(kind)
        assert len(keys) == len(set(keys)) == len(there.of(kind)) >= len(then.of(kind))


def _the_documents_speak_of_pipedrive(engagement: Engagement) -> None:
    given = handoff.run(engagement)
    assert given.good, given.statements
    pages = [path for path in (engagement.root / "package").rglob("*.html") if "notebooks" not in path.parts]
    told = "".join(path.read_text("utf-8") for path in pages)
    assert len(pages) > 5
    assert "Pipedrive" in told
    assert "Freshsales" not in told


# ---------------------------------------------------------------- faults


def test_a_faulty_load_that_is_killed_and_resumed_ends_exactly_once(staged: Path, tmp_path: Path) -> None:
    """One answer in twenty is lost after the deed, one in twenty before it; then the process is killed between two calls."""
    folder = tmp_path / "walk"
    with resumed(staged, folder, vendor="pipedrive", faults=("drop_after=0.05", "drop_before=0.05"), seed=5) as walk:
        walk.engagement.store.dispose()
        assert not _pushed(walk, kill_after=160)
        assert _pushed(walk)
        assert walk.tenant.log()["fault"].value_counts().min() > 10
        again = Walk(open_engagement(walk.engagement.root), walk.tenant)
        there = Account(again)
        for kind in dict.fromkeys(KINDS.values()):
            wanted_ = [f"promio:{key.replace('/', ':', 1)}".lower() for key in _loaded_keys(again.engagement, kind)]
            assert sorted(there.keys(kind)) == sorted(wanted_)
            assert len(there.of(kind)) == len(wanted_)
        again.engagement.store.dispose()


def _pushed(walk: Walk, *, kill_after: int = 0) -> bool:
    """Load in a process of its own; False where it was killed after so many further requests."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)])}
    since = walk.requests()
    arguments = [str(HERE / "pushing.py"), "load", str(walk.engagement.root)]
    with programs.started(arguments, environment=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while kill_after and process.poll() is None and walk.requests() < since + kill_after:
            time.sleep(0.02)
        if kill_after and process.poll() is None:
            process.send_signal(signal.SIGKILL)
        assert process.stderr is not None
        told = process.stderr.read()
    assert process.returncode in (0, -signal.SIGKILL), told
    return process.returncode == 0


# ---------------------------------------------------------------- inside


def _decide(engagement: Engagement) -> None:
    """What Kim knows from the sample's own decisions, her word where the map is unsure, and every sure proposal."""
    lines = [json.loads(line) for line in (SAMPLE / "decisions.jsonl").read_text("utf-8").splitlines()]
    for kind in RECORDED:
        chosen = [{"subject": line["subject"], "value": line["value"]} for line in lines if line["kind"] == kind]
        engagement.decisions.confirm_many(kind, pd.DataFrame(chosen), by=KIM, why="known to the office")
    for point in engagement.route.checklist:
        engagement.decisions.confirm("quiet", point, "done", by=KIM)
    engagement.decisions.confirm("field", "leads/Notes", {"target": "new:Notes", "type": "long_text"}, by=KIM)
    for subject, option in VALUES.items():
        engagement.decisions.confirm("value", subject, option, by=KIM)
    intake.run(engagement)
    discovery.propose(engagement)
    mapping.propose(engagement)
    engagement.decisions.accept(0.8, by=KIM)
    mapping.propose_options(engagement)
    owners.propose(engagement)
    engagement.decisions.accept(0.8, by=KIM)


def _cut(folder: Path) -> Path:
    """The sample with the first rows of its long files, and without the letter that counts them."""
    for delivery in ("main", "delta"):
        (folder / delivery).mkdir(parents=True)
        for file in (SAMPLE / delivery).iterdir():
            if file.suffix != ".txt":
                shutil.copy(file, folder / delivery / file.name)
    for name in ("leads.csv", "calls.csv"):
        path = folder / "main" / name
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[: FEW + 4]))
    return folder


def _truth_of_rows() -> pd.DataFrame:
    """The truth about the rows that were kept, with their place as the workbench writes it."""
    truth = expected("rows").query("delivery == 'main'")
    kept = truth[~truth["file"].isin(["leads.csv", "calls.csv"]) | (truth["line"].astype(int) <= FEW + 4)]
    return kept.assign(place=kept["file"] + ":" + kept["line"])


def _whole_records() -> set[str]:
    """Records of which no row was cut off."""
    truth, kept = expected("rows").query("delivery == 'main'"), _truth_of_rows()
    cut = set(truth.loc[~truth.index.isin(kept.index) & (truth["feed"] != "calls"), "record"])
    return set(kept.loc[kept["bucket"] == "loaded", "record"]) - cut


def _loaded_keys(engagement: Engagement, kind: str) -> list[str]:
    finals = [engagement.load(f"final/{feed}") for feed, other in KINDS.items() if other == kind]
    return [str(key) for final in finals for key in final.loc[final["bucket"] == "loaded", "record"]]


def _words(value: object) -> str:
    return "" if pd.isna(value) else str(value)
