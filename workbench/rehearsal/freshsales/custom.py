"""The records of Freshsales' custom modules, under ``/custom_module/cm_…``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from workbench.rehearsal.engine import Call, House, Json, Record, Refusal, Reply, as_json
from workbench.rehearsal.freshsales.answers import Handler, body_of, given
from workbench.rehearsal.freshsales.clone import over
from workbench.rehearsal.freshsales.fields import READ_ONLY, Fields
from workbench.rehearsal.freshsales.modules import PREFIX, Module, Modules
from workbench.rehearsal.freshsales.reading import Reading, paging, words
from workbench.rehearsal.freshsales.shapes import Shapes, user
from workbench.rehearsal.freshsales.shelf import MISSING, Sheet, Shelf
from workbench.rehearsal.freshsales.tasks import Tasks
from workbench.rehearsal.freshsales.tenant import Catalog
from workbench.rehearsal.freshsales.values import id_in, keys

IDS = "custom_records"  # one counter for all modules, so that no id of one is an id of another
SHOWN = keys("id name owner_id territory_id custom_field is_deleted created_at updated_at creater_id updater_id")
InModule = Callable[[Module, Call, Sequence[int]], Reply]


class CustomRecords:
    """Makes, changes, copies, bins and lists the records of every module; there is no upsert."""

    def __init__(
        self, house: House, catalog: Catalog, fields: Fields, shapes: Shapes, reading: Reading, modules: Modules, tasks: Tasks
    ) -> None:
        self._state = house.state
        self._switches = house.switches
        self._catalog = catalog
        self._fields = fields
        self._shapes = shapes
        self._reading = reading
        self._modules = modules
        self._shelf = Shelf(house, catalog, fields)
        self._tasks = tasks
        tasks.take("custom_bulk_destroy", lambda job, row: self._shelf.bin(job.request["entity"], id_in(row) or 0, job.due))

    def routes(self) -> Iterable[tuple[str, Handler]]:
        base = f"custom_module/{PREFIX}*"
        yield f"POST {base}", self._in_module(self._created)
        yield f"GET {base}/#", self._in_module(self._seen)
        yield f"PUT {base}/#", self._in_module(self._changed)
        yield f"DELETE {base}/#", self._in_module(self._deleted)
        yield f"DELETE {base}/#/forget", self._in_module(self._forgotten)
        yield f"POST {base}/#/clone", self._in_module(self._cloned)
        yield f"POST {base}/bulk_destroy", self._in_module(self._bulk_destroy)
        yield f"GET {base}/filters", self._in_module(self._filters)
        yield f"GET {base}/view/#", self._in_module(self._view)
        yield f"POST filtered_search/{PREFIX}*", self._in_module(self._filtered)

    def _in_module(self, handler: InModule) -> Handler:
        def answer(call: Call, ids: Sequence[int]) -> Reply:
            self._modules.gate()
            entity = next(part for part in call.parts if part.startswith(PREFIX))
            return handler(self._modules.named(entity), call, ids)

        return answer

    def _created(self, module: Module, call: Call, ids: Sequence[int]) -> Reply:
        return self._make(module, given(call, module.entity), call)

    def _make(self, module: Module, wish: Json, call: Call) -> Reply:
        sheet = self._sheet(module, wish, {})
        sheet.problems += self._fields.unfilled(module.entity, sheet.body.get("custom_field", {}))
        record = self._shelf.create(sheet, self._state.next_id(IDS), call.now)
        return self._answer(module, record, call, int(self._switches["create_status"]))

    def _seen(self, module: Module, call: Call, ids: Sequence[int]) -> Reply:
        return self._answer(module, self._shelf.live(module.entity, ids[0]), call)

    def _changed(self, module: Module, call: Call, ids: Sequence[int]) -> Reply:
        record = self._shelf.live(module.entity, ids[0])
        sheet = self._sheet(module, given(call, module.entity), record.body)
        return self._answer(module, self._shelf.change(record, sheet, call.now), call)

    def _deleted(self, module: Module, call: Call, ids: Sequence[int]) -> Reply:
        self._shelf.bin(module.entity, ids[0], call.now)
        return as_json({"message": "The record was deleted."})

    def _forgotten(self, module: Module, call: Call, ids: Sequence[int]) -> Reply:
        self._shelf.forget(module.entity, ids[0], call.now)
        return as_json(True)

    def _cloned(self, module: Module, call: Call, ids: Sequence[int]) -> Reply:
        """A copy, changed where the request says so; numbers that the account gives and formulas are not copied."""
        body = self._shelf.live(module.entity, ids[0]).body
        own = {name for name, field in self._fields.of(module.entity).items() if field.type in READ_ONLY}
        custom = {name: value for name, value in body.get("custom_field", {}).items() if name not in own}
        wish = given(call, module.entity)
        kept: Json = {key: body[key] for key in ("name", "owner_id", "territory_id") if key in body}
        return self._make(module, {**kept, **wish, "custom_field": over(custom, wish.get("custom_field"))}, call)

    def _bulk_destroy(self, module: Module, call: Call, ids: Sequence[int]) -> Reply:
        rows = body_of(call).get("selected_ids")
        return self._tasks.promise("custom_bulk_destroy", rows, {"entity": module.entity}, call.now, missing="selected_ids")

    def _filters(self, module: Module, call: Call, ids: Sequence[int]) -> Reply:
        rows: list[Json] = [
            {
                "id": number,
                "name": name,
                "model_class_name": module.entity,
                "user_id": 0,
                "is_default": True,
                "updated_at": self._catalog.made_at,
                "user_name": None,
                "current_user_permissions": [],
            }
            for number, (name, _) in module.views.items()
        ]
        return as_json({"filters": rows, "meta": {}})

    def _view(self, module: Module, call: Call, ids: Sequence[int]) -> Reply:
        if ids[0] not in module.views:
            raise Refusal(404, MISSING)
        found, total = self._reading.members(module.entity, module.views[ids[0]][1], call.query, call.now)
        _, size = paging(call.query)
        meta = {"total_pages": -(-total // size), "total": total}
        return as_json({module.entity: [self._shown(record) for record in found], "meta": meta})

    def _filtered(self, module: Module, call: Call, ids: Sequence[int]) -> Reply:
        return as_json(self._reading.filtered(module.entity, body_of(call), call.query, call.now))

    def _sheet(self, module: Module, wish: Json, before: Json) -> Sheet:
        sheet = self._shelf.sheet(module.entity, wish, before, ("name",))
        if not sheet.body.get("name"):
            sheet.problems.append("Name can't be blank")
        return sheet

    def _answer(self, module: Module, record: Record, call: Call, status: int = 200) -> Reply:
        people = {name: record.body.get(f"{name}_id") for name in words(call.query) if name in ("owner", "creater", "updater")}
        known = [row for number, row in self._catalog.people.items() if number in people.values()]
        sides: Json = {"users": [user(row) for row in known]} if people else {}
        return as_json({**sides, module.entity: self._shown(record)}, status)

    def _shown(self, record: Record) -> Json:
        body = record.body
        return {
            **{key: body.get(key) for key in SHOWN},
            "id": record.id,
            "custom_field": self._fields.write(record.kind, body.get("custom_field", {})),
            "is_deleted": record.deleted is not None,
            "created_at": self._shapes.moment(record.created),
            "updated_at": self._shapes.moment(record.updated),
            "updater_id": body.get("updater_id", body["creater_id"]),
        }
