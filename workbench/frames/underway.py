"""The rows of a table on their way to becoming records: which are still open, where the others ended, what was set aside."""

from __future__ import annotations

import pandas as pd

from workbench.frames.plan import FeedPlan, FieldPlan
from workbench.frames.select import by_row
from workbench.frames.staged import CELL_COLUMNS

__all__ = ["Underway"]


class Underway:
    """Where each row of a table stands. Every row begins in the bucket ``load`` and leaves it at most once."""

    def __init__(self, table: pd.DataFrame, plan: FeedPlan) -> None:
        self.table = by_row(table)
        self.plan = plan
        self.feed = plan.feed
        rows = self.table.index
        self.bucket = pd.Series("load", index=rows, dtype="str")
        self.reason = pd.Series(pd.NA, index=rows, dtype="str")
        self.record = pd.Series(pd.NA, index=rows, dtype="str")
        self.detail = pd.Series(pd.NA, index=rows, dtype="str")
        self.natural = pd.Series(pd.NA, index=rows, dtype="str")
        self._cells: list[pd.DataFrame] = []

    def open(self) -> pd.Series:
        """True for the rows that still are to become a record."""
        return self.bucket == "load"

    def end(self, rows: pd.Series, bucket: str, reason: str, *, record: pd.Series | None = None) -> None:
        """Put the rows that are still open into a bucket."""
        rows = rows.fillna(False).astype(bool) & self.open()
        if not rows.any():
            return
        self.bucket[rows], self.reason[rows] = bucket, reason
        if bucket in ("rejected", "held", "excluded"):
            self.record[rows] = pd.NA
        if record is not None:
            self.record[rows] = record[rows]

    def tell(self, rows: pd.Series, column: str, raw: pd.Series) -> None:
        """Say of rows that are still open what stands in the cell on which their fate hangs."""
        rows = rows & self.open()
        if not rows.any():
            return
        self.detail[rows] = column + " = " + raw[rows].fillna("").astype("str")

    def set_aside(self, plan: FieldPlan, raw: pd.Series, reasons: pd.Series, *, rows: pd.Series) -> None:
        """Note cells that come along in part, or not at all; those of rows that come nowhere are of no account."""
        rows = rows & ((self.bucket == "load") | (self.bucket == "merged"))
        if rows.any():
            self._cells.append(
                pd.DataFrame(
                    {
                        "feed": self.feed.name,
                        "column": plan.column,
                        "field": plan.field,
                        "row": self.table.index[rows],
                        "value": raw[rows].astype("str").to_numpy(),
                        "reason": reasons[rows].to_numpy(),
                    }
                )
            )

    def cells(self) -> pd.DataFrame:
        """What was set aside of the rows that are or belong to a record."""
        if not self._cells:
            return pd.DataFrame(columns=list(CELL_COLUMNS), dtype="object")
        cells = pd.concat(self._cells, ignore_index=True)
        gone = self.table.index[~self.bucket.isin(["load", "merged"])]
        return cells[~cells["row"].isin(gone)].reset_index(drop=True)

    def verdicts(self) -> pd.DataFrame:
        """Where every row ended: row, feed, natural, bucket, reason, record, detail."""
        frame = pd.DataFrame(
            {
                "row": self.table.index,
                "feed": self.feed.name,
                "natural": self.natural,
                "bucket": self.bucket,
                "reason": self.reason,
                "record": self.record,
                "detail": self.detail,
            }
        )
        return frame.reset_index(drop=True)
