"""JupyterLab on loopback and the page in front of it, as the browser tests and their benchmark drive it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pandas as pd
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from sample_exports.demo import TIME_SCALE, begin
from workbench import rehearsal
from workbench.engagement import Engagement, open_engagement
from workbench.stages import discovery, intake

PATIENCE = 180  # seconds for a server, a page or a kernel to come up, on a machine that has much else to do
LATE = PATIENCE * 1000
"""The same in milliseconds, for what a page shows when a kernel has come up or has done its work."""
PERSON = "Kim Berg <kim@harbour.example>"
SAMPLE = Path(__file__).resolve().parents[2] / "sample_exports" / "promio"
KEY = "browser-tenant-0123456789"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]
SWITCHES = [
    "--no-browser",
    "--allow-root",
    "--ip=127.0.0.1",
    "--IdentityProvider.token=",
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
    "--KernelManager.transport_encryption=auto",
]


OPEN = """async (path) => {
  const { commands, shell } = window.jupyterapp;
  const opened = await commands.execute('docmanager:open', { path });
  await opened.context.ready;
  for (const each of [...shell.widgets('main')].filter((each) => each !== opened)) {
    await each.sessionContext?.shutdown();
    each.dispose();
  }
  shell.activateById(opened.id);
}"""
"""Another notebook in the place of what is open: loading the whole of JupyterLab for each takes five seconds of a processor."""
SETTLED = """(path) => {
  const { context } = window.jupyterapp?.shell.currentWidget ?? {};
  return context?.isReady && context.path === path;
}"""
CLEARED = """async () => {
  for (const each of [...window.jupyterapp.shell.widgets('main')]) {
    await each.sessionContext?.shutdown();
    each.dispose();
  }
  return document.body.dataset.jpThemeName === 'JupyterLab Light' && !document.querySelector('.jp-Dialog');
}"""
LOST = "Error displaying widget"
SLOW = "[anywidget] Failed to initialize model."
"""What anywidget complains of where a script takes more than two seconds to load; it is drawn all the same when it has come."""


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab and the page in front of it."""

    address: str
    page: Page
    outside: list[str] = field(default_factory=list)  # requests that left this machine
    faults: list[str] = field(default_factory=list)  # errors of the page

    def open(self, notebook: str) -> None:
        """Open a notebook, in the place of the one before and of its kernel where there was one."""
        if self.page.evaluate("() => Boolean(window.jupyterapp)"):
            self.page.evaluate(OPEN, notebook)
        else:
            self.page.goto(f"{self.address}/lab/tree/{notebook}?reset")
        self._settled(notebook)

    def _settled(self, notebook: str) -> None:
        self.page.wait_for_function(SETTLED, arg=notebook)
        self.page.evaluate("async () => { await window.jupyterapp.shell.currentWidget.sessionContext.ready; }")

    def beside(self) -> Lab:
        """A second tab in front of the same server."""
        return _watched(self.page.context.new_page(), self.address)

    def leave(self) -> bool:
        """Close every notebook, and end its kernel; whether the page is as it was and may be used by the next one."""
        for other in self.page.context.pages:
            if other != self.page:
                other.close()
        whole = bool(self.page.evaluate(f"async () => Boolean(window.jupyterapp) && await ({CLEARED})()"))
        return whole and not (self.faults or self.outside)

    def save(self) -> None:
        self.page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save'); }")

    def reload(self, notebook: str) -> None:
        """Load the page again, as somebody who closed the browser and came back; without what other pages had open last."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}/lab/tree/{notebook}?reset")
        self._settled(notebook)

    def back(self, notebook: str, seen: Callable[[], Locator]) -> None:
        """Save, load the page anew on the running kernel, and wait for what was seen before."""
        self.save()
        self.reload(notebook)
        self.shows(seen)

    def shows(self, seen: Callable[[], Locator]) -> None:
        """Wait for a widget of a page that was opened on a running kernel.

        JupyterLab gives a kernel four seconds to tell of its widgets; on a busy machine it then shows none, and a person runs
        the cells again.
        """
        lost = self.page.get_by_text(LOST).last
        expect(seen().or_(lost).first).to_be_visible(timeout=LATE)
        if lost.is_visible():
            self.run_all()
            expect(seen().first).to_be_visible(timeout=LATE)

    def scroll_to(self, source: str) -> None:
        """Bring the cell that holds these words into view; JupyterLab draws what is far away only when it is looked at."""
        self.page.evaluate(
            "async (source) => { const { content } = window.jupyterapp.shell.currentWidget;"
            " const at = content.widgets.findIndex((cell) => cell.model.sharedModel.getSource().includes(source));"
            " content.activeCellIndex = at; await content.scrollToItem(at, 'start'); }",
            source,
        )

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


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser that asks nothing of the network for itself."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert found, "the browser tests need Chromium: apt-get install chromium"
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=found, args=FLAGS)
        yield opened
        opened.close()


@contextmanager
def running_server(root: Path, folder: Path) -> Iterator[str]:
    """A JupyterLab over a folder of engagements, with settings of its own under `folder`; its address."""
    port = _free_port()
    command = [sys.executable, "-m", "jupyterlab", *SWITCHES, f"--port={port}", f"--ServerApp.root_dir={root}"]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lab.log").open("wb") as log:
        server = subprocess.Popen(command, env=_isolated(folder), stdout=log, stderr=subprocess.STDOUT, cwd=root)
        try:
            _wait_for(f"http://127.0.0.1:{port}/api", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(30)


def new_page(browser: Browser, address: str) -> Lab:
    """A page of its own in front of a running server."""
    context = browser.new_context(viewport={"width": 1360, "height": 940})
    context.set_default_timeout(LATE)
    return _watched(context.new_page(), address)


@dataclass(frozen=True)
class Desk:
    """The pages in front of one JupyterLab. One that a test has left is handed to the next, which need not load it again."""

    browser: Browser
    address: str
    free: list[Lab] = field(default_factory=list)

    @contextmanager
    def page(self) -> Iterator[Lab]:
        """A page with nothing open; its kernels end with the block. What something is wrong with is not used again."""
        lab = self.free.pop() if self.free else new_page(self.browser, self.address)
        yield lab
        if lab.leave():
            self.free.append(lab)
        else:
            lab.page.context.close()


@contextmanager
def begun_migration(root: Path, folder: Path) -> Iterator[Engagement]:
    """The small sample before its mapping: a tenant, the two phases before it, and what they ask decided as recorded."""
    with rehearsal.running("freshsales", state=folder / "tenant.db", token=KEY, time_scale=TIME_SCALE) as tenant:
        engagement = begin(root, SAMPLE, url=tenant.url, key=KEY, time_scale=TIME_SCALE)
        recorded = (SAMPLE / "decisions.jsonl").read_text(encoding="utf-8").splitlines()
        before = [line for line in recorded if json.loads(line)["kind"] in ("scope", "duplicate")]
        (folder / "before.jsonl").write_text("\n".join(before) + "\n", encoding="utf-8")
        engagement.decisions.read_jsonl(folder / "before.jsonl")
        intake.run(engagement)
        discovery.propose(engagement)
        discovery.run(engagement)
        engagement.store.dispose()
        yield engagement


@contextmanager
def copied(begun: Engagement, root: Path) -> Iterator[Engagement]:
    """The same engagement in another folder, before the same tenant: as good as another for all that only asks this."""
    shutil.copytree(begun.root, root)
    engagement = open_engagement(root)
    yield engagement
    engagement.store.dispose()


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


def shown(engagement: Engagement, stem: str) -> str:
    """The path of an engagement's notebook from the folder in which the engagements lie."""
    return f"{engagement.root.name}/notebooks/{stem}.ipynb"


def write_notebook(engagement: Engagement, *sources: str) -> str:
    """A notebook of these cells after one that opens the engagement; its path from the folder that the server shows."""
    opening = "import workbench as wb\nfrom workbench import widgets\n\nengagement = wb.open_engagement()"
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    made = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    made.cells = [nbformat.v4.new_markdown_cell("# Mapping"), *map(nbformat.v4.new_code_cell, (opening, *sources))]
    path = engagement.root / "notebooks" / "mapping_of_columns.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(made, path)
    return shown(engagement, path.stem)


def _watched(page: Page, address: str) -> Lab:
    lab = Lab(address, page)
    page.on("pageerror", lambda fault: lab.faults.append(str(fault)) if str(fault) != SLOW else None)
    page.on("request", lambda sent: lab.outside.append(sent.url) if _leaves(sent.url, address) else None)
    return lab


def _leaves(url: str, address: str) -> bool:
    return url.startswith(("http:", "https:", "ws:", "wss:")) and not url.split("://", 1)[1].startswith(
        address.split("://", 1)[1]
    )


def _isolated(folder: Path) -> dict[str, str]:
    """An environment in which Jupyter finds nothing of the user's and asks nothing of the network."""
    notices = folder / "settings" / "@jupyterlab" / "apputils-extension"
    notices.mkdir(parents=True)
    (notices / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    more = {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces")}
    # The kernel finds the engagement from its working directory, as it does for a consultant.
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("WORKBENCH_ENGAGEMENT", "WORKBENCH_HEADLESS")
    }
    return {**inherited, **own, **more, "WORKBENCH_USER": PERSON, "IPYTHONDIR": str(folder / "ipython")}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(PATIENCE * 5):
        assert server.poll() is None, "JupyterLab ended while starting"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError("JupyterLab did not start")
