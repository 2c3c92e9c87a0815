"""Which records are one person: equal addresses first, then like names that something else bears out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler

from workbench.errors import SpecError
from workbench.matching.clusters import RecordProposals, clustered, pair_frame
from workbench.matching.coded import Coded, Codes, Positions, Scores, coded
from workbench.matching.companies import company_core, match_companies
from workbench.matching.folding import fold
from workbench.matching.pairs import candidate_passes
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

LIKE, SAME = 0.88, 0.97
"""Likeness from which two names may be one, and from which they are one but for a slip."""


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
    passes = candidate_passes(read.keys(), largest=LARGEST)
    pairs = pd.concat([read.judged(left, right) for left, right in passes], ignore_index=True)
    labels = pd.Index(frame[key])
    return clustered(pair_frame(pairs, labels), labels, threshold=threshold)


def _need(frame: pd.DataFrame, names: list[str]) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise SpecError(
            "the table lacks columns to match by",
            expected=", ".join(names),
            found=", ".join(map(str, frame.columns)),
            todo="name columns that exist",
        )


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
        def plain(column: str | None) -> pd.Series:
            nothing = pd.Series([None] * len(frame), dtype="str")
            return nothing if column is None else frame[column].astype("str").reset_index(drop=True)

        addresses = plain(email).str.strip().str.lower()
        self.email = coded(addresses.where(addresses.str.contains("@", na=False)))
        self.phone = coded(_numbers(plain(phone), region))
        self.name = coded(plain(name)).mapped(fold)
        self.sorted = self.name.mapped(lambda each: " ".join(sorted(each.split())))
        self.company = coded(plain(company)).mapped(company_core)
        self.others = [coded(frame[column]).mapped(fold) for column in others]
        self.alone = self._by_name_alone()

    def keys(self) -> Iterator[Codes]:
        """The keys under which rows meet: each forgives another kind of slip."""
        yield from (self.email.codes, self.phone.codes, self.sorted.codes)
        first = self.sorted.mapped(lambda each: each.split()[0]).column
        last = self.sorted.mapped(lambda each: each.split()[-1]).column
        slips = [first.str[:4] + last.str[:4], first.str[:2] + last, first + last.str[:2]]
        if self.company.distinct:
            company = self.company.column.str[:8]
            slips += [company + first.str[:3], company + last.str[:3]]
        columns = [each.column for each in self.others]
        for place, other in enumerate(columns):
            slips += [other + first.str[:3], other + last.str[:3]]
            slips += [other + following for following in columns[place + 1 :]]
        yield from (coded(each).codes for each in slips)

    def judged(self, left: Positions, right: Positions) -> pd.DataFrame:
        """The pairs that are worth showing, with confidence and reasons."""
        name, email, phone = self._named_alike(left, right), self.email.equal(left, right), self.phone.equal(left, right)
        if not self.others:  # nothing else bears an unlike name out
            worth = (name >= LIKE) | (email == 1) | (phone == 1)
            left, right, name, email, phone = (each[worth] for each in (left, right, name, email, phone))
        company = self.company.alike(left, right, fuzz.ratio, whole=100)
        evidence = [(each.alike(left, right, fuzz.ratio, whole=100), _telling(each)) for each in self.others]
        confidence, reasons = _weighed(name, email, phone, company, evidence)
        alone = reasons == ALONE
        confidence[alone] = self.alone[self.sorted.codes[left[alone]]]
        apart = self._two_people(left, right, np.asarray((confidence > DOUBTED) & (name < 1)), heard=reasons != BORNE_OUT)
        reasons[apart] = reasons[apart] + "; but the first names are two people's"
        confidence = np.where(apart, APART, confidence)
        found = pd.DataFrame({"left": left, "right": right, "confidence": confidence, "reasons": reasons})
        return found[found["confidence"] >= SHOWN]

    def _named_alike(self, left: Positions, right: Positions) -> Scores:
        """Likeness of names, whichever way round they are written; the beginning weighs more."""
        score = self.sorted.alike(left, right, JaroWinkler.normalized_similarity)
        unsure = np.flatnonzero(score < SAME)
        written = self.name.alike(left[unsure], right[unsure], JaroWinkler.normalized_similarity)
        score[unsure] = np.maximum(score[unsure], written)
        return score

    def _by_name_alone(self) -> Scores:
        """How likely rows of each name are one person with another row of the name: the parts of some are frequent."""
        words = [each.split() for each in self.sorted.texts[:-1]]
        often = Counter[str]()
        for parts, rows in zip(words, np.bincount(self.sorted.codes[self.sorted.codes >= 0]).tolist(), strict=True):
            often.update(dict.fromkeys(parts, 0) | {part: parts.count(part) * rows for part in parts})
        # One of them is the other row's.
        both = np.array([(often[parts[0]] - 1) * (often[parts[-1]] - 1) for parts in words], dtype=np.float64)
        most, usual = NAMESAKES
        found: Scores = (most / (1 + both / max(len(self.sorted.codes), 1) / usual)).round(3)
        return found

    def _two_people(
        self, left: Positions, right: Positions, doubtful: npt.NDArray[np.bool_], *, heard: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        apart = np.zeros(len(left), dtype=bool)
        doubts = np.flatnonzero(doubtful)
        names, others = self.name.texts[self.name.codes[left[doubts]]], self.name.texts[self.name.codes[right[doubts]]]
        for place, one, other in zip(doubts, names, others, strict=True):
            apart[place] = two_people(one, other, heard=bool(heard[place]))
        return apart


def _telling(column: Coded) -> float:
    """How much an equal value says, from 0.2 to 1: a birth date much, one of seven states little."""
    size = max(column.filled, 2)
    return float(np.clip(np.log(max(column.distinct, 1)) / np.log(size), 0.2, 1.0))


Evidence = list[tuple[Scores, float]]


def _weighed(
    name: Scores, email: Scores, phone: Scores, company: Scores, evidence: Evidence
) -> tuple[Scores, npt.NDArray[np.object_]]:
    """The rules, the weakest first; the later ones overrule."""
    like, same, unnamed = name >= LIKE, name >= SAME, np.isnan(name)
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
    household = (name < LIKE) & ((worth * weight).sum(axis=0) < 2.5)
    steps = np.where(household, np.minimum(steps, 0.7), steps)
    return np.where(enough & (points >= 0.6), steps, 0.0), ((told - worth) * weight).sum(axis=0) > 2
