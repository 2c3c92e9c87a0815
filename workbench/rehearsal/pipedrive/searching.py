"""Search by term, over one type of item or several, and by one field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from workbench.rehearsal.engine import House, Json, Record, Reply, as_json
from workbench.rehearsal.pipedrive.account import Account
from workbench.rehearsal.pipedrive.answers import Asked, Operation, invalid, no
from workbench.rehearsal.pipedrive.cursors import after, place_in
from workbench.rehearsal.pipedrive.index import SEARCHED, Hit, Index
from workbench.rehearsal.pipedrive.offsets import Offsets
from workbench.rehearsal.pipedrive.shapes import Check, Shape, flag, one_of, text, whole, words_of
from workbench.rehearsal.pipedrive.ties import Ties

USUAL = MOST = 100
PAGED: Mapping[str, Check] = {"limit": whole, "cursor": text}
EXTRAS = {"deal": "deal.cc_email", "person": "person.picture", "lead": "lead.was_seen", "product": "product.price"}
FILTERS: Mapping[str, Mapping[str, Check]] = {
    "person": {"organization_id": whole},
    "deal": {"person_id": whole, "organization_id": whole, "status": one_of("open", "won", "lost")},
    "lead": {"person_id": whole, "organization_id": whole},
}
EVERYWHERE = ("deal", "person", "organization", "product", "lead", "file", "mail_attachment", "project")
FIELDS = ("address", "code", "custom_fields", "email", "name", "notes", "organization_name", "person_name", "phone", "title")
MATCHES: Mapping[str, Callable[[str, str], bool]] = {
    "exact": lambda value, term: value == term,
    "beginning": lambda value, term: value.startswith(term),
    "middle": lambda value, term: term in value,
}
RELATED = 100


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the hits, and the place of the next one."""

    hits: Sequence[Hit]
    next_cursor: str | None


class Searching:
    """The search operations."""

    def __init__(self, house: House, account: Account, index: Index, ties: Ties, offsets: Offsets) -> None:
        self._switches = house.switches
        self._state = house.state
        self._account = account
        self._index = index
        self._ties = ties
        self._offsets = offsets

    def operations(self) -> Iterable[Operation]:
        for item in ("person", "organization", "deal", "lead", "product"):
            kind, fields = SEARCHED[item]
            query = {
                "term": text,
                "fields": words_of(*fields),
                "exact_match": flag,
                **PAGED,
                **FILTERS.get(item, {}),
                **({"include_fields": words_of(EXTRAS[item])} if item in EXTRAS else {}),
            }
            yield Operation("v2", "GET", f"{kind}/search", 20, _of(self._items, (item,)), query=_asking(query), search=True)
        yield Operation("v2", "GET", "itemSearch", 20, self._everywhere, query=self._broad(), search=True)
        yield Operation("v2", "GET", "itemSearch/field", 20, self._by_field, query=self._narrow(), search=True)
        yield Operation("v1", "GET", "leads/search", 40, self._leads_v1, search=True)

    def _broad(self) -> Shape:
        extras = words_of("deal.cc_email", "person.picture", "product.price")
        words = {"term": text, "item_types": words_of(*EVERYWHERE), "fields": words_of(*FIELDS, "description")}
        flags = {"search_for_related_items": flag, "exact_match": flag, "include_fields": extras}
        return _asking({**words, **flags, **PAGED})

    def _narrow(self) -> Shape:
        entity = one_of("deal", "lead", "person", "organization", "product", "project")
        keys = {"term": text, "entity_type": entity, "field": text, "match": one_of(*MATCHES), **PAGED}
        return Shape(keys, required=("term", "entity_type", "field"))

    def _items(self, asked: Asked, items: Sequence[str]) -> Reply:
        page = self._page(asked, self._hits(asked, items))
        return as_json(
            {
                "success": True,
                "data": {"items": [self._row(hit, asked) for hit in page.hits]},
                "additional_data": {"next_cursor": page.next_cursor},
            }
        )

    def _hits(self, asked: Asked, items: Sequence[str]) -> list[Hit]:
        query = asked.query
        exact = query.get("exact_match") in ("true", "1")
        term = self._term(asked, 1 if exact else 2)
        fields = [word for word in query.get("fields", "").split(",") if word] or FIELDS
        hits = self._index.found(term, items, fields, asked.now, exact=exact)
        return [hit for hit in hits if _passes(hit.record, query)]

    def _term(self, asked: Asked, least: int) -> str:
        term = asked.query.get("term", "").strip()
        if len(term) < least:
            words = f"term: The value must be at least {least} character{'s' if least > 1 else ''} long"
            if asked.version == "v2":
                invalid([words])
            no("v1", 400, words)
        return term

    def _everywhere(self, asked: Asked) -> Reply:
        wanted = [word for word in asked.query.get("item_types", "").split(",") if word] or EVERYWHERE
        page = self._page(asked, self._hits(asked, [item for item in wanted if item in SEARCHED]))
        data: Json = {"items": [self._row(hit, asked) for hit in page.hits]}
        if asked.query.get("search_for_related_items") in ("true", "1"):
            data["related_items"] = [self._row(hit, asked) for found in page.hits for hit in self._related(found)]
        return as_json({"success": True, "data": data, "additional_data": {"next_cursor": page.next_cursor}})

    def _related(self, found: Hit) -> list[Hit]:
        """The newest leads and deals of a person or an organization, and the newest persons of an organization."""
        items = {"person": ("lead", "deal"), "organization": ("lead", "deal", "person")}.get(found.item, ())
        hits: list[Hit] = []
        for item in items:
            kind = SEARCHED[item][0]
            numbers = self._state.children(found.record.kind, found.record.id, kind)
            records = [record for number in reversed(numbers) if (record := self._state.get(kind, number)) is not None]
            hits += [Hit(item, record, 0) for record in records[:RELATED]]
        return hits

    def _by_field(self, asked: Asked) -> Reply:
        """The values of one field, in the case in which they are written."""
        query = asked.query
        item, field, match = query["entity_type"], query["field"], query.get("match", "exact")
        term = self._term(asked, 1 if match == "exact" else 2)
        self._refuse_unsearchable(item, field)
        rows: list[Json] = []
        for record in self._index.candidates(SEARCHED[item][0], term.lower(), asked.now) if item in SEARCHED else ():
            values = [value for value in self._index.value(item, record, field) if MATCHES[match](value, term)]
            if values:
                rows.append({"id": _id(item, record), field: values[0]})
        start, limit = self._span(asked)
        more = after(start + limit, len(rows))
        return as_json({"success": True, "data": rows[start : start + limit], "additional_data": {"next_cursor": more}})

    def _refuse_unsearchable(self, item: str, field: str) -> None:
        built_in = [name for name in SEARCHED.get(item, ("", ()))[1] if name not in ("custom_fields", "notes")]
        if field not in built_in and field not in self._index.custom(item):
            invalid([f"field: The field '{field}' is not searchable"])

    def _page(self, asked: Asked, hits: Sequence[Hit]) -> Page:
        start, limit = self._span(asked)
        return Page(hits[start : start + limit], after(start + limit, len(hits)))

    def _span(self, asked: Asked) -> tuple[int, int]:
        """The place of the first hit, and how many a page holds."""
        limit = int(asked.query.get("limit", USUAL))
        if limit < 1 or (limit > MOST and self._switches["search_limit"] == "reject"):
            invalid([f"limit: The value must be between 1 and {MOST}"])
        return place_in(asked.query.get("cursor"), self._switches), min(limit, MOST)

    def _leads_v1(self, asked: Asked) -> Reply:
        start, limit = self._offsets.span(asked, MOST)
        hits = self._hits(asked, ("lead",))
        pagination: Json = {"start": start, "limit": limit, "more_items_in_collection": len(hits) > start + limit}
        if len(hits) > start + limit:
            pagination["next_start"] = start + limit
        rows = [self._row(hit, asked) for hit in hits[start : start + limit]]
        return as_json({"success": True, "data": {"items": rows}, "additional_data": {"pagination": pagination}})

    # ---- what is shown of a hit

    def _row(self, hit: Hit, asked: Asked) -> Json:
        wanted = asked.query.get("include_fields", "").split(",")
        item: Json = {"id": _id(hit.item, hit.record), "type": hit.item, **self._item(hit)}
        if EXTRAS.get(hit.item, "-") in wanted:
            item |= self._extra(hit)
        return {"result_score": hit.score, "item": item}

    def _item(self, hit: Hit) -> Json:
        body = hit.record.body
        told = {"custom_fields": list(hit.custom), "notes": list(hit.notes)}
        if hit.item == "deal":
            return {**self._deal(body), **told, "is_archived": body.get("is_archived", False)}
        if hit.item == "person":
            contacts = {key: [row["value"] for row in body.get(key, [])] for key in ("phones", "emails")}
            organization = self._named("org_id", body.get("org_id"), address=True)
            return {"name": body["name"], **contacts, **_held(body), "organization": organization, **told}
        if hit.item == "organization":
            return {"name": body["name"], "address": (body.get("address") or {}).get("value"), **_held(body), **told}
        if hit.item == "product":
            return {"name": body["name"], "code": body.get("code"), **_held(body), "custom_fields": list(hit.custom)}
        if hit.item == "file":
            return {"name": body["name"], "url": f"/files/{hit.record.id}/download"}
        return {**self._lead(body), **told, **_priced(body.get("value") or {}), **_seen(body)}

    def _deal(self, body: Json) -> Json:
        stage = self._account.stage(body["stage_id"])
        return {
            "title": body["title"],
            "value": body.get("value", 0),
            "currency": body["currency"],
            "status": body["status"],
            **_held(body),
            "stage": stage and {"id": stage["id"], "name": stage["name"]},
            "person": self._named("person_id", body.get("person_id")),
            "organization": self._named("org_id", body.get("org_id"), address=True),
        }

    def _lead(self, body: Json) -> Json:
        person = self._ties.record("person_id", body.get("person_id"))
        contacts = {key: [row["value"] for row in person.body.get(key, [])] if person else [] for key in ("phones", "emails")}
        return {
            "title": body["title"],
            "owner": {"id": body["owner_id"]},
            "person": self._named("person_id", body.get("person_id")),
            "organization": self._named("organization_id", body.get("organization_id"), address=True),
            **contacts,
        }

    def _named(self, key: str, number: int | None, *, address: bool = False) -> Json | None:
        record = self._ties.record(key, number)
        if record is None:
            return None
        place = {"address": (record.body.get("address") or {}).get("value")} if address else {}
        return {"id": record.id, "name": record.body["name"], **place}

    def _extra(self, hit: Hit) -> Json:
        body, record = hit.record.body, hit.record
        if hit.item == "deal":
            return {"cc_email": f"{self._account.company_domain}+deal{record.id}@pipedrivemail.com"}
        if hit.item == "person":
            return {"picture": {"id": body["picture_id"]} if body.get("picture_id") else None}
        if hit.item == "lead":
            return {"was_seen": body.get("was_seen", False)}
        prices = body.get("prices") or [{}]
        return {"product_price": {"price": prices[0].get("price"), "currency": prices[0].get("currency")}}


def _of(handler: Callable[[Asked, Sequence[str]], Reply], items: Sequence[str]) -> Callable[[Asked], Reply]:
    return lambda asked: handler(asked, items)


def _asking(keys: Mapping[str, Check]) -> Shape:
    return Shape(keys, required=("term",))


def _passes(record: Record, query: Mapping[str, str]) -> bool:
    """Whether a hit belongs to the person, organization and status that are asked for."""
    body = record.body
    organization = body.get("organization_id", body.get("org_id"))
    people = [body.get("person_id"), *[one for one in body.get("participants", []) if isinstance(one, int)]]
    return (
        ("organization_id" not in query or str(organization) == query["organization_id"])
        and ("person_id" not in query or query["person_id"] in map(str, people))
        and ("status" not in query or body.get("status") == query["status"])
    )


def _id(item: str, record: Record) -> int | str:
    return str(record.body["id"]) if item == "lead" else record.id


def _held(body: Json) -> Json:
    return {"visible_to": int(body["visible_to"]), "owner": {"id": body["owner_id"]}}


def _priced(value: Json) -> Json:
    return {"value": value.get("amount"), "currency": value.get("currency")}


def _seen(body: Json) -> Json:
    return {"visible_to": int(body["visible_to"]), "is_archived": body.get("is_archived", False)}
