"""The fields of a Pipedrive account: the built-in ones, the custom ones kept as records, and what their values may be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from workbench.rehearsal.engine import House, Json, Record, Refusal, Traits, as_json
from workbench.rehearsal.engine.recipes import of_row
from workbench.rehearsal.pipedrive.account import Account
from workbench.rehearsal.pipedrive.answers import SUPPORT, missing, no
from workbench.rehearsal.pipedrive.builtin import BUILT_IN, CONTACT_SYNC, LABELS, PROFILE, BuiltIn
from workbench.rehearsal.pipedrive.stamps import seconds_of
from workbench.rehearsal.pipedrive.values import CHOSEN, TYPES, Surroundings, Wanted, kept

OBJECTS = ("deal", "person", "organization", "product", "activity")
PLURAL = {
    "deal": "deals",
    "person": "persons",
    "organization": "organizations",
    "product": "products",
    "activity": "activities",
}
CUSTOM, LABEL_OPTIONS = "customFields", "labelOptions"
"""The kinds of record in which custom fields and the options of label fields are kept."""
LABEL_FIELD = "label_ids"
Emptying = Callable[[object], object]
"""What is left of a value; none: nothing."""
EXTRAS = ("ui_visibility", "important_fields", "required_fields")


@dataclass(frozen=True, slots=True)
class Field:
    """A field; ``options`` are objects with id and label, ints for custom fields and labels, words for built-in ones."""

    id: int
    object: str
    code: str
    name: str
    type: str
    custom: bool
    options: tuple[Json, ...] | None = None
    optional: bool = False  # comes only when include_fields asks for it
    writable: bool = True
    description: str | None = None
    extras: Mapping[str, Json] | None = None
    made: float = 0.0
    changed: float = 0.0

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.code, self.type, frozenset(row["id"] for row in self.options or ()))


class Fields:
    """Every field of the account, and the checks on custom values."""

    def __init__(self, house: House, account: Account) -> None:
        self._house = house
        self._state = house.state
        self._account = account
        self._cache: dict[str, tuple[object, dict[str, Field]]] = {}
        zone = account.me.get("timezone_name") or account.timezone_name
        self.around = Surroundings(str(zone), account.currency, account.currencies, self._exists)
        self._begun = seconds_of(account.made_at) or 0.0
        if self._state.meta("labels_made") is None:
            self._first_labels()

    def of(self, object_: str) -> Mapping[str, Field]:
        """Custom fields of an object by their code, in the order in which they were made."""
        mark = self._state.db.execute(
            "SELECT count(*), max(id), max(updated) FROM record WHERE kind = ? AND deleted IS NULL", (CUSTOM,)
        ).fetchone()
        known = self._cache.get(object_)
        if known is None or known[0] != mark:  # a request that was rolled back leaves another mark than its successor
            rows = self._state.select("kind = ? AND facet = ? AND deleted IS NULL", (CUSTOM, object_))
            known = self._cache[object_] = (mark, {row.body["code"]: _field(row) for row in rows})
        return known[1]

    def listed(self, object_: str) -> list[Field]:
        """Every field: first the built-in ones, then the custom ones."""
        built_in = [self._built_in(object_, place, row) for place, row in enumerate(self._rows(object_), start=1)]
        return [*built_in, *self.of(object_).values()]

    def find(self, object_: str, code: str) -> Field | None:
        return next((field for field in self.listed(object_) if field.code == code), None)

    def labels(self, object_: str) -> tuple[Json, ...]:
        """The label options of an object, which ``label_ids`` name."""
        found = self._state.select("kind = ? AND facet = ?", (LABEL_OPTIONS, object_))
        return tuple(found[0].body["options"]) if found else ()

    def _rows(self, object_: str) -> tuple[BuiltIn, ...]:
        switches = self._house.switches
        more = CONTACT_SYNC if object_ == "person" and switches.on("contact_sync") else ()
        profile = PROFILE if object_ == "organization" and switches.on("profile_fields") else ()
        without = "outcome" if object_ == "activity" and not switches.on("activity_outcome") else ""
        return (*(row for row in BUILT_IN[object_] if row.code != without), *more, *profile)

    def _built_in(self, object_: str, place: int, row: BuiltIn) -> Field:
        options = self.labels(object_) if row.code == LABEL_FIELD else row.options
        if (object_, row.code) == ("activity", "type"):
            options = tuple({"id": each["key_string"], "label": each["name"]} for each in self._account.activity_types())
        return Field(
            id=place,
            object=object_,
            code=row.code,
            name=row.name,
            type=row.type,
            custom=False,
            options=tuple(options) if options is not None else None,
            optional=row.optional,
            writable=row.writable,
            made=self._begun,
            changed=self._begun,
        )

    def create(self, object_: str, row: Json, *, now: float, told: bool = False) -> Field:
        """Add a custom field; ``row`` holds field_name, field_type, options and what else v2 takes.

        A tenant recipe may have ``told`` the code and the ids of the options as well; a request may not.
        """
        self._may_add()
        kind = str(row["field_type"])
        labels = [option if told else {"label": str(option["label"])} for option in row.get("options") or []]
        if kind in CHOSEN and not labels:
            self._wrong("options: The value is required")
        if kind not in CHOSEN and labels:
            self._wrong(f"options: Options are not allowed for the field type '{kind}'")
        number = self._state.next_id(CUSTOM)
        seed = f"{self._account.company_id}/{object_}/{number}/{row['field_name']}"
        body: Json = {
            "object": object_,
            "code": (row.get("code") if told else None) or hashlib.sha1(seed.encode(), usedforsecurity=False).hexdigest(),
            "name": row["field_name"],
            "type": kind,
            **({"options": list(map(self._option, labels))} if kind in CHOSEN else {}),
            **({"description": row["description"]} if row.get("description") else {}),
            **{key: row[key] for key in EXTRAS if row.get(key)},
        }
        record = Record(CUSTOM, number, body, created=now, updated=now)
        self._keep(record, new=True)
        return _field(record)

    def by_hand(self, row: Json, *, now: float) -> Field:
        """A field as an admin makes it from a checklist with object, label, type and choices; ``Refusal`` in words."""
        names = {**{plural: name for name, plural in PLURAL.items()}, **{name: name for name in PLURAL}}
        object_ = names.get(str(row.get("object", "")).lower())
        if object_ is None or object_ == "activity":
            raise Refusal(400, f"there is no object {row.get('object')!r} with custom fields; expected deals, persons, …")
        kind, label = str(row.get("type", "")), str(row.get("label") or "").strip()
        if kind not in TYPES:
            raise Refusal(400, f"there is no field type {kind!r}; expected one of {', '.join(TYPES)}")
        if not label:
            raise Refusal(400, "a field needs a label")
        options = [{"label": str(choice)} for choice in row.get("choices") or []] if kind in CHOSEN else []
        return self.create(object_, {"field_name": label, "field_type": kind, "options": options}, now=now)

    def change(self, field: Field, patch: Json, *, now: float) -> Field:
        """Another name, description or visibility; code and type stay."""
        record = self._record(field)
        wish = {"name": patch["field_name"]} if "field_name" in patch else {}
        rest = {key: patch[key] for key in ("description", *EXTRAS) if key in patch}
        body = {key: value for key, value in {**record.body, **wish, **rest}.items() if value not in (None, {})}
        return self._changed(record, body, now)

    def delete(self, field: Field) -> None:
        """Remove a custom field with all its values."""
        self._state.erase(CUSTOM, field.id)
        self._empty(field, lambda value: None)

    def add_options(self, field: Field, labels: Sequence[str], *, now: float) -> list[Json]:
        """The new options alone, each with its id."""
        fresh = [self._option({"label": label}) for label in labels]
        self._keep_options(field, [*(field.options or ()), *fresh], now)
        return fresh

    def rename_options(self, field: Field, names: Mapping[int, str], *, now: float) -> list[Json]:
        """The renamed options alone."""
        rows = [{**row, "label": names.get(row["id"], row["label"])} for row in field.options or ()]
        self._keep_options(field, rows, now)
        return [row for row in rows if row["id"] in names]

    def drop_options(self, field: Field, numbers: frozenset[int], *, now: float) -> list[Json]:
        """The options that went, and with them the values that named them."""
        rows = list(field.options or ())
        self._keep_options(field, [row for row in rows if row["id"] not in numbers], now)
        self._empty(field, lambda value: _without(value, numbers))
        return [row for row in rows if row["id"] in numbers]

    def custom_values(self, object_: str, given: Json, old: Json) -> tuple[Json, list[str]]:
        """Custom values after a write, without the empty ones, and what is wrong with those that were sent."""
        known, after, problems = self.of(object_), dict(old), []
        for code, value in given.items():
            field = known.get(code)
            if field is None:
                problems.append(f"custom_fields: Unknown key '{code}'")
                continue
            stored, wrong = kept(field.wanted, value, self.around)
            if wrong:
                problems.append(f"custom_fields: {wrong}")
            elif stored in (None, ""):
                after.pop(code, None)
            else:
                after[code] = stored
        return after, problems

    def shown_values(self, object_: str, stored: Json, only: Sequence[str] | None = None) -> Json:
        """Every custom code of the account, or those asked for, null where the record has no value."""
        codes = self.of(object_)
        return {code: stored.get(code) for code in codes if only is None or code in only}

    def _may_add(self) -> None:
        if self._state.count("kind = ? AND deleted IS NULL", (CUSTOM,)) >= self._account.caps.custom_fields:
            text = "Couldn't add custom field. You've reached the custom field per company limit."
            body = {"success": False, "error": text, "error_info": SUPPORT, "data": None, "additional_data": None}
            raise Refusal(403, text, reply=as_json(body, 403))

    def _wrong(self, text: str) -> None:
        no("v2", 400, f"Validation failed: {text}", code="ERR_SCHEMA_VALIDATION_FAILED")

    def _option(self, row: Json) -> Json:
        number = self._state.claim("fieldOptions", row["id"]) if "id" in row else self._state.next_id("fieldOptions")
        return {"id": number, **{key: row[key] for key in ("label", "color") if key in row}}

    def _record(self, field: Field) -> Record:
        record = self._state.get(CUSTOM, field.id)
        assert record is not None, "a custom field is kept as a record"
        return record

    def _keep(self, record: Record, *, new: bool) -> None:
        traits = Traits(record.body["name"].lower(), facet=record.body["object"], idents=[("code", record.body["code"])])
        self._state.save(record, traits, new=new)

    def _changed(self, record: Record, body: Json, now: float) -> Field:
        changed = replace(record, body=body, updated=max(now, record.updated + 1e-6))
        self._keep(changed, new=False)
        return _field(changed)

    def _keep_options(self, field: Field, rows: Sequence[Json], now: float) -> None:
        if field.custom:
            record = self._record(field)
            self._changed(record, {**record.body, "options": list(rows)}, now)
            return
        record = self._state.select("kind = ? AND facet = ?", (LABEL_OPTIONS, field.object))[0]
        self._keep_labels(replace(record, body={**record.body, "options": list(rows)}, updated=now), new=False)

    def _keep_labels(self, record: Record, *, new: bool) -> None:
        self._state.save(record, Traits(LABEL_FIELD, facet=record.body["object"]), new=new)

    def _first_labels(self) -> None:
        now, recipe = self._house.clock.now(), self._house.tenant.get("labels", {})
        with self._state.transaction():
            for number, (object_, default) in enumerate(LABELS.items(), start=1):
                rows = recipe.get(object_, default)
                options = list(map(self._option, rows))
                record = Record(LABEL_OPTIONS, number, {"object": object_, "options": options}, now, now)
                self._keep_labels(record, new=True)
            for place, row in enumerate(self._house.tenant.get("fields", []), 1):
                with of_row("fields", place):
                    self.create(str(row["object"]), {key: row[key] for key in row if key != "object"}, now=now, told=True)
            self._state.set_meta("labels_made", {"done": True})

    def _empty(self, field: Field, left: Emptying) -> None:
        """Take a value out of every record that has it, those in the bin too; leads have the fields of deals."""
        for kind in (PLURAL[field.object], *(("leads",) if field.object == "deal" and field.custom else ())):
            self._empty_kind(kind, field, left)

    def _empty_kind(self, kind: str, field: Field, left: Emptying) -> None:
        path = f'$.custom_fields."{field.code}"' if field.custom else f"$.{LABEL_FIELD}"
        sql = "SELECT id, json_quote(json_extract(body, ?)) FROM record WHERE kind = ? AND json_type(body, ?) IS NOT NULL"
        for number, value in self._state.db.execute(sql, (path, kind, path)).fetchall():
            after = left(json.loads(value))
            change = "json_remove(body, ?)" if after is None else "json_set(body, ?, json(?))"
            values = (path,) if after is None else (path, json.dumps(after))
            self._state.db.execute(
                f"UPDATE record SET body = {change} WHERE kind = ? AND id = ?",  # noqa: S608 -- one of two constants
                (*values, kind, number),
            )
        self._state.db.execute(
            "UPDATE record SET body = json_remove(body, '$.custom_fields')"
            " WHERE kind = ? AND json_extract(body, '$.custom_fields') = '{}'",
            (kind,),
        )

    def _exists(self, kind: str, number: int) -> bool:
        """Whether a custom value may name this; under one value of the switch what is not there is a 404 as any other link."""
        unknown = self._house.switches["unknown_link"]
        there = number in self._account.users if kind == "users" else self._state.get(kind, number) is not None
        if not there and unknown == "not_found":
            missing("v2", kind.removesuffix("s").capitalize(), self._house.switches)
        return there or unknown == "accept"


def _field(record: Record) -> Field:
    body = record.body
    options = body.get("options")
    return Field(
        id=record.id,
        object=body["object"],
        code=body["code"],
        name=body["name"],
        type=body["type"],
        custom=True,
        options=tuple(options) if options is not None else None,
        description=body.get("description"),
        extras={key: body[key] for key in EXTRAS if key in body},
        made=record.created,
        changed=record.updated,
    )


def _without(value: object, numbers: frozenset[int]) -> object:
    if isinstance(value, list):
        return [item for item in value if item not in numbers] or None
    return None if value in numbers else value
