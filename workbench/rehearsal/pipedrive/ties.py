"""The records that a note, a file or a call hangs on: whether they exist, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeGuard

from workbench.rehearsal.engine import House, Json, Record
from workbench.rehearsal.pipedrive.answers import NO_SUCH_ID, Version, no

KINDS: Mapping[str, str] = {
    "deal_id": "deals",
    "person_id": "persons",
    "org_id": "organizations",
    "organization_id": "organizations",
    "product_id": "products",
    "activity_id": "activities",
    "lead_id": "leads",
    "project_id": "projects",
    "task_id": "tasks",
}
"""The key of a link, and the kind of record that it names."""
NAMES = {"deals": "title", "leads": "title", "activities": "subject"}


class Ties:
    """Looks up what is linked; leads by their UUID, everything else by number."""

    def __init__(self, house: House) -> None:
        self._state = house.state
        self._unknown = house.switches["unknown_link"]

    def checked(self, given: Mapping[str, object], keys: Sequence[str], version: Version = "v1") -> Json:
        """The links among ``given``, null and nothing left out; one that names nothing is refused, as the switch says."""
        links: Json = {}
        for key in keys:
            value = _as_id(key, given.get(key))
            if value is None:
                continue
            fits = isinstance(value, str) if key == "lead_id" else _is_id(value)
            if self._number(key, value) is None and not (fits and self._unknown == "accept"):
                no(version, 404 if self._unknown == "not_found" else 400, f"{_spoken(key)} with id {value} was not found")
            links[key] = value
        return links

    def record(self, key: str, value: object) -> Record | None:
        """The live record that a link names."""
        kind = KINDS[key]
        if kind == "leads":
            return self.lead(str(value))
        return self._state.get(kind, value) if _is_id(value) else None

    def _number(self, key: str, value: object) -> int | None:
        """The number of the live record that a link names, without a look into it."""
        kind = KINDS[key]
        if kind == "leads":
            lead = self.lead(str(value))
            return lead.id if lead else None
        return value if _is_id(value) and self._state.count("kind = ? AND id = ? AND deleted IS NULL", (kind, value)) else None

    def lead(self, uuid: str) -> Record | None:
        """A live lead by its UUID."""
        known = self._state.known("leads", "id", uuid.lower())
        return self._state.get("leads", known[0]) if known else None

    def parents(self, links: Json) -> list[tuple[str, int]]:
        """The linked records as the state hangs others on them."""
        found = ((KINDS[key], self._number(key, value)) for key, value in links.items() if key in KINDS)
        return [(kind, number) for kind, number in found if number is not None]

    def below(self, query: Mapping[str, str], keys: Sequence[str]) -> tuple[str, int] | None:
        """The live record that a query asks for by one of these links, so that only what hangs on it need be read."""
        for key in keys:
            number = self._number(key, _as_id(key, query.get(key)))
            if number is not None:
                return KINDS[key], number
        return None

    def name(self, links: Json, key: str) -> str | None:
        """What the linked record is called; deleted ones keep their name."""
        value = links.get(key)
        kind = KINDS[key]
        if kind == "leads":
            known = self._state.known("leads", "id", str(value)) if value else []
            value = known[0] if known else None
        record = self._state.get(kind, value, deleted=True) if isinstance(value, int) else None
        return str(record.body.get(NAMES.get(kind, "name"), "")) if record else None


def _as_id(key: str, value: object) -> object:
    """A link as it is kept: v1 takes numbers as text too, as forms send them."""
    if value in (None, "", 0):
        return None
    if key == "lead_id":
        return value.lower() if isinstance(value, str) else value
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _is_id(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= NO_SUCH_ID


def _spoken(key: str) -> str:
    word = key.removesuffix("_id")
    return {"org": "Organization"}.get(word, word.capitalize())
