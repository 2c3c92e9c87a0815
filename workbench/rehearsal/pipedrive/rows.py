"""Persons, organizations, deals and the rest in the form in which v1 shows them."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.rehearsal.engine import Json, Record
from workbench.rehearsal.pipedrive.account import Account
from workbench.rehearsal.pipedrive.fields import Fields
from workbench.rehearsal.pipedrive.flat import flattened
from workbench.rehearsal.pipedrive.records import Records
from workbench.rehearsal.pipedrive.ties import Ties

OBJECTS = {"persons": "person", "organizations": "organization", "deals": "deal", "products": "product"}
MOMENTS = ("add_time", "update_time", "won_time", "lost_time", "close_time", "stage_change_time", "archive_time")
NOTHING = [{"value": "", "primary": True}]
"""What v1 answers where a person has no address or number."""


class Rows:
    """Makes v1 rows of what v2 would answer."""

    def __init__(self, account: Account, records: Records, fields: Fields, ties: Ties) -> None:
        self._account = account
        self._records = records
        self._fields = fields
        self._ties = ties

    def of(self, record: Record) -> Json:
        """A record as v1 answers it: custom values flat, moments without a T, flags and texts of their own."""
        row = self._records.shown(record)
        row |= {key: _spaced(row[key]) for key in MOMENTS if key in row}
        custom = row.pop("custom_fields", {})
        gone = row.pop("is_deleted")
        row |= self._own(record, row, gone=gone)
        if "visible_to" in row:
            row["visible_to"] = str(row["visible_to"])
        types = {code: field.type for code, field in self._fields.of(OBJECTS.get(record.kind, "activity")).items()}
        return {**row, **flattened(custom, types, empty=True)} if record.kind in OBJECTS else row

    def _own(self, record: Record, row: Json, *, gone: bool) -> Json:
        if record.kind == "persons":
            emails, phones = (row.pop(key) or NOTHING for key in ("emails", "phones"))
            address = f"{self._account.company_domain}@pipedrivemail.com"
            primary = next((item["value"] for item in emails if item["primary"]), "")
            named = {"first_char": row["name"][:1].lower(), "primary_email": primary or None, "cc_email": address}
            return {"active_flag": not gone, "email": emails, "phone": phones, **named, **self._names(row)}
        if record.kind == "organizations":
            place = (row["address"] or {}).get("value")
            mail = f"{self._account.company_domain}@pipedrivemail.com"
            return {"active_flag": not gone, "address": place, "cc_email": mail, **self._names(row)}
        if record.kind == "deals":
            mail = f"{self._account.company_domain}+deal{record.id}@pipedrivemail.com"
            names = {**self._names(row), "person_name": self._ties.name(row, "person_id")}
            return {"active": not gone and row["status"] == "open", "deleted": gone, "cc_email": mail, **names}
        return {"active_flag": not gone}

    def _names(self, row: Mapping[str, object]) -> Json:
        owner = self._account.users.get(int(str(row["owner_id"])), {})
        whole = {"company_id": self._account.company_id, "owner_name": owner.get("name")}
        return {**whole, **({"org_name": self._ties.name(dict(row), "org_id")} if "org_id" in row else {})}

    def person(self, number: int) -> Json | None:
        """A person as v1 puts one into another row."""
        record = self._ties.record("person_id", number)
        if record is None:
            return None
        row = self.of(record)
        kept = {key: row[key] for key in ("active_flag", "name", "email", "phone", "owner_id", "company_id")}
        return {**kept, "value": record.id}

    def organization(self, number: int, people: int) -> Json:
        """An organization as v1 puts one into another row."""
        record = self._ties.record("org_id", number)
        row = self.of(record) if record else {}
        kept = {key: row.get(key) for key in ("name", "owner_id", "address", "active_flag", "cc_email", "label_ids")}
        return {**kept, "people_count": people, "value": number}

    def user(self, number: int) -> Json | None:
        """A user as v1 puts one into another row."""
        user = self._account.users.get(number)
        if user is None:
            return None
        return {
            "id": number,
            "name": user["name"],
            "email": user["email"],
            "has_pic": int(user["icon_url"] is not None),
            "pic_hash": None,
            "active_flag": user["active_flag"],
            "value": number,
        }

    def related(self, persons: tuple[int, ...]) -> Json:
        """The objects that rows name, by kind and id."""
        rows = {number: self.person(number) for number in persons}
        shown = {
            str(number): {"id": number, **{key: row[key] for key in ("active_flag", "name", "email", "phone", "owner_id")}}
            for number, row in rows.items()
            if row is not None
        }
        me = self._account.me["id"]
        return {"user": {str(me): self.user(me)}, "person": shown}


def _spaced(text: object) -> str | None:
    return text.replace("T", " ").removesuffix("Z") if isinstance(text, str) else None
