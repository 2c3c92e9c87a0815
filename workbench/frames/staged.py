"""What staging makes of a feed: records, where every row ended, and how the feeds after it find both."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import pandas as pd

from workbench.plain import Shown
from workbench.show import html_table

__all__ = ["CELL_COLUMNS", "VERDICT_COLUMNS", "WORDS", "Staged", "marker_of", "parent_records", "records_by"]

VERDICT_COLUMNS = ("row", "feed", "natural", "bucket", "reason", "record", "detail")
WORDS = ("record", "field", "value")
CELL_COLUMNS = ("feed", "column", "field", "row", "value", "reason")
LONGEST_MARKER = 60
DIGITS = 16  # of a digest, where the key cannot stand in the marker as it is


@dataclass(frozen=True, repr=False)
class Staged(Shown):
    """What became of a table: records, a verdict for each row, and the cells that could not come along.

    ``records``: key, marker, row, owner, one column a field, one a lookup (holding the parent's record key).
    ``verdicts``: row, feed, natural key, bucket (``load`` until the destination has answered), reason, record, detail.
    ``cells``: feed, column, field, row, value, reason, for each cell that was set aside or given up in part.
    ``additions``: record, row and fields, for rows that say something of a record that another feed makes.
    ``words``: record, field, value, where a person let a row have the word in such a record; a missing value empties it.
    """

    records: pd.DataFrame
    verdicts: pd.DataFrame
    cells: pd.DataFrame
    additions: pd.DataFrame
    words: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(WORDS), dtype="object"))

    def _repr_html_(self) -> str:
        counts = self.verdicts.groupby(["feed", "bucket", "reason"], dropna=False).size().reset_index(name="rows")
        return html_table(counts, caption=f"{len(self.records)} records from {len(self.verdicts)} rows")


def marker_of(source: str, key: str) -> str:
    """What the destination keeps of a record key, so that the record is found again: at most 60 characters, lower case.

    A key that is too long, or that small letters alone would not tell from another one (``00aB`` and ``00Ab`` are two
    records), ends in a digest of itself.
    """
    natural = key.split("/", 1)[1]
    whole = f"{source}:{key.replace('/', ':', 1)}"
    marker = whole.casefold()
    plain = natural in (natural.casefold(), natural.upper())
    if plain and len(marker) <= LONGEST_MARKER:
        return marker
    digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
    return f"{marker[: LONGEST_MARKER - DIGITS - 1]}~{digest}"


def parent_records(parent: Staged, *others: Staged) -> pd.Series:
    """Natural key → record key, for every row of a feed that ended in a record that is to be loaded: its own, or another's."""
    verdicts = parent.verdicts
    there = {key for each in (parent, *others) for key in each.records["key"]}
    known = verdicts[verdicts["natural"].notna() & verdicts["record"].isin(there)]
    return pd.Series(known["record"].to_numpy(), index=known["natural"].to_numpy(), dtype="object").groupby(level=0).first()


def records_by(parent: Staged, values: pd.Series) -> pd.DataFrame:
    """Pairs of a value and the record in which the row that says it has ended; `values` is indexed by row."""
    ended = parent.verdicts.set_index("row")["record"]
    pairs = pd.DataFrame({"value": values.to_numpy(), "record": pd.Series(values.index).map(ended).to_numpy()})
    return pairs.dropna().drop_duplicates().reset_index(drop=True)
