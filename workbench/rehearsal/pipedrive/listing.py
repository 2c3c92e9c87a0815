"""v2 lists of records: filters, order, and pages cut by a cursor that names the last record seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workbench.rehearsal.engine import House, Json, Record, Reply
from workbench.rehearsal.pipedrive.answers import Asked, invalid, page_v2
from workbench.rehearsal.pipedrive.counters import EXTRA, Counters
from workbench.rehearsal.pipedrive.cursors import held_in, packed
from workbench.rehearsal.pipedrive.deals import ARCHIVED, STATUSES
from workbench.rehearsal.pipedrive.former import Former
from workbench.rehearsal.pipedrive.paging import limit_of
from workbench.rehearsal.pipedrive.records import Records, Wanted
from workbench.rehearsal.pipedrive.shapes import Check, Shape, flag, integer, moment, one_of, text, whole, words_of
from workbench.rehearsal.pipedrive.stamps import seconds_of

MOST_IDS, MOST_CODES = 100, 15
COLUMNS: Mapping[str, str] = {
    "id": "id",
    "update_time": "updated",
    "add_time": "created",
    "due_date": "coalesce(json_extract(body, '$.due_date'), '')",
    "name": "label",
}
"""What a list is sorted by, as the state keeps it."""
LINKED = "id IN (SELECT child FROM link WHERE kind = ? AND parent = ? AND child_kind = ?)"
PRIMARY = (
    "EXISTS (SELECT 1 FROM json_each(body, '$.participants') AS one"
    " WHERE json_extract(one.value, '$.person_id') = ? AND json_extract(one.value, '$.primary'))"
)
SHOWING: Mapping[str, Check] = {"custom_fields": text, "include_option_labels": flag, "include_labels": flag}
FILTERS: Mapping[str, tuple[str, ...]] = {
    "persons": ("owner_id", "org_id", "deal_id"),
    "organizations": ("owner_id",),
    "deals": ("owner_id", "person_id", "org_id", "pipeline_id", "stage_id"),
    "activities": ("owner_id", "deal_id", "person_id", "org_id"),
    "products": ("owner_id",),
}
PARENTS = {"deal_id": "deals", "org_id": "organizations", "pipeline_id": "pipelines", "stage_id": "stages"}
SORTS = {"activities": ("due_date",), "products": ("name",)}


def showing(kind: str) -> dict[str, Check]:
    """The query parameters that say how a record of a kind is shown."""
    rows: dict[str, Check] = dict(SHOWING) if kind != "activities" else {}
    if kind == "products":
        rows = {"custom_fields": text}
    return {**rows, "include_fields": words_of(*EXTRA[kind])} if kind in EXTRA else rows


def list_query(kind: str) -> Shape:
    """The query parameters of the list of a kind."""
    keys: dict[str, Check] = {
        "filter_id": whole,
        "ids": text,
        **dict.fromkeys(FILTERS[kind], whole),
        "updated_since": moment,
        "updated_until": moment,
        "sort_by": one_of("id", "update_time", "add_time", *SORTS.get(kind, ())),
        "sort_direction": one_of("asc", "desc"),
        "limit": whole,
        "cursor": text,
        **showing(kind),
    }
    if kind == "deals":
        keys["status"] = words_of(*STATUSES, "deleted")
    if kind == "activities":
        keys |= {"done": flag, "lead_id": text}
    return Shape(keys)


@dataclass(slots=True)
class Condition:
    """A condition of SQL, made of constants, and its values."""

    parts: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)

    def add(self, part: str, *values: object) -> None:
        self.parts.append(part)
        self.values += values

    @property
    def sql(self) -> str:
        return " AND ".join(f"({part})" for part in self.parts)


@dataclass(frozen=True, slots=True)
class Order:
    """What a list is sorted by, and the last record seen of it."""

    by: str
    down: bool
    value: object = None
    id: int | None = None


class Listing:
    """Reads and shows records."""

    def __init__(self, house: House, records: Records, counters: Counters) -> None:
        self._state = house.state
        self._switches = house.switches
        self._records = records
        self._counters = counters
        self._former = Former(house)

    def page(self, asked: Asked, kind: str, *, archived: bool = False) -> Reply:
        """One page; a record that is written meanwhile comes in its place or on a later page, never twice by its id."""
        limit = limit_of(asked.query, self._switches)
        order = self._order(asked.query)
        condition = self._condition(asked.query, kind, archived=archived)
        column, way = COLUMNS[order.by], "DESC" if order.down else "ASC"
        if order.id is not None:
            condition.add(f"({column}, id) {'<' if order.down else '>'} (?, ?)", order.value, order.id)
        found = self._state.select(condition.sql, condition.values, order=f"{column} {way}, id {way}", limit=limit + 1)
        page = found[:limit]
        rows = self._standing(page, asked.now)
        cursor = self._cursor(page[-1], order) if len(found) > limit else None
        wanted = self.wanted(asked.query)
        return page_v2([self.shown(record, asked.query, wanted) for record in rows], cursor)

    def _standing(self, page: Sequence[Record], now: float) -> Sequence[Record]:
        """The records as a lagging list has them."""
        lag = self._former.list_lag
        if not lag:
            return page
        return [old for record in page if (old := self._former.as_of(record, now - lag)) is not None]

    def wanted(self, query: Mapping[str, str]) -> Wanted:
        """Which custom fields an answer shows."""
        if "custom_fields" not in query:
            return Wanted()
        codes = [code.strip() for code in query["custom_fields"].split(",") if code.strip()]
        if len(codes) > MOST_CODES:
            invalid([f"custom_fields: The list may hold at most {MOST_CODES} items"])
        return Wanted(codes)

    def shown(self, record: Record, query: Mapping[str, str], wanted: Wanted) -> Json:
        """A record with what the query adds to it."""
        row = self._records.shown(record, wanted)
        if query.get("include_fields"):
            row |= self._counters.of(record, [name for name in query["include_fields"].split(",") if name])
        if query.get("include_option_labels") in ("true", "1"):
            row["custom_fields"] = self._records.with_labels(record.kind, row["custom_fields"])
        if query.get("include_labels") in ("true", "1"):
            row["labels"] = self._records.labels_of(record)
        return row

    def _condition(self, query: Mapping[str, str], kind: str, *, archived: bool) -> Condition:
        condition = Condition()
        condition.add("kind = ?", kind)
        self._add_state(condition, query, kind, archived=archived)
        if "filter_id" not in query:  # a filter takes the place of ids and of the filters by id
            self._add_ids(condition, query)
            for name in FILTERS[kind]:
                if name in query:
                    self._add_filter(condition, kind, name, int(query[name]))
            if query.get("lead_id"):
                sql = "id IN (SELECT id FROM ident WHERE kind = ? AND field = 'lead_id' AND value = ?)"
                condition.add(sql, kind, query["lead_id"].lower())
        if "done" in query:
            condition.add("facet = ?", "done" if query["done"] in ("true", "1") else "to do")
        if "updated_since" in query:
            condition.add("updated >= ?", seconds_of(query["updated_since"]))
        if "updated_until" in query:
            condition.add("updated < ?", seconds_of(query["updated_until"]))
        return condition

    def _add_state(self, condition: Condition, query: Mapping[str, str], kind: str, *, archived: bool) -> None:
        if kind != "deals":
            condition.add("deleted IS NULL")
            return
        prefix = ARCHIVED if archived else ""
        said = [word for word in query.get("status", "").split(",") if word] or list(STATUSES)
        marks, facets = ", ".join("?" * len(STATUSES)), [prefix + status for status in STATUSES]
        alive = [prefix + status if status in said else "" for status in STATUSES]
        gone = f"OR (deleted IS NOT NULL AND facet IN ({marks}))" if "deleted" in said else ""
        condition.add(f"(deleted IS NULL AND facet IN ({marks})) {gone}", *alive, *(facets if gone else ()))

    def _add_ids(self, condition: Condition, query: Mapping[str, str]) -> None:
        if "ids" not in query:
            return
        said = [word.strip() for word in query["ids"].split(",")]
        if not all(word.isdecimal() and len(word) < 19 for word in said):
            invalid(["ids: The value is not a valid list of integers"])
        if len(said) > MOST_IDS:
            invalid([f"ids: The list may hold at most {MOST_IDS} items"])
        condition.add(f"id IN ({', '.join('?' * len(said))})", *map(int, said))

    def _add_filter(self, condition: Condition, kind: str, name: str, number: int) -> None:
        if name == "owner_id":
            condition.add("owner = ?", number)
        elif name == "person_id":
            condition.add(LINKED, "persons", number, kind)
            if kind == "deals":
                condition.add("json_extract(body, '$.person_id') = ?", number)
            else:
                condition.add(PRIMARY, number)
        elif kind == "persons" and name == "deal_id":
            deal = self._state.get("deals", number)
            people = deal.body.get("participants", []) if deal else []
            condition.add(f"id IN ({', '.join('?' * len(people))})", *people)
        else:
            condition.add(LINKED, PARENTS[name], number, kind)

    def _order(self, query: Mapping[str, str]) -> Order:
        asked = Order(query.get("sort_by", "id"), query.get("sort_direction") == "desc")
        return held_in(query.get("cursor"), _seen, self._switches) or asked

    def _cursor(self, record: Record, order: Order) -> str:
        value: object = {
            "id": record.id,
            "update_time": record.updated,
            "add_time": record.created,
            "due_date": record.body.get("due_date", ""),
            "name": str(record.body.get("name", "")).lower(),
        }[order.by]
        seen = {"field": order.by, "fieldValue": value, "sortDirection": "desc" if order.down else "asc", "id": record.id}
        return packed(seen)


def _seen(held: Json) -> Order:
    """An order, and the last record that was read in it."""
    by, value, number = str(held["field"]), held["fieldValue"], held["id"]
    if by not in COLUMNS or not isinstance(value, str | int | float) or integer(number):
        raise ValueError(by)
    return Order(by, held["sortDirection"] == "desc", float(value) if isinstance(value, int) else value, number)
