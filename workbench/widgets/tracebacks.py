"""Errors that are not put in words: a few lines in place of a stack, the last of which says what to do."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from IPython.core.getipython import get_ipython

from workbench.errors import WorkbenchError
from workbench.widgets.twin import headless

__all__ = ["shorten"]

OURS = Path(__file__).parents[1]
STOPPED = ("Stopped. What was done until now is kept.", "  → run the cell again: it goes on from where it stopped")
NEXT = (
    "  → look at what the cell was given. Where nothing is wrong with that, `%tb` shows the whole stack, for whoever looks "
    "after the workbench. What was done is in the ledger, and nothing is sent twice"
)


def shorten() -> None:
    """From now on, in this kernel, an error from within the workbench is shown in short.

    Errors of the consultant's own lines keep their stack. Headless everything keeps it, for whoever has to find out why.
    """
    shell = get_ipython()
    if shell is not None and not headless():
        shell.set_custom_exc((Exception, KeyboardInterrupt), _show)  # type: ignore[no-untyped-call]


def _show(
    shell: Any, kind: type[BaseException], value: BaseException, trace: TracebackType, tb_offset: int | None = None
) -> None:
    ours = [frame for frame in traceback.extract_tb(trace) if Path(frame.filename).is_relative_to(OURS)]
    if not ours or isinstance(value, WorkbenchError):  # ours speak for themselves
        shell.showtraceback((kind, value, trace), tb_offset=tb_offset)
        return
    value._render_traceback_ = lambda: list(_lines(kind, value, ours[-1]))  # type: ignore[attr-defined]
    try:
        shell.showtraceback((kind, value, trace), tb_offset=tb_offset)
    finally:
        del value._render_traceback_  # type: ignore[attr-defined]  # so that %tb shows all of it


def _lines(kind: type[BaseException], value: BaseException, last: traceback.FrameSummary) -> tuple[str, ...]:
    if issubclass(kind, KeyboardInterrupt):
        return STOPPED
    place = Path(last.filename).relative_to(OURS.parent).as_posix()
    said = " ".join(str(value).split())
    return (f"{kind.__name__}: {said}", f"  where: {place}, line {last.lineno}, in {last.name}", NEXT)
