"""What a widget shows where there is no kernel behind it: the same table, still, safe and plain."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from workbench.show import escape, html_table, text_table

__all__ = ["Twin", "beside", "headless"]


def headless() -> bool:
    """Whether nobody is there to ask. The runner says so; a kernel cannot see whether a browser looks at it."""
    return os.environ.get("WORKBENCH_HEADLESS") == "1"


@dataclass(frozen=True)
class Twin:
    """A frame and a line over it, as HTML that needs neither script nor theme, and as plain text."""

    title: str
    note: str
    frame: pd.DataFrame = field(repr=False)

    def _repr_html_(self) -> str:
        note = f'<p style="margin:.2em 0;opacity:.8">{escape(self.note)}</p>' if self.note else ""
        table = html_table(self.frame, caption=self.title, limit=max(len(self.frame), 1))
        return f"<div>{note}{table}</div>" if len(self.frame) else f"<div><b>{escape(self.title)}</b>{note}</div>"

    def __repr__(self) -> str:
        head = f"{self.title}: {self.note}" if self.note else self.title
        return f"{head}\n{text_table(self.frame)}" if len(self.frame) else head

    def line(self) -> str:
        """The title and the counts alone, for front ends that show text."""
        return f"{self.title}: {self.note}" if self.note else self.title


def beside(bundle: Any, twin: Twin) -> Any:
    """A widget's own bundle of what it can be shown as, with the twin added for whoever has no kernel."""
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    return {**(data or {}), "text/html": twin._repr_html_(), "text/plain": twin.line()}, metadata
