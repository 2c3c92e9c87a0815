"""JupyterLab in headless Chromium: a decision made with keys outlives the kernel in which it was made."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lab import PERSON, Lab, write_notebook
from playwright.sync_api import Locator, Page, expect

from workbench.engagement import Engagement

pytestmark = pytest.mark.browser
Photograph = Callable[[Page, str], None]
COLUMN, TARGET = "contacts/Phone", "work_number"


def row(lab: Lab, subject: str) -> Locator:
    return lab.page.locator(f".jp-OutputArea-output tr[data-id='{subject}']")


def answer(lab: Lab, subject: str) -> Locator:
    return row(lab, subject).get_by_role("combobox")


def test_a_decision_made_by_keyboard_in_03_mapping_survives_the_restart_of_the_kernel(
    migration_lab: Lab, migration: Engagement, photograph: Photograph
) -> None:
    lab, page = migration_lab, migration_lab.page
    lab.open("notebooks/03_mapping.ipynb")
    lab.run_all()
    expect(answer(lab, COLUMN)).to_be_visible(timeout=60_000)
    expect(answer(lab, COLUMN)).to_have_value("mobile_number")
    expect(page.get_by_text("DecisionMissing").first).to_be_visible(timeout=60_000)
    photograph(page, "1_open")
    answer(lab, COLUMN).focus()
    page.keyboard.type("work_n")
    expect(page.get_by_role("listbox").get_by_text(TARGET)).to_be_visible()
    photograph(page, "2_choosing")
    page.keyboard.press("Enter")
    expect(row(lab, COLUMN)).to_have_attribute("data-state", "confirmed")
    photograph(page, "3_confirmed")
    assert migration.decisions.value("field", COLUMN)["target"] == TARGET

    lab.restart()
    expect(answer(lab, COLUMN)).to_have_count(0)
    lab.run_all()
    expect(answer(lab, COLUMN)).to_have_value(TARGET, timeout=60_000)
    expect(row(lab, COLUMN)).to_have_attribute("data-state", "confirmed")
    lab.theme("JupyterLab Dark")
    photograph(page, "4_after_restart_dark")
    assert migration.decisions.value("field", COLUMN)["target"] == TARGET
    assert migration.decisions.history("field", COLUMN)["by"].tolist() == [PERSON]
    assert lab.outside == []
    assert lab.faults == []


def test_the_whole_table_is_worked_with_the_keyboard_alone(
    lab: Lab, engagement: Engagement, notebook: str, photograph: Photograph
) -> None:
    lab.open(notebook)
    lab.run_all()
    first = lab.page.locator(".wbt tbody tr[data-id]").first
    expect(first).to_be_visible(timeout=60_000)
    subjects = engagement.decisions.proposals("field")["subject"].tolist()
    keys = lab.page.keyboard
    first.get_by_role("combobox").focus()
    keys.press("Enter")
    expect(answer(lab, subjects[1])).to_be_focused()
    keys.press("Alt+Enter")
    expect(lab.page.get_by_text("the values look alike")).to_be_visible()
    photograph(lab.page, "5_reasons")
    keys.type("no such field")
    keys.press("Enter")
    expect(row(lab, subjects[1])).to_have_attribute("data-state", "refused")
    photograph(lab.page, "6_refused")
    expect(lab.page.get_by_role("alert")).to_contain_text("is not one of the answers on offer")
    keys.press("Escape")
    expect(row(lab, subjects[1])).to_have_attribute("data-state", "open")
    keys.press("Alt+ArrowDown")
    standing = lab.page.locator(".wbt-list [aria-selected=true]")
    expect(standing).to_contain_text(answer(lab, subjects[1]).input_value())
    keys.press("Escape")
    keys.type("leave")
    keys.press("Enter")
    expect(row(lab, subjects[1])).to_have_attribute("data-state", "left")
    keys.press("Control+z")
    expect(row(lab, subjects[1])).to_have_attribute("data-state", "open")
    assert sorted(engagement.decisions.mapping("field")) == [subjects[0]]
    cells = lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length")
    assert cells == 3, "a key typed in the table was taken by JupyterLab"

    lab.page.get_by_role("button", name="Accept").last.click()
    expect(lab.page.locator(".wbt-count")).not_to_contain_text("1 of")
    photograph(lab.page, "7_accepted")
    sure = engagement.decisions.proposals("field")
    assert set(engagement.decisions.mapping("field")) == {subjects[0], *sure.loc[sure["confidence"] >= 0.85, "subject"]}


def test_scope_quiet_list_and_waiver_keep_what_is_clicked(lab: Lab, engagement: Engagement, photograph: Photograph) -> None:
    asked = [f"widgets.{form}(engagement)" for form in ("who", "scope_form", "quiet_checklist", "waivers")]
    lab.open(write_notebook(engagement, 'widgets.header(engagement, "mapping")', *asked))
    lab.run_all()
    page = lab.page
    question = engagement.route.scope[1]
    choice = page.locator(".jp-OutputArea-output select").first
    expect(choice).to_be_visible(timeout=60_000)
    choice.select_option("update")
    choice.locator("xpath=../..").get_by_role("button", name="Confirm").click()
    expect(page.get_by_text(f"✓ update — {PERSON}")).to_be_visible()
    assert engagement.decisions.mapping("scope") == {question.name: "update"}

    tick = page.locator(".jp-OutputArea-output select").nth(1)
    tick.locator("xpath=../..").get_by_role("button", name="Confirm").click()
    assert engagement.decisions.mapping("quiet") == {}, "a point that nobody saw to was taken as seen to"
    tick.select_option("done")
    tick.locator("xpath=../..").get_by_role("button", name="Confirm").click()
    expect(page.get_by_text(f"✓ done — {PERSON}")).to_be_visible()
    assert engagement.decisions.mapping("quiet") == {engagement.route.checklist[0]: "done"}

    page.get_by_placeholder("why it may go on all the same").fill("the owner file comes on Monday")
    page.get_by_role("button", name="Confirm").last.click()
    expect(page.get_by_text("✓ the owner file comes on Monday")).to_be_visible()
    photograph(page, "9_forms")
    assert engagement.decisions.mapping("waiver") == {"intake": "the owner file comes on Monday"}
    assert lab.outside == []
    assert lab.faults == []
