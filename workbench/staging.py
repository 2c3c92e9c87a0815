"""A frame as a Parquet file, whole or not at all, that comes back as it went in.

Arrow would turn whole numbers beside empty cells into fractions and lists into arrays; columns of mixed or nested
values are therefore kept as JSON, and columns of text and the typed ones as Arrow has them.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workbench.errors import EditError, IntegrityError

__all__ = ["read_frame", "write_frame"]

DIGEST = b"workbench.digest"
"""Pages bear checksums of their own; this one is for the names and types of the columns."""
AS_JSON, AS_TEXT = b"workbench.json", b"workbench.text"


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
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.stem}-", delete=False) as stream:
        try:
            pq.write_table(table, stream, compression="zstd", write_page_checksum=True)
            stream.flush()
            os.fsync(stream.fileno())
            Path(stream.name).replace(path)
        except BaseException as failed:
            Path(stream.name).unlink(missing_ok=True)
            if not isinstance(failed, OSError):
                raise
            raise EditError(
                "a table cannot be written",
                found=failed.strerror or str(failed),
                where=str(path),
                todo="make room on the disk and see that you may write there, then run again",
            ) from None
    return path


def read_frame(path: Path, *, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a frame that `write_frame` wrote; missing values of object columns are NA."""
    try:
        schema = pq.read_schema(path)
        if schema.metadata.get(DIGEST) != _digest(schema):
            raise ValueError("its names or types are not as they were written")
        table = pq.read_table(path, columns=list(columns) if columns is not None else None, page_checksum_verification=True)
    except (pa.ArrowException, OSError, ValueError, KeyError, AttributeError) as broken:
        raise IntegrityError(
            "a staged table cannot be read", found=str(broken), where=str(path), todo="run the phase that staged it again"
        ) from None
    metadata = table.schema.metadata or {}
    frame: pd.DataFrame = table.to_pandas()
    for name in _names(metadata, AS_JSON, frame):
        frame[name] = _decoded(frame[name])
    for name in _names(metadata, AS_TEXT, frame):
        frame[name] = frame[name].astype(object).where(frame[name].notna(), pd.NA)
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


def _decoded(column: pd.Series[Any]) -> pd.Series[Any]:
    values = np.empty(len(column), dtype=object)
    values[:] = [pd.NA if _missing(text) else json.loads(text) for text in column]
    return pd.Series(values, index=column.index, dtype=object)


def _missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray | tuple):
        return list(value)
    raise TypeError(f"a cell holds a {type(value).__name__}, which is neither text, number, list nor mapping")
