"""Saved filters of the Pipedrive rehearsal: they can be made, listed and deleted, and lists take their numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from workbench.rehearsal.engine import House, Json, Record, Reply, Traits
from workbench.rehearsal.pipedrive.account import Account, v1_stamp
from workbench.rehearsal.pipedrive.answers import Asked, Operation, no, one

KINDS = ("deals", "leads", "org", "people", "products", "activity", "projects")
MOST_CONDITIONS = 16


class Filters:
    """The filters of the account; each is its author's own."""

    def __init__(self, house: House, account: Account) -> None:
        self._state = house.state
        self._account = account
        if self._state.meta("filters_made") is None:
            now = house.clock.now()
            with self._state.transaction():
                for row in house.tenant.get("filters", []):
                    self._add(row, now)
                self._state.set_meta("filters_made", {"done": True})

    def operations(self) -> Iterable[Operation]:
        yield Operation("v1", "GET", "filters", 20, self._listed)
        yield Operation("v1", "POST", "filters", 10, self._created)
        yield Operation("v1", "DELETE", "filters", 10, self._several_deleted)
        yield Operation("v1", "GET", "filters/#", 2, lambda asked: one(self._live(asked).body))
        yield Operation("v1", "PUT", "filters/#", 10, self._changed)
        yield Operation("v1", "DELETE", "filters/#", 6, self._deleted)

    def _listed(self, asked: Asked) -> Reply:
        kind = asked.query.get("type")
        rows = [record.body for record in self._account.live("filters") if kind in (None, record.body["type"])]
        return one([{key: value for key, value in row.items() if key != "conditions"} for row in rows] or None)

    def _created(self, asked: Asked) -> Reply:
        body = asked.body
        if not isinstance(body.get("name"), str) or not body["name"].strip():
            no("v1", 400, "Filter name must be given.")
        if body.get("type") not in KINDS:
            no("v1", 400, "Filter type is not valid.")
        _check_conditions(body.get("conditions"))
        return one({"id": self._add(body, asked.now).id})

    def _changed(self, asked: Asked) -> Reply:
        record = self._live(asked)
        sent = {key: value for key, value in asked.body.items() if key in ("name", "conditions")}
        if "conditions" in sent:
            _check_conditions(sent["conditions"])
        body = {**record.body, **sent, "update_time": v1_stamp(asked.now)}
        self._keep(replace(record, body=body, updated=asked.now), new=False)
        return one({"id": record.id})

    def _deleted(self, asked: Asked) -> Reply:
        record = self._live(asked)
        self._state.erase("filters", record.id)
        return one({"id": record.id})

    def _several_deleted(self, asked: Asked) -> Reply:
        wanted = [int(part) for part in asked.query.get("ids", "").split(",") if part.isdecimal() and len(part) < 19]
        there = [number for number in wanted if self._state.get("filters", number)]
        for number in there:
            self._state.erase("filters", number)
        return one({"id": there})

    def _live(self, asked: Asked) -> Record:
        return self._state.get("filters", asked.number()) or no("v1", 404, "Filter not found.")

    def _add(self, row: Json, now: float) -> Record:
        number = self._state.claim("filters", row["id"]) if "id" in row else self._state.next_id("filters")
        body = {
            "id": number,
            "name": row["name"],
            "filter_code": None,
            "is_editable": True,
            "active_flag": True,
            "type": row["type"],
            "temporary_flag": None,
            "user_id": self._account.me["id"],
            "add_time": v1_stamp(now),
            "update_time": None,
            "visible_to": "1",
            "last_used_time": None,
            "custom_view_id": None,
            "conditions": row["conditions"],
        }
        return self._keep(Record("filters", number, body, now, now), new=True)

    def _keep(self, record: Record, *, new: bool) -> Record:
        self._state.save(record, Traits(str(record.body["name"])), new=new)
        return record


def _check_conditions(value: object) -> None:
    """Two groups, the first glued by ``and``, the second by ``or``, with sixteen conditions at most between them."""
    groups = value.get("conditions") if isinstance(value, dict) else None
    if not isinstance(value, dict) or value.get("glue") != "and" or not isinstance(groups, list):
        no("v1", 400, "Filter conditions are not valid.")
    parts = [group.get("conditions") for group in groups if isinstance(group, dict)]
    if len(parts) != len(groups) or not all(isinstance(part, list | None) for part in parts):
        no("v1", 400, "Filter conditions are not valid.")
    if sum(len(part or ()) for part in parts) > MOST_CONDITIONS:
        no("v1", 400, f"Filter may not have more than {MOST_CONDITIONS} conditions.")
