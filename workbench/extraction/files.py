"""Attachments on their way to disk: streamed, with size and digest, each once; one that cannot be had stops no other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import WaitError
from workbench.extraction.calling import Caller
from workbench.extraction.contract import Adapter, Download
from workbench.extraction.shelf import Entry, Shelf, file_name, written
from workbench.extraction.tables import PAGE, Table

__all__ = ["FILES", "MANIFEST", "fetch_files", "file_rows"]

FILES, MANIFEST = "files", "files.manifest.ndjson"
ABSENT, HOPELESS = "no_answer", 3
"""The problem of a file that did not come though it was asked for often; after so many in a row nothing comes any more."""


def file_rows(folder: Path, tables: Sequence[Table], adapter: Adapter) -> dict[str, list[Mapping[str, object]]]:
    """The rows of the objects that name files, read back from their tables."""
    named = {table.object: folder / table.file for table in tables if table.object in adapter.file_objects and table.distinct}
    return {name: list(_rows(path)) for name, path in named.items()}


def _rows(path: Path) -> Iterator[Mapping[str, object]]:
    """The healthy rows of a table."""
    for line in path.read_bytes().splitlines():
        with suppress(ValueError):
            row = json.loads(line)
            if isinstance(row, dict) and PAGE in row:
                yield row


def fetch_files(caller: Caller, shelf: Shelf, downloads: Sequence[Download], *, folder: Path, workers: int) -> list[Entry]:
    """Fetch every file that is not there yet to `files/<id>/<name>`, and write the manifest that says what came of each."""
    answered = _answered(shelf)
    todo = [download for download in downloads if _place(download) not in answered]
    in_vain = _InVain()

    def fetch(download: Download) -> None:
        if in_vain.hopeless:
            return
        try:
            _fetch(caller, shelf, download, folder)
            in_vain.row = 0
        except WaitError as error:  # this file may be the only one that does not come
            shelf.note_file(_place(download), _detail(download, problem=ABSENT), sha256="", size=0)
            in_vain.count(error)
        except BaseException as error:
            in_vain.count(error, stops=True)

    with ThreadPoolExecutor(workers, thread_name_prefix="fetch") as pool:
        wait([pool.submit(fetch, download) for download in todo])
    if in_vain.hopeless is not None:
        raise in_vain.hopeless.with_traceback(None)
    known = {entry.object: entry for entry in shelf.entries("file")}
    entries = [known[_place(download)] for download in downloads]
    if entries:
        lines = [json.dumps({**entry.detail, "sha256": entry.sha256, "bytes": entry.size}) for entry in entries]
        written(folder / MANIFEST, "".join(f"{line}\n" for line in lines).encode())
    return entries


@dataclass
class _InVain:
    """How many files in a row did not come, and the error that ends it all."""

    row: int = 0
    hopeless: BaseException | None = None

    def count(self, error: BaseException, *, stops: bool = False) -> None:
        self.row += 1
        if stops or self.row >= HOPELESS:
            self.hopeless = self.hopeless or error


def _answered(shelf: Shelf) -> frozenset[str]:
    """Files that were answered for, be it with a refusal; one that did not come is asked for again by the next run."""
    known = {entry.object: entry for entry in shelf.entries("file")}
    return frozenset(name for name, entry in known.items() if entry.detail["problem"] != ABSENT)


def _place(download: Download) -> str:
    return f"{download.object}/{download.id}"


def _fetch(caller: Caller, shelf: Shelf, download: Download, folder: Path) -> None:
    place = folder / FILES / file_name(f"{download.object} {download.id}")
    place.mkdir(parents=True, exist_ok=True)
    target = place / file_name(download.name or download.id)
    part = place / ".part"
    answered, fetched = caller.fetch(download.target, part, download.judge)
    problem = ""
    if answered.judgement != "good":
        problem = f"answer_{answered.got.status}" if answered.got.status != 200 else "refused"
    elif not fetched.size:
        problem = "zero_bytes"
    elif download.stated is not None and download.stated != fetched.size:
        problem = "size_differs"
    there = answered.judgement == "good"
    sha256, size = (fetched.sha256, fetched.size) if there else ("", 0)
    if there:
        part.replace(target)
    else:
        part.unlink(missing_ok=True)
        with suppress(OSError):  # an earlier run has left something there
            place.rmdir()
    path = str(target.relative_to(folder)) if there else ""
    kind = answered.got.headers.get("content-type", "").partition(";")[0]
    detail = _detail(download, problem=problem, path=path, content_type=kind)
    shelf.note_file(_place(download), detail, sha256=sha256, size=size)


def _detail(download: Download, *, problem: str, path: str = "", content_type: str = "") -> dict[str, object]:
    return {
        "id": download.id,
        "object": download.object,
        "name": download.name,
        "path": path,
        "stated_bytes": download.stated,
        "content_type": content_type,
        "problem": problem,
    }
