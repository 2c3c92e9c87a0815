"""Finding Freshsales records: views, scrolling, filtered search, search and lookup."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from workbench.rehearsal.engine import House, Json, Record, Refusal
from workbench.rehearsal.freshsales.drafts import KINDS, display_name
from workbench.rehearsal.freshsales.records import Records
from workbench.rehearsal.freshsales.shapes import Shapes
from workbench.rehearsal.freshsales.tenant import Catalog, View
from workbench.rehearsal.freshsales.values import id_in, moment_in, rows_in

SEARCH_CAP = 10
PAGE = 25
PAGE_MOST = 100
MOST = 10**9
RECENT = 30 * 86400
KIND_OF = {spec.wrapper: kind for kind, spec in KINDS.items()}
INDEXED = {
    "contact_email.email": "email",
    "email": "email",
    "emails": "email",
    "mobile_number": "mobile_number",
    "external_id": "external_id",
}
TIMES = {"created_at": "created", "updated_at": "updated"}
EQUAL = ("is_in", "is", "equals", "is_equal_to")


class Reading:
    """Answers of every request that lists records."""

    def __init__(self, house: House, catalog: Catalog, records: Records, shapes: Shapes) -> None:
        self._house = house
        self._state = house.state
        self._catalog = catalog
        self._records = records
        self._shapes = shapes

    def view(self, kind: str, number: int, query: Mapping[str, str], now: float) -> Json:
        """One page of a view: page, per_page up to 100, sort, sort_type, include."""
        where, values = self._members(kind, number, now)
        page, size = paging(query)
        order = self._order(query.get("sort"), query.get("sort_type", "desc"))
        records = self._state.select(where, values, order=order, limit=size, offset=(page - 1) * size)
        total = self._state.count(where, values)
        return self._shapes.many(kind, records, words(query), total=total, per_page=size, now=now)

    def scroll(self, kind: str, number: int, query: Mapping[str, str], now: float) -> Json:
        """The next records after ``last_fetched_id``, in the order of ids."""
        where, values = self._members(kind, number, now)
        last, size = whole(query, "last_fetched_id", 0), min(whole(query, "limit", PAGE), PAGE_MOST)
        records = self._state.select(f"{where} AND id > ?", (*values, last), limit=size)
        return self._shapes.many(kind, records, words(query), total=self._state.count(where, values), per_page=size, now=now)

    def children(self, record: Record, kind: str, query: Mapping[str, str], now: float) -> Json:
        """Contacts or deals that hang on a record."""
        where = (
            "kind = ? AND deleted IS NULL AND id IN (SELECT child FROM link WHERE kind = ? AND parent = ? AND child_kind = ?)"
        )
        values = (kind, record.kind, record.id, kind)
        page, size = paging(query)
        records = self._state.select(where, values, limit=size, offset=(page - 1) * size)
        return self._shapes.many(kind, records, words(query), total=self._state.count(where, values), per_page=size, now=now)

    def filtered(self, kind: str, wish: Json, query: Mapping[str, str], now: float) -> Json:
        """``filtered_search``: all rules must hold; rows are partial, as the vendor's are."""
        where, values = ["kind = ?", "deleted IS NULL", "created <= ?"], [kind, now - self._lag()]
        rules = rows_in(wish.get("filter_rule") or [])
        if rules is None:
            raise Refusal(400, "filter_rule is invalid")
        for rule in rules:
            condition, more = self._rule(kind, rule)
            where.append(condition)
            values += more
        told = {**{key: str(value) for key, value in wish.items() if key != "filter_rule"}, **query}
        page, size = paging({"per_page": str(SEARCH_CAP), **told})
        text, bound = " AND ".join(where), (kind, *values[1:])
        order = self._order(told.get("sort"), told.get("sort_type", "desc"))
        records = self._state.select(text, bound, order=order, limit=size, offset=(page - 1) * size)
        return {kind: [self._shapes.partial(record) for record in records], "meta": {"total": self._state.count(text, bound)}}

    def search(self, query: Mapping[str, str], now: float) -> list[Json]:
        """A flat list of at most ten rows with ids as text, whatever ``per_page`` asks for."""
        text = query.get("q", "").strip().lower()
        if not text:
            raise Refusal(400, "q is missing")
        kinds = [KIND_OF[word] for word in words(query) if word in KIND_OF]
        marks = ",".join("?" * len(kinds))
        where = f"kind IN ({marks}) AND deleted IS NULL AND created <= ? AND instr(label, ?) > 0"
        size = min(whole(query, "per_page", SEARCH_CAP), SEARCH_CAP)
        return [self._hit(record) for record in self._state.select(where, (*kinds, now - self._lag(), text), limit=size)]

    def lookup(self, query: Mapping[str, str], now: float) -> Json:
        """Whole-value look-up in one field; a collection within a collection per entity."""
        field, text = query.get("f", ""), query.get("q", "").strip()
        kinds = [KIND_OF[word] for word in query.get("entities", "").split(",") if word in KIND_OF]
        if not (field and text and kinds):
            raise Refusal(400, "q, f and entities are needed")
        return {kind: {kind: [self._shapes.partial(row) for row in self._found(kind, field, text, now)]} for kind in kinds}

    def _found(self, kind: str, field: str, text: str, now: float) -> list[Record]:
        condition, values = self._rule(kind, {"attribute": field, "operator": "is", "value": text})
        where = f"kind = ? AND deleted IS NULL AND created <= ? AND {condition}"
        return self._state.select(where, (kind, now - self._lag(), *values), limit=PAGE)

    def _hit(self, record: Record) -> Json:
        body = record.body
        owner = self._catalog.people.get(body.get("owner_id", 0))
        accounts = [row["id"] for row in body.get("sales_accounts", []) if row["is_primary"]]
        account = self._state.get("sales_accounts", accounts[0]) if accounts else None
        stage = self._catalog.stages.get(body.get("deal_stage_id", 0))
        return {
            "id": str(record.id),
            "type": KINDS[record.kind].wrapper,
            "name": display_name(record.kind, body),
            "email": next((row["value"] for row in body.get("emails", []) if row["is_primary"]), None),
            "avatar": None,
            "owner": {"id": owner["id"], "name": owner["display_name"]} if owner else None,
            "website": body.get("website"),
            "stage_name": stage["name"] if stage else None,
            "primary_sales_account_name": account.body["name"] if account else None,
            "updated_at": self._shapes.moment(record.updated),
        }

    def _lag(self) -> float:
        return self._house.clock.wait(self._house.switches.number("index_lag_seconds"))

    def _members(self, kind: str, number: int, now: float) -> tuple[str, Sequence[object]]:
        view = self._catalog.views.get(number)
        if view is None or view.object != kind:
            raise Refusal(404, "Record not found")
        return _rule_of(view, kind, self._catalog.api_user, now)

    def _order(self, key: str | None, direction: str) -> str:
        way = "ASC" if direction.lower() == "asc" else "DESC"
        if key is None:
            return "id" if self._house.switches["view_order"] == "id" else "updated DESC, id DESC"
        column = {"created_at": "created", "updated_at": "updated", "id": "id", "name": "label", "display_name": "label"}.get(
            key
        )
        return f"{column} {way}, id {way}" if column else f"id {way}"

    def _rule(self, kind: str, rule: Json) -> tuple[str, list[object]]:
        """One condition of a filter as SQL over values that are bound, never written into it."""
        name, operator, value = str(rule.get("attribute", "")), str(rule.get("operator", "")), rule.get("value")
        wanted = [
            str(item)
            for item in (value if isinstance(value, list) else str(value).split(",") if operator == "is_in" else [value])
        ]
        if not wanted:
            return "0", []
        if name in TIMES:
            return _times(TIMES[name], operator, moment_in(value, self._catalog.zone))
        if operator in EQUAL:
            return self._equal(kind, name, wanted)
        path = _path(name)
        if operator in ("contains", "is_after", "is_before"):
            column = "instr(lower(coalesce(json_extract(body, ?), '')), lower(?)) > 0"
            compare = {"contains": column, "is_after": "json_extract(body, ?) > ?", "is_before": "json_extract(body, ?) < ?"}
            return compare[operator], [path, wanted[0]]
        raise Refusal(400, f"Operator {operator!r} is invalid")

    def _equal(self, kind: str, name: str, wanted: Sequence[str]) -> tuple[str, list[object]]:
        marks = ",".join("?" * len(wanted))
        if name == "id":
            return f"id IN ({marks})", [id_in(text) for text in wanted]
        field, keys = INDEXED.get(name), list(wanted)
        if field == "email":
            keys = [text.lower() for text in wanted]
        if name in ("name", "display_name"):
            field, keys = "name", [self._records.name_key(text) for text in wanted]
        if name in self._records.unique_names(kind):
            field = name
        if field:
            return f"id IN (SELECT id FROM ident WHERE kind = ? AND field = ? AND value IN ({marks}))", [kind, field, *keys]  # noqa: S608 -- question marks only
        return f"CAST(json_extract(body, ?) AS TEXT) IN ({marks})", [_path(name), *wanted]


def _times(column: str, operator: str, seconds: float | None) -> tuple[str, list[object]]:
    if seconds is None:
        raise Refusal(400, "The date is invalid")
    signs = {"is_after": ">", "is_before": "<", "is": "=", "equals": "="}
    if operator not in signs:
        raise Refusal(400, f"Operator {operator!r} is invalid")
    return f"{column} {signs[operator]} ?", [seconds]


def _rule_of(view: View, kind: str, me: int, now: float) -> tuple[str, Sequence[object]]:
    rules: Mapping[str, Callable[[], tuple[str, Sequence[object]]]] = {
        "all": lambda: ("kind = ? AND deleted IS NULL", (kind,)),
        "deleted": lambda: ("kind = ? AND deleted IS NOT NULL", (kind,)),
        "none": lambda: ("kind = ? AND 0", (kind,)),
        "mine": lambda: ("kind = ? AND deleted IS NULL AND owner = ?", (kind, me)),
        "recent": lambda: ("kind = ? AND deleted IS NULL AND updated > ?", (kind, now - RECENT)),
        "status_new": lambda: ("kind = ? AND deleted IS NULL AND facet = ?", (kind, "New")),
        "open": lambda: ("kind = ? AND deleted IS NULL AND facet = ?", (kind, "Open")),
        "won": lambda: ("kind = ? AND deleted IS NULL AND facet = ?", (kind, "Closed Won")),
        "lost": lambda: ("kind = ? AND deleted IS NULL AND facet = ?", (kind, "Closed Lost")),
    }
    return rules[view.rule]()


def _path(name: str) -> str:
    clean = "".join(letter for letter in name if letter not in '"\\')
    return f'$.custom_field."{clean}"' if clean.startswith("cf_") else f'$."{clean}"'


def words(query: Mapping[str, str]) -> list[str]:
    """The words of ``include``."""
    return [word.strip() for word in query.get("include", "").split(",") if word.strip()]


def whole(query: Mapping[str, str], name: str, default: int) -> int:
    """A number of the query; what is not one counts as not given."""
    text = query.get(name, "")
    number = id_in(text)
    return default if number is None else min(number, MOST)


def paging(query: Mapping[str, str]) -> tuple[int, int]:
    """Page, from 1, and size of it, 1 to 100."""
    return max(whole(query, "page", 1), 1), min(max(whole(query, "per_page", PAGE), 1), PAGE_MOST)
