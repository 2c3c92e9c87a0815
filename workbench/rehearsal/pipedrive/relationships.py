"""Relationships between organizations: parent and daughter, or related."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from workbench.rehearsal.engine import House, Json, Record, Reply, Traits, as_json
from workbench.rehearsal.pipedrive.account import v1_stamp
from workbench.rehearsal.pipedrive.answers import Asked, Operation, no, one
from workbench.rehearsal.pipedrive.offsets import Offsets
from workbench.rehearsal.pipedrive.rows import Rows
from workbench.rehearsal.pipedrive.shapes import Shape, text
from workbench.rehearsal.pipedrive.ties import Ties

KIND = "organizationRelationships"
TYPES = ("parent", "related")
ENDS = ("rel_owner_org_id", "rel_linked_org_id")
BODY = Shape({"type": text}, open=True)


class Relationships:
    """The relationships of an account."""

    def __init__(self, house: House, rows: Rows, ties: Ties, offsets: Offsets) -> None:
        self._state = house.state
        self._rows = rows
        self._ties = ties
        self._offsets = offsets

    def operations(self) -> Iterable[Operation]:
        return (
            Operation("v1", "GET", KIND, 20, self._list),
            Operation("v1", "POST", KIND, 10, self._add, body=BODY),
            Operation("v1", "GET", f"{KIND}/#", 2, self._get),
            Operation("v1", "PUT", f"{KIND}/#", 10, self._change, body=BODY),
            Operation("v1", "DELETE", f"{KIND}/#", 6, self._delete),
        )

    def _live(self, asked: Asked) -> Record:
        return self._state.get(KIND, asked.number()) or no("v1", 404, "Organization relationship not found")

    def _list(self, asked: Asked) -> Reply:
        org = self._ties.checked(asked.query, ("org_id",)).get("org_id")
        if org is None:
            no("v1", 400, "org_id must be given")
        found = (self._state.get(KIND, number) for number in self._state.children("organizations", org, KIND))
        rows = [self._row(record, org) for record in found if record is not None]
        return self._offsets.page(asked, rows)

    def _get(self, asked: Asked) -> Reply:
        org = asked.query.get("org_id", "")
        return one(self._row(self._live(asked), int(org) if org.isdecimal() and len(org) < 19 else None))

    def _add(self, asked: Asked) -> Reply:
        given = asked.body
        body = {"type": _type(given), **self._ends(given, {})}
        number = self._state.next_id(KIND)
        return self._saved(Record(KIND, number, body, asked.now, asked.now), given.get("org_id"), new=True)

    def _change(self, asked: Asked) -> Reply:
        record, given = self._live(asked), asked.body
        kind = _type(given) if "type" in given else record.body["type"]
        body = {"type": kind, **self._ends(given, record.body)}
        return self._saved(replace(record, body=body, updated=asked.now), given.get("org_id"), new=False)

    def _saved(self, record: Record, org: object, *, new: bool) -> Reply:
        parents = [("organizations", record.body[end]) for end in ENDS]
        self._state.save(record, Traits(record.body["type"], parents=parents), new=new)
        row = self._row(record, org if isinstance(org, int) else None)
        related = {str(row[end]["value"]): row[end] for end in ENDS}
        return as_json({"success": True, "data": row, "related_objects": {"organization": related}})

    def _delete(self, asked: Asked) -> Reply:
        record = self._live(asked)
        self._state.erase(KIND, record.id)
        return one({"id": record.id})

    def _ends(self, given: Json, old: Json) -> Json:
        """The two organizations, which must differ."""
        found: Json = {}
        for end in ENDS:
            value = given.get(end, old.get(end))
            known = self._ties.checked({"org_id": value}, ("org_id",))
            found[end] = known.get("org_id") or no("v1", 400, f"{end} must be given")
        if found[ENDS[0]] == found[ENDS[1]]:
            no("v1", 400, "An organization cannot be related to itself")
        return found

    def _row(self, record: Record, org: int | None) -> Json:
        """A relationship, and how it looks from one of its ends."""
        body = record.body
        owner, linked = (body[end] for end in ENDS)
        seen, other = ("daughter", owner) if org == linked else ("parent", linked)
        ends = {end: self._rows.organization(body[end], self._people(body[end])) for end in ENDS}
        return {
            "id": record.id,
            "type": body["type"],
            **ends,
            "add_time": v1_stamp(record.created),
            "update_time": v1_stamp(record.updated),
            "active_flag": True,
            "calculated_type": seen if body["type"] == "parent" else "related",
            "calculated_related_org_id": other,
            "related_organization_name": self._ties.name({"org_id": other}, "org_id"),
        }

    def _people(self, org: int) -> int:
        return len(self._state.children("organizations", org, "persons"))


def _type(given: Json) -> str:
    if given.get("type") not in TYPES:
        no("v1", 400, f"type must be one of {', '.join(TYPES)}")
    return str(given["type"])
