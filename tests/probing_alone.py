"""A run of Pipedrive's probes, also in a process of its own, which a test may kill."""

from __future__ import annotations

import sys
from pathlib import Path

from workbench.destinations import Account, Secret, connect
from workbench.ledger import Ledger
from workbench.ledger.probing import Probed, probe
from workbench.specs import load_destination
from workbench.store import open_store

__all__ = ["SCALE", "TOKEN", "probed"]

TOKEN = "k" * 40
SCALE = 200.0


def probed(url: str, folder: Path) -> Probed:
    """One run over a ledger of its own, as an engagement would do it."""
    client = connect(load_destination("pipedrive"), Account(url, Secret(TOKEN), "standard", "growth", {}, SCALE))
    store = open_store(folder / "ledger.db")
    try:
        return probe(Ledger(store, engagement_id="e").guard(client, settle_seconds=60 / SCALE))
    finally:
        store.dispose()


if __name__ == "__main__":
    probed(sys.argv[1], Path(sys.argv[2]))
