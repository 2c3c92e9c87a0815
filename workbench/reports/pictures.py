"""Figures as people would rather see them: where rows went, how values compare, when it was loaded.

Only geometry and numbers are made here; templates draw them, and each picture has the same figures as a table beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from workbench.reports.pages import plain_text
from workbench.show import duration

__all__ = ["BUCKETS", "Block", "Flow", "Ribbon", "Run", "Sending", "field_bars", "flow_of", "row_bars", "runs_of"]

BUCKETS = ("loaded", "merged", "excluded", "rejected", "held", "failed")
ENDS: Mapping[str, str] = {
    "loaded": "became records",
    "merged": "part of another record",
    "excluded": "no record, by a rule",
    "rejected": "rejected, with a reason",
    "held": "held for a decision",
    "failed": "refused by the destination",
}
CLASSES = ("equal", "intended", "lossy", "wrong")

LEFT, RIGHT, THICK = 360.0, 690.0, 9.0
"""Where the blocks of the flow stand in a picture 1,000 wide, and how thick they are."""

WHOLE, SLOT, THINNEST = 300.0, 24.0, 1.5
"""Heights: of all rows together, of the room that a label needs, and of the smallest ribbon that is seen."""


@dataclass(frozen=True)
class Block:
    """One end of the flow: what it is called, its rows, and where it stands."""

    label: str
    rows: int
    y: float
    height: float
    bucket: str = ""


@dataclass(frozen=True)
class Ribbon:
    """The rows of one feed that ended in one bucket, as the outline of a band."""

    bucket: str
    path: str
    words: str


@dataclass(frozen=True)
class Flow:
    """Where every row went, from the tables on the left to the ends on the right."""

    sources: tuple[Block, ...]
    ends: tuple[Block, ...]
    ribbons: tuple[Ribbon, ...]
    height: float
    words: str
    left: float = LEFT
    right: float = RIGHT
    thick: float = THICK


@dataclass(frozen=True)
class Sending:
    """One object in a run: how many records, from when to when, as a share of the run."""

    label: str
    words: str
    start: float  # percent of the run
    width: float
    took: str


@dataclass(frozen=True)
class Run:
    """One spell of writing, with the moment at which its first and its last answer came."""

    title: str
    begun: str
    ended: str
    took: str
    records: int
    sendings: tuple[Sending, ...]


def flow_of(rows: pd.DataFrame, labels: Mapping[str, str]) -> Flow:
    """The row accounting (feed, rows, the six buckets) as bands; feeds without rows are left out."""
    told = [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]
    feeds = [row for row in told if any(int(row[name]) for name in BUCKETS)]
    scale = WHOLE / max(sum(int(row[name]) for row in feeds for name in BUCKETS), 1)
    named = [(labels.get(str(row["feed"]), str(row["feed"])), [(b, int(row[b])) for b in BUCKETS]) for row in feeds]
    sources = _stack([(label, sum(count for _, count in parts), "") for label, parts in named], scale)
    sums = [(bucket, sum(int(row[bucket]) for row in feeds)) for bucket in BUCKETS]
    ends = _stack([(ENDS[bucket], count, bucket) for bucket, count in sums if count], scale)
    height = max((block.y + max(block.height, SLOT) for block in (*sources, *ends)), default=SLOT)
    ends = _centred(ends, height)
    words = "; ".join(f"{plain_text(end.rows)} {end.label}" for end in ends)
    return Flow(sources, ends, _ribbons(named, sources, ends, scale), height, words)


def _stack(parts: Sequence[tuple[str, int, str]], scale: float) -> tuple[Block, ...]:
    blocks, y = [], 0.0
    for label, count, bucket in parts:
        height = max(count * scale, THINNEST)
        room = max(height, SLOT)
        blocks.append(Block(label, count, round(y + (room - height) / 2, 1), round(height, 1), bucket))
        y += room + 7
    return tuple(blocks)


def _centred(blocks: tuple[Block, ...], height: float) -> tuple[Block, ...]:
    used = max((block.y + block.height for block in blocks), default=0.0)
    down = max((height - used) / 2, 0.0)
    return tuple(Block(each.label, each.rows, round(each.y + down, 1), each.height, each.bucket) for each in blocks)


def _ribbons(
    named: Sequence[tuple[str, list[tuple[str, int]]]], sources: Sequence[Block], ends: Sequence[Block], scale: float
) -> tuple[Ribbon, ...]:
    made, arrived = [], {end.bucket: end.y for end in ends}
    for (label, parts), source in zip(named, sources, strict=True):
        leaves = source.y
        for bucket, count in parts:
            if count:
                thick = count * scale
                words = f"{label}: {plain_text(count)} {ENDS[bucket]}"
                made.append(Ribbon(bucket, _band(leaves, arrived[bucket], max(thick, THINNEST)), words))
                leaves, arrived[bucket] = leaves + thick, arrived[bucket] + thick
    return tuple(made)


def _band(leaves: float, arrives: float, thick: float) -> str:
    """A band between the blocks, as the path that SVG understands."""
    x0, x1 = LEFT + THICK, RIGHT
    half = (x0 + x1) / 2
    return (
        f"M{x0:g} {leaves:.1f}C{half:g} {leaves:.1f} {half:g} {arrives:.1f} {x1:g} {arrives:.1f}V{arrives + thick:.1f}"
        f"C{half:g} {arrives + thick:.1f} {half:g} {leaves + thick:.1f} {x0:g} {leaves + thick:.1f}Z"
    )


def row_bars(rows: pd.DataFrame, labels: Mapping[str, str]) -> list[dict[str, object]]:
    """One entry a feed: its label, counts, and the width of each bucket's bar in percent of the feed's rows."""
    return [
        {
            "label": labels.get(str(counts["feed"]), str(counts["feed"])),
            "rows": plain_text(int(counts["rows"])),
            "parts": _parts({name: int(counts[name]) for name in BUCKETS}),
            "closes": bool(counts["closes"]),
        }
        for counts in rows.to_dict("records")
    ]


def field_bars(compared: pd.DataFrame) -> list[dict[str, object]]:
    """One entry a row of the comparison (object, field and counts): how its values compare, in percent."""
    return [
        {
            "object": str(counts["object"]),
            "label": str(counts["field"]),
            "cells": plain_text(int(counts["cells"])),
            "filled": plain_text(int(counts["filled"])),
            "parts": _parts({name: int(counts[name]) for name in CLASSES}),
        }
        for counts in compared.to_dict("records")
    ]


def _parts(counts: Mapping[str, int]) -> list[tuple[str, int, float]]:
    whole = max(sum(counts.values()), 1)
    return [(name, count, round(100 * count / whole, 2)) for name, count in counts.items()]


def runs_of(runs: pd.DataFrame) -> list[Run]:
    """The runs of a load, each with its objects as lengths of its time; `runs` has the columns of `flow.timeline`."""
    return [_run(part) for _, part in runs.groupby("run", sort=False)] if len(runs) else []


def _run(part: pd.DataFrame) -> Run:
    begun, ended = (datetime.fromisoformat(str(moment)) for moment in (part["begun"].min(), part["ended"].max()))
    whole = max((ended - begun).total_seconds(), 0.001)
    phase = str(part["phase"].iloc[0])
    return Run(
        title=phase.capitalize() or "Load",
        begun=f"{begun:%Y-%m-%d %H:%M:%S}",
        ended=f"{ended:%H:%M:%S}" if begun.date() == ended.date() else f"{ended:%Y-%m-%d %H:%M:%S}",
        took=duration(whole),
        records=int(part[["created", "updated"]].to_numpy().sum()),
        sendings=tuple(_sending({str(k): v for k, v in row.items()}, begun, whole) for row in part.to_dict("records")),
    )


def _sending(row: Mapping[str, object], begun: datetime, whole: float) -> Sending:
    first, last = (datetime.fromisoformat(str(row[name])) for name in ("begun", "ended"))
    said = [f"{plain_text(int(str(row[name])))} {name}" for name in ("created", "updated") if int(str(row[name]))]
    start, width = ((moment).total_seconds() / whole * 100 for moment in (first - begun, last - first))
    start, width = min(start, 99.0), max(width, 1.0)
    took = duration((last - first).total_seconds()) if (last - first).total_seconds() >= 0.05 else "at once"
    return Sending(str(row["object"]), ", ".join(said), round(start, 2), round(min(width, 100 - start), 2), took)
