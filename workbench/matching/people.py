"""What first names say: short forms of one, and pairs that are two people."""

from __future__ import annotations

from functools import cache

from rapidfuzz.distance import JaroWinkler

from workbench.matching.folding import pack

SOUNDS_OTHER = 0.7
"""Likeness below which two first names before one last name are no slip of the pen."""


@cache
def short_forms() -> dict[str, frozenset[int]]:
    """For each known name the groups of names that one person may go by."""
    forms: dict[str, frozenset[int]] = {}
    for number, group in enumerate(pack("people")["nicknames"]):
        for name in group.split():
            forms[name] = forms.get(name, frozenset()) | {number}
    return forms


def one_person(first: str, second: str) -> bool:
    """Whether both names may belong to one person: the same, or forms of one name."""
    forms = short_forms()
    return first == second or bool(forms.get(first, frozenset()) & forms.get(second, frozenset()))


def two_people(one: str, other: str, *, heard: bool = True) -> bool:
    """Whether two whole folded names, alike but for one word each, have first names of two different people.

    Names that nobody knows are told apart by their sound, unless ``heard`` is false.
    """
    first, second = set(one.split()), set(other.split())
    only, others = first - second, second - first
    if len(only) != 1 or len(others) != 1 or not first & second:
        return False
    name, unlike = only.pop(), others.pop()
    if one_person(name, unlike) or min(len(name), len(unlike)) < 2:
        return False
    short, long = sorted((name, unlike), key=len)
    if (
        heard
        and _first_of(one, name)
        and _first_of(other, unlike)
        and JaroWinkler.normalized_similarity(name, unlike) < SOUNDS_OTHER
    ):
        return min(len(name), len(unlike)) > 2  # two letters may be initials
    known = _known()
    return (name in known and unlike in known) or (short in known and long in (short + "a", short + "e"))


def _first_of(whole: str, word: str) -> bool:
    return whole.split()[0] == word


@cache
def _known() -> frozenset[str]:
    return frozenset(short_forms()) | frozenset(pack("people")["given"].split())
