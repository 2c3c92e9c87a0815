"""How long a table of 300 rows and 150 answers takes to open, and to work in: `python tests/browser/bench_table.py`."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from lab import PERSON, Lab, chromium, new_page, proposals, running_server, write_notebook

from workbench.engagement import Engagement, new_engagement

ROWS, ANSWERS, TIMES = 300, 150, 5
BAR = 1.5
"""Seconds in which it has to be open the first time, on a machine that does nothing else."""
STEPS = f"""
import json, sys, time
import ipykernel.ipkernel, ipykernel.kernelapp, ipykernel.zmqshell
spent, last = {{}}, time.process_time()
def step(name):
    global last
    now = time.process_time()
    spent[name], last = spent.get(name, 0.0) + now - last, time.process_time()
import workbench as wb
from workbench import widgets
wb.open_engagement, widgets.decision_table
step("imports")
engagement = wb.open_engagement(sys.argv[1])
step("opening the engagement")
import pandas as pd
from workbench.matching.columns import propose_fields
names = [f"Property {{n:03d}}" for n in range({ROWS})]
columns = pd.DataFrame({{"table": "customers", "column": names, "samples": "Ann Lee | Zoe", "type": "text"}})
fields = pd.DataFrame({{"object": "contact", "field": [f"field_{{n:03d}}" for n in range({ANSWERS})]}})
step("")
propose_fields(columns, fields.assign(label=fields["field"].str.replace("_", " "), type="text"))
step("proposals, of columns that nobody knows")
table = widgets.decision_table(engagement, "field", options=list(fields["field"]))
table._repr_mimebundle_()
step("building the table")
del spent[""]
print(json.dumps(spent))
"""


@dataclass(frozen=True)
class Opened:
    """One opening: seconds from `run all` to the first row and to the last one, and the CPU of kernel and page."""

    first: float
    last: float
    kernel: float
    page: float


def main() -> None:
    """Open the table several times in one Lab, in fresh kernels and again; then answer and type in it.

    The machine may be busy with other things, so the CPU of the page and of the kernel is told beside the seconds.
    """
    os.environ["WORKBENCH_USER"] = PERSON
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, chromium() as browser:
        engagement = new_engagement(Path(folder) / "all" / "engagement", route="promio_to_freshsales", customer="Harbour")
        notebook = _prepared(engagement)
        steps = [_steps(engagement) for _ in range(TIMES)]
        with running_server(Path(folder) / "all", Path(folder) / "jupyter") as address:
            lab = new_page(browser, address)
            lab.open(notebook)
            fresh = [_opened(lab, fresh=True) for _ in range(TIMES)]
            again = [_opened(lab) for _ in range(TIMES)]
            answered, typed = _answers(lab)
    kernel = ", ".join(f"{name} {statistics.median(each[name] for each in steps) * 1000:.0f} ms" for name in steps[0])
    print(  # noqa: T201 the figures are what this is for
        f"{ROWS} rows, {ANSWERS} answers each, medians of {TIMES}\n"
        f"the first time, in a fresh kernel: {_told(fresh)} (bar: {BAR} s to the first row on a quiet machine)\n"
        f"again: {_told(again)}\n"
        f"CPU of the kernel by step: {kernel}\n"
        f"an answer, from Enter to confirmed: median {answered * 1000:.0f} ms\n"
        f"a letter typed, until it is painted: median {typed * 1000:.0f} ms"
    )


def _told(runs: list[Opened]) -> str:
    first, last, kernel, page = (
        statistics.median(part) for part in zip(*((r.first, r.last, r.kernel, r.page) for r in runs), strict=True)
    )
    return (
        f"{first:.2f} s to the first row, {last:.2f} s to the last; CPU {kernel:.2f} s in the kernel, {page:.2f} s in the page"
    )


def _prepared(engagement: Engagement) -> str:
    fields = len(engagement.route.feed("contacts").fields)
    engagement.decisions.propose("field", proposals(engagement, more=ROWS - fields))
    options = f"[f'field_{{n:03d}}' for n in range({ANSWERS})]"
    return write_notebook(engagement, f'widgets.decision_table(engagement, "field", options={options})')


def _steps(engagement: Engagement) -> dict[str, float]:
    """Seconds of CPU by step, of a process that stands as a kernel does before its first cell."""
    environment = {name: value for name, value in os.environ.items() if name != "WORKBENCH_HEADLESS"}
    command = [sys.executable, "-c", STEPS, str(engagement.root)]
    told = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    return {str(name): float(spent) for name, spent in json.loads(told).items()}


def _opened(lab: Lab, *, fresh: bool = False) -> Opened:
    rows = lab.page.locator(".wbt tbody tr[data-id]")
    if fresh:
        lab.restart()
    lab.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs'); }")
    rows.first.wait_for(state="detached")
    time.sleep(2)  # until the kernel has come up, and rests
    (kernel, page), began = _cpu(), time.monotonic()
    lab.run_all()
    rows.first.wait_for(timeout=60_000)
    first = time.monotonic() - began
    spent = _cpu()
    rows.nth(ROWS - 1).wait_for(state="attached", timeout=60_000)
    return Opened(first, time.monotonic() - began, spent[0] - kernel, spent[1] - page)


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


def _cpu() -> tuple[float, float]:
    """Seconds of CPU that the kernels, and the browser with the server, have used so far."""
    spent = [0.0, 0.0]
    for child in psutil.Process().children(recursive=True):
        try:
            times, kernel = child.cpu_times(), "ipykernel_launcher" in child.cmdline()
        except psutil.Error:
            continue
        spent[0 if kernel else 1] += times.user + times.system
    return spent[0], spent[1]


if __name__ == "__main__":
    main()
