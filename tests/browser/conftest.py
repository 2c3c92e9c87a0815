"""A JupyterLab of its own on loopback and a headless Chromium in front of it, for tests with real clicks and keys."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import PATIENCE, PERSON, Lab, proposals, write_notebook
from playwright.sync_api import Browser, Page, sync_playwright

from workbench.engagement import Engagement, new_engagement

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


@pytest.fixture
def engagement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engagement:
    """An engagement whose columns wait for their fields. Any other with field proposals and a notebook will do."""
    monkeypatch.delenv("WORKBENCH_HEADLESS", raising=False)
    monkeypatch.setenv("WORKBENCH_USER", PERSON)
    made = new_engagement(tmp_path / "engagement", route="promio_to_freshsales", customer="Harbour & Sons")
    made.decisions.propose("field", proposals(made))
    return made


@pytest.fixture
def notebook(engagement: Engagement) -> str:
    """The notebook to open, relative to the engagement: one that shows the table of fields and asks for nothing else."""
    return write_notebook(engagement, 'widgets.decision_table(engagement, "field")')


@pytest.fixture
def lab(engagement: Engagement, tmp_path: Path, browser: Browser) -> Iterator[Lab]:
    port = _free_port()
    environment = _isolated(tmp_path / "jupyter", engagement)
    command = [sys.executable, "-m", "jupyterlab", *SWITCHES, f"--port={port}", f"--ServerApp.root_dir={engagement.root}"]
    with (tmp_path / "lab.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=engagement.root)
        try:
            _wait_for(f"http://127.0.0.1:{port}/api", server)
            yield _watched(browser, f"http://127.0.0.1:{port}")
        finally:
            server.terminate()
            server.wait(30)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert chromium, "the browser tests need Chromium: apt-get install chromium"
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def photograph() -> Callable[[Page, str], None]:
    """Keep a picture under the name, in the folder that WORKBENCH_SCREENSHOTS names; without one, none is kept."""
    folder = os.environ.get("WORKBENCH_SCREENSHOTS")

    def keep(page: Page, name: str) -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png")

    return keep


def _watched(browser: Browser, address: str) -> Lab:
    page = browser.new_page(viewport={"width": 1360, "height": 940})
    lab = Lab(address, page)
    page.on("pageerror", lambda fault: lab.faults.append(str(fault)))
    page.on("request", lambda sent: lab.outside.append(sent.url) if _leaves(sent.url, address) else None)
    return lab


def _leaves(url: str, address: str) -> bool:
    return url.startswith(("http:", "https:", "ws:", "wss:")) and not url.split("://", 1)[1].startswith(
        address.split("://", 1)[1]
    )


def _isolated(folder: Path, engagement: Engagement) -> dict[str, str]:
    """An environment in which Jupyter finds nothing of the user's and asks nothing of the network."""
    notices = folder / "settings" / "@jupyterlab" / "apputils-extension"
    notices.mkdir(parents=True)
    (notices / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    more = {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces")}
    # The kernel finds the engagement from its working directory, as it does for a consultant.
    inherited = {name: value for name, value in os.environ.items() if name != "WORKBENCH_ENGAGEMENT"}
    return {**inherited, **own, **more, "IPYTHONDIR": str(folder / "ipython")}


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
