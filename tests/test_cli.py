"""Commands are thin, quick to start, and end in words and a code that a script can act on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import nbformat
import openpyxl
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from workbench.cli import app
from workbench.engagement import Engagement, new_engagement, open_engagement

ROUTE = "promio_to_freshsales"
ADA = "Ada Byron <ada@example.org>"
HERE = str(Path(__file__).parents[1])


def _run(*arguments: object, text: str | None = None) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=text)


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "customers.csv").write_text("Name;Mail\nAda;ada@example.org\n")
    return folder


@pytest.fixture
def engagement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engagement]:
    monkeypatch.delenv("WORKBENCH_KEY", raising=False)
    made = new_engagement(tmp_path / "e", route=ROUTE, customer="Bright Roof")
    yield made
    made.store.dispose()


def _owners(engagement: Engagement) -> None:
    frame = pd.DataFrame({"subject": ["jon", "(blank)"], "value": ["ada@example.org", "bob@example.org"]})
    engagement.decisions.propose("owner", frame.assign(confidence=[0.9, 0.5]))


def _notebook(engagement: Engagement, stem: str, *cells: str) -> None:
    """A notebook that a consultant wrote in the place of ours; this is how a phase is run here without a destination."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell, id=f"c{n}") for n, cell in enumerate(cells)])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (engagement.root / "notebooks" / f"{stem}.ipynb").write_text(nbformat.writes(made))


OPENED = "import workbench as wb\nengagement = wb.open_engagement()"


def test_help_imports_no_pandas() -> None:
    code = "import sys; from workbench.cli import app; assert 'pandas' not in sys.modules; app(['--help'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=HERE, check=False)
    assert done.returncode == 0, done.stderr
    assert "rehearse" in done.stdout


def test_new_makes_an_engagement_with_exports_key_and_notebooks(tmp_path: Path, exports: Path) -> None:
    (tmp_path / "key").write_text("canary-4711\n")
    options = ["--exports", exports, "--customer", "Bright Roof", "--key-file", tmp_path / "key"]
    made = _run("new", tmp_path / "e", "--route", ROUTE, *options, "--url", "http://127.0.0.1:9/crm/sales/api/")
    assert made.exit_code == 0, made.output
    assert "canary" not in made.output
    opened = open_engagement(tmp_path / "e")
    assert opened.settings.base_url == "http://127.0.0.1:9/crm/sales/api"
    assert opened.account().key.reveal() == "canary-4711"
    assert len(list((opened.root / "notebooks").glob("*.ipynb"))) == 10
    opened.store.dispose()


def test_the_key_of_the_environment_is_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_KEY", "canary-4711")
    assert _run("new", tmp_path / "e", "--route", ROUTE, "--key-file", "env").exit_code == 0
    assert not (tmp_path / "e" / ".credentials").exists()
    monkeypatch.delenv("WORKBENCH_KEY")
    assert "WORKBENCH_KEY is empty" in _run("new", tmp_path / "f", "--route", ROUTE, "--key-file", "env").stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["new", "e", "--route", ROUTE], 1, "not empty"),
        (["new", "f", "--route", "nowhere"], 1, "there is no route"),
        (["new", "f", "--route", "mine.toml"], 1, "there is no route"),
        (["new", "f", "--route", ROUTE, "--exports", "nowhere"], 1, "exports is missing"),
        (["new", "f", "--route", ROUTE, "--key-file", "nowhere"], 1, "key cannot be read"),
        (["new", "f"], 2, "--route"),
        (["status", "nowhere"], 1, "no engagement"),
        (["run", "e", "--from", "maping"], 2, "is no phase"),
        (["run", "e", "--accept-proposals", "0.85"], 2, "--as"),
        (["run", "e", "--accept-proposals", "85", "--as", "x"], 2, "accept-proposals"),
        (["verify", "nowhere"], 1, "no such package"),
        (["decide", "e", "nowhere.jsonl", "--as", ADA], 1, "cannot be read"),
        (["decide", "e", "nowhere.xlsx", "--as", ADA], 1, "no such workbook"),
        (["receive", "e", "nowhere"], 1, "exports is missing"),
        (["rehearse", "nowhere", "--state", "s", "--token", "t"], 1, "no rehearsal"),
        (["rehearse", "freshsales", "--token", "t"], 2, "--state"),
        (["rehearse", "freshsales", "--state", "s", "--token", "t", "--switch", "x"], 2, "name=value"),
        (["rollback", "nowhere"], 1, "no engagement"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_what_is_wrong_ends_in_words_without_a_stack(
    engagement: Engagement, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, words: str
) -> None:
    monkeypatch.chdir(engagement.root.parent)
    done = _run(*arguments)
    assert (done.exit_code, words in done.stderr) == (code, True), done.output
    assert "Traceback" not in done.output
    assert not (engagement.root.parent / "f").exists()


def test_status_speaks_to_people_and_to_programs(engagement: Engagement) -> None:
    engagement.finish("intake", passed=False, reasons=["a file is gone", "counts differ"])
    _owners(engagement)
    people = _run("status", engagement.root)
    assert "blocked" in people.stdout
    assert "2 owner decisions are missing" in people.stdout
    told = json.loads(_run("status", engagement.root, "--json").stdout)
    assert told["phases"][0]["reasons"] == ["a file is gone", "counts differ"]
    assert told["missing"] == {"owner": ["jon", "(blank)"]}


def test_status_counts_the_rows_of_what_was_loaded(engagement: Engagement, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    assert json.loads(_run("status", engagement.root, "--json").stdout)["rows"] == {}
    counted = pd.DataFrame({"feed": ["contacts"], "rows": [12], "loaded": [10], "held": [1], "closes": [False]})
    (engagement.root / "exports" / "main").mkdir()
    engagement.save("accounting", counted)
    engagement.finish("intake", passed=False, reasons=["a file is gone"] * 9)
    people = _run("status", engagement.root).stdout
    assert "0 of 9 phases passed" in people.splitlines()[0] and "adds up" in people
    assert "Customer → Contact    12      10     1  NO" in people
    assert max(map(len, people.splitlines())) <= 72
    told = json.loads(_run("status", engagement.root, "--json").stdout)
    assert told["rows"] == {"main": [{"feed": "contacts", "rows": 12, "loaded": 10, "held": 1, "closes": False}]}


def test_hostile_words_do_not_reach_the_terminal_as_commands(engagement: Engagement) -> None:
    engagement.finish("intake", passed=False, reasons=["file \x1b]0;owned\x07.csv"])
    shown = _run("status", engagement.root).stdout
    assert "\x1b" not in shown
    assert "owned" in shown


def test_decisions_go_out_and_come_back_in_both_forms(engagement: Engagement, tmp_path: Path) -> None:
    _owners(engagement)
    sheet_path, lines_path = tmp_path / "for the customer.xlsx", tmp_path / "decisions.jsonl"
    assert _run("export-decisions", engagement.root, sheet_path).exit_code == 0
    book = openpyxl.load_workbook(sheet_path)
    book["Owners"]["G3"].value = "nobody we know"
    book.save(sheet_path)
    merged = _run("decide", engagement.root, sheet_path, "--as", ADA)
    assert "1 accepted" in merged.stdout
    assert "1 impossible" in merged.stdout
    assert engagement.decisions.mapping("owner") == {"jon": "ada@example.org"}
    assert _run("export-decisions", engagement.root, lines_path).exit_code == 0
    other = new_engagement(tmp_path / "other", route=ROUTE)
    assert "1 new decisions" in _run("decide", other.root, lines_path, "--as", ADA).stdout
    assert "0 new decisions" in _run("decide", other.root, lines_path, "--as", ADA).stdout
    assert other.decisions.mapping("owner") == {"jon": "ada@example.org"}
    other.store.dispose()


def test_a_package_verifies_until_one_byte_changes(engagement: Engagement) -> None:
    (engagement.root / "package" / "index.html").write_text("<p>done</p>")
    built = _run("package", engagement.root)
    assert built.exit_code == 0, built.output
    archive = engagement.root / "package.zip"
    fingerprint = built.stdout.strip().rpartition(" ")[2]
    with zipfile.ZipFile(archive) as inside:
        files = len(inside.namelist())
    assert f"{files} files in" in built.stdout
    for path in (archive, engagement.root / "package", engagement.root):
        good = _run("verify", path, "--fingerprint", fingerprint)
        assert good.exit_code == 0
        assert f"{files} files" in good.stdout
    assert _run("verify", archive, "--fingerprint", "0" * 64).exit_code == 1
    archive.write_bytes(archive.read_bytes().replace(b"<p>done</p>", b"<p>dome</p>"))
    bad = _run("verify", archive)
    assert bad.exit_code == 1
    assert "changed  index.html" in bad.stdout
    assert f"NOT GOOD: 1 of {files} files" in bad.stderr


def test_a_package_shows_every_executed_notebook_without_a_kernel(engagement: Engagement) -> None:
    (engagement.root / "executed" / "02_discovery.html").write_text("of an older run")
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# What arrived", id="c0")])
    (engagement.root / "executed" / "01_intake.ipynb").write_text(nbformat.writes(made))
    assert _run("package", engagement.root).exit_code == 0
    pages = sorted(path.name for path in (engagement.root / "package" / "notebooks").iterdir())
    assert pages == ["01_intake.html", "01_intake.ipynb"]
    page = (engagement.root / "package" / "notebooks" / "01_intake.html").read_text()
    assert "What arrived" in page
    assert "<script" not in page
    assert _run("verify", engagement.root / "package.zip").exit_code == 0


def test_rollback_shows_asks_and_has_nothing_to_do_in_a_new_engagement(engagement: Engagement) -> None:
    assert _run("rollback", engagement.root, "--plan").exit_code == 0
    refused = _run("rollback", engagement.root, text="n\n")
    assert refused.exit_code == 1
    assert "Put all of this back?" in refused.stdout
    assert "rolled back" not in engagement.journal.frame()["what"].tolist()


# ------------------------------------------------------------ run: real kernels


@pytest.fixture
def runnable(engagement: Engagement, monkeypatch: pytest.MonkeyPatch) -> Engagement:
    monkeypatch.setenv("PYTHONPATH", HERE)
    propose = (
        "import pandas as pd\n"
        "frame = pd.DataFrame({'subject': ['jon', '(blank)'], 'value': ['ada@example.org', 'bob@example.org']})\n"
        "engagement.decisions.propose('owner', frame.assign(confidence=[0.9, 0.86]))"
    )
    require = "engagement.decisions.require('owner', where='04_owners')\nengagement.finish('owners', passed=True)"
    _notebook(engagement, "04_owners", OPENED, propose, require)
    _notebook(engagement, "05_provisioning", OPENED, "engagement.gate('provisioning')")
    return engagement


def test_a_missing_decision_ends_the_run_with_3_and_the_list(runnable: Engagement) -> None:
    done = _run("run", runnable.root, "--from", "owners", "--to", "owners")
    assert done.exit_code == 3, done.output
    assert "jon, (blank)" in done.stderr
    assert "Traceback" not in done.output


def test_a_run_in_a_persons_name_accepts_and_goes_on_and_a_closed_gate_ends_it_with_4(runnable: Engagement) -> None:
    command = ["run", runnable.root, "--from", "owners", "--to", "provisioning", "--accept-proposals", "0.85", "--as", ADA]
    done = _run(*command)
    assert done.exit_code == 4, done.output
    assert "accepted 2 proposals" in done.stderr
    assert "intake is open" in done.stderr
    assert runnable.decisions.mapping("owner") == {"jon": "ada@example.org", "(blank)": "bob@example.org"}
    assert set(runnable.decisions.history("owner")["by"]) == {ADA}
    assert runnable.phase("owners").state == "passed"


def test_what_is_not_sure_enough_is_not_accepted(runnable: Engagement) -> None:
    command = ["run", runnable.root, "--from", "owners", "--to", "owners", "--accept-proposals", "0.88", "--as", ADA]
    done = _run(*command)
    assert done.exit_code == 3, done.output
    assert runnable.decisions.missing("owner") == ["(blank)"]


# ------------------------------------------------------------ rehearse: a real server


def _rehearsal(tmp_path: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from workbench.cli import app; app()", "rehearse", "freshsales"]
    options = ["--state", str(tmp_path / "tenant.db"), "--token", "canary-4711", *more]
    environment = {**os.environ, "PYTHONPATH": HERE}
    return subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_a_rehearsal_serves_until_ctrl_c_and_says_where(tmp_path: Path) -> None:
    with _rehearsal(tmp_path, "--time-scale", "60", "--switch", "minute_cap=0") as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        url = line.split()[-1]
        headers = {"Authorization": "Token token=canary-4711"}
        assert httpx.get(f"{url}/selector/owners", headers=headers).status_code == 200
        assert httpx.get(f"{url}/selector/owners").status_code == 401
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=60)
    assert server.returncode == 130
    assert "stopped" in errors
    assert "Traceback" not in errors
    assert "canary" not in line + errors


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = _run("rehearse", "freshsales", "--state", tmp_path / "s.db", "--token", "t", "--port", taken.getsockname()[1])
    assert done.exit_code == 1
    assert "is taken" in done.stderr


def test_the_switches_of_a_rehearsal_are_listed() -> None:
    done = _run("rehearse", "freshsales", "--switches")
    assert done.exit_code == 0
    assert "minute_cap" in done.stdout


def test_an_engagement_can_be_moved(engagement: Engagement, tmp_path: Path) -> None:
    engagement.finish("intake", passed=True)
    engagement.store.dispose()
    shutil.move(engagement.root, tmp_path / "elsewhere")
    assert "passed" in _run("status", tmp_path / "elsewhere").stdout
