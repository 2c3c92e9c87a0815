"""Which column becomes which field: proposals with a confidence and the reasons for it, for a person to confirm."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pandas as pd
from rapidfuzz import fuzz, process

from workbench.errors import SpecError
from workbench.matching.folding import header_words, pack, squash
from workbench.matching.looks import fits, kind_of
from workbench.matching.meanings import Field, Lexicon, Meaning, bag, family_of, last_part, lexicon, small_words
from workbench.plain import Shown

LEAST = 0.5
"""Below this nothing is proposed: a wrong field costs more than an empty line."""

NAME_WORDS: Mapping[str, str] = {"name": "full name", "nom": "full name", "nombre": "full name"}
"""Headers that mean the whole name, or half of it where another column holds the other half."""


OF_ADDRESS = re.compile(r"\s+(?:of|de l['’]|de la|de|der)\s*(?:address|adresse|direcci[oó]n)$", re.IGNORECASE)
"""What parts of an address end with, where a program tells them apart."""

ASIDE = frozenset({"code", "name", "id", "ids", "label", "key", "number", "text", "url"})
"""Words that do not make a header say more precisely what stands in the column."""


@dataclass(frozen=True)
class Guess:
    """One meaning for one column."""

    meaning: Meaning
    confidence: float
    reason: str


@dataclass(frozen=True, repr=False)
class FieldProposals(Shown):
    """What each column could become.

    ``frame``: one row a column, with table, column, target ("object.field"; NA where no field fits), confidence from 0
    to 1 that this is right, reasons in words, and alternatives in words. ``ranking``: table, column, rank, target and
    confidence of up to three fields a column, whether or not another column has taken them.
    """

    frame: pd.DataFrame
    ranking: pd.DataFrame

    def _repr_html_(self) -> str:
        sure = int((self.frame["confidence"] >= 0.85).sum())
        return f"<p>{len(self.frame)} columns, {sure} of them sure</p>" + self.frame.to_html(
            index=False, escape=True, na_rep=""
        )


def propose_fields(columns: pd.DataFrame, fields: pd.DataFrame, *, aliases: Mapping[str, str] | None = None) -> FieldProposals:
    """Propose a field for every column.

    ``columns`` has one row a column: table, column, samples (joined by " | "), and where known type and fill.
    ``fields`` has the fields on offer: object, field, label, and where known type and custom. ``aliases`` are what a
    source's own file says, column to "object.field"; they win. In one table a field is proposed once, except fields
    that several columns may fill together (lists, lines of an address, lookups by id and by name).
    """
    _need(columns, ("table", "column", "samples"), "columns")
    _need(fields, ("object", "field", "label"), "fields")
    offered = tuple(_field(row) for row in fields.to_dict("records"))
    stated = {_key(name): target for name, target in (aliases or {}).items()}
    rows, ranks = [], []
    for table, part in columns.groupby("table", sort=False):
        found = _table(str(table), part, offered, stated)
        rows += [_row(str(table), header, guesses, chosen) for header, guesses, chosen in found]
        ranks += [line for header, guesses, _ in found for line in _ranks(str(table), header, guesses)]
    frame = pd.DataFrame(rows, columns=["table", "column", "target", "confidence", "reasons", "alternatives"])
    texts = ["table", "column", "target", "reasons", "alternatives"]
    ranking = pd.DataFrame(ranks, columns=["table", "column", "rank", "target", "confidence"])
    return FieldProposals(frame.astype(dict.fromkeys(texts, "str")), ranking)


def _need(frame: pd.DataFrame, names: tuple[str, ...], what: str) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise SpecError(
            f"the table of {what} lacks what a proposal needs",
            expected=", ".join(names),
            found=", ".join(map(str, frame.columns)),
            todo="add " + ", ".join(missing),
        )


def _field(row: Mapping[Any, Any]) -> Field:
    label = row["label"] if isinstance(row["label"], str) else ""
    return Field(str(row["object"]), str(row["field"]), label, custom=bool(row.get("custom") is True))


def _key(header: str) -> str:
    return squash(header_words(header))


Found = list[tuple[str, list[Guess], Guess | None]]


def _table(table: str, part: pd.DataFrame, offered: tuple[Field, ...], stated: Mapping[str, str]) -> Found:
    family = family_of(table, [each.object for each in offered])
    reader = _Reader(_lexicon(family, offered), frozenset(header_words(last_part(table))))
    types = part["type"] if "type" in part.columns else [""] * len(part)
    guessed: dict[str, list[Guess]] = {}
    for header, samples, kind in zip(part["column"], part["samples"], types, strict=True):
        shown = samples if isinstance(samples, str) else ""
        guesses = reader.guesses(str(header), kind_of(shown, kind if isinstance(kind, str) else ""))
        target = stated.get(_key(str(header)))
        guessed[str(header)] = _stated(target, guesses) if target else guesses
    settled = _halves_of_names(guessed)
    return _assigned(settled)


@cache
def _lexicon(family: str, offered: tuple[Field, ...]) -> Lexicon:
    return lexicon(family, offered)


def _stated(target: str, guesses: list[Guess]) -> list[Guess]:
    meaning = Meaning(target, target, frozenset(), shared=True, names=())
    rest = [each for each in guesses if each.meaning.target != target]
    return [Guess(meaning, 0.99, "the source's own file says so"), *rest]


class _Reader:
    """Reads headers of one table against one lexicon."""

    def __init__(self, lexicon: Lexicon, table_words: frozenset[str]) -> None:
        words = pack("words")["words"]
        self.lexicon = lexicon
        self.own = lexicon.own_words
        self.table = table_words | {word.removesuffix("s") for word in table_words}
        self.neutral = frozenset(words["neutral"].split())
        self.other = frozenset(words["other"].split())
        self.address = frozenset(words["address"].split())
        self.key = frozenset(words["key"].split())
        self.label = frozenset(words["label"].split())
        self.prefix = re.compile("".join(pack("words")["prefixes"]["all"].split("\n")), re.IGNORECASE)
        self.known = [name for name in lexicon.squashed if len(name) > 4]

    def guesses(self, header: str, kind: str) -> list[Guess]:
        """Every meaning with a claim to the header, the best first."""
        best: dict[int, Guess] = {}
        for position, confidence, reason in self._claims(header):
            meaning = self.lexicon.meanings[position]
            guess = _weighed(Guess(meaning, confidence, reason), kind)
            if position not in best or guess.confidence > best[position].confidence:
                best[position] = guess
        # Between equals a field goes before nothing.
        ranked = sorted(best.values(), key=lambda each: (-each.confidence, each.meaning.target is None))
        return ranked or _by_values(kind, self.lexicon)

    def _claims(self, header: str) -> Iterable[tuple[int, float, str]]:
        for words, cost in self._spellings(header):
            for position, confidence, reason in self._named(words):
                weak = squash(words) in self.lexicon.meanings[position].weak
                yield position, min(confidence - cost, 0.84 if weak else 1.0), reason
        bare = header_words(self._bare(header))
        yield from self._shaped(" ".join(bare))
        yield from self._near(bare)

    def _bare(self, header: str) -> str:
        return self.prefix.sub("", header.strip()).removesuffix("__c") or header

    def _spellings(self, header: str) -> Iterable[tuple[tuple[str, ...], float]]:
        """The words of the header as it stands, and of what remains without the habits of programs."""
        bare = self._bare(header)
        part = OF_ADDRESS.sub("", bare)
        spellings = [(header, 0.0), (bare, 0.01), (part, 0.02), (part.split("/")[0], 0.09)]
        if bare.lower().endswith("id") and len(header_words(bare)) == 1:
            spellings.append((f"{bare[:-2]} id", 0.01))
        seen: dict[tuple[str, ...], float] = {}
        for spelling, cost in spellings:
            seen.setdefault(header_words(spelling), cost)
        return [(words, cost) for words, cost in seen.items() if words]

    def _named(self, words: tuple[str, ...]) -> Iterable[tuple[int, float, str]]:
        yield from self._hits(words, 0.98, "known name")
        without = self._without_own(words)
        if without != words and without:
            at_home = bool(words) and words[0] in self.table
            yield from self._hits(without, 0.985 if at_home else 0.96, "known name without the table's own")
        yield from self._run_together(words)
        yield from self._narrowed(without or words)
        yield from self._looked_up(words)

    def _without_own(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """The words without the table's own at either end; in the middle they may say whose column it is."""
        start, end, own = 0, len(words), self.own | self.table | small_words()
        while start < end and words[start] in own:
            start += 1
        while end > start and words[end - 1] in own:
            end -= 1
        return words[start:end]

    def _hits(self, words: tuple[str, ...], confidence: float, reason: str) -> Iterable[tuple[int, float, str]]:
        for position in self.lexicon.squashed.get(squash(words), ()):
            yield position, confidence, reason
        for position in self.lexicon.bags.get(bag(words), ()):
            yield position, confidence - 0.03, f"{reason}, in other words"

    def _run_together(self, words: tuple[str, ...]) -> Iterable[tuple[int, float, str]]:
        whole = squash(words)
        for own in self.own | self.table:
            rest = whole.removeprefix(own)
            if rest != whole and len(own) > 2:
                for position in self.lexicon.squashed.get(rest, ()):
                    yield position, 0.94, "known name behind the table's own"

    def _narrowed(self, words: tuple[str, ...]) -> Iterable[tuple[int, float, str]]:
        """Headers with words round a known name: those that narrow it to the main one, or to another one."""
        inner = tuple(word for word in words if word not in self.address)
        if inner and inner != words and self.other.isdisjoint(inner):
            yield from self._hits(inner, 0.9, "known part of an address")
        plain = tuple(word for word in words if word not in self.neutral)
        if plain and plain != words:
            yield from self._hits(plain, 0.91, "known name, narrowed to the main one")
        rest = tuple(word for word in plain if word not in self.other)
        if rest == plain or not rest:
            return
        for position, confidence, reason in self._hits(rest, 0.9, "one of several"):
            meaning = self.lexicon.meanings[position]
            if meaning.shared and meaning.target and "email" in meaning.kinds:
                yield position, confidence, reason
            else:
                yield position, 0.45, "known name, but of another kind"
                yield self._nothing(), confidence, "not the main one, and there is no field for others"

    def _nothing(self) -> int:
        return next(at for at, each in enumerate(self.lexicon.meanings) if each.target is None)

    def _looked_up(self, words: tuple[str, ...]) -> Iterable[tuple[int, float, str]]:
        """The id or the name of a record that a lookup field leads to."""
        for last, confidence, reason in ((self.key, 0.84, "id of a record"), (self.label, 0.93, "name of a record")):
            rest = words
            while rest and rest[-1] in last:
                rest = rest[:-1]
            if rest == words or not rest:
                continue
            hits = list(self._hits(rest, confidence, reason))
            own = tuple(word for word in rest if word not in self.own)
            hits += list(self._hits(own, confidence - 0.01, reason)) if own and own != rest else []
            linked = [hit for hit in hits if self.lexicon.meanings[hit[0]].shared]
            yield from linked
            if not linked and last is self.key and not self.own.issuperset(rest):
                yield self._nothing(), 0.8, "id of another record"

    def _shaped(self, text: str) -> Iterable[tuple[int, float, str]]:
        for position, meaning in enumerate(self.lexicon.meanings):
            if any(shape.search(text) for shape in meaning.patterns):
                yield position, 0.8, "shape of a computed or system column"

    def _near(self, words: tuple[str, ...]) -> Iterable[tuple[int, float, str]]:
        """Names that the header contains, and names spelled nearly alike."""
        content = [word for word in words if word not in small_words()]
        weight = sum(_weight(word) for word in content) or 1.0
        for start in range(len(content)):
            for end in range(start + 1, len(content) + 1):
                share = sum(_weight(word) for word in content[start:end]) / weight
                if share >= 0.4 and end - start < len(content):
                    for position in self.lexicon.bags.get(tuple(sorted(content[start:end])), ()):
                        yield position, 0.3 + 0.45 * share, "contains a known name"
        whole = squash(words)
        if len(whole) > 4:
            near = process.extract(whole, self.known, scorer=fuzz.ratio, score_cutoff=78, limit=5)
            for name, ratio, _ in near:
                for position in self.lexicon.squashed[name]:
                    yield position, 0.45 + 0.38 * (ratio - 78) / 22, f"spelled nearly like {name}"


def _weight(word: str) -> float:
    return 1.0 if word in ("name", "date", "number", "type", "id") else 1.0 + min(len(word), 10) / 10


AGAINST = 0.35
"""What values of the wrong kind cost."""


def _weighed(guess: Guess, kind: str) -> Guess:
    fit = fits(kind, guess.meaning.kinds)
    if guess.meaning.target is None or fit == 0:
        return guess
    if fit > 0:
        return replace(guess, reason=f"{guess.reason}; values look like it ({kind})")
    return replace(guess, confidence=guess.confidence - AGAINST, reason=f"{guess.reason}; but values look like {kind}")


def _by_values(kind: str, lexicon: Lexicon) -> list[Guess]:
    if kind not in ("email", "phone", "url"):
        return []
    alike = [each for each in lexicon.meanings if each.target and kind in each.kinds]
    return [Guess(each, 0.55 - 0.02 * at, f"values look like it ({kind})") for at, each in enumerate(alike[:3])]


def _halves_of_names(guessed: Mapping[str, list[Guess]]) -> dict[str, list[Guess]]:
    """Settle what ``Name``, ``Nom`` and ``Nombre`` mean by the columns that stand beside them."""
    certain = {guesses[0].meaning.name for header, guesses in guessed.items() if guesses and _key(header) not in NAME_WORDS}
    settled = dict(guessed)
    for header, guesses in guessed.items():
        wanted = NAME_WORDS.get(_key(header))
        if wanted is None or not guesses:
            continue
        if _key(header) == "nombre" and "last name" in certain:
            wanted = "first name"
        elif _key(header) != "nombre" and "first name" in certain and "last name" not in certain:
            wanted = "last name"
        settled[header] = sorted(guesses, key=lambda each, wanted=wanted: each.meaning.name != wanted)  # type: ignore[misc]
        settled[header] = _promoted(settled[header], wanted)
    return settled


def _promoted(guesses: list[Guess], wanted: str) -> list[Guess]:
    first = guesses[0]
    if first.meaning.name != wanted:
        return guesses
    best = max(each.confidence for each in guesses)
    return [
        replace(first, confidence=best),
        *(replace(each, confidence=min(each.confidence, best - 0.2)) for each in guesses[1:]),
    ]


def _assigned(guessed: Mapping[str, list[Guess]]) -> Found:
    """One column a field: the surest takes it; the others are told who did."""

    def order(header: str) -> tuple[float, int, int]:
        guesses, words = guessed[header], header_words(header)
        return (-(guesses[0].confidence if guesses else 0), -len([w for w in words if w not in ASIDE]), len(words))

    taken: dict[str, str] = {}
    chosen: dict[str, Guess | None] = {}
    for header in sorted(guessed, key=order):
        first = guessed[header][0] if guessed[header] else None
        chosen[header] = first
        if first is None or first.meaning.target is None or first.confidence < LEAST:
            continue
        owner = taken.setdefault(first.meaning.target, header)
        if owner != header and not first.meaning.shared:
            told = f"{first.meaning.target} is taken by the column {owner}"
            chosen[header] = Guess(replace(first.meaning, target=None), min(first.confidence, 0.6), told)
    return [(header, guesses, chosen[header]) for header, guesses in guessed.items()]


def _row(table: str, header: str, guesses: list[Guess], chosen: Guess | None) -> tuple[object, ...]:
    fields = _fields_of(guesses)
    others = "; ".join(f"{each.meaning.target} ({each.confidence:.2f})" for each in fields)
    if chosen is None:
        return table, header, pd.NA, 0.5, "no field has a name like it", others
    target = chosen.meaning.target
    if target is None:
        return table, header, pd.NA, round(chosen.confidence, 2), f"{chosen.meaning.name}: {chosen.reason}", others
    if chosen.confidence < LEAST:
        return table, header, pd.NA, 0.5, f"nothing is sure; nearest is {target}: {chosen.reason}", others
    return table, header, target, round(chosen.confidence, 2), chosen.reason, others


def _fields_of(guesses: list[Guess]) -> list[Guess]:
    distinct: dict[str, Guess] = {}
    for each in guesses:
        if each.meaning.target and each.confidence > 0.2:
            distinct.setdefault(each.meaning.target, each)
    return list(distinct.values())[:3]


def _ranks(table: str, header: str, guesses: list[Guess]) -> Iterable[tuple[object, ...]]:
    for rank, each in enumerate(_fields_of(guesses), start=1):
        yield table, header, rank, each.meaning.target, round(each.confidence, 2)
