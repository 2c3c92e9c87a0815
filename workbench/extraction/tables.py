"""From raw pages to one table an object: every healthy row once, with the page it came in, and the others set aside."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from workbench.extraction.contract import Adapter, Item, Listed
from workbench.extraction.items import BROKEN, ENCODING, NO_OBJECT
from workbench.extraction.shelf import Entry, Shelf, object_name, written
from workbench.extraction.walking import pages_of
from workbench.frames.select import PAGE

__all__ = ["EXPORT", "PAGE", "Found", "Quarantined", "Table", "build_table", "found_in", "write_quarantine"]

EXPORT = "export"
QUARANTINE = "quarantine.jsonl"
AS_IT_CAME = (ENCODING, NO_OBJECT, BROKEN)
MASK = re.compile(r"[*•x]{3,}")


@dataclass(frozen=True)
class Found:
    """A row where it was found; `place` is page file and place in it."""

    place: str
    item: Item


@dataclass(frozen=True)
class Quarantined:
    """A row that cannot be read, with its bytes, where it was, and why."""

    object: str
    place: str
    key: str
    reason: str
    raw: bytes


@dataclass(frozen=True)
class Table:
    """What an object has become: rows as they came, of which so many are in the table, repeated, late or set aside."""

    object: str
    file: str
    rows: int  # items that came, repeated ones and those set aside included
    distinct: int  # healthy ones, each once
    repeated: int
    changed: int  # of the repeated ones, those that came with other values than before
    late: int  # of the distinct ones, made after the agreed day and kept apart
    quarantined: tuple[Quarantined, ...]
    masked: tuple[str, ...]  # columns in which nothing but asterisks came


def found_in(shelf: Shelf, adapter: Adapter, listed: Listed) -> Iterator[Found]:
    """Every row of every page that counts, in the source's order; each page is read back against its digest."""
    for entry in _in_order(pages_of(shelf, listed.name)):
        body = shelf.read(entry)
        place = f"{shelf.root.name}/{entry.file}"
        if "set_aside" in entry.detail:
            yield Found(f"{place}#1", Item(adapter.inner(body), str(entry.detail["key"]), str(entry.detail["set_aside"])))
            continue
        opened = adapter.open_export(listed, body) if entry.detail["by"] == EXPORT else adapter.open(listed, body)
        assert opened is not None  # or it would not lie there as a page
        for number, item in enumerate(opened.items, 1):
            yield Found(f"{place}#{number}", item)


def build_table(shelf: Shelf, adapter: Adapter, listed: Listed, *, folder: Path, counted: int | None, cut_off: str) -> Table:
    """Write `<object>.ndjson` into the folder of the delivery, whole or not at all; no file where there are no rows.

    What cannot be read keeps its line there, as bytes that are no row or as `{"id", "error"}`, so that intake rejects it.

    Of a row that came twice the last is kept. Where rows of one key differ and the source's own count says that they
    are different rows, all of them are.
    """
    chosen, contents, bad, rows = _chosen(found_in(shelf, adapter, listed))
    keep_all = counted is not None and len(contents) + len(bad) == counted != len(chosen) + len(bad)
    kept, aside_at = set((contents if keep_all else chosen).values()), {found.place for found in bad}
    name = f"{object_name(listed.name)}.ndjson"
    late_path = shelf.root / "late" / name
    late, masks = 0, _Masks()
    with _Whole(folder / name) as table, _Whole(late_path) as later:
        for found in found_in(shelf, adapter, listed):
            if found.place in aside_at:
                table.write(_aside_line(found.item))
            if found.item.reason or found.place not in kept:
                continue
            is_late = bool(cut_off) and _after(found.item.raw, adapter.created, cut_off)
            late += is_late
            (later if is_late else table).write(_line(found))
            masks.look(found.item.raw)
    if not late:
        late_path.unlink()
    if not kept and not bad:
        (folder / name).unlink()
    aside = tuple(Quarantined(listed.name, f.place, f.item.key, f.item.reason, f.item.raw) for f in bad)
    repeated, changed = rows - len(kept) - len(bad), len(contents) - len(kept)
    return Table(listed.name, name, rows, len(kept), repeated, changed, late, aside, masks.columns())


def write_quarantine(shelf: Shelf, tables: Sequence[Table]) -> None:
    """Write every row that was set aside, with its bytes as base64, since they may be no text."""
    lines = [
        {
            "object": row.object,
            "key": row.key,
            "reason": row.reason,
            "page": row.place,
            "sha256": hashlib.sha256(row.raw).hexdigest(),
            "raw_base64": base64.b64encode(row.raw).decode(),
        }
        for table in tables
        for row in table.quarantined
    ]
    written(shelf.root / QUARANTINE, b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def _chosen(all_: Iterator[Found]) -> tuple[dict[str, str], dict[str, str], list[Found], int]:
    """Places by key, places by content, the rows set aside (each key once), and how many came."""
    by_key: dict[str, str] = {}
    by_content: dict[str, str] = {}
    bad: dict[str, Found] = {}
    rows = 0
    for found in all_:
        rows += 1
        item = found.item
        if item.reason:
            bad[item.key or found.place] = found
            continue
        digest = hashlib.sha256(item.raw).hexdigest()
        by_key[item.key or digest] = found.place
        by_content[digest] = found.place
    good = {key: found for key, found in bad.items() if key not in by_key}  # read on another page after all
    return by_key, by_content, list(good.values()), rows


def _in_order(entries: Sequence[Entry]) -> list[Entry]:
    """Pages by offset in the order of their rows, others in the order in which they came."""
    last = {"one": 1}
    return sorted(entries, key=lambda e: (last.get(e.detail["by"], 0), int(e.detail["start"])))


def _line(found: Found) -> bytes:
    """The row byte for byte on one line, with its place as a last column; a line may break between values only."""
    raw = found.item.raw.strip().replace(b"\r", b" ").replace(b"\n", b" ")
    inner = raw[1:-1].rstrip()
    place = json.dumps(found.place, ensure_ascii=False).encode()
    return b"{" + inner + (b"," if inner.strip() else b"") + b'"' + PAGE.encode() + b'":' + place + b"}\n"


def _aside_line(item: Item) -> bytes:
    """What stands in the table in place of a row that cannot be read: its own bytes, unless they would pass for a row."""
    raw = item.raw.strip().replace(b"\r", b" ").replace(b"\n", b" ")
    if item.reason in AS_IT_CAME and raw:
        return raw + b"\n"
    return json.dumps({"id": item.key or None, "error": item.reason}).encode() + b"\n"


def _after(raw: bytes, field: str, cut_off: str) -> bool:
    value = json.loads(raw).get(field) if field else None
    try:
        return isinstance(value, str) and _moment(value) > _moment(cut_off)
    except ValueError:
        return False


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class _Masks:
    """Finds columns in which only asterisks come: whoever exports may not see them."""

    def __init__(self) -> None:
        self._seen: dict[str, bool] = {}

    def look(self, raw: bytes) -> None:
        body: Mapping[str, object] = json.loads(raw)
        for name, value in body.items():
            if isinstance(value, str) and value:
                masked = MASK.fullmatch(value) is not None
                self._seen[name] = self._seen.get(name, True) and masked

    def columns(self) -> tuple[str, ...]:
        return tuple(name for name, masked in self._seen.items() if masked)


class _Whole:
    """A file that is in its place only once it is written to its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._temporary = path.with_name(f".{path.name}.new")

    def __enter__(self) -> _Whole:
        self._stream = self._temporary.open("wb")
        return self

    def write(self, line: bytes) -> None:
        """Add a line."""
        self._stream.write(line)

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self._stream.flush()
            os.fsync(self._stream.fileno())
        self._stream.close()
        if kind is None:
            self._temporary.replace(self._path)
        else:
            self._temporary.unlink(missing_ok=True)
