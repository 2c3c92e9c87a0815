"""What values look like: the kind of a column, told from a few samples."""

from __future__ import annotations

import re
from collections import Counter

KINDS = (
    ("email", re.compile(r"[^@\s<>]+@[^@\s<>]+\.[a-z]{2,}", re.IGNORECASE)),
    (
        "url",
        re.compile(
            r"(?:https?://|www\.)\S+|[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|net|org|io|co|de|fr|es|eu|test)(?:/\S*)?", re.I
        ),
    ),
    ("bool", re.compile(r"true|false|yes|no|y|n|oui|non|ja|nein|si|sí", re.IGNORECASE)),
    ("datetime", re.compile(r"(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[/.]\d{1,2}[/.]\d{2,4})[T ,]+\d{1,2}:\d{2}.*", re.IGNORECASE)),
    ("date", re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|\d{1,2}[- ][A-Za-z]{3}[- ]\d{2,4}")),
    (
        "phone",
        re.compile(r"(?=(?:.*\d){7})(?:\+|\(|0)?[\d\s().+/-]*[\s().+/-][\d\s().+/-]*(?:\s?(?:x|ext\.?)\s?\d+)?|\+\d{8,15}"),
    ),
    ("integer", re.compile(r"-?\d{1,3}(?:[,. ]\d{3})+|-?\d+")),
    ("money", re.compile(r"(?:[$€£]|[A-Z]{3})?\s?-?\d[\d.,' ]*\s?(?:[$€£%]|[A-Z]{3})?")),
    ("code", re.compile(r"(?=\S*\d)[A-Za-z0-9_-]{6,}|[A-Z]{3}")),
    ("text", re.compile(r".+", re.DOTALL)),
)

INFERRED = {
    "boolean": "bool",
    "number": "money",
    "decimal": "money",
    "currency": "money",
    "timestamp": "datetime",
    "moment": "datetime",
    "day": "date",
    "int": "integer",
    "string": "text",
}


def kind_of(samples: str, inferred: str) -> str:
    """The kind that most of the samples (separated by " | ") look like; else what was inferred before; else ""."""
    values = [each.strip() for each in samples.split(" | ") if each.strip()]
    if not values:
        return INFERRED.get(inferred, inferred)
    counts = Counter(_kind(each) for each in values)
    kind, times = counts.most_common(1)[0]
    if {"integer", "money"} >= set(counts):
        return "money" if counts["money"] else "integer"
    return kind if times * 2 > len(values) else "text"


def _kind(value: str) -> str:
    return next((kind for kind, shape in KINDS if shape.fullmatch(value)), "text")


def fits(kind: str, allowed: frozenset[str]) -> float:
    """How well the kind of the values fits a field: 1 fits, 0 cannot be told, -1 contradicts it."""
    if not kind or not allowed:
        return 0.0
    if kind in allowed:
        return 1.0
    related = {"integer": "money", "money": "integer", "date": "datetime", "datetime": "date", "url": "text", "code": "text"}
    if related.get(kind) in allowed:
        return 0.0
    if kind == "text":
        # Free text contradicts only what has a shape of its own.
        return -1.0 if allowed <= {"email", "date", "datetime", "bool"} else 0.0
    return -1.0
