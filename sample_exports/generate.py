"""Make a sample of exports with its truth: ``python -m sample_exports.generate promio --size small --seed 7 --out DIR``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sample_exports.promio_deliveries import write_deliveries
from sample_exports.promio_rows import SIZES
from sample_exports.promio_truth import write_truth
from sample_exports.promio_world import make_world


def generate_promio(out: Path, *, size: str = "small", seed: int = 7) -> int:
    """Write the three deliveries, the request and expected/ into a folder; the number of data rows comes back."""
    out.mkdir(parents=True, exist_ok=True)
    world = make_world(SIZES[size], seed)
    placed, gaps = write_deliveries(out, world, SIZES[size])
    write_truth(out / "expected", placed, gaps, world)
    return len(placed)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m sample_exports.generate", description=__doc__)
    parser.add_argument("source", choices=["promio"])
    parser.add_argument("--size", choices=sorted(SIZES), default="small")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True, help="folder for the sample; files of that name are replaced")
    given = parser.parse_args(arguments)
    count = generate_promio(given.out, size=given.size, seed=given.seed)
    sys.stdout.write(f"{given.out}: {count:,} rows in the main delivery and the delta\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
