"""Persons: names in two forms, lists of e-mail addresses and numbers, one organization."""

from __future__ import annotations

import re
from collections.abc import Sequence

from workbench.rehearsal.engine import Json, Refusal, Traits
from workbench.rehearsal.pipedrive.answers import invalid, refused
from workbench.rehearsal.pipedrive.links import Links
from workbench.rehearsal.pipedrive.shapes import (
    Check,
    Shape,
    anything,
    boolean,
    integer,
    list_of,
    nullable,
    object_of,
    one_of,
    text,
)
from workbench.rehearsal.pipedrive.stamps import clearable_day, whole_address, written_moment

CONTACT_SYNC = ("postal_address", "notes", "im", "birthday", "job_title")
LONGEST_NOTES = 10_000
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
MARKETING = ("no_consent", "unsubscribed", "subscribed", "archived")
LIST = list_of(object_of(Shape({"value": text, "primary": boolean, "label": text}, required=("value",))))
LABELS: Check = list_of(integer)
SHARED: dict[str, Check] = {
    "owner_id": integer,
    "add_time": written_moment,
    "visible_to": integer,
    "label_ids": LABELS,
    "custom_fields": object_of(Shape({}, open=True)),
}
"""Keys that persons and organizations share."""
KEYS: dict[str, Check] = {
    "name": text,
    "first_name": nullable(text),
    "last_name": nullable(text),
    "org_id": nullable(integer),
    "emails": LIST,
    "phones": LIST,
    "marketing_status": one_of(*MARKETING),
    "postal_address": anything,
    "notes": nullable(text),
    "im": anything,
    "birthday": nullable(clearable_day),
    "job_title": nullable(text),
    **SHARED,
}
SHAPE = Shape(KEYS)


class Persons:
    """The rules of persons."""

    name = "persons"
    object = "person"
    parts: Sequence[str] = ("pictures",)

    def __init__(self, links: Links) -> None:
        self._links = links
        self._switches = links.switches

    def draft(self, given: Json, old: Json, now: float) -> Json:
        self._features(given)
        body = {**old, **self._names(given, old)}
        for key in ("emails", "phones"):
            if key in given:
                body[key] = self._contacts(key, given[key])
        if "org_id" in given:
            self._links.check("org_id", "organizations", given["org_id"])
            body["org_id"] = given["org_id"]
        if "label_ids" in given:
            body["label_ids"] = self._links.labels(self.object, given["label_ids"])
        body |= {key: given[key] for key in ("marketing_status", "notes", "im", "birthday", "job_title") if key in given}
        if "postal_address" in given:
            body["postal_address"] = _address(given["postal_address"])
        body["owner_id"] = self._links.owner(given, old)
        body["visible_to"] = self._links.visibility(given, old)
        body["custom_fields"] = self._links.custom(self.object, given, old)
        return body

    def _features(self, given: Json) -> None:
        """What needs contact sync or Campaigns is refused without them."""
        if not self._switches.on("contact_sync"):
            self._refuse_feature([key for key in CONTACT_SYNC if key in given], "contact sync")
        if not self._switches.on("campaigns"):
            self._refuse_feature([key for key in ("marketing_status",) if key in given], "Campaigns")
        if isinstance(given.get("notes"), str) and len(given["notes"]) > LONGEST_NOTES:
            invalid([f"notes: The value is longer than {LONGEST_NOTES} characters"])

    def _refuse_feature(self, keys: list[str], feature: str) -> None:
        if keys:
            text_ = f"{keys[0]}: This field is only available with {feature} enabled"
            raise Refusal(403, text_, reply=refused("v2", 403, text_))

    def _names(self, given: Json, old: Json) -> Json:
        """A first or last name makes the name, and a name is split into the two."""
        if "first_name" in given or "last_name" in given:
            parts = {key: given.get(key, old.get(key)) for key in ("first_name", "last_name")}
            if not old and not given.get("name") and not all(parts.values()):
                invalid(["name: The value is required, or both first_name and last_name"])
            name = " ".join(part for part in parts.values() if part) or given.get("name")
            if not name:
                invalid(["name: The value is required"])
            return {"name": name, **parts}
        if "name" not in given and old:
            return {}
        name = str(given.get("name") or "").strip()
        if not name:
            invalid(["name: The value is required"])
        first, _, last = name.partition(" ")
        return {"name": name, "first_name": first, "last_name": last.strip() or None}

    def _contacts(self, key: str, rows: list[Json]) -> list[Json]:
        """Each with a label, and just one of them the primary one."""
        primary = [place for place, row in enumerate(rows) if row.get("primary")]
        if len(primary) > 1:
            invalid([f"{key}: Only one value can be primary"])
        chosen = primary[0] if primary else 0
        if key == "emails" and self._switches["email_syntax"] == "reject":
            wrong = [row["value"] for row in rows if not ADDRESS.fullmatch(row["value"])]
            if wrong:
                invalid([f"{key}: The value '{wrong[0]}' is not a valid email address"])
        return [
            {"value": row["value"], "primary": place == chosen, "label": row.get("label", "work")}
            for place, row in enumerate(rows)
        ]

    def shown(self, body: Json) -> Json:
        synced = {key: body.get(key) for key in CONTACT_SYNC} if self._switches.on("contact_sync") else {}
        return {
            "name": body["name"],
            "first_name": body.get("first_name"),
            "last_name": body.get("last_name"),
            "owner_id": body["owner_id"],
            "org_id": body.get("org_id"),
            "emails": body.get("emails", []),
            "phones": body.get("phones", []),
            "visible_to": body["visible_to"],
            "label_ids": body.get("label_ids", []),
            "picture_id": body.get("picture_id"),
            **synced,
        }

    def traits(self, body: Json) -> Traits:
        org = [("organizations", body["org_id"])] if body.get("org_id") else []
        return Traits(body["name"].lower(), owner=body["owner_id"], parents=org)

    def severed(self, body: Json, kind: str, number: int) -> Json:
        gone = kind == "organizations" and body.get("org_id") == number
        return {key: value for key, value in body.items() if not (gone and key == "org_id")}


def _address(given: object) -> Json | None:
    if given is None:
        return None
    if not isinstance(given, dict) or not given.get("value"):
        invalid(["postal_address: value: The value is required"])
    return whole_address(given)
