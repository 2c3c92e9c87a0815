"""The journal holds together, tells where it does not, and keeps what must not be in it out."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.destinations import Secret
from workbench.errors import EditError, IntegrityError
from workbench.journal import Journal, verify


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal(tmp_path / "journal.jsonl")
    for phase in ("intake", "discovery", "mapping"):
        made.append("phase", subject=phase, detail={"state": "passed", "rows": 3}, who="Ada")
    return made


def test_entries_come_back_as_they_were_written(journal: Journal) -> None:
    frame = journal.frame()
    assert frame["n"].tolist() == [1, 2, 3]
    assert frame["subject"].tolist() == ["intake", "discovery", "mapping"]
    assert set(frame["who"]) == {"Ada"}
    assert journal.entries()[2].previous == journal.entries()[1].hash
    assert journal.head() == journal.entries()[2].hash


def test_a_full_disk_is_said_in_words_and_what_was_written_stays(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    head = journal.head()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("workbench.journal.os.fsync", full)
        with pytest.raises(EditError, match="journal cannot be written") as told:
            journal.append("phase", subject="owners")
    assert "No space left" in told.value.found and "make room" in told.value.todo
    assert journal.verify().good
    assert head in {entry.hash for entry in journal.entries()}
    journal.append("phase", subject="owners")
    assert journal.check().good


def test_a_missing_journal_is_an_empty_one(tmp_path: Path) -> None:
    assert verify(tmp_path / "none.jsonl").good
    assert Journal(tmp_path / "none.jsonl").frame().empty


def test_a_journal_is_readable_by_its_owner_alone(journal: Journal) -> None:
    assert journal.path.stat().st_mode & 0o777 == 0o600


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 0.999999), bit=st.integers(0, 7))
def test_any_changed_bit_is_found_at_its_line(journal: Journal, place: float, bit: int) -> None:
    good = journal.path.read_bytes()
    at = int(place * (len(good) - 1))  # the very last byte ends the last line: see the torn one below
    changed = bytearray(good)
    changed[at] ^= 1 << bit
    copy = journal.path.with_name("copy.jsonl")
    copy.write_bytes(changed)
    verdict = verify(copy)
    assert not verdict.good
    assert verdict.line == good[:at].count(b"\n") + 1


@pytest.mark.parametrize("order", [[0, 2], [1, 2], [0, 2, 1], [0, 1, 1, 2], [0, 0, 1, 2]])
def test_lines_dropped_swapped_or_doubled_are_found(journal: Journal, order: list[int]) -> None:
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(b"".join(lines[n] for n in order))
    assert not verify(journal.path).good
    with pytest.raises(IntegrityError, match="line"):
        journal.frame()


def test_nothing_is_chained_to_a_line_that_was_changed(journal: Journal) -> None:
    journal.path.write_bytes(journal.path.read_bytes().replace(b'"mapping"', b'"mopping"'))
    with pytest.raises(IntegrityError, match="line 3"):
        journal.append("phase", subject="owners")


def test_a_line_cut_off_by_a_crash_is_kept_as_an_entry_and_the_chain_goes_on(journal: Journal) -> None:
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole[:-20])
    assert verify(journal.path).torn
    journal.append("phase", subject="owners")
    assert verify(journal.path).good
    assert journal.frame()["what"].tolist() == ["phase", "phase", "mended", "phase"]
    assert journal.entries()[2].detail["cut"].startswith('{"n":3')


def test_line_ends_and_terminal_codes_stay_escaped(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    hostile = "\x1b]0;owned\x07\r\nfake\x85line\u2028\x7f"
    journal.append("decided", subject=hostile, detail={"value": [hostile]})
    raw = journal.path.read_bytes()
    assert raw.count(b"\n") == 1
    assert all(32 <= byte < 127 or byte == 10 for byte in raw)
    assert journal.entries()[0].subject == hostile
    assert verify(journal.path).good


def test_a_secret_never_reaches_the_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl", hide=lambda: ["canary-4711"])
    journal.append("connected", subject="with canary-4711", detail={"words": ["key canary-4711"], "canary-4711": 1})
    assert b"canary" not in journal.path.read_bytes()
    with pytest.raises(EditError, match="JSON"):
        journal.append("connected", detail={"key": Secret("canary-4711")})
    assert verify(journal.path).good


def test_who_acts_is_the_named_user_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_USER", "Ada Byron <ada@example.org>")
    assert Journal(tmp_path / "journal.jsonl").append("opened").who == "Ada Byron <ada@example.org>"


def test_an_entry_longer_than_any_buffer_is_followed_by_the_next(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    for n in range(3):
        journal.append("long", detail={"text": "x" * 30_000 * n})
    assert verify(journal.path).entries == 3


def _append_many(path: Path) -> None:
    for _ in range(25):
        Journal(path).append("phase", subject=str(os.getpid()))


def test_several_processes_write_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    workers = [multiprocessing.get_context("spawn").Process(target=_append_many, args=(path,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    verdict = verify(path)
    assert (verdict.good, verdict.entries) == (True, 75)
    assert json.loads(path.read_bytes().splitlines()[-1])["n"] == 75
