"""What a rollback must not delete: edits made before the sweep or during a wait, activities, documents, leads, late finds."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ledger_desk import TOKEN, desk
from sqlalchemy import Engine
from toy import Toy

from workbench.destinations import Account, Destination, Draft, Outcome, Record, Secret, connect
from workbench.errors import DestinationBusy
from workbench.ledger import Guard, Ledger, unloading
from workbench.ledger.loading import load
from workbench.ledger.unloading import naming, unload
from workbench.rehearsal import Rehearsal, running
from workbench.specs import load_destination
from workbench.store import open_store

PIPEDRIVE_TOKEN = "k" * 40


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Engine]:
    made = open_store(tmp_path / "w.db")
    yield made
    made.dispose()


def guard(store: Engine, destination: Destination) -> Guard:
    return Ledger(store, engagement_id="e").guard(destination, settle_seconds=0.0)


def person(url: str, method: str, path: str, body: Any = None) -> Any:
    """Somebody at work in Freshsales, past the ledger."""
    content = json.dumps(body).encode() if body else None
    headers = {"Authorization": f"Token token={TOKEN}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/{path}", content, headers, method=method)) as answer:
        return json.loads(answer.read())


# ---------------------------------------------------------------- what was seen late


def test_an_edit_between_the_write_and_the_sweep_is_kept(store: Engine) -> None:
    toy = Toy()
    first = guard(store, toy)
    first.write("deal", [Draft("p:d:1", {"name": "a", "amount": "100"})])
    toy.records["1"] = replace(toy.records["1"], values={"name": "a", "amount": "999"})
    first.certify("deal")
    result = unload(guard(store, toy))
    assert "1" in toy.records
    assert "amount" in result.kept["words"][0]


def test_what_the_account_does_to_many_is_no_edit(store: Engine) -> None:
    toy = Toy()
    first = guard(store, toy)
    first.write("deal", [Draft(f"p:d:{n}", {"name": f"Deal {n}", "at": f"2026-01-0{n}T10:00:00Z"}) for n in range(1, 9)])
    for number, record in list(toy.records.items()):
        shown = str(record.values["at"]).replace("Z", "+00:00")
        toy.records[number] = replace(record, values={"name": record.values["name"], "at": shown})
    for number in ("2", "3"):
        toy.records[number] = replace(toy.records[number], values={**toy.records[number].values, "name": "Won"})
    first.certify("deal")
    result = unload(guard(store, toy))
    assert sorted(toy.records) == ["2", "3"]
    assert len(result.reversed) == 6


def test_pipedrive_an_edit_during_the_load_is_kept(tmp_path: Path, store: Engine) -> None:
    with account(tmp_path) as (_, client):
        made = guard(store, client).write("organization", [Draft("p:o:1", {"name": "Acme"})])
        client.write("organization", [Draft("", {"name": "Acme, renamed"}, made[0].id)])
        load(pd.DataFrame({"key": ["p:o:1"], "name": ["Acme"]}), guard(store, client), "organization", certify=True)
        assert unload(guard(store, client)).count("kept") == 1
        assert [record.values["name"] for record in client.sweep("organization")] == ["Acme, renamed"]


# ---------------------------------------------------------------- looks that grow old


def test_a_change_that_waits_too_long_for_its_turn_hangs_on_a_new_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unloading, "STALE", 2.0)
    with desk(tmp_path) as d:
        load(
            pd.DataFrame({"key": ["p:contacts:1"], "last_name": ["N1"], "city": ["Columbus"]}),
            d.again(),
            "contact",
            certify=True,
        )
        number = next(iter(d.client().sweep("contact"))).id
        client: Any = d.client()
        call, take, waited, on = client.http.call, client.http._limiter.take, [], threading.local()

        def waiting(**asked: Any) -> None:
            if getattr(on, "method", "") == "DELETE" and not waited:
                waited.append(1)
                time.sleep(2.5)
                person(d.rehearsal.url, "PUT", f"contacts/{number}", {"contact": {"city": "Boston"}})
            take(**asked)

        def watching(request: Any) -> Any:
            on.method = request.method
            return call(request)

        monkeypatch.setattr(client.http._limiter, "take", waiting)
        monkeypatch.setattr(client.http, "call", watching)
        result = unload(d.again(client))
        assert waited and (result.frame["verdict"] == "kept").all()
        assert "city" in result.kept["words"][0] and result.residual.changes == 0


# ---------------------------------------------------------------- what hangs on a record


def test_freshsales_a_persons_sales_activity_keeps_its_contact(tmp_path: Path) -> None:
    with desk(tmp_path) as d:
        frame = pd.DataFrame({"key": ["p:contacts:1", "p:contacts:2"], "last_name": ["N1", "N2"]})
        load(frame, d.again(), "contact", certify=True)
        ours = {record.key: record.id for record in d.client().sweep("contact")}
        type_ = person(d.rehearsal.url, "GET", "selector/sales_activity_types")["sales_activity_types"][0]["id"]
        visit = {"title": "visit", "start_date": "2026-01-01T10:00:00Z", "end_date": "2026-01-01T11:00:00Z"}
        on = {"sales_activity_type_id": type_, "targetable_type": "Contact", "targetable_id": int(ours["p:contacts:1"])}
        person(d.rehearsal.url, "POST", "sales_activities", {"sales_activity": {**visit, **on}})
        link = {"url": "https://x.example/a", "name": "a", "targetable_type": "Contact"}
        person(d.rehearsal.url, "POST", "document_links", {**link, "targetable_id": int(ours["p:contacts:2"])})
        result = unload(d.again())
        words = dict(zip(result.kept["key"], result.kept["words"], strict=True))
        assert "sales_activity" in words["p:contacts:1"] and "document_link" in words["p:contacts:2"]


def test_pipedrive_leads_are_listed_anew_after_each_look(tmp_path: Path) -> None:
    with account(tmp_path) as (rehearsal, client):
        (made,) = client.write("organization", [Draft("p:o:1", {"name": "Acme"})])
        assert not client.children("organization", made.id)
        body = json.dumps({"title": "Big", "organization_id": int(made.id)}).encode()
        headers = {"x-api-token": PIPEDRIVE_TOKEN, "Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(f"{rehearsal.url}/v1/leads", body, headers, method="POST")).close()
        client.read("organization", [made.id])
        assert [kind for kind, _ in client.children("organization", made.id)] == ["lead"]


@contextmanager
def account(folder: Path) -> Iterator[tuple[Rehearsal, Destination]]:
    """A rehearsal of Pipedrive with the field for our keys, and a client of it."""
    with running("pipedrive", state=folder / "t.db", token=PIPEDRIVE_TOKEN, time_scale=1000) as rehearsal:
        client = connect(load_destination("pipedrive"), Account(rehearsal.url, Secret(PIPEDRIVE_TOKEN), time_scale=1000))
        for plan in client.extra_fields(["organization"]):
            client.create_field(plan)
        yield rehearsal, client


# ---------------------------------------------------------------- stopping


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_ends_what_waits_and_leaves_nothing_unknown(store: Engine, times: int) -> None:
    """One interrupt ends a call that waits for its turn; of one on the wire a second one says that it is left behind."""
    toy, begun, over = Toy(), threading.Event(), threading.Event()
    load(pd.DataFrame({"key": ["p:d:1"], "name": ["a"]}), guard(store, toy), "deal", certify=True)
    stopped: list[float] = []
    hung: list[bool] = []

    def stop(longer: float) -> None:
        stopped.append(longer)
        if times == 1:
            over.set()

    def delete(object_: str, ids: Sequence[str]) -> list[Outcome]:
        begun.set()
        hung.append(not over.wait(300))
        raise DestinationBusy("we were stopped while a call waited for its turn")

    toy.stopped, toy.delete = stop, delete  # type: ignore[method-assign]

    def press() -> None:
        begun.wait()
        for _ in range(times):
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        unload(guard(store, toy))
    behind = unloading.left_behind()
    over.set()
    for lane in behind:
        lane.join(60)
    assert not any(hung) and stopped and len(behind) == times - 1 and "1" in toy.records


# ---------------------------------------------------------------- absence


def test_a_record_that_no_index_shows_is_found_by_a_sweep(store: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(naming.time, "sleep", lambda seconds: None)

    class Behind(Toy):
        """Tells no ids, and its index is behind for ever."""

        def write(self, object_: str, drafts: Sequence[Draft], **more: Any) -> list[Outcome]:
            return [replace(outcome, id="") for outcome in super().write(object_, drafts, **more)]

        def bearing(self, object_: str, keys: Collection[str], *, since: str = "") -> list[Record]:
            return []

    toy = Behind()
    guard(store, toy).write("deal", [Draft("p:d:1", {"name": "a"})])
    result = unload(guard(store, toy))
    assert not toy.records
    assert list(result.frame["id"]) == ["1"]
