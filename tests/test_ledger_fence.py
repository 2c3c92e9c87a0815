"""A run that was passed by while its change waited for its turn: it finds out before the first byte leaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from workbench.destinations import Account, Draft, Secret, connect
from workbench.errors import Fenced
from workbench.ledger import Guard, Ledger
from workbench.ledger.writers import Writer
from workbench.rehearsal import Rehearsal, running
from workbench.specs import load_destination
from workbench.store import open_store

TOKEN = "k" * 40
BOTH = pytest.mark.parametrize("vendor", ["freshsales", "pipedrive"])
VALUES = {"freshsales": {"name": "Roof", "amount": 5}, "pipedrive": {"title": "Roof", "value": 5}}


@contextmanager
def desk(vendor: str, folder: Path) -> Iterator[tuple[Rehearsal, Guard, Engine]]:
    """A stand-in, and a guard of a run that holds the ledger and has made one deal."""
    store = open_store(folder / "w.db")
    with running(vendor, state=folder / "tenant.db", token=TOKEN, time_scale=1000) as rehearsal:
        edition, plan = ("suite", "enterprise") if vendor == "freshsales" else ("", "growth")
        client = connect(load_destination(vendor), Account(rehearsal.url, Secret(TOKEN), edition, plan, {}, time_scale=1000))
        for field in client.extra_fields(["deal"]):
            client.create_field(field)
        mine = Ledger(store, engagement_id="e", writer=Writer(store, engagement_id="e", lease_seconds=30.0))
        with mine.claim():
            guard = mine.guard(client, settle_seconds=0.0)
            assert guard.write("deal", [Draft("p:d:0", VALUES[vendor])])[0].state == "done"
            yield rehearsal, guard, store
    store.dispose()


def sent(rehearsal: Rehearsal) -> int:
    """Requests so far that ask for a change."""
    log = rehearsal.log()
    return int(((log["method"] != "GET") & ~log["path"].str.contains("filtered_search")).sum())


def passed_by(rehearsal: Rehearsal, store: Engine, change: Callable[[], object]) -> int:
    """Let another run take over while a change waits, having been told to wait; how many were sent from then on."""
    rehearsal.order_fault("429", method="write", retry_after="2")
    ended: list[BaseException] = []

    def work() -> None:
        try:
            change()
        except BaseException as error:
            ended.append(error)

    before = sent(rehearsal)
    lane = threading.Thread(target=work)
    lane.start()
    while sent(rehearsal) == before:
        time.sleep(0.01)
    with Writer(store, engagement_id="e", lease_seconds=0.1).claim():
        pass
    told = sent(rehearsal)
    lane.join(60)
    assert [type(error) for error in ended] == [Fenced]
    return sent(rehearsal) - told


@BOTH
@pytest.mark.parametrize("verb", ["create", "update", "delete", "restore"])
def test_a_change_that_waited_for_its_turn_is_not_sent_by_a_run_that_was_passed_by(
    vendor: str, verb: str, tmp_path: Path
) -> None:
    with desk(vendor, tmp_path) as (rehearsal, guard, store):
        (record,) = guard.inner.sweep("deal")
        other = dict(VALUES[vendor]) | {"name" if vendor == "freshsales" else "title": "Wall"}
        changes: dict[str, Callable[[], object]] = {
            "create": lambda: guard.write("deal", [Draft("p:d:1", VALUES[vendor])]),
            "update": lambda: guard.write("deal", [Draft("p:d:0", other, record.id)]),
            "delete": lambda: guard.take_away("deal", record.id, before=record),
            "restore": lambda: guard.restore("deal", Draft("p:d:0", other, record.id), before=record),
        }
        assert passed_by(rehearsal, store, changes[verb]) == 0
        (left,) = guard.inner.sweep("deal")
        assert left.values == record.values
