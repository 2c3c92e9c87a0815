"""Walks that several tests set out from: each is walked once, and every test gets a copy with a tenant of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from places import loaded, nobody_else, reached, staged
from walk import Resume, Walk, cut_over, resumed

__all__ = ["loaded", "nobody_else", "staged"]


@pytest.fixture(scope="session")
def finished(loaded: Path, run_folder: Path) -> Path:
    """The delta is in, too."""

    def go(folder: Path) -> None:
        with resumed(loaded, folder) as walk:
            cut_over(walk.engagement)

    return reached(run_folder / "finished", go)


@pytest.fixture
def resume(tmp_path: Path) -> Iterator[Resume]:
    """Set out from a place, as often as a test likes."""
    with ExitStack() as stack:
        count = 0

        def set_out(place: Path, *, faults: Sequence[str] = (), seed: int = 0, **switches: str) -> Walk:
            nonlocal count
            count += 1
            folder = tmp_path / f"walk-{count}"
            return stack.enter_context(resumed(place, folder, switches=switches, faults=faults, seed=seed))

        yield set_out


@pytest.fixture(scope="session")
def after_main(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """The walk after production, for tests that only look."""
    with resumed(loaded, tmp_path_factory.mktemp("after-main")) as walk:
        yield walk


@pytest.fixture(scope="session")
def after_delta(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """The walk after the cutover, for tests that only look."""
    with resumed(finished, tmp_path_factory.mktemp("after-delta")) as walk:
        yield walk
