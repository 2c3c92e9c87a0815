"""The table is for everybody: each control has a name, Tab goes where one looks, and every word stands out from its ground."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from lab import Desk, Lab, copied, write_notebook
from playwright.sync_api import Page, expect

from workbench.engagement import Engagement
from workbench.stages import mapping

pytestmark = pytest.mark.browser
ENOUGH = 4.5  # contrast of text and ground that WCAG asks for, level AA

FAINT = """
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, ground) => top.slice(0, 3).map((part, n) => part * top[3] + ground[n] * (1 - top[3])).concat(1);
  const ground = (element) => {
    const layers = [];
    for (let each = element; each; each = each.parentElement) layers.push(rgba(getComputedStyle(each).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const light = ([r, g, b]) => {
    const curve = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    const linear = [r, g, b].map((part) => curve(part / 255));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const found = [];
  for (const element of document.querySelectorAll(".wbt *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const said = own ? element.textContent : element.matches("input:not([type=checkbox], [type=range])") ? element.value : "";
    const box = element.getBoundingClientRect();
    if (!said.trim() || !box.width || element.closest("[hidden], :disabled") || !element.checkVisibility()) continue;
    const below = ground(element);
    const [one, other] = [light(over(rgba(getComputedStyle(element).color), below)), light(below)];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < LEAST) found.push(`${contrast.toFixed(2)} ${element.className || element.tagName}: ${said.slice(0, 40)}`);
  }
  return [...new Set(found)];
}
""".replace("LEAST", str(ENOUGH))

COLOURED = "async () => { await Promise.allSettled(document.getAnimations().map((each) => each.finished)); }"
"""Colours move from one theme to the other."""

NAMELESS = """
() => [...document.querySelectorAll(".wbt :is(button, input, select)")]
  .filter((each) => !(each.getAttribute("aria-label") || each.textContent.trim() || each.closest("label")?.textContent.trim()))
  .map((each) => each.outerHTML)
"""


@pytest.fixture(scope="module")
def opened(desk: Desk, begun: Engagement, shelf: Path) -> Iterator[Lab]:
    """The table of fields with answers of every state, and a row that is open."""
    with desk.page() as lab, copied(begun, shelf / "legible") as migration:
        mapping.propose(migration)
        lab.open(write_notebook(migration, 'widgets.decision_table(engagement, "field")'))
        lab.run_all()
        _answered(lab)
        yield lab


def _answered(lab: Lab) -> None:
    """Answers of every state, in the light."""
    page, keys = lab.page, lab.page.keyboard
    rows = page.locator(".wbt tbody tr[data-id]")
    expect(rows.first).to_be_visible()
    rows.first.get_by_role("combobox").focus()
    keys.press("Enter")
    keys.type("leave")
    keys.press("Enter")
    keys.press("ArrowDown")
    keys.type("nowhere at all")
    keys.press("Enter")
    expect(page.locator("tr[data-state=refused]")).to_have_count(1)
    page.locator("tr[data-id='contacts/Email']").get_by_role("combobox").focus()
    keys.press("Alt+Enter")
    expect(page.locator(".wbt-more")).to_contain_text("refused")


def test_every_word_stands_out_and_every_control_has_a_name_in_light_and_dark(
    opened: Lab, photograph: Callable[[Page, str], None]
) -> None:
    page = opened.page
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        opened.theme(theme)
        page.evaluate(COLOURED)
        photograph(page, f"16_states_{theme.split()[1].lower()}")
        assert page.evaluate(FAINT) == [], theme
    assert page.evaluate(NAMELESS) == []


def test_tab_goes_from_the_head_to_one_row_and_out_again(opened: Lab) -> None:
    page, keys = opened.page, opened.page.keyboard
    page.get_by_label("Your name").focus()
    seen: list[dict[str, Any]] = []
    for _ in range(40):
        keys.press("Tab")
        inside = page.evaluate(
            "() => ({ name: document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent,"
            " row: document.activeElement.closest('tr[data-id]')?.dataset.id ?? '',"
            " inside: Boolean(document.activeElement.closest('.wbt')) })"
        )
        if not inside["inside"]:
            break
        seen.append(inside)
    assert {each["row"] for each in seen} == {"", "contacts/Email"}, "one row is in the order of Tab, and not eighty"
    names = [each["name"] for each in seen]
    assert names.index("Search the rows") < names.index("Select Email") < names.index("Field for Email")
    assert names.index("Field for Email") < names.index("How Email is read")
    assert not inside["inside"], "Tab does not lead out of the table"


def test_owners_whose_addresses_begin_alike_are_told_apart_without_opening_a_row(
    desk: Desk, begun: Engagement, shelf: Path
) -> None:
    owners = [f"tobias.kramer@{host}" for host in ("northlight.example", "northlight.test", "harbour.example.org")]
    rows = [[owner, owners[0], 0.82, ["the name"], [], "2 rows, 6,314.00 in deals"] for owner in owners]
    with desk.page() as lab, copied(begun, shelf / "owners_alike") as migration:
        columns = ["subject", "value", "confidence", "reasons", "alternatives", "shown"]
        migration.decisions.propose("owner", pd.DataFrame(rows, columns=columns))
        lab.open(write_notebook(migration, 'widgets.decision_table(engagement, "owner")'))
        lab.run_all()
        table = lab.page.locator(".wbt tbody")
        expect(table.locator("tr[data-id]")).to_have_count(len(owners))
        shown = "td:nth-child(2), td:nth-child(2) > *, input.wbt-answer"
        cut = table.evaluate(
            "(body, shown) => [...body.querySelectorAll(shown)].filter((each) => each.scrollWidth > each.clientWidth + 1)"
            ".map((each) => [each.scrollWidth, each.clientWidth, each.value ?? each.textContent])",
            shown,
        )
        assert cut == []
