"""What a column holds: each distinct value is held against the shapes of dates, money, phones and the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["PLACEHOLDER", "Counted", "DayOrder", "Inference", "counted", "infer_type"]

ENOUGH = 0.8
"""The share of values that must fit a shape; exports carry up to a tenth of exceptions in a column."""

DayOrder = Literal["mdy", "dmy", "ambiguous"]

MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
DAY = (
    r"(?:\d{4}[-/.](?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])[-/.](?:0?[1-9]|[12]\d|3[01])[-/.](?:\d{4}|\d{2})"
    rf"|(?:0?[1-9]|[12]\d|3[01])[- .]{{1,2}}{MONTH}[- ,]{{1,2}}\d{{2,4}}"
    rf"|{MONTH}[- ](?:0?[1-9]|[12]\d|3[01]),? \d{{4}})"
)
CLOCK = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?(?:\s?[ap]\.?m\.?)?"
ZONE = r"(?:\s?(?:z|utc|gmt|[+-]\d{2}:?\d{2}|[a-z]{3,4}))?"
NUMBER = r"(?:(?:0|[1-9]\d*|[1-9]\d{0,2}(?:[,.' ]\d{3})+)(?:[.,]\d+)?|[.]\d+)"
SYMBOL = r"(?:[$€£¥₹]|(?:us|ca|au)\$|usd|eur|gbp|chf|cad|aud|inr)"

SHAPES = {
    "email": r"(?:mailto:)?[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+",
    "url": r"(?:(?:https?|ftp)://\S+|(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,18}(?::\d+)?(?:[/?#]\S*)?)",
    "datetime": rf"{DAY}(?:[t ]|, ){CLOCK}{ZONE}",
    "date": DAY,
    "compact": r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])",
    "time": CLOCK,
    "duration": (
        r"(?:\d{1,4}:[0-5]\d(?::[0-5]\d)?|pt?\d[\dhms.]*"
        r"|(?:\d+(?:\.\d+)?\s?(?:h(?:ou)?rs?|h|min(?:ute)?s?|m|sec(?:ond)?s?|s|days?|d)\s?)+)"
    ),
    "percent": rf"[+-]?{NUMBER}\s?%",
    "money": rf"(?:\(\s?)?[+-]?\s?(?:{SYMBOL}\s?[+-]?{NUMBER}|{NUMBER}\s?{SYMBOL})(?:\s?\))?",
    "integer": r"[+-]?(?:0|[1-9]\d{0,17})",
    "grouped": r"[+-]?[1-9]\d{0,2}(?:,\d{3})+",
    "decimal": rf"[+-]?{NUMBER}",
    "phone": r"(?:\+|00|\()?[\d][\d\s\x{a0}()./\-]{5,18}\d(?:\s?(?:x|ext\.?)\s?\d{1,6})?",
    "plain_phone": r"(?:\+\d[\d ()./\-]{6,18}|\(?\d{3}\)?[ .\-/]\d{3}[ .\-]\d{4}(?:\s?(?:x|ext\.?)\s?\d{1,6})?)",
    "postal": r"[a-z]{0,4}[- ]?\d[\da-z]*(?:[ -][\da-z]+){0,2}",
    "letter_postal": r"(?:[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}|[a-z]\d[a-z] ?\d[a-z]\d)",
    "code": (
        r"(?:[a-z]{0,6}[-_#./]?\d[\da-z]*(?:[-_./][\da-z]+){0,3}"
        r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    ),
    "leading_zero": r"0\d+",
}
PLACEHOLDER = (
    r"(?i)^\s*(?:null|\(null\)|<null>|n\.?/?a\.?|#n/a|none|nil|nan|-+|[–—]+|\?+|\\n|#+|tbd"
    r"|#(?:ref|value|div/0|name|num)[!?])\s*$"
)
TRUTH = (
    {"yes", "no"}, {"y", "n"}, {"true", "false"}, {"t", "f"}, {"1", "0"}, {"on", "off"}, {"x", ""}, {"ja", "nein"},
    {"oui", "non"}, {"si", "no"}, {"sí", "no"}, {"active", "inactive"},
)  # fmt: skip

NAMED = {
    "phone": r"phone|mobile|cell\b|\btel|fax|caller|tracking number|whatsapp",
    "postal": r"zip|postal|post ?code|plz",
    "money": r"amount|price|\bfee|budget|spend|revenue|\bcost|\bpaid|salary|balance|(?:lifetime|job|deal) value|\btax\b",
    "percent": r"percent|\bpct\b|%|progress|probability",
    "duration": r"duration|length|elapsed|talk time|minutes|seconds",
    "date": r"date|birth|\bdob\b|created|updated|modified|\bon\b|\bat\b|start|end\b|due|expires",
    "id": r"\bids?\b|\bkey\b|\bguid\b|\buuid\b|\bvid\b|number\b|\bno\b|\bcode\b|\bref\b|external",
    "flag": r"^is\b|^has\b|active|deleted|enabled|opt|flag",
}


@dataclass(frozen=True)
class Inference:
    """The type of a column, the share of its values that fit, why, and the values that do not.

    ``day_order`` is None unless days and months are written as numbers; ``ambiguous`` where no value tells, or
    where values contradict each other. ``month_first``, ``day_first`` and ``undecided`` count the evidence.
    """

    type: str
    share: float  # of the filled values that are no placeholders, 0 to 1
    reason: str
    day_order: DayOrder | None = None
    month_first: int = 0  # values that can only be month before day
    day_first: int = 0
    undecided: int = 0
    exceptions: tuple[str, ...] = ()  # distinct values that do not fit, commonest first, at most 50


@dataclass(frozen=True)
class Counted:
    """The distinct values of a column, commonest first, trimmed, without placeholders; and their numbers."""

    name: str
    values: pa.Array
    counts: pa.Array
    total: int  # values, placeholders left out
    placeholders: int

    def __len__(self) -> int:
        return len(self.values)

    def mask(self, pattern: str) -> pa.Array:
        """Which distinct values match the whole pattern, letter case aside."""
        return pc.match_substring_regex(self.values, f"^(?:{pattern})$", ignore_case=True)

    def weight(self, mask: pa.Array) -> int:
        """How many values of the column the masked distinct ones stand for."""
        return int(pc.sum(self.counts.filter(mask)).as_py() or 0)

    def share(self, shape: str) -> float:
        """The share of values of one shape; a shape that a sample rules out is not counted in full."""
        if not self.total:
            return 0.0
        head = self.values[:200]
        few = pc.sum(pc.match_substring_regex(head, f"^(?:{SHAPES[shape]})$", ignore_case=True)).as_py() or 0
        if len(self.values) > 400 and few < 0.1 * len(head):
            return few / len(head)
        return self.weight(self.mask(SHAPES[shape])) / self.total

    def named(self, hint: str) -> bool:
        """Whether the name of the column speaks for a type."""
        return re.search(NAMED[hint], self.name) is not None


def counted(column: pd.Series) -> Counted:
    """Count the distinct values of a text column."""
    array = pa.array(column.dropna().astype("str"), type=pa.large_string())
    table = pc.value_counts(pc.utf8_trim_whitespace(array))
    values, counts = table.field(0), table.field(1)
    keep = pc.and_(pc.invert(pc.match_substring_regex(values, PLACEHOLDER)), pc.not_equal(values, ""))
    values, kept = values.filter(keep), counts.filter(keep)
    order = pc.sort_indices(kept, sort_keys=[("", "descending")]) if len(kept) else pa.array([], pa.int64())
    total = int(pc.sum(kept).as_py() or 0)
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|[_\W]+(?<!%)", " ", str(column.name or "")).strip().lower()
    return Counted(name, values.take(order), kept.take(order), total, len(array) - total)


def infer_type(column: pd.Series) -> Inference:
    """The type of one text column, from the shapes of its values and, where shapes leave it open, its name."""
    return infer(counted(column))


def infer(values: Counted) -> Inference:
    """The same for values that are counted already."""
    if not values.total:
        found = f"; {values.placeholders:,} placeholders" if values.placeholders else ""
        return Inference("empty", 1.0, f"no value at all{found}")
    for kind, pattern, why in _candidates(values):
        fits = values.mask(pattern) if pattern else pa.array([True] * len(values))
        share = values.weight(fits) / values.total
        if share >= ENOUGH:
            return _inference(values, kind, fits, share, why)
    raise AssertionError("the last candidate fits every value")


def _inference(values: Counted, kind: str, fits: pa.Array, share: float, why: str) -> Inference:
    exceptions = tuple(values.values.filter(pc.invert(fits))[:50].to_pylist())
    reason = f"{share:.1%} of {values.total:,} values {why}"
    if kind not in ("date", "datetime"):
        return Inference(kind, share, reason, exceptions=exceptions)
    month, day, open_ = day_evidence(values)
    order: DayOrder | None = None
    if month + day + open_:
        order = "mdy" if month and not day else "dmy" if day and not month else "ambiguous"
        reason += f"; {month:,} can only be month first, {day:,} only day first, {open_:,} either"
    return Inference(kind, share, reason, order, month, day, open_, exceptions)


def day_evidence(values: Counted) -> tuple[int, int, int]:
    """How many values can only be month/day, only day/month, or either."""
    tail = r"[-/.](?:\d{4}|\d{2})(?:[t ,].*)?"
    low, high = "(?:0?[1-9]|1[0-2])", "(?:1[3-9]|2[0-9]|3[01])"
    month = values.weight(values.mask(rf"{low}[-/.]{high}{tail}"))
    day = values.weight(values.mask(rf"{high}[-/.]{low}{tail}"))
    # The same number twice reads alike in either order, and so is no evidence and no danger.
    same = sum(values.weight(values.mask(rf"0?{n}[-/.]0?{n}{tail}")) for n in range(1, 13))
    return month, day, values.weight(values.mask(rf"{low}[-/.]{low}{tail}")) - same


def _candidates(values: Counted) -> Iterator[tuple[str, str, str]]:
    """Types in the order in which they are tried: (type, pattern, reason); an empty pattern fits every value."""
    yield from _addresses(values)
    yield from _moments(values)
    truth = _truth(values)
    if truth:
        yield "boolean", "|".join(map(re.escape, sorted(truth))), f"are one of {' / '.join(sorted(truth))}"
    yield from _numbers(values)
    yield from _vocabularies(values)


def _addresses(values: Counted) -> Iterator[tuple[str, str, str]]:
    yield from _shape(values, "email", "email", "read as e-mail addresses")
    yield from _shape(values, "url", "url", "read as web addresses")


def _moments(values: Counted) -> Iterator[tuple[str, str, str]]:
    moment, day = values.share("datetime"), values.share("date")
    if moment + day >= ENOUGH:
        both = f"{SHAPES['datetime']}|{SHAPES['date']}"
        if moment > day:
            yield "datetime", both, "read as a date with a time"
        else:
            yield "date", both, "read as dates"
    compact = values.share("compact")
    if compact >= 0.98 or (compact >= ENOUGH and values.named("date")):
        yield "date", SHAPES["compact"], "read as dates without separators (YYYYMMDD)"
    if values.named("duration") and values.share("duration") > 0:
        yield "duration", f"{SHAPES['duration']}|{SHAPES['decimal']}", "read as durations"
    yield from _shape(values, "time", "time", "read as times of day")
    yield from _shape(values, "duration", "duration", "read as durations")


def _numbers(values: Counted) -> Iterator[tuple[str, str, str]]:
    number = SHAPES["decimal"]
    percent, money = values.share("percent"), values.share("money")
    if percent >= 0.2 or (percent > 0 and values.named("percent")):
        yield "percent", f"{SHAPES['percent']}|{number}", "read as percentages"
    if values.named("postal"):
        yield from _shape(values, "postal_code", "postal", "look like postal codes, and the name says so")
    yield from _shape(values, "postal_code", "letter_postal", "look like British or Canadian postal codes")
    if values.named("phone"):
        yield from _shape(values, "phone", "phone", "look like phone numbers, and the name says so")
    yield from _shape(values, "phone", "plain_phone", "are written as phone numbers")
    if money >= 0.5 or (values.named("money") and not values.named("id")):
        yield "money", rf"{SHAPES['money']}|{number}|\(\s?{NUMBER}\s?\)", "read as amounts of money"
    zeros = values.share("leading_zero")
    if zeros > 0 and values.share("integer") + zeros >= ENOUGH:
        yield "identifier", r"\d+", "are digits, some with a leading zero that a number would lose"
    fractions = values.share("decimal") - values.share("integer") - zeros
    if values.named("id") and not values.named("money") and fractions < 0.2:
        yield from _shape(values, "identifier", "code", "are codes, and the name says so")
    yield from _shape(values, "integer", "integer", "are whole numbers")
    yield "integer", f"{SHAPES['integer']}|{SHAPES['grouped']}", "are whole numbers, some with thousands separators"
    yield from _shape(values, "decimal", "decimal", "are numbers")
    if len(values) >= 0.9 * values.total and values.total >= 3:
        yield from _shape(values, "identifier", "code", "are codes, nearly all different")


def _vocabularies(values: Counted) -> Iterator[tuple[str, str, str]]:
    separator, words = _multiple(values)
    if separator:
        yield "multi_picklist", "", f"are made of {words} words joined by {separator!r}"
    if _is_long(values):
        yield "long_text", "", "are text, some of it long or of several lines"
    if _is_picklist(values):
        yield "picklist", "", f"are one of {len(values)} different ones"
    yield "text", "", "are text"


def _shape(values: Counted, kind: str, shape: str, why: str) -> Iterator[tuple[str, str, str]]:
    if values.share(shape) >= ENOUGH:
        yield kind, SHAPES[shape], why


def _truth(values: Counted) -> set[str]:
    if len(values) > 24:
        return set()
    seen: dict[str, int] = {}
    for value, count in zip(values.values.to_pylist(), values.counts.to_pylist(), strict=True):
        seen[value.casefold()] = seen.get(value.casefold(), 0) + count
    pairs = [pair for pair in TRUTH if sum(seen.get(word, 0) for word in pair) >= ENOUGH * values.total]
    if not pairs or (pairs[0] == {"1", "0"} and len(seen) == 1 and not values.named("flag")):
        return set()
    return pairs[0] if len(seen) > 1 or pairs[0] != {"t", "f"} else set()


def _multiple(values: Counted) -> tuple[str, int]:
    """The separator that cuts the values into a small vocabulary, and its size; an empty one where none does."""
    rows = list(zip(values.values[:3000].to_pylist(), values.counts[:3000].to_pylist(), strict=True))
    total = sum(count for _, count in rows)
    for separator in (";", "|", ",", "+", "/"):
        joined = sum(count for value, count in rows if separator in value)
        if joined < 0.1 * total or joined < 2:
            continue
        words: dict[str, int] = {}
        for value, count in rows:
            for word in value.split(separator):
                words[word.strip()] = words.get(word.strip(), 0) + count
        short = all(len(word) <= 40 and word.count("\n") == 0 for word in words)
        wordy = sum(1 for word in words if any(map(str.isalpha, word))) >= 0.8 * len(words)
        if short and wordy and 2 <= len(words) <= 60 and sum(words.values()) >= 3 * len(words):
            return separator, len(words)
    return "", 0


def _is_long(values: Counted) -> bool:
    lengths = pc.utf8_length(values.values)
    broken = pc.match_substring_regex(values.values, r"\n|<(?:p|br|div|b|i|ul|img|a)\b")
    usual = (pc.sum(pc.multiply(lengths, values.counts)).as_py() or 0) / values.total
    return usual > 100 or values.weight(pc.greater(lengths, 255)) > 0 or values.weight(broken) >= 0.05 * values.total


def _is_picklist(values: Counted) -> bool:
    longest = pc.max(pc.utf8_length(values.values)).as_py()
    few = len(values) <= 60 and len(values) <= 0.2 * values.total
    return longest <= 60 and (few or (len(values) <= 12 and values.total >= 2 * len(values) and values.total >= 4))
