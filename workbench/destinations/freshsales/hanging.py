"""What Freshsales shows with its parent only, such as notes and files: found by parent, and on all parents together.

The id of such a record names its parent, `contacts/17/5`, so that a look at it is one call. A draft tells its parent,
too: that is remembered, and told to the ledger as the job of the draft, so that a lost answer costs one look and no sweep.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from workbench.destinations import Draft, Outcome, Record
from workbench.destinations.freshsales.bulk import throttled
from workbench.destinations.freshsales.parents import Parent, located, parents_out
from workbench.destinations.freshsales.picture import Picture, Place, place_of
from workbench.destinations.freshsales.reading import Reader
from workbench.destinations.freshsales.records import Unfit, held, words_of
from workbench.destinations.freshsales.settings import Dials
from workbench.destinations.http import Answer, Http, Request
from workbench.errors import Refused, Uncertain
from workbench.specs import DestinationSpec

__all__ = ["Around", "Hanging", "refused"]

Raw = dict[str, Any]
OWNERS = {"Contact": "contact", "SalesAccount": "sales_account", "Deal": "deal", "Lead": "lead"}
"""Types of parents that stand in views → our object."""
AT_ONCE = 4
"""Parents that are asked at the same time, where each of them has to be."""
AHEAD = 40
"""Parents that are asked before somebody takes what they gave."""
WENT = "it is there still: the API takes none of these away, and they go with their record"


@dataclass(frozen=True)
class Around:
    """What a keeper works with."""

    http: Http
    dials: Dials
    reader: Reader
    spec: DestinationSpec
    classic: bool

    def parents(self) -> dict[str, Place]:
        """Type of parent → where those stand that can have something hanging on them."""
        wanted = [type_ for type_, name in OWNERS.items() if name != "lead" or self.classic]
        return {type_: place_of(self.spec, OWNERS[type_], classic=self.classic) for type_ in wanted}

    def asked(self, path: str, *, params: dict[str, str | int] | None = None) -> Answer | None:
        """The answer to a look; None where there is nothing. Refused, in the account's words, where it shows nothing."""
        answer = self.http.call(Request("GET", path, params=params or {}, read=True))
        if answer.status == 404:
            return None
        if answer.good and isinstance(answer.data, dict):
            return answer
        found = "; ".join(words_of(answer.data)) or str(answer.status)
        raise Refused(f"the account does not show {path}", found=found)


def refused(draft: Draft, answer: Answer) -> Outcome:
    """The outcome of what the account did not take, in its own words."""
    return Outcome(draft.key, "rejected", draft.id, "; ".join(words_of(answer.data)) or str(answer.status))


class Hanging(ABC):
    """The keeper of one such kind; what a kind differs in is how it is listed, shown, sent and taken away."""

    removable = True  # whether the API is known to take them away

    def __init__(self, around: Around) -> None:
        self.around = around
        self.http, self.dials, self.classic = around.http, around.dials, around.classic
        self._lock = threading.Lock()
        self._known: dict[str, Parent] = {}  # key → what its draft hangs on
        self.scattered = True  # whether each record of the account has to be asked for its own
        self._stays = around.dials.removal == "never" and not self.removable
        self.left: set[str] = set()  # ids of ours that were to be taken away, and go with their record only

    # ------------------------------------------------------------ what a kind says for itself

    @abstractmethod
    def listed(self, parent: Parent) -> list[Raw]:
        """Everything of the kind that hangs on a record; nothing where that is gone."""

    @abstractmethod
    def record(self, place: Place, picture: Picture, raw: Raw, parent: Parent) -> Record:
        """One of them under declared names, its id an `address`."""

    @abstractmethod
    def made(self, place: Place, picture: Picture, draft: Draft, parent: Parent) -> Outcome:
        """Send a new one. Raises Unfit and Uncertain."""

    @abstractmethod
    def changed(self, place: Place, picture: Picture, draft: Draft) -> Outcome:
        """Send a change. Raises Unfit and Uncertain."""

    def everywhere(self, picture: Picture) -> Iterator[tuple[Parent, Raw]]:
        """All of them; of each record of the account that may have some one call."""
        del picture
        yield from self._asked(self._all_parents() if self.dials.files_seen == "all" else list(self._known.values()))

    def _asked(self, parents: Iterable[Parent]) -> Iterator[tuple[Parent, Raw]]:
        """What hangs on these, one call each, several at a time; whoever takes them says what the calls are made for."""
        wanted = list(dict.fromkeys(parents))
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="listing") as pool:
            for start in range(0, len(wanted), AHEAD):
                some = wanted[start : start + AHEAD]
                told = [pool.submit(copy_context().run, self.listed, parent) for parent in some]
                for parent, rows in zip(some, told, strict=True):
                    yield from ((parent, raw) for raw in rows.result())

    # ------------------------------------------------------------ writing

    def write(self, place: Place, picture: Picture, draft: Draft, *, taken: Callable[[str], None] | None) -> Outcome:
        """Make or change one; what it hangs on is told as its job before anything is sent."""
        try:
            if draft.id:
                self._stay(place, picture, draft)
                return self.changed(place, picture, draft)
            parent = self._parent(place, picture, draft)
            if taken is not None:
                taken(parent.path)
            return self.made(place, picture, draft, parent)
        except Unfit as unfit:
            return Outcome(draft.key, "rejected", draft.id, str(unfit))
        except Uncertain as error:
            return Outcome(draft.key, "unknown", draft.id, error.message)

    def _parent(self, place: Place, picture: Picture, draft: Draft) -> Parent:
        parent = parents_out(picture, place, draft, classic=self.classic, several=False)[0]
        if not parent.id.isdecimal():
            raise Unfit(f"{place.spec.label} hangs on a record of the account, not on {parent.id!r}")
        with self._lock:
            self._known[draft.key] = parent
        return parent

    def _stay(self, place: Place, picture: Picture, draft: Draft) -> None:
        """A change leaves it where it hangs."""
        wanted = parents_out(picture, place, draft, classic=self.classic, several=True)
        where = located(draft.id)
        if where is None or any(parent != where[0] for parent in wanted):
            raise Unfit(f"{place.spec.label} {draft.id} stays where it hangs")

    def collect(self, place: Place, picture: Picture, job: str, drafts: Sequence[Draft]) -> list[Outcome]:
        """What is there of drafts by now, by a look at what they hang on; absence is left to the looks that follow."""
        del job
        outcomes = {draft.key: Outcome(draft.key, "unknown", draft.id, "it does not show yet") for draft in drafts}
        made = [draft for draft in drafts if not draft.id]
        for draft in made:
            try:
                self._parent(place, picture, draft)
            except Unfit as unfit:
                outcomes[draft.key] = Outcome(draft.key, "unknown", "", str(unfit))
        for record in self._borne(place, picture, {draft.key for draft in made}):
            outcomes[record.key] = Outcome(record.key, "done", record.id, after=record.values)
        return [outcomes[draft.key] for draft in drafts]

    # ------------------------------------------------------------ looking

    def read(self, place: Place, picture: Picture, ids: Sequence[str]) -> list[Record]:
        """These, one call a parent."""
        where = {number: found for number in dict.fromkeys(ids) if (found := located(number))}
        there: dict[str, Record] = {}
        for parent in dict.fromkeys(parent for parent, _ in where.values()):
            there |= {record.id: record for record in self._on(place, picture, parent)}
        return [there[number] for number in where if number in there]

    def newest(self, place: Place) -> str:
        """Nothing tells."""
        del place
        return ""

    def sweep(self, place: Place, picture: Picture, *, since: str = "") -> Iterator[Record]:
        """All of them, each once, though it may hang on several records."""
        del since
        seen: set[str] = set()
        for parent, raw in self.everywhere(picture):
            record = self.record(place, picture, raw, parent)
            if record.id not in seen:
                seen.add(record.id)
                yield record

    def bearing(self, place: Place, picture: Picture, keys: Collection[str], *, since: str) -> list[Record]:
        """Those that bear a key: where its draft hangs, as far as that is known, else all are looked through."""
        wanted = {key for key in keys if key}
        rest = wanted - self._known.keys()
        found = self._borne(place, picture, wanted - rest)
        return found + ([record for record in self.sweep(place, picture, since=since) if record.key in rest] if rest else [])

    def expect(self, place: Place, picture: Picture, drafts: Iterable[Draft]) -> None:
        """Remember what drafts hang on before anybody asks for their keys."""
        for draft in drafts:
            with suppress(Unfit):  # it will not be sent
                self._parent(place, picture, draft)

    def near(self, place: Place, picture: Picture, ids: Collection[str], jobs: Iterable[str]) -> Iterator[Record]:
        """Everything on the records that these ids and jobs name; where one of the ids is not there, all the rest, too."""
        where = [found[0] for number in (*ids, *(f"{job}/0" for job in jobs)) if (found := located(number))]
        seen: set[str] = set()
        for parent, raw in self._asked(where):
            record = self.record(place, picture, raw, parent)
            seen.add(record.id)
            yield record
        if not seen.issuperset(ids) and self.dials.files_seen == "all":
            asked = set(where)
            for parent, raw in self._asked(parent for parent in self._all_parents() if parent not in asked):
                yield self.record(place, picture, raw, parent)

    def _borne(self, place: Place, picture: Picture, keys: Collection[str]) -> list[Record]:
        parents = dict.fromkeys(parent for key, parent in self._known.items() if key in keys)
        return [record for parent in parents for record in self._on(place, picture, parent) if record.key in keys]

    def _on(self, place: Place, picture: Picture, parent: Parent) -> list[Record]:
        return [self.record(place, picture, raw, parent) for raw in self.listed(parent)]

    def find(self, place: Place, picture: Picture, field_: str, values: Iterable[str]) -> list[Record]:
        """Records whose field is one of the values, by looking through all."""
        folded = {value.strip().casefold() for value in values}
        return [record for record in self.sweep(place, picture) if folded & held(record, field_)]

    def children(self, place: Place, number: str) -> list[tuple[str, str]]:
        """Nothing hangs on what hangs on a record."""
        del place, number
        return []

    def _all_parents(self) -> list[Parent]:
        reader = self.around.reader
        found: dict[Parent, None] = {}
        for type_, place in self.around.parents().items():
            for view in reader.views(place):
                found |= {Parent(type_, str(row["id"])): None for row in reader.pages.view(place, view, "")}
        return list(found)

    # ------------------------------------------------------------ taking away

    def delete(self, place: Place, picture: Picture, number: str) -> Outcome:
        """Take one away; where the API does not do that, it is refused until the record that it hangs on is gone."""
        del picture
        where = located(number)
        if where is None:
            return Outcome(number, "rejected", number, "this is no id of such a record")
        if not self._stays:
            try:
                answer = self.http.call(Request("DELETE", f"{place.spec.path}/{where[1]}", busy=throttled))
            except Uncertain as error:
                return Outcome(number, "unknown", number, error.message)
            if answer.good:
                return Outcome(number, "done", number)
            if answer.status != 404:
                return Outcome(number, "rejected", number, "; ".join(words_of(answer.data)) or str(answer.status))
        if self.removable or not any(str(raw["id"]) == where[1] for raw in self.listed(where[0])):
            return Outcome(number, "done", number)
        with self._lock:
            self._stays = True
            self.left.add(number)
        return Outcome(number, "rejected", number, WENT)
