"""The reconciliation report: where every row went, what a read-back found, and every difference there is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from workbench.reports.closures import closing, losing, sums, telling
from workbench.reports.differences import UNEXPLAINED, grouped, unexplained
from workbench.reports.fates import Fates, fates_of, repeated, rows_of_export, told_once
from workbench.reports.pages import About, plain_text, table_of, write_page
from workbench.reports.pictures import BUCKETS, field_bars, flow_of, row_bars, runs_of
from workbench.reports.reasons import explained, reason
from workbench.reports.workbooks import Sheet, write_workbook

__all__ = ["BUCKETS", "Reconciliation", "SecondPass", "located", "render_reconciliation"]

OPEN = ("rejected", "held", "failed")
FIRST_FEW = 3
"""Rows of one kind that the summary names; the workbook has all of them."""

ABOUT_BUCKETS: Mapping[str, str] = {
    "rejected": "These rows could not become records as they are.",
    "held": "These rows wait for a decision; nothing was sent for them.",
    "failed": "The destination refused these records, in the words beside them.",
}
ROW_TITLES = {
    "label": "what",
    "rows": "rows",
    "loaded": "loaded",
    "merged": "merged",
    "excluded": "excluded",
    "rejected": "rejected",
    "held": "held",
    "failed": "failed",
    "closes": "adds up",
}
OPEN_TITLES = {
    "what": "what",
    "feed": "what",
    "file": "file",
    "line": "line",
    "words": "reason",
    "detail": "value or answer",
    "todo": "what to do",
}
VERDICT_TITLES = {**OPEN_TITLES, "bucket": "ended", "record": "record"}
DIFFERENCE_TITLES = {
    "object": "what",
    "key": "record",
    "field": "field",
    "expected": "sent",
    "actual": "found",
    "class": "difference",
    "reason": "reason",
}
ATTENTION_TITLES = {
    "what": "what",
    "rows": "rows",
    "bucket": "ended",
    "words": "reason",
    "todo": "what to do",
    "first": "where, for example",
}
WHY_TITLES = {"what": "what", "bucket": "ended", "words": "reason", "rows": "rows"}
EXPLAINED_TITLES = {
    "object": "what",
    "field": "field",
    "difference": "difference",
    "reason": "reason",
    "values": "values",
    "sent": "sent, for example",
    "found": "found",
}
LINK_TITLES = {
    "object": "what",
    "field": "link",
    "expected": "expected",
    "found": "found",
    "missing": "missing",
    "surplus": "too many",
    "adds up": "adds up",
}
MONEY_TITLES = {
    "object": "what",
    "field": "sum of",
    "currency": "currency",
    "records": "records",
    "expected": "sent",
    "actual": "found",
    "difference": "difference",
    "unreadable": "unreadable",
    "later": "changed later, not in it",
    "adds up": "adds up",
}
GONE_TITLES = {"feed": "what", "key": "record", "name": "name", "file": "file", "line": "line"}
ASIDE_TITLES = {
    "what": "what",
    "column": "column",
    "field": "field",
    "file": "file",
    "line": "line",
    "value": "value in the export",
    "words": "reason",
    "todo": "what to do",
}


@dataclass(frozen=True)
class SecondPass:
    """What a second run would do: nothing, when the first one did everything."""

    records: int
    would_create: int
    would_change: int
    writes: int  # calls that would have changed something, as the destination's log counts them

    @property
    def good(self) -> bool:
        """True where running again creates and changes nothing."""
        return not (self.would_create or self.would_change or self.writes)


@dataclass(frozen=True)
class Reconciliation:
    """What the report tells; frames as `frames.closure` and `frames.compare` give them, with `object` or `feed` added."""

    about: About
    rows: pd.DataFrame  # feed, rows, the six buckets, closes
    verdicts: pd.DataFrame  # row, feed, bucket, reason, record, detail
    compared: pd.DataFrame  # object, field, cells, filled, equal, intended, lossy, wrong
    differences: pd.DataFrame  # object, key, field, expected, actual, class, reason
    links: pd.DataFrame = field(default_factory=pd.DataFrame)  # object, field, expected, found, missing, surplus, closes
    cells: pd.DataFrame = field(default_factory=pd.DataFrame)  # feed and the columns of cell_closure
    money: pd.DataFrame = field(default_factory=pd.DataFrame)  # object, field and the columns of money_closure
    aside: pd.DataFrame = field(default_factory=pd.DataFrame)  # feed, column, field, row, value, reason
    second_pass: SecondPass | None = None
    gone: pd.DataFrame = field(default_factory=pd.DataFrame)  # feed, key, name, row: no longer in the last export
    labels: Mapping[str, str] = field(default_factory=dict)  # feed → how the customer calls it
    fields: Mapping[tuple[str, str], str] = field(default_factory=dict)  # feed and field → how the destination shows it
    runs: pd.DataFrame = field(default_factory=pd.DataFrame)  # run, phase, object, created, updated, begun, ended

    @property
    def statements(self) -> tuple[tuple[bool, str], ...]:
        """Each thing that has to be true, whether it is, in a sentence."""
        unexplained = int(self.differences["class"].isin(UNEXPLAINED).sum()) if len(self.differences) else 0
        read = (
            f"{plain_text(int(self.compared['cells'].sum()))} values were read back from {self.about.destination} and compared"
        )
        made = [
            _closes(self.rows, self._every_row(), "Rows are unaccounted for"),
            (
                not unexplained,
                f"{read}; {plain_text(unexplained) if unexplained else 'no'} unexplained difference{'s' * (unexplained != 1)}",
            ),
            _closes(self.links, "Every link between records is there", "Links between records are missing or too many"),
            _closes(self.cells, "Every filled cell of the export is accounted for", "Filled cells are unaccounted for"),
            _closes(self.money, "Sums of money agree to the cent", "Sums of money differ"),
        ]
        if self.second_pass is not None:
            said = "A second run would create nothing and change nothing"
            made.append((self.second_pass.good, said if self.second_pass.good else "A second run would still write"))
        return tuple(each for each in made if each is not None)

    @property
    def delivered(self) -> int:
        """Rows of the export. A row that gives two kinds of record, or a picture beside its note, is one row."""
        return int(rows_of_export(self.verdicts).nunique()) if len(self.verdicts) else int(self.rows["rows"].sum())

    @property
    def told(self) -> pd.DataFrame:
        """The row accounting without what only repeats itself: a row stands under the kinds of record that it gives."""
        return told_once(self.rows, self.verdicts) if len(self.verdicts) else self.rows

    @property
    def fates(self) -> Fates:
        """The rows of the export by what became of them, each counted once."""
        return fates_of(self.verdicts)

    def _every_row(self) -> str:
        counted = int(self.told["rows"].sum())
        said = f"All {plain_text(self.delivered)} rows of the export ended in exactly one place"
        more = "" if counted == self.delivered else f" for each kind of record they give, {plain_text(counted)} in all"
        return said + more

    @property
    def good(self) -> bool:
        """True where every statement is."""
        return all(good for good, _ in self.statements)


def render_reconciliation(inputs: Reconciliation, folder: Path) -> list[Path]:
    """Write reconciliation.html, which a person reads, and reconciliation.xlsx, which holds every row of it."""
    verdicts = located(explained(inputs.verdicts))
    aside = located(explained(inputs.aside)) if len(inputs.aside) else pd.DataFrame()
    page = write_page(
        folder / "reconciliation.html",
        "reconciliation.html.j2",
        about=inputs.about,
        title="Reconciliation report",
        values=_values(inputs, verdicts, aside),
    )
    return [
        page,
        write_workbook(folder / "reconciliation.xlsx", _sheets(inputs, verdicts, aside), title="Reconciliation report"),
    ]


def _values(inputs: Reconciliation, verdicts: pd.DataFrame, aside: pd.DataFrame) -> Mapping[str, object]:
    """What the page shows, feeds and fields by the names that people know."""
    differences, cells = inputs.differences, closing(inputs.cells)
    compared = _named(inputs, inputs.compared)
    told = verdicts[~repeated(verdicts)]
    opened = {name: _named(inputs, told[told["bucket"] == name]) for name in OPEN}
    return {
        "statements": inputs.statements,
        "good": inputs.good,
        "flow": flow_of(inputs.told, inputs.labels),
        "rows": row_bars(inputs.told[inputs.told["rows"] > 0], inputs.labels),
        "buckets": BUCKETS,
        "why": table_of(_named(inputs, _why(inputs.verdicts)), titles=WHY_TITLES),
        "attention": table_of(_named(inputs, _attention(verdicts)), titles=ATTENTION_TITLES),
        "compared": field_bars(_by_object(compared).assign(field="")),
        "fields": field_bars(compared),
        "unexplained": table_of(_named(inputs, unexplained(differences)), titles=DIFFERENCE_TITLES, limit=200),
        "explained": table_of(_named(inputs, grouped(differences)), titles=EXPLAINED_TITLES),
        "links": table_of(_named(inputs, closing(inputs.links)), titles=LINK_TITLES),
        "cells": table_of(_named(inputs, telling(cells)), limit=400),
        "lost": table_of(_named(inputs, telling(closing(losing(inputs.cells)))), limit=400),
        "money": table_of(_named(inputs, sums(inputs.money)), titles=MONEY_TITLES),
        "later_sums": int(inputs.money.drop_duplicates("object")["later"].sum()) if "later" in inputs.money else 0,
        "open": [(name, ABOUT_BUCKETS[name], table_of(opened[name], titles=OPEN_TITLES, limit=25)) for name in OPEN],
        "aside": table_of(_named(inputs, _aside(aside))),
        "second": inputs.second_pass,
        "gone": table_of(_gone(inputs), titles=GONE_TITLES, limit=200),
        "runs": runs_of(inputs.runs),
    }


def _named(inputs: Reconciliation, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its feeds and fields as people call them; a name that is not known stays as it is."""
    place = next((name for name in ("feed", "object", "what") if name in frame.columns), "")
    if not place:
        return frame
    feeds = frame[place].astype("str")
    made = frame.assign(**{place: [inputs.labels.get(feed, feed) for feed in feeds]})
    if "detail" in frame.columns:
        made["detail"] = [re.sub(r" = $", " is empty", plain_text(said)) for said in frame["detail"]]
    if "field" in frame.columns:
        made["field"] = [_field(inputs, feed, plain_text(name)) for feed, name in zip(feeds, frame["field"], strict=True)]
    return made.rename(columns={place: "what"}) if place != "object" else made


def _field(inputs: Reconciliation, feed: str, name: str) -> str:
    """The label of a field, or of each where a column fills several."""
    return ", ".join(inputs.fields.get((feed, each), each) for each in name.split(", "))


def _gone(inputs: Reconciliation) -> pd.DataFrame:
    """Records that stay though their row is not in the last export any more, with the place of that row."""
    if inputs.gone.empty:
        return pd.DataFrame()
    named = inputs.gone.assign(feed=inputs.gone["feed"].map(lambda name: inputs.labels.get(name, name)))
    return located(named)[list(GONE_TITLES)]


def located(frame: pd.DataFrame, *, row: str = "row") -> pd.DataFrame:
    """The frame with columns `file` and `line` from its row ids, such as `customers.csv:88`, or `notes.csv:3!image1`."""
    parts = frame[row].astype("str").str.rsplit(":", n=1)
    line = pd.to_numeric(parts.str[-1].str.partition("!")[0], errors="coerce").astype("Int64")
    return frame.assign(file=parts.str[0], line=line)


def _closes(frame: pd.DataFrame, good: str, bad: str) -> tuple[bool, str] | None:
    """A statement on a closure; None where the closure was not made."""
    if frame.empty:
        return None
    closes = bool(frame["closes"].all())
    return closes, good if closes else bad


def _attention(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Rows of which something is open, by feed, bucket and reason: how many, what to do, and the places of the first few."""
    rest = verdicts[verdicts["bucket"].isin(OPEN) & ~repeated(verdicts)]
    place = [
        f"{file}, line {line}" if pd.notna(line) else f"{file}" for file, line in zip(rest["file"], rest["line"], strict=True)
    ]
    grouped = rest.assign(place=place).groupby(["feed", "bucket", "words", "todo"], sort=False)
    made = grouped.agg(rows=("row", "size"), first=("place", _first_few)).reset_index()
    return made.sort_values("rows", ascending=False, kind="stable")


def _first_few(places: pd.Series) -> str:
    return "; ".join(places[:FIRST_FEW]) + ("; …" if len(places) > FIRST_FEW else "")


def _why(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Rows that went no further by a rule, or into another record, counted by feed, bucket and reason."""
    rest = verdicts[verdicts["bucket"].isin(["merged", "excluded"]) & ~repeated(verdicts)]
    counts = rest.groupby(["feed", "bucket", "reason"], sort=False, dropna=False).size().reset_index(name="rows")
    return counts.assign(words=[reason(code).words for code in counts["reason"]])


def _by_object(compared: pd.DataFrame) -> pd.DataFrame:
    numbers = ["cells", "filled", "equal", "intended", "lossy", "wrong"]
    return compared.groupby("object", sort=False)[numbers].sum().reset_index()


def _aside(aside: pd.DataFrame) -> pd.DataFrame:
    if aside.empty:
        return aside
    grouped = aside.groupby(["feed", "column", "words"], sort=False)
    return (
        grouped.agg(values=("row", "size"), example=("value", "first"))
        .reset_index()
        .rename(columns={"feed": "what", "words": "reason"})
    )


def _sheets(inputs: Reconciliation, verdicts: pd.DataFrame, aside: pd.DataFrame) -> Sequence[Sheet]:
    said = pd.DataFrame([["yes" if good else "NO", text] for good, text in inputs.statements], columns=["holds", "statement"])
    rows = inputs.rows.assign(label=[inputs.labels.get(feed, feed) for feed in inputs.rows["feed"]])
    loaded, verdicts = verdicts["bucket"] == "loaded", _named(inputs, verdicts)
    made = [
        Sheet("Summary", said, about="What has to be true of this migration, and whether it is.", wide=("statement",)),
        Sheet(
            "Rows",
            rows,
            about="Every list under every kind of record that it may give, by where its rows ended.",
            titles=ROW_TITLES,
        ),
        Sheet(
            "Not loaded",
            verdicts[~loaded],
            about="Every row that is no record of its own.",
            titles=VERDICT_TITLES,
            wide=("words", "todo"),
        ),
        Sheet(
            "Loaded",
            verdicts[loaded],
            about="Every row that became a record.",
            titles={"what": "what", "file": "file", "line": "line", "record": "record"},
        ),
        *_value_sheets(inputs, aside),
    ]
    if len(inputs.gone):
        about = "Records that stay though the last export does not bring their row any more."
        made.append(Sheet("Gone from the export", _gone(inputs), about=about, titles=GONE_TITLES))
    if inputs.second_pass is not None:
        again = inputs.second_pass
        proof = pd.DataFrame(
            [[again.records, again.would_create, again.would_change, again.writes]],
            columns=["records", "would create", "would change", "writes"],
        )
        made.append(Sheet("Second run", proof, about="What running the load again would do."))
    return made


def _value_sheets(inputs: Reconciliation, aside: pd.DataFrame) -> Sequence[Sheet]:
    """The sheets on values: what is over there, links, cells and sums, and what was set aside."""
    return [
        Sheet("Read back", _named(inputs, inputs.compared), about="Values that were sent, compared with what is there."),
        Sheet(
            "Differences",
            _named(inputs, inputs.differences),
            about="Every single difference.",
            titles=DIFFERENCE_TITLES,
            wide=("expected", "actual"),
        ),
        Sheet("Links", _named(inputs, closing(inputs.links)), about="Links between records.", titles=LINK_TITLES),
        Sheet("Filled cells", _named(inputs, closing(inputs.cells)), about="What became of every filled cell, per column."),
        Sheet("Money", _named(inputs, sums(inputs.money)), about="Sums of money, exactly, on both sides.", titles=MONEY_TITLES),
        Sheet(
            "Set aside",
            _named(inputs, aside),
            about="Values that came along in part, or not at all.",
            titles=ASIDE_TITLES,
            wide=("value", "words", "todo"),
        ),
    ]
