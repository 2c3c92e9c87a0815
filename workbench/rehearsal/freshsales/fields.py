"""The fields of a Freshsales account: the built-in ones, the custom ones, and what a custom field accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
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
# all together, then text, dropdown and radio, textarea, multi-select, number, checkbox, date, lookup (§5 Limits)
POOLS = ("all", "text", "dropdown", "textarea", "multi_select_dropdown", "number", "checkbox", "date", "lookup")
QUOTAS: Mapping[str, tuple[int, ...]] = {
    "free": (0, 0, 0, 0, 0, 0, 0, 0, 0),
    "growth": (150, 20, 30, 5, 5, 30, 30, 30, 0),
    "pro": (250, 30, 40, 10, 10, 50, 50, 50, 10),
    "enterprise": (630, 70, 250, 20, 30, 70, 70, 70, 50),
}
SHARED = {"radio": "dropdown", "decimal": "number", "date_time_split": "date"}
"""Types that use up the quota of another type."""
MOST_CHOICES = 300
MOST_UNIQUE = {"contacts": 4, "sales_accounts": 2}
FORM_IDS = {"contacts": 1, "sales_accounts": 2, "deals": 3, "leads": 4}


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


class Fields:
    """Custom fields of every object, kept as records of the tenant, and the checks on their values."""

    def __init__(self, house: House, catalog: Catalog) -> None:
        self._house = house
        self._catalog = catalog
        self._strict = house.switches["type_check"] == "strict"
        self._readings = readings(catalog.zone, strict=self._strict)
        self._cache: dict[str, dict[str, CustomField]] = {}

    def of(self, object_: str) -> Mapping[str, CustomField]:
        """Custom fields of an object by their key."""
        if object_ not in self._cache:
            rows = self._house.state.select("kind = 'fields' AND facet = ?", (object_,))
            self._cache[object_] = {field.name: field for field in map(_field, rows)}
        return self._cache[object_]

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
            "name": self._key(object_, label),
            "label": label,
            "type": kind,
            "position": len(self.of(object_)) + 1,
            "unique": unique,
            "required": bool(wish.get("required")),
            "choices": [[value, self._house.state.next_id("fields")] for value in dict.fromkeys(labels)],
        }
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
            if value is None or value == "" or value == []:
                changes[name] = None
                continue
            stored = self._readings[field.type](value)
            problem = f"{field.label} is invalid" if stored is None else self._misfit(field, stored)
            if problem:
                problems.append(problem)
            changes[name] = stored
        return changes, problems

    def _misfit(self, field: CustomField, stored: object) -> str | None:
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

    def unique(self, object_: str) -> Iterator[str]:
        """Keys of the custom fields whose values may not repeat."""
        return (field.name for field in self.of(object_).values() if field.unique)

    def _type(self, wish: Json) -> str:
        asked = wish.get("type", wish.get("field_type"))
        kind = ALIASES.get(str(asked), str(asked))
        if kind not in self._readings:
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
        if unique and kind not in ("text", "number"):
            raise Refusal(400, "Only text and number fields can be unique")
        if unique and sum(field.unique for field in fields) >= MOST_UNIQUE.get(object_, 2):
            raise Refusal(400, "The number of unique fields is used up")
        self._within_quota(object_, kind, [SHARED.get(field.type, field.type) for field in fields])

    def _within_quota(self, object_: str, kind: str, used: Sequence[str]) -> None:
        if self._catalog.plan not in QUOTAS or not self._house.switches.on("field_quota"):
            return
        quota = dict(zip(POOLS, QUOTAS[self._catalog.plan], strict=True))
        pool = SHARED.get(kind, kind)
        if len(used) >= quota["all"] or used.count(pool) >= quota.get(pool, 0):
            raise Refusal(400, f"The plan allows no further {kind} field for {object_}")

    def _key(self, object_: str, label: str) -> str:
        """The vendor's slug: lower case, blanks to underscores, hyphens kept, everything beyond ASCII dropped."""
        slug = "cf_" + re.sub(r"\s+", "_", re.sub(r"[^a-z0-9_\s-]", "", label.lower()).strip())
        known = self.of(object_)
        return slug if slug not in known else next(f"{slug}_{n}" for n in range(1, 1000) if f"{slug}_{n}" not in known)


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
    )


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
        "base_model": MODELS[field.object],
        "required": field.required,
        "quick_add_position": None,
        "visible": True,
    }


def form_metadata(field: CustomField) -> Json:
    """A custom field as ``/settings/<object>/forms`` lists it."""
    return {
        "id": field.id,
        "name": field.name,
        "label": field.label,
        "type": field.type,
        "form_id": FORM_IDS[field.object],
        "field_class": f"Custom{field.type.title().replace('_', '')}",
        "field_options": {"unique": field.unique},
        "choices": custom_metadata(field)["choices"],
        "required": field.required,
        "visible": True,
        "position": field.position,
    }
