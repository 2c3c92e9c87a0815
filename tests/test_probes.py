"""Contract probes settle what a vendor's pages leave open, and leave nothing behind, however they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import probing_alone
import programs
import pytest
from killing import answered
from probing_alone import SCALE, TOKEN, probed
from typer.testing import CliRunner

from workbench.cli import app
from workbench.destinations.probes import NAME
from workbench.engagement import Engagement, new_engagement
from workbench.errors import EngagementError, WaitError
from workbench.ledger.probing import conflicts, verdict_settings
from workbench.rehearsal import Rehearsal, canonical, running
from workbench.specs import Scalar
from workbench.stages import discovery, probes


@contextmanager
def engaged(
    folder: Path,
    *,
    switches: Mapping[str, str] | None = None,
    faults: tuple[str, ...] = (),
    destination: Mapping[str, Scalar] | None = None,
    scale: float = SCALE,
) -> Iterator[tuple[Engagement, Rehearsal]]:
    with running(
        "freshsales", state=folder / "tenant.db", token=TOKEN, time_scale=scale, switches=switches, faults=faults, seed=3
    ) as rehearsal:
        made = new_engagement(
            folder / "e",
            route="promio_to_freshsales",
            base_url=rehearsal.url,
            key=TOKEN,
            time_scale=scale,
            destination=destination,
        )
        yield made, rehearsal
        made.store.dispose()


def told(result: probes.Probes) -> dict[str, Scalar]:
    """Every verdict that was reached."""
    return {str(row.setting): json.loads(str(row.value)) for row in result.frame.itertuples() if row.value}


def open_rows(engagement: Engagement) -> pd.DataFrame:
    frame = engagement.ledger().frame()
    return frame[
        frame["key"].str.startswith("probe:") & (frame["verb"] == "create") & ~frame["state"].isin(["reversed", "rejected"])
    ]


FRESHSALES: list[tuple[dict[str, str], dict[str, Scalar | None]]] = [
    (
        {},
        {
            "create_status": 200, "created_at": "ignored", "external_id_unique": True, "upsert_external_id": True,
            "bulk_contact_key": "external_id", "bulk_status": 202, "job_data": "string", "job_ids": False, "bulk_rows": 100,
            "find_by": "filter", "lag_seconds": 60, "failed_calls_count": True, "field_creation": "api",
            "multi_select": "labels", "multi_select_out": "string", "bulk_marker": "unique", "note_html": "kept",
            "note_comment": True, "lifecycle_include": "lifecycle_stage",
        },
    ),
    (
        {
            "create_status": "201", "created_at": "honoured", "bulk_external_id": "refuse", "bulk_status": "200",
            "job_data": "object", "bulk_max": "250", "multi_select_out": "array", "bulk_custom_identifier": "refuse",
            "include_lifecycle": "lifecycle_stages", "contact_required": "email", "job_running": "QUEUED",
        },
        {
            "create_status": 201, "created_at": "honoured", "bulk_contact_key": "emails", "bulk_status": 200,
            "job_data": "object", "bulk_rows": 250, "multi_select_out": "array", "bulk_marker": "no",
            "lifecycle_include": "lifecycle_stages",
        },
    ),
    ({"bulk_max": "25", "field_create": "refuse"}, {"bulk_rows": 25, "field_creation": "checklist", "bulk_marker": None}),
    ({"bulk_max": "1000", "field_create_choices": "ignore"}, {"bulk_rows": 500, "field_creation": "checklist"}),
    ({"field_create_unique": "ignore", "include_lifecycle": "any"},
     {"bulk_marker": "no", "lifecycle_include": "lifecycle_stage"}),
    ({"bulk_max": "5", "recycle_bin_keys": "held"}, {"bulk_rows": 1}),
    ({"error_messages": "hashes", "reset_unit": "epoch", "body_429": "html", "limit_window": "rolling"}, {"bulk_rows": 100}),
]  # fmt: skip


@pytest.mark.parametrize(("switches", "expected"), FRESHSALES)
def test_a_verdict_follows_what_the_account_does(
    tmp_path: Path, switches: dict[str, str], expected: dict[str, Scalar | None]
) -> None:
    with engaged(tmp_path, switches=switches) as (engagement, rehearsal):
        before = canonical(rehearsal.dump())
        result = probes.run(engagement)
        found = told(result)
        assert {name: found.get(name) for name in expected} == expected
        assert result.left == () and open_rows(engagement).empty
        assert canonical(rehearsal.dump()) == before
        assert TOKEN not in result.frame.to_csv()
        assert len(rehearsal.log()) < 250  # a quarter of the smallest plan's hour


def test_the_lag_of_lists_and_filters_is_measured(tmp_path: Path) -> None:
    # As slow as the longest lag allows: a look that is late by half a second is late by ten of the account's.
    lags = {"list_lag_seconds": "60", "index_lag_seconds": "100"}
    with engaged(tmp_path, switches=lags, scale=20) as (engagement, rehearsal):
        before = canonical(rehearsal.dump())
        result = probes.run(engagement)
        found = told(result)
        assert 50 <= float(found["list_lag"]) <= 130 and 90 <= float(found["filter_lag"]) <= 200
        assert 3 * 90 <= float(found["lag_seconds"]) <= 600 and found["find_by"] == "filter"
        for _ in range(3):  # a busy moment looks like a longer lag: what stays is told, and goes next time
            result = probes.run(engagement) if result.left else result
        until = time.monotonic() + 30  # until the last deletion shows, too
        while canonical(rehearsal.dump()) != before and time.monotonic() < until:
            time.sleep(0.2)
        assert canonical(rehearsal.dump()) == before


def test_a_filter_that_finds_nothing_is_not_used_for_keys(tmp_path: Path) -> None:
    with engaged(tmp_path, switches={"index_lag_seconds": "100000"}) as (engagement, rehearsal):
        before = canonical(rehearsal.dump())
        result = probes.run(engagement)
        assert told(result)["find_by"] == "sweep" and told(result)["lag_seconds"] == 60
        assert result.left == () and canonical(rehearsal.dump()) == before


@pytest.mark.parametrize("purge", [True, False])
def test_sentinels_do_not_even_stay_in_the_recycle_bin(tmp_path: Path, purge: bool) -> None:
    with engaged(tmp_path, destination={"purge_on_rollback": purge}) as (engagement, rehearsal):
        probes.run(engagement)
        assert (rehearsal.log()["path"].str.endswith("/forget")).sum() >= 4
        assert NAME not in str(rehearsal.dump())


def test_a_plan_sends_nothing_and_says_what_would_be_made(tmp_path: Path) -> None:
    with engaged(tmp_path) as (engagement, rehearsal):
        planned = probes.plan(engagement)
        assert {"bulk", "marker", "lag"} <= set(planned["probe"]) and planned["makes"].str.contains("contact").any()
        assert len(rehearsal.log()) == 0


KILL = "import sys; from workbench.cli import app; app(['probe', sys.argv[1]])"


@pytest.mark.parametrize("requests", [26, 30, 37, 52, 64, 75, 92, 101, 112, 118])
def test_a_killed_run_leaves_nothing_once_the_next_one_has_ended(tmp_path: Path, requests: int) -> None:
    with engaged(tmp_path) as (engagement, rehearsal):
        before = canonical(rehearsal.dump())
        child = programs.started(["-c", KILL, str(engagement.root)], stdout=subprocess.DEVNULL)
        while answered(rehearsal.state) < requests and child.poll() is None:
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        child.wait()
        result = probes.run(engagement)
        assert result.left == () and open_rows(engagement).empty
        assert canonical(rehearsal.dump()) == before


@pytest.mark.parametrize(
    "fault", ["drop_after=0.15", "500_after=0.15", "drop_before=0.15", "truncated=0.15", "429=0.1,method=any"]
)
def test_lost_answers_leave_nothing_behind(tmp_path: Path, fault: str) -> None:
    with engaged(tmp_path, faults=(fault,)) as (engagement, rehearsal):
        before = canonical(rehearsal.dump())
        for _ in range(6):
            try:
                result = probes.run(engagement)
            except WaitError:
                continue
            if not result.left:
                break
        assert result.left == () and open_rows(engagement).empty
        assert canonical(rehearsal.dump()) == before


def test_a_sentinel_that_arrives_after_its_answer_was_given_up_does_not_stay(tmp_path: Path) -> None:
    with engaged(tmp_path, destination={"timeout_seconds": 1.0}) as (engagement, rehearsal):
        before = canonical(rehearsal.dump())
        rehearsal.order_fault("late", path="api/sales_accounts", seconds=1.15)
        result = probes.run(engagement)
        assert "bulk_marker" not in told(result)
        time.sleep(0.5)
        assert result.left == () and canonical(rehearsal.dump()) == before


# ---------------------------------------------------------------- Pipedrive, to which no route leads yet

PIPEDRIVE: list[tuple[dict[str, str], dict[str, Scalar | None]]] = [
    (
        {},
        {
            "create_status": 200, "deal_add_time": "refused", "lag_seconds": 60, "search_case": "insensitive",
            "note_html": "simple tags", "note_comment": False, "label_options": "accept", "limit_above": "cap",
            "failed_cost": True,
        },
    ),
    (
        {"deal_add_time": "accept", "note_html": "keep", "label_options": "refuse", "limit_above": "reject",
         "failed_cost": "off"},
        {
            "deal_add_time": "sent", "note_html": "kept", "note_comment": True, "label_options": "refuse",
            "limit_above": "reject", "failed_cost": False,
        },
    ),
    ({"limit_headers": "none", "deal_add_time": "v1"}, {"failed_cost": None, "deal_add_time": "v1"}),
]  # fmt: skip


@contextmanager
def pipedrive(folder: Path, **options: object) -> Iterator[tuple[Rehearsal, str]]:
    with running("pipedrive", state=folder / "tenant.db", token=TOKEN, time_scale=SCALE, seed=5, **options) as rehearsal:  # type: ignore[arg-type]
        yield rehearsal, canonical(rehearsal.dump())


@pytest.mark.parametrize(("switches", "expected"), PIPEDRIVE)
def test_a_verdict_on_pipedrive_follows_what_the_account_does(
    tmp_path: Path, switches: dict[str, str], expected: dict[str, Scalar | None]
) -> None:
    with pipedrive(tmp_path, switches=switches) as (rehearsal, before):
        result = probed(rehearsal.url, tmp_path)
        found = {str(row.setting): json.loads(str(row.value)) for row in result.frame.itertuples() if row.value}
        assert {name: found.get(name) for name in expected} == expected
        assert result.left == () and canonical(rehearsal.dump()) == before
        assert rehearsal.log()["tokens"].sum() < 1000  # of the smallest plan's 30,000 a day


def test_the_lag_of_pipedrives_lists_is_measured(tmp_path: Path) -> None:
    with pipedrive(tmp_path, switches={"list_lag_seconds": "60", "index_lag_seconds": "60"}) as (rehearsal, before):
        result = probed(rehearsal.url, tmp_path)
        found = {str(row.setting): json.loads(str(row.value)) for row in result.frame.itertuples() if row.value}
        assert 50 <= found["list_lag"] <= 150 and 150 <= found["lag_seconds"] <= 450
        assert result.left == () and canonical(rehearsal.dump()) == before


@pytest.mark.parametrize("requests", [22, 27, 31, 35, 39, 43, 47, 51, 55, 60])
def test_a_killed_run_on_pipedrive_leaves_nothing_once_the_next_one_has_ended(tmp_path: Path, requests: int) -> None:
    with pipedrive(tmp_path) as (rehearsal, before):
        known = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        child = programs.started([probing_alone.__file__, rehearsal.url, str(tmp_path)], environment=known)
        while answered(rehearsal.state) < requests and child.poll() is None:
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert answered(rehearsal.state) >= requests
        assert probed(rehearsal.url, tmp_path).left == ()
        assert canonical(rehearsal.dump()) == before


@pytest.mark.parametrize("fault", ["drop_after=0.15", "500_before=0.15"])
def test_lost_answers_of_pipedrive_leave_nothing_behind(tmp_path: Path, fault: str) -> None:
    with pipedrive(tmp_path, faults=[fault]) as (rehearsal, before):
        for _ in range(4):
            left = probed(rehearsal.url, tmp_path).left
        assert left == () and canonical(rehearsal.dump()) == before


# ---------------------------------------------------------------- what becomes of the answers


def test_settings_that_were_answered_go_before_the_file_and_engagement_toml_before_them(tmp_path: Path) -> None:
    with engaged(tmp_path, switches={"bulk_max": "250"}, destination={"lag_seconds": 5}) as (engagement, _):
        assert "bulk_rows" not in engagement.account().settings
        result = probes.run(engagement)
        settings = engagement.account().settings
        assert (settings["bulk_rows"], settings["bulk_marker"], settings["lag_seconds"]) == (250, "unique", 5)
        assert "create_status" not in settings
        assert len(result.conflicts) == 1 and "lag_seconds" in result.conflicts[0]
        assert "lag_seconds" in result._repr_html_() and probes.kept(engagement).frame.equals(result.frame)


def test_what_was_not_settled_settles_nothing() -> None:
    frame = pd.DataFrame({"setting": ["bulk_rows", "lanes", "fact"], "value": ["250", "", '"x"']})
    assert verdict_settings(frame, known=["bulk_rows", "lanes"]) == {"bulk_rows": 250}
    assert verdict_settings(None, known=["bulk_rows"]) == {}
    assert conflicts(frame, {"bulk_rows": 250, "lanes": 3}) == []


def test_a_live_account_is_not_probed_without_consent(tmp_path: Path) -> None:
    address = "https://acme.myfreshworks.com/crm/sales/api"
    made = new_engagement(tmp_path / "e", route="promio_to_freshsales", base_url=address, key=TOKEN)
    with pytest.raises(EngagementError, match="live account"):
        probes.run(made)
    said = CliRunner().invoke(app, ["probe", str(made.root)], input="n\n")
    assert said.exit_code == 1 and "live account" in said.output
    made.store.dispose()


def test_the_command_shows_the_plan_asks_and_tells_each_verdict(tmp_path: Path) -> None:
    with engaged(tmp_path) as (engagement, rehearsal):
        planned = CliRunner().invoke(app, ["probe", str(engagement.root), "--plan"])
        assert planned.exit_code == 0 and "bulk" in planned.output and len(rehearsal.log()) == 0
        done = CliRunner().invoke(app, ["probe", str(engagement.root)])
        assert done.exit_code == 0, done.output
        assert "a row is named by external_id" in done.output and TOKEN not in done.output


def test_the_discovery_shows_what_the_account_answered(tmp_path: Path) -> None:
    shown = discovery.Discovery(
        pd.DataFrame({"table": ["t"], "column": ["c"], "type": ["text"], "fill": [1.0], "distinct": [1], "samples": ["x"],
                      "issues": [""], "known": ["standard"]}),
        pd.DataFrame(columns=["table", "column", "points_at", "rows", "values"]),
        pd.DataFrame(),
        pd.DataFrame({"setting": ["bulk_rows"], "value": ["250"], "words": ["250 rows are the most"]}),
    )  # fmt: skip
    assert "250 rows are the most" in shown._repr_html_()
