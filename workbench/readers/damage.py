"""Look for damage in the values of an export: what Excel, a wrong encoding or a careless hand has left behind."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from workbench.readers.export import Finding

__all__ = ["clean_cells", "find_damage", "words_beyond_ascii"]

PLACEHOLDERS = frozenset(
    [
        "null",
        "(null)",
        "<null>",
        "n/a",
        "na",
        "n.a.",
        "none",
        "nil",
        "nan",
        "-",
        "--",
        "---",
        "–",
        "—",
        "\\n",
        "#n/a",
        "?",
        "??",
    ]
)
ERRORS = frozenset(["#n/a", "#ref!", "#value!", "#div/0!", "#name?", "#null!", "#num!", "#spill!", "#calc!"])

# One pass in C++ finds the few cells worth a closer look; it must let through all that _codes can name.
SUSPECT = (
    r"[^\x20-\x7e]|^ | $|^[=@#?-]|^\+|^[+-]?\d(?:[.,]\d+)?[eE]\+?\d+$|^[+-]?\d{16,}$"
    r"|(?i)^(?:\(?<?null>?\)?|n/?a|n\.a\.|none|nil|nan|\\n)$"
)
SCIENTIFIC = re.compile(r"[+-]?\d(?:[.,]\d+)?[eE]\+?\d+")
INTEGER = re.compile(r"[+-]?\d{16,}")
SIGNED = re.compile(r"[+-]\s?[$€£]?\s?[\d(][\d\s().,/x-]*%?")
MOJIBAKE = re.compile("[ÂÃ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€|ï»¿|ðŸ|Ã$")
FORMULA_STARTS = ("=", "@", "+", "-", "＝", "＋", "－", "＠")
SPACES = re.compile("[\u00a0\u2007\u202f]")
ZERO_WIDTH = re.compile("[\u200b\u2060\ufeff\u00ad]")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]")
POSTAL = re.compile(r"(?i)\b(?:zip|postal|post\s?code|plz|postleitzahl)")
DATE = r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}"
SERIAL = r"^(?:2[5-9]|[345]\d)\d{3}(?:\.\d+)?$"


def clean_cells(column: pa.ChunkedArray) -> tuple[pa.ChunkedArray, int, str]:
    """The column with empty and blank cells missing, how many held nothing but blanks, and the first of these."""
    empty = pc.equal(pc.utf8_trim_whitespace(column), "")
    blank = pc.and_(empty, pc.greater(pc.binary_length(column), 0))
    count = pc.sum(blank).as_py() or 0
    sample = repr(column.filter(blank)[0].as_py()) if count else ""
    return pc.if_else(empty, pa.scalar(None, pa.large_string()), column), count, sample


def find_damage(name: str, column: pa.ChunkedArray) -> list[Finding]:
    """Findings on one column: codes with the number of cells and the commonest example."""
    suspects = pc.value_counts(column.filter(pc.fill_null(pc.match_substring_regex(column, SUSPECT), False)))
    counts: Counter[str] = Counter()
    samples: dict[str, tuple[int, str]] = {}
    for value, count in zip(suspects.field(0).to_pylist(), suspects.field(1).to_pylist(), strict=True):
        for code in _codes(value):
            counts[code] += count
            samples[code] = max(samples.get(code, (0, "")), (count, value), key=lambda pair: pair[0])
    found = [Finding(name, code, counts[code], samples[code][1][:80]) for code in sorted(counts)]
    return [*found, *_lost_zeros(name, column), *_serials(name, column)]


def words_beyond_ascii(columns: list[pa.ChunkedArray], *, limit: int = 24) -> tuple[str, ...]:
    """The commonest distinct words with characters beyond ASCII, for a person to judge the decoding by."""
    words: Counter[str] = Counter()
    for column in columns:
        found = pc.unique(column.filter(pc.fill_null(pc.invert(pc.string_is_ascii(column)), False)))
        for value in found[:5000].to_pylist():
            words.update(word[:40] for word in value.split() if not word.isascii())
    return tuple(word for word, _ in words.most_common(limit))


def _codes(value: str) -> list[str]:
    bare, low = value.strip(), value.strip().lower()
    codes = []
    if low in ERRORS:
        codes.append("error_value")
    if low in PLACEHOLDERS:
        return [*codes, "placeholder"]
    if bare and not bare.strip("#"):
        codes.append("hash_filled")
    if SCIENTIFIC.fullmatch(bare):
        codes.append("scientific_notation")
    if INTEGER.fullmatch(bare) and abs(int(bare)) > 2**53:
        codes.append("over_2_53")
    if value != bare:
        codes.append("outer_blanks")
    starts = bare.startswith(FORMULA_STARTS) and not SIGNED.fullmatch(bare)
    if starts or value.startswith(("\t", "\r")):
        codes.append("formula_like")
    return codes if value.isascii() and value.isprintable() else [*codes, *_character_codes(value)]


def _character_codes(value: str) -> list[str]:
    tests = (
        ("mojibake", MOJIBAKE.search(value)),
        ("replacement_character", "\ufffd" in value),
        ("no_break_space", SPACES.search(value)),
        ("zero_width", ZERO_WIDTH.search(value)),
        ("control_character", CONTROL.search(value)),
        ("not_nfc", not unicodedata.is_normalized("NFC", value)),
    )
    return [code for code, found in tests if found]


def _lost_zeros(name: str, column: pa.ChunkedArray) -> list[Finding]:
    """Digits mostly of one length, some one or two shorter, in a column that keeps or should keep leading zeros."""
    digits = column.filter(pc.fill_null(pc.match_substring_regex(column, r"^\d{2,12}$"), False))
    filled = len(column) - column.null_count
    if len(digits) < 5 or len(digits) < 0.5 * filled:
        return []
    leading = pc.any(pc.starts_with(digits, "0")).as_py()
    if not leading and not POSTAL.search(name):
        return []
    lengths = Counter(pc.utf8_length(digits).to_pylist())
    usual, count = lengths.most_common(1)[0]
    short = {length: n for length, n in lengths.items() if usual - 2 <= length < usual}
    if usual < 4 or not short or count < 0.6 * len(digits):
        return []
    first = digits.filter(pc.equal(pc.utf8_length(digits), max(short)))[0].as_py()
    return [Finding(name, "lost_leading_zero", sum(short.values()), first)]


def _serials(name: str, column: pa.ChunkedArray) -> list[Finding]:
    """Numbers in the range of Excel's day count (1968 to 2064) among dates."""
    serial = pc.fill_null(pc.match_substring_regex(column, SERIAL), False)
    count = pc.sum(serial).as_py() or 0
    if not count:
        return []
    dates = pc.sum(pc.fill_null(pc.match_substring_regex(column, DATE), False)).as_py() or 0
    if dates < 0.4 * (len(column) - column.null_count):
        return []
    return [Finding(name, "date_serial", count, column.filter(serial)[0].as_py())]
