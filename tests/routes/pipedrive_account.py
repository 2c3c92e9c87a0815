"""What a Pipedrive account holds, read from its dump: written without the client and its files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from walk import Walk

from workbench.rehearsal import Rehearsal

MARKER = "Migration Key"
KINDS = {"accounts": "organizations", "contacts": "persons", "leads": "persons", "deals": "deals"}
OBJECTS = {"organizations": "organization", "persons": "person", "deals": "deal"}
LABELS = {
    "promio_customer_id__c": "Promio Customer ID",
    "promio_lead_id__c": "Promio Lead ID",
    "promio_campaign_id__c": "Promio Campaign ID",
    "promio_campaign__c": "Promio Campaign",
    "lifecycle_segment__c": "Lifecycle Segment",
    "lifetime_value__c": "Lifetime Value",
    "reputation_score__c": "Reputation Score",
    "primary_review_site__c": "Primary Review Site",
    "campaign_start__c": "Campaign Start",
    "campaign_channels__c": "Campaign Channels",
    "phone": "Main Phone",
    "zipcode": "ZIP Code",
}
"""Fields of the truth that are custom fields here; where it calls an object otherwise, `value` knows."""


class Account:
    """One dump, with what is needed to read it: labels of fields and options, addresses of users, names of stages."""

    def __init__(self, walk: Walk | Rehearsal) -> None:
        tenant = walk.tenant if isinstance(walk, Walk) else walk
        self.records: Mapping[str, Mapping[str, Any]] = tenant.dump()["records"]
        self._fields = {(row["object"], row["name"]): row for row in self.records.get("customFields", {}).values()}
        self._stages = {int(number): row["name"] for number, row in self.records["stages"].items()}
        self._users = _users()
        self._keys = {kind: {int(n): self._marker(kind, body) for n, body in self.of(kind).items()} for kind in OBJECTS}

    def of(self, kind: str) -> Mapping[str, Any]:
        """Number → body of the records of a kind."""
        return self.records.get(kind, {})

    def keys(self, kind: str) -> list[str]:
        """Our keys in the records of a kind; in activities and notes they stand in the text's last line."""
        if kind in OBJECTS:
            return [key for key in self._keys[kind].values() if key]
        texts = [str(body.get("note") or body.get("content") or "") for body in self.of(kind).values()]
        return [text.rsplit("[migration key: ", 1)[1].split("]", 1)[0] for text in texts if "[migration key: " in text]

    def value(self, record: str, field: str) -> str:
        """The value of a field of the truth, as the truth writes it: links as our keys, options joined by `;`."""
        feed, natural = record.split("/", 1)
        kind, key = KINDS[feed], f"promio:{feed}:{natural}".lower()
        numbers = [number for number, held in self._keys[kind].items() if held == key]
        assert len(numbers) == 1, f"{record} stands {len(numbers)} times in {kind}"
        body = self.of(kind)[str(numbers[0])]
        match field:
            case "owner":
                return self._users[body["owner_id"]]
            case "emails" | "mobile_number":
                return ";".join(row["value"] for row in body.get("emails" if field == "emails" else "phones", []))
            case "deal_stage":
                return self._stages[body["stage_id"]]
            case "sales_account" | "sales_accounts":
                return self._keys["organizations"].get(body.get("org_id") or 0, "")
            case "contacts":
                return self._keys["persons"][body["person_id"]]
            case "zipcode" if kind == "organizations":
                return str((body.get("address") or {}).get("postal_code") or "")
        own = {"name": "title", "amount": "value"} if kind == "deals" else {}
        return self._labelled(kind, body, LABELS[field]) if field in LABELS else _text(body.get(own.get(field, field)))

    def _labelled(self, kind: str, body: Mapping[str, Any], label: str) -> str:
        field = self._fields[OBJECTS[kind], label]
        value = body.get("custom_fields", {}).get(field["code"])
        value = value.get("value") if isinstance(value, dict) else value  # an amount stands beside its currency
        options = {option["id"]: option["label"] for option in field.get("options") or ()}
        if isinstance(value, list):
            return ";".join(sorted(options[each] for each in value))
        return options.get(value, "") if options else _text(value)

    def _marker(self, kind: str, body: Mapping[str, Any]) -> str:
        field = self._fields.get((OBJECTS[kind], MARKER))
        return str(body.get("custom_fields", {}).get(field["code"]) or "") if field else ""


def _users() -> dict[int, str]:
    recipe = files("workbench") / "rehearsal" / "tenants" / "pipedrive_growth.toml"
    return {row["id"]: row["email"] for row in tomllib.loads(recipe.read_text("utf-8"))["users"]}


def _text(value: object) -> str:
    return "" if value is None else str(value)
