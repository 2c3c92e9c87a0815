"""Describe the columns of a table: what they hold, how full they are, and what is odd about them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workbench.frames.kinds import Counted, Inference, counted, infer, infer_type
from workbench.plain import Shown
from workbench.show import html_table

__all__ = ["Inference", "Profile", "infer_type", "profile"]

NUMERIC = frozenset({"integer", "decimal", "money", "percent"})
SAMPLE_LENGTH = 60
MOJIBAKE = "[ÂÃ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€|ðŸ|\ufffd"
INVISIBLE = "[\u00a0\u2007\u202f\u200b\u2060\ufeff]"
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NUMERIC_DAY = re.compile(r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})")
NAMED_DAY = re.compile(r"(?:(\d{1,2})[- .]+)?([A-Za-z]{3})[a-z]*\.?[- ](?:(\d{1,2}),? )?[, -]*(\d{4}|\d{2})")


@dataclass(frozen=True, repr=False)
class Profile(Shown):
    """One row per column in ``frame``; ``inferences`` holds the reasoning behind each type, in the same order.

    The columns of ``frame``: column, type, filled, fill (0 to 1), distinct, unique, samples, shortest and
    longest (characters), minimum and maximum (numbers, and dates whose order is certain), placeholders, issues.
    """

    frame: pd.DataFrame
    inferences: tuple[Inference, ...]
    rows: int
    source: pd.DataFrame

    def values(self, column: str) -> pd.DataFrame:
        """The distinct values of one column as they stand, with their counts, commonest first."""
        counts = self.source[column].value_counts()
        return pd.DataFrame({"value": counts.index.astype("str"), "count": counts.to_numpy()})

    def inference(self, column: str) -> Inference:
        """The reasoning behind the type of one column."""
        return self.inferences[list(self.frame["column"]).index(column)]

    def _repr_html_(self) -> str:
        shown = self.frame.assign(fill=(self.frame["fill"] * 100).round(1).astype("str") + " %")
        return html_table(shown, caption=f"{len(shown)} columns, {self.rows:,} rows", limit=len(shown))


def profile(frame: pd.DataFrame) -> Profile:
    """Describe every column of a table of text columns; the frame itself is not changed."""
    found = [_describe(frame.iloc[:, position]) for position in range(frame.shape[1])]
    columns = [name for name, _ in COLUMNS]
    table = pd.DataFrame([row for row, _ in found], columns=columns).astype(dict(COLUMNS))
    return Profile(table, tuple(inference for _, inference in found), len(frame), frame)


COLUMNS = (
    ("column", "str"),
    ("type", "str"),
    ("filled", "int64"),
    ("fill", "float64"),
    ("distinct", "int64"),
    ("unique", "bool"),
    ("samples", "str"),
    ("shortest", "int64"),
    ("longest", "int64"),
    ("minimum", "str"),
    ("maximum", "str"),
    ("placeholders", "int64"),
    ("issues", "str"),
)


def _describe(column: pd.Series) -> tuple[tuple[object, ...], Inference]:
    raw = pc.drop_null(pa.array(column.astype("str"), type=pa.large_string(), from_pandas=True))
    values = counted(column)
    inference = infer(values)
    lengths = pc.min_max(pc.utf8_length(raw)).as_py() if len(raw) else {"min": 0, "max": 0}
    low, high = _range(values, inference)
    distinct = pc.count_distinct(raw).as_py()
    row = (
        str(column.name),
        inference.type,
        len(raw),
        len(raw) / len(column) if len(column) else 0.0,
        distinct,
        len(raw) > 0 and distinct == len(raw),
        " | ".join(_samples(values)),
        lengths["min"],
        lengths["max"],
        low,
        high,
        values.placeholders,
        ", ".join(_issues(raw, len(column), values, inference)),
    )
    return row, inference


def _samples(values: Counted) -> list[str]:
    """The commonest values; among values that are all different, some from the middle as well."""
    places = [0, 1, 2, 3] if len(values) <= 4 or values.counts[0].as_py() > 1 else [0, len(values) // 3, len(values) // 2]
    texts = (" ".join(values.values[i].as_py().split()) for i in places if i < len(values))
    return [text if len(text) <= SAMPLE_LENGTH else text[: SAMPLE_LENGTH - 1] + "…" for text in texts]


def _range(values: Counted, inference: Inference) -> tuple[str | None, str | None]:
    """Least and greatest value; none for dates that could be read in two ways, or for words."""
    if inference.type in NUMERIC:
        return _numeric_range(values)
    if inference.type not in ("date", "datetime") or inference.day_order == "ambiguous":
        return None, None
    days = [day for text in values.values.to_pylist() if (day := _iso(text, inference.day_order)) is not None]
    return (min(days), max(days)) if days else (None, None)


def _numeric_range(values: Counted) -> tuple[str | None, str | None]:
    plain = values.values.filter(values.mask(r"[+-]?\d{1,15}(?:\.\d+)?"))
    odd = values.values.filter(pc.invert(values.mask(r"[+-]?\d{1,15}(?:\.\d+)?")))
    numbers = [number for text in odd.to_pylist() if (number := _number(text)) is not None]
    if len(plain):
        order = pc.sort_indices(pc.cast(pc.replace_substring_regex(plain, r"^\+", ""), pa.float64()))
        numbers += [Decimal(plain[order[end].as_py()].as_py()) for end in (0, -1)]
    return (format(min(numbers), "f"), format(max(numbers), "f")) if numbers else (None, None)


def _number(text: str) -> Decimal | None:
    bare = re.sub(r"[^\d.,()+-]", "", text)
    negative = bare.startswith("(") or "-" in bare
    bare = bare.strip("()+-")
    if re.fullmatch(r"\d+,\d{1,2}|\d{1,3}(?:\.\d{3})+,\d+", bare):
        bare = bare.replace(".", "").replace(",", ".")
    try:
        number = Decimal(bare.replace(",", ""))
    except InvalidOperation:
        return None
    return -number if negative else number


def _iso(text: str, order: str | None) -> str | None:
    found = NUMERIC_DAY.match(text)
    if found:
        first, second, third = found.groups()
        if len(first) == 4:
            return f"{first}-{int(second):02d}-{int(third):02d}"
        month, day = (first, second) if order == "mdy" else (second, first)
        return f"{_year(third)}-{int(month):02d}-{int(day):02d}" if int(month) <= 12 else None
    named = NAMED_DAY.match(text)
    if named and named[2].lower() in MONTHS and (named[1] or named[3]):
        return f"{_year(named[4])}-{MONTHS.index(named[2].lower()) + 1:02d}-{int(named[1] or named[3]):02d}"
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if re.fullmatch(r"\d{8}", text) else None


def _year(text: str) -> str:
    return text if len(text) == 4 else f"{2000 + int(text) if int(text) < 70 else 1900 + int(text)}"


def _issues(raw: pa.Array, rows: int, values: Counted, inference: Inference) -> list[str]:
    checks = (
        ("mostly_empty", 0 < len(raw) < 0.05 * rows),
        ("constant", values.total > 1 and len(values) == 1 and inference.type != "boolean"),
        ("placeholders", values.placeholders > 0),
        ("exceptions", bool(inference.exceptions)),
        ("day_order_ambiguous", inference.day_order == "ambiguous" and not (inference.month_first or inference.day_first)),
        ("day_order_mixed", bool(inference.month_first and inference.day_first)),
        ("nearly_unique", inference.type in ("identifier", "email") and 0.95 * values.total < len(values) < values.total),
        ("outer_blanks", _any(raw, r"^\s|\s$")),
        ("invisible_characters", _any(raw, INVISIBLE)),
        ("mojibake", _any(raw, MOJIBAKE)),
        ("scientific_notation", _any(values.values, r"^[+-]?\d(?:[.,]\d+)?[eE]\+?\d+$")),
        ("spelling_variants", inference.type in ("picklist", "multi_picklist", "boolean") and _variants(values)),
        ("mixed_decimal_marks", inference.type in NUMERIC and _mixed_marks(values)),
    )
    return [code for code, present in checks if present]


def _any(array: pa.Array, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(array, pattern)).as_py())


def _variants(values: Counted) -> bool:
    """Whether words differ only in case, blanks or punctuation, as At Risk, at-risk and AtRisk do."""
    keys = [re.sub(r"[\W_]+", "", text).casefold() for text in values.values.to_pylist()]
    return len(set(keys)) < len(keys)


def _mixed_marks(values: Counted) -> bool:
    return _any(values.values, r"\d,\d{1,2}$") and _any(values.values, r"\d\.\d{1,2}$")
