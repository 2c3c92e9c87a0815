"""The persons of a deal beside its own one, which only v1 adds and takes away.

Such a link is nothing but a pair: it has no text, and so no place for our key. Its id is the pair, `4711/23`, and what
key it stands for the ledger says: by the drafts that are expected, and by the jobs of those that were sent. A pair that
was there before us is never taken for ours, so one look goes before each that is made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from workbench.destinations import Draft, Outcome, Record
from workbench.destinations.http import Answer
from workbench.destinations.pipedrive.below import DEALS, Below, Raw, address
from workbench.destinations.pipedrive.calls import Calls, has_more, must, one_of, rows_of, words_of
from workbench.destinations.pipedrive.reading import Reader
from workbench.destinations.pipedrive.records import Form, Unfit
from workbench.destinations.pipedrive.values import moment_in
from workbench.errors import Refused

__all__ = ["Participants", "participants_of", "person_of"]

PATH = "participants"
ROWS, MOST_PAGES = 500, 10_000


class Participants(Below):
    """Keeps the participants of deals; one call a deal shows them."""

    def __init__(self, calls: Calls, reader: Reader, deals: Callable[[], Form]) -> None:
        super().__init__(calls, reader, deals)
        self._keys: dict[str, str] = {}  # id → our key, of pairs that we mean to make or have made

    def job(self, draft: Draft, deal: str) -> str:
        return f"{super().job(draft, deal)}/{PATH}/{self.linked(draft, 'person')} {draft.key}"

    def _learn(self, draft: Draft, deal: str) -> None:
        super()._learn(draft, deal)
        self._keep(address(deal, self.linked(draft, "person")), draft.key)

    def _keep(self, id_: str, key: str) -> None:
        with self._lock:
            self._keys[id_] = key

    def near(self, form: Form, ids: Collection[str], jobs: Collection[str]) -> Iterator[Record]:
        for job in jobs:
            where, _, key = job.partition(" ")
            self._keep(address(self.told(job), where.rpartition("/")[2]), key)
        yield from super().near(form, ids, jobs)

    def on(self, form: Form, deals: Sequence[str]) -> Iterator[Record]:
        for deal in deals:
            for raw in participants_of(self.calls, deal):
                yield self._record(deal, raw)

    def _record(self, deal: str, raw: Raw) -> Record:
        person, by = person_of(raw), _number(raw.get("added_by_user_id"))
        id_ = address(deal, person)
        key = self._keys.get(id_, "")  # no value: it is nothing that the account shows
        values = {"deal": deal, "person": person}
        return Record(id_, key, values, made_at=moment_in(raw.get("add_time") or ""), made_by=by)

    def made(self, form: Form, draft: Draft, deal: str) -> Outcome:
        person = self.linked(draft, "person")
        try:
            there = [person_of(raw) for raw in participants_of(self.calls, deal)]
        except Refused as refused:
            raise Unfit(f"{refused.message}: {refused.found}") from None
        if person in there:
            raise Unfit(f"person {person} takes part in deal {deal} already")
        path = self.calls.path(DEALS, deal, PATH, version="v1")
        answer = self.calls.send("create", "POST", path, body={"person_id": int(person)}, object_=form.place.spec)
        if not answer.good:
            return Outcome(draft.key, "rejected", "", words_of(answer))
        raw = one_of(answer)
        if person_of(raw) != person or str(raw.get("related_item_id") or deal) != deal:
            return Outcome(draft.key, "unknown", "", "the answer shows another participant")
        record = self._record(deal, raw)
        return Outcome(draft.key, "done", record.id, after=record.values)

    def changed(self, form: Form, draft: Draft, there: Record) -> Outcome:
        return Outcome(draft.key, "done", there.id)  # there is nothing about a pair that could change

    def dropped(self, form: Form, deal: str, number: str) -> Answer | None:
        rows = participants_of(self.calls, deal)
        own = next((str(raw["id"]) for raw in rows if person_of(raw) == number), "")
        if not own:
            return None
        path = self.calls.path(DEALS, deal, PATH, own, version="v1")
        return self.calls.send("delete", "DELETE", path, object_=form.place.spec)


def participants_of(calls: Calls, deal: str) -> list[Raw]:
    """Who takes part in a deal, its own person among them; nobody where the deal is gone."""
    path, found = calls.path(DEALS, deal, PATH, version="v1"), list[Raw]()
    for _ in range(MOST_PAGES):
        answer = calls.read("participants", path, params={"start": len(found), "limit": ROWS})
        if answer.status == 404:
            return []
        rows = rows_of(must(answer, path))
        found += rows
        if not (rows and has_more(answer)):
            break
    return found


def person_of(raw: Raw) -> str:
    """The person of a participation."""
    return _number(raw.get("person_id"))


def _number(value: object) -> str:
    """The id of a person or a user, of which v1 shows a number or an object."""
    shown = (value.get("value") or value.get("id")) if isinstance(value, dict) else value
    return str(shown or "")
