"""What changed in the fields of a deal, a person or an organization, and when."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from workbench.rehearsal.engine import House, Json, Record, Reply, as_json
from workbench.rehearsal.pipedrive.account import Account, v1_stamp
from workbench.rehearsal.pipedrive.answers import Asked, Operation
from workbench.rehearsal.pipedrive.cursors import after, place_in
from workbench.rehearsal.pipedrive.former import LASTING, Former
from workbench.rehearsal.pipedrive.offsets import Offsets
from workbench.rehearsal.pipedrive.records import Records

UNTOLD = ("made", "joined", "participants", "followers", "stage_change_time", "first_won_time", "archive_time", "custom_fields")
"""What a body holds beside the fields of its record."""
MOMENTS = ("won_time", "lost_time", "close_time")


@dataclass(frozen=True, slots=True)
class Change:
    """One field of a record that became another; ``old`` none: it was empty."""

    key: str
    old: str | None
    new: str | None
    at: float
    custom: bool = False


class History:
    """The changelogs of v1."""

    def __init__(self, house: House, account: Account, records: Records, former: Former, *, offsets: Offsets) -> None:
        self._switches = house.switches
        self._account = account
        self._records = records
        self._former = former
        self._offsets = offsets

    def operations(self) -> Iterable[Operation]:
        for kind in LASTING:
            yield Operation("v1", "GET", f"{kind}/#/changelog", 20, self._changelog(kind))

    def changes(self, record: Record) -> list[Change]:
        """Every change of a record, the oldest first."""
        versions = self._former.versions(record)
        return [change for before, after in pairwise(versions) for change in _between(before, after)]

    def flow(self, record: Record, asked: Asked, word: str) -> list[tuple[float, Json]]:
        """The changes of a record as its flow tells them, with its making; custom fields only if all are asked for."""
        made = Change("add_time", None, v1_stamp(record.created), record.created)
        told = [change for change in self.changes(record) if asked.query.get("all_changes") == "1" or not change.custom]
        return [(change.at, self._row(record, change, number, word)) for number, change in enumerate([made, *told], start=1)]

    def _row(self, record: Record, change: Change, number: int, word: str) -> Json:
        data = {
            "id": record.id * 10_000 + number,
            "item_id": record.id,
            "user_id": self._account.me["id"],
            "field_key": change.key,
            "old_value": change.old,
            "new_value": change.new,
            "is_bulk_update_flag": None,
            "log_time": v1_stamp(change.at),
            "change_source": "api",
            "change_source_user_agent": None,
            "additional_data": {},
        }
        return {"object": word, "timestamp": v1_stamp(change.at), "data": data}

    def _changelog(self, kind: str) -> Callable[[Asked], Reply]:
        def changelog(asked: Asked) -> Reply:
            found = self.changes(self._records.live("v1", kind, asked.number()))[::-1]
            _, limit = self._offsets.span(asked)
            start = place_in(asked.query.get("cursor"), self._switches)
            more = after(start + limit, len(found))
            rows = [self._told(change) for change in found[start : start + limit]]
            return as_json({"success": True, "data": rows, "additional_data": {"next_cursor": more}})

        return changelog

    def _told(self, change: Change) -> Json:
        return {
            "field_key": change.key,
            "old_value": change.old,
            "new_value": change.new,
            "actor_user_id": self._account.me["id"],
            "time": v1_stamp(change.at),
            "change_source": "api",
            "change_source_user_agent": None,
            "is_bulk_update_flag": False,
        }


def _between(before: Record, after: Record) -> Iterable[Change]:
    """What one version changed of the one before it."""
    old, new = _fields(before), _fields(after)
    for key in [*old, *(key for key in new if key not in old)]:
        was, is_ = (_text(key, side.get(key)) for side in (old, new))
        if was != is_:
            yield Change(key, was, is_, after.updated, key not in before.body and key not in after.body)


def _fields(record: Record) -> Mapping[str, object]:
    body = record.body
    return {**{key: value for key, value in body.items() if key not in UNTOLD}, **(body.get("custom_fields") or {})}


def _text(key: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if key in MOMENTS and isinstance(value, float):
        return v1_stamp(value)
    return json.dumps(value, ensure_ascii=False)
