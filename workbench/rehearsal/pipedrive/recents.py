"""What changed of late: over the whole account, back to one month ago, and the flow of one record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from workbench.rehearsal.engine import House, Json, Record, Reply, as_json
from workbench.rehearsal.pipedrive.account import v1_stamp
from workbench.rehearsal.pipedrive.answers import Asked, Operation, no
from workbench.rehearsal.pipedrive.history import History
from workbench.rehearsal.pipedrive.offsets import Offsets, moment_of
from workbench.rehearsal.pipedrive.records import Records

ITEMS: Mapping[str, str] = {
    "activity": "activities",
    "activityType": "activityTypes",
    "deal": "deals",
    "file": "files",
    "filter": "filters",
    "note": "notes",
    "person": "persons",
    "organization": "organizations",
    "pipeline": "pipelines",
    "product": "products",
    "stage": "stages",
}
MONTH_SECONDS = 30 * 86_400.0
FLOWS: Mapping[str, str] = {"deals": "deal_id", "persons": "person_id", "organizations": "org_id"}
KIND_WORDS = {"deals": "deal", "persons": "person", "organizations": "organization"}
FLOWING = {"notes": "note", "files": "file", "activities": "activity"}


@dataclass(frozen=True, slots=True)
class Shown:
    """How a record of each kind looks in v1."""

    row: Callable[[Record], Json]
    note: Callable[[Record], Json]
    file: Callable[[Record, Asked], Json]

    def of(self, record: Record, asked: Asked) -> Json:
        """The v1 row of a record of any kind."""
        if record.kind == "notes":
            return self.note(record)
        if record.kind == "files":
            return self.file(record, asked)
        return self.row(record) if record.kind in FLOWS or record.kind in ("activities", "products") else record.body


class Recents:
    """The changes of the last month."""

    def __init__(self, house: House, records: Records, shown: Shown, history: History, *, offsets: Offsets) -> None:
        self._house = house
        self._history = history
        self._records = records
        self._shown = shown
        self._offsets = offsets

    def operations(self) -> Iterable[Operation]:
        yield Operation("v1", "GET", "recents", 20, self._list)
        for kind in FLOWS:
            yield Operation("v1", "GET", f"{kind}/#/flow", 40, self._flow(kind))

    def _list(self, asked: Asked) -> Reply:
        since = moment_of(asked.query.get("since_timestamp", ""))
        if since is None:
            no("v1", 400, "since_timestamp must be given in the format YYYY-MM-DD HH:MM:SS")
        oldest = asked.now - self._house.clock.wait(MONTH_SECONDS)
        if since < oldest and self._house.switches["recents_beyond"] == "reject":
            no("v1", 400, "since_timestamp cannot be older than one month")
        wanted = [word for word in asked.query.get("items", "").split(",") if word in ITEMS] or list(ITEMS)
        names = {ITEMS[word]: word for word in wanted}
        start, limit = self._offsets.span(asked)
        found = self._house.state.select(
            f"kind IN ({', '.join('?' * len(names))}) AND updated >= ?",
            (*names, max(since, oldest)),
            order="updated, kind, id",
            limit=limit + 1,
            offset=start,
        )
        page = found[:limit]
        rows = [{"item": names[row.kind], "id": row.id, "data": self._shown.of(row, asked)} for row in page]
        pagination = {"start": start, "limit": limit, "more_items_in_collection": len(found) > limit}
        last = v1_stamp(page[-1].updated) if page else None
        more = {"since_timestamp": v1_stamp(max(since, oldest)), "last_timestamp_on_page": last, "pagination": pagination}
        return as_json({"success": True, "data": rows or None, "additional_data": more})

    def _flow(self, kind: str) -> Callable[[Asked], Reply]:
        """The changes, notes, files and activities of a record, the newest first."""

        def flow(asked: Asked) -> Reply:
            record = self._records.live("v1", kind, asked.number())
            change = f"{KIND_WORDS[kind]}Change"
            wanted = [word for word in asked.query.get("items", "").split(",") if word] or [*FLOWING.values(), change]
            told = self._history.flow(record, asked, change) if {"change", change} & set(wanted) else []
            told += [
                (child.created, {"object": word, "timestamp": v1_stamp(child.created), "data": self._shown.of(child, asked)})
                for name, word in FLOWING.items()
                if word in wanted
                for number in self._house.state.children(kind, record.id, name)
                if (child := self._house.state.get(name, number)) is not None
            ]
            told.sort(key=lambda row: -row[0])
            return self._offsets.page(asked, [row for _, row in told])

        return flow
