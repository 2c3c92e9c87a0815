"""The settings of a Freshsales account that describe its fields, and the making of custom ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workbench.rehearsal.engine import Call, House, Json, Refusal, Reply, as_json
from workbench.rehearsal.freshsales.answers import Handler, body_of
from workbench.rehearsal.freshsales.builtin import metadata
from workbench.rehearsal.freshsales.fields import FORM_IDS, Fields, custom_metadata, form_metadata
from workbench.rehearsal.freshsales.modules import PREFIX, Modules
from workbench.rehearsal.freshsales.reading import KIND_OF
from workbench.rehearsal.freshsales.shelf import MISSING
from workbench.rehearsal.freshsales.tenant import Catalog

SINGULAR = {**KIND_OF, "product": "products", "cpq_document": "cpq_documents"}


class Forms:
    """Lists fields and forms, and makes and removes custom fields, of the objects and of the custom modules."""

    def __init__(self, house: House, catalog: Catalog, fields: Fields, modules: Modules, objects: Sequence[str]) -> None:
        self._house = house
        self._catalog = catalog
        self._fields = fields
        self._modules = modules
        self._objects = objects

    def routes(self) -> Iterable[tuple[str, Handler]]:
        for object_ in (*self._objects, "sales_activities"):
            yield f"GET settings/{object_}/fields", self._listed
        for object_ in (*self._objects, f"{PREFIX}*"):
            yield f"GET settings/{object_}/forms", lambda call, ids: as_json({"forms": [self._form(_object(call))]})
            yield f"POST settings/{object_}/forms/#/fields", self._created
            yield f"DELETE settings/{object_}/forms/#/fields/#", self._deleted

    def create_fields(self, plan: Sequence[Json]) -> list[Json]:
        """What the admin makes by hand; rows name object, label, type, choices, unique, required."""
        now = self._house.clock.now()
        made = [self._fields.create(self._named(row), row, now=now, by_api=False) for row in plan]
        return [form_metadata(field, self._form_id(field.object)) for field in made]

    def _named(self, row: Json) -> str:
        named = str(row.get("object", "")).lower()
        kind = SINGULAR.get(named, named)
        if kind not in FORM_IDS and not self._modules.knows(kind):
            raise Refusal(400, f"there is no object {named!r}; expected one of {', '.join(FORM_IDS)}, or a custom module")
        return kind

    def _listed(self, call: Call, ids: Sequence[int]) -> Reply:
        object_ = _object(call)
        own = map(custom_metadata, self._fields.of(object_).values())
        return as_json({"fields": [*metadata(object_, self._catalog), *own]})

    def _form_id(self, object_: str) -> int:
        return FORM_IDS[object_] if object_ in FORM_IDS else self._modules.named(object_).form

    def _form(self, object_: str) -> Json:
        number = self._form_id(object_) if object_ in FORM_IDS else self._gated(object_)
        own = [form_metadata(field, number) for field in self._fields.of(object_).values()]
        if object_ not in FORM_IDS:
            return _grouped(number, self._modules.named(object_).plural, own)
        built_in = [{**row, "field_options": {"unique": False}} for row in metadata(object_, self._catalog)]
        return {"id": number, "name": f"Default {object_} form", "fields": [*built_in, *own]}

    def _gated(self, object_: str) -> int:
        self._modules.gate()
        return self._form_id(object_)

    def _created(self, call: Call, ids: Sequence[int]) -> Reply:
        object_ = self._may("field_create", call, ids[0])
        body = body_of(call)
        made = self._fields.create(object_, body.get("field") or body, now=call.now, by_api=True)
        return as_json({"field": form_metadata(made, ids[0])}, int(self._house.switches["create_status"]))

    def _deleted(self, call: Call, ids: Sequence[int]) -> Reply:
        self._fields.delete(self._may("field_delete", call, ids[0]), ids[1])
        return as_json({"success": "200"})

    def _may(self, switch: str, call: Call, form: int) -> str:
        """The object whose fields may be changed. Custom modules' chapter documents it, so there no switch forbids it."""
        object_ = _object(call)
        if object_.startswith(PREFIX):
            self._modules.gate()
        elif self._house.switches[switch] == "refuse":
            raise Refusal(403, "You are not authorized to perform this action.")
        if form != self._form_id(object_):
            raise Refusal(404, MISSING)
        return object_


def _object(call: Call) -> str:
    return call.parts[call.parts.index("settings") + 1]


def _grouped(number: int, plural: str, own: list[Json]) -> Json:
    """The form of a custom module, whose fields stand in a group."""
    name: Json = {
        "id": number * 10,
        "name": "name",
        "label": "Name",
        "type": "text",
        "form_id": number,
        "field_class": "Text",
        "field_options": {"unique": False, "system_field": True},
        "choices": [],
        "required": True,
        "visible": True,
        "position": 1,
        "custom": False,
    }
    group: Json = {
        "id": number * 10 + 1,
        "name": "basic_information",
        "label": "Basic information",
        "type": "section",
        "form_id": number,
        "field_class": "Section",
        "field_options": {"allow_fields_to_be_added": True},
        "position": 1,
        "fields": [name, *({**field, "position": place} for place, field in enumerate(own, 2))],
    }
    return {"id": number, "name": f"Default {plural} form", "active": True, "description": None, "fields": [group]}
