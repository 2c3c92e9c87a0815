"""The customer's files on their way into an engagement: where a folder holds them, and copying them whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from workbench.errors import EngagementError, ExportError, listed

__all__ = ["DELTA", "MAIN", "REQUEST", "check_read", "copy_deliveries", "copy_files"]

MAIN, DELTA = "main", "delta"
"""The deliveries that phases read: the first whole one, and what comes before the switch."""
REQUEST = "request.json"
"""What we asked the customer for; it lies beside the deliveries and is part of none."""


def check_read(name: str) -> str:
    """The name of a delivery, or EngagementError where no phase reads one of that name: its rows would end nowhere."""
    if name in (MAIN, DELTA):
        return name
    raise EngagementError(
        "no phase reads a delivery of this name",
        expected=f"{MAIN} or {DELTA}",
        found=name,
        todo=f"call it {DELTA}; where one is there already, a newer export takes the place of its files in exports/{DELTA}, "
        "and has to bring again what they brought",
    )


def copy_deliveries(folder: Path, target: Path, *, deliveries: Sequence[str] = (MAIN,)) -> None:
    """Copy each delivery to `target`/<delivery>, and our request to `target`/request.json where there is one.

    A folder with a subfolder `main` holds one delivery a subfolder; any other is the main delivery itself. ExportError
    where the folder is missing or holds no files, or where it lacks a delivery that is asked for.
    """
    _present(folder)
    if (folder / MAIN).is_dir():
        found = tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir()))
        sources = {name: folder / name for name in found}
    else:
        sources = {MAIN: folder}
    lacking = [name for name in deliveries if name not in sources]
    if lacking:
        raise ExportError(
            f"there is no delivery {lacking[0]!r} among the exports",
            expected=listed(sorted(sources)),
            found=listed(lacking),
            where=str(folder),
            todo="name one that is there, or put its files into a subfolder of that name, beside main",
        )
    for name in dict.fromkeys(deliveries):
        copy_files(sources[name], target / name)
    if (folder / REQUEST).is_file():
        _copy_request(folder / REQUEST, target / REQUEST)
        (target / MAIN / REQUEST).unlink(missing_ok=True)


def copy_files(folder: Path, target: Path) -> Path:
    """Copy the files of one delivery byte for byte; ExportError where there are none or they cannot be copied."""
    _present(folder)
    visible = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    if not any(entry.is_file() or entry.is_symlink() for entry in visible if entry.name != REQUEST):
        raise ExportError(
            "the folder with the exports holds no files",
            expected="the files that the customer exported, here or in a subfolder main",
            found=f"only the folders {listed(_names(visible))}" if visible else "nothing",
            where=str(folder),
            todo="put the files there, or name the folder that holds them",
        )
    try:
        shutil.copytree(folder, target, dirs_exist_ok=True)
    except (OSError, shutil.Error) as failed:
        raise _uncopied(failed, folder) from None
    return target


def _copy_request(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as failed:
        raise _uncopied(failed, source) from None


def _uncopied(failed: Exception, place: Path) -> ExportError:
    return ExportError(
        "the exports cannot be copied",
        found=str(failed),
        where=str(place),
        todo="see that they may be read and the disk has room, then run this again",
    )


def _present(folder: Path) -> None:
    if not folder.is_dir():
        raise ExportError(
            "the folder with the exports is missing",
            expected="a folder",
            found="a file" if folder.exists() else "nothing",
            where=str(folder),
            todo="name the folder that holds them",
        )


def _names(entries: Iterable[Path]) -> list[str]:
    return sorted(entry.name for entry in entries)
