"""Freshsales' marketing lists: named sets of contacts, which can be filled and emptied but not deleted through the API."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from workbench.rehearsal.engine import Call, House, Job, Json, Record, Refusal, Reply, Traits, as_json
from workbench.rehearsal.freshsales.answers import Handler, body_of
from workbench.rehearsal.freshsales.reading import Reading, paging
from workbench.rehearsal.freshsales.records import Records
from workbench.rehearsal.freshsales.shelf import MISSING
from workbench.rehearsal.freshsales.tasks import Tasks
from workbench.rehearsal.freshsales.values import id_in

KIND = "lists"
TASK = "lists_all"
VERBS = ("add_contacts", "remove_contacts", "move_contacts")


class Lists:
    """Lists, and which contacts are on them; a contact carries the ids of its lists, so that a dump shows them."""

    def __init__(self, house: House, records: Records, reading: Reading, tasks: Tasks) -> None:
        self._state = house.state
        self._switches = house.switches
        self._records = records
        self._reading = reading
        self._tasks = tasks
        tasks.take(TASK, self._do_all)

    def routes(self) -> Iterable[tuple[str, Handler]]:
        yield f"GET {KIND}", self._all
        yield f"POST {KIND}", self._created
        yield f"PUT {KIND}/#", self._renamed
        yield f"GET contacts/{KIND}/#", self._contacts
        for verb in VERBS:
            yield f"PUT {KIND}/#/{verb}", self._moving(verb)

    def _all(self, call: Call, ids: Sequence[int]) -> Reply:
        page, size = paging(call.query)
        found = self._state.select("kind = ?", (KIND,), limit=size, offset=(page - 1) * size)
        total = self._state.count("kind = ?", (KIND,))
        return as_json({KIND: [_shown(row) for row in found], "meta": {"total_pages": -(-total // size), "total": total}})

    def _created(self, call: Call, ids: Sequence[int]) -> Reply:
        record = Record(KIND, self._state.next_id(KIND), {"name": _name(body_of(call))}, created=call.now, updated=call.now)
        self._state.save(record, Traits(record.body["name"].lower()), new=True)
        return as_json({"list": _shown(record)}, int(self._switches["create_status"]))

    def _renamed(self, call: Call, ids: Sequence[int]) -> Reply:
        record = replace(self._list(ids[0]), body={"name": _name(body_of(call))}, updated=call.now)
        self._state.save(record, Traits(record.body["name"].lower()), new=False)
        return as_json({"list": _shown(record)})

    def _contacts(self, call: Call, ids: Sequence[int]) -> Reply:
        return as_json(self._reading.children(self._list(ids[0]), "contacts", call.query, call.now))

    def _moving(self, verb: str) -> Handler:
        def answer(call: Call, ids: Sequence[int]) -> Reply:
            body = body_of(call)
            target = self._list(ids[0]).id
            source = self._list(id_in(body["from_list_id"]) or 0).id if body.get("from_list_id") is not None else None
            if verb == "move_contacts" and source is None:
                raise Refusal(400, "from_list_id is missing")
            if body.get("all") is True:
                return self._tasks.promise(TASK, [target], {"verb": verb, "source": source}, call.now, missing="ids")
            named = body.get("ids")
            if not isinstance(named, list) or not named:
                raise Refusal(400, "ids is missing")
            done = sum(self._do(verb, target, source, id_in(number) or 0) for number in named)
            return as_json({"message": f"{done} contact{'' if done == 1 else 's'} updated."})

        return answer

    def _do_all(self, job: Job, row: object) -> None:
        verb, source = job.request["verb"], job.request["source"]
        target = id_in(row) or 0
        here = target if verb == "remove_contacts" else source
        if here is None:
            where, values = "kind = 'contacts' AND deleted IS NULL", ()
            numbers = [record.id for record in self._state.select(where, values)]
        else:
            numbers = self._state.children(KIND, here, "contacts")
        for number in numbers:
            self._do(verb, target, source, number)

    def _do(self, verb: str, target: int, source: int | None, number: int) -> bool:
        """Put one contact on a list or take it off; whether there is such a contact."""
        contact = self._state.get("contacts", number)
        if contact is None:
            return False
        kept = list(contact.body.get("list_ids", []))
        if verb == "remove_contacts":
            lists = [one for one in kept if one != target]
        else:
            left = [one for one in kept if verb == "add_contacts" or one != source]
            lists = left if target in left else [*left, target]
        if lists != kept:
            body: Json = {**contact.body, "list_ids": lists} if lists else _without(contact.body)
            changed = replace(contact, body=body)
            self._state.save(changed, self._records.traits(changed), new=False)
        return True

    def _list(self, number: int) -> Record:
        record = self._state.get(KIND, number)
        if record is None:
            raise Refusal(404, MISSING)
        return record


def _shown(record: Record) -> Json:
    return {"id": record.id, "name": record.body["name"]}


def _name(body: Json) -> str:
    name = body.get("name")
    if not isinstance(name, str) or not name.strip():
        raise Refusal(400, "Name can't be blank")
    return name.strip()


def _without(body: Json) -> Json:
    return {key: value for key, value in body.items() if key != "list_ids"}
