"""Which owner of the export is which user of the destination; nobody is assigned who might be somebody else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from rapidfuzz.distance import DamerauLevenshtein

from workbench.errors import SpecError
from workbench.matching.folding import fold, pack
from workbench.matching.people import one_person
from workbench.plain import Shown

AUTOMATIC = 0.85
"""From here an owner may be assigned without a look; everything doubtful stays below."""

ASIDE = re.compile(r"\s[-–|/:]\s.*$|[(\[{<].*?[)\]}>]?$|,\s*(?:inc|llc|sales|support)\b.*$", re.IGNORECASE)


@dataclass(frozen=True, repr=False)
class OwnerProposals(Shown):
    """Who each owner of the export is.

    ``frame``: owner (the address, else the name, as it stands in the export), user_id (NA where nobody fits),
    confidence, reasons in words, case (a short code of the rule that spoke).
    """

    frame: pd.DataFrame

    def _repr_html_(self) -> str:
        sure = int((self.frame["confidence"] >= AUTOMATIC).sum())
        return f"<p>{len(self.frame)} owners, {sure} of them sure</p>" + self.frame.to_html(index=False, escape=True, na_rep="")


@dataclass(frozen=True)
class _Person:
    """A name and an address, taken apart."""

    user: object
    given: tuple[str, ...]  # all words of the name but the last
    family: str
    words: frozenset[str]
    email: str
    active: bool = True
    left: bool = False  # the name itself says that they have gone
    decorated: bool = False  # something stood behind the name

    @property
    def local(self) -> str:
        """The part of the address before the @, without what follows a plus."""
        return self.email.split("@")[0].split("+")[0]


@dataclass(frozen=True)
class _Verdict:
    user: object
    confidence: float
    reason: str
    case: str


def match_owners(owners: pd.DataFrame, users: pd.DataFrame) -> OwnerProposals:
    """Propose a user for every owner.

    ``owners`` has name and email (either may be missing in a row), ``users`` has id, name and email, and active
    where it is known. An equal address decides; else the name must fit exactly one user. Users who are inactive,
    shared mailboxes and people who have left never reach the confidence of 0.85.
    """
    _need(owners, ("name", "email"), "owners")
    _need(users, ("id", "name", "email"), "users")
    people = [_person(row, user=row["id"], active=_active(row.get("active"))) for row in users.to_dict("records")]
    rows = []
    for row in owners.to_dict("records"):
        shown = next((str(row[each]) for each in ("email", "name") if _text(row[each])), pd.NA)
        verdict = _verdict(_person(row, user=None), people, _text(row["name"]))
        rows.append((shown, verdict.user, round(verdict.confidence, 2), verdict.reason, verdict.case))
    frame = pd.DataFrame(rows, columns=["owner", "user_id", "confidence", "reasons", "case"])
    return OwnerProposals(frame.astype({"owner": "str", "reasons": "str", "case": "str"}))


def _need(frame: pd.DataFrame, names: tuple[str, ...], what: str) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise SpecError(
            f"the table of {what} lacks what a match needs",
            expected=", ".join(names),
            found=", ".join(map(str, frame.columns)),
            todo="add " + ", ".join(missing),
        )


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _active(value: object) -> bool:
    return str(value).strip().casefold() not in ("false", "0", "no", "n", "inactive", "disabled")


def _person(row: Mapping[Any, Any], *, user: object, active: bool = True) -> _Person:
    name, email = _text(row["name"]), _text(row["email"]).casefold().removeprefix("mailto:")
    if not email and "@" in name and " " not in name:
        name, email = "", name.casefold()
    bare = ASIDE.sub("", name) or name
    words = _name_words(bare)
    said = set(fold(name).split())
    return _Person(
        user=user,
        given=words[:-1],
        family=words[-1] if words else "",
        words=frozenset(words),
        email=email,
        active=active,
        left=not said.isdisjoint(pack("people")["left"].split()),
        decorated=bare != name,
    )


def _name_words(name: str) -> tuple[str, ...]:
    last, comma, first = name.partition(",")
    turned = f"{first} {last}" if comma and first.strip() else name
    titles = set(pack("people")["titles"].split())
    # An apostrophe or a full stop joins: O'Farrelly is one word, as it is in an address.
    words = [word for word in fold(re.sub(r"['’`]", "", turned)).split() if word not in titles]
    full = [word for word in words if len(word) > 1]
    # A middle initial says nothing; a leading one is all there is of the first name.
    return tuple(words[:1] + [word for word in words[1:] if len(word) > 1]) if len(full) < len(words) else tuple(words)


def _verdict(owner: _Person, people: list[_Person], name: str) -> _Verdict:
    if not owner.email and not owner.words:
        return _Verdict(pd.NA, 0.5, "neither a name nor an address", "empty")
    equal = [each for each in people if owner.email and each.email == owner.email]
    if equal:
        return _settled(equal, owner, 0.99, "the same e-mail address", "email")
    plus = [each for each in people if owner.email and _without_tag(each.email) == _without_tag(owner.email)]
    if plus:
        return _settled(plus, owner, 0.93, "the same e-mail address but for what follows the plus", "email_tag")
    if _nobody(owner, name):
        return _Verdict(pd.NA, 0.9, "a shared mailbox, a queue or a system, not a person", "nobody")
    for case, confidence, reason, found in _by_name(owner, people):
        if found:
            return _settled(found, owner, confidence, reason, case)
    return _Verdict(pd.NA, 0.5, "nobody has this address or a name like it", "unknown")


def _settled(found: list[_Person], owner: _Person, confidence: float, reason: str, case: str) -> _Verdict:
    if len(found) > 1:
        told = ", ".join(sorted(f"{each.user}" for each in found))
        return _Verdict(pd.NA, 0.5, f"{reason}, but of several users: {told}", "ambiguous")
    user = found[0]
    if not user.active:
        return _Verdict(user.user, 0.6, f"{reason}, but the user is inactive", "inactive")
    if _shared_box(user.local):
        return _Verdict(user.user, 0.6, f"{reason}, but it is a shared mailbox", "shared_box")
    if owner.left:
        return _Verdict(user.user, 0.6, f"{reason}, but the export says that they have left", "leaver")
    return _Verdict(user.user, confidence, reason, case)


def _without_tag(email: str) -> str:
    local, at, domain = email.partition("@")
    return local.split("+")[0] + at + domain


def _nobody(owner: _Person, name: str) -> bool:
    if owner.email and _shared_box(owner.local):
        return True
    nobody = set(pack("people")["nobody"].split()) | set(pack("people")["shared_boxes"].split())
    words = fold(name).split()
    return bool(words) and nobody.issuperset(words)


def _shared_box(local: str) -> bool:
    return local in pack("people")["shared_boxes"].split()


Candidates = tuple[str, float, str, list[_Person]]


def _by_name(owner: _Person, people: list[_Person]) -> Iterable[Candidates]:
    """The rules about names, the surest first; the first that finds anybody speaks."""
    if not owner.words:
        yield "local_part", 0.82, "the name in the address fits", [each for each in people if _address_fits(owner, each)]
        return
    # At the users' own domain addresses tell people apart; elsewhere one made of another name does.
    domains = {each.email.partition("@")[2] for each in people}
    contradicted = bool(owner.email) and (not _address_speaks_for(owner) or owner.email.partition("@")[2] in domains)
    same = [each for each in people if each.words == owner.words]
    if owner.decorated:
        yield "decorated", 0.88, "the same name without what stands behind it", same
    yield "name", 0.8 if contradicted else 0.95, "the same name", same
    if len(owner.words) < 2:
        return
    alike = [each for each in people if each.family == owner.family and each.given and owner.given]
    yield (
        "nickname",
        0.9,
        "the same last name and a short form of the first",
        [e for e in alike if one_person(owner.given[0], e.given[0])],
    )
    yield "beginning", 0.8, "the same last name and the beginning of the first", [e for e in alike if _begins(owner, e)]
    yield "initial", 0.8, "the same last name and the initial of the first", [e for e in alike if _initial(owner, e)]
    part = [e for e in people if owner.given[:1] == e.given[:1] and (owner.words < e.words or e.words < owner.words)]
    yield "part_of_name", 0.82, "the same first name and part of the last", part
    yield "typo", 0.82, "nearly the same name", [each for each in people if _slip(owner, each)]


def _address_speaks_for(owner: _Person) -> bool:
    """Whether the owner's address is made of the owner's own name, so that it cannot be somebody else's."""
    local = fold(owner.local.replace(".", " ")).replace(" ", "")
    return any(len(word) > 2 and (word in local or local in word) for word in owner.words)


def _address_fits(owner: _Person, user: _Person) -> bool:
    return owner.local == user.local or frozenset(fold(re.sub(r"[._-]", " ", owner.local)).split()) == user.words


def _begins(owner: _Person, user: _Person) -> bool:
    """One first name begins with the other: Dan and Daniel, but Daniel and Daniela too."""
    short, long = sorted((owner.given[0], user.given[0]), key=len)
    return len(short) > 2 and long.startswith(short)


def _initial(owner: _Person, user: _Person) -> bool:
    one, other = owner.given[0], user.given[0]
    return min(len(one), len(other)) == 1 and one[0] == other[0]


def _slip(owner: _Person, user: _Person) -> bool:
    """One slip of the pen in a name that is long enough to be told from others."""
    one, other = " ".join((*owner.given, owner.family)), " ".join((*user.given, user.family))
    if min(len(one), len(other)) < 8 or (owner.given[:1] != user.given[:1] and owner.family != user.family):
        return False
    distance = int(DamerauLevenshtein.distance(one, other, score_cutoff=2))
    return distance <= 1 or (distance == 2 and min(len(one), len(other)) >= 16)
