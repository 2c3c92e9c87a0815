"""The database opens intact, private and up to date, or says why not."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, insert, inspect, select

from tests.conftest import Server
from workbench.clock import now
from workbench.errors import EditError, IntegrityError
from workbench.store import MIGRATIONS, _is_sound, open_store, phases, writing

STEPS = list(range(1, len(MIGRATIONS) + 2))
"""The steps there are, and one more."""


def _phase(engine: Engine, phase: str) -> None:
    with writing(engine) as connection:
        connection.execute(
            insert(phases).values(engagement="e", phase=phase, state="passed", reasons="[]", summary="{}", at=now())
        )


def test_a_new_file_is_readable_by_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        engine = open_store(tmp_path / "workbench.db")
        _phase(engine, "intake")
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
        engine.dispose()
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert "workbench.db-wal" in modes


LOCKED = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)  # where SQLite's readers lock
"""


def test_opening_a_database_once_more_leaves_the_locks_of_the_first_opening(tmp_path: Path) -> None:
    """A process that closes a file loses its locks on it, and another one could take the log of changes away."""
    first = open_store(tmp_path / "workbench.db")
    _phase(first, "intake")
    open_store(tmp_path / "workbench.db").dispose()
    other = [sys.executable, "-c", LOCKED, str(tmp_path / "workbench.db")]
    refused = subprocess.run(other, capture_output=True, text=True, check=False)
    assert "BlockingIOError" in refused.stderr
    first.dispose()
    assert subprocess.run(other, check=False).returncode == 0


def test_what_was_written_is_there_after_opening_again(address: str) -> None:
    first = open_store(address)
    _phase(first, "intake")
    first.dispose()
    again = open_store(address if "://" in address else f"sqlite:///{address}")
    with again.connect() as connection:
        assert connection.scalars(select(phases.c.phase)).all() == ["intake"]
    again.dispose()


def test_a_commit_is_on_disk_before_it_returns(store: Engine) -> None:
    with store.connect() as connection:
        if store.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        else:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"


@pytest.mark.parametrize(
    ("version", "sound"),
    [((3, 40, 1), False), ((3, 44, 6), True), ((3, 50, 6), False), ((3, 50, 7), True), ((3, 51, 2), False), ((3, 53, 4), True)],
)
def test_sqlite_with_the_wal_reset_defect_is_known_by_its_version(version: tuple[int, ...], sound: bool) -> None:
    assert _is_sound(version) is sound


def test_an_unsound_sqlite_falls_back_to_one_connection_without_wal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.store._sqlite", lambda: sqlite3)
    monkeypatch.setattr("workbench.store._is_sound", lambda version: False)
    engine = open_store(tmp_path / "workbench.db")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "truncate"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 3  # EXTRA
    _phase(engine, "intake")
    engine.dispose()
    assert not (tmp_path / "workbench.db-wal").exists()


def test_a_database_of_a_newer_workbench_is_left_alone(address: str) -> None:
    def second(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE later (id INTEGER)")

    newer = open_store(address, migrations=(*MIGRATIONS, second))
    newer.dispose()
    with pytest.raises(EditError, match="newer workbench") as told:
        open_store(address)
    assert f"version {len(STEPS)}" in str(told.value)


def test_steps_run_once_each_and_in_order(address: str) -> None:
    def second(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE later (id INTEGER)")

    first = open_store(address)
    _phase(first, "intake")
    first.dispose()
    for _ in range(2):
        later = open_store(address, migrations=(*MIGRATIONS, second))
        with later.connect() as connection:
            assert connection.exec_driver_sql("SELECT version FROM schema_version").scalars().all() == STEPS
            assert connection.scalar(select(func.count()).select_from(phases)) == 1
        assert inspect(later).has_table("later")
        later.dispose()


def test_a_step_that_fails_leaves_nothing_behind(address: str) -> None:
    def broken(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half (id INTEGER)")
        raise RuntimeError("the power went")

    open_store(address).dispose()
    with pytest.raises(RuntimeError, match="power"):
        open_store(address, migrations=(*MIGRATIONS, broken))
    engine = open_store(address)
    assert not inspect(engine).has_table("half")
    engine.dispose()


def test_a_file_that_is_no_database_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "workbench.db").write_text("not a database, " * 500)
    with pytest.raises(IntegrityError, match="damaged") as told:
        open_store(tmp_path / "workbench.db")
    assert "not a database" in str(told.value)
    assert "put back" in str(told.value)


def test_a_damaged_page_is_found_on_opening(tmp_path: Path) -> None:
    path = tmp_path / "workbench.db"
    engine = open_store(path)
    for number in range(300):
        _phase(engine, f"phase {number}")
    engine.dispose()
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = plain.execute("SELECT rootpage FROM sqlite_master WHERE name = 'phases'").fetchone()[0]
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 : (page - 1) * 4096 + 64] = b"\xff" * 64
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="damaged"):
        open_store(path)


def test_a_missing_folder_and_a_wrong_address_are_told(tmp_path: Path) -> None:
    with pytest.raises(EditError, match="folder"):
        open_store(tmp_path / "nowhere" / "workbench.db")
    with pytest.raises(EditError, match="address"):
        open_store("no dialect://")
    with pytest.raises(EditError, match="driver"):
        open_store("postgresql+asyncpg://localhost/none")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me:canary-word@127.0.0.1:1/none?connect_timeout=2",
        "postgresql+psycopg://me:canary-word@127.0.0.1:port/none",
        "postgresql+psycopg://me:canary-word@[::1/none",
        "postgresql+psycopg://me:canary-word@127.0.0.1:1/none?nonsense=1",
        "sqlite://me:canary-word@/:memory:",
    ],
)
def test_a_password_is_never_told(url: str) -> None:
    with pytest.raises(EditError) as told:
        open_store(url)
    assert "canary" not in str(told.value)
    seen = told.value.__cause__ or (None if told.value.__suppress_context__ else told.value.__context__)
    assert seen is None or "canary" not in repr(seen)


def test_two_writers_wait_for_each_other_and_lose_nothing(store: Engine) -> None:
    def count_up() -> None:
        for _ in range(20):
            with writing(store) as connection:
                n = connection.scalar(select(func.count()).select_from(phases))
                connection.execute(
                    insert(phases).values(engagement="e", phase=str(n), state="open", reasons="[]", summary="{}", at=now())
                )

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.connect() as connection:
        assert sorted(map(int, connection.scalars(select(phases.c.phase)))) == list(range(80))


def test_two_programs_that_open_a_new_database_at_once_make_it_once(address: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(open_store, [address] * 4))
    with opened[0].connect() as connection:
        assert connection.exec_driver_sql("SELECT version FROM schema_version").scalars().all() == STEPS[:-1]
    for engine in opened:
        engine.dispose()


def test_a_server_that_ends_a_session_is_an_error_in_words_and_the_next_call_works(postgres: Server) -> None:
    store = open_store(postgres.database())
    with pytest.raises(EditError, match="cannot be written"), writing(store) as connection:
        own = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        postgres.end(int(own or 0))
        connection.exec_driver_sql("SELECT 1")
    _phase(store, "intake")
    store.dispose()


def test_damage_that_shows_while_a_transaction_runs_is_told_as_damage(tmp_path: Path) -> None:
    path = tmp_path / "workbench.db"
    store = open_store(path)
    for number in range(300):
        _phase(store, f"phase {number}")
    with store.connect() as connection:
        page = connection.exec_driver_sql("SELECT rootpage FROM sqlite_master WHERE name = 'phases'").scalar()
    store.dispose()
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    good = path.read_bytes()
    store = open_store(path)
    path.write_bytes(good[: (int(page or 0) - 1) * 4096] + b"\xff" * 4096 + good[int(page or 0) * 4096 :])
    with pytest.raises(IntegrityError, match="damaged"):
        for _ in range(3):
            store.dispose()
            _phase(store, "one more")
    store.dispose()
