"""Places in the walk from which tests of several folders set out, each reached once in a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from walk import fresh, load_main, resumed, stage_delta, stage_main

__all__ = ["loaded", "nobody_else", "staged"]


@pytest.fixture(scope="session", autouse=True)
def nobody_else() -> Iterator[None]:
    """The key and the engagement are the test's own, whatever the shell says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WORKBENCH_KEY", raising=False)
        patch.delenv("WORKBENCH_ENGAGEMENT", raising=False)
        patch.setenv("WORKBENCH_USER", "Kim Larsen")
        yield


@pytest.fixture(scope="session")
def staged(nobody_else: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything decided and staged, the tenant untouched."""
    folder = tmp_path_factory.mktemp("staged")
    with fresh(folder) as walk:
        stage_main(walk.engagement)
    return folder


@pytest.fixture(scope="session")
def loaded(staged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Production has run, and the delta is staged."""
    folder = tmp_path_factory.mktemp("loaded")
    with resumed(staged, folder) as walk:
        load_main(walk.engagement)
        stage_delta(walk.engagement)
    return folder
