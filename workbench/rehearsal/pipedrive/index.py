"""The search index: which texts of a record can be found, and which records a term finds, with a lag behind the writes."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import nh3

from workbench.rehearsal.engine import House, Record
from workbench.rehearsal.pipedrive.fields import Fields
from workbench.rehearsal.pipedrive.former import Former
from workbench.rehearsal.pipedrive.ties import Ties

SEARCHED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "deal": ("deals", ("custom_fields", "notes", "title")),
    "person": ("persons", ("custom_fields", "email", "name", "notes", "phone")),
    "organization": ("organizations", ("address", "custom_fields", "name", "notes")),
    "product": ("products", ("code", "custom_fields", "name")),
    "lead": ("leads", ("custom_fields", "notes", "title")),
    "file": ("files", ("name",)),
}
"""Per type of item, the kind of record and the fields that are searched."""
NOTED = {"deals": "deal_id", "persons": "person_id", "organizations": "org_id", "leads": "lead_id"}
SEARCHABLE = ("address", "varchar", "text", "varchar_auto", "double", "monetary", "phone")
"""The types of custom field that search looks into."""
OWNED = {"lead": "deal"}
"""Items whose custom fields are those of another object."""
WORDS = re.compile(r"[A-Za-z0-9]+")
MOST_WORDS = 20


@dataclass(frozen=True, slots=True)
class Hit:
    """A record that was found, how well, and the custom values and notes that held the term."""

    item: str
    record: Record
    score: float
    custom: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Index:
    """Finds records by what stands in them."""

    def __init__(self, house: House, fields: Fields, ties: Ties, former: Former) -> None:
        self._state = house.state
        self._fields = fields
        self._ties = ties
        self._former = former

    def found(self, term: str, items: Sequence[str], fields: Sequence[str], now: float, *, exact: bool) -> list[Hit]:
        """The records that hold the term, best first; upper and lower case are the same."""
        hits: list[Hit] = []
        sought = term.strip().lower()
        for item in items:
            kind, own = SEARCHED[item]
            looked = [name for name in own if name in fields]
            noted = self._noted(kind, sought, now, exact=exact) if "notes" in looked else {}
            records = {record.id: record for record in self.candidates(kind, sought, now)}
            for number in noted.keys() - records.keys():
                records |= {record.id: record for record in self._indexed(kind, number, now)}
            for record in records.values():
                hit = self._hit(item, record, (sought, looked, exact), noted.get(record.id, ()))
                if hit is not None:
                    hits.append(hit)
        return sorted(hits, key=lambda hit: (-hit.score, items.index(hit.item), hit.record.id))

    def candidates(self, kind: str, sought: str, now: float) -> list[Record]:
        """The records of a kind as the index has them, among which those with the term are."""
        # A run of plain letters stands in the stored JSON as it is, whatever is escaped around it.
        needles = [f"%{word}%" for word in WORDS.findall(sought)[:MOST_WORDS]]
        rows = self._state.select("kind = ? AND deleted IS NULL" + " AND body LIKE ?" * len(needles), (kind, *needles))
        late = {record.id: record for record in self._former.changed((kind,), now)}
        return self._former.indexed({**{record.id: record for record in rows}, **late}.values(), now)

    def value(self, item: str, record: Record, field: str) -> list[str]:
        """The texts of one field of a record; none where the field cannot be searched."""
        texts = self._texts(item, record)
        if field in texts:
            return texts[field]
        kind = self.custom(item).get(field)
        return _custom(record, {field: kind}) if kind else []

    def custom(self, item: str) -> Mapping[str, str]:
        """The custom fields of an item that search looks into, with their types."""
        object_ = OWNED.get(item, item)
        return {code: field.type for code, field in self._fields.of(object_).items() if field.type in SEARCHABLE}

    def _indexed(self, kind: str, number: int, now: float) -> list[Record]:
        record = self._state.get(kind, number, deleted=True)
        return self._former.indexed([record], now) if record else []

    def _hit(self, item: str, record: Record, sought: tuple[str, Sequence[str], bool], notes: Sequence[str]) -> Hit | None:
        term, fields, exact = sought
        texts = self._texts(item, record)
        own = [text for name in fields for text in texts.get(name, ())]
        held = [text for text in own if _holds(text, term, exact=exact)]
        custom = [
            text
            for text in (_custom(record, self.custom(item)) if "custom_fields" in fields else [])
            if _holds(text, term, exact=exact)
        ]
        closest = [len(term) / len(text) for text in (*held, *custom, *notes) if text]
        if not closest:
            return None
        score = round(max(closest) * (1 if held else 0.5), 5)
        return Hit(item, record, score, tuple(custom), tuple(notes))

    def _noted(self, kind: str, term: str, now: float, *, exact: bool) -> dict[int, list[str]]:
        """The notes with the term, by the record that they hang on."""
        key = NOTED.get(kind)
        found: dict[int, list[str]] = {}
        for note in self.candidates("notes", term, now) if key else ():
            text = plain(note.body["content"])
            record = self._ties.record(key, note.body.get(key)) if key and key in note.body else None
            if record is not None and _holds(text, term, exact=exact):
                found.setdefault(record.id, []).append(text)
        return found

    def _texts(self, item: str, record: Record) -> dict[str, list[str]]:
        body = record.body
        if item in ("deal", "lead"):
            return {"title": [body["title"]]}
        if item == "person":
            contacts = {name: [row["value"] for row in body.get(f"{name}s", [])] for name in ("email", "phone")}
            return {"name": [body["name"]], **contacts}
        if item == "organization":
            address = body.get("address") or {}
            return {"name": [body["name"]], "address": [address["value"]] if address.get("value") else []}
        if item == "product":
            return {"name": [body["name"]], "code": [str(body["code"])] if body.get("code") else []}
        return {"name": [body["name"]]}


def plain(content: str) -> str:
    """The text of a note without its tags."""
    return html.unescape(nh3.clean(content, tags=set())).strip()


def _custom(record: Record, types: Mapping[str, str | None]) -> list[str]:
    values = record.body.get("custom_fields") or {}
    found: Iterable[object] = (values.get(code) for code in types)
    texts = (value.get("value") if isinstance(value, dict) else value for value in found)
    return [str(text) for text in texts if text is not None]


def _holds(text: str, term: str, *, exact: bool) -> bool:
    lower = text.strip().lower()
    return lower == term if exact else term in lower
