"""Pairs of records and the clusters they make, as one result."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from workbench.plain import Shown


@dataclass(frozen=True, repr=False)
class RecordProposals(Shown):
    """Which records may be one.

    ``frame``: left, right (keys of records), confidence, reasons, the surest first. ``clusters``: cluster (counted
    from 1) and key, for records that sure pairs join; a record in no pair is in no cluster.
    """

    frame: pd.DataFrame
    clusters: pd.DataFrame

    def _repr_html_(self) -> str:
        joined, groups = len(self.clusters), self.clusters["cluster"].nunique()
        head = f"<p>{len(self.frame)} pairs; {joined} records in {groups} clusters</p>"
        return head + self.frame.head(50).to_html(index=False, escape=True, na_rep="")


def pair_frame(pairs: pd.DataFrame, labels: pd.Index) -> pd.DataFrame:
    """Pairs of positions as pairs of labels, the surest first."""
    shown = pd.DataFrame(
        {
            "left": labels.take(pairs["left"].to_numpy()),
            "right": labels.take(pairs["right"].to_numpy()),
            "confidence": pairs["confidence"].round(3).to_numpy(),
            "reasons": pairs["reasons"].to_numpy(),
        }
    ).astype({"reasons": "str", "confidence": "float"})
    return shown.sort_values("confidence", ascending=False, kind="stable", ignore_index=True)


def clustered(pairs: pd.DataFrame, order: pd.Index, *, threshold: float) -> RecordProposals:
    """The pairs with the clusters that those at or above the threshold make; clusters follow the order given."""
    parent: dict[object, object] = {}

    def root(key: object) -> object:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    sure = pairs[pairs["confidence"] >= threshold]
    for left, right in zip(sure["left"], sure["right"], strict=True):
        parent[root(left)] = root(right)
    members = [(root(key), key) for key in order if key in parent]
    numbers = {first: number for number, first in enumerate(dict.fromkeys(group for group, _ in members), start=1)}
    table = pd.DataFrame({"cluster": [numbers[group] for group, _ in members], "key": [key for _, key in members]})
    return RecordProposals(pairs, table.astype({"cluster": "int64"}))
