"""What hangs on a record of Pipedrive: by the counters that the record itself shows, and by lists where they are not zero."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workbench.destinations.pipedrive.calls import Calls, has_more, must, one_of, rows_of
from workbench.destinations.pipedrive.picture import Place

__all__ = ["Children"]


@dataclass(frozen=True)
class Below:
    """A kind of record below another: the counters that tell of it, and the list and its filter that show it."""

    kind: str
    counters: tuple[str, ...]
    path: str
    filter: str = ""  # of a list of all; empty where the path is below the record
    version: str = "v2"


ACTIVITIES, NOTES = ("activities_count",), ("notes_count",)
FILES = Below("file", ("files_count",), "files", version="v1")
DEALS = ("open_deals_count", "closed_deals_count")
TREE: Mapping[str, tuple[Below, ...]] = {
    "organization": (
        Below("person", ("people_count",), "persons", "org_id"),
        Below("deal", DEALS, "deals", "org_id"),
        Below("activity", ACTIVITIES, "activities", "org_id"),
        Below("note", NOTES, "notes", "org_id", "v1"),
        FILES,
    ),
    "person": (
        Below("deal", DEALS, "deals", "person_id"),
        Below("activity", ACTIVITIES, "activities", "person_id"),
        Below("note", NOTES, "notes", "person_id", "v1"),
        FILES,
    ),
    "deal": (
        Below("activity", ACTIVITIES, "activities", "deal_id"),
        Below("note", NOTES, "notes", "deal_id", "v1"),
        Below("product", ("products_count",), "products"),
        FILES,
    ),
}
"""A person of a deal that is not its own is a participant, and goes on without it; so do the files of an activity, which
has neither a counter nor a list of them."""
FULL_PAGE, MOST_PAGES = 500, 100_000
LEAD_KEYS: Mapping[str, str] = {"organization": "organization_id", "person": "person_id"}
LEADS_FRESH = 8.0
"""Seconds for which a list of all leads is taken to be true, unless records were looked at since.

To ask for each record's own would cost 20 tokens a record.
"""


class Children:
    """What hangs on the records of one account. No record counts its leads: they are read all at once, after each look."""

    def __init__(self, calls: Calls, *, time_scale: float) -> None:
        self._calls = calls
        self._fresh = LEADS_FRESH / time_scale
        self._lock = threading.Lock()
        self._looked_at = 0.0
        self._read_at: float | None = None
        self._leads: dict[tuple[str, str], list[str]] = {}

    def looked(self) -> None:
        """Records were read: what is said to hang on them may not be older than that."""
        self._looked_at = time.monotonic()

    def of(self, place: Place, number: str) -> list[tuple[str, str]]:
        """(kind, id) of everything below a record, as far as the account shows it; nothing where the record is gone."""
        calls = self._calls
        if place.object == "note":
            return list(_comments(calls, place, number)) if calls.dials.look_for_comments else []
        below = TREE.get(place.object, ())
        if below and calls.dials.children == "counters":
            counted = _counted(calls, place, number, below)
            below = tuple(each for each in below if any(counted.get(name) for name in each.counters))
        found = [child for each in below for child in _listed(calls, place, number, each)]
        return found + [("lead", uuid) for uuid in self._leads_of(place, number)]

    def _leads_of(self, place: Place, number: str) -> list[str]:
        if place.object not in LEAD_KEYS or not self._calls.dials.look_for_leads:
            return []
        with self._lock:
            began = time.monotonic()
            if self._read_at is None or self._read_at < max(self._looked_at, began - self._fresh):
                self._leads = _by_parent(self._calls)
                self._read_at = began
            return self._leads.get((LEAD_KEYS[place.object], number), [])


def _by_parent(calls: Calls) -> dict[tuple[str, str], list[str]]:
    """Key and id of a lead's person or organization → the leads, without the archived ones, which nobody works on."""
    found: dict[tuple[str, str], list[str]] = {}
    path, start = calls.path("leads", version="v1"), 0
    for _ in range(MOST_PAGES):
        answer = must(calls.read("v1_list", path, params={"start": start, "limit": FULL_PAGE}), path)
        rows = rows_of(answer)
        for raw in rows:
            for key in LEAD_KEYS.values():
                if raw.get(key):
                    found.setdefault((key, str(raw[key])), []).append(str(raw["id"]))
        start += len(rows)
        if not (rows and has_more(answer)):
            break
    return found


def _counted(calls: Calls, place: Place, number: str, below: tuple[Below, ...]) -> dict[str, int]:
    names = [name for each in below for name in each.counters]
    path = calls.of(place.spec, number)
    answer = calls.read("get", path, params={"include_fields": ",".join(names)}, object_=place.spec)
    raw = {} if answer.status == 404 else one_of(must(answer, path))
    return {name: int(raw.get(name) or 0) for name in names}


def _listed(calls: Calls, place: Place, number: str, below: Below) -> Iterator[tuple[str, str]]:
    if below.filter and below.version == "v2":
        for rows in calls.pages("list", calls.path(below.path), params={below.filter: number}):
            yield from ((below.kind, str(raw["id"])) for raw in rows)
        return
    if below.filter:
        kind, path = "v1_list", calls.path(below.path, version="v1")
        params: dict[str, str | int] = {below.filter: number, "limit": FULL_PAGE}
    else:
        kind = "v1_list" if below.version == "v1" else "list"
        path, params = calls.path(place.spec.path, number, below.path, version=below.version), {"limit": 100}
    answer = calls.read(kind, path, params=params)
    if answer.status != 404:
        yield from ((below.kind, str(raw["id"])) for raw in rows_of(must(answer, path)))


def _comments(calls: Calls, place: Place, number: str) -> Iterator[tuple[str, str]]:
    path = calls.of(place.spec, number, "comments")
    answer = calls.read("list", path, object_=place.spec)
    if answer.status != 404:
        yield from (("comment", str(raw.get("uuid") or raw.get("id"))) for raw in rows_of(must(answer, path)))
