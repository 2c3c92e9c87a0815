"""What hangs on a record of Freshsales and is named by no list of its own: sales activities in its feed, and documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench.destinations.freshsales.pages import must
from workbench.destinations.freshsales.picture import Place
from workbench.destinations.http import Http, Request
from workbench.errors import Refused

__all__ = ["BESIDE", "beside_it"]

BESIDE = ("contact", "deal", "sales_account", "lead")
"""Kinds of record that have a feed and documents."""
SALES_ACTIVITY = "salesactivity"
DOCUMENTS = {"documents": "document", "document_links": "document_link"}
MOST_PAGES = 40


def beside_it(http: Http, place: Place, number: str) -> list[tuple[str, str]]:
    """(kind, id) of the sales activities and documents of a record; Refused where the account does not show them."""
    path = f"{place.spec.path}/{number}"
    found = [*_activities(http, place, path)]
    answer = must(http.call(Request("GET", f"{path}/document_associations", read=True)), place)
    found += [(kind, str(row["id"])) for name, kind in DOCUMENTS.items() for row in answer.data.get(name) or []]
    return list(dict.fromkeys(found))


def _activities(http: Http, place: Place, path: str) -> Iterator[tuple[str, str]]:
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


def _folded(text: Any) -> str:
    return str(text or "").replace("_", "").casefold()
