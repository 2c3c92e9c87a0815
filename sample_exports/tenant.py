"""What a source with an API holds: rows as it gives them, each with its truth, and the folder that a stand-in serves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True)
class Verdict:
    """Where a row ends in one feed; the record is named where the row is loaded or merged, and empty otherwise."""

    bucket: str
    reason: str = ""
    record: str = ""


@dataclass(frozen=True)
class Item:
    """One row of one object, with its truth."""

    table: str
    key: str  # natural key, as a record key carries it
    row: Mapping[str, Json]  # as the API gives it
    verdicts: Mapping[str, Verdict]  # by feed
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by feed: field → value of the record
    aside: tuple[tuple[str, str, str], ...] = ()  # feed, column, reason: cells that give no value although they are filled
    dirt: tuple[tuple[str, str], ...] = ()  # column, kind
    twins: Mapping[str, str] = field(default_factory=dict)  # by feed: record that a matcher may take it for, "" = separate
    raw: bytes = b""  # what stands in place of the row, where it cannot be read


@dataclass(frozen=True)
class FieldSpec:
    """One field as the source's own metadata describe it."""

    name: str
    type: str = "text"
    label: str = ""
    required: bool = False
    lookup: str = ""  # `object.field`
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class ObjectSpec:
    """One object as the source's own metadata describe it."""

    name: str
    label: str
    key: str
    fields: tuple[FieldSpec, ...]
    custom: bool = False
    graphql: bool = False  # reached by GraphQL alone


@dataclass(frozen=True)
class File:
    """A file that the source holds: what it says of it, and what really comes. The bytes are made when they are needed."""

    id: str
    name: str
    size: int  # bytes, as the metadata state them
    content_type: str
    sent: int = -1  # bytes that really come, where they differ
    status: int = 200  # what the source answers to a request for the content


@dataclass(frozen=True)
class State:
    """All that a tenant holds at one moment. An object may be empty."""

    delivery: str
    folder: str
    now: str
    items: Sequence[Item]
    files: Sequence[File]


def line_of(item: Item) -> bytes:
    """The row as one line of NDJSON, without its end."""
    if item.raw:
        return item.raw
    return json.dumps(item.row, ensure_ascii=False, separators=(",", ":")).encode()


def write_state(out: Path, state: State, objects: Sequence[ObjectSpec], *, product: str) -> None:
    """Write one folder: objects.json, a file of rows for each object, files.json."""
    folder = out / state.folder
    folder.mkdir(parents=True, exist_ok=True)
    write_json(
        folder / "objects.json", {"product": product, "now": state.now, "objects": [_described(each) for each in objects]}
    )
    for each in objects:
        items = [item for item in state.items if item.table == each.name]
        blob = b"".join(line_of(item) + b"\n" for item in items)
        # An export that was cut off ends in the middle of a line.
        (folder / f"{each.name}.ndjson").write_bytes(blob[:-1] if items and items[-1].raw else blob)
    write_json(folder / "files.json", {"files": [_listed(file) for file in state.files]})


def _described(spec: ObjectSpec) -> dict[str, Json]:
    return {
        "name": spec.name,
        "label": spec.label,
        "key": spec.key,
        "custom": spec.custom,
        "graphql": spec.graphql,
        "fields": [
            {
                "name": each.name,
                "label": each.label or each.name,
                "type": each.type,
                "required": each.required,
                "lookup": each.lookup,
                "values": list(each.values),
            }
            for each in spec.fields
        ],
    }


def _listed(file: File) -> dict[str, Json]:
    sent = file.size if file.sent < 0 else file.sent
    return {
        "id": file.id,
        "name": file.name,
        "bytes": file.size,
        "sent": sent,
        "content_type": file.content_type,
        "status": file.status,
    }


def lines_of(items: Iterable[Item]) -> list[tuple[Item, int]]:
    """Each row with the line on which it stands in the file of its object, from 1."""
    counts: dict[str, int] = {}
    placed = []
    for item in items:
        counts[item.table] = counts.get(item.table, 0) + 1
        placed.append((item, counts[item.table]))
    return placed


def write_json(path: Path, value: object) -> None:
    """Write JSON the same way every time."""
    path.write_bytes((json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def flat(row: Mapping[str, Json], *, start: str = "") -> dict[str, Json]:
    """A row with its inner objects spread over columns: ``properties.tier``."""
    columns: dict[str, Json] = {}
    for name, value in row.items():
        columns |= flat(value, start=f"{start}{name}.") if isinstance(value, dict) else {start + name: value}
    return columns
