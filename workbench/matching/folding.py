"""Text made comparable: case, accents, punctuation and camel case folded away."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Any

CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)")
LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "đ": "d", "ł": "l", "œ": "oe", "ı": "i", "þ": "th", "ð": "d"})


def fold(text: str) -> str:
    """Lower case without accents, every run of anything but letters and digits as one blank."""
    if text.isascii():
        bare = text.lower()
    else:
        apart = unicodedata.normalize("NFKD", text.casefold().translate(LETTERS))
        bare = "".join(each for each in apart if not unicodedata.combining(each))
    return " ".join(re.findall(r"\w+", bare.replace("_", " ")))


def header_words(header: str) -> tuple[str, ...]:
    """The folded words of a column's name, camel case taken apart: ``MailingCity`` is mailing, city."""
    counted = header.replace("#", " number of ") if header.lstrip().startswith("#") else header
    return tuple(fold(CAMEL.sub(" ", counted)).split())


def squash(words: tuple[str, ...] | list[str]) -> str:
    """The words run together, so that ``e-mail`` and ``email``, ``first name`` and ``firstname`` agree."""
    return "".join(words)


@cache
def pack(name: str) -> dict[str, Any]:
    """A word pack as it stands in its file; callers must not change it."""
    return tomllib.loads(files("workbench.matching.packs").joinpath(f"{name}.toml").read_text(encoding="utf-8"))
