"""What an extraction has brought, against what the source itself counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.extraction.contract import Listed
from workbench.extraction.shelf import Entry, Shelf
from workbench.extraction.tables import Table
from workbench.extraction.walking import pages_of
from workbench.plain import Shown
from workbench.show import heading, html_table, together

__all__ = ["Extraction", "result_of"]

COLUMNS = (
    "object",
    "pages",
    "rows",
    "counted_before",
    "counted_after",
    "distinct",
    "repeated",
    "late",
    "quarantined",
    "seconds",
    "closes",
    "problem",
)


@dataclass(frozen=True, repr=False)
class Extraction(Shown):
    """A delivery that was read from the source's own API.

    `frame` has one row an object: object, pages, rows (as they came), counted_before and after (by the source), distinct,
    repeated, late, quarantined, seconds (of all workers together), closes, problem. An object closes where its distinct
    and its quarantined rows are as many as the source counts; where it counts nothing, that stays empty.
    """

    frame: pd.DataFrame
    quarantine: pd.DataFrame  # object, key, reason, page
    files: pd.DataFrame  # id, object, name, path, bytes, stated_bytes, sha256, content_type, problem
    calls: int  # of this run
    seconds: float  # of this run

    @property
    def good(self) -> bool:
        """Whether every object that the source counts closes, and none has a problem."""
        return not (self.frame["closes"].eq(False) | self.frame["problem"].ne("")).any()

    def _repr_html_(self) -> str:
        uncounted = int(self.frame["closes"].isna().sum())
        rows, aside = int(self.frame["distinct"].sum()), int(self.frame["quarantined"].sum())
        said = f"{rows:,} rows of {len(self.frame)} objects, {aside:,} set aside"
        said += "" if self.good else f"; {self._open()} do not add up"
        said += f"; {uncounted} are not counted by the source, so nothing proves that they are whole" if uncounted else ""
        counted = html_table(self.frame, caption="What came, and what the source counts")
        pieces = [heading(said, good=self.good and not uncounted), counted]
        if len(self.quarantine):
            pieces.append(html_table(self.quarantine, caption="Set aside: these rows could not be read", limit=200))
        wrong = self.files[self.files["problem"] != ""]
        if len(self.files):
            pieces.append(html_table(wrong, caption=f"Files: {len(self.files):,}, of which these are not as they should be"))
        return together(*pieces)

    def _open(self) -> int:
        return int((self.frame["closes"].eq(False) | self.frame["problem"].ne("")).sum())


def result_of(
    shelf: Shelf, objects: Sequence[Listed], tables: Sequence[Table], files: Sequence[Entry], *, calls: int, seconds: float
) -> Extraction:
    """Lay the tables beside the counts."""
    rows = [_row(shelf, listed, table) for listed, table in zip(objects, tables, strict=True)]
    aside = [[row.object, row.key, row.reason, row.place] for table in tables for row in table.quarantined]
    fetched = [{**entry.detail, "sha256": entry.sha256, "bytes": entry.size} for entry in files]
    names = ["id", "object", "name", "path", "bytes", "stated_bytes", "sha256", "content_type", "problem"]
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(
        {"counted_before": "Int64", "counted_after": "Int64", "closes": "boolean", "problem": "str"}
    )
    quarantine = pd.DataFrame(aside, columns=["object", "key", "reason", "page"], dtype="str")
    return Extraction(frame, quarantine, pd.DataFrame(fetched, columns=names), calls, round(seconds, 3))


def _row(shelf: Shelf, listed: Listed, table: Table) -> list[object]:
    counts = [entry.detail["rows"] for entry in shelf.entries("count", listed.name)]
    done = shelf.entries("done", listed.name)[-1].detail
    before, after = (counts[0], counts[-1]) if counts else (None, None)
    told = after if after is not None else done["told"]
    aside = len(table.quarantined)
    came = table.distinct + aside
    moved = before is not None and after is not None and min(before, after) <= came <= max(before, after)
    closes = None if told is None else came == told or moved
    return [
        listed.name,
        len(pages_of(shelf, listed.name)),
        table.rows,
        before if before is not None else done["told"],
        after,
        table.distinct,
        table.repeated,
        table.late,
        aside,
        done["seconds"],
        closes,
        "; ".join(filter(None, (done["problem"], _doubt(table), "" if told in (None, came) else _gap(came, told, moved)))),
    ]


def _doubt(table: Table) -> str:
    said = [f"only asterisks in {', '.join(table.masked)}: whoever signs in may not see it"] if table.masked else []
    if table.changed:
        said.append(f"{table.changed} came twice with other values, of which the last are kept")
    return "; ".join(said)


def _gap(came: int, told: int, moved: bool) -> str:
    why = ": rows were added or removed while it was read, which the next delivery brings" if moved else ""
    return f"{came:,} came of {told:,}{why}"
