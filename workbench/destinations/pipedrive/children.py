"""What hangs on a record of Pipedrive: by the counters that the record itself shows, and by lists where they are not zero."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.destinations.pipedrive.below import address
from workbench.destinations.pipedrive.calls import Calls, has_more, must, one_of, rows_of
from workbench.destinations.pipedrive.participants import participants_of, person_of
from workbench.destinations.pipedrive.picture import FILE, LINE, PARTICIPANT, Place
from workbench.destinations.pipedrive.reading import is_gone

__all__ = ["Children"]

Child = tuple[str, str]


@dataclass(frozen=True)
class Hung:
    """A kind of record below another: the counters that tell of it, and the list and its filter that show it."""

    kind: str
    counters: tuple[str, ...]
    path: str
    filter: str = ""  # of a list of all; empty where the path is below the record
    version: str = "v2"


ACTIVITIES, NOTES = ("activities_count",), ("notes_count",)
FILES = Hung(FILE, ("files_count",), "files", version="v1")
DEALS = ("open_deals_count", "closed_deals_count")
LINES, TAKING_PART = ("products_count",), ("participants_count",)
ELSEWHERE = ("participant_open_deals_count", "participant_closed_deals_count")
"""Deals in which a person takes part without being the person of the deal; no list names them."""
TREE: Mapping[str, tuple[Hung, ...]] = {
    "organization": (
        Hung("person", ("people_count",), "persons", "org_id"),
        Hung("deal", DEALS, "deals", "org_id"),
        Hung("activity", ACTIVITIES, "activities", "org_id"),
        Hung("note", NOTES, "notes", "org_id", "v1"),
        FILES,
    ),
    "person": (
        Hung("deal", DEALS, "deals", "person_id"),
        Hung("activity", ACTIVITIES, "activities", "person_id"),
        Hung("note", NOTES, "notes", "person_id", "v1"),
        FILES,
    ),
    "deal": (
        Hung("activity", ACTIVITIES, "activities", "deal_id"),
        Hung("note", NOTES, "notes", "deal_id", "v1"),
        FILES,
    ),
    "product": (
        Hung("deal", (), "deals", version="v1"),
        Hung("product variation", (), "variations"),
        Hung(FILE, (), "files", version="v1"),
    ),
}
MORE: Mapping[str, tuple[str, ...]] = {"person": ELSEWHERE, "deal": (*LINES, *TAKING_PART)}
"""Counters that say more than that a list is worth reading."""
OWN, OWN_ID = "own", "person_id"
"""Of a deal: whether it has a person of its own, who counts among the participants, and which."""
FULL_PAGE, MOST_PAGES = 500, 100_000
LEAD_KEYS: Mapping[str, str] = {"organization": "organization_id", "person": "person_id"}
LEADS_FRESH = 8.0
"""Seconds for which a list of all leads is taken to be true, unless records were looked at since.

To ask for each record's own would cost 20 tokens a record.
"""


class Children:
    """What hangs on the records of one account. No record counts its leads: they are read all at once, after each look.

    Nor does an activity count its files: of the list of all files what is new is read, after each look. `files_since`
    shows files after one, newest first.
    """

    def __init__(self, calls: Calls, files_since: Callable[[str], Iterator[Mapping[str, Any]]], *, time_scale: float) -> None:
        self._calls = calls
        self._files = _Files(files_since)
        self._fresh = LEADS_FRESH / time_scale
        self._lock = threading.Lock()
        self._looked_at = 0.0
        self._read_at: float | None = None
        self._leads: dict[tuple[str, str], list[str]] = {}

    def looked(self) -> None:
        """Records were read: what is said to hang on them may not be older than that."""
        self._looked_at = time.monotonic()

    def of(self, place: Place, number: str) -> list[Child]:
        """(kind, id) of everything below a record, as far as the account shows it; nothing where the record is gone."""
        calls, dials = self._calls, self._calls.dials
        if place.object == "note":
            return list(_comments(calls, place, number)) if dials.look_for_comments else []
        if place.object == "activity":
            return self._files_of(number) if dials.look_for_activity_files else []
        below, more = TREE.get(place.object, ()), MORE.get(place.object, ())
        found: list[Child] = []
        if below and below[0].counters:
            counted = _counted(calls, place, number, below, more)
            if dials.children == "counters":
                below = tuple(each for each in below if any(counted.get(name) for name in each.counters))
            found = list(_counted_on(calls, number, counted))
        found = [child for each in below for child in _listed(calls, place, number, each)] + found
        if place.object == "organization" and dials.look_for_relations:
            found += _relations(calls, number)
        return found + [("lead", uuid) for uuid in self._leads_of(place, number)]

    def _files_of(self, number: str) -> list[Child]:
        """Files of an activity that are there still; whoever asks has looked at the activity before."""
        with self._lock:
            began = time.monotonic()
            self._files.read(began, stale=max(self._looked_at, began - self._fresh))
            known = self._files.of(number)
        path = self._calls.path("files", version="v1")
        answers = ((file, self._calls.read("v1_get", f"{path}/{file}")) for file in known)
        return [(FILE, file) for file, answer in answers if answer.status != 404 and not is_gone(one_of(must(answer, path)))]

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


class _Files:
    """Files by the activity that they hang on. Their ids only grow and none moves, so that each is listed once."""

    def __init__(self, since: Callable[[str], Iterator[Mapping[str, Any]]]) -> None:
        self._since = since
        self._newest = 0
        self._read_at: float | None = None
        self._by: dict[str, list[str]] = {}

    def read(self, began: float, *, stale: float) -> None:
        """Read what is new, unless that was done after a moment."""
        if self._read_at is not None and self._read_at >= stale:
            return
        rows = [(int(raw["id"]), raw.get("activity_id")) for raw in self._since(str(self._newest))]
        for number, activity in sorted(rows, key=lambda row: row[0]):
            self._newest = max(self._newest, number)
            if activity:
                self._by.setdefault(str(activity), []).append(str(number))
        self._read_at = began

    def of(self, activity: str) -> list[str]:
        """The ids of all that were ever seen on an activity."""
        return list(self._by.get(activity, ()))


def _counted_on(calls: Calls, number: str, counted: Mapping[str, int]) -> Iterator[Child]:
    """What more the counters tell: products and other participants of a deal, and deals in which a person takes part."""
    if counted.get(*LINES):
        rows = calls.pages("list", calls.path("deals", number, "products"))
        yield from ((LINE, address(number, str(raw["id"]))) for page in rows for raw in page)
    if counted.get(*TAKING_PART, 0) > counted.get(OWN, 0):
        people = (person_of(raw) for raw in participants_of(calls, number))
        yield from ((PARTICIPANT, address(number, person)) for person in people if person != str(counted.get(OWN_ID, "")))
    if any(counted.get(name) for name in ELSEWHERE):
        yield "deal", ""


def _relations(calls: Calls, number: str) -> Iterator[Child]:
    path = calls.path("organizationRelationships", version="v1")
    answer = calls.read("v1_list", path, params={"org_id": number})
    if answer.status not in (400, 404):  # so it says of an organization that is gone
        yield from (("organization relationship", str(raw["id"])) for raw in rows_of(must(answer, path)))


def _counted(calls: Calls, place: Place, number: str, below: tuple[Hung, ...], more: tuple[str, ...]) -> dict[str, int]:
    names = [*(name for each in below for name in each.counters), *more]
    path = calls.of(place.spec, number)
    answer = calls.read("get", path, params={"include_fields": ",".join(names)}, object_=place.spec)
    raw = {} if answer.status == 404 else one_of(must(answer, path))
    own = int(raw.get("person_id") or 0)
    return {**{name: int(raw.get(name) or 0) for name in names}, OWN_ID: own, OWN: int(bool(own))}


def _listed(calls: Calls, place: Place, number: str, below: Hung) -> Iterator[Child]:
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


def _comments(calls: Calls, place: Place, number: str) -> Iterator[Child]:
    path = calls.of(place.spec, number, "comments")
    answer = calls.read("list", path, object_=place.spec)
    if answer.status != 404:
        yield from (("comment", str(raw.get("uuid") or raw.get("id"))) for raw in rows_of(must(answer, path)))
