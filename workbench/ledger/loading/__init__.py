"""Frames into a destination: drafts out of rows, batches, lanes, progress, and a stop that loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import pandas as pd

from workbench.destinations import Destination, Draft, Outcome, Wait
from workbench.ledger import Guard
from workbench.ledger.guarding.certificate import Certificate
from workbench.ledger.living import among
from workbench.ledger.loading.drafts import SCREENED, drafts_in, drafts_of, unfit
from workbench.ledger.loading.lanes import Lanes, left_behind
from workbench.ledger.loading.outcomes import Outcomes
from workbench.ledger.loading.progress import TICK, Progress, Reporter
from workbench.plain import Shown
from workbench.show import html_table

__all__ = ["Loaded", "Progress", "drafts_of", "load"]

ROUNDS = 3
"""How often a row may be sent: again only after a look has shown that it was not made."""
PUT_OFF = 2_000
"""Rows of unknown outcome that are kept for a look; with more of them the load looks before it goes on."""
SLEEPING = 2.0
"""A call that waits for its turn for longer than so many seconds is not waited for when the load is stopped."""
ANSWERLESS = f"sent {ROUNDS} times, and never answered; looked: it was not made"
SILENT = "the destination did not speak of it"
GONE = "said to be made, and not to be seen"


@dataclass(frozen=True, repr=False)
class Loaded(Shown):
    """What became of every row: `frame` has key, state (done, rejected, unknown), id and words, in the order given."""

    object: str
    frame: pd.DataFrame
    certificate: Certificate | None = None  # where one was asked for

    def count(self, state: str) -> int:
        return int((self.frame["state"] == state).sum())

    def _repr_html_(self) -> str:
        counts = ", ".join(f"{self.count(state):,} {state}" for state in ("done", "rejected", "unknown") if self.count(state))
        return html_table(self.frame[self.frame["state"] != "done"], caption=f"{self.object}: {counts or 'nothing to send'}")


def load(
    frame: pd.DataFrame | Iterable[pd.DataFrame | Sequence[Draft]],
    destination: Destination,
    object_: str,
    *,
    key: str = "key",
    workers: int | None = None,
    total: int | None = None,
    certify: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Loaded:
    """Send rows to one object of a destination, in batches, over several lanes.

    `frame` is one frame or many, one after the other, of which never more than a few batches are held; a list of drafts
    will do for a frame, and alone says what is to be emptied, or what a record has to hold still. A frame has the
    column `key`, one column per declared field (NA is not sent), and for changes a column `id` with the destination's
    id. Rows with an empty or repeated key are rejected. `workers` is the number of lanes, as many as the destination
    can use where it is left out; `total` tells of how many rows there will be, where there are many frames. With
    `certify` the object is laid beside the ledger at the end, by the sweep that also tells ids.

    With a guarded destination, what the ledger knows as done is not sent, rows whose answer was lost are looked for and
    sent again only where they were not made, and a load that was stopped goes on where it stopped. An error or Ctrl-C
    lets the batches end that are on the wire, then is raised; a second Ctrl-C does not wait for them. `on_progress` is
    called in the calling thread. Waits of the destination are told to this load as long as it lasts.
    """
    whole = len(frame) if isinstance(frame, pd.DataFrame) else total
    run = _Run(destination, object_, key=key, workers=workers, total=whole, on_progress=on_progress)
    outcomes = run.whole([frame] if isinstance(frame, pd.DataFrame) else frame, certify=certify)
    return Loaded(object_, outcomes, run.certificate)


class _Run:
    """One load: what was read, what is under way, and what became of it."""

    def __init__(
        self,
        destination: Destination,
        object_: str,
        *,
        key: str,
        workers: int | None,
        total: int | None,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._destination = destination
        self._guard = destination if isinstance(destination, Guard) else None
        self._object = object_
        self._key = key
        self._size = max(1, destination.bulk_rows(object_))
        self._lanes: Lanes[list[Draft], list[Outcome]] = Lanes(
            lambda batch: destination.write(object_, batch),
            count=max(1, workers if workers is not None else destination.lanes(object_)),
            name=f"load {object_}",
        )
        self.certificate: Certificate | None = None
        self._outcomes = Outcomes()
        self._places: dict[str, int] = {}  # of the drafts that are under way
        self._ready: dict[bool, list[Draft]] = {False: [], True: []}  # makes and changes, which share no call
        self._unknown: list[Draft] = []
        self._report = Reporter(destination, object_, outcomes=self._outcomes, total=total, rows=self._size, tell=on_progress)

    def whole(self, frames: Iterable[pd.DataFrame | Sequence[Draft]], *, certify: bool) -> pd.DataFrame:
        """Everything, from the first row to the frame of outcomes."""
        self._destination.on_wait(self._wait, days=True)
        try:
            self._leave_to_end()
            for frame in frames:
                for drafts in self._drafts(frame):
                    self._offer(drafts)
            self._flush()
            self._look()
            self._settle()
            self._name(certify=certify)
        except BaseException:
            self._stop()
            raise
        finally:
            self._lanes.close()
            self._destination.on_wait(_silent)
            self._tell(ended=True)
        return self._outcomes.frame()

    # ------------------------------------------------------------ rows in

    def _drafts(self, frame: pd.DataFrame | Sequence[Draft]) -> Iterator[list[Draft]]:
        """The rows as drafts, a few hundred at a time; rows that cannot be one are rejected on the way."""
        drafts: list[Draft] = []
        for draft in drafts_in(frame, self._key) if isinstance(frame, pd.DataFrame) else frame:
            words = unfit(draft.key, repeated=self._outcomes.knows(draft.key))
            place = self._outcomes.add(draft.key)
            if words:
                self._outcomes.note(place, Outcome(draft.key, "rejected", words=words))
                continue
            self._places[draft.key] = place
            drafts.append(draft)
            if len(drafts) == SCREENED:
                yield drafts
                drafts = []
        if drafts:
            yield drafts

    def _offer(self, drafts: Sequence[Draft]) -> None:
        """Send what the ledger does not know as done yet, batch by batch."""
        if len(self._unknown) >= PUT_OFF:
            self._flush()
            self._look()
        for draft in self._screened(drafts):
            ready = self._ready[bool(draft.id)]
            ready.append(draft)
            if len(ready) == self._size:
                self._send(bool(draft.id))
        self._tell()

    def _screened(self, drafts: Sequence[Draft]) -> list[Draft]:
        """The drafts that have to be sent; what the ledger knows of the others is noted."""
        if self._guard is None:
            return list(drafts)
        known, rest = self._guard.screen(self._object, drafts)
        self._note([draft for draft in drafts if draft.key in known], list(known.values()))
        return rest

    def _send(self, changes: bool) -> None:
        batch, self._ready[changes] = self._ready[changes], []
        while self._lanes.busy >= 2 * self._lanes.count:
            self._take_in()
        self._lanes.give(batch)

    def _flush(self) -> None:
        """Send what is ready, and wait until everything has come back."""
        for changes in (False, True):
            if self._ready[changes]:
                self._send(changes)
        while self._lanes.busy:
            self._take_in()

    # ------------------------------------------------------------ outcomes

    def _take_in(self) -> None:
        """Note what the next batch came to, if one ends soon; an error of its lane is raised here."""
        done = self._lanes.next(TICK)
        if done is not None:
            if done.error is not None:
                raise done.error
            self._note(done.task, done.answer or [])
            self._lanes.noted()
        self._tell()

    def _note(self, drafts: Sequence[Draft], outcomes: Sequence[Outcome]) -> None:
        told = {outcome.key: outcome for outcome in outcomes}
        for draft in drafts:
            outcome = told.get(draft.key) or Outcome(draft.key, "unknown", draft.id, SILENT)
            place = self._places.get(draft.key)
            if place is None:  # it was noted just before an interrupt
                continue
            self._outcomes.note(place, outcome)
            if outcome.state == "unknown":
                self._unknown.append(draft)
            else:
                del self._places[draft.key]

    def _look(self) -> None:
        """Find out by looking what became of rows without an answer, and send those again that were not made."""
        for attempt in range(1, ROUNDS + 1):
            pending, self._unknown = self._unknown, []
            if not pending or self._guard is None:
                self._unknown = pending
                break
            self._report.doing = "looking for what was never answered"
            self._tell(at_once=True)
            self._guard.settle(self._object)
            absent = self._screened(pending)
            self._report.doing = ""
            if attempt == ROUNDS:
                self._note(absent, [Outcome(draft.key, "unknown", draft.id, ANSWERLESS) for draft in absent])
                break
            for draft in absent:
                self._outcomes.again(self._places[draft.key])
                self._ready[bool(draft.id)].append(draft)
                if len(self._ready[bool(draft.id)]) == self._size:
                    self._send(bool(draft.id))
            self._flush()
        for draft in self._unknown:
            del self._places[draft.key]
        self._unknown = []

    def _settle(self) -> None:
        """What an earlier run has left open and this one was not asked about, as a row that is not staged any more."""
        if self._guard is not None:
            self._guard.settle(self._object)

    def _name(self, *, certify: bool) -> None:
        """Fill in the ids that bulk calls did not tell, by one sweep, and lay everything beside the ledger where asked."""
        if self._guard is None and next(self._outcomes.nameless(), None) is None:
            return
        self._report.doing = "reading everything once more, against the ledger" if certify else "reading the new records"
        self._tell(at_once=True)
        if self._guard is not None and certify:
            self.certificate = self._guard.certify(self._object)
        if self._guard is not None:
            self._guard.see_made(self._object)
        swept = self._swept() if self._guard is None else {}
        nameless = self._outcomes.nameless()
        while some := dict(islice(((key, place) for place, key in nameless), SCREENED)):
            ids = swept if self._guard is None else among(self._guard.ledger.operations, self._object, some)
            for key, place in some.items():
                if ids.get(key):
                    self._outcomes.name(place, ids[key])
                else:
                    self._outcomes.note(place, Outcome(key, "unknown", words=GONE))
        self._report.doing = ""

    def _swept(self) -> Mapping[str, str]:
        return {record.key: record.id for record in self._destination.sweep(self._object) if record.key}

    # ------------------------------------------------------------ stopping

    def _leave_to_end(self) -> None:
        """Let the batches end that an earlier load in this process has left behind: they are on the wire still."""
        for lane in left_behind():
            self._report.doing = "letting a batch end that an earlier load has left behind"
            while lane.is_alive():
                self._tell(at_once=True)
                lane.join(TICK)
        self._report.doing = ""

    def _stop(self) -> None:
        """Begin nothing more, and let end what is on the wire. A call that still waits for its turn ends unsent.

        What it was about to send is closed as not made, or stays open in the ledger, and the next load looks for it first.
        """
        self._outcomes.mend()
        self._lanes.hold()
        while count := self._lanes.at_work():
            self._destination.stop_waiting(SLEEPING)
            self._report.doing = f"stopping: {count} batch{'es' * (count > 1)} on the wire end first"
            self._take_leftovers(TICK)
            self._tell()
        self._take_leftovers(0.0)
        self._report.doing = "stopped; the next load goes on from here"

    def _take_leftovers(self, timeout: float) -> None:
        """Note what has ended while the load is stopped; there is an error to be raised already."""
        while (done := self._lanes.next(timeout)) is not None:
            if done.error is None:
                self._note(done.task, done.answer or [])
            self._lanes.noted()

    # ------------------------------------------------------------ telling

    def _wait(self, wait: Wait) -> None:
        """A lane, or this thread itself, is about to wait."""
        self._report.waits.note(wait)
        if self._report.mine():
            self._tell(at_once=True)

    def _tell(self, *, at_once: bool = False, ended: bool = False) -> None:
        self._report.tell(at_once=at_once, ended=ended)


def _silent(wait: Wait) -> None:
    del wait
