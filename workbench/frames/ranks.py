"""Put rows in order by what one column says, as a recipe reads it."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from workbench.recipes import convert

__all__ = ["comparable", "ranked"]

NUMBERS = ("integer", "decimal", "money", "percent", "duration_seconds")


def ranked(column: pd.Series, recipe: str, options: Mapping[str, object], *, zone: str = "") -> pd.Series:
    """The cells so that they can be compared: moments as instants, numbers as numbers, everything else as text."""
    chosen = {"zone": zone, **options} if recipe == "moment" and zone else dict(options)
    return comparable(convert(column, recipe or "text", options=chosen).values, recipe)


def comparable(values: pd.Series, recipe: str) -> pd.Series:
    """Converted values as what their order is told by."""
    if recipe == "moment":
        return pd.to_datetime(values, utc=True, format="ISO8601")
    if recipe in NUMBERS:
        return pd.to_numeric(values)
    return values.astype("str")
