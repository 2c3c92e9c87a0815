"""The reference notebooks: executed on the sample, kept in ``notebooks/``, and compared cell by cell in CI.

``python -m tests.reference refresh`` makes them anew; ``check`` runs them again under nbval against a fresh tenant.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sample_exports.demo import TIME_SCALE, begin
from workbench import notebooks, rehearsal
from workbench.engagement import Engagement

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "notebooks"
SAMPLE = ROOT / "sample_exports" / "promio"
KEY = "reference-tenant-0123456789"


@contextmanager
def fresh_engagement() -> Iterator[Engagement]:
    """An engagement over the small sample with its recorded decisions, and an empty tenant that it speaks to."""
    with tempfile.TemporaryDirectory(prefix="reference-") as folder:
        state = Path(folder) / "tenant.db"
        with rehearsal.running("freshsales", state=state, token=KEY, time_scale=TIME_SCALE) as tenant:
            engagement = begin(Path(folder) / "engagement", SAMPLE, url=tenant.url, key=KEY, time_scale=TIME_SCALE)
            engagement.decisions.read_jsonl(SAMPLE / "decisions.jsonl")
            yield engagement


def refresh() -> int:
    """Execute all ten notebooks and keep them, without what differs from run to run."""
    with fresh_engagement() as engagement:
        notebooks.run_all(engagement, on_progress=lambda step: print(f"  {step.stem} {step.state}"))
        notebooks.execute(engagement, "rollback")
        for path in notebooks.refresh_reference(engagement, KEPT):
            print(path.relative_to(ROOT))
    return 0


def check() -> int:
    """Run nbval over the kept notebooks, in order, each in a kernel of its own but all on one engagement."""
    with fresh_engagement() as engagement:
        return compared(engagement, [KEPT / f"{stem}.ipynb" for stem in notebooks.STEMS]).returncode


def compared(engagement: Engagement, kept: Sequence[Path], *, quiet: bool = False) -> subprocess.CompletedProcess[str]:
    """Run kept notebooks again on an engagement and compare every output with the one they hold; `quiet` keeps what is said."""
    arguments = ["-p", "nbval", "--nbval", "--nbval-current-env", "--nbval-cell-timeout", "300", "-q", "-p", "no:cacheprovider"]
    sanitised = ["--nbval-sanitize-with", str(ROOT / "tests" / "nbval_sanitize.cfg")]
    environment = {**os.environ, "WORKBENCH_ENGAGEMENT": str(engagement.root), "WORKBENCH_HEADLESS": "1"}
    command = [sys.executable, "-m", "pytest", *arguments, *sanitised, *map(str, kept)]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=quiet, text=True)


if __name__ == "__main__":
    sys.exit({"refresh": refresh, "check": check}[sys.argv[1]]())
