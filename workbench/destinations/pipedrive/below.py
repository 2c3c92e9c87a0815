"""What Pipedrive shows with its deal only: found by deal, and on all deals together.

The id of such a record names its deal, `4711/12`, so that a look at it is one call. A draft names its deal, too: that is
remembered, and told to the ledger as the job of the draft, so that a lost answer costs one look and no sweep.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from workbench.destinations import Draft, Outcome, Record
from workbench.destinations.http import Answer
from workbench.destinations.pipedrive.calls import Calls, words_of
from workbench.destinations.pipedrive.reading import Reader
from workbench.destinations.pipedrive.records import Form, Unfit
from workbench.destinations.pipedrive.values import id_out, single
from workbench.errors import Uncertain

__all__ = ["DEALS", "Below", "Raw", "address", "located"]

DEALS = "deals"
Raw = dict[str, Any]


def address(deal: str, number: str) -> str:
    """The id of something that the account shows with its deal only."""
    return f"{deal}/{number}"


def located(id_: str) -> tuple[str, str] | None:
    """Deal and number of such an id; None for what is no such id."""
    deal, _, number = id_.partition("/")
    return (deal, number) if deal.isdecimal() and number.isdecimal() else None


class Below(ABC):
    """The keeper of one such kind; what a kind differs in is how it is listed, sent and taken away."""

    def __init__(self, calls: Calls, reader: Reader, deals: Callable[[], Form]) -> None:
        self.calls = calls
        self._reader = reader
        self._deals = deals
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}  # key → the deal of its draft

    # ------------------------------------------------------------ what a kind says for itself

    @abstractmethod
    def on(self, form: Form, deals: Sequence[str]) -> Iterator[Record]:
        """All that hang on these deals; nothing where a deal is gone."""

    @abstractmethod
    def made(self, form: Form, draft: Draft, deal: str) -> Outcome:
        """Send a new one. Raises Unfit and Uncertain."""

    @abstractmethod
    def changed(self, form: Form, draft: Draft, there: Record) -> Outcome:
        """Send a change of one that is there. Raises Unfit and Uncertain."""

    @abstractmethod
    def dropped(self, form: Form, deal: str, number: str) -> Answer | None:
        """Take one off its deal; None where it is not there. Raises Uncertain."""

    def job(self, draft: Draft, deal: str) -> str:
        """What the ledger keeps of a draft before it is sent."""
        del draft
        return f"{DEALS}/{deal}"

    def told(self, job: str) -> str:
        """The deal of such a job; empty where it names none."""
        kind, _, rest = job.partition("/")
        return rest.partition("/")[0] if kind == DEALS else ""

    # ------------------------------------------------------------ writing

    def write(self, form: Form, draft: Draft, *, taken: Callable[[str], None] | None) -> Outcome:
        """Make or change one; its deal is told as its job before anything is sent."""
        try:
            if draft.id:
                return self._change(form, draft)
            deal = self.deal_of(draft)
            self._learn(draft, deal)
            if taken is not None:
                taken(self.job(draft, deal))
            return self.made(form, draft, deal)
        except Unfit as unfit:
            return Outcome(draft.key, "rejected", draft.id, str(unfit))
        except Uncertain as error:
            return Outcome(draft.key, "unknown", draft.id, error.message)

    def _change(self, form: Form, draft: Draft) -> Outcome:
        there = next(iter(self.read(form, [draft.id])), None)
        if there is None:
            return Outcome(draft.key, "rejected", draft.id, "the record is not there any more")
        links = [wire.name for wire in form.wires.values() if wire.kind == "lookup"]
        if any(draft.values[name] != there.values[name] for name in links if name in draft.values):
            raise Unfit(f"{form.place.spec.label} {draft.id} stays on its {' and its '.join(links)}")
        return self.changed(form, draft, there)

    def deal_of(self, draft: Draft) -> str:
        """The deal that a draft names; Unfit where it names none."""
        return self.linked(draft, "deal")

    def linked(self, draft: Draft, name: str) -> str:
        """The record of the account that a draft names in a link; Unfit where it names none."""
        number = single(name, draft.values.get(name))
        if number in (None, ""):
            raise Unfit(f"the {name} is missing")
        return str(id_out(name, number))

    def delete(self, form: Form, number: str) -> Outcome:
        """Take one off its deal; one that is gone already counts as taken off."""
        where = located(number)
        if where is None:
            return Outcome(number, "rejected", number, f"this is no id of a {form.place.spec.label.casefold()}")
        try:
            answer = self.dropped(form, *where)
        except Uncertain as error:
            return Outcome(number, "unknown", number, error.message)
        if answer is None or answer.good or answer.status == 404:
            return Outcome(number, "done", number)
        return Outcome(number, "rejected", number, words_of(answer))

    # ------------------------------------------------------------ looking

    def expect(self, drafts: Iterable[Draft]) -> None:
        """Remember what drafts hang on before anybody asks for their keys."""
        for draft in drafts:
            with suppress(Unfit):  # it will not be sent
                self._learn(draft, self.deal_of(draft))

    def _learn(self, draft: Draft, deal: str) -> None:
        with self._lock:
            self._known[draft.key] = deal

    def collect(self, form: Form, drafts: Sequence[Draft]) -> list[Outcome]:
        """What is there of drafts by now, by a look at their deals; absence is left to the looks that follow."""
        made = [draft for draft in drafts if not draft.id]
        self.expect(made)
        there = {record.key: record for record in reversed(self.bearing(form, {draft.key for draft in made}))}
        return [
            Outcome(draft.key, "done", there[draft.key].id, after=there[draft.key].values)
            if not draft.id and draft.key in there
            else Outcome(draft.key, "unknown", draft.id, "it does not show yet")
            for draft in drafts
        ]

    def read(self, form: Form, ids: Sequence[str]) -> list[Record]:
        """These, by a look at their deals."""
        where = {number: found[0] for number in dict.fromkeys(ids) if (found := located(number))}
        there = {record.id: record for record in self.on(form, list(dict.fromkeys(where.values())))}
        return [there[number] for number in where if number in there]

    def sweep(self, form: Form) -> Iterator[Record]:
        """All of them, by a look at every deal of the account."""
        yield from self.on(form, self._all_deals())

    def _all_deals(self) -> list[str]:
        deals = self._deals()
        marker = deals.wires.get(deals.place.spec.marker)
        return [str(raw["id"]) for raw in self._reader.raws(deals, fields=marker.key if marker else "")]

    def near(self, form: Form, ids: Collection[str], jobs: Collection[str]) -> Iterator[Record]:
        """Everything on the deals that ids and jobs name; on all deals, where one of the ids is not there."""
        deals = dict.fromkeys(found[0] for number in sorted(ids) if (found := located(number)))
        deals |= dict.fromkeys(deal for job in sorted(jobs) if (deal := self.told(job)))
        seen: set[str] = set()
        for record in self.on(form, list(deals)):
            seen.add(record.id)
            yield record
        if not seen.issuperset(ids):  # it may have gone with its deal into another one
            left = [deal for deal in self._all_deals() if deal not in deals]
            yield from (record for record in self.on(form, left) if record.id not in seen)

    def bearing(self, form: Form, keys: Collection[str]) -> list[Record]:
        """Those that bear a key: where its draft hangs, as far as that is known, else on all deals."""
        wanted = {key for key in keys if key}
        known: Mapping[str, str] = {key: deal for key in wanted if (deal := self._known.get(key))}
        near = list(dict.fromkeys(known[key] for key in sorted(known)))
        records = self.on(form, near) if len(known) == len(wanted) else self.sweep(form)
        return [record for record in records if record.key in wanted]
