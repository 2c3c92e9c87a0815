"""Rows that may be one record, reviewed side by side in JupyterLab: whose word stands is chosen field by field, with keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from lab import PERSON, Lab, write_notebook
from playwright.sync_api import Locator, Page, expect

from workbench.engagement import Engagement, new_engagement

pytestmark = pytest.mark.browser
Photograph = Callable[[Page, str], None]
TABLE = 'widgets.decision_table(engagement, "duplicate")'
RECORD, TWIN, THIRD = "contacts/C-1", "contacts/C-2@customers.csv:3", "contacts/C-3@customers.csv:4"
EXPORT = {
    "Customer ID": ["C-1", "C-2", "C-3"],
    "Customer Name": ["Ann Lee", "Anne Lee", "A. Lee"],
    "Email": ["ann@x.example", "ann@x.example", "lee@x.example"],
    "Phone": [None, "617 555 0123", "617 555 0177"],
    "City": ["Salem", "Boston", "Lynn"],
}


@pytest.fixture
def twins(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engagement:
    """Three rows of an export that may be one person, and what was proposed of them."""
    monkeypatch.setenv("WORKBENCH_USER", PERSON)
    made = new_engagement(shelf / tmp_path.name, route="promio_to_freshsales", customer="Harbour & Sons")
    rows = pd.DataFrame({"_row": [f"customers.csv:{line}" for line in (2, 3, 4)], **EXPORT})
    made.save("tables/customers", rows.astype("str").assign(Business="N", State="MA"))
    pair = [{"into": RECORD}, {"into": ""}]
    asked = [
        [TWIN, pair[0], 0.96, "one e-mail address and like names", pair, "Anne Lee (C-2) ~ Ann Lee (C-1)"],
        [THIRD, pair[0], 0.91, "one phone and like names", pair, "A. Lee (C-3) ~ Ann Lee (C-1)"],
    ]
    columns = ["subject", "value", "confidence", "reasons", "alternatives", "shown"]
    made.decisions.propose("duplicate", pd.DataFrame(asked, columns=columns))
    return made


def row(lab: Lab, subject: str) -> Locator:
    return lab.page.locator(f".jp-OutputArea-output tr[data-id='{subject}']")


def side_by_side(lab: Lab) -> Locator:
    return lab.page.get_by_role("table", name="Side by side")


def word(lab: Lab, column: str, said: str) -> Locator:
    """The choice that lets a record have the word in a column."""
    return side_by_side(lab).get_by_role("radio", name=f"{column}: {said}", exact=True)


def reviewed(lab: Lab, subject: str) -> None:
    """Open a row with the keys for it, and stand in the first column in which somebody may choose."""
    row(lab, subject).get_by_role("combobox").focus()
    lab.page.keyboard.press("Alt+F")
    expect(side_by_side(lab)).to_be_visible()


def test_whose_word_stands_is_chosen_field_by_field_and_outlives_kernel_and_page(
    lab: Lab, twins: Engagement, photograph: Photograph
) -> None:
    decisions, notebook = twins.decisions, write_notebook(twins, TABLE)
    lab.open(notebook)
    lab.run_all()
    page, keys = lab.page, lab.page.keyboard
    reviewed(lab, TWIN)
    expect(word(lab, "Customer Name", "Ann Lee")).to_be_focused()
    expect(word(lab, "Phone", "617 555 0123")).to_be_checked()  # the record says nothing there: the first row fills the gap
    expect(side_by_side(lab).get_by_role("radio", name="Customer ID: C-2")).to_have_count(0)  # the number names the record
    keys.press("ArrowRight")
    expect(word(lab, "Customer Name", "Anne Lee")).to_be_checked()
    expect(row(lab, TWIN)).to_have_attribute("data-state", "typing")
    word(lab, "City", "Lynn").check()  # of the third row, whose answer is thereby given too
    photograph(page, "31_cluster")
    assert decisions.mapping("duplicate") == {}, "kept before anybody confirmed it"
    keys.press("Enter")
    for subject in (TWIN, THIRD):
        expect(row(lab, subject)).to_have_attribute("data-state", "confirmed")
    chosen = {TWIN: {"into": RECORD, "take": ["Customer Name"]}, THIRD: {"into": RECORD, "take": ["City"]}}
    assert decisions.mapping("duplicate") == chosen
    beside = decisions.history("duplicate").iloc[0]["shown"]["beside"]
    assert {"Salem", "Boston", "Lynn"} <= {said for line in beside for said in line.values()}, "what was seen is not kept"

    word(lab, "City", "Boston").check()  # another word, left without Enter
    page.get_by_role("searchbox").focus()
    expect(row(lab, TWIN)).to_contain_text("its own word in Customer Name, City")
    expect(row(lab, TWIN)).to_have_attribute("data-state", "confirmed")
    assert decisions.value("duplicate", THIRD) == {"into": RECORD}
    row(lab, TWIN).get_by_role("combobox").focus()
    keys.press("Control+z")
    expect(word(lab, "City", "Lynn")).to_be_checked()
    expect(row(lab, THIRD)).to_contain_text("its own word in City")
    assert decisions.mapping("duplicate") == chosen

    lab.save()
    second = lab.beside()
    second.open(notebook)
    reviewed(second, TWIN)
    expect(word(second, "City", "Lynn")).to_be_checked()
    word(second, "City", "Salem").check()
    second.page.keyboard.press("Enter")
    expect(word(lab, "City", "Salem")).to_be_checked()  # the first page shows what the second has decided
    second.page.close()

    lab.restart()
    lab.run_all()
    expect(row(lab, TWIN)).to_have_attribute("data-state", "confirmed")
    lab.theme("JupyterLab Dark")
    row(lab, THIRD).get_by_role("combobox").focus()
    keys.type("keep sep")
    keys.press("Enter")
    expect(row(lab, THIRD)).to_have_attribute("data-state", "left")
    reviewed(lab, TWIN)
    expect(side_by_side(lab)).not_to_contain_text("Lynn")  # a record of its own has no word in this one
    photograph(page, "32_cluster_dark")
    lab.theme("JupyterLab Light")
    assert decisions.mapping("duplicate") == {TWIN: chosen[TWIN], THIRD: {"into": ""}}
    assert set(decisions.history("duplicate")["by"]) == {PERSON}
    assert (lab.outside, lab.faults) == ([], [])


def test_many_conflicts_are_given_one_answer_after_their_sides_were_seen_in_full(
    lab: Lab, twins: Engagement, photograph: Photograph
) -> None:
    long = "Salem, where the old system has had the customer since the spring, as somebody noted there"
    subjects = [f"contacts/promio:contacts:c-{n:05d}.city" for n in range(60)]
    sides = f"loaded “Boston”; source now “{long}”; destination now nothing"
    asked = [[each, "ours", 0.0, "changed on both sides", ["ours", "theirs"], sides] for each in subjects]
    columns = ["subject", "value", "confidence", "reasons", "alternatives", "shown"]
    twins.decisions.propose("conflict", pd.DataFrame(asked, columns=columns))
    lab.open(write_notebook(twins, 'widgets.decision_table(engagement, "conflict")'))
    lab.run_all()
    page, keys = lab.page, lab.page.keyboard
    row(lab, subjects[1]).get_by_role("combobox").focus()
    expect(page.locator(".wbt-sure")).to_be_hidden()  # nobody is sure of a conflict
    keys.press("Alt+Enter")
    expect(page.get_by_role("table", name="The three sides")).to_contain_text(long)
    row(lab, subjects[0]).get_by_role("combobox").focus()
    keys.press("Enter")
    expect(row(lab, subjects[0])).to_have_attribute("data-state", "confirmed")
    page.get_by_role("searchbox").fill("c-0003")
    page.get_by_role("checkbox", name="Select all rows shown").check()
    many = page.get_by_role("button", name="theirs for 10 selected")
    photograph(page, "33_conflicts")
    many.click()
    expect(page.locator(".wbt-count")).to_contain_text("11 of 60 decided")
    chosen = dict.fromkeys(subjects[30:40], "theirs")
    assert twins.decisions.mapping("conflict") == {subjects[0]: "ours", **chosen}
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".wbt-count")).to_contain_text("59 open")
    assert twins.decisions.mapping("conflict") == {subjects[0]: "ours"}
    assert (lab.outside, lab.faults) == ([], [])
