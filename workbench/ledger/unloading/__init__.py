"""The rollback: backwards through the ledger, keeping whatever people have changed or built upon since."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pandas as pd

from workbench.destinations import Draft, Record
from workbench.destinations.http.freshness import only_while
from workbench.errors import Outdated, Refused, Uncertain
from workbench.ledger import Guard
from workbench.ledger.loading.lanes import Lanes, left_behind
from workbench.ledger.loading.progress import TICK
from workbench.ledger.operations import Closing, Operation, State
from workbench.ledger.unloading.clearing import clear_fields
from workbench.ledger.unloading.doubting import doubt, doubts
from workbench.ledger.unloading.hanging import hanging_on
from workbench.ledger.unloading.judging import Edit, Usual, edits_of_made, return_of_changed, told
from workbench.ledger.unloading.naming import made_elsewhere, name_records
from workbench.ledger.unloading.telling import Residual, edited_frame, verdict_frame
from workbench.ledger.unloading.trails import Trail, changed, kept, made, objects_of
from workbench.plain import Shown
from workbench.show import heading, html_table, together

__all__ = ["Unloaded", "Verdict", "unload"]

SHOWN = 6
STANDING = ("done", "kept", "reversed")
FRESH, STALE = 2.0, 8.0
"""Seconds between a look and the change that hangs on it: what is aimed at, and from when on it does not go out any more."""
TURNS = 5
"""How often a record is looked at anew where its change came to its turn too late."""
SLEEPING = 10.0
"""A call that would wait for longer than so many seconds is not waited for when the rollback is stopped."""
AT_ONCE = 500
PARENT = "parent_"
"""How the name of a link begins that leads to a record of the same object."""
PATIENCE = 2
"""Ways back through the ledger without any headway before what is left is said to be errored."""
UNKNOWN_BEFORE = "what it held before us was lost with the ledger"
UNSURE = "nobody can say whether it was {}; run the rollback again"


@dataclass(frozen=True)
class Verdict:
    """What the rollback did with one record or field: `reversed`, `kept` or `errored`; `operation` is the newest on it."""

    operation: Operation
    verdict: str
    words: str


@dataclass(frozen=True, repr=False)
class Unloaded(Shown):
    """Every record and field that the ledger made or changed: object, key, id, verdict, words; newest first.

    `edits` has the fields that people changed in records that were kept: object, key, id, field, before, ours, now.
    `residual` tells how old our look at a record was when it was changed or deleted.
    """

    frame: pd.DataFrame
    edits: pd.DataFrame = field(default_factory=lambda: edited_frame([]))
    residual: Residual = field(default_factory=Residual, repr=False)  # no two runs have it in common

    @property
    def reversed(self) -> pd.DataFrame:
        """What stands as before: object, key, id, words."""
        return self._of("reversed")

    @property
    def kept(self) -> pd.DataFrame:
        """What people have changed, or built upon: object, key, id, words."""
        return self._of("kept")

    @property
    def errored(self) -> pd.DataFrame:
        """What could not be put back: object, key, id, words. The next rollback tries it again."""
        return self._of("errored")

    def count(self, verdict: str) -> int:
        return int((self.frame["verdict"] == verdict).sum())

    @property
    def complete(self) -> bool:
        """Whether nothing is left of the migration."""
        return bool((self.frame["verdict"] == "reversed").all())

    def _of(self, verdict: str) -> pd.DataFrame:
        return self.frame[self.frame["verdict"] == verdict].drop(columns="verdict").reset_index(drop=True)

    def _repr_html_(self) -> str:
        counts = ", ".join(f"{self.count(name)} {name}" for name in ("reversed", "kept", "errored"))
        parts = [heading(f"rollback: {counts}", good=self.complete)]
        parts += [html_table(self._of(name), caption=name.capitalize(), first=20) for name in ("errored", "kept", "reversed")]
        parts += [html_table(self.edits, caption="What people changed", first=20)] if len(self.edits) else []
        return together(*parts)


def unload(destination: Guard, *, workers: int | None = None, on_progress: Callable[[Verdict], None] | None = None) -> Unloaded:
    """Take back what the ledger of a guarded destination says was done: children before parents, newest first.

    A record that we made is deleted where it still holds what we wrote last and nothing of others hangs on it. Of a
    record that was there before us, each field that still holds what we wrote goes back to what it held before our first
    change. Fields that we made go last, where no record stays that may need them. Each change is in the ledger before
    it is sent; one whose answer was lost is settled by looking, before anything else is done to its record. An
    interrupted rollback goes on where it stopped; what was kept stays kept. `workers` are the destination's lanes unless given.
    Ctrl-C lets the calls end that are on the wire, and gives up those that wait; a second one does not wait for them.
    """
    for lane in left_behind():
        while lane.is_alive():
            lane.join(TICK)
    run = _Run(destination, workers, on_progress or _silent)
    best, idle = -1, 0
    while best and idle < PATIENCE:  # what waited for a child that went later, and what was unsure, has another turn
        run.once()
        idle = 0 if best < 0 or len(run.errors) < best else idle + 1
        best = len(run.errors) if best < 0 else min(best, len(run.errors))
    for row, verdict, words in clear_fields(destination, failed={each.operation.object for each in run.errors.values()}):
        run.say(Verdict(row, verdict, words), [row])
    errors = {number: each.words for number, each in run.errors.items()}
    lost = list(doubts(destination))
    for row, words in lost:
        run.tell(Verdict(row, "kept", words))
    frame = verdict_frame(destination.ledger.operations, errors, doubted=lost)
    return Unloaded(frame, run.edits(), Residual.of(run.windows))


def _silent(verdict: Verdict) -> None:
    del verdict


@dataclass(frozen=True)
class _Look:
    """A record as it was read, and when the reading began."""

    record: Record | None
    at: float

    @property
    def fresh(self) -> bool:
        return time.monotonic() - self.at <= STALE


Treat = Callable[[Trail, _Look], Verdict | None]
Task = tuple[Treat, Trail, _Look | None]


class _Run:
    """One rollback: what it has met so far, and how it treats one record after the other."""

    def __init__(self, destination: Guard, workers: int | None, tell: Callable[[Verdict], None]) -> None:
        self._destination = destination
        self._ledger = destination.ledger.operations
        self._workers = workers
        self.tell = tell
        self._objects: tuple[str, ...] = ()
        self._usual = Usual()
        self._stopped = threading.Event()
        self._turn = threading.Lock()
        self.errors: dict[int, Verdict] = {}
        self.windows: list[float] = []

    def once(self) -> None:
        """One way back through the ledger."""
        self.errors = {}
        name_records(self._destination)
        self._objects = tuple(objects_of(self._ledger, states=STANDING))
        # Records that were there before us may hold links to ours, and have to let go of them first.
        for stretch in changed(self._ledger):
            for name in dict.fromkeys(trail.object for trail in stretch):
                self._work(name, [trail for trail in stretch if trail.object == name], self._put_back)
        # Parents were made before their children, so the object that began last holds the children.
        for name in reversed(objects_of(self._ledger)):
            lost: list[Trail] = []
            self._usual = Usual()
            for stretch in made(self._ledger, name):
                lost += self._work(name, stretch, self._take_away)
            self._verdicts_of_lost(name, lost)

    def _work(self, object_: str, trails: Sequence[Trail], treat: Treat) -> list[Trail]:
        """Read records together and treat each in a lane of its own, as many at once as keep the looks fresh.

        Returns those about which `treat` has nothing to say yet.
        """
        count = max(1, self._workers or self._destination.lanes(object_))
        size, start, unsaid = max(count, 2), 0, []
        with self._lanes(object_, count) as lanes:
            while start < len(trails):
                part, began = trails[start : start + size], time.monotonic()
                for trail, look in zip(part, self._looks(object_, part), strict=True):
                    lanes.give((treat, trail, look))
                while lanes.busy:
                    if (done := lanes.next(TICK)) is None:
                        continue
                    if done.error is not None:
                        raise done.error
                    if done.answer is None:
                        unsaid.append(done.task[1])
                    else:
                        self.tell(done.answer)
                    lanes.noted()
                start += len(part)
                rate = len(part) / max(time.monotonic() - began, 1e-3)
                size = min(max(count, 2, int(rate * FRESH)), AT_ONCE)
        return unsaid

    @contextmanager
    def _lanes(self, object_: str, count: int) -> Iterator[Lanes[Task, Verdict | None]]:
        """Lanes that treat records; after an interrupt what is on the wire ends, and what waits is sent no more."""
        lanes: Lanes[Task, Verdict | None] = Lanes(self._one, count=count, name=f"unload {object_}")
        try:
            yield lanes
        except BaseException:
            self._stopped.set()
            lanes.hold()
            while lanes.at_work():
                self._destination.stop_waiting(SLEEPING)
                while lanes.next(TICK) is not None:
                    lanes.noted()
            raise
        finally:
            lanes.close()

    def _looks(self, object_: str, trails: Sequence[Trail]) -> list[_Look | None]:
        """The records of these trails; nothing where they are not shown together, so that each is looked at by itself."""
        at = time.monotonic()
        try:
            found = {record.id: record for record in self._destination.read(object_, [trail.id for trail in trails])}
        except (Refused, Uncertain):
            return [None] * len(trails)
        for trail in trails:
            self._usual.learn(trail, found.get(trail.id))
        return [_Look(found.get(trail.id), at) for trail in trails]

    def _look(self, trail: Trail) -> _Look:
        at = time.monotonic()
        return _Look(next(iter(self._destination.read(trail.object, [trail.id])), None), at)

    def _one(self, task: Task) -> Verdict | None:
        treat, trail, look = task
        try:
            verdict = self._treated(treat, trail, look)
        except (Refused, Uncertain, Outdated) as error:
            verdict = Verdict(trail.newest, "errored", error.message)
        if verdict is not None:
            self.note(verdict, trail.operations)
        return verdict

    def _treated(self, treat: Treat, trail: Trail, look: _Look | None) -> Verdict | None:
        """Treat a record; where its change comes to its turn too late, look at everything anew, one record at a time."""
        try:
            return treat(trail, look if look is not None and look.fresh else self._look(trail))
        except Outdated as error:
            late = error
        for _ in range(TURNS):
            with self._turn:
                if self._stopped.is_set():
                    break
                try:
                    return treat(trail, self._look(trail))
                except Outdated as error:
                    late = error
        raise late

    @contextmanager
    def _soon(self, look: _Look) -> Iterator[None]:
        """What is changed in here goes out only while the look is fresh, and not once the rollback is stopped."""

        def good() -> bool:
            return look.fresh and not self._stopped.is_set()

        if not good():
            raise Outdated("the look at the record was too old for a change")
        with only_while(good):
            yield

    def note(self, verdict: Verdict, rows: Sequence[Operation]) -> None:
        """Keep a verdict: in the ledger for all that we did to the record, or for the next pass."""
        if verdict.verdict == "errored":
            self.errors.update({row.op: verdict for row in rows})
        else:
            state: State = "reversed" if verdict.verdict == "reversed" else "kept"
            self._ledger.close([Closing(row.op, state, words=verdict.words) for row in rows])

    def say(self, verdict: Verdict, rows: Sequence[Operation]) -> None:
        """Keep a verdict, and tell it."""
        self.note(verdict, rows)
        self.tell(verdict)

    def edits(self) -> pd.DataFrame:
        """What people changed in the records that are kept, by a look at each of them."""
        found: list[tuple[Trail, Edit]] = []
        for stretch in kept(self._ledger):
            self._usual = Usual()
            for trail, look in zip(stretch, self._looks(stretch[0].object, stretch), strict=True):
                if look is None or look.record is None or not trail.remembered:
                    continue
                made_by_us = trail.made is not None
                edits = self._edits(trail, look.record) if made_by_us else return_of_changed(trail, look.record).edits
                found += [(trail, edit) for edit in edits]
        return edited_frame(found)

    # ------------------------------------------------------------ records that we made

    def _take_away(self, trail: Trail, look: _Look) -> Verdict | None:
        """Delete a record of ours; None where it is gone, and not by our doing."""
        if look.record is None:
            return self._delete(trail, look) if trail.deleted else None
        if edits := self._edits(trail, look.record):
            return Verdict(trail.newest, "kept", _why(trail, edits))
        hanging = hanging_on(self._destination, trail, self._objects)
        if hanging.staying:
            return Verdict(trail.newest, "kept", f"others hang on it: {_named(hanging.staying)}")
        if hanging.going:
            return Verdict(trail.newest, "errored", f"records of ours still hang on it: {_named(hanging.going)}")
        return self._delete(trail, look)

    def _delete(self, trail: Trail, look: _Look) -> Verdict:
        with self._soon(look):
            outcome = self._destination.take_away(trail.object, trail.id, before=look.record)
        if outcome.state == "done":
            self.windows.append(time.monotonic() - look.at)
            return Verdict(trail.newest, "reversed", "")
        return Verdict(trail.newest, "errored", outcome.words or UNSURE.format("deleted"))

    def _edits(self, trail: Trail, record: Record) -> tuple[Edit, ...]:
        stamped = self._destination.stamped - trail.ours.keys()  # the client's own doing
        edits = [edit for edit in edits_of_made(trail, record, self._usual) if edit.field not in stamped]
        return tuple(edit for edit in edits if not self._went_along(edit))

    def _went_along(self, edit: Edit) -> bool:
        """Whether a link is missing because the record of ours to which it led was deleted by somebody: that edits nothing."""
        ours, now = ({str(item) for item in _several(value)} for value in (edit.ours, edit.now))
        missing = ours - now
        if not missing or not now <= ours:
            return False
        # A link bears the name of what it leads to, in the singular or the plural; an id alone would tell nothing.
        led = [name for name in self._objects if edit.field in (name, f"{name}s", f"{PARENT}{name}")]
        tree = edit.field.startswith(PARENT)
        return bool(led) and all(self._is_gone(led[0], number, tree=tree) for number in missing)

    def _is_gone(self, object_: str, number: str, *, tree: bool) -> bool:
        """Whether a record that we made is there no more, and not by our doing; in a `tree` we may have taken the upper one."""
        rows = self._ledger.of_ids(object_, [number]).get(number, [])
        if not any(row.verb == "create" for row in rows) or (not tree and any(row.verb == "delete" for row in rows)):
            return False
        return not self._destination.read(object_, [number])

    def _verdicts_of_lost(self, object_: str, lost: Sequence[Trail]) -> None:
        """Records of ours that somebody deleted, or merged into another one, which then bears our key."""
        elsewhere = made_elsewhere(self._destination, object_, lost) if lost else {}
        for trail in lost:
            number = elsewhere.get(trail.key)
            said = f"somebody has merged it into {number}, which is not ours" if number else "somebody had deleted it already"
            self.say(Verdict(trail.newest, "kept" if number else "reversed", said), trail.operations)

    # ------------------------------------------------------------ records that were there before us

    def _put_back(self, trail: Trail, look: _Look) -> Verdict | None:
        if look.record is None:
            return Verdict(trail.newest, "kept", "somebody has deleted the record")
        if not trail.remembered:
            return Verdict(trail.newest, "kept", UNKNOWN_BEFORE)
        back = return_of_changed(trail, look.record)
        if back.values:
            draft = Draft(trail.newest.key, dict(back.values), trail.id)
            with self._soon(look):
                outcome = self._destination.restore(trail.object, draft, before=look.record)
            if outcome.state != "done":
                return Verdict(trail.newest, "errored", outcome.words or UNSURE.format("put back"))
            self.windows.append(time.monotonic() - look.at)
        lost = doubt(trail.doubted[-1], look.record) if trail.doubted else ""
        said = "; ".join(words for words in (told(back.edits), lost) if words)
        return Verdict(trail.newest, "kept" if said else "reversed", said)


def _why(trail: Trail, edits: Sequence[Edit]) -> str:
    """Why a record of ours is kept: people edited it, or nobody can say who filled in what we did not write."""
    unseen = not trail.looked_at and not any(edit.field in trail.ours for edit in edits)
    return f"{'nobody saw it when it was made, and it holds more' if unseen else 'changed since'}: {told(edits)}"


def _several(value: object) -> list[object]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def _named(hanging: Sequence[tuple[str, str]]) -> str:
    names = ", ".join(f"{kind} {number}" if number else f"a {kind}" for kind, number in hanging[:SHOWN])
    return f"{names}{', …' if len(hanging) > SHOWN else ''}"
