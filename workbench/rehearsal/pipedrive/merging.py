"""Merging two persons, organizations or deals: the named one stays, takes over what it lacks and all that hung on the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from workbench.rehearsal.engine import House, Json, Record, Reply
from workbench.rehearsal.pipedrive.answers import Asked, Operation, missing, no, one
from workbench.rehearsal.pipedrive.links import TITLES
from workbench.rehearsal.pipedrive.records import Records
from workbench.rehearsal.pipedrive.rows import Rows
from workbench.rehearsal.pipedrive.shapes import Shape, integer

MERGED = ("persons", "organizations", "deals")
REFERENCES: Mapping[str, tuple[str, ...]] = {
    "persons": ("person_id",),
    "organizations": ("org_id", "organization_id", "rel_owner_org_id", "rel_linked_org_id"),
    "deals": ("deal_id", "source_deal_id"),
}
"""The keys by which other records name one of each kind."""
JOINED = ("emails", "phones", "followers", "participants", "label_ids")
"""Lists of which the one that stays keeps its own and takes the other's too."""
BODY = Shape({"merge_with_id": integer}, open=True)


class Merging:
    """The merges of v1."""

    def __init__(self, house: House, records: Records, rows: Rows) -> None:
        self._house = house
        self._state = house.state
        self._records = records
        self._rows = rows

    def operations(self) -> Iterable[Operation]:
        for kind in MERGED:
            yield Operation("v1", "PUT", f"{kind}/#/merge", 40, self._merge(kind), body=BODY)

    def _merge(self, kind: str) -> Callable[[Asked], Reply]:
        def merge(asked: Asked) -> Reply:
            gone = self._records.live("v1", kind, asked.number())
            wish = asked.body.get("merge_with_id")
            if not isinstance(wish, int) or isinstance(wish, bool):
                no("v1", 400, "merge_with_id must be given")
            if wish == gone.id:
                no("v1", 400, "A record cannot be merged with itself")
            stays = self._state.get(kind, wish) or missing("v1", TITLES[kind], self._house.switches)
            return self._answer(self.merge(gone, stays, asked.now), gone.id)

        return merge

    def merge(self, gone: Record, stays: Record, now: float) -> Record:
        """The record that stays, after everything has come over; the other is deleted."""
        custom = {**gone.body.get("custom_fields", {}), **stays.body.get("custom_fields", {})}
        lists = {key: _joined(key, stays.body.get(key, []), gone.body.get(key, [])) for key in JOINED if key in gone.body}
        body = {**gone.body, **stays.body, **lists, **({"custom_fields": custom} if custom else {})}
        merged = replace(stays, body=body, updated=now)
        move(self._house, gone, stays.id)
        self._records.keep(merged)
        self._records.delete(replace(gone, updated=now), now)
        return merged

    def _answer(self, merged: Record, gone: int) -> Reply:
        if merged.kind == "organizations":
            return one({"id": merged.id})
        return one({**self._rows.of(merged), "merge_what_id": gone})


def move(house: House, gone: Record, heir: int) -> None:
    """Let everything that hangs on a record hang on another of its kind."""
    db = house.state.db
    sql = "SELECT DISTINCT child_kind, child FROM link WHERE kind = ? AND parent = ?"
    for kind, number in db.execute(sql, (gone.kind, gone.id)).fetchall():
        child = house.state.get(kind, number, deleted=True)
        if child is None:
            continue
        body = _repointed(child.body, gone, heir)
        if body.get("rel_owner_org_id") == heir == body.get("rel_linked_org_id"):
            house.state.erase(kind, number)  # the two were related to one another
            continue
        db.execute("UPDATE record SET body = ? WHERE kind = ? AND id = ?", (_text(body), kind, number))
    db.execute("UPDATE OR REPLACE link SET parent = ? WHERE kind = ? AND parent = ?", (heir, gone.kind, gone.id))


def _repointed(body: Json, gone: Record, heir: int) -> Json:
    """A body that names the heir where it named the one that is gone."""
    changed = {**body, **{key: heir for key in REFERENCES[gone.kind] if body.get(key) == gone.id}}
    if gone.kind == "persons" and "participants" in changed:
        changed["participants"] = _people(changed["participants"], gone.id, heir)
    return changed


def _people(people: list[object], gone: int, heir: int) -> list[object]:
    """Participants of a deal, which are numbers, or of an activity, which are objects; each person once."""
    moved = [
        {**person, "person_id": heir}
        if isinstance(person, dict) and person["person_id"] == gone
        else heir
        if person == gone
        else person
        for person in people
    ]
    found: dict[object, object] = {}
    for person in moved:
        key = person["person_id"] if isinstance(person, dict) else person
        before = found.get(key)
        if before is None or (isinstance(person, dict) and person.get("primary")):
            found[key] = person
    return list(found.values())


def _joined(key: str, stays: list[Json], gone: list[Json]) -> list[Json]:
    """The items of both, those of the one that stays first, and its primary address alone primary."""
    known = {json.dumps(_mark(key, item)) for item in stays}
    fresh = [item for item in gone if json.dumps(_mark(key, item)) not in known]
    if key in ("emails", "phones") and stays:
        fresh = [{**item, "primary": False} for item in fresh]
    return [*stays, *fresh]


def _mark(key: str, item: Json) -> object:
    if key in ("emails", "phones"):
        return item["value"]
    return item.get("user_id", item) if isinstance(item, dict) else item


def _text(body: Json) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
