"""The persons of a deal beside its own one, as v1 adds, lists and removes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from workbench.rehearsal.engine import Json, Record, Reply, as_json
from workbench.rehearsal.pipedrive.account import v1_stamp
from workbench.rehearsal.pipedrive.answers import Asked, Operation, no, one
from workbench.rehearsal.pipedrive.offsets import Offsets
from workbench.rehearsal.pipedrive.records import Records
from workbench.rehearsal.pipedrive.rows import Rows
from workbench.rehearsal.pipedrive.shapes import Shape, integer
from workbench.rehearsal.pipedrive.ties import Ties

BODY = Shape({"person_id": integer}, open=True)
JOINED = "joined"
"""Where a deal keeps who took whom in, and when; its own person is there from the beginning."""


class Participants:
    """The participants of deals."""

    def __init__(self, records: Records, rows: Rows, ties: Ties, offsets: Offsets) -> None:
        self._records = records
        self._rows = rows
        self._ties = ties
        self._offsets = offsets

    def operations(self) -> Iterable[Operation]:
        return (
            Operation("v1", "GET", "deals/#/participants", 10, self._list),
            Operation("v1", "POST", "deals/#/participants", 10, self._add, body=BODY),
            Operation("v1", "DELETE", "deals/#/participants/#", 6, self._remove),
        )

    def _list(self, asked: Asked) -> Reply:
        deal = self._records.live("v1", "deals", asked.number())
        people = deal.body.get("participants", [])
        return self._offsets.page(asked, [self._row(deal, person) for person in people])

    def _add(self, asked: Asked) -> Reply:
        deal = self._open(asked)
        person = self._ties.checked(asked.body, ("person_id",)).get("person_id")
        if person is None:
            no("v1", 400, "person_id must be given")
        people = deal.body.get("participants", [])
        if person in people:
            no("v1", 400, "The person is already a participant of this deal")
        changed = self._records.update(deal, {"participants": [*people, person]}, asked.now)
        joined = {**changed.body.get(JOINED, {}), str(person): asked.now}
        changed = self._kept(changed, joined)
        related = self._rows.related((person,))
        return as_json({"success": True, "data": self._row(changed, person), "related_objects": related})

    def _remove(self, asked: Asked) -> Reply:
        deal, number = self._open(asked), asked.number(1)
        people = deal.body.get("participants", [])
        person = next((person for person in people if paired(deal.id, person) == number), None)
        if person is None:
            no("v1", 404, "Deal participant not found")
        if person == deal.body.get("person_id"):
            no("v1", 400, "The contact person of a deal cannot be removed from its participants")
        changed = self._records.update(deal, {"participants": [other for other in people if other != person]}, asked.now)
        self._kept(changed, {key: value for key, value in changed.body.get(JOINED, {}).items() if key != str(person)})
        return one({"id": number})

    def _open(self, asked: Asked) -> Record:
        deal = self._records.live("v1", "deals", asked.number())
        if deal.body.get("is_archived"):
            no("v1", 400, "Archived deals cannot be edited")
        return deal

    def _kept(self, deal: Record, joined: Json) -> Record:
        body = {key: value for key, value in deal.body.items() if key != JOINED} | ({JOINED: joined} if joined else {})
        changed = replace(deal, body=body)
        self._records.keep(changed)
        return changed

    def _row(self, deal: Record, person: int) -> Json:
        title = deal.body["title"]
        record = self._ties.record("person_id", person)
        joined = deal.body.get(JOINED, {}).get(str(person), deal.created)
        return {
            "id": paired(deal.id, person),
            "person_id": self._rows.person(person),
            "add_time": v1_stamp(joined),
            "active_flag": True,
            "related_item_data": {"deal_id": deal.id, "title": title},
            "person": self._rows.of(record) if record else None,
            "added_by_user_id": self._rows.user(deal.body["creator_user_id"]),
            "related_item_type": "deal",
            "related_item_id": deal.id,
        }


def paired(deal: int, person: int) -> int:
    """The id of a participation: one number for each pair, so that nothing more need be kept."""
    total = deal + person
    return total * (total + 1) // 2 + person
