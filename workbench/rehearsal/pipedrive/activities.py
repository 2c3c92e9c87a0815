"""Activities: one type of the account, at most one of deal, lead and project, and persons through participants."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.rehearsal.engine import Json, Traits
from workbench.rehearsal.pipedrive.answers import invalid
from workbench.rehearsal.pipedrive.links import Links
from workbench.rehearsal.pipedrive.organizations import PLACE
from workbench.rehearsal.pipedrive.shapes import (
    Check,
    Shape,
    boolean,
    clock,
    integer,
    list_of,
    nullable,
    object_of,
    text,
)
from workbench.rehearsal.pipedrive.stamps import clearable_day, kept_day, shown_moment, whole_address

LONGEST_NOTE = 100 * 1024
"""Bytes of a note."""
PARTICIPANT = object_of(Shape({"person_id": integer, "primary": boolean}, required=("person_id",)))
ATTENDEE = object_of(
    Shape(
        {
            "email": nullable(text),
            "name": nullable(text),
            "status": nullable(text),
            "is_organizer": boolean,
            "person_id": nullable(integer),
            "user_id": nullable(integer),
        }
    )
)
SHAPE = Shape(
    {
        "subject": text,
        "type": text,
        "owner_id": integer,
        "deal_id": nullable(integer),
        "lead_id": nullable(text),
        "org_id": nullable(integer),
        "project_id": nullable(integer),
        "due_date": clearable_day,
        "due_time": nullable(text),
        "duration": nullable(text),
        "busy": boolean,
        "done": boolean,
        "location": nullable(PLACE),
        "participants": list_of(PARTICIPANT),
        "attendees": list_of(ATTENDEE),
        "public_description": nullable(text),
        "priority": nullable(integer),
        "note": nullable(text),
        "outcome": nullable(text),
    }
)
PLAIN = ("public_description", "priority", "outcome", "attendees")
RANKED: dict[str, str] = {"deal_id": "deals", "lead_id": "leads", "project_id": "projects"}
"""Only one of these stays: the first that is there."""
TIME_FORMS = {"HH:MM": (5,), "HH:MM:SS": (8,), "both": (5, 8)}
CLOCK: Check = clock


class Activities:
    """The rules of activities."""

    name = "activities"
    object = "activity"
    parts: Sequence[str] = ()

    def __init__(self, links: Links) -> None:
        self._links = links
        self._account = links.account

    def draft(self, given: Json, old: Json, now: float) -> Json:
        body = {**old, **self._told(given), **self._noted(given), **self._timed(given)}
        body["type"] = self._type(given, old)
        body["subject"] = self._subject(given, old, body["type"])
        body |= self._linked(given, old)
        if "participants" in given:
            body["participants"] = self._participants(given["participants"])
        if "location" in given:
            body["location"] = whole_address(given["location"]) if given["location"] else None
        if "due_date" in given:
            body["due_date"] = kept_day(given["due_date"])
        if "busy" in given:
            body["busy"] = given["busy"]
        if "done" in given:
            body["done"] = given["done"] or None
            body["marked_as_done_time"] = (old.get("marked_as_done_time") or now) if given["done"] else None
        body["creator_user_id"] = old.get("creator_user_id", self._account.me["id"])
        body["owner_id"] = self._links.owner(given, old)
        return body

    def _told(self, given: Json) -> Json:
        """What is kept as it comes; an outcome only where the account has one."""
        if "outcome" in given and not self._links.switches.on("activity_outcome"):
            invalid(["outcome: Parameter 'outcome' is not allowed for this request"])
        return {key: given[key] for key in PLAIN if key in given}

    def _noted(self, given: Json) -> Json:
        note = given.get("note")
        if note and len(note.encode()) > LONGEST_NOTE:
            invalid(["note: The value is larger than 100 KB"])
        return {"note": note} if "note" in given else {}

    def _timed(self, given: Json) -> Json:
        lengths = TIME_FORMS[self._links.switches["due_time_form"]]
        sent: Json = {key: given[key] or None for key in ("due_time", "duration") if key in given}
        for key, value in sent.items():
            if value and (CLOCK(value) or len(value) not in lengths):
                invalid([f"{key}: The value is not a valid 'time'"])
        return sent

    def _type(self, given: Json, old: Json) -> str:
        """The key of an activity type; the first one of the account unless one is named."""
        types = [row["key_string"] for row in self._account.activity_types()]
        if not given.get("type"):
            return str(old.get("type") or ("call" if "call" in types or not types else types[0]))
        if given["type"] not in types and self._links.switches["unknown_activity_type"] == "reject":
            invalid([f"type: Activity type '{given['type']}' does not exist"])
        return str(given["type"])

    def _subject(self, given: Json, old: Json, type_: str) -> str:
        if given.get("subject"):
            return str(given["subject"])
        names = {row["key_string"]: row["name"] for row in self._account.activity_types()}
        return str(old.get("subject") or names.get(type_, type_))

    def _linked(self, given: Json, old: Json) -> Json:
        for key, kind in {**RANKED, "org_id": "organizations"}.items():
            if key in given:
                self._links.check(key, kind, given[key])
        merged = {key: given.get(key, old.get(key)) for key in RANKED}
        first = next((key for key, value in merged.items() if value is not None), None)
        ranked = {key: value if key == first else None for key, value in merged.items()}
        return {**ranked, "org_id": given.get("org_id", old.get("org_id"))}

    def _participants(self, rows: list[Json]) -> list[Json]:
        """Each person once, and just one of them the primary one."""
        for row in rows:
            self._links.check("participants", "persons", row["person_id"])
        primary = {row["person_id"] for row in rows if row.get("primary")}
        if len(primary) > 1:
            invalid(["participants: Only one participant can be primary"])
        people = list(dict.fromkeys(row["person_id"] for row in rows))
        chosen = next(iter(primary), people[0] if people and self._links.switches["activity_primary"] == "first" else None)
        return [{"person_id": person, "primary": person == chosen} for person in people]

    def shown(self, body: Json) -> Json:
        return {
            "subject": body["subject"],
            "type": body["type"],
            "owner_id": body["owner_id"],
            "creator_user_id": body["creator_user_id"],
            "deal_id": body.get("deal_id"),
            "lead_id": body.get("lead_id"),
            "person_id": primary_of(body),
            "org_id": body.get("org_id"),
            "project_id": body.get("project_id"),
            "due_date": body.get("due_date"),
            "due_time": body.get("due_time"),
            "duration": body.get("duration"),
            "busy": body.get("busy", False),
            "done": body.get("done", False),
            "marked_as_done_time": shown_moment(body.get("marked_as_done_time")),
            "location": body.get("location"),
            "participants": body.get("participants", []),
            "conference_meeting_client": None,
            "conference_meeting_url": None,
            "conference_meeting_id": None,
            "public_description": body.get("public_description"),
            "priority": body.get("priority"),
            "note": body.get("note"),
            **({"outcome": body.get("outcome")} if self._links.switches.on("activity_outcome") else {}),
        }

    def traits(self, body: Json) -> Traits:
        parents = [("persons", row["person_id"]) for row in body.get("participants", [])]
        parents += [(kind, body[key]) for key, kind in (("deal_id", "deals"), ("org_id", "organizations")) if body.get(key)]
        idents = [("lead_id", body["lead_id"])] if body.get("lead_id") else []
        facet = "done" if body.get("done") else "to do"
        return Traits(body["subject"].lower(), owner=body["owner_id"], facet=facet, idents=idents, parents=parents)

    def severed(self, body: Json, kind: str, number: int) -> Json:
        left = dict(body)
        for key, name in (("deal_id", "deals"), ("org_id", "organizations")):
            if kind == name and left.get(key) == number:
                del left[key]
        if kind == "persons":
            left["participants"] = [row for row in body.get("participants", []) if row["person_id"] != number]
        return left


def primary_of(body: Json) -> int | None:
    """The person of an activity: its primary participant."""
    return next((row["person_id"] for row in body.get("participants", []) if row["primary"]), None)
