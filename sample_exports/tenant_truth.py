"""Write what a generator knows of a tenant: where each row ends, what the records hold, what was planted, what to decide."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sample_exports.tenant import Item, Json, State, lines_of, write_json

ROWS = ("delivery", "feed", "file", "line", "key", "bucket", "reason", "record")


@dataclass(frozen=True)
class Change:
    """One field of one record that the later state gives a new value; ``new`` is created or gone for a whole record."""

    record: str
    field: str
    old: str
    new: str


@dataclass(frozen=True)
class Decision:
    """What somebody who knows the truth decides, in the words of the workbench's decisions."""

    kind: str
    subject: str
    value: Json
    why: str
    delivery: str = "main"


@dataclass(frozen=True)
class Truth:
    """All that is known beyond the rows themselves."""

    objects: Mapping[str, str]  # feed → object of its records
    changes: Sequence[Change]
    decisions: Sequence[Decision]
    made: Sequence[tuple[str, str, str]] = ()  # record, field, value: records that the route makes and no row


def write_truth(folder: Path, states: Sequence[State], truth: Truth) -> None:
    """All files of expected/."""
    folder.mkdir(parents=True, exist_ok=True)
    placed = [(state.delivery, item, line) for state in states for item, line in lines_of(state.items)]
    rows: list[tuple[object, ...]] = [
        (delivery, feed, f"{item.table}.ndjson", line, item.key, end.bucket, end.reason, end.record)
        for delivery, item, line in placed
        for feed, end in item.verdicts.items()
    ]
    rows += [("main", *_of_route(record)) for record in dict.fromkeys(record for record, _, _ in truth.made)]
    write_table(folder / "rows.csv", ROWS, rows)
    counts = Counter((row[0], row[1], row[5]) for row in rows)
    write_table(folder / "summary.csv", ("delivery", "feed", "bucket", "count"), [(*key, n) for key, n in counts.items()])
    write_table(folder / "records.csv", ("delivery", "object", "record", "field", "value"), _records(placed, truth))
    write_table(folder / "cells.csv", ("delivery", "feed", "file", "line", "key", "column", "reason"), _cells(placed))
    write_table(folder / "findings.csv", ("file", "column", "kind", "count"), _findings(placed))
    write_table(
        folder / "changes.csv", ("record", "field", "old", "new"), [(c.record, c.field, c.old, c.new) for c in truth.changes]
    )
    decided = [*truth.decisions, *_duplicates(placed)]
    write_json(
        folder / "decisions.json",
        [{"delivery": d.delivery, "kind": d.kind, "subject": d.subject, "value": d.value, "why": d.why} for d in decided],
    )


def _of_route(record: str) -> tuple[str, str, str, str, str, str, str]:
    feed, _, name = record.partition("/")
    return feed, "route", name, name, "loaded", "", record


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file the same way every time."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    path.write_bytes(buffer.getvalue().encode())


def _records(placed: Sequence[tuple[str, Item, int]], truth: Truth) -> list[tuple[str, str, str, str, str]]:
    """The values that the records of the main delivery must hold; rows that share a record state different fields."""
    found = [("main", truth.objects[record.partition("/")[0]], record, name, value) for record, name, value in truth.made]
    for delivery, item, _ in placed:
        for feed, values in item.values.items():
            end = item.verdicts[feed]
            if delivery == "main" and end.bucket in ("loaded", "merged"):
                object_ = truth.objects[end.record.partition("/")[0]]
                found += [(delivery, object_, end.record, name, value) for name, value in values.items() if value]
    return found


def _cells(placed: Sequence[tuple[str, Item, int]]) -> list[tuple[object, ...]]:
    return [
        (delivery, feed, f"{item.table}.ndjson", line, item.key, column, reason)
        for delivery, item, line in placed
        for feed, column, reason in item.aside
        if item.verdicts[feed].bucket in ("loaded", "merged")
    ]


def _findings(placed: Sequence[tuple[str, Item, int]]) -> list[tuple[object, ...]]:
    counts = Counter(
        (f"{item.table}.ndjson", column, kind)
        for delivery, item, _ in placed
        if delivery == "main"
        for column, kind in item.dirt
    )
    return [(*key, counts[key]) for key in sorted(counts)]


def _duplicates(placed: Sequence[tuple[str, Item, int]]) -> list[Decision]:
    made = []
    for delivery, item, line in placed:
        for feed, record in item.twins.items():
            start = "" if delivery == "main" else f"{delivery}/"
            subject = f"{feed}/{item.key}@{start}{item.table}.ndjson:{line}"
            why = "the same, entered twice" if record else "easily taken for another one, and is not"
            made.append(Decision("duplicate", subject, {"into": record}, why, delivery=delivery))
    return made
