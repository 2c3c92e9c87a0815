"""A frame as a Parquet file, whole or not at all, that comes back as it went in.

Arrow would turn whole numbers beside empty cells into fractions and lists into arrays; columns of mixed or nested
values are therefore kept as JSON, and columns of text and the typed ones as Arrow has them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workbench.errors import EditError, IntegrityError

__all__ = ["columns_of", "read_frame", "rows_of", "slices", "write_frame"]

DIGEST = b"workbench.digest"
"""Pages bear checksums of their own; this one is for the names and types of the columns."""
AS_JSON, AS_TEXT = b"workbench.json", b"workbench.text"
BEGUN = 60.0
"""Seconds after which a file that nobody holds is one that nobody writes any more."""
GROUP, SLICE = 50_000, 10_000
"""Rows that lie together in a file, and rows that are read together where a frame is read slice by slice."""


def write_frame(path: Path, frame: pd.DataFrame) -> Path:
    """Write the frame beside its name and move it there once it is on disk; readable by its owner alone.

    EditError names a column that holds what can be neither a column of one type nor JSON.
    """
    objects = [name for name in frame.columns if frame[name].dtype == object]
    texts = [name for name in objects if pd.api.types.infer_dtype(frame[name], skipna=True) in ("string", "empty")]
    mixed = [name for name in objects if name not in texts]
    plain = frame.assign(**{name: _encoded(frame[name]) for name in mixed})
    try:
        table = pa.Table.from_pandas(plain)
    except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError) as wrong:
        raise EditError("a frame cannot be kept", found=str(wrong), where=path.stem) from None
    kept = {AS_JSON: json.dumps(mixed).encode(), AS_TEXT: json.dumps(texts).encode()}
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **kept})
    table = table.replace_schema_metadata({**table.schema.metadata, DIGEST: _digest(table.schema)})
    try:
        _write(path, table)
    except OSError as failed:  # the folder or its file cannot be made, a page or the last of them has no room
        raise EditError(
            "a table cannot be written",
            found=failed.strerror or str(failed),
            where=str(path),
            todo="make room on the disk and see that you may write there, then run again",
        ) from None
    return path


def _write(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear(path)
    stream = tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.stem}-", delete=False)  # noqa: SIM115 -- closed below, where what fails is caught
    try:
        with stream:
            with suppress(OSError):  # where a file system has no locks, what is left behind stays
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            pq.write_table(table, stream, compression="zstd", write_page_checksum=True, row_group_size=GROUP)
            stream.flush()
            os.fsync(stream.fileno())
        Path(stream.name).replace(path)
    except BaseException:
        Path(stream.name).unlink(missing_ok=True)
        raise


def _clear(path: Path) -> None:
    """Take away what writers of this frame have left half-written that were killed: it holds rows of the customer's.

    A writer keeps its file locked as long as it lives; one that has just begun may not have come to that yet.
    """
    for left in path.parent.glob(f".{path.stem}-*"):
        with suppress(OSError), left.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - left.stat().st_mtime > BEGUN:
                left.unlink()


def read_frame(path: Path, *, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a frame that `write_frame` wrote; missing values of object columns are NA."""
    with _opened(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        _checked(file.schema_arrow)
        side_by_side = file.metadata.num_rows > SLICE  # threads cost more than they save where there is little to do
        table = file.read(columns=list(columns) if columns is not None else None, use_threads=side_by_side)
    return _restored(table)


def columns_of(path: Path) -> tuple[str, ...]:
    """The names of a frame's columns."""
    with _opened(path):
        schema = _checked(pq.read_schema(path))
    return tuple(name for name in schema.names if name not in _indexes(schema))


def rows_of(path: Path) -> int:
    """How many rows a frame has."""
    with _opened(path):
        return int(pq.read_metadata(path).num_rows)


def slices(
    path: Path, places: np.ndarray[Any, np.dtype[np.int64]] | None = None, *, columns: Sequence[str] | None = None
) -> Iterator[pd.DataFrame]:
    """A frame in parts of some thousand rows, each indexed by the rows' numbers; those at `places` alone, in their order.

    `places` are row numbers from the smallest to the largest. What holds none of them is not read.
    """
    first, named = 0, None if columns is None else list(columns)
    with _opened(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        _checked(file.schema_arrow)
        for group in range(file.num_row_groups):
            last = first + file.metadata.row_group(group).num_rows
            if places is None or np.searchsorted(places, first) < np.searchsorted(places, last):
                for batch in file.iter_batches(SLICE, row_groups=[group], columns=named):
                    wanted = _within(first, first + len(batch), places)
                    first += len(batch)
                    if len(wanted):
                        yield _part(batch, wanted, first - len(batch))
            first = last


def _within(first: int, last: int, places: np.ndarray[Any, np.dtype[np.int64]] | None) -> np.ndarray[Any, np.dtype[np.int64]]:
    if places is None:
        return np.arange(first, last)
    return places[np.searchsorted(places, first) : np.searchsorted(places, last)]


def _part(batch: pa.RecordBatch, wanted: np.ndarray[Any, np.dtype[np.int64]], first: int) -> pd.DataFrame:
    """The wanted rows of a batch that begins with the row of number `first`."""
    table = pa.Table.from_batches([batch])
    table = table.drop_columns([name for name in _indexes(table.schema) if name in table.column_names])
    frame = _restored(table if len(wanted) == len(batch) else table.take(pa.array(wanted - first)))
    return frame.set_axis(wanted, axis="index")


@contextmanager
def _opened(path: Path) -> Iterator[None]:
    """Whatever is wrong with a file is said in one way."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError, AttributeError) as broken:
        raise IntegrityError(
            "a staged table cannot be read", found=str(broken), where=str(path), todo="run the phase that staged it again"
        ) from None


def _checked(schema: pa.Schema) -> pa.Schema:
    if (schema.metadata or {}).get(DIGEST) != _digest(schema):
        raise ValueError("its names or types are not as they were written")
    return schema


def _indexes(schema: pa.Schema) -> list[str]:
    """Columns that hold the index of a frame; one that merely counts is no column."""
    told = json.loads((schema.metadata or {}).get(b"pandas", b"{}")).get("index_columns", [])
    return [name for name in told if isinstance(name, str)]


def _restored(table: pa.Table) -> pd.DataFrame:
    """A table as the frame that it was."""
    metadata = table.schema.metadata or {}
    frame: pd.DataFrame = table.to_pandas(use_threads=table.num_rows > SLICE)
    for name in _names(metadata, AS_JSON, frame):
        frame[name] = _objects([pd.NA if text is None else json.loads(text) for text in table[name].to_pylist()], frame.index)
    for name in _names(metadata, AS_TEXT, frame):
        frame[name] = _objects([pd.NA if text is None else text for text in table[name].to_pylist()], frame.index)
    return frame


def _digest(schema: pa.Schema) -> bytes:
    """Of everything that the schema says but the digest itself."""
    said = {key: value for key, value in sorted((schema.metadata or {}).items()) if key != DIGEST}
    fields = [f"{field.name} {field.type}" for field in schema]
    return hashlib.sha256(repr((fields, said)).encode()).hexdigest().encode()


def _names(metadata: dict[bytes, bytes], key: bytes, frame: pd.DataFrame) -> list[str]:
    return [name for name in json.loads(metadata.get(key, b"[]")) if name in frame.columns]


def _encoded(column: pd.Series[Any]) -> pd.Series[Any]:
    try:
        texts = [None if _missing(value) else json.dumps(value, default=_plain, ensure_ascii=False) for value in column]
    except (TypeError, ValueError) as wrong:
        raise EditError("a column cannot be kept", found=str(wrong), where=str(column.name)) from None
    return pd.Series(texts, index=column.index, dtype="str")


def _objects(cells: list[Any], index: pd.Index[Any]) -> pd.Series[Any]:
    values = np.empty(len(cells), dtype=object)
    values[:] = cells
    return pd.Series(values, index=index, dtype=object)


def _missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray | tuple):
        return list(value)
    raise TypeError(f"a cell holds a {type(value).__name__}, which is neither text, number, list nor mapping")
