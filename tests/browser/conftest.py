"""A JupyterLab of its own on loopback and a headless Chromium in front of it, for tests with real clicks and keys."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import PERSON, Lab, begun_migration, chromium, proposals, running_lab, write_notebook
from playwright.sync_api import Browser, Page

from workbench.engagement import Engagement, new_engagement


@pytest.fixture
def engagement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engagement:
    """An engagement whose columns wait for their fields. Any other with field proposals and a notebook will do."""
    monkeypatch.delenv("WORKBENCH_HEADLESS", raising=False)
    monkeypatch.setenv("WORKBENCH_USER", PERSON)
    made = new_engagement(tmp_path / "engagement", route="promio_to_freshsales", customer="Harbour & Sons")
    made.decisions.propose("field", proposals(made))
    return made


@pytest.fixture
def migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engagement]:
    """The small Promio sample with a tenant to speak to, its first two phases passed."""
    monkeypatch.delenv("WORKBENCH_HEADLESS", raising=False)
    with begun_migration(tmp_path) as made:
        yield made


@pytest.fixture
def notebook(engagement: Engagement) -> str:
    """The notebook to open, relative to the engagement: one that shows the table of fields and asks for nothing else."""
    return write_notebook(engagement, 'widgets.decision_table(engagement, "field")')


@pytest.fixture
def lab(engagement: Engagement, tmp_path: Path, browser: Browser) -> Iterator[Lab]:
    with running_lab(engagement, tmp_path / "jupyter", browser) as opened:
        yield opened


@pytest.fixture
def migration_lab(migration: Engagement, tmp_path: Path, browser: Browser) -> Iterator[Lab]:
    with running_lab(migration, tmp_path / "jupyter", browser) as opened:
        yield opened


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def photograph() -> Callable[[Page, str], None]:
    """Keep a picture under the name, in the folder that WORKBENCH_SCREENSHOTS names; without one, none is kept."""
    folder = os.environ.get("WORKBENCH_SCREENSHOTS")

    def keep(page: Page, name: str) -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png")

    return keep
