"""Writing Pipedrive's persons, organizations, deals, activities and products, whichever version asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from workbench.rehearsal.engine import House, Json, Record, Traits
from workbench.rehearsal.pipedrive.account import Account
from workbench.rehearsal.pipedrive.activities import Activities
from workbench.rehearsal.pipedrive.answers import Version
from workbench.rehearsal.pipedrive.deals import Deals
from workbench.rehearsal.pipedrive.fields import Field, Fields
from workbench.rehearsal.pipedrive.links import Links
from workbench.rehearsal.pipedrive.organizations import Organizations
from workbench.rehearsal.pipedrive.persons import Persons
from workbench.rehearsal.pipedrive.products import Products
from workbench.rehearsal.pipedrive.stamps import pruned, seconds_of, shown_moment

KEPT_SECONDS = 30 * 24 * 3600.0
"""How long a deleted record lies in the bin."""
CHANGES = "followerChanges"
"""The kind of the lines that say who followed a record and who no longer does."""


class Kind(Protocol):
    """One kind of record: its rules on a write, how it is shown and what it is found by."""

    name: str  # as in the path
    object: str  # as its fields are named
    parts: Sequence[str]  # kinds of record that are nothing without it, and go with it

    def draft(self, given: Json, old: Json, now: float) -> Json:
        """The whole body after a write; ``old`` is empty for a new record. Refuses in the vendor's words."""
        ...

    def shown(self, body: Json) -> Json:
        """Its built-in keys apart from id, times and custom fields."""
        ...

    def traits(self, body: Json) -> Traits: ...
    def severed(self, body: Json, kind: str, number: int) -> Json:
        """The body without what points at a record that is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which keys of a record an answer shows: ``custom`` none means every custom field."""

    custom: Sequence[str] | None = None


EVERYTHING = Wanted()


class Records:
    """The five kinds of record, alive, in the bin, and for thirty days between."""

    def __init__(self, house: House, account: Account, fields: Fields) -> None:
        self._state = house.state
        self._clock = house.clock
        self._switches = house.switches
        self._fields = fields
        self.links = Links(house, account, fields)
        kinds: Sequence[Kind] = (
            Persons(self.links),
            Organizations(self.links),
            Deals(self.links),
            Activities(self.links),
            Products(self.links),
        )
        self.kinds: Mapping[str, Kind] = {kind.name: kind for kind in kinds}
        self._next_purge = 0.0

    def live(self, version: Version, kind: str, number: int) -> Record:
        """The record; a 404 in the vendor's words where it does not exist or was deleted."""
        record = self._state.get(kind, number)
        if record is None:
            self.links.missing(version, kind)
        return record

    def readable(self, version: Version, kind: str, number: int) -> Record:
        """The record, a deleted one too where the switch says that it can still be read."""
        record = self._state.get(kind, number, deleted=self._switches["deleted_record"] == "answer")
        if record is None:
            self.links.missing(version, kind)
        return record

    def create(self, kind: str, body: Json, now: float) -> Record:
        """Write a new record of a body whose shape has been checked."""
        draft = pruned(self.kinds[kind].draft(body, {}, now))
        made = seconds_of(body.get("add_time")) if body.get("add_time") else None
        record = Record(kind, self._state.next_id(kind), draft, created=now if made is None else made, updated=now)
        self.keep(record, new=True)
        return record

    def update(self, record: Record, patch: Json, now: float) -> Record:
        """Change only the keys that were sent."""
        body = pruned(self.kinds[record.kind].draft(patch, record.body, now))
        made = seconds_of(patch.get("add_time")) if patch.get("add_time") else None
        changed = replace(record, body=body, updated=now, created=record.created if made is None else made)
        self.keep(changed)
        return changed

    def keep(self, record: Record, *, new: bool = False) -> None:
        """Write a record as it is, with all that it is found by."""
        self._state.save(record, self.kinds[record.kind].traits(record.body), new=new)

    def delete(self, record: Record, now: float) -> None:
        """Into the bin for thirty days; what pointed at it points there no longer."""
        self.sever(record, now)
        for part in self.kinds[record.kind].parts:
            for number in self._state.children(record.kind, record.id, part):
                child = self._state.get(part, number)
                if child is not None:
                    self._state.save(replace(child, deleted=now), Traits("", parents=[(record.kind, record.id)]), new=False)
        self.keep(replace(record, deleted=now, updated=now))

    def sever(self, record: Record, now: float) -> None:
        """Take a record out of every other that points at it."""
        for kind in self.kinds:
            for number in self._state.children(record.kind, record.id, kind):
                child = self._state.get(kind, number, deleted=True)
                if child is not None:
                    body = pruned(self.kinds[kind].severed(child.body, record.kind, record.id))
                    self.keep(replace(child, body=body))

    def settle(self, now: float) -> None:
        """Remove for good what has lain in the bin for thirty days."""
        if now < self._next_purge:
            return
        wait = self._clock.wait(KEPT_SECONDS)
        names = ", ".join("?" for _ in self.kinds)
        for record in self._state.select(f"kind IN ({names}) AND deleted <= ?", (*self.kinds, now - wait)):
            for part in (*self.kinds[record.kind].parts, CHANGES):
                for number in self._state.children(record.kind, record.id, part):
                    self._state.erase(part, number)
            self._state.erase(record.kind, record.id)
        oldest = self._state.db.execute(
            f"SELECT min(deleted) FROM record WHERE kind IN ({names})",  # noqa: S608 -- question marks alone
            tuple(self.kinds),
        ).fetchone()[0]
        # Whatever is deleted from now on cannot be due sooner than the wait, so this never looks too late.
        self._next_purge = (now if oldest is None else oldest) + wait

    def shown(self, record: Record, wanted: Wanted = EVERYTHING) -> Json:
        """The record as v2 answers it, with every custom field of the account."""
        kind, body = self.kinds[record.kind], record.body
        rows: Json = {
            "id": record.id,
            **kind.shown(body),
            "add_time": shown_moment(record.created),
            "update_time": shown_moment(record.updated),
            "is_deleted": record.deleted is not None,
        }
        if self._switches["empty_built_in"] == "absent":
            rows = {key: value for key, value in rows.items() if value is not None}
        if kind.object != "activity":
            rows["custom_fields"] = self._fields.shown_values(kind.object, body.get("custom_fields") or {}, wanted.custom)
        return rows

    def with_labels(self, kind: str, values: Json) -> Json:
        """Custom values with ``{id, label}`` in the place of each option's id."""
        fields = self._fields.of(self.kinds[kind].object)
        return {code: _labelled(fields[code], value) for code, value in values.items()}

    def labels_of(self, record: Record) -> list[Json]:
        """The labels of a record with their names."""
        chosen = record.body.get("label_ids", [])
        known = {row["id"]: row["label"] for row in self._fields.labels(self.kinds[record.kind].object)}
        return [{"id": number, "label": known[number]} for number in chosen if number in known]


def _labelled(field: Field, value: object) -> object:
    names = {row["id"]: row["label"] for row in field.options or ()}
    if field.type == "enum" and value is not None:
        return {"id": value, "label": names.get(value)}
    if field.type == "set" and isinstance(value, list):
        return [{"id": number, "label": names.get(number)} for number in value]
    return value
