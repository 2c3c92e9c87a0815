"""The owner report: who owned what, and whose it is now."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pandas as pd

from workbench.reports.pages import About, table_of, write_page
from workbench.reports.workbooks import Sheet, write_workbook

__all__ = ["Owners", "render_owners"]

CENT = Decimal("0.01")
BLANK = "(blank)"
"""Stands for rows that name no owner."""

TITLES = {
    "owner": "owner in the export",
    "rows": "rows of the export",
    "value": "money in deals",
    "user": "user at the destination",
    "found": "how",
    "state": "state",
    "by": "decided by",
    "at": "on",
    "why": "why",
}


@dataclass(frozen=True)
class Owners:
    """Every owner of the exports with the weight behind them: owner, rows, value, user, found, state, by, why."""

    about: About
    owners: pd.DataFrame

    @property
    def unresolved(self) -> pd.DataFrame:
        """Owners who have no user; nothing of theirs is loaded."""
        if "state" in self.owners.columns:
            return self.owners[self.owners["state"].isin(["unresolved", "open"])]
        return self.owners[self.owners["user"].fillna("") == ""]


def render_owners(inputs: Owners, folder: Path) -> list[Path]:
    """Write owners.html and owners.xlsx."""
    owners, decided = _to_the_cent(inputs.owners), _decided(inputs.owners)
    told = owners.drop(columns=["by", "at", "why"] if decided else [], errors="ignore")
    told = told.drop(columns=[] if len(inputs.unresolved) else ["state"], errors="ignore")
    values = {
        "owners": table_of(told, titles=TITLES),
        "decided": decided,
        "unresolved": table_of(_to_the_cent(inputs.unresolved), titles=TITLES),
        "named": int((inputs.owners["owner"] != BLANK).sum()),
        "records": int(inputs.owners["rows"].sum()) if len(inputs.owners) else 0,
        "users": int(inputs.owners["user"].fillna("").replace("", pd.NA).nunique()),
    }
    page = write_page(folder / "owners.html", "owners.html.j2", about=inputs.about, title="Owners", values=values)
    sheet = Sheet("Owners", owners, about="Who owned what, and whose it is now.", titles=TITLES, wide=("why",))
    return [page, write_workbook(folder / "owners.xlsx", [sheet], title="Owners")]


def _decided(owners: pd.DataFrame) -> str:
    """One sentence on who decided and why, where that is the same for all; else the table says it line by line."""
    if not {"by", "why"} <= set(owners.columns) or owners[["by", "why"]].drop_duplicates().shape[0] != 1:
        return ""
    by, why = (str(owners[name].fillna("").iloc[0]) for name in ("by", "why"))
    return f"Decided by {by}" + (f": {why}." if why else ".") if by else ""


def _to_the_cent(owners: pd.DataFrame) -> pd.DataFrame:
    """The owners with the money behind them as sums of two places."""
    if "value" not in owners.columns:
        return owners
    exact = [pd.NA if pd.isna(value) else Decimal(str(value)).quantize(CENT) for value in owners["value"]]
    return owners.assign(value=pd.Series(exact, index=owners.index, dtype="object"))
