"""Of two that want to write to a ledger at most one does, whatever is paused, killed, copied or set to another time."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import programs
import pytest
import time_machine
from sqlalchemy import Engine, event, select
from sqlalchemy.engine.interfaces import DBAPICursor

from tests.conftest import Server
from workbench.errors import EditError, EngagementLocked, Fenced
from workbench.ledger.operations import Closing, Intent, Operations, operations
from workbench.ledger.writers import Writer
from workbench.store import open_store, writers, writing

LEASE = 0.9

HOLDING = """
import sys, time_machine
from workbench.errors import WorkbenchError
from workbench.ledger.operations import Closing, Intent, Operations
from workbench.ledger.writers import Writer
from workbench.store import open_store
address, lease, day = sys.argv[1], float(sys.argv[2]), sys.argv[3]
if day:
    time_machine.travel(day, tick=True).start()
store = open_store(address)
writer = Writer(store, engagement_id="e1", lease_seconds=lease)
ledger = Operations(store, engagement_id="e1", writer=writer)
try:
    with writer.claim():
        print("held", writer.epoch, flush=True)
        for line in sys.stdin:
            try:
                ops = ledger.open("b", [Intent("contact", line.strip(), "create", {"n": 1})])
                print("open", ops[0], flush=True)
            except WorkbenchError as error:
                print(type(error).__name__, flush=True)
except WorkbenchError as error:
    print(type(error).__name__, flush=True)
print("over", flush=True)
"""


class Other:
    """Another process that claims the ledger, and writes a row for each line that it is told."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def write(self, key: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{key}\n")
        self.process.stdin.flush()
        return self.hear()

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)


@contextmanager
def another(address: str, *, lease: float = 60.0, day: str = "") -> Iterator[Other]:
    arguments = ["-c", HOLDING, address, str(lease), day]
    with programs.started(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Other(process)
        finally:
            process.kill()


def ledger_of(store: Engine, *, lease: float = LEASE) -> Operations:
    return Operations(store, engagement_id="e1", writer=Writer(store, engagement_id="e1", lease_seconds=lease))


def intent(key: str) -> Intent:
    return Intent("contact", key, "create", {"last_name": key})


def keys(store: Engine) -> list[str]:
    return [row.key for row in Operations(store, engagement_id="e1").where(operations.c.op > 0)]


# ------------------------------------------------------------ two that want to


def test_while_one_gives_signs_of_life_another_is_told_who_he_is(address: str) -> None:
    with another(address, lease=LEASE) as other:
        assert other.hear() == "held 1"
        store = open_store(address)
        with pytest.raises(EngagementLocked, match=f"process {other.process.pid}"), ledger_of(store).writer.claim():
            raise AssertionError("both hold it")
        assert other.write("k1").startswith("open")
        store.dispose()


def test_nobody_writes_beside_a_holder_without_claiming(address: str) -> None:
    with another(address) as other:
        assert other.hear() == "held 1"
        store = open_store(address)
        with pytest.raises(EngagementLocked, match=f"process {other.process.pid}"):
            ledger_of(store).open("b", [intent("mine")])
        other.end()
        assert len(ledger_of(store).open("b", [intent("mine")])) == 1
        store.dispose()


def test_a_holder_that_was_killed_is_not_waited_for(address: str) -> None:
    with another(address) as other:
        assert other.hear() == "held 1"
        assert other.write("k1").startswith("open")
        other.process.kill()
        other.process.wait(60)
        store = open_store(address)
        ledger = ledger_of(store, lease=600)
        began = time.monotonic()
        with ledger.writer.claim():
            assert time.monotonic() - began < 60
            assert ledger.writer.epoch == 2
            (op,) = ledger.open("b", [intent("k2")])
        assert [row.epoch for row in ledger.where(operations.c.op == op)] == [2]
        assert keys(store) == ["k1", "k2"]
        store.dispose()


def test_a_paused_loader_that_wakes_after_its_lease_fails_at_its_next_intent(address: str) -> None:
    with another(address) as zombie:
        assert zombie.hear() == "held 1"
        assert zombie.write("before").startswith("open")
        zombie.process.send_signal(signal.SIGSTOP)
        store = open_store(address)
        ledger = ledger_of(store)
        began = time.monotonic()
        with ledger.writer.claim():
            assert time.monotonic() - began >= LEASE
            ledger.open("b", [intent("mine")])
            zombie.process.send_signal(signal.SIGCONT)
            assert zombie.write("zombie") == "Fenced"
            assert zombie.write("zombie again") == "Fenced"
            ledger.open("b", [intent("mine too")])
        assert zombie.write("zombie at last") == "Fenced"
        zombie.end()
        assert zombie.hear() == "over"
        assert keys(store) == ["before", "mine", "mine too"]
        assert len(ledger_of(store).open("b", [intent("after")])) == 1  # the zombie's end released nothing of ours
        store.dispose()


def test_the_end_of_one_that_was_passed_by_does_not_end_the_claim_of_the_other(address: str) -> None:
    with another(address) as zombie:
        assert zombie.hear() == "held 1"
        zombie.process.send_signal(signal.SIGSTOP)
        store = open_store(address)
        ledger = ledger_of(store)
        with ledger.writer.claim():
            zombie.process.send_signal(signal.SIGCONT)
            zombie.end()
            assert zombie.hear() == "over"
            assert ledger.open("b", [intent("mine")])
            third = open_store(address)
            with pytest.raises(EngagementLocked), ledger_of(third).writer.claim():
                raise AssertionError("both hold it")
            third.dispose()
        store.dispose()


def test_the_outcome_of_a_loader_that_was_passed_by_is_not_written_either(address: str) -> None:
    first, second = open_store(address), open_store(address)
    slow, quick = ledger_of(first), ledger_of(second)
    (op,) = slow.open("b", [intent("k1")])
    with quick.writer.claim():
        with pytest.raises(Fenced, match="taken over") as told:
            slow.close([Closing(op, "done", id="7")])
        with pytest.raises(Fenced):
            slow.taken([op], "job")
    for part in ("expected: epoch 0", "found: epoch 1", "where: ", "→ end this run"):
        assert part in str(told.value)
    assert [(row.state, row.id, row.job) for row in quick.unsettled()] == [("intent", "", "")]
    with pytest.raises(Fenced):  # what it believes may be long past, even after the other has ended
        slow.close([Closing(op, "done", id="7")])
    first.dispose()
    second.dispose()


def test_one_run_claims_once_at_a_time_and_all_its_ledgers_write(store: Engine) -> None:
    writer = Writer(store, engagement_id="e1")
    with writer.claim():
        with pytest.raises(EngagementLocked, match="this very run"), writer.claim():
            raise AssertionError("twice")
        for _ in range(2):
            Operations(store, engagement_id="e1", writer=writer).open("b", [intent("k")])
        assert writer.epoch == 1
    with writer.claim():
        assert writer.epoch == 2
    with store.connect() as connection:
        row = connection.execute(select(writers)).one()
    assert (row.token, row.holder, row.place) == ("", "", "")


def test_of_many_that_claim_at_once_one_gets_it(address: str) -> None:
    stores = [open_store(address) for _ in range(6)]
    got: list[int] = []
    refused: list[int] = []
    here = threading.Barrier(6)
    over = threading.Event()

    def claim(number: int) -> None:
        here.wait()
        try:
            with ledger_of(stores[number]).writer.claim():
                got.append(number)
                over.wait(60)
        except EngagementLocked:
            refused.append(number)
            if len(refused) == 5:
                over.set()

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 5)
    for store in stores:
        store.dispose()


def test_a_ledger_that_another_begins_between_our_two_looks_has_not_lost_its_head(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, there = (open_store(address) for address in [postgres.database()] * 2)
    late, looks = Writer(store, engagement_id="e1"), list[object]()
    look = late._found

    def looked(cursor: DBAPICursor) -> object:
        found = look(cursor)
        if not looks:
            ledger_of(there).open("b", [intent("first")])
        looks.append(found)
        return found

    monkeypatch.setattr(late, "_found", looked)
    Operations(store, engagement_id="e1", writer=late).open("b", [intent("second")])
    assert looks[0] is None and keys(store) == ["first", "second"]
    for each in (store, there):
        each.dispose()


def test_engagements_in_one_database_do_not_hold_each_other(store: Engine) -> None:
    one, other = (Writer(store, engagement_id=name) for name in ("e1", "e2"))
    with one.claim(), other.claim():
        Operations(store, engagement_id="e1", writer=one).open("b", [intent("k")])
        Operations(store, engagement_id="e2", writer=other).open("b", [intent("k")])


def test_a_claim_that_the_disk_refuses_leaves_the_run_without_one(tmp_path: Path) -> None:
    store = open_store(tmp_path / "workbench.db")
    ledger = ledger_of(store)
    ledger.open("b", [intent("k1")])
    refusing = True

    def refuse(connection: object) -> None:
        if refusing:
            raise EditError("the disk is full")

    event.listen(store, "commit", refuse)
    with pytest.raises(EditError), ledger.writer.claim():
        raise AssertionError("held without being written")
    refusing = False
    ledger.open("b", [intent("k2")])
    with ledger.writer.claim():
        assert ledger.writer.epoch == 1
    store.dispose()


# ------------------------------------------------------------ clocks, pauses, machines


@pytest.mark.parametrize("days", [-1, 1])
def test_a_clock_that_is_a_day_off_gives_nobody_the_right_to_write(address: str, days: int) -> None:
    other_day = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    with another(address, lease=LEASE, day=other_day) as other:
        assert other.hear() == "held 1"
        store = open_store(address)
        with pytest.raises(EngagementLocked), ledger_of(store).writer.claim():
            raise AssertionError("both hold it")
        with (
            time_machine.travel(datetime.now(UTC) + timedelta(days=3 * days), tick=True),
            pytest.raises(EngagementLocked),
            ledger_of(store).writer.claim(),
        ):
            raise AssertionError("both hold it")
        assert other.write("still mine").startswith("open")
        store.dispose()


def test_a_holder_that_waits_for_the_next_hour_keeps_his_lease(store: Engine, address: str) -> None:
    ledger = ledger_of(store)
    with ledger.writer.claim():
        time.sleep(2 * LEASE)  # nothing to commit
        there = open_store(address)
        with pytest.raises(EngagementLocked), ledger_of(there).writer.claim():
            raise AssertionError("both hold it")
        there.dispose()
        ledger.open("b", [intent("k")])


def test_commits_are_signs_of_life_by_themselves(address: str) -> None:
    with another(address, lease=600) as busy:  # its beats would come too late
        assert busy.hear() == "held 1"
        store = open_store(address)
        over = threading.Event()

        def work() -> None:
            while not over.wait(0.1):
                assert busy.write("k").startswith("open")

        working = threading.Thread(target=work)
        working.start()
        with pytest.raises(EngagementLocked), ledger_of(store).writer.claim():
            raise AssertionError("both hold it")
        over.set()
        working.join()
        store.dispose()


def test_a_holder_on_another_machine_is_waited_for_even_if_no_process_here_has_his_number(tmp_path: Path) -> None:
    store = open_store(tmp_path / "workbench.db")
    gone = ledger_of(store)
    with gone.writer.claim(), writing(store) as connection:
        connection.exec_driver_sql("UPDATE writers SET place = 'process another-boot pid:[1] 999999 1'")
        held = connection.exec_driver_sql("SELECT * FROM writers").one()
    with writing(store) as connection:  # as it stood while he held it
        marks = ", ".join(f"{name} = ?" for name in held._fields)
        connection.exec_driver_sql(f"UPDATE writers SET {marks}", tuple(held))
    (path := tmp_path / "workbench.db-mark-e1").unlink()
    began = time.monotonic()
    with ledger_of(store).writer.claim():
        assert time.monotonic() - began >= LEASE
    assert path.exists()
    store.dispose()


def test_a_session_that_the_server_has_ended_frees_the_claim_at_once(postgres: Server) -> None:
    address = postgres.database()
    with another(address) as other:
        assert other.hear() == "held 1"
        other.process.send_signal(signal.SIGSTOP)  # as a machine that is gone: nothing answers for it
        store = open_store(address)
        with store.connect() as connection:
            lock = (
                "SELECT pid FROM pg_locks JOIN pg_database d ON d.oid = database WHERE locktype = 'advisory' AND datname = %s"
            )
            session = connection.exec_driver_sql(lock, (store.url.database,)).scalar()
        postgres.end(int(session or 0))
        ledger = ledger_of(store, lease=600)
        began = time.monotonic()
        with ledger.writer.claim():
            assert time.monotonic() - began < 60
            other.process.send_signal(signal.SIGCONT)
            assert other.write("zombie") == "Fenced"
        store.dispose()


def test_who_took_over_from_a_paused_session_is_not_mistaken_for_gone(postgres: Server) -> None:
    address = postgres.database()
    with another(address) as zombie:
        assert zombie.hear() == "held 1"
        zombie.process.send_signal(signal.SIGSTOP)
        store = open_store(address)
        ledger = ledger_of(store)
        with ledger.writer.claim():  # without the lock of the session, which the paused one still has
            zombie.process.kill()
            zombie.process.wait(60)
            third = open_store(address)
            with pytest.raises(EngagementLocked, match=f"process {os.getpid()}"), ledger_of(third).writer.claim():
                raise AssertionError("both hold it")
            third.dispose()
            ledger.open("b", [intent("mine")])
        store.dispose()
