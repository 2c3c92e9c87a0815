"""Figures: the memory that `load` alone, without a ledger, needs for a million records above the reader of what is staged.

``python -m tests.bench_load_memory [records] [read|load]`` with no mode runs both, each in a process of its own. The whole
transfer, with its ledger, is measured by `tests.bench_resume`.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tests.toy import Toy
from workbench.ledger.loading import load

ROWS = 10_000
"""Rows of a row group."""


def stage(path: Path, records: int) -> Path:
    """A feed as it is staged: a key and nine fields, in row groups."""
    writer = None
    for start in range(0, records, ROWS):
        numbers = range(start, min(start + ROWS, records))
        table = pa.table(
            {
                "key": [f"promio:contacts:c-{n:08d}" for n in numbers],
                **{f"field_{name}": [f"value {name} of record {n}" for n in numbers] for name in range(9)},
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
    return path


def chunks(path: Path) -> Iterator[pd.DataFrame]:
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group).to_pandas()


def peak() -> float:
    """The most that this process has held, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(path: Path, records: int, mode: str) -> None:
    """Read, or read and load, and say what it took."""
    began = time.monotonic()
    if mode == "read":
        assert sum(len(chunk) for chunk in chunks(path)) == records
    else:
        toy = Toy(rows=100, lanes=4, keeping=False)
        loaded = load(chunks(path), toy, "contact", total=records)
        assert loaded.count("done") == len(loaded.frame) == records
    sys.stdout.write(f"{mode} {records} {peak():.0f} {time.monotonic() - began:.1f}\n")


def main(arguments: list[str]) -> None:
    """Both figures and their difference."""
    records = int(arguments[0]) if arguments else 1_000_000
    if len(arguments) == 3:
        measure(Path(arguments[2]), records, arguments[1])
        return
    with tempfile.TemporaryDirectory() as folder:
        path = stage(Path(folder) / "records.parquet", records)
        told = []
        for mode in ("read", "load"):
            command = [sys.executable, "-m", "tests.bench_load_memory", str(records), mode, str(path)]
            told.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    (_, _, read, _), (_, _, loaded, seconds) = told
    above = int(loaded) - int(read)
    sys.stdout.write(f"{records:,} records: {above} MB above the reader's {read} MB, in {seconds} s\n")


if __name__ == "__main__":
    main(sys.argv[1:])
