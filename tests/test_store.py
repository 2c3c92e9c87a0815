"""The database opens intact, private and up to date, or says why not."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, insert, inspect, select

from workbench.clock import now
from workbench.errors import EditError, IntegrityError
from workbench.store import MIGRATIONS, _is_sound, open_store, phases, writing


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_store(tmp_path / "workbench.db")
    yield made
    made.dispose()


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


def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    first = open_store(tmp_path / "workbench.db")
    _phase(first, "intake")
    first.dispose()
    again = open_store(f"sqlite:///{tmp_path / 'workbench.db'}")
    with again.connect() as connection:
        assert connection.scalars(select(phases.c.phase)).all() == ["intake"]
    again.dispose()


def test_a_commit_is_on_disk_before_it_returns(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL


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


def test_a_database_of_a_newer_workbench_is_left_alone(tmp_path: Path) -> None:
    def second(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE later (id INTEGER)")

    newer = open_store(tmp_path / "workbench.db", migrations=(*MIGRATIONS, second))
    newer.dispose()
    with pytest.raises(EditError, match="newer workbench") as told:
        open_store(tmp_path / "workbench.db")
    assert "version 2" in str(told.value)


def test_steps_run_once_each_and_in_order(tmp_path: Path) -> None:
    def second(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE later (id INTEGER)")

    first = open_store(tmp_path / "workbench.db")
    _phase(first, "intake")
    first.dispose()
    for _ in range(2):
        later = open_store(tmp_path / "workbench.db", migrations=(*MIGRATIONS, second))
        with later.connect() as connection:
            assert connection.exec_driver_sql("SELECT version FROM schema_version").scalars().all() == [1, 2]
            assert connection.scalar(select(func.count()).select_from(phases)) == 1
        assert inspect(later).has_table("later")
        later.dispose()


def test_a_step_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def broken(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half (id INTEGER)")
        raise RuntimeError("the power went")

    open_store(tmp_path / "workbench.db").dispose()
    with pytest.raises(RuntimeError, match="power"):
        open_store(tmp_path / "workbench.db", migrations=(*MIGRATIONS, broken))
    engine = open_store(tmp_path / "workbench.db")
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


def test_two_writers_wait_for_each_other_and_lose_nothing(engine: Engine) -> None:
    def count_up() -> None:
        for _ in range(20):
            with writing(engine) as connection:
                n = connection.scalar(select(func.count()).select_from(phases))
                connection.execute(
                    insert(phases).values(engagement="e", phase=str(n), state="open", reasons="[]", summary="{}", at=now())
                )

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert sorted(map(int, connection.scalars(select(phases.c.phase)))) == list(range(80))
