"""Notebooks are rendered from text, run without a person, and end as pages that need nothing."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbconvert.filters import markdown2html

from workbench.engagement import PHASES, Engagement, new_engagement
from workbench.errors import DecisionMissing, EditError, EngagementError, GateClosed, WaitError, WorkbenchError
from workbench.notebooks import (
    STEMS,
    WIDGET_VIEW,
    Progress,
    execute,
    normalise,
    refresh_reference,
    render,
    run_all,
    stem_of,
    to_html,
)

HOSTILE = "Sons & *Co* <img src=x onerror=alert(1)> [x](http://evil.example)"
OPEN = "import workbench as wb\n\nengagement = wb.open_engagement()"
QUICK = 120  # seconds a cell


@pytest.fixture
def engagement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engagement:
    monkeypatch.setenv("WORKBENCH_USER", "Kim")
    return new_engagement(tmp_path / "e", route="promio_to_freshsales", customer=HOSTILE)


def put(engagement: Engagement, stem: str, *sources: str) -> Path:
    """A small notebook of our own in place of a phase's."""
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    notebook.cells = [nbformat.v4.new_code_cell(source, id=f"{stem}-{n:03d}") for n, source in enumerate(sources)]
    path = engagement.root / "notebooks" / f"{stem}.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)
    return path


def code_of(path: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


# ---------------------------------------------------------------- rendering


def test_rendering_gives_ten_notebooks_whose_cells_are_named_after_them(engagement: Engagement) -> None:
    paths = render(engagement)
    assert [path.stem for path in paths] == list(STEMS)
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert [cell.id for cell in notebook.cells] == [f"{path.stem}-{n:03d}" for n in range(len(notebook.cells))]
        assert notebook.metadata.kernelspec.name == "python3"


def test_a_hostile_customer_is_a_name_in_the_prose_and_nothing_else(engagement: Engagement) -> None:
    for path in render(engagement):
        prose = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
        page = markdown2html(prose)
        assert "<img" not in page
        assert "evil.example" not in "".join(re.findall(r"<a [^>]*>", page))
        assert "Sons &amp; *Co* &lt;img src=x onerror=alert(1)&gt; [x](http://evil.example)" in page
        assert "{customer}" not in prose
        assert "Promio → Freshsales" in prose


def test_rendering_again_keeps_what_the_consultant_added(engagement: Engagement) -> None:
    path = render(engagement)[2]
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("1 + 1", id="mine"))
    nbformat.write(notebook, path)
    render(engagement)
    assert code_of(path)[-1] == "1 + 1"
    render(engagement, overwrite=True)
    assert code_of(path)[-1] != "1 + 1"


@pytest.mark.parametrize("stem", STEMS)
def test_a_template_is_prose_and_one_call_a_cell(engagement: Engagement, stem: str) -> None:
    render(engagement)
    notebook = nbformat.read(engagement.root / "notebooks" / f"{stem}.ipynb", as_version=4)
    tagged = [cell.source for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert tagged == ['engagement_path = ""']
    assert notebook.cells[0].cell_type == "markdown"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            parsed = ast.parse(cell.source)
            assert not [
                node for node in ast.walk(parsed) if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.For))
            ]
            calls = [node for node in parsed.body if not isinstance(node, (ast.Import, ast.ImportFrom, ast.Assign))]
            assert len(calls) <= 1
            assert not cell.source.rstrip().endswith(";")


@pytest.mark.parametrize("stem", STEMS)
def test_a_template_calls_what_there_is(engagement: Engagement, stem: str) -> None:
    render(engagement)
    source = "\n".join(code_of(engagement.root / "notebooks" / f"{stem}.ipynb"))
    imported = re.findall(r"^from workbench\.stages import (.+)$", source, flags=re.MULTILINE)
    for name in imported[0].split(", "):
        module = importlib.import_module(f"workbench.stages.{name}")
        for called in re.findall(rf"\b{name}\.(\w+)\(", source):
            assert callable(getattr(module, called)), f"{name}.{called}"
    widgets = importlib.import_module("workbench.widgets")
    assert set(re.findall(r"\bwidgets\.(\w+)\(", source)) <= set(widgets.__all__)


# ---------------------------------------------------------------- executing


def test_a_notebook_runs_headless_in_its_engagement_and_is_kept(engagement: Engagement, tmp_path: Path) -> None:
    put(engagement, "03_mapping", OPEN, "import os\n(engagement.settings.customer, os.environ['WORKBENCH_HEADLESS'])")
    done = execute(engagement, "03_mapping", timeout=QUICK)
    kept = nbformat.read(engagement.root / "executed" / "03_mapping.ipynb", as_version=4)
    assert (done.cells, done.path.name) == (2, "03_mapping.ipynb")
    assert HOSTILE in kept.cells[1].outputs[0].data["text/plain"]
    assert "'1'" in kept.cells[1].outputs[0].data["text/plain"]


def test_a_missing_decision_comes_back_with_the_whole_list(engagement: Engagement) -> None:
    subjects = [f"contacts/Spalte {n} é “x”" for n in range(30)]
    proposed = pd.DataFrame({"subject": subjects, "value": [{"target": ""}] * 30, "confidence": [0.5] * 30})
    engagement.decisions.propose("field", proposed)
    put(engagement, "03_mapping", OPEN, 'engagement.decisions.require("field", where="03_mapping")', "1 / 0")
    with pytest.raises(DecisionMissing) as stopped:
        execute(engagement, "03_mapping", timeout=QUICK)
    assert list(stopped.value.missing) == subjects
    assert stopped.value.where == "03_mapping"
    kept = nbformat.read(engagement.root / "executed" / "03_mapping.ipynb", as_version=4)
    assert kept.cells[1].outputs[0].ename == "DecisionMissing"
    assert kept.cells[2].outputs == []


def test_a_closed_gate_comes_back_in_its_own_words(engagement: Engagement) -> None:
    put(engagement, "04_owners", OPEN, 'engagement.gate("owners")')
    with pytest.raises(GateClosed) as here:
        engagement.gate("owners")
    with pytest.raises(GateClosed) as there:
        execute(engagement, "04_owners", timeout=QUICK)
    assert str(there.value) == str(here.value)


def test_any_other_failure_names_its_notebook_and_is_kept(engagement: Engagement) -> None:
    put(engagement, "02_discovery", "1 / 0")
    with pytest.raises(WorkbenchError, match="02_discovery failed") as stopped:
        execute(engagement, "02_discovery", timeout=QUICK)
    assert "ZeroDivisionError" in stopped.value.found
    assert Path(stopped.value.where).is_file()


def test_a_cell_that_does_not_end_is_stopped_in_words(engagement: Engagement) -> None:
    put(engagement, "02_discovery", "import time\ntime.sleep(60)")
    with pytest.raises(WaitError, match="took too long"):
        execute(engagement, "02_discovery", timeout=2)


def interrupt(source: str) -> str:
    """A cell that does what Ctrl-C in the terminal does, and goes on."""
    return f"import os, signal, time\nos.kill(os.getppid(), signal.SIGINT)\n{source}"


@pytest.mark.usefixtures("cold")
def test_ctrl_c_stops_the_run_and_the_cell_that_runs(engagement: Engagement, tmp_path: Path) -> None:
    for stem in ("01_intake", "02_discovery"):
        put(engagement, stem, interrupt("time.sleep(600)"), f"open({str(tmp_path / stem)!r}, 'w').close()")
    with pytest.raises(KeyboardInterrupt):
        run_all(engagement, timeout=QUICK)
    assert not (tmp_path / "01_intake").exists()
    assert not (tmp_path / "02_discovery").exists()
    assert "KeyboardInterrupt" in (engagement.root / "executed" / "01_intake.ipynb").read_text("utf-8")


@pytest.mark.usefixtures("cold")
def test_ctrl_c_in_the_last_moment_of_a_notebook_lets_no_other_begin(engagement: Engagement, tmp_path: Path) -> None:
    put(
        engagement,
        "01_intake",
        interrupt("").replace("import os", "import atexit, os").replace("os.kill(", "atexit.register(os.kill, "),
    )
    put(engagement, "02_discovery", f"open({str(tmp_path / 'begun')!r}, 'w').close()")
    with pytest.raises(KeyboardInterrupt):
        run_all(engagement, timeout=QUICK)
    assert not (tmp_path / "begun").exists()


def test_a_notebook_that_is_not_there_is_named(engagement: Engagement) -> None:
    with pytest.raises(EngagementError, match="07_production is missing"):
        execute(engagement, "07_production")


def test_a_run_goes_in_order_and_stops_at_the_first_that_fails(engagement: Engagement) -> None:
    put(engagement, "01_intake", "1")
    put(engagement, "02_discovery", "1 / 0")
    put(engagement, "03_mapping", "1")
    seen: list[Progress] = []
    with pytest.raises(WorkbenchError, match="02_discovery"):
        run_all(engagement, last="mapping", on_progress=seen.append, timeout=QUICK)
    assert [(p.stem, p.state) for p in seen] == [
        ("01_intake", "running"),
        ("01_intake", "passed"),
        ("02_discovery", "running"),
        ("02_discovery", "failed"),
    ]
    assert not (engagement.root / "executed" / "03_mapping.ipynb").exists()
    frame = run_all(engagement, first="03_mapping", last="mapping", timeout=QUICK)
    assert frame[["notebook", "phase", "state"]].to_numpy().tolist() == [["03_mapping", "mapping", "passed"]]


def test_a_phase_is_found_by_its_name_or_its_notebook() -> None:
    assert [stem_of(name) for name in (*PHASES, "rollback")] == list(STEMS)
    with pytest.raises(EditError, match="no phase 'profile'"):
        stem_of("profile")


# ---------------------------------------------------------------- references and pages

TABLE = "import pandas as pd\n\npd.DataFrame({'a': [1, 2], 'b': ['<b>x</b>', 'https://x.example']})"


def test_two_runs_of_the_same_notebook_give_the_same_reference_to_the_byte(engagement: Engagement, tmp_path: Path) -> None:
    put(engagement, "01_intake", "from ipywidgets import Text\nText('x')", TABLE)
    texts = []
    for name in ("first", "second"):
        execute(engagement, "01_intake", timeout=QUICK)
        texts.append(refresh_reference(engagement, tmp_path / name)[0].read_bytes())
    assert texts[0] == texts[1]
    notebook = nbformat.reads(texts[0].decode(), as_version=4)
    assert normalise(notebook) == notebook
    assert WIDGET_VIEW.encode() not in texts[0]


def test_there_is_no_reference_of_what_did_not_run(engagement: Engagement, tmp_path: Path) -> None:
    with pytest.raises(EngagementError, match="nothing has been executed"):
        refresh_reference(engagement, tmp_path / "none")


def test_a_page_loads_nothing_runs_nothing_and_shows_tables_and_errors(engagement: Engagement, tmp_path: Path) -> None:
    put(
        engagement,
        "01_intake",
        TABLE,
        "print('\\x1b[31mred\\x1b[0m <script>alert(1)</script>')",
        'raise ValueError("<i>no</i>")',
    )
    with pytest.raises(WorkbenchError):
        execute(engagement, "01_intake", timeout=QUICK)
    page = to_html(engagement.root / "executed" / "01_intake.ipynb", tmp_path / "page.html").read_text(encoding="utf-8")
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "&lt;i&gt;no&lt;/i&gt;" in page
    assert "\x1b" not in page
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_a_page_is_named_by_its_heading_and_leads_to_the_others(tmp_path: Path) -> None:
    source = tmp_path / "01_intake.ipynb"
    told = nbformat.v4.new_markdown_cell("# 1 · Intake — <all> here?\n\nText")
    nbformat.write(nbformat.v4.new_notebook(cells=[told]), source)
    page = to_html(source, tmp_path / "01_intake.html", customer="A & B", beside=["01_intake", "02_discovery", "rollback"])
    text = page.read_text(encoding="utf-8")
    assert "<title>1 · Intake — &lt;all&gt; here? · A &amp; B</title>" in text
    assert re.findall(r'href="([^"]*)">([^<]*)<', text) == [("02_discovery.html", "2 Discovery"), ("rollback.html", "Rollback")]
    assert '<span aria-current="page">1 Intake</span>' in text
    assert "<nav" not in to_html(source, tmp_path / "alone.html").read_text(encoding="utf-8")


def test_the_page_of_a_widget_is_its_twin(engagement: Engagement, tmp_path: Path) -> None:
    put(engagement, "01_intake", OPEN, "from workbench import widgets\n\nwidgets.scope_form(engagement)")
    execute(engagement, "01_intake", timeout=QUICK)
    page = to_html(engagement.root / "executed" / "01_intake.ipynb", tmp_path / "page.html").read_text(encoding="utf-8")
    assert "In which pipeline do campaigns stand as deals?" in page
    assert "widget-view" not in page
