"""One JupyterLab on loopback for all tests, an engagement and a page for each, driven with real clicks and keys."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import PERSON, Lab, begun_migration, chromium, new_page, proposals, running_server, write_notebook
from playwright.sync_api import Browser, Page, expect

from workbench.engagement import Engagement, new_engagement


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=20_000)  # the machine may be busy; nothing here is a test of speed
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the engagements of all tests lie, each in one of its own."""
    return tmp_path_factory.mktemp("engagements")


@pytest.fixture(scope="session")
def server(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    os.environ.pop("WORKBENCH_HEADLESS", None)
    with running_server(shelf, tmp_path_factory.mktemp("jupyter")) as address:
        yield address


@pytest.fixture
def lab(server: str, browser: Browser) -> Iterator[Lab]:
    """A page of its own; its kernel ends with the test."""
    opened = new_page(browser, server)
    yield opened
    opened.leave()


@pytest.fixture
def engagement(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engagement:
    """An engagement whose columns wait for their fields. Any other with field proposals and a notebook will do."""
    monkeypatch.setenv("WORKBENCH_USER", PERSON)
    made = new_engagement(shelf / tmp_path.name, route="promio_to_freshsales", customer="Harbour & Sons")
    made.decisions.propose("field", proposals(made))
    return made


@pytest.fixture
def migration(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engagement]:
    """The small Promio sample with a tenant to speak to, its first two phases passed."""
    monkeypatch.setenv("WORKBENCH_USER", PERSON)
    with begun_migration(shelf / tmp_path.name, tmp_path) as made:
        yield made


@pytest.fixture
def notebook(engagement: Engagement) -> str:
    """The notebook to open: one that shows the table of fields and asks for nothing else."""
    return write_notebook(engagement, 'widgets.decision_table(engagement, "field")')


@pytest.fixture
def photograph() -> Callable[[Page, str], None]:
    """Keep a picture under the name, in the folder that WORKBENCH_SCREENSHOTS names; without one, none is kept."""
    folder = os.environ.get("WORKBENCH_SCREENSHOTS")

    def keep(page: Page, name: str) -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png")

    return keep
