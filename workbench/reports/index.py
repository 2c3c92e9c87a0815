"""The first page of the package: how it went, in a minute, and where everything is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from workbench.reports.fates import Fates
from workbench.reports.pages import About, write_page
from workbench.reports.pictures import BUCKETS, flow_of, row_bars

__all__ = ["Entry", "Index", "render_index"]


NOTEBOOKS = "../notebooks/"
"""Where the executed notebooks lie in a package, seen from its documents."""


@dataclass(frozen=True)
class Entry:
    """A document of the package: its title, its path from the page, and what it is for."""

    title: str
    path: str  # relative, with forward slashes
    about: str
    group: str = "Reports"
    workbook: str = ""  # path of the same as XLSX, where there is one


@dataclass(frozen=True)
class Index:
    """What the first page says."""

    about: About
    statements: tuple[tuple[bool, str], ...]  # what has to be true, and whether it is
    rows: pd.DataFrame  # feed, rows, the six buckets, closes
    entries: tuple[Entry, ...]
    next_steps: tuple[str, ...] = ()  # what the customer does now
    labels: Mapping[str, str] = field(default_factory=dict)  # feed → how the customer calls it
    fates: Fates | None = None  # the rows of the export, each once; in `rows` one counts for each kind of record it gives
    standing: Mapping[str, int] = field(default_factory=dict)  # label of a feed → records over there now, of all deliveries
    later: Mapping[str, pd.DataFrame] = field(default_factory=dict)  # later delivery → its rows, as `rows`


def render_index(inputs: Index, folder: Path) -> list[Path]:
    """Write index.html; entries whose path is not a plain relative one are left without a link.

    Entries of a group of which the same is to be said, and nothing else, share a line.
    """
    groups: dict[str, list[tuple[Entry, bool, bool]]] = {}
    for entry in inputs.entries:
        groups.setdefault(entry.group, []).append((entry, _relative(entry.path), _relative(entry.workbook)))
    values = {
        "alike": _alike(inputs.entries),
        "statements": inputs.statements,
        "good": all(good for good, _ in inputs.statements),
        "flow": flow_of(inputs.rows, inputs.labels),
        "rows": row_bars(inputs.rows[inputs.rows["rows"] > 0], inputs.labels),
        "standing": {label: count for label, count in inputs.standing.items() if count},
        "later": {name: row_bars(rows, inputs.labels) for name, rows in inputs.later.items() if len(rows)},
        "buckets": BUCKETS,
        "totals": {name: int(inputs.rows[name].sum()) for name in ("rows", *BUCKETS)},
        "groups": groups,
        "fates": inputs.fates or _counted(inputs.rows),
        "next_steps": inputs.next_steps,
    }
    title = f"{inputs.about.source} to {inputs.about.destination}"
    return [write_page(folder / "index.html", "index.html.j2", about=inputs.about, title=title, values=values)]


def _alike(entries: Sequence[Entry]) -> dict[str, dict[str, list[Entry]]]:
    """Group → what is said of several of its entries → those entries, each of them a page and no workbook."""
    found: dict[str, dict[str, list[Entry]]] = {}
    for entry in entries:
        if entry.about and not entry.workbook and _relative(entry.path):
            found.setdefault(entry.group, {}).setdefault(entry.about, []).append(entry)
    return {group: {about: same for about, same in told.items() if len(same) > 1} for group, told in found.items()}


def _counted(rows: pd.DataFrame) -> Fates:
    """The fates of rows of which each gives one kind of record."""
    sums = {name: int(rows[name].sum()) for name in ("rows", *BUCKETS)}
    there = sums["loaded"] + sums["merged"]
    return Fates(sums["rows"], there, sums["excluded"], sums["rows"] - there - sums["excluded"])


def _relative(path: str) -> bool:
    """A path inside the package: below the documents, or one of the executed notebooks beside them."""
    path = path.removeprefix(NOTEBOOKS)
    return bool(path) and ":" not in path and "\\" not in path and not path.startswith("/") and ".." not in path.split("/")
