"""A staged file on its way out: opened for sending once it was seen to be small enough, and to be the one that was staged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from workbench.destinations import Value

__all__ = ["NotStaged", "opened"]

MEGABYTE = 1024 * 1024
PIECE = 1024 * 1024


class NotStaged(Exception):
    """A file is not what was staged, or not what may be sent; the message says in which way."""


@contextmanager
def opened(values: Mapping[str, Value], *, most: float) -> Iterator[BinaryIO]:
    """The file of a draft, at its beginning; ``values`` tell its path (`file`), its `sha256` and perhaps its `bytes`.

    ``most`` is the greatest size in megabytes. Raises NotStaged. The bytes are never in memory all at once.
    """
    path, wanted = Path(str(values.get("file") or "")), str(values.get("sha256") or "").lower()
    try:
        stream = path.open("rb")
    except OSError as error:
        raise NotStaged(f"the file cannot be read: {error.strerror or error}") from None
    with stream:
        size = stream.seek(0, 2)
        if size > most * MEGABYTE:
            raise NotStaged(f"the file has {size:,} bytes, and {most:g} MB at most may be sent")
        if (told := values.get("bytes")) is not None and str(size) != str(told):
            raise NotStaged(f"the file has {size:,} bytes, and it was staged with {told}")
        if not wanted or _digest(stream) != wanted:
            raise NotStaged("the file is not the one that was staged: its SHA-256 differs")
        stream.seek(0)
        yield stream


def _digest(stream: BinaryIO) -> str:
    stream.seek(0)
    found = hashlib.sha256()
    while piece := stream.read(PIECE):
        found.update(piece)
    return found.hexdigest()
