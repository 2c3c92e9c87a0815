"""Pages of Freshsales' views and filters, read to an end that is proven and not only likely."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from workbench.destinations.freshsales.bulk import throttled
from workbench.destinations.freshsales.moments import moment
from workbench.destinations.freshsales.picture import Place
from workbench.destinations.freshsales.records import words_of
from workbench.destinations.freshsales.settings import Dials
from workbench.destinations.http import Answer, Http, Request
from workbench.errors import DestinationBusy, Refused

__all__ = ["Fetch", "Pages", "Pass", "must", "rows_of", "total_of"]

Fetch = Callable[[int], tuple[list[dict[str, Any]], int]]
"""Gives the rows of a page by its number, from 1 on, and how many rows the whole listing counts; -1 where it does not say."""

MOST_PAGES = 100_000
PASSES = 5
"""How often a listing is read again in which rows went missing while it was read."""
LATE = timedelta(minutes=5)
"""By how much a row may bear an earlier moment than others that could be seen before it."""


@dataclass
class Pass:
    """One reading of a listing: which rows came, what it counted, and whether rows went away meanwhile."""

    seen: set[str] = field(default_factory=set)
    total: int = -1  # as told last; -1 where nothing is told
    shrank: bool = False

    def take(self, rows: list[dict[str, Any]], total: int) -> None:
        """Count a page in. Rows that go away move later ones to pages that were read already."""
        self.seen |= {str(row["id"]) for row in rows}
        self.shrank = self.shrank or 0 <= total < self.total
        self.total = total

    def ended(self, rows: list[dict[str, Any]], size: int) -> bool:
        """An empty page ends it; a short one only where it counts as many as came."""
        return not rows or (len(rows) < size and len(self.seen) == self.total)

    @property
    def whole(self) -> bool:
        """Whether nothing can have been missed."""
        return not self.shrank and len(self.seen) >= self.total


class Pages:
    """Reads views and filters page by page; nothing here knows what a row means."""

    def __init__(self, http: Http, dials: Dials) -> None:
        self._http = http
        self._dials = dials

    def view(self, place: Place, view: str, include: str) -> Iterator[dict[str, Any]]:
        """Every row of a view, oldest first; DestinationBusy where no reading of it is whole."""
        yield from self.every(place, lambda page: self.page(place, view, include, page))

    def every(self, place: Place, fetch: Fetch) -> Iterator[dict[str, Any]]:
        """Every row of a listing, given what fetches a page of it by its number; DestinationBusy where none is whole."""
        told: set[str] = set()
        for _ in range(PASSES):
            this = Pass()
            for page in range(1, MOST_PAGES):
                rows, total = fetch(page)
                before = len(this.seen)
                this.take(rows, total)
                fresh = [row for row in rows if str(row["id"]) not in told]
                told |= {str(row["id"]) for row in fresh}
                yield from fresh
                if this.ended(rows, self._dials.page_rows) or len(this.seen) == before:
                    break
            if this.whole:
                return
        raise _restless(place, this)

    def view_since(self, place: Place, view: str, include: str, newest: datetime) -> Iterator[dict[str, Any]]:
        """Rows of a view that were made when this one was its newest, or later; the newest ones first.

        That order is not trusted: where the first row is older than `newest`, where a later one is younger than the one
        before it, or where rows do not tell when they were made, all rows are given.
        """
        told: set[str] = set()
        for _ in range(PASSES):
            this, oldest, reached = Pass(), None, False
            for page in range(1, MOST_PAGES):
                rows, total = self.page(place, view, include, page, way="desc")
                this.take(rows, total)
                fresh = [row for row in rows if str(row["id"]) not in told]
                told |= {str(row["id"]) for row in fresh}
                yield from fresh
                oldest = _descends(rows, oldest)
                if rows and (oldest is None or (page == 1 and _older(rows[0], newest))):
                    yield from (row for row in self.view(place, view, include) if str(row["id"]) not in told)
                    return
                reached = oldest is not None and oldest < newest - LATE
                if reached or this.ended(rows, self._dials.page_rows):
                    break
            if not this.shrank and (reached or this.whole):
                return
        raise _restless(place, this)

    def page(
        self, place: Place, view: str, include: str, page: int, *, way: Literal["asc", "desc"] = "asc"
    ) -> tuple[list[dict[str, Any]], int]:
        """One page of a view by the day of making, and how many rows the view counts; -1 where it does not say."""
        answer = self.answer(place, view, include, page, way=way)
        return rows_of(answer, place), total_of(answer)

    def answer(self, place: Place, view: str, include: str, page: int, *, way: Literal["asc", "desc"] = "asc") -> Answer:
        """One page of a view as it was answered."""
        params: dict[str, str | int] = {"page": page, "per_page": self._dials.page_rows, "include": include}
        params |= {"sort": "created_at", "sort_type": way}
        request = Request("GET", f"{place.spec.path}/view/{view}", params=params, read=True)
        return must(self._http.call(request), place)

    def filtered(self, place: Place, rule: Mapping[str, Any]) -> list[str] | None:
        """Ids of all rows that a filter lets pass; None where it does not know the field."""
        for _ in range(PASSES):
            this = Pass()
            for page in range(1, MOST_PAGES):
                body = {"filter_rule": [dict(rule)], "page": page, "per_page": self._dials.page_rows}
                path = f"filtered_search/{place.spec.wrapper}"
                answer = self._http.call(Request("POST", path, body=body, read=True, busy=throttled))
                if not (answer.good and isinstance(answer.data, dict)):
                    return None
                rows = rows_of(answer, place)
                this.take(rows, total_of(answer))
                if this.ended(rows, self._dials.page_rows):
                    break
            if this.whole:
                return sorted(this.seen, key=lambda number: (len(number), number))
        raise _restless(place, this)


def must(answer: Answer, place: Place) -> Answer:
    """A usable answer, or Refused with the account's words."""
    if answer.good and isinstance(answer.data, dict):
        return answer
    words = "; ".join(words_of(answer.data)) or str(answer.status)
    raise Refused(f"the account does not show its {place.spec.plural}", found=words)


def _descends(rows: list[dict[str, Any]], oldest: datetime | None) -> datetime | None:
    """The moment of the last row of a page whose rows come newest first, none above `oldest`; None where they do not."""
    for row in rows:
        made = moment(row.get("created_at"))
        if made is None or (oldest is not None and made > oldest):
            return None
        oldest = made
    return oldest


def _older(row: Mapping[str, Any], newest: datetime) -> bool:
    made = moment(row.get("created_at"))
    return made is None or made < newest


def rows_of(answer: Answer, place: Place) -> list[dict[str, Any]]:
    """The records of a page, as they came."""
    rows = answer.data.get(place.spec.plural)
    return [row for row in rows if isinstance(row, dict) and row.get("id")] if isinstance(rows, list) else []


def total_of(answer: Answer) -> int:
    """How many rows a listing counts; -1 where it does not say."""
    meta = answer.data.get("meta")
    total = meta.get("total") if isinstance(meta, dict) else None
    return total if isinstance(total, int) and not isinstance(total, bool) else -1


def _restless(place: Place, last: Pass) -> DestinationBusy:
    count = f"{len(last.seen)} of the {last.total} records that it counts" if last.total >= 0 else f"{len(last.seen)} records"
    return DestinationBusy(
        f"a list of {place.spec.plural} did not come whole in {PASSES} readings",
        found=f"the last one showed {count}" + (", and some went away meanwhile" if last.shrank else ""),
        todo="let nobody delete records for a moment, then resume",
    )
