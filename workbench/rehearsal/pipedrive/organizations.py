"""Organizations: a name, an address that is replaced as a whole, and a profile where the account has one."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.rehearsal.engine import Json, Refusal, Traits
from workbench.rehearsal.pipedrive.answers import invalid, refused
from workbench.rehearsal.pipedrive.builtin import INDUSTRIES
from workbench.rehearsal.pipedrive.links import Links
from workbench.rehearsal.pipedrive.persons import SHARED
from workbench.rehearsal.pipedrive.shapes import Check, Shape, integer, nullable, object_of, text
from workbench.rehearsal.pipedrive.stamps import ADDRESS_PARTS, whole_address

PROFILE = ("website", "linkedin", "industry", "annual_revenue", "employee_count")
PLACE: Check = object_of(Shape({part: nullable(text) for part in ADDRESS_PARTS}, required=("value",)))
"""An address or a location."""
KEYS: dict[str, Check] = {
    "name": text,
    "address": nullable(PLACE),
    "website": nullable(text),
    "linkedin": nullable(text),
    "industry": nullable(integer),
    "annual_revenue": nullable(integer),
    "employee_count": nullable(integer),
    **SHARED,
}
SHAPE = Shape(KEYS, required=("name",))
PATCH = Shape(KEYS)


class Organizations:
    """The rules of organizations."""

    name = "organizations"
    object = "organization"
    parts: Sequence[str] = ("organizationRelationships",)

    def __init__(self, links: Links) -> None:
        self._links = links
        self._profile = links.switches.on("profile_fields")

    def draft(self, given: Json, old: Json, now: float) -> Json:
        body = {**old, **self._named(given), **self._profiled(given)}
        if "address" in given:
            body["address"] = whole_address(given["address"]) if given["address"] else None
        if "label_ids" in given:
            body["label_ids"] = self._links.labels(self.object, given["label_ids"])
        body["owner_id"] = self._links.owner(given, old)
        body["visible_to"] = self._links.visibility(given, old)
        body["custom_fields"] = self._links.custom(self.object, given, old)
        return body

    def _named(self, given: Json) -> Json:
        if "name" not in given:
            return {}
        if not given["name"].strip():
            invalid(["name: The value is required"])
        return {"name": given["name"].strip()}

    def _profiled(self, given: Json) -> Json:
        """The profile; without the feature nothing of it can be sent."""
        sent = {key: given[key] for key in PROFILE if key in given}
        if sent and not self._profile:
            words = f"{next(iter(sent))}: This field is not available for this account"
            raise Refusal(403, words, reply=refused("v2", 403, words))
        if sent.get("industry") is not None and not 1 <= sent["industry"] <= len(INDUSTRIES):
            invalid([f"industry: Unknown option '{sent['industry']}'"])
        return sent

    def shown(self, body: Json) -> Json:
        profile = {key: body.get(key) for key in PROFILE} if self._profile else {}
        return {
            "name": body["name"],
            "owner_id": body["owner_id"],
            "visible_to": body["visible_to"],
            "address": body.get("address"),
            "label_ids": body.get("label_ids", []),
            **profile,
        }

    def traits(self, body: Json) -> Traits:
        return Traits(body["name"].lower(), owner=body["owner_id"])

    def severed(self, body: Json, kind: str, number: int) -> Json:
        return body
