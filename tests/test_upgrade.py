"""Newer templates come into an engagement that is under way, and nothing that a consultant wrote is lost by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from typer.testing import CliRunner

from workbench.cli import app
from workbench.engagement import Engagement, new_engagement
from workbench.errors import EditError
from workbench.rendering import RECORD, digest, read_notebook, render, rendered, tags_of, write_notebook
from workbench.upgrading import Upgrade, upgrade

STEM = "03_mapping"
Change = Callable[[list[NotebookNode]], object]


@pytest.fixture
def engagement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engagement]:
    monkeypatch.setenv("WORKBENCH_USER", "Kim")
    made = new_engagement(tmp_path / "e", route="promio_to_freshsales", customer="Bright Roof")
    render(made)
    yield made
    made.store.dispose()


def path_of(engagement: Engagement) -> Path:
    return engagement.root / "notebooks" / f"{STEM}.ipynb"


def made_earlier(engagement: Engagement, change: Change) -> None:
    """The notebook as it was rendered from an older template, which differed in this from today's."""
    notebook = rendered(engagement, STEM)
    change(notebook.cells)
    for position, cell in enumerate(notebook.cells):
        cell["id"] = f"{STEM}-{position:03d}"
    notebook.metadata[RECORD] = {
        "template": [digest(cell) for cell in notebook.cells],
        "tags": [tags_of(cell) for cell in notebook.cells],
    }
    write_notebook(notebook, path_of(engagement))


def worked_on(engagement: Engagement, change: Change) -> None:
    """What a consultant does to the notebook, who knows of no record."""
    notebook = read_notebook(path_of(engagement))
    change(notebook.cells)
    write_notebook(notebook, path_of(engagement))


def sources(engagement: Engagement) -> list[str]:
    notebook = read_notebook(path_of(engagement))
    nbformat.validate(notebook)
    ids = [cell.id for cell in notebook.cells]
    assert len(ids) == len(set(ids))
    return [cell.source for cell in notebook.cells]


def today(engagement: Engagement) -> list[str]:
    return [cell.source for cell in rendered(engagement, STEM).cells]


def code(text: str, name: str = "mine") -> NotebookNode:
    return nbformat.v4.new_code_cell(text, id=name)


def place(cells: list[NotebookNode] | list[str], words: str) -> int:
    return next(n for n, cell in enumerate(cells) if words in (cell if isinstance(cell, str) else cell.source))


def say(words: str, instead: str) -> Change:
    """A change of the one cell that holds these words."""

    def change(cells: list[NotebookNode]) -> None:
        cells[place(cells, words)]["source"] = instead

    return change


def upgraded(engagement: Engagement) -> Upgrade:
    return next(told for told in upgrade(engagement) if told.stem == STEM)


def test_notebooks_of_today_are_left_alone_whatever_was_written_into_them(engagement: Engagement) -> None:
    worked_on(engagement, lambda cells: cells.insert(4, code("1 + 1")))
    before = path_of(engagement).read_bytes()
    told = upgrade(engagement)
    assert [each.text() for each in told if each.stem == STEM] == ["03_mapping: up to date"]
    assert not any(each.needed for each in told)
    assert path_of(engagement).read_bytes() == before
    assert len(list(path_of(engagement).parent.iterdir())) == 10


def test_a_newer_template_comes_in_round_what_the_consultant_added(engagement: Engagement) -> None:
    now = today(engagement)

    def older(cells: list[NotebookNode]) -> None:
        say("## Columns", "## Fields")(cells)
        del cells[place(cells, "## May this phase begin?")]
        cells.insert(place(cells, "proposals = mapping.propose(engagement)"), code("mapping.warm_up()"))

    made_earlier(engagement, older)

    def consultant(cells: list[NotebookNode]) -> None:
        cells.insert(place(cells, "mapping.propose(engagement)") + 1, code("proposals.head()"))
        cells.append(nbformat.v4.new_markdown_cell("Asked Dana on Monday.", id="note"))

    worked_on(engagement, consultant)
    before = path_of(engagement).read_bytes()
    told = upgraded(engagement)
    expected = list(now)
    expected.insert(place(now, "mapping.propose(engagement)") + 1, "proposals.head()")
    assert sources(engagement) == [*expected, "Asked Dana on Monday."]
    assert told.added == ("## May this phase begin?",)
    assert told.changed == ("## Columns",)
    assert told.dropped == ("mapping.warm_up()",)
    assert told.kept == ("proposals.head()", "Asked Dana on Monday.")
    assert told.both == ()
    assert told.backup is not None
    assert told.backup.read_bytes() == before
    assert told.backup.parent == path_of(engagement).parent
    assert engagement.journal.frame()["what"].tolist()[-1] == "upgraded"
    assert not any(each.needed for each in upgrade(engagement)), "it is not done yet"


def test_where_both_have_changed_a_cell_only_the_consultants_runs_and_a_note_shows_the_templates(
    engagement: Engagement,
) -> None:
    gate = 'widgets.gate(engagement, "mapping")'
    made_earlier(engagement, say(gate, 'engagement.gate("mapping")'))
    worked_on(engagement, say('engagement.gate("mapping")', 'gate = engagement.gate("mapping")\nprint(gate)'))
    told = upgraded(engagement)
    found = sources(engagement)
    at = place(found, "Changed on both sides")
    assert f"````python\n{gate}\n````" in found[at]
    assert found[at + 1] == 'gate = engagement.gate("mapping")\nprint(gate)'
    assert (told.both, told.changed) == (('gate = engagement.gate("mapping")',), ())
    notebook = read_notebook(path_of(engagement))
    assert gate not in [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert [*found[:at], gate, *found[at + 2 :]] == today(engagement)
    assert not upgraded(engagement).needed, "it asks for the same again"
    # A template that is newer still takes the place of the note, and leaves the cell alone.
    notebook.metadata[RECORD]["template"][place(today(engagement), gate)] = "0" * 16
    write_notebook(notebook, path_of(engagement))
    assert upgraded(engagement).both == told.both
    assert sources(engagement) == found
    # Whoever takes the template's words over and deletes the note has today's notebook.
    worked_on(engagement, lambda cells: (cells.pop(at), say("print(gate)", gate)(cells)))
    assert not upgraded(engagement).needed
    assert sources(engagement) == today(engagement)


def test_tags_that_the_template_gives_or_takes_come_along_and_those_of_the_consultant_stay(engagement: Engagement) -> None:
    def tagged(words: str, *tags: str) -> Change:
        return lambda cells: cells[place(cells, words)]["metadata"].update(tags=list(tags))

    gate, asks = 'require("field"', 'decision_table(engagement, "field")'
    made_earlier(engagement, lambda cells: (tagged(gate)(cells), tagged(asks, "asks", "old")(cells)))
    worked_on(engagement, tagged(gate, "look-here"))
    told = upgraded(engagement)
    tags = {cell.source: cell.metadata.get("tags") for cell in read_notebook(path_of(engagement)).cells}
    assert next(found for source, found in tags.items() if gate in source) == ["look-here", "gate"]
    assert next(found for source, found in tags.items() if asks in source) == ["asks"]
    assert [line.partition(" (tags")[2] for line in told.changed] == [": asks)", ": look-here, gate)"]
    assert sources(engagement) == today(engagement)
    assert not upgraded(engagement).needed


def test_an_edit_stays_where_the_template_is_the_same_as_ever_with_what_it_showed(engagement: Engagement) -> None:
    made_earlier(engagement, say("## Columns", "## Fields"))

    def consultant(cells: list[NotebookNode]) -> None:
        mine = cells[place(cells, 'engagement_path = ""')]
        mine["source"] = 'engagement_path = "../acme"'
        mine["outputs"] = [nbformat.v4.new_output("stream", text="shown")]

    worked_on(engagement, consultant)
    told = upgraded(engagement)
    assert (told.kept, told.both, told.changed) == (('engagement_path = "../acme"',), (), ("## Columns",))
    kept = next(cell for cell in read_notebook(path_of(engagement)).cells if cell.source == 'engagement_path = "../acme"')
    assert kept.metadata.tags == ["parameters"]
    assert kept.outputs[0].text == "shown"


def test_what_the_consultant_deleted_stays_away_and_what_the_template_dropped_stays_if_edited(engagement: Engagement) -> None:
    made_earlier(engagement, lambda cells: cells.append(code("mapping.farewell()")))

    def consultant(cells: list[NotebookNode]) -> None:
        del cells[place(cells, "## Values of choice fields")]
        say("mapping.farewell()", 'mapping.farewell("Dana")')(cells)

    worked_on(engagement, consultant)
    told = upgraded(engagement)
    found = sources(engagement)
    assert told.left_out == ("## Values of choice fields",)
    assert not [source for source in found if "## Values of choice fields" in source]
    assert told.both == ('mapping.farewell("Dana")',)
    assert "No longer in the template" in found[-2]
    assert found[-1] == 'mapping.farewell("Dana")'


def test_a_notebook_from_before_there_were_records_loses_no_line(engagement: Engagement) -> None:
    made_earlier(engagement, say("## Columns", "## Fields\n\nOf the older template, or of the consultant's?"))
    worked_on(engagement, lambda cells: cells.insert(0, code("# first of all")))
    notebook = read_notebook(path_of(engagement))
    del notebook.metadata[RECORD]
    write_notebook(notebook, path_of(engagement))
    before = sources(engagement)
    upgraded(engagement)
    after = sources(engagement)
    assert after[0] == "# first of all"
    assert set(before) <= set(after)
    assert [source for source in after if source in today(engagement)] == today(engagement)
    assert not upgraded(engagement).needed


def test_one_notebook_that_cannot_be_read_stops_all_before_anything_is_written(engagement: Engagement) -> None:
    made_earlier(engagement, say("## Columns", "## Fields"))
    before = path_of(engagement).read_bytes()
    (engagement.root / "notebooks" / "rollback.ipynb").write_text("{")
    with pytest.raises(EditError, match="no notebook"):
        upgrade(engagement)
    assert path_of(engagement).read_bytes() == before


def test_the_command_shows_first_and_writes_then(engagement: Engagement) -> None:
    made_earlier(engagement, say("## Columns", "## Fields"))
    missing = engagement.root / "notebooks" / "rollback.ipynb"
    missing.unlink()
    before = path_of(engagement).read_bytes()
    shown = CliRunner().invoke(app, ["upgrade", str(engagement.root), "--plan"])
    assert shown.exit_code == 0, shown.output
    assert "03_mapping: 1 changed\n  ~ ## Columns\n" in shown.output
    assert (path_of(engagement).read_bytes(), missing.exists()) == (before, False)
    done = CliRunner().invoke(app, ["upgrade", str(engagement.root)])
    assert done.exit_code == 0, done.output
    assert "  as it was: 03_mapping.before-" in done.output
    assert "04_owners: up to date" in done.output
    assert sources(engagement) == today(engagement)
    assert missing.is_file()
