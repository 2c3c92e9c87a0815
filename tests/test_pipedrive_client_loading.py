"""A whole load into Pipedrive and back, over a network that loses requests and answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
from pipedrive_client_account import LISTED, SCALE, SPEC, account, by_key, client, staged

from workbench.destinations.pipedrive import Pipedrive
from workbench.ledger import Guard, Ledger
from workbench.ledger.guarding.nearby import near_ours
from workbench.ledger.loading import load
from workbench.ledger.unloading import unload
from workbench.rehearsal import VOLATILE, Rehearsal, canonical
from workbench.store import open_store

ROWS = 60
SETTLE = 60.0 / SCALE
FAULTS = ["drop_after=0.05", "drop_before=0.05", "502_after=0.03", "no_id=0.03", "invalid_json=0.02", "swapped=0.02"]


def frames(ids: Mapping[str, Mapping[str, str]], object_: str) -> pd.DataFrame:
    """Sixty rows of an object that point at the rows of the ones before."""
    return pd.DataFrame([{"key": f"s:{object_}:{place}", **row(ids, object_, place)} for place in range(ROWS)])


def row(ids: Mapping[str, Mapping[str, str]], object_: str, n: int) -> dict[str, object]:
    def parent(name: str, place: int) -> str:
        return ids[name][f"s:{name}:{place}"]

    if object_ == "organization":
        return {"name": f"Firm {n}", "city": "Columbus", "employee_count": n, "labels": ["Customer"]}
    if object_ == "person":
        firm = parent("organization", n // 2)
        return {"name": f"Ann {n}", "emails": [f"ann{n}@x.example", "a@y.example"], "mobile_phone": "2", "organization": firm}
    if object_ == "deal":
        worth = {"value": f"{n}.5", "pipeline_stage": "Campaigns/Live", "status": ("Open", "Won", "Lost")[n % 3]}
        return {"title": "Renewal", **worth, "person": parent("person", n), "organization": parent("organization", n // 2)}
    if object_ == "product":
        return {"name": f"Package {n}", "price": f"{n + 1}.5", "unit": "hours"}
    if object_ == "deal_product":
        links = {"deal": parent("deal", n), "product": parent("product", n // 2)}
        return {**links, "item_price": f"{n}.5", "quantity": "1", "comment": "one & all"}
    if object_ == "deal_participant":
        return {"deal": parent("deal", n), "person": parent("person", (n + 1) % ROWS)}
    if object_ == "activity":
        told = {"due_date": "2024-02-29", "done": True, "note": f"line & {n}\nsecond", "participants": parent("person", n)}
        return {"subject": "Call", "type": "Call", **told, "deal": parent("deal", n)}
    if object_ == "file":
        return {**staged(Path(__file__), f"Plan {n}.py"), "activity": parent("activity", n)}
    return {"content": "one text for all notes", "add_time": "2020-01-02T03:04:05+00:00", "deal": parent("deal", n)}


def migrate(guard: Guard, *, certify: bool = False) -> dict[str, dict[str, str]]:
    ids: dict[str, dict[str, str]] = {}
    for object_ in SPEC.objects:
        loaded = load(frames(ids, object_), guard, object_, certify=certify)
        assert loaded.count("done") == ROWS, loaded.frame[loaded.frame["state"] != "done"].to_string()
        assert loaded.certificate is None or loaded.certificate.holds
        ids[object_] = dict(zip(loaded.frame["key"], loaded.frame["id"], strict=True))
    return ids


def guarded(crm: Pipedrive, folder: Path) -> Guard:
    store = open_store(folder / "workbench.db")
    return Ledger(store, engagement_id="e1").guard(crm, settle_seconds=SETTLE)


def settings_of(rehearsal: Rehearsal) -> str:
    return canonical(rehearsal.dump(), volatile=(*VOLATILE, "recycle_bin"))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_load_over_a_bad_network_makes_each_record_once_and_a_rollback_leaves_none(tmp_path: Path, seed: int) -> None:
    with account(tmp_path, faults=FAULTS, seed=seed, settings={"timeout_seconds": 2.0, "lag_seconds": 5.0}) as (crm, rehearsal):
        before = settings_of(rehearsal)
        guard = guarded(crm, tmp_path)
        ids = migrate(guard, certify=True)
        for object_ in SPEC.objects:
            swept = [record for record in near_ours(guard, object_) if record.key]
            assert {record.key: record.id for record in swept} == ids[object_]
            assert len(swept) == ROWS
            wanted = frames(ids, object_).drop(columns=["file", "sha256"], errors="ignore").set_index("key").to_dict("index")
            found = {key: {name: record.values[str(name)] for name in wanted[key]} for key, record in by_key(swept).items()}
            assert found == wanted
        met = rehearsal.log()["fault"].dropna()
        assert len(met) > 20, "the network was good"
        again = guarded(client(rehearsal), tmp_path)
        start = len(rehearsal.log())
        assert migrate(again) == ids
        assert set(rehearsal.log()["method"][start:]) <= {"GET"}
        unloaded = unload(again)
        assert unloaded.complete, unloaded.frame[unloaded.frame["verdict"] != "reversed"].to_string()
        assert json.loads(settings_of(rehearsal)) == json.loads(before)
        assert {kind: len(rows) for kind, rows in rehearsal.dump()["recycle_bin"].items()} == dict.fromkeys(
            (SPEC.objects[name].plural for name in LISTED), ROWS
        )
