"""Rows that end in a document instead of the destination: listed, counted, or told so that somebody can rebuild them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.engagement import Engagement
from workbench.frames.select import PAGE, ROW
from workbench.reports.reasons import reason
from workbench.specs import Feed

__all__ = ["DOCUMENTED", "Documented", "documented", "files_left", "readable"]

DOCUMENTED = "documented"
"""Reason of a row whose place is a document."""

LEFT = ("excluded", "rejected", "held", "failed")
FILE_COLUMNS = ("file_name", "bytes", "sha256", "file")
OF_FILES = r"file_|image_"
"""How the reasons begin that speak of the file itself."""


@dataclass(frozen=True)
class Documented:
    """The rows of one feed that end in a document; `frame` has the row id first, then the columns as they came."""

    feed: str
    kind: str  # what one of them is, in small letters
    way: str  # list, count or rebuild
    frame: pd.DataFrame

    def listed(self) -> pd.DataFrame:
        """The rows as they came, without the names under which we keep them and their pages."""
        return self.frame.drop(columns=[ROW, PAGE], errors="ignore")

    def shown(self) -> pd.DataFrame:
        """The rows as a person reads them: nested values in words, and no row ids."""
        return readable(self.listed())


def documented(engagement: Engagement) -> tuple[Documented, ...]:
    """Every feed of the route that ends in a document, with the rows that do; of several deliveries the last word on a row."""
    found = []
    for feed in engagement.route.feeds:
        if feed.kind == "document":
            frame = _counted(_rows(engagement, feed), feed) if feed.document == "count" else _rows(engagement, feed)
            found.append(Documented(feed.name, _kind(feed), feed.document, frame))
    return tuple(each for each in found if len(each.frame))


def files_left(engagement: Engagement) -> pd.DataFrame:
    """Files and pictures that are not uploaded: row, kind, name, size, digest, where it lies, and why it stays."""
    derived = {made.name: made for made in engagement.route.derived}
    parts = []
    for feed in engagement.route.feeds:
        for delivery in _delivered(engagement, feed) if feed.table in derived and feed.kind == "record" else ():
            settled = _settled(engagement, feed, delivery)
            left = settled[settled["bucket"].isin(LEFT) & settled["reason"].astype("str").str.match(OF_FILES)]
            key = engagement.source.tables[derived[feed.table].table].key
            rows = engagement.load(f"tables/{feed.table}", delivery=delivery).set_index(ROW)
            named = rows.reindex(left["row"])[[name for name in (*key, *FILE_COLUMNS) if name in rows]].reset_index(names="row")
            parts.append(named.assign(kind=_kind(feed), why=[reason(code).words for code in left["reason"]]))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["row", "kind", "why"])


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns such as `trigger.event` and `trigger.delay_hours` as one, and lists of the export in words."""
    columns = [str(name) for name in frame.columns]
    roots = list(dict.fromkeys(name.partition(".")[0] for name in columns))
    return pd.DataFrame({root: _told(frame, root, columns) for root in roots}, index=frame.index, dtype="object")


# ---------------------------------------------------------------- rows


def _rows(engagement: Engagement, feed: Feed) -> pd.DataFrame:
    """The rows as they came; of what a later delivery names again only its word counts."""
    rows = pd.DataFrame({ROW: []})
    key = list(engagement.route.table(engagement.source, feed.table).key)
    for delivery in _delivered(engagement, feed):
        table = engagement.load(f"tables/{feed.table}", delivery=delivery)
        settled = _settled(engagement, feed, delivery)
        came = table[table[ROW].isin(settled.loc[settled["reason"] == DOCUMENTED, "row"])]
        rows = pd.concat([rows[~_named(rows, key, by=came)], came], ignore_index=True) if len(rows) else came
    if feed.table in {made.name for made in engagement.route.derived}:  # beside the file stands the text that named it
        return rows[[ROW, *(name for name in FILE_COLUMNS if name in rows)]]
    return rows


def _named(rows: pd.DataFrame, key: Sequence[str], *, by: pd.DataFrame) -> pd.Series:
    """Which rows other rows name again; a row without a whole key is named by nobody."""
    mine, theirs = (pd.MultiIndex.from_frame(each.reindex(columns=list(key))) for each in (rows, by))
    return pd.Series(mine.isin(theirs), index=rows.index) & rows.reindex(columns=list(key)).notna().all(axis=1)


def _counted(rows: pd.DataFrame, feed: Feed) -> pd.DataFrame:
    """How many rows say the same in the columns by which the feed groups; nothing else of them is told."""
    if rows.empty:
        return rows
    counts = rows.groupby(list(feed.group), sort=True, dropna=False).size().reset_index(name="rows")
    return counts.assign(**{ROW: ""})


def _delivered(engagement: Engagement, feed: Feed) -> Iterator[str]:
    for delivery in engagement.deliveries():
        if engagement.has(f"verdicts/{feed.name}", delivery=delivery) and engagement.has(
            f"tables/{feed.table}", delivery=delivery
        ):
            yield delivery


def _settled(engagement: Engagement, feed: Feed, delivery: str) -> pd.DataFrame:
    kind = "final" if engagement.has(f"final/{feed.name}", delivery=delivery) else "verdicts"
    return engagement.load(f"{kind}/{feed.name}", delivery=delivery)


def _kind(feed: Feed) -> str:
    name = feed.label.partition(" → ")[0]
    return name if name[:2].isupper() else name[:1].lower() + name[1:]


# ---------------------------------------------------------------- words


def _told(frame: pd.DataFrame, root: str, columns: Iterable[str]) -> list[str]:
    """One column for all that start with the same name: the text that stands whole, else its parts."""
    below = [name for name in columns if name.startswith(f"{root}.")]
    whole = frame[root] if root in frame else pd.Series(pd.NA, index=frame.index, dtype="object")
    parts = frame[below].to_dict("records")
    return [_text(value) or _text(_nested(root, row)) for value, row in zip(whole, parts, strict=True)]


def _nested(root: str, row: Mapping[object, object]) -> dict[str, object]:
    return {str(name).removeprefix(f"{root}."): value for name, value in row.items() if not _missing(value)}


def _text(value: object) -> str:
    if isinstance(value, str):
        try:
            value = json.loads(value) if value[:1] in ("[", "{") else value
        except ValueError:
            return str(value)
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')}: {_text(part)}" for name, part in value.items())
    if isinstance(value, list):
        return "; ".join(_text(part) for part in value)
    return "" if _missing(value) else str(value)


def _missing(value: object) -> bool:
    return value is None or value is pd.NA or value != value
