"""What a walk has loaded and read back, counted by the rows of the scope document."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from tests.coverage_rows import ROWS, row_of
from workbench.engagement import Engagement
from workbench.flow.documented import DOCUMENTED
from workbench.flow.transfer import in_order
from workbench.frames.select import ROW, filled
from workbench.specs import Feed

Finals = Mapping[str, pd.DataFrame]
"""Feed → where each of its rows ended."""

ENDS = ("loaded", "merged", "documented", "failed", "held", "rejected", "excluded")
"""Where a source row ends; of several ends in the feeds of one promise the first of these is told."""

PART: Mapping[str, tuple[str, str, str]] = {"RP8": ("sessions", "recurrence", "note")}
"""Row → feed, column and field: only source rows that say something in the column are its own."""


@dataclass(frozen=True)
class Count:
    """The figures of one row."""

    row: str
    source: int  # rows of the export
    loaded: int  # records of their own
    joined: int  # rows whose values stand on a record of another row, or that name a user
    documents: int  # rows that stand in a document of the hand-off
    aside: tuple[tuple[str, int], ...]  # reason → rows
    verified: int  # filled values that read back as they were staged, or stand in the document as they came


def counted(engagement: Engagement) -> tuple[Count, ...]:
    """Every row of the route, after production has run and the hand-off is written; an AssertionError where a value differs."""
    finals = {feed.name: engagement.load(f"final/{feed.name}").assign(feed=feed.name) for feed in engagement.route.feeds}
    values = _values(engagement, finals)
    return tuple(_count(engagement, finals, row.id, values.get(row.id, 0)) for row in ROWS[engagement.route.name])


def _count(engagement: Engagement, finals: Finals, row: str, values: int) -> Count:
    feeds = [feed for feed in engagement.route.feeds if row in feed.rows]
    ends = _ends(engagement, finals, row, feeds)
    buckets = ends["end"].value_counts()
    aside = ends.loc[~ends["end"].isin(ENDS[:3]), "reason"].value_counts()
    return Count(
        row=row,
        source=len(ends),
        loaded=int(buckets.get("loaded", 0)),
        joined=int(buckets.get("merged", 0)),
        documents=int(buckets.get("documented", 0)),
        aside=tuple(sorted((str(reason), int(n)) for reason, n in aside.items())),
        verified=values
        + (
            0
            if row in PART
            else sum(_in_document(engagement, finals[feed.name], feed) for feed in feeds if feed.kind == "document")
        ),
    )


def _ends(engagement: Engagement, finals: Finals, row: str, feeds: Sequence[Feed]) -> pd.DataFrame:
    """One line a source row: where it ended, with its reason and record."""
    found = pd.concat([finals[feed.name] for feed in feeds], ignore_index=True)
    found["end"] = found["bucket"].where(found["reason"] != DOCUMENTED, DOCUMENTED)
    found["rank"] = found["end"].map({name: place for place, name in enumerate(ENDS)})
    assert found["rank"].notna().all(), "a row ended in no bucket that is known"
    found = found[found["reason"] != "other_answer"]  # what another answer of the scope would bring is no row of this one
    best = found.sort_values(["rank", "row"], kind="stable").drop_duplicates("row")
    if row in PART:
        return best[best["row"].isin(_saying(engagement, row))]
    passed_by = best["reason"].isin({feed.otherwise for feed in feeds if feed.when is not None})
    return best[~(passed_by & best["row"].isin(_taken(finals)))]


def _taken(finals: Finals) -> set[str]:
    """Rows of the export that some feed takes; where another one passes them by, they are the other's business."""
    return {row for final in finals.values() for row in final.loc[final["bucket"] != "excluded", "row"]}


def _saying(engagement: Engagement, row: str) -> set[str]:
    name, column, _ = PART[row]
    table = engagement.load(f"tables/{engagement.route.feed(name).table}")
    return set(table.loc[filled(table[column]), ROW])


# ---------------------------------------------------------------- values


def _values(engagement: Engagement, finals: Finals) -> dict[str, int]:
    """Row → filled values that the read-back found as they were staged; differences that are declared do not count."""
    compared, differences = engagement.load("comparison"), engagement.load("differences")
    assert int(compared["wrong"].sum()) == 0
    differ = differences[(differences["class"] == "lossy") & (differences["expected"] != "")].groupby(["feed", "field"]).size()
    feeds = {feed.name: feed for feed in in_order(engagement)}
    found: dict[str, int] = {}
    for each in compared.to_dict("records"):
        row = row_of(engagement.route, feeds[each["feed"]], each["field"])
        good = int(each["filled"]) - int(differ.get((each["feed"], each["field"]), 0))
        if row in PART and each["field"] == PART[row][2]:
            good = len(_saying(engagement, row) & _loaded(finals[each["feed"]]))
        found[row] = found.get(row, 0) + good
    return found


def _loaded(final: pd.DataFrame) -> set[str]:
    return set(final.loc[final["bucket"] == "loaded", "row"])


def _in_document(engagement: Engagement, final: pd.DataFrame, feed: Feed) -> int:
    """Filled cells of the feed's rows that stand in the list that the customer gets, each compared with the export's."""
    rows = final.loc[final["reason"] == DOCUMENTED, "row"]
    if rows.empty:
        return 0
    path = engagement.root / "package" / "documents" / "inventory" / f"{feed.name}.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        told = list(csv.DictReader(stream))
    if feed.document == "count":
        assert sum(int(line["rows"]) for line in told) == len(rows)
        return len(told)
    table = engagement.load(f"tables/{feed.table}").set_index(ROW).loc[list(rows)]
    cells = [{name: str(row[name]) for name in told[0] if not pd.isna(row[name])} for _, row in table.iterrows()]
    assert [{name: text for name, text in line.items() if text} for line in told] == cells
    return sum(map(len, cells))
