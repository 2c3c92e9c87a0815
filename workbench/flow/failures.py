"""Why a parent is not over there, so that its children can say whom they wait for."""

from __future__ import annotations

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.outgoing import staged_keys
from workbench.ledger.living import among
from workbench.ledger.operations import operations
from workbench.specs import Feed

__all__ = ["Failures"]

STATES = {"rejected": "was refused", "unknown": "was never answered", "held": "is held"}


class Failures:
    """What became of records that were not made: in this run, else as the ledger has it."""

    def __init__(self, engagement: Engagement) -> None:
        self._engagement = engagement
        self._told: dict[str, str] = {}
        self._asked: dict[str, dict[str, str]] = {}

    def note(self, outcomes: pd.DataFrame) -> None:
        """Keep why records of a feed were not made; `outcomes` has key, state, words and detail."""
        bad = outcomes[outcomes["state"] != "done"]
        for key, state, words, detail in zip(bad["key"], bad["state"], bad["words"], bad["detail"], strict=True):
            self._told[str(key)] = ": ".join([f"{key} {STATES[state]}", *(part for part in (words, detail) if part)])

    def words(self, feed: Feed, parent: str) -> str:
        """What became of a parent, by its record key."""
        if parent in self._told:
            return self._told[parent]
        feeds = [name for lookup in feed.lookups for name in lookup.leads_to()]
        named = next((name for name in feeds if parent.startswith(f"{name}/")), "")
        return self._of(named).get(parent, f"{parent} was not sent") if named else f"{parent} was not sent"

    def _of(self, feed: str) -> dict[str, str]:
        """Record key → words, for the records of a feed that the ledger knows to have failed last."""
        if feed not in self._asked:
            c, object_ = operations.c, self._engagement.route.feed(feed).object
            ledger = self._engagement.ledger()
            rows = ledger.operations.where((c.object == object_) & c.state.in_(("rejected", "unknown")))
            made = among(ledger.operations, object_, dict.fromkeys(row.key for row in rows))
            words = {row.key: f"{STATES[row.state]}: {row.words}" for row in rows if not made.get(row.key)}
            keys, markers = (column.to_pylist() for column in staged_keys(self._engagement, feed, markers=list(words)))
            self._asked[feed] = {key: f"{key} {words[marker]}" for key, marker in zip(keys, markers, strict=True)}
        return self._asked[feed]
