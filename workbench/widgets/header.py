"""The head of a notebook: whose migration this is, which phase, and what exactly it ran on."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version

import pandas as pd

from workbench.engagement import Engagement
from workbench.specs import digest
from workbench.widgets.tracebacks import shorten
from workbench.widgets.twin import Twin

__all__ = ["header"]

KINDS = ("scope", "field", "value", "owner", "duplicate", "link")
LIBRARIES = ("crm-migration-workbench", "pandas", "great-expectations")
SHORT = 12


def header(engagement: Engagement, phase: str) -> Twin:
    """Customer, route, phase, digests of what the phase works from, and versions, as a frame of `what` and `is`."""
    shorten()
    lines = [
        ("customer", engagement.settings.customer or "–"),
        ("route", engagement.route.title),
        ("phase", phase),
        ("destination", f"{engagement.destination.label}, {engagement.settings.edition}"),
        *((f"exports · {name}", _exports(engagement, name)) for name in engagement.deliveries()),
        ("route file", digest(engagement.route)[:SHORT]),
        ("decisions", engagement.decisions.digest(*KINDS)[:SHORT]),
        ("versions", ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in LIBRARIES)])),
    ]
    frame = pd.DataFrame(lines, columns=["what", "is"])
    view = frame[~frame["what"].isin(["route", "phase"])]  # the title says them
    return Twin(f"{engagement.route.title} · {phase}", "", frame, view=view, paired=True)


def _exports(engagement: Engagement, delivery: str) -> str:
    """How many files, and one digest over the names and bytes of all of them."""
    folder = engagement.exports(delivery)
    whole = hashlib.sha256()
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        with path.open("rb") as stream:
            whole.update(
                f"{path.relative_to(folder).as_posix()}\0{hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode()
            )
    return f"{len(files)} {'file' if len(files) == 1 else 'files'}, {whole.hexdigest()[:SHORT]}"
