"""A page of JupyterLab as the tests drive it, and proposals for it to show."""

from __future__ import annotations

from dataclasses import dataclass, field

import nbformat
import pandas as pd
from playwright.sync_api import Page

from workbench.engagement import Engagement

PATIENCE = 60  # seconds for a server or a kernel to come up
PERSON = "Kim Berg <kim@harbour.example>"


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab and the page in front of it."""

    address: str
    page: Page
    outside: list[str] = field(default_factory=list)  # requests that left this machine
    faults: list[str] = field(default_factory=list)  # errors of the page

    def open(self, notebook: str) -> None:
        self.page.goto(f"{self.address}/lab/tree/{notebook}?reset")
        self.page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.context?.isReady", timeout=PATIENCE * 1000)
        self.page.evaluate("async () => { await window.jupyterapp.shell.currentWidget.sessionContext.ready; }")

    def run_all(self) -> None:
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")

    def restart(self) -> None:
        """Restart the kernel and forget what its cells showed, as `restart and clear outputs` does."""
        self.page.evaluate(
            "async () => { const app = window.jupyterapp;"
            " await app.shell.currentWidget.sessionContext.session.kernel.restart();"
            " await app.commands.execute('notebook:clear-all-cell-outputs'); }"
        )

    def theme(self, name: str) -> None:
        self.page.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", name)
        self.page.wait_for_function("(theme) => document.body.dataset.jpThemeName === theme", arg=name)
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")


def proposals(engagement: Engagement, *, more: int = 0) -> pd.DataFrame:
    """What the mapping stage would propose for the contacts of the route, and `more` custom properties."""
    feed = engagement.route.feed("contacts")
    rows = [
        [
            f"contacts/{rule.column}",
            {"target": rule.to, "recipe": rule.recipe},
            (0.99, 0.91, 0.74, 0.88)[n % 4],
            ["the scope document names it", "the values look alike"],
            [{"target": "last_name"}, {"target": ""}],
            "96% filled · text · Ann Lee | Zoë Ångström | <b>Bo</b>",
        ]
        for n, rule in enumerate(feed.fields)
    ]
    custom = [
        [
            f"contacts/Property {n:03d}",
            {"target": f"new:Property {n:03d}", "type": "text"} if n % 3 else {"target": ""},
            (0.86, 0.55, 0.9)[n % 3],
            ["custom property, looks like text"],
            [],
            f"{n % 100}% filled · text · 02134 | café",
        ]
        for n in range(more)
    ]
    return pd.DataFrame([*rows, *custom], columns=["subject", "value", "confidence", "reasons", "alternatives", "shown"])


def write_notebook(engagement: Engagement, *sources: str) -> str:
    """A notebook of these cells after one that opens the engagement; its path from the engagement's folder."""
    opening = "import workbench as wb\nfrom workbench import widgets\n\nengagement = wb.open_engagement()"
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    made = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    made.cells = [nbformat.v4.new_markdown_cell("# Mapping"), *map(nbformat.v4.new_code_cell, (opening, *sources))]
    path = engagement.root / "notebooks" / "mapping_of_columns.ipynb"
    nbformat.write(made, path)
    return path.relative_to(engagement.root).as_posix()
