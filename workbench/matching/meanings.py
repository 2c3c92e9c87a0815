"""What the columns of a CRM can mean: the word packs, bound to the fields that one destination has."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from workbench.matching.folding import fold, header_words, pack, squash

FAMILIES: Mapping[str, str] = {
    "contact": "contact",
    "person": "contact",
    "lead": "contact",
    "sales_account": "account",
    "account": "account",
    "organization": "account",
    "organisation": "account",
    "company": "account",
    "deal": "deal",
    "opportunity": "deal",
}
"""Which kind of table the objects of destinations belong to."""

LANGUAGES = ("en", "de", "es", "fr")


@dataclass(frozen=True)
class Meaning:
    """One thing that a column can mean; without a target it is one that no field of the destination takes."""

    name: str  # words for the reader
    target: str | None  # "object.field", spelled as the destination spells it
    kinds: frozenset[str]  # what the values may look like; empty when that says nothing
    shared: bool  # whether several columns may fill the field together
    names: tuple[str, ...]  # what such columns are called, folded
    weak: frozenset[str] = frozenset()  # names that often mean something else, run together
    patterns: tuple[re.Pattern[str], ...] = ()  # shapes of folded headers


@dataclass(frozen=True)
class Lexicon:
    """The meanings that tables of one family may hold, and where their names lead."""

    family: str
    meanings: tuple[Meaning, ...]
    squashed: Mapping[str, tuple[int, ...]]  # a whole name, run together
    bags: Mapping[tuple[str, ...], tuple[int, ...]]  # its words without small ones, sorted
    own_words: frozenset[str]  # what tables of this family are called
    fields: tuple[str, ...]


def singular(name: str) -> str:
    """The object or field without plural and without the id of a lookup, so that spellings of destinations meet."""
    bare = re.sub(r"(?<!external)_ids?$", "", name.strip().lower())
    if bare in ("address", "status", "business", "external_id"):
        return bare
    if bare.endswith("ies"):
        return bare[:-3] + "y"
    return bare[:-1] if bare.endswith("s") and not bare.endswith(("ss", "us")) else bare


def family_of(table: str, objects: Iterable[str]) -> str:
    """The family of a source table: by its name, else the one that most of the offered fields belong to."""
    offered = [FAMILIES.get(singular(each), "") for each in objects]
    named = set(header_words(last_part(table)))
    words = pack("words")["self"]
    for family in dict.fromkeys(sorted(offered, key=offered.count, reverse=True)):
        if family and not named.isdisjoint(words[family].split()):
            return family
    return max(offered, key=offered.count, default="")


def last_part(table: str) -> str:
    """The table's own name without folders, workbook and ending."""
    part = re.split(r"[/\\:#]", table.strip())[-1]
    return re.sub(r"\.(csv|tsv|txt|xlsx?|json)$", "", part, flags=re.IGNORECASE)


@dataclass(frozen=True)
class Field:
    """One field of the destination, as it is offered."""

    object: str
    field: str
    label: str
    custom: bool

    @property
    def target(self) -> str:
        """The field's full name."""
        return f"{self.object}.{self.field}"

    @property
    def key(self) -> str:
        """The full name with plurals and id endings folded away."""
        return f"{singular(self.object)}.{singular(self.field)}"


def lexicon(family: str, fields: tuple[Field, ...]) -> Lexicon:
    """The packs bound to the fields; fields that no pack knows are known by their label and name."""
    by_key = {each.key: each for each in reversed(fields)}
    known = [*_known(family, by_key), *_nothing(family)]
    taken = {each.target: position for position, each in enumerate(known) if each.target}
    for each in fields:
        names = _label_names(each, family)
        if each.target in taken:
            meaning = known[taken[each.target]]
            known[taken[each.target]] = replace(meaning, names=(*meaning.names, *names))
        else:
            known.append(Meaning(each.label or each.field, each.target, frozenset(), shared=False, names=names))
    own = pack("words")["self"].get(family, "").split()
    return Lexicon(family, tuple(known), *_index(known), frozenset(own), tuple(each.target for each in fields))


def small_words() -> frozenset[str]:
    """Words without a meaning of their own."""
    return frozenset(pack("words")["words"]["stop"].split())


def bag(words: Iterable[str]) -> tuple[str, ...]:
    """The words that carry the meaning, in an order of their own."""
    small = small_words()
    return tuple(sorted(word.removesuffix("s") if len(word) > 3 else word for word in words if word not in small))


def _known(family: str, by_key: Mapping[str, Field]) -> Iterable[Meaning]:
    for name, entry in pack("fields").items():
        for choice in entry.get(family, ()):
            field = _found(choice, family, by_key)
            if field is not None:
                yield Meaning(
                    name.replace("_", " "),
                    field.target,
                    frozenset(entry.get("kinds", ())),
                    shared=entry.get("shared", False),
                    names=(*_names(entry), *_split(entry.get("weak", ""))),
                    weak=frozenset(each.replace(" ", "") for each in _split(entry.get("weak", ""))),
                )
                break


def _found(choice: str, family: str, by_key: Mapping[str, Field]) -> Field | None:
    if "." in choice:
        at, _, field = choice.partition(".")
        return by_key.get(f"{at}.{singular(field)}")
    choice = singular(choice)
    objects = (each for each, its in FAMILIES.items() if its == family)
    return next((by_key[f"{each}.{choice}"] for each in objects if f"{each}.{choice}" in by_key), None)


def _nothing(family: str) -> Iterable[Meaning]:
    for name, entry in pack("nothing").items():
        if family in entry.get("families", (family,)):
            shapes = tuple(re.compile(each) for each in entry.get("patterns", ()))
            yield Meaning(name.replace("_", " "), None, frozenset(), shared=True, names=_names(entry), patterns=shapes)


def _names(entry: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for language in LANGUAGES for name in _split(entry.get(language, ""))))


def _split(names: str) -> tuple[str, ...]:
    return tuple(fold(each) for each in names.split(",") if each.strip())


def _label_names(field: Field, family: str) -> tuple[str, ...]:
    names = [" ".join(header_words(each)) for each in (field.label, re.sub(r"^cf_|__c$", "", field.field))]
    own = FAMILIES.get(singular(field.object), "")
    if own and family and own != family:
        # Another object's field is meant only where the header names that object.
        words = pack("words")["self"][own].split()[::2]
        named = [each for each in names if each.split(" ")[0] in words]
        names = [*named, *(f"{word} {each}" for word in words for each in names)]
    return tuple(dict.fromkeys(each for each in names if each))


def _index(meanings: list[Meaning]) -> tuple[dict[str, tuple[int, ...]], dict[tuple[str, ...], tuple[int, ...]]]:
    squashed: dict[str, dict[int, None]] = defaultdict(dict)
    bags: dict[tuple[str, ...], dict[int, None]] = defaultdict(dict)
    for position, meaning in enumerate(meanings):
        for name in meaning.names:
            words = name.split()
            squashed[squash(words)][position] = None
            if content := bag(words):
                bags[content][position] = None
    return {key: tuple(its) for key, its in squashed.items()}, {key: tuple(its) for key, its in bags.items()}
