"""Places in the walk from which tests of several folders set out, each reached once in a run, whoever gets there first."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from walk import fresh, load_main, resumed, stage_delta, stage_main

__all__ = ["loaded", "nobody_else", "reached", "staged"]


@pytest.fixture(scope="session", autouse=True)
def nobody_else() -> Iterator[None]:
    """The key and the engagement are the test's own, whatever the shell says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WORKBENCH_KEY", raising=False)
        patch.delenv("WORKBENCH_ENGAGEMENT", raising=False)
        patch.setenv("WORKBENCH_USER", "Kim Larsen")
        yield


@pytest.fixture(scope="session")
def staged(nobody_else: None, run_folder: Path) -> Path:
    """Everything decided and staged, the tenant untouched."""

    def go(folder: Path) -> None:
        with fresh(folder) as walk:
            stage_main(walk.engagement)

    return reached(run_folder / "staged", go)


@pytest.fixture(scope="session")
def loaded(staged: Path, run_folder: Path) -> Path:
    """Production has run, and the delta is staged."""

    def go(folder: Path) -> None:
        with resumed(staged, folder) as walk:
            load_main(walk.engagement)
            stage_delta(walk.engagement)

    return reached(run_folder / "loaded", go)


def reached(folder: Path, go: Callable[[Path], None]) -> Path:
    """The folder, after a walk that comes so far; where tests run side by side, one process walks and the others wait."""
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            part = folder.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)  # of one who did not get there
            part.mkdir()
            go(part)
            part.rename(folder)
    return folder
