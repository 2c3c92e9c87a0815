"""What the last sweep of an object found: whether ledger and destination are one to one, and what differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

import pandas as pd

from workbench.plain import Shown
from workbench.show import facts, heading, html_table, together

__all__ = ["COLUMNS", "VERDICTS", "Certificate", "digest_of"]

COLUMNS = ("object", "key", "id", "verdict", "words")
VERDICTS: Mapping[str, str] = {
    "missing": "said to be made, and not there",
    "twin": "bears the key of another record, a person's copy perhaps, and stays",
    "stranger": "bears a key like ours that the ledger does not know",
    "unmarked": "there, but does not bear our key any more",
    "repaired": "bore the key of another record, and was taken away",
    "mended": "found under another id than the ledger had",
    "adopted": "was thought not to be made, and is there",
}
"""Every way in which a record may differ, the worst first; the first three break the promise of one to one."""
BREAKING = ("missing", "twin", "stranger")


@dataclass(frozen=True, repr=False)
class Certificate(Shown):
    """One object at one moment. `frame` has a row for everything that differed: object, key, id, verdict, words.

    `matched` counts the keys of which ledger and destination have one and the same record, `records` what the sweep
    saw that bears a key, since the record `since` where that is not empty. `digest` is the SHA-256 of the map from key
    to id: of the sorted SHA-256 of each `key TAB id`.
    """

    object: str
    at: str  # UTC, when the sweep began
    since: str
    records: int
    matched: int
    digest: str
    frame: pd.DataFrame

    def count(self, verdict: str) -> int:
        return int((self.frame["verdict"] == verdict).sum())

    @property
    def holds(self) -> bool:
        """Whether each of our records is there once, and nothing else bears a key of ours."""
        return not self.frame["verdict"].isin(BREAKING).any()

    def told(self) -> str:
        """The counts, in one line."""
        counts = [f"{self.matched:,} one to one", *(f"{self.count(name):,} {name}" for name in VERDICTS if self.count(name))]
        return ", ".join(counts)

    def _repr_html_(self) -> str:
        stands = "each record is there exactly once" if self.holds else "ledger and account are not one to one"
        known = [
            ("Looked at", f"{self.at[:19].replace('T', ' ')} UTC"),
            ("Records with a key of the migration", f"{self.records:,}"),
            ("One to one with the ledger", f"{self.matched:,}"),
            *((name.capitalize(), f"{self.count(name):,}: {VERDICTS[name]}") for name in VERDICTS if self.count(name)),
            ("SHA-256 of keys and ids", self.digest),
        ]
        parts = [heading(f"{self.object}: {stands}", good=self.holds), facts(known)]
        if len(self.frame):
            parts.append(html_table(self.frame.drop(columns="object"), caption="What differs"))
        return together(*parts)


def digest_of(pairs: Iterable[bytes]) -> str:
    """The digest of a map from key to id, given the SHA-256 of each pair in any order."""
    return sha256(b"".join(sorted(pairs))).hexdigest()
