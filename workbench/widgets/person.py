"""Who is deciding: asked once, and remembered for as long as the kernel runs."""

from __future__ import annotations

import os
from typing import Any

import ipywidgets
import pandas as pd

from workbench.engagement import Engagement
from workbench.widgets.twin import Twin, beside, headless

__all__ = ["Who", "known", "remember", "who"]

VARIABLE = "WORKBENCH_USER"
TITLE = "Decisions of this session"


def known() -> str:
    """The name under which decisions of this session are kept; empty until somebody gave one."""
    return os.environ.get(VARIABLE, "").strip()


def remember(name: str) -> None:
    """Keep the name for this session; every widget and every stage of this kernel finds it there."""
    os.environ[VARIABLE] = " ".join(name.split())


class Who(ipywidgets.VBox):  # type: ignore[misc]
    """One text field with the name of whoever decides."""

    def __init__(self, engagement: Engagement) -> None:
        self.field = ipywidgets.Text(
            value=known(),
            placeholder="Name <mail>",
            description="You are",
            tooltip="Every decision is kept under this name",
            layout={"width": "380px"},
            continuous_update=False,
        )
        self.field.observe(self._changed, names="value")
        super().__init__([self.field])

    def _changed(self, change: Any) -> None:
        remember(str(change["new"]))

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return beside(super()._repr_mimebundle_(**kwargs), _twin())


def who(engagement: Engagement) -> Who | Twin:
    """Ask for the name under which decisions are kept; headless, only say which one it is."""
    # The runner's own name stays out of a headless page: it decides nothing there, and two machines would differ by it.
    return (
        Twin(TITLE, "nobody is here to decide; the recorded decisions count", pd.DataFrame()) if headless() else Who(engagement)
    )


def _twin() -> Twin:
    return Twin(TITLE, known() or "nobody has given a name yet", pd.DataFrame())
