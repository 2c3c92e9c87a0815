"""The reference notebooks: executed to the end, so that comparing against them compares something."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from tests.reference import compared, fresh_engagement
from workbench.notebooks import STEMS, WIDGET_VIEW, normalise

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
REFERENCES = sorted(FOLDER.glob("*.ipynb"))


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def unrun(cells: list[nbformat.NotebookNode]) -> list[str]:
    """Cells that nbval would pass without comparing anything: not executed, or shown nothing though they end in a value."""
    return [cell.id for cell in cells if cell.execution_count is None or (shows(cell.source) and not cell.outputs)]


def shows(source: str) -> bool:
    last = source.strip().splitlines()[-1]
    return not last.startswith(("import ", "from ")) and " = " not in last.split("(")[0]


def test_all_ten_notebooks_have_a_reference() -> None:
    assert [path.stem for path in REFERENCES] == sorted(STEMS)


@pytest.mark.parametrize("path", REFERENCES, ids=lambda path: path.stem)
def test_a_reference_was_executed_and_shows_what_its_cells_end_with(path: Path) -> None:
    assert unrun(code_cells(path)) == []


@pytest.mark.parametrize("path", REFERENCES, ids=lambda path: path.stem)
def test_a_reference_holds_no_error_and_no_widget_that_needs_a_kernel(path: Path) -> None:
    outputs = [output for cell in code_cells(path) for output in cell.outputs]
    assert [output for output in outputs if output.output_type == "error"] == []
    assert [output for output in outputs if WIDGET_VIEW in output.get("data", {})] == []


@pytest.mark.parametrize("path", REFERENCES, ids=lambda path: path.stem)
def test_a_reference_is_what_normalising_it_again_gives(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert normalise(notebook) == notebook


def test_one_changed_digit_in_a_reference_is_found_by_the_comparison(tmp_path: Path) -> None:
    kept = FOLDER / "01_intake.ipynb"
    same, changed = (tmp_path / name / kept.name for name in ("same", "changed"))
    for copy in (same, changed):
        copy.parent.mkdir()
        copy.write_bytes(kept.read_bytes())
    notebook = nbformat.read(changed, as_version=4)
    shown = next(cell for cell in notebook.cells if cell.source.endswith("\nreceived")).outputs[0].data
    assert shown["text/html"].count(">478<") == 1, "the rows of leads.csv are what this test changes"
    shown["text/html"] = shown["text/html"].replace(">478<", ">479<")
    nbformat.write(notebook, changed)
    with fresh_engagement() as engagement:
        run = compared(engagement, [same, changed], quiet=True)
    others = 2 * len(code_cells(kept)) - 1
    assert run.returncode == 1, run.stdout
    assert f"1 failed, {others} passed" in run.stdout, run.stdout
    assert "478</td>" in run.stdout, "what differs is shown"


def test_a_stripped_notebook_is_seen_through() -> None:
    stripped = nbformat.v4.new_code_cell("engagement.status()", id="a-000")
    silent = nbformat.v4.new_code_cell("engagement.status()", id="a-001", execution_count=2)
    quiet = nbformat.v4.new_code_cell("import workbench as wb", id="a-002", execution_count=3)
    assert unrun([stripped, silent, quiet]) == ["a-000", "a-001"]
