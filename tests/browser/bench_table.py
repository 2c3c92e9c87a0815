"""How long a table of 300 rows and 150 answers takes to open, and to work in: `python tests/browser/bench_table.py`."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

import psutil
from lab import PERSON, Lab, chromium, new_page, proposals, running_server, write_notebook

from workbench.engagement import Engagement, new_engagement

ROWS, ANSWERS, TIMES = 300, 150, 5


def main() -> None:
    """Open the table several times in one Lab; seconds from `run all` to the first and to the last row.

    The machine may be busy with other things, so the CPU of the page and of the kernel is told beside the seconds.
    """
    os.environ["WORKBENCH_USER"] = PERSON
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, chromium() as browser:
        engagement = new_engagement(Path(folder) / "all" / "engagement", route="promio_to_freshsales", customer="Harbour")
        notebook = _prepared(engagement)
        with running_server(Path(folder) / "all", Path(folder) / "jupyter") as address:
            lab = new_page(browser, address)
            lab.open(notebook)
            first = _seconds(lab)
            again = [_seconds(lab) for _ in range(TIMES)]
            answered, typed = _answers(lab)
    print(  # noqa: T201 the figures are what this is for
        f"{ROWS} rows, {ANSWERS} answers each\n"
        f"first time, imports of the kernel included: {_told([first])}\n"
        f"again, {TIMES} times, medians: {_told(again)}\n"
        f"an answer, from Enter to confirmed: median {answered * 1000:.0f} ms\n"
        f"a letter typed, until it is painted: median {typed * 1000:.0f} ms"
    )


def _told(runs: list[tuple[float, float, float]]) -> str:
    first, last, cpu = (statistics.median(part) for part in zip(*runs, strict=True))
    return f"{first:.2f} s to the first row, {last:.2f} s to the last, {cpu:.2f} s of CPU in kernel and page"


def _prepared(engagement: Engagement) -> str:
    fields = len(engagement.route.feed("contacts").fields)
    engagement.decisions.propose("field", proposals(engagement, more=ROWS - fields))
    options = f"[f'field_{{n:03d}}' for n in range({ANSWERS})]"
    return write_notebook(engagement, f'widgets.decision_table(engagement, "field", options={options})')


def _seconds(lab: Lab) -> tuple[float, float, float]:
    rows = lab.page.locator(".wbt tbody tr[data-id]")
    lab.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs'); }")
    rows.first.wait_for(state="detached")
    before, began = _cpu(), time.monotonic()
    lab.run_all()
    rows.first.wait_for(timeout=60_000)
    first = time.monotonic() - began
    rows.nth(ROWS - 1).wait_for(state="attached", timeout=60_000)
    return first, time.monotonic() - began, _cpu() - before


def _answers(lab: Lab) -> tuple[float, float]:
    """Confirm twenty rows one after the other, and type in the twenty-first."""
    page = lab.page
    page.locator(".wbt-answer").first.focus()
    confirmed = []
    for n in range(20):
        began = time.monotonic()
        page.keyboard.press("Enter")
        page.locator(f".wbt tr[data-id]:nth-child({n + 1}):is([data-state=confirmed], [data-state=left])").wait_for()
        confirmed.append(time.monotonic() - began)
    typed = []
    for letter in "field_0":
        began = time.monotonic()
        page.keyboard.type(letter)
        page.evaluate("() => new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)))")
        typed.append(time.monotonic() - began)
    return statistics.median(confirmed), statistics.median(typed)


def _cpu() -> float:
    """Seconds of CPU that this process's browser, server and kernels have used so far."""
    total = 0.0
    for child in psutil.Process().children(recursive=True):
        try:
            spent = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += spent.user + spent.system
    return total


if __name__ == "__main__":
    main()
