"""What a delta says and what it brought, as a person reads it: records by their names, lists by their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from workbench.plain import Shown
from workbench.reports.differences import record_called
from workbench.show import bars, escape, heading, html_table, labelled, together

__all__ = ["BUCKETS", "EDITS", "Called", "Cutover", "Difference", "no_rows"]

VERDICTS = {
    "take": "follows the export",
    "keep": "stays as it is over there",
    "same": "both say the same",
    "conflict": "changed on both sides",
}
SIDES = {"base": "as loaded", "theirs": "in the export now", "ours": "over there now", "verdict": "so it"}
GONE = "No longer in the export: the records stay, and somebody has to say what becomes of them"
EDITS = ["feed", "key", "field"]
CERTIFIED = "Ledger and destination, record by record"
EDITED_SINCE = "Edited over there since they were compared, and left alone"
BUCKETS = ("loaded", "merged", "excluded", "rejected", "held", "failed")


@dataclass(frozen=True)
class Called:
    """How people call what the frames name by a code; what is not known here keeps its code."""

    feeds: Mapping[str, str] = field(default_factory=dict)
    objects: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[tuple[str, str], str] = field(default_factory=dict)  # feed and field → label
    records: Mapping[str, str] = field(default_factory=dict)  # key over there → name

    def told(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A frame of feed, key and whatever else, as what, record, field and the rest."""
        pairs = list(zip(frame["feed"].astype("str"), frame["key"].astype("str"), strict=True))
        names = frame["name"].astype("str") if "name" in frame else [self.records.get(key, "") for _, key in pairs]
        records = [record_called(key, name) for (_, key), name in zip(pairs, names, strict=True)]
        made = frame.assign(key=records).drop(columns=["name"], errors="ignore").rename(columns={"key": "record"})
        if "field" in made:
            fields = zip(frame["feed"].astype("str"), frame["field"].astype("str"), strict=True)
            made["field"] = [self.fields.get(pair, pair[1]) for pair in fields]
        return labelled(made[["feed", *[column for column in made.columns if column != "feed"]]], self.feeds)


@dataclass(frozen=True, repr=False)
class Difference(Shown):
    """What the last export says otherwise than what was loaded."""

    frame: pd.DataFrame  # feed, key, field, base, theirs, ours, verdict
    records: pd.DataFrame  # feed, new, changed, gone
    gone: pd.DataFrame = field(default_factory=lambda: no_rows())
    partial: tuple[str, ...] = ()  # tables of which only what is new was delivered
    called: Called = field(default_factory=Called)

    def _repr_html_(self) -> str:
        conflicts = int((self.frame["verdict"] == "conflict").sum())
        said = f"{conflicts} fields changed on both sides" if conflicts else "no field changed on both sides"
        records, others = _moved(labelled(self.records, self.called.feeds))
        gone = _gone_table(self.called.told(self.gone), self.partial)
        if self.frame.empty:
            return together(
                heading(said, good=True), html_table(records, caption=f"Records{others}") if len(self.records) else "", gone
            )
        words = self.frame["verdict"].map(VERDICTS).fillna(self.frame["verdict"])
        shown = self.called.told(self.frame.assign(verdict=words)).rename(columns=SIDES)
        order = (self.frame["verdict"] != "conflict").sort_values(kind="stable").index
        return together(
            heading(said, good=not conflicts),
            html_table(records, caption=f"Records, against what was loaded{others}"),
            html_table(shown.loc[order], caption="Changed fields"),
            gone,
        )


@dataclass(frozen=True, repr=False)
class Cutover(Shown):
    """What the delta brought."""

    frame: pd.DataFrame  # feed, new, changed (records), fields, refused, edited since they were decided, gone from the export
    accounting: pd.DataFrame  # feed, rows, loaded, merged, excluded, rejected, held, failed, closes: rows of the delta's files
    passed: bool
    gone: pd.DataFrame = field(default_factory=lambda: no_rows())
    partial: tuple[str, ...] = ()  # tables of which only what is new was delivered, so that nothing can be missing
    edits: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=EDITS, dtype="str"))  # the fields left alone
    certificate: pd.DataFrame = field(default_factory=pd.DataFrame)  # object, told, holds: ledger and destination afterwards
    called: Called = field(default_factory=Called)

    def _repr_html_(self) -> str:
        said = "the delta is in, and final" if self.passed else "the delta is not closed"
        if self.frame.empty:
            return heading("no delta was delivered; nothing changes", good=self.passed)
        feeds, certificate = self.called.feeds, self.certificate
        if len(certificate):
            certificate = labelled(certificate, self.called.objects, column="object")
        brought, others = _moved(labelled(self.frame, feeds))
        rows = labelled(self.accounting[self.accounting["rows"] > 0], feeds)
        return together(
            heading(said, good=self.passed),
            html_table(brought, caption=f"What was brought over{others}"),
            html_table(self.called.told(self.edits), caption=EDITED_SINCE) if len(self.edits) else "",
            bars(rows, label="what", parts=BUCKETS, caption="Rows of the delta", closes="closes"),
            html_table(certificate, caption=CERTIFIED) if len(certificate) else "",
            _gone_table(self.called.told(self.gone), self.partial),
        )


def _moved(counts: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The lists of which anything is counted, and how many others there are, for a caption."""
    moved = counts[counts.drop(columns=["what"]).astype("int64").any(axis="columns")]
    still = len(counts) - len(moved)
    return moved, f"; nothing in {still} other list{'s' if still != 1 else ''}" if still else ""


def no_rows() -> pd.DataFrame:
    """Records whose row is gone, of which there are none: feed, key, name, row."""
    return pd.DataFrame(columns=["feed", "key", "name", "row"], dtype="str")


def _gone_table(gone: pd.DataFrame, partial: Sequence[str]) -> str:
    """The rows that the last export does not bring any more, and of which tables that cannot be told."""
    listed = html_table(gone, caption=GONE, first=20) if len(gone) else ""
    only_new = f"Only what is new came of {', '.join(partial)}: nothing can be missing there." if partial else ""
    return listed + (f'<p class="wb wb-note">{escape(only_new)}</p>' if only_new else "")
