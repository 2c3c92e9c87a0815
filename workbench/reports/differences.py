"""Differences as a person goes through them: the unexplained ones first, the others counted by what explains them."""

from __future__ import annotations

import pandas as pd

from workbench.show import bars, html_table

__all__ = ["UNEXPLAINED", "differences_table", "grouped", "readable_key", "unexplained"]

UNEXPLAINED = ("missing", "surplus", "wrong")
CLASSES = ("equal", "intended", "lossy", "wrong")


def unexplained(differences: pd.DataFrame) -> pd.DataFrame:
    """The differences that nothing explains, with the keys of their records as a person reads them."""
    found = differences[differences["class"].isin(UNEXPLAINED)]
    return found.assign(key=[readable_key(key) for key in found["key"]])


def grouped(differences: pd.DataFrame, *, by: str = "object") -> pd.DataFrame:
    """Explained differences counted by `by`, field, class and reason, with what was sent and found of the first one."""
    rest = differences[~differences["class"].isin(UNEXPLAINED)]
    counted = rest.groupby([by, "field", "class", "reason"], sort=False)
    made = counted.agg(values=("key", "size"), sent=("expected", "first"), found=("actual", "first")).reset_index()
    return made.rename(columns={"class": "difference"})


def differences_table(summary: pd.DataFrame, differences: pd.DataFrame) -> str:
    """A read-back for a notebook: counts by feed, every unexplained difference, the explained ones with one example each.

    `summary` has one row a field, `differences` one a difference; both name the feed.
    """
    counts = summary.groupby("feed", sort=False)[["filled", *CLASSES]].sum().reset_index()
    caption = f"Values compared, {int(counts['filled'].sum()):,} of them filled"
    parts = [bars(counts, label="feed", parts=CLASSES, caption=caption, unit="values")]
    open_ = unexplained(differences)
    if len(open_):
        parts.append(html_table(open_, caption="Differences that nothing explains", first=20))
    explained = grouped(differences, by="feed")
    if len(explained):
        parts.append(html_table(explained, caption="Explained differences, with the first example of each"))
    return "".join(parts)


def readable_key(key: object) -> str:
    """`contacts c-01001` of the marker `promio:contacts:c-01001`; any other key as it is."""
    parts = str(key).split(":", 2)
    return f"{parts[1]} {parts[2]}" if len(parts) == 3 else str(key)
