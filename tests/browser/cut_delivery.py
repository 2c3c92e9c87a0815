"""A few dozen rows of the Promio sample, main delivery and delta, with a cover letter that says how many there are."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from lab import SAMPLE

__all__ = ["cut"]

HEADERS = {"calls.csv": 3}  # lines before the one with the columns
FIRST = {"main/leads.csv": 16, "main/customers.csv": 16, "main/calls.csv": 16, "main/reputation.csv": 8}
LAST = {"delta/leads.csv": 2, "delta/calls.csv": 3}
"""Rows that are kept of each file; of the later customers those whose numbers the first delivery has, and the two new ones."""
TWIN = b"01066"
"""Of a customer who is among the first ones already."""
COUNTED = re.compile(r"(?m)^(?P<file>[a-z_]+\.csv): [\d,]+ rows(?P<rest>.*)$")


def cut(into: Path) -> Path:
    """Write the shortened deliveries into a folder, beside the request; what is no CSV comes along whole."""
    for delivery in ("main", "delta"):
        shutil.copytree(SAMPLE / delivery, into / delivery)
        counts = {path.name: _shortened(path, into / "main") for path in sorted((into / delivery).glob("*.csv"))}
        letter = into / delivery / "cover_letter.txt"
        told = letter.read_text(encoding="utf-8")
        letter.write_text(COUNTED.sub(_recount(counts), told), encoding="utf-8")
    shutil.copy(SAMPLE / "request.json", into)
    return into


def _recount(counts: dict[str, int]) -> Callable[[re.Match[str]], str]:
    return lambda said: f"{said['file']}: {counts[said['file']]} rows{said['rest']}"


def _shortened(path: Path, first: Path) -> int:
    """Keep the rows of one file that are asked for, byte for byte; how many rows it has then."""
    name = f"{path.parent.name}/{path.name}"
    lines = _records(path.read_bytes())
    head = HEADERS.get(path.name, 0) + 1
    if name == "delta/customers.csv":
        known = {_number(line) for line in _records((first / "customers.csv").read_bytes())[1:]}
        lines = [line for n, line in enumerate(lines) if n < head or _number(line) in known or n >= len(lines) - 2]
    elif name in FIRST:
        twins = [line for line in lines[head + FIRST[name] : -1] if _number(line) == TWIN]
        lines = [*lines[: head + FIRST[name]], *twins, lines[-1]]
    elif name in LAST:
        lines = [*lines[:head], *lines[-LAST[name] :]]
    path.write_bytes(b"".join(lines))
    return len(lines) - head


def _records(text: bytes) -> list[bytes]:
    """Lines of a CSV file, those that stand in quotes together."""
    records: list[bytes] = []
    whole = b""
    for line in text.splitlines(keepends=True):
        whole += line
        if whole.count(b'"') % 2 == 0:
            records.append(whole)
            whole = b""
    return records


def _number(line: bytes) -> bytes:
    return line.split(b",", 1)[0].removeprefix(b"C-")
