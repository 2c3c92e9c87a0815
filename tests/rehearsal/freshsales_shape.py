"""How an answer of the rehearsal Freshsales is compared with the shape that the fact sheet records."""

from __future__ import annotations

import re
from dataclasses import dataclass

STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-05:00$")  # with the account's offset
UTC = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
DAY = re.compile(r"^\d{4}-\d\d-\d\d$")
MONEY = re.compile(r"^\d+\.\d+$")
DIGITS = re.compile(r"^\d+$")


@dataclass(frozen=True)
class Keys:
    """An object whose keys are these, in this order; with ``first`` only the first ones."""

    names: str
    first: bool = False


@dataclass(frozen=True)
class Has:
    """An object that has at least these keys with these shapes, and none of the ``missing`` ones."""

    shapes: dict[str, object]
    missing: str = ""


@dataclass(frozen=True)
class Each:
    """A list with something in it, every item of this shape."""

    shape: object


@dataclass(frozen=True)
class Either:
    """One of several shapes."""

    shapes: tuple[object, ...]


def misfits(value: object, shape: object, where: str = "answer") -> list[str]:
    """What of a value does not fit its shape, in words; an object as shape fixes its keys and their order."""
    wrong = f"{where}: {value!r:.90} is not {shape!r:.90}"
    if isinstance(shape, Keys) and isinstance(value, dict):
        names = shape.names.split()
        return [] if list(value)[: len(names) if shape.first else None] == names else [f"{where} has the keys {list(value)}"]
    if isinstance(shape, Has) and isinstance(value, dict):
        unwanted = [f"{where} has {name}" for name in shape.missing.split() if name in value]
        absent = [f"{where} lacks {name}" for name in shape.shapes if name not in value]
        inner = [fault for name, part in shape.shapes.items() if name in value for fault in misfits(value[name], part, name)]
        return unwanted + absent + inner
    if isinstance(shape, Each) and isinstance(value, list):
        return (
            [fault for item in value for fault in misfits(item, shape.shape, f"{where}[]")] if value else [f"{where} is empty"]
        )
    if isinstance(shape, Either):
        return [] if any(not misfits(value, part, where) for part in shape.shapes) else [wrong]
    if isinstance(shape, dict) and isinstance(value, dict):
        if list(value) != list(shape):
            return [f"{where} has the keys {list(value)}, not {list(shape)}"]
        return [fault for name, part in shape.items() for fault in misfits(value[name], part, f"{where}.{name}")]
    if isinstance(shape, re.Pattern):
        return [] if isinstance(value, str) and shape.search(value) else [wrong]
    if isinstance(shape, type):
        return [] if type(value) is shape else [wrong]
    return [] if type(value) is type(shape) and value == shape else [wrong]
