"""The bar of tests/bench_extract.py, held by a smaller source: the permitted rate is used, and no row is lost or doubled."""

from __future__ import annotations

from pathlib import Path

from bench_extract import BAR, measured

SIZES = {"accounts": 1500, "deals": 1001, "tickets": 1200}


def test_a_throttling_faulty_source_is_read_at_the_permitted_rate_and_every_row_once(tmp_path: Path) -> None:
    got = measured(tmp_path, SIZES)
    assert got.faults > 2
    assert (got.missing, got.twice) == (0, 0)
    assert got.healthy == sum(SIZES.values()) - got.unreadable
    assert got.quarantined == got.unreadable > 20
    assert got.share >= BAR
