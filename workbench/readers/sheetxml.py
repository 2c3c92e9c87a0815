"""Look into a workbook's XML without unpacking it: refuse bombs, find what the cell reader would not tell."""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from workbench.errors import ExportError

__all__ = ["Sheet", "SheetScan", "check_archive", "scan_sheet", "sheet_parts"]

CHUNK = 4 << 20
MAX_ENTRIES = 10_000
MAX_UNPACKED = 2 << 30  # bytes
MAX_RATIO = 100
RATIO_FROM = 4 << 20  # bytes; small parts may be as repetitive as they like
MAX_PART = 20 << 20  # bytes of a part that is parsed whole
MAX_CELLS = 40_000_000  # the cell reader keeps the used range as one dense block

# References as every writer writes them are read by two fast patterns; anything else by the slow and patient one.
LETTERS = re.compile(rb' r="([A-Za-z]{2,})')
DIGITS = re.compile(rb' r="[A-Za-z]*(\d+")')
REFERENCE = re.compile(rb"[\s\"']r\s*=\s*[\"']([A-Za-z&]*)(\d*[^\d])")
SPACED = (b"r =", b"r\t=", b"r\n=", b"r\r=")
FORMULA = re.compile(
    rb"<c\b[^>]*?\sr=[\"']([A-Z]+)(\d+)[\"'][^>]*>\s*<f\b(?:[^>]*/>|[^>]*>([^<]*)</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>"
)
ERROR = re.compile(rb"<c\b(?=[^>]*\st=[\"']e[\"'])[^>]*?\sr=[\"']([A-Z]+)(\d+)[\"'][^>]*>.*?<v>([^<]*)</v>", re.DOTALL)
MASK = re.compile(r'(?:\[\$-[0-9A-Fa-f]+\])?((?:0|\\.|"[^"]*"|[ ()/-])+)')


@dataclass(frozen=True)
class Sheet:
    """A worksheet and the part of the archive that holds its cells."""

    name: str
    part: str
    visible: bool


@dataclass
class SheetScan:
    """What the XML of one sheet says, by (row, column), both from 0; filled while the sheet is scanned."""

    rows: int = 0
    columns: int = 0
    errors: dict[tuple[int, int], str] = field(default_factory=dict)  # #N/A and its kin
    uncached: dict[tuple[int, int], str] = field(default_factory=dict)  # formulas without a stored value
    masks: dict[tuple[int, int], str] = field(default_factory=dict)  # number formats that show leading zeros


def check_archive(path: Path) -> None:
    """Refuse an archive that would unpack to far more than it is; ExportError says which limit it breaks."""
    with _archive(path) as archive:
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        if len(names) > MAX_ENTRIES or len(set(names)) < len(names):
            raise _bomb(path, f"at most {MAX_ENTRIES:,} different parts", f"{len(names):,} parts, {len(set(names)):,} names")
        unpacked = sum(entry.file_size for entry in entries)
        if unpacked > MAX_UNPACKED:
            raise _bomb(path, f"at most {MAX_UNPACKED:,} bytes unpacked", f"{unpacked:,}")
        for entry in entries:
            if entry.flag_bits & 1:
                raise _bomb(path, "parts without encryption", f"{entry.filename!r} is encrypted")
            if entry.file_size > RATIO_FROM and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
                ratio = entry.file_size // max(entry.compress_size, 1)
                raise _bomb(path, f"parts compressed at most {MAX_RATIO}:1", f"{entry.filename!r} at {ratio}:1")
        for name in ("xl/sharedStrings.xml", "xl/styles.xml"):
            if name in names:
                for _ in _chunks(archive, name, path):
                    pass


def sheet_parts(path: Path) -> list[Sheet]:
    """The worksheets in the order of the workbook, chart sheets left out."""
    with _archive(path) as archive:
        book = _parsed(archive, "xl/workbook.xml", path)
        links = _parsed(archive, "xl/_rels/workbook.xml.rels", path)
    targets = {link.get("Id"): link for link in links if link.get("Type", "").endswith("/worksheet")}
    sheets = []
    for element in book.iter():
        if _local(element) == "sheet":
            link = targets.get(next((v for k, v in element.attrib.items() if k.endswith("}id")), None))
            if link is not None:
                visible = element.get("state", "visible") == "visible"
                sheets.append(Sheet(element.get("name", ""), _target(link.get("Target", "")), visible))
    return sheets


def scan_sheet(path: Path, sheet: Sheet) -> SheetScan:
    """Stream one sheet's XML: its true used range, error cells, formulas without value, formats with leading zeros."""
    scan = SheetScan()
    with _archive(path) as archive:
        masks = _masks(archive, path)
        styled = _styled(masks)
        for chunk in _chunks(archive, sheet.part, path):
            _measure(scan, chunk, path, sheet)
            if b"<f" in chunk:
                for match in FORMULA.finditer(chunk):
                    scan.uncached[_place(match[1], match[2])] = "=" + (match[3] or b"").decode("utf-8", "replace")
            if b't="e"' in chunk or b"t='e'" in chunk:
                for match in ERROR.finditer(chunk):
                    scan.errors[_place(match[1], match[2])] = match[3].decode("utf-8", "replace")
            if styled is not None:
                for match in styled.finditer(chunk):
                    scan.masks[_place(match[2], match[3])] = masks[int(match[1])]
    return scan


def _measure(scan: SheetScan, chunk: bytes, path: Path, sheet: Sheet) -> None:
    digits = DIGITS.findall(chunk)
    if len(digits) != chunk.count(b"r=") or any(form in chunk for form in SPACED):
        found = set(REFERENCE.findall(chunk))
    else:
        found = {(letters, b"") for letters in set(LETTERS.findall(chunk))} | {(b"", number) for number in set(digits)}
    for letters, number in found:
        if len(letters) > 3 or (letters and not letters.isalpha()) or number[-1:] not in (b"", b'"', b"'"):
            raise _bomb(path, "plain cell references", f"{(letters + number)!r} on sheet {sheet.name!r}")
        scan.columns = max(scan.columns, _column(letters) + 1)
        scan.rows = max(scan.rows, int(number[:-1] or 0))
    if scan.rows * max(scan.columns, 26) > MAX_CELLS:
        size = f"{scan.rows:,} rows by {scan.columns:,} columns on sheet {sheet.name!r}"
        raise _bomb(path, f"a used range of at most {MAX_CELLS:,} cells", size)


def _chunks(archive: zipfile.ZipFile, part: str, path: Path) -> Iterator[bytes]:
    """The part in pieces that end after a cell or a row, so that no cell is cut in two."""
    rest, first = b"", True
    try:
        with archive.open(part) as handle:
            while data := handle.read(CHUNK):
                if first and not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
                    raise _bomb(path, "XML in UTF-8", f"something else in {part!r}")
                first = False
                rest += data
                if b"<!DOCTYPE" in rest or b"<!ENTITY" in rest:
                    raise _bomb(path, "XML without entity declarations", f"a document type in {part!r}")
                cut = max(rest.rfind(b"</c>") + 4, rest.rfind(b"</row>") + 6, rest.rfind(b"</si>") + 5)
                if cut > 6:
                    yield rest[:cut]
                    rest = rest[cut:]
                elif len(rest) > MAX_PART:
                    raise _bomb(path, "rows of ordinary length", f"one of more than {MAX_PART:,} bytes in {part!r}")
    except KeyError as error:
        raise _damaged(path, f"no part {part!r}") from error
    except (zipfile.BadZipFile, EOFError, OSError, zlib.error, NotImplementedError) as error:
        raise _damaged(path, str(error)) from error
    yield rest


def _parsed(archive: zipfile.ZipFile, part: str, path: Path) -> Element:
    try:
        with archive.open(part) as handle:
            text = handle.read(MAX_PART + 1)
        if len(text) > MAX_PART:
            raise _bomb(path, f"at most {MAX_PART:,} bytes", f"more in {part!r}")
        return fromstring(text, forbid_dtd=True)
    except DefusedXmlException as error:
        raise _bomb(path, "XML without entity declarations", f"{type(error).__name__} in {part!r}") from error
    except (KeyError, ParseError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise _damaged(path, f"{part!r}: {error}") from error


def _masks(archive: zipfile.ZipFile, path: Path) -> dict[int, str]:
    """Cell styles whose number format is nothing but zeros and punctuation, as 00000 for postal codes."""
    if "xl/styles.xml" not in archive.namelist():
        return {}
    root = _parsed(archive, "xl/styles.xml", path)
    formats: dict[str, str] = {}
    for element in root.iter():
        if _local(element) == "numFmt":
            found = MASK.fullmatch(element.get("formatCode", ""))
            mask = re.sub(r'\\(.)|"', r"\1", found[1]) if found else ""
            if mask.count("0") >= 2:
                formats[element.get("numFmtId", "")] = mask
    styles = next((e for e in root if _local(e) == "cellXfs"), None)
    numbered = enumerate(styles if styles is not None else ())
    return {i: formats[xf.get("numFmtId", "")] for i, xf in numbered if xf.get("numFmtId", "") in formats}


def _styled(masks: dict[int, str]) -> re.Pattern[bytes] | None:
    if not masks:
        return None
    choice = "|".join(map(str, masks)).encode()
    return re.compile(rb"<c\b(?=[^>]*\ss=[\"'](" + choice + rb")[\"'])[^>]*?\sr=[\"']([A-Z]+)(\d+)[\"']")


def _place(letters: bytes, digits: bytes) -> tuple[int, int]:
    return int(digits) - 1, _column(letters)


def _column(letters: bytes) -> int:
    number = 0
    for char in letters.upper():
        number = number * 26 + char - 64
    return number - 1


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _target(target: str) -> str:
    return target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise _damaged(path, str(error)) from error


def _bomb(path: Path, expected: str, found: str) -> ExportError:
    return ExportError(
        "The workbook is not opened: it is out of all proportion, or not written as spreadsheets are.",
        expected=expected,
        found=found,
        where=str(path),
        todo="if the source is trusted, open it in Excel, copy the rows into a new workbook, or save it as CSV UTF-8",
    )


def _damaged(path: Path, found: str) -> ExportError:
    return ExportError(
        "The workbook is damaged.",
        expected="a complete xlsx file",
        found=found,
        where=str(path),
        todo="get the file again; it may have been cut off on the way",
    )
