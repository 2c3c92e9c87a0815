"""Which records are one person: equal addresses first, then like names that something else bears out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from rapidfuzz import fuzz, process
from rapidfuzz.distance import JaroWinkler

from workbench.errors import SpecError
from workbench.matching.clusters import RecordProposals, clustered, pair_frame
from workbench.matching.companies import company_core, match_companies
from workbench.matching.folding import fold
from workbench.matching.pairs import Positions, candidate_pairs, cells
from workbench.matching.people import two_people
from workbench.recipes import convert

__all__ = ["RecordProposals", "match_companies", "match_records"]

SHOWN = 0.05
"""Pairs below this are not worth a person's time."""

ENOUGH = 0.5
"""Agreement of a name and other columns from which a pair is looked at."""

LARGEST = 60
"""Rows that may share a key before it says nothing."""

AGAINST = 0.6
"""What a column that differs takes off, of what it would have added."""

SURE_POINTS = 1.2
"""Agreement from which a pair is as good as certain."""

APART = 0.1
"""How likely a pair is one person whose first names are known to be different ones: couples share much."""

DOUBTED = 0.5
"""Confidence from which first names are looked at."""

BORNE_OUT = "names and other columns agree"
ALONE = "one name and nothing else"
NAMESAKES = 0.5, 0.05
"""How likely one rare name alone is one person, and so many others of that name expected by chance halve it."""

Scores = npt.NDArray[np.floating[Any]]


def match_records(
    frame: pd.DataFrame,
    *,
    key: str,
    email: str | None = None,
    phone: str | None = None,
    name: str | None = None,
    company: str | None = None,
    others: Sequence[str] = (),
    region: str = "",
    threshold: float = 0.9,
) -> RecordProposals:
    """Propose which rows are one person; the arguments name columns, ``key`` the one that identifies a row.

    ``region`` is the country of telephone numbers that name none, such as AT; where it is left out, numbers that are
    not all written with their country are compared by their last ten digits.

    ``others`` are further columns that bear a match out or speak against it (street, postal code, birth date).
    An equal e-mail address or phone counts with a like name only: couples share the one, offices the other. A name
    alone says the less, the more often its parts stand in the table. Pairs from ``threshold`` make clusters, those
    below are shown with how seldom they are one person. Only rows that share a key are compared.
    """
    _need(frame, [each for each in (key, email, phone, name, company, *others) if each is not None])
    read = _Columns(frame, email=email, phone=phone, name=name, company=company, others=others, region=region)
    left, right = candidate_pairs(read.blocks(), largest=LARGEST)
    confidence, reasons = read.judged(left, right)
    pairs = pd.DataFrame({"left": left, "right": right, "confidence": confidence, "reasons": reasons})
    labels = pd.Index(frame[key])
    return clustered(pair_frame(pairs[pairs["confidence"] >= SHOWN], labels), labels, threshold=threshold)


def _need(frame: pd.DataFrame, names: list[str]) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise SpecError(
            "the table lacks columns to match by",
            expected=", ".join(names),
            found=", ".join(map(str, frame.columns)),
            todo="name columns that exist",
        )


def _folded(column: pd.Series) -> pd.Series:
    """The column folded, distinct values once; empty text as missing."""
    codes, distinct = pd.factorize(column.astype("str"))
    folded = np.array([fold(str(each)) or None for each in distinct] + [None], dtype=object)
    return pd.Series(folded[codes], index=range(len(column)), dtype="str")


def _numbers(column: pd.Series, region: str) -> pd.Series:
    """Telephone numbers made comparable: with their countries where they are known, else by their last digits."""
    if region:
        return convert(column, "phone", options={"region": region}).values.astype("str")
    digits = column.str.replace(r"\D", "", regex=True)
    whole = column.dropna().str.strip().str.startswith("+").all()
    return (digits if whole else digits.str[-10:]).where(digits.str.len() >= 7)


class _Columns:
    """The columns made comparable, by position."""

    def __init__(
        self,
        frame: pd.DataFrame,
        *,
        email: str | None,
        phone: str | None,
        name: str | None,
        company: str | None,
        others: Sequence[str],
        region: str,
    ) -> None:
        nothing = pd.Series([None] * len(frame), dtype="str")

        def plain(column: str | None) -> pd.Series:
            return nothing if column is None else frame[column].astype("str").reset_index(drop=True)

        addresses = plain(email).str.strip().str.lower()
        self.email = addresses.where(addresses.str.contains("@", na=False))
        self.phone = _numbers(plain(phone), region)
        self.name = nothing if name is None else _folded(frame[name])
        self.sorted = self.name.map(lambda each: " ".join(sorted(each.split())), na_action="ignore").astype("str")
        self.company = plain(company).map(company_core, na_action="ignore").replace("", None).astype("str")
        self.others = {column: _folded(frame[column]) for column in others}

    def blocks(self) -> list[npt.NDArray[np.object_]]:
        """The keys under which rows meet: each forgives another kind of slip."""
        first, last = self.sorted.str.split().str[0], self.sorted.str.split().str[-1]
        keys = [self.email, self.phone, self.sorted, first.str[:4] + last.str[:4], first.str[:2] + last, first + last.str[:2]]
        if self.company.notna().any():
            keys += [self.company.str[:8] + first.str[:3], self.company.str[:8] + last.str[:3]]
        columns = list(self.others.values())
        for place, other in enumerate(columns):
            keys += [other + first.str[:3], other + last.str[:3]]
            keys += [other + following for following in columns[place + 1 :]]
        return [cells(each) for each in keys]

    def judged(self, left: Positions, right: Positions) -> tuple[Scores, npt.NDArray[np.object_]]:
        """Confidence and reasons of each pair."""
        name = _best(self.sorted, self.name, left, right)
        email, phone = _equal(self.email, left, right), _equal(self.phone, left, right)
        company = _alike(self.company, left, right)
        evidence = [(_alike(each, left, right), _telling(each)) for each in self.others.values()]
        confidence, reasons = _weighed(name, email, phone, company, evidence)
        alone = reasons == ALONE
        confidence[alone] = self._by_name_alone(left[alone])
        apart = self._two_people(left, right, np.asarray((confidence > DOUBTED) & (name < 1)), heard=reasons != BORNE_OUT)
        reasons[apart] = reasons[apart] + "; but the first names are two people's"
        return np.where(apart, APART, confidence), reasons

    def _by_name_alone(self, rows: Positions) -> Scores:
        """How likely rows of these names are one person with another row of the name: the parts of some are frequent."""
        words = self.sorted.str.split()
        often = words.explode().value_counts() - 1  # one of them is the other row's
        chance = words.str[0].map(often) * words.str[-1].map(often) / max(len(words), 1)
        most, usual = NAMESAKES
        found: Scores = (most / (1 + chance.to_numpy(dtype=np.float64)[rows] / usual)).round(3)
        return found

    def _two_people(
        self, left: Positions, right: Positions, doubtful: npt.NDArray[np.bool_], *, heard: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        names = cells(self.name)
        apart = np.zeros(len(left), dtype=bool)
        for place in np.flatnonzero(doubtful):
            one, other = names[left[place]], names[right[place]]
            apart[place] = one is not None and other is not None and two_people(one, other, heard=bool(heard[place]))
        return apart


def _pair(column: pd.Series, left: Positions, right: Positions) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
    values = cells(column)
    return values[left], values[right]


def _missing(one: npt.NDArray[np.object_], other: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    return np.asarray(pd.isna(one) | pd.isna(other))


def _equal(column: pd.Series, left: Positions, right: Positions) -> Scores:
    """1 where both are equal, 0 where they differ, NaN where one is missing."""
    one, other = _pair(column, left, right)
    return np.where(_missing(one, other), np.nan, (one == other).astype(float))


def _alike(column: pd.Series, left: Positions, right: Positions) -> Scores:
    """Likeness from 0 to 1, NaN where one is missing."""
    one, other = _pair(column, left, right)
    missing = _missing(one, other)
    if missing.all():
        return np.full(len(left), np.nan)
    score = process.cpdist(np.where(missing, "", one), np.where(missing, "", other), scorer=fuzz.ratio) / 100
    return np.where(missing, np.nan, score)


def _best(ordered: pd.Series, written: pd.Series, left: Positions, right: Positions) -> Scores:
    """Likeness of names, whichever way round they are written; the beginning weighs more."""
    if ordered.isna().all():
        return np.full(len(left), np.nan)
    found = []
    for column in (ordered, written):
        one, other = _pair(column, left, right)
        missing = _missing(one, other)
        score = process.cpdist(
            np.where(missing, "", one), np.where(missing, "", other), scorer=JaroWinkler.normalized_similarity
        )
        found.append(np.where(missing, np.nan, score))
    return np.fmax(found[0], found[1])


def _telling(column: pd.Series) -> float:
    """How much an equal value says, from 0.2 to 1: a birth date much, one of seven states little."""
    size = max(int(column.notna().sum()), 2)
    return float(np.clip(np.log(max(column.nunique(), 1)) / np.log(size), 0.2, 1.0))


Evidence = list[tuple[Scores, float]]


def _weighed(
    name: Scores, email: Scores, phone: Scores, company: Scores, evidence: Evidence
) -> tuple[Scores, npt.NDArray[np.object_]]:
    """The rules, the weakest first; the later ones overrule."""
    like, same, unnamed = name >= 0.88, name >= 0.97, np.isnan(name)
    borne, against = _borne_out(name, evidence)
    rules: list[tuple[npt.NDArray[np.bool_], Scores | float, str]] = [
        (same, NAMESAKES[0], ALONE),
        (like & (company >= 0.9), 0.4 + 0.45 * same, "like names, one company"),
        (email == 1, 0.6, "one e-mail address, different names"),
        ((phone == 1) & unnamed, 0.7, "one phone, a name is missing"),
        ((email == 1) & unnamed, 0.92, "one e-mail address, a name is missing"),
        (borne >= ENOUGH, borne, BORNE_OUT),
        ((phone == 1) & like, 0.91 + 0.03 * same, "one phone and like names"),
        ((phone == 1) & same & (company >= 0.9), 0.96, "one phone, one company and the same name"),
        ((email == 1) & like, 0.96 + 0.02 * same, "one e-mail address and like names"),
        ((email == 1) & (phone == 1) & (like | unnamed), 0.99, "one e-mail address and one phone"),
        ((email == 1) & (phone == 1) & ~like & ~unnamed, 0.7, "one e-mail address and one phone, different names"),
        ((email == 0) & (phone == 1) & same & against, 0.8, "one phone and like names, but other columns differ"),
    ]
    confidence = np.zeros(len(name))
    reasons = np.full(len(name), "", dtype=object)
    for where, score, reason in rules:
        confidence = np.where(where, score, confidence)
        reasons[where] = reason
    return confidence, reasons


def _borne_out(name: Scores, evidence: Evidence) -> tuple[Scores, npt.NDArray[np.bool_]]:
    """How well the other columns bear a name out, and where they speak against it; 0 where too few agree.

    Each column adds what it agrees by and takes off a part of what it disagrees by, weighed by how much it tells;
    the name counts twice. The scale was set on FEBRL's first set; its third was seen meanwhile, so it is no blind check.
    """
    if not evidence:
        return np.zeros(len(name)), np.zeros(len(name), dtype=bool)
    table = np.vstack([score for score, _ in evidence])
    weight = np.array([[telling] for _, telling in evidence])
    told = ~np.isnan(table)
    # Likeness hardly counts by degrees: two streets that share half of their letters are two streets.
    worth = np.clip((np.nan_to_num(table) - 0.55) / 0.4, 0, 1) * told
    named = np.clip((np.nan_to_num(name) - 0.6) / 0.35, 0, 1)
    agree = 2.0 * named + (worth * weight).sum(axis=0)
    differ = 2.0 * (~np.isnan(name) - named) + ((told - worth) * weight).sum(axis=0)
    points = agree - AGAINST * differ
    enough = ((worth > 0.8) * weight).sum(axis=0) >= min(1.0, 0.8 * float(weight.sum()))
    steps = np.interp(points, [0.6, SURE_POINTS, SURE_POINTS + 3], [0.5, 0.9, 0.99])
    # Households share street, postal code and last name: an unlike name needs more than that to be one person.
    household = (name < 0.88) & ((worth * weight).sum(axis=0) < 2.5)
    steps = np.where(household, np.minimum(steps, 0.7), steps)
    return np.where(enough & (points >= 0.6), steps, 0.0), ((told - worth) * weight).sum(axis=0) > 2
