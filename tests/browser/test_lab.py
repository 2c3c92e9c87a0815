"""JupyterLab in headless Chromium: a decision made with keys outlives the kernel, the page and the tab in which it was made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pandas as pd
import pytest
from lab import PERSON, Lab, shown, write_notebook
from playwright.sync_api import Locator, Page, expect

from workbench.engagement import Engagement
from workbench.stages import mapping

pytestmark = pytest.mark.browser
Photograph = Callable[[Page, str], None]
COLUMN, TARGET = "contacts/Phone", "work_number"
TABLE = 'widgets.decision_table(engagement, "field")'


def row(lab: Lab, subject: str) -> Locator:
    return lab.page.locator(f".jp-OutputArea-output tr[data-id='{subject}']")


def answer(lab: Lab, subject: str) -> Locator:
    return row(lab, subject).get_by_role("combobox")


def stands(lab: Lab, subject: str, text: str, state: str = "confirmed") -> None:
    expect(answer(lab, subject)).to_have_value(text)
    expect(row(lab, subject)).to_have_attribute("data-state", state)


def table(lab: Lab) -> Locator:
    lab.scroll_to(TABLE)
    return answer(lab, COLUMN)


def test_a_decision_made_by_keyboard_in_03_mapping_survives_kernel_page_and_tab(
    lab: Lab, migration: Engagement, photograph: Photograph
) -> None:
    page, notebook = lab.page, shown(migration, "03_mapping")
    lab.open(notebook)
    lab.run_all()
    expect(answer(lab, COLUMN)).to_be_visible()
    stands(lab, COLUMN, "mobile_number", "open")
    expect(page.get_by_text("DecisionMissing").first).to_be_visible()
    photograph(page, "1_open")
    answer(lab, COLUMN).focus()
    page.keyboard.type("work_n")
    expect(page.get_by_role("listbox").get_by_text(TARGET)).to_be_visible()
    expect(row(lab, COLUMN)).to_contain_text("+12075550148")  # as it would arrive, before it is taken
    photograph(page, "2_choosing")
    page.keyboard.press("Enter")
    stands(lab, COLUMN, TARGET)
    photograph(page, "3_confirmed")
    assert migration.decisions.value("field", COLUMN)["target"] == TARGET

    lab.restart()
    expect(answer(lab, COLUMN)).to_have_count(0)
    lab.run_all()
    stands(lab, COLUMN, TARGET)
    lab.theme("JupyterLab Dark")
    photograph(page, "4_after_restart_dark")
    lab.theme("JupyterLab Light")

    lab.back(notebook, lambda: table(lab))
    stands(lab, COLUMN, TARGET)
    second = lab.beside()
    second.open(notebook)
    second.shows(lambda: table(second))
    stands(second, COLUMN, TARGET)
    answer(second, "contacts/City").focus()
    second.page.keyboard.press("Enter")
    stands(second, "contacts/City", "city")
    stands(lab, "contacts/City", "city")  # without anybody touching the first tab
    second.page.close()
    assert migration.decisions.history("field")["subject"].tolist() == [COLUMN, "contacts/City"]
    assert migration.decisions.history("field", COLUMN)["by"].tolist() == [PERSON]
    assert lab.outside == []
    assert lab.faults == []


def test_the_whole_table_is_worked_with_the_keyboard_alone(
    lab: Lab, engagement: Engagement, notebook: str, photograph: Photograph
) -> None:
    lab.open(notebook)
    lab.run_all()
    first = lab.page.locator(".wbt tbody tr[data-id]").first
    expect(first).to_be_visible()
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
    keys.press("Control+y")
    expect(row(lab, subjects[1])).to_have_attribute("data-state", "left")
    assert engagement.decisions.value("field", subjects[1]) == {"target": ""}
    keys.press("Control+z")
    expect(row(lab, subjects[1])).to_have_attribute("data-state", "open")
    assert cells_of(lab) == 3, "a key typed in the table was taken by JupyterLab"

    lab.page.get_by_role("button", name="Accept").last.click()
    expect(lab.page.locator(".wbt-count")).not_to_contain_text("1 of")
    photograph(lab.page, "7_accepted")
    sure = engagement.decisions.proposals("field")
    assert set(engagement.decisions.mapping("field")) == {subjects[0], *sure.loc[sure["confidence"] >= 0.85, "subject"]}


def cells_of(lab: Lab) -> int:
    """How many cells the notebook has: keys that reach JupyterLab make new ones, or take some away."""
    found: int = lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length")
    return found


def test_filters_search_sort_selection_comment_and_help_are_reached_with_keys(
    lab: Lab, engagement: Engagement, notebook: str, photograph: Photograph
) -> None:
    lab.open(notebook)
    lab.run_all()
    page, keys = lab.page, lab.page.keyboard
    rows = page.locator(".wbt tbody tr[data-id]:visible")
    proposed = engagement.decisions.proposals("field")
    subjects = proposed["subject"].tolist()
    expect(rows).to_have_count(len(subjects))
    answer(lab, subjects[0]).focus()
    keys.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("accept every proposal shown that is sure enough")
    photograph(page, "8_keys")
    keys.press("Escape")
    expect(answer(lab, subjects[0])).to_be_focused()

    keys.press("Alt+2")  # the unsure ones alone
    unsure = proposed.loc[proposed["confidence"] < 0.85, "subject"].tolist()
    expect(rows).to_have_count(len(unsure))
    keys.press("Control+Space")
    keys.press("ArrowDown")
    keys.press("Control+Space")
    keys.press("Alt+s")
    expect(page.locator(".wbt-count")).to_contain_text("2 of")
    assert sorted(engagement.decisions.mapping("field")) == sorted(unsure[:2])
    keys.press("Alt+2")
    expect(rows).to_have_count(len(subjects))
    keys.press("Control+Home")
    expect(answer(lab, subjects[0])).to_be_focused()
    keys.press("Control+End")
    expect(answer(lab, subjects[-1])).to_be_focused()
    keys.press("Alt+n")
    following = next(subject for subject in subjects if subject not in unsure[:2])
    expect(answer(lab, following)).to_be_focused()
    keys.press("Alt+c")
    keys.type("as the office says")
    keys.press("Enter")
    expect(row(lab, following)).to_have_attribute("data-state", "confirmed")
    assert engagement.decisions.history("field", following)["why"].tolist() == ["as the office says"]

    keys.press("/")
    keys.type("zip")
    expect(rows).to_have_count(1)
    keys.press("Enter")
    expect(answer(lab, "contacts/Zip")).to_be_focused()
    page.get_by_label("Your name").focus()
    keys.press("Control+a")
    keys.type("Ann Lee")
    keys.press("Enter")
    expect(answer(lab, "contacts/Zip")).to_be_focused()
    keys.press("Enter")
    expect(row(lab, "contacts/Zip")).to_have_attribute("data-state", "confirmed")
    assert engagement.decisions.current("field").set_index("subject").loc["contacts/Zip", "by"] == "Ann Lee"
    page.get_by_label("Search the rows").fill("")
    page.get_by_role("button", name="Sure", exact=True).click()
    expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "ascending")
    ordered = [float(text) for text in page.locator(".wbt-why").all_inner_texts()]
    assert ordered == sorted(ordered)
    photograph(page, "9_sorted")
    assert cells_of(lab) == 3, "a key pressed in the table was taken by JupyterLab"
    assert lab.faults == []


def test_another_target_or_reading_shows_what_the_column_would_become_and_what_is_wrong_with_it(
    lab: Lab, migration: Engagement, photograph: Photograph
) -> None:
    mapping.propose(migration)
    lab.open(write_notebook(migration, 'widgets.decision_table(engagement, "field")'))
    lab.run_all()
    page, keys = lab.page, lab.page.keyboard
    named = row(lab, "contacts/Customer Name")
    expect(named).to_contain_text("Robert · Allen")
    expect(row(lab, "contacts/Email")).to_contain_text("1 of 149 cells cannot be read (several emails)")
    answer(lab, "contacts/Customer Name").focus()
    keys.type("mobile")
    expect(named).to_contain_text("cannot be read (not a phone)")
    expect(named).to_contain_text("fills the same field as Phone")
    expect(row(lab, "contacts/Phone")).to_contain_text("fills the same field as Customer Name")
    photograph(page, "10_mismatch")
    keys.press("Enter")
    expect(named).to_have_attribute("data-state", "confirmed")
    notice = page.get_by_text("no column fills Last name, which every record needs")
    expect(notice).to_be_visible()
    photograph(page, "11_required")
    keys.press("Control+z")
    expect(notice).to_have_count(0)

    answer(lab, "contacts/Created").focus()
    expect(row(lab, "contacts/Created")).to_contain_text("2020-08-27")
    keys.press("Alt+r")
    page.get_by_label("How Created is read").select_option("day · order dmy")
    expect(page.locator(".wbt-more")).to_contain_text("refused")
    photograph(page, "12_another_reading")
    page.get_by_label("How Created is read").select_option("text")
    expect(row(lab, "contacts/Created")).to_contain_text("8/27/2020 5:52 PM")
    keys.press("Enter")
    expect(row(lab, "contacts/Created")).to_have_attribute("data-state", "confirmed")
    kept = migration.decisions.value("field", "contacts/Created")
    assert (kept["target"], kept["recipe"]) == ("promio_created_on__c", "text")
    assert lab.faults == []


def test_records_stand_side_by_side_and_conflicts_show_all_three_sides(
    lab: Lab, migration: Engagement, photograph: Photograph
) -> None:
    asked = migration.decisions.proposals("duplicate")
    subject = next(each for each in asked["subject"] if each.startswith("contacts/C-01137"))
    migration.decisions.withdraw("duplicate", subject, by=PERSON)
    shown_ = "loaded “Boston”; source now “Salem”; destination now nothing"
    conflict = ["contacts/promio:contacts:c-01001.city", "ours", 0.0, "changed on both sides", ["ours", "theirs"], shown_]
    columns = ["subject", "value", "confidence", "reasons", "alternatives", "shown"]
    migration.decisions.propose("conflict", pd.DataFrame([conflict], columns=columns))
    tables = [f'widgets.decision_table(engagement, "{kind}")' for kind in ("duplicate", "conflict")]
    lab.open(write_notebook(migration, *tables))
    lab.run_all()
    page, keys = lab.page, lab.page.keyboard
    expect(answer(lab, subject)).to_be_attached()
    answer(lab, subject).focus()
    keys.press("Alt+Enter")
    beside = page.get_by_role("table", name="Side by side")
    expect(beside.get_by_role("columnheader", name="C-01137 · customers.csv line 139")).to_be_visible()
    expect(beside.locator("tr.wbt-differs", has_text="Lifecycle")).to_contain_text("Lost")
    expect(beside.locator("tr.wbt-differs", has_text="Customer Name")).to_have_count(0)
    photograph(page, "13_side_by_side")
    keys.type("keep")
    keys.press("Enter")
    expect(row(lab, subject)).to_have_attribute("data-state", "left")
    assert migration.decisions.value("duplicate", subject) == {"into": ""}

    both = row(lab, conflict[0])
    expect(both.locator("td.wbt-side")).to_have_text(["Boston", "Salem", "–"])
    heads = page.locator(".wbt").last.locator("thead")
    expect(heads).to_contain_text("over there now")
    answer(lab, conflict[0]).focus()
    keys.type("theirs")
    photograph(page, "14_conflict")
    keys.press("Enter")
    expect(both).to_have_attribute("data-state", "confirmed")
    assert migration.decisions.value("conflict", conflict[0]) == "theirs"
    assert lab.faults == []


LATE_SCRIPTS = """() => {
  const made = URL.createObjectURL;
  window.IN_TIME = () => { URL.createObjectURL = made; };
  const late = 'await new Promise((go) => { (window.LET_GO ??= []).push(go); });';
  const slow = (blob) => new Blob([late, blob], { type: blob.type });
  URL.createObjectURL = (blob) => made.call(URL, blob.type === 'text/javascript' ? slow(blob) : blob);
}"""
"""Scripts of widgets arrive, and begin when they are let go: as on a machine that has much else to do."""


@contextmanager
def scripts_late(page: Page) -> Iterator[None]:
    """Within the block; the page may be another test's next."""
    page.evaluate(LATE_SCRIPTS)
    try:
        yield
    finally:
        page.evaluate("() => window.IN_TIME()")


def test_no_key_gets_past_a_form_whose_script_is_late(lab: Lab, engagement: Engagement) -> None:
    lab.open(write_notebook(engagement, "widgets.quiet_checklist(engagement)", "widgets.scope_form(engagement)"))
    page, keys = lab.page, lab.page.keyboard
    with scripts_late(page):
        lab.run_all()
        choices = page.locator(".jp-OutputArea-output select")
        expect(choices.last).to_be_attached()
        page.wait_for_function("() => window.LET_GO?.length === 2")
        expect(choices.first).to_be_hidden()
        expect(choices.last).to_be_hidden()
        page.evaluate("() => { for (const each of document.querySelector('.wb-form').getAnimations()) each.finish(); }")
        expect(choices.first).to_be_visible()  # as where there is no script at all
        page.evaluate("() => { for (const go of window.LET_GO) go(); }")
        expect(choices.last).to_be_visible()
    choices.last.focus()
    expect(choices.last).to_have_value("hold")
    keys.press("ArrowDown")
    expect(choices.last).to_have_value("update")
    expect(choices.last).to_be_focused()
    assert cells_of(lab) == 4
    assert lab.faults == []


def test_scope_quiet_list_and_waiver_keep_what_is_clicked(lab: Lab, engagement: Engagement, photograph: Photograph) -> None:
    asked = [f"widgets.{form}(engagement)" for form in ("who", "scope_form", "quiet_checklist", "waivers")]
    lab.open(write_notebook(engagement, 'widgets.header(engagement, "mapping")', *asked))
    lab.run_all()
    page = lab.page
    question = engagement.route.scope[1]
    choice = page.locator(".jp-OutputArea-output select").first
    expect(choice).to_be_visible()
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
    page.get_by_placeholder("what you answer for").fill("project lead")
    page.get_by_role("button", name="Confirm").last.click()
    expect(page.get_by_text("✓ the owner file comes on Monday")).to_be_visible()
    photograph(page, "15_forms")
    kept = {"reason": "the owner file comes on Monday", "role": "project lead", "words": "open"}
    assert engagement.decisions.mapping("waiver") == {"intake": kept}
    assert lab.outside == []
    assert lab.faults == []
