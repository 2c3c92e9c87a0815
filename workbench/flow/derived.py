"""Make the tables that a route derives: a row for each picture inside a text, and for each file of a list."""

from __future__ import annotations

import hashlib
import mimetypes
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from unicodedata import normalize
from urllib.parse import unquote, urlsplit

import pandas as pd

from workbench.engagement import Engagement
from workbench.frames.derived import COLUMNS, base_columns
from workbench.frames.inline import Picture, decoded, pictures
from workbench.frames.select import ROW, natural_keys
from workbench.specs import Derived, Table

__all__ = ["derive", "unlisted"]

PIECE = 1 << 20
"""Bytes that are read at a time."""

FILES = "files"
"""Folder beside the staged tables for what has to be written out: pictures, parts, archives."""


@dataclass(frozen=True)
class _File:
    """One file on its way into a row; paths are told from the engagement's root."""

    id: str
    row: str
    path: str = ""
    name: str = ""
    size: int = 0
    sha256: str = ""
    type: str = ""
    part: str = ""
    problem: str = ""

    def cells(self) -> dict[str, str | None]:
        size = str(self.size) if self.sha256 else None
        said = (self.id, self.path, self.name, size, self.sha256, self.type, self.part, self.problem)
        return {ROW: self.row, **{name: text or None for name, text in zip(COLUMNS, said, strict=True)}}


def derive(engagement: Engagement, delivery: str = "main", *, scope: Mapping[str, str] | None = None) -> None:
    """Make every derived table of one delivery and keep it as `tables/<name>`, its rows counted among those read.

    ``scope`` are the answers by which files over the limit are dealt with; without them such files wait. Files stay where
    they lie; only pictures that stand inside a text, parts and archives are written, below the staged tables.
    """
    if not engagement.route.derived:
        return
    read = engagement.load("rows_read", delivery=delivery)
    for made in engagement.route.derived:
        table = engagement.load(f"tables/{made.table}", delivery=delivery)
        desk = _Desk(engagement, delivery, made, engagement.source.tables[made.table], _way(made, scope))
        found = _images(desk, table) if made.kind == "images" else _files(desk, table)
        engagement.save(f"tables/{made.name}", found, delivery=delivery)
        read = read[read["table"] != made.name]
        read = pd.concat([read, pd.DataFrame({"table": [made.name], "records": [len(found)]})], ignore_index=True)
    engagement.save("rows_read", read, delivery=delivery)


def unlisted(engagement: Engagement, delivery: str, folder: Path) -> tuple[set[str], list[str]]:
    """Folders of a delivery that hold listed files or pictures, and the files in them that nothing names."""
    named: set[Path] = set()
    places: set[str] = set()
    for made in engagement.route.derived:
        if not engagement.has(f"tables/{made.name}", delivery=delivery):
            continue
        paths = engagement.load(f"tables/{made.name}", delivery=delivery)["file"].dropna()
        inside = [Path(str(path)) for path in paths if str(path).startswith(_told(engagement, folder) + "/")]
        named |= {engagement.root / path for path in inside}
        places |= {(engagement.root / path).relative_to(folder).parts[0] for path in inside} | (
            {made.folder.split("/")[0]} - {""}
        )
    there = [path for place in sorted(places) if (folder / place).is_dir() for path in sorted((folder / place).rglob("*"))]
    lost = [path.relative_to(folder).as_posix() for path in there if path.is_file() and path not in named]
    return places, lost


# ---------------------------------------------------------------- one table


@dataclass(frozen=True)
class _Desk:
    engagement: Engagement
    delivery: str
    made: Derived
    table: Table  # that it is made of
    way: str  # with files over the limit

    @property
    def exports(self) -> Path:
        return self.engagement.exports(self.delivery)

    def kept(self, name: str) -> Path:
        """Where something is written out."""
        folder = self.engagement.root / "staged" / self.delivery / FILES
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name

    def told(self, path: Path) -> str:
        return _told(self.engagement, path)


def _way(made: Derived, scope: Mapping[str, str] | None) -> str:
    if not made.over_limit.startswith("scope:"):
        return made.over_limit
    return (scope or {}).get(made.over_limit.removeprefix("scope:"), "").strip().casefold() or "manual"


def _images(desk: _Desk, table: pd.DataFrame) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    places: list[int] = []
    texts = table[desk.made.column] if desk.made.column in table else pd.Series(pd.NA, index=table.index, dtype="str")
    for place, (row, natural, text) in enumerate(zip(table[ROW], natural_keys(table, desk.table), texts, strict=True)):
        for number, picture in enumerate(pictures(text) if isinstance(text, str) else (), 1):
            named = f"{row if pd.isna(natural) else natural}!image{number}"
            rows.append(dict(_image(desk, picture, named, f"{row}!image{number}").cells()))
            places.append(place)
    return _table(table, places, rows, without=desk.made.column)


def _image(desk: _Desk, picture: Picture, named: str, row: str) -> _File:
    said = picture.source.casefold()
    if said.startswith("data:"):
        held = decoded(picture.source)
        return _File(named, row, problem="image_unreadable") if held is None else _written_out(desk, named, row, *held)
    address = urlsplit(picture.source)
    if address.scheme or address.netloc or not address.path:
        return _File(named, row, problem="image_elsewhere" if picture.source else "image_unreadable")
    path, problem = _found(desk, unquote(address.path))
    if path is None:
        name = unquote(address.path).rsplit("/", 1)[-1]
        return _File(named, row, name=name, problem=problem.replace("file_missing", "image_missing"))
    return next(_as_they_are(desk, named, row, path, path.name, ""))


def _written_out(desk: _Desk, named: str, row: str, content: bytes, kind: str) -> _File:
    digest = hashlib.sha256(content).hexdigest()
    path = desk.kept(f"{digest}{mimetypes.guess_extension(kind) or '.bin'}")
    if not path.exists():
        path.write_bytes(content)
    return next(_as_they_are(desk, named, row, path, f"{row.rsplit('!', 1)[1]}{path.suffix}", kind))


def _files(desk: _Desk, table: pd.DataFrame) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    places: list[int] = []
    for place, (row, natural) in enumerate(zip(table.to_dict("records"), natural_keys(table, desk.table), strict=True)):
        named = str(row[ROW] if pd.isna(natural) else natural)
        for found in _listed(desk, {str(name): value for name, value in row.items()}, named):
            rows.append(dict(found.cells()))
            places.append(place)
    return _table(table, places, rows)


def _listed(desk: _Desk, row: Mapping[str, object], named: str) -> Iterator[_File]:
    """The file, or the parts, of one row of a list; it is looked at where it lies."""
    made, id_ = desk.made, f"{row[ROW]}!file"
    said = _text(row, made.column)
    name = _text(row, made.file_name) or said.rsplit("/", 1)[-1]
    path, problem = _found(desk, said) if said else (None, "file_missing")
    if path is None:
        yield _File(named, id_, name=name, type=_text(row, made.content_type), problem=problem)
        return
    for found in _as_they_are(desk, named, id_, path, name, _text(row, made.content_type)):
        stated, listed = _text(row, made.bytes), _text(row, made.sha256).casefold()
        whole = not found.part and not found.name.endswith(".zip")
        differs = whole and ((stated and stated != str(found.size)) or (listed and listed != found.sha256))
        yield _with_problem(found, "file_differs") if differs and not found.problem else found


def _as_they_are(desk: _Desk, named: str, row: str, path: Path, name: str, kind: str) -> Iterator[_File]:
    size, kind = path.stat().st_size, kind or mimetypes.guess_type(name)[0] or "application/octet-stream"
    whole = _File(named, row, desk.told(path), name, size, _digest(path), kind)
    if not size:
        yield _with_problem(whole, "file_empty")
    elif size <= desk.made.limit:
        yield whole
    elif desk.way == "split":
        yield from _parts(desk, whole, path)
    elif desk.way == "compress":
        yield _packed(desk, whole, path)
    else:
        yield _with_problem(whole, {"link": "file_linked", "skip": "file_skipped"}.get(desk.way, "file_over_limit"))


def _parts(desk: _Desk, whole: _File, path: Path) -> Iterator[_File]:
    """A file in parts that the destination takes; put together in their order they are the file."""
    count = -(-whole.size // desk.made.limit)
    with path.open("rb") as stream:
        for number in range(1, count + 1):
            part = desk.kept(f"{whole.sha256}.{number:03d}")
            left = min(desk.made.limit, whole.size - stream.tell())
            with part.open("wb") as target:
                while left and (piece := stream.read(min(PIECE, left))):
                    target.write(piece)
                    left -= len(piece)
            named, row = f"{whole.id}!part{number}", f"{whole.row.rsplit('!', 1)[0]}!part{number}"
            name, size = f"{whole.name}.{number:03d}", part.stat().st_size
            yield _File(named, row, desk.told(part), name, size, _digest(part), "application/octet-stream", f"{number}/{count}")


def _packed(desk: _Desk, whole: _File, path: Path) -> _File:
    """A file in an archive, where that is small enough; the same file gives the same archive."""
    target = desk.kept(f"{whole.sha256}.zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(whole.name.rsplit("/", 1)[-1])
        entry.compress_type = zipfile.ZIP_DEFLATED
        with path.open("rb") as stream, archive.open(entry, "w", force_zip64=True) as packed:
            while piece := stream.read(PIECE):
                packed.write(piece)
    size = target.stat().st_size
    if size > desk.made.limit:
        target.unlink()
        return _with_problem(whole, "file_over_limit")
    return _File(whole.id, whole.row, desk.told(target), f"{whole.name}.zip", size, _digest(target), "application/zip")


# ---------------------------------------------------------------- small things


def _table(table: pd.DataFrame, places: list[int], rows: list[dict[str, object]], *, without: str = "") -> pd.DataFrame:
    """The derived rows beside the columns of the rows that they come from."""
    base = base_columns([str(name) for name in table.columns if name != ROW], without=without)
    made = pd.DataFrame(rows, columns=[ROW, *COLUMNS], dtype="str")
    return pd.concat([made, table.iloc[places][base].reset_index(drop=True)], axis=1)


def _found(desk: _Desk, said: str) -> tuple[Path | None, str]:
    """The file that a path inside the delivery means, in whatever way its accents are written, or why there is none."""
    start, home = (desk.exports / desk.made.folder).resolve(), desk.exports.resolve()
    text = said.replace("\\", "/").lstrip("/")
    for spelt in dict.fromkeys((text, normalize("NFC", text), normalize("NFD", text))):
        path = start / spelt
        try:
            if not path.resolve().is_relative_to(home):
                return None, "file_outside"
            if path.is_file():
                return path, ""
        except (OSError, ValueError):  # a name that no disk has
            break
    return None, "file_missing"


def _with_problem(found: _File, problem: str) -> _File:
    return replace(found, problem=problem)


def _text(row: Mapping[str, object], column: str) -> str:
    value = row.get(column) if column else None
    return value.strip() if isinstance(value, str) else ""


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _told(engagement: Engagement, path: Path) -> str:
    return path.resolve().relative_to(engagement.root.resolve()).as_posix()
