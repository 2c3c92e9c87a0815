"""From `workbench new` to a confirmed map of the sample, in the browser: every key and click of a decision counted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from lab import KEY, PERSON, SAMPLE, Lab, shown
from playwright.sync_api import Locator, Page, expect

from sample_exports.demo import TIME_SCALE
from workbench import rehearsal
from workbench.engagement import Engagement, open_engagement

pytestmark = pytest.mark.browser
ALLOWED = 40
WITHOUT = {"Churned": "", "Not interested": "", "Yelp": "", "Website": "web", "Home Show": "ev", "PPC": "go"}
"""What is typed for values of which the workbench is not sure; where nothing is, its proposal is confirmed as it stands."""


@dataclass
class Hands:
    """A keyboard and a mouse that count: each key of a chord is one, and so is a click."""

    page: Page
    strokes: int = 0

    def press(self, keys: str) -> None:
        self.strokes += len(keys.split("+"))
        self.page.keyboard.press(keys)

    def type(self, text: str) -> None:
        self.strokes += len(text)
        self.page.keyboard.type(text)

    def click(self, place: Locator) -> None:
        self.strokes += 1
        place.click()


@pytest.fixture
def new(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engagement]:
    """What `workbench new` makes of the sample, with an empty tenant to speak to."""
    monkeypatch.setenv("WORKBENCH_USER", PERSON)
    (tmp_path / "key").write_text(KEY, encoding="utf-8")
    with rehearsal.running("freshsales", state=tmp_path / "tenant.db", token=KEY, time_scale=TIME_SCALE) as tenant:
        command = [str(Path(sys.executable).with_name("workbench")), "new", str(shelf / "bright_roof")]
        said = ["--route=promio_to_freshsales", f"--exports={SAMPLE}", "--delivery=delta", "--customer=Bright Roof Services"]
        there = [f"--url={tenant.url}", f"--key-file={tmp_path / 'key'}", f"--time-scale={TIME_SCALE}"]
        subprocess.run([*command, *said, *there], check=True, capture_output=True)
        yield open_engagement(shelf / "bright_roof")


def test_the_sample_is_mapped_and_confirmed_in_forty_strokes(
    lab: Lab, new: Engagement, photograph: Callable[[Page, str], None]
) -> None:
    page, hands = lab.page, Hands(lab.page)
    lab.open(shown(new, "01_intake"))
    lab.run_all()
    expect(page.get_by_text("1 of 9 phases passed").first).to_be_visible()
    photograph(page, "first_map_1_intake")

    lab.open(shown(new, "02_discovery"))
    lab.run_all()
    table = _table(lab, "The same record twice")
    hands.click(table.get_by_role("combobox").first)
    page.keyboard.press("Escape")
    photograph(page, "first_map_2_duplicates")
    hands.press("Alt+a")
    expect(table.locator(".wbt-count")).to_contain_text("57 of 59 decided")
    _all_open(table, hands)
    expect(table.locator(".wbt-count")).to_contain_text("0 open")
    lab.run_all()
    for n in range(len(new.route.scope)):
        hands.click(page.locator(".jp-OutputArea-output").get_by_role("button", name="Confirm", exact=True).nth(n))
        expect(page.get_by_text(f"— {PERSON}")).to_have_count(n + 1)
    assert len(new.decisions.mapping("scope")) == len(new.route.scope)
    photograph(page, "first_map_3_scope")
    lab.run_all()
    expect(page.get_by_text("2 of 9 phases passed").first).to_be_visible()

    lab.open(shown(new, "03_mapping"))
    lab.run_all()
    table = _table(lab, "Columns and their fields")
    hands.click(table.get_by_role("combobox").first)
    page.keyboard.press("Escape")
    expect(table.locator("tr[data-id='contacts/Phone']")).to_contain_text("1 of 160 cells cannot be read")
    photograph(page, "first_map_4_columns")
    hands.press("Alt+a")
    expect(table.locator(".wbt-count")).to_contain_text("79 of 79 decided")
    photograph(page, "first_map_5_columns_confirmed")
    lab.run_all()
    table = _table(lab, "Values and their options")
    hands.click(table.get_by_role("combobox").first)
    page.keyboard.press("Escape")
    hands.press("Alt+a")
    expect(table.locator(".wbt-count")).to_contain_text("41 of 49 decided")
    photograph(page, "first_map_6_values")
    _all_open(table, hands)
    expect(table.locator(".wbt-count")).to_contain_text("0 open")
    lab.run_all()
    expect(page.get_by_text("every column and value is confirmed, by Kim Berg").first).to_be_visible()
    page.get_by_text("every column and value is confirmed").first.scroll_into_view_if_needed()
    photograph(page, "first_map_7_confirmed")

    new.gate("owners")  # raises where the map is not confirmed
    decided = new.decisions.mapping("value")
    assert decided["leads/Lead Source=Home Show"] == "Events"
    assert decided["deals/Channels=PPC"] == "Google Ads"
    assert decided["leads/Lead Source=Yelp"] == ""
    assert hands.strokes <= ALLOWED
    told = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text(encoding="utf-8")
    assert f"**{hands.strokes} key strokes and clicks**" in told
    assert lab.faults == []


def _table(lab: Lab, title: str) -> Locator:
    found = lab.page.locator(f".wbt[aria-label^='{title}']")
    expect(found.locator("tr[data-id]").first).to_be_visible()
    return found


def _all_open(table: Locator, hands: Hands) -> None:
    """Confirm what is open, row by row: Enter goes on to the next one by itself."""
    for _ in range(table.locator("tr[data-state=open]").count()):
        here = table.locator("tr:focus-within")
        subject = here.get_attribute("data-id") or ""
        hands.type(WITHOUT.get(subject.rpartition("=")[2], ""))
        hands.press("Enter")
        expect(table.locator(f"tr[data-id={_quoted(subject)}]")).not_to_have_attribute("data-state", "open")


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
