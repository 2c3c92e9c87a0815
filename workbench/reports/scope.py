"""The scope document: what comes along, what becomes of it, what stays behind and why, for the customer to read and sign."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from workbench.reports.pages import About, table_of, write_page

__all__ = ["Answer", "Becoming", "Scope", "render_scope"]

COLUMN_TITLES = {"column": "column of the export", "field": "field"}
RULE_TITLES = {"what": "what", "rule": "rule", "rows": "rows"}


@dataclass(frozen=True)
class Answer:
    """One question of the scope as it was settled; `by` is empty where nobody has, and the usual answer stands in."""

    question: str
    answer: str
    meaning: str = ""
    brings: tuple[str, ...] = ()  # what the answer brings with it, counted in the rows that came
    by: str = ""
    at: str = ""


@dataclass(frozen=True)
class Becoming:
    """One list of the export and what becomes of its rows."""

    label: str
    about: str
    columns: pd.DataFrame = field(default_factory=pd.DataFrame)  # column, field


@dataclass(frozen=True)
class Scope:
    """What the scope document says; every frame may be empty."""

    about: About
    summary: str
    answers: tuple[Answer, ...]
    moving: tuple[Becoming, ...]  # what becomes records, or fields and links of them
    documented: tuple[Becoming, ...] = ()  # what ends in a document
    otherwise: tuple[str, ...] = ()  # what another answer would have brought
    rules: pd.DataFrame = field(default_factory=pd.DataFrame)  # what, rule, rows: left out of the main delivery
    columns: pd.DataFrame = field(default_factory=pd.DataFrame)  # table, columns: left behind by decision
    losses: pd.DataFrame = field(default_factory=pd.DataFrame)  # what, where
    limits: pd.DataFrame = field(default_factory=pd.DataFrame)  # what is not kept, in which words it was accepted, by whom
    signed: tuple[str, ...] = ()  # sign-offs that were recorded already, a sentence each


def render_scope(inputs: Scope, folder: Path) -> list[Path]:
    """Write scope.html, with room for two signatures at its end."""
    settled = [each for each in inputs.answers if each.by]
    values = {
        "scope": inputs,
        "together": settled[0] if len({(each.by, each.at) for each in settled}) == 1 else None,  # said once for all of them
        "moving": [(each, table_of(each.columns, titles=COLUMN_TITLES)) for each in inputs.moving],
        "rules": table_of(inputs.rules, titles=RULE_TITLES),
        "columns": table_of(inputs.columns),
        "losses": table_of(inputs.losses, titles={"what": "what", "where": "where it is instead"}),
        "limits": table_of(inputs.limits),
    }
    return [
        write_page(folder / "scope.html", "scope.html.j2", about=inputs.about, title="Scope of the migration", values=values)
    ]
