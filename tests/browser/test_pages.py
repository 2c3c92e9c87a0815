"""The pages that a customer opens, without a network: the ten executed notebooks and the documents of the hand-over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from test_reports import everything

from workbench.notebooks import STEMS, to_html

pytestmark = pytest.mark.browser
REPO = Path(__file__).resolve().parents[2]
AXE = REPO / ".clients" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
DESK, PHONE, PAPER = (1280, 900), (390, 844), (688, 971)
"""Sizes in CSS pixels; the last is what the margins leave of a sheet of A4."""
SMALLEST = 11  # pixels of a letter on a phone
LONG = "unbroken-" * 40

FAINT = ("color-contrast", "link-in-text-block", "scrollable-region-focusable")
"""What axe-core is asked of a page in the dark and on a phone, where it was asked everything on a desk."""

UNFOLD = "() => { for (const each of document.querySelectorAll('details')) each.open = true; }"

EMPTY = """
() => {
  const boxes = document.querySelectorAll("main, section, div, table, caption, details, summary, pre, li, dl, h1, h2, h3, p");
  const bare = [...boxes].filter((each) => !each.matches(".cell:has(> details[hidden]:only-child)")
    && each.checkVisibility() && !each.innerText.trim() && !each.closest("[role=img]"));
  const said = (each) => getComputedStyle(each.tBodies[0], "::after").content.includes("no rows");
  const rowless = [...document.querySelectorAll("table")].filter((each) => !each.querySelector("tbody tr") && !said(each));
  const broken = [...document.images].filter((each) => !each.naturalWidth);
  return [...bare, ...rowless, ...broken].map((each) => each.outerHTML.slice(0, 120));
}
"""

OUTSIDE = """
() => {
  const room = document.documentElement.clientWidth;
  const scrolls = (each) => ["auto", "scroll"].includes(getComputedStyle(each).overflowX);
  const held = (each) => {
    for (let box = each.parentElement; box; box = box.parentElement)
      if (scrolls(box)) return box.getBoundingClientRect().right <= room + 1;
    return false;
  };
  const found = [...document.body.querySelectorAll("*")]
    .filter((each) => each.checkVisibility() && each.getBoundingClientRect().right > room + 1 && !held(each))
    .map((each) => each.outerHTML.slice(0, 120));
  const wide = document.documentElement.scrollWidth;
  return wide > room ? [`the page is ${wide} wide`, ...found] : found;
}
"""

TINY = """
(least) => [...document.querySelectorAll("main *")]
  .filter((each) => [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())
    && each.checkVisibility() && parseFloat(getComputedStyle(each).fontSize) < least)
  .map((each) => `${getComputedStyle(each).fontSize} ${each.outerHTML.slice(0, 100)}`)
"""

FOLDED = """
() => [...document.querySelectorAll("details")]
  .filter((each) => each.checkVisibility() && each.offsetHeight < each.querySelector("summary").offsetHeight + 4)
  .map((each) => each.outerHTML.slice(0, 120))
"""

JUDGED = """
async (rules) => {
  const chosen = { resultTypes: ["violations"], preload: false, iframes: false };
  const found = await axe.run(document, rules.length ? { ...chosen, runOnly: { type: "rule", values: rules } } : chosen);
  return { judged: found.passes.map((each) => each.id), violations: found.violations.map((each) => (
    { id: each.id, impact: each.impact, nodes: each.nodes.map((node) => `${node.target}: ${node.failureSummary}`) })) };
}
"""


@dataclass(frozen=True)
class Visit:
    """A tab that is cut off from every network, and what its pages asked for or complained of."""

    page: Page
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def open(self, path: Path, size: tuple[int, int]) -> Page:
        self.size(size)
        self.page.goto(path.as_uri())
        return self.page

    def size(self, size: tuple[int, int]) -> None:
        self.page.set_viewport_size({"width": size[0], "height": size[1]})


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The notebooks of the reference engagement as pages, and every document, as it should be and with what is hard to show."""
    folder = tmp_path_factory.mktemp("package")
    own, customer = folder / "notebooks", "Bright Roof Services"
    made = [
        to_html(REPO / "notebooks" / f"{stem}.ipynb", own / f"{stem}.html", customer=customer, beside=STEMS) for stem in STEMS
    ]
    made += everything(folder / "documents")
    made += everything(folder / "hard", poison=LONG)
    return [path for path in made if path.suffix == ".html"]


@dataclass(frozen=True)
class Seen:
    """What a page says for itself: on paper, on a desk with its folded parts open, on a phone, and there in the dark."""

    address: str
    asked: list[str]
    said: list[str]
    folded: list[str]
    wide: int  # on paper
    empty: list[str]
    grave: list[str]
    outside: list[str]
    tiny: list[str]
    faint: list[str]


@pytest.fixture(scope="module")
def visit(browser: Browser) -> Iterator[Visit]:
    context = browser.new_context(offline=True)
    made = Visit(context.new_page())
    made.page.on("request", lambda request: made.asked.append(request.url))
    made.page.on("console", lambda line: made.said.append(f"{line.type}: {line.text}"))
    made.page.on("pageerror", lambda error: made.said.append(str(error)))
    yield made
    context.close()


@pytest.fixture(scope="module")
def seen(visit: Visit, pages: list[Path]) -> dict[str, Seen]:
    """Every page, opened once and looked at in each size and light."""
    return {f"{path.parent.name}/{path.name}": looked_at(visit, path) for path in pages}


def looked_at(visit: Visit, path: Path) -> Seen:
    visit.asked.clear()
    visit.said.clear()
    visit.page.emulate_media(media="print", color_scheme="light")
    page = visit.open(path, PAPER)
    folded, wide = page.evaluate(FOLDED), page.evaluate("() => document.documentElement.scrollWidth")
    visit.size(DESK)
    page.emulate_media(media="screen")
    page.evaluate(UNFOLD)
    asked, said, empty = [*visit.asked], [*visit.said], page.evaluate(EMPTY)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    grave = _serious(page)
    visit.size(PHONE)
    outside, tiny = page.evaluate(OUTSIDE), page.evaluate(TINY, SMALLEST)
    page.emulate_media(color_scheme="dark")
    faint = _serious(page, *FAINT)
    return Seen(path.as_uri(), asked, said, folded, wide, empty, grave, outside, tiny, faint)


def test_a_page_asks_for_nothing_and_complains_of_nothing(seen: dict[str, Seen]) -> None:
    assert len(seen) > len(STEMS)
    assert {
        name: (each.asked, each.said) for name, each in seen.items() if (each.asked, each.said) != ([each.address], [])
    } == {}


def test_no_box_of_a_page_is_empty(seen: dict[str, Seen]) -> None:
    assert {name: each.empty for name, each in seen.items() if each.empty} == {}


def test_every_page_fits_a_phone(seen: dict[str, Seen]) -> None:
    assert {name: each.outside for name, each in seen.items() if each.outside} == {}
    assert {name: each.tiny for name, each in seen.items() if each.tiny} == {}


def test_what_is_folded_on_the_screen_is_printed(seen: dict[str, Seen]) -> None:
    assert {name: each.folded for name, each in seen.items() if each.folded} == {}
    assert {name: each.wide for name, each in seen.items() if each.wide > 1.5 * PAPER[0]} == {}, (
        "it would be printed very small"
    )


def test_axe_finds_nothing_serious_on_any_page(seen: dict[str, Seen]) -> None:
    assert {name: each.grave for name, each in seen.items() if each.grave} == {}


def test_axe_finds_nothing_too_faint_in_the_dark_or_on_a_phone_out_of_reach(seen: dict[str, Seen]) -> None:
    assert {name: each.faint for name, each in seen.items() if each.faint} == {}


def test_axe_and_the_questions_see_what_is_wrong(visit: Visit, tmp_path: Path) -> None:
    path = tmp_path / "wrong.html"
    path.write_text(
        "<html><title>x</title><main><p style='color:#ccc;font-size:8px;width:900px'>faint</p><div></div><img src='data:,'>"
        "<table><tbody></tbody></table></main></html>",
        encoding="utf-8",
    )
    page = visit.open(path, PHONE)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert {one.split()[0] for one in _serious(page)} >= {"color-contrast", "html-has-lang", "image-alt"}
    assert {one.split(">")[0].split()[0] for one in page.evaluate(EMPTY)} == {"<div", "<table", "<img"}
    assert page.evaluate(OUTSIDE)[0].startswith("the page is 9")
    assert len(page.evaluate(TINY, SMALLEST)) == 1


def _serious(page: Page, *rules: str) -> list[str]:
    """What axe-core finds serious or worse on the whole page as it stands; by all of its rules, or by these alone."""
    found = page.evaluate(JUDGED, list(rules))
    assert "color-contrast" in [*found["judged"], *(one["id"] for one in found["violations"])], "axe has not looked"
    grave = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    return [f"{one['id']} {len(one['nodes'])}: {one['nodes'][0]}" for one in grave]
