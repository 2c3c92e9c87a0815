"""Making the ledger again, stopped at every step of the exchange: nothing that people decided is lost."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from workbench.engagement import Engagement, new_engagement, open_engagement
from workbench.ledger.rebuilding import mend, set_aside
from workbench.stages import rebuilding

ASKED = {"subject": "x", "value": "y", "confidence": 0.5, "reasons": "", "alternatives": [], "shown": ""}


def decided(folder: Path) -> Engagement:
    """An engagement in which a question was put up."""
    address = "http://127.0.0.1:9/crm/sales/api"
    made = new_engagement(folder, route="promio_to_freshsales", base_url=address, plan="growth", key="k" * 20)
    made.decisions.propose("owner", pd.DataFrame([ASKED]))
    made.store.dispose()
    return made


def proposals(folder: Path) -> int:
    opened = open_engagement(folder)
    try:
        return len(opened.decisions.proposals("owner"))
    finally:
        opened.store.dispose()


def nothing_found(engagement: Engagement) -> rebuilding.Rebuilt:
    del engagement
    return rebuilding.Rebuilt(pd.DataFrame({"object": [], "keys": []}), pd.DataFrame(), pd.DataFrame())


def stop(*given: object, **named: object) -> Any:
    raise KeyboardInterrupt


@pytest.mark.parametrize("step", ["set_aside", "_into_place", "replace"])
def test_a_rebuild_that_is_stopped_leaves_the_old_database_and_loses_no_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    root = decided(tmp_path / "e").root
    monkeypatch.setattr(rebuilding, "_filled", nothing_found)
    with monkeypatch.context() as cut:
        if step == "replace":
            real = Path.replace
            cut.setattr(Path, "replace", lambda self, to: stop() if self.name.endswith(".rebuilding") else real(self, to))
        else:
            cut.setattr(rebuilding, step, stop)
        with pytest.raises(KeyboardInterrupt):
            rebuilding.run(root, anyway=True)
    assert proposals(root) == 1
    result = rebuilding.run(root, anyway=True)
    assert proposals(root) == 1 and not result.kept.lost
    assert (root / result.aside).is_file()
    assert not list(root.glob("*.rebuilding*"))


def test_a_database_gets_back_what_belongs_to_it_after_a_power_cut_in_the_exchange(tmp_path: Path) -> None:
    """The -wal had gone, and the new file had not come yet."""
    old = tmp_path / "workbench.db"
    old.write_bytes(b"pages")
    Path(f"{old}-wal").write_bytes(b"newer pages")
    aside = set_aside(old, name="aside-20261122T210000")
    assert aside is not None and old.read_bytes() == aside.read_bytes()
    Path(f"{old}-wal").unlink()
    mend(old)
    assert Path(f"{old}-wal").read_bytes() == b"newer pages"
    Path(f"{old}-wal").unlink()
    old.write_bytes(b"the new ledger")  # once it has come, what belonged to the old one stays away
    mend(old)
    assert not Path(f"{old}-wal").exists()


@pytest.mark.parametrize("prefix", ["sqlite:///", "sqlite+pysqlite:///", ""])
def test_a_database_elsewhere_is_found_by_its_address(tmp_path: Path, prefix: str) -> None:
    path = tmp_path / "x.db"
    settings: Any = SimpleNamespace(store=f"{prefix}{path}")
    assert rebuilding._database(tmp_path, settings) == path
