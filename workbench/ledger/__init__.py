"""The write-ahead record of every change asked of a destination, wrapped round the client so that nothing passes it by.

An intent is committed before the call and its outcome after it. What an interrupted run left open is settled by
looking at the destination; nothing is sent a second time on a guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pandas as pd
from sqlalchemy import Engine

from workbench.destinations import Destination
from workbench.ledger.bookkeeping import StoreBook
from workbench.ledger.guarding.certificate import Certificate
from workbench.ledger.guarding.guard import Guard
from workbench.ledger.guarding.twin_fields import live_field
from workbench.ledger.knowing import LIVE
from workbench.ledger.operations import Closing, Operation, Operations, State, operations
from workbench.ledger.writers import Writer

__all__ = ["SETTLE_SECONDS", "Certificate", "Guard", "Ledger", "live_field"]

SETTLE_SECONDS = 60.0
"""How long a change may at least still arrive after its answer was lost; only then does a look count."""
AFTER = "after "


class Ledger:
    """What was asked of the destination of one engagement, and what became of it.

    `writer` is this run's right to write, shared by all ledgers of the run; without one the ledger has its own.
    """

    def __init__(self, store: Engine, *, engagement_id: str, writer: Writer | None = None) -> None:
        self.operations = Operations(store, engagement_id=engagement_id, writer=writer)
        self._store = store
        self._engagement = engagement_id

    def guard(self, destination: Destination, *, settle_seconds: float = SETTLE_SECONDS) -> Guard:
        """The same destination, with every change of it written down. A rehearsal divides `settle_seconds` by its scale."""
        return Guard(destination, self, settle_seconds=settle_seconds)

    def claim(self) -> AbstractContextManager[None]:
        """Be the only one who writes, from here to the end of the block; EngagementLocked names who else does.

        Whoever is passed by meanwhile is told so at his next commit, by Fenced, before he sends anything.
        """
        return self.operations.writer.claim()

    def book(self, name: str) -> StoreBook:
        """A text that outlives the run, such as what a client has used of the account's limits."""
        return StoreBook(self._store, engagement_id=self._engagement, name=name)

    # ------------------------------------------------------------ what stands

    def frame(self) -> pd.DataFrame:
        """Every operation: op, object, key, verb, state, id, attempt, at, words."""
        return self.operations.frame()

    def ids(self, object_: str) -> dict[str, str]:
        """Key → id of the records that we made and that are still there."""
        return self.operations.pairs(object_, LIVE)

    def keys(self, object_: str) -> set[str]:
        """Keys of the records that we made or changed and that are still there: as `ids`, in half the memory."""
        return {key for key, _ in self.operations.each_pair(object_, LIVE)}

    def failures(self, object_: str) -> dict[str, str]:
        """Key → why it is not there, of records that were refused or whose fate is open, in the destination's words."""
        c = operations.c
        tried = (c.object == object_) & c.verb.in_(("create", "update"))
        words: dict[str, str] = {}
        for row in self.operations.each(tried & c.state.in_(("rejected", "intent", "unknown"))):
            words[row.key] = row.words or ("refused without a reason" if row.state == "rejected" else "nobody knows yet")
        for rows in self.operations.of_keys(object_, words).values():
            if any(row.state in LIVE and row.verb in ("create", "update") for row in rows):
                del words[rows[0].key]
        return words

    def post_images(self, object_: str) -> dict[str, dict[str, Any]]:
        """Key → the values that we last wrote to it, whether it was made or changed by us."""
        c = operations.c
        images: dict[str, dict[str, Any]] = {}
        for row in self.operations.each((c.object == object_) & (c.state == "done") & c.verb.in_(("create", "update"))):
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

    def _newest(self, *verbs: str) -> list[Operation]:
        c = operations.c
        return self.operations.where((c.state == "done") & c.verb.in_(verbs), newest_first=True)

    def made(self, object_: str) -> Iterator[Operation]:
        """Every attempt to make a record of an object, oldest first."""
        c = operations.c
        return self.operations.each((c.object == object_) & (c.verb == "create"))

    # ------------------------------------------------------------ what becomes of it

    def mark_reversed(self, op: int, state: State, words: str = "") -> None:
        """Say what a rollback did with an operation: `reversed`, or `kept` and why."""
        self.operations.close([Closing(op, state, words=words)])

    def watermark(self, object_: str) -> str | None:
        """The newest id before our first record of an object, empty where ids tell nothing; None before it was noted."""
        text = self.book(f"watermark {object_}").read()
        return text.removeprefix(AFTER) if text else None

    def note_watermark(self, object_: str, newest: str) -> None:
        """Keep that id; it is on disk when this returns."""
        self.book(f"watermark {object_}").keep(f"{AFTER}{newest}")
