"""Reading an account of Pipedrive: records by id, all of an object, those after a mark, by a value, and what hangs on one."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from workbench.destinations import Record
from workbench.destinations.pipedrive.calls import Calls, has_more, must, one_of, rows_of
from workbench.destinations.pipedrive.picture import FILE
from workbench.destinations.pipedrive.records import Form, key_of, record_of
from workbench.errors import DestinationBusy, SpecError, listed

__all__ = ["AT_ONCE", "FEW", "Reader", "is_gone", "rows_a_page"]

AT_ONCE, FEW = 100, 4
"""Ids that one list takes, and so few that it does not pay."""
MOST_FILES = 100
SEARCHED: Mapping[tuple[str, str], str] = {
    ("person", "emails"): "email",
    ("person", "phones"): "phone",
    ("person", "mobile_phone"): "phone",
    ("person", "home_phone"): "phone",
    ("person", "name"): "name",
    ("organization", "name"): "name",
    ("organization", "address"): "address",
    ("deal", "title"): "title",
}
"""Fields that a search knows by a name of their own; custom fields of text are searched all at once."""
SEARCHED_TYPES = ("address", "varchar", "text", "varchar_auto", "double", "monetary", "phone")
MOST_PAGES = 1_000_000
FRESH = 2.0
"""Seconds for which a record that was read with many others counts as present, for one change that is laid over it."""
Raw = dict[str, Any]


def is_gone(raw: Mapping[str, Any]) -> bool:
    """Whether a record lies in the bin, from which it is purged after thirty days."""
    return bool(raw.get("is_deleted")) or raw.get("active_flag") is False


def rows_a_page(object_: str, most: int) -> int:
    """Rows of a page of this object's list, where other lists have so many at most: files come by the hundred."""
    return min(most, MOST_FILES) if object_ == FILE else most


class Reader:
    """What an account shows, as records in declared names; nothing here changes anything."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._dials = calls.dials
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], tuple[float, Raw]] = {}  # object and id → when it was read, and as what

    # ------------------------------------------------------------ by id

    def read(self, form: Form, ids: Sequence[str]) -> list[Record]:
        """These records in full, a hundred a call; one that the list lacks is asked for by itself before it counts as gone."""
        wanted = [number for number in dict.fromkeys(ids) if number.isascii() and number.isdecimal()]
        found, at = dict[str, Raw](), time.monotonic()
        if not form.place.counted_off:
            for start in range(0, len(wanted), AT_ONCE):
                found |= self._listed(form, wanted[start : start + AT_ONCE])
        together = dict(found)  # whoever reads so many is about to change them, one after the other
        for number in wanted:
            if number not in found and (raw := self.one(form, number)):
                found[number] = raw
        with self._lock:
            kept = {key: seen for key, seen in self._seen.items() if seen[0] > at - FRESH}
            self._seen = kept | {(form.place.object, number): (at, raw) for number, raw in together.items()}
        return [record_of(form, found[number]) for number in wanted if number in found]

    def present(self, form: Form, number: str) -> Raw:
        """What a record holds now, for one change: as it was read a moment ago, else by a look; empty where it is gone."""
        with self._lock:
            at, raw = self._seen.pop((form.place.object, number), (0.0, {}))
        return raw if raw and time.monotonic() - at <= FRESH else self.one(form, number)

    def one(self, form: Form, number: str) -> Raw:
        """One record as the account shows it; empty where it is gone."""
        spec = form.place.spec
        answer = self._calls.read("get", self._calls.of(spec, number), object_=spec)
        if answer.status == 404:
            return {}
        raw = one_of(must(answer, spec.path))
        return {} if is_gone(raw) or str(raw.get("id")) != number else raw

    def _listed(self, form: Form, ids: Sequence[str]) -> dict[str, Raw]:
        if len(ids) <= FEW:
            return {}  # each by itself is cheaper, and shows archived deals as well
        spec = form.place.spec
        params: dict[str, str | int] = {"ids": ",".join(ids), "limit": AT_ONCE}
        rows = rows_of(must(self._calls.read("list", self._calls.of(spec), params=params, object_=spec), spec.path))
        asked = set(ids)
        return {str(raw["id"]): raw for raw in rows if str(raw.get("id")) in asked and not is_gone(raw)}

    # ------------------------------------------------------------ all of them

    def newest(self, form: Form) -> str:
        """The highest id in the list; where an archived deal has a higher one, a sweep from here shows a little more."""
        spec, key = form.place.spec, "sort" if form.place.counted_off else "sort_by"
        order = {"sort": "id DESC"} if key == "sort" else {"sort_by": "id", "sort_direction": "desc"}
        params: dict[str, str | int] = {"limit": 1, **order}
        rows = rows_of(must(self._calls.read("list", self._calls.of(spec), params=params, object_=spec), spec.path))
        return str(rows[0]["id"]) if rows else "0"

    def sweep(self, form: Form, *, since: str = "") -> Iterator[Record]:
        """Every record, each once; those after a mark come newest first."""
        for raw in self.raws(form, since=since):
            yield record_of(form, raw)

    def raws(self, form: Form, *, since: str = "", fields: str = "") -> Iterator[Raw]:
        """The same as the account shows them; ``fields`` are the only custom fields that are wanted."""
        if form.place.counted_off:
            yield from self._counted_off(form, since)
            return
        paths = self._paths(form)
        seen: set[int] = set()
        for kind, path in paths:
            for raw in self._keyset(form, kind, path, since=since, fields=fields):
                number = int(raw["id"])
                if number not in seen and not is_gone(raw):
                    if len(paths) > 1:  # a deal that is archived meanwhile stands in both lists
                        seen.add(number)
                    yield raw

    def _paths(self, form: Form) -> list[tuple[str, str]]:
        path = self._calls.of(form.place.spec)
        archived = form.place.object == "deal" and self._dials.archived_deals
        return [("list", path), *([("archived", f"{path}/archived")] if archived else [])]

    def _keyset(self, form: Form, kind: str, path: str, *, since: str, fields: str) -> Iterator[Raw]:
        """A list in the order of its ids, so that nothing that is written meanwhile moves a record to a page already read."""
        order = {"sort_by": "id", "sort_direction": "desc" if since else "asc"}
        params: dict[str, str | int] = {**order, **({"custom_fields": fields} if fields else {})}
        for rows in self._calls.pages(kind, path, params=params, object_=form.place.spec):
            for raw in rows:
                if since and int(raw["id"]) <= int(since):
                    return
                yield raw

    def _counted_off(self, form: Form, since: str) -> Iterator[Raw]:
        """A list that v1 counts off: each page begins with the last row of the one before, or rows have moved."""
        spec, order, down = form.place.spec, "id DESC" if since else "id ASC", bool(since)
        most = rows_a_page(form.place.object, self._dials.page_rows)
        start, last = 0, 0
        for _ in range(MOST_PAGES):
            params: dict[str, str | int] = {"start": start, "limit": most, "sort": order}
            answer = must(self._calls.read("list", self._calls.of(spec), params=params, object_=spec), spec.path)
            rows = rows_of(answer)
            first = int(rows[0]["id"]) if rows else 0
            if start and (not rows or (first < last if down else first > last)):
                start = max(0, start - max(1, most // 2))  # some before it were deleted
                continue
            for raw in rows:
                number = int(raw["id"])
                if since and number <= int(since):
                    return
                if not last or (number < last if down else number > last):
                    last = number
                    if not is_gone(raw):
                        yield raw
            if not has_more(answer):
                return
            start += max(1, len(rows) - 1)
        raise DestinationBusy(
            f"the list of {spec.plural} has no end", todo="let nobody work in the account for a moment, then resume"
        )

    def bearing(self, form: Form, keys: Collection[str], *, since: str = "") -> list[Record]:
        """Records that bear one of our keys, found in a list of nothing but the key, and then read in full."""
        marker = form.picture.marker(form.place)
        rows = self.raws(form, since=since, fields=marker.key if marker.custom else "")
        found = [raw for raw in rows if key_of(form, raw) in keys]
        if not marker.custom:
            return [record_of(form, raw) for raw in found]
        return self.read(form, [str(raw["id"]) for raw in found])

    # ------------------------------------------------------------ by value

    def find(self, form: Form, field_: str, values: Iterable[str]) -> list[Record]:
        """Records whose field is one of the values, without regard to case; whatever found them, a look gives the truth."""
        if field_ not in form.wires:
            raise SpecError(f"{form.place.object} has no field {field_!r}", expected=listed(sorted(form.wires)))
        wanted = list(dict.fromkeys(value.strip() for value in values if value.strip()))
        folded = {value.casefold() for value in wanted}
        if not wanted:
            return []
        searched = self._searched(form, field_) if self._dials.find_by == "search" else ""
        records = self.read(form, self._hits(form, searched, wanted)) if searched else self.sweep(form)
        return [record for record in records if folded & _held(record, field_)]

    def _searched(self, form: Form, field_: str) -> str:
        wire = form.wires[field_]
        custom = "custom_fields" if wire.custom and wire.wire_type in SEARCHED_TYPES else ""
        return SEARCHED.get((form.place.object, field_), custom)

    def _hits(self, form: Form, searched: str, values: Sequence[str]) -> list[str]:
        """Ids that a search finds, one value after the other; its index lags behind what is written."""
        path = self._calls.of(form.place.spec, "search")
        found: list[str] = []
        for value in values:
            params: dict[str, str | int] = {"term": value, "fields": searched, "exact_match": "true", "limit": AT_ONCE}
            for _ in range(MOST_PAGES):
                answer = must(self._calls.read("search", path, params=params), path)
                data = answer.data.get("data")
                items = data.get("items") if isinstance(data, dict) else None
                found += [str(hit["item"]["id"]) for hit in items or []]
                cursor = (answer.data.get("additional_data") or {}).get("next_cursor")
                if not cursor:
                    break
                params["cursor"] = str(cursor)
        return list(dict.fromkeys(found))


def _held(record: Record, field_: str) -> set[str]:
    value = record.values.get(field_)
    items = value if isinstance(value, list) else [value]
    return {str(item).strip().casefold() for item in items if item is not None}
