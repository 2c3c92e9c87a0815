"""The custom modules of a Freshsales account: which there are, and the form, fields and views that each has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from workbench.rehearsal.engine import Call, House, Json, Record, Refusal, Reply, Traits, as_json
from workbench.rehearsal.freshsales.answers import Handler, given
from workbench.rehearsal.freshsales.fields import Fields
from workbench.rehearsal.freshsales.shapes import Shapes
from workbench.rehearsal.freshsales.shelf import MISSING
from workbench.rehearsal.freshsales.tenant import REGION, Catalog
from workbench.rehearsal.freshsales.values import keys

KIND, WRAPPER = "modules", "module_customization"
PREFIX = "cm_"
NAMES = keys("singular_name plural_name entity_name icon")
CHANGEABLE = keys("singular_name plural_name icon description show_in_navigation_menu")
ENTITY = re.compile(r"[a-z][a-z0-9_]{0,60}")
BUILT_IN = {
    "contact": ("Contact", "Contacts"),
    "sales_account": ("Account", "Accounts"),
    "deal": ("Deal", "Deals"),
    "product": ("Product", "Products"),
    "cpq_document": ("Document", "Documents"),
}
BUILT_IN_IDS = REGION + 579_000_001
VIEWS = {"My {}": "mine", "All {}": "all", "Recycle Bin": "deleted"}


@dataclass(frozen=True, slots=True)
class Module:
    """A custom module: its name on the wire, its form, and the rule of each of its views by the view's id."""

    id: int
    entity: str
    plural: str
    form: int
    views: Mapping[int, tuple[str, str]]  # name and rule


class Modules:
    """Lists, makes, changes and removes modules; the lists hold the built-in ones too."""

    def __init__(self, house: House, catalog: Catalog, fields: Fields, shapes: Shapes) -> None:
        self._state = house.state
        self._switches = house.switches
        self._catalog = catalog
        self._fields = fields
        self._shapes = shapes

    def routes(self) -> Iterable[tuple[str, Handler]]:
        base = "settings/module_customizations"
        yield f"GET {base}", lambda call, ids: as_json({"module_customizations": self._all(call.now)})
        yield f"POST {base}", self._created
        yield f"GET {base}/#", lambda call, ids: as_json({WRAPPER: self._one(ids[0], call.now)})
        yield f"PUT {base}/#", self._changed
        yield f"DELETE {base}/#", self._deleted

    def gate(self) -> None:
        """Refuses where the plan has no custom modules."""
        rule = self._switches["custom_modules"]
        if rule == "off" or (rule == "plan" and self._catalog.plan != "enterprise"):
            raise Refusal(403, "You are not authorized to perform this action.")

    def named(self, entity: str) -> Module:
        """The module with this name on the wire, or a 404."""
        found = self._state.known(KIND, "entity_name", entity)
        if not found:
            raise Refusal(404, MISSING)
        return _module(self._record(found[0]))

    def knows(self, entity: str) -> bool:
        return bool(self._state.known(KIND, "entity_name", entity))

    def make(self, wish: Json, now: float) -> Record:
        """Write a new module with its form and its views."""
        body = self._read(wish, {})
        entity = body["entity_name"]
        body["entity_name"] = entity if entity.startswith(PREFIX) else PREFIX + entity
        self._refuse_taken(body, own=None)
        body["form_id"] = self._state.next_id("module_forms")
        body["views"] = [[self._state.next_id("module_views"), name, rule] for name, rule in VIEWS.items()]
        record = Record(KIND, self._state.next_id(KIND), body, created=now, updated=now)
        self._state.save(record, _traits(body), new=True)
        return record

    def _record(self, number: int) -> Record:
        record = self._state.get(KIND, number)
        if record is None:
            raise Refusal(404, MISSING)
        return record

    def _created(self, call: Call, ids: Sequence[int]) -> Reply:
        self.gate()
        record = self.make(given(call, WRAPPER), call.now)
        return as_json({WRAPPER: self._shown(record)}, int(self._switches["create_status"]))

    def _changed(self, call: Call, ids: Sequence[int]) -> Reply:
        self.gate()
        record = self._record(ids[0])
        wish = {key: value for key, value in given(call, WRAPPER).items() if key in CHANGEABLE}
        changed = replace(record, body=self._read(wish, record.body), updated=call.now)
        self._refuse_taken(changed.body, own=record.id)
        self._state.save(changed, _traits(changed.body), new=False)
        return as_json({WRAPPER: self._shown(changed)})

    def _deleted(self, call: Call, ids: Sequence[int]) -> Reply:
        """The module goes with its records, its fields and its views, unless the switch lets only an empty one go."""
        self.gate()
        module = _module(self._record(ids[0]))
        numbers = [record.id for record in self._state.select("kind = ?", (module.entity,))]
        if numbers and self._switches["module_delete"] == "empty":
            raise Refusal(400, f"{module.plural} still has records")
        for number in numbers:
            self._state.erase(module.entity, number)
        for field in list(self._fields.of(module.entity).values()):
            self._fields.delete(module.entity, field.id)
        self._state.erase(KIND, module.id)
        return as_json({"message": "The module was deleted."})

    def _read(self, wish: Json, before: Json) -> Json:
        problems = [f"{_said(key)} can't be blank" for key in NAMES if not (wish.get(key) or before.get(key))]
        texts = [key for key in (*NAMES, "description") if not isinstance(wish.get(key), str | None)]
        problems += [f"{_said(key)} is invalid" for key in texts]
        entity = str(wish.get("entity_name") or before.get("entity_name") or "")
        if entity and not ENTITY.fullmatch(entity):
            problems.append("Entity name is invalid")
        if not isinstance(wish.get("show_in_navigation_menu", True), bool):
            problems.append("Show in navigation menu is invalid")
        if problems:
            raise Refusal(400, *problems)
        kept = {key: wish[key] for key in (*NAMES, *CHANGEABLE) if wish.get(key) is not None}
        return {"show_in_navigation_menu": True, **before, **kept}

    def _refuse_taken(self, body: Json, *, own: int | None) -> None:
        wrong = []
        for key in NAMES[:3]:
            others = [number for number in self._state.known(KIND, key, body[key].casefold()) if number != own]
            if others or (own is None and body[key].casefold() in _reserved(key)):
                wrong.append(f"{_said(key)} has already been taken")
        if wrong:
            raise Refusal(400, *wrong)

    def _all(self, now: float) -> list[Json]:
        return [*self._built_in(), *map(self._shown, self._state.select("kind = ?", (KIND,)))]

    def _one(self, number: int, now: float) -> Json:
        found = [row for row in self._all(now) if row["id"] == number]
        if not found:
            raise Refusal(404, MISSING)
        return found[0]

    def _built_in(self) -> list[Json]:
        return [
            _row(BUILT_IN_IDS + place, {"entity_name": entity, "singular_name": one, "plural_name": many}, place + 1)
            | {"created_at": self._catalog.made_at, "updated_at": self._catalog.made_at}
            for place, (entity, (one, many)) in enumerate(BUILT_IN.items())
        ]

    def _shown(self, record: Record) -> Json:
        place = self._state.count("kind = ? AND id <= ?", (KIND, record.id)) + len(BUILT_IN)
        times = {"created_at": self._shapes.moment(record.created), "updated_at": self._shapes.moment(record.updated)}
        return _row(record.id, record.body, place) | times


def _row(number: int, body: Json, place: int) -> Json:
    entity = body["entity_name"]
    custom = entity.startswith(PREFIX)
    return {
        "id": number,
        **{key: body.get(key) for key in (*NAMES, "description")},
        "show_in_navigation_menu": body.get("show_in_navigation_menu", True),
        "custom": custom,
        "coll_id": entity,
        "table_name": entity if custom else f"{entity}s",
        "status": 1,
        "position": place,
        "resource_path_for_navigation": f"/custom_module/{entity}" if custom else f"/{entity}s",
        "layout_customizations": {"lookup_sections": [], "section_config": []},
        "renaming_customizations": {},
        "configs": {"filters_v2_enabled": True},
    }


def _module(record: Record) -> Module:
    body = record.body
    views = {number: (name.format(body["plural_name"]), rule) for number, name, rule in body["views"]}
    return Module(record.id, body["entity_name"], body["plural_name"], body["form_id"], views)


def _traits(body: Json) -> Traits:
    return Traits(body["plural_name"].lower(), idents=[(key, body[key].casefold()) for key in NAMES[:3]])


def _reserved(key: str) -> frozenset[str]:
    one_and_many = BUILT_IN.values()
    return {
        "singular_name": frozenset(one.lower() for one, _ in one_and_many),
        "plural_name": frozenset(many.lower() for _, many in one_and_many),
        "entity_name": frozenset(),
    }[key]


def _said(key: str) -> str:
    return key.replace("_", " ").capitalize()
