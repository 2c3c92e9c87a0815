"""An engagement keeps its promises on disk: whole or not at all, private, gated, and written by one at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import workbench
from workbench.engagement import PHASES, Engagement, new_engagement, open_engagement
from workbench.errors import (
    EditError,
    EngagementError,
    EngagementLocked,
    ExportError,
    GateClosed,
    IntegrityError,
    SpecError,
)
from workbench.ledger import Guard

ROUTE = "promio_to_freshsales"
ADA = "Ada Byron <ada@example.org>"


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    folder = tmp_path / "from the customer"
    folder.mkdir()
    (folder / "customers.csv").write_bytes(b"\xef\xbb\xbfName;Mail\r\nAda;ada@example.org\r\n")
    return folder


@pytest.fixture
def engagement(tmp_path: Path, exports: Path) -> Iterator[Engagement]:
    made = new_engagement(tmp_path / "e", route=ROUTE, customer="Bright Roof", exports=exports, key="canary-4711")
    yield made
    made.store.dispose()


def test_a_new_engagement_is_private_and_holds_the_exports_byte_for_byte(engagement: Engagement, exports: Path) -> None:
    assert (engagement.exports() / "customers.csv").read_bytes() == (exports / "customers.csv").read_bytes()
    assert engagement.root.stat().st_mode & 0o777 == 0o700
    for name in (".credentials", ".signing-key.pem", "workbench.db", "journal.jsonl"):
        assert (engagement.root / name).stat().st_mode & 0o777 == 0o600, name
    assert engagement.deliveries() == ("main",)
    assert engagement.zone == "America/New_York" == engagement.source.zone
    assert engagement.journal.frame()["what"].tolist() == ["created"]


def test_the_key_stands_in_no_file_but_its_own(engagement: Engagement) -> None:
    engagement.journal.append("connected", detail={"with": "canary-4711"})
    files = [path for path in engagement.root.rglob("*") if path.is_file() and path.name != ".credentials"]
    assert files
    assert not [path.name for path in files if b"canary" in path.read_bytes()]
    assert "canary" not in repr(engagement)


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "thesis.txt").write_text("years of work")
    with pytest.raises(EngagementError, match="not empty"):
        new_engagement(tmp_path / "e", route=ROUTE)
    assert [path.name for path in (tmp_path / "e").iterdir()] == ["thesis.txt"]


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    (tmp_path / "e").mkdir()
    made = new_engagement(tmp_path / "e", route=ROUTE)
    assert made.status()["state"].tolist() == ["open"] * 9
    made.store.dispose()


def test_a_failure_leaves_nothing_half_written(tmp_path: Path, exports: Path) -> None:
    (exports / "broken").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ExportError, match="cannot be copied"):
        new_engagement(tmp_path / "e", route=ROUTE, exports=exports)
    with pytest.raises(ExportError, match="missing"):
        new_engagement(tmp_path / "e", route=ROUTE, exports=tmp_path / "nowhere")
    with pytest.raises(SpecError, match="no route"):
        new_engagement(tmp_path / "e", route="nowhere_to_nowhere")
    assert [path.name for path in tmp_path.iterdir()] == ["from the customer"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"edition": "deluxe"}, "edition"),
        ({"plan": "platinum"}, "plan"),
        ({"destination": {"bulk_rowz": 10}}, "destination"),
        ({"base_url": "https://ada:secret@example.org/api"}, "no password"),
        ({"base_url": "https://example.org/api?api_token=secret"}, "no password"),
        ({"store": "postgresql://ada:secret@localhost/x"}, "no password"),
        ({"time_scale": 0}, "greater than 0"),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_anything_is_made(
    tmp_path: Path, said: dict[str, object], words: str
) -> None:
    with pytest.raises(EngagementError) as told:
        new_engagement(tmp_path / "e", route=ROUTE, **said)  # type: ignore[arg-type]
    assert words in str(told.value)
    assert "secret" not in str(told.value)
    assert not (tmp_path / "e").exists()


def test_a_misspelt_or_broken_setting_is_told_with_its_place(engagement: Engagement) -> None:
    path = engagement.root / "engagement.toml"
    good = path.read_text()
    path.write_text('editon = "suite"\n' + good)
    with pytest.raises(EngagementError, match="may not") as told:
        open_engagement(engagement.root)
    assert "editon" in str(told.value)
    path.write_text(good + "= 3")
    with pytest.raises(EngagementError, match="not valid TOML"):
        open_engagement(engagement.root)


def test_an_engagement_is_found_by_path_by_environment_and_from_below(
    engagement: Engagement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORKBENCH_ENGAGEMENT", raising=False)
    monkeypatch.chdir(engagement.root / "notebooks")
    for opened in (open_engagement(), open_engagement(engagement.root), open_engagement(str(engagement.root))):
        assert opened.settings == engagement.settings
        opened.store.dispose()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EngagementError, match="no engagement here") as told:
        open_engagement()
    assert "workbench new" in str(told.value)
    monkeypatch.setenv("WORKBENCH_ENGAGEMENT", str(engagement.root))
    opened = open_engagement()
    assert opened.root == engagement.root
    opened.store.dispose()
    with pytest.raises(EngagementError, match="no engagement"):
        open_engagement(tmp_path)


def test_a_changed_journal_or_database_keeps_the_engagement_shut(engagement: Engagement) -> None:
    journal = engagement.root / "journal.jsonl"
    good = journal.read_bytes()
    journal.write_bytes(good.replace(b"Bright", b"Bricht"))
    with pytest.raises(IntegrityError, match="journal"):
        open_engagement(engagement.root)
    journal.write_bytes(good)
    engagement.store.dispose()
    (engagement.root / "workbench.db").write_bytes(b"not a database at all" * 300)
    with pytest.raises(IntegrityError, match="database"):
        open_engagement(engagement.root)


def test_a_route_of_ones_own_travels_with_the_engagement(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    packaged = Path(workbench.__file__).parent / "routes" / f"{ROUTE}.toml"
    own.write_text(packaged.read_text().replace('name = "promio_to_freshsales"', 'name = "mine"', 1))
    made = new_engagement(tmp_path / "e", route=own)
    own.unlink()
    made.store.dispose()
    opened = open_engagement(made.root)
    assert (opened.route.name, opened.settings.route) == ("mine", "route.toml")
    opened.store.dispose()


# ------------------------------------------------------------ deliveries and staged frames


def test_a_further_delivery_is_copied_whole_and_never_over_another(engagement: Engagement, exports: Path) -> None:
    engagement.receive(exports, delivery="delta")
    assert engagement.deliveries() == ("main", "delta")
    assert (engagement.exports("delta") / "customers.csv").exists()
    with pytest.raises(EngagementError, match="there already"):
        engagement.receive(exports, delivery="delta")
    with pytest.raises(ExportError, match="no delivery"):
        engagement.exports("final")
    with pytest.raises(EngagementError, match="no name"):
        engagement.receive(exports, delivery="../../elsewhere")


def test_a_delivery_of_a_name_that_no_phase_reads_is_not_taken(engagement: Engagement, exports: Path, tmp_path: Path) -> None:
    """Its rows would end in no bucket, and no document would say so."""
    with pytest.raises(EngagementError, match="no phase reads") as told:
        engagement.receive(exports, delivery="delta-2")
    assert "takes the place of its files" in str(told.value)
    assert engagement.deliveries() == ("main",)
    (tmp_path / "all" / "main").mkdir(parents=True)
    (tmp_path / "all" / "later").mkdir()
    with pytest.raises(EngagementError, match="no phase reads"):
        new_engagement(tmp_path / "f", route=ROUTE, exports=tmp_path / "all", deliveries=("main", "later"))
    assert not (tmp_path / "f").exists()


def test_a_folder_that_cannot_be_locked_is_said_in_words(engagement: Engagement) -> None:
    (engagement.root / ".lock").unlink(missing_ok=True)
    (engagement.root / ".lock").mkdir()
    with pytest.raises(EditError, match="cannot be locked") as told, engagement.lock():
        pass
    assert told.value.where.endswith(".lock") and told.value.todo


def test_a_frame_comes_back_as_it_was_saved(engagement: Engagement) -> None:
    frame = pd.DataFrame(
        {
            "row": ["a.csv:2", "a.csv:3", "a.csv:4"],
            "whole": pd.Series([1, pd.NA, 3], dtype=object),
            "mixed": pd.Series(["02134", 2134, True], dtype=object),
            "lists": pd.Series([["a", "b"], pd.NA, []], dtype=object),
            "texts": pd.Series(["x", pd.NA, ""], dtype=object),
            "typed": pd.Series([1, 2, 3], dtype="int64"),
            "text": pd.Series(["x", None, ""], dtype="str"),
            "nothing": pd.Series([pd.NA, pd.NA, pd.NA], dtype=object),
            "at": pd.to_datetime(["2026-01-01", None, "2026-01-03"], utc=True),
        }
    ).set_index("row", drop=False)
    engagement.save("records/contacts", frame)
    assert engagement.has("records/contacts")
    assert not engagement.has("records/contacts", delivery="delta")
    pd.testing.assert_frame_equal(engagement.load("records/contacts"), frame)
    kinds = [type(value) for value in engagement.load("records/contacts")["mixed"]]
    assert kinds == [str, int, bool]


CELL = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=6) | st.lists(st.text(max_size=3), max_size=2)
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(CELL, max_size=6))
def test_any_column_of_cells_comes_back_with_values_and_types(engagement: Engagement, cells: list[object]) -> None:
    values = np.empty(len(cells), dtype=object)
    values[:] = [pd.NA if cell is None else cell for cell in cells]
    engagement.save("any", pd.DataFrame({"cell": pd.Series(values, dtype=object)}))
    back = [None if cell is pd.NA else cell for cell in engagement.load("any")["cell"]]
    assert [(type(cell), cell) for cell in back] == [(type(cell), cell) for cell in cells]


def test_saving_that_fails_keeps_the_frame_that_was_there(engagement: Engagement) -> None:
    engagement.save("profile", pd.DataFrame({"a": [1]}))
    with pytest.raises(EditError, match="cannot be kept"):
        engagement.save("profile", pd.DataFrame({"a": pd.Series([object()], dtype=object)}))
    assert engagement.load("profile")["a"].tolist() == [1]
    assert [path.name for path in (engagement.root / "staged" / "main").iterdir()] == ["profile.parquet"]


def test_a_frame_that_is_missing_damaged_or_elsewhere_is_told(engagement: Engagement) -> None:
    with pytest.raises(EngagementError, match="not staged"):
        engagement.load("records/contacts")
    engagement.save("profile", pd.DataFrame({"a": [1]})).write_bytes(b"PAR1 no more")
    with pytest.raises(IntegrityError, match="cannot be read"):
        engagement.load("profile")
    for name in ("../profile", "/etc/passwd", "a//b", ".hidden", ""):
        with pytest.raises(EngagementError, match="no name"):
            engagement.save(name, pd.DataFrame({"a": [1]}))


# ------------------------------------------------------------ destination


def test_the_environments_key_goes_before_the_files(engagement: Engagement, monkeypatch: pytest.MonkeyPatch) -> None:
    addressed = _with_address(engagement)
    assert addressed.account().key.reveal() == "canary-4711"
    monkeypatch.setenv("WORKBENCH_KEY", "another")
    assert addressed.account().key.reveal() == "another"
    assert "another" not in repr(addressed.account())
    addressed.store.dispose()


def test_a_key_that_others_can_read_is_not_used(engagement: Engagement) -> None:
    addressed = _with_address(engagement)
    (engagement.root / ".credentials").chmod(0o644)
    with pytest.raises(EngagementError, match="others") as told:
        addressed.connect()
    assert "chmod 600" in str(told.value)
    addressed.store.dispose()


def test_without_address_or_key_there_is_nothing_to_connect_to(engagement: Engagement, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBENCH_KEY", raising=False)
    with pytest.raises(EngagementError, match="address"):
        engagement.connect()
    addressed = _with_address(engagement)
    (engagement.root / ".credentials").unlink()
    with pytest.raises(EngagementError, match="key"):
        addressed.connect()
    addressed.store.dispose()


def test_the_destination_is_reached_through_the_ledger_only(engagement: Engagement) -> None:
    addressed = _with_address(engagement)
    connected = addressed.connect()
    assert isinstance(connected, Guard)
    assert connected.name == "freshsales"
    assert addressed.ledger().frame().empty
    addressed.store.dispose()


def _with_address(engagement: Engagement) -> Engagement:
    path = engagement.root / "engagement.toml"
    path.write_text(path.read_text().replace('base_url = ""', 'base_url = "http://127.0.0.1:9/crm/sales/api"'))
    return open_engagement(engagement.root)


# ------------------------------------------------------------ phases


def test_a_phase_begins_only_when_every_earlier_one_has_passed(engagement: Engagement) -> None:
    assert engagement.gate("intake").passed == ()
    with pytest.raises(GateClosed, match="mapping cannot begin") as told:
        engagement.gate("mapping")
    assert "intake is open, discovery is open" in str(told.value)
    engagement.finish("intake", passed=True, summary={"rows": np.int64(3)})
    engagement.finish("discovery", passed=False, reasons=["two orphans"])
    with pytest.raises(GateClosed, match="two orphans"):
        engagement.gate("mapping")
    engagement.finish("discovery", passed=True)
    assert engagement.gate("mapping").passed == ("intake", "discovery")
    assert engagement.phase("intake").summary == {"rows": 3}


def test_a_phase_that_is_run_again_and_blocked_closes_the_gate_again(engagement: Engagement) -> None:
    engagement.finish("intake", passed=True)
    engagement.finish("intake", passed=False, reasons=["a file is gone"])
    with pytest.raises(GateClosed, match="a file is gone"):
        engagement.gate("discovery")


def test_a_waiver_with_name_and_reason_opens_the_gate_and_shows(engagement: Engagement) -> None:
    engagement.finish("intake", passed=False, reasons=["counts differ"])
    engagement.decisions.confirm("waiver", "intake", "waived", by=ADA, why="the customer knows")
    gate = engagement.gate("discovery")
    assert gate.frame.values.tolist() == [["intake", "waived", f"{ADA}: the customer knows"]]
    assert "the customer knows" in gate._repr_html_()


def test_the_rollback_needs_no_phase(engagement: Engagement) -> None:
    assert engagement.gate("rollback").frame.empty


def test_an_unknown_phase_is_refused(engagement: Engagement) -> None:
    with pytest.raises(EngagementError, match="no such phase"):
        engagement.gate("maping")
    with pytest.raises(EngagementError, match="no such phase"):
        engagement.finish("maping", passed=True)


def test_status_survives_and_stands_in_the_journal(engagement: Engagement) -> None:
    engagement.finish("intake", passed=True)
    engagement.finish("discovery", passed=False, reasons=["a", "b"])
    again = open_engagement(engagement.root)
    frame = again.status()
    again.store.dispose()
    assert frame["phase"].tolist() == list(PHASES)
    assert frame["state"].tolist() == ["passed", "blocked", *["open"] * 7]
    assert frame["reasons"][1] == "a; b"
    assert engagement.journal.frame()["subject"].tolist() == ["", "intake", "discovery"]


# ------------------------------------------------------------ lock

HOLD = """
import sys, time
from workbench.engagement import open_engagement
engagement = open_engagement(sys.argv[1])
with engagement.lock():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_writer_is_told_who_is_first_and_a_killed_one_leaves_no_lock(engagement: Engagement) -> None:
    environment = {**os.environ, "WORKBENCH_USER": "Grace Hopper", "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", HOLD, str(engagement.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(EngagementLocked, match="Grace Hopper") as told, engagement.lock():
            pass
        assert str(other.pid) in str(told.value)
        other.kill()
    with engagement.lock():
        pass


# ------------------------------------------------------------ several deliveries in one folder


@pytest.fixture
def deliveries(tmp_path: Path) -> Path:
    folder = tmp_path / "everything"
    for name in ("main", "delta", "second attempt"):
        (folder / name).mkdir(parents=True)
        (folder / name / "customers.csv").write_text(f"Name\n{name}\n")
    (folder / "request.json").write_text('{"tables": {}}')
    return folder


def _copied(made: Engagement) -> list[str]:
    made.store.dispose()
    folder = made.root / "exports"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_of_several_deliveries_main_is_taken_and_the_request_beside_them(tmp_path: Path, deliveries: Path) -> None:
    made = new_engagement(tmp_path / "e", route=ROUTE, exports=deliveries)
    assert _copied(made) == ["main/customers.csv", "request.json"]
    assert (made.exports() / "customers.csv").read_text() == "Name\nmain\n"


def test_further_deliveries_come_when_they_are_asked_for(tmp_path: Path, deliveries: Path) -> None:
    made = new_engagement(tmp_path / "e", route=ROUTE, exports=deliveries, deliveries=("main", "delta"))
    assert _copied(made) == ["delta/customers.csv", "main/customers.csv", "request.json"]
    assert made.deliveries() == ("main", "delta")


def test_a_request_among_the_files_of_the_only_delivery_is_no_export(tmp_path: Path, exports: Path) -> None:
    (exports / "request.json").write_text('{"tables": {}}')
    made = new_engagement(tmp_path / "e", route=ROUTE, exports=exports)
    assert _copied(made) == ["main/customers.csv", "request.json"]


@pytest.mark.parametrize("name", ["gamma", "../delta"])
def test_a_delivery_that_is_not_there_is_refused_and_nothing_is_made(tmp_path: Path, deliveries: Path, name: str) -> None:
    with pytest.raises((ExportError, EngagementError)) as told:
        new_engagement(tmp_path / "e", route=ROUTE, exports=deliveries, deliveries=("main", name))
    assert name in str(told.value)
    assert [path.name for path in tmp_path.iterdir()] == ["everything"]
