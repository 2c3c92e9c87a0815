"""Read a sample's source through its own API, as a consultant would: its stand-in is started, and the extraction asks it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from sample_exports.samples import Sample
from workbench import rehearsal
from workbench.engagement import Engagement, open_engagement
from workbench.extraction import Extraction, extract
from workbench.settings import SOURCE_CREDENTIALS, write_private, write_settings

__all__ = ["Taken", "take"]


@dataclass(frozen=True)
class Taken:
    """A delivery that the extraction has brought, and the engagement opened again with the address it came from."""

    engagement: Engagement
    extraction: Extraction
    delivery: str


def take(engagement: Engagement, sample: Sample, delivery: str, *, folder: Path, time_scale: float) -> Taken:
    """Extract one delivery from a stand-in that serves the sample's tenant of that day; its state lies in ``folder``."""
    source, key = sample.route.source, secrets.token_hex(16)
    _sign_in(engagement.root, source, key)
    state = folder / f"{source}-{delivery}.db"
    with rehearsal.running(source, state=state, token=key, tenant=sample.states[delivery], time_scale=time_scale) as stand_in:
        there = {**engagement.settings.source, "url": stand_in.url, "time_scale": time_scale}
        engagement.store.dispose()
        write_settings(engagement.root, engagement.settings.model_copy(update={"source": there}))
        addressed = open_engagement(engagement.root)
        return Taken(addressed, extract(addressed, delivery=delivery), delivery)


def _sign_in(root: Path, source: str, key: str) -> None:
    """Keep the key of the stand-in, and the user that it knows where it asks for one, as those of a real account are kept."""
    vendor = import_module(f"workbench.rehearsal.{source}")
    signed = {"key": key, "user": getattr(vendor, "USER", ""), "password": getattr(vendor, "PASSWORD", "")}
    write_private(root / SOURCE_CREDENTIALS, json.dumps({name: text for name, text in signed.items() if text}))
