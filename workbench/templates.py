"""Where the templates of notebooks and documents lie: in an installed package, or beside the code in a clone."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import EditError

__all__ = ["templates_folder"]


def templates_folder() -> Path:
    """The folder with `notebooks/`, `documents/` and `audit/`; an EditError where the installation has lost it."""
    here = Path(__file__).resolve().parent
    for folder in (here / "_templates", here.parent / "templates"):
        if (folder / "documents").is_dir():
            return folder
    raise EditError(
        "the templates are missing",
        expected=f"{here.name}/_templates or a folder templates beside {here.name}",
        todo="install the workbench again, or run it from a complete clone",
    )
