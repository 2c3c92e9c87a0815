"""The way through an object page by page: where the next page begins, when it ends, and what is done with a page that fails.

It ends on an empty page, or on a short one of a size that the source is known to serve. A page that is too much is asked
for in halves, down to the one row that cannot be read.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from workbench.destinations import Secret
from workbench.extraction.calling import Answered, Caller
from workbench.extraction.contract import Adapter, Item, Listed, Opened, Position, Target
from workbench.extraction.items import BROKEN
from workbench.extraction.shelf import Entry, Shelf

__all__ = ["Crew", "pages_of"]

LONE, HOPELESS = 3, 40
"""How often a page of a single row is asked for before that row is set aside, and after how many such rows an object is."""
DOUBTS = 2
"""After so many objects that cannot be counted, and none that can, no further count is asked for."""
REFUSED, STUCK, POISON = "refused", "stuck", "answer_fails"


@dataclass(frozen=True)
class Step:
    """One page to ask for. ``last`` says that nothing is known to stand behind it."""

    object: Listed
    at: Position
    rows: int
    last: bool = True
    tries: int = 0


@dataclass
class Walk:
    """How far one object has come; its fields change under the crew's lock."""

    listed: Listed
    number: int = 1  # of this walk; a second one begins where the first turns out to be of no use
    by: str = ""  # offset, cursor or above, once it is known
    counted: int | None = None
    served: int = 0  # the largest page that came full
    most: int = 0  # rows above which a page is too much; 0: unknown
    first_keys: tuple[str, ...] = ()
    open_steps: int = 0
    ending: bool = False  # its last count is asked for
    pages: int = 0
    in_vain: int = 0  # rows set aside since one was good
    problem: str = ""
    seconds: float = 0.0


class Crew:
    """Workers who walk through all objects together; what they fetch lies on the shelf, and is not fetched again."""

    def __init__(self, caller: Caller, adapter: Adapter, shelf: Shelf, *, workers: int) -> None:
        self._caller, self._adapter, self._shelf = caller, adapter, shelf
        self._workers = workers
        self._turn = threading.Condition()
        self._steps: deque[Step] = deque()
        self._walks: dict[str, Walk] = {}
        self._failed: BaseException | None = None
        self._uncounted = 0  # objects that could not be counted before any was

    def walk(self, objects: Sequence[Listed]) -> None:
        """Fetch every page of these objects that is not on the shelf yet; ends in the first error that stops them all."""
        for listed in objects:
            done = self._shelf.entries("done", listed.name)
            if not done or done[-1].detail["problem"].startswith(REFUSED):  # it may be allowed by now
                self._take_up(listed)
        if not self._walks:
            return
        with ThreadPoolExecutor(self._workers, thread_name_prefix="extract") as pool:
            futures = [pool.submit(self._work) for _ in range(self._workers)]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            except BaseException as stop:  # Ctrl-C
                self._stop(stop)
                self._caller.close()  # whoever waits for his turn is let go
                raise
            if self._failed:
                self._caller.close()
        if self._failed:
            raise self._failed.with_traceback(None)

    def _take_up(self, listed: Listed) -> None:
        """Begin an object, or go on where an earlier run stopped: with what is missing between its pages."""
        walk = self._walks[listed.name] = Walk(listed)
        counts = self._shelf.entries("count", listed.name)
        walk.counted = counts[0].detail["rows"] if counts else self._counted(listed, "before")
        restarts = self._shelf.entries("restart", listed.name)
        walk.number, walk.pages = 1 + len(restarts), _last_number(self._shelf.entries("page", listed.name))
        walk.by = str(restarts[-1].detail["by"]) if restarts else self._adapter.paging
        known = pages_of(self._shelf, listed.name)
        for entry in known:
            self._learn(walk, entry)
        first = Step(listed, _position(walk.by, ""), self._adapter.rows)
        for step in (first,) if not known else self._missing(walk, known):
            self._add(walk, step)
        if not walk.open_steps:
            self._finish(walk)

    def _missing(self, walk: Walk, known: Sequence[Entry]) -> Iterator[Step]:
        """What has to be asked for after these pages: the gaps between them, and what comes behind the last."""
        newest = known[-1]
        if walk.by != "offset":
            if newest.detail["next"]:
                yield Step(walk.listed, _position(walk.by, str(newest.detail["next"])), self._adapter.rows)
            return
        reached, ended = 0, False
        for entry in sorted(known, key=lambda e: int(e.detail["start"])):
            start, items = int(entry.detail["start"]), int(entry.detail["items"])
            if start > reached:
                yield Step(walk.listed, Position("offset", reached), start - reached, last=False)
            reached = max(reached, start + items)
            ended |= bool(entry.detail["end"])
        if not ended:
            yield from self._spans(walk, reached)

    # ------------------------------------------------------------ the workers

    def _work(self) -> None:
        while (step := self._next()) is not None:
            begun = time.monotonic()
            try:
                self._do(step)
                self._did(self._walks[step.object.name], time.monotonic() - begun)
            except BaseException as error:
                self._stop(error)
                raise

    def _did(self, walk: Walk, seconds: float) -> None:
        """Count a step as done, and with the last one the object."""
        with self._turn:
            walk.seconds += seconds
            walk.open_steps -= 1
            walk.ending = not walk.open_steps
            ends = walk.ending
        if ends:
            self._finish(walk)
        with self._turn:
            walk.ending = walk.ending and not ends
            self._turn.notify_all()

    def _next(self) -> Step | None:
        with self._turn:
            while True:
                if self._failed or not any(walk.open_steps or walk.ending for walk in self._walks.values()):
                    self._turn.notify_all()
                    return None
                if self._steps:
                    return self._steps.popleft()
                self._turn.wait()

    def _stop(self, error: BaseException) -> None:
        with self._turn:
            self._failed = self._failed or error
            self._turn.notify_all()

    def _add(self, walk: Walk, step: Step, *, soon: bool = False) -> None:
        with self._turn:
            walk.open_steps += 1
            if soon:
                self._steps.appendleft(step)
            else:
                self._steps.append(step)
            self._turn.notify()

    # ------------------------------------------------------------ one step

    def _do(self, step: Step) -> None:
        walk = self._walks[step.object.name]
        if _outdated(walk, step):
            return None
        if walk.most and step.rows > walk.most:
            return self._halve(walk, step)
        lone = step.rows == 1

        def asking(token: Secret) -> Target:
            return self._adapter.page(step.object, step.at, rows=step.rows, token=token)

        answered = self._caller.ask(asking, patient=False)
        if _outdated(walk, step):
            return None
        opened = self._adapter.open(step.object, answered.got.body) if answered.judgement == "good" else None
        if opened is not None:
            return self._take(walk, step, answered, opened)
        if answered.judgement == "refused":
            return self._refused(walk, step, answered)
        if not lone:
            if answered.got.slow or answered.got.status == 504:
                walk.most = min(walk.most or step.rows, max(step.rows // 2, 1))
            return self._halve(walk, step)
        if step.tries + 1 < LONE:
            return self._add(walk, replace(step, tries=step.tries + 1), soon=True)
        return self._set_aside(walk, step, answered)

    def _halve(self, walk: Walk, step: Step) -> None:
        half = max(step.rows // 2, 1)
        self._add(walk, replace(step, rows=half, tries=0, last=step.last and step.at.by != "offset"), soon=True)
        if step.at.by == "offset":
            rest = Position("offset", step.at.start + half)
            self._add(walk, replace(step, at=rest, rows=step.rows - half, tries=0), soon=True)

    def _refused(self, walk: Walk, step: Step, answered: Answered) -> None:
        """A no: perhaps to so many rows at once, else to the object, which ends with it."""
        if step.rows > self._adapter.safe_rows:
            walk.most = self._adapter.safe_rows
            return self._add(walk, replace(step, rows=walk.most), soon=True)
        walk.problem = f"{REFUSED}: {self._adapter.words(answered.got)}"
        return None

    def _take(self, walk: Walk, step: Step, answered: Answered, opened: Opened) -> None:
        keys = tuple(item.key or hashlib.sha256(item.raw).hexdigest() for item in opened.items)
        if keys and step.at.token and step.at.token in (opened.cursor, opened.items[-1].key):
            walk.problem = f"{STUCK}: the source sends the same page again"
            return None
        with self._turn:
            walk.by = walk.by or ("cursor" if opened.cursor else "offset")
            walk.counted = opened.total if walk.counted is None else walk.counted
            same = len(keys) >= min(len(walk.first_keys), 2) > 0 and keys == walk.first_keys[: len(keys)]
            if step.at.by == "offset" and step.at.start and same:
                return self._begin_anew(walk)  # the same rows again: the source does not heed the offset
            if step.at.by == "offset" and step.at.start == 0:
                walk.first_keys = keys
        follow = self._follow(walk, step, opened)
        self._keep(step, answered.got.body, opened.items, follow=follow, walk=walk)
        for further in follow:
            self._add(walk, further, soon=step.at.by != "offset")
        return None

    def _follow(self, walk: Walk, step: Step, opened: Opened) -> list[Step]:
        """The pages behind this one, as far as they are not asked for yet."""
        items = len(opened.items)
        full = items >= step.rows
        walk.served, walk.in_vain = max(walk.served, items if full else 0), 0
        if step.at.by == "above":
            key = next((item.key for item in reversed(opened.items) if item.key), "")
            if not key or self._surely_last(walk, step, items):
                return []
            return [replace(step, at=Position("above", 0, key), rows=self._size(walk), tries=0)]
        if walk.by == "cursor":
            size = min(self._size(walk), step.rows * 2)
            return [replace(step, at=Position("cursor", 0, opened.cursor), rows=size, tries=0)] if opened.cursor else []
        reached = step.at.start + items
        if step.at.start == 0 and step.last and items:
            if walk.counted is not None and items < min(step.rows, walk.counted):
                walk.most = items  # it serves no more than this at once
            return list(self._spans(walk, reached)) if not self._surely_last(walk, step, items) else []
        if not items:
            return []
        if not full:
            rest = replace(step, at=Position("offset", reached), rows=step.rows - items, tries=0)
            return [] if self._surely_last(walk, step, items) else [rest]
        return list(self._spans(walk, reached)) if step.last else []

    def _surely_last(self, walk: Walk, step: Step, items: int) -> bool:
        """Whether a page that is not full ends the object: its size has been served, or the source counts no more rows."""
        if items >= step.rows:
            return False
        counted = step.at.by == "offset" and walk.counted is not None and step.at.start + items >= walk.counted
        return counted or walk.served >= step.rows or not items

    def _spans(self, walk: Walk, start: int) -> Iterator[Step]:
        """Pages from a row on: all that the count promises at once, else the next alone."""
        size, end = self._size(walk), walk.counted or 0
        while start + size < end:
            yield Step(walk.listed, Position("offset", start), size, last=False)
            start += size
        yield Step(walk.listed, Position("offset", start), size)

    def _size(self, walk: Walk) -> int:
        return min(self._adapter.rows, walk.most) if walk.most else self._adapter.rows

    def _begin_anew(self, walk: Walk) -> None:
        """Walk by the key instead of by the offset; what came so far stays on the shelf and counts no more."""
        if not walk.listed.key:
            walk.problem = f"{STUCK}: the source heeds no offset, and the object has no key"
            return
        walk.number, walk.by, walk.first_keys = walk.number + 1, "above", ()
        self._shelf.note("restart", walk.listed.name, {"by": "above", "walk": walk.number})
        walk.open_steps += 1
        self._steps.appendleft(Step(walk.listed, Position("above"), self._size(walk)))

    def _set_aside(self, walk: Walk, step: Step, answered: Answered) -> None:
        """The one row that cannot be read, with the bytes that came in its place; the walk goes on behind it."""
        key, cursor = self._adapter.rescue(step.object, answered.got.body)
        reason = BROKEN if answered.judgement == "garbled" or answered.judgement == "good" else POISON
        follow: list[Step] = []
        walk.in_vain += 1
        if walk.in_vain > HOPELESS:
            walk.problem = f"{STUCK}: {HOPELESS} rows one after the other cannot be read"
        elif step.at.by == "offset" and walk.by != "cursor":
            follow = list(self._spans(walk, step.at.start + 1)) if step.last else []
        elif cursor == "":
            walk.by = "cursor"  # it was the last one
        elif cursor:
            walk.by = "cursor"
            follow = [replace(step, at=Position("cursor", 0, cursor), rows=2, tries=0)]
        else:
            walk.problem = f"{STUCK}: a row cannot be read, and the source tells no way behind it"
        self._keep(step, answered.got.body, (Item(answered.got.body, key, reason),), follow=follow, walk=walk)
        for further in follow:
            self._add(walk, further, soon=True)

    def _keep(self, step: Step, body: bytes, items: Sequence[Item], *, follow: Sequence[Step], walk: Walk) -> None:
        """The page as it came, and beside it in the index all that a later run has to know of it."""
        chained = next((f.at.token for f in follow if f.at.by != "offset"), "")
        detail: dict[str, Any] = {
            "walk": walk.number,
            "by": walk.by or step.at.by,
            "start": step.at.start,
            "behind": step.at.token,
            "asked": step.rows,
            "items": len(items),
            "next": chained,
            "end": step.last and not follow,
        }
        if walk.problem:
            detail["problem"] = walk.problem
        lone = [item for item in items if item.reason in (POISON, BROKEN)]
        if lone:
            detail |= {"set_aside": lone[0].reason, "key": lone[0].key}
        with self._turn:
            walk.pages += 1
            name = f"{walk.pages:06d}.json"
        self._shelf.keep("page", step.object.name, name, body, detail)

    # ------------------------------------------------------------ beginning and end of an object

    def _learn(self, walk: Walk, entry: Entry) -> None:
        walk.by = str(entry.detail["by"])
        walk.problem = str(entry.detail.get("problem", ""))
        if entry.detail["items"] >= entry.detail["asked"]:
            walk.served = max(walk.served, int(entry.detail["items"]))

    def _counted(self, listed: Listed, when: str) -> int | None:
        """What the source says of its rows at this moment, written down; None where it says nothing."""

        def asking(token: Secret) -> Target:
            target = self._adapter.count(listed, token)
            assert target is not None  # asked only where the adapter has one
            return target

        rows = None
        if self._uncounted < DOUBTS and self._adapter.count(listed, Secret("")) is not None:
            answered = self._caller.ask(asking)
            rows = self._adapter.count_of(answered.got) if answered.judgement == "good" else None
            known = self._uncounted < 0 or rows is not None
            self._uncounted = -1 if known else self._uncounted + 1
        self._shelf.note("count", listed.name, {"when": when, "rows": rows})
        return rows

    def _finish(self, walk: Walk) -> None:
        """The second count, and the word that this object needs no further page."""
        if self._failed:
            return
        self._counted(walk.listed, "after")
        detail = {"problem": walk.problem, "seconds": round(walk.seconds, 3), "told": walk.counted}
        self._shelf.note("done", walk.listed.name, detail)


def _outdated(walk: Walk, step: Step) -> bool:
    """Whether the object was given up, or is walked through in another way since this step was planned."""
    return bool(walk.problem) or (step.at.by == "offset" and walk.by in ("above", "cursor"))


def _last_number(entries: Sequence[Entry]) -> int:
    """The highest number that a page bears. It may be above their count: a page may be lost in a crash, and a later one not."""
    stems = [PurePosixPath(entry.file).stem for entry in entries]
    return max((int(stem) for stem in stems if stem.isdecimal()), default=0)


def pages_of(shelf: Shelf, object_: str) -> list[Entry]:
    """The pages of an object that count: those of its last walk, in the order in which they came."""
    number = 1 + len(shelf.entries("restart", object_))
    return [entry for entry in shelf.entries("page", object_) if entry.detail["walk"] == number]


def _position(by: str, token: str) -> Position:
    return Position("above" if by == "above" else "cursor" if by == "cursor" else "offset", 0, token)
