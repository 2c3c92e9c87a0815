"""Freshsales notes, tasks, appointments and sales activities: what hangs on contacts, accounts and deals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from workbench.rehearsal.engine import House, Json, Record, Refusal, Traits
from workbench.rehearsal.freshsales.drafts import display_name
from workbench.rehearsal.freshsales.fields import Fields
from workbench.rehearsal.freshsales.reading import paging, words
from workbench.rehearsal.freshsales.shapes import Shapes, user
from workbench.rehearsal.freshsales.tenant import MODELS, Catalog
from workbench.rehearsal.freshsales.values import id_in, keys, moment_in, rows_in

DAY = 86400.0
PARENTS = {model: kind for kind, model in MODELS.items()}
SOURCES = {
    "owner_id": "owners",
    "sales_activity_type_id": "sales_activity_types",
    "sales_activity_outcome_id": "sales_activity_outcomes",
}
USER = "FdMultitenant::User"
SNAKE = {"Contact": "contact", "SalesAccount": "sales_account", "Deal": "deal", "Lead": "lead"}


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of activity: its wrapper, the keys it keeps, which of them are moments and which must be there."""

    wrapper: str
    kept: tuple[str, ...]
    moments: tuple[str, ...]
    required: tuple[str, ...]


FORMS: Mapping[str, Form] = {
    "notes": Form("note", ("description",), (), ("description",)),
    "tasks": Form(
        "task",
        ("title", "description", "due_date", "owner_id", "status", "task_type_id", "outcome_id", "completed_date"),
        ("due_date", "completed_date"),
        ("title", "due_date"),
    ),
    "appointments": Form(
        "appointment",
        ("title", "description", "from_date", "end_date", "time_zone", "location", "is_allday", "outcome_id"),
        ("from_date", "end_date"),
        ("title", "from_date", "end_date"),
    ),
    "sales_activities": Form(
        "sales_activity",
        keys(
            """title start_date end_date sales_activity_type_id sales_activity_outcome_id notes owner_id location status
            completed_date custom_field"""
        ),
        ("start_date", "end_date", "completed_date"),
        ("title", "sales_activity_type_id", "start_date", "end_date"),
    ),
}
SHOWN: Mapping[str, tuple[str, ...]] = {
    "notes": keys("id description created_at updated_at url duration creater_id has_access collab_context targetables"),
    "tasks": keys(
        """id status title description created_at updated_at owner_id due_date completed_date creater_id updater_id
        outcome_id task_type_id targetables"""
    ),
    "appointments": keys(
        """id time_zone title description location is_allday outcome_id from_date end_date created_at updated_at
        provider creater_id latitude longitude checkedin_at can_checkin_checkout checkedout_latitude
        checkedout_longitude checkedout_location checkedout_at checkedin_duration can_checkin conference_id
        targetables"""
    ),
    "sales_activities": keys(
        """id title start_date end_date sales_activity_type_id created_at updated_at notes owner_id
        sales_activity_outcome_id remote_id import_id creater_id updater_id conversation_time targetable_id
        targetable_type latitude longitude location checkedin_at conversation_id checkedout_latitude
        checkedout_longitude checkedout_location checkedout_at checkedin_duration custom_field completed_date status
        targetables"""
    ),
}
ASKED_FOR = ("appointment_attendee_ids", "user_ids", "targetable", "note_id")
"""Keys that only ``include`` puts on a row, in their order at its end (recorded, whatever the order of the words)."""
TOLD_ANYWAY: Mapping[str, tuple[str, ...]] = {"appointments": ("appointment_attendees", "conference", "note")}
"""What a single activity loads unasked; in a list it must be asked for."""
TOLD_OF_CHANGE: Mapping[str, tuple[str, ...]] = {"tasks": ("users", "targetable"), "appointments": ("targetable",)}
"""What the recorded answers to a change load besides."""
DEFAULTS: Mapping[str, Json] = {
    "notes": {"has_access": True, "collab_context": {"hasSlackViewAccess": False, "messageId": ""}},
    "tasks": {"status": 0},
    "appointments": {
        "provider": "freshsales",
        "is_allday": False,
        "can_checkin_checkout": True,
        "can_checkin": True,
    },
    "sales_activities": {"status": False, "custom_field": {}},
}


class Activities:
    """Creates, changes, deletes and lists activities; author and time of writing are the server's."""

    def __init__(self, house: House, catalog: Catalog, fields: Fields, shapes: Shapes) -> None:
        self._state = house.state
        self._switches = house.switches
        self._catalog = catalog
        self._shapes = shapes

    def create(self, kind: str, given: Json, now: float) -> Record:
        user_id = self._catalog.api_user
        body = {"creater_id": user_id, "updater_id": user_id, **self._body(kind, given, {})}
        if "owner_id" in FORMS[kind].kept:
            body.setdefault("owner_id", user_id)
        if kind == "tasks":
            body.setdefault("user_ids", [body["owner_id"]])
        record = Record(kind, self._state.next_id(kind), body, created=now, updated=now)
        self._state.save(record, self._traits(record), new=True)
        return record

    def update(self, kind: str, number: int, given: Json, now: float) -> Record:
        record = self.live(kind, number)
        changed = replace(record, body=self._body(kind, given, record.body), updated=now)
        self._state.save(changed, self._traits(changed), new=False)
        return changed

    def delete(self, kind: str, number: int) -> None:
        self.live(kind, number)
        self._state.erase(kind, number)

    def live(self, kind: str, number: int) -> Record:
        record = self._state.get(kind, number)
        if record is None:
            raise Refusal(404, "Record not found")
        return record

    def _body(self, kind: str, given: Json, before: Json) -> Json:
        form, problems = FORMS[kind], []
        body = dict(before)
        for key in form.kept:
            if key not in given or (key == "completed_date" and self._switches["completed_date"] == "ignored"):
                continue
            body[key] = given[key]
            if key in form.moments and given[key] not in (None, ""):
                body[key] = moment_in(given[key], self._catalog.zone)
                if body[key] is None:
                    problems.append(f"{_words(key)} is invalid")
        body["targetables"] = self._targets(given, problems) or before.get("targetables", [])
        problems += self._choices(given)
        self._people(kind, given, body, problems)
        problems += [f"{_words(key)} can't be blank" for key in form.required if body.get(key) in (None, "")]
        if not body["targetables"]:
            problems.append("Targetable can't be blank")
        if problems:
            raise Refusal(400, *problems)
        return {key: value for key, value in body.items() if value not in (None, "", [], {})}

    def _targets(self, given: Json, problems: list[str]) -> list[Json]:
        rows = rows_in(given.get("targetables"))
        if rows is None:
            rows = (
                [{"id": given.get("targetable_id"), "type": given.get("targetable_type")}] if given.get("targetable_id") else []
            )
        targets = []
        for row in rows:
            model, number = str(row.get("type")), id_in(row.get("id"))
            if model not in PARENTS or number is None or self._state.get(PARENTS[model], number) is None:
                problems.append("Targetable is invalid")
            else:
                targets.append({"id": number, "type": model})
        return targets

    def _people(self, kind: str, given: Json, body: Json, problems: list[str]) -> None:
        """Who shares a task, and who attends an appointment."""
        shared = rows_in(given.get("task_users_attributes")) if kind == "tasks" else None
        if shared:
            numbers = [id_in(row.get("user_id")) for row in shared]
            if not all(number in self._catalog.people for number in numbers):
                problems.append("Task users is invalid")
            body["user_ids"] = list(dict.fromkeys(numbers))
        attendees = rows_in(given.get("appointment_attendees_attributes")) if kind == "appointments" else None
        if attendees is None:
            return
        body["attendees"] = [self._attendee(row, problems) for row in attendees if not row.get("_destroy")]

    def _attendee(self, row: Json, problems: list[str]) -> Json:
        model, number = str(row.get("attendee_type")), id_in(row.get("attendee_id")) or 0
        user_known = model == USER and number in self._catalog.people
        if not user_known and (model != "Contact" or self._state.get("contacts", number) is None):
            problems.append("Appointment attendees is invalid")
        return {"id": self._state.next_id("attendees"), "attendee_type": model, "attendee_id": number}

    def _choices(self, given: Json) -> list[str]:
        wrong = [
            key
            for key, source in SOURCES.items()
            if given.get(key) is not None and id_in(given[key]) not in self._catalog.ids(source)
        ]
        return [f"{_words(key)} is invalid" for key in wrong]

    def _traits(self, record: Record) -> Traits:
        parents = [(PARENTS[row["type"]], row["id"]) for row in record.body["targetables"]]
        status = str(record.body.get("status", 0)) if record.kind == "tasks" else None
        return Traits(label=str(record.body.get("title", "")).lower(), facet=status, parents=parents)

    def one(self, record: Record, query: Mapping[str, str], *, changed: bool = False) -> Json:
        """A single activity after what ``include`` loads beside it, and what is told of it anyway."""
        kind, row = record.kind, self.shown(record)
        more = TOLD_OF_CHANGE.get(kind, ()) if changed else ()
        sides = self._sides(kind, [record], [row], [*words(query), *more, *TOLD_ANYWAY.get(kind, ())])
        if kind == "appointments":  # recorded: attendees first, what else was asked for in between
            last = {name: sides.pop(name) for name in ("conferences", "notes")}
            sides = {"appointment_attendees": sides.pop("appointment_attendees"), **sides, **last}
        return {**sides, FORMS[kind].wrapper: _in_order(row)}

    def shown(self, record: Record) -> Json:
        kind, body = record.kind, record.body
        shown = {key: body.get(key, DEFAULTS[kind].get(key)) for key in SHOWN[kind]}
        for key in FORMS[kind].moments:
            shown[key] = self._shapes.moment(body.get(key))
        shown |= {
            "id": record.id,
            "created_at": self._shapes.moment(record.created),
            "updated_at": self._shapes.moment(record.updated),
        }
        if kind == "tasks" and self._switches["completed_date"] == "ignored":
            shown["completed_date"] = None
        if kind == "sales_activities":
            first = body["targetables"][0]
            shown |= {"conversation_time": shown["end_date"], "targetable_id": first["id"], "targetable_type": first["type"]}
        return shown

    def of_parent(self, parent: Record, kind: str, query: Mapping[str, str]) -> Json:
        """The activities of one kind that hang on a record, newest first."""
        where = (
            "kind = ? AND deleted IS NULL AND id IN (SELECT child FROM link WHERE kind = ? AND parent = ? AND child_kind = ?)"
        )
        return self._page(kind, where, (kind, parent.kind, parent.id, kind), query, pages=kind in ("notes", "sales_activities"))

    def listed(self, kind: str, query: Mapping[str, str], now: float) -> Json:
        """Tasks and appointments by their one filter, sales activities all; tasks and appointments tell no total_pages."""
        due = "json_extract(body, '$.due_date')"
        today = now - now % DAY
        filters: Mapping[str, tuple[str, tuple[object, ...]]] = {
            "open": ("facet <> '1'", ()),
            "completed": ("facet = '1'", ()),
            "due_today": (f"facet <> '1' AND {due} >= ? AND {due} < ?", (today, today + DAY)),
            "due_tomorrow": (f"facet <> '1' AND {due} >= ? AND {due} < ?", (today + DAY, today + 2 * DAY)),
            "overdue": (f"facet <> '1' AND {due} < ?", (now,)),
            "past": ("json_extract(body, '$.end_date') < ?", (now,)),
            "upcoming": ("json_extract(body, '$.end_date') >= ?", (now,)),
        }
        if kind == "sales_activities":
            return self._page(kind, "kind = ? AND deleted IS NULL", (kind,), query, pages=True)
        allowed = (
            ("past", "upcoming") if kind == "appointments" else ("open", "completed", "due_today", "due_tomorrow", "overdue")
        )
        if query.get("filter") not in allowed:
            raise Refusal(400, "filter is invalid")
        condition, values = filters[query["filter"]]
        return self._page(kind, f"kind = ? AND deleted IS NULL AND {condition}", (kind, *values), query, pages=False)

    def _page(self, kind: str, where: str, values: tuple[object, ...], query: Mapping[str, str], *, pages: bool) -> Json:
        page, size = paging(query)
        records = self._state.select(where, values, order="id DESC", limit=size, offset=(page - 1) * size)
        total = self._state.count(where, values)
        rows = [self.shown(record) for record in records]
        sides = self._sides(kind, records, rows, words(query))
        meta = {"total_pages": -(-total // size), "total": total} if pages else {"total": total}
        return {**sides, kind: [_in_order(row) for row in rows], "meta": meta}

    def _sides(self, kind: str, records: list[Record], rows: list[Json], include: list[str]) -> Json:
        """Collections beside the activities, in the order of the words that ask for them."""
        sides: dict[str, list[Json]] = {}
        for word in include:
            if word in ("owner", "creater", "updater", "users"):
                sides["users"] = _merged(sides.get("users", []), self._users(records, rows, word))
            elif word in TOLD_ANYWAY.get(kind, ()):
                name = word if word.endswith("s") else f"{word}s"
                sides[name] = [one for record, row in zip(records, rows, strict=True) for one in _told(word, record, row)]
            elif word == "targetable":
                for row in rows:
                    side, parent = self._targetable(row)
                    if parent:
                        sides[side] = _merged(sides.get(side, []), [parent])
        return sides

    def _users(self, records: list[Record], rows: list[Json], word: str) -> list[Json]:
        if word == "users":
            for record, row in zip(records, rows, strict=True):
                row["user_ids"] = record.body.get("user_ids", [])
            numbers = [number for row in rows for number in row["user_ids"]]
        else:
            numbers = [record.body.get(f"{word}_id") for record in records]
        known = self._catalog.people
        return [user(known[number]) for number in dict.fromkeys(numbers) if number is not None and number in known]

    def _targetable(self, row: Json) -> tuple[str, Json | None]:
        """Puts the first parent on a row, and gives the parent as it stands beside activities."""
        first = row["targetables"][0]
        row["targetable"] = {"type": SNAKE[first["type"]], "id": first["id"]}
        kind = PARENTS[first["type"]]
        parent = self._state.get(kind, first["id"])
        return kind, _brief(parent) if parent else None


def _told(word: str, record: Record, row: Json) -> list[Json]:
    """Puts on an appointment the key of one word, and gives the rows beside it; nobody makes conferences or notes of one."""
    attendees: list[Json] = record.body.get("attendees", []) if word == "appointment_attendees" else []
    if word == "appointment_attendees":
        row["appointment_attendee_ids"] = [attendee["id"] for attendee in attendees]
    if word == "note":
        row["note_id"] = None
    return attendees


def _in_order(row: Json) -> Json:
    last = {name: row.pop(name) for name in ASKED_FOR if name in row}
    return row | last


def _brief(parent: Record) -> Json:
    body, kind = parent.body, parent.kind
    brief: Json = {"id": parent.id, "avatar": None}
    if kind in ("contacts", "leads"):
        brief |= {"display_name": display_name(kind, body)}
        brief |= {key: body.get(key) for key in ("first_name", "last_name")}
        brief["email"] = next((row["value"] for row in body.get("emails", []) if row["is_primary"]), None)
        return brief | {key: body.get(key) for key in ("work_number", "mobile_number")}
    brief["name"] = body.get("name")
    return brief | ({"deal_pipeline_id": body.get("deal_pipeline_id")} if kind == "deals" else {})


def _merged(known: list[Json], more: list[Json]) -> list[Json]:
    return list({row["id"]: row for row in [*known, *more]}.values())


def _words(key: str) -> str:
    return key.removesuffix("_id").replace("_", " ").capitalize()
