"""What a record may point at: users, other records, labels, and who may see it; refused in the vendor's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from workbench.rehearsal.engine import House, Json, Refusal
from workbench.rehearsal.pipedrive.account import Account
from workbench.rehearsal.pipedrive.answers import Version, broken, invalid, missing
from workbench.rehearsal.pipedrive.fields import Fields

TITLES = {
    "deals": "Deal",
    "persons": "Person",
    "organizations": "Organization",
    "activities": "Activity",
    "products": "Product",
    "leads": "Lead",
    "users": "User",
    "projects": "Project",
}
"""The objects as refusals call them."""


class Links:
    """The checks of everything that names something else."""

    def __init__(self, house: House, account: Account, fields: Fields) -> None:
        self.state = house.state
        self.switches = house.switches
        self.account = account
        self.fields = fields

    def check(self, key: str, kind: str, number: object) -> None:
        """Refuse an id that names nothing, as the switch says."""
        if number is None or self.switches["unknown_link"] == "accept" or self._there(kind, number):
            return
        if self.switches["unknown_link"] == "not_found":
            self.missing("v2", kind)
        invalid([f"{key}: {TITLES[kind]} {number} does not exist"])

    def _there(self, kind: str, number: object) -> bool:
        if kind == "users":
            return number in self.account.users
        if kind == "leads":
            return any(self.state.get("leads", place) for place in self.state.known("leads", "id", str(number).lower()))
        return isinstance(number, int) and self.state.count("kind = ? AND id = ? AND deleted IS NULL", (kind, number)) > 0

    def missing(self, version: Version, kind: str) -> NoReturn:
        """Refuse: there is no such record."""
        missing(version, TITLES[kind], self.switches)

    def owner(self, given: Json, old: Json) -> int:
        """The owner after a write: the token's user unless one is named."""
        if given.get("owner_id") is not None:
            self.check("owner_id", "users", given["owner_id"])
            return int(given["owner_id"])
        return int(old.get("owner_id") or self.account.me["id"])

    def visibility(self, given: Json, old: Json) -> int:
        """Who may see it after a write; a value that the plan lacks is refused."""
        value = given.get("visible_to")
        if value is None:
            return int(old.get("visible_to") or 3)
        if value not in self.account.visibility:
            allowed = ", ".join(map(str, self.account.visibility))
            invalid([f"visible_to: The value must be one of: {allowed}"])
        return int(value)

    def labels(self, object_: str, numbers: Sequence[int]) -> list[int]:
        """The labels, each once; one that the account lacks is refused unless the switch takes it."""
        known = {row["id"] for row in self.fields.labels(object_)}
        strange = [number for number in numbers if number not in known]
        if strange and self.switches["unknown_label"] == "reject":
            invalid([f"label_ids: Label {strange[0]} does not exist"])
        return list(dict.fromkeys(numbers))

    def custom(self, object_: str, given: Json, old: Json) -> Json:
        """Custom values after a write."""
        if "custom_fields" not in given:
            return dict(old.get("custom_fields") or {})
        wish = given["custom_fields"] or {}
        if not wish and old and self.switches["empty_custom_fields"] == "clear":
            return {}
        if isinstance(wish.get("custom_fields"), dict) and self.switches["nested_custom_fields"] == "break":
            raise Refusal(500, "Internal Server Error", reply=broken("v2"))  # the vendor's own slip: §1.6
        after, problems = self.fields.custom_values(object_, wish, old.get("custom_fields") or {})
        if problems:
            invalid(problems)
        return after
