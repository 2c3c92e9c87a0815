"""Which value becomes which option: proposals that a person confirms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
import pandas as pd
from rapidfuzz import fuzz

from workbench.errors import SpecError
from workbench.matching.folding import fold, pack, squash
from workbench.plain import Shown
from workbench.recipes import is_placeholder

LEAST = 0.5
"""Likeness below which an option is none."""

MARGIN = 0.04
"""Two options nearer to each other than this are a question, not a proposal."""

NOTHING = 0.35
"""How often a value that no option is like has none: it is proposed to stay empty, and mostly somebody knows better."""

SPELLED, CONTAINING = "spelled nearly alike", "contains it"

SHARES: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = MappingProxyType(
    {
        "a synonym": ((0.9,), (0.95,)),
        SPELLED: ((0.5, 0.62, 0.67, 0.84), (0.58, 0.65, 0.8, 0.84)),
        CONTAINING: ((0.5,), (0.84,)),
    }
)
"""Of kinds of likeness, how often answers of a likeness are right (`docs/matching.md`); the others are shown as they stand.
What is only spelled alike or contained stays below 0.85 on purpose: a person is to look at it."""


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
        return None, NOTHING, "no option is like it"
    likeness, reason, option = ranked[0]
    if len(ranked) > 1 and likeness - ranked[1][0] < MARGIN:
        return None, NOTHING, f"as near to {option} as to {ranked[1][2]}: {reason}"
    return option, float(np.interp(likeness, *SHARES[reason])) if reason in SHARES else likeness, reason


def _alike(value: str, option: str) -> tuple[float, str]:
    """How like they are, by which options are ranked, and in what."""
    words, wanted = tuple(fold(value).split()), tuple(fold(option).split())
    if squash(words) == squash(wanted):
        return 0.98, "the same but for case, blanks or hyphens"
    if sorted(words) == sorted(wanted):
        return 0.93, "the same words in another order"
    for name, confidence, reason in (("same", 0.9, "a synonym"), ("near", 0.65, "often means the same")):
        groups = _groups(name)
        if groups.get(squash(words), frozenset()) & groups.get(squash(wanted), frozenset()):
            return confidence, reason
    few, many = sorted((set(words), set(wanted)), key=len)
    if few < many and (many - few) & _turning():
        return 0.0, ""
    return max(_spelled_alike(words, wanted), _containing(few, many))


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
    return (0.5 + 0.34 * (ratio - 80) / 20, SPELLED) if ratio >= 80 else (0.0, "")


def _containing(few: set[str], many: set[str]) -> tuple[float, str]:
    if not few - _turning() or not few < many or _digits("".join(sorted(few))) != _digits("".join(sorted(many))):
        return 0.0, ""
    return 0.5 + 0.25 * sum(map(len, few)) / sum(map(len, many)), CONTAINING


@cache
def _turning() -> frozenset[str]:
    """Words beside others that make something else of them."""
    return frozenset(f"{pack('values')['negations']} {pack('values')['turning']}".split())


def _digits(text: str) -> Iterable[str]:
    return [each for each in text if each.isdigit()]


def _negated(one: str, other: str) -> bool:
    """Whether one of them is the other, or a slip of it, behind a word that turns it round."""
    negations = pack("values")["negations"].split()
    turned = [text for text in (one, other) if text.startswith(tuple(negations))]
    if len(turned) != 1:
        return any(one == each + other or other == each + one for each in negations)
    plain, behind = other if turned[0] == one else one, turned[0]
    bare = (behind.removeprefix(each) for each in negations if behind.startswith(each))
    return max(fuzz.ratio(each, plain) for each in bare) > fuzz.ratio(behind, plain)
