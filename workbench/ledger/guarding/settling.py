"""Changes whose answer was lost: given time to arrive, then looked for; nothing is sent a second time on a guess.

A job that took them is asked first. Then a look tells: what is there is adopted, and what two looks have not seen was
not made and may be sent again. What a job is at work on stays open until its time is over; from then on it is looked for
like everything else, and sent again only where the account itself would not make it twice, should the job end after all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from workbench.destinations import HELD, RUNNING, Draft, Record, Wait
from workbench.errors import Refused, Uncertain
from workbench.ledger.guarding.evidence import ABSENT, FOUND, REPAIR, TRIED_AGAIN, TWICE
from workbench.ledger.guarding.twin_fields import field_made
from workbench.ledger.guarding.twins import remove_twin
from workbench.ledger.knowing import CHANGED
from workbench.ledger.operations import OPEN, Closing, Operation, operations, same
from workbench.specs import CustomField

if TYPE_CHECKING:
    from workbench.ledger.guarding.guard import Guard

__all__ = ["Settling"]

TENTH = 0.1
"""Of the time that a change may take to arrive, what passes between the two looks that say it was not made."""


class Settling:
    """Finds out what became of open operations, one object after the other; threads that ask meanwhile wait."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._lock = threading.RLock()
        self._running: set[str] = set()  # jobs that were at work still when this run had waited for them
        self._held: dict[int, str] = {}  # operation → why it may not be sent again though no look finds it
        self._asked: set[int] = set()  # operations held back by an earlier settling that this run has asked about

    def settle(self, object_: str) -> int:
        """Settle one object, or all where it is empty; returns how many operations were open."""
        with self._lock:
            rows = self._left_open(object_)
            for name in dict.fromkeys(row.object for row in rows):
                mine = [row for row in rows if row.object == name]
                told = self._collected(name, mine)
                left = [row for row in mine if row.op not in told]
                if left:
                    self._arrive(name)
                    absent = self._looked(name, left, last=False)
                    if absent:
                        self._pause(max(self._guard.lag, self._span() * TENTH), "what is not there is looked for once more")
                        self._looked(name, absent, last=True)
            return len(rows)

    def held(self, object_: str, keys: Collection[str]) -> dict[str, str]:
        """Key → why it is not sent again, of those that a job without an end may make yet; that job is asked once a run."""
        with self._lock:
            rows = self._held_back(object_, keys)
            fresh = [row for row in rows if row.op not in self._asked]
            if fresh:
                self._asked |= {row.op for row in fresh}
                self._guard.ledger.operations.close([Closing(row.op, "unknown", words=row.words) for row in fresh])
                self.settle(object_)
                rows = self._held_back(object_, keys)
            return {row.key: row.words for row in rows}

    def _held_back(self, object_: str, keys: Collection[str]) -> list[Operation]:
        newest = (rows[-1] for rows in self._guard.ledger.operations.of_keys(object_, keys).values())
        return [row for row in newest if row.state == "rejected" and row.words.startswith(HELD)]

    def calm(self, object_: str, *, earlier: bool) -> None:
        """See ``Guard.calm``."""
        if earlier or self._guard.air.calls(object_):
            pause = self._guard.lag - self._guard.air.since_sent(object_)
            self._pause(pause, "what was written last may not show yet")

    def _left_open(self, object_: str) -> list[Operation]:
        """Open operations that no thread of ours is waiting for.

        Of those that are open, the ones whose call is over are asked for again: their outcome may have come in between.
        """
        ledger, c = self._guard.ledger, operations.c
        rows = ledger.operations.unsettled(object_)
        flying = self._guard.air.batches()
        still = c.state.in_(OPEN) & c.batch.not_in(flying)
        return [row for part in _parts(rows) for row in ledger.operations.where(still & c.op.in_([each.op for each in part]))]

    def _span(self) -> float:
        """Seconds within which a change arrives, if it does, and shows in a look."""
        return max(self._guard.settle_seconds, self._guard.air.slow(), self._guard.lag)

    def _arrive(self, object_: str) -> None:
        pause = self._span() - self._guard.air.since_ambiguous(object_)
        self._pause(pause, "a change without an answer may still arrive")

    def _pause(self, seconds: float, reason: str) -> None:
        if seconds > 0:
            self._guard.tell(Wait(seconds, reason))
            time.sleep(seconds)

    # ------------------------------------------------------------ jobs

    def _collected(self, object_: str, rows: Sequence[Operation]) -> set[int]:
        """Ask the jobs that took operations what became of them; returns those of which they could tell."""
        told: list[Closing] = []
        for job in dict.fromkeys(row.job for row in rows if row.job):
            if job in self._running:
                continue
            mine = [row for row in rows if row.job == job]
            drafts = [Draft(row.key, row.payload, row.id) for row in mine]
            try:
                outcomes = {outcome.key: outcome for outcome in self._guard.inner.collect(object_, job, drafts)}
            except (Refused, Uncertain):
                continue  # it does not say
            if any(outcome.words.startswith(RUNNING) for outcome in outcomes.values()):
                self._running.add(job)
            for row in mine:
                outcome = outcomes.get(row.key)
                self._held.pop(row.op, None)
                if outcome is not None and outcome.words.startswith(HELD):
                    self._held[row.op] = outcome.words
                if outcome is not None and outcome.state != "unknown":
                    told.append(Closing(row.op, outcome.state, id=outcome.id, words=outcome.words or f"told by job {job}"))
        self._guard.ledger.operations.close(told)
        return {closing.op for closing in told}

    # ------------------------------------------------------------ looks

    def _looked(self, object_: str, rows: Sequence[Operation], *, last: bool) -> list[Operation]:
        """One look at what became of operations; returns those that it did not find, which the last look makes sendable.

        What a job is working on still may come at any moment: it stays open until it is there, or the job has ended.
        """
        absent: list[Operation] = []
        closings: list[Closing] = []
        twins: list[tuple[Operation, Record, Record]] = []
        for row, closing, records in self._verdicts(object_, rows):
            if closing.state == "rejected" and row.job in self._running:
                continue
            if closing.state == "rejected" and not last:
                absent.append(row)
                continue
            if closing.words == ABSENT and row.op in self._held:
                closing = Closing(row.op, "rejected", words=self._held[row.op])
            closings.append(closing)
            twins += [(row, records[0], record) for record in records[1:]]
        self._guard.ledger.operations.close(closings)
        for row, kept, twin in twins:
            remove_twin(self._guard, row, kept=kept, twin=twin.id)
        self._tidy(object_, [row for row in rows if row.verb == "delete"])
        return absent

    def _verdicts(self, object_: str, rows: Sequence[Operation]) -> Iterator[tuple[Operation, Closing, Sequence[Record]]]:
        """Each operation, what a look says of it, and for one that makes a record those that bear its key."""
        made = [row for row in rows if row.verb == "create"]
        found = self._guard.look(object_, {row.key for row in made}) if made else {}
        newest = {row.key: row.op for row in made}
        for row in made:
            records = found.get(row.key, ())
            yield row, _made(row, records, newest[row.key]), records if row.op == newest[row.key] else ()
        changed = [row for row in rows if row.verb in ("update", "restore", "delete")]
        ids = list(dict.fromkeys(row.id for row in changed))
        now = {record.id: record for record in self._guard.inner.read(object_, ids)} if ids else {}
        for row in changed:
            yield row, _changed(row, now.get(row.id)), ()
        for row in rows:
            if row.verb in ("create_field", "delete_field"):
                yield row, self._field(row), ()

    def _field(self, row: Operation) -> Closing:
        made = row.verb == "create_field"
        plans = [CustomField.model_validate(row.payload)] if made else []
        fields = self._guard.inner.metadata(plans).fields
        mine = (f for f in fields if f.object == row.object)
        there = next((f for f in mine if (f"{f.object}/{f.name}" == row.key if made or not row.id else f.id == row.id)), None)
        there = field_made(self._guard, row, there) if made else there
        if made and there is not None:
            return Closing(row.op, "done", id=there.id, words=FOUND, post=asdict(there))
        if not made and there is None:
            return Closing(row.op, "done", words=FOUND)
        return Closing(row.op, "rejected", words=ABSENT)

    def _tidy(self, object_: str, deleted: Sequence[Operation]) -> None:
        """Twins whose deletion has turned out to be done do not stand any more."""
        if not deleted:
            return
        done = operations.c.op.in_([row.op for row in deleted]) & (operations.c.state == "done")
        gone = {row.id for row in self._guard.ledger.operations.where(done)}
        for rows in self._guard.ledger.operations.of_ids(object_, gone).values():
            for row in rows:
                if row.verb == "create" and row.state == "done" and row.words.startswith(TWICE):
                    self._guard.ledger.mark_reversed(row.op, "reversed", REPAIR)


def _made(row: Operation, records: Sequence[Record], newest: int) -> Closing:
    """The oldest record that bears the key is the one; whatever it holds otherwise is told.

    Our key is what makes it ours: people, or the destination itself, may have given it other values since. So what it
    holds now is no image of what we made, however soon we look; the last sweep tells apart what is the account's doing.
    """
    if row.op != newest:
        return Closing(row.op, "rejected", words=TRIED_AGAIN)
    if not records:
        return Closing(row.op, "rejected", words=ABSENT)
    first = records[0]
    other = [name for name, value in row.payload.items() if not same(first.values.get(name), value)]
    words = f"{FOUND}; it shows {', '.join(sorted(other))} otherwise" if other else FOUND
    return Closing(row.op, "done", id=first.id, words=words)


def _changed(row: Operation, record: Record | None) -> Closing:
    """What a look at the record says of a change or a delete that was never answered."""
    if row.verb == "delete":
        return Closing(row.op, "rejected" if record else "done", words=ABSENT if record else FOUND)
    if record is None:
        return Closing(row.op, "rejected", words=ABSENT)
    other = [name for name, value in row.payload.items() if not same(record.values.get(name), value)]
    if not other:
        return Closing(row.op, "done", words=FOUND)
    if row.pre is not None and any(not same(record.values.get(name), row.pre.get(name)) for name in other):
        return Closing(row.op, "rejected", words=CHANGED)
    return Closing(row.op, "rejected", words=ABSENT)


def _parts(rows: Sequence[Operation], size: int = 500) -> Iterable[Sequence[Operation]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
