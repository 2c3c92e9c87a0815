"""A staged frame read slice by slice is the frame that was written, and no row of it is read that nobody wants."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.errors import EditError, IntegrityError
from workbench.staging import columns_of, read_frame, rows_of, slices, write_frame


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.staging.GROUP", 50)
    monkeypatch.setattr("workbench.staging.SLICE", 20)


def frame(rows: int = 170) -> pd.DataFrame:
    numbers = range(rows)
    return pd.DataFrame(
        {
            "key": pd.Series([f"k{n}" for n in numbers], dtype="str"),
            "text": pd.Series([None if n % 3 else f"é{n}" for n in numbers], dtype="str"),
            "list": pd.Series([[str(n), "x"] if n % 2 else pd.NA for n in numbers], dtype=object),
            "mixed": pd.Series([n if n % 4 else pd.NA for n in numbers], dtype=object),
            "loose": pd.Series([f"t{n}" if n % 5 else pd.NA for n in numbers], dtype=object),
            "count": pd.Series([n if n % 7 else pd.NA for n in numbers], dtype="Int64"),
            "share": [n / 3 for n in numbers],
            "flag": [n % 2 == 0 for n in numbers],
        }
    )


@pytest.mark.parametrize("index", ["counted", "named", "odd"])
def test_slices_in_a_row_are_the_whole_frame(tmp_path: Path, index: str) -> None:
    made = frame()
    if index == "odd":
        made.index = made.index * 3 + 1
    elif index == "named":
        made = made.set_index("key", drop=False).rename_axis("name")
    path = write_frame(tmp_path / "f.parquet", made)
    parts = list(slices(path))
    assert [len(part) for part in parts] == [20, 20, 10, 20, 20, 10, 20, 20, 10, 20]
    pd.testing.assert_frame_equal(pd.concat(parts), read_frame(path).reset_index(drop=True), check_index_type=False)
    assert columns_of(path) == tuple(made.columns)
    assert rows_of(path) == 170


def test_only_the_rows_that_are_asked_for_come_each_under_its_number(tmp_path: Path) -> None:
    path = write_frame(tmp_path / "f.parquet", frame())
    places = np.array([3, 19, 20, 101, 102, 169])
    found = pd.concat(list(slices(path, places)))
    pd.testing.assert_frame_equal(found, read_frame(path).loc[places], check_index_type=False)
    some = pd.concat(list(slices(path, places, columns=["list", "key"])))
    pd.testing.assert_frame_equal(some[["list", "key"]], found[["list", "key"]])
    assert not list(slices(path, places[:0]))


def test_what_nobody_asks_for_is_not_read(tmp_path: Path) -> None:
    path = write_frame(tmp_path / "f.parquet", frame())
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF  # within the first rows
    path.write_bytes(bytes(content))
    assert sum(len(part) for part in slices(path, np.arange(50, 170))) == 120
    with pytest.raises(IntegrityError, match="staged table cannot be read"):
        list(slices(path))


def test_a_frame_that_is_not_there_or_has_other_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError):
        list(slices(tmp_path / "nothing.parquet"))
    frame().to_parquet(tmp_path / "plain.parquet")
    for read in (columns_of, lambda path: list(slices(path)), read_frame):
        with pytest.raises(IntegrityError, match="not as they were written"):
            read(tmp_path / "plain.parquet")


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file may become longer than this many bytes, as on a disk that fills up."""
    before, heard = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heard)


@pytest.mark.parametrize("room", [0, 4, 500, 3_000])
def test_a_disk_that_fills_up_at_any_byte_is_told_in_words_and_leaves_the_frame_before(tmp_path: Path, room: int) -> None:
    path = write_frame(tmp_path / "f.parquet", frame(30))
    with room_for(room), pytest.raises(EditError, match="make room on the disk"):
        write_frame(path, frame())
    assert [each.name for each in tmp_path.iterdir()] == ["f.parquet"]
    assert len(read_frame(path)) == 30


def test_what_a_killed_writer_left_behind_goes_with_the_next_one(tmp_path: Path) -> None:
    """It holds rows of the customer's; what somebody is writing at this moment stays, and so do other frames'."""
    path = write_frame(tmp_path / "customers.parquet", frame())
    names = (".customers-dead", ".customers-alive", ".customers-new", ".leads-dead")
    left, alive, new, other = (tmp_path / name for name in names)
    for each in (left, alive, new, other):
        each.write_bytes(path.read_bytes()[:100])
    for each in (left, alive, other):
        os.utime(each, (1_700_000_000, 1_700_000_000))
    with alive.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        write_frame(path, frame(10))
    assert rows_of(path) == 10
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(["customers.parquet", *names[1:]])
