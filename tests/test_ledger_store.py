"""The table of operations on both databases: what is written is there, whole, once, and quick."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import programs
import pytest
from counting import waits_of
from sqlalchemy import Engine, inspect, select

from workbench.errors import EditError, Uncertain
from workbench.ledger.bookkeeping import StoreBook
from workbench.ledger.operations import Closing, Intent, Operations, operations
from workbench.ledger.scribe import AT_ONCE, CROWD, Scribe
from workbench.store import open_store, writers, writing

ODD = "O'Brien\x1f\n%s ? :name 50% 漢字 \\ \t “”"


def intent(number: int, **values: object) -> Intent:
    return Intent("contact", f"p:contacts:{number}", "create", {"last_name": f"N{number}", **values})


def commits(store: Engine) -> int:
    with store.connect() as connection:
        return int(connection.scalar(select(writers.c.commits)) or 0)


# ------------------------------------------------------------ rows


def test_an_operation_comes_back_as_it_was_written(store: Engine) -> None:
    ledger = Operations(store, engagement_id="e1")
    asked = Intent("deal", "p:deals:1", "update", {"name": ODD, "amount": 1.5, "none": None}, "77", {"name": "ä"}, 3)
    (op,) = ledger.open("b1", [asked])
    ledger.taken([op], "job-1")
    (row,) = ledger.unsettled("deal")
    assert (row.op, row.object, row.key, row.verb, row.state) == (op, "deal", "p:deals:1", "update", "intent")
    assert (row.id, row.attempt, row.payload, row.pre, row.post) == ("77", 3, asked.payload, asked.pre, None)
    assert (row.job, row.epoch) == ("job-1", 0)
    ledger.close([Closing(op, "done", id="78", words=ODD, post={"name": ODD})])
    (row,) = ledger.where(operations.c.op == op)
    assert (row.state, row.id, row.words, row.post, row.job) == ("done", "78", ODD, {"name": ODD}, "job-1")
    assert not ledger.unsettled()
    Operations(store, engagement_id="e1").where(operations.c.op > 0)  # reads all of it against the seals


def test_empty_parts_of_a_closing_leave_the_row_as_it_is(store: Engine) -> None:
    ledger = Operations(store, engagement_id="e1")
    ops = ledger.open("b1", [intent(1), intent(2)])
    ledger.close([Closing(ops[0], "done", id="5", words="w", post={"a": 1}), Closing(ops[1], "unknown", words="lost")])
    ledger.close([Closing(ops[0], "kept", words="why"), Closing(ops[1], "done", id="6", post={})])
    first, second = ledger.where(operations.c.op > 0)
    assert (first.state, first.id, first.words, first.post) == ("kept", "5", "why", {"a": 1})
    assert (second.state, second.id, second.words, second.post) == ("done", "6", "", {})


def test_the_answer_of_a_destination_is_kept_whatever_stands_in_it(store: Engine) -> None:
    ledger = Operations(store, engagement_id="e1")
    (op,) = ledger.open("b", [intent(1)])
    ledger.close([Closing(op, "rejected", words="NUL \0 and half \ud83d", post={"x": "half \ud83d, NUL \0"})])
    (row,) = ledger.where(operations.c.op == op)
    assert row.words == "NUL \\x00 and half \\ud83d"
    assert row.post == {"x": "half \ud83d, NUL \0"}
    Operations(store, engagement_id="e1").frame()


def test_numbers_follow_the_order_of_the_intents_whoever_writes_beside_them(store: Engine) -> None:
    ledgers = [Operations(store, engagement_id=f"e{number % 2}") for number in range(4)]

    def write(ledger: Operations) -> list[list[int]]:
        return [ledger.open("b", [intent(number) for number in range(7)]) for _ in range(10)]

    with ThreadPoolExecutor(4) as pool:
        batches = [batch for found in pool.map(write, ledgers) for batch in found]
    assert all(batch == sorted(batch) for batch in batches)
    assert len({op for batch in batches for op in batch}) == 4 * 10 * 7
    for ledger in ledgers:
        rows = {row.op: row.key for row in ledger.where(operations.c.op > 0)}
        assert all(
            row == f"p:contacts:{number}" for batch in batches for number, op in enumerate(batch) if (row := rows.get(op))
        )


def test_more_rows_than_one_transaction_takes_are_all_written(store: Engine) -> None:
    ledger = Operations(store, engagement_id="e1")
    ops = ledger.open("b", [intent(number) for number in range(2 * AT_ONCE + 1)])
    assert commits(store) == 3
    ledger.close([Closing(op, "done", id=str(op)) for op in ops])
    assert ledger.pairs("contact", ("done",)) == {f"p:contacts:{number}": str(op) for number, op in enumerate(ops)}
    assert len(ledger.of_keys("contact", [f"p:contacts:{number}" for number in range(2 * AT_ONCE + 1)])) == len(ops)


def test_a_key_that_was_made_twice_has_its_first_id(store: Engine) -> None:
    ledger = Operations(store, engagement_id="e1")
    ops = ledger.open("b", [intent(1), intent(1), intent(2)])
    ledger.close([Closing(op, "done", id=str(100 + number)) for number, op in enumerate(ops)])
    assert ledger.pairs("contact", ("done",)) == {"p:contacts:1": "100", "p:contacts:2": "102"}


def test_walking_along_many_operations_meets_each_once_in_either_direction(
    store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[Operations.__module__], "STEP", 7)
    ledger = Operations(store, engagement_id="e1")
    Operations(store, engagement_id="e2").open("b", [intent(0)])
    ops = ledger.open("b", [intent(number) for number in range(30)])
    assert [row.op for row in ledger.each(operations.c.verb == "create")] == ops
    assert [row.op for row in ledger.each(operations.c.verb == "create", newest_first=True)] == ops[::-1]
    assert [row.op for row in ledger.each(operations.c.key == "p:contacts:3")] == [ops[3]]
    assert not list(ledger.each(operations.c.verb == "delete"))


def test_open_operations_are_found_by_an_index_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    store = open_store(tmp_path_factory.mktemp("index") / "workbench.db")
    with store.connect() as connection:
        wanted = "SELECT op FROM operations WHERE engagement = 'e' AND object = 'o' AND state IN ('intent', 'unknown')"
        plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {wanted}").all())
    store.dispose()
    assert "operations_open" in plan


# ------------------------------------------------------------ group commit


def test_what_many_threads_write_at_once_shares_transactions_and_loses_nothing(store: Engine) -> None:
    ledger = Operations(store, engagement_id="e1")
    start = threading.Barrier(40)

    def write(lane: int) -> None:
        start.wait()
        for number in range(10):
            (op,) = ledger.open("b", [intent(1000 * lane + number)])
            ledger.taken([op], f"job {op}")
            ledger.close([Closing(op, "done", id=f"id {op}")])

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(write, range(40)))
    rows = ledger.where(operations.c.state == "done")
    assert len({row.key for row in rows}) == len(rows) == 400
    assert all(row.id == f"id {row.op}" and row.job == f"job {row.op}" for row in rows)
    assert commits(store) < 3 * 400 / 4
    Operations(store, engagement_id="e1").frame()


def test_a_lone_caller_waits_for_no_company() -> None:
    scribe = Scribe[int, int](lambda sheets: sheets, rows=lambda sheet: 1)
    assert waits_of(lambda: [scribe.write(number) for number in range(1000)]) < 100


def test_where_many_threads_write_all_the_time_they_wait_for_one_another_although_the_disk_is_quick() -> None:
    groups: list[int] = []

    def commit(sheets: Sequence[int]) -> Sequence[int]:
        groups.append(len(sheets))
        return sheets

    scribe = Scribe[int, int](commit, rows=lambda sheet: 1)
    until = time.monotonic() + 60

    def write(lane: int) -> bool:
        while sum(size >= CROWD for size in groups) < 10 and time.monotonic() < until:
            time.sleep(0.005)  # as a call takes its time
            assert scribe.write(lane) == lane
        return time.monotonic() < until

    with ThreadPoolExecutor(24) as pool:
        assert all(pool.map(write, range(24)))


class Slow:
    """A commit that can be held, and that remembers its groups."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.entered = threading.Event()
        self.groups: list[list[int]] = []

    def __call__(self, sheets: Sequence[int]) -> list[str]:
        self.groups.append(list(sheets))
        self.entered.set()
        assert self.go_on.wait(60)
        if any(sheet < 0 for sheet in sheets):
            raise EditError(f"no {min(sheets)}")
        return [str(sheet) for sheet in sheets]


def _queued(scribe: Scribe[int, str], count: int) -> None:
    for _ in range(1000):
        if len(scribe._queue) == count:
            return
        time.sleep(0.01)
    raise AssertionError("they do not queue")


def test_whoever_waits_is_written_next_all_together_and_each_gets_his_own_answer() -> None:
    commit = Slow()
    scribe = Scribe[int, str](commit, rows=lambda sheet: 1)
    with ThreadPoolExecutor(30) as pool:
        first = pool.submit(scribe.write, 0)
        assert commit.entered.wait(60)
        others = [pool.submit(scribe.write, number) for number in range(1, 30)]
        _queued(scribe, 29)
        commit.go_on.set()
        assert first.result(60) == "0"
        assert [each.result(60) for each in others] == [str(number) for number in range(1, 30)]
    assert [len(group) for group in commit.groups] == [1, 29]


def test_a_transaction_takes_no_more_rows_than_it_may() -> None:
    commit = Slow()
    scribe = Scribe[int, str](commit, rows=lambda sheet: 200)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(scribe.write, 0)
        assert commit.entered.wait(60)
        others = [pool.submit(scribe.write, number) for number in range(1, 8)]
        _queued(scribe, 7)
        commit.go_on.set()
        assert {each.result(60) for each in [first, *others]} == {str(number) for number in range(8)}
    assert max(len(group) for group in commit.groups) == AT_ONCE // 200


def test_an_error_reaches_every_caller_of_the_transaction_and_nobody_else() -> None:
    commit = Slow()
    scribe = Scribe[int, str](commit, rows=lambda sheet: 1)
    with ThreadPoolExecutor(10) as pool:
        first = pool.submit(scribe.write, 0)
        assert commit.entered.wait(60)
        others = [pool.submit(scribe.write, number) for number in (1, -7, 3)]
        _queued(scribe, 3)
        commit.go_on.set()
        assert first.result(60) == "0"
        for each in others:
            with pytest.raises(EditError, match="no -7"):
                each.result(60)
    assert scribe.write(8) == "8"


def test_an_interrupt_of_the_leader_leaves_nobody_hanging_and_nobody_believing() -> None:
    commit = Slow()
    seen: list[str] = []

    def interrupted(sheets: Sequence[int]) -> list[str]:
        answers = commit(sheets)
        if 1 in sheets:
            raise KeyboardInterrupt
        return answers

    scribe = Scribe[int, str](interrupted, rows=lambda sheet: 1)

    def call(number: int) -> None:
        try:
            seen.append(scribe.write(number))
        except (KeyboardInterrupt, Uncertain) as error:
            seen.append(type(error).__name__)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    threads[0].start()
    assert commit.entered.wait(60)
    for waiting, thread in enumerate(threads[1:], start=1):
        thread.start()
        _queued(scribe, waiting)
    commit.go_on.set()
    for thread in threads:
        thread.join(60)
    assert sorted(seen) == ["0", "KeyboardInterrupt", "Uncertain", "Uncertain"]
    assert scribe.write(9) == "9"


def test_an_interrupt_of_one_that_waits_leaves_no_row_and_no_pen_behind() -> None:
    commit = Slow()
    scribe = Scribe[int, str](commit, rows=lambda sheet: 1)
    threads = ThreadPoolExecutor(2)
    first = threads.submit(scribe.write, 0)
    assert commit.entered.wait(60)
    later = threading.Timer(0.3, signal.pthread_kill, [threading.get_ident(), signal.SIGINT])
    later.start()
    with pytest.raises(KeyboardInterrupt):
        scribe.write(1)  # here in the main thread, where an interrupt arrives
    last = threads.submit(scribe.write, 2)
    _queued(scribe, 1)
    commit.go_on.set()
    assert (first.result(60), last.result(60)) == ("0", "2")
    assert commit.groups == [[0], [2]]
    threads.shutdown()


WRITING = """
import sys, threading
from workbench.ledger.operations import Closing, Intent, Operations
from workbench.store import open_store
ledger = Operations(open_store(sys.argv[1]), engagement_id="e1")
telling = threading.Lock()
def tell(*words):
    with telling:
        print(*words, flush=True)
def write(lane):
    for number in range(100000):
        (op,) = ledger.open("b", [Intent("contact", f"{lane}-{number}", "create", {"n": number})])
        tell(op, "intent")
        ledger.close([Closing(op, "done", id=str(op))])
        tell(op, "done")
for lane in range(12):
    threading.Thread(target=write, args=(lane,), daemon=True).start()
threading.Event().wait(60)
"""


@pytest.mark.parametrize("seed", range(3))
def test_whatever_a_call_returned_for_survives_a_kill(address: str, seed: int) -> None:
    child = programs.started(["-c", WRITING, address], stdout=subprocess.PIPE)
    with child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(13)]
        timer = threading.Timer(random.Random(seed).uniform(0.1, 0.6), child.kill)
        timer.start()
        told += child.stdout.readlines()
    store = open_store(address)
    ledger = Operations(store, engagement_id="e1")
    states = {row.op: row.state for row in ledger.where(operations.c.op > 0)}
    said = [(int(words[0]), words[1]) for line in told if line.endswith("\n") and (words := line.split())]
    assert len(said) > 12
    assert not [op for op, state in said if states.get(op) not in ((state,) if state == "done" else ("intent", "done"))]
    store.dispose()


# ------------------------------------------------------------ older databases

OLD = (
    "CREATE TABLE schema_version (version INTEGER NOT NULL, at TEXT NOT NULL, PRIMARY KEY (version))",
    "INSERT INTO schema_version VALUES (1, '2026-11-01T00:00:00.000000+00:00')",
    "CREATE TABLE operations (op {serial} NOT NULL, engagement TEXT NOT NULL, batch TEXT NOT NULL, object TEXT NOT NULL, "
    "key TEXT NOT NULL, verb TEXT NOT NULL, state TEXT NOT NULL, id TEXT NOT NULL, attempt INTEGER NOT NULL, "
    "payload_sha TEXT NOT NULL, payload TEXT NOT NULL, pre TEXT, post TEXT, words TEXT NOT NULL, at TEXT NOT NULL, "
    "PRIMARY KEY (op))",
    "CREATE INDEX operations_key ON operations (engagement, object, key)",
    "CREATE INDEX operations_id ON operations (engagement, object, id)",
    "CREATE INDEX operations_state ON operations (engagement, state, object)",
)
OLD_ROW = (
    "INSERT INTO operations (engagement, batch, object, key, verb, state, id, attempt, payload_sha, payload, pre, post, words, "
    "at) "
    "VALUES ('{engagement}', 'b', 'contact', 'k{n}', 'create', '{state}', '{n}', 1, 's', '{{\"a\":{n}}}', NULL, NULL, '', 't')"
)


def _age(address: str) -> None:
    """Make of a new database one as the workbench of the schema's first version left it, with three operations."""
    store = open_store(address)
    with writing(store) as connection:
        for table in ("operations", "writers", "books", "schema_version"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        for statement in OLD:
            connection.exec_driver_sql(statement.format(serial="INTEGER" if store.dialect.name == "sqlite" else "SERIAL"))
        for n, engagement, state in ((1, "e1", "done"), (2, "e2", "done"), (3, "e1", "intent")):
            connection.exec_driver_sql(OLD_ROW.format(n=n, engagement=engagement, state=state))
    store.dispose()


def test_a_ledger_of_an_earlier_workbench_is_sealed_and_goes_on(address: str) -> None:
    _age(address)
    store = open_store(address)
    names = {index["name"] for index in inspect(store).get_indexes("operations")}
    assert names == {"operations_key", "operations_id", "operations_open"}
    ledger = Operations(store, engagement_id="e1")
    assert [(row.op, row.state, row.job, row.epoch) for row in ledger.where(operations.c.op > 0)] == [
        (1, "done", "", 0),
        (3, "intent", "", 0),
    ]
    (op,) = ledger.open("b", [intent(9)])
    assert op == 4
    ledger.close([Closing(3, "done", id="30")])
    assert ledger.pairs("contact", ("done",)) == {"k1": "1", "k3": "30"}
    assert len(Operations(store, engagement_id="e1").frame()) == 3
    assert len(Operations(store, engagement_id="e2").frame()) == 1
    store.dispose()


def test_an_aged_ledger_that_is_changed_after_it_was_sealed_is_refused(address: str) -> None:
    _age(address)
    store = open_store(address)
    with writing(store) as connection:
        connection.exec_driver_sql("UPDATE operations SET id = '999' WHERE op = 1")
    with pytest.raises(Exception, match="operation 1"):
        Operations(store, engagement_id="e1").frame()
    store.dispose()


# ------------------------------------------------------------ books


def test_a_book_keeps_the_last_text_for_the_next_run(address: str) -> None:
    store = open_store(address)
    book = StoreBook(store, engagement_id="e1", name="limits")
    assert book.read() == ""
    book.keep("one")
    book.keep(ODD)
    StoreBook(store, engagement_id="e1", name="other").keep("other")
    StoreBook(store, engagement_id="e2", name="limits").keep("another engagement")
    store.dispose()
    again = open_store(address)
    assert StoreBook(again, engagement_id="e1", name="limits").read() == ODD
    again.dispose()


def test_a_book_that_many_threads_keep_holds_one_of_their_texts(store: Engine) -> None:
    book = StoreBook(store, engagement_id="e1", name="limits")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(book.keep, [f"text {number}" for number in range(40)]))
    assert book.read() in {f"text {number}" for number in range(40)}


def test_an_operation_of_another_engagement_is_not_closed(store: Engine) -> None:
    (op,) = Operations(store, engagement_id="e1").open("b", [intent(1)])
    with pytest.raises(Exception, match=f"operation {op}"):
        Operations(store, engagement_id="e2").close([Closing(op, "done")])
    assert Operations(store, engagement_id="e1").unsettled()


def test_the_same_intent_in_another_order_of_fields_has_the_same_digest(store: Engine) -> None:
    ledger = Operations(store, engagement_id="e1")
    one = Intent("contact", "k", "create", {"a": 1, "b": 2})
    ledger.open("b", [one, replace(one, payload={"b": 2, "a": 1, "c": None})])
    rows = ledger.where(operations.c.op > 0)
    assert rows[0].payload_sha == rows[1].payload_sha
