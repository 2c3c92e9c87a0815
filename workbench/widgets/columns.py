"""What is known of a source column before anybody decides on it: how full it is, of what kind, and whether it names people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workbench.engagement import Engagement
from workbench.matching.folding import fold, header_words, pack

__all__ = ["Column", "columns_of"]

SHOWN = re.compile(r"(?s)(?P<fill>\d+)% filled · (?P<kind>[^·]*) · (?P<samples>.*)")
KINDS = frozenset({"email", "phone"})
NAMED = ("full_name", "first_name", "last_name", "emails", "mobile", "work_phone", "address", "city", "zipcode", "linkedin")
ABOUT = frozenset(
    {"birthday", "birth date", "date of birth", "dob", "gender", "sex", "ssn", "social security number", "ip address"}
    | {"caller", "spouse", "nationality", "religion", "passport", "iban", "latitude", "longitude"}
)
"""What columns are called that tell of a person, beyond names and addresses, which the word packs know in four languages."""


@dataclass(frozen=True)
class Column:
    """One column of an export, as its profile has it."""

    fill: float | None = None  # share of cells that say something, 0 to 1
    kind: str = ""
    samples: tuple[str, ...] = ()  # commonest first, as they stand
    longest: int = 0  # characters; 0 where nobody has counted
    custom: bool = False  # the source's documentation does not know it
    personal: bool = False  # it names, reaches or describes a person


def columns_of(engagement: Engagement, shown: Mapping[str, str]) -> dict[str, Column]:
    """Every column of the field proposals, by its subject; `shown` is what each proposal says of it.

    The profile of the discovery counts where there is one, else what the proposal shows.
    """
    tables = {feed.name: feed.table for feed in engagement.route.feeds}
    profiled = _profiled(engagement)
    telling = _telling()
    found = {}
    for subject, words in shown.items():
        feed, _, name = subject.partition("/")
        table = tables.get(feed, "")
        column = profiled.get((table, name)) or _told(words)
        source = engagement.source.tables.get(table)
        custom = source is not None and name not in source.column_names() and column.kind != ""
        found[subject] = Column(
            fill=column.fill,
            kind=column.kind,
            samples=column.samples,
            longest=column.longest,
            custom=custom,
            personal=column.kind in KINDS or not telling.isdisjoint(_called(name)),
        )
    return found


def _profiled(engagement: Engagement) -> dict[tuple[str, str], Column]:
    if not engagement.has("profile"):
        return {}
    rows = engagement.load("profile").to_dict("records")
    return {
        (str(row["table"]), str(row["column"])): Column(
            fill=float(row["fill"]), kind=str(row["type"]), samples=_parts(str(row["samples"])), longest=int(row["longest"])
        )
        for row in rows
    }


def _told(words: str) -> Column:
    said = SHOWN.fullmatch(words)
    if said is None:
        return Column()
    return Column(fill=int(said["fill"]) / 100, kind=said["kind"].strip(), samples=_parts(said["samples"]))


def _parts(samples: str) -> tuple[str, ...]:
    return tuple(part for part in samples.split(" | ") if part)


def _called(name: str) -> set[str]:
    return {fold(name), " ".join(header_words(name))}


def _telling() -> frozenset[str]:
    """Folded names of columns that tell of people, in every language of the word packs."""
    fields = pack("fields")
    lists: Iterable[str] = (words for entry in NAMED for language, words in fields.get(entry, {}).items() if len(language) == 2)
    return frozenset(fold(name) for words in lists for name in words.split(",")) | ABOUT
