"""A tenant in a folder, for a stand-in of a source: its objects, their rows as the vendor would send them, and its files."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from workbench.errors import SpecError
from workbench.rehearsal.engine.state import Json

OBJECTS, FILES = "objects.json", "files.json"


@dataclass(frozen=True, slots=True)
class Column:
    """A field of an object, as the vendor's metadata tells it."""

    name: str
    label: str
    type: str
    length: int = 0
    required: bool = False
    lookup: str = ""
    values: tuple[str, ...] = ()
    hidden: bool = False  # listed, and absent in every row


@dataclass(frozen=True, slots=True)
class Kind:
    """An object of the tenant; ``key`` is the field that names a row, or several with commas between them."""

    name: str
    label: str
    key: str
    columns: tuple[Column, ...]
    custom: bool = False
    parent: str = ""
    forbidden: bool = False  # listed, and refused
    graphql: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One row: its bytes, and its values unless it is no JSON object; ``key`` as text, or its place where it has none."""

    raw: bytes
    body: Json | None
    key: str


@dataclass(frozen=True)
class Stored:
    """One file: its bytes, or what a request for it is answered with."""

    id: str
    name: str
    content_type: str
    size: int
    status: int = 200
    content: bytes | None = field(default=None, repr=False)

    def bytes(self) -> bytes:
        """The content; where the folder gives none, as many bytes as it says, always the same for the same id."""
        if self.content is not None:
            return self.content
        block = hashlib.sha256(self.id.encode()).digest()
        return (block * (self.size // len(block) + 1))[: self.size]


@dataclass(frozen=True)
class Folder:
    """A tenant as it lies on disk."""

    path: Path
    kinds: Mapping[str, Kind]
    lines: Mapping[str, Sequence[Line]]
    files: Mapping[str, Stored]

    @cached_property
    def size(self) -> int:
        """All rows together."""
        return sum(map(len, self.lines.values()))


def read_folder(path: Path) -> Folder:
    """Read a tenant folder; ``SpecError`` where it is none. A row that is no JSON stays as it is: a corrupt item."""
    if not (path / OBJECTS).is_file():
        raise SpecError(
            "this is no tenant of a source",
            expected=f"a folder with {OBJECTS} and one .ndjson an object",
            found="no such folder" if not path.is_dir() else f"no {OBJECTS}",
            where=str(path),
            todo="name the folder `tenant` of a sample, or make one",
        )
    kinds = {kind.name: kind for kind in map(_kind, _listed(path / OBJECTS, "objects"))}
    lines = {name: _lines(path / f"{name}.ndjson", kind.key) for name, kind in kinds.items()}
    files = _listed(path / FILES, "files") if (path / FILES).is_file() else []
    return Folder(path, kinds, lines, {stored.id: stored for stored in map(_stored, files)})


def _listed(path: Path, name: str) -> list[Json]:
    try:
        said = json.loads(path.read_bytes())
        rows = said[name] if isinstance(said, dict) else said
        return [{key.lower(): value for key, value in row.items()} for row in rows]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise SpecError(
            "the tenant cannot be read", expected=f'{{"{name}": [{{…}}]}}', found=str(error), where=str(path), todo="mend it"
        ) from None


def _kind(row: Json) -> Kind:
    columns = tuple(_column({key.lower(): value for key, value in column.items()}) for column in row.get("fields") or ())
    name = str(row["name"])
    return Kind(
        name=name,
        label=str(row.get("label") or name),
        key=str(row.get("key") or (columns[0].name if columns else "id")),
        columns=columns,
        custom=bool(row.get("custom") or row.get("iscustom")),
        parent=str(row.get("parent") or ""),
        forbidden=bool(row.get("forbidden")),
        graphql=bool(row.get("graphql")),
    )


def _column(row: Json) -> Column:
    return Column(
        name=str(row["name"]),
        label=str(row.get("label") or row["name"]),
        type=str(row.get("type") or "text"),
        length=int(row.get("length") or 0),
        required=bool(row.get("required")),
        lookup=str(row.get("lookup") or ""),
        values=tuple(map(str, row.get("values") or ())),
        hidden=bool(row.get("hidden")),
    )


def _lines(path: Path, key: str) -> Sequence[Line]:
    if not path.is_file():
        return ()
    rows = [line.rstrip(b"\r") for line in path.read_bytes().split(b"\n")]
    return tuple(_line(raw, key, place) for place, raw in enumerate(rows) if raw.strip())


def _line(raw: bytes, key: str, place: int) -> Line:
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return Line(raw, None, f"line {place + 1}")
    names = key.split(",")
    known = all(name in body for name in names)
    return Line(raw, body, ",".join(str(body[name]) for name in names) if known else f"line {place + 1}")


def _stored(row: Json) -> Stored:
    content = None
    if "base64" in row:
        content = base64.b64decode(row["base64"])
    elif "text" in row:
        content = str(row["text"]).encode()
    return Stored(
        id=str(row["id"]),
        name=str(row.get("name") or row["id"]),
        content_type=str(row.get("content_type") or "application/octet-stream"),
        size=len(content) if content is not None else int(row.get("sent", row.get("bytes", 0)) or 0),
        status=int(row.get("status") or 200),
        content=content,
    )
