"""The rehearsal of Freshsales, Suite and Classic: which request does what, and how it refuses."""

from __future__ import annotations

import hmac
import math
from collections.abc import Iterable, Mapping, Sequence

from workbench.rehearsal.engine import Call, Cost, House, Json, Record, Refusal, Reply, StandIn, Standing, Window, as_json
from workbench.rehearsal.engine.bodies import GREATEST
from workbench.rehearsal.engine.recipes import of_row
from workbench.rehearsal.freshsales.activities import FORMS, Activities
from workbench.rehearsal.freshsales.answers import Handler, Routed, body_of, given
from workbench.rehearsal.freshsales.bin import Bin
from workbench.rehearsal.freshsales.bulk import BULK_KINDS, Bulk
from workbench.rehearsal.freshsales.calls import Calls
from workbench.rehearsal.freshsales.clone import Clones
from workbench.rehearsal.freshsales.custom import CustomRecords
from workbench.rehearsal.freshsales.documents import Documents
from workbench.rehearsal.freshsales.drafts import KINDS
from workbench.rehearsal.freshsales.feed import Feed
from workbench.rehearsal.freshsales.fields import Fields
from workbench.rehearsal.freshsales.forms import Forms
from workbench.rehearsal.freshsales.leads import Leads
from workbench.rehearsal.freshsales.lines import Lines
from workbench.rehearsal.freshsales.lists import Lists
from workbench.rehearsal.freshsales.modules import Modules
from workbench.rehearsal.freshsales.products import Products
from workbench.rehearsal.freshsales.quotes import Quotes
from workbench.rehearsal.freshsales.reading import Reading, words
from workbench.rehearsal.freshsales.records import Records
from workbench.rehearsal.freshsales.shapes import Shapes
from workbench.rehearsal.freshsales.shelf import Shelf
from workbench.rehearsal.freshsales.switches import SWITCHES
from workbench.rehearsal.freshsales.tasks import Tasks
from workbench.rehearsal.freshsales.teams import Teams
from workbench.rehearsal.freshsales.tenant import FIRST_IDS, HOURLY, Catalog
from workbench.rehearsal.freshsales.values import id_in, keys

__all__ = ["FAULT_POINTS", "FIRST_IDS", "SWITCHES", "TENANT", "open_stand_in"]

TENANT = "freshsales_suite"
FAULT_POINTS = ("job", "rows")
SUITE = ("crm", "sales")
SELECTORS = keys(
    """owners territories deal_stages deal_pipelines currencies deal_reasons deal_types lead_sources industry_types
    business_types campaigns deal_payment_statuses deal_products contact_statuses sales_activity_types
    sales_activity_entity_types sales_activity_outcomes lifecycle_stages designations lead_stages lead_reasons"""
)
HTML = "<!DOCTYPE html><html><body><h1>{status}</h1><p>{message}</p></body></html>"
SAID = {401: "Unauthorized", 404: "Not found", 429: "Too many requests", 500: "Internal server error"}


def open_stand_in(house: House) -> StandIn:
    """The stand-in over a state; the fields of the tenant recipe are made when the state is new."""
    return Freshsales(house)


class Freshsales:
    """One account of Freshsales."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._catalog = Catalog(house.tenant, plan=house.switches["plan"].removeprefix("tenant"))
        self._fields = Fields(house, self._catalog)
        self._records = Records(house, self._catalog, self._fields)
        self._shapes = Shapes(house, self._catalog, self._fields)
        self._reading = Reading(house, self._catalog, self._records, self._shapes)
        self._activities = Activities(house, self._catalog, self._fields, self._shapes)
        self._tasks = Tasks(house)
        self._bulk = Bulk(house, self._records, self._tasks)
        self._bin = Bin(house, self._records, Shelf(house, self._catalog, self._fields))
        self.base = "/api" if self._catalog.classic else "/crm/sales/api"
        self._kinds = tuple(KINDS) if self._catalog.classic else BULK_KINDS
        self._modules = Modules(house, self._catalog, self._fields, self._shapes)
        self._forms = Forms(house, self._catalog, self._fields, self._modules, self._kinds)
        self._further: list[Routed] = [self._modules, self._forms, *self._goods(house), *self._attachments(house)]
        self._routes = dict(self._table())
        self._first_fields()

    def _goods(self, house: House) -> Iterable[Routed]:
        catalog, fields, records, shapes = self._catalog, self._fields, self._records, self._shapes
        products = Products(house, catalog, fields, shapes, self._reading, self._tasks)
        yield products
        yield Quotes(house, catalog, fields, shapes, Lines(house), products, self._tasks)
        yield CustomRecords(house, catalog, fields, shapes, self._reading, self._modules, self._tasks)
        yield Lists(house, records, self._reading, self._tasks)
        yield Clones(house, fields, records, shapes)
        yield Teams(house, catalog, records, shapes)

    def _attachments(self, house: House) -> Iterable[Routed]:
        catalog, records, shapes = self._catalog, self._records, self._shapes
        calls = Calls(house, catalog, records, shapes)
        yield calls
        yield Documents(house, catalog, shapes)
        yield Feed(house, catalog, records, shapes, self._activities, calls)
        if catalog.classic:
            yield Leads(house, records, self._fields, shapes)

    def _first_fields(self) -> None:
        if self._house.state.meta("fields_made") is None:
            with self._house.state.transaction():
                for place, row in enumerate(self._house.tenant.get("modules", []), 1):
                    with of_row("modules", place):
                        self._modules.make(row, self._house.clock.now())
                for place, row in enumerate(self._house.tenant.get("fields", []), 1):
                    with of_row("fields", place):
                        self.create_fields([row])
                self._house.state.set_meta("fields_made", {"done": True})

    def windows(self) -> Sequence[Window]:
        cap = int(self._house.switches.number("minute_cap"))
        rolling = self._house.switches["limit_window"] == "rolling"
        hourly = Window("hour", 3600, HOURLY[self._catalog.plan], rolling=rolling)
        return (hourly, Window("minute", 60, cap, rolling=rolling)) if cap else (hourly,)

    def cost(self, call: Call) -> Cost:
        return Cost(("hour", "minute"))

    def authorised(self, call: Call, token: str) -> bool:
        """Only ``Authorization: Token token=<key>`` opens; what the query says does not count."""
        scheme, _, rest = call.headers.get("authorization", "").partition(" ")
        key, _, given = rest.strip().partition("=")
        opens = scheme.lower() == "token" and key.strip() == "token"
        return opens and hmac.compare_digest(given.strip().strip('"').encode(), token.encode())

    def body_limit(self, call: Call) -> int:
        """Room for the largest file and a form around it."""
        return max(GREATEST, int((self._house.switches.number("file_megabytes") + 10) * 1024 * 1024))

    def undone(self) -> None:
        self._fields.forget_cache()

    def settle(self, now: float) -> None:
        self._bulk.settle(now)
        self._bin.purge(now)

    def limit_headers(self, standing: Standing, now: float) -> Mapping[str, str]:
        left = standing.tightest
        wait, remaining = (left.reset, left.remaining) if left else (1.0, 0)
        seconds = math.ceil(wait)
        unit = self._house.switches["reset_unit"]
        reset = {"seconds": seconds, "milliseconds": math.ceil(wait * 1000), "epoch": math.ceil(now) + seconds}[unit]
        return {"x-ratelimit-remaining": str(remaining), "x-ratelimit-reset": str(reset)}

    def limited(self, call: Call, standing: Standing) -> Reply:
        return self.refuse(429, (), call=call)

    def refuse(self, status: int, messages: Iterable[str], *, call: Call) -> Reply:
        said = tuple(messages) or (SAID.get(status, "Error"),)
        form = self._house.switches["body_429" if status == 429 else "error_bodies"] if status in (401, 404, 429) else "json"
        if form == "text":
            return Reply(status, f"{said[0]}\n".encode(), "text/plain; charset=utf-8")
        if form == "html":
            return Reply(status, HTML.format(status=status, message=said[0]).encode(), "text/html; charset=utf-8")
        hashes = self._house.switches["error_messages"] == "hashes"
        return as_json(
            {"errors": {"code": status, "message": [{"message": text} if hashes else text for text in said]}}, status
        )

    def create_fields(self, plan: Sequence[Json]) -> list[Json]:
        """What the admin makes by hand; rows name object, label, type, choices, unique, required."""
        return self._forms.create_fields(plan)

    def answer(self, call: Call) -> Reply:
        """Find the handler by method and path, numbers of the path left open."""
        parts = self._below(call.parts)
        pattern = "/".join(_place(part) for part in parts)
        handler = self._routes.get(f"{call.method} {pattern}")
        if handler is None:
            raise Refusal(404, SAID[404])
        try:
            return handler(call, [number for number in map(id_in, parts) if number is not None])
        except BaseException:
            self._fields.forget_cache()  # the refused request may have made a field that is now undone
            raise

    def _below(self, parts: Sequence[str]) -> Sequence[str]:
        if not self._catalog.classic:
            if tuple(parts[:2]) != SUITE:
                raise Refusal(404, SAID[404])
            parts = parts[2:]
        return parts[1:] if parts[:1] == ("api",) else parts

    def _table(self) -> Iterable[tuple[str, Handler]]:
        for kind in self._kinds:
            yield from self._object_routes(kind)
        for kind in BULK_KINDS:
            yield from self._bulk_routes(kind)
        for kind in FORMS:
            yield from self._activity_routes(kind)
        for name in SELECTORS:
            yield f"GET selector/{name}", self._selector(name)
        yield "GET selector/deal_pipelines/#/deal_stages", self._stages_of
        yield "GET selector/sales_activity_types/#/sales_activity_outcomes", self._outcomes_of
        yield "GET search", lambda call, ids: as_json(self._reading.search(call.query, call.now))
        yield "GET lookup", lambda call, ids: as_json(self._reading.lookup(call.query, call.now))
        yield "GET job_statuses/#", lambda call, ids: as_json(self._bulk.status(ids[0]))
        for part in self._further:
            yield from part.routes()

    def _object_routes(self, kind: str) -> Iterable[tuple[str, Handler]]:
        wrapper = KINDS[kind].wrapper
        reading = self._reading
        yield f"POST {kind}", lambda call, ids: self._created(kind, call)
        yield f"GET {kind}/#", lambda call, ids: self._one(self._records.live(kind, ids[0]), call)
        yield f"PUT {kind}/#", lambda call, ids: self._changed(kind, ids[0], call)
        yield f"DELETE {kind}/#", lambda call, ids: self._deleted(kind, ids[0], call)
        yield f"DELETE {kind}/#/forget", lambda call, ids: self._forgotten(kind, ids[0], call)
        yield f"POST {kind}/upsert", lambda call, ids: self._upserted(kind, call)
        yield f"GET {kind}/filters", lambda call, ids: as_json({"filters": self._catalog.filters.get(kind, []), "meta": {}})
        yield f"GET {kind}/view/#", lambda call, ids: as_json(reading.view(kind, ids[0], call.query, call.now))
        yield f"GET {kind}/scroll/#", lambda call, ids: as_json(reading.scroll(kind, ids[0], call.query, call.now))
        yield (
            f"POST filtered_search/{wrapper}",
            lambda call, ids: as_json(reading.filtered(kind, body_of(call), call.query, call.now)),
        )
        for child in FORMS:
            yield f"GET {kind}/#/{child}", self._activities_of(kind, child)
        for child in ("contacts", "deals"):
            yield f"GET {kind}/#/{child}", self._children_of(kind, child)

    def _bulk_routes(self, kind: str) -> Iterable[tuple[str, Handler]]:
        yield f"POST {kind}/bulk_upsert", lambda call, ids: self._bulk_upsert(kind, call)
        yield f"POST {kind}/bulk_destroy", lambda call, ids: self._bulk_task("bulk_destroy", kind, call)
        yield f"POST {kind}/bulk_assign_owner", lambda call, ids: self._bulk_task("bulk_assign_owner", kind, call)

    def _activity_routes(self, kind: str) -> Iterable[tuple[str, Handler]]:
        acts = self._activities
        yield f"POST {kind}", lambda call, ids: self._activity_made(kind, call)
        yield f"PUT {kind}/#", lambda call, ids: self._activity_changed(kind, ids[0], call)
        yield f"DELETE {kind}/#", lambda call, ids: self._activity_deleted(kind, ids[0])
        if kind != "notes":
            yield f"GET {kind}/#", lambda call, ids: as_json(acts.one(acts.live(kind, ids[0]), call.query))
            yield f"GET {kind}", lambda call, ids: as_json(acts.listed(kind, call.query, call.now))

    def _one(self, record: Record, call: Call, status: int = 200) -> Reply:
        return as_json(self._shapes.one(record, words(call.query), now=call.now), status)

    def _made(self, body: Json) -> Reply:
        return as_json(body, int(self._house.switches["create_status"]))

    def _created(self, kind: str, call: Call) -> Reply:
        record = self._records.create(kind, given(call, KINDS[kind].wrapper), now=call.now)
        return self._one(record, call, int(self._house.switches["create_status"]))

    def _changed(self, kind: str, number: int, call: Call) -> Reply:
        sent = given(call, KINDS[kind].wrapper)
        record = self._records.update(self._records.live(kind, number), sent, now=call.now)
        lines = ["products"] if kind == "deals" and "products" in sent else []  # python-freshworks-crm reads them unasked
        return as_json(self._shapes.one(record, [*words(call.query), *lines], now=call.now))

    def _deleted(self, kind: str, number: int, call: Call) -> Reply:
        self._records.delete(kind, number, now=call.now)
        return as_json(True)

    def _forgotten(self, kind: str, number: int, call: Call) -> Reply:
        if self._house.switches["forget_live"] == "refuse" and self._house.state.get(kind, number) is not None:
            raise Refusal(404, "Record not found")
        self._records.forget(kind, number, now=call.now)
        return as_json(True)

    def _upserted(self, kind: str, call: Call) -> Reply:
        body = body_of(call)
        sent = given(call, KINDS[kind].wrapper)
        record, made = self._bulk.upsert(kind, body.get("unique_identifier"), sent, call.now)
        return self._one(record, call, int(self._house.switches["upsert_create_status"]) if made else 200)

    def _bulk_upsert(self, kind: str, call: Call) -> Reply:
        number = self._bulk.promise_upserts(kind, body_of(call), call.now)
        url = f"{call.host}{self.base}/job_statuses/{number}"
        body = {"message": "Your request is being processed.", "job_status_url": url}
        return as_json(body, int(self._house.switches["bulk_status"]))

    def _bulk_task(self, task: str, kind: str, call: Call) -> Reply:
        self._bulk.promise(task, kind, body_of(call), call.now)
        return as_json({"message": "Updating now... we'll let you know once this is done."})

    def _activity_made(self, kind: str, call: Call) -> Reply:
        made = self._activities.create(kind, given(call, FORMS[kind].wrapper), call.now)
        return self._made(self._activities.one(made, call.query))

    def _activity_changed(self, kind: str, number: int, call: Call) -> Reply:
        changed = self._activities.update(kind, number, given(call, FORMS[kind].wrapper), call.now)
        return as_json(self._activities.one(changed, call.query, changed=True))

    def _activity_deleted(self, kind: str, number: int) -> Reply:
        self._activities.delete(kind, number)
        return as_json({"success": "200"})

    def _activities_of(self, kind: str, child: str) -> Handler:
        return lambda call, ids: as_json(self._activities.of_parent(self._records.live(kind, ids[0]), child, call.query))

    def _children_of(self, kind: str, child: str) -> Handler:
        return lambda call, ids: as_json(self._reading.children(self._records.live(kind, ids[0]), child, call.query, call.now))

    def _selector(self, name: str) -> Handler:
        key = "users" if name == "owners" else name
        return lambda call, ids: as_json({key: self._catalog.selector(name)})

    def _stages_of(self, call: Call, ids: Sequence[int]) -> Reply:
        stages = [row for row in self._catalog.selector("deal_stages") if row["deal_pipeline_id"] == ids[0]]
        return as_json({"deal_stages": stages})

    def _outcomes_of(self, call: Call, ids: Sequence[int]) -> Reply:
        rows = [row for row in self._catalog.outcomes if row["sales_activity_type_id"] == ids[0]]
        return as_json({"sales_activity_outcomes": rows})


def _place(part: str) -> str:
    """A part of a path as routes name it: ids and the names of custom modules left open."""
    return "#" if id_in(part) is not None else "cm_*" if part.startswith("cm_") else part
