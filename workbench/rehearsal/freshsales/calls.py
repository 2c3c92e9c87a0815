"""Freshsales call logs: what ``phone_calls`` takes, which differs from the vendor's page, and what it drops without a word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from workbench.rehearsal.engine import Call, House, Json, Record, Refusal, Reply, Traits, as_json
from workbench.rehearsal.freshsales.answers import Handler, given
from workbench.rehearsal.freshsales.drafts import KINDS
from workbench.rehearsal.freshsales.records import Records
from workbench.rehearsal.freshsales.shapes import Shapes, user
from workbench.rehearsal.freshsales.tenant import MODELS, Catalog
from workbench.rehearsal.freshsales.uploads import is_multipart, nested, parts_of
from workbench.rehearsal.freshsales.values import id_in

KIND = "phone_calls"
WRAPPER = "phone_call"
PARENT_OF = {**{model: kind for kind, model in MODELS.items()}, **{spec.wrapper: kind for kind, spec in KINDS.items()}}
MODEL_OF = MODELS
NEW_ONE = ("first_name", "last_name", "work_number", "mobile_number", "email", "name", "phone")
INTERNAL = "Internal server error"


class Calls:
    """Logs calls by hand. Neither date nor length of a call can be set; recordings are not taken."""

    def __init__(self, house: House, catalog: Catalog, records: Records, shapes: Shapes) -> None:
        self._state = house.state
        self._switches = house.switches
        self._catalog = catalog
        self._records = records
        self._shapes = shapes

    def routes(self) -> Iterable[tuple[str, Handler]]:
        yield f"POST {KIND}", self._logged
        if self._switches["attachment_delete"] == "accept":
            yield f"DELETE {KIND}/#", self._removed

    def _logged(self, call: Call, ids: Sequence[int]) -> Reply:
        wish = self._wish(call)
        body: Json = {"call_direction": _is_true(wish.get("call_direction")), "user_id": self._catalog.api_user}
        parent = self._parent(wish, call.now)
        body["targetables"] = [{"id": parent.id, "type": MODEL_OF[parent.kind]}] if parent else []
        description = self._description(wish.get("note"))
        if description:
            body |= {"note_id": self._state.next_id("notes"), "note": description}
        record = Record(KIND, self._state.next_id(KIND), body, created=call.now, updated=call.now)
        parents = [(parent.kind, parent.id)] if parent else []
        self._state.save(record, Traits(label="", parents=parents), new=True)
        return as_json(self.beside([record]), int(self._switches["create_status"]))

    def _wish(self, call: Call) -> Json:
        if is_multipart(call):
            wish = nested(parts_of(call).fields).get(WRAPPER)
            return wish if isinstance(wish, dict) else {}
        wish = given(call, WRAPPER)
        if self._switches["call_json"] == "take":
            return wish
        if "note" in wish:
            raise Refusal(500, INTERNAL)
        return {key: value for key, value in wish.items() if key != "targetable"}

    def _parent(self, wish: Json, now: float) -> Record | None:
        """The record of the call; type and id are both needed, and whom the account does not know is made."""
        kind, target = PARENT_OF.get(str(wish.get("targetable_type"))), wish.get("targetable")
        if target is not None and not isinstance(target, dict):
            raise Refusal(500, INTERNAL)
        if kind is None or not target:
            return None
        if target.get("id") not in (None, ""):
            found = self._state.get(kind, id_in(target["id"]) or 0)
            if found is None:
                raise Refusal(404, "Record not found")
            return found
        person: Json = {key: target[key] for key in NEW_ONE if isinstance(target.get(key), str)}
        return self._records.create(kind, person, now=now, by_upsert=True) if person else None

    def _description(self, note: object) -> str:
        if isinstance(note, str):
            raise Refusal(500, INTERNAL)
        return str(note.get("description") or "") if isinstance(note, dict) else ""

    def _removed(self, call: Call, ids: Sequence[int]) -> Reply:
        if self._state.get(KIND, ids[0]) is None:
            raise Refusal(404, "Record not found")
        self._state.erase(KIND, ids[0])
        return as_json({"success": "200"})

    def beside(self, records: Sequence[Record]) -> Json:
        """Calls after the people, parents and notes that they name."""
        users = dict.fromkeys(record.body["user_id"] for record in records)
        parents: dict[str, dict[int, Json]] = {}
        for record in records:
            for target in record.body["targetables"]:
                kind = PARENT_OF[target["type"]]
                found = self._state.get(kind, target["id"])
                if found:
                    parents.setdefault(kind, {})[found.id] = self._shapes.partial(found)
        notes = [self._note(record) for record in records if "note" in record.body]
        return {
            "users": [user(self._catalog.people[number]) for number in users if number in self._catalog.people],
            **{kind: list(rows.values()) for kind, rows in parents.items()},
            "notes": notes,
            KIND: [self.shown(record) for record in records],
        }

    def shown(self, record: Record) -> Json:
        """One call; its moment is that of the writing, whenever the call was."""
        body = record.body
        return {
            "id": record.id,
            "call_direction": body["call_direction"],
            "status": "incoming" if body["call_direction"] else "outgoing",
            "conversation_time": self._shapes.moment(record.created),
            "cost": None,
            "is_manual": True,
            "is_external_recording_url": False,
            "recording_url": None,
            "call_duration": None,
            "note_id": body.get("note_id"),
            "root_phone_call_id": record.id,
            "user_id": body["user_id"],
            "targetable": self._targetable(body),
            "created_at": self._shapes.moment(record.created),
            "updated_at": self._shapes.moment(record.updated),
        }

    def _targetable(self, body: Mapping[str, list[Json]]) -> Json | None:
        first = next(iter(body["targetables"]), None)
        return {"type": KINDS[PARENT_OF[first["type"]]].wrapper, "id": first["id"]} if first else None

    def _note(self, record: Record) -> Json:
        body = record.body
        return {
            "id": body["note_id"],
            "description": body["note"],
            "created_at": self._shapes.moment(record.created),
            "updated_at": self._shapes.moment(record.updated),
            "creater_id": body["user_id"],
            "has_access": True,
            "source_id": record.id,
            "source_type": "PhoneCall",
            "targetables": body["targetables"],
        }


def _is_true(value: object) -> bool:
    """The direction is a boolean; the word ``incoming`` counts as false."""
    return value is True or value == "true"
