"""What a page is told unasked, a cell left empty by choice, and conflicts called by the person: one notebook for all of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from lab import LATE, PERSON, Lab, write_notebook
from playwright.sync_api import Page, WebSocket, expect

from workbench.decisions.contested import Contested
from workbench.engagement import Engagement, new_engagement

pytestmark = pytest.mark.browser
Photograph = Callable[[Page, str], None]
COLUMNS = ["subject", "value", "confidence", "reasons", "alternatives", "shown"]
DANA = "Dana Ortiz <dana@brightroof.example>"
RECORD, TWIN = "contacts/C-1", "contacts/C-2@customers.csv:3"
CITY = "contacts/promio:contacts:c-1.city"
EXPORT = {
    "Customer ID": ["C-1", "C-2"],
    "Customer Name": ["Ann Lee", "Anne Lee"],
    "Phone": ["617 555 0100", None],
    "City": ["Salem", "Boston"],
}


@pytest.fixture
def asked(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engagement:
    """Two rows that may be one person, and a field that both sides have changed."""
    monkeypatch.setenv("WORKBENCH_USER", PERSON)
    made = new_engagement(shelf / tmp_path.name, route="promio_to_freshsales", customer="Harbour & Sons")
    rows = pd.DataFrame({"_row": [f"customers.csv:{line}" for line in (2, 3)], **EXPORT})
    made.save("tables/customers", rows.astype("str").assign(Business="N"))
    pair = [{"into": RECORD}, {"into": ""}]
    twin = [TWIN, pair[0], 0.96, "like names", pair, "Anne Lee (C-2) ~ Ann Lee (C-1)"]
    made.decisions.propose("duplicate", pd.DataFrame([twin], columns=COLUMNS))
    sides = Contested("loaded “Salem”; source now “Boston”; destination now “Lynn”", "Ann Lee", "City").shown()
    contest = [CITY, "ours", 0.0, "changed on both sides", ["ours", "theirs"], sides]
    made.decisions.propose("conflict", pd.DataFrame([contest], columns=COLUMNS))
    return made


def test_a_page_asks_for_nothing_and_shows_what_is_decided_elsewhere_by_name(
    lab: Lab, asked: Engagement, photograph: Photograph
) -> None:
    page, sent = lab.page, list[str]()
    page.on("websocket", lambda socket: _listen(socket, sent))
    cells = [f'widgets.decision_table(engagement, "{kind}")' for kind in ("duplicate", "conflict")]
    lab.open(write_notebook(asked, *cells))
    lab.run_all()
    row = page.locator(f".jp-OutputArea-output tr[data-id='{CITY}']")
    expect(row).to_contain_text("Ann Lee", timeout=LATE)
    expect(row.get_by_role("combobox")).to_have_accessible_name("Take for Ann Lee, City")
    row.get_by_role("button", name="Reasons for Ann Lee, City").click()
    expect(page.get_by_role("table", name="The three sides")).to_contain_text(CITY)
    photograph(page, "33_conflict_by_name")

    # A filled cell gives way to an empty one, with a word of what is lost; the number of the record could not.
    twin = page.locator(f".jp-OutputArea-output tr[data-id='{TWIN}']")
    lab.scroll_to(cells[0])
    twin.get_by_role("combobox").focus()
    page.keyboard.press("Alt+F")
    beside = page.get_by_role("table", name="Side by side")
    beside.get_by_role("radio", name="Phone: leave empty").check()
    expect(page.get_by_text("Phone stays empty in the record; “617 555 0100” will not be loaded.")).to_be_visible()
    expect(beside.get_by_role("radio", name="Customer ID: leave empty")).to_have_count(0)
    photograph(page, "34_left_empty")
    page.keyboard.press("Enter")
    expect(twin).to_have_attribute("data-state", "confirmed")
    expect(twin).to_contain_text("left empty: Phone")
    assert asked.decisions.value("duplicate", TWIN) == {"into": RECORD, "empty": ["Phone"]}

    # Somebody else decides: the page shows it, and has sent nothing for that.
    quiet = len(sent)
    asked.decisions.confirm("duplicate", TWIN, {"into": RECORD, "take": ["City"]}, by=DANA)
    expect(twin).to_contain_text("its own word in City", timeout=LATE)
    expect(
        page.get_by_role("alert").filter(has_text=f"by {DANA}, in place of {RECORD}, with left empty: Phone")
    ).to_be_visible()
    expect(beside.get_by_role("radio", name="Phone: 617 555 0100")).to_be_checked()
    asked_for = [frame for frame in sent[quiet:] if "comm_msg" in frame]
    assert asked_for == [], "the page asked the kernel"
    said = [frame for frame in sent if '"shown"' in frame]
    assert len(said) == len(cells), "a page says once that it shows a table"
    assert (lab.outside, lab.faults) == ([], [])


def _listen(socket: WebSocket, sent: list[str]) -> None:
    socket.on("framesent", lambda frame: sent.append(frame if isinstance(frame, str) else frame.decode("utf-8", "replace")))
