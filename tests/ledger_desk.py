"""A rehearsal of Freshsales, a client of it, and a ledger round the client: what the tests of the ledger work at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from workbench.destinations import Account, Destination, Draft, Outcome, Secret, connect
from workbench.ledger import Guard, Ledger
from workbench.rehearsal import Rehearsal, running
from workbench.specs import Scalar, load_destination
from workbench.store import open_store

SPEC = load_destination("freshsales")
TOKEN = "rehearsal-key"
SCALE = 600.0
WRITES = ("POST", "PUT", "DELETE")
SETTLE = 0.05


@dataclass
class Desk:
    """A rehearsal, a client of it, and a ledger; `again()` is the next run on the same ledger."""

    rehearsal: Rehearsal
    store: Engine
    settings: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.store, engagement_id="e1")

    def client(self) -> Destination:
        account = Account(self.rehearsal.url, Secret(TOKEN), "suite", "enterprise", self.settings, time_scale=SCALE)
        return connect(SPEC, account)

    def again(self, destination: Destination | None = None) -> Guard:
        return self.ledger.guard(destination or self.client(), settle_seconds=SETTLE)

    def writes(self, since: int) -> list[str]:
        log = self.rehearsal.log(since)
        return [f"{row.method} {row.path}" for row in log.itertuples() if row.method in WRITES and "filtered" not in row.path]

    def now(self) -> int:
        return len(self.rehearsal.log())

    def states(self) -> list[tuple[str, str, str]]:
        frame = self.ledger.frame()
        return list(zip(frame["verb"], frame["key"], frame["state"], strict=True))


@contextmanager
def desk(
    folder: Path, *, switches: dict[str, str] | None = None, settings: Mapping[str, Scalar] | None = None
) -> Iterator[Desk]:
    store = open_store(folder / "workbench.db")
    state = folder / "tenant.db"
    with running("freshsales", state=state, token=TOKEN, time_scale=SCALE, switches=switches) as rehearsal:
        made = Desk(rehearsal, store, settings or {})
        for plan in made.client().extra_fields(["deal", "sales_account"]):
            made.client().create_field(plan)
        yield made
    store.dispose()


def people(*numbers: int, city: str = "Columbus") -> list[Draft]:
    return [Draft(f"p:contacts:{n}", {"last_name": f"N{n}", "emails": f"n{n}@x.example", "city": city}) for n in numbers]


def deal(number: int = 1) -> Draft:
    return Draft(f"p:deals:{number}", {"name": f"Deal {number}", "amount": number})


class Breaking:
    """A client whose run is cut off around its next write, as a killed process is."""

    def __init__(self, inner: Destination, *, when: str) -> None:
        self._inner = inner
        self._when = when

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def write(self, object_: str, drafts: Sequence[Draft], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
        if self._when == "before":
            raise KeyboardInterrupt
        outcomes = self._inner.write(object_, drafts, taken=taken)
        if self._when == "after":
            raise KeyboardInterrupt
        return outcomes
