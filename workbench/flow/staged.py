"""Single columns of the records that a stage has laid on the disk for a feed, as it may have a million of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from workbench.engagement import Engagement
from workbench.errors import EngagementError
from workbench.staging import columns_of, read_frame

__all__ = ["staged_columns", "staged_path"]


def staged_path(engagement: Engagement, feed: str, delivery: str, *, folder: str = "records") -> Path:
    """Where the records of a feed, or what else is kept by name, lie; EngagementError where no phase has staged them yet."""
    path = engagement.root.joinpath("staged", delivery, folder, f"{feed}.parquet")
    if not path.exists():
        raise EngagementError(
            f"{folder}/{feed} is not staged",
            where=f"staged/{delivery}",
            todo="run the phase that stages it, then this one again",
        )
    return path


def staged_columns(
    engagement: Engagement, feed: str, columns: Sequence[str], *, delivery: str = "main", folder: str = "records"
) -> pd.DataFrame:
    """Those of some columns that the staged records of a feed have, in the order in which they are named, each once."""
    path = staged_path(engagement, feed, delivery, folder=folder)
    there = columns_of(path)
    return read_frame(path, columns=[name for name in dict.fromkeys(columns) if name in there])
