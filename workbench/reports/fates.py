"""What became of each row of the export, told once: a list whose rows become several kinds of record is asked several times."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

__all__ = ["Fates", "fates_of", "repeated", "rows_of_export", "told_once"]

MADE_OF = r"(:\d+)![^!:]+$"
"""The end of the id of a row that was made of another: `notes.csv:3!image1` is a picture in line 3."""
OF_ROUTE = "route:"
"""How the ids begin of records that the route itself brings along, such as an account for those who have none."""
DOCUMENTED = "documented"
"""Reason of an excluded row that has its place all the same: in a document."""

HERE, OPEN = ("loaded", "merged"), ("rejected", "held", "failed")


@dataclass(frozen=True)
class Fates:
    """How many rows of an export went where, each row counted once."""

    rows: int
    moved: int  # stand in a record, as one of their own or as a part of another
    left: int  # became nothing by a rule, or stand in a document
    open: int  # of which anything was rejected, is held, or was refused


def fates_of(verdicts: pd.DataFrame) -> Fates:
    """Count the rows by what became of them, over all kinds of record; `verdicts` has row, feed, bucket and reason.

    A row of which anything is open counts as open, and one that stands in any record as moved.
    """
    named, buckets = rows_of_export(verdicts), verdicts["bucket"].astype("str")
    opened = set(named[buckets.isin(OPEN)].dropna())
    moved = set(named[buckets.isin(HERE)].dropna()) - opened
    rows = int(named.nunique())
    return Fates(rows=rows, moved=len(moved), left=rows - len(moved) - len(opened), open=len(opened))


def rows_of_export(verdicts: pd.DataFrame) -> pd.Series:
    """The row of the export behind each verdict; nothing behind one of a record that the route brings along."""
    named = verdicts["row"].astype("str").str.replace(MADE_OF, r"\1", regex=True)
    return named.where(~named.str.startswith(OF_ROUTE))


def told_once(rows: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    """The row accounting (feed, rows, the six buckets, closes) without what only repeats itself.

    An activity that is no call is excluded from the calls, and counts where it became a task; one that cannot be read is
    rejected by every kind of record, and counts for the first one. Of a row that no kind took, the first word counts.
    """
    again = verdicts[repeated(verdicts)]
    made = rows.copy()
    for bucket in ("excluded", "rejected"):
        fewer = again.loc[again["bucket"] == bucket, "feed"].value_counts()
        less = made["feed"].map(fewer).fillna(0).astype("int64")
        made = made.assign(**{name: made[name] - less for name in ("rows", bucket)})
    return made


def repeated(verdicts: pd.DataFrame) -> pd.Series:
    """True for verdicts beside which another one says all there is to say of the row."""
    row, bucket, reason = (verdicts[name].astype("str") for name in ("row", "bucket", "reason"))
    nothing = (bucket == "excluded") & (reason != DOCUMENTED)
    spoken = row.isin(set(row[~nothing]))
    again = pd.DataFrame({"row": row, "bucket": bucket, "nothing": nothing}).duplicated(["row", "nothing"])
    unread = pd.DataFrame({"row": row, "bucket": bucket, "reason": reason}).duplicated()
    return (nothing & (spoken | again)) | ((bucket == "rejected") & unread)
