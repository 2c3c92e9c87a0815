"""What happened to a Freshsales record, newest first: the feed of activities, and the conversations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from workbench.rehearsal.engine import Call, House, Json, Record, Reply, as_json
from workbench.rehearsal.freshsales.activities import FORMS, SNAKE, Activities
from workbench.rehearsal.freshsales.answers import Handler
from workbench.rehearsal.freshsales.calls import Calls
from workbench.rehearsal.freshsales.drafts import display_name
from workbench.rehearsal.freshsales.reading import paging, words
from workbench.rehearsal.freshsales.records import Records
from workbench.rehearsal.freshsales.shapes import Shapes, user
from workbench.rehearsal.freshsales.tenant import MODELS, Catalog

MODEL_OF = {
    **MODELS,
    "notes": "Note",
    "tasks": "Task",
    "appointments": "Appointment",
    "sales_activities": "SalesActivity",
    "phone_calls": "PhoneCall",
    "documents": "Document",
    "document_links": "DocumentLink",
}
SPOKEN = ("phone_calls", "sales_activities")
"""What counts as a conversation; e-mails would too, but the API cannot write any."""
TOLD = ("title", "description", "name", "due_date", "from_date", "end_date", "start_date", "time_zone", "call_direction")
MOMENTS = ("due_date", "from_date", "end_date", "start_date")


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a feed: the record that it speaks of, and whether it was made or changed."""

    record: Record
    action: str
    at: float


class Feed:
    """Tells what was written on a record and its activities, as far as it still stands."""

    def __init__(
        self, house: House, catalog: Catalog, records: Records, shapes: Shapes, activities: Activities, calls: Calls
    ) -> None:
        self._state = house.state
        self._catalog = catalog
        self._records = records
        self._shapes = shapes
        self._activities = activities
        self._calls = calls

    def routes(self) -> Iterable[tuple[str, Handler]]:
        for kind in MODELS if self._catalog.classic else [name for name in MODELS if name != "leads"]:
            for path in ("activities", "activities.json"):
                yield f"GET {kind}/#/{path}", self._feed_of(kind)
            yield f"GET {kind}/#/conversations/all", self._conversations_of(kind)

    def _feed_of(self, kind: str) -> Handler:
        def told(call: Call, ids: Sequence[int]) -> Reply:
            parent = self._records.live(kind, ids[0])
            events = self._events(parent)
            page, size = paging(call.query)
            shown = events[(page - 1) * size : page * size]
            rows = [self._line(event, parent) for event in shown]
            people = dict.fromkeys(row["user_id"] for row in rows)
            users = [self._brief(number) for number in people if number in self._catalog.people]
            sides: Json = {"users": users} if "user" in words(call.query) else {}
            meta = {"has_next": page * size < len(events), "has_previous": page > 1}
            return as_json({**sides, "activities": rows, "meta": meta})

        return told

    def _events(self, parent: Record) -> list[Event]:
        everything = [parent, *(record for kind in MODEL_OF if kind not in MODELS for record in self._children(parent, kind))]
        events = [Event(record, "create", record.created) for record in everything]
        events += [Event(record, "update", record.updated) for record in everything if record.updated > record.created]
        return sorted(events, key=lambda event: (event.at, event.record.id), reverse=True)

    def _children(self, parent: Record, kind: str) -> list[Record]:
        found = (self._state.get(kind, number) for number in self._state.children(parent.kind, parent.id, kind))
        return [record for record in found if record is not None]

    def _line(self, event: Event, parent: Record) -> Json:
        record = event.record
        model = MODEL_OF[record.kind]
        own = record.kind == parent.kind
        return {
            "composite_id": f"{model.lower()}_{record.id}_{event.action}",
            "action_data": {} if own else self._told(record.body),
            "action_type": f"{model}_{event.action}".lower(),
            "created_at": self._shapes.moment(event.at),
            "user_activity": True,
            "targetable_type": MODELS[parent.kind],
            "targetable_id": parent.id,
            "actionable_type": model,
            "actionable_id": record.id,
            "targetable_name": display_name(parent.kind, parent.body),
            "user_id": record.body.get("updater_id" if event.action == "update" else "creater_id", self._catalog.api_user),
        }

    def _told(self, body: Mapping[str, object]) -> Json:
        told: Json = {key: body[key] for key in TOLD if key in body}
        return {key: self._shapes.moment(value) if key in MOMENTS else value for key, value in told.items()}

    def _brief(self, number: int) -> Json:
        row = self._catalog.people[number]
        return {"id": row["id"], "display_name": row["display_name"], "email": row["email"]}

    def _conversations_of(self, kind: str) -> Handler:
        def told(call: Call, ids: Sequence[int]) -> Reply:
            parent = self._records.live(kind, ids[0])
            spoken = [record for own in SPOKEN for record in self._children(parent, own)]
            spoken.sort(key=lambda record: (self._moment(record), record.id), reverse=True)
            page, size = paging(call.query)
            shown = spoken[(page - 1) * size : page * size]
            rows = [{"type": MODEL_OF[record.kind], **self._shown(record)} for record in shown]
            meta = {"total_pages": -(-len(spoken) // size), "total": len(spoken)}
            return as_json({**self._sides(shown, words(call.query)), "conversations": rows, "meta": meta})

        return told

    def _moment(self, record: Record) -> float:
        return float(record.body.get("end_date", record.created)) if record.kind in FORMS else record.created

    def _shown(self, record: Record) -> Json:
        if record.kind in FORMS:
            first = record.body["targetables"][0]
            return {**self._activities.shown(record), "targetable": {"type": SNAKE[first["type"]], "id": first["id"]}}
        return self._calls.shown(record)

    def _sides(self, shown: Sequence[Record], include: Sequence[str]) -> Json:
        sides: Json = {}
        if "user" in include:
            numbers = dict.fromkeys(record.body.get("user_id", record.body.get("creater_id")) for record in shown)
            sides["users"] = [user(self._catalog.people[n]) for n in numbers if n is not None and n in self._catalog.people]
        if "note" in include:
            sides["notes"] = self._calls.beside([record for record in shown if record.kind == "phone_calls"])["notes"]
        return sides
