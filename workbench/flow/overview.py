"""How an engagement stands: its phases, where the rows ended, and what is left to decide; for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from textwrap import fill, wrap

import pandas as pd

from workbench.decisions.decision import KINDS
from workbench.engagement import Engagement
from workbench.errors import listed
from workbench.flow.labels import feed_labels
from workbench.flow.running import running
from workbench.ledger.loading.picture import lines
from workbench.ledger.loading.progress import Progress
from workbench.show import labelled

__all__ = ["Overview", "overview", "table"]

ENDED = "where the rows of the delivery {} ended; one that was looked at for several kinds of record counts for each"
NARROWEST = 20
"""Letters that a column of words keeps, however narrow the terminal is."""
BUCKETS = ("loaded", "merged", "excluded", "rejected", "held", "failed")


@dataclass(frozen=True)
class Overview:
    """An engagement at one moment."""

    engagement: str
    customer: str
    route: str
    phases: pd.DataFrame  # phase, state, at, reasons (tuple of str)
    rows: Mapping[str, pd.DataFrame]  # delivery → feed, rows, the six buckets, closes; none before the load
    missing: Mapping[str, tuple[str, ...]]  # kind of decision → subjects that are proposed and undecided
    loads: Mapping[str, Progress] = field(default_factory=dict)  # what is being loaded at this moment, by its label
    title: str = ""  # of the route
    labels: Mapping[str, str] = field(default_factory=dict)  # feed → how the customer calls it

    def text(self, width: int = 120) -> str:
        """All of it in lines of at most `width` letters, where the words allow it."""
        phases = self.phases.assign(
            at=[f"{at[:10]} {at[11:16]} UTC" if at else "" for at in self.phases["at"]],
            reasons=["; ".join(reasons) for reasons in self.phases["reasons"]],
        )
        parts = [*self._head(width), table(phases, width=width)]
        for delivery, rows in self.rows.items():
            told = labelled(_without_empty(rows[rows["rows"] > 0]), self.labels).rename(columns={"closes": "adds up"})
            parts.append(f"{fill(ENDED.format(delivery), width)}\n{table(told, width=width)}")
        for kind, subjects in self.missing.items():
            parts.append(f"{len(subjects)} {kind.replace('_', ' ')} decisions are missing: {listed(subjects)}")
        if self.loads:
            parts.append("\n".join(["being loaded now", *lines(self.loads)]))
        return "\n\n".join(parts)

    def _head(self, width: int) -> list[str]:
        """Whose migration this is, and how far it has come."""
        passed = f"{int((self.phases['state'] == 'passed').sum())} of {len(self.phases)} phases passed"
        whose = " for ".join(filter(None, (self.title, self.customer)))
        return [fill(f"{whose}: {passed}" if whose else passed, width)]

    def json(self) -> str:
        """The same for programs: engagement, customer, route, phases, rows by delivery, missing by kind, loads by label."""
        told = {
            "engagement": self.engagement,
            "customer": self.customer,
            "route": self.route,
            "phases": json.loads(self.phases.to_json(orient="records")),
            "rows": {delivery: json.loads(rows.to_json(orient="records")) for delivery, rows in self.rows.items()},
            "missing": {kind: list(subjects) for kind, subjects in self.missing.items()},
            "loads": {label: asdict(load) for label, load in self.loads.items()},
        }
        return json.dumps(told, indent=2)


def overview(engagement: Engagement) -> Overview:
    """Look at the engagement; nothing is changed."""
    phases = engagement.status()[["phase", "state", "at"]]
    missing = {kind: tuple(engagement.decisions.missing(kind)) for kind in KINDS}
    now = running(engagement.root)
    loaded = [name for name in engagement.deliveries() if engagement.has("accounting", delivery=name)]
    return Overview(
        engagement=engagement.settings.engagement_id,
        customer=engagement.settings.customer,
        route=engagement.settings.route,
        phases=phases.assign(reasons=pd.Series([engagement.phase(name).reasons for name in phases["phase"]], dtype=object)),
        rows={name: engagement.load("accounting", delivery=name) for name in loaded},
        missing={kind: subjects for kind, subjects in missing.items() if subjects},
        loads=now.loads if now is not None and now.alive else {},
        title=engagement.route.title,
        labels=feed_labels(engagement),
    )


def table(frame: pd.DataFrame, *, width: int) -> str:
    """The frame as text: numbers to the right, words to the left; its first and its last column give way at `width` letters."""
    cells = [[str(name), *map(_cell, frame[name])] for name in frame.columns]
    right = [pd.api.types.is_integer_dtype(kind) for kind in frame.dtypes]
    widths = [max(map(len, column)) for column in cells]
    for place in (-1, 0):  # the last one gives way first
        over = sum(widths) + 2 * (len(widths) - 1) - width
        if over > 0 and not right[place]:
            widths[place] = max(widths[place] - over, min(widths[place], NARROWEST))
    lines = []
    for row in zip(*cells, strict=True):
        broken = [wrap(cell, size) or [""] for cell, size in zip(row, widths, strict=True)]
        for parts in zip_longest(*broken, fillvalue=""):
            placed = [p.rjust(w) if r else p.ljust(w) for p, w, r in zip(parts, widths, right, strict=True)]
            lines.append("  ".join(placed).rstrip())
    return "\n".join(lines)


def _without_empty(rows: pd.DataFrame) -> pd.DataFrame:
    """Without the buckets in which no row ended."""
    return rows.drop(columns=[name for name in BUCKETS if name in rows and not int(rows[name].sum())])


def _cell(value: object) -> str:
    if pd.api.types.is_bool(value):
        return "yes" if value else "NO"
    return " ".join(str(value).split())
