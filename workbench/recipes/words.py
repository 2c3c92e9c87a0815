"""The word lists that recipes know, read from the file beside this module."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files


@cache
def words(name: str) -> frozenset[str]:
    """The words of one list, in lower case; a name that is not in the file is a KeyError."""
    lists = tomllib.loads(files("workbench.recipes").joinpath("words.toml").read_text(encoding="utf-8"))
    return frozenset(lists[name].split())
