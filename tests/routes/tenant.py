"""What a tenant holds, read from its dump and its plain answers: written without the client and its files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from walk import Walk

ROUTE = Path(__file__).resolve().parents[2] / "workbench" / "routes" / "promio_to_freshsales.toml"
MARKER = "Migration Key"
KINDS = {"contacts": "contacts", "accounts": "sales_accounts", "deals": "deals", "leads": "contacts"}
"""Where the Suite keeps the records of a feed."""


class Tenant:
    """One dump, with what is needed to read it: labels of fields, addresses of users, names of stages."""

    def __init__(self, walk: Walk, *, leads_in: str = "contacts") -> None:
        self.dump = walk.tenant.dump()
        self.records: Mapping[str, Mapping[str, Any]] = self.dump["records"]
        self._kinds = {**KINDS, "leads": leads_in}
        rows = self.records.get("fields", {}).values()
        self._keys = {(row["object"], row["label"]): row["name"] for row in rows}
        self._labels = {field["name"]: field["label"] for field in tomllib.loads(ROUTE.read_text("utf-8"))["custom_fields"]}
        self._users = {row["id"]: row["email"] for row in walk.ask("GET", "selector/owners")["users"]}
        lines = walk.ask("GET", "selector/deal_pipelines")["deal_pipelines"]
        self._stages = {stage["id"]: stage["name"] for line in lines for stage in line["deal_stages"]}
        self._markers = {
            kind: {int(number): self.marker(kind, body) for number, body in rows.items()} for kind, rows in self.records.items()
        }

    def key(self, kind: str, label: str) -> str:
        """The name on the wire of a custom field, by its label."""
        return str(self._keys[kind, label])

    def marker(self, kind: str, body: Mapping[str, Any]) -> str:
        """What the migration keeps in a record so as to find it again; empty on the records of others."""
        if kind == "contacts":
            return str(body.get("external_id") or "")
        return str(body.get("custom_field", {}).get(self._keys.get((kind, MARKER), ""), "") or "")

    def markers(self, kind: str) -> list[str]:
        """The markers of all records of a kind, but for those of others."""
        return [marker for marker in self._markers.get(kind, {}).values() if marker]

    def find(self, record: str) -> tuple[str, str, Mapping[str, Any]]:
        """Kind, number and body of the one record that stands for a record key such as `contacts/C-01002`."""
        feed, natural = record.split("/", 1)
        kind, wanted = self._kinds[feed], f"promio:{feed}:{natural}".lower()
        numbers = [number for number, marker in self._markers.get(kind, {}).items() if marker == wanted]
        assert len(numbers) == 1, f"{record} stands {len(numbers)} times in {kind}"
        return kind, str(numbers[0]), self.records[kind][str(numbers[0])]

    def value(self, record: str, field: str) -> str:
        """The value of a declared field as the truth writes it: links as record markers, options joined by `;`."""
        kind, _, body = self.find(record)
        if field in self._labels:
            value = body.get("custom_field", {}).get(self.key(kind, self._labels[field]))
            return ";".join(sorted(value)) if isinstance(value, list) else _text(value)
        match field:
            case "owner":
                return str(self._users.get(body["owner_id"], ""))
            case "emails":
                return ";".join(row["value"] for row in body.get("emails", [])) or _text(body.get("email"))
            case "deal_stage":
                return str(self._stages[body["deal_stage_id"]])
            case "sales_accounts":
                return ";".join(self._markers["sales_accounts"][row["id"]] for row in body.get("sales_accounts", []))
            case "sales_account":
                return self._markers["sales_accounts"][body["sales_account_id"]]
            case "contacts":
                return ";".join(self._markers["contacts"][number] for number in body.get("contact_ids", []))
        return _text(body.get(field))


def wanted(field: str, value: str) -> str:
    """A value of the truth as `Tenant.value` gives it."""
    if field in ("sales_account", "sales_accounts", "contacts"):
        return f"promio:{value.replace('/', ':', 1)}".lower()
    return ";".join(sorted(value.split(";"))) if ";" in value else value


def alike(one: str, other: str) -> bool:
    """Whether two values say the same; a number may have other zeros after its point, and no zero before it."""
    return one == other or _number(one) == _number(other) != ""


def _number(text: str) -> str:
    if text.strip() != text or (text.startswith("0") and not text.startswith("0.") and text != "0"):
        return ""
    try:
        return str(Decimal(text).normalize())
    except InvalidOperation:
        return ""


def _text(value: object) -> str:
    return "" if value is None else str(value)
