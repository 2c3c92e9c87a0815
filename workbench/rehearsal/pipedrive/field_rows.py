"""The fields of v1: numbers for ids, keys for codes, and options replaced as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from workbench.rehearsal.engine import Json, Reply
from workbench.rehearsal.pipedrive.account import Account, v1_stamp
from workbench.rehearsal.pipedrive.answers import Asked, Operation, no, one
from workbench.rehearsal.pipedrive.fields import LABEL_FIELD, Field, Fields
from workbench.rehearsal.pipedrive.offsets import Offsets
from workbench.rehearsal.pipedrive.shapes import Shape, text
from workbench.rehearsal.pipedrive.values import CHOSEN, SUBFIELDS, TYPES

WRITTEN = ("deal", "person", "organization", "product")
FIRST_BUILT_IN: Mapping[str, int] = {
    "deal": 12_000,
    "person": 9_000,
    "organization": 4_000,
    "product": 2_000,
    "activity": 1_000,
}
FIRST_CUSTOM = 20_000
"""Where the numbers of fields begin: v1 counts them through the account, built-in ones too."""
KEYS: Mapping[str, Mapping[str, str]] = {
    "deal": {"owner_id": "user_id", "label_ids": "label"},
    "person": {"emails": "email", "phones": "phone", "label_ids": "label"},
    "organization": {"label_ids": "label"},
}
"""Built-in fields that have another key in v1."""
NOTE_FIELDS = (
    ("id", "ID", "int"),
    ("content", "Content", "text"),
    ("user_id", "User", "user"),
    ("deal_id", "Deal", "deal"),
    ("lead_id", "Lead", "lead"),
    ("person_id", "Person", "people"),
    ("org_id", "Organization", "org"),
    ("project_id", "Project", "project"),
    ("add_time", "Add time", "date"),
    ("update_time", "Update time", "date"),
    ("pinned_to_lead_flag", "Pinned to lead", "enum"),
    ("pinned_to_deal_flag", "Pinned to deal", "enum"),
    ("pinned_to_person_flag", "Pinned to person", "enum"),
    ("pinned_to_organization_flag", "Pinned to organization", "enum"),
)
FLAGS = ({"id": 0, "label": "No"}, {"id": 1, "label": "Yes"})
LEAD_FIELDS = (
    ("id", "ID", "varchar"),
    ("title", "Title", "varchar"),
    ("owner_id", "Owner", "user"),
    ("creator_id", "Creator", "user"),
    ("person_id", "Contact person", "people"),
    ("organization_id", "Organization", "org"),
    ("value", "Value", "monetary"),
    ("label_ids", "Labels", "set"),
    ("expected_close_date", "Expected close date", "date"),
    ("visible_to", "Visible to", "visible_to"),
    ("was_seen", "Seen", "boolean"),
    ("is_archived", "Archived", "boolean"),
    ("source_name", "Source", "varchar"),
    ("origin", "Source origin", "varchar"),
    ("channel", "Source channel", "enum"),
    ("add_time", "Lead created", "date"),
    ("update_time", "Last updated", "date"),
)
BODY = Shape({"name": text}, open=True)


class FieldRows:
    """The field lists of v1."""

    def __init__(self, account: Account, fields: Fields, offsets: Offsets) -> None:
        self._fields = fields
        self._offsets = offsets
        self._made = account.made_at

    def operations(self) -> Iterable[Operation]:
        yield Operation("v1", "GET", "activityFields", 20, self._list("activity"))
        yield Operation("v1", "GET", "noteFields", 20, self._fixed(NOTE_FIELDS, ""))
        yield Operation("v1", "GET", "leadFields", 20, self._fixed(LEAD_FIELDS, "deal"))
        for object_ in WRITTEN:
            path = f"{object_}Fields"
            yield Operation("v1", "GET", path, 20, self._list(object_))
            yield Operation("v1", "POST", path, 10, self._create(object_), body=BODY)
            yield Operation("v1", "DELETE", path, 10, self._delete_several(object_))
            yield Operation("v1", "GET", f"{path}/#", 2, self._get(object_))
            yield Operation("v1", "PUT", f"{path}/#", 10, self._change(object_), body=BODY)
            yield Operation("v1", "DELETE", f"{path}/#", 6, self._delete(object_))

    def shown(self, field: Field, place: int) -> Json:
        """A field as v1 answers it."""
        return {
            **_row(_number(field), KEYS.get(field.object, {}).get(field.code, field.code), field.name, field.type),
            "order_nr": place,
            "add_time": v1_stamp(field.made) if field.custom else self._made,
            "update_time": v1_stamp(field.changed) if field.custom else self._made,
            "edit_flag": field.custom,
            "mandatory_flag": field.code in ("name", "title"),
            "bulk_edit_allowed": field.writable,
            "searchable_flag": field.custom and field.type in ("address", "varchar", "text", "varchar_auto", "double"),
            **({"options": list(field.options)} if field.options is not None else {}),
            **({"subfields": _subfields(field)} if field.custom and field.type in SUBFIELDS else {}),
        }

    def _list(self, object_: str) -> Callable[[Asked], Reply]:
        def listed(asked: Asked) -> Reply:
            rows = [self.shown(field, place) for place, field in enumerate(self._fields.listed(object_))]
            return self._offsets.page(asked, rows)

        return listed

    def _fixed(self, fields: Sequence[tuple[str, str, str]], custom: str) -> Callable[[Asked], Reply]:
        """A list that nobody can add to, and the custom fields that its object borrows."""

        def listed(asked: Asked) -> Reply:
            made = {"add_time": self._made, "update_time": self._made}
            rows = [{**_plain(place, *field), **made} for place, field in enumerate(fields, start=1)]
            borrowed = self._fields.of(custom).values() if custom else ()
            rows += [self.shown(field, place) for place, field in enumerate(borrowed, start=len(rows) + 1)]
            return self._offsets.page(asked, rows)

        return listed

    def _get(self, object_: str) -> Callable[[Asked], Reply]:
        return lambda asked: self._answer(self._found(object_, asked))

    def _answer(self, field: Field, status: int = 200) -> Reply:
        codes = [other.code for other in self._fields.listed(field.object)]
        return one(self.shown(field, codes.index(field.code)), status)

    def _create(self, object_: str) -> Callable[[Asked], Reply]:
        def create(asked: Asked) -> Reply:
            given = asked.body
            if not isinstance(given.get("name"), str) or not given["name"].strip():
                no("v1", 400, "Field name must be given.")
            if given.get("field_type") not in TYPES:
                no("v1", 400, f"field_type must be one of {', '.join(TYPES)}")
            visible = {"ui_visibility": {"add_visible_flag": given["add_visible_flag"]}} if "add_visible_flag" in given else {}
            wish = {"field_name": given["name"], "field_type": given["field_type"], "options": _options(given), **visible}
            field = self._fields.create(object_, wish, now=asked.now)
            return self._answer(field, 201 if object_ == "product" else 200)

        return create

    def _change(self, object_: str) -> Callable[[Asked], Reply]:
        def change(asked: Asked) -> Reply:
            field, given = self._found(object_, asked), asked.body
            labels = field.code == LABEL_FIELD and set(given) <= {"name", "options"}
            if not field.custom and not labels:
                no("v1", 403, "This field cannot be edited")
            if isinstance(given.get("name"), str) and field.custom:
                self._fields.change(field, {"field_name": given["name"]}, now=asked.now)
            if "options" in given:
                self._replace_options(self._found(object_, asked), _options(given), asked.now)
            return self._answer(self._found(object_, asked))

        return change

    def _replace_options(self, field: Field, rows: Sequence[Json], now: float) -> None:
        """Rename those with an id, add those without, and drop those that are not among them."""
        known = {row["id"] for row in field.options or ()}
        kept = {row["id"]: str(row["label"]) for row in rows if "id" in row}
        if field.custom and field.type not in CHOSEN:
            no("v1", 400, "This field has no options")
        if not rows and field.custom:
            no("v1", 400, "At least one option must be left")
        if kept.keys() - known:
            no("v1", 400, "An option with this id does not exist")
        fresh = [row["label"] for row in rows if "id" not in row]
        self._fields.drop_options(field, frozenset(known - kept.keys()), now=now)
        self._fields.rename_options(self._again(field), kept, now=now)
        self._fields.add_options(self._again(field), fresh, now=now)

    def _again(self, field: Field) -> Field:
        return self._fields.find(field.object, field.code) or field

    def _delete(self, object_: str) -> Callable[[Asked], Reply]:
        def delete(asked: Asked) -> Reply:
            field = self._found(object_, asked)
            if not field.custom:
                no("v1", 403, "This field cannot be deleted")
            self._fields.delete(field)
            return one({"id": _number(field)})

        return delete

    def _delete_several(self, object_: str) -> Callable[[Asked], Reply]:
        """Those of the ids that are custom fields go; the answer names them."""

        def delete(asked: Asked) -> Reply:
            wanted = {int(text) for text in asked.query.get("ids", "").split(",") if text.strip().isdecimal()}
            if not wanted:
                no("v1", 400, "ids must be given")
            gone = [field for field in self._fields.of(object_).values() if _number(field) in wanted]
            for field in gone:
                self._fields.delete(field)
            return one({"id": [_number(field) for field in gone]})

        return delete

    def _found(self, object_: str, asked: Asked) -> Field:
        number = asked.number()
        found = (field for field in self._fields.listed(object_) if _number(field) == number)
        return next(found, None) or no("v1", 404, "Field not found")


def _number(field: Field) -> int:
    return field.id + (FIRST_CUSTOM if field.custom else FIRST_BUILT_IN[field.object])


def _row(number: int, key: str, name: str, type_: str) -> Json:
    return {
        "id": number,
        "key": key,
        "name": name,
        "order_nr": 0,
        "field_type": type_,
        "json_column_flag": False,
        "add_time": None,
        "update_time": None,
        "last_updated_by_user_id": None,
        "created_by_user_id": None,
        "edit_flag": False,
        "details_visible_flag": True,
        "add_visible_flag": False,
        "important_flag": False,
        "bulk_edit_allowed": False,
        "filtering_allowed": True,
        "sortable_flag": True,
        "mandatory_flag": False,
        "active_flag": True,
        "index_visible_flag": True,
        "searchable_flag": False,
        "is_subfield": False,
    }


def _plain(number: int, key: str, name: str, type_: str) -> Json:
    row = {**_row(number, key, name, type_), "order_nr": number}
    return {**row, "options": list(FLAGS)} if key.endswith("_flag") else row


def _options(given: Json) -> list[Json]:
    rows = given.get("options") or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.get("label") for row in rows):
        no("v1", 400, "options must be a list of objects with a label")
    return rows


def _subfields(field: Field) -> list[Json]:
    parts = (part for part in SUBFIELDS[field.type] if part[0] != "value")
    return [{"key": f"{field.code}_{code}", "name": name, "field_type": kind} for code, name, kind in parts]
