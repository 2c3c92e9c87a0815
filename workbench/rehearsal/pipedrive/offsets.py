"""Lists of v1: pages by offset, sorting and the moments in their queries."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from workbench.rehearsal.engine import House, Json, Record, Reply, as_json
from workbench.rehearsal.pipedrive.answers import Asked, no, page_v1
from workbench.rehearsal.pipedrive.former import Former
from workbench.rehearsal.pipedrive.shapes import day
from workbench.rehearsal.pipedrive.stamps import seconds_of

DEFAULT, MOST = 100, 500
FAR = 10**15
"""A place beyond every list."""
BUILT_IN: Mapping[str, str] = {"id": "id", "add_time": "created", "update_time": "updated"}
Keep = Callable[[Record], bool]
Among = tuple[str, tuple[object, ...]]
"""A condition of the state, and its values."""
Cut = Callable[[int, int], list[Record]]
"""Records from a place on, so many."""


class Offsets:
    """Pages of the records of one kind, as ``start`` and ``limit`` cut them."""

    def __init__(self, house: House, former: Former) -> None:
        self._house = house
        self._former = former

    def span(self, asked: Asked, most: int = MOST) -> tuple[int, int]:
        """``start`` and ``limit`` of a query; a limit above the greatest is cut down or refused, as the switch says."""
        start, limit = (whole(asked, name, default) for name, default in (("start", 0), ("limit", min(DEFAULT, most))))
        if limit > most:
            if self._house.switches["limit_above"] == "reject":
                no(asked.version, 400, f"limit must be at most {most}")
            limit = most
        return start, max(limit, 1)

    def page(self, asked: Asked, rows: Sequence[object], most: int = MOST) -> Reply:
        """The page of rows that are all at hand."""
        start, limit = self.span(asked, most)
        return page_v1(rows[start : start + limit], start=start, limit=limit, more=len(rows) > start + limit)

    def listed(
        self,
        asked: Asked,
        kind: str,
        show: Callable[[Record], Json],
        *,
        keep: Keep | None = None,
        facet: str | None = None,
        below: tuple[str, int] | None = None,
        sortable: Sequence[str] = (),
        most: int = MOST,
        empty: object = None,
    ) -> Reply:
        """A page of the live records of a kind and facet that hang on the one ``below`` which they are asked for, and pass
        ``keep``; an empty page holds ``empty``."""
        start, limit = self.span(asked, most)
        order = _order(asked.query.get("sort", ""), sortable)
        found = self._found(asked, _among(kind, facet, below), keep, order)(start, limit + 1)
        reply = page_v1([show(record) for record in found[:limit]], start=start, limit=limit, more=len(found) > limit)
        if found or empty is None:
            return reply
        pagination = {"start": start, "limit": limit, "more_items_in_collection": False}
        return as_json({"success": True, "data": empty, "additional_data": {"pagination": pagination}})

    def _found(self, asked: Asked, among: Among, keep: Keep | None, order: str) -> Cut:
        """The records of a condition, to be cut; only where nothing else picks among them the state cuts them."""
        state, lag = self._house.state, self._former.list_lag
        where, values = among
        if keep is None and not lag:
            return lambda start, size: state.select(where, values, order=order, limit=size, offset=start)
        records = state.select(where, values, order=order)
        if lag:
            records = self._former.seen(records, asked.now - lag)
        picked = [record for record in records if keep is None or keep(record)]
        return lambda start, size: picked[start : start + size]


def _among(kind: str, facet: str | None, below: tuple[str, int] | None) -> Among:
    where: str = "kind = ? AND deleted IS NULL"
    values: tuple[object, ...] = (kind,)
    if facet is not None:
        where, values = f"{where} AND facet = ?", (*values, facet)
    if below is not None:
        children = "SELECT child FROM link WHERE link.kind = ? AND link.parent = ? AND link.child_kind = ?"
        where, values = f"{where} AND id IN ({children})", (*values, *below, kind)
    return where, values


def moment_of(text: str) -> float | None:
    """Seconds since 1970 of a day, a v1 moment or RFC 3339; none where it is none of these."""
    return seconds_of(f"{text} 00:00:00") if day(text) is None else seconds_of(text)


def since(asked: Asked, name: str) -> float | None:
    """A moment of the query; refused where it is none."""
    text = asked.query.get(name)
    if text is None:
        return None
    found = moment_of(text.replace(" ", "+") if re.search(r"T.* \d\d:\d\d$", text) else text)
    if found is None:
        no(asked.version, 400, f"{name} is not a valid date and time")
    return found


def whole(asked: Asked, name: str, default: int) -> int:
    """A whole number of the query, the default where it is none; one beyond every list stays beyond it."""
    text = asked.query.get(name, "")
    if not (text.isascii() and text.isdecimal()):
        return default
    return min(int(text), FAR) if len(text) < 20 else FAR


def _order(sort: str, sortable: Sequence[str]) -> str:
    """``update_time DESC, id ASC`` as an order of the state; fields that cannot be sorted by are passed over."""
    terms = []
    for part in filter(None, (text.strip() for text in sort.split(","))):
        name, _, direction = part.partition(" ")
        if name in ("id", *sortable):
            column = BUILT_IN.get(name, f"json_extract(body, '$.{name}')")
            terms.append(f"{column} {'DESC' if direction.strip().upper() == 'DESC' else 'ASC'}")
    return ", ".join([*terms, "id"])
