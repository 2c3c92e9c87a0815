"""The closures of cells and of money as a person reads them: as wide as a page, and to the cent."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd

from workbench.reports.pictures import BUCKETS

__all__ = ["closing", "losing", "sums", "telling"]


def closing(frame: pd.DataFrame) -> pd.DataFrame:
    """The closure with its last column as people call it."""
    return frame.rename(columns={"closes": "adds up"})


def telling(cells: pd.DataFrame) -> pd.DataFrame:
    """The cell closure as wide as a page: the rows that are no record together, and no fate that befell no cell."""
    if cells.empty:
        return cells
    elsewhere = [name for name in BUCKETS[1:] if name in cells.columns]
    where = int(cells.columns.get_loc(elsewhere[0])) if elsewhere else len(cells.columns)  # type: ignore[arg-type]
    made = cells.drop(columns=elsewhere)
    made.insert(where, "other rows", cells[elsewhere].sum(axis=1))
    idle = [name for name in made.select_dtypes("number").columns if not made[name].any()]
    return made.drop(columns=idle)


def losing(cells: pd.DataFrame) -> pd.DataFrame:
    """The columns of the cell closure in which a filled cell did not come along, or is unaccounted for."""
    if cells.empty:
        return cells
    lost = [name for name in ("set_aside", "left_behind", "unexplained") if name in cells.columns]
    return cells[cells[lost].sum(axis=1) > 0]


def sums(money: pd.DataFrame) -> pd.DataFrame:
    """Sums of money with what they are sums of in front, to the cent on both sides."""
    if money.empty:
        return money
    first = [name for name in ("object", "field", "currency") if name in money.columns]
    rest = [name for name in money.columns if name not in first]
    exact = {name: [Decimal(str(value)) for value in money[name]] for name in ("expected", "actual", "difference")}
    return closing(
        money.assign(**{name: pd.Series(v, index=money.index, dtype="object") for name, v in exact.items()})[[*first, *rest]]
    )
