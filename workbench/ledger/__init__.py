"""The write-ahead record of every change asked of a destination, wrapped round the client so that nothing passes it by.

An intent is committed before the call and its outcome after it. What an interrupted run left open is settled by
looking at the destination; nothing is sent a second time on a guess.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from sqlalchemy import Engine

from workbench.destinations import Destination, Draft, LiveField, Metadata, Outcome, Record, Standing, User, Wait
from workbench.errors import Refused, WaitError
from workbench.ledger.operations import Closing, Intent, Operation, Operations, State, digest, operations, same
from workbench.specs import CustomField

__all__ = ["Guard", "Ledger"]

SETTLE_SECONDS = 60.0
"""How long a change may still arrive after its answer was lost; only then does a look count."""
ABSENT = "looked: it was not made"


class Ledger:
    """What was asked of the destination of one engagement, and what became of it."""

    def __init__(self, store: Engine, *, engagement_id: str) -> None:
        self.operations = Operations(store, engagement_id=engagement_id)

    def guard(self, destination: Destination, *, settle_seconds: float = SETTLE_SECONDS) -> Guard:
        """The same destination, with every change of it written down. A rehearsal divides `settle_seconds` by its scale."""
        return Guard(destination, self, settle_seconds=settle_seconds)

    def frame(self) -> pd.DataFrame:
        """Every operation: op, object, key, verb, state, id, attempt, at, words."""
        return self.operations.frame()

    def ids(self, object_: str) -> dict[str, str]:
        """Key → id of the records that we made and that are still there."""
        return self.operations.pairs(object_, ("done", "kept"))

    def post_images(self, object_: str) -> dict[str, dict[str, Any]]:
        """Key → the values that we last wrote to it, whether it was made or changed by us."""
        c = operations.c
        rows = self.operations.where((c.object == object_) & (c.state == "done") & c.verb.in_(("create", "update")))
        images: dict[str, dict[str, Any]] = {}
        for row in rows:
            images.setdefault(row.key, {}).update(row.payload)
        return images

    def created(self) -> list[Operation]:
        """Records and fields that we made and that nobody has reversed, newest first."""
        return self._newest("create", "create_field")

    def updated(self) -> list[Operation]:
        """Changes to records that nobody has reversed, newest first."""
        return self._newest("update")

    def changes(self) -> list[Operation]:
        """Records made and changed, in one order, newest first: what a rollback walks along."""
        return self._newest("create", "update")

    def mark_reversed(self, op: int, state: State, words: str = "") -> None:
        """Say what a rollback did with an operation: `reversed`, or `kept` and why."""
        self.operations.close([Closing(op, state, words=words)])

    def settle(self, destination: Destination, object_: str = "", *, settle_seconds: float = SETTLE_SECONDS) -> int:
        """Find out by looking what became of open operations; returns how many there were."""
        guard = destination if isinstance(destination, Guard) else self.guard(destination, settle_seconds=settle_seconds)
        return guard.settle(object_)

    def resolve_ids(self, destination: Destination, object_: str) -> dict[str, str]:
        """Fill in the ids that bulk calls did not tell, by one sweep; returns key → id of all that we made."""
        guard = destination if isinstance(destination, Guard) else self.guard(destination)
        return guard.resolve_ids(object_)

    def _newest(self, *verbs: str) -> list[Operation]:
        c = operations.c
        return self.operations.where((c.state == "done") & c.verb.in_(verbs), newest_first=True)


class Guard:
    """A destination whose every change is in the ledger before it is sent and after it is answered."""

    def __init__(self, destination: Destination, ledger: Ledger, *, settle_seconds: float) -> None:
        self.inner = destination
        self.ledger = ledger
        self.name = destination.name
        self.lag = destination.lag
        self._operations = ledger.operations
        self._settle_seconds = settle_seconds
        self._report: Callable[[Wait], None] | None = None
        self._settling = threading.Lock()
        self._numbering = threading.Lock()  # an operation is in the ledger and in `_flying`, or in neither
        self._flying: set[int] = set()
        self._looked: set[str] = set()

    # ------------------------------------------------------------ reads pass through

    def check(self) -> User | None:
        return self.inner.check()

    def metadata(self, declared: Sequence[CustomField] = ()) -> Metadata:
        return self.inner.metadata(declared)

    def bulk_rows(self, object_: str) -> int:
        return self.inner.bulk_rows(object_)

    def lanes(self, object_: str) -> int:
        return self.inner.lanes(object_)

    def standing(self) -> tuple[Standing, ...]:
        return self.inner.standing()

    def newest(self, object_: str) -> str:
        return self.inner.newest(object_)

    def bearing(self, object_: str, keys: Collection[str], *, since: str = "") -> list[Record]:
        return self.inner.bearing(object_, keys, since=since)

    def collect(self, object_: str, job: str, drafts: Sequence[Draft]) -> list[Outcome]:
        return self.inner.collect(object_, job, drafts)

    def find(self, object_: str, field_: str, values: Iterable[str]) -> list[Record]:
        return self.inner.find(object_, field_, values)

    def read(self, object_: str, ids: Sequence[str]) -> list[Record]:
        return self.inner.read(object_, ids)

    def sweep(self, object_: str, *, since: str = "") -> Iterator[Record]:
        return self.inner.sweep(object_, since=since)

    def on_wait(self, report: Callable[[Wait], None]) -> None:
        """Have every wait told to somebody, the client's and our own."""
        self._report = report
        self.inner.on_wait(report)

    def extra_fields(self, objects: Iterable[str]) -> list[CustomField]:
        return self.inner.extra_fields(objects)

    def children(self, object_: str, number: str) -> list[tuple[str, str]]:
        return self.inner.children(object_, number)

    # ------------------------------------------------------------ records

    def write(self, object_: str, drafts: Sequence[Draft], *, taken: Callable[[str], None] | None = None) -> list[Outcome]:
        """As the destination's `write`; what the ledger knows to be done is not sent again.

        A key that was made with other values is refused: a change names the record's id.
        """
        self._settle_first(object_, [draft.key for draft in drafts])
        known = self._operations.of_keys(object_, [draft.key for draft in drafts])
        answers = {draft.key: _known(draft, known.get(draft.key, [])) for draft in drafts}
        rest = [draft for draft in drafts if answers[draft.key] is None]
        before = self._before(object_, [draft.id for draft in rest if draft.id])
        gone = [draft for draft in rest if draft.id and draft.id not in before]
        answers |= {d.key: Outcome(d.key, "rejected", d.id, "the record is not there any more") for d in gone}
        rest = [draft for draft in rest if answers[draft.key] is None]
        intents = [_intent(object_, draft, before.get(draft.id), len(known.get(draft.key, []))) for draft in rest]
        answers |= {o.key: o for o in self._sent(intents, lambda: self.inner.write(object_, rest))}
        return [outcome for draft in drafts if (outcome := answers[draft.key]) is not None]

    def restore(self, object_: str, draft: Draft, *, before: Record) -> Outcome:
        """Put fields back to what they held, given the record as it was read just now.

        It is written down as `restore`, so that no rollback takes it back again.
        """
        intent = Intent(object_, draft.key, "restore", dict(draft.values), draft.id, dict(before.values))
        return self._sent([intent], lambda: self.inner.write(object_, [draft]))[0]

    def delete(self, object_: str, ids: Sequence[str]) -> list[Outcome]:
        """As the destination's `delete`, with a full copy of each record beforehand."""
        return self._delete(object_, ids, self._before(object_, ids))

    def take_away(self, object_: str, number: str, *, before: Record | None) -> Outcome:
        """Delete one record, given a copy of it that was read just now; None where it lies in the recycle bin."""
        copies = {number: dict(before.values)} if before else {}
        return self._delete(object_, [number], copies)[0]

    def _delete(self, object_: str, ids: Sequence[str], before: Mapping[str, dict[str, Any]]) -> list[Outcome]:
        keys = {number: rows[-1].key for number, rows in self._operations.of_ids(object_, ids).items()}
        intents = [Intent(object_, keys.get(number, number), "delete", {}, number, before.get(number)) for number in ids]
        return self._sent(intents, lambda: self.inner.delete(object_, ids), by_id=True)

    def _before(self, object_: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        return {record.id: dict(record.values) for record in self.inner.read(object_, ids)} if ids else {}

    def _sent(self, intents: Sequence[Intent], call: Callable[[], list[Outcome]], *, by_id: bool = False) -> list[Outcome]:
        """Intents, then the call, then its outcomes. Whatever interrupts the call leaves its intents open."""
        if not intents:
            return []
        with self._numbering:
            numbers = self._operations.open(uuid.uuid4().hex, intents)
            self._flying.update(numbers)
        try:
            try:
                outcomes = call()
            except (Refused, WaitError) as error:
                # These are raised only where the one call in question was surely not carried out.
                if len(intents) == 1:
                    self._operations.close([Closing(numbers[0], "rejected", words=f"not made: {error.message}")])
                raise
            by_name = {outcome.key: outcome for outcome in outcomes}
            closings = []
            for number, intent in zip(numbers, intents, strict=True):
                outcome = by_name.get(intent.id if by_id else intent.key)
                if outcome is None:
                    closings.append(Closing(number, "unknown", words="the destination did not speak of it"))
                else:
                    closings.append(Closing(number, outcome.state, id=outcome.id, words=outcome.words))
            self._operations.close(closings)
            return outcomes
        finally:
            with self._numbering:
                self._flying.difference_update(numbers)

    # ------------------------------------------------------------ fields

    def create_field(self, plan: CustomField) -> LiveField:
        """As the destination's; a field that the ledger knows to be made is not made again."""
        key = f"{plan.object}/{plan.name}"
        self._settle_first(plan.object, [key])
        rows = self._operations.of_keys(plan.object, [key]).get(key, [])
        if rows and rows[-1].verb == "create_field" and rows[-1].state in ("done", "kept") and rows[-1].post:
            return live_field(rows[-1].post)
        intent = Intent(plan.object, key, "create_field", plan.model_dump(mode="json"), attempt=len(rows) + 1)
        made: list[LiveField] = []

        def call() -> list[Outcome]:
            made.append(self.inner.create_field(plan))
            return [Outcome(key, "done", made[0].id)]

        self._sent([intent], call)
        newest = self._operations.of_keys(plan.object, [key])[key][-1]
        self._operations.close([Closing(newest.op, "done", id=made[0].id, post=asdict(made[0]))])
        return made[0]

    def delete_field(self, live: LiveField) -> Outcome:
        """As the destination's."""
        key = f"{live.object}/{live.name}"
        intent = Intent(live.object, key, "delete_field", asdict(live), live.id)
        return self._sent([intent], lambda: [self.inner.delete_field(live)], by_id=True)[0]

    # ------------------------------------------------------------ looking

    def settle(self, object_: str = "") -> int:
        """Find out by looking what became of open operations, of one object or of all; returns how many there were."""
        with self._settling:
            rows = self._left_open(object_)
            if rows:
                self._let_arrive(rows)
            for name in dict.fromkeys(row.object for row in rows):
                self._settle_object(name, [row for row in rows if row.object == name])
            return len(rows)

    def resolve_ids(self, object_: str) -> dict[str, str]:
        """Fill in the ids that bulk calls did not tell, by one sweep; returns key → id of all that we made.

        The sweep also keeps what each record looked like once it was made, for a rollback to compare with. A record
        that was said to be made and is not to be seen becomes `unknown`.
        """
        c = operations.c
        rows = self._operations.where((c.object == object_) & (c.verb == "create") & (c.state == "done") & c.post.is_(None))
        rows = [row for row in rows if row.op not in self._flying]
        if rows:
            found = self._bearing(object_, {row.key for row in rows})
            missing = "said to be made, and not to be seen"
            self._operations.close(
                [close for row in rows for close in self._adopted(row, found, absent="unknown", words=missing)]
            )
        return self.ledger.ids(object_)

    def _settle_first(self, object_: str, keys: Sequence[str]) -> None:
        """Before anything of an object is sent: settle what earlier runs left open, and whatever is open of these keys."""
        if object_ in self._looked:
            waiting = {row.key for row in self._left_open(object_)}
            if not waiting & set(keys):
                return
        self.settle(object_)
        self._looked.add(object_)

    def _left_open(self, object_: str) -> list[Operation]:
        """Open operations that no thread of ours is waiting for."""
        with self._numbering:
            return [row for row in self._operations.unsettled(object_) if row.op not in self._flying]

    def _let_arrive(self, rows: Sequence[Operation]) -> None:
        newest = max(datetime.fromisoformat(row.at) for row in rows)
        age = (datetime.now(UTC) - newest).total_seconds()
        pause = min(max(self._settle_seconds - age, 0.0), self._settle_seconds)
        if pause and self._report:
            self._report(Wait(pause, "a change without an answer may still arrive"))
        time.sleep(pause)

    def _settle_object(self, object_: str, rows: Sequence[Operation]) -> None:
        made = [row for row in rows if row.verb == "create"]
        found = self._bearing(object_, {row.key for row in made}) if made else {}
        closings = [close for row in made for close in self._adopted(row, found, absent="rejected", words=ABSENT)]
        changed = [row for row in rows if row.verb in ("update", "restore", "delete")]
        now = {record.id: record for record in self.inner.read(object_, [row.id for row in changed])} if changed else {}
        closings += [_changed(row, now.get(row.id)) for row in changed]
        fields = [row for row in rows if row.verb in ("create_field", "delete_field")]
        closings += [self._field(row) for row in fields]
        self._operations.close(closings)

    def _bearing(self, object_: str, keys: set[str]) -> dict[str, list[Record]]:
        """Records that bear one of the keys, by an authoritative look at all of them."""
        found: dict[str, list[Record]] = {}
        for record in self.inner.sweep(object_):
            if record.key in keys:
                found.setdefault(record.key, []).append(record)
        return found

    def _adopted(self, row: Operation, found: Mapping[str, Sequence[Record]], *, absent: State, words: str) -> list[Closing]:
        """The oldest record that bears the key is the one; further ones are written down too, for the rollback."""
        records = sorted(found.get(row.key, ()), key=lambda record: (len(record.id), record.id))
        if not records and row.id:  # it was made, and somebody has taken it away since
            return [Closing(row.op, "done", words=row.words, post={})]
        if not records:
            return [Closing(row.op, absent, words=words)]
        first = next((record for record in records if record.id == row.id), records[0])
        others = [record for record in records if record.id != first.id and not row.id]
        extra = [Intent(row.object, row.key, "create", row.payload, other.id, attempt=row.attempt) for other in others]
        numbers = self._operations.open(uuid.uuid4().hex, extra) if extra else []
        twice = [Closing(number, "done", words=f"made twice: {first.id} bears the same key") for number in numbers]
        words = row.words if row.state == "done" else "found by looking"
        return [Closing(row.op, "done", id=first.id, words=words, post=dict(first.values)), *twice]

    def _field(self, row: Operation) -> Closing:
        made = row.verb == "create_field"
        plans = [CustomField.model_validate(row.payload)] if made else []
        fields = self.inner.metadata(plans).fields
        there = next((f for f in fields if f.object == row.object and f"{f.object}/{f.name}" == row.key), None)
        if made and there is not None:
            return Closing(row.op, "done", id=there.id, words="found by looking", post=asdict(there))
        if not made and there is None:
            return Closing(row.op, "done", words="found by looking")
        return Closing(row.op, "rejected", words=ABSENT)


def _intent(object_: str, draft: Draft, before: Mapping[str, Any] | None, tries: int) -> Intent:
    verb = "update" if draft.id else "create"
    return Intent(object_, draft.key, verb, dict(draft.values), draft.id, before, tries + 1)  # type: ignore[arg-type]


def _known(draft: Draft, rows: Sequence[Operation]) -> Outcome | None:
    """What the ledger already knows of a draft; None where it has to be sent."""
    live = [row for row in rows if row.state in ("done", "kept")]
    if draft.id:
        written: dict[str, Any] = {}
        for row in live:
            if row.id == draft.id and row.verb in ("create", "update", "restore"):
                written |= row.payload
        held = all(name in written and _as_written(written[name], value) for name, value in draft.values.items())
        return Outcome(draft.key, "done", draft.id, "done before") if held else None
    made = next((row for row in live if row.verb == "create"), None)
    if made is None:
        return None
    if made.payload_sha == digest(draft.values):
        return Outcome(draft.key, "done", made.id, "done before")
    return Outcome(draft.key, "rejected", made.id, "made before with other values; a change names the record's id")


def _as_written(before: object, now: object) -> bool:
    """Whether we would send the same again. Both are our own words, so `1.10` and `1.1` are two: one may be a text."""
    return before == now or (before in (None, "", []) and now in (None, "", []))


def _changed(row: Operation, record: Record | None) -> Closing:
    """What a look at the record says of a change or a delete that was never answered."""
    if row.verb == "delete":
        return Closing(row.op, "rejected" if record else "done", words=ABSENT if record else "found by looking")
    if record is not None and all(same(record.values.get(name), value) for name, value in row.payload.items()):
        return Closing(row.op, "done", words="found by looking")
    return Closing(row.op, "rejected", words=ABSENT)


def live_field(image: Mapping[str, Any]) -> LiveField:
    """A field from its image in the ledger."""
    return LiveField(**{**image, "choices": tuple(image["choices"])})
