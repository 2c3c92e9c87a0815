"""A destination that writes down every change before it is sent and after it is answered.

The steps of the protocol are methods of their own, so that a test can take one away and see that it is missed:
`_mark` notes the watermark and `_carry_out` puts the others in order: `_intend` commits the intents, `_send` makes the
call, `_conclude` commits the outcomes (`_matched` finds each by its key, `_trusted` doubts an id given twice). `_closed`
lets nothing be sent while an earlier change of it is open, `_look` asks what bears our keys, `certify` is the last sweep.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from workbench.destinations import Destination, Draft, LiveField, Outcome, Record, Wait
from workbench.destinations.http.freshness import only_by
from workbench.errors import Refused, WaitError
from workbench.ledger.guarding.bisecting import isolate, refused_together
from workbench.ledger.guarding.certificate import Certificate
from workbench.ledger.guarding.certifying import Reckoning
from workbench.ledger.guarding.copies import fresh_of, see_nobody
from workbench.ledger.guarding.flying import Flying, Given, Screened
from workbench.ledger.guarding.images import Images
from workbench.ledger.guarding.nearby import expect
from workbench.ledger.guarding.reading import Reading
from workbench.ledger.guarding.settling import Settling
from workbench.ledger.guarding.steps import Look, Step, T, Tell, intended, parts_of
from workbench.ledger.guarding.twin_fields import before_making, live_field, remove_twin_fields
from workbench.ledger.guarding.twins import age
from workbench.ledger.knowing import first_by_key, known_of, out_of_reach
from workbench.ledger.operations import OPEN, Closing, Intent, Trace, operations
from workbench.specs import CustomField

if TYPE_CHECKING:
    from workbench.ledger import Ledger

__all__ = ["Guard"]

TWICE = "the key stands twice in one call"


class Guard(Reading):
    """A destination whose every change is in the ledger before it is sent and after it is answered.

    Any number of threads may use one; nothing is locked while a call is under way but the keys that it concerns.
    """

    def __init__(self, destination: Destination, ledger: Ledger, *, settle_seconds: float) -> None:
        super().__init__(destination)
        self.ledger = ledger
        self.settle_seconds = settle_seconds
        self.air = Flying()
        self._operations = ledger.operations
        self._report: Callable[[Wait], None] | None = None
        self._waits = 0
        self._settling = Settling(self)
        self._certificates: dict[str, tuple[int, Certificate]] = {}  # object → calls before it, and it
        self._screened = Screened()
        self._given = Given()
        self._images = Images(destination)
        self._beginning = threading.RLock()
        self._begun: set[str] = set()  # objects; there are a few dozen
        self._first: dict[str, frozenset[str]] = {}  # object → keys of the first chunk of which the ledger knows nothing
        self._alone: set[str] = set()  # objects of which we make records, and nobody else with a copy of the ledger
        destination.on_wait(self.tell)

    # ------------------------------------------------------------ waits

    def on_wait(self, report: Callable[[Wait], None], *, days: bool = False) -> None:
        """Have every wait told to somebody, the client's and our own."""
        self._report = report
        self.inner.on_wait(self.tell, days=days)

    def tell(self, wait: Wait) -> None:
        """Pass a wait on to whoever shows them."""
        self._waits += 1
        if self._report is not None:
            self._report(wait)

    # ------------------------------------------------------------ records

    def screen(self, object_: str, drafts: Sequence[Draft]) -> tuple[dict[str, Outcome], list[Draft]]:
        """What the ledger already knows of drafts, by key, and those that are to be sent.

        Good for chunks of any size. A draft that comes back may be handed to `write`, which asks the ledger no second time.
        What an earlier run left open is settled here only where it is one of these: others need not wait for it.
        """
        first = first_by_key(drafts)
        with self.air.holding(object_, first):
            answers, tries = self._asked(object_, list(first.values()))
            for key, tried in tries.items():
                self._screened.put(object_, first[key], tried)
        self._images.announce(object_, (first[key] for key in tries))
        return answers, [draft for key, draft in first.items() if key in tries]

    def write(self, object_: str, drafts: Sequence[Draft], *, taken: Tell | None = None) -> list[Outcome]:
        """As the destination's `write`; what the ledger knows to be done is not sent again.

        A key that was made with other values is refused: a change names the record's id. A batch that is refused as a
        whole is taken apart until the rows that spoil it stand alone.
        """
        first = first_by_key(drafts)
        with self.air.holding(object_, first):
            answers, tries = self._unsent(object_, list(first.values()))
            rest = [draft for key, draft in first.items() if key in tries]
            for part in parts_of(rest, size=self.inner.bulk_rows(object_) if len(rest) > 1 else 1):
                answers |= {outcome.key: outcome for outcome in self._written(object_, part, tries, taken)}
        twice = ((draft, Outcome(draft.key, "rejected", draft.id, TWICE)) for draft in drafts)
        return [answers[draft.key] if first[draft.key] is draft else refusal for draft, refusal in twice]

    def restore(self, object_: str, draft: Draft, *, before: Record) -> Outcome:
        """Put fields back to what they held, given the record as it was read just now.

        It is written down as `restore`, so that no rollback takes it back again.
        """
        intent = Intent(object_, draft.key, "restore", dict(draft.values), draft.id, dict(before.values))
        return self._carry_out(Step([intent], lambda tell: self.inner.write(object_, [draft], taken=tell)))[0]

    def delete(self, object_: str, ids: Sequence[str]) -> list[Outcome]:
        """As the destination's `delete`, with a full copy of each record beforehand."""
        return self._delete(object_, ids, self._before(object_, ids))

    def take_away(self, object_: str, number: str, *, before: Record | None, words: str = "") -> Outcome:
        """Delete one record, given a copy of it that was read just now; None where it lies in the recycle bin."""
        return self.take_away_many(object_, {number: before}, words=words)[0]

    def take_away_many(self, object_: str, copies: Mapping[str, Record | None], *, words: str = "") -> list[Outcome]:
        """Delete records in one call, each with its own outcome, given a copy of each that was read just now.

        `words` say why, where the destination says nothing.
        """
        before = {number: dict(record.values) for number, record in copies.items() if record is not None}
        return self._delete(object_, list(copies), before, words=words)

    def _delete(
        self, object_: str, ids: Sequence[str], before: Mapping[str, dict[str, Any]], *, words: str = ""
    ) -> list[Outcome]:
        if not ids:
            return []
        keys = {number: rows[-1].key for number, rows in self._operations.of_ids(object_, ids).items()}
        intents = [Intent(object_, keys.get(number, number), "delete", {}, number, before.get(number)) for number in ids]
        return self._carry_out(Step(intents, lambda tell: self.inner.delete(object_, ids), by_id=True, words=words))

    def _before(self, object_: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        return {record.id: dict(record.values) for record in self.inner.read(object_, ids)} if ids else {}

    # ------------------------------------------------------------ what is to be sent

    def _unsent(self, object_: str, drafts: Sequence[Draft]) -> tuple[dict[str, Outcome], dict[str, int]]:
        """Outcomes of what need not be sent, and of the rest by key how often it was tried."""
        tries = {draft.key: self._screened.take(object_, draft) for draft in drafts}
        unasked = [draft for draft in drafts if tries[draft.key] is None]
        if unasked:
            self._begin(object_)
        answers, more = self._asked(object_, unasked) if unasked else ({}, {})
        return answers, {key: tried for key, tried in tries.items() if tried is not None} | more

    def _asked(self, object_: str, drafts: Sequence[Draft]) -> tuple[dict[str, Outcome], dict[str, int]]:
        """The same, from the ledger."""
        look: Look[Trace] = self._operations.of_keys if any(draft.id for draft in drafts) else self._operations.traces
        known = self._closed(object_, [draft.key for draft in drafts], look)
        refused = [key for key, rows in known.items() if rows[-1].state == "rejected"]
        held = self._settling.held(object_, refused) if refused else {}
        known = {**known, **look(object_, refused)} if refused else known
        answers = {key: Outcome(key, "rejected", words=words) for key, words in held.items()}
        tries: dict[str, int] = {}
        for draft in drafts:
            rows = known.get(draft.key, [])
            outcome = answers.get(draft.key) or known_of(draft, rows)
            if outcome is None:
                tries[draft.key] = len(rows)
            else:
                answers[draft.key] = outcome
        self._first.setdefault(object_, frozenset(fresh_of(drafts, tries)))
        expect(self.inner, object_, [draft for draft in drafts if draft.key in tries and not draft.id])
        return answers, tries

    def _begin(self, object_: str) -> None:
        """Before anything of an object is sent: settle what earlier runs left open."""
        if object_ not in self._begun:
            with self._beginning:
                if object_ not in self._begun:
                    self.settle(object_)
                    self._begun.add(object_)

    def _closed(self, object_: str, keys: Sequence[str], look: Look[T]) -> Mapping[str, Sequence[T]]:
        """Operations of these keys, once it has been settled what became of them."""
        known = look(object_, keys)
        if any(row.state in OPEN for rows in known.values() for row in rows):
            self.settle(object_)
            known = look(object_, keys)
        return known

    # ------------------------------------------------------------ the protocol

    def _written(self, object_: str, drafts: Sequence[Draft], tries: dict[str, int], taken: Tell | None) -> Iterable[Outcome]:
        """Send what one call takes, with its pre-images; where it is refused as a whole, send its parts."""
        before = self._images.of(object_, [draft.id for draft in drafts if draft.id])
        stay = {draft.key: told for draft in drafts if (told := out_of_reach(draft, before.get(draft.id)))}
        rest = [draft for draft in drafts if draft.key not in stay]
        if any(not draft.id for draft in rest):
            self._mark(object_, fresh_of(rest, tries))

        def attempt(part: Sequence[Draft]) -> tuple[list[Outcome], frozenset[str]]:
            intents = [intended(object_, draft, before.get(draft.id), tries[draft.key]) for draft in part]
            tries.update({draft.key: tries[draft.key] + 1 for draft in part})
            step = Step(intents, lambda tell: self.inner.write(object_, part, taken=tell), taken=taken)
            outcomes = self._carry_out(step)
            return outcomes, frozenset() if step.jobs else refused_together(outcomes)  # a job tells of rows

        if not rest:
            return list(stay.values())
        outcomes, together = attempt(rest)
        suspects = [draft for draft in rest if draft.key in together]
        words = next((outcome.words for outcome in outcomes if outcome.key in together), "")
        return [*stay.values(), *outcomes, *(isolate(suspects, words, attempt) if suspects else [])]

    def _carry_out(self, step: Step) -> list[Outcome]:
        """Intents, then the call, then its outcomes. Whatever interrupts the call leaves its intents open."""
        batch = uuid.uuid4().hex
        with self.air.batch(step.object, batch):
            numbers = self._intend(batch, step)
            try:
                return self._conclude(numbers, step, self._send(numbers, step))
            except BaseException:
                self.air.lose(step.object)
                raise

    def _intend(self, batch: str, step: Step) -> list[int]:
        """Make the intents durable; returns the numbers of the operations."""
        return self._operations.open(batch, step.intents)

    def _send(self, numbers: Sequence[int], step: Step) -> list[Outcome]:
        """Make the call; a job that takes the batch is made durable before anybody waits for it.

        Our right to write is looked at again right before each change in it leaves, as the call may wait for its turn.
        """

        def tell(job: str) -> None:
            step.jobs.append(job)
            self._operations.taken(numbers, job)
            if step.taken is not None:
                step.taken(job)

        waits, began = self._waits, time.monotonic()
        try:
            with only_by(self._operations.writer.stands):
                outcomes = step.call(tell)
        except (Refused, WaitError) as error:
            # These are raised only where the one call in question was surely not carried out, unless a job had taken it.
            if len(numbers) == 1 and not step.jobs:
                self._operations.close([Closing(numbers[0], "rejected", words=f"not made: {error.message}")])
            raise
        if waits == self._waits and all(outcome.state != "unknown" for outcome in outcomes):
            self.air.took(time.monotonic() - began)
        return outcomes

    def _conclude(self, numbers: Sequence[int], step: Step, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Make the outcomes durable, one an intent; returns them as the ledger has them."""
        found = self._trusted(numbers, step, self._matched(step, outcomes))
        self._operations.close(
            [
                Closing(number, o.state, id=o.id, words=o.words or step.words, post=step.images.get(intent.key) or o.after)
                for number, intent, o in zip(numbers, step.intents, found, strict=True)
            ]
        )
        doubted = self._given.doubted(numbers)  # by another thread, which may have written so before us
        self._operations.close([Closing(number, "unknown", words=doubt) for number, doubt in doubted.items()])
        for place, number in enumerate(numbers):
            if number in doubted:
                found[place] = Outcome(found[place].key, "unknown", words=doubted[number])
        if any(outcome.state == "unknown" for outcome in found):
            self.air.lose(step.object)
        return found

    def _matched(self, step: Step, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """For each intent the outcome that names its key, or its record's id; never the one at its place."""
        named = {outcome.key: outcome for outcome in outcomes}
        names = [intent.id if step.by_id else intent.key for intent in step.intents]
        return [named.get(name) or Outcome(name, "unknown", words="the destination did not speak of it") for name in names]

    def _trusted(self, numbers: Sequence[int], step: Step, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The outcomes, but `unknown` where an answer gives a record that another key was given: one of the two was swapped."""
        found = list(outcomes)
        for place, (number, intent, outcome) in enumerate(zip(numbers, step.intents, outcomes, strict=True)):
            if intent.verb != "create" or outcome.state != "done" or not outcome.id:
                continue
            other = self._given.claim(intent.object, outcome.id, (number, intent.key))
            if other is not None:
                self._operations.close([Closing(other[0], "unknown", words=other[1])])
                found[place] = Outcome(outcome.key, "unknown", words=other[1])
        return found

    # ------------------------------------------------------------ fields

    def create_field(self, plan: CustomField) -> LiveField:
        """As the destination's; a field that the ledger knows to be made is not made again."""
        key = f"{plan.object}/{plan.name}"
        with self.air.holding(plan.object, [key]):
            self._begin(plan.object)
            rows = self._closed(plan.object, [key], self._operations.of_keys).get(key, [])
            if rows and rows[-1].verb == "create_field" and rows[-1].state in ("done", "kept") and rows[-1].post:
                return live_field(rows[-1].post)
            pre, payload = before_making(self, plan), plan.model_dump(mode="json")
            intent = Intent(plan.object, key, "create_field", payload, pre=pre, attempt=len(rows) + 1)
            images: dict[str, Mapping[str, Any]] = {}

            def call(tell: Tell) -> list[Outcome]:
                live = self.inner.create_field(plan)
                images[key] = asdict(live)
                remove_twin_fields(self, plan, live, pre)
                return [Outcome(key, "done", live.id)]

            self._carry_out(Step([intent], call, images=images))
            return live_field(images[key])

    def delete_field(self, live: LiveField) -> Outcome:
        """As the destination's."""
        intent = Intent(live.object, f"{live.object}/{live.name}", "delete_field", asdict(live), live.id)
        return self._carry_out(Step([intent], lambda tell: [self.inner.delete_field(live)], by_id=True))[0]

    # ------------------------------------------------------------ looking

    def settle(self, object_: str = "") -> int:
        """Find out by looking what became of open operations, of one object or of all; returns how many there were."""
        return self._settling.settle(object_)

    def resolve_ids(self, object_: str) -> dict[str, str]:
        """Fill in the ids that bulk calls did not tell, as `see_made` does; returns key → id of all that we made."""
        self.see_made(object_)
        return self.ledger.ids(object_)

    def see_made(self, object_: str) -> None:
        """Fill in, by one sweep where any is missing, the ids of what we made, and what each looked like for a rollback.

        A record that was said to be made and is not to be seen becomes `unknown`.
        """
        c = operations.c
        unseen = (c.object == object_) & (c.verb == "create") & (c.state == "done") & c.post.is_(None)
        if next(self._operations.each(unseen), None):
            Reckoning(self, object_).reckon()

    def certify(self, object_: str) -> Certificate:
        """Lay everything of ours at the destination beside the ledger, one sweep, once nothing is in the air any more.

        Ids are filled in as by `resolve_ids`. What bears a key twice is taken away where it is an untouched copy. A
        second call asks nothing where nothing was sent since the first.
        """
        self.settle(object_)
        calls, certificate = self._certificates.get(object_, (-1, None))
        if certificate is None or calls != self.air.calls(object_):
            self.calm(object_)
            reckoning = Reckoning(self, object_)
            reckoning.reckon()
            certificate = reckoning.certificate()
            self._certificates[object_] = (reckoning.calls, certificate)
        return certificate

    def calm(self, object_: str, *, earlier: bool = False) -> None:
        """Wait until a look at an object shows everything that this run has sent, and earlier runs if asked."""
        self._settling.calm(object_, earlier=earlier)

    def look(self, object_: str, keys: Collection[str]) -> dict[str, list[Record]]:
        """The records that bear each of these keys, the oldest first; keys that nothing bears are left out."""
        found: dict[str, list[Record]] = {}
        for record in self._look(object_, keys):
            if record.key in keys:
                found.setdefault(record.key, []).append(record)
        return {key: sorted(records, key=age) for key, records in found.items()}

    def _look(self, object_: str, keys: Collection[str]) -> list[Record]:
        return self.bearing(object_, keys, since=self.watermark(object_))

    def watermark(self, object_: str) -> str:
        """The id after which all that we made of an object comes; empty where it was not noted."""
        return self.ledger.watermark(object_) or ""

    def _mark(self, object_: str, fresh: Sequence[str]) -> None:
        """Before the first record of an object is made: note the newest that is there, so that looks begin after it.

        Nothing may bear the `fresh` keys, of which the ledger has never heard; in a ledger without any record of the
        object none of its first few hundred keys, wherever they stand.
        """
        if object_ in self._alone:
            return
        with self._beginning:
            mark = self.ledger.watermark(object_)
            if mark is None:
                empty = next(self.ledger.made(object_), None) is None
                if empty and fresh:
                    see_nobody(self, object_, [*self._first.get(object_, frozenset()).union(fresh)], empty=True)
                mark = self.newest(object_) if empty else ""
                self.ledger.note_watermark(object_, mark)
                self._alone.add(object_)
            elif fresh and object_ not in self._alone:
                see_nobody(self, object_, fresh)
                self._alone.add(object_)
