"""Folders of one's own beside the package's, with sources, routes and destinations that are no part of it.

$WORKBENCH_ADDITIONS names them by their whole paths, with the separator of $PATH between several. Each is laid out like the
package: `sources/`, `routes/`, `destinations/`, `rehearsal/` and `extraction/`, as far as it has them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

from workbench.errors import SpecError, listed

__all__ = ["VARIABLE", "folders", "module_path"]

VARIABLE = "WORKBENCH_ADDITIONS"
HERE = Path(__file__).parent
SHARED = ("tenants", "__init__", "__pycache__")
"""Names that stand in several folders and mean nothing by it."""


def folders(part: str) -> tuple[Path, ...]:
    """The folders of a part, such as `routes` or `rehearsal/tenants`: the package's own first, others where they are there.

    Raises SpecError where the variable names something that is no folder, and where two of them hold the same name: which
    one was meant could only be guessed.
    """
    own = _named()
    for folder in own:
        if not (folder.is_absolute() and folder.is_dir()):
            raise SpecError(
                f"${VARIABLE} names something that is no folder",
                expected="the whole paths of folders",
                found=str(folder),
                todo="correct it, or take it out",
            )
    there = [each / part for each in (HERE, *own) if (each / part).is_dir()]
    for one, other in combinations(there, 2):
        if twice := _entries(one) & _entries(other):
            raise SpecError(
                f"two folders have {listed(sorted(twice))}",
                expected="a name that stands in one of them",
                found=f"{one} and {other}",
                todo="give yours another name",
            )
    return tuple(there)


def module_path(own: Iterable[str], part: str) -> list[str]:
    """What a package of ours puts into its `__path__`, so that modules in the folders of one's own are imported as its own."""
    return [*own, *(str(folder / part) for folder in _named() if folder.is_absolute())]


def _named() -> tuple[Path, ...]:
    said = dict.fromkeys(os.environ.get(VARIABLE, "").split(os.pathsep))
    return tuple(Path(each).expanduser() for each in said if each)


def _entries(folder: Path) -> set[str]:
    return {entry.name.partition(".")[0] for entry in folder.iterdir()} - {*SHARED, ""}
