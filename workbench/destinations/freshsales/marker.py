"""Our key in a text that has no field beside it: the last line of an activity's or a note's, and a part of a file's name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

__all__ = ["PENDING", "Marked", "marked", "named", "parted", "pending", "unnamed"]

PENDING = "amount"
"""How the line begins that says what the amount of a deal will be again once a change of its lines is over."""

SAFE = ":._-~@+,="
"""What a key may hold as it stands; all else travels as %XX, which no editor and no sanitiser touches."""
BLANKS = r"(?:\s|&nbsp;|\xa0)*"
BREAK = r"(?:<br\s*/?>|\r?\n)?"
TAG = re.compile(r"</?[a-z][a-z0-9]*(?:\s[^<>]*)?/?>", re.IGNORECASE)
ENDING = re.compile(r"\.[A-Za-z0-9]{1,10}$")


@dataclass(frozen=True)
class Marked:
    """A text of the account without our key, and the key, empty where there was none."""

    text: str
    key: str


def marked(text: str, key: str, *, style: str) -> str:
    """A text with the key in a line of its own at its end; HTML stays HTML."""
    line = style.replace("{key}", quote(key, safe=SAFE))
    return f"{text}{'<br>' if TAG.search(text) else chr(10)}{line}" if text else line


def parted(text: str, *, style: str) -> Marked:
    """Text and key, as `marked` joined them; what is quoted above the last such line is somebody else's."""
    found = list(_pattern(style, before=BREAK).finditer(text))
    if not found:
        return Marked(text, "")
    last = found[-1]
    return Marked(text[: last.start()] + text[last.end() :], unquote(last["key"]))


def named(name: str, key: str, *, style: str) -> str:
    """A name with the key before its ending, so that the file still opens: `Offer [s:files:1].pdf`."""
    ending = ENDING.search(name)
    stem = name[: ending.start()] if ending else name
    return f"{stem}{style.replace('{key}', quote(key, safe=SAFE))}{ending.group() if ending else ''}"


def unnamed(name: str, *, style: str) -> Marked:
    """Name and key, as `named` joined them."""
    found = list(_pattern(style, before="").finditer(name))
    if not found:
        return Marked(name, "")
    last = found[-1]
    return Marked(name[: last.start()] + name[last.end() :], unquote(last["key"]))


def pending(text: str) -> str:
    """The amount that a deal gets back, where a change of its lines is under way; else nothing."""
    said = [words[1] for line in text.splitlines() if (words := line.split())[:1] == [PENDING] and len(words) == 2]
    return next(iter(said), "")


@lru_cache(maxsize=8)
def _pattern(style: str, *, before: str) -> re.Pattern[str]:
    """The key within the style, whose blanks may come back as others; a blank in front goes with it."""
    head, _, tail = style.partition("{key}")
    lead = " ?" if head.startswith(" ") else ""
    parts = [*map(re.escape, head.split()), rf"(?P<key>[\w%{re.escape(SAFE)}]+?)", *map(re.escape, tail.split())]
    return re.compile(before + lead + BLANKS.join(parts), re.IGNORECASE | re.ASCII)
