"""Which sample stands behind a route: its deliveries, its truth, and the account that its customer has prepared."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import cast

from sample_exports.generate import generate, sources, world_of
from workbench.errors import SpecError, listed
from workbench.specs import Route, load_route, names

__all__ = ["HERE", "Sample", "routes", "sample_of"]

HERE = Path(__file__).resolve().parent
SMALL = "small"
REQUEST, TENANT, TRUTH = "request.json", "tenant", "expected"


@dataclass(frozen=True)
class Sample:
    """What a customer of the source hands over, and what only its generator knows."""

    route: Route
    folder: Path
    truth: Path  # decisions.json, rows.csv …, of this route
    customer: str
    states: Mapping[str, Path]  # delivery → folder that a stand-in of the source serves; nothing where the customer sends files

    @property
    def by_api(self) -> bool:
        """Whether its source is read through an API of its own."""
        return bool(self.states)

    @property
    def deliveries(self) -> tuple[str, ...]:
        """The deliveries whose truth is known, the main one first."""
        with (self.truth / "rows.csv").open(encoding="utf-8", newline="") as stream:
            return tuple(dict.fromkeys(["main", *(row["delivery"] for row in csv.DictReader(stream))]))

    @property
    def recorded(self) -> Path:
        """Where the decisions about it are recorded, if they are: beside the truth that belongs to this route alone."""
        place = self.folder if self.truth == self.folder / TRUTH else self.truth
        return place / "decisions.jsonl"

    @property
    def account(self) -> str | None:
        """The recipe of the account that this customer has prepared; None where an empty one does."""
        name = f"{self.route.destination}_{self.route.source}"
        recipe = files("workbench") / "rehearsal" / "tenants" / f"{name}.toml"
        return name if recipe.is_file() else None

    def complete(self, exports: Path) -> None:
        """Add what is too large to be kept here to a copy of the exports."""
        finish = getattr(world_of(self.route.source), "complete", None)
        if finish is not None:
            finish(exports)


def routes() -> tuple[str, ...]:
    """The routes that can be shown: those whose source there are samples of."""
    return tuple(name for name in names("routes") if load_route(name).source in sources())


def sample_of(name: str, *, size: str = SMALL, folder: Path | None = None) -> Sample:
    """The sample of a route, made if it is of a size that is not kept; a SpecError lists the routes that there are.

    ``folder`` names another one of the same source.
    """
    if name not in routes():
        raise SpecError(
            f"there is no sample for the route {name!r}",
            expected=listed(routes(), limit=40),
            found=name,
            todo="make demo ROUTE=… with one of these names",
        )
    route = load_route(name)
    folder = folder or (HERE / route.source if size == SMALL else HERE / f"{route.source}-{size}")
    if not (folder / TRUTH).is_dir():
        generate(route.source, folder, size=size)
    truth = folder / TRUTH / route.name
    states = _states(folder)
    return Sample(route, folder, truth if truth.is_dir() else folder / TRUTH, _customer(route, folder), states)


def _states(folder: Path) -> dict[str, Path]:
    """The tenant that a source's stand-in serves, by delivery: `tenant` is the main one, `tenant-delta` the delta."""
    if (folder / REQUEST).is_file() or not (folder / TENANT).is_dir():
        return {}
    later = {path.name.removeprefix(f"{TENANT}-"): path for path in sorted(folder.glob(f"{TENANT}-*"))}
    return {"main": folder / TENANT, **later}


def _customer(route: Route, folder: Path) -> str:
    """Whose sample it is: as our request says, or as its generator does where nobody had to be asked for files."""
    request = folder / REQUEST
    if request.is_file():
        return str(json.loads(request.read_text(encoding="utf-8"))["customer"])
    return cast("str", getattr(world_of(route.source), "CUSTOMER", route.source))
