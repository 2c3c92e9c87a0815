"""What a widget shows where there is no kernel behind it: the same table, still, safe and plain."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from workbench.show import BOX, escape, facts, html_table, text_table, together

__all__ = ["Twin", "beside", "headless"]


MOST = 2_000
"""Rows that a page holds; what is beyond them is counted there, and stands whole in the decisions that the package keeps."""


def headless() -> bool:
    """Whether nobody is there to ask. The runner says so; a kernel cannot see whether a browser looks at it."""
    return os.environ.get("WORKBENCH_HEADLESS") == "1"


@dataclass(frozen=True)
class Twin:
    """A frame and a line over it, as HTML that needs neither script nor theme, and as plain text."""

    title: str
    note: str
    frame: pd.DataFrame = field(repr=False)
    view: pd.DataFrame | None = field(default=None, repr=False)  # the frame as a person reads it, where that differs
    notes: tuple[str, ...] = field(default=(), repr=False)  # sentences over the table, in place of the one line

    paired: bool = False  # two columns, a name and what it is, that need no header

    def _repr_html_(self) -> str:
        said = "".join(f'<p class="wb-note">{escape(note)}</p>' for note in self.notes or (self.note,) if note)
        view = self.frame if self.view is None else self.view
        if self.paired:
            return facts(list(view.itertuples(index=False, name=None)), caption=self.title)
        if not len(view):
            return f"<div><b>{escape(self.title)}</b>{said}</div>"
        return together(f'<div class="{BOX}"><b>{escape(self.title)}</b>{said}</div>', html_table(view, limit=MOST))

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
