"""Subjects of decisions as a person reads them: where something stands, and what it is called there."""

from __future__ import annotations

__all__ = ["parts_of"]


def parts_of(kind: str, subject: str) -> tuple[str, str]:
    """Place and name of a subject: `contacts` and `Email`, `contacts · Lifecycle` and `At Risk`, nothing and an owner."""
    if kind == "owner":
        return "", subject
    place, _, rest = subject.partition("/")
    if kind == "value":
        column, _, value = rest.partition("=")
        return f"{place} · {column}", value
    if kind == "duplicate":
        key, _, row = rest.rpartition("@")
        file, _, line = row.rpartition(":")
        return f"{place} · {file} line {line}", key
    if kind == "conflict":
        # Imported when there is one: the documents of a report are much to load for a table that holds none.
        from workbench.reports.differences import readable_key

        key, _, field = rest.rpartition(".")
        return readable_key(key), field
    return place, rest
