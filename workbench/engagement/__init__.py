"""One migration on disk: its settings, exports, decisions and staged tables, and the gates between its phases."""

from __future__ import annotations

import os
import re
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlalchemy import Engine

from workbench import destinations
from workbench.clock import now
from workbench.decisions import Decisions
from workbench.destinations import Account
from workbench.engagement.accounts import account_of, dials_of
from workbench.engagement.deliveries import DELTA, MAIN, check_read, copy_files
from workbench.engagement.glance import Glance, glance
from workbench.engagement.locking import folder_lock
from workbench.engagement.making import DATABASE, JOURNAL, ROUTE, check_fits, make_folder, usual_plan
from workbench.engagement.phases import INTAKE, PHASES, Gate, Phases, PhaseState, problem_of
from workbench.engagement.waivers import Waiver, read_waivers, waiver_value
from workbench.errors import EditError, EngagementError, ExportError, IntegrityError, listed
from workbench.journal import Journal
from workbench.plain import Shown
from workbench.settings import SETTINGS, Settings, checked, read_secrets, read_settings
from workbench.specs import (
    CustomField,
    DestinationSpec,
    Route,
    Scalar,
    Source,
    load_destination,
    load_route,
    load_source,
)
from workbench.specs.fitting import check_route
from workbench.staging import read_frame, write_frame
from workbench.store import open_store

if TYPE_CHECKING:  # whoever only looks and decides has no need of the loader's books, and a notebook is open the sooner
    from workbench.ledger import Guard, Ledger
    from workbench.ledger.writers import Writer

__all__ = ["PHASES", "Engagement", "Gate", "PhaseState", "Settings", "Waiver", "new_engagement", "open_engagement"]

OPEN = "WORKBENCH_ENGAGEMENT"
TIMEOUT = 60.0
"""Seconds that a client waits for an answer where neither the account's settings nor the destination's file say."""
PART = re.compile(r"[A-Za-z0-9][\w.-]{0,99}")


class Phase:
    """A phase as an attribute of its engagement: how it ended last."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, engagement: Engagement, owner: type) -> PhaseState:
        return engagement.phase(self._name)


@dataclass(frozen=True, repr=False)
class Engagement(Shown):
    """One migration, opened. Everything it keeps lies under `root`; nothing of it is kept in memory."""

    root: Path
    settings: Settings
    route: Route
    source: Source
    destination: DestinationSpec
    store: Engine
    journal: Journal
    decisions: Decisions

    @cached_property
    def writer(self) -> Writer:
        """This run's right to write to the ledger."""
        from workbench.ledger.writers import Writer

        return Writer(self.store, engagement_id=self.settings.engagement_id)

    intake = Phase()
    discovery = Phase()
    mapping = Phase()
    owners = Phase()
    provisioning = Phase()
    sample = Phase()
    production = Phase()
    cutover = Phase()
    handoff = Phase()
    rollback = Phase()

    def glance(self) -> Glance:
        """How the engagement stands: phases, rows, what is next, who decided last. It says so too where it is shown."""
        return glance(self)

    def _repr_html_(self) -> str:
        return self.glance()._repr_html_()

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.startswith("_")]

    @property
    def artifacts(self) -> Path:
        """Where phases leave their results."""
        return self.root / "artifacts"

    @property
    def zone(self) -> str:
        """The time zone of times that carry none."""
        return self.settings.zone or self.source.zone

    @property
    def region(self) -> str:
        """The country of telephone numbers and postcodes that carry none."""
        return self.settings.region or self.source.region

    # ------------------------------------------------------------ files

    def exports(self, delivery: str = "main") -> Path:
        """The folder with the files of a delivery; ExportError where there is no such delivery."""
        folder = self.root / "exports" / _part(delivery)
        if not folder.is_dir():
            raise ExportError(
                f"there is no delivery {delivery!r}",
                expected=f"a folder exports/{delivery}",
                found=listed(self.deliveries()) or "no delivery at all",
                where=str(folder),
                todo=f"put the files that the customer exported into exports/{delivery}",
            )
        return folder

    def deliveries(self) -> tuple[str, ...]:
        """The deliveries there are: main first, the others by name."""
        there = self.root / "exports"
        entries = there.iterdir() if there.is_dir() else ()
        found = [entry.name for entry in entries if entry.is_dir() and PART.fullmatch(entry.name)]
        return tuple(sorted(found, key=lambda name: (name != "main", name)))

    def receive(self, folder: Path, *, delivery: str) -> Path:
        """Copy a further delivery into the engagement, whole or not at all; one that is there is never replaced."""
        target = self.root / "exports" / check_read(_part(delivery))
        if target.exists() and any(target.iterdir()):
            again = "a newer export that brings again what this one brought may take the place of its files"
            todo = f"give it another name: {DELTA}" if delivery == MAIN else f"{again}; then run the cutover once more"
            raise EngagementError(f"delivery {delivery!r} is there already", where=str(target), todo=todo)
        with tempfile.TemporaryDirectory(dir=self.root, prefix=".receiving-") as temporary:
            copied = copy_files(folder, Path(temporary) / "files")
            copied.replace(target)
        self.journal.append("received", subject=delivery, detail={"files": sorted(f.name for f in target.iterdir())})
        return target

    def save(self, name: str, frame: pd.DataFrame, *, delivery: str = "main") -> Path:
        """Keep a frame as `staged/<delivery>/<name>.parquet`; `name` may hold folders, as in records/contacts."""
        return write_frame(self._staged(name, delivery), frame)

    def load(self, name: str, *, delivery: str = "main") -> pd.DataFrame:
        """The frame of that name; EngagementError where no phase has staged it yet."""
        path = self._staged(name, delivery)
        if not path.exists():
            raise EngagementError(
                f"{name} is not staged", where=f"staged/{delivery}", todo="run the phase that stages it, then this one again"
            )
        return read_frame(path)

    def has(self, name: str, *, delivery: str = "main") -> bool:
        """Whether a frame of that name is staged."""
        return self._staged(name, delivery).exists()

    def _staged(self, name: str, delivery: str) -> Path:
        return self.root.joinpath("staged", _part(delivery), *[_part(part) for part in f"{name}.parquet".split("/")])

    # ------------------------------------------------------------ destination

    def account(self) -> Account:
        """Where the destination is and who we are there; EngagementError where the address or the key is missing."""
        return account_of(self.root, self.settings, self.destination, dials=self.dials())

    def dials(self) -> dict[str, Scalar]:
        """Settings of the destination in which this account differs, or is known not to: as told, probed and signed in."""
        from workbench.ledger.probing import verdict_settings

        settled = verdict_settings(self.load("probes") if self.has("probes") else None, known=self.destination.settings)
        return dials_of(self.root, self.settings, self.destination, settled=settled)

    def connect(self, *, declared: Sequence[CustomField] = ()) -> Guard:
        """The destination behind the ledger: nothing passes it by. `declared` adds to the fields of the route."""
        fields = (*self.route.custom_fields, *declared)
        ledger = self.ledger()
        book = ledger.book(f"limits of {self.destination.name}")
        client = destinations.connect(self.destination, self.account(), declared=fields, book=book)
        return ledger.guard(client, settle_seconds=self._settle_seconds() / self.settings.time_scale)

    def _settle_seconds(self) -> float:
        """How long a change without an answer may still arrive: not less than three times the client's patience with one."""
        from workbench.ledger import SETTLE_SECONDS

        said = self.settings.destination.get("timeout_seconds", self.destination.settings.get("timeout_seconds", TIMEOUT))
        return max(SETTLE_SECONDS, 3 * float(said) if isinstance(said, int | float) else 0.0)

    def ledger(self) -> Ledger:
        """The record of every change asked of the destination."""
        from workbench.ledger import Ledger

        return Ledger(self.store, engagement_id=self.settings.engagement_id, writer=self.writer)

    # ------------------------------------------------------------ phases

    def gate(self, phase: str) -> Gate:
        """Let a phase begin, or raise GateClosed with what the earlier ones still lack.

        An earlier phase counts when it passed last, or where a waiver covers it, or each of its problems.
        """
        return self.before(phase).require()

    def before(self, phase: str) -> Gate:
        """What stands before a phase, whether or not it may begin."""
        return self._phases().before(phase, waivers=self.waivers())

    def waivers(self) -> tuple[Waiver, ...]:
        """The waivers that stand, oldest first. A limit that the customer has accepted in writing is none."""
        limits = {f"{question.name}/{answer}" for question in self.route.scope for answer in question.accept}
        return read_waivers(self.decisions, aside=limits)

    def waivable(self) -> dict[str, str]:
        """What may be waived, with the words in which it stands: problems of a delivery that block, then phases not passed."""
        left = [state for state in self._phases().states() if state.state != "passed"]
        problems = [each for state in left for each in state.reasons if state.phase == INTAKE or each.startswith("delta/")]
        phases = sorted(left, key=lambda state: state.state != "blocked")
        return {problem_of(each): each for each in problems} | {state.phase: state.words for state in phases}

    def waive(self, subject: str, *, reason: str, by: str, role: str) -> Waiver:
        """Let a phase or a problem of the intake pass, in a person's name; EditError where a word of it is missing.

        It covers what stands there now, and nothing that reads otherwise later.
        """
        offered = self.waivable()
        if subject not in offered:
            todo = "name one of these; what has passed needs no waiver" if offered else "go on: nothing has to be waived now"
            raise EditError("there is nothing of that name to waive", expected=listed([*offered]), found=subject, todo=todo)
        value = waiver_value(reason=reason, role=role, words=offered[subject])
        self.decisions.confirm("waiver", subject, value, by=by, why=value["reason"], shown=offered[subject])
        return next(each for each in self.waivers() if each.subject == subject)

    def finish(
        self, phase: str, *, passed: bool, reasons: Sequence[str] = (), summary: Mapping[str, Any] | None = None
    ) -> PhaseState:
        """Record how a phase ended, in the store and in the journal; a blocked one says why."""
        state = self._phases().record(phase, passed=passed, reasons=reasons, summary=summary or {})
        detail = {"state": state.state, "reasons": list(state.reasons), "summary": dict(state.summary)}
        self.journal.append("phase", subject=phase, detail=detail)
        return state

    def status(self) -> pd.DataFrame:
        """One row a phase, in order: phase, state (passed, blocked, open), reasons, at."""
        return self._phases().frame()

    def phase(self, phase: str) -> PhaseState:
        """How a phase ended last, with its reasons and what it said of itself; open where it never ran."""
        return self._phases().state(phase)

    def _phases(self) -> Phases:
        return Phases(self.store, engagement_id=self.settings.engagement_id)

    # ------------------------------------------------------------ one writer

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only one who changes this engagement and its destination; EngagementLocked names who is.

        The folder is locked against other processes of this machine, and the ledger claimed against those of others that
        share its database. The lock ends with the process that holds it, however that ends; whoever was taken for dead
        and wakes up again is told so, by Fenced, before he sends anything.
        """
        with folder_lock(self.root), self.ledger().claim():
            yield


def new_engagement(
    root: Path | str,
    *,
    route: str | Path,
    customer: str = "",
    exports: Path | str | None = None,
    deliveries: Sequence[str] = (MAIN,),
    base_url: str = "",
    edition: str = "",
    plan: str = "",
    zone: str = "",
    region: str = "",
    time_scale: float = 1.0,
    destination: Mapping[str, Scalar] | None = None,
    source: Mapping[str, Scalar] | None = None,
    store: str = "",
    key: str | None = None,
) -> Engagement:
    """Make an engagement with a copy of the exports, and open it.

    The folder must not exist, or be empty. It is made beside its name and moved there at the end, so that a failure
    leaves nothing. `route` is a name, or a file of one's own, which is copied too. `exports` is the folder with the files,
    or one with a subfolder a delivery, `main` among them, of which `deliveries` are copied; `request.json` may lie there.
    """
    target = Path(root).expanduser().resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise EngagementError("the folder is not empty", where=str(target), todo="name a new folder, or empty this one")
    own = Path(route) if isinstance(route, Path) else None
    chosen = load_route(route)
    destined = load_destination(chosen.destination)
    said = {
        "route": ROUTE if own else route,
        "customer": customer,
        "created": now(),
        "engagement_id": uuid.uuid4().hex[:16],
        "base_url": base_url.rstrip("/"),
        "edition": edition or destined.editions[0],
        "plan": plan or usual_plan(destined),
        "zone": zone,
        "region": region,
        "time_scale": time_scale,
        "store": store,
        "destination": dict(destination or {}),
        "source": dict(source or {}),
    }
    settings = checked(said)
    check_route(chosen, load_source(chosen.source), destined)
    check_fits(destined, settings)
    make_folder(target, settings, exports=exports, deliveries=[check_read(_part(n)) for n in deliveries], own=own, key=key)
    return open_engagement(target)


def open_engagement(path: Path | str | None = None, *, store: Engine | None = None) -> Engagement:
    """Open an engagement: the path, else $WORKBENCH_ENGAGEMENT, else the first one from the working directory upwards.

    A `store` is worked on in place of the engagement's own database, which is then not looked at, and may be lost.
    EngagementError says what to do where there is none, IntegrityError where its journal or database was changed.
    """
    root = _find(path)
    settings = read_settings(root)
    route = load_route(root / ROUTE if settings.route == ROUTE else settings.route)
    source, destination = load_source(route.source), load_destination(route.destination)
    check_route(route, source, destination)
    settings = settings.model_copy(update={"edition": settings.edition or destination.editions[0]})
    check_fits(destination, settings)
    if store is None:
        _kept(root, settings)
    journal = Journal(root / JOURNAL, hide=lambda: read_secrets(root))
    journal.check()
    store = store or open_store(settings.store or root / DATABASE)
    decisions = Decisions(store, engagement_id=settings.engagement_id, journal=journal)
    return Engagement(root, settings, route, source, destination, store, journal, decisions)


def _kept(root: Path, settings: Settings) -> None:
    """Refuse to begin anew where the memory of what was done is gone: everything would be loaded a second time."""
    for name in (JOURNAL,) if settings.store else (JOURNAL, DATABASE):
        path = root / name
        if not path.is_file() or not path.stat().st_size:
            raise IntegrityError(
                f"{name} of the engagement is gone",
                expected="what was decided and done so far",
                found="an empty file" if path.is_file() else "no such file",
                where=str(path),
                todo="put back the latest copy of the journal and the database together; do not load before that",
            )


def _find(path: Path | str | None) -> Path:
    named = path or os.environ.get(OPEN)
    if named:
        root = Path(named).expanduser().resolve()
        if (root / SETTINGS).is_file():
            return root
        raise EngagementError("this is no engagement", expected=f"a folder with {SETTINGS}", where=str(root), todo=_todo())
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / SETTINGS).is_file():
            return folder
    raise EngagementError("there is no engagement here", expected=f"{SETTINGS} here or above", where=str(here), todo=_todo())


def _todo() -> str:
    return f"go into the engagement's folder, name it, set ${OPEN}, or make one: workbench new DIR --route ROUTE"


def _part(name: str) -> str:
    if not PART.fullmatch(name):
        expected = "letters, digits, - _ . and a letter or digit first"
        raise EngagementError("this is no name for a file", expected=expected, found=repr(name), todo="take another name")
    return name
