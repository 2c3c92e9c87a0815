"""Pipelines and stages, activity types and lead labels of the Pipedrive rehearsal: made from the recipe, changed by the API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from uuid import NAMESPACE_URL, uuid5

from workbench.rehearsal.engine import House, Json, Record, Reply, Traits
from workbench.rehearsal.pipedrive.account import Account, stamp, v1_iso, v1_stamp
from workbench.rehearsal.pipedrive.answers import Asked, Handler, Operation, invalid, missing, no, one
from workbench.rehearsal.pipedrive.paging import paged, paged_query
from workbench.rehearsal.pipedrive.shapes import (
    Shape,
    between,
    boolean,
    integer,
    text,
    whole,
)
from workbench.rehearsal.pipedrive.stamps import seconds_of

ICONS = """task email meeting deadline call lunch calendar downarrow document smartphone camera scissors cogs bubble uparrow
    checkbox signpost shuffle addressbook linegraph picture car world search clip sound brush key padlock pricetag suitcase
    finish plane loop wifi truck cart bulb bell presentation"""
COLOURS = ("blue", "brown", "dark-gray", "gray", "green", "orange", "pink", "purple", "red", "yellow")
HEX = re.compile(r"[0-9A-Fa-f]{6}")
STANDARD_TYPES = frozenset({"call", "meeting", "task", "deadline", "email", "lunch"})
STANDARD_STAGES = ("Qualified", "Contact Made", "Demo Scheduled", "Proposal Made", "Negotiations Started")
TIMES = ("id", "update_time", "add_time")
NAMES = {"pipelines": "Pipeline", "stages": "Stage"}
PIPELINE = Shape({"name": text, "is_deal_probability_enabled": boolean})
STAGE = Shape(
    {
        "name": text,
        "pipeline_id": integer,
        "deal_probability": between(integer, 0, 100),
        "is_deal_rot_enabled": boolean,
        "days_to_rotten": between(integer, 1, 10_000),
    }
)


class Settings:
    """The settings that are records; those of the recipe are made when the state is new."""

    def __init__(self, house: House, account: Account) -> None:
        self._house = house
        self._state = house.state
        self._account = account
        if self._state.meta("settings_made") is None:
            self._first()

    def _first(self) -> None:
        recipe = self._house.tenant
        now = seconds_of(self._account.made_at) or self._house.clock.now()
        with self._state.transaction():
            for row in recipe["pipelines"]:
                self._add_pipeline(row, now)
            for row in recipe["activity_types"]:
                self._add_type(row, now)
            for row in recipe.get("lead_labels", []):
                self._add_label(row, now)
            self._state.set_meta("settings_made", {"done": True})

    def operations(self) -> Iterable[Operation]:
        yield from self._strict("pipelines", PIPELINE, ("name",), sortable=TIMES)
        yield from self._strict("stages", STAGE, ("name", "pipeline_id"), sortable=(*TIMES, "order_nr"))
        yield Operation("v1", "GET", "activityTypes", 20, lambda asked: one(self._types() or None))
        yield Operation("v1", "POST", "activityTypes", 10, self._type_created)
        yield Operation("v1", "PUT", "activityTypes/#", 10, self._type_changed)
        yield Operation("v1", "DELETE", "activityTypes/#", 6, self._type_deleted)
        yield Operation("v1", "GET", "leadLabels", 10, lambda asked: one(self._labels()))
        yield Operation("v1", "POST", "leadLabels", 10, self._label_created)
        yield Operation("v1", "PATCH", "leadLabels/#", 10, self._label_changed)
        yield Operation("v1", "DELETE", "leadLabels/#", 6, self._label_deleted)

    # pipelines and stages

    def _strict(self, kind: str, shape: Shape, required: tuple[str, ...], *, sortable: tuple[str, ...]) -> Iterable[Operation]:
        filters = {"pipeline_id": whole} if kind == "stages" else {}
        query = Shape({**paged_query(sortable), **filters})
        yield Operation("v2", "GET", kind, 5, self._listed(kind), query=query)
        yield Operation("v2", "GET", f"{kind}/#", 1, lambda asked: _one(self._live(kind, asked)))
        yield Operation("v2", "POST", kind, 5, self._created(kind), body=replace(shape, required=required))
        yield Operation("v2", "PATCH", f"{kind}/#", 5, self._changed(kind), body=shape)
        yield Operation("v2", "DELETE", f"{kind}/#", 3, self._deleted(kind))

    def _listed(self, kind: str) -> Handler:
        def handler(asked: Asked) -> Reply:
            rows = list(map(shown, self._account.live(kind)))
            wanted = asked.query.get("pipeline_id")
            if wanted is not None:
                rows = [row for row in rows if row["pipeline_id"] == int(wanted)]
            return paged(rows, asked.query, self._house.switches)

        return handler

    def _created(self, kind: str) -> Handler:
        def handler(asked: Asked) -> Reply:
            if kind == "stages":
                self._known_pipeline(asked.body)
                return _one(self._add_stage(asked.body, asked.now))
            stages = STANDARD_STAGES if self._house.switches["pipeline_stages"] == "default" else ()
            row = {**asked.body, "stages": [{"name": name} for name in stages]}
            return _one(self._add_pipeline(row, asked.now))

        return handler

    def _changed(self, kind: str) -> Handler:
        def handler(asked: Asked) -> Reply:
            record = self._live(kind, asked)
            self._known_pipeline(asked.body)
            if asked.body.get("name") == "":
                invalid(["name: The value is required"])
            return _one(self._change(record, asked.body, asked.now))

        return handler

    def _deleted(self, kind: str) -> Handler:
        def handler(asked: Asked) -> Reply:
            record = self._live(kind, asked)
            below = self._account.stages_of(record.id) if kind == "pipelines" else []
            for number in (stage["id"] for stage in below):
                self._delete(self._state.select("kind = 'stages' AND id = ?", (number,))[0], asked.now)
            self._delete(record, asked.now)
            return one({"id": record.id})

        return handler

    def _known_pipeline(self, body: Json) -> None:
        if "pipeline_id" in body and self._state.get("pipelines", body["pipeline_id"]) is None:
            invalid([f"pipeline_id: Pipeline {body['pipeline_id']} does not exist"])

    def _live(self, kind: str, asked: Asked) -> Record:
        record = self._state.get(kind, asked.number())
        return record or missing(asked.version, NAMES[kind], self._house.switches)

    def _add_pipeline(self, row: Json, now: float) -> Record:
        """A pipeline in the last place, with the stages that the row names."""
        number = self._id("pipelines", row)
        body = {
            "id": number,
            "name": row["name"],
            "order_nr": row.get("order_nr", _after(self._account.pipelines())),
            "is_deleted": False,
            "is_deal_probability_enabled": row.get("is_deal_probability_enabled", True),
        }
        made = self._keep(Record("pipelines", number, body, *_times(row, now)), new=True)
        for stage in row.get("stages", []):
            self._add_stage({**stage, "pipeline_id": number}, now)
        return made

    def _add_stage(self, row: Json, now: float) -> Record:
        """A stage in the last place of its pipeline."""
        number = self._id("stages", row)
        body = {
            "id": number,
            "order_nr": row.get("order_nr", _after(self._account.stages_of(row["pipeline_id"]))),
            "name": row["name"],
            "is_deleted": False,
            "deal_probability": row.get("deal_probability", 100),
            "pipeline_id": row["pipeline_id"],
            "is_deal_rot_enabled": row.get("is_deal_rot_enabled", False),
            "days_to_rotten": row.get("days_to_rotten"),
        }
        return self._keep(Record("stages", number, body, *_times(row, now)), new=True)

    # activity types

    def _type_created(self, asked: Asked) -> Reply:
        self._check_type(asked.body, required=True)
        if len(self._account.live("activityTypes")) >= self._account.caps.activity_types:
            no("v1", 403, "Couldn't add activity type. You've reached the activity type per company limit.")
        return _one(self._add_type(asked.body, asked.now))

    def _type_changed(self, asked: Asked) -> Reply:
        record = self._live_type(asked)
        self._check_type(asked.body, required=False)
        sent = {key: value for key, value in asked.body.items() if key in ("name", "icon_key", "color", "order_nr")}
        return _one(self._change(record, sent, asked.now))

    def _type_deleted(self, asked: Asked) -> Reply:
        record = self._live_type(asked)
        gone = replace(record, body={**record.body, "active_flag": False}, updated=asked.now)
        self._delete(gone, asked.now)
        return _one(gone)

    def _types(self) -> list[Json]:
        return sorted(map(shown, self._account.live("activityTypes")), key=lambda row: (row["order_nr"], row["id"]))

    def _live_type(self, asked: Asked) -> Record:
        return self._state.get("activityTypes", asked.number()) or no("v1", 404, "Activity type not found.")

    def _check_type(self, body: Json, *, required: bool) -> None:
        name, icon, colour = body.get("name"), body.get("icon_key"), body.get("color")
        if (required or "name" in body) and not (isinstance(name, str) and name.strip()):
            no("v1", 400, "Activity type name must be given.")
        if (required or "icon_key" in body) and icon not in ICONS.split():
            no("v1", 400, "Activity type icon_key is not valid.")
        if colour is not None and not (isinstance(colour, str) and HEX.fullmatch(colour)):
            no("v1", 400, "Activity type color is not valid.")
        if "order_nr" in body and integer(body["order_nr"]):
            no("v1", 400, "Activity type order_nr is not valid.")

    def _add_type(self, row: Json, now: float) -> Record:
        """An activity type in the last place; its key is made of its name."""
        number = self._id("activityTypes", row)
        key = row.get("key_string") or self._free_key(row["name"])
        body = {
            "id": number,
            "order_nr": row.get("order_nr", _after(self._account.activity_types())),
            "name": row["name"],
            "key_string": key,
            "icon_key": row["icon_key"],
            "active_flag": True,
            "color": row.get("color"),
            "is_custom_flag": row.get("is_custom_flag", key not in STANDARD_TYPES),
        }
        return self._keep(Record("activityTypes", number, body, *_times(row, now)), new=True)

    def _free_key(self, name: str) -> str:
        """``Video call`` gives ``video_call``; where that is taken, a number follows."""
        key = "_".join(re.findall(r"\w+", name.lower())) or "type"
        taken = {row["key_string"] for row in self._account.activity_types()}
        return next(free for free in (key, *(f"{key}_{n}" for n in range(2, len(taken) + 3))) if free not in taken)

    # lead labels

    def _label_created(self, asked: Asked) -> Reply:
        self._check_label(asked.body, required=True)
        return _one(self._add_label(asked.body, asked.now))

    def _label_changed(self, asked: Asked) -> Reply:
        record = self._live_label(asked)
        self._check_label(asked.body, required=False)
        sent = {key: value for key, value in asked.body.items() if key in ("name", "color")}
        return _one(self._change(record, sent, asked.now))

    def _label_deleted(self, asked: Asked) -> Reply:
        record = self._live_label(asked)
        self._delete(record, asked.now)
        return one({"id": record.body["id"]})

    def _labels(self) -> list[Json]:
        return list(map(shown, self._account.live("leadLabels")))

    def _live_label(self, asked: Asked) -> Record:
        found = (self._state.get("leadLabels", number) for number in self._state.known("leadLabels", "id", asked.ids[0]))
        live = next(filter(None, found), None)
        return live or no("v1", 404, "requested lead label not found", info="Object was not found.")

    def _check_label(self, body: Json, *, required: bool) -> None:
        name, colour = body.get("name"), body.get("color")
        if (required or "name" in body) and not (isinstance(name, str) and name.strip()):
            no("v1", 400, "name is required")
        if (required or "color" in body) and colour not in COLOURS:
            no("v1", 400, f"color must be one of [{', '.join(COLOURS)}]")

    def _add_label(self, row: Json, now: float) -> Record:
        number = self._state.next_id("leadLabels")
        body = {
            "id": row.get("id") or str(uuid5(NAMESPACE_URL, f"{self._account.company_id}/leadLabels/{number}")),
            "name": row["name"],
            "color": row["color"],
        }
        return self._keep(Record("leadLabels", number, body, *_times(row, now)), new=True)

    # how they are kept

    def _id(self, kind: str, row: Json) -> int:
        return self._state.claim(kind, row["id"]) if "id" in row else self._state.next_id(kind)

    def _change(self, record: Record, sent: Json, now: float) -> Record:
        return self._keep(replace(record, body={**record.body, **sent}, updated=now), new=False)

    def _delete(self, record: Record, now: float) -> None:
        self._keep(replace(record, deleted=now, updated=now), new=False)

    def _keep(self, record: Record, *, new: bool) -> Record:
        body = record.body
        idents = [("id", str(body["id"])), *([("key_string", str(body["key_string"]))] if "key_string" in body else [])]
        parents = [("pipelines", int(body["pipeline_id"]))] if record.kind == "stages" else []
        self._state.save(record, Traits(str(body["name"]), idents=idents, parents=parents), new=new)
        self._account.forget()
        return record


def shown(record: Record) -> Json:
    """A setting as the API answers it: with its times, in the manner of its kind."""
    write = v1_stamp if record.kind == "activityTypes" else v1_iso if record.kind == "leadLabels" else stamp
    return {**record.body, "add_time": write(record.created), "update_time": write(record.updated)}


def _one(record: Record) -> Reply:
    return one(shown(record))


def _times(row: Json, now: float) -> tuple[float, float]:
    """When a setting was made and last changed: as the recipe says, or now."""
    made = seconds_of(row.get("add_time"))
    made = now if made is None else made
    changed = seconds_of(row.get("update_time"))
    return made, made if changed is None else changed


def _after(rows: Sequence[Json]) -> int:
    """The place after the last of these."""
    return max((int(row["order_nr"]) for row in rows), default=0) + 1
