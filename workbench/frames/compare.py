"""Compare what was meant with what is there, field by field, and say of each difference what it is.

The two sides are frames of records under declared field names: what was staged, and what a separate read-back found.
Nothing is sampled and nothing is rounded. A cell is *equal*; or *intended*, where the two differ only in a way of
writing that is listed in `WAYS`; or *lossy*, where the loss was declared for its field; or *wrong*.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.errors import SpecError, listed
from workbench.plain import Shown
from workbench.show import heading, html_table

__all__ = ["EVERY", "WAYS", "Comparison", "Way", "Ways", "by_type", "canonical", "compare"]

Written = str | tuple[str, ...]
"""A cell as it reads: text, or several texts in order; "" where there is nothing."""

CLASSES = ("equal", "intended", "lossy", "wrong")
COLUMNS = ("key", "field", "expected", "actual", "class", "reason")

PLAIN = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
"""A decimal without leading zeros: the only text whose trailing zeros mean nothing."""

MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True)
class Way:
    """One way of writing a value that does not change it: its name, how a report says it, and what undoes it."""

    name: str
    words: str
    undo: Callable[[Written], Written]


@dataclass(frozen=True, repr=False)
class Comparison(Shown):
    """Every difference between two sets of records, and the count of all cells that were looked at."""

    frame: pd.DataFrame  # differences only: key, field, expected, actual, class, reason; field "" for whole records
    summary: pd.DataFrame  # one row a field: field, cells, filled, equal, intended, lossy, wrong
    expected: int  # records on the expected side
    actual: int  # records on the actual side
    missing: int  # expected records that are not there
    surplus: int  # records that are there and were not expected

    @property
    def wrong(self) -> int:
        """Differences that nothing explains: wrong cells, missing records and surplus records."""
        return int(self.summary["wrong"].sum()) + self.missing + self.surplus

    @property
    def cells(self) -> int:
        """Cells that were compared."""
        return int(self.summary["cells"].sum())

    def _repr_html_(self) -> str:
        records = f"{self.cells:,} cells of {self.expected - self.missing:,} records compared"
        said = f"{records}, {self.wrong:,} unexplained differences"
        parts = [heading(said, good=self.wrong == 0), html_table(self.summary, limit=200)]
        if len(self.frame):
            order = pd.Categorical(self.frame["class"], ["missing", "surplus", "wrong", "lossy", "intended"])
            worst = self.frame.iloc[np.argsort(order.codes, kind="stable")]
            parts.append(html_table(worst, caption="Differences, the gravest first", limit=20))
        return "".join(parts)


def compare(
    expected: pd.DataFrame,
    actual: pd.DataFrame,
    *,
    key: str = "key",
    lossy: Mapping[str, str] | None = None,
    normalise: Mapping[str, Sequence[str]] | None = None,
) -> Comparison:
    """Compare all records of `expected` with those of `actual`, over every column of `expected` but `key`.

    `lossy` gives, per field, the reason of a declared loss: differences there are lossy instead of wrong.
    `normalise` gives, per field, the names of the `WAYS` that may differ; the entry ``"*"`` counts for fields that
    are not named, and the whole mapping is `EVERY` when left out. `by_type` makes a strict one from the fields' types.
    Missing cells, empty text and empty lists are the same nothing. A key that stands twice among the expected records
    is reported as missing, twice among the actual ones (or none at all) as surplus. A SpecError names unknown ways.
    """
    ways = Ways(EVERY if normalise is None else normalise)
    left, twice = _by_key(expected, key)
    right, extra = _by_key(actual, key)
    shared = left.index.intersection(right.index, sort=False)
    pieces, counts = [_absent(left, right, twice), _surplus(left, right, extra)], []
    for field in left.columns:
        wanted = left[field].reindex(shared)
        found = right[field].reindex(shared) if field in right.columns else pd.Series(pd.NA, index=shared, dtype=object)
        piece, count = _field(str(field), wanted, found, ways=ways.of(str(field)), loss=(lossy or {}).get(str(field), ""))
        pieces.append(piece)
        counts.append(count)
    return Comparison(
        frame=_stacked(pieces),
        summary=pd.DataFrame(counts, columns=["field", "cells", "filled", *CLASSES]),
        expected=len(expected),
        actual=len(actual),
        missing=len(pieces[0]),
        surplus=len(pieces[1]),
    )


def by_type(types: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    """The ways of writing that a field's type allows, from field name → type: the strict form of `normalise`."""
    allowed = {
        "money": ("number",),
        "decimal": ("number",),
        "percent": ("number",),
        "integer": ("number",),
        "email": ("email_case", "list_order"),
        "multi_picklist": ("list_order",),
        "lookup": ("list_order",),
        "datetime": ("instant",),
        "moment": ("instant",),
        "boolean": ("truth",),
    }
    return {field: (*allowed.get(type_, ()), "blanks") for field, type_ in types.items()} | {"*": ("blanks",)}


def canonical(column: pd.Series) -> npt.NDArray[np.object_]:
    """A column of any type as it reads: text, or a tuple of texts for a list of several; "" where there is nothing."""
    values = column.to_numpy(dtype=object)
    if isinstance(column.dtype, pd.StringDtype):
        return np.where(column.isna().to_numpy(), "", values)
    made = np.empty(len(values), dtype=object)
    made[:] = [value if type(value) is str else _written(value) for value in values]
    return made


# ---------------------------------------------------------------- ways of writing


def _each(undo: Callable[[str], str]) -> Callable[[Written], Written]:
    return lambda cell: undo(cell) if isinstance(cell, str) else tuple(undo(part) for part in cell)


def _number(text: str) -> str:
    if not PLAIN.fullmatch(text):
        return text
    short = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if short in {"-0", ""} else short


def _instant(text: str) -> str:
    if not MOMENT.fullmatch(text):
        return text
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):  # shaped like a moment, and none: 2024-02-31T00:00Z
        return text


def _truth(text: str) -> str:
    return text.lower() if text.lower() in {"true", "false"} else text


def _ordered(cell: Written) -> Written:
    return cell if isinstance(cell, str) else tuple(sorted(cell))


WAYS: Mapping[str, Way] = MappingProxyType(
    {
        way.name: way
        for way in (
            Way("blanks", "blanks at the end", _each(str.rstrip)),
            Way("number", "the same number, with other zeros after the decimal point", _each(_number)),
            Way("truth", "the same yes or no, in other letters", _each(_truth)),
            Way(
                "email_case",
                "upper and lower case of an e-mail address",
                _each(lambda t: t.lower() if EMAIL.fullmatch(t) else t),
            ),
            Way("list_order", "the same options in another order", _ordered),
            Way("instant", "the same moment, written in another time zone", _each(_instant)),
        )
    }
)

EVERY: Mapping[str, tuple[str, ...]] = MappingProxyType({"*": tuple(WAYS)})
"""Every way, in every field; each acts on its own kind of text only: `02134` is no number, `A@b` no e-mail."""


class Ways:
    """Which ways of writing count for which field."""

    def __init__(self, chosen: Mapping[str, Sequence[str]]) -> None:
        unknown = sorted({name for named in chosen.values() for name in named} - set(WAYS))
        if unknown:
            raise SpecError(
                "these ways of writing are not known",
                expected=listed(list(WAYS)),
                found=listed(unknown),
                where="compare(normalise=…)",
                todo="take names from the list",
            )
        self._chosen = chosen

    def of(self, field: str) -> tuple[Way, ...]:
        return tuple(WAYS[name] for name in self._chosen.get(field, self._chosen.get("*", ())))


def _written(value: object) -> Written:
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else _shortest(float(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        return _parts(sorted(value, key=str) if isinstance(value, set | frozenset) else value)
    return str(value)


def _shortest(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def _parts(values: Iterable[object]) -> Written:
    parts = tuple(text for text in (str(_written(value)) for value in values) if text)
    return parts if len(parts) > 1 else "".join(parts)


# ---------------------------------------------------------------- records


def _by_key(frame: pd.DataFrame, key: str) -> tuple[pd.DataFrame, pd.Series]:
    """The records under their key, and the keys of those that have none of their own: repeated ones and empty ones."""
    if key not in frame.columns:
        raise SpecError(
            f"the records have no column {key!r}",
            expected=key,
            found=listed([str(name) for name in frame.columns]),
            where="compare(key=…)",
            todo="name the column that holds the record key",
        )
    keys = pd.Series(canonical(frame[key]), index=frame.index, dtype=object)
    spare = keys.duplicated(keep="first") | (keys == "")
    kept = frame.loc[~spare].drop(columns=[key])
    return kept.set_axis(pd.Index(keys[~spare].to_numpy(), dtype=object, name="key"), axis=0), keys[spare]


def _absent(left: pd.DataFrame, right: pd.DataFrame, twice: pd.Series) -> pd.DataFrame:
    gone = left.index.difference(right.index, sort=False)
    reasons = ["no record with this key was found"] * len(gone)
    reasons += ["no key, so nothing could be found" if k == "" else "this key stands twice among the expected" for k in twice]
    return _whole([*gone, *twice], "missing", reasons)


def _surplus(left: pd.DataFrame, right: pd.DataFrame, extra: pd.Series) -> pd.DataFrame:
    unknown = right.index.difference(left.index, sort=False)
    reasons = ["nobody expected a record with this key"] * len(unknown)
    reasons += ["a record without our key" if k == "" else "a second record with this key" for k in extra]
    return _whole([*unknown, *extra], "surplus", reasons)


def _whole(keys: Sequence[object], class_: str, reasons: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {"key": keys, "field": "", "expected": "", "actual": "", "class": class_, "reason": reasons},
        columns=list(COLUMNS),
        dtype=object,
    )


# ---------------------------------------------------------------- cells


def _field(
    field: str, expected: pd.Series, actual: pd.Series, *, ways: Sequence[Way], loss: str
) -> tuple[pd.DataFrame, list[object]]:
    """The differing cells of one field, and its row of the summary."""
    wanted, found = canonical(expected), canonical(actual)
    differs = np.fromiter((a != b for a, b in zip(wanted, found, strict=True)), dtype=bool, count=len(wanted))
    known: dict[tuple[Written, Written], tuple[str, str]] = {}
    verdicts = [_verdict(pair, ways, loss, known) for pair in zip(wanted[differs], found[differs], strict=True)]
    frame = pd.DataFrame(
        {
            "key": expected.index.to_numpy()[differs],
            "field": field,
            "expected": [_shown(cell) for cell in wanted[differs]],
            "actual": [_shown(cell) for cell in found[differs]],
            "class": [verdict[0] for verdict in verdicts],
            "reason": [verdict[1] for verdict in verdicts],
        },
        columns=list(COLUMNS),
        dtype=object,
    )
    counts = frame["class"].value_counts()
    tally = [int(counts.get(name, 0)) for name in CLASSES[1:]]
    return frame, [field, len(wanted), int(sum(cell != "" for cell in wanted)), len(wanted) - len(frame), *tally]


def _verdict(
    pair: tuple[Written, Written],
    ways: Sequence[Way],
    loss: str,
    known: dict[tuple[Written, Written], tuple[str, str]],
) -> tuple[str, str]:
    if pair not in known:
        said = _same(pair, ways)
        known[pair] = ("intended", said) if said else ("lossy", loss) if loss else ("wrong", _wrong(pair))
    return known[pair]


def _same(pair: tuple[Written, Written], ways: Sequence[Way]) -> str:
    """What makes the two the same value: one way of writing if one is enough, else those that did something."""
    wanted, found = pair
    for way in ways:
        if way.undo(wanted) == way.undo(found):
            return way.words
    used = []
    for way in ways:
        before = (wanted, found)
        wanted, found = way.undo(wanted), way.undo(found)
        if (wanted, found) != before:
            used.append(way.words)
        if wanted == found:
            return "; ".join(used)
    return ""


def _wrong(pair: tuple[Written, Written]) -> str:
    wanted, found = pair
    if not found:
        return "the value did not arrive"
    return "another value stands there" if wanted else "nothing was sent, and something stands there"


def _shown(cell: Written) -> str:
    return cell if isinstance(cell, str) else "; ".join(cell)


def _stacked(pieces: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All pieces as one frame of text, in the order of the expected fields."""
    filled = [piece for piece in pieces if len(piece)]
    if not filled:
        return pd.DataFrame({name: pd.Series(dtype="str") for name in COLUMNS})
    return pd.concat(filled, ignore_index=True).astype("str")
