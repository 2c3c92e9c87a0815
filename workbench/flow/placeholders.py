"""What the staging could not know yet: where files lie on this machine, and the addresses that they have once uploaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from workbench.engagement import Engagement
from workbench.flow.staged import staged_columns
from workbench.frames.inline import filled_in, keys_in
from workbench.recipes.markup import FILE_SCHEME
from workbench.specs import Feed

__all__ = ["Placeholders"]

ADDRESS = "url"
"""The field in which a destination tells the address of an uploaded file."""


class Placeholders:
    """Fills in what stands for files in the records of one feed. Nothing is asked of the destination."""

    def __init__(self, engagement: Engagement, feed: Feed, *, delivery: str) -> None:
        self._engagement, self._delivery = engagement, delivery
        tables = {made.name for made in engagement.route.derived}
        self._paths = tuple(rule.to for rule in feed.fields if rule.column == "file") if feed.table in tables else ()
        homes = {other.table: other.name for other in engagement.route.feeds if other.kind == "record"}
        made = engagement.route.derived
        self._homes = tuple(homes[each.name] for each in made if each.table == feed.table and each.name in homes)
        self._known: dict[str, str] = {}
        self._staged: dict[str, pd.Series[str]] = {}  # feed → its markers, by record key

    def filled(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The records with paths as this machine has them, and uploaded files' addresses in their texts."""
        for name in self._paths:
            if name in frame:
                root = self._engagement.root
                frame[name] = [str(root / cell) if isinstance(cell, str) else cell for cell in frame[name]]
        if not self._homes:
            return frame
        for name in [column for column in frame.columns if column != "key"]:
            cells = list(frame[name])
            texts = [cell for cell in cells if isinstance(cell, str) and f"{FILE_SCHEME}:" in cell]
            if texts:
                self._learn({key for text in texts for key in keys_in(text)})
                frame[name] = pd.Series([self._text(cell) for cell in cells], index=frame.index, dtype="object")
        return frame

    def _text(self, cell: Any) -> Any:
        return filled_in(cell, self._known) if isinstance(cell, str) and f"{FILE_SCHEME}:" in cell else cell

    def _learn(self, keys: Iterable[str]) -> None:
        """Look up the addresses that the destination told when these files were uploaded."""
        for feed in self._homes:
            mine = [key for key in keys if key.startswith(f"{feed}/") and key not in self._known]
            markers = self._markers_of(feed, mine) if mine else {}
            if not markers:
                continue
            object_ = self._engagement.route.feed(feed).object
            found = self._engagement.ledger().operations.of_keys(object_, list(markers.values()))
            for key, marker in markers.items():
                told = [row.post.get(ADDRESS) for row in found.get(marker, ()) if row.state in ("done", "kept") and row.post]
                self._known[key] = str(next((each for each in reversed(told) if each), ""))

    def _markers_of(self, feed: str, keys: Sequence[str]) -> Mapping[str, str]:
        """Record key → marker, of those of some keys that are staged."""
        if feed not in self._staged:
            narrow = staged_columns(self._engagement, feed, ["key", "marker"], delivery=self._delivery)
            self._staged[feed] = narrow.set_index("key")["marker"]
        whole = self._staged[feed]
        found = whole[whole.index.isin(keys)]
        return {str(key): str(marker) for key, marker in found.items()}
