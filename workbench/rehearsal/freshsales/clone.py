"""Copies of Freshsales contacts, accounts and deals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workbench.rehearsal.engine import Call, House, Json, Record, Reply, as_json
from workbench.rehearsal.freshsales.answers import Handler, given
from workbench.rehearsal.freshsales.drafts import KINDS
from workbench.rehearsal.freshsales.fields import READ_ONLY, Fields
from workbench.rehearsal.freshsales.reading import words
from workbench.rehearsal.freshsales.records import Records
from workbench.rehearsal.freshsales.shapes import Shapes

OBJECTS = ("contacts", "sales_accounts", "deals")
PLAIN: dict[str, tuple[str, ...]] = {
    "contacts": ("subscription_status", "subscription_types", "phone_numbers", "sales_accounts"),
    "sales_accounts": ("annual_revenue", "number_of_employees", "parent_sales_account_id"),
    "deals": ("amount", "expected_close", "probability", "forecast_category", "sales_account_id"),
}
SINGLE = ("external_id",)
"""Keys that no two contacts may share, whatever the switches say; addresses and numbers depend on them."""


def over(kept: Json, said: object) -> object:
    """The custom fields of a copy: those of the original under those of the request, which may not be any."""
    return {**kept, **said} if isinstance(said, dict) else kept if said is None else said


class Clones:
    """Writes a record anew from what it holds and what the request says instead."""

    def __init__(self, house: House, fields: Fields, records: Records, shapes: Shapes) -> None:
        self._switches = house.switches
        self._fields = fields
        self._records = records
        self._shapes = shapes

    def routes(self) -> Iterable[tuple[str, Handler]]:
        for kind in OBJECTS:
            yield f"POST {kind}/#/clone", self._cloned(kind)

    def _cloned(self, kind: str) -> Handler:
        def answer(call: Call, ids: Sequence[int]) -> Reply:
            wish = given(call, KINDS[kind].wrapper)
            copy = self._copy(self._records.live(kind, ids[0]))
            custom = over(copy["custom_field"], wish.get("custom_field"))
            if "email" in wish or "emails" in wish:
                copy.pop("emails", None)
            record = self._records.create(kind, {**copy, **wish, "custom_field": custom}, now=call.now)
            return as_json(self._shapes.one(record, words(call.query), now=call.now), int(self._switches["create_status"]))

        return answer

    def _copy(self, record: Record) -> Json:
        """What a write would have to say to make this record."""
        kind, body = record.kind, record.body
        names = (*sorted(KINDS[kind].text), *KINDS[kind].choices, *PLAIN[kind], "owner_id", "tags")
        copy: Json = {key: body[key] for key in names if key in body}
        own = {name for name, field in self._fields.of(kind).items() if field.type in READ_ONLY}
        copy["custom_field"] = {name: value for name, value in body.get("custom_field", {}).items() if name not in own}
        if kind == "contacts":
            rows = body.get("emails", [])
            copy["emails"] = [{key: row.get(key) for key in ("value", "is_primary", "label")} for row in rows]
        if kind == "deals":
            copy["contacts_added_list"] = body.get("contact_ids", [])
            if body.get("products"):
                copy["products"] = [{**line, "id": line["product_id"]} for line in body["products"]]
        return self._without_unique(kind, copy) if self._switches["clone_unique"] == "left_out" else copy

    def _without_unique(self, kind: str, copy: Json) -> Json:
        """A copy without what must be unique; a name is copied all the same, as nothing can be without one."""
        taken = {field for field, _ in self._records.unique(kind, copy)}
        gone = {"emails" if field == "email" else field for field in taken if field != "name"} | set(SINGLE)
        custom = {name: value for name, value in copy["custom_field"].items() if name not in gone}
        return {**{key: value for key, value in copy.items() if key not in gone}, "custom_field": custom}
