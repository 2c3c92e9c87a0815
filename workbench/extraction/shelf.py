"""Raw pages on disk as they came, each with its digest in an index that a crash can only shorten by what had not come."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.clock import now
from workbench.errors import EngagementLocked, IntegrityError

__all__ = ["Entry", "Shelf", "file_name", "object_name", "written"]

INDEX, LOCK = "index.jsonl", ".lock"


@dataclass(frozen=True)
class Entry:
    """One line of the index. What is in it depends on what it is: a page, a count, a file, or the end of an object."""

    what: str  # listed, count, page, restart, done, file
    object: str
    at: str  # UTC, ISO 8601
    detail: Mapping[str, Any]
    file: str = ""  # below the shelf
    sha256: str = ""
    size: int = 0


class Shelf:
    """The folder `raw` of one delivery; one process writes to it at a time, from any number of threads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._entries: list[Entry] = []

    @contextmanager
    def open(self) -> Iterator[Shelf]:
        """Hold the folder for the length of a block, with what an earlier run has left in it."""
        self.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.root / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise EngagementLocked(
                    "another run extracts into this delivery", where=str(self.root), todo="wait until it has ended, or end it"
                ) from None
            self._recall()
            yield self

    def entries(self, what: str, object_: str | None = None) -> list[Entry]:
        """The lines of one kind, of one object where it is named, oldest first."""
        with self._lock:
            return [e for e in self._entries if e.what == what and (object_ is None or e.object == object_)]

    def note(self, what: str, object_: str, detail: Mapping[str, Any]) -> Entry:
        """Write down something that has no bytes of its own."""
        return self._added(Entry(what, object_, now(), dict(detail)))

    def keep(self, what: str, object_: str, name: str, body: bytes, detail: Mapping[str, Any]) -> Entry:
        """Put bytes in their place, whole or not at all, and then into the index."""
        place = f"{object_name(object_)}/{name}"
        written(self.root / place, body)
        return self._added(Entry(what, object_, now(), dict(detail), place, hashlib.sha256(body).hexdigest(), len(body)))

    def note_file(self, object_: str, detail: Mapping[str, Any], *, sha256: str, size: int) -> Entry:
        """Write down a file that lies elsewhere, with the digest that was taken as it came."""
        return self._added(Entry("file", object_, now(), dict(detail), "", sha256, size))

    def read(self, entry: Entry) -> bytes:
        """The bytes of an entry; IntegrityError where they are no longer those that came."""
        try:
            body = (self.root / entry.file).read_bytes()
        except FileNotFoundError:
            body = b""
        if hashlib.sha256(body).hexdigest() != entry.sha256:
            raise IntegrityError(
                "a page that was extracted has been changed or removed",
                expected=f"{entry.size:,} bytes with SHA-256 {entry.sha256[:16]}…",
                found=f"{len(body):,} other bytes",
                where=entry.file,
                todo="put the page back, or remove the folder raw and extract again",
            )
        return body

    def _added(self, entry: Entry) -> Entry:
        line = json.dumps(asdict(entry), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            descriptor = os.open(self.root / INDEX, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(line)
                stream.flush()
                os.fsync(stream.fileno())
            self._entries.append(entry)
        return entry

    def _recall(self) -> None:
        """Read the index; the end of a line that a crash cut off is taken away, and the page behind it asked for again."""
        path = self.root / INDEX
        body = path.read_bytes() if path.exists() else b""
        whole = body[: body.rfind(b"\n") + 1]
        if len(whole) < len(body):
            os.truncate(path, len(whole))
        try:
            self._entries = [Entry(**json.loads(line)) for line in whole.splitlines()]
        except (ValueError, TypeError):
            raise IntegrityError(
                "the index of the extraction was changed", where=str(path), todo="put it back, or remove the folder raw"
            ) from None


def written(path: Path, body: bytes) -> None:
    """Write a file that is there whole or not at all, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as stream:
        stream.write(body)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def object_name(text: str) -> str:
    """The same for an object, told apart from another whose name differs in a letter that no file may have."""
    plain = file_name(text)
    return plain if plain == text else f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def file_name(text: str) -> str:
    """A name that is one on every disk, for whatever the source calls its objects and files."""
    plain = "".join(letter if letter.isalnum() or letter in "-_. " else "_" for letter in text).strip(". ")
    if plain and len(plain.encode()) <= 150:
        return plain
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    while len(plain.encode()) > 130:
        plain = plain[:-1]
    return f"{plain}-{digest}"
