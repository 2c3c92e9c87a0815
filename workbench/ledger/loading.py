"""Frames into a destination: drafts out of rows, batches, workers, progress."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from workbench.destinations import Destination, Draft, Outcome
from workbench.errors import SpecError, listed
from workbench.ledger import Guard
from workbench.show import html_table

__all__ = ["Loaded", "Progress", "drafts_of", "load"]

ROUNDS = 3
"""How often rows of unknown outcome are looked for and, where they were not made, sent again."""


@dataclass(frozen=True)
class Progress:
    """Where a load stands; `seconds` since its start."""

    object: str
    total: int
    done: int
    rejected: int
    unknown: int
    seconds: float


@dataclass(frozen=True)
class Loaded:
    """What became of every row: `frame` has key, state (done, rejected, unknown), id and words, in the order given."""

    object: str
    frame: pd.DataFrame

    def count(self, state: str) -> int:
        return int((self.frame["state"] == state).sum())

    def _repr_html_(self) -> str:
        counts = ", ".join(f"{self.count(state)} {state}" for state in ("done", "rejected", "unknown") if self.count(state))
        return html_table(self.frame[self.frame["state"] != "done"], caption=f"{self.object}: {counts or 'nothing to send'}")


def load(
    frame: pd.DataFrame,
    destination: Destination,
    object_: str,
    *,
    key: str = "key",
    workers: int = 4,
    on_progress: Callable[[Progress], None] | None = None,
) -> Loaded:
    """Send a frame's rows to one object of a destination, in batches, from several threads.

    `frame` has the column `key`, one column per declared field (NA is not sent), and for changes a column `id` with the
    destination's id. Rows with an empty or repeated key are rejected. An error that stops the load lets the batches in
    flight end first; with a guarded destination the next call goes on where it stopped.
    """
    drafts, refused = drafts_of(frame, key=key)
    run = _Run(destination, object_, len(frame), refused, on_progress)
    pending = drafts
    for attempt in range(ROUNDS):
        run.send(pending, workers=workers)
        pending = [draft for draft in pending if run.outcomes[draft.key].state == "unknown"]
        if not pending or not isinstance(destination, Guard) or attempt == ROUNDS - 1:
            break
        destination.settle(object_)
    run.name_ids()
    return Loaded(object_, run.frame(frame[key]))


def drafts_of(frame: pd.DataFrame, *, key: str = "key") -> tuple[list[Draft], dict[int, Outcome]]:
    """A frame's rows as drafts, and by their place in the frame those that cannot be one."""
    if key not in frame.columns:
        raise SpecError("the frame has no column that names its records", expected=key, found=listed(list(frame.columns)))
    fields = [name for name in frame.columns if name not in (key, "id")]
    drafts: list[Draft] = []
    refused: dict[int, Outcome] = {}
    seen: set[str] = set()
    for place, row in enumerate(frame.to_dict("records")):
        name = "" if _missing(row[key]) else str(row[key])
        if not name or name in seen:
            refused[place] = Outcome(name, "rejected", words="the key stands twice" if name else "the row has no key")
            continue
        seen.add(name)
        values = {field: _plain(row[field]) for field in fields if not _missing(row[field])}
        number = row.get("id")
        drafts.append(Draft(name, values, "" if _missing(number) else str(number)))
    return drafts, refused


class _Run:
    """One load: the outcomes so far, and the batches that bring them in."""

    def __init__(
        self,
        destination: Destination,
        object_: str,
        total: int,
        refused: Mapping[int, Outcome],
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._destination = destination
        self._object = object_
        self._total = total
        self._refused = refused
        self._on_progress = on_progress
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._states: Counter[str] = Counter()
        self.outcomes: dict[str, Outcome] = {}

    def send(self, drafts: Sequence[Draft], *, workers: int) -> None:
        """All drafts, in batches of what one call takes; makes and changes never share a call."""
        size = self._destination.bulk_rows(self._object)
        fresh = [draft for draft in drafts if not draft.id]
        changes = [draft for draft in drafts if draft.id]
        batches = [part[start : start + size] for part in (fresh, changes) for start in range(0, len(part), size)]
        with ThreadPoolExecutor(max_workers=max(1, workers), thread_name_prefix="load") as pool:
            futures: list[Future[None]] = [pool.submit(self._batch, batch) for batch in batches]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        for future in futures:
            if not future.cancelled():
                future.result()

    def _batch(self, drafts: Sequence[Draft]) -> None:
        outcomes = self._destination.write(self._object, drafts)
        with self._lock:
            for outcome in outcomes:
                if outcome.key in self.outcomes:
                    self._states[self.outcomes[outcome.key].state] -= 1
                self.outcomes[outcome.key] = outcome
                self._states[outcome.state] += 1
            if self._on_progress is not None:
                self._on_progress(self._progress())

    def _progress(self) -> Progress:
        return Progress(
            object=self._object,
            total=self._total,
            done=self._states["done"],
            rejected=self._states["rejected"] + len(self._refused),
            unknown=self._states["unknown"],
            seconds=time.monotonic() - self._started,
        )

    def name_ids(self) -> None:
        """Fill in the ids that bulk calls did not tell, by one sweep."""
        nameless = [key for key, outcome in self.outcomes.items() if outcome.state == "done" and not outcome.id]
        if isinstance(self._destination, Guard):
            ids = self._destination.resolve_ids(self._object)
        elif nameless:
            ids = {record.key: record.id for record in self._destination.sweep(self._object) if record.key}
        else:
            return
        for key in nameless:
            missing = Outcome(key, "unknown", words="said to be made, and not to be seen")
            self.outcomes[key] = Outcome(key, "done", ids[key], self.outcomes[key].words) if key in ids else missing

    def frame(self, keys: pd.Series[Any]) -> pd.DataFrame:
        rows = []
        for place, key in enumerate(keys):
            found = self._refused.get(place) or self.outcomes[str(key)]
            rows.append((found.key, found.state, found.id, found.words))
        return pd.DataFrame(rows, columns=["key", "state", "id", "words"], dtype="str")


def _missing(value: object) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))  # type: ignore[call-overload]


def _plain(value: Any) -> Any:
    """A cell as a value of a draft: plain Python, days as `YYYY-MM-DD`, decimals as text so that no digit is lost."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, pd.Timestamp | datetime):
        whole = value.time().isoformat() == "00:00:00" and value.tzinfo is None
        return value.date().isoformat() if whole else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list | tuple | set | np.ndarray):
        return [str(item) for item in value]
    return value
