"""The certificate: what arrived and what was doubtful about it, which phases passed, and what somebody let pass and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workbench.reports.pages import About, table_of, write_page

__all__ = ["Certificate", "render_certificate"]

FILES = {
    "table": "table",
    "file": "file",
    "rows": "rows",
    "rejected": "unreadable",
    "stated": "in the letter",
    "first": "first day",
    "last": "last day",
    "encoding": "encoding",
    "note": "note",
}
WAIVERS = {"waived": "waived", "words": "which is", "reason": "because", "by": "by", "role": "as", "on": "on"}


@dataclass(frozen=True)
class Certificate:
    """What the certificate says."""

    about: About
    files: pd.DataFrame  # table, file, rows, rejected, stated, first, last, encoding, and maybe note
    problems: tuple[str, ...]  # of the intake, that nobody has waived one by one
    phases: pd.DataFrame  # phase, state (passed, waived, blocked, open), because, on
    waivers: pd.DataFrame  # waived, words, reason, by, role, on
    findings: int = 0  # in the files; the report on data quality has them


def render_certificate(inputs: Certificate, folder: Path) -> list[Path]:
    """Write certificate.html; it names every waiver with its person, role, reason and day, or says that there is none."""
    states = inputs.phases["state"].tolist()
    values = {
        "files": table_of(inputs.files, titles=FILES),
        "rows": int(inputs.files["rows"].sum()),
        "unreadable": int(inputs.files["rejected"].sum()),
        "problems": inputs.problems,
        "stand": [(False, problem) for problem in inputs.problems],
        "phases": table_of(inputs.phases),
        "passed": states.count("passed"),
        "expected": len(states),
        "waivers": table_of(inputs.waivers, titles=WAIVERS),
        "findings": inputs.findings,
    }
    title = "Certificate of intake, gates and waivers"
    return [write_page(folder / "certificate.html", "certificate.html.j2", about=inputs.about, title=title, values=values)]
