"""The bytes of a tenant's files: made when they are asked for, and the same every time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

LIMIT = 25 * 1024 * 1024
"""Bytes that one file may have at the destinations."""

CHUNK = 64 * 1024


def content(file_id: str, size: int) -> Iterator[bytes]:
    """The bytes of a file in chunks: the digest of its id over and over, as the stand-ins of the sources send it."""
    seed = hashlib.sha256(file_id.encode()).digest()
    block = seed * (CHUNK // len(seed))
    for start in range(0, size, CHUNK):
        yield block[: min(CHUNK, size - start)]


def digest(file_id: str, size: int) -> str:
    """SHA-256 of a file's bytes."""
    found = hashlib.sha256()
    for chunk in content(file_id, size):
        found.update(chunk)
    return found.hexdigest()


def make_files(tenant: Path, folder: Path) -> dict[str, Path]:
    """Write the files of a tenant into a folder, each under its id; those that the source does not give are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for each in json.loads((tenant / "files.json").read_text(encoding="utf-8"))["files"]:
        if each["status"] == 200:
            made[each["id"]] = write_file(folder / each["id"], each["id"], each["sent"])
    return made


def write_file(path: Path, file_id: str, size: int) -> Path:
    """Write one file; the path comes back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as handle:
        handle.writelines(content(file_id, size))
    return path
