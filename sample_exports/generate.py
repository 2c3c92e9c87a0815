"""Make a sample of exports with its truth: ``python -m sample_exports.generate promio --size small --seed 7 --out DIR``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Protocol, cast

WORLD = "_world"


class World(Protocol):
    """What a module ``<source>_world`` has to have; that it is there is all that adding a source takes."""

    SIZES: Mapping[str, object]

    def generate(self, out: Path, *, size: str, seed: int) -> int:
        """Write the deliveries and their truth into a folder; the number of data rows comes back."""


def sources() -> tuple[str, ...]:
    """The sources that there are samples of."""
    found = (module.name for module in iter_modules([str(Path(__file__).parent)]))
    return tuple(sorted(name.removesuffix(WORLD) for name in found if name.endswith(WORLD)))


def world_of(source: str) -> World:
    """The generator of a source."""
    return cast("World", import_module(f"sample_exports.{source}{WORLD}"))


def generate(source: str, out: Path, *, size: str = "small", seed: int = 7) -> int:
    """Write the sample of a source into a folder; the number of data rows comes back."""
    out.mkdir(parents=True, exist_ok=True)
    return world_of(source).generate(out, size=size, seed=seed)


def generate_promio(out: Path, *, size: str = "small", seed: int = 7) -> int:
    """Write Promio's three deliveries, the request and expected/ into a folder; the number of data rows comes back."""
    return generate("promio", out, size=size, seed=seed)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m sample_exports.generate", description=__doc__)
    parser.add_argument("source", choices=sources())
    parser.add_argument("--size", default="small", help="small, medium, or another that the source has")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True, help="folder for the sample; files of that name are replaced")
    given = parser.parse_args(arguments)
    sizes = world_of(given.source).SIZES
    if given.size not in sizes:
        parser.error(f"{given.source} has the sizes {', '.join(sorted(sizes))}")
    count = generate(given.source, given.out, size=given.size, seed=given.seed)
    sys.stdout.write(f"{given.out}: {count:,} rows in the main delivery and the delta\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
