"""Call logs of v1: kept, listed, read and deleted; recordings are not taken."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import NAMESPACE_URL, uuid5

from workbench.rehearsal.engine import House, Json, Record, Reply, Traits
from workbench.rehearsal.pipedrive.account import Account
from workbench.rehearsal.pipedrive.answers import Asked, Operation, no, one
from workbench.rehearsal.pipedrive.offsets import Offsets, moment_of
from workbench.rehearsal.pipedrive.shapes import Shape, text
from workbench.rehearsal.pipedrive.stamps import pruned
from workbench.rehearsal.pipedrive.ties import Ties

KIND = "callLogs"
OUTCOMES = ("connected", "no_answer", "left_message", "left_voicemail", "wrong_number", "busy")
LINKS = ("activity_id", "person_id", "org_id", "deal_id", "lead_id")
TEXTS = ("subject", "duration", "from_phone_number", "note")
WORDED = ("subject", "from_phone_number", "note")
NEEDED = ("to_phone_number", "start_time", "end_time")
MOST = 50
BODY = Shape({"outcome": text}, open=True)


class Calls:
    """The call logs of the token's user."""

    def __init__(self, house: House, account: Account, ties: Ties, offsets: Offsets) -> None:
        self._state = house.state
        self._account = account
        self._ties = ties
        self._offsets = offsets

    def operations(self) -> Iterable[Operation]:
        return (
            Operation("v1", "GET", KIND, 20, lambda asked: self._offsets.listed(asked, KIND, self._shown, most=MOST, empty=[])),
            Operation("v1", "POST", KIND, 10, self._add, body=BODY),
            Operation("v1", "GET", f"{KIND}/#", 2, lambda asked: one(self._shown(self._live(asked)))),
            Operation("v1", "DELETE", f"{KIND}/#", 6, self._delete),
        )

    def _live(self, asked: Asked) -> Record:
        known = self._state.known(KIND, "id", asked.ids[0].lower())
        record = self._state.get(KIND, known[0]) if known else None
        return record or no("v1", 404, "The call log was not found")

    def _add(self, asked: Asked) -> Reply:
        given = asked.body
        if given.get("outcome") not in OUTCOMES:
            no("v1", 400, f"outcome must be one of {', '.join(OUTCOMES)}")
        for key in NEEDED:
            if not isinstance(given.get(key), str) or not given[key]:
                no("v1", 400, f"{key} must be given")
        for key in ("start_time", "end_time"):
            if moment_of(given[key]) is None:
                no("v1", 400, f"{key} is not a valid date and time")
        for key in WORDED:
            if not isinstance(given.get(key), str | None):
                no("v1", 400, f"{key} must be a string")
        number = self._state.next_id(KIND)
        uuid = uuid5(NAMESPACE_URL, f"{KIND}/{self._account.company_id}/{number}").hex
        links = self._ties.checked(given, LINKS)
        texts = {key: given[key] for key in (*NEEDED, *TEXTS) if given.get(key) is not None}
        body = pruned({"id": uuid, "user_id": self._account.me["id"], "outcome": given["outcome"], **texts, **links})
        record = Record(KIND, number, body, asked.now, asked.now)
        traits = Traits(body.get("subject", ""), body["user_id"], idents=[("id", uuid)], parents=self._ties.parents(links))
        self._state.save(record, traits, new=True)
        return one(self._shown(record))

    def _delete(self, asked: Asked) -> Reply:
        self._state.erase(KIND, self._live(asked).id)
        return one(True)

    def _shown(self, record: Record) -> Json:
        body = record.body
        keys = ("id", "activity_id", "person_id", "org_id", "deal_id", "lead_id", "subject", "duration", "outcome")
        rest = ("from_phone_number", "to_phone_number", "start_time", "end_time", "user_id", "note")
        return {
            **{key: body.get(key) for key in (*keys, *rest)},
            "has_recording": False,
            "company_id": self._account.company_id,
        }
