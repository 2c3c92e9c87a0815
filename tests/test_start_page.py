"""The start page: how an engagement stands, at a glance, in a notebook that is right before any kernel has run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from typer.testing import CliRunner

from workbench.cli import app
from workbench.engagement import PHASES, Engagement, new_engagement
from workbench.engagement.glance import glance
from workbench.engagement.locking import START_LOCK, held
from workbench.flow.running import Board
from workbench.ledger.loading.progress import Progress
from workbench.rendering import STEMS, read_notebook, render, trust_start, write_start
from workbench.stages import intake
from workbench.widgets.starting import Follower

ADA = "Ada Byron <ada@example.org>"
SAMPLE = Path(__file__).resolve().parents[1] / "sample_exports" / "promio"
HOSTILE = "Harbour <img src=x onerror=alert(1)> & Sons"
BUCKETS = ["loaded", "merged", "excluded", "rejected", "held", "failed"]


@pytest.fixture
def engagement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engagement]:
    monkeypatch.setenv("WORKBENCH_USER", "Kim")
    made = new_engagement(tmp_path / "e", route="promio_to_freshsales", customer=HOSTILE)
    render(made)
    yield made
    made.store.dispose()


def page_of(engagement: Engagement) -> str:
    """What the start page shows as it lies on the disk."""
    cell = next(each for each in read_notebook(engagement.root / "start.ipynb").cells if each.cell_type == "code")
    html: str = cell.outputs[0].data["text/html"]
    return html


def test_a_new_engagement_has_a_start_page_that_leads_to_every_notebook(engagement: Engagement) -> None:
    page = page_of(engagement)
    links = re.findall(r'href="([^"]*)"', page)
    assert [f"notebooks/{stem}.ipynb" for stem in STEMS[:-1]] == sorted(set(links))
    assert all((engagement.root / link).is_file() for link in links)
    assert "Next: " in page and "0 of 9 phases are done" in page
    assert "<img" not in page and "&lt;img src=x onerror=alert(1)&gt;" in page
    prose = read_notebook(engagement.root / "start.ipynb").cells[0].source
    assert "{customer}" not in prose and "<img" not in prose


def test_it_shows_phases_rows_waivers_decisions_and_what_is_next(engagement: Engagement) -> None:
    engagement.receive(SAMPLE / "main", delivery="main")
    received = intake.run(engagement)
    seen = glance(engagement)
    lines = received.frame.loc[received.frame["file"] != "", "rows"].sum()
    assert int(seen.rows[0].frame["read"].sum()) == lines
    assert seen.next == "discovery"
    assert seen.last is None
    engagement.finish("discovery", passed=False, reasons=["three orphans"])
    engagement.waive("discovery", reason="they are known", by=ADA, role="data owner")
    engagement.decisions.propose("owner", pd.DataFrame({"subject": ["jon", "sue"], "value": ["", ""]}))
    engagement.decisions.confirm("owner", "jon", "ada@example.org", by=ADA)
    seen = glance(engagement)
    assert (seen.next, dict(seen.left)) == ("mapping", {"owner": (2, 1)})
    assert seen.last is not None
    assert (seen.last.by, seen.last.kind, seen.last.subject) == (ADA, "owner", "jon")
    page, words = seen._repr_html_(), repr(seen)
    for said in ("✓ waived", "they are known", "data owner", "Ada Byron decided last: owner jon"):
        assert said in page
        assert said in words
    assert "2 of 9 phases are done" in words


def test_staged_rows_and_then_loaded_ones_take_the_place_of_lines(engagement: Engagement) -> None:
    (engagement.root / "exports" / "main").mkdir()
    engagement.save("intake", pd.DataFrame({"table": ["customers"], "file": ["c.csv"], "rows": [5], "rejected": [1]}))
    assert glance(engagement).rows[0].frame.to_dict("records") == [{"read": 5, "unreadable": 1, "what": "customers"}]
    verdicts = pd.DataFrame({"row": list("abcdef"), "bucket": ["load", "load", "merged", "excluded", "load", "rejected"]})
    engagement.save("verdicts/contacts", verdicts)
    staged = glance(engagement).rows[0]
    assert "counted after the load" in staged.said
    assert staged.frame[["load", "merged", "excluded", "rejected"]].to_numpy().tolist() == [[3, 1, 1, 1]]
    closed = pd.DataFrame([["contacts", 6, 3, 1, 1, 1, 0, 0, True]], columns=["feed", "rows", *BUCKETS, "closes"])
    engagement.save("accounting", closed)
    loaded = glance(engagement)
    assert loaded.rows[0].frame["loaded"].tolist() == [3]
    assert 'aria-label="loaded 3, merged 1, excluded 1, rejected 1"' in loaded._repr_html_()
    assert "Customer → Contact" in loaded._repr_html_()


def test_the_page_is_written_again_by_what_changes_it_and_keeps_what_the_consultant_added(engagement: Engagement) -> None:
    path = engagement.root / "start.ipynb"
    notebook = read_notebook(path)
    notebook.cells.append(nbformat.v4.new_code_cell("engagement.status()", id="mine"))
    nbformat.write(notebook, path)
    said = ["waive", str(engagement.root), "intake", "--reason", "nothing to read yet", "--role", "owner", "--as", ADA]
    assert CliRunner().invoke(app, said).exit_code == 0
    assert "nothing to read yet" in page_of(engagement)
    assert read_notebook(path).cells[-1].source == "engagement.status()"


def test_a_page_that_a_kernel_keeps_current_is_left_to_it_and_a_broken_one_stops_nothing(engagement: Engagement) -> None:
    path = engagement.root / "start.ipynb"
    before = path.read_bytes()
    engagement.finish("intake", passed=True)
    with held(engagement.root / START_LOCK) as free:
        assert free
        write_start(engagement)
    assert path.read_bytes() == before
    write_start(engagement)
    assert "1 of 9 phases are done" in page_of(engagement)
    path.write_text("{")
    write_start(engagement)
    assert path.read_text() == "{"


def test_links_lead_there_from_wherever_in_the_engagement_it_is_shown(
    engagement: Engagement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, base in ((engagement.root / "notebooks", "../"), (engagement.root, ""), (tmp_path, "e/")):
        monkeypatch.chdir(folder)
        assert f'href="{base}notebooks/01_intake.ipynb"' in engagement._repr_html_()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "href" not in engagement._repr_html_()


def test_what_was_packed_is_linked(engagement: Engagement) -> None:
    for path in ("package/documents/index.html", "executed/01_intake.html", "package.zip"):
        (engagement.root / path).parent.mkdir(parents=True, exist_ok=True)
        (engagement.root / path).write_text("x")
    page = glance(engagement, base="")._repr_html_()
    assert re.findall(r'href="((?!notebooks)[^"]*)"', page) == [
        "package/documents/index.html",
        "executed/01_intake.html",
    ]
    assert "The package for the customer: <b>package.zip</b>, in the list of files" in page
    for phase in PHASES:
        engagement.finish(phase, passed=True)
    assert "9 of 9 phases are done, and the package is closed" in glance(engagement)._repr_html_()


def test_whoever_follows_shows_it_when_something_has_happened_and_only_then(engagement: Engagement) -> None:
    shown: list[str] = []
    follower = Follower(engagement, lambda: shown.append(engagement.glance().next))
    assert not follower.look()
    engagement.finish("intake", passed=True)
    assert follower.look()
    assert not follower.look()
    engagement.decisions.confirm("scope", "existing_records", "update", by=ADA)
    assert follower.look()
    Board(engagement.root).tell("Contacts", Progress("contact", 5, 2, 0, 0, 1.0, left=3))
    assert follower.look()
    assert shown == ["discovery"] * 3


def test_a_page_that_shows_something_of_somebody_else_is_not_vouched_for(
    engagement: Engagement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    path = write_start(engagement)
    assert trust_start(path)
    notebook = read_notebook(path)
    strange = nbformat.v4.new_output("display_data", data={"text/html": "<script>alert(1)</script>"})
    notebook.cells.append(nbformat.v4.new_code_cell("1", id="strange", outputs=[strange]))
    nbformat.write(notebook, path)
    assert not trust_start(path)
