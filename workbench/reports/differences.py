"""Differences as a person goes through them: the unexplained ones first, the others counted by what explains them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from workbench.show import MOMENT, bars, html_table, labelled

__all__ = ["UNEXPLAINED", "called", "differences_table", "grouped", "readable_key", "record_called", "unexplained"]

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


def called(frame: pd.DataFrame, feeds: Mapping[str, str], fields: Mapping[tuple[str, str], str]) -> pd.DataFrame:
    """A frame of feed and field with both as people call them; what has no label keeps its code."""
    pairs = list(zip(frame["feed"].astype("str"), frame["field"].astype("str"), strict=True))
    return frame.assign(feed=[feeds.get(feed, feed) for feed, _ in pairs], field=[fields.get(each, each[1]) for each in pairs])


def differences_table(summary: pd.DataFrame, differences: pd.DataFrame) -> str:
    """A read-back for a notebook: counts by feed, every unexplained difference, the explained ones with one example each.

    `summary` has one row a field, `differences` one a difference; both name the feed.
    """
    counts = labelled(summary.groupby("feed", sort=False)[["filled", *CLASSES]].sum().reset_index(), {})
    caption = f"Values compared, {int(counts['filled'].sum()):,} of them filled"
    parts = [bars(counts, label="what", parts=CLASSES, caption=caption, unit="values")]
    open_ = unexplained(differences)
    if len(open_):
        parts.append(html_table(_to_the_second(labelled(open_, {})), caption="Differences that nothing explains", first=20))
    explained = grouped(differences, by="feed")
    if len(explained):
        parts.append(
            html_table(_to_the_second(labelled(explained, {})), caption="Explained differences, with the first example of each")
        )
    return "".join(parts)


def _to_the_second(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with a blank in each moment, so that a table shows it whole and not by its day: it may differ in its hour."""
    columns = [name for name in ("expected", "actual", "sent", "found") if name in frame]
    return frame.assign(**{name: frame[name].map(_spaced) for name in columns})


def _spaced(value: object) -> object:
    return value.replace("T", " ") if isinstance(value, str) and MOMENT.fullmatch(value) else value


def readable_key(key: object) -> str:
    """`contacts c-01001` of the marker `promio:contacts:c-01001`; any other key as it is."""
    parts = str(key).split(":", 2)
    return f"{parts[1]} {parts[2]}" if len(parts) == 3 else str(key)


def record_called(key: str, name: str) -> str:
    """`Ann Lee (c-01001)` of `promio:contacts:c-01001`, as of `contacts/c-01001`; the key alone where there is no name."""
    natural = key.split(":", 2)[2] if key.count(":") > 1 else key.partition("/")[2] or key
    return f"{name} ({natural})" if name else natural
