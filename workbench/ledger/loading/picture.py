"""How loads stand, in words for a terminal and as HTML for a notebook."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime

from workbench.destinations import Standing
from workbench.ledger.loading.progress import Progress
from workbench.show import BOX, escape, together

__all__ = ["figures", "html", "lines", "soon", "why"]

CELLS = 24
"""Characters of a bar in a terminal."""
PIECES = (("done", "var(--wb-done)"), ("rejected", "var(--wb-no)"), ("unknown", "var(--wb-asked)"), ("held", "var(--wb-held)"))
SIGHT = (
    "<style>:root{--wb-done:#3f9a4b;--wb-no:#cf4a43;--wb-asked:#9763c0;--wb-held:#c77d12}"
    ".wb .wb-load{display:grid;grid-template-columns:max-content minmax(9em,18em) max-content 1fr;gap:.5em 1.1em;"
    "align-items:center;max-width:66em;line-height:1.35}"
    ".wb-load b{font-weight:600}.wb-load .wb-dim{opacity:.72;font-size:.92em}"
    ".wb-load .wb-track{display:flex;height:.7em;border-radius:.35em;overflow:hidden;background:#8883}"
    ".wb-load .wb-track i{display:block;height:100%}"
    ".wb-load .wb-dot{display:inline-block;width:.6em;height:.6em;border-radius:50%;margin:0 .35em 0 .7em}"
    ".wb-load .wb-why{grid-column:2/-1;margin:-.35em 0 .1em;font-size:.92em;color:var(--wb-warn)}"
    ".wb-load .wb-why.wb-calm{color:inherit;opacity:.72}"
    "@media (max-width:40rem){.wb .wb-load{grid-template-columns:minmax(0,1fr) max-content}"
    ".wb-load :is(.wb-track,.wb-why){grid-column:1/-1}}"
    "@media print{.wb-track i{print-color-adjust:exact;-webkit-print-color-adjust:exact}}</style>"
)


def lines(loads: Mapping[str, Progress], *, now: float | None = None) -> list[str]:
    """A line an object, and under it why it waits or what it does instead of sending."""
    moment = time.time() if now is None else now
    wide = max(map(len, loads), default=0)
    told = []
    for label, load in loads.items():
        told.append(f"{label.ljust(wide)}  {_bar(load)}  {figures(load)}{_running(load)}".rstrip())
        if words := why(load, now=moment):
            told.append(f"{' ' * wide}  {words}")
    return told


def figures(load: Progress) -> str:
    """The counts, which stay the same when a load has ended: `732 of 1,204, 3 rejected`."""
    bad = ((load.rejected, "rejected"), (load.unknown, "unknown"), (load.held, "held"))
    return ", ".join([f"{load.done:,} of {load.total:,}", *(f"{count:,} {words}" for count, words in bad if count)])


def why(load: Progress, *, now: float) -> str:
    """Why nothing moves, or what is done instead of sending; empty where records are sent."""
    words = [load.doing] if load.doing else []
    if load.wait is not None and load.wait.until > now:
        words.append(f"waiting until {_clock(load.wait.until)}, {soon(load.wait.until - now)} more: {load.wait.reason}")
    return "; ".join(words)


def soon(seconds: float) -> str:
    """A length of time as one says it beforehand: `40 s`, `12 min`, `3 h 20 min`, `2 days`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 36:
        return f"{hours} h" + (f" {rest} min" if rest else "")
    return f"{round(hours / 24)} days"


def html(loads: Mapping[str, Progress], *, now: float | None = None) -> str:
    """All objects under each other: a bar, the counts, and while it runs the rate, the time left and the limits."""
    moment = time.time() if now is None else now
    rows = "".join(_row(label, load, moment) for label, load in loads.items())
    return together(SIGHT, f'<div class="{BOX}"><div class="wb-load">{rows}</div></div>')


def _row(label: str, load: Progress, now: float) -> str:
    name = f"<b>{escape(label)}</b>" if _begun(load) else f'<span class="wb-dim">{escape(label)}</span>'
    told = f'<span>{_counts(load)}</span><span class="wb-dim">{escape(_running(load).strip(" ·"))}</span>'
    words = why(load, now=now)
    calm = "" if load.wait is not None else " wb-calm"
    return f"{name}{_track(load)}{told}" + (f'<span class="wb-why{calm}">{escape(words)}</span>' if words else "")


def _counts(load: Progress) -> str:
    """The figures, with a tick once all is settled, and with the colour of the bar beside what is not done."""
    good = load.ended and not (load.left or load.rejected or load.unknown)
    tick = '<b class="wb-good">✓</b> ' if good else ""
    done, *bad = figures(load).split(", ")
    colours = dict(PIECES)
    keys = (f'<i class="wb-dot" style="background:{colours[words.split()[1]]}"></i>{escape(words)}' for words in bad)
    return tick + " ".join([escape(done), *keys])


def _track(load: Progress) -> str:
    counts = {"done": load.done, "rejected": load.rejected, "unknown": load.unknown, "held": load.held}
    pieces = "".join(
        f'<i style="width:{100 * counts[name] / load.total:.2f}%;background:{colour}"></i>'
        for name, colour in PIECES
        if counts[name]
    )
    return f'<span class="wb-track" role="img" aria-label="{escape(f"{load.share:.0%}")}">{pieces}</span>'


def _running(load: Progress) -> str:
    """What changes from one second to the next, and is no part of what remains."""
    if load.ended or not _begun(load):
        return ""
    parts = [f"{load.rate:,.0f}/s" if load.rate >= 10 else f"{load.rate:.1f}/s"] if load.rate and not load.wait else []
    if load.left and load.eta is not None:
        parts.append(f"{soon(load.eta)} to go")
    if scarce := _scarcest(load.budget):
        parts.append(f"{scarce.name}: {scarce.left:,} of {scarce.allowance:,} {scarce.unit} left")
    return "".join(f" · {part}" for part in parts)


def _scarcest(budget: Sequence[Standing]) -> Standing | None:
    """The limit of which the smallest part is left: it will be felt first."""
    return min((limit for limit in budget if limit.allowance > 0), key=lambda limit: limit.left / limit.allowance, default=None)


def _begun(load: Progress) -> bool:
    return load.ended or load.seconds > 0


def _bar(load: Progress) -> str:
    full = int(load.share * CELLS)
    return "█" * full + "░" * (CELLS - full) + f" {int(load.share * 100):>3}%"


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment).strftime("%H:%M:%S")  # the clock on the wall of whoever reads it
