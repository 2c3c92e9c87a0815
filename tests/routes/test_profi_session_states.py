"""RP6: what becomes of a session's state is asked value by value, and by what the account has a place for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from profi_walk import SAMPLE, confirm, decide
from walk import TIME_SCALE, TOKEN

from workbench import rehearsal
from workbench.engagement import Engagement, new_engagement
from workbench.errors import DecisionMissing
from workbench.stages import discovery, intake, mapping

ROUTE = "profi_to_pipedrive"
STATES = ("scheduled", "completed", "cancelled", "no_show", "rescheduled")


@contextmanager
def proposed(folder: Path, *, switches: dict[str, str]) -> Iterator[Engagement]:
    """An engagement of which columns have been proposed a field, all of them confirmed, and values an option."""
    exports = folder / "exports"
    shutil.copytree(SAMPLE / "main", exports)
    with rehearsal.running(
        "pipedrive", state=folder / "t.db", token=TOKEN, tenant="pipedrive_profi", time_scale=TIME_SCALE, switches=switches
    ) as served:
        engagement = new_engagement(
            folder / "e", route=ROUTE, exports=exports, base_url=served.url, key=TOKEN, time_scale=TIME_SCALE
        )
        confirm(engagement, "scope", {question.name: question.default for question in engagement.route.scope})
        intake.run(engagement)
        discovery.propose(engagement)
        decide(engagement, ROUTE, "main", ("duplicate", "link"))
        confirm(engagement, "duplicate", {subject: {"into": ""} for subject in engagement.decisions.missing("duplicate")})
        discovery.run(engagement)
        fields = mapping.propose(engagement)
        confirm(engagement, "field", dict(zip(fields["subject"], fields["value"], strict=True)))
        yield engagement
        engagement.store.dispose()


def options(values: pd.DataFrame, column: str) -> dict[str, tuple[str, list[str]]]:
    """Value → what is proposed for it, and what may be chosen."""
    mine = values[values["subject"].str.startswith(f"sessions/{column}=")]
    said = mine["subject"].str.removeprefix(f"sessions/{column}=")
    return dict(zip(said, zip(mine["value"], mine["alternatives"], strict=True), strict=True))


@pytest.mark.row("RP6")
def test_every_state_is_proposed_its_nearest_place_and_none_is_mapped_before_somebody_says_so(tmp_path: Path) -> None:
    with proposed(tmp_path, switches={}) as engagement:
        values = mapping.propose_options(engagement)
        states, over, types = (options(values, column) for column in ("status", "Over", "type"))
        assert set(STATES) < states.keys() == over.keys()
        assert {states[word][0] for word in states} == set(STATES)
        assert all(choices == ["", *STATES] for _, choices in states.values())
        meant = {"Booked": "scheduled", "Confirmed": "scheduled", "Canceled": "cancelled", "No-show": "no_show"}
        assert {word: states[word][0] for word in meant if word in states} == {w: m for w, m in meant.items() if w in states}
        assert {word for word, (done, _) in over.items() if done == "false"} == {
            word for word, (state, _) in states.items() if state == "scheduled"
        }
        assert {word: kind for word, (kind, _) in types.items()} == {
            "one_on_one": "Meeting",
            "group": "Meeting",
            "consultation": "Call",
        }
        missing = engagement.decisions.missing("value")
        assert {f"sessions/status={word}" for word in states} | {f"sessions/Over={word}" for word in over} <= set(missing)
        with pytest.raises(DecisionMissing):
            mapping.run(engagement)


@pytest.mark.row("RP12")
def test_a_column_that_the_scope_leaves_behind_is_proposed_no_field(tmp_path: Path) -> None:
    with proposed(tmp_path, switches={}) as engagement:
        notes = engagement.decisions.proposals("field").set_index("subject").loc["clients/Dietary Notes"]
        assert notes["value"] == {"target": ""} and notes["reasons"] == "the scope was answered so that it stays behind"


@pytest.mark.row("RP6")
def test_where_activities_have_no_outcome_the_state_is_left_to_the_note_and_that_is_said(tmp_path: Path) -> None:
    """By what the account has: its fields are asked, not the vendor's pages."""
    with proposed(tmp_path, switches={"activity_outcome": "off"}) as engagement:
        assert engagement.decisions.value("field", "sessions/status") == {"target": ""}
        assert engagement.decisions.value("field", "sessions/title") == {"target": "subject"}
        reasons = engagement.decisions.proposals("field").set_index("subject")["reasons"]
        assert reasons["sessions/status"] == "the account has no field outcome on activity"
        values = mapping.propose_options(engagement)
        assert options(values, "status") == {} and options(values, "Over")
        note = next(rule for rule in engagement.route.feed("sessions").fields if rule.to == "note")
        assert note.compose.strip().startswith("Status: {status}")
