"""What a person is shown of a field that changed on both sides: whose it is, what it is called, and the three values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Contested", "asked_in_words", "contested"]


@dataclass(frozen=True)
class Contested:
    """One field of one record, in the words of whoever decides on it."""

    values: str  # as loaded, in the source, in the destination
    record: str = ""  # the record's name; empty where it has none
    field: str = ""  # the field's label; empty in questions from before it was kept

    @property
    def title(self) -> str:
        """The record and its field; empty where either of them is not known."""
        return f"{self.record} · {self.field}" if self.record and self.field else ""

    def shown(self) -> dict[str, str]:
        """As it is kept with the question."""
        return {"record": self.record, "field": self.field, "values": self.values}


def contested(shown: object) -> Contested:
    """What was kept with a question; one that holds the values alone, as a text, is read as well."""
    if not isinstance(shown, Mapping):
        return Contested(str(shown or ""))
    return Contested(str(shown.get("values", "")), str(shown.get("record", "")), str(shown.get("field", "")))


def asked_in_words(kind: str, subject: str, shown: object) -> tuple[str, str]:
    """What a question is called and what it shows, for a person; two empty texts where its subject says it all."""
    of = contested(shown)
    return (of.title, f"{of.values} ({subject})") if kind == "conflict" and of.title else ("", "")
