"""Reading an account of Freshsales: records by id, all of an object, by a field's value, and what hangs on one."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from workbench.destinations import Record
from workbench.destinations.freshsales.children import Children
from workbench.destinations.freshsales.moments import date_of, moment
from workbench.destinations.freshsales.pages import Pages, must, rows_of
from workbench.destinations.freshsales.picture import Picture, Place
from workbench.destinations.freshsales.records import held, includes, record_of
from workbench.destinations.freshsales.settings import Dials
from workbench.destinations.http import Answer, Http, Request
from workbench.errors import EngagementError, Refused, SpecError, listed

__all__ = ["Reader", "wrapped"]

FOUND_AT_ONCE = 100
FEW = 4
"""So many records are always looked at one by one; of more, a page of a list shows many in one call."""
FILTERS = {("contact", "emails"): "contact_email.email", ("lead", "emails"): "email"}
"""Names that filters use for a field, where they differ from its key."""


class Reader:
    """What an account shows, as records in declared names; nothing here changes anything."""

    def __init__(self, http: Http, dials: Dials, *, lag: float) -> None:
        self._http = http
        self._dials = dials
        self._lag = lag  # real seconds
        self.pages = Pages(http, dials)
        self._below = Children(http, dials)
        self._lock = threading.Lock()
        self._named: dict[str, list[str]] = {}
        self._finds: dict[str, bool] = {}  # plural → whether a filter finds records by our key, once that is known

    # ------------------------------------------------------------ by id

    def read(self, place: Place, picture: Picture, ids: Sequence[str]) -> list[Record]:
        """These records in full; whatever is gone or lies in the recycle bin is left out.

        Many are taken from the newest pages of the list, as far as that costs fewer calls than one look each; what is not
        shown there is looked at by itself, so that what is left out is surely gone.
        """
        found = self._listed(place, picture, ids) if len(ids) > FEW else {}
        for number in ids:
            if number not in found and (record := self._one(place, picture, number)) is not None:
                found[number] = record
        return [found[number] for number in dict.fromkeys(ids) if number in found]

    def _one(self, place: Place, picture: Picture, number: str) -> Record | None:
        params, at = {"include": self._included(place, picture)}, time.monotonic()
        answer = self._http.call(Request("GET", f"{place.spec.path}/{number}", params=params, read=True))
        if answer.status == 404:
            return None
        raw = wrapped(must(answer, place), place)
        return None if raw.get("is_deleted") else self._shown(place, picture, raw, at)

    def _included(self, place: Place, picture: Picture) -> str:
        """What a look at a record is to show: its links, and what hangs on it where that is asked."""
        return ",".join(filter(None, (self._include(place, picture), self._below.words(place))))

    def _shown(self, place: Place, picture: Picture, raw: Mapping[str, Any], at: float) -> Record:
        self._below.saw(place, raw, at)
        return record_of(picture, place, raw)

    def _listed(self, place: Place, picture: Picture, ids: Sequence[str]) -> dict[str, Record]:
        """As many of these records as the newest pages of the views show, with at most one page for every two of them."""
        wanted, found = set(ids), dict[str, Record]()
        left = len(wanted) // 2
        for view in self.views(place):
            page = 0
            while left > 0 and wanted - found.keys():
                page, left = page + 1, left - 1
                at = time.monotonic()
                rows, total = self.pages.page(place, view, self._included(place, picture), page, way="desc")
                mine = [row for row in rows if not row.get("is_deleted") and str(row["id"]) in wanted - found.keys()]
                fresh = {str(row["id"]): self._shown(place, picture, row, at) for row in mine}
                found |= fresh
                rest = -(-total // self._dials.page_rows) - page
                if not rows or rest == 0 or (len(fresh) < 2 and not 0 < rest <= left):  # no cheaper than one look each
                    break
        return found

    # ------------------------------------------------------------ all of an object

    def newest(self, place: Place) -> str:
        """Where the views stand now: the moment of each one's newest record, or of the answer where it is empty."""
        marks = []
        for view in self.views(place):
            answer = self.pages.answer(place, view, "", 1, way="desc")
            rows = rows_of(answer, place)
            made = moment(rows[0].get("created_at")) if rows else date_of(answer)
            if made is None:
                return ""
            marks.append(f"{view}={made.isoformat()}")
        return " ".join(marks)

    def sweep(self, place: Place, picture: Picture, *, since: str = "") -> Iterator[Record]:
        """Every record, from the views, each once, though it may stand in several views; see `Pages` for their order.

        With `since`, an answer of `newest`, a view is read from its newest record down to where it stood then.
        """
        marks = {view: made for view, _, made in (mark.partition("=") for mark in since.split())}
        if self._dials.created_at == "honoured":
            marks = {}
        seen: set[str] = set()
        include = self._include(place, picture)
        for view in self.views(place):
            mark = moment(marks.get(view))
            pages = self.pages
            rows = pages.view_since(place, view, include, mark) if mark else pages.view(place, view, include)
            for raw in rows:
                record = record_of(picture, place, raw)
                if record.id not in seen and not raw.get("is_deleted"):
                    seen.add(record.id)
                    if not place.shared or _is_lead(picture, record, raw) == (place.object == "lead"):
                        yield record

    def _include(self, place: Place, picture: Picture) -> str:
        return includes(picture, place, lifecycle=self._dials.lifecycle_include)

    def views(self, place: Place) -> list[str]:
        """The views whose union is every record, by number."""
        with self._lock:
            known = self._named.get(place.kept_as)
        if known is not None:
            return known
        wanted = self._dials.views(place.kept_as, place.spec.views)
        answer = must(self._http.call(Request("GET", f"{place.spec.path}/filters", read=True)), place)
        there = {str(row["name"]): str(row["id"]) for row in answer.data.get("filters", [])}
        missing = [name for name in wanted if name not in there]
        if missing:
            raise EngagementError(
                f"the account has no view {listed(missing)} of {place.spec.plural}, so they cannot all be seen",
                expected=listed(wanted),
                found=listed(sorted(there), limit=40),
                todo=f"name the views that show every record in the setting views_{place.kept_as}, divided by semicolons",
            )
        found = list(dict.fromkeys(there[name] for name in wanted))
        with self._lock:
            self._named[place.kept_as] = found
        return found

    # ------------------------------------------------------------ by our key

    def bearing(self, place: Place, picture: Picture, keys: Collection[str], *, since: str) -> list[Record]:
        """Every record that bears one of our keys, by a filter where that is proven to find them, else by a sweep."""
        wanted = list(dict.fromkeys(key for key in keys if key))
        found = self._by_filter(place, picture, wanted) if wanted and self._dials.find_by == "filter" else None
        if found is None and wanted:
            within = set(wanted)
            found = [record for record in self.sweep(place, picture, since=since) if record.key in within]
        return found or []

    def _by_filter(self, place: Place, picture: Picture, keys: Sequence[str]) -> list[Record] | None:
        """The records, by one call for a hundred keys and the records in full; None where a sweep is cheaper or safer."""
        if self._finds.get(place.spec.plural) is False or not self._cheaper(place, keys):
            return None
        attribute = picture.marker(place).key
        hits: list[str] = []
        for start in range(0, len(keys), FOUND_AT_ONCE):
            found = self.pages.filtered(place, _among(attribute, keys[start : start + FOUND_AT_ONCE]))
            if found is None:
                self._finds[place.spec.plural] = False
                return None
            hits += found
        within = set(keys)
        records = [record for record in self.read(place, picture, hits) if record.key in within]
        if records:
            self._finds[place.spec.plural] = True
        elif not self._proven(place, picture, attribute):
            return None
        return records

    def _cheaper(self, place: Place, keys: Sequence[str]) -> bool:
        """Whether asking for so many keys, and for the records that bear them, costs fewer calls than the whole list."""
        if len(keys) <= FOUND_AT_ONCE:
            return True
        totals = [self.pages.page(place, view, "", 1)[1] for view in self.views(place)]
        pages = sum(-(-total // self._dials.page_rows) for total in totals) if min(totals) >= 0 else len(keys)
        return 2 * -(-len(keys) // FOUND_AT_ONCE) < pages

    def _proven(self, place: Place, picture: Picture, attribute: str) -> bool:
        """Whether the filter has found a record by our key before, or finds one now of which we know that it is there.

        A filter that ignores a field that it does not know would answer "none" for ever.
        """
        plural = place.spec.plural
        if plural not in self._finds:
            for view in self.views(place):
                answer = self.pages.answer(place, view, "", 1, way="desc")
                ours = [(record_of(picture, place, row).key, row) for row in rows_of(answer, place)]
                for key, row in [pair for pair in ours if pair[0]][-1:]:
                    found = self.pages.filtered(place, _among(attribute, [key])) or []
                    if str(row["id"]) in found:
                        self._finds[plural] = True
                    elif self._settled(row, answer):
                        self._finds[plural] = False
                    break
        return self._finds.get(plural, False)

    def _settled(self, row: Mapping[str, Any], answer: Answer) -> bool:
        """Whether a record has not been changed for longer than a search may lag."""
        changed, now = moment(row.get("updated_at")), date_of(answer)
        return changed is not None and now is not None and changed < now - timedelta(seconds=2 * self._lag + 1)

    # ------------------------------------------------------------ by a field

    def find(self, place: Place, picture: Picture, field_: str, values: Iterable[str]) -> list[Record]:
        """Records whose field is one of the values, without regard to case; a search gives the hits, a look the truth."""
        wire = picture.wires[place.object].get(field_)
        if wire is None:
            raise SpecError(f"{place.object} has no field {field_!r}", expected=listed(sorted(picture.wires[place.object])))
        wanted = list(dict.fromkeys(value for value in values if value))
        hits: list[str] = []
        for start in range(0, len(wanted), FOUND_AT_ONCE):
            part = wanted[start : start + FOUND_AT_ONCE]
            filtered = self.pages.filtered(place, _among(FILTERS.get((place.kept_as, field_), wire.key), part))
            hits += self._looked_up(place, wire.key, part) if filtered is None else filtered
        folded = {value.strip().casefold() for value in wanted}
        records = self.read(place, picture, list(dict.fromkeys(hits)))
        return [record for record in records if folded & held(record, field_)]

    def _looked_up(self, place: Place, key: str, values: Sequence[str]) -> list[str]:
        """Ids by looking up one value after the other."""
        found = []
        for value in values:
            params = {"q": value, "f": "email" if key == "emails" else key, "entities": place.spec.wrapper}
            answer = must(self._http.call(Request("GET", "lookup", params=params, read=True)), place)
            group = answer.data.get(place.spec.plural) or {}
            found += [str(row["id"]) for row in group.get(place.spec.plural, [])]
        return found

    def children(self, place: Place, number: str) -> list[tuple[str, str]]:
        """What hangs on a record, as (kind, id): records, activities of all kinds, documents; Refused where it is not shown."""
        return self._below.of(place, number)


def wrapped(answer: Answer, place: Place) -> dict[str, Any]:
    """The record of an answer, which may come without its wrapper."""
    data = answer.data if isinstance(answer.data, dict) else {}
    inner = data.get(place.spec.wrapper, data)
    return inner if isinstance(inner, dict) else {}


def _among(attribute: str, values: Sequence[str]) -> dict[str, Any]:
    return {"attribute": attribute, "operator": "is_in", "value": list(values)}


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
