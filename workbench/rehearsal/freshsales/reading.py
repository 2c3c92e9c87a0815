"""Finding Freshsales records: views, scrolling, filtered search, search and lookup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from workbench.rehearsal.engine import House, Json, Record, Refusal
from workbench.rehearsal.freshsales.drafts import KINDS, display_name
from workbench.rehearsal.freshsales.index import Index, Replica
from workbench.rehearsal.freshsales.records import Records
from workbench.rehearsal.freshsales.shapes import Shapes
from workbench.rehearsal.freshsales.tenant import Catalog
from workbench.rehearsal.freshsales.values import id_in, moment_in, rows_in

SEARCH_CAP = 10
RULES_MOST, VALUES_MOST = 50, 500
"""What a filter may ask for; nobody knows the vendor's own numbers, but no account answers to any number."""
PAGE = 25
PAGE_MOST = 100
MOST = 10**9
RECENT = 30 * 86400
BOUNCED = "4"
"""The subscription status of a contact whose mails come back."""
KIND_OF = {**{spec.wrapper: kind for kind, spec in KINDS.items()}, "product": "products"}
WORD_OF = {kind: word for word, kind in KIND_OF.items()}
INDEXED = {
    "contact_email.email": "email",
    "email": "email",
    "emails": "email",
    "mobile_number": "mobile_number",
    "external_id": "external_id",
}
TIMES = {"created_at": "created", "updated_at": "updated"}
EQUAL = ("is_in", "is", "equals", "is_equal_to")
SORTED = {
    "created_at": "created",
    "updated_at": "updated",
    "id": "id",
    "name": "label",
    "display_name": "label",
    "amount": "CAST(json_extract(body, '$.amount') AS REAL)",
    "expected_close": "json_extract(body, '$.expected_close')",
    "lead_score": "id",  # nobody scores here, and nobody is contacted
    "last_contacted": "id",
}
SUMMED = ("contacts", "sales_accounts")
OPEN_DEALS = (  # of a record or of a version of it, which has the mark of a lagging reader before its kind
    "(SELECT coalesce(sum(CAST(json_extract(deal.body, '$.base_currency_amount') AS REAL)), 0) FROM link"
    " JOIN record AS deal ON deal.kind = 'deals' AND deal.id = link.child AND deal.deleted IS NULL AND deal.facet = 'Open'"
    " WHERE link.kind = ltrim(record.kind, '~=') AND link.parent = record.id AND link.child_kind = 'deals')"
)


class Reading:
    """Answers of every request that lists records."""

    def __init__(self, house: House, catalog: Catalog, records: Records, shapes: Shapes) -> None:
        self._house = house
        self._state = house.state
        self._catalog = catalog
        self._records = records
        self._shapes = shapes
        self._index = Index(house)
        self._replica = Replica(house)

    def view(self, kind: str, number: int, query: Mapping[str, str], now: float) -> Json:
        """One page of a view: page, per_page up to 100, sort, sort_type, include."""
        _, size = paging(query)
        records, total = self.members(kind, self._rule_of(kind, number), query, now)
        return self._shapes.many(kind, records, words(query), total=total, per_page=size, now=now)

    def scroll(self, kind: str, number: int, query: Mapping[str, str], now: float) -> Json:
        """The next records after ``last_fetched_id``, in the order of ids."""
        where, values = self._members(kind, self._rule_of(kind, number), now)
        last, size = id_in(query.get("last_fetched_id", "")) or 0, min(max(whole(query, "limit", PAGE), 1), PAGE_MOST)
        records = [self._replica.told(row) for row in self._state.select(f"{where} AND id > ?", (*values, last), limit=size)]
        return self._shapes.many(kind, records, words(query), total=self._state.count(where, values), per_page=size, now=now)

    def members(self, kind: str, rule: str, query: Mapping[str, str], now: float) -> tuple[list[Record], int]:
        """One page of the records that a view's rule shows, and how many there are."""
        where, values = self._members(kind, rule, now)
        page, size = paging(query)
        found = self._state.select(where, values, order=self.order(kind, query), limit=size, offset=(page - 1) * size)
        return [self._replica.told(record) for record in found], self._state.count(where, values)

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
        found, total = self.matching(kind, wish, query, now)
        return {kind: [self._shapes.partial(record) for record in found], "meta": {"total": total}}

    def matching(self, kind: str, wish: Json, query: Mapping[str, str], now: float) -> tuple[list[Record], int]:
        """One page of the records that ``filter_rule`` lets pass, and how many there are; paging in the body or the query."""
        rules = rows_in(wish.get("filter_rule") or [])
        if rules is None:
            raise Refusal(400, "filter_rule is invalid")
        if len(rules) > RULES_MOST:
            raise Refusal(400, f"Only {RULES_MOST} rules are allowed")
        parts = [self._index.scope([kind], now), *(self._rule(kind, rule) for rule in rules)]
        text, bound = " AND ".join(condition for condition, _ in parts), [value for _, values in parts for value in values]
        told = {**{key: str(value) for key, value in wish.items() if key != "filter_rule"}, **query}
        page, size = paging({"per_page": str(SEARCH_CAP), **told})
        records = self._state.select(text, bound, order=self.order(kind, told), limit=size, offset=(page - 1) * size)
        return [self._index.told(record) for record in records], self._state.count(text, bound)

    def search(self, query: Mapping[str, str], now: float) -> list[Json]:
        """A flat list of at most ten rows with ids as text, whatever ``per_page`` asks for."""
        text = query.get("q", "").strip().lower()
        if not text:
            raise Refusal(400, "q is missing")
        where, values = self._index.scope([kind for word in words(query) if (kind := _kind_of(word))], now)
        size = min(whole(query, "per_page", SEARCH_CAP), SEARCH_CAP)
        records = self._state.select(f"{where} AND instr(label, ?) > 0", (*values, text), limit=size)
        return [self._hit(self._index.told(record)) for record in records]

    def lookup(self, query: Mapping[str, str], now: float) -> Json:
        """Whole-value look-up in one field; a collection within a collection per entity."""
        field, text = query.get("f", ""), query.get("q", "").strip()
        kinds = list(dict.fromkeys(KIND_OF[word] for word in query.get("entities", "").split(",") if word in KIND_OF))
        if not (field and text and kinds):
            raise Refusal(400, "q, f and entities are needed")
        return {kind: {kind: [self._shapes.partial(row) for row in self._found(kind, field, text, now)]} for kind in kinds}

    def _found(self, kind: str, field: str, text: str, now: float) -> list[Record]:
        condition, values = self._rule(kind, {"attribute": field, "operator": "is", "value": text})
        where, bound = self._index.scope([kind], now)
        found = self._state.select(f"{where} AND {condition}", (*bound, *values), limit=PAGE)
        return [self._index.told(record) for record in found]

    def _hit(self, record: Record) -> Json:
        body = record.body
        owner = self._catalog.people.get(body.get("owner_id", 0))
        accounts = [row["id"] for row in body.get("sales_accounts", []) if row["is_primary"]]
        account = self._state.get("sales_accounts", accounts[0]) if accounts else None
        stage = self._catalog.stages.get(body.get("deal_stage_id", 0))
        return {
            "id": str(record.id),
            "type": WORD_OF.get(record.kind, record.kind),
            "name": body.get("name") or display_name(record.kind, body),
            "email": next((row["value"] for row in body.get("emails", []) if row["is_primary"]), None),
            "avatar": None,
            "owner": {"id": owner["id"], "name": owner["display_name"]} if owner else None,
            "website": body.get("website"),
            "stage_name": stage["name"] if stage else None,
            "primary_sales_account_name": account.body["name"] if account else None,
            "updated_at": self._shapes.moment(record.updated),
        }

    def _rule_of(self, kind: str, number: int) -> str:
        view = self._catalog.views.get(number)
        if view is None or view.object != kind:
            raise Refusal(404, "Record not found")
        return view.rule

    def _members(self, kind: str, rule: str, now: float) -> tuple[str, Sequence[object]]:
        if rule == "deleted":
            return self._replica.binned(kind, now)
        where, bound = self._replica.scope([kind], now)
        condition, values = _condition(rule, self._catalog, now)
        return f"{where}{condition}", (*bound, *values)

    def order(self, kind: str, query: Mapping[str, str]) -> str:
        """The order of a page; a key that the object cannot be sorted by leaves that of the ids."""
        key, way = query.get("sort"), "ASC" if query.get("sort_type", "desc").lower() == "asc" else "DESC"
        if key is None:
            return "id" if self._house.switches["view_order"] == "id" else "updated DESC, id DESC"
        column = SORTED.get(key) or (OPEN_DEALS if key == "open_deals_amount" and kind in SUMMED else None)
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
        if len(wanted) > VALUES_MOST:
            raise Refusal(400, f"Only {VALUES_MOST} values are allowed")
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
            kinds = self._index.kinds([kind])
            which = f"kind IN ({','.join('?' * len(kinds))}) AND field = ? AND value IN ({marks})"
            return f"(kind, id) IN (SELECT kind, id FROM ident WHERE {which})", [*kinds, field, *keys]  # noqa: S608 -- question marks only
        return f"CAST(json_extract(body, ?) AS TEXT) IN ({marks})", [_path(name), *wanted]


def _times(column: str, operator: str, seconds: float | None) -> tuple[str, list[object]]:
    if seconds is None:
        raise Refusal(400, "The date is invalid")
    signs = {"is_after": ">", "is_before": "<", "is": "=", "equals": "="}
    if operator not in signs:
        raise Refusal(400, f"Operator {operator!r} is invalid")
    return f"{column} {signs[operator]} ?", [seconds]


def _condition(rule: str, catalog: Catalog, now: float) -> tuple[str, Sequence[object]]:
    today = datetime.fromtimestamp(now, catalog.zone).date()
    monday = today - timedelta(days=today.weekday())
    month = today.replace(day=1).isoformat()
    rules: Mapping[str, tuple[str, Sequence[object]]] = {
        "all": ("", ()),
        "none": (" AND 0", ()),
        "mine": (" AND owner = ?", (catalog.api_user,)),
        "recent": (" AND updated > ?", (now - RECENT,)),
        "status_new": (" AND facet = ?", ("New",)),
        "open": (" AND facet = ?", ("Open",)),
        "won": (" AND facet = ?", ("Closed Won",)),
        "lost": (" AND facet = ?", ("Closed Lost",)),
        "bounced": (" AND CAST(json_extract(body, '$.subscription_status') AS TEXT) = ?", (BOUNCED,)),
        "closing_week": (
            " AND facet = 'Open' AND json_extract(body, '$.expected_close') BETWEEN ? AND ?",
            (monday.isoformat(), (monday + timedelta(days=6)).isoformat()),
        ),
        "sales_month": (
            " AND facet = 'Closed Won' AND json_extract(body, '$.closed_date') BETWEEN ? AND ?",
            (month, today.isoformat()),
        ),
    }
    return rules[rule]


def _path(name: str) -> str:
    clean = "".join(letter for letter in name if letter >= " " and letter not in '"\\\x7f')
    return f'$.custom_field."{clean}"' if clean.startswith("cf_") else f'$."{clean}"'


def _kind_of(word: str) -> str | None:
    """The kind that a search is asked to look through; a custom module is named as it is."""
    return word if word.startswith("cm_") else KIND_OF.get(word)


def words(query: Mapping[str, str]) -> list[str]:
    """The words of ``include``."""
    return list(dict.fromkeys(word.strip() for word in query.get("include", "").split(",") if word.strip()))


def whole(query: Mapping[str, str], name: str, default: int) -> int:
    """A number of the query; what is not one counts as not given."""
    text = query.get(name, "")
    number = id_in(text)
    return default if number is None else min(number, MOST)


def paging(query: Mapping[str, str]) -> tuple[int, int]:
    """Page, from 1, and size of it, 1 to 100."""
    return max(whole(query, "page", 1), 1), min(max(whole(query, "per_page", PAGE), 1), PAGE_MOST)
