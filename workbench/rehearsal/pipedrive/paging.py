"""Pages of the short lists of the Pipedrive rehearsal, which are read whole and then cut at a cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.rehearsal.engine import Json, Reply, Switches
from workbench.rehearsal.pipedrive.answers import invalid, page_v2
from workbench.rehearsal.pipedrive.cursors import held_in, packed
from workbench.rehearsal.pipedrive.shapes import Check, one_of, text, whole

USUAL, MOST = 100, 500


def paged_query(sortable: Sequence[str]) -> Mapping[str, Check]:
    """The query parameters of a v2 list."""
    return {"limit": whole, "cursor": text, "sort_by": one_of(*sortable), "sort_direction": one_of("asc", "desc")}


def paged(rows: Sequence[Json], query: Mapping[str, str], switches: Switches, *, hidden: Sequence[str] = ()) -> Reply:
    """One page of a v2 list, in the order asked for; a cursor names the last row seen, so that new rows break nothing.

    Every row has an id; ``hidden`` keys are not answered.
    """
    limit = limit_of(query, switches)
    name, down = query.get("sort_by", "id"), query.get("sort_direction") == "desc"
    rows = sorted(rows, key=lambda row: _key(row, name), reverse=down)
    seen = held_in(query.get("cursor"), _seen, switches)
    if seen is not None:
        rows = [row for row in rows if (_key(row, name) < seen if down else _key(row, name) > seen)]
    page = rows[:limit]
    shown = [{key: value for key, value in row.items() if key not in hidden} for row in page] if hidden else page
    return page_v2(shown, _cursor(page[-1], name, down=down) if len(rows) > limit else None)


def limit_of(query: Mapping[str, str], switches: Switches, *, most: int = MOST) -> int:
    """The rows that a v2 page may hold."""
    limit = int(query.get("limit", USUAL))
    if limit < 1 or (limit > most and switches["limit_above"] == "reject"):
        invalid([f"limit: The value must be between 1 and {most}"])
    return min(limit, most)


def _key(row: Json, name: str) -> tuple[str, float, int]:
    value = row.get(name)
    number = float(value) if isinstance(value, int | float) else 0.0
    return (value if isinstance(value, str) else "", number, int(row["id"]))


def _cursor(row: Json, name: str, *, down: bool) -> str:
    shown = {"field": name, "fieldValue": row.get(name), "sortDirection": "desc" if down else "asc", "id": row["id"]}
    return packed(shown)


def _seen(held: Json) -> tuple[str, float, int]:
    return _key({held["field"]: held["fieldValue"], "id": int(held["id"])}, held["field"])
