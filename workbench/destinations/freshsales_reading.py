"""Reading an account of Freshsales: records by id, all of an object, by a field's value, and what hangs on one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from workbench.destinations import Record
from workbench.destinations.freshsales_bulk import throttled
from workbench.destinations.freshsales_picture import Picture, Place
from workbench.destinations.freshsales_records import includes, record_of, words_of
from workbench.destinations.freshsales_settings import Dials
from workbench.destinations.http import Answer, Http, Request
from workbench.errors import DestinationBusy, EngagementError, Refused, SpecError, listed

__all__ = ["Reader", "wrapped"]

FOUND_AT_ONCE = 100
CHILDREN = ("deal", "contact", "note", "task", "appointment")
MOST_PAGES = 100_000
FILTERS = {("contact", "emails"): "contact_email.email", ("lead", "emails"): "email"}
"""Names that filters use for a field, where they differ from its key."""


class Reader:
    """What an account shows, as records in declared names; nothing here changes anything."""

    def __init__(self, http: Http, dials: Dials) -> None:
        self._http = http
        self._dials = dials

    def read(self, place: Place, picture: Picture, ids: Sequence[str]) -> list[Record]:
        """These records in full; whatever is gone or lies in the recycle bin is left out."""
        found = []
        for number in ids:
            params = {"include": includes(picture, place, lifecycle=self._dials.lifecycle_include)}
            answer = self._http.call(Request("GET", f"{place.spec.path}/{number}", params=params, read=True))
            if answer.status == 404:
                continue
            raw = wrapped(_must(answer, place), place)
            if not raw.get("is_deleted"):
                found.append(record_of(picture, place, raw))
        return found

    def sweep(self, place: Place, picture: Picture) -> Iterator[Record]:
        """Every record, from the views, oldest first; each once, though it may stand in several views."""
        seen: set[str] = set()
        for view in self._views(place):
            for raw in self._view_rows(place, view, includes(picture, place, lifecycle=self._dials.lifecycle_include)):
                record = record_of(picture, place, raw)
                if record.id not in seen and not raw.get("is_deleted"):
                    seen.add(record.id)
                    if not place.shared or _is_lead(picture, record, raw) == (place.object == "lead"):
                        yield record

    def _views(self, place: Place) -> list[str]:
        wanted = self._dials.views(place.kept_as, place.spec.views)
        answer = _must(self._http.call(Request("GET", f"{place.spec.path}/filters", read=True)), place)
        there = {str(row["name"]): str(row["id"]) for row in answer.data.get("filters", [])}
        missing = [name for name in wanted if name not in there]
        if missing:
            raise EngagementError(
                f"the account has no view {listed(missing)} of {place.spec.plural}, so they cannot all be seen",
                expected=listed(wanted),
                found=listed(sorted(there), limit=40),
                todo=f"name the views that show every record in the setting views_{place.kept_as}, divided by semicolons",
            )
        return [there[name] for name in wanted]

    def _view_rows(self, place: Place, view: str, include: str) -> Iterator[dict[str, Any]]:
        """All rows of one view; read once more where fewer came than it counts, as rows moved while it was read."""
        seen: set[str] = set()
        total = 0
        for _ in range(3):
            for page in range(1, MOST_PAGES):
                rows, total = self._page(place, view, include, page)
                fresh = [row for row in rows if str(row["id"]) not in seen]
                seen |= {str(row["id"]) for row in fresh}
                yield from fresh
                if len(rows) < self._dials.page_rows:
                    break
            if len(seen) >= total:
                return
        raise DestinationBusy(
            f"a view of {place.spec.plural} shows {len(seen)} of its {total} records",
            todo="let nobody work in the account for a moment, then resume",
        )

    def _page(self, place: Place, view: str, include: str, page: int) -> tuple[list[dict[str, Any]], int]:
        params: dict[str, str | int] = {"page": page, "per_page": self._dials.page_rows, "include": include}
        params |= {"sort": "created_at", "sort_type": "asc"}
        path = f"{place.spec.path}/view/{view}"
        answer = _must(self._http.call(Request("GET", path, params=params, read=True)), place)
        meta = answer.data.get("meta") or {}
        return list(answer.data.get(place.spec.plural) or []), int(meta.get("total") or 0)

    def find(self, place: Place, picture: Picture, field_: str, values: Iterable[str]) -> list[Record]:
        """Records whose field is one of the values, without regard to case; a search gives the hits, a look the truth."""
        wire = picture.wires[place.object].get(field_)
        if wire is None:
            raise SpecError(f"{place.object} has no field {field_!r}", expected=listed(sorted(picture.wires[place.object])))
        wanted = list(dict.fromkeys(value for value in values if value))
        hits: list[str] = []
        for start in range(0, len(wanted), FOUND_AT_ONCE):
            part = wanted[start : start + FOUND_AT_ONCE]
            filtered = self._filtered(place, FILTERS.get((place.kept_as, field_), wire.key), part)
            hits += self._looked_up(place, wire.key, part) if filtered is None else filtered
        folded = {value.strip().casefold() for value in wanted}
        records = self.read(place, picture, list(dict.fromkeys(hits)))
        return [record for record in records if folded & _held(record, field_)]

    def _filtered(self, place: Place, attribute: str, values: Sequence[str]) -> list[str] | None:
        """Ids that the filter finds, its rows being partial; None where it does not know the field."""
        rule = {"attribute": attribute, "operator": "is_in", "value": list(values)}
        found: list[str] = []
        for page in range(1, MOST_PAGES):
            body = {"filter_rule": [rule], "page": page, "per_page": self._dials.page_rows}
            answer = self._http.call(
                Request("POST", f"filtered_search/{place.spec.wrapper}", body=body, read=True, busy=throttled)
            )
            if not (answer.good and isinstance(answer.data, dict)):
                return None
            rows = answer.data.get(place.spec.plural) or []
            found += [str(row["id"]) for row in rows]
            if len(rows) < self._dials.page_rows:
                break
        return found

    def _looked_up(self, place: Place, key: str, values: Sequence[str]) -> list[str]:
        """Ids by looking up one value after the other."""
        found = []
        for value in values:
            params = {"q": value, "f": "email" if key == "emails" else key, "entities": place.spec.wrapper}
            answer = _must(self._http.call(Request("GET", "lookup", params=params, read=True)), place)
            group = answer.data.get(place.spec.plural) or {}
            found += [str(row["id"]) for row in group.get(place.spec.plural, [])]
        return found

    def children(self, place: Place, number: str) -> list[tuple[str, str]]:
        """What hangs on a record, as (kind, id): deals, contacts, notes, tasks, appointments; Refused where it is not shown."""
        below = {"contact": ("contacts",), "deal": ("deals", "contacts")}.get(place.kept_as, ())
        params = {"include": ",".join(f"{kind}s" for kind in CHILDREN if f"{kind}s" not in below)}
        answer = self._http.call(Request("GET", f"{place.spec.path}/{number}", params=params, read=True))
        raw = {} if answer.status == 404 else wrapped(_must(answer, place), place)
        return [(kind, str(child)) for kind in CHILDREN for child in raw.get(f"{kind}_ids") or []]


def wrapped(answer: Answer, place: Place) -> dict[str, Any]:
    """The record of an answer, which may come without its wrapper."""
    data = answer.data if isinstance(answer.data, dict) else {}
    inner = data.get(place.spec.wrapper, data)
    return inner if isinstance(inner, dict) else {}


def _must(answer: Answer, place: Place) -> Answer:
    if answer.good and isinstance(answer.data, dict):
        return answer
    words = "; ".join(words_of(answer.data)) or str(answer.status)
    raise Refused(f"the account does not show its {place.spec.plural}", found=words)


def _is_lead(picture: Picture, record: Record, raw: Mapping[str, Any]) -> bool:
    """Whether a contact is a lead of ours by the feed in its key, or else by its lifecycle stage."""
    parts = record.key.split(":")
    if len(parts) >= 3:
        return parts[1] == "leads"
    if "lifecycle_stage_id" not in raw:
        raise Refused(
            "the account does not show lifecycle stages, so its leads and contacts cannot be told apart",
            todo="set lifecycle_include to the word that its API takes, such as lifecycle_stages",
        )
    return bool(picture.lead_stage) and str(raw.get("lifecycle_stage_id")) == picture.lead_stage


def _held(record: Record, field_: str) -> set[str]:
    value = record.values.get(field_)
    items = value if isinstance(value, list) else [value]
    return {str(item).strip().casefold() for item in items if item is not None}
