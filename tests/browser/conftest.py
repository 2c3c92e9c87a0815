"""One JupyterLab on loopback for all tests, an engagement and a page for each, driven with real clicks and keys."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import LATE, PERSON, Desk, Lab, begun_migration, chromium, copied, proposals, running_server, write_notebook
from playwright.sync_api import Browser, Page, expect

from workbench.engagement import Engagement, new_engagement


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=LATE)  # the machine may be busy; nothing here is a test of speed
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


@pytest.fixture(scope="session")
def desk(server: str, browser: Browser) -> Desk:
    """The pages of all tests."""
    return Desk(browser, server)


@pytest.fixture
def lab(desk: Desk) -> Iterator[Lab]:
    """A page with nothing open; its kernel ends with the test."""
    with desk.page() as opened:
        yield opened


@pytest.fixture
def engagement(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engagement:
    """An engagement whose columns wait for their fields. Any other with field proposals and a notebook will do."""
    monkeypatch.setenv("WORKBENCH_USER", PERSON)
    made = new_engagement(shelf / tmp_path.name, route="promio_to_freshsales", customer="Harbour & Sons")
    made.decisions.propose("field", proposals(made))
    return made


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engagement]:
    """The small Promio sample with a tenant to speak to, its first two phases passed; to be copied."""
    folder = tmp_path_factory.mktemp("begun")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_USER", PERSON)
        with begun_migration(folder / "engagement", folder) as made:
            yield made


@pytest.fixture
def migration(begun: Engagement, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engagement]:
    """A copy of the small sample for one test."""
    monkeypatch.setenv("WORKBENCH_USER", PERSON)
    with copied(begun, shelf / tmp_path.name) as made:
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
