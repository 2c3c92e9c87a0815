"""Freshsales upserts: one record at once, or many in a job that says only later which rows failed."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import UTC

from workbench.rehearsal.engine import House, Job, Json, Record, Refusal, mishaps
from workbench.rehearsal.engine.faults import JOB
from workbench.rehearsal.engine.file import full
from workbench.rehearsal.freshsales.records import Records, ident
from workbench.rehearsal.freshsales.tasks import Tasks
from workbench.rehearsal.freshsales.values import id_in, moment_out

BULK_KINDS = ("contacts", "sales_accounts", "deals")
NAMED = {
    "contacts": ("id", "emails", "email", "mobile_number", "external_id"),
    "sales_accounts": ("id", "name"),
    "deals": ("id", "name"),
}
FIELD = {"emails": "email", "email": "email"}


class Bulk:
    """Upserts one by one, promises bulk jobs, and does them when they are due."""

    def __init__(self, house: House, records: Records, tasks: Tasks) -> None:
        self._house = house
        self._state = house.state
        self._switches = house.switches
        self._records = records
        self._tasks = tasks

    def upsert(self, kind: str, identifier: object, given: Json, now: float) -> tuple[Record, bool]:
        """The record, and whether it was made; several identifiers count as the switch says."""
        if not isinstance(identifier, dict) or not identifier:
            raise Refusal(400, "unique_identifier is missing")
        found = [self._matches(kind, key, value) for key, value in identifier.items()]
        if len(found) == 1:
            numbers = found[0]
        elif self._switches["upsert_identifiers"] == "and":
            numbers = [n for n in found[0] if all(n in others for others in found)]
        else:
            numbers = [n for others in found for n in others]
        if numbers:
            return self._records.update(self._records.live(kind, numbers[0]), given, now=now), False
        if "id" in identifier:
            raise Refusal(404, "Record not found")
        body: Json = {}
        custom: Json = {}
        for key, value in identifier.items():
            if key.startswith("cf_"):
                custom[key] = value
            else:
                body["emails" if key in FIELD else key] = value
        body |= given
        if custom:
            body["custom_field"] = {**custom, **(given.get("custom_field") or {})}
        return self._records.create(kind, body, now=now, by_upsert=True), True

    def _matches(self, kind: str, key: str, value: object) -> list[int]:
        if key == "id":
            number = id_in(value)
            return [number] if number is not None and self._state.get(kind, number) else []
        allowed = NAMED.get(kind, ("id", "emails", "email", "mobile_number"))
        if key not in allowed and key not in self._records.unique_names(kind):
            raise Refusal(400, f"unique_identifier {key} is invalid")
        text = ident(value[0] if isinstance(value, list) and value else value).strip()
        if not text or value is None:
            raise Refusal(400, f"unique_identifier {key} can't be blank")
        field = FIELD.get(key, key)
        text = text.lower() if field == "email" else self._records.name_key(text) if field == "name" else text
        return [n for n in self._state.known(kind, field, text) if self._state.get(kind, n)]

    def promise_upserts(self, kind: str, body: Json, now: float) -> int:
        """Take a bulk upsert for later; 405 while too many jobs are at work."""
        rows = body.get(kind)
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
            raise Refusal(400, f"{kind} is missing")
        if len(rows) > self._switches.number("bulk_max"):
            raise Refusal(400, f"Only {self._switches['bulk_max']} records are allowed")
        if self._state.open_jobs("bulk_upsert") >= self._switches.number("bulk_jobs"):
            raise Refusal(405, "Method not allowed")
        return self._promise("bulk_upsert", {"kind": kind, "rows": rows}, len(rows), now)

    def promise(self, task: str, kind: str, body: Json, now: float) -> int:
        """Take a bulk_destroy or bulk_assign_owner for later."""
        ids = body.get("selected_ids")
        if not isinstance(ids, list) or not ids:
            raise Refusal(400, "selected_ids is missing")
        return self._promise(task, {"kind": kind, "ids": ids, "owner_id": body.get("owner_id")}, len(ids), now)

    def _promise(self, task: str, request: Json, size: int, now: float) -> int:
        wait = self._switches.number("job_seconds") + self._switches.number("job_seconds_per_row") * size
        kept, due = mishaps.promised(request, now + self._house.clock.wait(wait), self._house.faults.at(JOB))
        return self._state.promise(task, kept, made=now, due=due)

    def settle(self, now: float) -> None:
        """Do every job whose time has come, in its order, each at the moment when it was due."""
        if self._state.next_due > now:
            return
        for job in self._state.due(now):
            rows: Sequence[object] = job.request.get("rows") or job.request["ids"]
            refused = mishaps.refused(job, len(rows))
            with self._state.batch():
                done = (self._one(job, row, refused=place in refused) for place, row in enumerate(rows))
                failures = [failure for failure in done if failure is not None]
            counts = {"succeeded": len(rows) - len(failures), "failed": len(failures)}
            self._state.keep(job, mishaps.reported(job, counts, failures))

    def _one(self, job: Job, row: object, *, refused: bool = False) -> Json | None:
        named = {key: value for key, value in row.items() if key != "data"} if isinstance(row, dict) else {"id": row}
        try:
            if refused:
                raise Refusal(400, "Something went wrong")
            with self._state.attempt():
                self._do(job, row, named)
        except Refusal as no:
            return {**named, "error_message": list(no.messages)}
        except Exception as error:
            if full(error):  # the whole job waits until there is room
                raise
            # A row that nobody thought of may not stop the rows after it, nor every request that settles this job.
            logging.getLogger(__name__).exception("the rehearsal failed at a row of job %s", job.id)
            return {**named, "error_message": ["Something went wrong"]}
        return None

    def _do(self, job: Job, row: object, named: Json) -> None:
        if self._tasks.knows(job.kind):
            self._tasks.do(job, row)
            return
        kind = job.request["kind"]
        if job.kind == "bulk_upsert" and isinstance(row, dict):
            self._may_name(kind, named)
            given = row.get("data") or {}
            if not isinstance(given, dict):
                raise Refusal(400, "data is invalid")
            self.upsert(kind, named, given, job.due)
            return
        number = id_in(row) or 0
        if job.kind == "bulk_destroy":
            self._records.delete(kind, number, now=job.due)
        else:
            self._records.update(self._records.live(kind, number), {"owner_id": job.request["owner_id"]}, now=job.due)

    def _may_name(self, kind: str, named: Json) -> None:
        for key in named:
            if key == "external_id":
                switch = "bulk_external_id"
            elif key.startswith("cf_"):
                switch = "bulk_custom_identifier"
            else:
                continue
            if self._switches[switch] == "refuse":
                raise Refusal(400, f"{key} is not a valid identifier")

    def status(self, number: int) -> Json:
        """A job as ``GET /job_statuses/<id>`` shows it: no ids of what was written, failures only."""
        found = self._state.jobs("id = ?", (number,))
        if not found or mishaps.lost(found[0]):
            raise Refusal(404, "Record not found")
        job = found[0]
        shown: Json = {
            "status": "SUCCESS" if job.result else self._switches["job_running"],
            "job_type_name": job.kind,
            "created_at": moment_out(job.made, UTC, classic=True),
            "status_updated_at": moment_out(job.due if job.result else job.made, UTC, classic=True),
            "progress": 100 if job.result else 0,
        }
        data = _report(job.result) if job.result else {}
        return {**shown, "data": json.dumps(data) if self._switches["job_data"] == "string" else data}


def _report(result: Json) -> Json:
    return {
        "record_status": {"succeeded": result["succeeded"], "failed": result["failed"]},
        "detailed_failure_report": result["failures"],
    }
