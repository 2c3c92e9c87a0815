"""Move staged records to the destination in dependency order, and read back what stands there.

The client that an engagement hands out writes the ledger; nothing here keeps state of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from workbench.destinations import Metadata
from workbench.destinations.http.purposes import READ_BACK, calls_for
from workbench.engagement import Engagement
from workbench.flow.comparing import Comparing
from workbench.flow.failures import Failures
from workbench.flow.meeting import narrowed
from workbench.flow.others import note_others
from workbench.flow.outgoing import Outgoing, outgoing, staged_count
from workbench.flow.planning import answered, connected
from workbench.flow.running import Board
from workbench.flow.sending import Sending
from workbench.flow.tally import Tally
from workbench.flow.trees import waves
from workbench.flow.turns import Turn
from workbench.flow.written import as_written, standing_ids
from workbench.frames.compare import Comparison
from workbench.frames.plan import holds_under
from workbench.ledger import Guard
from workbench.ledger.guarding.certificate import Certificate
from workbench.ledger.guarding.nearby import near_ours
from workbench.ledger.loading import Progress, load
from workbench.specs import Feed

__all__ = ["Moved", "as_written", "in_order", "narrowed", "outgoing", "read_back", "standing", "standing_ids", "transfer"]


@dataclass(frozen=True)
class Moved:
    """What became of each record: feed, key, marker, state (done, rejected, held, unknown), id, words, detail.

    `words` are the destination's own, and of a held record the code of its reason; `detail` says more about that.
    """

    frame: pd.DataFrame
    certificates: Mapping[str, Certificate] = field(default_factory=dict)  # object → how it stands against the ledger


def in_order(engagement: Engagement) -> list[Feed]:
    """The feeds that make records under the answers of the scope, parents before children."""
    said = answered(engagement)
    making = [feed for feed in engagement.route.feeds if feed.kind == "record" and holds_under(feed.scope, said)]
    return sorted(making, key=lambda feed: engagement.destination.objects[feed.object].order)


def transfer(
    engagement: Engagement,
    *,
    delivery: str = "main",
    only: frozenset[str] | None = None,
    keep: frozenset[str] = frozenset(),
    feeds: Sequence[Feed] = (),
    certify: bool = False,
    met: tuple[Guard, Metadata] | None = None,
    on_progress: Callable[[str, Progress], None] | None = None,
) -> Moved:
    """Load every feed or the given ones, or the records of a sample, parents first.

    What the ledger knows as done is not sent again, and is held against the ledger only after everything else was sent.
    Records whose marker is in ``keep`` stand over there as they should and count as done. With ``certify`` each object is
    laid beside the ledger once its last feed is loaded, before its children are; one to which nothing was added, at the
    end. ``met`` is the destination and the account where they are known, so that neither is
    asked again. Progress is told by the feed's label, and written into the engagement for other processes to show.
    """
    order = list(feeds or in_order(engagement))
    last = {feed.object: feed.name for feed in order}
    moving = _Transfer(engagement, delivery=delivery, only=only, keep=keep, certify=certify, met=met, on_progress=on_progress)
    try:
        for feed in order:
            moving.announce(feed)
        turns = [moving.move(feed, last=last[feed.object] == feed.name) for feed in order]
        parts = [
            moving.confirm(feed, mine, last=last[feed.object] == feed.name) for feed, mine in zip(order, turns, strict=True)
        ]
    finally:
        moving.board.close()
        moving.note_took()
    return Moved(frame=pd.concat(parts, ignore_index=True), certificates=moving.certificates)


class _Transfer:
    """One transfer: the destination as it was met, and what became of the records so far."""

    def __init__(
        self,
        engagement: Engagement,
        *,
        delivery: str,
        only: frozenset[str] | None,
        keep: frozenset[str],
        certify: bool,
        met: tuple[Guard, Metadata] | None,
        on_progress: Callable[[str, Progress], None] | None,
    ) -> None:
        self.destination = met[0] if met else connected(engagement)
        self.board = Board(engagement.root)
        self.certificates: dict[str, Certificate] = {}
        self.tally = Tally()
        self._engagement = engagement
        self._account = met[1] if met else self.destination.metadata()
        self._delivery, self._only, self._keep, self._certify = delivery, only, keep, certify
        self._growing: set[str] = set()  # objects of which this run sends something
        self._on_progress = on_progress
        self._failures = Failures(engagement)
        self._trees: dict[str, _Tree] = {}  # feeds that are loaded level by level

    def announce(self, feed: Feed) -> None:
        """Say of a feed how many records there will be, before its turn comes."""
        count = staged_count(self._engagement, feed, delivery=self._delivery, only=self._only)
        self._tell(feed, Progress(feed.object, count, 0, 0, 0, 0.0, left=count))

    def note_took(self) -> None:
        """Keep what the turns so far took; a sample is no load, and is not counted."""
        if self._certify or self._delivery != "main":
            self.tally.keep(self._engagement, delivery=self._delivery)

    def move(self, feed: Feed, *, last: bool) -> list[Turn]:
        """Send what is to be sent of one feed. What it took is noted, however it ends."""
        turns: list[Turn] = []
        with self.tally.of(self.destination, feed.label) as counted:
            levels = waves(self._engagement, feed, delivery=self._delivery, only=self._only)
            if len(levels) > 1:
                count = staged_count(self._engagement, feed, delivery=self._delivery, only=self._only)
                self._trees[feed.name] = _Tree(count)
            for place, level in enumerate(levels, start=1):
                turns.append(self._sent(feed, level, last=last and place == len(levels)))
                counted.records += int(turns[-1].sending.going.chosen.sum())
        self.note_took()
        return turns

    def _sent(self, feed: Feed, only: frozenset[str] | None, *, last: bool) -> Turn:
        going = Outgoing(self._engagement, feed, delivery=self._delivery, only=only, account=self._account)
        sending = Sending(self._engagement, self.destination, feed, going, keep=self._keep, account=self._account)
        turn = Turn(feed, sending, self._failures)
        self._growing |= {feed.object} if sending.count else set()
        certify = self._certify and last and (feed.object in self._growing or not len(sending.standing))
        self._load(turn, sending.rows(), count=sending.count, certify=certify, told=turn.told)
        return turn

    def confirm(self, feed: Feed, turns: Sequence[Turn], *, last: bool) -> pd.DataFrame:
        """Hold what stood there before against the ledger; the outcomes of the whole feed, one row a record."""
        for turn in turns:
            standing = turn.sending.standing
            certify = self._certify and last and turn is turns[-1]
            if len(standing) or (certify and feed.object not in self.certificates):
                with self.tally.of(self.destination, feed.label):
                    rows = turn.sending.rows_that_stand()
                    self._load(turn, rows, count=len(standing), certify=certify, told=turn.told_again)
        return pd.concat([turn.outcomes() for turn in turns], ignore_index=True)

    def _load(
        self,
        turn: Turn,
        rows: Iterator[pd.DataFrame],
        *,
        count: int,
        certify: bool,
        told: Callable[[Progress], Progress],
    ) -> None:
        done = load(
            rows,
            self.destination,
            turn.feed.object,
            total=count,
            certify=certify,
            on_progress=lambda progress: self._tell(turn.feed, self._whole(turn, told(progress))),
        )
        turn.note(done)
        if done.certificate is not None:
            self.certificates[turn.feed.object] = done.certificate

    def _whole(self, turn: Turn, progress: Progress) -> Progress:
        """How the feed of a turn stands: a tree with all its levels, those to come among them."""
        tree = self._trees.get(turn.feed.name)
        return tree.whole(id(turn), progress) if tree is not None else progress

    def _tell(self, feed: Feed, progress: Progress) -> None:
        self.board.tell(feed.label, progress)
        if self._on_progress is not None:
            self._on_progress(feed.label, progress)


@dataclass(frozen=True)
class _Tree:
    """A feed that is loaded level by level: how many records it has, and how each level stands."""

    records: int
    levels: dict[int, Progress] = field(default_factory=dict)

    def whole(self, level: int, progress: Progress) -> Progress:
        """The whole feed, after one level has moved on; what has not begun is still left."""
        self.levels[level] = progress
        done, rejected, unknown, held, left = (
            sum(getattr(each, name) for each in self.levels.values())
            for name in ("done", "rejected", "unknown", "held", "left")
        )
        told = done + rejected + unknown + held + left
        left += max(self.records - told, 0)
        return replace(
            progress,
            total=max(self.records, told),
            done=done,
            rejected=rejected,
            unknown=unknown,
            held=held,
            left=left,
            ended=progress.ended and not left,
        )


def read_back(
    engagement: Engagement, *, delivery: str = "main", only: frozenset[str] | None = None, noted: bool = False
) -> dict[str, Comparison]:
    """Every record read afresh from the destination and compared with what was written there last, feed by feed.

    What was written is what was staged; where a later delivery changed a field, it is what that delivery said. `noted`
    adds what it takes to what the load took.
    """
    tally = Tally()
    found: dict[str, Comparison] = {}
    others: dict[str, int] = {}
    destination = connected(engagement)
    account = destination.metadata()
    for feed in in_order(engagement):
        going = Outgoing(engagement, feed, delivery=delivery, only=only, account=account)
        comparing = Comparing(engagement, feed, going)
        with tally.of(destination, feed.label), calls_for(READ_BACK):
            found[feed.name] = comparing.look(destination)
        others[feed.object] = comparing.others
    note_others(engagement, others)
    if noted:
        tally.keep(engagement, delivery=delivery)
    return found


def standing(destination: Guard, feed: Feed, keys: set[str], columns: list[str]) -> pd.DataFrame:
    """Records of the object that bear one of our keys, as the destination shows them now."""
    rows: Iterator[dict[str, object]] = (
        {"key": record.key, **{name: record.values.get(name) for name in columns if name != "key"}}
        for record in near_ours(destination, feed.object, mine=keys.__contains__)
        if record.key in keys
    )
    return pd.DataFrame(rows, columns=columns)
