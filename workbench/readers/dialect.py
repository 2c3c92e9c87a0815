"""Find out how a text export separates and quotes its cells."""

from __future__ import annotations

import csv
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from workbench.errors import EditError

__all__ = ["Dialect", "detect_dialect"]

FIELD_LIMIT = 4_000_000  # characters; a longer cell is an unclosed quote
LONG_LINE = 100_000
DELIMITERS = (",", ";", "\t", "|")
SNIFF = "SELECT Delimiter FROM sniff_csv(?, strict_mode = false, ignore_errors = true, sample_size = 5000)"


@dataclass(frozen=True)
class Dialect:
    """Separator, quote and escape characters (empty = none), and whether a blank follows each separator."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    space_after: bool = False

    def reader(self, lines: Iterable[str], *, strict: bool = False) -> Iterator[list[str]]:
        """A standard csv reader over physical lines."""
        # Notes outgrow the csv module's limit, which is one for the whole process: it is only ever raised.
        csv.field_size_limit(max(csv.field_size_limit(), FIELD_LIMIT))
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            escapechar=self.escape or None,
            skipinitialspace=self.space_after,
            strict=strict,
        )


def detect_dialect(lines: list[str], *, delimiter: str | None = None, quote: str | None = None) -> Dialect:
    """The dialect of the sampled lines; DuckDB's sniffer proposes, the widths of the records decide.

    A stated delimiter or quote is taken as it is; an empty quote means that nothing is quoted.
    """
    for name, value in (("delimiter", delimiter), ("quote", quote)):
        if (value is not None and len(value) > 1) or (value == "" and name == "delimiter"):
            raise EditError(
                f"The {name} must be one character.", expected="one character", found=repr(value), todo="correct the call"
            )
    lines = [line for line in lines if len(line) <= LONG_LINE]
    candidates = (delimiter,) if delimiter is not None else (*DELIMITERS, " ")
    choices = {d: Dialect(d, _quote(lines, d) if quote is None else quote) for d in candidates}
    chosen = _most_even(lines, choices, _sniff(lines)) if delimiter is None else choices[delimiter]
    chosen = _escaped(lines, chosen)
    return replace(chosen, space_after=_space_after(lines, chosen))


def _sniff(lines: list[str]) -> str:
    """The separator that DuckDB finds, empty where it finds none."""
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        sample = Path(folder) / "sample.csv"
        sample.write_text("".join(lines), encoding="utf-8", errors="replace", newline="")
        try:
            with duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False}) as connection:
                found = connection.execute(SNIFF, [str(sample)]).fetchone()
        except duckdb.Error:
            return ""
    return str(found[0] or "") if found is not None else ""


def _escaped(lines: list[str], dialect: Dialect) -> Dialect:
    """The dialect with a backslash as escape, where fewer quotes are broken with it than without it."""
    escaped = replace(dialect, escape="\\")
    doubtful = [line for line in lines if "\\" + dialect.quote in line] if dialect.quote else []
    if not doubtful:
        return dialect
    return escaped if _broken(doubtful, escaped) < _broken(doubtful, dialect) else dialect


def _broken(lines: list[str], dialect: Dialect) -> int:
    broken = 0
    for line in lines:
        try:
            next(dialect.reader([line], strict=True))
        except csv.Error:
            broken += 1
    return broken


def _quote(lines: list[str], delimiter: str) -> str:
    """The quote that both opens and closes cells; the double one unless the single one does so more often."""
    text = "".join(lines)
    edge = re.escape(delimiter)
    pairs = {}
    for mark in ('"', "'"):
        opens = len(re.findall(rf"(?:^|{edge}) ?{mark}", text, re.MULTILINE))
        closes = len(re.findall(rf"{mark}(?:\r?$|{edge})", text, re.MULTILINE))
        pairs[mark] = min(opens, closes)
    return "'" if pairs["'"] > pairs['"'] else '"'


def _most_even(lines: list[str], choices: dict[str, Dialect], sniffed: str) -> Dialect:
    """What DuckDB found, unless another separator cuts the records much more evenly."""
    scores = {d: _evenness(lines, dialect) for d, dialect in choices.items()}
    # A list of two-word names is as even as a table separated by blanks: a blank needs three even columns.
    width, share = scores[" "]
    if width < 3 or share < 0.98 or any(w > 1 and s >= 0.5 for d, (w, s) in scores.items() if d != " "):
        scores.pop(" ")
    weights = {d: share * (1 - 1 / width) for d, (width, share) in scores.items()}
    best = max(weights, key=weights.__getitem__)
    if weights[best] == 0:
        return choices[","]
    return choices[sniffed if weights.get(sniffed, 0) >= 0.8 * weights[best] else best]


def _evenness(lines: list[str], dialect: Dialect) -> tuple[int, float]:
    try:
        widths = Counter(len(cells) for cells in dialect.reader(lines[:1000]) if any(cells))
    except csv.Error:
        return 1, 0.0
    if not widths:
        return 1, 0.0
    wide = Counter({width: count for width, count in widths.items() if width > 1}) or widths
    width, count = max(wide.items(), key=lambda item: (item[1], item[0]))
    return width, count / widths.total()


def _space_after(lines: list[str], dialect: Dialect) -> bool:
    if dialect.delimiter == " ":
        return False
    tails = [cells[1:] for cells in dialect.reader(lines[:1000]) if len(cells) > 1]
    cells = [cell for tail in tails for cell in tail if cell]
    return bool(cells) and all(cell.startswith(" ") for cell in cells)
