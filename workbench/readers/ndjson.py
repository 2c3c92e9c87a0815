"""Read a table of JSON objects, one a line or all in one array; what is nested becomes columns of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from workbench.errors import ExportError

__all__ = ["FORMATS", "LINES", "JsonTable", "flat", "read_json"]

LINES = frozenset({"ndjson", "jsonl"})
FORMATS = LINES | {"json"}
BATCH = 50_000
PARTS = 10
"""Of a list of objects so many have columns of their own, besides the whole list as JSON."""

SEPARATOR = "|"
"""Between the values of a list."""

UNREADABLE = frozenset({"id", "error"})
"""All that an item says of itself which its own source could not read."""


@dataclass(frozen=True)
class JsonTable:
    """The rows as text columns beside their lines, and the lines that could not become rows."""

    columns: dict[str, pa.ChunkedArray]
    lines: list[int]
    rejects: list[tuple[int, str, str]]  # line, reason, raw
    blank: int


class _Twice(ValueError):
    """One object says two things under one name."""


@dataclass
class _Columns:
    """Rows on their way into columns, some thousands at a time; a column may show itself late."""

    rows: int = 0
    batch: list[Mapping[str, str | None]] = field(default_factory=list)
    chunks: dict[str, list[pa.Array]] = field(default_factory=dict)

    def add(self, row: Mapping[str, str | None]) -> None:
        self.batch.append(row)
        if len(self.batch) >= BATCH:
            self.flush()

    def flush(self) -> None:
        for name in dict.fromkeys(name for row in self.batch for name in row):
            if name not in self.chunks:
                self.chunks[name] = [pa.nulls(self.rows, pa.large_string())]
        for name, chunks in self.chunks.items():
            chunks.append(pa.array([row.get(name) for row in self.batch], pa.large_string()))
        self.rows += len(self.batch)
        self.batch.clear()

    def whole(self) -> dict[str, pa.ChunkedArray]:
        self.flush()
        return {name: pa.chunked_array(chunks, pa.large_string()) for name, chunks in self.chunks.items()}


def read_json(path: Path) -> JsonTable:
    """Every object of the file as a row of text, by the line on which it begins.

    Numbers keep the digits with which they are written. A line that is no object is a reject: ``not_json``, ``cut_line``
    where the file ends in it, ``unreadable_bytes``, ``key_twice``, or ``unreadable`` where the item says so of itself.
    A file without any line is a table of no rows; ExportError where a single document holds nothing.
    """
    columns, lines, rejects, blank = _Columns(), list[int](), list[tuple[int, str, str]](), 0
    for line, raw, last in _items(path):
        text, reason = _decoded(raw)
        if not text.strip():
            blank += 1
            continue
        row: Mapping[str, str | None] = {}
        if not reason:
            row, reason = _parsed(text, last=last)
        if reason:
            rejects.append((line, reason, text.rstrip("\r\n")))
        else:
            columns.add(row)
            lines.append(line)
    if not lines and not rejects and path.suffix.lower().lstrip(".") not in LINES:
        raise ExportError(
            "The export holds no objects.",
            expected="JSON objects, one a line, or an array of them",
            found=f"{blank} blank lines",
            where=str(path),
            todo="get the file again",
        )
    return JsonTable(columns.whole(), lines, rejects, blank)


def flat(row: Mapping[str, Any], *, under: str = "") -> dict[str, str | None]:
    """An object as one row: `{"properties": {"x": 1}}` has the column `properties.x`; a list of plain values is one cell."""
    cells: dict[str, str | None] = {}
    for name, value in row.items():
        full = f"{under}{name}"
        if isinstance(value, Mapping):
            more = flat(value, under=f"{full}.")
        else:
            more = _list(full, value) if isinstance(value, list) else {full: _text(value)}
        if not cells.keys().isdisjoint(more):  # {"a.b": 1, "a": {"b": 2}}
            raise _Twice
        cells |= more
    return cells


def _list(name: str, values: Sequence[Any]) -> dict[str, str | None]:
    if not any(isinstance(value, Mapping | list) for value in values):
        said = [text for text in map(_text, values) if text]
        return {name: SEPARATOR.join(said) or None}
    cells: dict[str, str | None] = {name: json.dumps(values, ensure_ascii=False)}
    for place, value in enumerate(values[:PARTS]):
        cells |= flat({str(place): value}, under=f"{name}.")
    return cells


def _text(value: object) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _decoded(raw: bytes) -> tuple[str, str]:
    try:
        return raw.decode("utf-8"), ""
    except UnicodeDecodeError:
        return raw.decode("utf-8", "backslashreplace"), "unreadable_bytes"


def _parsed(text: str, *, last: bool) -> tuple[Mapping[str, str | None], str]:
    """A line as a row, or why it is none."""
    try:
        row = json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_once)
        if not isinstance(row, dict):
            return {}, "not_json"
        if row.get("error") and UNREADABLE.issuperset(row):
            return {}, "unreadable"
        return flat(row), ""
    except _Twice:
        return {}, "key_twice"
    except (ValueError, RecursionError):
        return {}, "cut_line" if last and not text.endswith("\n") else "not_json"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice
    return found


def _items(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """The objects of a file as they stand, with their line, and whether the file ends there."""
    with path.open("rb") as stream:
        head = stream.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    yield from _array(path) if head.startswith(b"[") else _lines(path)


def _lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    with path.open("rb") as stream:
        before: bytes | None = None
        for number, raw in enumerate(stream):
            if before is not None:
                yield number, before, False
            before = raw.removeprefix(b"\xef\xbb\xbf") if number == 0 else raw
        if before is not None:
            yield number + 1, before, True


def _array(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """The elements of one array, which is small: inventories are delivered so."""
    text = path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace")
    decoder, at, line = json.JSONDecoder(), text.index("[") + 1, text.count("\n", 0, text.index("[")) + 1
    while True:
        start = at
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        line += text.count("\n", start, at)
        if at >= len(text) or text[at] == "]":
            return
        try:
            _, end = decoder.raw_decode(text, at)
        except ValueError:
            yield line, text[at:].encode(), True
            return
        yield line, text[at:end].encode(), False
        line += text.count("\n", at, end)
        at = end
