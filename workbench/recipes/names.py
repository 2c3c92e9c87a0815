"""Recipes for names of people: kept as they are written, split only where nothing is lost."""

from __future__ import annotations

import re

from workbench.recipes.cells import (
    BROKEN_CELLS,
    EMPTY,
    Cell,
    CellRecipe,
    at_most,
    is_empty,
    kept,
    placeholder,
    positive,
    refused,
)
from workbench.recipes.texts import tidied
from workbench.recipes.words import words

SURNAMES = frozenset({"Null", "Nan", "None", "Nil"})
"""Words for nothing that are also names of people, when they are written like one."""

SUFFIX = re.compile(r"(?:jr|sr|ii|iii|iv|phd|ph\.d|md|m\.d|dds|esq|cpa|dvm|rn)\.?", re.IGNORECASE)


def name(*, max_length: int = 255) -> CellRecipe:
    """A name as it is written, with single blanks; its case is never touched."""
    positive(max_length, "max_length")

    def cell(raw: str) -> Cell:
        value, note = tidied(raw)
        single = " ".join(value.split())
        if is_empty(raw) or (placeholder(raw) and single not in SURNAMES):
            return EMPTY
        if single in BROKEN_CELLS:
            return refused("damaged_by_excel")
        return at_most(kept(single, note, "inner_space" if single != value else None), max_length)

    return cell


def split_first_name(*, max_length: int = 255) -> CellRecipe:
    """The first names out of a whole name; nothing where the name is one word or a business."""
    return _half(0, max_length)


def split_last_name(*, max_length: int = 255) -> CellRecipe:
    """The last name out of a whole name, with its particles and suffix; the whole of one word or of a business."""
    return _half(1, max_length)


def _half(which: int, max_length: int) -> CellRecipe:
    whole_name = name(max_length=2000)

    def cell(raw: str) -> Cell:
        whole = whole_name(raw)
        if not isinstance(whole.value, str):
            return whole
        first, last, sure = split_name(whole.value)
        part = (first, last)[which]
        if not part:
            return EMPTY
        return at_most(kept(part, whole.note, None if sure else "split_assumed"), max_length)

    return cell


def split_name(whole: str) -> tuple[str, str, bool]:
    """First names, last name, and whether there was only one way to read it.

    ``Last, First`` is turned round; particles (``van der``) and suffixes (``Jr.``) go with the last name.
    """
    if business_like(whole):
        return "", whole, True
    head, comma, tail = whole.partition(",")
    if comma and not SUFFIX.fullmatch(tail.strip()) and tail.strip() and "," not in tail:
        return tail.strip(), head.strip(), len(tail.split()) + len(head.split()) <= 2
    parts = whole.split()
    if len(parts) == 1:
        return "", whole, True
    start = len(parts) - 1
    while start > 1 and SUFFIX.fullmatch(parts[start].rstrip(",")):
        start -= 1
    while start > 1 and parts[start - 1].casefold() in words("particles"):
        start -= 1
    return " ".join(parts[:start]), " ".join(parts[start:]), len(parts) == 2


def business_like(whole: str) -> bool:
    """Whether the name looks like a company's: a legal form, a trade, or a digit in it."""
    parts = [word.strip(".,()").casefold() for word in whole.split()]
    return any(each.isdigit() for each in whole) or (len(parts) > 1 and not words("business").isdisjoint(parts))
