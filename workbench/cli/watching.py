"""A load that runs in another process, shown in this terminal while it lasts."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from workbench.cli.terminal import shown

if TYPE_CHECKING:  # the commands that watch nothing load neither
    from rich.live import Live

    from workbench.flow.running import Running

__all__ = ["watching"]

LOOK, SELDOM = 0.25, 30.0
"""Seconds between two looks, and between two lines where nobody sits before the terminal."""
JOIN = 2.0


@contextmanager
def watching(root: Path, *, stream: TextIO | None = None) -> Iterator[None]:
    """Show whatever is loaded in an engagement while the block lasts: live in a terminal, else a line now and then."""
    out, stop = stream or sys.stderr, threading.Event()
    follow = _live if out.isatty() else _plainly
    watcher = threading.Thread(target=follow, args=(root, out, stop), name="watching", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join(JOIN)


def _looks(root: Path, stop: threading.Event) -> Iterator[Running]:
    """How the load stands, as often as it says so, and for the last time when it is over."""
    from workbench.flow.running import running

    last = time.time()
    ending = False
    while not ending:
        ending = stop.wait(LOOK)  # and one more look after the end
        found = running(root)
        if found is not None and found.at > last and (found.alive or found.over):
            last = found.at
            yield found


def _live(root: Path, out: TextIO, stop: threading.Event) -> None:
    """Lines that change in place, and stay as they are when the load has ended."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from workbench.ledger.loading.picture import lines

    console = Console(file=out, highlight=False)
    live: Live | None = None
    try:
        for found in _looks(root, stop):
            if live is None:
                live = Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=out is sys.stderr)
                live.start()
            live.update(Text(shown("\n".join(lines(found.loads))), no_wrap=True, overflow="ellipsis"), refresh=True)
            if found.over:  # the lines stay as they are
                live.stop()
                live = None
    finally:
        if live is not None:
            live.stop()


def _plainly(root: Path, out: TextIO, stop: threading.Event) -> None:
    """A line when an object is done, and every half a minute; a log keeps every line."""
    from workbench.ledger.loading.picture import lines

    told: set[str] = set()
    spoke = time.monotonic()
    for found in _looks(root, stop):
        ended = {label: load for label, load in found.loads.items() if load.ended and label not in told}
        under_way = {label: load for label, load in found.loads.items() if load.seconds and not load.ended}
        saying = ended or (under_way if time.monotonic() - spoke >= SELDOM else {})
        if saying:
            spoke = time.monotonic()
            out.write("".join(f"  {shown(line)}\n" for line in lines(saying)))
            out.flush()
        told = set() if found.over else told | set(ended)
