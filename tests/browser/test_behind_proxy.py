"""`workbench open` behind a proxy that hands on one prefix: the start page, and a decision; nothing leaves the prefix."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lab import PERSON, Lab, new_page
from playwright.sync_api import Browser, Page, expect
from prefixed import Proxy, proxied

from workbench.engagement import Engagement
from workbench.rendering import render

pytestmark = pytest.mark.browser
Photograph = Callable[[Page, str], None]
PREFIX = "/user/kim"
NAMES = "async (at) => (await (await fetch(at)).json()).content.map((each) => each.name)"
CONFIG = 'c = get_config()\nc.IdentityProvider.token = ""\nc.LabApp.expose_app_in_browser = True\n'


@contextmanager
def opened(engagement: Engagement, folder: Path) -> Iterator[Proxy]:
    """JupyterLab as the command starts it, with the settings of nobody, behind a proxy."""
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    more = {f"JUPYTERLAB_{name}_DIR": str(folder / name.lower()) for name in ("SETTINGS", "WORKSPACES")}
    (folder / "config").mkdir()
    (folder / "config" / "jupyter_server_config.py").write_text(CONFIG)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WORKBENCH_")}
    root = str(Path(__file__).resolve().parents[2])
    ours = {"WORKBENCH_USER": PERSON, "IPYTHONDIR": str(folder / "ipython"), "PYTHONPATH": root}
    environment = {**inherited, **own, **more, **ours}
    command = [sys.executable, "-c", "from workbench.cli import app; app()", "open", str(engagement.root)]
    options = ["--port", "0", "--no-browser", "--base-url", f"{PREFIX}/"]
    with subprocess.Popen([*command, *options], env=environment, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            told = next(line for line in server.stderr if f"{PREFIX}/lab" in line)
            at = re.search(r"http://(?:127\.0\.0\.1|localhost):(\d+)/", told)
            assert at, f"it listens where others reach it: {told}"
            with proxied(PREFIX, int(at[1])) as proxy:
                yield proxy
        finally:
            server.terminate()
            server.communicate(timeout=120)


def test_an_engagement_opened_behind_a_proxy_is_at_home_there(
    engagement: Engagement, notebook: str, browser: Browser, tmp_path: Path, photograph: Photograph
) -> None:
    render(engagement)
    engagement.decisions.confirm("scope", "existing_records", "update", by=PERSON)
    with opened(engagement, tmp_path) as proxy:
        lab = new_page(browser, proxy.address)
        page = lab.page
        page.goto(f"{proxy.address}/")
        start = page.locator(".jp-OutputArea-output")
        expect(start).to_contain_text("0 of 9 phases are done")
        expect(start).to_contain_text("Kim Berg decided last: scope existing_records")
        photograph(page, "40_start")
        lab.open("start.ipynb")
        lab.run_all()
        engagement.finish("intake", passed=True, summary={"rows": 17})
        expect(start).to_contain_text("1 of 9 phases are done")  # nobody has touched the page
        photograph(page, "41_start_followed")
        lab.theme("JupyterLab Dark")
        photograph(page, "42_start_dark")
        lab.theme("JupyterLab Light")
        start.get_by_role("link", name="2 · Discovery").first.click()
        expect(page.get_by_role("tab", name="02_discovery.ipynb")).to_be_visible()
        expect(page.get_by_role("heading", name="Discovery — what is in it?")).to_be_visible()
        expect(page.get_by_text("notified about official Jupyter news")).to_have_count(0)

        _decided_there(lab, engagement, notebook.partition("/")[2])
        _led_to_the_start(lab, photograph)
        names = page.evaluate(NAMES, f"{PREFIX}/api/contents/")
        assert "start.ipynb" in names
        assert not [name for name in names if name.startswith(".")], "the key is on show"
        lab.leave()
        page.context.close()
        assert (lab.outside, lab.faults, proxy.strays) == ([], [], [])
        assert any("/api/kernels/" in path and "channels" in path for path in proxy.asked)


def _led_to_the_start(lab: Lab, photograph: Photograph) -> None:
    """The card of the launcher opens the start page, from a folder below it."""
    lab.page.evaluate("async () => { await window.jupyterapp.commands.execute('launcher:create', { cwd: 'notebooks' }); }")
    card = lab.page.locator(".jp-LauncherCard", has_text="Migration")
    expect(card).to_be_visible()
    photograph(lab.page, "43_launcher")
    card.click()
    expect(lab.page.locator(".jp-LauncherCard")).to_have_count(0)  # the start page stands in its place
    expect(lab.page.get_by_role("tab", name="start.ipynb", selected=True).first).to_be_visible()


def _decided_there(lab: Lab, engagement: Engagement, notebook: str) -> None:
    """A column is confirmed with keys, and the decision is in the store."""
    lab.open(notebook)
    lab.run_all()
    subject = engagement.decisions.proposals("field")["subject"].tolist()[0]
    row = lab.page.locator(f".jp-OutputArea-output tr[data-id='{subject}']")
    expect(row).to_be_visible()
    row.get_by_role("combobox").focus()
    lab.page.keyboard.press("Enter")
    expect(row).to_have_attribute("data-state", "confirmed")
    assert list(engagement.decisions.mapping("field")) == [subject]
    assert engagement.decisions.history("field")["by"].tolist() == [PERSON]
