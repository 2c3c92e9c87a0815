"""Which value becomes which option: proposals that a person confirms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import pandas as pd
from rapidfuzz import fuzz

from workbench.errors import SpecError
from workbench.matching.folding import fold, pack, squash
from workbench.plain import Shown
from workbench.recipes import is_placeholder

LEAST = 0.5
MARGIN = 0.04
"""Two options nearer to each other than this are a question, not a proposal."""


@dataclass(frozen=True, repr=False)
class ValueProposals(Shown):
    """What each value of a column could become.

    ``frame``: value, count (rows; NA where it was not given), option (NA where none fits), confidence, reasons.
    """

    frame: pd.DataFrame

    def _repr_html_(self) -> str:
        sure = int((self.frame["confidence"] >= 0.85).sum())
        return f"<p>{len(self.frame)} values, {sure} of them sure</p>" + self.frame.to_html(index=False, escape=True, na_rep="")


def propose_values(values: pd.Series | pd.DataFrame, options: Sequence[str]) -> ValueProposals:
    """Propose an option for every distinct value; of a column, or of a table with value and count.

    Case, blanks, hyphens and accents are folded; known synonyms and slips of the pen are proposed with less
    confidence. Placeholders and values that fit nothing, or two options alike, get none.
    """
    counted = _counted(values)
    offered = tuple(dict.fromkeys(options))
    empty = is_placeholder(counted["value"])
    rows = []
    for value, count, nothing in zip(counted["value"], counted["count"], empty, strict=True):
        option, confidence, reason = (None, 0.9, "stands for nothing") if nothing else _proposal(str(value), offered)
        if str(value).strip() in offered:
            option, confidence, reason = str(value).strip(), 1.0, "the option itself"
        rows.append((value, count, option, round(confidence, 2), reason))
    frame = pd.DataFrame(rows, columns=["value", "count", "option", "confidence", "reasons"])
    return ValueProposals(frame.astype({"value": "str", "option": "str", "reasons": "str", "confidence": "float"}))


def _counted(values: pd.Series | pd.DataFrame) -> pd.DataFrame:
    if isinstance(values, pd.DataFrame):
        if "value" not in values.columns:
            raise SpecError(
                "the table of values has no values",
                expected="the columns value and count",
                found=", ".join(map(str, values.columns)),
                todo="name the column value",
            )
        counts = values["count"] if "count" in values.columns else pd.Series(pd.NA, index=values.index)
        return pd.DataFrame({"value": values["value"], "count": counts}).dropna(subset=["value"])
    counts = values.dropna().astype("str").value_counts()
    return pd.DataFrame({"value": counts.index, "count": counts.to_numpy()})


def _proposal(value: str, options: tuple[str, ...]) -> tuple[str | None, float, str]:
    ranked = sorted(((*_alike(value, option), option) for option in options), key=lambda each: -each[0])
    if not ranked or ranked[0][0] < LEAST:
        return None, LEAST, "no option is like it"
    confidence, reason, option = ranked[0]
    if len(ranked) > 1 and confidence - ranked[1][0] < MARGIN:
        return None, LEAST, f"as near to {option} as to {ranked[1][2]}: {reason}"
    return option, confidence, reason


def _alike(value: str, option: str) -> tuple[float, str]:
    words, wanted = tuple(fold(value).split()), tuple(fold(option).split())
    if squash(words) == squash(wanted):
        return 0.98, "the same but for case, blanks or hyphens"
    if sorted(words) == sorted(wanted):
        return 0.93, "the same words in another order"
    for name, confidence, reason in (("same", 0.9, "a synonym"), ("near", 0.65, "often means the same")):
        groups = _groups(name)
        if groups.get(squash(words), frozenset()) & groups.get(squash(wanted), frozenset()):
            return confidence, reason
    return max(_spelled_alike(words, wanted), _containing(words, wanted))


@cache
def _groups(name: str) -> dict[str, frozenset[int]]:
    found: dict[str, frozenset[int]] = {}
    for number, group in enumerate(pack("values")[name]):
        for word in group.split(","):
            key = squash(fold(word).split())
            found[key] = found.get(key, frozenset()) | {number}
    return found


def _spelled_alike(words: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[float, str]:
    one, other = squash(words), squash(wanted)
    if len(min(one, other, key=len)) < 4 or _digits(one) != _digits(other) or _negated(one, other):
        return 0.0, ""
    ratio = fuzz.ratio(one, other)
    return (0.5 + 0.34 * (ratio - 80) / 20, "spelled nearly alike") if ratio >= 80 else (0.0, "")


def _containing(words: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[float, str]:
    few, many = sorted((set(words), set(wanted)), key=len)
    negations = set(pack("values")["negations"].split())
    if not few or not few < many or (many - few) & negations or _digits("".join(few)) != _digits("".join(many)):
        return 0.0, ""
    return 0.5 + 0.25 * sum(map(len, few)) / sum(map(len, many)), "contains it"


def _digits(text: str) -> Iterable[str]:
    return [each for each in text if each.isdigit()]


def _negated(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return any(long == negation + short for negation in pack("values")["negations"].split())
