"""Turning leads into deals and back: promised at once, done some seconds later, and asked after by a UUID."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from uuid import NAMESPACE_URL, UUID, uuid5

from workbench.rehearsal.engine import House, Json, Record, Refusal, Reply, as_json, mishaps
from workbench.rehearsal.engine.faults import JOB
from workbench.rehearsal.engine.state import Job
from workbench.rehearsal.pipedrive.account import Account
from workbench.rehearsal.pipedrive.answers import Asked, Operation, invalid, missing, no
from workbench.rehearsal.pipedrive.leads import Leads
from workbench.rehearsal.pipedrive.records import Records
from workbench.rehearsal.pipedrive.shapes import Shape, integer
from workbench.rehearsal.pipedrive.ties import Ties

TO_DEAL, TO_LEAD = "convert_lead", "convert_deal"
KEPT_SECONDS = 3 * 86_400.0
"""How long the state of a conversion can be asked for: a few days."""
CARRIED = ("custom_fields", "expected_close_date", "owner_id", "title")
PLACE = Shape({"stage_id": integer, "pipeline_id": integer})
WAITING = ("not_started", "running")
TOLD = ("status", "deal_id", "lead_id")
"""What came of a conversion, as its status tells it."""
End = tuple[Record, str, object]
"""A lead or a deal, the key by which others name it, and what they then hold."""
Saver = Callable[[Record], object]
"""Writes a record of one kind with all that it is found by."""


class Conversion:
    """The conversions of v2."""

    def __init__(
        self, house: House, account: Account, records: Records, leads: Leads, *, ties: Ties, savers: Mapping[str, Saver]
    ) -> None:
        self._house = house
        self._ties = ties
        self._savers = savers
        self._state = house.state
        self._account = account
        self._records = records
        self._leads = leads

    def operations(self) -> Iterable[Operation]:
        return (
            Operation("v2", "POST", "leads/#/convert/deal", 40, self._ask_for_deal, body=PLACE),
            Operation("v2", "GET", "leads/#/convert/status/#", 1, lambda asked: self._status(asked, TO_DEAL)),
            Operation("v2", "POST", "deals/#/convert/lead", 40, self._ask_for_lead),
            Operation("v2", "GET", "deals/#/convert/status/#", 1, lambda asked: self._status(asked, TO_LEAD)),
        )

    def settle(self, now: float) -> None:
        """Do the conversions that have become due."""
        if now < self._state.next_due:
            return
        done: dict[str, Callable[[Json, float], Json]] = {TO_DEAL: self._to_deal, TO_LEAD: self._to_lead}
        for job in self._state.jobs("result IS NULL AND due <= ? AND kind IN (?, ?)", (now, *done)):
            result = {"of": job.request["of"], **self._tried(done[job.kind], job, now)}
            self._state.keep(job, mishaps.reported(job, result, ()))

    def _tried(self, convert: Callable[[Json, float], Json], job: Job, now: float) -> Json:
        """What came of a conversion; one that the account no longer allows has failed and changes nothing."""
        try:
            with self._state.attempt():
                return convert(job.request, now)
        except Refusal:
            return {"status": "failed"}

    def _ask_for_deal(self, asked: Asked) -> Reply:
        lead = self._ties.lead(asked.ids[0]) or missing("v2", "Lead", self._house.switches)
        self._refuse_nowhere(asked.body)
        return self._promised(TO_DEAL, {"of": lead.body["id"], **asked.body}, asked.now)

    def _ask_for_lead(self, asked: Asked) -> Reply:
        deal = self._records.live("v2", "deals", asked.number())
        if not (deal.body.get("person_id") or deal.body.get("org_id")):
            invalid(["deal: A deal without a person or an organization cannot become a lead"])
        return self._promised(TO_LEAD, {"of": str(deal.id)}, asked.now)

    def _refuse_nowhere(self, given: Json) -> None:
        if "stage_id" in given and self._account.stage(given["stage_id"]) is None:
            invalid([f"stage_id: Stage {given['stage_id']} does not exist"])
        if "pipeline_id" in given and not self._account.stages_of(given["pipeline_id"]):
            invalid([f"pipeline_id: Pipeline {given['pipeline_id']} does not exist or has no stages"])

    def _promised(self, kind: str, request: Json, now: float) -> Reply:
        kept, due = mishaps.promised(request, now + self._wait(), self._house.faults.at(JOB))
        number = self._state.promise(kind, kept, made=now, due=due)
        return as_json({"success": True, "data": {"conversion_id": self._uuid(number)}, "additional_data": None})

    def _wait(self) -> float:
        return self._house.clock.wait(self._house.switches.number("conversion_seconds"))

    def _uuid(self, number: int) -> str:
        """The id of a conversion: its number in the clothes of a UUID."""
        seed = uuid5(NAMESPACE_URL, f"conversions/{self._account.company_id}")
        return str(UUID(int=(seed.int >> 48 << 48) | number))

    def _status(self, asked: Asked, kind: str) -> Reply:
        job = self._job(asked, kind)
        if job is None or mishaps.lost(job):
            no("v2", 404, "Conversion not found")
        # One that is stuck or late begins like any other, and then does not end.
        begins = min((job.made + job.due) / 2, job.made + self._wait())
        data = {"conversion_id": self._uuid(job.id), "status": WAITING[asked.now > begins]}
        told = {key: value for key, value in (job.result or {}).items() if key in TOLD}
        return as_json({"success": True, "data": {**data, **told}, "additional_data": None})

    def _job(self, asked: Asked, kind: str) -> Job | None:
        try:
            number = UUID(asked.ids[1]).int & (1 << 48) - 1
        except ValueError:
            return None
        oldest = asked.now - self._house.clock.wait(KEPT_SECONDS)
        jobs = self._state.jobs("id = ? AND kind = ? AND made >= ?", (number, kind, oldest))
        ours = [job for job in jobs if self._uuid(job.id) == asked.ids[1].lower()]
        return next((job for job in ours if (job.result or job.request)["of"] == asked.ids[0].lower()), None)

    # ---- what happens once it is due

    def _to_deal(self, request: Json, now: float) -> Json:
        lead = self._ties.lead(request["of"])
        if lead is None:
            return {"status": "failed"}
        deal = self._records.create("deals", {**_deal_of(lead), **_place(request)}, now)
        self._records.keep(replace(deal, body={**deal.body, "source_lead_id": lead.body["id"]}))
        self._carry((lead, "lead_id", lead.body["id"]), ("deal_id", deal.id))
        self._leads.erase(lead, now)
        return {"status": "completed", "deal_id": deal.id}

    def _to_lead(self, request: Json, now: float) -> Json:
        deal = self._state.get("deals", int(request["of"]))
        if deal is None:
            return {"status": "failed"}
        lead = self._leads.create(_lead_of(deal), now)
        self._carry((deal, "deal_id", deal.id), ("lead_id", lead.body["id"]))
        self._records.delete(deal, now)
        return {"status": "completed", "lead_id": lead.body["id"]}

    def _carry(self, old: End, new: tuple[str, object]) -> None:
        """Let the notes, files and activities of one hang on the other."""
        (gone, key, value), (own, given) = old, new
        for kind, save in self._savers.items():
            numbers = self._state.children(gone.kind, gone.id, kind) or self._state.known(kind, key, str(value))
            for record in filter(None, (self._state.get(kind, number) for number in numbers)):
                body = {**{name: kept for name, kept in record.body.items() if name != key}, own: given}
                if key in body.get("pins", ()):
                    body["pins"] = sorted({*body["pins"], own} - {key})
                save(replace(record, body=body))


def _place(request: Json) -> Json:
    """Where the deal goes; a stage makes the pipeline superfluous."""
    key = "stage_id" if "stage_id" in request else "pipeline_id"
    return {key: request[key]} if key in request else {}


def _deal_of(lead: Record) -> Json:
    body = lead.body
    value = body.get("value") or {}
    money = {"value": value["amount"], "currency": value["currency"]} if value else {}
    links = {key: body[own] for key, own in (("person_id", "person_id"), ("org_id", "organization_id")) if own in body}
    return {**{key: body[key] for key in CARRIED if key in body}, **money, **links, "visible_to": int(body["visible_to"])}


def _lead_of(deal: Record) -> Json:
    body = deal.body
    money = {"value": {"amount": body["value"], "currency": body["currency"]}} if body.get("value") else {}
    links = {key: body[own] for key, own in (("person_id", "person_id"), ("organization_id", "org_id")) if own in body}
    carried = {key: body[key] for key in CARRIED if key in body}
    return {**carried, **money, **links, "visible_to": str(body["visible_to"]), "source_deal_id": deal.id}
