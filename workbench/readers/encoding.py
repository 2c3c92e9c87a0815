"""Decide in which encoding a text export was written, and say why."""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import charset_normalizer

from workbench.errors import EditError, ExportError

__all__ = ["Encoding", "decide_encoding", "printable"]

CHUNK = 1 << 20
SAMPLE = 200_000
HIGH = re.compile(rb"[\x80-\xff]+")
CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\v\x1a"))
SURROGATE = re.compile("[\ud800-\udfff]")
NON_LATIN = [
    "cp1251", "koi8_r", "iso8859_5", "cp866", "cp1253", "iso8859_7", "cp1255", "iso8859_8", "cp1256", "iso8859_6",
    "cp932", "euc_jp", "gb18030", "big5", "cp949", "cp874",
]  # fmt: skip
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Encoding:
    """The encoding to open a file with, how it was decided, and how undecodable bytes are carried along."""

    name: str
    reason: str
    errors: str = "surrogateescape"
    bom: bool = False


def decide_encoding(path: Path, *, given: str | None = None) -> Encoding:
    """Byte order mark, then strict UTF-8, then the pattern of UTF-16, then Windows-1252.

    The prior for Windows-1252 yields only where bytes beyond ASCII stand in runs, as they do in other
    scripts, and the detector names one. A UTF-8 file with some stray bytes stays UTF-8: those records are
    rejected later rather than all others being garbled.
    """
    with path.open("rb") as handle:
        head = handle.read(65_536)
    bom = next((name for mark, name in BOMS if head.startswith(mark)), "")
    if given is not None:
        return _given(given, path, bom=bom)
    if bom:
        return Encoding(bom, "byte order mark", errors=_errors(bom), bom=True)
    wide = _utf16_pattern(head)
    if wide:
        return Encoding(wide, "every other byte is zero", errors="surrogatepass")
    _refuse_binary(path, head)
    return _narrow(path)


def printable(text: str) -> str:
    """The text with bytes that could not be decoded shown as ``\\xNN``."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") if not text.isascii() else text


def _given(name: str, path: Path, *, bom: str) -> Encoding:
    try:
        known = codecs.lookup(name).name
    except LookupError as error:
        raise EditError(
            "No such encoding.",
            expected="a name such as utf-8, cp1252 or utf-16",
            found=repr(name),
            where=str(path),
            todo="leave encoding out to have it decided from the bytes",
        ) from error
    same = bom.startswith(known) and bom != "utf-32"
    return Encoding(bom if same else known, "stated by the caller", errors=_errors(known), bom=bool(bom))


def _errors(name: str) -> str:
    return "surrogatepass" if name.startswith(("utf-16", "utf-32")) else "surrogateescape"


def _utf16_pattern(head: bytes) -> str:
    even, odd = head[0::2], head[1::2]
    if len(odd) < 2:
        return ""
    even_zero, odd_zero = even.count(0) / len(even), odd.count(0) / len(odd)
    little, big = odd_zero > 0.3 and even_zero < 0.05, even_zero > 0.3 and odd_zero < 0.05
    characters = even if little else odd
    if not (little or big) or len(characters.translate(None, CONTROL)) < 0.95 * len(characters):
        return ""
    return "utf-16-le" if little else "utf-16-be"


def _refuse_binary(path: Path, head: bytes) -> None:
    control = len(head) - len(head.translate(None, CONTROL))
    if head.count(0) > len(head) / 100 or control > len(head) / 20:
        raise ExportError(
            "This file is not text.",
            expected="a text file (csv, tsv, txt)",
            found="binary data (many zero bytes or control characters)",
            where=str(path),
            todo="ask for the export as CSV or XLSX",
        )


def _narrow(path: Path) -> Encoding:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    valid = strays = 0
    dense = bytearray()
    with path.open("rb") as handle:
        while chunk := handle.read(CHUNK):
            text = decoder.decode(chunk)
            if not text.isascii():
                bad = len(SURROGATE.findall(text))
                strays += bad
                valid += len(re.findall(r"[^\x00-\x7f]", text)) - bad
            if strays and len(dense) < SAMPLE:
                dense += b"".join(line for line in chunk.splitlines(keepends=True) if not line.isascii())[:SAMPLE]
    strays += len(SURROGATE.findall(decoder.decode(b"", True)))
    if not strays:
        return Encoding("utf-8", "every byte is valid UTF-8" if valid else "plain ASCII")
    if valid > strays:
        return Encoding("utf-8", f"UTF-8 with {strays} stray bytes against {valid} valid characters")
    return _single_byte(bytes(dense))


def _single_byte(dense: bytes) -> Encoding:
    runs = [len(run) for run in HIGH.findall(dense)]
    if runs and sum(runs) / len(runs) >= 2:
        best = charset_normalizer.from_bytes(dense, cp_isolation=NON_LATIN).best()
        if best is not None and _mostly_non_latin(str(best)):
            return Encoding(best.encoding, "not UTF-8; bytes beyond ASCII stand in runs and read as another script")
    return Encoding("cp1252", "not UTF-8; single bytes beyond ASCII, as Excel writes them on Windows")


def _mostly_non_latin(text: str) -> bool:
    letters = [char for char in text if char > "\x7f" and char.isalpha()]
    foreign = sum(not unicodedata.name(char, "").startswith("LATIN") for char in letters)
    return bool(letters) and foreign / len(letters) >= 0.8
