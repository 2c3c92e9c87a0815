"""The owner report: who owned what, and whose it is now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workbench.pages import About, table_of, write_page
from workbench.workbooks import Sheet, write_workbook

__all__ = ["Owners", "render_owners"]

TITLES = {
    "owner": "owner in the export",
    "rows": "records",
    "value": "open deals",
    "user": "user at the destination",
    "state": "state",
    "by": "decided by",
    "at": "on",
    "why": "why",
}


@dataclass(frozen=True)
class Owners:
    """Every owner of the exports with the weight behind them: owner, rows, value, user, state, by, why."""

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
    values = {
        "owners": table_of(inputs.owners, titles=TITLES),
        "unresolved": table_of(inputs.unresolved, titles=TITLES),
        "records": int(inputs.owners["rows"].sum()) if len(inputs.owners) else 0,
        "users": int(inputs.owners["user"].fillna("").replace("", pd.NA).nunique()),
    }
    page = write_page(folder / "owners.html", "owners.html.j2", about=inputs.about, title="Owners", values=values)
    sheet = Sheet("Owners", inputs.owners, about="Who owned what, and whose it is now.", titles=TITLES, wide=("why",))
    return [page, write_workbook(folder / "owners.xlsx", [sheet], title="Owners")]
