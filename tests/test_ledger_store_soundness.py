"""A ledger opens only as it was written: changed, cut off, exchanged or damaged, it is refused."""

from __future__ import annotations

import random
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from workbench.destinations import Account, Draft, Secret, connect
from workbench.errors import EditError, IntegrityError, WorkbenchError
from workbench.ledger import Ledger
from workbench.ledger.operations import Closing, Intent, Operation, Operations, operations
from workbench.ledger.soundness import Mark, check
from workbench.ledger.writers import Writer
from workbench.rehearsal import running
from workbench.specs import load_destination
from workbench.store import open_store, writing
from workbench.store.sealing import SEALED, seal

PARTS = ("workbench.db", "workbench.db-wal", "workbench.db-mark-e1")
TRIALS = {PARTS[0]: 120, PARTS[1]: 70, PARTS[2]: 10}
PAGE, FRAME, WAL_HEADER = 4096, 4096 + 24, 32


def intent(number: int) -> Intent:
    return Intent("contact", f"p:contacts:{number}", "create", {"last_name": f"N{number}", "city": "Wien"})


def fill(ledger: Operations, count: int, *, at: int = 5) -> None:
    for start in range(0, count, at):
        ops = ledger.open(f"b{start}", [intent(number) for number in range(start, start + at)])
        ledger.close([Closing(op, "done", id=str(1000 + op), words="ok", post={"n": op}) for op in ops[:-1]])


def filled(store: Engine, count: int = 20) -> Operations:
    ledger = Operations(store, engagement_id="e1")
    fill(ledger, count)
    return ledger


def rows_of(store: Engine) -> list[Operation]:
    return Operations(store, engagement_id="e1").where(operations.c.op > 0)


def alter(store: Engine, *statements: str) -> None:
    with writing(store) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


# ------------------------------------------------------------ hands


@pytest.mark.parametrize("column", [name for name in SEALED if name not in ("op", "engagement")])
def test_a_changed_value_is_refused_and_its_operation_named(store: Engine, column: str) -> None:
    filled(store)
    new = {"attempt": "7", "epoch": "7", "pre": "'{}'"}.get(column, f"{column} || 'x'")
    alter(store, f"UPDATE operations SET {column} = {new} WHERE op = 7")
    for touch in (rows_of, lambda there: filled(there), lambda there: check(there, engagement_id="e1")):
        with pytest.raises(IntegrityError, match=r"operation 7 \(create") as told:
            touch(store)
    assert "rebuild-ledger" in str(told.value)


CHANGES: dict[str, tuple[str, ...]] = {
    "a row is gone": ("DELETE FROM operations WHERE op = 9",),
    "the last row is gone": ("DELETE FROM operations WHERE op = (SELECT max(op) FROM operations)",),
    "all rows are gone": ("DELETE FROM operations",),
    "a row has another number": ("UPDATE operations SET op = 999 WHERE op = 9",),
    "a row went to another engagement": ("UPDATE operations SET engagement = 'e2' WHERE op = 9",),
    "two rows have changed their seals": (
        "UPDATE operations SET seal = (SELECT sum(seal) FROM operations o WHERE o.op IN (3, 4)) - seal WHERE op IN (3, 4)"
        " AND (SELECT abs(seal / 4) FROM operations o WHERE o.op = 3) > 0",
    ),
    "the head is gone": ("DELETE FROM writers",),
    "the head counts otherwise": ("UPDATE writers SET rows = rows - 1",),
    "an epoch was put back": ("UPDATE writers SET epoch = epoch - 1",),
    "a claim was put in": ("UPDATE writers SET token = 'x'",),
    "the total is another": ("UPDATE writers SET total = total / 2",),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_ledger_that_was_changed_by_hand_is_refused(store: Engine, what: str) -> None:
    filled(store)
    if "seals" in what:  # in numbers that stay within 64 bits
        with writing(store) as connection:
            three, four = connection.exec_driver_sql("SELECT seal FROM operations WHERE op IN (3, 4) ORDER BY op").scalars()
            connection.exec_driver_sql(f"UPDATE operations SET seal = {four} WHERE op = 3")
            connection.exec_driver_sql(f"UPDATE operations SET seal = {three} WHERE op = 4")
    else:
        alter(store, *CHANGES[what])
    with pytest.raises(IntegrityError):
        rows_of(store)
    with pytest.raises(IntegrityError), Writer(store, engagement_id="e1").claim():
        raise AssertionError("claimed")


def test_a_row_that_was_put_in_is_refused_though_its_own_seal_fits(store: Engine) -> None:
    filled(store)
    with writing(store) as connection:
        names = ", ".join(SEALED)
        row = list(connection.exec_driver_sql(f"SELECT {names} FROM operations WHERE op = 3").one())
        row[SEALED.index("op")] = 500
        place = "?" if store.dialect.name == "sqlite" else "%s"
        marks = ", ".join([place] * (len(row) + 1))
        connection.exec_driver_sql(f"INSERT INTO operations ({names}, seal) VALUES ({marks})", (*row, seal(row)))
    with pytest.raises(IntegrityError, match="21 operations where 20 were written"):
        rows_of(store)


def test_a_row_that_took_the_place_of_another_is_refused_though_its_own_seal_fits(store: Engine) -> None:
    filled(store)
    with writing(store) as connection:
        row = list(connection.exec_driver_sql(f"SELECT {', '.join(SEALED)} FROM operations WHERE op = 3").one())
        row[SEALED.index("id")] = "666"
        connection.exec_driver_sql(f"UPDATE operations SET id = '666', seal = {seal(row)} WHERE op = 3")
    with pytest.raises(IntegrityError, match="exchanged"):
        rows_of(store)


def test_a_text_that_became_bytes_is_no_text_any_more(tmp_path: Path) -> None:
    store = open_store(tmp_path / "workbench.db")
    filled(store)
    alter(store, "UPDATE operations SET words = CAST(words AS BLOB) WHERE op = 7")
    with pytest.raises(IntegrityError, match="operation 7"):
        rows_of(store)
    store.dispose()


def test_damage_that_comes_during_a_run_stops_the_outcome_that_meets_it(store: Engine) -> None:
    ledger = Operations(store, engagement_id="e1")
    ops = ledger.open("b", [intent(1), intent(2)])
    alter(store, f"UPDATE operations SET key = 'other' WHERE op = {ops[0]}")
    with pytest.raises(IntegrityError, match=f"operation {ops[0]}"):
        ledger.close([Closing(ops[0], "done", id="1")])
    ledger.close([Closing(ops[1], "done", id="2")])


def test_a_ledger_of_many_rows_is_read_to_its_end(store: Engine) -> None:
    ledger = Operations(store, engagement_id="e1")
    ops = ledger.open("b", [intent(number) for number in range(4001)])
    ledger.close([Closing(op, "done", id=str(op)) for op in ops])
    head = check(store, engagement_id="e1")
    assert head is not None
    assert head.rows == len(ledger.pairs("contact", ("done",))) == 4001
    alter(store, f"UPDATE operations SET words = 'x' WHERE op = {ops[-1]}")
    with pytest.raises(IntegrityError, match=f"operation {ops[-1]} "):
        check(store, engagement_id="e1")


def test_a_ledger_is_the_same_with_an_older_sqlite_and_one_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.store._sqlite", lambda: sqlite3)
    monkeypatch.setattr("workbench.store._is_sound", lambda version: False)
    store = open_store(tmp_path / "workbench.db")
    ledger = Operations(store, engagement_id="e1", writer=(writer := Writer(store, engagement_id="e1")))
    with writer.claim():
        fill(ledger, 20)
    assert len(rows_of(store)) == 20
    alter(store, "UPDATE operations SET post = CAST(post AS BLOB) WHERE op = 7")
    with pytest.raises(IntegrityError, match="operation 7"):
        rows_of(store)
    store.dispose()


def test_an_index_that_finds_other_rows_than_there_are_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "workbench.db"
    store = open_store(path)
    filled(store)
    store.dispose()
    with closing(sqlite3.connect(path)) as plain:
        sql = plain.execute("SELECT sql FROM sqlite_master WHERE name = 'operations_key'").fetchone()[0]
        plain.execute("PRAGMA writable_schema = ON")
        wrong = sql.replace('"key"', "key").replace(", key)", ", batch)")
        assert wrong != sql
        plain.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'operations_key'", (wrong,))
        plain.commit()
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("REINDEX operations_key")
        plain.execute("PRAGMA writable_schema = ON")
        plain.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'operations_key'", (sql,))
        plain.commit()
    store = open_store(path)
    with pytest.raises(IntegrityError, match="operations_key"):
        rows_of(store)
    store.dispose()


def test_a_ledger_is_read_through_once_a_run_and_again_where_others_wrote_meanwhile(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(address)
    filled(store)
    read: list[str] = []
    module = sys.modules[Writer.__module__]

    def counted(there: Engine, *, engagement_id: str) -> Any:
        read.append(engagement_id)
        return check(there, engagement_id=engagement_id)

    monkeypatch.setattr(module, "check", counted)
    writer = Writer(store, engagement_id="e1")
    for _ in range(2):
        ledger = Operations(store, engagement_id="e1", writer=writer)
        ledger.unsettled()
        with writer.claim():
            fill(ledger, 5)
    assert read == ["e1"]
    other = open_store(address)
    with Writer(other, engagement_id="e1").claim():
        pass
    other.dispose()
    with writer.claim():
        pass
    assert read == ["e1"] * 3  # the other run's, and ours once more
    store.dispose()


# ------------------------------------------------------------ disks: F23


@dataclass(frozen=True)
class Copy:
    """The files of a ledger at one moment."""

    files: dict[str, bytes]

    def put(self, folder: Path, **changed: bytes) -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, content in {**self.files, **changed}.items():
            (folder / name).write_bytes(content)
        return folder / PARTS[0]


def copy(folder: Path) -> Copy:
    return Copy({name: (folder / name).read_bytes() for name in PARTS if (folder / name).exists()})


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Copy, list[Operation]]:
    """A ledger in a file and a -wal, as a kill leaves it."""
    folder = tmp_path_factory.mktemp("written")
    store = open_store(folder / PARTS[0])
    ledger = Operations(store, engagement_id="e1")
    fill(ledger, 300, at=50)
    with closing(store.raw_connection()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    fill(ledger, 60)
    rows = ledger.where(operations.c.op > 0)
    made = copy(folder)
    store.dispose()
    return made, rows


def opened(path: Path) -> list[Operation]:
    """Every operation by a scan, once each is found by the indexes too; raises where the ledger is refused."""
    store = open_store(path)
    try:
        ledger = Operations(store, engagement_id="e1")
        rows = ledger.where(operations.c.op > 0)
        by_key = ledger.of_keys("contact", {row.key for row in rows})
        assert sorted((row for found in by_key.values() for row in found), key=lambda row: row.op) == rows
        by_id = ledger.of_ids("contact", {row.id for row in rows if row.id})
        assert sorted((row for found in by_id.values() for row in found), key=lambda r: r.op) == [r for r in rows if r.id]
        assert ledger.unsettled() == [row for row in rows if row.state in ("intent", "unknown")]
        return rows
    finally:
        store.dispose()


def test_what_a_kill_left_opens_as_it_was(written: tuple[Copy, list[Operation]], tmp_path: Path) -> None:
    made, rows = written
    assert opened(made.put(tmp_path / "there")) == rows
    assert len(rows) == 360


@pytest.mark.parametrize("part", PARTS)
def test_a_flipped_bit_is_refused_or_has_changed_nothing(
    written: tuple[Copy, list[Operation]], tmp_path: Path, part: str
) -> None:
    made, rows = written
    chance = random.Random(part)
    refused = 0
    for _ in range(TRIALS[part]):
        content = bytearray(made.files[part])
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        try:
            assert opened(made.put(tmp_path / "there", **{part: bytes(content)})) == rows
        except IntegrityError:
            refused += 1
    assert (
        refused > TRIALS[part] // 4 if part != PARTS[2] else refused == 0
    )  # a damaged mark is none; one bit never fits its seal


@pytest.mark.parametrize("width", [16, 512, 4096])
def test_a_stretch_of_garbage_is_refused_or_has_changed_nothing(
    written: tuple[Copy, list[Operation]], tmp_path: Path, width: int
) -> None:
    made, rows = written
    chance = random.Random(width)
    for trial in range(40):
        part = PARTS[trial % 2]
        content = bytearray(made.files[part])
        start = chance.randrange(len(content) - width)
        content[start : start + width] = chance.choice([bytes(width), chance.randbytes(width)])
        try:
            assert opened(made.put(tmp_path / "there", **{part: bytes(content)})) == rows
        except IntegrityError:
            continue


def test_a_truncated_wal_is_refused_wherever_it_was_cut(written: tuple[Copy, list[Operation]], tmp_path: Path) -> None:
    made, rows = written
    wal = made.files[PARTS[1]]
    chance = random.Random(1)
    for cut in [0, 1, WAL_HEADER, len(wal) - 1, *(chance.randrange(len(wal)) for _ in range(40))]:
        with pytest.raises(IntegrityError, match="commits are missing"):
            opened(made.put(tmp_path / "there", **{PARTS[1]: wal[:cut]}))
    assert opened(made.put(tmp_path / "there")) == rows


def test_a_database_without_its_wal_or_an_older_copy_of_it_is_refused(
    written: tuple[Copy, list[Operation]], tmp_path: Path
) -> None:
    path = written[0].put(tmp_path / "there")
    path.with_name(PARTS[1]).unlink()
    with pytest.raises(IntegrityError, match="commits are missing"):
        opened(path)


def test_a_copy_without_its_mark_opens_and_is_marked_from_the_next_commit_on(
    written: tuple[Copy, list[Operation]], tmp_path: Path
) -> None:
    made, rows = written
    path = made.put(tmp_path / "there")
    path.with_name(PARTS[2]).unlink()
    assert opened(path) == rows
    store = open_store(path)
    filled(store, 5)
    assert Mark(store, engagement_id="e1").read() > 1
    assert path.with_name(PARTS[2]).stat().st_mode & 0o777 == 0o600
    store.dispose()


# ------------------------------------------------------------ power: F18


def test_after_a_power_cut_at_any_commit_the_ledger_is_as_before_it_or_as_after_it(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    store = open_store(there / PARTS[0])
    ledger = Operations(store, engagement_id="e1")
    ledger.unsettled()
    ops: list[int] = []
    states: list[list[Operation]] = []
    copies: list[tuple[str, int, Copy]] = []
    commit = store.dialect.do_commit

    def watched(connection: Any) -> None:
        copies.append(("before", len(copies) // 2, copy(there)))
        commit(connection)
        copies.append(("after", len(copies) // 2, copy(there)))

    for number in range(12):
        store.dialect.do_commit = watched  # type: ignore[method-assign]
        if number % 2:
            ledger.close([Closing(op, "done", id=str(op), post={"n": op}) for op in ops])
        else:
            ops = ledger.open("b", [intent(10 * number + each) for each in range(4)])
        store.dialect.do_commit = commit  # type: ignore[method-assign]
        states.append(ledger.where(operations.c.op > 0))
    store.dispose()
    assert len(copies) == 24
    for when, number, made in copies:
        before = states[number - 1] if number else []
        made.files.pop(PARTS[2], None)  # never waited for: it may be older
        assert opened(made.put(tmp_path / "again")) == (before if when == "before" else states[number])


def test_a_torn_end_of_the_wal_leaves_a_state_that_once_was(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    store = open_store(there / PARTS[0])
    ledger = Operations(store, engagement_id="e1")
    states: list[list[Operation]] = [[]]
    for number in range(6):
        ops = ledger.open("b", [intent(10 * number + each) for each in range(3)])
        states.append(ledger.where(operations.c.op > 0))
        ledger.close([Closing(op, "done", id=str(op)) for op in ops])
        states.append(ledger.where(operations.c.op > 0))
    made = copy(there)
    store.dispose()
    wal = made.files[PARTS[1]]
    made.files.pop(PARTS[2])
    seen = set()
    cuts = {WAL_HEADER + FRAME * frame + extra for frame in range(len(wal) // FRAME) for extra in (0, FRAME // 2)}
    for cut in sorted(cuts):
        torn = wal[:cut] + bytes(random.Random(cut).randbytes(min(FRAME, len(wal) - cut)))  # the disk wrote something else
        try:
            rows = opened(made.put(tmp_path / "again", **{PARTS[1]: torn}))
        except IntegrityError:
            raise AssertionError(f"refused at {cut}") from None
        assert rows in states
        seen.add(states.index(rows))
    assert len(seen) > 8


def test_a_checkpoint_that_the_power_cut_leaves_half_done_loses_nothing(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    store = open_store(there / PARTS[0])
    ledger = Operations(store, engagement_id="e1")
    fill(ledger, 100)
    rows, before = ledger.where(operations.c.op > 0), copy(there)
    store.dispose()  # which checkpoints
    old, new = before.files[PARTS[0]], (there / PARTS[0]).read_bytes()
    for seed in range(20):
        chance = random.Random(seed)
        pages = [
            (new if chance.random() < 0.5 else old.ljust(len(new), b"\0"))[start : start + PAGE]
            for start in range(0, len(new), PAGE)
        ]
        assert opened(before.put(tmp_path / "again", **{PARTS[0]: b"".join(pages)})) == rows


# ------------------------------------------------------------ full disks: F16


def _room(store: Engine, pages: int | None) -> None:
    """From now on the file may have so many pages more than it has."""

    def limit(connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA page_count")
        count = cursor.fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {2**30 if pages is None else count + pages}")
        cursor.close()

    event.listen(store, "connect", limit)
    store.dispose()


def test_on_a_full_disk_an_intent_fails_and_nothing_is_sent(tmp_path: Path) -> None:
    store = open_store(tmp_path / "workbench.db")
    with running("freshsales", state=tmp_path / "tenant.db", token="k", time_scale=1000) as rehearsal:
        account = Account(rehearsal.url, Secret("k"), "suite", "enterprise", time_scale=1000)
        guard = Ledger(store, engagement_id="e1").guard(connect(load_destination("freshsales"), account), settle_seconds=0.05)
        guard.settle("contact")
        since = len(rehearsal.log())
        _room(store, 0)
        drafts = [Draft(f"p:contacts:{n}", {"last_name": f"N{n}", "city": "x" * 200}) for n in range(100)]
        with pytest.raises(EditError, match="cannot be written") as told:
            guard.write("contact", drafts)
        assert "full" in str(told.value)
        assert "make room" in str(told.value)
        sent = [row.path for row in rehearsal.log(since).itertuples() if row.method == "POST" and "filtered" not in row.path]
        assert not sent
        assert not rows_of(store)
        _room(store, None)
        assert {outcome.state for outcome in guard.write("contact", drafts)} == {"done"}
    store.dispose()


def test_on_a_full_disk_an_outcome_fails_and_the_operation_stays_open(tmp_path: Path) -> None:
    store = open_store(tmp_path / "workbench.db")
    ledger = Operations(store, engagement_id="e1")
    ops = ledger.open("b", [intent(1), intent(2)])
    _room(store, 0)
    with pytest.raises(EditError, match="full"):
        ledger.close([Closing(ops[0], "done", id="1", post={"x": "y" * 50_000})])
    assert [row.state for row in rows_of(store)] == ["intent", "intent"]
    _room(store, None)
    ledger.close([Closing(ops[0], "done", id="1", post={"x": "y" * 50_000})])
    assert [row.state for row in rows_of(store)] == ["done", "intent"]
    store.dispose()


FILLING = """
import os, resource, sys
from workbench.errors import EditError
from workbench.ledger.operations import Closing, Intent, Operations
from workbench.store import open_store
path = sys.argv[1]
ledger = Operations(open_store(path), engagement_id="e1")
ops = ledger.open("b", [Intent("contact", "k1", "create", {"n": 1})])
size = os.path.getsize(path + "-wal")
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
for call in (
    lambda: ledger.open("b", [Intent("contact", "k2", "create", {"text": "x" * 50000})]),
    lambda: ledger.close([Closing(ops[0], "done", id="1", post={"text": "x" * 50000})]),
):
    try:
        call()
        print("written")
    except EditError as error:
        print("refused")
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
if sys.argv[2] == "go on":
    ledger.open("b", [Intent("contact", "k3", "create", {"n": 3})])
else:
    os._exit(9)
"""


@pytest.mark.parametrize("then", ["go on", "die"])
def test_a_file_that_may_not_grow_keeps_what_it_has(tmp_path: Path, then: str) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    path = tmp_path / "workbench.db"
    done = subprocess.run([sys.executable, "-u", "-c", FILLING, str(path), then], capture_output=True, text=True)
    assert done.stdout.split() == ["refused", "refused"], done.stderr
    rows = opened(path)
    assert [(row.key, row.state) for row in rows] == [("k1", "intent"), *([("k3", "intent")] if then == "go on" else [])]


# ------------------------------------------------------------ seals


def test_two_rows_never_have_one_text_though_their_values_hold_the_break() -> None:
    assert seal(("a", "b\x1fc")) != seal(("a\x1fb", "c"))
    assert seal(("a\x1f", "b", "c")) != seal(("a", "\x1fb", "c"))
    assert seal(("a", None)) == seal(("a", None))
    assert seal(("a", None)) != seal(("a", ""))


def test_a_value_that_holds_the_break_is_as_safe_as_any(store: Engine) -> None:
    ledger = Operations(store, engagement_id="e1")
    (op,) = ledger.open("b", [Intent("contact", "k\x1f1", "create", {"n": 1})])
    ledger.close([Closing(op, "done", words="a\x1fb")])
    assert [row.words for row in rows_of(store)] == ["a\x1fb"]
    place = "?" if store.dialect.name == "sqlite" else "%s"
    with writing(store) as connection:
        connection.exec_driver_sql(f"UPDATE operations SET words = {place}", ("a\x1fc",))
    with pytest.raises(IntegrityError, match=f"operation {op}"):
        rows_of(store)


def test_refusals_are_errors_of_the_workbench_whatever_is_damaged(
    written: tuple[Copy, list[Operation]], tmp_path: Path
) -> None:
    breaking: list[Callable[[bytearray], None]] = [
        lambda content: content.__setitem__(slice(0, 16), b"no database here"),
        lambda content: content.__setitem__(slice(100, 4096), bytes(3996)),
        lambda content: content.__delitem__(slice(len(content) // 2, None)),
        lambda content: content.__delitem__(slice(1, None)),
    ]
    for break_it in breaking:
        content = bytearray(written[0].files[PARTS[0]])
        break_it(content)
        with pytest.raises(WorkbenchError):
            opened(Copy({PARTS[0]: bytes(content)}).put(tmp_path / "there"))
