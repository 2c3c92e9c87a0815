"""The v2 operations of ``dealFields`` and its siblings: reading fields, making custom ones, and their options."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workbench.rehearsal.engine import House, Json, Refusal, Reply
from workbench.rehearsal.pipedrive.answers import Asked, Handler, Operation, invalid, no, one, page_v2, refused
from workbench.rehearsal.pipedrive.cursors import after, place_in
from workbench.rehearsal.pipedrive.fields import EXTRAS, LABEL_FIELD, Field, Fields
from workbench.rehearsal.pipedrive.paging import limit_of
from workbench.rehearsal.pipedrive.shapes import (
    Check,
    Shape,
    integer,
    list_of,
    nullable,
    object_of,
    one_of,
    text,
    whole,
    words_of,
)
from workbench.rehearsal.pipedrive.values import CHOSEN, SUBFIELDS, TYPES

PATHS = {
    "deal": "dealFields",
    "person": "personFields",
    "organization": "organizationFields",
    "product": "productFields",
    "activity": "activityFields",
}
ANYTHING = object_of(Shape({}, open=True))
OPTION = Shape({"label": text}, required=("label",))
NAMED_OPTION = Shape({"id": integer, "label": text}, required=("id", "label"))
OPTION_ID = Shape({"id": integer}, required=("id",))
LONGEST_NAME = 255


def _name(value: object) -> str | None:
    if not isinstance(value, str):
        return "The value is not a valid 'string'"
    return None if len(value.strip()) >= 1 and len(value) <= LONGEST_NAME else "The value must have 1 to 255 characters"


class FieldLists:
    """Fields over the wire."""

    def __init__(self, house: House, fields: Fields) -> None:
        self._switches = house.switches
        self._fields = fields

    def operations(self) -> Iterable[Operation]:
        for object_, path in PATHS.items():
            extras = words_of(*(("ui_visibility",) if object_ in ("activity", "product") else EXTRAS))
            shown = {"include_fields": extras}
            listing = Shape({**shown, "limit": whole, "cursor": text})
            yield Operation("v2", "GET", path, 10, self._list(object_), query=listing)
            yield Operation("v2", "GET", f"{path}/#", 1, self._get(object_), query=Shape(shown))
            if object_ != "activity" or self._switches["activity_fields"] == "accept":
                yield from self._writing(object_, path)

    def _writing(self, object_: str, path: str) -> Iterable[Operation]:
        """What changes fields; of activity fields only if the switch has it, with the costs of the others."""
        yield Operation("v2", "POST", path, 5, self._create(object_), body=self._shape(object_, new=True))
        yield Operation("v2", "PATCH", f"{path}/#", 5, self._change(object_), body=self._shape(object_, new=False))
        yield Operation("v2", "DELETE", f"{path}/#", 3, self._delete(object_))
        options = f"{path}/#/options"
        yield Operation("v2", "POST", options, 5, self._add_options(object_), listed=True)
        yield Operation("v2", "PATCH", options, 5, self._rename_options(object_), listed=True)
        yield Operation("v2", "DELETE", options, 3, self._drop_options(object_), listed=True)

    def _shape(self, object_: str, *, new: bool) -> Shape:
        keys: dict[str, Check] = {"field_name": _name, "ui_visibility": ANYTHING}
        if object_ not in ("product", "activity"):
            keys |= {"important_fields": ANYTHING, "required_fields": ANYTHING}
        if object_ == "deal":
            keys["description"] = nullable(text)
        if not new:
            return Shape(keys)
        keys |= {"field_type": one_of(*TYPES), "options": list_of(object_of(OPTION))}
        return Shape(keys, required=("field_name", "field_type"))

    def _list(self, object_: str) -> Handler:
        def listed(asked: Asked) -> Reply:
            limit, start = limit_of(asked.query, self._switches), place_in(asked.query.get("cursor"), self._switches)
            rows = self._fields.listed(object_)
            page = [self.shown(field, asked) for field in rows[start : start + limit]]
            return page_v2(page, after(start + limit, len(rows)))

        return listed

    def _get(self, object_: str) -> Handler:
        return lambda asked: one(self.shown(self._found(object_, asked), asked))

    def _create(self, object_: str) -> Handler:
        def create(asked: Asked) -> Reply:
            return one(self.shown(self._fields.create(object_, asked.body, now=asked.now), asked))

        return create

    def _change(self, object_: str) -> Handler:
        def change(asked: Asked) -> Reply:
            field = self._custom(object_, asked)
            return one(self.shown(self._fields.change(field, asked.body, now=asked.now), asked))

        return change

    def _delete(self, object_: str) -> Handler:
        def delete(asked: Asked) -> Reply:
            field = self._custom(object_, asked)
            self._fields.delete(field)
            return one(self.shown(field, asked))

        return delete

    def _add_options(self, object_: str) -> Handler:
        def add(asked: Asked) -> Reply:
            field, rows = self._chosen(object_, asked), _items(asked, OPTION)
            return one(self._fields.add_options(field, [row["label"] for row in rows], now=asked.now))

        return add

    def _rename_options(self, object_: str) -> Handler:
        def rename(asked: Asked) -> Reply:
            field, rows = self._chosen(object_, asked), _items(asked, NAMED_OPTION)
            _all_known(field, rows)
            return one(self._fields.rename_options(field, {row["id"]: row["label"] for row in rows}, now=asked.now))

        return rename

    def _drop_options(self, object_: str) -> Handler:
        def drop(asked: Asked) -> Reply:
            field, rows = self._chosen(object_, asked), _items(asked, OPTION_ID)
            _all_known(field, rows)
            gone = frozenset(row["id"] for row in rows)
            if field.custom and len(gone) == len(field.options or ()):
                invalid(["options: At least one option must be left"])
            return one(self._fields.drop_options(field, gone, now=asked.now))

        return drop

    def _found(self, object_: str, asked: Asked) -> Field:
        field = self._fields.find(object_, asked.ids[0])
        if field is None:
            no("v2", 404, "Field not found" if self._switches["body_404"] == "named" else "Not found")
        return field

    def _custom(self, object_: str, asked: Asked) -> Field:
        field = self._found(object_, asked)
        if not field.custom:
            words = f"Field '{field.code}' is not a custom field"
            raise Refusal(403, words, reply=refused("v2", 403, words))
        return field

    def _chosen(self, object_: str, asked: Asked) -> Field:
        """A field that has options which can be changed: a custom one, or the labels if the switch lets them."""
        field = self._found(object_, asked)
        labels = field.code == LABEL_FIELD and self._switches["label_options"] == "accept"
        if not field.custom and not labels:
            words = f"Field '{field.code}' is not a custom field"
            raise Refusal(403, words, reply=refused("v2", 403, words))
        if field.custom and field.type not in CHOSEN:
            invalid([f"options: A field of the type '{field.type}' has no options"])
        return field

    def shown(self, field: Field, asked: Asked) -> Json:
        """A field as v2 answers it; what include_fields asks for comes on top."""
        row: Json = {"field_name": field.name, "field_code": field.code}
        if field.object == "deal":
            row["description"] = field.description
        row |= {
            "field_type": field.type,
            "options": list(field.options) if field.options is not None else None,
            "subfields": _subfields(field),
            "is_custom_field": field.custom,
            "is_optional_response_field": field.optional,
            "is_writable": field.writable,
        }
        wanted = asked.query.get("include_fields", "").split(",")
        return {**row, **{name: self._extra(field, name) for name in EXTRAS if name in wanted}}

    def _extra(self, field: Field, name: str) -> Json:
        default: Json = {"enabled": False}
        if name == "ui_visibility":
            default = {"add_visible_flag": False, "details_visible_flag": True}
        elif field.object == "deal":
            default = {"enabled": False, "stage_ids": []}
        return {**default, **(field.extras or {}).get(name, {})}


def _subfields(field: Field) -> list[Json] | None:
    parts = SUBFIELDS.get(field.type) if field.custom else None
    if parts is None:
        return None
    return [{"field_code": code, "field_name": name, "field_type": kind} for code, name, kind in parts]


def _items(asked: Asked, shape: Shape) -> Sequence[Json]:
    """The rows of a bare list; one bad row refuses them all."""
    rows = [row for row in asked.items if isinstance(row, dict)]
    if len(rows) != len(asked.items) or not rows:
        invalid(["body: The value is not a valid 'array' of objects"])
    problems = [problem for row in rows for problem in shape.problems(row)]
    if problems:
        invalid(problems)
    return rows


def _all_known(field: Field, rows: Sequence[Json]) -> None:
    known = {row["id"] for row in field.options or ()}
    strange = [row["id"] for row in rows if row["id"] not in known]
    if strange:
        invalid([f"options: Option {strange[0]} does not exist"])
