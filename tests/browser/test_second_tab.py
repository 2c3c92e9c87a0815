"""Two notebooks, two tabs: what is decided in one is shown in the others, is never written over unseen, and outlives all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd
import pytest
from lab import PERSON, Desk, Lab, write_notebook
from playwright.sync_api import Locator, Page, expect

from workbench.engagement import Engagement

pytestmark = pytest.mark.browser
Photograph = Callable[[Page, str], None]
DANA = "Dana Ortiz <dana@brightroof.example>"
WHO, SCOPE, QUIET, WAIVE, SIGN = (
    f"widgets.{name}(" for name in ("who", "scope_form", "quiet_checklist", "waivers", "sign_off")
)
COMPARISON = 'from types import SimpleNamespace\n\ncomparison = SimpleNamespace(evidence={"exports": "0123456789ab"})'
STATEMENT = "I have checked the sample"
SIDES = "loaded “{}”; source now “{}”; destination now nothing"
ASKED = {
    # kind → the rows' subjects, what is proposed, and what else may be answered
    "value": (("contacts/Lifecycle=At Risk", "contacts/Lifecycle=Won"), "Customer", "Lost"),
    "owner": (("Ann Lee", "Bo Chen"), "ann@brightroof.example", "bo@brightroof.example"),
    "duplicate": (("contacts/C-1@customers.csv:9", "contacts/C-2@customers.csv:12"), "contacts/C-3", "contacts/C-4"),
    "link": (("sessions/sessions.csv:12", "sessions/sessions.csv:14"), "EN-1", "EN-2"),
    "conflict": (("contacts/promio:contacts:c-1.city", "contacts/promio:contacts:c-2.city"), "ours", "theirs"),
}
BARE = {"duplicate": "into", "link": "to"}


@dataclass(frozen=True)
class Two:
    """Two people before two notebooks of one engagement, each with a kernel of its own."""

    first: Lab
    second: Lab

    def open(self, notebook: str, other: str) -> None:
        self.first.open(notebook)
        self.first.run_all()
        self.second.open(other)
        self.second.run_all()


@pytest.fixture
def two(lab: Lab, desk: Desk) -> Iterator[Two]:
    with desk.page() as second:
        yield Two(lab, second)


def twice(engagement: Engagement, *cells: str) -> tuple[str, str]:
    """Two notebooks of the same cells; their paths."""
    path = write_notebook(engagement, *cells)
    made = engagement.root / "notebooks"
    shutil.copy(made / "mapping_of_columns.ipynb", made / "of_somebody_else.ipynb")
    return path, path.replace("mapping_of_columns", "of_somebody_else")


def output(lab: Lab, source: str) -> Locator:
    """What the cell that holds these words shows."""
    lab.scroll_to(source)
    return lab.page.locator(".jp-Notebook-cell", has=lab.page.locator(".jp-Editor", has_text=source)).locator(
        ".jp-Cell-outputArea"
    )


def line(lab: Lab, source: str, about: str) -> Locator:
    """The question of a form that asks about this, with its control, its button and what it says."""
    return output(lab, source).locator(".widget-vbox .widget-vbox", has_text=about)


def stands(lab: Lab) -> list[str]:
    """Where the notebook stands: its cells, and which of them is the active one."""
    found: list[str] = lab.page.evaluate(
        "() => { const { content } = window.jupyterapp.shell.currentWidget;"
        " return [String(content.activeCellIndex), ...content.widgets.map((cell) => cell.model.sharedModel.getSource())]; }"
    )
    return found


def test_forms_are_worked_with_keys_and_show_in_every_tab_what_was_answered_in_another(
    two: Two, engagement: Engagement, photograph: Photograph
) -> None:
    forms = [f"{name}engagement)" for name in (WHO, SCOPE, QUIET, WAIVE)]
    notebook, other = twice(engagement, COMPARISON, *forms, f"{SIGN}engagement, comparison)")
    two.open(notebook, other)
    first, second = two.first, two.second
    keys = first.page.keyboard
    expect(output(second, WHO).get_by_label("You are")).to_have_value(PERSON)
    output(second, WHO).get_by_label("You are").fill(DANA)
    second.page.keyboard.press("Tab")

    # Every key belongs to the drop-down, and none to the notebook.
    point, later = engagement.route.checklist[:2]
    control = line(first, QUIET, point).get_by_role("combobox")
    control.focus()
    before = stands(first)
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "End", "Home", "j", "k", "b", "a", "x", "m", "y", "ArrowDown"):
        keys.press(key)
        expect(control).to_be_focused()
    assert stands(first) == before, "a key pressed in the drop-down was taken by JupyterLab"
    expect(control).to_have_value("done")
    keys.press("Enter")
    expect(line(first, QUIET, point)).to_contain_text(f"✓ done — {PERSON}")
    expect(line(first, QUIET, later).get_by_role("combobox")).to_be_focused()
    assert stands(first) == before
    photograph(first.page, "40_quiet_list_by_keys")
    expect(line(second, QUIET, point)).to_contain_text(f"✓ done — {PERSON}")
    expect(line(second, QUIET, point).get_by_role("combobox")).to_have_value("done")
    keys.press("Escape")
    keys.press("j")
    assert stands(first)[0] == str(int(before[0]) + 1), "Escape did not lead back to the notebook"

    # A conflict is shown to both.
    question = engagement.route.scope[1]
    choice = line(second, SCOPE, question.question).get_by_role("combobox")
    choice.focus()
    second.page.keyboard.press("ArrowDown")
    expect(choice).to_have_value("update")
    line(first, SCOPE, question.question).get_by_role("button", name="Confirm").click()
    expect(line(first, SCOPE, question.question)).to_contain_text(f"✓ hold — {PERSON}")
    asked = line(second, SCOPE, question.question)
    expect(asked).to_contain_text(f"Decided meanwhile: ✓ hold — {PERSON}")
    expect(asked.get_by_role("combobox")).to_have_value("update")
    photograph(second.page, "41_decided_meanwhile")
    assert engagement.decisions.mapping("scope") == {question.name: "hold"}
    asked.get_by_role("button", name="Confirm").click()
    expect(asked).to_contain_text(f"✓ update — {DANA}")
    asked = line(first, SCOPE, question.question)
    expect(asked).to_contain_text(f"✓ update — {DANA}, in place of hold")
    expect(asked.get_by_role("combobox")).to_have_value("update")
    photograph(first.page, "42_in_place_of")
    assert engagement.decisions.history("scope")["by"].tolist() == [PERSON, DANA]

    # A waiver, and a signature.
    place = output(first, WAIVE)
    place.get_by_label("Reason").fill("the owner file comes on Monday")
    place.get_by_label("Role").fill("Project lead")
    place.get_by_role("button", name="Confirm").click()
    expect(place).to_contain_text("✓ the owner file comes on Monday")
    expect(output(second, WAIVE).get_by_role("cell", name="the owner file comes on Monday")).to_be_visible()
    place = output(second, SIGN)
    place.get_by_label("Name").fill(DANA)
    place.get_by_label("Role").fill("Sales lead")
    place.get_by_label("Type").fill(STATEMENT)
    place.get_by_role("button", name="Sign").click()
    expect(place).to_contain_text(f"“{STATEMENT}” {DANA}, Sales lead")
    expect(output(first, SIGN)).to_contain_text(f"“{STATEMENT}” {DANA}, Sales lead")
    photograph(first.page, "43_signed_elsewhere")

    # All of it outlives the kernel and the page, and a second tab on the same kernel shows it too.
    first.restart()
    first.run_all()
    expect(line(first, QUIET, point)).to_contain_text(f"✓ done — {PERSON}")
    expect(line(first, SCOPE, question.question)).to_contain_text(f"✓ update — {DANA}")
    expect(output(first, WAIVE).get_by_role("cell", name="the owner file comes on Monday")).to_be_visible()
    expect(output(first, SIGN)).to_contain_text(f"“{STATEMENT}” {DANA}, Sales lead")
    first.back(notebook, lambda: line(first, QUIET, point).get_by_text("✓ done"))
    beside = first.beside()
    beside.open(notebook)
    beside.shows(lambda: line(beside, QUIET, point).get_by_text("✓ done"))
    control = line(first, QUIET, later).get_by_role("combobox")
    control.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "Tab", "Space"):  # faster than the page tells the kernel
        keys.press(key)
    for tab in (first, beside, second):
        expect(line(tab, QUIET, later)).to_contain_text(f"✓ done — {PERSON}")
    photograph(beside.page, "44_same_kernel_second_tab")
    beside.page.close()
    decided = engagement.decisions
    assert decided.mapping("quiet") == {point: "done", later: "done"}
    assert [(row["kind"], row["by"]) for row in decided.history().to_dict("records")] == [
        ("quiet", PERSON),
        ("scope", PERSON),
        ("scope", DANA),
        ("waiver", PERSON),
        ("signoff", DANA),
        ("quiet", PERSON),
    ]
    assert (first.outside, first.faults, second.outside, second.faults) == ([], [], [], [])


def test_tables_of_two_notebooks_keep_both_sets_and_show_each_conflict_to_both(
    two: Two, engagement: Engagement, photograph: Photograph
) -> None:
    for kind in ASKED:
        propose(engagement, kind)
    cells = {kind: f'widgets.decision_table(engagement, "{kind}")' for kind in ASKED}
    notebook, other = twice(engagement, f"{WHO}engagement)", *cells.values())
    two.open(notebook, other)
    first, second = two.first, two.second
    expect(output(second, WHO).get_by_label("You are")).to_have_value(PERSON)
    output(second, WHO).get_by_label("You are").fill(DANA)
    second.page.keyboard.press("Tab")
    second.run_all()
    for kind, ((one, both), proposed, another) in ASKED.items():
        mine, theirs = answer(first, cells[kind], one), answer(second, cells[kind], one)
        expect(theirs).to_have_value(proposed)
        mine.focus()
        first.page.keyboard.press("Enter")
        state(second, one, "confirmed")

        answer(second, cells[kind], both).focus()
        second.page.keyboard.type(another)
        state(second, both, "typing")
        answer(first, cells[kind], both).focus()
        first.page.keyboard.press("Enter")
        state(first, both, "confirmed")
        state(second, both, "refused")
        told = output(second, cells[kind]).get_by_role("alert")
        expect(told).to_contain_text(f"Decided meanwhile, as {proposed} by {PERSON}. Look again, then confirm.")
        assert bare(engagement.decisions.value(kind, both)) == proposed
        photograph(second.page, f"45_{kind}_meanwhile")
        second.page.keyboard.press("Escape")  # the list; the answer stays typed
        answer(second, cells[kind], both).focus()
        second.page.keyboard.press("Enter")
        state(second, both, "confirmed")
        told = output(first, cells[kind]).get_by_role("alert")
        expect(told).to_contain_text(f"now {another} by {DANA}, in place of {proposed}")
        expect(answer(first, cells[kind], both)).to_have_value(another)
        photograph(first.page, f"46_{kind}_in_place_of")
        history = engagement.decisions.history(kind)
        assert list(zip(history["subject"], history["by"], strict=True)) == [(one, PERSON), (both, PERSON), (both, DANA)]
        assert {s: bare(v) for s, v in engagement.decisions.mapping(kind).items()} == {one: proposed, both: another}

    first.restart()
    first.run_all()
    for kind, ((one, both), proposed, another) in ASKED.items():
        expect(answer(first, cells[kind], both)).to_have_value(another)
        expect(answer(first, cells[kind], one)).to_have_value(proposed)
    first.back(notebook, lambda: row(first, ASKED["value"][0][0]))
    for kind, ((one, both), _, another) in ASKED.items():
        expect(answer(first, cells[kind], both)).to_have_value(another)
        state(first, one, "confirmed")
    assert len(engagement.decisions.history()) == 3 * len(ASKED), "showing decisions again decided something"
    assert (first.outside, first.faults, second.outside, second.faults) == ([], [], [], [])


def propose(engagement: Engagement, kind: str) -> None:
    subjects, proposed, another = ASKED[kind]
    whole = [{BARE[kind]: text} if kind in BARE else text for text in (proposed, another)]
    shown_ = SIDES.format("Boston", "Salem") if kind == "conflict" else "7 rows"
    columns = ["subject", "value", "confidence", "reasons", "alternatives", "shown"]
    rows = [[subject, whole[0], 0.7, ["they look alike"], whole, shown_] for subject in subjects]
    engagement.decisions.propose(kind, pd.DataFrame(rows, columns=columns))


def row(lab: Lab, subject: str) -> Locator:
    return lab.page.locator(f".jp-OutputArea-output tr[data-id='{subject}']")


def answer(lab: Lab, cell: str, subject: str) -> Locator:
    lab.scroll_to(cell)
    return row(lab, subject).get_by_role("combobox")


def state(lab: Lab, subject: str, name: str) -> None:
    expect(row(lab, subject)).to_have_attribute("data-state", name)


def bare(value: object) -> object:
    """An answer without what it is wrapped in."""
    return next(iter(value.values())) if isinstance(value, dict) else value
