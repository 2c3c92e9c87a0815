"""What hangs on records of Freshsales, in as few calls as show it: most of it comes with the record as it is read.

Whoever asks for one record what hangs on it is about to ask it of many, as a rollback does: from the first such question
on, each look at a record of that kind brings along what hangs on it, be it one of a page of a hundred. Sales activities
come from one list of all, read after the look. Documents are shown by nothing but a call for each record.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.destinations.freshsales.bulk import throttled
from workbench.destinations.freshsales.pages import must
from workbench.destinations.freshsales.picture import Place
from workbench.destinations.freshsales.settings import Dials
from workbench.destinations.http import Http, Request
from workbench.errors import Refused

__all__ = ["Children"]

KINDS = ("deal", "contact", "note", "task", "appointment")
ABOVE: Mapping[str, tuple[str, ...]] = {"contact": ("contact",), "deal": ("deal", "contact")}
"""Kinds that are asked for of no record of a kind: the contacts of a deal do not hang on it."""
BESIDE: Mapping[str, str] = {"contact": "Contact", "deal": "Deal", "sales_account": "SalesAccount", "lead": "Lead"}
"""Kinds of record that have sales activities and documents, and what those call them."""
SALES_ACTIVITY, ACCOUNT = "salesactivity", "sales_account"
DOCUMENTS = {"documents": "file", "document_links": "document_link"}
LINE = "deal_product"
MOST_PAGES = 40
REMEMBERED = 60.0
"""Seconds after which nobody asks any more for what hung on a record when it was read."""
Child = tuple[str, str]


@dataclass(frozen=True)
class _Seen:
    """What hung on a record, and when the look began that showed it."""

    children: tuple[Child, ...]
    at: float


class Children:
    """What hangs on the records of one account; used by all lanes."""

    def __init__(self, http: Http, dials: Dials) -> None:
        self._http = http
        self._rows = dials.page_rows
        self._lock = threading.Lock()
        self._asked: set[str] = set()  # kinds of record of which somebody has asked it
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._activities = _Activities(http, dials)

    def words(self, place: Place) -> str:
        """What a look at such a record is to include for this; empty while nobody has asked."""
        return _words(place) if place.kept_as in self._asked else ""

    def saw(self, place: Place, raw: Mapping[str, Any], at: float) -> None:
        """Remember what a record as it was shown says of this, if it was asked; `at` is when the look began."""
        if place.kept_as not in self._asked or not all(f"{kind}_ids" in raw for kind in _kinds(place)):
            return
        with self._lock:
            for old in [key for key, seen in self._seen.items() if seen.at < at - REMEMBERED]:
                del self._seen[old]
            self._seen[place.kept_as, str(raw["id"])] = _Seen(_below(place, raw), at)

    def of(self, place: Place, number: str) -> list[Child]:
        """(kind, id) of everything that hangs on a record, once for each look at it; Refused where it is not shown."""
        with self._lock:
            self._asked.add(place.kept_as)
            seen = self._seen.pop((place.kept_as, number), None)
            waiting = sum(kind == place.kept_as for kind, _ in self._seen)
        if seen is None and (seen := self._look(place, number)) is None:
            return []
        found = list(seen.children)
        if place.kept_as == ACCOUNT:
            found += self._accounts(place, number)
        if place.kept_as in BESIDE:
            found += self._activities.of(place, number, since=seen.at, waiting=waiting)
            found += self._documents(place, number)
        return list(dict.fromkeys(found))

    def _look(self, place: Place, number: str) -> _Seen | None:
        """By a look at the record itself; None where it is gone."""
        at = time.monotonic()
        params = {"include": _words(place)}
        answer = self._http.call(Request("GET", f"{place.spec.path}/{number}", params=params, read=True))
        if answer.status == 404:
            return None
        data = must(answer, place).data
        inner = data.get(place.spec.wrapper, data)
        return _Seen(_below(place, inner if isinstance(inner, dict) else {}), at)

    def _accounts(self, place: Place, number: str) -> list[Child]:
        """Accounts below an account, as far as a filter shows them: taking this one away would cut them off for good."""
        rule = {"attribute": "parent_sales_account_id", "operator": "is_in", "value": [number]}
        body = {"filter_rule": [rule], "page": 1, "per_page": self._rows}
        answer = self._http.call(Request("POST", f"filtered_search/{place.spec.wrapper}", body=body, read=True, busy=throttled))
        rows = answer.data.get(place.spec.plural) if answer.good and isinstance(answer.data, dict) else None
        return [(ACCOUNT, str(row["id"])) for row in rows or [] if isinstance(row, dict) and row.get("id")]

    def _documents(self, place: Place, number: str) -> list[Child]:
        path = f"{place.spec.path}/{number}/document_associations"
        answer = must(self._http.call(Request("GET", path, read=True)), place)
        return [(kind, str(row["id"])) for name, kind in DOCUMENTS.items() for row in answer.data.get(name) or []]


class _Activities:
    """Sales activities by the record on which they hang: all from one list, or a record's own from its feed."""

    def __init__(self, http: Http, dials: Dials) -> None:
        self._http = http
        self._rows = dials.page_rows
        self._lock = threading.Lock()
        self._pages = 1  # of the list, as it was read last
        self._by: dict[tuple[str, str], list[Child]] = {}
        self._at: float | None = None  # when the reading of it began

    def of(self, place: Place, number: str, *, since: float, waiting: int) -> list[Child]:
        """Those of a record, as they were after a moment; `waiting` more records will be asked about like this one.

        The list is read anew where it is older, unless the feeds of all these records are fewer pages than it.
        """
        with self._lock:
            stale = self._at is None or self._at < since
            if stale and (self._pages > waiting + 1 or not self._read()):
                return list(_fed(self._http, place, f"{place.spec.path}/{number}"))
            return self._by.get((BESIDE[place.kept_as], number), [])

    def _read(self) -> bool:
        """The whole list; False where it is not shown, where it says not what its rows hang on, or where rows went away."""
        at, by, seen = time.monotonic(), dict[tuple[str, str], list[Child]](), set[str]()
        for page in range(1, MOST_PAGES + 1):
            params: dict[str, str | int] = {"page": page, "per_page": self._rows}
            answer = self._http.call(Request("GET", "sales_activities", params=params, read=True))
            rows = answer.data.get("sales_activities") if answer.good and isinstance(answer.data, dict) else None
            meta = answer.data.get("meta") if isinstance(answer.data, dict) else None
            total = meta.get("total") if isinstance(meta, dict) else None
            if not isinstance(rows, list) or not isinstance(total, int) or not all(row.get("targetables") for row in rows):
                self._pages = MOST_PAGES * self._rows
                return False
            self._pages = max(1, -(-total // self._rows))
            seen |= {str(row["id"]) for row in rows}
            for row in rows:
                for target in row["targetables"]:
                    by.setdefault((str(target["type"]), str(target["id"])), []).append(("sales_activity", str(row["id"])))
            if not rows or len(seen) >= total:
                whole = len(seen) == total
                self._by, self._at = (by, at) if whole else (self._by, self._at)
                return whole
        return False


def _fed(http: Http, place: Place, path: str) -> Iterator[Child]:
    """The feed tells of what was done, newest first; each entry is named after what it is about: `salesactivity_7_create`."""
    for page in range(1, MOST_PAGES + 1):
        answer = must(http.call(Request("GET", f"{path}/activities", params={"page": page}, read=True)), place)
        rows = answer.data.get("activities") or []
        for row in rows:
            if _folded(row.get("actionable_type")) == SALES_ACTIVITY:
                yield "sales_activity", str(row.get("actionable_id"))
            else:
                model, _, rest = str(row.get("composite_id") or "").rpartition("_")[0].rpartition("_")
                if _folded(model) == SALES_ACTIVITY:
                    yield "sales_activity", rest
        if not rows or not (answer.data.get("meta") or {}).get("has_next"):
            return
    raise Refused("the feed of a record is too long to be read whole", where=path, todo="look at it in the account")


def _kinds(place: Place) -> list[str]:
    return [kind for kind in KINDS if kind not in ABOVE.get(place.kept_as, ())]


def _words(place: Place) -> str:
    lines = ["products"] if place.kept_as == "deal" else []
    return ",".join([*(f"{kind}s" for kind in _kinds(place)), *lines])


def _below(place: Place, raw: Mapping[str, Any]) -> tuple[Child, ...]:
    lines = raw.get("products") or [] if place.kept_as == "deal" else []
    found = [(kind, str(child)) for kind in _kinds(place) for child in raw.get(f"{kind}_ids") or []]
    return (*found, *((LINE, str(line["association_id"])) for line in lines))


def _folded(text: Any) -> str:
    return str(text or "").replace("_", "").casefold()
