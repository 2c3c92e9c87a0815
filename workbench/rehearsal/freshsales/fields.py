"""The fields of a Freshsales account: the built-in ones, the custom ones, and what a custom field accepts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.rehearsal.engine import House, Json, Record, Refusal, Traits
from workbench.rehearsal.freshsales.tenant import MODELS, Catalog
from workbench.rehearsal.freshsales.values import LONGEST, moment_in, moment_out, readings

CHOSEN = ("dropdown", "radio", "multi_select_dropdown")
ALIASES = {
    "datetime": "date_time_split",
    "date_time": "date_time_split",
    "multi_select": "multi_select_dropdown",
    "multiselect": "multi_select_dropdown",
    "picklist": "dropdown",
    "long_text": "textarea",
    "url": "text",
}
# all together, then text, dropdown and radio, textarea, multi-select, number, checkbox, date, lookup, formula (§5 Limits)
POOLS = ("all", "text", "dropdown", "textarea", "multi_select_dropdown", "number", "checkbox", "date", "lookup", "formula")
QUOTAS: Mapping[str, tuple[int, ...]] = {
    "free": (0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    "growth": (150, 20, 30, 5, 5, 30, 30, 30, 0, 0),
    "pro": (250, 30, 40, 10, 10, 50, 50, 50, 10, 40),
    "enterprise": (630, 70, 250, 20, 30, 70, 70, 70, 50, 40),
}
SHARED = {"radio": "dropdown", "decimal": "number", "date_time_split": "date"}
"""Types that use up the quota of another type."""
READ_ONLY = ("formula", "auto_number")
"""Types whose values the account makes itself; a formula stays empty here, as nothing tells how one is written."""
TARGETS = {
    "contact": "contacts", "sales_account": "sales_accounts", "deal": "deals", "product": "products",
}  # fmt: skip
MOST_CHOICES = 300
MOST_UNIQUE = {"contacts": 4, "sales_accounts": 2}
FORM_IDS = {"contacts": 1, "sales_accounts": 2, "deals": 3, "leads": 4, "products": 5, "cpq_documents": 6}


@dataclass(frozen=True, slots=True)
class CustomField:
    """A custom field: ``name`` is the key on the wire, ``choices`` are the labels with their ids."""

    id: int
    object: str
    name: str
    label: str
    type: str
    position: int
    unique: bool
    required: bool
    choices: Mapping[str, int]
    target: str = ""  # of a lookup: the kind of record whose ids it holds, where the account said so


@dataclass(frozen=True, slots=True)
class Marks:
    """Custom fields of an object, and which of them are unique, required, or numbered by the account."""

    of: Mapping[str, CustomField]
    unique: tuple[str, ...]
    required: tuple[CustomField, ...]
    numbered: tuple[CustomField, ...]


class Fields:
    """Custom fields of every object, kept as records of the tenant, and the checks on their values."""

    def __init__(self, house: House, catalog: Catalog) -> None:
        self._house = house
        self._catalog = catalog
        self._strict = house.switches["type_check"] == "strict"
        self._readings = readings(catalog.zone, strict=self._strict)
        self._cache: dict[str, dict[str, CustomField]] = {}
        self._marks: dict[str, Marks] = {}

    def of(self, object_: str) -> Mapping[str, CustomField]:
        """Custom fields of an object by their key."""
        if object_ not in self._cache:
            rows = self._house.state.select("kind = 'fields' AND facet = ?", (object_,))
            self._cache[object_] = {field.name: field for field in map(_field, rows)}
        return self._cache[object_]

    def marks(self, object_: str) -> Marks:
        """The same by what is special about them; asked for with every write, so kept as long as the fields are."""
        fields = self.of(object_)
        marks = self._marks.get(object_)
        if marks is None or marks.of is not fields:
            marks = self._marks[object_] = _marked(fields)
        return marks

    def forget_cache(self) -> None:
        self._cache.clear()

    def create(self, object_: str, wish: Json, *, now: float, by_api: bool) -> CustomField:
        """Add a custom field; refused where the plan, the label or the type does not allow it."""
        switches = self._house.switches
        kind = self._type(wish)
        label = str(wish.get("label") or "").strip()
        choices = wish.get("choices")
        given = choices if isinstance(choices, list) and kind in CHOSEN else []
        if by_api and switches["field_create_choices"] == "ignore":
            given = []
        options = wish.get("field_options")
        unique = bool(wish.get("unique") or (isinstance(options, dict) and options.get("unique")))
        if by_api and switches["field_create_unique"] == "ignore":
            unique = False
        self._may_exist(object_, label, kind, unique=unique, choices=len(given))
        number = self._house.state.next_id("fields")
        labels = [
            str(choice.get("value", choice.get("label"))) if isinstance(choice, dict) else str(choice) for choice in given
        ]
        body = {
            "object": object_,
            "name": (_own_key(wish) if not by_api else "") or self._key(object_, label),
            "label": label,
            "type": kind,
            "position": len(self.of(object_)) + 1,
            "unique": unique,
            "required": bool(wish.get("required")),
            "choices": [[value, self._house.state.next_id("fields")] for value in dict.fromkeys(labels)],
        }
        if kind == "lookup" and (target := _target(wish)):
            body["target"] = target
        record = Record("fields", number, body, created=now, updated=now)
        self._house.state.save(record, Traits(label=label, facet=object_), new=True)
        self._cache.pop(object_, None)
        return _field(record)

    def delete(self, object_: str, number: int) -> CustomField:
        """Remove a custom field with all its values."""
        found = [field for field in self.of(object_).values() if field.id == number]
        if not found:
            raise Refusal(404, "Record not found")
        self._house.state.erase("fields", number)
        self._cache.pop(object_, None)
        key = f'$.custom_field."{found[0].name}"'
        sql = "UPDATE record SET body = json_remove(body, ?) WHERE kind = ? AND json_extract(body, ?) IS NOT NULL"
        self._house.state.db.execute(sql, (key, object_, key))
        emptied = (
            "UPDATE record SET body = json_remove(body, '$.custom_field')"
            " WHERE kind = ? AND json_extract(body, '$.custom_field') = '{}'"
        )
        self._house.state.db.execute(emptied, (object_,))
        self._house.state.db.execute("DELETE FROM ident WHERE kind = ? AND field = ?", (object_, found[0].name))
        return found[0]

    def read(self, object_: str, given: object) -> tuple[Json, list[str]]:
        """What a write's ``custom_field`` changes, none meaning emptied, and what is wrong with it."""
        if given is None:
            return {}, []
        if not isinstance(given, dict):
            return {}, ["Custom field is invalid"]
        known = self.of(object_)
        changes: Json = {}
        problems: list[str] = []
        for name, value in given.items():
            field = known.get(name)
            if field is None:
                if self._house.switches["unknown_custom_field"] == "reject":
                    problems.append(f"{name} is not a custom field of this object")
                continue
            if field.type in READ_ONLY:
                if self._house.switches["read_only_field"] == "reject":
                    problems.append(f"{field.label} is read only")
                continue
            if value is None or value == "" or value == []:
                changes[name] = None
                continue
            stored = self._readings[field.type](value)
            problem = f"{field.label} is invalid" if stored is None else self._misfit(field, stored)
            if problem:
                problems.append(problem)
            changes[name] = stored
        return changes, problems

    def numbered(self, object_: str) -> Json:
        """What the account gives a new record in its numbered fields: 1, 2, 3, and never one again."""
        numbered = self.marks(object_).numbered
        if not numbered:
            return {}
        return {field.name: self._house.state.next_id(f"auto_number.{field.id}") for field in numbered}

    def unfilled(self, object_: str, custom: Json) -> list[str]:
        """What is wrong with a new record that leaves required custom fields empty."""
        required = self.marks(object_).required
        if not required or self._house.switches["custom_required"] == "ignore":
            return []
        return [f"{field.label} can't be blank" for field in required if custom.get(field.name) is None]

    def _misfit(self, field: CustomField, stored: object) -> str | None:
        if field.target and isinstance(stored, int) and self._house.state.get(field.target, stored) is None:
            return f"{field.label} is invalid"
        if isinstance(stored, str) and len(stored) > LONGEST.get(field.type, 256):
            return f"{field.label} is too long (maximum is {LONGEST[field.type]} characters)"
        if field.type in CHOSEN and self._house.switches["unknown_choice"] == "reject":
            labels = stored if isinstance(stored, list) else [stored]
            strange = [label for label in labels if label not in field.choices]
            if strange:
                return f"{field.label} is not included in the list: {strange[0]}"
        return None

    def write(self, object_: str, stored: Json) -> Json:
        """The ``custom_field`` of an answer: every field of the object, null where it has no value."""
        return {name: self._out(field, stored[name]) if name in stored else None for name, field in self.of(object_).items()}

    def _out(self, field: CustomField, value: object) -> object:
        if field.type == "multi_select_dropdown" and isinstance(value, list):
            return value if self._house.switches["multi_select_out"] == "array" else ";".join(value)
        if field.type == "date_time_split":
            return moment_out(moment_in(value, None) or 0.0, self._catalog.zone, classic=self._catalog.classic)
        if field.type == "date" and self._house.switches["custom_date_out"] == "datetime":
            seconds = moment_in(f"{value}T00:00:00", self._catalog.zone)
            return moment_out(seconds or 0.0, self._catalog.zone, classic=self._catalog.classic)
        return value

    def unique(self, object_: str) -> Sequence[str]:
        """Keys of the custom fields whose values may not repeat."""
        return self.marks(object_).unique

    def _type(self, wish: Json) -> str:
        asked = wish.get("type", wish.get("field_type"))
        kind = ALIASES.get(str(asked), str(asked))
        if str(asked).isdecimal() and self._house.switches["field_type_numbers"] == "text":
            return "text"
        if kind not in self._readings and kind not in READ_ONLY:
            raise Refusal(400, f"Field type {asked!r} is invalid")
        return kind

    def _may_exist(self, object_: str, label: str, kind: str, *, unique: bool, choices: int) -> None:
        fields = self.of(object_).values()
        if not label:
            raise Refusal(400, "Label can't be blank")
        if any(field.label.casefold() == label.casefold() for field in fields):
            raise Refusal(400, "Label has already been taken")
        if choices > MOST_CHOICES:
            raise Refusal(400, f"Choices are too many (maximum is {MOST_CHOICES})")
        if unique and kind not in ("text", "number", "auto_number"):
            raise Refusal(400, "Only text and number fields can be unique")
        if unique and sum(field.unique for field in fields) >= MOST_UNIQUE.get(object_, 2):
            raise Refusal(400, "The number of unique fields is used up")
        self._within_quota(object_, kind, [SHARED.get(field.type, field.type) for field in fields])

    def _within_quota(self, object_: str, kind: str, used: Sequence[str]) -> None:
        if self._catalog.plan not in QUOTAS or not self._house.switches.on("field_quota"):
            return
        quota = dict(zip(POOLS, QUOTAS[self._catalog.plan], strict=True))
        pool = SHARED.get(kind, kind)
        if len(used) >= quota["all"] or used.count(pool) >= quota.get(pool, quota["all"]):
            raise Refusal(400, f"The plan allows no further {kind} field for {object_}")

    def _key(self, object_: str, label: str) -> str:
        """The vendor's slug: lower case, blanks to underscores, hyphens kept, everything beyond ASCII dropped."""
        slug = "cf_" + re.sub(r"\s+", "_", re.sub(r"[^a-z0-9_\s-]", "", label.lower()).strip())
        known = self.of(object_)
        return slug if slug not in known else next(f"{slug}_{n}" for n in range(1, 1000) if f"{slug}_{n}" not in known)


def _own_key(wish: Json) -> str:
    """The key that a recipe names, since a live account keeps a field's key when its label changes."""
    name = str(wish.get("name") or "")
    return name if name.startswith("cf_") else ""


def _marked(fields: Mapping[str, CustomField]) -> Marks:
    every = tuple(fields.values())
    return Marks(
        of=fields,
        unique=tuple(field.name for field in every if field.unique),
        required=tuple(field for field in every if field.required and field.type not in READ_ONLY),
        numbered=tuple(field for field in every if field.type == "auto_number"),
    )


def _field(record: Record) -> CustomField:
    body = record.body
    return CustomField(
        id=record.id,
        object=body["object"],
        name=body["name"],
        label=body["label"],
        type=body["type"],
        position=body["position"],
        unique=body["unique"],
        required=body["required"],
        choices=dict(body["choices"]),
        target=body.get("target", ""),
    )


def _target(wish: Json) -> str:
    """The kind of record that a lookup leads to, from the names that the vendor's objects go by."""
    options = wish.get("field_options")
    named = str(wish.get("lookup_type") or (options.get("lookup_type") if isinstance(options, dict) else "") or "").strip()
    return {**TARGETS, **{model: kind for kind, model in MODELS.items()}}.get(named, named.lower())


def custom_metadata(field: CustomField) -> Json:
    """A custom field as ``/settings/<object>/fields`` lists it; that it is unique stands in the forms only."""
    return {
        "id": field.id,
        "label": field.label,
        "name": field.name,
        "type": field.type,
        "default": False,
        "actionable": True,
        "position": field.position,
        "choices": [
            {"id": number, "value": label, "position": n} for n, (label, number) in enumerate(field.choices.items(), 1)
        ],
        "base_model": MODELS.get(field.object, field.object),
        "required": field.required,
        "quick_add_position": None,
        "visible": True,
    }


def form_metadata(field: CustomField, form: int) -> Json:
    """A custom field as ``/settings/<object>/forms`` lists it."""
    options: Json = {"unique": field.unique}
    if field.target:
        options["lookup_type"] = field.target
    return {
        "id": field.id,
        "name": field.name,
        "label": field.label,
        "type": field.type,
        "form_id": form,
        "field_class": f"Custom{field.type.title().replace('_', '')}",
        "field_options": options,
        "choices": custom_metadata(field)["choices"],
        "required": field.required,
        "visible": True,
        "position": field.position,
    }
