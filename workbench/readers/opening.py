"""Look at a file before reading it: is it there, is it an export, and which kind."""

from __future__ import annotations

import hashlib
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import EditError, ExportError
from workbench.readers.ndjson import FORMATS, LINES

__all__ = ["ExportFile", "open_export"]

READABLE = "a text file (csv, tsv, txt, ndjson, json) or an Excel workbook (xlsx, xlsm)"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
FOREIGN = (
    (b"%PDF", "a PDF document", "ask for the export as CSV or XLSX; a PDF has no rows"),
    (b"\x1f\x8b", "a gzip archive", "unpack it and give the file inside"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it and give the file inside"),
    (b"Rar!", "a RAR archive", "unpack it and give the file inside"),
    (b"\x89PNG", "a picture", "ask for the export itself as CSV or XLSX"),
    (b"\xff\xd8\xff", "a picture", "ask for the export itself as CSV or XLSX"),
    (b"SQLite format 3", "a SQLite database", "export the table as CSV"),
    (b"PAR1", "a Parquet file", "export the table as CSV"),
)
MARKUP = (b"<!doctype html", b"<html", b"<table", b"<?xml")


@dataclass(frozen=True)
class ExportFile:
    """A file that can be read: ``format`` is csv, tsv, txt, ndjson, jsonl, json, xlsx or xlsm; ``size`` in bytes."""

    path: Path
    size: int
    sha256: str
    format: str


def open_export(path: str | Path) -> ExportFile:
    """Check that the file exists, may be read and is an export; EditError or ExportError say otherwise."""
    path = Path(path)
    try:
        _present(path)
        size = path.stat().st_size
        with path.open("rb") as handle:
            head = handle.read(4096)
            handle.seek(0)
            sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
    except PermissionError as error:
        raise EditError(
            "The export may not be read.",
            expected="a file this user may read",
            found=f"permission denied for user id {os.getuid()}",
            where=str(path),
            todo="give yourself read permission on the file, or copy it to a folder of your own",
        ) from error
    if size == 0 and path.suffix.lower().lstrip(".") not in LINES:  # no lines are no objects, and a table of none
        raise ExportError(
            "The export is empty.", expected=READABLE, found="0 bytes", where=str(path), todo="get the file again"
        )
    return ExportFile(path=path, size=size, sha256=sha256, format=_format(path, head))


def _present(path: Path) -> None:
    if path.is_dir():
        raise EditError(
            "This is a folder, not an export.",
            expected=READABLE,
            found="a folder",
            where=str(path),
            todo="name one file inside it",
        )
    if not path.exists():
        raise EditError(
            "There is no such file.",
            expected=READABLE,
            found="nothing",
            where=str(path),
            todo="check the spelling and the folder",
        )
    if not path.is_file():
        raise EditError("This is not a regular file.", expected=READABLE, found="a device, pipe or socket", where=str(path))


def _format(path: Path, head: bytes) -> str:
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(path)
    if head.startswith(OLE):
        raise _foreign(path, *_ole(path))
    for magic, what, todo in FOREIGN:
        if head.startswith(magic):
            raise _foreign(path, what, todo)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(MARKUP):
        raise _foreign(
            path, "a web page or XML document", "open it in Excel and save it as CSV UTF-8 or XLSX, or export it again"
        )
    suffix = path.suffix.lower().lstrip(".")
    return suffix if suffix in {"csv", "tsv", "txt", *FORMATS} else "csv"


def _zipped(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise ExportError(
            "The workbook is damaged.",
            expected="a complete xlsx file",
            found=f"an archive that cannot be opened ({error})",
            where=str(path),
            todo="get the file again; it may have been cut off on the way",
        ) from error
    if "xl/workbook.xml" in names:
        return "xlsm" if path.suffix.lower() == ".xlsm" else "xlsx"
    if "xl/workbook.bin" in names:
        raise _foreign(path, "a binary workbook (xlsb)", "open it in Excel and save it as XLSX")
    if "content.xml" in names:
        raise _foreign(path, "an OpenDocument file", "save it as XLSX or CSV")
    if "word/document.xml" in names:
        raise _foreign(path, "a Word document", "ask for the export itself as CSV or XLSX")
    raise _foreign(path, "a zip archive", "unpack it and give the files inside, one by one")


def _ole(path: Path) -> tuple[str, str]:
    with path.open("rb") as handle:
        blob = handle.read(4_000_000)
    if "EncryptedPackage".encode("utf-16-le") in blob:
        return "a workbook protected with a password", "open it in Excel, remove the password, save it, and give that file"
    return "an old Excel workbook (xls) or another Office file", "open it in Excel and save it as XLSX"


def _foreign(path: Path, what: str, todo: str) -> ExportError:
    return ExportError("This file cannot be read as an export.", expected=READABLE, found=what, where=str(path), todo=todo)
