"""How long a table of 300 rows and 150 answers takes to open: `python tests/browser/bench_table.py` prints the figures."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

from lab import PERSON, Lab, chromium, proposals, running_lab, write_notebook

from workbench.engagement import Engagement, new_engagement

ROWS, ANSWERS, TIMES = 300, 150, 5


def main() -> None:
    """Open the table several times in one Lab; seconds from `run all` to the last row, over cells that ran before."""
    os.environ["WORKBENCH_USER"] = PERSON
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, chromium() as browser:
        engagement = new_engagement(Path(folder) / "engagement", route="promio_to_freshsales", customer="Harbour & Sons")
        notebook = _prepared(engagement)
        with running_lab(engagement, Path(folder) / "jupyter", browser) as lab:
            lab.open(notebook)
            first = _seconds(lab)
            again = [_seconds(lab) for _ in range(TIMES)]
    print(  # noqa: T201 the figures are what this is for
        f"{ROWS} rows, {ANSWERS} answers each\n"
        f"first time, imports of the kernel included: {first:.2f} s\n"
        f"again, {TIMES} times: median {statistics.median(again):.2f} s, longest {max(again):.2f} s"
    )


def _prepared(engagement: Engagement) -> str:
    fields = len(engagement.route.feed("contacts").fields)
    engagement.decisions.propose("field", proposals(engagement, more=ROWS - fields))
    options = f"[f'field_{{n:03d}}' for n in range({ANSWERS})]"
    return write_notebook(engagement, f'widgets.decision_table(engagement, "field", options={options})')


def _seconds(lab: Lab) -> float:
    rows = lab.page.locator(".wbt tbody tr[data-id]")
    lab.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs'); }")
    rows.first.wait_for(state="detached")
    began = time.monotonic()
    lab.run_all()
    rows.nth(ROWS - 1).wait_for(state="attached", timeout=60_000)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
